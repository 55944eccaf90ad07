import copy
import gc
import logging
import pickle
import random

import keras
import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix
from sklearn import config_context
from sklearn.base import clone
from sklearn.exceptions import DataConversionWarning, NotFittedError, UnsetMetadataPassedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.utils._param_validation import InvalidParameterError
from sklearn.utils.class_weight import compute_sample_weight

import skglove.network.batches
import skglove.network.packing
from skglove import KerasConvTextClassifier, SequencePadder, TokenIds, Vocabulary, WordVectors
from skglove.documents import Documents
from skglove.holdout import hold_out
from skglove.lexical import LexicalModel
from skglove.network.build import runs_compiled

# Many tests here are of ids that never had a vocabulary.
pytestmark = pytest.mark.filterwarnings("ignore:X carries no vocabulary")

WORDS = ("good", "bad", "film", "plot")
VECTORS = WordVectors(WORDS[:3], np.array([[1, 0, 0], [-1, 0, 0], [0, 1, 0]], dtype=np.float32))
VOCABULARY = Vocabulary(WORDS, VECTORS)


def small(**parameters):
    """Make a classifier that learns the data below in a second."""
    sizes = {"n_conv_layers": 1, "kernel_size": 2, "embedding_dim": 4, "batch_size": 8}
    if parameters.setdefault("architecture", "stacked") == "stacked":
        sizes |= {"filters": 4, "dense_units": 4}
    return KerasConvTextClassifier(
        **{**sizes, "epochs": 20, "learning_rate": 0.05, "random_state": 0, **parameters}
    )


def documents(vocabulary=VOCABULARY, n=32):
    """Documents with "good" (id 1) or "bad" (id 2) somewhere between other words; y tells which."""
    rng = np.random.RandomState(0)
    ids = rng.randint(3, 5, size=(n, 6))
    ids[:, :2] = 0
    y = np.arange(n) % 2
    ids[np.arange(n), rng.randint(2, 6, n)] = np.where(y, 1, 2)
    return TokenIds(ids, vocabulary), y


@pytest.fixture(scope="module")
def residual():
    return small(architecture="residual").fit(*documents())


@pytest.fixture(scope="module")
def stacked():
    return small().fit(*documents())


@pytest.fixture(params=["residual", "stacked"])
def fitted(request):
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="module")
def without_vocabulary():
    return small().fit(*documents(None))


can_compile = pytest.mark.backends("tensorflow", "jax", why="its compiler fails on these networks")
each_architecture = pytest.mark.parametrize("architecture", ["residual", "stacked"])
# The same code runs for both, but for the network.
both_architectures = pytest.mark.parametrize(
    "architecture", ["residual", pytest.param("stacked", marks=pytest.mark.slow)]
)


def embedding_of(classifier):
    return classifier.model_.get_layer("embedding")


# Weights


@pytest.mark.parametrize(("architecture", "heavy"), [("residual", 0), ("stacked", 1)])
def test_the_heavier_of_contradicting_documents_win(architecture, heavy):
    X, y = documents()
    X, y = X.take([*range(32)] * 2, axis=0), np.append(y, 1 - y)
    weights = np.where(np.arange(64) // 32 == heavy, 3, 1)
    wide = {"filters": 16, "dense_units": 16} if architecture == "stacked" else {}
    classifier = small(architecture=architecture, **wide).fit(X, y, sample_weight=weights)
    np.testing.assert_array_equal(classifier.predict(X[:32]), y[:32] if heavy == 0 else y[32:])


@both_architectures
def test_documents_of_weight_zero_teach_nothing(architecture):
    X, y = documents()
    weights = np.where(np.arange(32) < 24, 1, 0)
    one, other = (
        small(architecture=architecture, epochs=2).fit(X, labels, sample_weight=weights).predict_proba(X)
        for labels in (y, np.where(weights, y, 1 - y))
    )
    np.testing.assert_array_equal(one, other)


@both_architectures
def test_balanced_weights_find_more_of_the_rare_class(architecture):
    rng = np.random.RandomState(0)
    y = (np.arange(200) % 10 == 0).astype(int)
    ids = rng.randint(2, 9, (200, 5))
    ids[:, 0] = np.where(rng.rand(200) < 0.7, 2 + 4 * y, ids[:, 0])
    classifier = small(architecture=architecture, epochs=5, vocabulary_size=9, lexical_weight=0)
    plain = clone(classifier).fit(ids, y).predict(ids)
    balanced = classifier.fit(ids, y, sample_weight=compute_sample_weight("balanced", y)).predict(ids)
    assert balanced[y == 1].mean() > plain[y == 1].mean()


def test_validation_loss_is_weighted():
    X, y = documents()
    losses = [
        small(validation_fraction=0.5, epochs=1, learning_rate=1e-9)
        .fit(X, y, sample_weight=np.where(y, heavy, 1))
        .history_["val_loss"]
        for heavy in (1, 5)
    ]
    assert losses[0] != pytest.approx(losses[1], rel=1e-4)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (np.ones(31), "sample_weight.shape"),
        (np.ones((32, 2)), "must be 1D"),
        (np.where(np.arange(32) == 3, -1, 1), "Negative values in data passed to `sample_weight`"),
        (np.zeros(32), "at least one non-zero"),
        (documents()[1], r"at least 2 classes; .* above zero are of 1: \[1\]"),
        (np.where(documents()[1], 1, 1e-60), r"above zero are of 1: \[1\]"),
        (np.inf, "sample_weight contains infinity"),
        (np.nan, "sample_weight contains NaN"),
        (np.where(np.arange(32) == 3, np.nan, 1), "sample_weight contains NaN"),
    ],
)
def test_wrong_weights_are_an_error(weights, message):
    with pytest.raises(ValueError, match=message):
        small().fit(*documents(), sample_weight=weights)


