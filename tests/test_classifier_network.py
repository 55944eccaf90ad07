import gc
import logging
import pickle
import random

import classifier_samples
import numpy as np
import pytest
from classifier_samples import (
    VOCABULARY,
    WORDS,
    all_architectures,
    can_compile,
    documents,
    each_architecture,
    embedding_of,
    ragged,
    small,
)
from sklearn.base import clone
from sklearn.metrics import log_loss
from sklearn.utils._param_validation import InvalidParameterError

import skglove.network.batches
import skglove.network.packing
from skglove import KerasConvTextClassifier, TokenIds, Vocabulary, WordVectors
from skglove.documents import Documents
from skglove.lexical import LexicalModel
from skglove.network.build import runs_compiled, starting_vectors

# Many tests here are of ids that never had a vocabulary.
pytestmark = pytest.mark.filterwarnings("ignore:X carries no vocabulary")

hybrid, stacked = classifier_samples.hybrid, classifier_samples.stacked


# Pre-trained vectors


@pytest.mark.slow
def test_auto_takes_the_vectors_that_x_carries_and_freezes_them_in_the_blogs_network(stacked):
    expected = [[0, 0, 0], [1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, 0, 0]]
    np.testing.assert_array_equal(embedding_of(stacked).get_weights()[0], expected)
    assert stacked.settings_["pretrained"] is True


@pytest.mark.parametrize(("vocabulary", "pretrained"), [(Vocabulary(WORDS), "auto"), (VOCABULARY, False)])
def test_without_vectors_or_if_asked_for_the_embedding_is_learned_from_scratch(vocabulary, pretrained):
    X, y = documents(vocabulary)
    classifier = small(pretrained=pretrained, embedding_dim=7, epochs=1).fit(X, y)
    assert embedding_of(classifier).get_weights()[0].shape == (5, 7)
    assert embedding_of(classifier).trainable
    assert classifier.settings_["pretrained"] is False


@pytest.mark.slow
def test_trainable_embedding_changes_the_vectors_and_leaves_the_given_ones_alone():
    X, y = documents()
    before = VOCABULARY.embedding_matrix()
    weights = embedding_of(small(trainable_embedding=True, epochs=1).fit(X, y)).get_weights()[0]
    assert (weights[1:3] != before[1:3]).any()
    np.testing.assert_array_equal(VOCABULARY.embedding_matrix(), before)


@pytest.mark.parametrize(
    ("X", "reason"),
    [
        (documents(Vocabulary(WORDS))[0], "X carries a vocabulary without vectors"),
        (documents(None)[0], "X carries no vocabulary"),
    ],
)
def test_pretrained_insists_on_vectors(X, reason):
    with pytest.raises(
        ValueError, match=rf"pretrained=True needs word vectors, but {reason}.*GloveTokenizer"
    ):
        small(pretrained=True).fit(X, documents()[1])


@all_architectures
def test_words_that_no_document_has_keep_their_vectors_or_say_nothing(architecture):
    X, y = documents(Vocabulary((*WORDS, "great"), WordVectors(["good", "great"], np.eye(2))))
    sizes = {"architecture": architecture, "epochs": 2, "trainable_embedding": True}
    great = embedding_of(small(**sizes).fit(X, y)).get_weights()[0][-1]
    expected = starting_vectors(X.vocabulary.embedding_matrix(), architecture, seed=0)[-1]
    assert expected[1] > 0.8
    np.testing.assert_array_equal(great, expected)
    rows = small(pretrained=False, **sizes).fit(X, y).model_.get_layer("embedding").get_weights()[0]
    assert (rows[-1] == 0).all()
    assert rows[:-1].all(axis=1).all()


# Compilation, memory and the machine


@pytest.mark.slow
def test_many_fits_draw_no_advice_on_tracing():
    records = []
    handler = logging.Handler()
    handler.emit = records.append
    logger = logging.getLogger("tensorflow")
    logger.addHandler(handler)
    try:
        for _ in range(6):
            small(epochs=1, batch_size=32).fit(*documents()).predict(documents()[0])
        logger.warning("something else")
    finally:
        logger.removeHandler(handler)
    assert [record.getMessage() for record in records] == ["something else"]


@pytest.mark.backends("tensorflow", "jax", why="PyTorch does not trace")
@all_architectures
def test_a_fit_traces_its_network_once_and_predictions_at_most_three_times(monkeypatch, architecture):
    traces = []
    spans = skglove.network.packing.word_spans
    monkeypatch.setattr(skglove.network.packing, "word_spans", lambda ids: traces.append(1) or spans(ids))
    lengths = np.random.RandomState(0).randint(0, 300, 50)
    X = [list(range(1, 1 + length)) for length in lengths]
    classifier = small(architecture=architecture, maxlen=200, batch_size=8, epochs=3).fit(
        X, np.arange(50) % 2
    )
    assert len(traces) <= 2  # once to know the shapes, once to train
    traces.clear()
    for n in range(1, 50, 6):
        classifier.predict(X[:n])
    assert len(traces) <= 3


