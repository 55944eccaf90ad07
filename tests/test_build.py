import inspect
import random

import keras
import numpy as np
import pytest
from scipy.special import expit, logit

from skglove import KerasConvTextClassifier
from skglove.auto_settings import AUTO
from skglove.network.build import build_network, receptive_field, runs_compiled, starting_vectors
from skglove.network.models import expand


@pytest.fixture(scope="module")
def blog_network():
    matrix = np.random.RandomState(0).rand(20_000, 100).astype(np.float32)
    return build_network(20_000, 20, embedding_matrix=matrix)


def test_layers_are_those_of_the_blog(blog_network):
    kinds = [type(layer).__name__ for layer in blog_network.layers]
    assert kinds == [
        "InputLayer",
        "MinimumLength",  # does nothing from 149 columns on
        "Embedding",
        "Conv1D",
        "MaxPooling1D",
        "Conv1D",
        "MaxPooling1D",
        "Conv1D",
        "GlobalMaxPooling1D",
        "Dense",
        "SparseBiasDense",  # a Dense
    ]
    activations = [layer.activation.__name__ for layer in blog_network.layers if hasattr(layer, "activation")]
    assert activations == ["relu", "relu", "relu", "relu", "softmax"]


def test_shapes_for_1000_words_are_those_of_the_blog(blog_network):
    outputs = keras.Model(blog_network.input, [layer.output for layer in blog_network.layers[2:]])
    shapes = [array.shape[1:] for array in outputs.predict_on_batch(np.zeros((1, 1000), dtype=np.int32))]
    assert shapes == [
        (1000, 100),
        (996, 128),  # 1000 - 4
        (199, 128),  # 996 / 5, rounded down
        (195, 128),
        (39, 128),
        (35, 128),  # the blog's last pooling is 35 wide: global
        (128,),
        (128,),
        (20,),
    ]


def test_parameters_are_those_worked_out_by_hand(blog_network):
    counts = [layer.count_params() for layer in blog_network.layers if layer.count_params()]
    assert counts == [
        2_000_000,  # 20,000 words x 100
        64_128,  # 5 x 100 x 128 + 128
        82_048,  # 5 x 128 x 128 + 128
        82_048,
        16_512,  # 128 x 128 + 128
        2_580,  # 128 x 20 + 20
    ]
    trainable = sum(int(np.prod(weight.shape)) for weight in blog_network.trainable_weights)
    assert trainable == 247_316


def test_training_is_that_of_the_blog(blog_network):
    assert isinstance(blog_network.optimizer, keras.optimizers.RMSprop)
    assert float(blog_network.optimizer.learning_rate) == pytest.approx(0.001)
    assert blog_network.loss == "categorical_crossentropy"


def test_embedding_is_the_given_matrix_and_frozen():
    matrix = np.arange(6, dtype=np.float32).reshape(3, 2)
    embedding = build_network(3, 2, embedding_matrix=matrix).get_layer("embedding")
    np.testing.assert_array_equal(embedding.get_weights()[0], matrix)
    assert not embedding.trainable


def test_configuration_does_not_hold_the_matrix(blog_network):
    assert len(blog_network.to_json()) < 10_000


@pytest.mark.parametrize(
    ("matrix", "asked", "trained"), [(True, True, True), (True, False, False), (False, False, True)]
)
def test_embedding_is_trained_if_asked_or_if_not_pretrained(matrix, asked, trained):
    matrix = np.ones((3, 2), dtype=np.float32) if matrix else None
    model = build_network(3, 2, embedding_matrix=matrix, trainable_embedding=asked)
    assert model.get_layer("embedding").trainable is trained


def test_dropout_adds_two_layers():
    model = build_network(3, 2, dropout=0.3)
    assert [layer.rate for layer in model.layers if isinstance(layer, keras.layers.Dropout)] == [0.3, 0.3]


@pytest.mark.parametrize("optimizer", ["adam", "Adam", keras.optimizers.Adam])
def test_optimizer_is_a_name_or_a_callable(optimizer):
    model = build_network(3, 2, optimizer=optimizer, learning_rate=1)  # Keras refuses ints
    assert isinstance(model.optimizer, keras.optimizers.Adam)
    assert float(model.optimizer.learning_rate) == 1