def test_weights_all_held_out_are_an_error():
    X, y = documents()
    weights = np.where(np.arange(32) < 2, 1, 0)
    classifier = small(validation_fraction=0.9)
    with pytest.raises(ValueError, match="of the documents to train on, those with a sample_weight above"):
        classifier.fit(X, y, sample_weight=weights)


def test_early_stopping_looks_at_weighted_accuracy():
    X, y = documents()
    y[:4] = 1 - y[:4]  # which cannot be learned; all others are
    classifier = small(validation_fraction=0.5, epochs=20)
    plain = classifier.fit(X, y).history_["val_accuracy"][-1]
    weighted = classifier.fit(X, y, sample_weight=np.where(np.arange(32) < 4, 1e-3, 1))
    assert plain < weighted.history_["val_accuracy"][-1] > 0.99


def test_a_class_without_any_weight_is_not_predicted():
    X, y = documents()
    y[:6] = 2
    classifier = small(architecture="residual").fit(X, y, sample_weight=np.where(y == 2, 0, 1))
    assert classifier.classes_.tolist() == [0, 1, 2]
    assert set(classifier.predict(X)) == {0, 1}


def test_fit_takes_no_other_parameters():
    with pytest.raises(TypeError, match="unexpected keyword argument 'sample_weigth'"):
        small().fit(*documents(), sample_weigth=np.ones(32))


class Spy(KerasConvTextClassifier):
    """Record the weights instead of fitting."""

    seen = []

    def fit(self, X, y, **fit_params):
        self.seen.append(fit_params.get("sample_weight"))
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        return np.zeros(len(X))


@pytest.fixture
def seen(monkeypatch):
    monkeypatch.setattr(Spy, "seen", [])
    return Spy.seen


def test_weights_are_routed(seen):
    X, y = documents()
    weights = np.where(y, 9, 1)
    make_pipeline(Spy()).fit(X, y, spy__sample_weight=weights)
    with config_context(enable_metadata_routing=True):
        make_pipeline(Spy().set_fit_request(sample_weight=True)).fit(X, y, sample_weight=weights)
        with pytest.raises(UnsetMetadataPassedError):
            make_pipeline(Spy()).fit(X, y, sample_weight=weights)
    np.testing.assert_array_equal(seen, [weights] * 2)


def test_grid_search_cuts_the_weights_as_it_does_the_documents(seen):
    X, y = documents()
    search = GridSearchCV(Spy(), {"filters": [2]}, cv=2, refit=False, error_score="raise")
    search.fit(X, y, sample_weight=np.arange(32) + 1.0)
    assert sorted(np.concatenate(seen)) == list(range(1, 33))


# Labels


@pytest.mark.parametrize(
    "labels",
    [
        ["no", "yes"],
        [False, True],
        *(pytest.param(labels, marks=pytest.mark.slow) for labels in ([-5, -1], [3, 7], [0, 1])),
    ],
)
def test_labels_in_are_labels_out(labels):
    X, y = documents()
    labels = np.array(labels)
    classifier = small().fit(X, labels[y])
    np.testing.assert_array_equal(classifier.classes_, labels)
    predicted = classifier.predict(X)
    assert predicted.dtype == labels.dtype
    np.testing.assert_array_equal(predicted, labels[y])
    assert classifier.score(X, labels[y]) == 1


def test_three_classes_of_python_strings():
    X, y = documents()
    labels = np.array(["b", "a"], dtype=object)[y]
    labels[:8] = "c"
    X[:8, 2:] = 3
    classifier = small(epochs=40).fit(X, labels.tolist())
    assert classifier.classes_.tolist() == ["a", "b", "c"]
    assert classifier.predict_proba(X).shape == (32, 3)
    assert classifier.score(X, labels) > 0.9


def test_probabilities_are_a_matrix_of_float32_whose_rows_sum_to_1(fitted):
    probabilities = fitted.predict_proba(documents()[0])
    assert probabilities.shape == (32, 2)
    assert probabilities.dtype == np.float32
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-6)
    assert probabilities.min() >= 0


def test_one_class_is_an_error_that_names_it():
    X, _ = documents()
    with pytest.raises(ValueError, match=r"at least 2 classes, y has one class: \['spam'\]"):
        small().fit(X, ["spam"] * 32)


def test_wrong_number_of_labels():
    X, y = documents()
    with pytest.raises(ValueError, match=r"inconsistent numbers of samples: \[32, 31\]"):
        small().fit(X, y[:31])


