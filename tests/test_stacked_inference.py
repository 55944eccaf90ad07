import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from network_samples import DOCUMENTS, N_IDS, network, padded, plain_probabilities

from skglove import threads
from skglove.documents import Documents
from skglove.network import stacked_inference
from skglove.network.stacked_inference import StackedLookupNetwork


def look_up(model, documents, maxlen):
    stacked = StackedLookupNetwork(model.get_config(), model.get_weights())
    return stacked.predict(Documents.from_sequences(documents), maxlen)


@pytest.fixture(
    scope="module",
    params=[
        {"kernel_size": 2, "pool_size": 3, "n_conv_layers": 2},
        {"kernel_size": 3, "pool_size": 2, "n_conv_layers": 3, "n_classes": 2},
        {"kernel_size": 4, "pool_size": 2, "n_conv_layers": 1},
        {"kernel_size": 1, "pool_size": 1, "n_conv_layers": 2, "log_odds": np.zeros(3)},
        {"kernel_size": 2, "pool_size": 5, "n_conv_layers": 2, "filters": 1, "dim": 1, "dropout": 0.5},
    ],
    ids=str,
)
def model(request):
    return network("stacked", dense_units=4, **request.param)


@pytest.mark.slow
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(documents=DOCUMENTS, more=st.integers(0, 20), rows=st.integers(1, 9), chunk=st.integers(1, 99))
def test_probabilities_are_those_of_keras_on_padded_ids(model, documents, more, rows, chunk):
    maxlen = max([1, *map(len, documents)]) + more
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stacked_inference, "BLOCK_ROWS", rows)
        patch.setattr(threads, "CHUNK_TOKENS", chunk)
        probabilities = look_up(model, documents, maxlen)
    expected = plain_probabilities(model, padded(documents, maxlen))
    assert probabilities.dtype == np.float32
    assert probabilities.shape == expected.shape
    np.testing.assert_allclose(np.log(probabilities), np.log(expected), rtol=1e-5, atol=1e-5)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(documents=DOCUMENTS, chunk=st.integers(1, 99), data=st.data())
def test_a_document_has_the_same_digits_beside_any_others(model, documents, chunk, data):
    expected = look_up(model, documents, 30)
    order = data.draw(st.lists(st.integers(0, len(documents) - 1), min_size=1, max_size=40))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(threads, "CHUNK_TOKENS", chunk)
        probabilities = look_up(model, [documents[row] for row in order], 30)
    np.testing.assert_array_equal(probabilities, expected[order])


def test_long_documents_and_the_network_of_the_blog():
    rng = np.random.RandomState(1)
    model = network("stacked", filters=64, dim=50, scale=0.1)
    documents = [rng.randint(0, N_IDS, length) for length in (1000, 999, 400, 149, 3, 0, *[40] * 20)]
    probabilities = look_up(model, documents, 1000)
    expected = plain_probabilities(model, padded(documents, 1000))
    assert np.ptp(expected, axis=0).max() > 0.01
    np.testing.assert_allclose(np.log(probabilities), np.log(expected), rtol=1e-5, atol=1e-5)
