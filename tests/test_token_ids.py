import copy
import pickle

import joblib
import numpy as np
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.model_selection import KFold, cross_val_score, train_test_split
from sklearn.pipeline import Pipeline
from sklearn.utils import _safe_indexing, resample, shuffle

from skglove import GloveTokenizer, SequencePadder, TokenIds, Vocabulary, WordVectors
from skglove.token_ids import check_ids, flatten_ragged, is_ragged, ragged_token_ids

WORDS = ("the", "cat", "dog", "saw", "end")
VECTORS = WordVectors(["cat", "the"], [[1.0, 2.0], [3.0, 4.0]])
VOCABULARY = Vocabulary(WORDS, VECTORS)
MASK = np.array([True, False, True])


def padded():
    return TokenIds([[0, 0, 1], [0, 2, 3], [4, 5, 1]], VOCABULARY)


def ragged():
    return ragged_token_ids(np.array([1, 2, 3, 4, 5, 1], np.int32), [1, 2, 3], VOCABULARY)


@pytest.fixture(params=[padded, ragged])
def ids(request):
    return request.param()


def equal(one, other):
    return len(one) == len(other) and all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


# Vocabulary


def test_embedding_matrix_has_zeros_for_padding_and_for_words_without_a_vector():
    matrix = VOCABULARY.embedding_matrix()
    assert matrix.tolist() == [[0, 0], [3, 4], [1, 2], [0, 0], [0, 0], [0, 0]]
    assert matrix.dtype == np.float32


def test_has_vectors_tells_which_words_have_one():
    assert VOCABULARY.has_vectors().tolist() == [True, True, False, False, False]
    assert not Vocabulary(WORDS).has_vectors().any()


def test_embedding_matrix_without_vectors_is_an_error():
    with pytest.raises(ValueError, match=r"no word vectors\. Give GloveTokenizer some"):
        Vocabulary(WORDS).embedding_matrix()


def test_vocabulary_is_its_words_in_short():
    assert repr(Vocabulary(WORDS, "glove.6B.50d")) == "Vocabulary(5 words, vectors='glove.6B.50d')"
    assert len(VOCABULARY) == 5


def test_vocabulary_cannot_be_changed():
    with pytest.raises(AttributeError, match="cannot assign to field 'words'"):
        VOCABULARY.words = ()


# Where the vocabulary is kept


@pytest.mark.parametrize(
    "select",
    [
        lambda ids: ids[1:],
        lambda ids: ids[::-1],
        lambda ids: ids[[2, 0]],
        lambda ids: ids[np.array([2, 0])],
        lambda ids: ids[MASK],
        lambda ids: ids[MASK.tolist()],
        lambda ids: ids[...],
        lambda ids: ids[:0],
        lambda ids: ids.take([2, 0], axis=0),
        lambda ids: np.take(ids, [2, 0], axis=0),
        lambda ids: ids.copy(),
        copy.copy,
        copy.deepcopy,
        lambda ids: _safe_indexing(ids, [2, 0]),
        lambda ids: _safe_indexing(ids, MASK),
        lambda ids: _safe_indexing(ids, slice(1, None)),
        lambda ids: train_test_split(ids, random_state=0)[0],
        lambda ids: train_test_split(ids, np.arange(3), random_state=0)[1],
        lambda ids: shuffle(ids, random_state=0),
        lambda ids: resample(ids, random_state=0),
        lambda ids: ids.astype(ids.dtype),
        lambda ids: ids.astype(ids.dtype, copy=False),
    ],
)
def test_vocabulary_survives(ids, select):
    result = select(ids)
    assert isinstance(result, TokenIds)
    assert result.dtype == ids.dtype
    assert result.vocabulary is VOCABULARY


@pytest.mark.parametrize("dtype", [np.int64, np.uint16, np.float32, object])
def test_vocabulary_survives_astype_to_numbers(dtype):
    result = padded().astype(dtype)
    assert result.dtype == dtype
    assert result.vocabulary is VOCABULARY


