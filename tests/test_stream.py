import pickle
import re
import subprocess
import sys
from contextlib import contextmanager
from functools import wraps

import numpy as np
import pytest
from classifier_samples import VOCABULARY, all_architectures, documents, ragged, small
from sklearn.base import clone
from sklearn.metrics import log_loss
from sklearn.neural_network import MLPClassifier

from skglove import GloveTokenizer, TokenIds, Vocabulary
from skglove.documents import Documents
from skglove.lexical import LexicalModel
from skglove.network.models import PackedNetwork
from skglove.streams import lexical_stream, stream
from skglove.streams.lexical_stream import LexicalStream

X, Y = documents(n=96)
BATCHES = [slice(0, 30), slice(30, 31), slice(31, 73), slice(73, 96)]


def begin(architecture="hybrid", **parameters):
    return small(architecture=architecture, dropout=0.5, **{"learning_rate": 0.02, **parameters})


def go_on(classifier, batches):
    for batch in batches:
        classifier.partial_fit(X[batch], Y[batch], classes=[0, 1])
    return classifier


@contextmanager
def counted_traces():
    traces, call = [], PackedNetwork.call

    @wraps(call)  # Keras looks at the signature, whether the network differs in training
    def counted(*args, **kw):
        traces.append(1)
        return call(*args, **kw)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(PackedNetwork, "call", counted)
        yield traces


class Calls:
    """A classifier after two calls, and what two more calls make of it."""

    def __init__(self):
        with counted_traces() as self.traces:
            classifier = go_on(begin(), BATCHES[:2])
        self.pickled = pickle.dumps(classifier)
        self.predicted = classifier.predict_proba(X)
        self.model = go_on(classifier, BATCHES[2:])._stream.network.model
        self.end = pickle.loads(pickle.dumps(classifier))

    def after_two(self):
        """Load it as after two calls, but with the network that is traced already."""
        classifier = pickle.loads(self.pickled)
        network = classifier._stream.network
        network._restore(self.model, network._weights, network._state)
        network._model = self.model
        return classifier


@pytest.fixture(scope="module")
def calls():
    return Calls()


def assert_same(one, other):
    np.testing.assert_array_equal(one.predict_proba(X), other.predict_proba(X))
    np.testing.assert_array_equal(one.history_["loss"], other.history_["loss"])
    for name, values in one.history_.items():
        np.testing.assert_array_equal(values, other.history_[name])


# The classifier


def test_a_stream_is_learned(calls):
    assert go_on(calls.after_two(), BATCHES * 2).score(X, Y) == 1
    assert calls.end.n_iter_ == 4
    assert {name: len(values) for name, values in calls.end.history_.items()} == {
        "loss": 4,
        "accuracy": 4,
        "val_loss": 4,
        "val_accuracy": 4,
    }
    assert np.isnan(calls.end.history_["val_loss"]).tolist() == [True, False, False, False]
    assert (calls.end.settings_["epochs"], calls.end.settings_["early_stopping"]) == (1, False)
    assert calls.end.lexical_model_.n_documents_ == 96


@all_architectures
def test_after_pickling_it_goes_on_to_the_last_bit_as_without(architecture, calls):
    if architecture == "hybrid":
        pickled, predicted, uninterrupted = calls.pickled, calls.predicted, calls.end
    else:
        uninterrupted = go_on(begin(architecture), BATCHES[:2])
        pickled, predicted = pickle.dumps(uninterrupted), uninterrupted.predict_proba(X)
        go_on(uninterrupted, BATCHES[2:])
    classifier = pickle.loads(pickled)
    np.testing.assert_array_equal(classifier.predict_proba(X), predicted)
    again = pickle.loads(pickle.dumps(classifier))  # not built in between
    assert_same(go_on(again, BATCHES[2:]), uninterrupted)


@pytest.mark.slow
def test_all_that_training_changes_is_pickled(calls):
    expected = go_on(calls.after_two(), BATCHES[2:3]).predict_proba(X)
    state = calls.after_two()._stream.network._state
    assert len(state) > 5  # iterations, learning rate, moments, seeds of dropout
    for i in (0, 1, 2, len(state) - 1):
        classifier = calls.after_two()
        changed = [*state[:i], 2 * state[i] + 1, *state[i + 1 :]]
        classifier._stream.network._restore(calls.model, classifier._stream.network._weights, changed)
        assert (go_on(classifier, BATCHES[2:3]).predict_proba(X) != expected).any(), i


