import base64
import copy
import pickle
import subprocess
import sys

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.model_selection import KFold, cross_val_score, train_test_split
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.utils import _safe_indexing, check_array, resample, shuffle

from skglove import GloveTokenizer, SequencePadder, TokenIds, Vocabulary, WordVectors
from skglove.documents import Documents
from skglove.token_ids import (
    vocabulary_of,
    with_vocabulary,
)

WORDS = ("the", "cat", "dog", "saw", "end")
VECTORS = WordVectors(["cat", "the"], [[1.0, 2.0], [3.0, 4.0]])
VOCABULARY = Vocabulary(WORDS, VECTORS)
MASK = np.array([True, False, True])


def padded():
    return TokenIds([[0, 0, 1], [0, 2, 3], [4, 5, 1]], VOCABULARY)


def ragged():
    return with_vocabulary(
        Documents(np.array([1, 2, 3, 4, 5, 1], np.int32), [1, 2, 3]).sequences(), VOCABULARY
    )


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


@pytest.mark.slow
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


@pytest.mark.parametrize(
    "carry",
    [
        np.asarray,
        np.array,
        np.asfortranarray,
        np.ascontiguousarray,
        np.zeros_like,
        np.unique,
        lambda ids: ids.reshape(-1),
        lambda ids: ids.T,
        lambda ids: ids.view(TokenIds),
        lambda ids: np.array(ids, order="F")[1:],
        check_array,
        lambda ids: check_array(ids, order="F", copy=True),
        lambda ids: resample(check_array(ids), random_state=0),
        lambda ids: np.array(list(ids)),
        list,
        tuple,
        lambda ids: list(np.asarray(ids)),
        pd.DataFrame,
        lambda ids: pd.DataFrame(ids, columns=["a", "b", "c"]).iloc[[2, 0]],
        lambda ids: pd.DataFrame(ids).sample(2, random_state=0)[[0, 2]],
        lambda ids: check_array(pd.DataFrame(ids)),
        lambda ids: pickle.loads(pickle.dumps(pd.DataFrame(ids))),
    ],
)
def test_vocabulary_survives_in_what_numpy_scikit_learn_and_pandas_make_of_ids(carry):
    assert vocabulary_of(carry(padded())).words == WORDS


@pytest.mark.parametrize("carry", [np.asarray, np.array, pd.Series])
def test_vocabulary_survives_in_what_is_made_of_ragged_ids(carry):
    assert vocabulary_of(carry(ragged())) is VOCABULARY


@pytest.mark.parametrize(
    "X", [[], [[1], [2]], ["a"], [np.array([1])], np.ones((2, 2)), pd.DataFrame(), None, 3]
)
def test_what_carries_no_vocabulary_has_none(X):
    assert vocabulary_of(X) is None


def test_rows_with_a_vocabulary_beside_others_have_none():
    assert vocabulary_of([*padded(), np.array([1])]) is None
    assert vocabulary_of([*padded(), [1]]) is None


def test_several_vocabularies_are_an_error():
    other = TokenIds([[1, 2, 3]], Vocabulary(("a", "b", "c")))
    for X in ([*padded(), *other], pd.concat([pd.DataFrame(padded()[:1]), pd.DataFrame(other)], axis=1)):
        with pytest.raises(ValueError, match="several vocabularies, of 5 and of 3 words"):
            vocabulary_of(X)
    assert vocabulary_of([*padded(), *TokenIds([[1]], Vocabulary(WORDS))]) is VOCABULARY


def test_numbers_beside_the_ids_of_a_frame_are_an_error_that_names_them():
    frame = pd.DataFrame(padded()).add_prefix("word").assign(price=1, year=np.int32(1999))
    with pytest.raises(ValueError, match=r"2 of X's 5 columns carry no vocabulary.*: 'price', 'year'\. "):
        vocabulary_of(frame)
    with pytest.raises(ValueError, match="50 of X's 53 columns") as caught:
        vocabulary_of(
            pd.DataFrame(padded()).add_prefix("word").assign(**{f"{i}" * 1000: 1 for i in range(50)})
        )
    assert len(str(caught.value)) < 400


def row_types(ids, n):
    """Tell what another process or thread gets."""
    return type(ids), isinstance(ids, np.memmap), vocabulary_of(ids).words, int(np.asarray(ids)[n].sum())