def test_vocabulary_survives_selection_of_columns_and_of_a_row():
    assert padded()[:, 1:].vocabulary is VOCABULARY
    assert padded()[0].vocabulary is VOCABULARY


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_vocabulary_survives_pickle(ids, protocol):
    result = pickle.loads(pickle.dumps(ids[1:], protocol))
    assert equal(result, ids[1:])
    assert result.vocabulary.words == WORDS
    np.testing.assert_array_equal(result.vocabulary.embedding_matrix(), VOCABULARY.embedding_matrix())


@pytest.mark.parametrize("compress", [0, 3])
def test_vocabulary_survives_joblib_dump(ids, compress, tmp_path):
    joblib.dump(ids, tmp_path / "ids", compress=compress)
    result = joblib.load(tmp_path / "ids")
    assert equal(result, ids)
    assert result.vocabulary.words == WORDS


def test_vocabulary_survives_joblib_memory(ids, tmp_path):
    last = joblib.Memory(tmp_path, verbose=0).cache(take_last)
    for _ in range(2):
        result = last(ids)
        assert equal(result, ids[-1:])
        assert result.vocabulary.words == WORDS
    assert last.check_call_in_cache(ids)


def take_last(ids):
    return ids[-1:]


def test_deepcopy_copies_the_documents():
    ids = ragged()
    result = copy.deepcopy(ids)
    result[0][0] = 9
    assert ids[0].tolist() == [1]


def test_a_copy_does_not_share_its_ids():
    for duplicate in (copy.copy, copy.deepcopy, TokenIds.copy):
        ids = padded()
        duplicate(ids)[0, 0] = 9
        assert ids[0, 0] == 0


class Spy(TransformerMixin, BaseEstimator):
    """Scores ids by whether they carry a vocabulary."""

    def fit(self, X, y=None):
        self.vocabulary_ = X.vocabulary
        return self

    def score(self, X, y=None):
        return float(X.vocabulary is not None and X.vocabulary.words == self.vocabulary_.words)


def test_vocabulary_survives_cross_validation_of_tokenised_texts(ids):
    assert cross_val_score(Spy(), ids, cv=KFold(3)).tolist() == [1, 1, 1]
    pipeline = Pipeline([("pad", SequencePadder(3)), ("spy", Spy())])
    assert cross_val_score(pipeline, ids, cv=KFold(3), n_jobs=2).tolist() == [1, 1, 1]


def test_cached_pipeline_gives_each_candidate_its_own_vocabulary(tmp_path):
    # The ids are equal, with and without vectors: what the padder is cached by must tell them apart.
    for _ in range(2):
        for vectors in (None, VECTORS):
            steps = [("tokens", GloveTokenizer(vectors)), ("pad", SequencePadder(3)), ("spy", Spy())]
            pipeline = Pipeline(steps, memory=joblib.Memory(tmp_path, verbose=0)).fit(["the cat", "the"])
            assert (pipeline["spy"].vocabulary_.vectors is None) == (vectors is None)


# Where it is dropped


@pytest.mark.parametrize(
    "compute",
    [
        lambda ids: ids + 1,
        lambda ids: 1 + ids,
        lambda ids: ids * ids,
        lambda ids: -ids,
        lambda ids: ids == ids,
        lambda ids: ids > 1,
        np.sqrt,
        lambda ids: np.add(ids, 1, where=ids.astype(bool), out=np.zeros((3, 3), int)),
        lambda ids: ids.max(axis=1),
        lambda ids: ids.sum(axis=1),
        lambda ids: ids.mean(axis=0),
        lambda ids: np.add.reduceat(ids, [0, 2]),
        lambda ids: np.concatenate([ids, ids]),
        lambda ids: np.stack([ids, ids]),
        lambda ids: np.vstack([ids, ids]),
        lambda ids: np.append(ids, ids),
        lambda ids: np.where(ids, ids, 0),
        lambda ids: np.unique(ids),
        lambda ids: ids.reshape(-1),
        lambda ids: ids.ravel(),
        lambda ids: ids.flatten(),
        lambda ids: ids.T,
        lambda ids: ids.view(TokenIds),
        lambda ids: ids.argsort(axis=1),
        lambda ids: ids.argmax(axis=1),
        lambda ids: ids.cumsum(axis=1),
        lambda ids: ids.astype(bool),
        lambda ids: ids.astype(str),
        lambda ids: ids @ np.ones(3),
        np.asarray,
        np.array,
        np.zeros_like,
    ],
)
def test_vocabulary_is_dropped_by_computation(compute):
    assert getattr(compute(padded()), "vocabulary", None) is None


