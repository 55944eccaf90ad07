import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from network_samples import DOCUMENTS, N_IDS, network, padded, plain_probabilities
from sklearn.pipeline import make_pipeline

from skglove import GloveTokenizer, KerasConvTextClassifier, threads
from skglove.documents import Documents
from skglove.network import inference
from skglove.network.build import build_network
from skglove.network.inference import LookupNetwork
from skglove.network.lookup import can_look_up
from skglove.network.pickling import StoredNetwork

ROOT = Path(__file__).parent.parent


def look_up(model, documents, maxlen):
    return LookupNetwork(model.get_config(), model.get_weights()).predict(
        Documents.from_sequences(documents), maxlen
    )


@pytest.fixture(
    scope="module",
    params=[
        ("parallel", {"kernel_size": (3, 4, 5)}),
        ("parallel", {"kernel_size": (1,), "n_classes": 2}),
        ("hybrid", {"kernel_size": (2, 5, 2)}),
        ("hybrid", {"kernel_size": 3, "filters": 1, "dim": 1}),
        ("hybrid", {"kernel_size": (4, 1), "pooled": False}),
        ("parallel", {"kernel_size": (3, 1), "log_odds": np.zeros(3)}),
        ("hybrid", {"kernel_size": (3, 1), "log_odds": np.zeros(3)}),
        ("hybrid", {"kernel_size": 2, "log_odds": np.zeros(3), "pooled": False}),
    ],
    ids=str,
)
def model(request):
    architecture, options = request.param
    return network(architecture, **options)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(documents=DOCUMENTS, more=st.integers(0, 9), block=st.integers(1, 9), chunk=st.integers(1, 99))
def test_probabilities_are_those_of_keras_on_padded_ids(model, documents, more, block, chunk):
    maxlen = max([1, *map(len, documents)]) + more
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(inference, "BLOCK", block)
        patch.setattr(threads, "CHUNK_TOKENS", chunk)
        probabilities = look_up(model, documents, maxlen)
    expected = plain_probabilities(model, padded(documents, maxlen))
    assert probabilities.dtype == np.float32
    assert probabilities.shape == expected.shape
    np.testing.assert_allclose(np.log(probabilities), np.log(expected), rtol=1e-5, atol=1e-5)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(documents=DOCUMENTS, chunk=st.integers(1, 99), table_bytes=st.integers(1, 9999), data=st.data())
def test_a_document_has_the_same_digits_beside_any_others(model, documents, chunk, table_bytes, data):
    expected = look_up(model, documents, 30)
    order = data.draw(st.lists(st.integers(0, len(documents) - 1), min_size=1, max_size=70))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(threads, "CHUNK_TOKENS", chunk)
        patch.setattr(inference, "TABLE_BYTES", table_bytes)
        probabilities = look_up(model, [documents[row] for row in order], 30)
    np.testing.assert_array_equal(probabilities, expected[order])


MULTIPLY = """
import numpy as np
from skglove.network.inference import fill_rows, matmul

rng = np.random.RandomState(0)
for n in (3, 96, 100, 300):
    for m in (2, 20, 96, 150, 300):
        row, kernel = rng.standard_normal((1, n)).astype("f"), rng.standard_normal((n, m)).astype("f")
        product = matmul(fill_rows(row, 8), kernel)[0]
        for n_rows in (16, 32, 64):
            rows = matmul(np.repeat(row, n_rows, axis=0), kernel)
            np.testing.assert_array_equal(rows, np.repeat([product], n_rows, axis=0))
"""


