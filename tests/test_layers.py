import keras
import numpy as np
import pytest

from skglove.network.layers import (
    DeterministicEmbedding,
    HeadPool,
    Heads,
    L2Normalization,
    MaskPadding,
    MinimumLength,
    WeightedSum,
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


def test_a_weighted_sum_leaves_out_the_padding():
    layer = WeightedSum(3)
    x, ids = keras.ops.array([[[1.0, 2], [3, 4], [50, 60]]]), keras.ops.array([[1, 2, 0]])
    assert compute(layer, [x, ids]).tolist() == [[4, 6]]  # all weights are 1
    layer.start_from(np.array([7, 2, 0.5]))
    np.testing.assert_allclose(compute(layer, [x, ids]), [[3.5, 6]], rtol=1e-6)


def softmax(scores):
    exponentials = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


@pytest.fixture
def heads():
    layer, rng = Heads(3, 4, dropout=0.5, seed=1), np.random.RandomState(0)
    layer.build((None, 5))
    layer.set_weights([rng.standard_normal(weight.shape) / 5 for weight in layer.get_weights()[:4]])
    return layer


def test_heads_are_a_softmax_of_the_maxima_and_one_of_normalised_sums(heads):
    x = np.random.RandomState(1).standard_normal((6, 5)).astype(np.float32)
    of_maxima, of_sums = heads.of_maxima.get_weights(), heads.of_sums.get_weights()
    sums = 50 * x[:, 3:] / np.linalg.norm(x[:, 3:], axis=1, keepdims=True)
    expected = [softmax(x[:, :3] @ of_maxima[0] + of_maxima[1]), softmax(sums @ of_sums[0] + of_sums[1])]
    got = compute(heads, x)
    assert got.shape == heads.compute_output_spec(keras.KerasTensor((6, 5))).shape == (6, 2, 4)
    np.testing.assert_allclose(got, np.stack(expected, axis=1), rtol=1e-4, atol=1e-6)


def test_dropout_is_of_the_maxima_and_in_training_alone(heads):
    x = np.ones((50, 5), dtype=np.float32)
    trained = keras.ops.convert_to_numpy(heads(x, training=True))
    expected = compute(heads, x)
    np.testing.assert_array_equal(trained[:, 1], expected[:, 1])
    assert len(np.unique(trained[:, 0], axis=0)) > 3
    assert len(np.unique(expected[:, 0], axis=0)) == 1


def test_heads_are_rebuilt_from_their_configuration(heads):
    again = Heads.from_config(heads.get_config())
    assert (again.n_maxima, again.n_classes, again.dropout, again.seed) == (3, 4, 0.5, 1)


def test_a_pool_of_heads_is_a_weighted_geometric_mean():
    layer, x = HeadPool(dtype="float32"), np.random.RandomState(0).dirichlet(np.ones(3), (5, 2))
    plain = np.sqrt(x[:, 0] * x[:, 1])
    np.testing.assert_allclose(compute(layer, x), plain / plain.sum(axis=1, keepdims=True), rtol=1e-4)
    layer.set_weights([np.array([0.3, 1.2])])
    weighted = x[:, 0] ** 0.3 * x[:, 1] ** 1.2
    np.testing.assert_allclose(compute(layer, x), weighted / weighted.sum(axis=1, keepdims=True), rtol=1e-4)
    assert layer.trainable_weights == []
    certain = compute(layer, np.array([[[1.0, 0, 0], [0, 0, 1]]]))
    assert np.isfinite(certain).all()


def test_l2_normalization_gives_vectors_a_norm_and_keeps_zeros():
    x = keras.ops.array([[3.0, 4.0], [0.0, 0.0], [-0.5, 0.0]])
    np.testing.assert_allclose(compute(L2Normalization(10), x), [[6, 8], [0, 0], [-10, 0]], rtol=1e-5)
