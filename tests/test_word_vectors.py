"""WordVectors, and what they tell about words; NumPy and gensim as oracles."""

import copy
import pickle
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest
from scipy.sparse import csr_array
from sklearn.dummy import DummyClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from skglove import GloveTokenizer, SequencePadder
from skglove.vectors import VectorFileError, WordVectors, load_vectors

WORDS = ["the", "kitchen", "dinner", "work", "office", "Paris", "naïve"]
ROWS = [[1, 1, 1], [0, 3, 1], [0, 3, -1], [2, 0, 0], [2, 0, 2], [-1, 0, 0.5], [0, 0, 0]]


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("SKGLOVE_CACHE", str(tmp_path / "cache"))
    (tmp_path / "cache").mkdir()
    return tmp_path / "cache"


@pytest.fixture
def vectors():
    return WordVectors(WORDS, ROWS)


@pytest.fixture
def path(tmp_path, vectors):
    vectors.save(tmp_path / "glove.txt")
    return tmp_path / "glove.txt"


@pytest.fixture
def many():
    """1,700 random vectors: more than the first block of a search, and not a whole number of blocks."""
    rng = np.random.default_rng(0)
    return WordVectors([f"w{at}" for at in range(1700)], rng.normal(size=(1700, 8)))


# ---- an object people enjoy


def test_words_rows_and_sizes(vectors):
    assert (len(vectors), vectors.dim, vectors.words) == (7, 3, WORDS)
    assert list(vectors) == WORDS
    assert "kitchen" in vectors
    assert "bathroom" not in vectors
    assert vectors.matrix.dtype == np.float32
    np.testing.assert_array_equal(vectors["work"], [2, 0, 0])
    np.testing.assert_array_equal(vectors[["work", "the", "work"]], [[2, 0, 0], [1, 1, 1], [2, 0, 0]])
    assert vectors[[]].shape == (0, 3)
    assert repr(vectors) == "WordVectors(7 words, 3 dimensions)"


def test_the_callers_array_is_copied_and_the_matrix_is_read_only(vectors):
    matrix = np.ones((1, 2), np.float32)
    ours = WordVectors(["a"], matrix)
    matrix[0] = 5
    assert ours["a"].tolist() == [1, 1]
    with pytest.raises(ValueError, match="read-only"):
        ours.matrix[0] = 5
    row = ours["a"]
    row[0] = 7
    assert ours["a"].tolist() == [1, 1]


@pytest.mark.parametrize(
    ("words", "matrix", "problem"),
    [
        (["a"], [[1], [2]], r"Expected a matrix of 1 rows, one a word, got the shape \(2, 1\)"),
        (["a"], [1], r"The vector of 'a' must have one dimension, got the shape \(\)"),
        (
            ["a", "b"],
            [[[1]], [[2]]],
            r"The vector of 'a' must have one dimension, got the shape \(1, 1\)",
        ),
        (
            ["a", "b"],
            [[1], [2, 3]],
            "All vectors must have one length: that of 'a' has 1 numbers, that of 'b' has 2",
        ),
        (["a", "b"], [[1], ["x"]], r"The vector of 'b' must be numbers, got \['x'\]"),
        (["a", "b"], [[1j], [1]], r"The vector of 'a' must be numbers, got \[1j\]"),
        (["a", "b"], [[1], [np.nan]], "The vector of 'b' holds NaN"),
        (["a", "b"], [[1], [1e300]], "The vector of 'b' holds .* a number too large for float32"),
        (
            ["a", "\ud800"],
            [[1], [2]],
            r"The word '\\ud800' at index 1 is not Unicode: it holds a lone surrogate",
        ),
        (["a", "b", "a"], [[1], [2], [3]], "A word has one vector, but 'a' has more"),
    ],
)
def test_words_and_rows_that_do_not_fit_are_refused(words, matrix, problem):
    with pytest.raises(ValueError, match=problem):
        WordVectors(words, matrix)