def test_a_failed_call_leaves_everything_as_it_was(calls, monkeypatch):
    classifier = calls.after_two()
    steps, step = [], calls.model.train_on_batch

    def interrupted(*arguments, **options):
        steps.append(step(*arguments, **options))
        if len(steps) == 3:
            raise KeyboardInterrupt
        return steps[-1]

    with monkeypatch.context() as patched:
        patched.setattr(calls.model, "train_on_batch", interrupted)
        with pytest.raises(KeyboardInterrupt):
            go_on(classifier, BATCHES[2:3])
    assert len(steps) == 3
    np.testing.assert_array_equal(classifier.predict_proba(X), calls.predicted)
    assert classifier.n_iter_ == 2
    assert_same(go_on(classifier, BATCHES[2:]), calls.end)


def test_weights_that_are_not_finite_are_an_error(calls):
    classifier = calls.after_two()
    calls.model.optimizer.learning_rate.assign(np.inf)
    with pytest.raises(ValueError, match=r"no longer finite\. Try a learning_rate lower than 0.02"):
        go_on(classifier, BATCHES[2:3])
    np.testing.assert_array_equal(classifier.predict_proba(X), calls.predicted)


@pytest.mark.backends("tensorflow", "jax", why="PyTorch does not trace")
def test_later_calls_trace_nothing(calls):
    with counted_traces() as traces:
        go_on(calls.after_two(), [slice(0, 5), slice(5, 50)])
    assert len(traces) == 0 < len(calls.traces)


def test_the_history_is_of_the_whole_classifier_before_it_learned(calls):
    classifier = calls.after_two()
    for batch in BATCHES[2:]:
        probabilities = classifier.predict_proba(X[batch]).astype(float)
        probabilities /= probabilities.sum(axis=1, keepdims=True)
        go_on(classifier, [batch])
        loss, accuracy = (classifier.history_[name][-1] for name in ("val_loss", "val_accuracy"))
        assert loss == pytest.approx(log_loss(Y[batch], probabilities), rel=1e-4)
        assert accuracy == np.mean(probabilities.argmax(axis=1) == Y[batch])


def test_weights_of_the_pool_are_learned_from_40_documents_on(calls):
    classifier = calls.after_two()
    assert classifier._pool_weights.tolist() == [0.6, 0.6]
    go_on(classifier, BATCHES[2:3])
    assert classifier._pool_weights.tolist() != [0.6, 0.6]
    assert classifier.settings_["lexical_weight"] == pytest.approx(
        classifier._pool_weights[1] / classifier._pool_weights.sum()
    )


def test_only_the_last_documents_and_calls_are_kept(calls, monkeypatch):
    monkeypatch.setattr(stream, "MOST_SEEN", 50)
    monkeypatch.setattr("skglove.streams.partial_fitting.MOST_CALLS", 3)
    classifier = go_on(calls.after_two(), [slice(0, 96), *BATCHES[2:]])
    assert [len(part) for part in classifier._stream.seen] == [50] * 4
    assert classifier._stream.seen.codes.tolist() == [*Y[46:73], *Y[73:]]
    assert {len(values) for values in classifier.history_.values()} == {3}
    assert classifier.n_iter_ == 5


def test_documents_of_weight_zero_are_as_absent(calls):
    labels = np.where(np.arange(96) < 50, Y, 1 - Y)
    one = calls.after_two().partial_fit(X, labels, sample_weight=np.arange(96) < 50)
    assert_same(one, calls.after_two().partial_fit(X[:50], Y[:50]))


def test_a_batch_whose_classes_all_have_weight_zero_is_an_error(calls):
    classifier = calls.after_two().set_params(class_weight={0: 1, 1: 0})
    with pytest.raises(
        ValueError, match=r"class_weight=\{0: 1, 1: 0\} gives all documents of X the weight 0"
    ):
        classifier.partial_fit(X[Y == 1], Y[Y == 1])
    np.testing.assert_array_equal(classifier.predict_proba(X), calls.predicted)


@pytest.mark.slow
def test_an_epoch_of_fit_is_not_kept_in_a_stream():
    classifier = begin(epochs=1, lexical_weight=0).fit(X, Y)
    assert classifier.best_epoch_ == 1
    assert not hasattr(classifier.partial_fit(X, Y), "best_epoch_")


@pytest.mark.slow
def test_fit_starts_afresh(calls):
    classifier = calls.after_two().set_params(epochs=1)
    assert_same(classifier.fit(X, Y), clone(classifier).fit(X, Y))
    assert not hasattr(classifier, "_stream")


