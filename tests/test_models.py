import json
import re
import zipfile

import h5py
import keras
import numpy as np
import pytest
import scipy.special
from hypothesis import given, settings
from hypothesis import strategies as st

from skglove.network.build import build_network, receptive_field
from skglove.network.models import PackedConvnet, PackedHybridNet, PackedParallelConvnet, expand, rebuild


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


@pytest.mark.slow
@pytest.mark.backends("tensorflow", "torch", why="elsewhere the padding is computed")
@settings(max_examples=50, deadline=None)
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


def parallel_network(n_ids=51, n_classes=3, seed=1, **options):
    """Make a "parallel" network whose filters have biases, as after training."""
    rng = np.random.RandomState(seed)
    matrix = rng.standard_normal((n_ids, 4)).astype(np.float32)
    options = {
        "architecture": "parallel",
        "embedding_matrix": matrix,
        "kernel_size": (3, 4, 5),
        "filters": 16,
        **options,
    }
    options.pop("n_conv_layers", None)
    model = build_network(n_ids, n_classes, **options)
    for layer in model.layers:
        if isinstance(layer, keras.layers.Conv1D):
            kernel, bias = layer.get_weights()
            layer.set_weights([kernel, rng.standard_normal(bias.shape) / 5])
    return model


def hybrid_network(n_ids=51, n_classes=3, seed=1, **options):
    """Make a "hybrid" network whose filters have biases and whose sums have an opinion, as after training."""
    rng = np.random.RandomState(seed)
    weights = 0.1 + rng.rand(n_ids)
    model = parallel_network(
        n_ids, n_classes, seed, **{"architecture": "hybrid", "word_weights": weights, **options}
    )
    of_sums = model.get_layer("heads").of_sums
    of_sums.set_weights([rng.standard_normal(weight.shape) / 20 for weight in of_sums.get_weights()])
    return model


def kims_network(model, kernel_sizes):
    """Make Kim's network of Keras's own layers, with the weights of a "parallel" network."""
    matrix, *kernels, _, _ = model.get_weights()
    ids = keras.Input((None,), dtype="int32")
    x = keras.layers.Embedding(*matrix.shape, name="embedding")(ids)
    maxima = [
        keras.layers.GlobalMaxPooling1D()(keras.layers.Conv1D(bias.size, width, activation="relu")(x))
        for width, bias in zip(kernel_sizes, kernels[1::2], strict=True)
    ]
    x = keras.layers.Concatenate()(maxima) if len(maxima) > 1 else maxima[0]
    constraint = keras.constraints.MaxNorm(3)
    x = keras.layers.Dense(model.output_shape[-1], activation="softmax", kernel_constraint=constraint)(x)
    oracle = keras.Model(ids, x)
    oracle.set_weights(model.get_weights())
    oracle.get_layer("embedding").set_weights([np.vstack([np.zeros_like(matrix[:1]), matrix[1:]])])
    return oracle


@pytest.mark.slow
@pytest.mark.backends("tensorflow", "torch", why="elsewhere the padding is computed")
@settings(max_examples=30, deadline=None)
@given(
    lengths=st.lists(st.integers(0, 60), min_size=1, max_size=6),
    maxlen=st.integers(5, 70),
    kernel_sizes=st.lists(st.integers(1, 5), min_size=1, max_size=3),
    padding=st.sampled_from(["pre", "post", "both"]),
)
def test_a_parallel_network_is_kims_without_the_padding(lengths, maxlen, kernel_sizes, padding):
    ids = padded([min(length, maxlen) for length in lengths], maxlen, padding)
    model = parallel_network(kernel_size=tuple(kernel_sizes))
    expected = compute(kims_network(model, kernel_sizes), ids)
    np.testing.assert_allclose(compute(model, ids), expected, atol=1e-6)


@pytest.mark.slow
@pytest.mark.backends("tensorflow", "torch", why="elsewhere the padding is computed")
@settings(max_examples=30, deadline=None)
@given(
    lengths=st.lists(st.integers(0, 60), min_size=1, max_size=6),
    maxlen=st.integers(1, 70),
    kernel_sizes=st.lists(st.integers(1, 5), min_size=1, max_size=3),
    padding=st.sampled_from(["pre", "post", "both"]),
)
def test_leaving_out_the_padding_changes_no_probability_of_a_hybrid_network(
    lengths, maxlen, kernel_sizes, padding
):
    ids = padded([min(length, maxlen) for length in lengths], maxlen, padding)
    model = hybrid_network(kernel_size=tuple(kernel_sizes))
    np.testing.assert_allclose(compute(model, ids), compute(plain(model), ids), atol=1e-5)


