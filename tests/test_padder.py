import copy
import logging
import pickle

import keras
import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from skglove import GloveTokenizer, SequencePadder, TokenIds, Vocabulary
from skglove.documents import Documents
from skglove.token_ids import with_vocabulary

RAGGED = [[1], [1, 2, 3, 4], [], [5, 6]]
VOCABULARY = Vocabulary(tuple("abcdef"))

IDS = st.integers(0, 2**31 - 1)
CORPORA = st.lists(st.lists(IDS, max_size=9), min_size=1, max_size=9)
SIDES = st.sampled_from(["pre", "post"])


def ragged_array(documents, vocabulary=None):
    arrays = [np.array(document, dtype=np.int32) for document in documents]
    return TokenIds(np.fromiter(arrays, dtype=object, count=len(arrays)), vocabulary)


def parts_of_one_array(documents, vocabulary=None):
    values = np.array([i for document in documents for i in document], dtype=np.int32)
    return with_vocabulary(Documents(values, list(map(len, documents))).sequences(), vocabulary)


# Keras as the oracle


@settings(deadline=None, max_examples=150)
@given(
    documents=CORPORA,
    unseen=CORPORA,
    maxlen=st.none() | st.integers(1, 12),
    padding=SIDES,
    truncating=SIDES,
)
def test_matrix_equals_keras(documents, unseen, maxlen, padding, truncating):
    assume(maxlen is not None or any(documents))
    sides = {"padding": padding, "truncating": truncating}
    expected = keras.utils.pad_sequences(documents, maxlen, **sides)
    ours = SequencePadder(maxlen, **sides)
    for X in (documents, tuple(documents), ragged_array(documents), parts_of_one_array(documents)):
        ids = ours.fit_transform(X)
        assert ids.dtype == np.int32
        np.testing.assert_array_equal(ids, expected)
        np.testing.assert_array_equal(ours.fit(X).transform(X), expected)
    expected = keras.utils.pad_sequences(unseen, ours.maxlen_, **sides)
    np.testing.assert_array_equal(ours.fit(ragged_array(documents)).transform(unseen), expected)


@settings(deadline=None, max_examples=50)
@given(
    matrix=st.integers(1, 6).flatmap(
        lambda width: st.lists(st.lists(IDS, min_size=width, max_size=width), min_size=1, max_size=6)
    ),
    maxlen=st.none() | st.integers(1, 8),
    padding=SIDES,
    truncating=SIDES,
)
def test_matrix_of_a_matrix_equals_keras(matrix, maxlen, padding, truncating):
    sides = {"padding": padding, "truncating": truncating}
    expected = keras.utils.pad_sequences(matrix, maxlen, **sides)
    for X in (matrix, np.array(matrix), np.asfortranarray(matrix), TokenIds(matrix), pd.DataFrame(matrix)):
        np.testing.assert_array_equal(SequencePadder(maxlen, **sides).fit_transform(X), expected)


def test_parts_of_one_array_are_not_joined_again(monkeypatch):
    parts = parts_of_one_array([[1], [2, 3, 4], [], [5, 6, 7, 8]])
    monkeypatch.setattr("skglove.documents.Documents.from_sequences", None)
    assert SequencePadder(2).fit_transform(parts).tolist() == [[0, 1], [3, 4], [0, 0], [7, 8]]
    with pytest.raises(TypeError):  # of a large array, these are few
        SequencePadder(2).fit_transform(parts[:1])


def test_default_is_1000_columns_padded_and_cut_on_the_left():
    ids = SequencePadder().fit_transform([[1, 2], range(2000)])
    assert ids.shape == (2, 1000)
    assert ids[:, -2:].tolist() == [[1, 2], [1998, 1999]]


# Inputs