@all_architectures
@pytest.mark.parametrize("pretrained", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_a_network_that_is_no_longer_used_leaves_nothing_in_memory(pretrained, architecture):
    def count_graphs():
        gc.collect()
        return sum(type(thing).__name__ == "FuncGraph" for thing in gc.get_objects())

    small(architecture=architecture, pretrained=pretrained, epochs=1).fit(*documents())
    before = count_graphs()
    for _ in range(2):
        small(architecture=architecture, pretrained=pretrained, epochs=1).fit(*documents()).predict(
            documents()[0]
        )
    assert count_graphs() <= before


@all_architectures
@pytest.mark.filterwarnings("ignore:jit_compile is deprecated")
@pytest.mark.parametrize(
    "options",
    [
        {"dtype_policy": "mixed_bfloat16"},
        pytest.param({"jit_compile": True}, marks=[can_compile, pytest.mark.slow]),
    ],
)
def test_options_of_the_machine(options, architecture):
    X, y = documents()
    classifier = small(architecture=architecture, **options).fit(X, y)
    assert classifier.score(X, y) == 1
    assert classifier.predict_proba(X).dtype == np.float32
    policy = options.get("dtype_policy", "float32")
    assert classifier.model_.get_layer("convolution_1").dtype_policy.name == policy
    assert classifier.model_.jit_compile is runs_compiled(options.get("jit_compile", False))
    loaded = pickle.loads(pickle.dumps(classifier))
    np.testing.assert_allclose(loaded.predict_proba(X), classifier.predict_proba(X), atol=1e-6)


def test_an_unknown_dtype_policy_is_an_error():
    with pytest.raises(InvalidParameterError, match=r"'dtype_policy' .* Got 'float17'"):
        small(dtype_policy="float17").fit(*documents())


@pytest.mark.slow
@each_architecture
def test_a_fit_leaves_nothing_behind(capsys, architecture):
    X, y = documents()
    X.flags.writeable = y.flags.writeable = False
    before = random.getstate(), np.random.get_state()[1].tolist()
    small(architecture=architecture, dropout=0.3, epochs=1, validation_fraction=0.5).fit(X, y).predict(X)
    assert before == (random.getstate(), np.random.get_state()[1].tolist())
    assert capsys.readouterr().out == ""
    gc.collect()
    assert not [thing for thing in gc.get_objects() if type(thing) is skglove.network.batches.Batches]


# The architecture "hybrid", and the lexical model beside it


def test_defaults_classify_words_with_similar_vectors():
    # The words of the new documents are in no training document, but have vectors like those that are.
    rng = np.random.RandomState(0)
    words = tuple(f"{side}{i}" for side in ("left", "right") for i in range(40))
    matrix = rng.standard_normal((80, 20)) / 3 + np.repeat([[1.0], [-1.0]], 40, axis=0)
    vocabulary = Vocabulary(words, WordVectors(words, matrix))
    ids = np.array([rng.randint(1, 21, 8) + 40 * (i % 2) for i in range(60)])
    new = np.array([rng.randint(21, 41, 8) + 40 * (i % 2) for i in range(60)])
    y = np.array(["left", "right"])[np.arange(60) % 2]
    classifier = KerasConvTextClassifier(random_state=0).fit(TokenIds(ids, vocabulary), y)
    assert classifier.score(TokenIds(new, vocabulary), y) > 0.95
    # Training on so few documents stops at a low loss.
    *losses, last = classifier.history_["loss"]
    assert min(losses) >= 0.1 * np.log(2) > last


@pytest.mark.slow
@pytest.mark.parametrize(("kernel_size", "learned"), [(3, True), (1, False)])
def test_a_hybrid_convolution_learns_the_order_of_words(kernel_size, learned):
    rng = np.random.RandomState(0)
    documents, y = rng.randint(3, 30, (200, 7)), np.arange(200) % 2
    documents[:, 2:4] = np.where(y[:, np.newaxis], [1, 2], [2, 1])
    options = {"kernel_size": kernel_size, "epochs": 20, "lexical_weight": 0, "random_state": 0}
    options |= {"embedding_dim": 20, "filters": 16, "learning_rate": 0.01}
    classifier = KerasConvTextClassifier(**options).fit(documents[:100], y[:100])
    assert (classifier.score(documents[100:], y[100:]) > 0.9) == learned


@pytest.mark.parametrize(
    "weight", [0.3, *(pytest.param(weight, marks=pytest.mark.slow) for weight in (0, 0.7))]
)
def test_the_lexical_model_has_its_share_in_the_probabilities(weight):
    X, y = documents()
    y = np.random.RandomState(0).permutation(y)  # so that the two are unsure, and do not agree
    classifier = small(architecture="hybrid", epochs=3, lexical_weight=np.float64(weight)).fit(X, y)
    network = expected = classifier.model_.predict_on_batch(np.asarray(X))
    assert (classifier.lexical_model_ is None) == (weight == 0)
    assert classifier.settings_["lexical_weight"] == pytest.approx(weight)
    if weight:
        flat = Documents(np.asarray(X).ravel(), np.full(32, 6))
        lexical = LexicalModel().fit(flat, y, seed=np.random.RandomState(0).randint(2**30))
        lexical = np.exp(lexical.predict_log_proba(flat))
        assert np.abs(lexical - network).max() > 0.05
        expected = network ** (1 - weight) * lexical**weight
        expected /= expected.sum(axis=1, keepdims=True)
    got = classifier.predict_proba(X)
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, expected, rtol=1e-3)