@pytest.mark.parametrize(
    ("labels", "error", "message"),
    [
        (np.eye(2)[documents()[1]], ValueError, r"1d array, .*\(32, 2\).*y.argmax\(axis=1\)"),
        (["a", None] * 16, ValueError, "document 1 has no label"),
    ],
)
def test_labels_are_checked_in_fit_and_score(fitted, labels, error, message):
    X, _ = documents()
    for method in (small().fit, fitted.score):
        with pytest.raises(error, match=message):
            method(X, labels)


# Of that many classes, new versions of scikit-learn warn.
@pytest.mark.filterwarnings("ignore:The number of unique classes")
def test_many_classes_make_no_long_message():
    X, y = np.arange(1, 4001).reshape(2000, 2), [f"class {i}" * 100 for i in range(2000)]
    with pytest.raises(ValueError, match="hold out") as error:
        small(validation_fraction=0.1).fit(X, y)
    assert len(str(error.value)) < 1000


def test_fractional_labels_are_refused():
    X, y = documents()
    with pytest.raises(ValueError, match="Unknown label type: continuous"):
        small().fit(X, y + 0.5)


def test_missing_labels_are_refused():
    X, y = documents()
    with pytest.raises(ValueError, match="NaN"):
        small().fit(X, np.where(y, np.nan, 0))


def test_a_column_of_labels_is_taken_with_a_warning():
    X, y = documents()
    with pytest.warns(DataConversionWarning, match="1d array was expected"):
        assert small().fit(X, y[:, None]).score(X, y) == 1


# Pre-trained vectors


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


# Ids


@pytest.mark.parametrize(
    "spoil",
    [
        lambda X: X.tolist(),
        pytest.param(np.asarray, marks=pytest.mark.slow),
        pytest.param(lambda X: np.asarray(X, dtype=np.float64), marks=pytest.mark.slow),
    ],
)
def test_plain_integers_are_ids_too(spoil):
    X, y = documents()
    classifier = small().fit(spoil(X), y)
    assert embedding_of(classifier).input_dim == 5
    assert classifier.score(spoil(X), y) == 1


def test_lists_and_floats_without_a_fraction_are_the_same_ids(without_vocabulary):
    X, y = documents()
    assert without_vocabulary.settings_["pretrained"] is False
    assert without_vocabulary.score(X.tolist(), y) == 1
    assert without_vocabulary.score(np.asarray(X, dtype=np.float64), y) == 1


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (-1, "Negative values in data: token ids are integers from 0 to 2147483647, got -1 in document 3"),
        (1.5, r"Token ids are integers from 0 to 2147483647, got 1\.5 in document 3"),
        (2**31, "Token ids are integers from 0 to 2147483647, got 2147483648"),
        (np.nan, "Input X contains NaN"),
        (np.inf, "Input X contains infinity"),
    ],
)
@pytest.mark.parametrize("method", ["fit", "predict"])
def test_what_is_no_id_is_an_error(fitted, method, value, message):
    X, y = documents()
    wrong = np.asarray(X, dtype=np.float64 if isinstance(value, float) else np.int64).copy()
    wrong[3, 4] = value
    with pytest.raises(ValueError, match=message):
        small().fit(wrong, y) if method == "fit" else fitted.predict(wrong)


@pytest.mark.parametrize("method", ["fit", "predict"])
def test_texts_are_an_error_that_names_the_tokenizer(fitted, method):
    with pytest.raises(TypeError, match=r"got a str at index 0: 'good film'. Put a GloveTokenizer"):
        small().fit(["good film", "bad"], [0, 1]) if method == "fit" else fitted.predict(["good film", "bad"])


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (csr_matrix(documents()[0]), "X is a sparse matrix .*GloveTokenizer in place of the vectorizer"),
        ([["good", "film"]] * 32, "X holds the text 'good'.*GloveTokenizer"),
        (np.array([["good"]] * 32), "X holds the text .*GloveTokenizer"),
        (pd.DataFrame({"text": ["good film"] * 32}), "X holds the text 'good film'.*the one column"),
    ],
)
def test_what_other_vectorizers_make_is_an_error_that_names_the_tokenizer(fitted, wrong, message):
    with pytest.raises(TypeError, match=message):
        small().fit(wrong, documents()[1])
    with pytest.raises(TypeError, match=message):
        fitted.predict(wrong)


def ragged(n=32, maxlen=6):
    X, y = documents(n=n)
    lengths = np.random.RandomState(1).randint(0, maxlen + 1, n)
    rows = np.empty(n, dtype=object)
    rows[:] = [row[len(row) - length :] for row, length in zip(np.asarray(X), lengths, strict=True)]
    return TokenIds(rows, X.vocabulary), y


@both_architectures
def test_ragged_ids_need_no_padder(architecture):
    X, y = ragged()
    matrix = SequencePadder(5).fit_transform(X)
    direct, through = (
        small(architecture=architecture, maxlen=5, epochs=3).fit(X, y),
        small(architecture=architecture, epochs=3).fit(matrix, y),
    )
    assert direct.maxlen_ == through.maxlen_ == 5
    assert not hasattr(direct, "n_features_in_")
    for _ in range(2):
        np.testing.assert_array_equal(direct.predict_proba(X), through.predict_proba(matrix))
        np.testing.assert_array_equal(direct.predict_proba(matrix), through.predict_proba(X))
        direct, through = (pickle.loads(pickle.dumps(classifier)) for classifier in (direct, through))


