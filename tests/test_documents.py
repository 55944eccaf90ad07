import numpy as np
import pytest
from scipy.sparse import csr_array

from skglove.documents import Documents, check_ids, is_ragged

RAGGED = [[3], [], [2, 0, 2], [1, 3]]


def test_sequences_are_joined():
    documents = Documents.from_sequences(RAGGED)
    assert documents.values.tolist() == [3, 2, 0, 2, 1, 3]
    assert documents.values.dtype == np.int32
    assert documents.lengths.tolist() == [1, 0, 3, 2]
    assert documents.bounds.tolist() == [0, 1, 1, 4, 6]
    assert documents.rows.tolist() == [0, 2, 2, 2, 3, 3]
    assert [document.tolist() for document in documents.sequences()] == RAGGED
    assert documents[2].tolist() == [2, 0, 2]


def test_padding_at_the_beginning_of_rows_is_stripped():
    documents = Documents.from_matrix(np.array([[0, 0, 1], [0, 0, 0], [2, 0, 3], [0, 4, 0]]))
    assert [document.tolist() for document in documents.sequences()] == [[1], [0], [2, 0, 3], [4, 0]]


def test_a_slice_is_a_view():
    documents = Documents.from_sequences(RAGGED)
    part = documents[1:3]
    assert [document.tolist() for document in part.sequences()] == RAGGED[1:3]
    assert np.shares_memory(part.values, documents.values)
    with pytest.raises(ValueError, match="step 2"):
        documents[::2]


@pytest.mark.parametrize("n", [1, 2, 3])
def test_the_last_ids_are_kept(n):
    kept = Documents.from_sequences(RAGGED).keep_last(n)
    assert [document.tolist() for document in kept.sequences()] == [ids[-n:] for ids in RAGGED]


def test_ids_are_left_out():
    documents = Documents.from_sequences(RAGGED)
    kept = documents.keep(documents.values > 1)
    assert [document.tolist() for document in kept.sequences()] == [[3], [], [2, 2], [3]]


def test_counts_are_those_of_a_dense_count():
    rng = np.random.RandomState(0)
    ids = [rng.randint(0, 9, rng.randint(20)).tolist() for _ in range(50)]
    counts = Documents.from_sequences(ids).counts(12)
    expected = np.array([np.bincount(np.array(row, int), minlength=12) for row in ids])
    np.testing.assert_array_equal(counts.toarray(), expected)
    np.testing.assert_array_equal(np.diff(counts.indptr), (expected > 0).sum(axis=0))
    assert counts.has_canonical_format
    assert counts.nnz == csr_array(expected).nnz


def test_counting_leaves_the_ids_as_they_were():
    documents = Documents.from_sequences(RAGGED)
    documents.counts(4)
    assert documents.values.tolist() == [3, 2, 0, 2, 1, 3]


@pytest.mark.parametrize("n_ids", [2, 30, 2**31 - 1])
def test_copies_have_the_same_ids_and_class(n_ids):
    rng = np.random.RandomState(0)
    lengths, codes = rng.randint(0, 4, 2000), rng.randint(0, 3, 2000)
    values = rng.randint(0, n_ids, lengths.sum()).astype(np.int32)
    documents = np.split(values, np.cumsum(lengths)[:-1])
    first = {}
    expected = [
        first.setdefault((document.tobytes(), code), i)
        for i, (document, code) in enumerate(zip(documents, codes, strict=True))
    ]
    np.testing.assert_array_equal(Documents(values, lengths).first_copies(codes), expected)


def test_order_and_padding_tell_documents_apart():
    values, lengths = np.array([1, 2, 2, 1, 0, 1, 2, 1, 2, 0, 1, 2], dtype=np.int32), [2, 2, 3, 3, 2]
    assert Documents(values, np.array(lengths)).first_copies(np.zeros(5, dtype=int)).tolist() == [
        0,
        1,
        2,
        3,
        0,
    ]


def test_no_documents_have_no_copies():
    none = np.array([], dtype=np.int32)
    assert Documents(none, none).first_copies(none).tolist() == []


@pytest.mark.parametrize(
    ("X", "ragged"),
    [
        ([[1], [1, 2]], True),
        (([1], (1, 2)), True),
        ([[1, 2], [3, 4]], False),
        ([[1, 2]], False),
        (np.array([[1, 2]]), False),
        (np.array([[1, 2]], dtype=object), False),
        (RAGGED, True),
        (np.array([[3], [2, 0, 2]], dtype=object), True),
        (np.array([], dtype=object), True),
        (np.array([[0, 1], [1, 2]]), False),
        ([1, 2], False),
        (np.array([1, 2], dtype=object), False),
        ([], False),
        (None, False),
        (3, False),
    ],
)
def test_is_ragged(X, ragged):
    assert is_ragged(X) is ragged


@pytest.mark.parametrize("dtype", [np.int8, np.int64, np.uint32, np.float64, bool])
def test_check_ids_makes_int32_of_whole_numbers(dtype):
    ids = check_ids(np.array([[0, 1]], dtype=dtype))
    assert ids.dtype == np.int32
    assert ids.tolist() == [[0, 1]]


def test_check_ids_names_the_first_document_that_is_wrong():
    with pytest.raises(ValueError, match="got -1 in document 1"):
        check_ids(np.array([[1, 2, 3], [4, 5, -1], [-2, 0, 0]]))
    with pytest.raises(ValueError, match="got -1 in document 2"):
        check_ids(np.array([1, 2, -1]), lengths=np.array([2, 0, 1]))


def test_negative_numbers_count_from_the_last_document():
    documents = Documents.from_sequences(RAGGED)
    assert [documents[i].tolist() for i in (-1, -3)] == [RAGGED[-1], RAGGED[-3]]
    with pytest.raises(IndexError):
        documents[4]


@pytest.mark.parametrize(
    ("X", "message"),
    [
        ([[1, [2]], [3]], r"got \[1, \[2\]\] at index 0"),
        ([[1], {2, 3}], r"got \{2, 3\} at index 1"),
        ([[3], {1: 2}], r"got \{1: 2\} at index 1"),
        ([[2], [1, None]], r"got \[1, None\] at index 1"),
        ([[1], np.zeros((1, 1), int)], r"got array\(\[\[0\]\]\) at index 1"),
        ([[2**70], [1]], "at index 0"),
    ],
)
def test_what_is_no_sequence_of_ids_is_named(X, message):
    with pytest.raises(TypeError, match=f"Expected a sequence of token ids for each document, .*{message}"):
        Documents.from_sequences(X)


def test_some_documents_are_taken_in_the_order_asked_for():
    documents = Documents.from_sequences([[3, 1], [], [2, 2, 5], [4]])
    taken = documents.take(np.array([2, 0, 1, 2]))
    assert [document.tolist() for document in taken.sequences()] == [[2, 2, 5], [3, 1], [], [2, 2, 5]]
    assert not np.shares_memory(taken.values, documents.values)
    nothing = documents.take(np.array([], dtype=np.int64))
    assert (len(nothing), len(nothing.values)) == (0, 0)


def test_ids_are_numbered_by_their_place_among_some():
    documents = Documents.from_sequences([[9, 4], [], [4, 0, 2]])
    ids = np.array([0, 2, 3, 4, 9])
    numbered = documents.renumber(ids)
    assert [document.tolist() for document in numbered.sequences()] == [[4, 3], [], [3, 0, 1]]
    assert numbered.values.dtype == np.int32
    np.testing.assert_array_equal(ids[numbered.values], documents.values)