@pytest.mark.slow
def test_ragged_ids_of_two_tokenizers_and_a_class_that_comes_late(calls):
    texts = ["good film", "bad plot", "plot film bad", "film good"] * 10
    words = list(VOCABULARY.words)
    ids = [GloveTokenizer(VOCABULARY.vectors, vocabulary=words).transform(texts) for _ in range(2)]
    y = np.array(["+", "-", "-", "+"] * 10)
    classifier = begin(maxlen=6, lexical_weight=0, learning_rate=0.05)
    classifier.partial_fit(ids[0][y == "-"], y[y == "-"], classes=["?", "-", "+"])
    for _ in range(2):
        classifier.partial_fit(ids[1], y)
    assert classifier.classes_.tolist() == ["+", "-", "?"]
    assert classifier.predict(ids[1]).tolist() == y.tolist()
    assert classifier.predict_proba(ids[0]).shape == (40, 3)
    assert classifier.lexical_model_ is None
    assert calls.end.predict(ragged()[0]).shape == (32,)


# Errors


@pytest.mark.parametrize(
    ("y", "classes", "message"),
    [
        (Y, None, "classes must be passed on the first call to partial_fit"),
        (Y, [0], r"at least 2 classes, classes has one: \[0\]"),
        (Y, [1, 2], r"y has labels that are not in classes: \[0\]. classes are \[1, 2\]"),
    ],
)
def test_wrong_classes_at_the_first_call_are_an_error(y, classes, message):
    classifier = begin()
    with pytest.raises(ValueError, match=message):
        classifier.partial_fit(X, y, classes=classes)
    assert not hasattr(classifier, "classes_")
    if classes is None:
        with pytest.raises(ValueError, match=message):
            MLPClassifier().partial_fit(X, y)


@pytest.mark.parametrize(
    ("ids", "y", "classes", "message"),
    [
        (X, Y, [0, 1, 2], r"classes=\[0, 1, 2\] is not the same .* which was \[0, 1\]"),
        (X, Y + 1, None, r"not in classes: \[2\]. classes are \[0, 1\]"),
        (TokenIds(np.asarray(X), Vocabulary(["cat"])), Y, None, "X has ids of another vocabulary"),
        (X[:, 1:], Y, None, "X has 5 features, but KerasConvTextClassifier is expecting 6"),
        (X, Y[1:], None, "inconsistent numbers of samples"),
        (X, None, None, "requires y to be passed"),
    ],
)
def test_other_data_than_at_the_first_call_are_an_error(ids, y, classes, message, calls):
    classifier = calls.after_two()
    with pytest.raises(ValueError, match=message):
        classifier.partial_fit(ids, y, classes=classes)
    assert classifier.n_iter_ == 2


@pytest.mark.parametrize(
    "parameters",
    [
        {"early_stopping": True, "validation_fraction": 0.5},
        {"learning_rate_schedule": "one_cycle"},
        {"callbacks": [1]},
        {"scoring": "accuracy"},
        {"class_weight": "balanced"},
    ],
)
def test_parameters_that_need_several_passes_are_an_error(parameters):
    with pytest.raises(AttributeError, match="has no attribute 'partial_fit'") as error:
        begin(**parameters).partial_fit(X, Y, classes=[0, 1])
    assert re.match(f"{next(iter(parameters))}=.* (is for fit|needs to know all)", str(error.value.__cause__))
    assert not hasattr(begin(**parameters), "partial_fit")


@pytest.mark.slow
def test_a_loaded_stream_predicts_without_keras(calls, tmp_path):
    path = tmp_path / "stream.pickle"
    path.write_bytes(calls.pickled)
    code = (
        f"import pickle, sys; classifier = pickle.load(open({str(path)!r}, 'rb')); "
        "classifier.predict([[1, 2, 3, 0, 0, 0]]); assert 'keras' not in sys.modules"
    )
    options = ["-W", "ignore:KerasConvTextClassifier was fitted with a vocabulary"]
    subprocess.run([sys.executable, *options, "-c", code], check=True)


# The linear model


def random_documents(n, seed=0):
    rng = np.random.RandomState(seed)
    codes = rng.randint(0, 3, n)
    values = rng.randint(0, 30, (n, 12)) + 3 * codes[:, np.newaxis]
    return Documents(values.ravel().astype(np.int32), np.full(n, 12)), codes


def weights_by_feature(model, weights):
    return dict(zip(model.features_.tolist(), weights[model.columns_], strict=True))