@pytest.mark.parametrize(
    ("words", "matrix", "problem"),
    [
        ("ab", [[1], [2]], "Expected a list of words, got the single string 'ab'"),
        ({"a", "b"}, [[1], [2]], "Expected a list of words, got a set, which has no order"),
        (3, [[1], [2]], "Expected a list of words, got int"),
        (["a", 3], [[1], [2]], "Words must be strings, got 3 at index 1"),
        (["a", None], [[1], [2]], "Words must be strings, got None at index 1"),
        (pa.array([1, 2]), [[1], [2]], "Words must be strings, got int64"),
        (pa.array([["a"]]), [[1]], "Expected a list of words, got ListArray"),
        (["a"], None, "Expected a matrix with a row a word, got NoneType"),
        (["a"], {"a": [1]}, "Expected a matrix with a row a word, got dict"),
        (["a"], csr_array([[1]]), r"Expected a dense matrix, got csr_array: give its \.toarray\(\)"),
    ],
)
def test_words_and_matrices_of_other_types_are_refused(words, matrix, problem):
    with pytest.raises(TypeError, match=problem):
        WordVectors(words, matrix)


def test_a_word_is_a_string(vectors):
    for key in (3, None, ["the", 3]):
        with pytest.raises(
            TypeError, match=r"A word is a string, got 3|Expected a word or a list of words, got"
        ):
            vectors[key]
    with pytest.raises(TypeError, match="got a set, which has no order"):
        vectors[{"the", "work"}]


def test_subset_keeps_order_and_insists_on_known_words(vectors):
    few = vectors.subset(["office", "the"])
    assert few.words == ["office", "the"]
    np.testing.assert_array_equal(few.matrix, [[2, 0, 2], [1, 1, 1]])
    with pytest.raises(KeyError, match="close spellings: 'office'"):
        vectors.subset(["offices"])


def test_takes_gensim_vectors():
    from gensim.models import KeyedVectors, Word2Vec

    theirs = KeyedVectors(3)
    theirs.add_vectors(WORDS, np.array(ROWS, np.float32))
    ours = WordVectors.from_gensim(theirs)
    assert ours.words == WORDS
    np.testing.assert_array_equal(ours.matrix, theirs.vectors)
    with pytest.raises(TypeError, match=r"Expected gensim's KeyedVectors, got Word2Vec; take its \.wv"):
        WordVectors.from_gensim(Word2Vec(min_count=1))
    np.testing.assert_array_equal(load_vectors(theirs).matrix, theirs.vectors)
    with pytest.raises(TypeError, match=r"gensim's KeyedVectors, got Word2Vec\. Take its \.wv"):
        load_vectors(Word2Vec(min_count=1))


@pytest.mark.parametrize("format", ["glove", "word2vec", "fasttext"])
def test_what_is_saved_loads_again(vectors, tmp_path, format):
    vectors.save(tmp_path / "v.txt.gz", format)
    again = load_vectors(tmp_path / "v.txt.gz", format=format)
    assert again.words == WORDS
    np.testing.assert_array_equal(again.matrix, vectors.matrix)
    with pytest.raises(
        ValueError, match="format must be one of glove, word2vec, fasttext, got 'word2vec-binary'"
    ):
        vectors.save(tmp_path / "v.bin", "word2vec-binary")


# ---- what the vectors know


def test_similarity_and_distance(vectors):
    assert vectors.similarity("kitchen", "dinner") == pytest.approx(8 / 10)
    assert vectors.distance("kitchen", "dinner") == pytest.approx(0.2)
    assert vectors.distance("kitchen", "dinner", metric="euclidean") == 2
    assert vectors.similarity("kitchen", [0, 6, 2]) == pytest.approx(1)
    assert vectors.similarity("kitchen", "naïve") == 0
    with pytest.raises(ValueError, match="metric must be 'cosine' or 'euclidean', got 'l2'"):
        vectors.distance("the", "work", metric="l2")
    with pytest.raises(ValueError, match=r"Expected a word or 3 numbers, got the shape \(2,\)"):
        vectors.similarity("the", [1, 2])


