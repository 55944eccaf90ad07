"""Writing files of vectors, which read back exactly; gensim as an independent reader."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from vector_samples import MATRIX, SPACED, WORDS, assert_reads

from skglove.vectors import parsing
from skglove.vectors.files import VectorFile
from skglove.vectors.writing import replacing, write_vectors


@pytest.mark.filterwarnings("ignore:Exception ignored in. <_io.FileIO")  # gensim 4.4 leaves a file open
@pytest.mark.parametrize("format", ["glove", "word2vec"])
def test_gensim_reads_what_we_write(tmp_path, format):
    from gensim.models import KeyedVectors

    write_vectors(tmp_path / "file", WORDS, MATRIX, format)
    theirs = KeyedVectors.load_word2vec_format(str(tmp_path / "file"), no_header=format == "glove")
    assert theirs.index_to_key == WORDS
    np.testing.assert_array_equal(theirs.vectors, MATRIX)


@pytest.mark.parametrize("name", ["v.txt", "v.vec", "v.txt.gz", "v.zip", "v.txt.zip"])
@pytest.mark.parametrize("format", ["glove", "word2vec", "fasttext"])
def test_what_is_written_reads_back_exactly(tmp_path, name, format):
    rng = np.random.default_rng(0)
    matrix = rng.integers(0, 1 << 32, (20_001, 3), np.uint32).view(np.float32)
    matrix = np.where(np.isfinite(matrix), matrix, 0)
    words = [*SPACED, *(f"w{at}" for at in range(len(matrix) - len(SPACED)))]
    write_vectors(tmp_path / name, words, matrix, format)
    read, found = VectorFile(tmp_path / name).read()
    assert read.to_pylist() == words
    assert found.tobytes() == matrix.tobytes()
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize(
    "word",
    [
        "",
        " ",
        "a ",
        " a",
        "a  b",
        "a\tb",
        "a\nb",
        "a\r",
        "windows 95",
        "4 1e5 x",
        "\ufeffa",
        "a nan",
        "PK\x03\x04",
    ],
)
def test_a_word_that_would_not_read_back_is_not_written(tmp_path, word):
    with pytest.raises(
        ValueError, match=r"cannot stand in a text file of vectors: leave it out with subset\(\)"
    ):
        write_vectors(tmp_path / "v.txt", [word], MATRIX[:1])
    assert not list(tmp_path.iterdir())


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path):
    path = tmp_path / "v.txt"
    path.write_text("old")

    def fail():
        with replacing(path) as out:
            out.write(b"new")
            raise OSError("no room")

    with pytest.raises(OSError, match="no room"):
        fail()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


AFFIXES = [
    "\ufeff",
    "\0",
    '"',
    "#",
    "'",
    "\x85",
    "\xa0",
    "\u3000",
    "\u2028",
    "\x0b",
    "\x0c",
    "\x1c",
    " ",
    "nan",
    "7",
]

AFFIXES += [
    "\r",
    "\t",
    "PK\x03\x04",
    "BZh91AY&SY",
    "]\0\0",
    "GGUF\0",
    "<html",
    "%PDF-",
    "\U0001f600",
    "e\u0301",
]


@pytest.mark.slow
@given(
    words=st.lists(
        st.lists(
            st.sampled_from(AFFIXES) | st.characters(exclude_categories=["Cs"]), min_size=1, max_size=4
        ).map("".join),
        min_size=1,
        max_size=6,
        unique=True,
    ),
    format=st.sampled_from(["glove", "word2vec"]),
    dim=st.sampled_from([1, 3]),
    block=st.sampled_from([5, 17, 1 << 20]),
)
@settings(max_examples=80, deadline=None, derandomize=True, database=None)
def test_any_word_reads_back_or_is_refused(tmp_path_factory, words, format, dim, block):
    path = tmp_path_factory.getbasetemp() / "any_word.txt"
    matrix = np.arange(len(words) * dim, dtype=np.float32).reshape(-1, dim)
    try:
        write_vectors(path, words, matrix, format)
    except ValueError as error:
        assert any(f"The word {word!r} cannot stand" in str(error) for word in words)  # noqa: PT017
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parsing, "_BLOCK", block)
        assert_reads(path, words, matrix)


def test_after_a_header_a_word_may_begin_with_a_byte_order_mark(tmp_path):
    write_vectors(tmp_path / "v.vec", ["\ufeffa"], MATRIX[:1], "fasttext")
    assert_reads(tmp_path / "v.vec", ["\ufeffa"], MATRIX[:1])


@pytest.mark.parametrize(
    ("words", "matrix"), [([], np.zeros((0, 3))), (["a"], np.zeros((1, 40_000)))], ids=["none", "too wide"]
)
def test_what_no_reader_takes_is_not_written(tmp_path, words, matrix):
    with pytest.raises(ValueError, match="A text file holds 1 or more vectors of 1 to 32768 dimensions, got"):
        write_vectors(tmp_path / "v.txt", words, matrix.astype(np.float32))
    with pytest.raises(ValueError, match=r"The word 'x{60}' cannot stand"):
        write_vectors(tmp_path / "v.txt", ["x" * (1 << 20)], MATRIX[:1])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["v.bz2", "v.xz"])
def test_bzip2_and_xz_are_written(tmp_path, name):
    write_vectors(tmp_path / name, WORDS, MATRIX)
    assert (tmp_path / name).read_bytes()[:3] in (b"BZh", b"\xfd7z")
    assert_reads(tmp_path / name)
