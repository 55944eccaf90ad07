import keras
import numpy as np
import pytest

from skglove.network.layers import (
    DeterministicEmbedding,
    L2Normalization,
    MaskPadding,
    MinimumLength,
    ResidualConv1D,
)


def compute(layer, inputs):
    return keras.ops.convert_to_numpy(layer(inputs))


@pytest.mark.parametrize(("n_columns", "expected"), [(2, [[1, 2]]), (4, [[0, 0, 1, 2]])])
def test_short_documents_are_padded_to_the_minimum_length(n_columns, expected):
    assert compute(MinimumLength(n_columns), np.array([[1, 2]])).tolist() == expected


def test_masking_sets_the_vectors_of_padding_to_zero():
    x, ids = keras.ops.array([[[1.0, 2], [3, 4], [5, 6]]]), keras.ops.array([[0, 7, 0]])
    assert compute(MaskPadding(), [x, ids]).tolist() == [[[0, 0], [3, 4], [0, 0]]]


@pytest.mark.backends("tensorflow", why="it looks at TensorFlow's sparse gradients")
def test_gradient_of_the_embedding_is_that_of_keras_dense_and_the_same_every_time():
    import tensorflow as tf

    rng = np.random.RandomState(0)
    ids = rng.zipf(1.3, (64, 500)) % 50
    upstream = tf.constant(rng.randn(64, 500, 16), tf.float32)
    gradients = []
    for layer in [keras.layers.Embedding(60, 16), *(DeterministicEmbedding(60, 16) for _ in range(5))]:
        layer.build((None, None))
        layer.set_weights([np.ones((60, 16))])
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(layer(ids) * upstream)
        gradient = tape.gradient(loss, layer.embeddings.value)
        assert isinstance(gradient, tf.IndexedSlices) == (type(layer) is keras.layers.Embedding)
        gradients.append(tf.convert_to_tensor(gradient).numpy())
    np.testing.assert_allclose(gradients[1], gradients[0], rtol=1e-3, atol=1e-3)
    for gradient in gradients[2:]:
        np.testing.assert_array_equal(gradient, gradients[1])


def test_a_residual_convolution_adds_a_convolution_of_the_neighbours():
    layer = ResidualConv1D(3)
    x, ids = keras.ops.reshape(keras.ops.arange(1.0, 7), (1, 3, 2)), keras.ops.array([[1, 2, 3]])
    layer([x, ids])
    kernel = np.zeros((3, 2, 2))
    kernel[0], kernel[2] = np.eye(2), 10 * np.eye(2)  # the word before, and ten times the word after
    layer.set_weights([kernel, np.array([0, -1000])])
    context = np.array([[30, 0], [1 + 50, 0], [3, 0]]) / (9 * 3 * 2) ** 0.5  # ReLU cuts the second feature
    np.testing.assert_allclose(compute(layer, [x, ids])[0], np.array(x[0]) + context / 4, rtol=1e-5)


def test_l2_normalization_gives_vectors_a_norm_and_keeps_zeros():
    x = keras.ops.array([[3.0, 4.0], [0.0, 0.0], [-0.5, 0.0]])
    np.testing.assert_allclose(compute(L2Normalization(10), x), [[6, 8], [0, 0], [-10, 0]], rtol=1e-5)