def test_after_a_fit_on_ragged_lists_documents_of_one_length_are_still_documents():
    classifier = small(epochs=1, vocabulary_size=5).fit([[1], [1, 2]] * 4, [0, 1] * 4)
    assert classifier.maxlen_ == 1000
    expected = classifier.predict_proba([[3, 4, 1], [], [1, 2]])
    for i, document in enumerate([[3, 4, 1], [], [1, 2]]):
        np.testing.assert_allclose(classifier.predict_proba([document])[0], expected[i], atol=1e-6)
        np.testing.assert_allclose(classifier.predict_proba([document] * 2)[1], expected[i], atol=1e-6)


@each_architecture
@pytest.mark.filterwarnings("ignore:jit_compile is deprecated")
@pytest.mark.parametrize(
    "jit_compile", ["deprecated", pytest.param(True, marks=[can_compile, pytest.mark.slow])]
)
def test_predictions_do_not_depend_on_the_batches(monkeypatch, jit_compile, architecture):
    X, y = ragged(n=40)
    classifier = small(architecture=architecture, epochs=2, jit_compile=jit_compile).fit(X, y)
    expected = classifier.predict_proba(X)
    monkeypatch.setattr(skglove.network.batches, "BATCH_TOKENS", 16)
    monkeypatch.setattr(skglove.network.batches, "BATCH_DOCUMENTS", 8)
    np.testing.assert_allclose(classifier.predict_proba(X), expected, atol=1e-6)
    np.testing.assert_allclose(classifier.predict_proba(X[::-1])[::-1], expected, atol=1e-6)


def test_a_fit_on_ragged_ids_forgets_the_columns_of_the_last_and_takes_the_longest_document(stacked):
    X, y = ragged()
    classifier = copy.copy(stacked).set_params(maxlen=None, epochs=1)
    assert classifier.n_features_in_ == 6
    assert classifier.fit(X, y).maxlen_ == max(map(len, X))
    assert not hasattr(classifier, "n_features_in_")


@pytest.mark.parametrize(
    ("y", "message"),
    [([0, 1], "inconsistent numbers of samples"), (None, "requires y to be passed"), ([np.nan] * 32, "NaN")],
)
def test_wrong_labels_of_ragged_ids_are_an_error(y, message):
    with pytest.raises(ValueError, match=message):
        small().fit(ragged()[0], y)


def test_three_dimensions_are_an_error():
    with pytest.raises(ValueError, match="Found array with dim 3"):
        small().fit(np.ones((4, 3, 2), dtype=int), [0, 1, 0, 1])


def test_other_number_of_columns_is_an_error(fitted):
    with pytest.raises(ValueError, match="X has 5 features, but KerasConvTextClassifier is expecting 6"):
        fitted.predict(documents()[0][:, 1:])


def test_unfitted_use_is_an_error():
    for method in ("predict", "predict_proba"):
        with pytest.raises(NotFittedError, match="not fitted yet"):
            getattr(small(), method)(documents()[0])
    with pytest.raises(NotFittedError, match="not fitted yet"):
        small().score(*documents())


def test_larger_ids_than_in_fit_are_an_error_that_names_the_way_out(without_vocabulary):
    X, y = documents(None)
    X[0, 3] = 5
    with pytest.raises(
        ValueError, match=r"X has the id 5, but the embedding ends at 4, .*Set vocabulary_size"
    ):
        without_vocabulary.predict(X)
    assert small(vocabulary_size=6, epochs=1).fit(documents(None)[0], y).predict(X).shape == (32,)


def test_vocabulary_size_less_than_the_ids_is_an_error():
    with pytest.raises(ValueError, match="vocabulary_size=4, but X has the id 4"):
        small(vocabulary_size=4).fit(*documents(None))


def test_ids_outside_their_vocabulary_are_an_error():
    X, y = documents(Vocabulary(WORDS[:3]))
    with pytest.raises(ValueError, match="X has the id 4, but its vocabulary ends at 3"):
        small().fit(X, y)


def test_ids_of_another_vocabulary_are_an_error(fitted):
    other = Vocabulary(("good", "bad", "plot", "film"), VECTORS)
    with pytest.raises(
        ValueError, match=r"ids of another vocabulary \(4 words\) than the one fitted on \(4 words\)"
    ):
        fitted.predict(documents(other)[0])


def test_an_equal_vocabulary_is_the_same_wherever_its_vectors_are(fitted):
    X, y = documents(Vocabulary(tuple(WORDS), "elsewhere.txt"))
    assert fitted.score(X, y) == 1


def test_a_lost_vocabulary_is_a_warning(fitted, without_vocabulary):
    X, _ = documents()
    with pytest.warns(UserWarning, match="fitted with a vocabulary, but X has none") as warned:
        fitted.predict(X.tolist())
    assert [warning.filename for warning in warned] == [__file__]
    with pytest.warns(UserWarning, match="fitted without a vocabulary, but X has one"):
        without_vocabulary.predict(X)