@pytest.mark.slow
@pytest.mark.parametrize("carry", [lambda ids: ids, np.asarray, np.asfortranarray])
def test_vocabulary_survives_processes_and_their_memory_maps(carry):
    ids = carry(with_vocabulary(np.ones((300, 1000), np.int32), VOCABULARY))  # above joblib's 1 MB
    plain = type(ids) is np.ndarray
    for result in joblib.Parallel(n_jobs=2)(joblib.delayed(row_types)(ids, n) for n in range(2)):
        assert result == (np.memmap if plain else TokenIds, plain, WORDS, 1000)


def test_numpy_save_warns_that_it_stores_no_vocabulary(tmp_path):
    with pytest.warns(UserWarning, match="metadata on a dtype is not saved"):
        np.save(tmp_path / "ids.npy", padded())


# joblib's hash, by which Pipeline(memory=...) knows what it computed before


def test_hash_tells_vocabularies_apart(ids):
    for carry in (lambda ids: ids, np.asarray, list):
        others = [
            carry(type(ids)(np.asarray(ids).astype(ids.dtype), vocabulary))
            for vocabulary in (VOCABULARY, Vocabulary(WORDS), Vocabulary(WORDS[::-1], VECTORS), None)
        ]
        n_different = 1 if carry is list and ids.dtype == object else 4
        assert len(set(map(joblib.hash, others))) == n_different


@pytest.mark.slow
def test_equal_vocabularies_have_equal_hashes_in_every_process():
    # "<", "dtype", "Vocabulary" and "words" are strings that pickle meets, too, as one object or as another.
    words = ("<", "dtype", "Vocabulary", "words", "skglove.vocabulary", "the", "i4", "a.txt")
    vocabulary = Vocabulary(words, "a.txt")
    equals = [
        vocabulary,
        Vocabulary([word.encode().decode() for word in words], b"a.txt".decode()),
        pickle.loads(pickle.dumps(vocabulary)),
        pickle.loads(pickle.dumps(TokenIds([[1]], vocabulary))).vocabulary,
        copy.deepcopy(vocabulary),
    ]
    hashes = {joblib.hash(TokenIds([[1]], equal)) for equal in equals}
    code = (
        "import joblib; from skglove import *; "
        f"print(joblib.hash(TokenIds([[1]], Vocabulary({' '.join(words)!r}.split(), 'a.txt'))))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert hashes == {result.stdout.strip()}


def test_cached_step_after_the_padder_gives_each_candidate_its_own_vocabulary(tmp_path):
    # The matrices are equal, with and without vectors.
    for _ in range(2):
        for vectors in (None, VECTORS):
            steps = [GloveTokenizer(vectors), SequencePadder(3), SequencePadder(2), Spy()]
            memory = joblib.Memory(tmp_path, verbose=0)
            pipeline = make_pipeline(*steps, memory=memory).fit(["the cat", "the"])
            assert (pipeline[-1].vocabulary_.vectors is None) == (vectors is None)


# pickle.dumps(TokenIds([[1, 2]], Vocabulary(("a", "b"))), 4), and the same of ragged ids, by skglove 0.1.0
OLD_MATRIX = (
    "fCQD?000000001t7H)NIaCt6YV{dY0E^T#ebZKF7a$$Ltj0|6LWn*t{b98cbV|0|0l#CH`YiDe4c4aPfZ);_4Uuk4>l#B>eZ"
    ");_4Nn~@BlaxyUg_J`9Vw8uJQj{o50ZRc(0)~`~1#We1aCwxB1!Q!2aAlN}l#BvtG?a;mhm=y3C`$v30X&pWPEJby|Ns9=|N"
    "sC0O8|6~Vu?ct0RR910ssI2lxPEt3RZ7pVPbV`VRCttlawielzo&aj0JaZa%6Lqi~(Vki~(YlhLns4c4cF9Z*p^#PIY2*lwv"
    "L"
)
OLD_RAGGED = (
    "fCQCC0RR910001t7H)NIaCt6YV{dY0E^T#ebZKF7a$$Ltj0|6LWn*t{b98cbV|0|0l#CH`YiDe4c4aPfZ);_4Uuk4>l#B>eZ"
    ");_4Nn~@BlaxyUg_J`9Vw8uJQj{o50ZRgfl#B&#b!~8Yl#B&rba`-Pl#`T<0#7)UiHL`kQj{o51B?NDluk}gO8@`=|4RS=|N"
    "l!rbd+L=U6d$j0%!}22X16xa&lpLl#`T80ELuj2ZxkWlqgF9O96$HXbp@4X*86Hh=-I?lqgFBi~&59PEJlr|NsC0O8@`=|4R"
    "ULlwyfP1OWg50F-o;VrT+r6-xkxlxPQslv0!^O94v(g_LL<i9-Ye0001#bd+LcXakH2R&QfrVs&g`a(R@KlqrFfeUvDS1$S?"
    "9WOI~^0b!Jk0b-Pfl#B;<Wn*-2a&weUbz*dsVlD"
)


@pytest.mark.skipif(np.lib.NumpyVersion(np.__version__) < "2.0.0", reason="pickled with NumPy 2")
@pytest.mark.parametrize(("old", "expected"), [(OLD_MATRIX, [[1, 2]]), (OLD_RAGGED, [[1], [2]])])
def test_pickles_of_version_0_1_are_read(old, expected):
    ids = pickle.loads(base64.b85decode(old))
    assert [list(document) for document in ids] == expected
    assert (type(ids), ids.vocabulary.words) == (TokenIds, ("a", "b"))


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
        lambda ids: ids.argsort(axis=1),
        lambda ids: ids.argmax(axis=1),
        lambda ids: ids.cumsum(axis=1),
        lambda ids: ids.astype(bool),
        lambda ids: ids.astype(str),
        lambda ids: ids @ np.ones(3),
        lambda ids: ids @ np.asarray(ids).T,
        lambda ids: np.asarray(ids) + ids,
        lambda ids: np.hstack([np.asarray(ids), np.asarray(ids)]),
        lambda ids: pd.concat([pd.DataFrame(ids), pd.DataFrame(ids)]),
        lambda ids: pd.concat([pd.DataFrame(ids), pd.DataFrame(ids.tolist())]).to_numpy(),
    ],
)
def test_vocabulary_is_dropped_by_computation_and_by_joining(compute):
    assert vocabulary_of(compute(padded())) is None


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
def test_computation_in_place_is_refused_where_there_is_a_vocabulary(compute):
    ids = padded()
    with pytest.raises(TypeError, match=r"arithmetic in place.*Write ids = ids \+ 1"):
        compute(ids)
    assert ids[0].tolist() == [0, 0, 1]
    ids = TokenIds([[0, 1]])
    compute(ids)
    assert ids.tolist() == [[1, 2]]


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
    many = with_vocabulary(Documents(np.zeros(5000, np.int32), [1] * 5000).sequences(), None)
    assert len(repr(many)) < 1000
    assert len(repr(TokenIds(np.zeros((5000, 1000))))) < 1000