@pytest.mark.parametrize(
    "container",
    [
        list,
        tuple,
        ragged_array,
        parts_of_one_array,
        lambda documents: parts_of_one_array([[-7], *documents, [-8]])[1:-1],  # parts, but not all of them
        lambda documents: parts_of_one_array([*documents[::-1], range(99)])[-2::-1],
        lambda documents: [document[::-1] for document in parts_of_one_array([d[::-1] for d in documents])],
        lambda documents: np.array(documents, dtype=object),
        pd.Series,
        pl.Series,
        lambda documents: [np.array(document, dtype=np.int64) for document in documents],
        lambda documents: [np.array(document, dtype=np.float32) for document in documents],
        lambda documents: [tuple(document) for document in documents],
        lambda documents: [pd.Series(document, dtype=int) for document in documents],
    ],
)
def test_every_kind_of_ragged_ids_gives_the_same_matrix(container):
    expected = [[0, 1], [3, 4], [0, 0], [5, 6]]
    assert SequencePadder(2).fit_transform(container(RAGGED)).tolist() == expected


@pytest.mark.parametrize("method", ["fit", "fit_transform", "transform"])
@pytest.mark.parametrize(
    ("X", "error", "message"),
    [
        ([[1], [2, -3]], ValueError, "Negative values in data: token ids .* got -3 in document 1"),
        (parts_of_one_array([[1], [], [2, -3]]), ValueError, "got -3 in document 2"),
        ([*parts_of_one_array([[1], [2]]), np.array([-4], np.int32)], ValueError, "got -4 in document 2"),
        ([*parts_of_one_array([[1], [2]]), [-5]], ValueError, "got -5 in document 2"),
        (list(np.array([[[1, 2]], [[3, 4]]], dtype=np.int32)), ValueError, "got some of 2 dimensions"),
        (
            [part.view(np.float32) for part in parts_of_one_array([[1], [2]])],
            ValueError,
            "got 1.4.*e-45 in document 0",
        ),
        (np.array([[1, 2], [3, -4]]), ValueError, "got -4 in document 1"),
        ([[1], [], [2, 1.5]], ValueError, "got 1.5 in document 2"),
        (np.array([[1, 2.5]]), ValueError, "got 2.5 in document 0"),
        ([[1], [2, np.nan]], ValueError, "got nan in document 1"),
        (np.array([[1, np.nan]]), ValueError, "contains NaN"),
        ([[1], [2, np.inf]], ValueError, "got inf in document 1"),
        ([[1, 2], [2**31]], ValueError, "from 0 to 2147483647, got 2147483648 in document 1"),
        (np.array([[2**40]]), ValueError, "got 1099511627776 in document 0"),
        ([[2**70], [1, 2]], TypeError, r"Expected a sequence of token ids .* at index 0"),
        ([["a"], ["b", "c"]], TypeError, "Token ids are integers, got values of dtype <U1"),
        (["a text"], TypeError, "got a str at index 0: 'a text'. Put a GloveTokenizer before"),
        (np.array(["a", "b"]), TypeError, "got a str_ at index 0: .*. Put a GloveTokenizer before"),
        ([[1], b"text"], TypeError, "got a bytes at index 1"),
        ([[1], None, [2]], TypeError, "sequence of token ids for each document, got None at index 1"),
        ([[1], 2], TypeError, "sequence of token ids for each document, got 2 at index 1"),
        ([1, 2], ValueError, "Expected 2D array, got 1D array"),
        (3, ValueError, "Expected 2D array, got scalar"),
        (np.ones((2, 2, 2), dtype=int), ValueError, "dim 3"),
        ([[[1, 2]], [[3, 4], [5, 6]]], ValueError, "got some of 2 dimensions"),
        ([], ValueError, "Expected 2D array"),
        (ragged_array([]), ValueError, r"0 sample\(s\)"),
        (np.empty((0, 3), dtype=int), ValueError, r"0 sample\(s\)"),
    ],
)
def test_what_are_no_ids_is_an_error_that_says_where(method, X, error, message):
    ours = SequencePadder(5)
    if method == "transform":
        ours.fit(RAGGED)
    with pytest.raises(error, match=message):
        getattr(ours, method)(X)


@pytest.mark.parametrize("maxlen", [0, -1, 2.0, "10"])
def test_wrong_maxlen_is_an_error(maxlen):
    with pytest.raises(ValueError, match="The 'maxlen' parameter of SequencePadder must be"):
        SequencePadder(maxlen).fit(RAGGED)


def test_a_wrong_parameter_is_not_printed_whole():
    with pytest.raises(ValueError, match="The 'maxlen' parameter of SequencePadder must be") as raised:
        SequencePadder([[7] * 1000] * 1000).fit(RAGGED)
    assert len(str(raised.value)) < 600