def test_nearest_takes_words_vectors_and_many_of_them(vectors):
    assert [word for word, _ in vectors.nearest("kitchen", 2)] == ["dinner", "the"]
    assert vectors.nearest(vectors["kitchen"], 1) == [("kitchen", pytest.approx(1))]
    assert vectors.nearest(["kitchen", "work"], 2) == [
        vectors.nearest("kitchen", 2),
        vectors.nearest("work", 2),
    ]
    assert vectors.nearest(vectors[["kitchen", "work"]], 1) == [
        [("kitchen", pytest.approx(1))],
        [("work", 1)],
    ]
    assert vectors.nearest([]) == []
    assert len(vectors.nearest("the", 100)) == 6
    assert len(vectors.nearest([1, 0, 0], 100)) == 7
    with pytest.raises(ValueError, match=r"Expected vectors of 3 dimensions, got the shape \(1, 2\)"):
        vectors.nearest([1, 2])
    for query in ("the", ["the"], [1, 2, 3]):
        with pytest.raises(ValueError, match="n must be at least 1, got 0"):
            vectors.nearest(query, 0)
        with pytest.raises(TypeError, match=r"n must be an integer, got 2\.5"):
            vectors.nearest(query, 2.5)


@pytest.mark.parametrize(
    "query",
    [None, 3, b"the", np.array("the"), ["the", 3], [["the"]], [[1, 2, 3], [1]], (word for word in ["the"])],
    ids=lambda query: f"{type(query).__name__}",
)
def test_what_is_neither_word_nor_vector_is_refused(vectors, query):
    for ask in (vectors.nearest, lambda query: vectors.similarity("the", query)):
        with pytest.raises(TypeError, match=r"Expected words or vectors of 3 finite numbers, got "):
            ask(query)


@pytest.mark.parametrize("number", [np.nan, np.inf, 1e300])
def test_a_vector_of_no_finite_numbers_is_refused(vectors, number):
    for ask in (vectors.nearest, lambda query: vectors.similarity("the", query)):
        with pytest.raises(ValueError, match=r"Expected words or vectors of 3 finite numbers, got \["):
            ask([1, number, 0])


@pytest.mark.parametrize(("n", "n_queries"), [(1, 1003), (10, 1003), (1100, 5), (1700, 5)])
def test_nearest_is_what_a_whole_sort_finds(many, n, n_queries):
    queries = np.random.default_rng(1).normal(size=(n_queries, 8)).astype(np.float32)
    unit = many.matrix / np.linalg.norm(many.matrix, axis=1, keepdims=True)
    likeness = queries @ unit.T / np.linalg.norm(queries, axis=1, keepdims=True)
    found = many.nearest(queries, n)
    expected = np.sort(likeness, axis=1)[:, ::-1][:, :n]
    np.testing.assert_allclose([[value for _, value in row] for row in found], expected, atol=1e-5)
    assert all(len({word for word, _ in row}) == n for row in found)


def test_of_vectors_that_are_alike_the_first_come_first():
    same = WordVectors([f"w{at}" for at in range(3000)], np.ones((3000, 2)))
    assert [word for word, _ in same.nearest([1, 1], 3)] == ["w0", "w1", "w2"]


def test_neighbours_and_analogies_are_those_of_gensim(many):
    from gensim.models import KeyedVectors

    theirs = KeyedVectors(8)
    theirs.add_vectors(many.words, many.matrix)
    for ours, expected in [
        (many.nearest("w5", 20), theirs.most_similar("w5", topn=20)),
        (many.analogy("w1", "w2", "w3", 20), theirs.most_similar(["w1", "w3"], ["w2"], topn=20)),
    ]:
        assert [word for word, _ in ours] == [word for word, _ in expected]
        np.testing.assert_allclose([value for _, value in ours], [value for _, value in expected], atol=1e-6)
    words = ["w1", "w2", "w3", "w4"]
    assert many.doesnt_match(words) == theirs.doesnt_match(words)
    assert many.similarity("w1", "w2") == pytest.approx(float(theirs.similarity("w1", "w2")), abs=1e-6)


