import gc
import pickle

import keras
import numpy as np
import pytest
from classifier_samples import documents, small
from keras import ops

from skglove.network.adversarial import gradient_of, shifts_along
from skglove.network.build import build_network
from skglove.network.models import PackedHybridNet


def test_the_gradient_is_that_of_the_function():
    x = np.random.RandomState(0).standard_normal((3, 4)).astype(np.float32)
    gradient = gradient_of(lambda x: ops.sum(ops.sin(x) * x), ops.convert_to_tensor(x))
    np.testing.assert_allclose(ops.convert_to_numpy(gradient), np.cos(x) * x + np.sin(x), rtol=1e-5)


def test_shifts_have_the_length_and_the_direction_of_the_gradient():
    gradient = np.array([[[3.0, -4.0], [0.0, 0.0]], [[0.0, 1e-9], [30.0, 40.0]]], dtype=np.float32)
    shifts = ops.convert_to_numpy(shifts_along(ops.convert_to_tensor(gradient), 0.5))
    np.testing.assert_allclose(shifts, [[[0.3, -0.4], [0, 0]], [[0, 0.5], [0.3, 0.4]]], rtol=2e-3)


def make_network(epsilon, **options):
    vectors = np.random.RandomState(0).standard_normal((60, 8)).astype(np.float32)
    options = {"kernel_size": (3, 2), "filters": 6, "optimizer": "adam", "learning_rate": 0.02} | options
    return build_network(
        60,
        3,
        architecture="hybrid",
        embedding_matrix=vectors,
        trainable_embedding=True,
        adversarial_epsilon=epsilon,
        **options,
    )


def make_documents(n_documents=24, n_columns=12):
    random_state = np.random.RandomState(1)
    ids = random_state.randint(1, 60, (n_documents, n_columns)).astype(np.int32)
    ids[np.arange(n_columns) < random_state.randint(0, n_columns + 1, n_documents)[:, np.newaxis]] = 0
    return ids, np.eye(3, dtype=np.float32)[random_state.randint(0, 3, n_documents)]


def moved_loss(model, ids, targets, length):
    """Compute the loss, written out, with each vector moved by `length` along the gradient of the loss."""
    x = ops.convert_to_tensor(ids)
    loss_of = keras.losses.CategoricalCrossentropy()
    words = model.pack(x)

    def loss(vectors):
        outputs = model.get_layer("heads")(model._features_of(words.with_vectors(vectors)), training=False)
        return (loss_of(targets, outputs[:, 0]) + loss_of(targets, outputs[:, 1])) / 2

    gradient = ops.convert_to_numpy(gradient_of(loss, words.vectors))
    norms = np.linalg.norm(gradient, axis=-1, keepdims=True)
    shift = length * gradient / np.maximum(norms, 1e-12)
    return float(ops.convert_to_numpy(loss(words.vectors + ops.convert_to_tensor(shift))))


def first_loss(model, ids, targets):
    losses = model.train_on_batch(ids, targets)
    return float(losses[0])


@pytest.mark.slow
def test_the_loss_is_the_mean_of_the_usual_one_and_of_that_with_moved_vectors():
    ids, targets = make_documents()
    network = make_network(0.1)
    vectors = network.get_layer("embedding").get_weights()[0][1:]
    length = 0.1 * np.sqrt((vectors**2).sum(axis=1).mean())
    usual = first_loss(make_network(0), ids, targets)
    moved = moved_loss(network, ids, targets, length)
    assert moved > usual + 0.01
    assert first_loss(network, ids, targets) == pytest.approx((usual + moved) / 2, rel=1e-4)


@pytest.mark.slow
@pytest.mark.backends("tensorflow", "torch", why="elsewhere the padding is computed in any case")
@pytest.mark.parametrize(
    ("kernel_size", "n_documents"),
    # The last has little more than an overlap in each frame.
    [((3, 2), 24), ((1,), 24), ((12, 2), 4)],
)
def test_training_without_the_padding_is_that_with_it(kernel_size, n_documents, monkeypatch):
    ids, targets = make_documents(n_documents)
    packed, padded = (make_network(0.1, kernel_size=kernel_size) for _ in range(2))
    losses = [first_loss(packed, ids, targets) for _ in range(3)]
    monkeypatch.setattr(PackedHybridNet, "computes_padding", True)
    np.testing.assert_allclose([first_loss(padded, ids, targets) for _ in range(3)], losses, rtol=1e-4)
    for ours, theirs in zip(packed.get_weights(), padded.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-4)