def test_empty_documents_and_single_rows_predict(fitted):
    empty = TokenIds(np.zeros((1, 6)), VOCABULARY)
    assert fitted.predict(empty).shape == (1,)
    X, _ = documents()
    np.testing.assert_allclose(fitted.predict_proba(X[:1]), fitted.predict_proba(X)[:1], atol=1e-6)


@each_architecture
def test_all_documents_empty_can_be_fitted(architecture):
    X = TokenIds(np.zeros((8, 6)), VOCABULARY)
    assert small(architecture=architecture, epochs=1).fit(X, [0, 1] * 4).predict(X).shape == (8,)


# Training


def test_history_has_loss_and_accuracy_of_every_epoch(stacked):
    assert type(stacked.history_) is dict
    assert set(stacked.history_) == {"accuracy", "loss"}
    assert all(len(values) == 20 and type(values[0]) is float for values in stacked.history_.values())
    assert stacked.n_iter_ == 20


def test_validation_fraction_holds_out_documents_of_every_class():
    X, y = documents(n=40)
    classifier = small(validation_fraction=0.25, epochs=20).fit(X, y)
    assert set(classifier.history_) == {"accuracy", "loss", "val_accuracy", "val_loss"}
    assert classifier.history_["val_accuracy"][-1] == 1
    assert len(classifier.history_["val_loss"]) == 20


def test_a_validation_fraction_too_small_for_the_classes_is_an_error_that_names_them():
    with pytest.raises(ValueError, match=r"validation_fraction=0.01 cannot .*there are \{0: 12, 1: 15\}"):
        small(validation_fraction=0.01).fit(*documents())


def held_out_rows(classifier, X, y):
    """Split as fit with random_state=0 does."""
    random_state = np.random.RandomState(0)
    random_state.randint(2**30)
    flat = Documents(np.asarray(X).ravel(), np.full(len(X), X.shape[1]))
    return hold_out(flat, y, classifier.classes_, classifier.validation_fraction, random_state)[1]


def test_early_stopping_keeps_the_best_epoch():
    X, y = documents(n=60)
    y = np.random.RandomState(3).permutation(y)  # nothing to learn, so that it soon stops
    classifier = small(early_stopping=True, n_iter_no_change=2, validation_fraction=0.3, epochs=50).fit(X, y)
    accuracy, loss = classifier.history_["val_accuracy"], classifier.history_["val_loss"]
    best = max(range(len(accuracy)), key=lambda i: (accuracy[i], -loss[i]))
    assert classifier.n_iter_ == len(accuracy) == best + 3 < 50
    held_out = held_out_rows(classifier, X, y)
    assert classifier.score(X[held_out], y[held_out]) == pytest.approx(max(accuracy))
    assert max(accuracy) > accuracy[-1]


def test_the_best_epoch_is_kept_when_the_epochs_end_training():
    X, y = documents(n=60)
    y = np.random.RandomState(0).permutation(y)
    stopping = {"early_stopping": True, "n_iter_no_change": 50, "validation_fraction": 0.3}
    classifier = small(**stopping, epochs=12).fit(X, y)
    held_out = held_out_rows(classifier, X, y)
    best = max(classifier.history_["val_accuracy"])
    assert classifier.score(X[held_out], y[held_out]) == pytest.approx(best)


def test_of_equally_accurate_epochs_early_stopping_keeps_the_one_of_lower_loss():
    X, y = documents()
    stopping = {"early_stopping": True, "n_iter_no_change": 1, "validation_fraction": 0.3}
    classifier = small(architecture="residual", epochs=12, **stopping).fit(X, y)
    accuracy, loss = classifier.history_["val_accuracy"], np.array(classifier.history_["val_loss"])
    assert accuracy[-6:] == [1.0] * 6
    assert (np.diff(loss[-6:]) < 0).all()
    assert classifier.n_iter_ == 12


def test_early_stopping_needs_documents_to_measure_on():
    with pytest.raises(ValueError, match="early_stopping=True needs a validation_fraction"):
        small(early_stopping=True).fit(*documents())


class Interruption(keras.callbacks.Callback):
    def on_train_begin(self, logs=None):
        raise KeyboardInterrupt


def test_a_loss_that_is_no_number_is_an_error_and_leaves_the_last_fit_alone(stacked):
    X, y = documents()
    classifier = copy.copy(stacked)
    probabilities = classifier.predict_proba(X)
    with pytest.raises(ValueError, match=r"The loss is nan in epoch 1. Try a learning_rate lower than 0.05"):
        classifier.set_params(loss=not_a_number).fit(X, y)
    np.testing.assert_array_equal(classifier.predict_proba(X), probabilities)


