import keras
import numpy as np
import pytest

from skglove.documents import Documents
from skglove.network.batches import Batches
from skglove.network.build import build_network
from skglove.network.widths import COMPILING, Widths, widths_of

NETWORKS = {
    "stacked": {"architecture": "stacked", "kernel_size": 3, "pool_size": 2},
    "four layers": {"architecture": "stacked", "kernel_size": 2, "pool_size": 2, "n_conv_layers": 4},
    "no pooling": {"architecture": "stacked", "kernel_size": 4, "n_conv_layers": 1},
    "parallel": {"architecture": "parallel", "kernel_size": (2, 5)},
    "hybrid": {"architecture": "hybrid", "kernel_size": (2, 5)},
}
SIZES = {"embedding_dim": 4, "filters": 6, "dense_units": 5}


def network(name):
    model, rng = build_network(9, 3, **NETWORKS[name], **SIZES), np.random.RandomState(0)
    model.set_weights([rng.standard_normal(array.shape) for array in model.get_weights()])
    return model


@pytest.mark.parametrize("name", NETWORKS)
def test_results_are_those_of_all_columns(name):
    model, rng = network(name), np.random.RandomState(1)
    lengths = np.array([0, 1, 2, 7, 12, 30, 44])
    documents = Documents(rng.randint(1, 9, lengths.sum()).astype(np.int32), lengths)
    for maxlen in (45, 48, 60, 130):
        widths = Widths(model, maxlen, lengths.max())
        for last in (2, 5, 7):
            rows = np.arange(last)
            full = Batches(documents, maxlen=maxlen, batch_size=None).ids_of(rows)
            narrow = Batches(documents, maxlen=maxlen, batch_size=None, widths=widths).ids_of(rows)
            assert narrow.shape[1] < full.shape[1] or maxlen < 130
            got, expected = (keras.ops.convert_to_numpy(model(ids)) for ids in (narrow, full))
            np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", NETWORKS)
def test_there_are_few_widths_and_none_above_maxlen(name):
    model = network(name)
    widths = Widths(model, 2000, 2000)
    assert widths.sizes[-1] == widths.of(2000) == 2000
    assert len(widths.sizes) < 30
    assert (np.diff(widths.sizes) > 0).all()
    assert Widths(model, 2000, 50).sizes[-1] < 120
    assert Widths(model, 1, 1).sizes.tolist() == [model.get_layer("padding").n_columns]


def test_only_widths_that_are_worth_compiling_for_are_kept():
    model = network("parallel")
    widths, lengths = Widths(model, 2000, 1000), np.array([1000, 30, 30, 30])
    n_rows = COMPILING // (3 * 950)
    widths.drop_rare(lengths, n_rows // 2)
    assert widths.sizes.tolist() == [1005]
    widths = Widths(model, 2000, 1000)
    widths.drop_rare(lengths, 2 * n_rows)
    assert widths.sizes[-1] == 1005
    assert widths.of(30) < 500
    # For prediction, the widest may be narrower than all columns.
    widths = Widths(model, 2000, 2000)
    widths.drop_rare(np.array([30]), 1)
    assert widths.of(30) < 50
    assert widths.of(2000) == 2000


def test_other_backends_than_jax_need_no_widths():
    assert (widths_of(network("parallel"), 10, 5) is None) == (keras.backend.backend() != "jax")