@pytest.mark.parametrize("side", ["padding", "truncating"])
def test_sides_other_than_pre_and_post_are_an_error(side):
    with pytest.raises(ValueError, match=f"The '{side}' parameter of SequencePadder must be a str among"):
        SequencePadder(**{side: "left"}).fit_transform(RAGGED)


def test_use_before_fit_is_a_not_fitted_error():
    with pytest.raises(NotFittedError, match="not fitted yet"):
        SequencePadder().transform(RAGGED)


def test_empty_documents_are_padding_alone():
    assert SequencePadder(2).fit_transform([[], [], []]).tolist() == [[0, 0]] * 3
    assert SequencePadder(2).fit_transform(ragged_array([[], []])).tolist() == [[0, 0]] * 2


def test_lists_of_one_length_are_documents_as_others_are():
    assert SequencePadder(3).fit([[1, 2], [3, 4]]).transform([[1, 2, 3]]).tolist() == [[1, 2, 3]]


def test_arrays_must_have_the_columns_of_fit():
    with pytest.raises(ValueError, match="X has 3 features, but SequencePadder is expecting 2"):
        SequencePadder(3).fit(np.ones((2, 2), int)).transform(np.ones((2, 3), int))


def test_one_document_is_enough():
    assert SequencePadder(2).fit_transform([[1]]).tolist() == [[0, 1]]
    assert SequencePadder(2).fit(RAGGED).transform(ragged_array([[7]])).tolist() == [[0, 7]]


def test_maxlen_none_needs_a_document_that_is_not_empty():
    with pytest.raises(ValueError, match="maxlen=None takes the longest document's length, but all"):
        SequencePadder(None).fit(ragged_array([[], []]))


def test_callers_ids_are_left_as_they_are():
    X = ragged_array(RAGGED)
    before = copy.deepcopy(X)
    SequencePadder(2).fit(X).transform(X)[:] = 9
    matrix = np.arange(4, dtype=np.int32).reshape(2, 2)
    SequencePadder(2).fit_transform(matrix)[:] = 9
    assert [document.tolist() for document in X] == [document.tolist() for document in before]
    assert matrix.tolist() == [[0, 1], [2, 3]]


# What it learns and passes on


@pytest.mark.parametrize("kind", [np.uint8, np.int64])
def test_maxlen_of_numpy(kind):
    assert SequencePadder(kind(2)).fit_transform(RAGGED).tolist() == [[0, 1], [3, 4], [0, 0], [5, 6]]


def test_maxlen_none_is_the_longest_document_of_fit():
    ours = SequencePadder(None).fit(RAGGED)
    assert ours.maxlen_ == 4
    assert ours.transform([[1, 2, 3, 4, 5], [6]]).tolist() == [[2, 3, 4, 5], [0, 0, 0, 6]]


@pytest.mark.parametrize(("maxlen", "n_truncated"), [(1, 2), (2, 1), (4, 0), (None, 0)])
def test_n_truncated_counts_the_documents_that_are_cut(maxlen, n_truncated):
    assert SequencePadder(maxlen).fit(RAGGED).n_truncated_ == n_truncated


def test_transform_logs_how_many_documents_it_cut(caplog):
    ours = SequencePadder(2).fit(RAGGED)
    with caplog.at_level(logging.INFO, logger="skglove.padder"):
        ours.transform([[1, 2, 3], [1], [1, 2, 3, 4]])
        ours.transform([[1], [1, 2]])
    assert caplog.messages == ["cut 2 of 3 documents to 2 tokens"]


MATRIX = TokenIds([[1, 2], [3, 4]], VOCABULARY)


@pytest.mark.parametrize(
    "X",
    [
        ragged_array(RAGGED, VOCABULARY),
        parts_of_one_array(RAGGED, VOCABULARY),
        pd.Series(ragged_array(RAGGED, VOCABULARY)),
        MATRIX,
        np.asarray(MATRIX),
        np.asfortranarray(MATRIX),
        list(MATRIX),
    ],
)
def test_vocabulary_is_passed_on(X):
    ours = SequencePadder(3)
    for ids in (ours.fit_transform(X), ours.fit(X).transform(X)):
        assert isinstance(ids, TokenIds)
        assert ids.vocabulary is VOCABULARY