@all_architectures
def test_what_is_cut_off_counts_among_the_ids(architecture):
    X, y = [[9, 1, 2], [1, 2], [3, 1, 2], [2]], [0, 1, 0, 1]
    classifier = small(architecture=architecture, maxlen=2, epochs=1).fit(X, y)
    assert classifier.predict(X).shape == (4,)
    assert embedding_of(classifier).input_dim == 10


@pytest.mark.slow
def test_the_lexical_model_sees_the_same_words_as_the_network():
    X, y = ragged(n=40)
    classifier = small(architecture="hybrid", maxlen=3, epochs=1).fit(X, y)
    cut = X.copy()
    cut[:] = [document[-3:] for document in X]
    np.testing.assert_allclose(classifier.predict_proba(cut), classifier.predict_proba(X), atol=1e-6)
    other = small(architecture="hybrid", maxlen=3, epochs=1).fit(cut, y)
    np.testing.assert_array_equal(other.lexical_model_.weights_, classifier.lexical_model_.weights_)


@pytest.mark.parametrize(
    ("architecture", "maxlen"),
    [
        ("hybrid", 2000),
        pytest.param("stacked", 1000, marks=pytest.mark.slow),
        pytest.param("parallel", 2000, marks=pytest.mark.slow),
    ],
)
def test_auto_maxlen(architecture, maxlen):
    X = np.array([[1, 2], np.tile([3, 4], 1500)], dtype=object)
    classifier = KerasConvTextClassifier(architecture, embedding_dim=2, epochs=1).fit(X, [0, 1])
    assert classifier.maxlen_ == maxlen


@pytest.mark.slow
def test_the_linear_model_has_most_of_the_weight_where_the_network_learns_by_heart():
    # Each word says a little, and half of the documents are too few for the network.
    rng = np.random.RandomState(0)
    y = np.arange(600) % 2
    ids = rng.randint(1, 200, (600, 6)) + 200 * (rng.rand(600, 6) < 0.3 + 0.4 * y[:, np.newaxis])
    options = {"filters": 4, "kernel_size": 2, "embedding_dim": 8, "dropout": 0.0, "learning_rate": 0.05}
    options |= {"epochs": 5, "validation_fraction": 0.5, "random_state": 0}
    classifier = KerasConvTextClassifier(**options).fit(ids, y)
    assert classifier.settings_["lexical_weight"] > 0.6


@pytest.mark.slow
def test_few_documents_tell_how_much_a_network_that_learns_by_heart_weighs():
    # Labels by chance.
    rng = np.random.RandomState(0)
    ids, y = rng.randint(1, 200, (80, 6)), rng.randint(0, 2, 80)
    options = {"filters": 8, "kernel_size": 2, "embedding_dim": 8, "dropout": 0.0, "learning_rate": 0.05}
    options |= {"random_state": 0, "vocabulary_size": 200}
    learned, usual = (
        KerasConvTextClassifier(**options, validation_fraction=fraction).fit(ids[:40], y[:40])
        for fraction in ("auto", 0)
    )
    assert usual._pool_weights.tolist() == [0.6, 0.6]
    assert learned._pool_weights[0] < 0.45
    losses = [log_loss(y[40:], classifier.predict_proba(ids[40:])) for classifier in (learned, usual)]
    assert losses[0] < 0.8 * losses[1]