@pytest.mark.parametrize("failure", [{"early_stopping": True}, {"callbacks": [Interruption()]}])
def test_a_fit_that_failed_changes_nothing(stacked, failure):
    X, y = documents()
    classifier = copy.copy(stacked)
    before = dict(vars(classifier))
    classifier.set_params(**failure)
    with pytest.raises((ValueError, KeyboardInterrupt)):
        classifier.fit(X.tolist(), np.array(["x", "y", "z"])[np.arange(len(y)) % 3])
    assert vars(classifier) == {**before, **failure}
    unfitted = clone(classifier)
    with pytest.raises((ValueError, KeyboardInterrupt)):
        unfitted.fit(X, y)
    with pytest.raises(NotFittedError):
        unfitted.predict(X)


def not_a_number(targets, probabilities):
    return keras.ops.sum(probabilities, axis=-1) * np.nan


def test_held_out_documents_are_not_learned_from():
    # With labels that mean nothing, only documents that were trained on can be known by heart.
    rng = np.random.RandomState(0)
    X, y = rng.randint(1, 1000, size=(60, 6)), np.arange(60) % 2
    history = small(validation_fraction=0.5, epochs=60, embedding_dim=16).fit(X, y).history_
    assert history["accuracy"][-1] == 1
    assert 0.2 < history["val_accuracy"][-1] < 0.8


class StopAtOnce(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        logs["seen"] = 1.0
        self.model.stop_training = True


def test_callbacks_are_copied_called_kept_and_not_pickled(stacked):
    callback = StopAtOnce()
    classifier = small(callbacks=[callback]).fit(*documents())
    assert classifier.n_iter_ == 1
    assert classifier.history_["seen"] == [1.0]
    assert callback.model is None
    [used] = classifier.callbacks_
    assert isinstance(used, StopAtOnce)
    assert used is not callback
    assert used.params["epochs"] == 20
    assert not hasattr(pickle.loads(pickle.dumps(classifier)), "callbacks_")
    assert stacked.callbacks_ == []
    assert clone(classifier).fit(*documents()).n_iter_ == 1


def test_optimizer_and_loss_are_used():
    parameters = {"optimizer": keras.optimizers.Adam, "loss": keras.losses.CategoricalFocalCrossentropy()}
    classifier = small(**parameters).fit(*documents())
    assert isinstance(classifier.model_.optimizer, keras.optimizers.Adam)
    assert isinstance(classifier.model_.loss, keras.losses.CategoricalFocalCrossentropy)
    assert classifier.score(*documents()) == 1


def test_an_unknown_optimizer_is_an_error():
    with pytest.raises(ValueError, match="Keras has no optimizer='rmsporp'"):
        small(optimizer="rmsporp").fit(*documents())


@pytest.mark.parametrize(
    "loss", ["sparse_categorical_crossentropy", keras.losses.SparseCategoricalCrossentropy()]
)
def test_a_loss_of_integer_targets_is_an_error(loss):
    with pytest.raises(ValueError, match=r"loss=.* takes classes as integers"):
        small(loss=loss).fit(*documents())


def test_an_unknown_loss_is_an_error():
    with pytest.raises(ValueError, match="categorical_crossentrpy"):
        small(loss="categorical_crossentrpy").fit(*documents())


class SetsTheRate(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        self.model.optimizer.learning_rate = 0.1


class AssignsTheRate(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        self.model.optimizer.learning_rate.assign(0.1)


SET_THE_RATE = [
    keras.callbacks.LearningRateScheduler(lambda epoch: 0.1),
    keras.callbacks.ReduceLROnPlateau("loss"),
    SetsTheRate(),
    AssignsTheRate(),
]


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Keras's
@pytest.mark.parametrize("callback", SET_THE_RATE)
def test_callbacks_that_set_the_learning_rate_are_an_error_with_one_cycle(callback):
    with pytest.raises(ValueError, match=r"sets the learning rate.* Set learning_rate_schedule='constant'"):
        small(architecture="residual", epochs=1, callbacks=[callback]).fit(*documents())


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_callbacks_may_set_a_constant_learning_rate():
    parameters = {"architecture": "residual", "epochs": 1, "learning_rate_schedule": "constant"}
    assert small(callbacks=SET_THE_RATE, **parameters).fit(*documents()).n_iter_ == 1


def test_errors_of_callbacks_are_theirs():
    class Fails(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            raise TypeError("mine")

    with pytest.raises(TypeError, match=r"^mine$"):
        small(architecture="residual", callbacks=[Fails()]).fit(*documents())


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"optimizer": keras.optimizers.Adam()}, TypeError, "optimizer is a Adam .* Give the class"),
        ({"optimizer": lambda: None}, TypeError, r"optimizer=.* failed at optimizer\(learning_rate=0\.05\)"),
        ({"optimizer": lambda learning_rate: None}, TypeError, "made None, which is no keras.optimizers"),
        ({"loss": lambda targets, probabilities: probabilities}, ValueError, r"loss=.* got shape \(3, 2\)"),
        ({"loss": "ctc"}, ValueError, "loss='ctc' fails on targets"),
    ],
)
def test_errors_of_what_keras_is_given_name_the_parameter(parameters, error, message):
    with pytest.raises(error, match=message):
        small(**parameters).fit(*documents())


class Watches(keras.callbacks.Callback):
    monitor = "val_loss"


