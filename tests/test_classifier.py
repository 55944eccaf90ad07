import copy
import pickle

import classifier_samples
import keras
import numpy as np
import pandas as pd
import pytest
from classifier_samples import (
    VECTORS,
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
from scipy.sparse import csr_matrix
from scipy.special import expit
from sklearn.base import clone
from sklearn.exceptions import DataConversionWarning, NotFittedError
from sklearn.model_selection import GridSearchCV

import skglove.network.batches
from skglove import SequencePadder, TokenIds, Vocabulary, WordVectors

# Many tests here are of ids that never had a vocabulary.
pytestmark = pytest.mark.filterwarnings("ignore:X carries no vocabulary")

hybrid, stacked = classifier_samples.hybrid, classifier_samples.stacked
parallel = classifier_samples.parallel


@pytest.fixture(params=["hybrid", "stacked", pytest.param("parallel", marks=pytest.mark.slow)])
def fitted(request):
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="module")
def without_vocabulary():
    return small().fit(*documents(None))


# Labels


@pytest.mark.parametrize(
    "labels",
    [
        [False, True],
        *(
            pytest.param(labels, marks=pytest.mark.slow)
            for labels in (["no", "yes"], [-5, -1], [3, 7], [0, 1])
        ),
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


@pytest.mark.slow
def test_three_classes_of_python_strings():
    X, y = documents()
    labels = np.array(["b", "a"], dtype=object)[y]
    labels[:8] = "c"
    X[:8, 2:] = 3
    classifier = small(epochs=40).fit(X, labels.tolist())
    assert classifier.classes_.tolist() == ["a", "b", "c"]
    probabilities, scores = classifier.predict_proba(X), classifier.decision_function(X)
    assert probabilities.shape == (32, 3)
    np.testing.assert_allclose(np.exp(scores), probabilities, rtol=1e-5)
    assert classifier.score(X, labels) > 0.9


def test_probabilities_are_a_matrix_of_float32_whose_rows_sum_to_1(fitted):
    probabilities = fitted.predict_proba(documents()[0])
    assert probabilities.shape == (32, 2)
    assert probabilities.dtype == np.float32
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-6)
    assert probabilities.min() >= 0


def test_log_probabilities(fitted):
    X, _ = documents()
    np.testing.assert_array_equal(fitted.predict_log_proba(X), np.log(fitted.predict_proba(X)))


def test_the_decision_function_is_the_log_odds_of_the_second_class(fitted):
    X, _ = documents()
    scores = fitted.decision_function(X)
    assert (scores.shape, scores.dtype) == ((32,), np.float32)
    np.testing.assert_allclose(expit(scores), fitted.predict_proba(X)[:, 1], rtol=1e-5)
    np.testing.assert_array_equal(fitted.classes_[(scores > 0).astype(int)], fitted.predict(X))


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
        (np.eye(2)[documents()[1]] * 2, ValueError, r"\(32, 2\), but document 0 has 2.0 in column 0"),
        (["a", None] * 16, ValueError, "document 1 has no label"),
    ],
)
def test_labels_are_checked_in_fit_and_score(fitted, labels, error, message):
    X, _ = documents()
    for method in (small().fit, fitted.score):
        with pytest.raises(error, match=message):
            method(X, labels)


# Of that many classes, new versions of scikit-learn warn.
@pytest.mark.slow
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


@pytest.mark.slow
def test_a_column_of_labels_is_taken_with_a_warning():
    X, y = documents()
    with pytest.warns(DataConversionWarning, match="1d array was expected"):
        assert small().fit(X, y[:, None]).score(X, y) == 1


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


@pytest.mark.slow
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
        (None, "X must be documents of token ids, got None"),
        (5, "X must be documents of token ids, got 5"),
    ],
)
def test_what_other_vectorizers_make_is_an_error_that_names_the_tokenizer(fitted, wrong, message):
    with pytest.raises(TypeError, match=message):
        small().fit(wrong, documents()[1])
    with pytest.raises(TypeError, match=message):
        fitted.predict(wrong)


def test_an_empty_list_is_an_error(fitted):
    with pytest.raises(ValueError, match="There are no documents: X is empty"):
        small().fit([], [])
    with pytest.raises(ValueError, match="There are no documents: X is empty"):
        fitted.predict([])


def test_a_list_of_documents_of_another_length_than_in_fit_is_an_error_that_says_why(fitted):
    with pytest.raises(
        ValueError, match=r"X has 2 features, .*expecting 6 features as input.* array of objects"
    ):
        fitted.predict([[1, 2], [2, 1]])


@all_architectures
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


@pytest.mark.slow
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
    # Keras warns, too, on some backends.
    assert [warning.filename for warning in warned if warning.category is UserWarning] == [__file__]
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


@pytest.mark.slow
def test_a_grid_searches_the_widths_of_filters():
    X, y = documents()
    widths = [(2,), (1, 3), 2, "auto"]
    search = GridSearchCV(small(architecture="parallel", epochs=1), {"kernel_size": widths}, cv=2).fit(X, y)
    assert list(search.cv_results_["param_kernel_size"]) == widths
    best = search.best_estimator_
    assert clone(best).kernel_size == best.kernel_size == search.best_params_["kernel_size"]
    sizes = best.settings_["kernel_size"]
    assert sizes == ((3, 4, 5) if best.kernel_size == "auto" else best.kernel_size)
    for name, width in zip(("convolution_1", "convolution_2"), np.atleast_1d(sizes), strict=False):
        assert best.model_.get_layer(name).kernel_size == (width,)


# Pickles


def test_pickles_keep_predictions_and_parameters_set_after_fit_do_not_matter(fitted):
    X, _ = documents()
    other = pickle.loads(pickle.dumps(fitted)).set_params(n_conv_layers=3, kernel_size=1, pool_size=7)
    np.testing.assert_array_equal(other.predict_proba(X), fitted.predict_proba(X))


def focal(targets, probabilities):
    return keras.losses.categorical_focal_crossentropy(targets, probabilities)


class CustomAdam(keras.optimizers.Adam):
    pass


@all_architectures
def test_pickle_needs_neither_loss_nor_optimizer(architecture):
    X, y = documents()
    classifier = small(architecture=architecture, loss=focal, optimizer=CustomAdam, epochs=1).fit(X, y)
    loaded = pickle.loads(pickle.dumps(classifier))
    np.testing.assert_array_equal(loaded.predict_proba(X), classifier.predict_proba(X))


@pytest.mark.slow
def test_pickle_has_the_matrix_once():
    words = tuple(map(str, range(5000)))
    vocabulary = Vocabulary(
        words, WordVectors(words, np.random.RandomState(0).rand(5000, 50).astype(np.float32))
    )
    classifier = small(epochs=1).fit(*documents(vocabulary))
    classifier._vocabulary = None  # as vectors in memory are pickled with it
    assert 1e6 < len(pickle.dumps(classifier)) < 1.02e6
