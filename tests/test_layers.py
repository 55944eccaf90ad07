import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import skglove.layers
from skglove.layers import (
    N_FRAMES,
    AtLeast,
    FixedLength,
    OrderedEmbedding,
    PackedConvnet,
    PackedResidualNet,
    ResidualConv1D,
    word_spans,
)
from skglove.network import build_network, receptive_field


def padded(lengths, maxlen, padding="pre", n_words=50, seed=0):
    rng = np.random.RandomState(seed)
    ids = np.zeros((len(lengths), maxlen), dtype=np.int32)
    for row, length in zip(ids, lengths, strict=True):
        start = {"pre": maxlen - length, "post": 0, "both": (maxlen - length) // 3}[padding]
        row[start : start + length] = rng.randint(1, n_words + 1, length)
    return ids


def compute(model, ids):
    return keras.ops.convert_to_numpy(model(ids))


def plain(model):
    """Make the same layers a plain Keras model, which computes the padding."""
    return keras.Model(model.inputs[0], model.outputs[0])


# Packed convolutions


@pytest.mark.backends("tensorflow", why="elsewhere the padding is computed")
@settings(max_examples=100, deadline=None)
@given(
    lengths=st.lists(st.integers(0, 60), min_size=1, max_size=6),
    maxlen=st.integers(60, 90),
    n_conv_layers=st.integers(1, 4),
    kernel_size=st.integers(1, 5),
    pool_size=st.integers(1, 4),
    padding=st.sampled_from(["pre", "post", "both"]),
)
def test_leaving_out_the_padding_changes_no_probability(
    lengths, maxlen, n_conv_layers, kernel_size, pool_size, padding
):
    ids = padded(lengths, maxlen, padding)
    # Padding has a vector of its own here, as after training an embedding: it must count as before.
    matrix = np.random.RandomState(1).standard_normal((51, 4)).astype(np.float32)
    model = build_network(
        51,
        3,
        embedding_matrix=matrix,
        n_conv_layers=n_conv_layers,
        kernel_size=kernel_size,
        pool_size=pool_size,
        filters=16,
        dense_units=16,
    )
    np.testing.assert_allclose(compute(model, ids), compute(plain(model), ids), atol=1e-6)


def residual_network(n_ids=51, n_classes=3, seed=1, **options):
    """Make a "residual" network whose classes differ, as after training."""
    rng = np.random.RandomState(seed)
    options = {"embedding_matrix": rng.standard_normal((n_ids, 4)).astype(np.float32), **options}
    model = build_network(
        n_ids, n_classes, architecture="residual", word_weights=0.1 + rng.rand(n_ids), **options
    )
    classes = model.get_layer("classes")
    classes.set_weights([rng.standard_normal(weight.shape) / 5 for weight in classes.get_weights()])
    return model


@pytest.mark.backends("tensorflow", why="elsewhere the padding is computed")
@settings(max_examples=100, deadline=None)
@given(
    lengths=st.lists(st.integers(0, 60), min_size=1, max_size=6),
    maxlen=st.integers(60, 90),
    n_conv_layers=st.integers(1, 3),
    kernel_size=st.integers(1, 5),
    padding=st.sampled_from(["pre", "post", "both"]),
)
def test_leaving_out_the_padding_changes_no_probability_of_a_residual_network(
    lengths, maxlen, n_conv_layers, kernel_size, padding
):
    ids = padded(lengths, maxlen, padding)
    model = residual_network(n_conv_layers=n_conv_layers, kernel_size=kernel_size)
    np.testing.assert_allclose(compute(model, ids), compute(plain(model), ids), atol=1e-6)


def test_a_residual_network_does_not_see_the_padding():
    ids = padded([3, 17, 1], 20)
    wide = np.pad(ids, [(0, 0), (30, 5)])
    model = residual_network(n_conv_layers=2, kernel_size=3)
    assert np.ptp(compute(model, ids), axis=0).max() > 0.1
    np.testing.assert_allclose(compute(model, wide), compute(model, ids), atol=1e-6)


def test_a_residual_convolution_adds_what_it_makes_of_the_neighbours():
    layer = ResidualConv1D(3)
    x, ids = keras.ops.reshape(keras.ops.arange(1.0, 7), (1, 3, 2)), keras.ops.array([[1, 2, 3]])
    layer([x, ids])
    kernel = np.zeros((3, 2, 2))
    kernel[0], kernel[2] = np.eye(2), 10 * np.eye(2)  # the word before, and ten times the word after
    layer.set_weights([kernel, np.array([0, -1000])])
    context = np.array([[30, 0], [1 + 50, 0], [3, 0]]) / (9 * 3 * 2) ** 0.5  # ReLU cuts the second feature
    np.testing.assert_allclose(compute(layer, [x, ids])[0], np.array(x[0]) + context / 4, rtol=1e-5)


def test_probabilities_of_a_residual_network_do_not_depend_on_the_order_of_documents():
    rng = np.random.RandomState(0)
    model, ids = residual_network(), padded(rng.randint(0, 8, 45), 8)
    expected = model.predict_on_batch(ids)
    for _ in range(10):
        order = rng.permutation(45)
        np.testing.assert_array_equal(model.predict_on_batch(ids[order]), expected[order])


def test_fixed_length():
    x = keras.ops.array([[3.0, 4.0], [0.0, 0.0], [-0.5, 0.0]])
    np.testing.assert_allclose(compute(FixedLength(10), x), [[6, 8], [0, 0], [-10, 0]], rtol=1e-5)


@pytest.mark.parametrize("make", [build_network, residual_network], ids=["stacked", "residual"])
def test_padding_within_a_document_counts_too(make):
    ids = np.array([[0, 0, 3, 0, 0, 4, 0, 0], [0, 1, 0, 0, 0, 0, 2, 0]])
    matrix = np.random.RandomState(1).standard_normal((5, 3)).astype(np.float32)
    model = make(5, 3, embedding_matrix=matrix, n_conv_layers=2, kernel_size=2, pool_size=2)
    np.testing.assert_allclose(compute(model, ids), compute(plain(model), ids), atol=1e-6)


@pytest.mark.backends("tensorflow", why="elsewhere the padding is computed")
@pytest.mark.parametrize("padding", ["pre", "post", "both"])
@pytest.mark.parametrize(
    ("make", "dropout"), [(build_network, 0), (build_network, 0.5), (residual_network, 0.5)]
)
def test_gradients_are_those_of_the_plain_network(make, dropout, padding):
    import tensorflow as tf

    ids, targets = padded([3, 40, 0, 17], 60, padding), np.eye(4, dtype=np.float32)
    matrix = np.random.RandomState(1).standard_normal((51, 8)).astype(np.float32)
    options = {"embedding_matrix": matrix, "trainable_embedding": True, "dropout": dropout}
    gradients = []
    for run in (lambda model: model, plain):
        model = make(51, 4, n_conv_layers=2, pool_size=3, filters=16, **options)
        with tf.GradientTape() as tape:
            loss = keras.losses.categorical_crossentropy(targets, run(model)(ids, training=True))
        gradients.append(tape.gradient(loss, [weight.value for weight in model.trainable_weights]))
    assert len(gradients[0]) == {build_network: 9, residual_network: 8}[make]
    for packed, expected in zip(*(map(tf.convert_to_tensor, g) for g in gradients), strict=True):
        assert np.abs(expected).max() > 1e-3
        np.testing.assert_allclose(packed, expected, rtol=1e-3, atol=1e-5)


@pytest.mark.backends("tensorflow", why="elsewhere the padding is computed")
def test_convolutions_see_little_more_than_the_words(monkeypatch):
    model = build_network(51, 3, embedding_dim=4, filters=4)
    seen = []
    convolve = skglove.layers._convolve
    monkeypatch.setattr(
        skglove.layers,
        "_convolve",
        lambda x, *args: seen.append(x.shape[0] * x.shape[1]) or convolve(x, *args),
    )
    model(padded([700, 300, 0, 10], 1000))
    # Besides the words: what one filter reaches on either side of a document, what is put in to round up to
    # whole poolings, and what each frame shares with the next.
    assert 1010 <= seen[0] < 1010 + 4 * 20 + N_FRAMES * (8 * 5 + 4)
    assert max(seen) == seen[0]


@pytest.mark.parametrize("make", [build_network, residual_network], ids=["stacked", "residual"])
@pytest.mark.parametrize(
    ("options", "tolerance"),
    [
        pytest.param(
            {"jit_compile": True},
            1e-5,
            marks=pytest.mark.backends("tensorflow", "jax", why="its compiler fails on these networks"),
        ),
        ({"dtype_policy": "mixed_bfloat16"}, 0.02),
    ],
)
def test_options_change_little(make, options, tolerance):
    ids = padded([3, 40, 0, 17], 60)
    matrix = 3 * np.random.RandomState(1).standard_normal((51, 8)).astype(np.float32)
    expected = compute(make(51, 3, embedding_matrix=matrix, n_conv_layers=2), ids)
    assert np.ptp(expected, axis=0).max() > 0.1  # documents differ by more than the tolerance
    probabilities = make(51, 3, embedding_matrix=matrix, n_conv_layers=2, **options).predict_on_batch(ids)
    assert probabilities.dtype == np.float32
    np.testing.assert_allclose(probabilities, expected, atol=tolerance)


# Keras itself has not caught up with NumPy 2 here.
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.parametrize(
    ("architecture", "kind"), [("stacked", PackedConvnet), ("residual", PackedResidualNet)]
)
def test_a_packed_network_is_saved_and_loaded(architecture, kind, tmp_path):
    model = build_network(51, 4, architecture=architecture, n_conv_layers=2, dropout=0.5)
    ids = padded([3, 40, 0, 17], 60)
    model.train_on_batch(ids, np.eye(4))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert type(loaded) is kind
    np.testing.assert_array_equal(compute(loaded, ids), compute(model, ids))


def test_word_spans():
    start, end = word_spans(np.array([[0, 2, 0, 3, 0], [0, 0, 0, 0, 0], [1, 1, 1, 1, 1]]))
    assert np.array(start).tolist() == [1, 0, 0]
    assert np.array(end).tolist() == [4, 1, 5]


@pytest.mark.parametrize(("n_columns", "expected"), [(2, [[1, 2]]), (4, [[0, 0, 1, 2]])])
def test_at_least_pads_short_documents(n_columns, expected):
    assert compute(AtLeast(n_columns), np.array([[1, 2]])).tolist() == expected


@pytest.mark.parametrize("maxlen", [1, 148, 149, 150])
def test_any_number_of_columns_works(maxlen):
    matrix = 4 * np.random.RandomState(1).standard_normal((5, 8)).astype(np.float32)
    model = build_network(5, 2, embedding_matrix=matrix)
    ids = np.random.RandomState(0).randint(1, 5, (2, maxlen)).astype(np.int32)
    ids[:, 0] = 1, 2
    size, _ = receptive_field(3, 5, 5)
    filled = np.pad(ids, [(0, 0), (max(size - maxlen, 0), 0)])
    expected = compute(plain(model), filled)
    assert np.ptp(expected[:, 0]) > 1e-3
    np.testing.assert_allclose(compute(model, ids), expected, atol=1e-6)


# The embedding


@pytest.mark.backends("tensorflow", why="it looks at TensorFlow's sparse gradients")
def test_gradient_of_the_embedding_is_that_of_keras_dense_and_the_same_every_time():
    import tensorflow as tf

    rng = np.random.RandomState(0)
    ids = rng.zipf(1.3, (64, 500)) % 50
    upstream = tf.constant(rng.randn(64, 500, 16), tf.float32)
    gradients = []
    for layer in [keras.layers.Embedding(60, 16), *(OrderedEmbedding(60, 16) for _ in range(5))]:
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