@pytest.mark.slow
def test_without_held_out_documents_weights_are_equal_and_a_scorer_has_no_effect():
    def fail(*_):
        raise AssertionError

    with pytest.warns(UserWarning, match="has no effect: no documents are held out"):
        classifier = small(architecture="hybrid", epochs=1, scoring=fail).fit(*documents())
    assert classifier._pool_weights.tolist() == [0.6, 0.6]


@pytest.fixture(scope="module")
def cyclic():
    """Documents of 1, 2 and 3 between other words, in the order 1 2 3 or 1 3 2, starting anywhere.

    Words and pairs of adjacent words say nothing about the order.
    """
    rng = np.random.RandomState(0)
    y = rng.permutation(np.arange(600) % 2)
    ids = rng.randint(4, 7, (600, 9))
    orders = np.array([[[1, 2, 3], [2, 3, 1], [3, 1, 2]], [[1, 3, 2], [3, 2, 1], [2, 1, 3]]])
    ids[:, 2:7:2] = orders[y, rng.randint(3, size=600)]
    options = {"filters": 16, "kernel_size": 3, "embedding_dim": 8, "learning_rate": 0.02, "dropout": 0.0}
    classifier = KerasConvTextClassifier(epochs=6, random_state=0, **options)
    return classifier.fit(ids[:500], np.where(rng.rand(500) < 0.1, 1 - y[:500], y[:500])), ids, y


def test_the_network_has_most_of_the_weight_where_the_linear_model_knows_nothing(cyclic):
    classifier, ids, y = cyclic
    assert classifier.score(ids[500:], y[500:]) > 0.9
    new = Documents(ids[500:].ravel(), np.full(100, 9))
    assert (classifier.lexical_model_.predict_log_proba(new).argmax(axis=1) == y[500:]).mean() < 0.7
    # Its nearly equal probabilities do not matter, so little is learned about their weight.
    assert classifier.settings_["lexical_weight"] < 0.48


def test_history_has_loss_and_accuracy_of_documents_held_out_by_default(cyclic):
    classifier, _, _ = cyclic
    assert set(classifier.history_) == {"accuracy", "loss", "val_accuracy", "val_loss"}
    assert classifier.n_iter_ == len(classifier.history_["val_loss"]) == 6  # a number of epochs is taken
    assert classifier.settings_["early_stopping"] is False
    assert classifier.history_["val_accuracy"][-1] > 0.8


def test_what_was_learned_on_held_out_documents_is_pickled(cyclic):
    classifier, X, _ = cyclic
    loaded = pickle.loads(pickle.dumps(classifier))
    np.testing.assert_array_equal(loaded.predict_proba(X), classifier.predict_proba(X))
    factors = classifier.model_.get_layer("classes").get_weights()[0]
    np.testing.assert_array_equal(loaded.model_.get_layer("classes").get_weights()[0], factors)
    assert factors.tolist() != [0.5, 0.5]


@pytest.mark.slow
def test_many_classes():
    ids = np.random.RandomState(0).randint(1, 41, (160, 5))
    ids[:, 2] = 41 + np.arange(160) % 40
    labels = np.array([f"class {i}" for i in range(40)])[np.arange(160) % 40]
    classifier = KerasConvTextClassifier(filters=4, kernel_size=2, embedding_dim=8, epochs=1, random_state=0)
    probabilities = classifier.fit(ids, labels).predict_proba(ids)
    assert probabilities.shape == (160, 40)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    assert classifier.score(ids, labels) > 0.9  # by the linear model


@pytest.mark.slow
def test_the_network_that_was_replaced_draws_a_warning_and_the_default_is_fitted():
    X, y = documents()
    classifier = small(architecture="residual", epochs=1)
    with pytest.warns(FutureWarning, match=r"'residual' is deprecated since version 0\.2 .*'hybrid'"):
        old = classifier.fit(X, y).predict_proba(X)
    new = small(architecture="hybrid", epochs=1).fit(X, y).predict_proba(X)
    np.testing.assert_array_equal(old, new)
    assert clone(classifier).architecture == "residual"
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(classifier)).predict_proba(X), new)


@pytest.mark.slow
def test_settings_tell_what_auto_was(hybrid):
    settings = dict(hybrid.settings_)
    assert 0 < settings.pop("lexical_weight") < 1
    assert settings == {
        "trainable_embedding": True,
        "n_conv_layers": 1,
        "filters": 4,
        "kernel_size": 2,
        "dropout": 0.0,
        "optimizer": "adam",
        "learning_rate": 0.05,
        "adversarial_epsilon": 0.0,
        "learning_rate_schedule": "constant",
        "batch_size": 8,
        "epochs": 20,
        "early_stopping": False,
        "n_iter_no_change": 7,
        "pretrained": True,
    }
    assert embedding_of(hybrid).trainable
    assert hybrid.n_iter_ == 20