def test_one_batch_has_the_weights_of_naive_bayes_in_fit():
    batch, codes = random_documents(200)
    once = LexicalStream(3, ignored=(5,)).learn(batch, codes, np.ones(200))
    fitted = LexicalModel().fit(batch, codes, ignored=(5,))
    expected = weights_by_feature(fitted, fitted.weights_[0])
    found = weights_by_feature(once, once.weights_[0])
    assert found.keys() - expected.keys() == {0}
    for feature, weights in expected.items():  # a feature more changes the smoothing a little
        np.testing.assert_allclose(found[feature], weights, rtol=1e-3, atol=1e-3)


def test_the_deviation_is_that_of_the_last_documents_scored():
    batch = *random_documents(50), np.ones(50)
    of_first = LexicalStream(3).learn(*batch)
    assert of_first.deviation_ > 0
    assert of_first.learn(*batch).deviation_ == of_first.deviation_
    scores = np.array([[3, -3, 0], [2, -2, 0], [1, -1, 0]], np.float32)
    assert of_first.calibrate(scores, np.array([0, 0, 1]), np.ones(3)).deviation_ == pytest.approx(
        (8 / 3) ** 0.5
    )


def test_batches_add_up():
    batch, codes = random_documents(200)
    once = LexicalStream(3).learn(batch, codes, np.ones(200))
    twice = LexicalStream(3).learn(batch[:90], codes[:90], np.ones(90))
    middle = twice.document_counts_.sum()
    twice, first = twice.learn(batch[90:], codes[90:], np.ones(110)), twice
    assert first.document_counts_.sum() == middle  # the old one is as it was
    np.testing.assert_array_equal(twice.features_, once.features_)
    np.testing.assert_array_equal(twice.document_counts_, once.document_counts_)
    # But for the norms of the first documents.
    np.testing.assert_allclose(twice._sums, once._sums, rtol=0.2)
    np.testing.assert_allclose(twice.weights_[0], once.weights_[0], atol=0.05)


def test_a_weight_of_two_is_two_copies():
    batch, codes = random_documents(50)
    heavy = LexicalStream(3).learn(batch, codes, np.full(50, 2.0))
    copies = LexicalStream(3).learn(batch.take(np.arange(100) % 50), np.tile(codes, 2), np.ones(100))
    np.testing.assert_allclose(heavy.weights_[0], copies.weights_[0], rtol=1e-5)


def test_features_are_bounded_and_the_most_frequent_stay(monkeypatch):
    monkeypatch.setattr(lexical_stream, "MAX_WEIGHTS", 3 * 50)
    model, oracle = LexicalStream(3), LexicalStream(3)
    for seed in range(5):
        batch, codes = random_documents(100, seed)
        model = model.learn(batch, codes, np.ones(100))
        with monkeypatch.context() as unbounded:
            unbounded.setattr(lexical_stream, "MAX_WEIGHTS", 10**9)
            oracle = oracle.learn(batch, codes, np.ones(100))
    assert len(model.features_) == len(model._sums) == len(model.document_counts_) == 50
    words = oracle.features_ < 2**32
    most = oracle.features_[np.argsort(-oracle.document_counts_)[:20]]
    assert np.isin(most, model.features_).all()
    assert words.sum() < 50
    np.testing.assert_array_equal(np.sort(model.features_), model.features_)
    batch, codes = random_documents(300, seed=9)
    assert np.mean(model.predict_log_proba(batch).argmax(axis=1) == codes) > 0.6


def test_documents_without_words_teach_nothing():
    nothing = Documents(np.zeros(4, dtype=np.int32), np.array([2, 0, 2]))
    model = LexicalStream(2).learn(nothing, np.array([0, 1, 0]), np.ones(3))
    np.testing.assert_allclose(np.exp(model.predict_log_proba(nothing)), 0.5)
    batch, codes = random_documents(50)
    model = LexicalStream(3).learn(nothing, np.array([0, 1, 2]), np.ones(3)).learn(batch, codes, np.ones(50))
    assert np.mean(model.predict_log_proba(batch).argmax(axis=1) == codes) > 0.9


def test_weights_of_words_follow_the_document_frequencies(calls):
    frequencies = np.diff(Documents.from_matrix(np.asarray(X)).counts(5).indptr)
    np.testing.assert_array_equal(calls.end._stream.frequencies, frequencies)
    classifier = calls.after_two()
    before = classifier._stream._compute_idf()
    layer = calls.model.get_layer("sum")
    logarithms = layer.get_weights()[0]
    calls.model.optimizer.learning_rate.assign(0)
    go_on(classifier, BATCHES[2:])
    changes = np.exp(5 * (layer.get_weights()[0] - logarithms))
    np.testing.assert_allclose(changes * before, np.log(97 / (1 + frequencies)) + 1, rtol=1e-5)