def test_warnings_name_the_parameter_and_point_to_the_call_of_fit():
    ineffective = {"filters": 8, "pool_size": 2, "dense_units": 1, "maxlen": 5}
    classifier = small(
        architecture="residual", epochs=1, callbacks=[Watches()], jit_compile=False, **ineffective
    )
    with pytest.warns() as warned:
        classifier.fit(*documents())
    messages = [str(warning.message) for warning in warned]
    for start in (
        "filters=8 has no effect: it is for architecture='stacked'",
        "pool_size=2 has no effect",
        "dense_units=1 has no effect",
        "maxlen=5 has no effect: X is a matrix, of 6 columns",
        "Watches in callbacks looks at 'val_loss'",
        "jit_compile is deprecated",
    ):
        assert sum(message.startswith(start) for message in messages) == 1
    assert len(messages) == 6
    assert {warning.filename for warning in warned} == {__file__}


@pytest.mark.parametrize("maxlen", [6, pytest.param(None, marks=pytest.mark.slow)])
def test_a_maxlen_that_a_matrix_has_draws_no_warning(maxlen):
    assert small(epochs=1, maxlen=maxlen).fit(*documents()).maxlen_ == 6


@pytest.mark.parametrize("jit_compile", [False, pytest.param(True, marks=can_compile)])
def test_jit_compile_is_deprecated(jit_compile):
    with (
        pytest.warns(FutureWarning, match="jit_compile is deprecated since version 0.2"),
        pytest.raises(KeyboardInterrupt),
    ):
        small(jit_compile=jit_compile, callbacks=[Interruption()]).fit(*documents())


@both_architectures
def test_words_that_no_document_has_keep_their_vectors_or_say_nothing(architecture):
    X, y = documents(Vocabulary((*WORDS, "great"), WordVectors(["good", "great"], np.eye(2))))
    sizes = {"architecture": architecture, "epochs": 2, "trainable_embedding": True}
    great, scale = small(**sizes).fit(X, y).model_.get_layer("embedding").get_weights()[0][-1]
    assert great == 0
    assert scale > 0.9
    rows = small(pretrained=False, **sizes).fit(X, y).model_.get_layer("embedding").get_weights()[0]
    assert (rows[-1] == 0).all()
    assert rows[:-1].all(axis=1).all()


def test_log_probabilities(fitted):
    X, _ = documents()
    np.testing.assert_array_equal(fitted.predict_log_proba(X), np.log(fitted.predict_proba(X)))


def test_verbose_shows_keras_progress(capsys):
    small(epochs=2, verbose=1).fit(*documents())
    assert "Epoch 2/2" in capsys.readouterr().out


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


@both_architectures
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


@both_architectures
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


@both_architectures
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


# Randomness


@both_architectures
def test_same_seed_gives_the_same_predictions_and_another_seed_others(architecture):
    X, y = documents()
    options = {"dropout": 0.3, "epochs": 3, "learning_rate": 0.001, "lexical_weight": 0}
    fits = []
    for global_seed, seed in enumerate((1, 1, 2)):
        keras.utils.set_random_seed(global_seed)  # which must not matter
        fits.append(small(architecture=architecture, random_state=seed, **options).fit(X, y))
    first, second, other = fits
    np.testing.assert_array_equal(first.predict_proba(X), second.predict_proba(X))
    assert first.history_ == second.history_
    assert (first.predict_proba(X) != other.predict_proba(X)).any()


@pytest.mark.parametrize(
    "options",
    [
        {},
        *(
            pytest.param(options, marks=pytest.mark.slow)
            for options in (
                {"pretrained": False},
                {"architecture": "stacked", "filters": 64},
                {"architecture": "stacked", "filters": 64, "trainable_embedding": True},
            )
        ),
    ],
)
def test_same_seed_gives_the_same_predictions_where_threads_race(options):
    rng = np.random.RandomState(0)
    words = tuple(map(str, range(500)))
    vocabulary = Vocabulary(words, WordVectors(words, rng.randn(500, 50)))
    X, y = TokenIds(rng.randint(1, 500, (256, 200)), vocabulary), rng.randint(0, 5, 256)
    sizes = {"batch_size": 32, "embedding_dim": 50, "epochs": 2, "random_state": 0}
    first, *others = (
        KerasConvTextClassifier(**sizes, **options).fit(X, y).predict_proba(X) for _ in range(3)
    )
    for other in others:
        np.testing.assert_array_equal(other, first)


@pytest.mark.parametrize("name", ["residual", pytest.param("stacked", marks=pytest.mark.slow)])
def test_refit_starts_afresh(request, name):
    X, y = documents()
    expected = request.getfixturevalue(name)
    classifier = small(architecture=name, validation_fraction=0.5, epochs=2).fit(X[:, :5], y)
    classifier.set_params(validation_fraction=0.0, epochs=20).fit(X, np.array(["a", "b"])[y])
    np.testing.assert_array_equal(classifier.predict_proba(X), expected.predict_proba(X))
    assert classifier.n_features_in_ == 6
    assert "val_loss" not in classifier.history_


# Pickles


def test_pickles_keep_predictions_and_parameters_set_after_fit_do_not_matter(fitted):
    X, _ = documents()
    other = pickle.loads(pickle.dumps(fitted)).set_params(n_conv_layers=3, kernel_size=1, pool_size=7)
    np.testing.assert_array_equal(other.predict_proba(X), fitted.predict_proba(X))


