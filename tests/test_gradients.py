"""The gradient of "stacked" that NumPy computes, compared with Keras's scores and with finite differences."""

import numpy as np
import pytest
from keras.ops import convert_to_numpy
from scipy.special import log_softmax

from skglove.network.build import build_network
from skglove.network.gradients import StackedGradient

IDS = np.array([3, 1, 4, 0, 5, 9, 2, 6, 8, 7, 11, 10], dtype=np.int32)


@pytest.fixture(scope="module", params=[1, 3])
def model(request):
    sizes = {"kernel_size": 2, "pool_size": 3, "filters": 5, "dense_units": 6, "embedding_dim": 4}
    network = build_network(12, 3, n_conv_layers=request.param, seed=1, **sizes)
    random = np.random.RandomState(0)
    network.set_weights([random.normal(0, 0.5, weights.shape) for weights in network.get_weights()])
    return network


def gradient_of(model):
    return StackedGradient(model.get_config(), model.get_weights(), maxlen=15)


@pytest.mark.parametrize("n", [0, 3, len(IDS)])
def test_scores_are_those_of_keras(model, n):
    stacked = gradient_of(model)
    padded = np.zeros((1, 15), dtype=np.int32)
    padded[0, 15 - n :] = IDS[:n]
    expected = np.log(convert_to_numpy(model(padded))[0])
    np.testing.assert_allclose(log_softmax(stacked.scores(IDS[:n])), expected, atol=1e-5)
    assert n or np.array_equal(stacked.scores(IDS[:0]), stacked.empty)


def test_gradient_times_input_is_the_slope_along_each_vector(model):
    stacked, effects, step = gradient_of(model), np.array([1.0, -0.7, 0.2]), 1e-3
    products = stacked.gradient_times_input(IDS, effects)
    embedding, tolerance = stacked._network.embedding.copy(), 5e-3 * float(np.abs(products).max())

    def scores_with(word, factor):
        changed = embedding.copy()
        changed[word] += factor * (embedding[word] - embedding[0])
        stacked._network = stacked._network._replace(embedding=changed)
        return effects @ stacked.scores(IDS).astype(np.float64)

    for word, product in zip(IDS, products, strict=True):
        slope = (scores_with(word, step) - scores_with(word, -step)) / (2 * step)
        assert product == pytest.approx(slope, abs=tolerance)
    assert products[IDS == 0] == 0
    assert np.count_nonzero(products) > 3