@pytest.mark.slow
def test_a_network_that_saw_moved_vectors_is_surer_of_them():
    ids, targets = make_documents()
    losses = []
    for epsilon in (0, 0.1):
        network = make_network(epsilon)
        for _ in range(40):
            network.train_on_batch(ids, targets)
        losses.append(moved_loss(network, ids, targets, 0.5))
    assert losses[1] < 0.8 * losses[0]


@pytest.mark.slow
def test_measuring_moves_nothing():
    ids, targets = make_documents()
    usual, moved = (make_network(epsilon).test_on_batch(ids, targets)[0] for epsilon in (0, 0.1))
    assert float(usual) == float(moved)


def fit(X, y, **parameters):
    parameters = {"adversarial_epsilon": 0.1, "epochs": 3, **parameters}
    return small(architecture="hybrid", **parameters).fit(X, y)


@pytest.mark.filterwarnings("ignore:jit_compile is deprecated")
@pytest.mark.parametrize(
    "parameters",
    [
        {"loss": "categorical_focal_crossentropy"},
        pytest.param({"dtype_policy": "mixed_bfloat16"}, marks=pytest.mark.slow),
        pytest.param({"pretrained": False, "kernel_size": 1}, marks=pytest.mark.slow),
        pytest.param({"trainable_embedding": False}, marks=pytest.mark.slow),
        pytest.param(
            {"jit_compile": True}, marks=[pytest.mark.slow, pytest.mark.backends("tensorflow", why="XLA")]
        ),
    ],
)
def test_it_goes_with_all_options(parameters):
    X, y = documents()
    classifier = fit(X, y, **parameters)
    assert classifier.history_ != fit(X, y, **parameters, adversarial_epsilon=0).history_
    assert classifier.history_["loss"][-1] < classifier.history_["loss"][0]
    probabilities = classifier.predict_proba(X)
    np.testing.assert_array_equal(fit(X, y, **parameters).predict_proba(X), probabilities)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(classifier)).predict_proba(X), probabilities)


@pytest.mark.slow
def test_it_goes_with_several_labels_and_with_weights():
    X, y = documents()
    labels = np.stack([np.unique(y, return_inverse=True)[1] == 1, np.arange(len(y)) % 3 == 0], axis=1)
    labels = labels.astype(int)
    losses, usual = (
        fit(X, labels, lexical_weight=0, **p).history_["loss"] for p in ({}, {"adversarial_epsilon": 0})
    )
    assert losses[-1] < losses[0]
    assert losses[0] > usual[0]


@pytest.mark.slow
def test_weights_count_for_moved_documents_too():
    ids, targets = make_documents()
    weights = np.r_[np.full(12, 2.0), np.zeros(12)].astype(np.float32)
    weighted = make_network(0.1).train_on_batch(ids, targets, weights)[0]
    assert float(weighted) == pytest.approx(first_loss(make_network(0.1), ids[:12], targets[:12]), rel=0.02)


@pytest.mark.slow
def test_a_stream_goes_on_from_a_pickle_as_it_would_have():
    X, y = documents()
    stream = small(architecture="hybrid", adversarial_epsilon=0.1, lexical_weight=0).partial_fit(
        X, y, classes=[0, 1]
    )
    loaded = pickle.loads(pickle.dumps(stream))
    expected = stream.partial_fit(X, y).predict_proba(X)
    np.testing.assert_array_equal(loaded.partial_fit(X, y).predict_proba(X), expected)


@pytest.mark.slow
def test_it_leaves_nothing_in_memory():
    def count_graphs():
        gc.collect()
        return sum(type(thing).__name__ == "FuncGraph" for thing in gc.get_objects())

    X, y = documents()
    fit(X, y)
    before = count_graphs()
    for _ in range(2):
        fit(X, y).predict(X)
    assert count_graphs() <= before


@pytest.mark.slow
def test_the_other_architectures_have_no_use_for_it():
    X, y = documents()
    with pytest.warns(UserWarning, match=r"adversarial_epsilon=0\.1 has no effect: it is for .*'hybrid'"):
        small(architecture="parallel", adversarial_epsilon=0.1, epochs=1).fit(X, y)