def test_an_analogy_leaves_its_own_words_out_unless_asked(vectors):
    assert vectors.analogy("kitchen", "dinner", "work", 1)[0][0] == "office"
    everything = vectors.analogy("kitchen", "dinner", "work", 7, include_query=True)
    assert {word for word, _ in everything} == set(WORDS)
    assert len(vectors.analogy("kitchen", "dinner", "work", 7)) == 4
    asked = (["kitchen", "the"], ["dinner", "work"], ["work", "office"])
    assert vectors.analogy(*asked, n=2) == [
        vectors.analogy(*words, n=2) for words in zip(*asked, strict=True)
    ]
    with pytest.raises(ValueError, match=r"a, b and c must have one length, got 2, 1, 1"):
        vectors.analogy(["the", "work"], ["work"], ["office"])
    with pytest.raises(TypeError, match="must be a word each, or a list of words each"):
        vectors.analogy(["the"], "work", "office")


def test_the_odd_word_out(vectors):
    assert vectors.doesnt_match(["kitchen", "Paris", "dinner"]) == "Paris"
    for words in ("kitchen", ["kitchen", "dinner"]):
        with pytest.raises(ValueError, match="Expected at least three words"):
            vectors.doesnt_match(words)


def test_a_word_is_not_nearer_to_itself_than_one():
    vectors = WordVectors(["a"], [[0.2, 0.5, 0.9]])
    for scale in (1, 3, 7, 11):
        vector = np.float32(scale) * vectors["a"]
        assert vectors.similarity(vector, "a") <= 1
        assert vectors.distance(vector, "a") >= 0


# ---- pickles and copies


def test_vectors_in_memory_are_pickled_whole(vectors):
    again = pickle.loads(pickle.dumps(vectors))
    assert again.words == WORDS
    np.testing.assert_array_equal(again.matrix, vectors.matrix)


@pytest.mark.slow
def test_pickles_of_version_0_1_load(vectors, path):
    for pickled in (vectors, load_vectors(path)):
        data = pickle.dumps(pickled, protocol=2)
        for now, then in [("vectors.word_vectors", "vectors"), ("vectors.cache", "vector_cache")]:
            data = data.replace(f"cskglove.{now}\n".encode(), f"cskglove.{then}\n".encode())
        assert b"cskglove.vectors\nWordVectors" in data
        code = "import pickle, sys; print(pickle.load(sys.stdin.buffer).matrix.tolist())"
        loaded = subprocess.run([sys.executable, "-c", code], input=data, capture_output=True, check=True)
        assert loaded.stdout.decode().strip() == str(vectors.matrix.tolist())


def test_vectors_of_a_file_are_pickled_as_its_path(path):
    vectors = load_vectors(path)
    assert vectors.nearest("kitchen", 1)[0][0] == "dinner"
    pickled = pickle.dumps(vectors)
    assert len(pickled) < 300
    again = pickle.loads(pickled)
    assert repr(again) == f"WordVectors({str(path)!r}: not opened yet)"
    assert again.words == WORDS
    path.unlink()
    away = pickle.loads(pickled)
    with pytest.raises(FileNotFoundError, match="There is no such file of word vectors"):
        away.matrix  # noqa: B018
    np.testing.assert_array_equal(vectors["work"], [2, 0, 0])


def test_a_copy_is_the_object_itself(vectors):
    assert copy.copy(vectors) is vectors
    assert copy.deepcopy({"a": vectors})["a"] is vectors


def test_a_file_that_was_changed_behind_a_damaged_cache_is_an_error(path, cache):
    vectors = load_vectors(path)
    (entry,) = (cache / "vectors").iterdir()
    data = bytearray(entry.read_bytes())
    data[128] ^= 1
    entry.write_bytes(data)
    vectors = load_vectors(path)
    path.write_text("another 1 2 3\n")
    for _ in range(2):
        with pytest.raises(VectorFileError, match="the file has changed since it was opened: load it again"):
            vectors["the"]


def test_vectors_in_a_parameter_grid_stay_what_they_are():
    vectors = WordVectors(["a", "b"], [[1], [2]])
    with pytest.raises(ValueError, match=r"take \.matrix"):
        np.array([vectors, vectors])
    pipeline = make_pipeline(GloveTokenizer(None), SequencePadder(2), DummyClassifier())
    grid = {"glovetokenizer__vectors": [vectors, None]}
    search = GridSearchCV(pipeline, grid, cv=2, error_score="raise").fit(
        ["a b", "b", "a", "b a"], [0, 1, 0, 1]
    )
    assert list(search.cv_results_["param_glovetokenizer__vectors"]) == [vectors, None]
