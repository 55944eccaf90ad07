"""What users give as vectors: names, paths, dicts, KeyedVectors."""

import pickle
from types import MappingProxyType

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from skglove import Vocabulary
from skglove.vectors import VectorFileError, WordVectors, load_vectors, open_source
from skglove.vectors.files import VectorFile

WORDS = ["the", "kitchen", "dinner", "work", "office", "Paris", "naïve"]
ROWS = [[1, 1, 1], [0, 3, 1], [0, 3, -1], [2, 0, 0], [2, 0, 2], [-1, 0, 0.5], [0, 0, 0]]


@pytest.fixture
def vectors():
    return WordVectors(WORDS, ROWS)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("SKGLOVE_CACHE", str(tmp_path / "cache"))
    (tmp_path / "cache").mkdir()
    return tmp_path / "cache"


@pytest.fixture
def path(tmp_path, vectors):
    vectors.save(tmp_path / "glove.txt")
    return tmp_path / "glove.txt"


@pytest.mark.parametrize("form", [str, lambda path: path], ids=["str", "Path"])
def test_a_path_is_opened_wherever_one_stands(path, form, monkeypatch):
    assert load_vectors(form(path)).words == WORDS
    monkeypatch.chdir(path.parent)
    vectors = load_vectors("./glove.txt")
    assert repr(vectors) == f"WordVectors({str(path)!r}: 7 words, 3 dimensions)"
    monkeypatch.chdir("/")
    assert pickle.loads(pickle.dumps(vectors)).words == WORDS


def test_a_damaged_file_is_an_error_at_once(path):
    path.write_bytes(path.read_bytes()[:-4])
    for use in (load_vectors, lambda source: open_source(source).contains(["a"])):
        with pytest.raises(
            VectorFileError, match=r"glove\.txt, line 7: expected a word and 3 numbers, got [12] numbers"
        ):
            use(path)


def test_anything_else_is_refused(vectors):
    assert load_vectors(vectors) is vectors
    for other in (3, b"glove.txt", ["the"] * 8000, np.ones((3, 3)), pd.DataFrame([[1]]), pd.Series([1])):
        for use in (
            load_vectors,
            lambda other: Vocabulary(("the",), other),
            lambda other: open_source(other).first(1),
        ):
            with pytest.raises(TypeError, match=f"a name, a path, .*, got {type(other).__name__}") as raised:
                use(other)
            assert len(str(raised.value)) < 300


def test_a_dict_and_keyed_vectors_are_taken_as_word_vectors(vectors):
    from gensim.models import KeyedVectors

    keyed = KeyedVectors(3)
    keyed.add_vectors(WORDS, np.array(ROWS, np.float32))
    for source in (
        dict(zip(WORDS, ROWS, strict=True)),
        MappingProxyType(dict(zip(WORDS, ROWS, strict=True))),
        keyed,
    ):
        assert load_vectors(source).words == WORDS
        np.testing.assert_array_equal(load_vectors(source).matrix, vectors.matrix)
        assert open_source(source).contains(["the", "absent"]).tolist() == [True, False]
        assert open_source(source).rows(["absent", "work"]).tolist() == [[0, 0, 0], [2, 0, 0]]
        assert open_source(source).first(2) == ["the", "kitchen"]
        vocabulary = Vocabulary(("the",), source)
        assert repr(vocabulary) == "Vocabulary(1 words, vectors=WordVectors(7 words, 3 dimensions))"


@pytest.mark.parametrize(
    ("source", "error", "problem"),
    [
        ({}, ValueError, "The dict of vectors is empty"),
        ({"the": [1, 2], "cat": [1]}, ValueError, "that of 'the' has 2 numbers, that of 'cat' has 1"),
        (
            {"the": 1, "cat": 2},
            ValueError,
            r"The vector of 'the' must have one dimension, got the shape \(\)",
        ),
        ({"the": [1], "cat": "a b"}, ValueError, "The vector of 'cat' must be numbers, got 'a b'"),
        ({"the": [1], "cat": [None]}, ValueError, "The vector of 'cat' holds NaN"),
        ({"the": [1], 3: [1]}, TypeError, "Words must be strings, got 3 at index 1"),
    ],
    ids=str,
)
def test_what_is_wrong_with_a_dict_is_said_of_the_word(source, error, problem):
    with pytest.raises(error, match=problem) as raised:
        load_vectors(source)
    assert len(str(raised.value)) < 200


def test_every_source_gives_the_same_rows(vectors, path):
    asked = ["work", "absent", "naïve", "work", ""]
    expected = [[2, 0, 0], [0, 0, 0], [0, 0, 0], [2, 0, 0], [0, 0, 0]]
    for source in (vectors, path, str(path), load_vectors(path), path):
        opened = open_source(source)
        for words in (asked, pa.array(asked, pa.large_string())):
            found = opened.rows(words)
            assert found.dtype == np.float32
            assert found.tolist() == expected
            assert opened.contains(words).tolist() == [True, False, True, True, False]
        assert opened.rows([]).shape == (0, 3)
        assert opened.first(2) == ["the", "kitchen"]
        assert opened.first(99) == WORDS


def test_a_file_is_searched_until_it_is_in_the_cache(path):
    assert isinstance(open_source(path), VectorFile)
    load_vectors(path)
    assert repr(open_source(path)) == f"WordVectors({str(path)!r}: 7 words, 3 dimensions)"