def add_in_place(ids):
    ids += 1
    return ids


def add_into(ids):
    np.add(ids, 1, out=ids)
    return ids


def add_at(ids):
    np.add.at(ids, slice(None), 1)
    return ids


@pytest.mark.parametrize("compute", [add_in_place, add_into, add_at])
def test_vocabulary_is_dropped_by_computation_in_place(compute):
    ids = padded()
    assert getattr(compute(ids), "vocabulary", None) is None
    assert ids.vocabulary is None
    assert ids[0].tolist() == [1, 1, 2]


def test_what_computation_gives_is_a_plain_array():
    assert type(padded() + 1) is np.ndarray
    assert type(padded() == 1) is np.ndarray
    assert type(padded().max()) is np.int32


def test_concatenated_ragged_ids_have_no_vocabulary():
    result = np.concatenate([ragged(), ragged()])
    assert getattr(result, "vocabulary", None) is None
    assert len(result) == 6


# What it looks like


def test_repr_of_padded_ids():
    assert repr(padded()) == "TokenIds([[0, 0, 1],\n          [0, 2, 3],\n          [4, 5, 1]], dtype=int32)"


def test_repr_of_ragged_ids():
    shown = repr(ragged()[:2])
    assert " ".join(shown.split()) == (
        "TokenIds([array([1], dtype=int32), array([2, 3], dtype=int32)], dtype=object)"
    )


def test_repr_of_many_ids_is_short():
    many = ragged_token_ids(np.zeros(5000, np.int32), [1] * 5000)
    assert len(repr(many)) < 1000
    assert len(repr(TokenIds(np.zeros((5000, 1000))))) < 1000


def test_ids_are_int32_without_a_copy_where_they_are():
    array = np.array([[1]], dtype=np.int32)
    assert np.shares_memory(TokenIds(array), array)
    assert TokenIds(array.astype(np.int64)).dtype == np.int32


# Ragged or not


@pytest.mark.parametrize(
    ("X", "ragged"),
    [
        ([[1], [1, 2]], True),
        (([1], (1, 2)), True),
        ([[1, 2], [3, 4]], False),
        ([[1, 2]], False),
        (np.array([[1, 2]]), False),
        (np.array([[1, 2]], dtype=object), False),
        (ragged(), True),
        (ragged()[:1], True),
        (ragged()[:0], True),
        (padded(), False),
        ([1, 2], False),
        (np.array([1, 2], dtype=object), False),
        ([], False),
        (None, False),
        (3, False),
    ],
)
def test_is_ragged(X, ragged):
    assert is_ragged(X) is ragged


def test_flatten_ragged_joins_documents():
    values, lengths = flatten_ragged(ragged())
    assert (values.tolist(), lengths.tolist()) == ([1, 2, 3, 4, 5, 1], [1, 2, 3])
    assert values.dtype == np.int32


def test_ragged_token_ids_cut_at_lengths():
    ids = ragged_token_ids(np.arange(5, dtype=np.int32), [2, 0, 3], VOCABULARY)
    assert [document.tolist() for document in ids] == [[0, 1], [], [2, 3, 4]]
    assert ids.vocabulary is VOCABULARY


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


def test_a_matrix_of_something_else_than_ids_is_refused():
    with pytest.raises(
        ValueError, match=r"Token ids are integers from 0 to 2147483647, got 1\.7 in document 1"
    ):
        TokenIds([[1, 2], [3, 1.7]])
    with pytest.raises(TypeError, match="Token ids are integers, got values of dtype <U1"):
        TokenIds([["1", "2"]])


def test_words_of_a_vocabulary_are_kept_as_a_tuple():
    assert Vocabulary(["a", "b"]).words == ("a", "b")
    with pytest.raises(TypeError, match="words is a sequence of words, got one string: 'good'"):
        Vocabulary("good")