def test_same_seed_gives_the_same_weights_and_another_seed_others():
    first, second, other = (build_network(9, 3, seed=seed).get_weights() for seed in (1, 1, 2))
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a, b)
    kernels = [(a, b) for a, b in zip(first, other, strict=True) if a.ndim > 1]
    assert all((a != b).any() for a, b in kernels)


def test_global_random_generators_stay_as_they_were():
    before = random.getstate(), np.random.get_state()[1].tolist()
    build_network(9, 3, dropout=0.5)
    assert before == (random.getstate(), np.random.get_state()[1].tolist())


def test_defaults_are_those_of_the_classifier_with_the_blogs_network():
    network, classifier = inspect.signature(build_network).parameters, KerasConvTextClassifier().get_params()
    classifier |= AUTO["stacked"] | {"architecture": "stacked", "jit_compile": False}
    common = set(network) & set(classifier)
    assert len(common) == 15
    assert {name: network[name].default for name in common} == {name: classifier[name] for name in common}


# Kim's network


def test_layers_of_kims_network():
    matrix = np.random.RandomState(0).rand(9, 5).astype(np.float32)
    options = {"kernel_size": (3, 4, 5), "filters": 100, "dropout": 0.5}
    model = build_network(9, 2, architecture="parallel", embedding_matrix=matrix, **options)
    assert [(type(layer).__name__, layer.count_params()) for layer in model.layers] == [
        ("InputLayer", 0),
        ("MinimumLength", 0),  # does nothing from 5 columns on
        ("Embedding", 9 * 5),
        ("MaskPadding", 0),  # does nothing to a zero vector
        ("Conv1D", 3 * 5 * 100 + 100),
        ("Conv1D", 4 * 5 * 100 + 100),
        ("Conv1D", 5 * 5 * 100 + 100),
        ("GlobalMaxPooling1D", 0),
        ("GlobalMaxPooling1D", 0),
        ("GlobalMaxPooling1D", 0),
        ("Concatenate", 0),
        ("Dropout", 0),
        ("SparseBiasDense", 300 * 2 + 2),  # a Dense
    ]
    softmax = model.get_layer("classes")
    assert softmax.kernel_constraint.get_config() == {"max_value": 3, "axis": 0}


