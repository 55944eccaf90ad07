import warnings

import numpy as np
import pytest

from skglove import KerasConvTextClassifier, Vocabulary, WordVectors
from skglove.documents import Documents
from skglove.vocabulary_checks import check_largest, check_size, check_vocabulary, count_rows, takes_vectors

WORDS = ("good", "bad")
VOCABULARY = Vocabulary(WORDS, WordVectors(WORDS, np.eye(2)))
DOCUMENTS = Documents.from_sequences([[1], [2, 1]])


@pytest.mark.parametrize(
    ("vocabulary", "vocabulary_size", "n_ids"), [(VOCABULARY, None, 3), (None, 9, 9), (None, None, 3)]
)
def test_rows_are_those_of_the_vocabulary_or_up_to_the_largest_id(vocabulary, vocabulary_size, n_ids):
    assert count_rows(DOCUMENTS, vocabulary, vocabulary_size) == n_ids


@pytest.mark.parametrize(
    ("largest", "vocabulary", "vocabulary_size", "message"),
    [
        (3, VOCABULARY, None, "X has the id 3, but its vocabulary ends at 2"),
        (4, None, 4, "vocabulary_size=4, but X has the id 4"),
        (2**24, None, None, "X has the id 16777216 in document 1, .* 16,777,217 rows"),
    ],
)
def test_ids_without_a_row_are_an_error(largest, vocabulary, vocabulary_size, message):
    with pytest.raises(ValueError, match=message):
        count_rows(Documents.from_sequences([[1], [largest]]), vocabulary, vocabulary_size)


@pytest.mark.parametrize(
    ("vocabulary", "pretrained", "expected"),
    [
        (VOCABULARY, "auto", True),
        (VOCABULARY, True, True),
        (VOCABULARY, False, False),
        (Vocabulary(WORDS), "auto", False),
        (None, False, False),
    ],
)
def test_vectors_are_taken_if_there_are_some_unless_refused(vocabulary, pretrained, expected):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert takes_vectors(vocabulary, pretrained) is expected


def test_no_vocabulary_is_a_warning():
    with pytest.warns(UserWarning, match="X carries no vocabulary, so the embedding is learned"):
        assert takes_vectors(None, "auto") is False


def test_an_embedding_of_which_nothing_can_be_trained_is_an_error():
    check_size(2**20, 2_000, None)
    with pytest.raises(
        ValueError, match=r"1,048,576 rows of 2,048 numbers needs 8 GiB, .*embedding_dim=2048"
    ):
        check_size(2**20, 2_048, None)


def test_another_vocabulary_is_an_error_and_an_equal_one_or_none_is_not():
    for other in (VOCABULARY, Vocabulary(WORDS, "elsewhere.txt"), None):
        check_vocabulary(other, VOCABULARY)
    with pytest.raises(
        ValueError, match=r"another vocabulary \(1 words\) than the one fitted on \(2 words\)"
    ):
        check_vocabulary(Vocabulary(WORDS[:1]), VOCABULARY)


@pytest.mark.parametrize(
    ("vocabulary", "message"),
    [(VOCABULARY, "the last word of the vocabulary fitted on"), (None, "the largest id known in fit")],
)
def test_an_id_behind_the_last_row_is_an_error(vocabulary, message):
    check_largest(DOCUMENTS, 3, vocabulary)
    with pytest.raises(ValueError, match=f"X has the id 2, but the embedding ends at 1, {message}"):
        check_largest(DOCUMENTS, 2, vocabulary)


def test_a_vocabulary_size_beside_a_vocabulary_draws_a_warning():
    documents = Documents.from_sequences([[1, 2]])
    with pytest.warns(UserWarning, match="vocabulary_size=10 has no effect: X carries a vocabulary"):
        assert count_rows(documents, Vocabulary(("a", "b")), 10) == 3


# Sizes that no computer has


@pytest.mark.parametrize("as_ragged", [False, True])
def test_an_id_too_large_for_an_embedding_is_an_error_that_names_it(as_ragged):
    X = [[1], [2**31 - 1], *([[1, 2]] if as_ragged else [[2]])] * 4
    with pytest.raises(ValueError, match=r"id 2147483647 in document 1, so .* rows.* set vocabulary_size"):
        KerasConvTextClassifier(pretrained=False).fit(X, [0, 1, 1] * 4)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        (
            {"vocabulary_size": 2**31},
            "2,147,483,648 rows of 100 numbers needs 864 GiB.*vocabulary_size=2147483648",
        ),
        ({"vocabulary_size": 2**31, "embedding_dim": 1}, "rows of 1 numbers needs 72 GiB"),
        ({"embedding_dim": 10**6}, "The 'embedding_dim' parameter .* must be an int in the range"),
        ({"vocabulary_size": 10**6, "embedding_dim": 10**4}, "1,000,000 rows of 10,000 numbers needs 37 GiB"),
        ({"maxlen": 10**12}, "maxlen_=1000000000000 ids.*longest document in X has 2. Lower maxlen"),
        ({"batch_size": 2**40}, "batch_size=1099511627776 documents of maxlen_=2000"),
    ],
)
def test_sizes_that_fit_into_no_memory_are_errors(parameters, message):
    with pytest.raises(ValueError, match=message):
        KerasConvTextClassifier(pretrained=False, **parameters).fit([[1], [1, 2]] * 4, [0, 1] * 4)


@pytest.mark.slow
def test_one_document_too_long_for_a_batch_is_named_as_the_cause():
    X = [np.ones(2**25, np.int32), [1, 2], [1], [2]]
    with pytest.raises(ValueError, match=r"maxlen_=33554432 ids.*longest document in X has 33554432\."):
        KerasConvTextClassifier(pretrained=False, maxlen=None).fit(X, [0, 1, 0, 1])