def test_ids_are_int32_without_a_copy_where_they_are():
    array = np.array([[1]], dtype=np.int32)
    assert np.shares_memory(TokenIds(array), array)
    assert TokenIds(array.astype(np.int64)).dtype == np.int32


# Ragged or not


def test_ids_of_documents_are_ragged():
    ids = with_vocabulary(Documents(np.arange(5, dtype=np.int32), [2, 0, 3]).sequences(), VOCABULARY)
    assert [document.tolist() for document in ids] == [[0, 1], [], [2, 3, 4]]
    assert ids.vocabulary is VOCABULARY


def test_a_matrix_of_something_else_than_ids_is_refused():
    with pytest.raises(
        ValueError, match=r"Token ids are integers from 0 to 2147483647, got 1\.7 in document 1"
    ):
        TokenIds([[1, 2], [3, 1.7]])
    with pytest.raises(TypeError, match="Token ids are integers, got values of dtype <U1"):
        TokenIds([["1", "2"]])


def test_words_of_a_vocabulary_are_kept_as_a_tuple():
    assert Vocabulary(["a", "b"]).words == ("a", "b")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("good", "got one str: 'good'. Put it into a list"),
        ("x" * 10**6, "got one str: 'x{26}"),
        (None, "got NoneType: None"),
        (3, "got int: 3"),
        ([1], "got int at index 0: 1"),
        (["a", b"b"], "got bytes at index 1: b'b'"),
        (["a", None, "b"], "got NoneType at index 1"),
        ({"a"}, "got a set, which has no order"),
        (np.array("a"), "got ndarray"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_are_no_words_of_a_vocabulary_is_an_error(words, message):
    with pytest.raises(TypeError, match=f"words must be a sequence of str, .*, {message}") as raised:
        Vocabulary(words)
    assert len(str(raised.value)) < 200


def test_ids_of_another_vocabulary_cannot_be_assigned():
    ids = TokenIds([[1, 2], [2, 1]], Vocabulary(("a", "b")))
    other = TokenIds([[2, 2]], Vocabulary(("c", "d")))
    with pytest.raises(ValueError, match="Cannot assign ids of another vocabulary"):
        ids[0] = other[0]
    ids[0] = TokenIds([[2, 2]], Vocabulary(("a", "b")))[0]
    ids[1] = 1
    assert ids.tolist() == [[2, 2], [1, 1]]