def test_words_without_a_vector_start_uniform_in_kims_network():
    matrix = np.random.RandomState(0).standard_normal((2000, 10)).astype(np.float32)
    matrix[0] = matrix[1000:] = 0
    given = matrix.copy()
    first, second, other = (starting_vectors(matrix, "parallel", seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(matrix, given)
    np.testing.assert_array_equal(first[:1000], matrix[:1000])  # padding, and words with a vector
    assert first[1000:].min() == pytest.approx(-0.25, abs=0.001)
    assert first[1000:].max() == pytest.approx(0.25, abs=0.001)
    assert first[1000:].std() == pytest.approx(0.25 / 3**0.5, rel=0.02)
    np.testing.assert_array_equal(first, second)
    assert (first[1000:] != other[1000:]).any()


# The hybrid network


def test_layers_of_the_hybrid_network():
    matrix = np.random.RandomState(0).rand(9, 5).astype(np.float32)
    options = {"kernel_size": (3, 4), "filters": 7, "dropout": 0.5, "trainable_embedding": True}
    model = build_network(9, 3, architecture="hybrid", embedding_matrix=matrix, **options)
    assert sorted((type(layer).__name__, layer.count_params()) for layer in model.layers) == [
        ("Concatenate", 0),
        ("Conv1D", 3 * 5 * 7 + 7),
        ("Conv1D", 4 * 5 * 7 + 7),
        ("DeterministicEmbedding", 9 * 5),
        ("GlobalMaxPooling1D", 0),
        ("GlobalMaxPooling1D", 0),
        ("Heads", 14 * 3 + 3 + 5 * 3 + 3),  # a softmax of 2 * 7 maxima, and one of a sum of vectors
        ("InputLayer", 0),
        ("MaskPadding", 0),
        ("MinimumLength", 0),
        ("WeightedSum", 9),
    ]
    assert model.layers[-1].name == "heads"
    assert model.get_layer("heads").dropout == 0.5
    assert model.output_shape == (None, 2, 3)


@pytest.mark.slow
def test_the_sum_of_words_starts_without_an_opinion_and_from_the_given_weights():
    weights = np.array([1, 2, 3], dtype=np.float32)
    model = build_network(3, 4, architecture="hybrid", word_weights=weights)
    np.testing.assert_allclose(model.predict_on_batch(np.array([[1, 2], [0, 2]]))[:, 1], 0.25)
    got = keras.ops.convert_to_numpy(model.get_layer("sum").look_up(np.array([1, 2])))
    np.testing.assert_allclose(got[:, 0], weights[1:], rtol=1e-6)


def test_vectors_of_the_hybrid_network_start_at_one_scale():
    matrix = 40 * np.random.RandomState(0).standard_normal((200, 10)).astype(np.float32)
    matrix[0] = matrix[100:] = 0
    given = matrix.copy()
    first, second, other = (starting_vectors(matrix, "hybrid", seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(matrix, given)
    np.testing.assert_allclose(first[:100], matrix[:100] * (0.8 / matrix[:100].std()), rtol=1e-5)
    assert first[100:].std() == pytest.approx(0.1, rel=0.1)  # small, but not all the same
    np.testing.assert_array_equal(first, second)
    assert (first[100:] != other[100:]).any()


def test_filters_of_the_hybrid_network_start_near_zero():
    options = {"embedding_dim": 20, "filters": 50, "kernel_size": 3, "seed": 3}
    for architecture, factor in [("parallel", 1), ("hybrid", 0.1)]:
        network = build_network(9, 2, architecture=architecture, **options)
        largest = np.abs(network.get_layer("convolution_1").get_weights()[0]).max()
        assert largest == pytest.approx(factor * np.sqrt(6 / (3 * 20 + 3 * 50)), rel=0.01)


def focal(targets, probabilities):
    return keras.losses.categorical_focal_crossentropy(targets, probabilities)


@pytest.mark.slow
@pytest.mark.parametrize(
    "loss", [focal, "categorical_focal_crossentropy", keras.losses.CategoricalFocalCrossentropy()]
)
def test_the_loss_of_heads_is_the_mean_of_each_of_them_for_each_document(loss):
    model = build_network(9, 3, architecture="hybrid", kernel_size=2, loss=loss)
    ids, targets = np.array([[1, 2, 3], [4, 5, 6]]), np.eye(3, dtype=np.float32)[:2]
    heads = model.predict_on_batch(ids)
    losses = np.mean([keras.ops.convert_to_numpy(focal(targets, heads[:, i])) for i in range(2)], axis=0)
    assert abs(losses[0] - losses[1]) > 1e-4
    for weights in ([1, 1], [2, 0], [0, 2]):
        model.reset_metrics()  # which Keras 3.5 does not do by itself
        got = model.test_on_batch(ids, targets, np.array(weights, dtype=np.float32))[0]
        assert got == pytest.approx(np.mean(weights * losses), rel=1e-4)


@pytest.mark.slow
def test_a_loss_gets_targets_and_probabilities_of_one_head_at_a_time():
    columns = []

    def spy(targets, probabilities):
        columns.extend([tuple(targets.shape)[1:], tuple(probabilities.shape)[1:]])
        return keras.losses.categorical_crossentropy(targets, probabilities)

    model = build_network(9, 3, architecture="hybrid", kernel_size=2, loss=spy)
    model.train_on_batch(np.array([[1, 2, 3], [4, 5, 6]]), np.eye(3, dtype=np.float32)[:2])
    assert set(columns) == {(3,)}


@pytest.mark.parametrize("architecture", ["stacked", "parallel", "hybrid"])
def test_channels_are_last_whatever_keras_is_told_about_images(architecture):
    expected = build_network(9, 2, architecture=architecture).get_config()
    before = keras.config.image_data_format()
    keras.config.set_image_data_format("channels_first")
    try:
        config = build_network(9, 2, architecture=architecture).get_config()
    finally:
        keras.config.set_image_data_format(before)
    assert config == expected
    assert "channels_last" in str(config)


@pytest.mark.slow
@pytest.mark.parametrize("architecture", ["stacked", "parallel", "hybrid"])
def test_a_network_for_multilabel_starts_from_log_odds_and_measures_sets_of_labels(architecture):
    log_odds = np.array([-2.0, 0.0, 1.0])
    options = {"filters": 4, "kernel_size": 2, "n_conv_layers": 1, "log_odds": log_odds}
    model = build_network(9, 3, architecture=architecture, **options)
    empty = model.predict_on_batch(np.zeros((1, 4), dtype=np.int32)).reshape(-1, 3)
    if architecture == "hybrid":  # in the others, random weights have a say
        np.testing.assert_allclose(empty[1], expit(log_odds), rtol=1e-5)
    model.set_weights([0.1 * np.random.RandomState(0).standard_normal(w.shape) for w in model.get_weights()])
    ids = np.random.RandomState(1).randint(1, 9, (20, 5))
    targets = np.random.RandomState(2).randint(0, 2, (20, 3)).astype(np.float32)
    probabilities = model.predict_on_batch(ids).reshape(20, -1, 3).astype(np.float64)
    loss, accuracy = model.test_on_batch(ids, targets, np.ones(20, dtype=np.float32))
    losses = -np.log(np.where(targets[:, None], probabilities, 1 - probabilities)).sum(axis=2)
    assert loss == pytest.approx(losses.mean(), rel=1e-3)
    right = (logit(probabilities).sum(axis=1) > 0) == targets
    assert accuracy == pytest.approx(right.all(axis=1).mean())


@pytest.mark.slow
def test_pooled_heads_of_multilabel_are_a_sum_of_log_odds():
    model = build_network(9, 3, architecture="hybrid", kernel_size=2, log_odds=np.zeros(3))
    model.set_weights([0.1 * np.random.RandomState(0).standard_normal(w.shape) for w in model.get_weights()])
    ids = np.random.RandomState(1).randint(1, 9, (20, 5))
    heads = logit(model.predict_on_batch(ids).astype(np.float64))
    vectors = model.get_layer("embedding").get_weights()[0]
    pooled = expand(model, vectors, np.arange(9), head_weights=np.array([0.8, 0.3]))
    expected = expit(0.8 * heads[:, 0] + 0.3 * heads[:, 1])
    np.testing.assert_allclose(pooled.predict_on_batch(ids), expected, atol=1e-5)


@pytest.mark.parametrize("optimizer", ["adam", keras.optimizers.SGD])
def test_one_cycle_of_the_learning_rate(optimizer):
    model = build_network(3, 2, optimizer=optimizer, learning_rate=0.5, n_steps=100)
    rates = []
    for step in range(101):
        model.optimizer.iterations.assign(step)
        rates.append(float(model.optimizer.learning_rate))
    assert rates[0] == pytest.approx(0.02)
    assert rates[30] == max(rates) == pytest.approx(0.5)
    assert rates[65] == pytest.approx(0.25)
    assert rates[100] == pytest.approx(0, abs=1e-6)


def brute_force_receptive_field(n_conv_layers, kernel_size, pool_size):
    """Columns of the input that the first feature, and the second, depend on."""
    spans = []
    for feature in (0, 1):
        first = last = feature
        for layer in reversed(range(n_conv_layers)):
            if layer < n_conv_layers - 1:
                first, last = first * pool_size, last * pool_size + pool_size - 1
            last += kernel_size - 1
        spans.append((first, last))
    return spans[0][1] + 1, spans[1][0]


@pytest.mark.parametrize("n_conv_layers", [1, 2, 3, 4])
@pytest.mark.parametrize("kernel_size", [1, 2, 5])
@pytest.mark.parametrize("pool_size", [1, 3, 5])
def test_receptive_field_is_what_features_depend_on(n_conv_layers, kernel_size, pool_size):
    expected = brute_force_receptive_field(n_conv_layers, kernel_size, pool_size)
    assert receptive_field(n_conv_layers, kernel_size, pool_size) == expected


# Keras's backends


@pytest.mark.parametrize(
    ("backend", "compiled"), [("tensorflow", [False, True]), ("jax", [True, True]), ("torch", [False, False])]
)
def test_what_runs_compiled(monkeypatch, backend, compiled):
    monkeypatch.setattr(keras.backend, "backend", lambda: backend)
    assert [runs_compiled(asked) for asked in (False, True)] == compiled


def test_a_network_is_compiled_as_the_backend_needs_it():
    assert build_network(3, 2).jit_compile is runs_compiled(False)


def test_pytorch_cannot_compile(monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "torch")
    with pytest.raises(ValueError, match="jit_compile=True does not work with Keras's backend 'torch'"):
        build_network(3, 2, jit_compile=True)