def focal(targets, probabilities):
    return keras.losses.categorical_focal_crossentropy(targets, probabilities)


class CustomAdam(keras.optimizers.Adam):
    pass


@both_architectures
def test_pickle_needs_neither_loss_nor_optimizer(architecture):
    X, y = documents()
    classifier = small(architecture=architecture, loss=focal, optimizer=CustomAdam, epochs=1).fit(X, y)
    loaded = pickle.loads(pickle.dumps(classifier))
    np.testing.assert_array_equal(loaded.predict_proba(X), classifier.predict_proba(X))


def test_pickle_has_the_matrix_once():
    words = tuple(map(str, range(5000)))
    vocabulary = Vocabulary(
        words, WordVectors(words, np.random.RandomState(0).rand(5000, 50).astype(np.float32))
    )
    classifier = small(epochs=1).fit(*documents(vocabulary))
    classifier._vocabulary = None  # as vectors in memory are pickled with it
    assert 1e6 < len(pickle.dumps(classifier)) < 1.02e6


# The architecture "residual", and the lexical model beside it


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


@pytest.mark.parametrize(("kernel_size", "learned"), [(1, False), (3, True)])
def test_a_residual_convolution_learns_the_order_of_words(kernel_size, learned):
    rng = np.random.RandomState(0)
    documents, y = rng.randint(3, 30, (200, 7)), np.arange(200) % 2
    documents[:, 2:4] = np.where(y[:, np.newaxis], [1, 2], [2, 1])
    options = {"kernel_size": kernel_size, "epochs": 20, "lexical_weight": 0, "random_state": 0}
    classifier = KerasConvTextClassifier(embedding_dim=20, **options).fit(documents[:100], y[:100])
    assert (classifier.score(documents[100:], y[100:]) > 0.9) == learned


@pytest.mark.parametrize(
    "weight", [0.3, *(pytest.param(weight, marks=pytest.mark.slow) for weight in (0, 0.7))]
)
def test_the_lexical_model_has_its_share_in_the_probabilities(weight):
    X, y = documents()
    y = np.random.RandomState(0).permutation(y)  # so that the two are unsure, and do not agree
    classifier = small(architecture="residual", epochs=3, lexical_weight=np.float64(weight)).fit(X, y)
    network = expected = classifier.model_.predict_on_batch(np.asarray(X))
    assert (classifier.lexical_model_ is None) == (weight == 0)
    if weight:
        lexical = LexicalModel().fit(Documents(np.asarray(X).ravel(), np.full(32, 6)), y)
        lexical = np.exp(lexical.predict_log_proba(Documents(np.asarray(X).ravel(), np.full(32, 6))))
        assert np.abs(lexical - network).max() > 0.05
        expected = network ** (1 - weight) * lexical**weight
        expected /= expected.sum(axis=1, keepdims=True)
    got = classifier.predict_proba(X)
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, expected, rtol=1e-3)


@both_architectures
def test_what_is_cut_off_counts_among_the_ids(architecture):
    X, y = [[9, 1, 2], [1, 2], [3, 1, 2], [2]], [0, 1, 0, 1]
    classifier = small(architecture=architecture, maxlen=2, epochs=1).fit(X, y)
    assert classifier.predict(X).shape == (4,)
    assert embedding_of(classifier).input_dim == 10


def test_the_lexical_model_sees_the_same_words_as_the_network():
    X, y = ragged(n=40)
    classifier = small(architecture="residual", maxlen=3, epochs=1).fit(X, y)
    cut = X.copy()
    cut[:] = [document[-3:] for document in X]
    np.testing.assert_allclose(classifier.predict_proba(cut), classifier.predict_proba(X), atol=1e-6)
    other = small(architecture="residual", maxlen=3, epochs=1).fit(cut, y)
    np.testing.assert_array_equal(other.lexical_model_.weights_, classifier.lexical_model_.weights_)


@pytest.mark.parametrize(
    ("architecture", "maxlen"),
    [("residual", 2000), pytest.param("stacked", 1000, marks=pytest.mark.slow)],
)
def test_auto_maxlen(architecture, maxlen):
    X = np.array([[1, 2], np.tile([3, 4], 1500)], dtype=object)
    classifier = KerasConvTextClassifier(architecture, embedding_dim=2, epochs=1).fit(X, [0, 1])
    assert classifier.maxlen_ == maxlen


def test_settings_tell_what_auto_was(residual):
    assert residual.settings_ == {
        "trainable_embedding": True,
        "n_conv_layers": 1,
        "kernel_size": 2,
        "optimizer": "adam",
        "learning_rate": 0.05,
        "learning_rate_schedule": "one_cycle",
        "lexical_weight": 0.7,
        "batch_size": 8,
        "epochs": 20,
        "pretrained": True,
    }
    assert embedding_of(residual).trainable
    # The first step has used 1/25 of the rate, the last hardly any.
    assert float(residual.model_.optimizer.learning_rate) == pytest.approx(0, abs=1e-6)