def test_a_hybrid_network_is_convolutions_and_a_sum_of_words_in_numpy():
    ids = np.array([[0, 0, 3, 4, 1, 3], [0, 0, 0, 0, 0, 2]])
    model = hybrid_network(5, 3, kernel_size=(2, 3), filters=4)
    matrix, logarithms, heads = (
        model.get_layer(name).get_weights() for name in ("embedding", "sum", "heads")
    )
    x = matrix[0][ids] * (ids > 0)[..., np.newaxis]
    maxima = []
    for name, width in [("convolution_1", 2), ("convolution_2", 3)]:
        kernel, bias = model.get_layer(name).get_weights()
        windows = np.lib.stride_tricks.sliding_window_view(x, width, axis=1)  # (..., dim, width)
        maxima.append(np.maximum(np.einsum("nidw,wdf->nif", windows, kernel) + bias, 0).max(axis=1))
    sums = (x * np.exp(5 * logarithms[0])[ids][..., np.newaxis]).sum(axis=1)
    sums *= 50 / np.linalg.norm(sums, axis=1, keepdims=True)
    scores = [np.hstack(maxima) @ heads[0] + heads[1], sums @ heads[2] + heads[3]]
    expected = scipy.special.softmax(np.stack(scores, axis=1), axis=-1)
    assert np.ptp(expected, axis=0).max() > 0.05
    np.testing.assert_allclose(compute(model, ids), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.backends("tensorflow", why="it takes gradients by TensorFlow")
@pytest.mark.parametrize(("head", "reached"), [(0, "convolution_1"), (1, "sum")])
def test_each_head_of_a_hybrid_network_trains_its_own_part_and_the_vectors(head, reached):
    import tensorflow as tf

    model, ids = hybrid_network(trainable_embedding=True), padded([3, 40, 17], 60)
    with tf.GradientTape() as tape:
        loss = keras.losses.categorical_crossentropy(np.eye(3), model(ids)[:, head])
    parts = {
        name: model.get_layer(name).trainable_weights[0] for name in ("convolution_1", "sum", "embedding")
    }
    gradients = tape.gradient(loss, {name: weight.value for name, weight in parts.items()})
    reaches = {name for name, gradient in gradients.items() if gradient is not None and np.any(gradient)}
    assert reaches == {reached, "embedding"}


@pytest.mark.slow
@pytest.mark.parametrize("make", ["hybrid", "stacked"])
def test_an_expanded_network_says_the_same_about_the_ids_it_was_trained_on(make):
    rng = np.random.RandomState(0)
    trained = np.array([0, 2, 3, 7, 8])
    matrix = rng.standard_normal((10, 4)).astype(np.float32)
    options = {"embedding_matrix": matrix[trained], "kernel_size": 2, "trainable_embedding": True}
    model = {"hybrid": hybrid_network, "stacked": build_network}[make](5, 3, n_conv_layers=1, **options)
    ids = padded([3, 7, 0], 8, n_words=4)
    model.train_on_batch(ids, np.eye(3))
    before, weights = matrix.copy(), np.arange(1.0, 11)
    heads = np.array([0.3, 1.2]) if make == "hybrid" else None
    expanded = expand(model, matrix, trained, word_weights=weights, head_weights=heads)
    expected = compute(model, ids)
    if make == "hybrid":
        expected = expected[:, 0] ** 0.3 * expected[:, 1] ** 1.2
        expected /= expected.sum(axis=1, keepdims=True)
        others = np.setdiff1d(np.arange(10), [0, *trained])
        got = keras.ops.convert_to_numpy(expanded.get_layer("sum").look_up(others))[:, 0]
        np.testing.assert_allclose(got, weights[others], rtol=1e-5)
    np.testing.assert_allclose(compute(expanded, trained[ids]), expected, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(compute(plain(expanded), trained[ids]), expected, rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(matrix, before)
    rows = expanded.get_layer("embedding").get_weights()[0]
    np.testing.assert_array_equal(rows[[1, 4, 5, 6, 9]], matrix[[1, 4, 5, 6, 9]])
    np.testing.assert_array_equal(rows[trained], model.get_layer("embedding").get_weights()[0])
    assert (rows[trained[1:]] != matrix[trained[1:]]).any()
    assert type(expanded) is type(model)
    assert expanded.output_shape == (None, 3)


@pytest.mark.parametrize("jit_compile", [True, False])
def test_an_expanded_network_is_compiled_as_the_trained_one(jit_compile):
    model = hybrid_network()
    model.jit_compile = jit_compile
    heads = np.array([0.5, 0.5])
    assert expand(model, np.ones((60, 4)), np.arange(51), head_weights=heads).jit_compile is jit_compile


# Keras itself has not caught up with NumPy 2 here.
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_an_expanded_network_is_saved_loaded_and_rebuilt(tmp_path):
    heads = np.array([0.3, 1.2])
    model = expand(hybrid_network(), np.ones((60, 4), np.float32), np.arange(51), head_weights=heads)
    ids = padded([3, 40, 0, 17], 60)
    model.save(tmp_path / "model.keras")
    rebuilt = rebuild(type(model).__name__, model.get_config())
    rebuilt.set_weights(model.get_weights())
    for other in (keras.models.load_model(tmp_path / "model.keras"), rebuilt):
        assert type(other) is PackedHybridNet
        np.testing.assert_array_equal(compute(other, ids), compute(model, ids))


@pytest.mark.parametrize("n_columns", [1, 2, 3, 4, 5, 6])
def test_documents_of_few_words_are_padded_to_the_widest_filter(n_columns):
    words = [[0] * n_columns, [0] * (n_columns - 1) + [3], [0, 3, 4, 3, 1, 2][-n_columns:]]
    ids = np.array(words, dtype=np.int32)
    model = parallel_network()
    filled = np.pad(ids, [(0, 0), (max(5 - n_columns, 0), 0)])
    expected = compute(kims_network(model, (3, 4, 5)), filled)
    assert np.ptp(expected[:, 0]) > 1e-3
    np.testing.assert_allclose(compute(model, ids), expected, atol=1e-6)
    np.testing.assert_allclose(compute(plain(model), ids), expected, atol=1e-6)


@pytest.mark.slow
def test_a_training_step_of_a_parallel_network_is_that_of_kims():
    ids, targets = padded([3, 40, 0, 1, 17], 60), np.eye(5, dtype=np.float32)
    model = parallel_network(n_classes=5, trainable_embedding=True, optimizer="sgd", learning_rate=1)
    softmax = model.get_layer("classes")
    softmax.set_weights([9 * weight for weight in softmax.get_weights()])  # above the constraint
    oracle = kims_network(model, (3, 4, 5))
    oracle.compile(keras.optimizers.SGD(1.0), "categorical_crossentropy", jit_compile=False)
    start = model.get_weights()
    loss, expected_loss = model.train_on_batch(ids, targets)[0], oracle.train_on_batch(ids, targets)
    assert loss == pytest.approx(float(expected_loss), rel=1e-5)
    for before, weight, expected in zip(start, model.get_weights(), oracle.get_weights(), strict=True):
        assert np.abs(expected - before).max() > 1e-6
        if weight.shape == (51, 4):
            np.testing.assert_array_equal(weight[0], before[0])  # padding stays as it is
            weight, expected = weight[1:], expected[1:]
        np.testing.assert_allclose(weight, expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(softmax.get_weights()[0], axis=0), 3, rtol=1e-5)


each_network = pytest.mark.parametrize(
    "make",
    [build_network, hybrid_network, parallel_network],
    ids=["stacked", "hybrid", "parallel"],
)


@pytest.mark.backends("tensorflow", "torch", why="elsewhere the padding is computed")
def test_a_layer_that_packing_does_not_compute_is_an_error():
    ids = keras.Input((None,), dtype="int32")
    x = keras.layers.Embedding(51, 4, name="embedding")(ids)
    x = keras.layers.Dropout(0.5, name="forgotten")(x)
    x = keras.layers.Conv1D(4, 1)(x)
    model = PackedConvnet(ids, keras.layers.GlobalMaxPooling1D(name="global_pooling")(x))
    with pytest.raises(TypeError, match=r"PackedConvnet .* cannot compute the layer 'forgotten' \(Dropout\)"):
        model(padded([3], 8))


@pytest.mark.slow
def test_results_of_a_hybrid_network_do_not_depend_on_the_order_of_documents():
    rng = np.random.RandomState(0)
    model, ids = hybrid_network(), padded(rng.randint(0, 8, 45), 8)
    features = keras.ops.convert_to_numpy(model.compute_features(keras.ops.convert_to_tensor(ids)))
    probabilities = model.predict_on_batch(ids)
    for _ in range(10):
        order = rng.permutation(45)
        permuted = keras.ops.convert_to_tensor(ids[order])
        permuted_features = keras.ops.convert_to_numpy(model.compute_features(permuted))
        np.testing.assert_array_equal(permuted_features, features[order])
        # TensorFlow's products of matrices round some rows otherwise on processors without AVX-512.
        np.testing.assert_allclose(model.predict_on_batch(ids[order]), probabilities[order], rtol=1e-6)


@each_network
def test_padding_within_a_document_counts_too(make):
    ids = np.array([[0, 0, 3, 0, 0, 4, 0, 0], [0, 1, 0, 0, 0, 0, 2, 0]])
    matrix = np.random.RandomState(1).standard_normal((5, 3)).astype(np.float32)
    model = make(5, 3, embedding_matrix=matrix, n_conv_layers=2, kernel_size=2, pool_size=2)
    np.testing.assert_allclose(compute(model, ids), compute(plain(model), ids), atol=1e-6)


def gradients_of(model, run, ids, targets):
    """Return the gradients of a loss with respect to the weights of a model, as arrays."""

    def loss():
        losses = keras.losses.categorical_crossentropy(targets, run(ids, training=True))
        return keras.ops.sum(losses)

    weights = [weight.value for weight in model.trainable_weights]
    if keras.backend.backend() == "torch":
        loss().backward()
        return [keras.ops.convert_to_numpy(weight.grad) for weight in weights]
    import tensorflow as tf

    with tf.GradientTape() as tape:
        total = loss()
    return [tf.convert_to_tensor(gradient).numpy() for gradient in tape.gradient(total, weights)]


@pytest.mark.backends("tensorflow", "torch", why="elsewhere the padding is computed")
@pytest.mark.parametrize("padding", ["pre", "both", pytest.param("post", marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    ("make", "dropout"),
    [(build_network, 0), (build_network, 0.5), (hybrid_network, 0.5), (parallel_network, 0.5)],
)
def test_gradients_are_those_of_the_plain_network(make, dropout, padding):
    ids, targets = padded([3, 40, 0, 17], 60, padding), np.eye(4, dtype=np.float32)
    if make is hybrid_network:
        targets = np.stack([targets] * 2, axis=1)
    matrix = np.random.RandomState(1).standard_normal((51, 8)).astype(np.float32)
    options = {"embedding_matrix": matrix, "trainable_embedding": True, "dropout": dropout}
    gradients = []
    for run in (lambda model: model, plain):
        model = make(51, 4, n_conv_layers=2, pool_size=3, filters=16, **options)
        gradients.append(gradients_of(model, run(model), ids, targets))
    assert len(gradients[0]) == {build_network: 9, hybrid_network: 12, parallel_network: 9}[make]
    for packed, expected in zip(*gradients, strict=True):
        assert np.abs(expected).max() > 1e-3
        np.testing.assert_allclose(packed, expected, rtol=1e-3, atol=1e-5)


@each_network
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
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.parametrize(
    ("architecture", "kind", "options"),
    [
        ("stacked", PackedConvnet, {"n_conv_layers": 2}),
        ("parallel", PackedParallelConvnet, {"kernel_size": (5, 3, 3), "filters": 8}),
    ],
)
def test_a_packed_network_is_saved_and_loaded(architecture, kind, options, tmp_path):
    model = build_network(51, 4, architecture=architecture, dropout=0.5, **options)
    ids = padded([3, 40, 0, 17], 60)
    model.train_on_batch(ids, np.eye(4))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert type(loaded) is kind
    np.testing.assert_array_equal(compute(loaded, ids), compute(model, ids))


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


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # as above
def test_names_that_layers_had_in_earlier_releases_are_understood(tmp_path):
    old_names = {
        "MinimumLength": "AtLeast",
        "DeterministicEmbedding": "OrderedEmbedding",
        "SparseBiasDense": "ForgettableDense",
        "skglove.network.layers": "skglove.layers",
        "skglove.network.models": "skglove.layers",
    }

    def snake_case(name):
        return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()

    def renamed(config):
        text = json.dumps(config)
        for new, old in old_names.items():
            text = text.replace(new, old)
        return json.loads(text)

    model = build_network(51, 4, n_conv_layers=2, dropout=0.5)
    ids = padded([3, 40, 0, 17], 60)
    pickled = renamed(model.get_config())
    assert "ForgettableDense" in str(pickled)
    rebuilt = rebuild(type(model).__name__, pickled)
    rebuilt.set_weights(model.get_weights())
    model.save(tmp_path / "new.keras")
    with zipfile.ZipFile(tmp_path / "new.keras") as new:
        new.extractall(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(renamed(config)))
    with h5py.File(tmp_path / "model.weights.h5", "r+") as weights:
        for new, old in old_names.items():
            if snake_case(new) in weights["layers"]:
                weights["layers"].move(snake_case(new), snake_case(old))
        assert "forgettable_dense" in weights["layers"]
    with zipfile.ZipFile(tmp_path / "old.keras", "w") as old:
        for name in ["metadata.json", "config.json", "model.weights.h5"]:
            old.write(tmp_path / name, name)
    loaded = keras.models.load_model(tmp_path / "old.keras")
    for other in (rebuilt, loaded):
        assert all(isinstance(*pair) for pair in zip(other.layers, map(type, model.layers), strict=True))
        np.testing.assert_array_equal(compute(other, ids), compute(model, ids))