def test_vocabulary_of_a_frame_is_passed_on():
    ids = SequencePadder(3).fit_transform(pd.DataFrame(MATRIX, columns=["a", "b"]))
    assert isinstance(ids, TokenIds)
    assert ids.vocabulary is VOCABULARY


def test_without_a_vocabulary_there_is_none():
    assert SequencePadder(3).fit_transform(RAGGED).vocabulary is None


def test_refit_forgets_columns_of_an_earlier_matrix():
    ours = SequencePadder(2).fit(pd.DataFrame({"a": [1], "b": [2]}))
    assert (ours.n_features_in_, list(ours.feature_names_in_)) == (2, ["a", "b"])
    ours.fit(RAGGED)
    assert vars(ours) == vars(SequencePadder(2).fit(RAGGED))


@pytest.mark.parametrize("method", ["fit", "fit_transform"])
@pytest.mark.parametrize("fitted_on", [RAGGED, pd.DataFrame({"a": [1], "b": [2]})])
@pytest.mark.parametrize("wrong", [[[1], [2, -3]], np.array([[1, -2, 3]]), [[], []], ["text"], None])
def test_a_fit_that_fails_leaves_it_as_it_was(method, fitted_on, wrong):
    ours = SequencePadder(None).fit(fitted_on)
    before = dict(vars(ours))
    with pytest.raises((ValueError, TypeError)):
        getattr(ours, method)(wrong)
    assert vars(ours) == before
    fresh = SequencePadder(None)
    with pytest.raises((ValueError, TypeError)):
        getattr(fresh, method)(wrong)
    assert vars(fresh) == vars(SequencePadder(None))


def test_a_fit_that_is_interrupted_leaves_it_as_it_was(monkeypatch):
    ours = SequencePadder(2).fit(np.ones((2, 3), int))
    before = dict(vars(ours))

    def interrupt(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(SequencePadder, "_pad", interrupt)
    with pytest.raises(KeyboardInterrupt):
        ours.fit_transform(RAGGED)
    assert vars(ours) == before


@pytest.mark.parametrize("maxlen", [10**12, 10**18, 10**30])
def test_more_columns_than_memory_is_an_error_that_names_maxlen(maxlen):
    message = rf"4 documents of maxlen={maxlen} ids need [\d,]+\.\d GiB\. Lower maxlen, or leave "
    with pytest.raises(MemoryError, match=message):
        SequencePadder(maxlen).fit_transform(RAGGED)
    with pytest.raises(MemoryError, match=message):
        SequencePadder(maxlen).fit(RAGGED).transform(RAGGED)


def test_a_document_too_long_for_a_matrix_is_named_as_what_set_maxlen():
    ours = SequencePadder(None).fit(RAGGED)
    ours.maxlen_ = 2**45  # as if a document had that many ids
    with pytest.raises(MemoryError, match="the length of the longest document given to fit, need"):
        ours.transform(RAGGED)


def test_numbers_beside_the_ids_of_a_frame_are_refused():
    frame = pd.DataFrame(MATRIX).add_prefix("word").assign(price=5)
    for method in ("fit_transform", "fit"):
        with pytest.raises(ValueError, match=r"1 of X's 3 columns carry no vocabulary.*'price'"):
            getattr(SequencePadder(3), method)(frame)


def test_clone_and_pickle_keep_it():
    ours = SequencePadder(None, padding="post", truncating="post").fit(RAGGED)
    assert clone(ours).get_params() == ours.get_params()
    again = pickle.loads(pickle.dumps(ours))
    np.testing.assert_array_equal(again.transform(RAGGED), ours.transform(RAGGED))


def test_ids_of_the_tokenizer_are_padded():
    tokens = GloveTokenizer(vectors=None)
    ids = SequencePadder(3).fit_transform(tokens.fit_transform(["a b a c", "", "b"]))
    assert ids.tolist() == [[2, 1, 3], [0, 0, 0], [0, 0, 2]]
    assert ids.vocabulary.words == ("a", "b", "c")