@pytest.mark.parametrize("kind", ["this", "Haswell"])  # AVX2 without AVX-512
def test_a_product_has_the_same_digits_in_each_row_on_every_kind_of_processor(kind):
    environment = os.environ if kind == "this" else {**os.environ, "OPENBLAS_CORETYPE": kind}
    ended = subprocess.run(
        [sys.executable, "-c", MULTIPLY], env=environment, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr[-3000:]


@pytest.mark.slow
@pytest.mark.parametrize("architecture", ["parallel", "hybrid"])
def test_long_documents_and_networks_of_the_usual_size(architecture):
    rng = np.random.RandomState(1)
    model = network(architecture, kernel_size=(3, 4, 5), filters=50, dim=100, scale=0.15)
    documents = [rng.randint(0, N_IDS, length) for length in (2000, 1300, 512, 511, 3, 0, *[40] * 60)]
    probabilities = look_up(model, documents, 2000)
    expected = plain_probabilities(model, padded(documents, 2000))
    assert np.ptp(expected, axis=0).max() > 0.1
    np.testing.assert_allclose(np.log(probabilities), np.log(expected), rtol=1e-5, atol=1e-5)
    order = rng.permutation(len(documents))
    again = look_up(model, [documents[row] for row in order], 2000)
    np.testing.assert_array_equal(again, probabilities[order])
    for row in (1, 4, 5, 6):
        np.testing.assert_array_equal(look_up(model, [documents[row]], 2000)[0], probabilities[row])


def test_of_equal_maxima_of_a_document_the_first_is_found():
    x = np.array([[1, 0], [2, 3], [2, 3], [5, 4], [5, 4], [1, 4]])
    found = inference._find(x, np.array([[2, 3], [5, 4]]), np.array([3, 3]))
    np.testing.assert_array_equal(found, [[1, 1], [3, 3]])


def test_only_networks_that_are_computed_exactly_are_looked_up():
    def possible(architecture, **options):
        model = build_network(9, 2, architecture=architecture, **options)
        return can_look_up(type(model).__name__, model.get_config())

    for architecture in ("stacked", "parallel", "hybrid"):
        assert possible(architecture)
        assert not possible(architecture, dtype_policy="mixed_bfloat16")


def test_weights_of_another_network_are_an_error():
    model = network("parallel", kernel_size=(3, 4))
    with pytest.raises(ValueError, match="has 7 arrays of weights, got 6"):
        LookupNetwork(model.get_config(), model.get_weights()[1:])


def test_a_stored_network_holds_its_embedding_once():
    stored = StoredNetwork(network("hybrid"))
    assert stored._model is None
    assert stored.lookup._embedding is stored._parts[2][0]
    assert stored.n_ids == N_IDS
    assert stored.model is stored.model
    assert stored.__getstate__()["parts"][2][0] is stored.lookup._embedding


def test_another_network_is_kept_as_a_keras_model():
    model = build_network(9, 2, dtype_policy="mixed_bfloat16")
    stored = StoredNetwork(model)
    assert stored.model is model
    assert stored.lookup is None
    assert stored.n_ids == 9


@pytest.mark.slow
@pytest.mark.parametrize("architecture", ["parallel", "hybrid"])
def test_the_model_of_a_classifier_predicts_as_the_classifier(architecture):
    X = [[1, 2, 3, 4], [2, 1], [3], [1, 4, 4]] * 4
    classifier = KerasConvTextClassifier(
        architecture, pretrained=False, lexical_weight=0, epochs=2, random_state=0
    ).fit(X, [0, 1, 0, 1] * 4)
    expected = classifier.model_.predict_on_batch(padded(X, 2000))
    np.testing.assert_allclose(classifier.predict_proba(X), expected, rtol=1e-5)
    loaded = pickle.loads(pickle.dumps(classifier))
    np.testing.assert_array_equal(loaded.predict_proba(X), classifier.predict_proba(X))


SCRIPT = """
import pickle, sys
import numpy as np

sys.modules["keras"] = sys.modules["tensorflow"] = None  # importing them is an error
with open(sys.argv[1], "rb") as file:
    pipelines, texts, expected = pickle.load(file)
for pipeline, probabilities in zip(pipelines, expected):
    np.testing.assert_array_equal(pipeline.predict_proba(texts), probabilities)
    pipeline.predict(texts), pickle.loads(pickle.dumps(pipeline)).predict(texts)
"""


def test_a_loaded_classifier_predicts_without_keras(tmp_path):
    texts, labels = ["good film", "great film", "bad film", "awful film"] * 4, [1, 1, 0, 0] * 4
    pipelines = [
        make_pipeline(
            GloveTokenizer(vectors=None),
            KerasConvTextClassifier(architecture, epochs=1, embedding_dim=4, random_state=0),
        ).fit(texts, labels)
        for architecture in ("hybrid", "stacked")
    ]
    expected = [pipeline.predict_proba(texts) for pipeline in pipelines]
    path = tmp_path / "pipelines.pickle"
    path.write_bytes(pickle.dumps((pipelines, texts, expected)))
    ended = subprocess.run(
        [sys.executable, "-c", SCRIPT, path],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert ended.returncode == 0, ended.stderr[-3000:]
