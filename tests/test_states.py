import copy
import pickle

import joblib
import numpy as np
import pytest

from skglove import GloveTokenizer, Vocabulary, WordVectors
from skglove.lexical import LexicalModel
from skglove.states import pack_words, unpack_words, without_memory_maps
from skglove.streams.stream import Seen

# Of 0, 2 and 4 bytes, with spaces and line ends, and surrogates that are no pair.
ODD_WORDS = ["", "a b\n\0", "é", "😀", "\ud83d", "\ude00", "日本"]


def test_words_of_every_kind_are_unpacked_as_they_were():
    assert unpack_words(*pack_words(ODD_WORDS)) == ODD_WORDS
    assert unpack_words(*pack_words([])) == []


def test_memory_maps_become_views_and_the_rest_stays(tmp_path):
    np.save(tmp_path / "a.npy", np.arange(4))
    mapped = np.load(tmp_path / "a.npy", mmap_mode="r")
    names = ["a", "b"]
    state = {
        "one": mapped,
        "list": [mapped, 1],
        "dict": {"a": mapped},
        "seen": Seen(mapped, None, mapped, mapped),
        "names": names,
    }
    plain = without_memory_maps(state)
    assert type(plain["seen"]) is Seen
    heads, _, codes, _ = plain["seen"]
    for array in (plain["one"], plain["list"][0], plain["dict"]["a"], heads, codes):
        assert type(array) is np.ndarray
        assert np.shares_memory(array, mapped)
    assert plain["list"][1] == 1
    assert plain["seen"].scores is None
    assert plain["names"] is names


def test_a_vocabulary_is_its_words_and_vectors_after_pickling_and_copying():
    vocabulary = Vocabulary(ODD_WORDS, "some.txt")
    for other in (pickle.loads(pickle.dumps(vocabulary)), copy.copy(vocabulary), copy.deepcopy(vocabulary)):
        assert (other.words, other.vectors) == (tuple(ODD_WORDS), "some.txt")
        assert joblib.hash(other) == joblib.hash(vocabulary)


def test_a_tokenizer_keeps_its_vocabulary_in_order_with_its_ids():
    # The oov_token is a word of the texts, too: its place is that of the first, its id that of the second.
    tokenizer = GloveTokenizer(None, oov_token="b").fit(["a b \ud83d", "a c"])
    loaded = pickle.loads(pickle.dumps(tokenizer))
    assert list(loaded.vocabulary_.items()) == list(tokenizer.vocabulary_.items())
    assert next(iter(loaded.vocabulary_)) == "b"
    assert loaded.vocabulary_["b"] > 1
    assert all(type(i) is int for i in loaded.vocabulary_.values())
    state = tokenizer.__getstate__() | {"vocabulary_": tokenizer.vocabulary_}  # as 0.1.0 wrote it
    old = GloveTokenizer()
    old.__setstate__(state)
    assert old.vocabulary_ == tokenizer.vocabulary_


def test_vectors_in_memory_are_pickled_with_their_matrix_which_stays_read_only():
    vectors = WordVectors(["cat", "日本"], [[1, 2], [3, 4]])
    loaded = pickle.loads(pickle.dumps(vectors))
    assert loaded.words == ["cat", "日本"]
    assert loaded.matrix.tolist() == [[1, 2], [3, 4]]
    assert not loaded.matrix.flags.writeable
    old = {"_source": None, "_format": None, "_stored": vectors._stored}  # as 0.1.0 wrote it
    read = WordVectors.__new__(WordVectors)
    read.__setstate__(old)
    np.testing.assert_array_equal(read["cat"], [1, 2])


def test_a_linear_model_with_columns_that_it_does_not_have_is_refused():
    model = LexicalModel()
    model.__setstate__(pickle.loads(pickle.dumps(model)).__getstate__())  # of no documents yet

    class Tfidf:
        idf_ = np.ones(3)

    state = {"features_": np.arange(3), "_tfidf": Tfidf(), "columns_": np.array([0, 1, 2])}
    model.__setstate__(state)
    for columns in ([0, 1, 3], [-1, 1, 2], [0, 1]):
        with pytest.raises(ValueError, match=r"linear model is damaged: it has 3 features.* columns, from"):
            model.__setstate__(state | {"columns_": np.array(columns)})
    Tfidf.idf_ = np.ones(4)
    with pytest.raises(ValueError, match="3 features, but 4 weights"):
        model.__setstate__(state)
