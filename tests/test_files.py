"""Reading and writing files of vectors; damage; gensim as the oracle of word2vec's formats."""

import bz2
import gzip
import io
import lzma
import os
import pickle
import random
import re
import socket
import tarfile
import zipfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import feather

from skglove.vectors import files as vector_files
from skglove.vectors import load_vectors
from skglove.vectors.files import (
    VectorFileError,
    find_words,
    first_words,
    read_rows,
    read_vectors,
    write_vectors,
)

WORDS = ["the", ",", "naïve", "日本", "\x85", "a\xa0b", "42", "'s", '"quoted', "#"]
MATRIX = np.array([[w * 10 + d + 0.125 for d in range(5)] for w in range(len(WORDS))], np.float32)
MATRIX[2] = [-1e-7, 3.4e38, 1.1754944e-38, -0.0, 1 / 3]
SPACED = [*WORDS, ". . .", "at name@domain.com"]


def text(words=WORDS, matrix=MATRIX, separator=" ", end="\n", header=""):
    """Write vectors as a loop of Python would."""
    rows = [
        separator.join([word, *(repr(float(x)) for x in row)])
        for word, row in zip(words, matrix, strict=False)
    ]
    return (header + "".join(row + end for row in rows)).encode()


def binary(words=WORDS, matrix=MATRIX, end=b"\n"):
    rows = [
        word.encode() + b" " + row.astype("<f4").tobytes() + end
        for word, row in zip(words, matrix, strict=True)
    ]
    return b"%d %d\n" % matrix.shape + b"".join(rows)


@pytest.fixture
def write(tmp_path):
    def write(data, name="vectors.txt"):
        path = tmp_path / name
        path.write_bytes(data)
        return path

    return write


def assert_reads(path, words=WORDS, matrix=MATRIX, format=None):
    read, found = read_vectors(path, format)
    assert read.to_pylist() == list(words)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, matrix)
    if format is None:
        asked = [*words[::-1], "absent", words[0], ""]
        expected = np.vstack(
            [matrix[::-1], np.zeros((1, matrix.shape[1])), matrix[:1], np.zeros((1, matrix.shape[1]))]
        )
        np.testing.assert_array_equal(read_rows(path, asked), expected)
        assert find_words(path, asked).tolist() == [word in words for word in asked]
        for n in (0, 1, len(words) - 1, len(words), len(words) + 9):
            assert first_words(path, n) == list(words[:n])


# ---- formats


FILES = {
    "GloVe": text(),
    "GloVe without an end of the last line": text()[:-1],
    "Windows": text(end="\r\n"),
    "byte order mark": b"\xef\xbb\xbf" + text(),
    "blank lines": b"\n \n" + text(end="\n\n"),
    "tabs": text(separator="\t"),
    "word2vec": text(header="10 5\n"),
    "word2vec of the C program": text(header="10 5\n", end=" \n"),
    "fastText, Windows": text(header="10 5\r\n", end=" \r\n"),
    "binary of the C program": binary(),
    "binary of gensim": binary(end=b""),
}


@pytest.mark.parametrize("data", FILES.values(), ids=FILES)
def test_every_format_is_told_from_its_bytes(write, data):
    assert_reads(write(data))


@pytest.mark.parametrize("data", FILES.values(), ids=FILES)
def test_a_gzipped_file_and_a_zip_of_one_read_the_same(write, tmp_path, data):
    assert_reads(write(gzip.compress(data), "any.name"))
    with zipfile.ZipFile(tmp_path / "one.zip", "w") as archive:
        archive.writestr("folder/", b"")
        archive.writestr("__MACOSX/._vectors.txt", b"x")
        archive.writestr("folder/vectors.txt", data)
    assert_reads(tmp_path / "one.zip")
    assert_reads(tmp_path / "one.zip" / "folder" / "vectors.txt")


@pytest.mark.parametrize("separator", [" ", "\t"])
def test_words_may_hold_spaces(write, separator):
    matrix = np.arange(60, dtype=np.float32).reshape(12, 5)
    assert_reads(write(text(SPACED, matrix, separator)), SPACED, matrix)
    assert_reads(write(text(SPACED[::-1], matrix, separator)), SPACED[::-1], matrix)


def test_a_word_with_spaces_is_not_taken_for_its_beginning(write):
    path = write(b". . . 1 2\nnew york 3 4\nthe 5 6\n")
    assert find_words(path, [".", "new", "new york", "york"]).tolist() == [False, False, True, False]
    assert read_rows(path, [".", "new york"]).tolist() == [[0, 0], [3, 4]]


@pytest.mark.parametrize("end", ["\n", " \n"])
def test_the_first_vector_of_a_repeated_word_counts(write, end):
    path = write(f"a 1 2{end}b 3 4{end}a 5 6{end}".encode())
    assert_reads(path, ["a", "b"], np.array([[1, 2], [3, 4]]))


def test_the_first_vector_of_a_repeated_word_counts_in_a_binary_file(write):
    assert_reads(write(binary(["a", "b", "a"], MATRIX[:3])), ["a", "b"], MATRIX[:2])


def test_files_longer_than_a_block_read_whole(write, monkeypatch):
    for size in (1, 7, 64, 333):
        monkeypatch.setattr(vector_files, "_BLOCK", size)
        for data in FILES.values():
            assert_reads(write(data))


@pytest.mark.parametrize("format", ["word2vec", "fasttext"])
def test_the_format_may_be_named(write, format):
    assert_reads(write(FILES["word2vec"]), format=format)
    assert_reads(write(binary()), format="word2vec-binary")
    with pytest.raises(
        VectorFileError, match=r"line 1: expected the numbers of words and dimensions, got b'the"
    ):
        read_vectors(write(text()), format)


def test_named_glove_a_first_line_of_two_integers_is_a_vector(write):
    path = write(b"12 7\n13 8\n")
    assert_reads(path, ["12", "13"], np.array([[7], [8]]), format="glove")
    with pytest.raises(VectorFileError, match="line 2: expected a word and 7 numbers, got 1 numbers"):
        read_vectors(path)


def test_an_unknown_format_is_refused(write):
    with pytest.raises(ValueError, match=r"format must be one of glove, .* or None, got 'csv'"):
        read_vectors(write(text()), "csv")


@pytest.mark.parametrize(
    "words",
    [
        ["the", ",", "the"],
        np.array(["the", ",", "the"]),
        pa.array(["the", ",", "the"], pa.large_string()),
        pa.array([b"the", b",", b"the"]),
        pa.chunked_array([["the"], [",", "the"]]),
    ],
    ids=["list", "NumPy", "large_string", "binary", "chunks"],
)
def test_words_come_as_lists_or_arrays(write, words):
    np.testing.assert_array_equal(read_rows(write(text()), words), MATRIX[[0, 1, 0]])


def test_words_that_are_none_are_refused(write):
    for words, problem in [
        ("the", "single string 'the'"),
        (["the", None], "got None at index 1"),
        ([1], "Words must be strings, got 1 at index 0"),
    ]:
        with pytest.raises(TypeError, match=problem):
            find_words(write(text()), words)
    assert read_rows(write(text()), []).shape == (0, 5)


# ---- gensim is the oracle of word2vec's formats


@pytest.mark.parametrize("is_binary", [False, True])
def test_reads_what_gensim_writes(tmp_path, is_binary):
    from gensim.models import KeyedVectors

    theirs = KeyedVectors(5)
    theirs.add_vectors(WORDS, MATRIX)
    theirs.save_word2vec_format(str(tmp_path / "file"), binary=is_binary)
    assert_reads(tmp_path / "file")


@pytest.mark.parametrize("name", ["binary of the C program", "binary of gensim", "word2vec"])
def test_reads_what_gensim_reads(write, name):
    from gensim.models import KeyedVectors

    path = write(FILES[name])
    theirs = KeyedVectors.load_word2vec_format(str(path), binary="binary" in name)
    assert_reads(path, theirs.index_to_key, theirs.vectors)


@pytest.mark.filterwarnings("ignore:Exception ignored in. <_io.FileIO")  # gensim 4.4 leaves a file open
@pytest.mark.parametrize("format", ["glove", "word2vec"])
def test_gensim_reads_what_we_write(tmp_path, format):
    from gensim.models import KeyedVectors

    write_vectors(tmp_path / "file", WORDS, MATRIX, format)
    theirs = KeyedVectors.load_word2vec_format(str(tmp_path / "file"), no_header=format == "glove")
    assert theirs.index_to_key == WORDS
    np.testing.assert_array_equal(theirs.vectors, MATRIX)


# ---- writing


@pytest.mark.parametrize("name", ["v.txt", "v.vec", "v.txt.gz", "v.zip", "v.txt.zip"])
@pytest.mark.parametrize("format", ["glove", "word2vec", "fasttext"])
def test_what_is_written_reads_back_exactly(tmp_path, name, format):
    rng = np.random.default_rng(0)
    matrix = rng.integers(0, 1 << 32, (20_001, 3), np.uint32).view(np.float32)
    matrix = np.where(np.isfinite(matrix), matrix, 0)
    words = [*SPACED, *(f"w{at}" for at in range(len(matrix) - len(SPACED)))]
    write_vectors(tmp_path / name, words, matrix, format)
    read, found = read_vectors(tmp_path / name)
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
        with vector_files.replacing(path) as out:
            out.write(b"new")
            raise OSError("no room")

    with pytest.raises(OSError, match="no room"):
        fail()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


# ---- errors

ERRORS = {
    "empty": (b"", ": the file holds no vectors"),
    "blank": (b"\n\n \n", ": the file holds no vectors"),
    "a word alone": (b"the\n", "line 1: expected a word and its numbers, got b'the'"),
    "too few": (b"a 1 2 3\nb 1 2\nc 1 2 3\n", "line 2: expected a word and 3 numbers, got 2 numbers"),
    "too many": (b"a 1 2 3\nb 1 2 3 4\n", "line 2: expected a word and 3 numbers, got 4 numbers"),
    "cut": (b"a 1 2 3\nb 1 2 3\nc 1 2", "line 3: expected a word and 3 numbers, got 2 numbers"),
    "no number": (
        b"a 1 2\nb 1 x\n",
        "line 2: expected a word and 2 numbers, but b'x' is not a finite number",
    ),
    "NaN": (b"a 1 2\nb nan 2\n", "line 2: .* b'nan' is not a finite number"),
    "infinity": (b"a 1 2\nb 1 -inf\n", "line 2: .* b'-inf' is not a finite number"),
    "too large": (b"a 1 2\nb 1 1e39\n", "line 2: a number is too large for a float32"),
    "underscore": (b"a 1 2\nb 1 1_0\n", "line 2: .* b'1_0' is not a finite number"),
    "two spaces": (b"a 1 2\nb  1 2\n", "line 2: expected .* each behind one separator, got an empty field"),
    "carriage return": (b"a 1 2\nb 1 2\rc 3 4\n", "line 2: expected a word and 2 numbers, got 3 numbers"),
    "no word": (b"a 1 2\n 1 2\n", "line 2: expected .* each behind one separator, got an empty field"),
    "not UTF-8": (b"a 1 2\n\xff\xfe 1 2\n", r"line 2: the word b'\\xff\\xfe' is not UTF-8"),
    "header too small": (b"1 2\na 1 2\nb 1 2\n", "line 1: the header promises 1 words, the file holds 2"),
    "header too large": (b"3 2\na 1 2\nb 1 2\n", "line 1: the header promises 3 words, the file holds 2"),
    "header of another dim": (b"2 3\na 1 2\nb 1 2\n", "line 2: expected a word and 3 numbers, got 2 numbers"),
    "header of nothing": (b"0 3\n", "line 1: the header says 0 words of 3 dimensions"),
    "header alone": (b"5 3\n", ": the file holds no vectors"),
    "gigantic dim": (b"1 999999999999\na 1\n", "line 1: the header says 1 words of 999999999999 dimensions"),
    "gigantic line": (b"a 1 2\n" + b"b" * (2 << 20), "line 2: the line is longer than 1,048,576 bytes"),
    "binary cut": (binary()[:-9], "line 10: expected a word and 20 bytes, got"),
    "binary NaN": (
        binary(["a", "b"], np.array([[1, 2], [np.nan, 3]])),
        "line 2: the vector of b'b' holds NaN",
    ),
    "binary not UTF-8": (
        binary(["a", "b"], MATRIX[:2]).replace(b"b ", b"\xff "),
        "line 2: the word .* is not UTF-8",
    ),
    "binary without a word": (binary(["a", ""], MATRIX[:2]), "line 2: no word"),
    "binary too short": (
        binary().replace(b"10 5", b"12 5"),
        "line 1: the header promises 12 words of 5 dimensions, which need at least 264 bytes",
    ),
    "binary of other dimensions": (
        binary().replace(b"10 5", b"10 9"),
        "line 1: the header promises 10 words of 9 dimensions, which need at least 380 bytes",
    ),
    "NaN first": (b"a nan 2\nb 1 2\n", "line 1: expected a word and 2 numbers, but b'nan' is not a finite"),
    "infinity first": (b"a 1 -inf\n", "line 1: expected a word and 2 numbers, but b'-inf' is not a finite"),
    "NaN too many": (b"a 1 2\nb nan 1 2\n", "line 2: expected a word and 2 numbers, got 3 numbers"),
    "header of other numbers": (
        b"5 20000\n" + b"a 1 2 3\n" * 5,
        "line 2: expected a word and 20000 numbers, got 3 numbers",
    ),
    "header of too many dimensions": (
        b"5 262144\na 1 2\n",
        "line 1: the header says 5 words of 262144 dimensions, expected .* 1 to 32768 dimensions",
    ),
    "too many dimensions": (
        b"a" + b" 1" * 40_000 + b"\n",
        "line 1: expected a word and at most 32768 numbers, got 40000",
    ),
    "blank for long": (b"\n" * (3 << 20), "line 1: the first 2097152 bytes are blank lines"),
    "gzip cut": (gzip.compress(text())[:-20], "the archive cannot be read"),
    "gzip wrong": (
        gzip.compress(text())[:20] + b"xxxx" + gzip.compress(text())[24:],
        "the archive cannot be read",
    ),
    "no zip": (b"PK\x03\x04 and nothing more", "the archive cannot be read"),
}


@pytest.mark.parametrize(("data", "problem"), ERRORS.values(), ids=ERRORS)
def test_an_error_says_file_line_and_problem(write, data, problem):
    path = write(data)
    with pytest.raises(VectorFileError, match=f"^{re.escape(str(path))}.*{problem}") as raised:
        read_vectors(path)
    line = re.match(r"line (\d+)", problem)
    assert raised.value.line == (int(line[1]) if line else raised.value.line)
    assert raised.value.path == path


@pytest.mark.parametrize("name", ["too few", "too many", "cut", "two spaces", "header too small"])
def test_a_line_of_the_wrong_length_shows_even_where_it_is_not_wanted(write, name):
    data, problem = ERRORS[name]
    for read in (find_words, read_rows):
        with pytest.raises(VectorFileError, match=problem):
            read(write(data), ["a"])


@pytest.mark.parametrize("name", ["too few", "too many", "cut", "two spaces"])
def test_a_line_of_the_wrong_length_is_no_word(write, name):
    data, problem = ERRORS[name]
    with pytest.raises(VectorFileError, match=problem):
        first_words(write(data), 99)


@pytest.mark.parametrize("name", ["no number", "NaN", "infinity", "too large", "underscore"])
def test_a_wanted_line_is_checked_like_any_other(write, name):
    data, problem = ERRORS[name]
    path = write(data)
    assert read_rows(path, ["a"]).tolist() == [[1, 2]]
    with pytest.raises(VectorFileError, match=problem):
        read_rows(path, ["a", "b"])


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"There is no such file of word vectors: '.*absent\.txt'"):
        read_vectors(tmp_path / "absent.txt")


def test_a_zip_of_several_files_asks_which(tmp_path):
    path = tmp_path / "glove.6B.zip"
    with zipfile.ZipFile(path, "w") as archive:
        pass
    with pytest.raises(VectorFileError, match="the archive holds no file"):
        read_vectors(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.50d.txt", text())
        archive.writestr("../b.100d.txt", text(["outside"]))
    with pytest.raises(
        VectorFileError, match=r"the archive holds a\.50d\.txt, \.\./b\.100d\.txt: name one, as in '.*a"
    ):
        read_vectors(path)
    with pytest.raises(VectorFileError, match=r"the archive holds no 'c\.txt', but a\.50d\.txt"):
        read_vectors(path / "c.txt")
    assert_reads(path / "a.50d.txt")
    assert_reads(path / ".." / "b.100d.txt", ["outside"], MATRIX[:1])
    assert {file.name for file in tmp_path.iterdir()} == {"glove.6B.zip"}
    plain = tmp_path / "plain.txt"
    plain.write_bytes(text())
    with pytest.raises(VectorFileError, match="it is no zip archive"):
        read_vectors(plain / "a.txt")


# ---- two errors that cancel within a block


CANCELLING = {
    "a number moved": (b"a 1 2\nb 3 4\nc 5 6\n", b"a 1 2 3\nb 4\nc 5 6\n"),
    "a number moved far": (b"a 1 2\nb 3 4\nc 5 6\n", b"a 1\nb 3 4\nc 5 6 2\n"),
    "a line wrapped": (b"a 1 2\nb 3 4\nc 5 6\n", b"a 1\n2 b 3 4\nc 5 6\n"),
    "a separator at the beginning for one within": (b"a 1 2\nb 3 4\n", b"a 1 2\n b3 4\n"),
    "a separator at the end for one within": (b"a 1 2\nb 3 4\n", b"a 1 2\nb3 4 \n"),
    "a separator within the word for one within": (b"a 1 2\nbaker 3 4\n", b"a 1 2\nb aker 34\n"),
    "a tab at the end": (b"a 1 2\nb 3 4\n", b"a 1 2\nb 3 \t\n"),
    "an end without its space": (b"2 2\na 1 2 \nb 3 4 \n", b"2 2\na 1 2 \nb 3 4 5\n"),
    "a phrase without a number": (b"a 1 2\nnew york 3 4\n", b"a 1 2\nnew york 3\n"),
    "a phrase without a number, not of letters": (b"a 1 2\n. . . -3 4\n", b"a 1 2\n. . .-3 4\n"),
}


@pytest.mark.parametrize(("whole", "damaged"), CANCELLING.values(), ids=CANCELLING)
def test_errors_that_cancel_are_no_zeros(write, whole, damaged):
    beginning = b"" if whole.startswith(b"2 2\n") else b"first 1 2\n"  # which tells the dimensions
    words = read_vectors(write(beginning + whole))[0].to_pylist()
    path = write(beginning + damaged)
    for read in (read_vectors, lambda path: first_words(path, 9)):
        with pytest.raises(VectorFileError):
            read(path)
    for read in (read_rows, find_words):
        with pytest.raises(VectorFileError):
            read(path, words)


def moved(data, rng):
    """Move a separator, the end of a line or a number to another place."""
    kind = rng.choice([b" ", b"\n", b"number"])
    if kind == b"number":
        lines = [line.split(b" ") for line in lines_of(data)]
        number = rng.choice(lines).pop()
        rng.choice(lines).append(number)
        return joined(map(b" ".join, lines))
    at, to = (
        rng.choice([at for at in range(len(data)) if data[at : at + 1] == kind]),
        rng.randrange(len(data)),
    )
    data = data[:at] + data[at + 1 :]
    return data[:to] + kind + data[to:]


@pytest.mark.parametrize("format", ["GloVe", "word2vec of the C program"])
def test_moved_numbers_and_separators_never_read_as_zeros(write, monkeypatch, format):
    raised = 0
    words = ["first", *SPACED]  # a separator put into the only line before them would make a number a word
    matrix = np.arange(1, 1 + 3 * len(words), dtype=np.float32).reshape(-1, 3)
    header, end = ("", "\n") if format == "GloVe" else (f"{len(words)} 3\n", " \n")
    for seed in range(200):
        rng = random.Random(seed)
        monkeypatch.setattr(vector_files, "_BLOCK", rng.choice([30, 100, 1 << 20]))
        path = write(moved(text(words, matrix, end=end, header=header), rng))
        try:
            read, rows = read_vectors(path)
        except VectorFileError:
            raised += 1
            try:
                np.testing.assert_array_equal(read_rows(path, words), matrix)
            except VectorFileError:
                continue
            assert find_words(path, words).all()
        else:
            np.testing.assert_array_equal(read_rows(path, read), rows)
            assert first_words(path, 99) == read.to_pylist()
    assert raised > 100


# ---- words and the marks among them


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
        patch.setattr(vector_files, "_BLOCK", block)
        assert_reads(path, words, matrix)


def test_a_byte_order_mark_is_part_of_a_word_wherever_a_block_begins(write, monkeypatch):
    data = "the 1 2\n\ufeffcat 3 4\ncat 5 6\n".encode()
    for size in (1, 8, 1 << 20):
        monkeypatch.setattr(vector_files, "_BLOCK", size)
        assert_reads(write(data), ["the", "\ufeffcat", "cat"], np.array([[1, 2], [3, 4], [5, 6]]))


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


def test_vectors_wider_than_arrow_is_asked_for_read_the_same(write, monkeypatch):
    monkeypatch.setattr(vector_files, "_MOST_COLUMNS", 4)
    assert_reads(write(text()))


# ---- not a file of vectors, or one that cannot be read


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no named pipes in folders")
def test_only_regular_files_are_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe.txt")
    (tmp_path / "link.txt").symlink_to("pipe.txt")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.path.relpath(tmp_path / "socket.txt"))
    for path, problem in [
        (tmp_path / "pipe.txt", "it is a named pipe: write what comes out of it to a file first"),
        (tmp_path / "link.txt", "it is a named pipe"),
        (tmp_path / "socket.txt", "it is a socket, not a file"),
        (tmp_path, "it is a folder: name a file in it"),
        ("/dev/zero", "it is a device, not a file"),
    ]:
        for read in (read_vectors, lambda path: read_rows(path, ["a"]), load_vectors):
            with pytest.raises(VectorFileError, match=f"^{re.escape(str(path))}: {problem}"):
                read(path)


@pytest.mark.parametrize("beginning", [b"", b"a 1 2\n", b"3 2\n"])
def test_a_file_of_20_gb_of_nothing_is_refused_at_once(write, beginning):
    path = write(beginning)
    os.truncate(path, 20 << 30)
    for read in (read_vectors, lambda path: read_rows(path, ["a"])):
        with pytest.raises(VectorFileError, match="the line is longer than 1,048,576 bytes"):
            read(path)


@pytest.mark.parametrize("line", [b"\n", b" \n", b"\r\n"])
def test_many_blank_lines_are_passed_over(write, line):
    path = write(gzip.compress(b"a 1 2\n" + line * (4 << 20) + b"b 3\n", 1))
    for read in (read_vectors, lambda path: read_rows(path, ["a"])):
        with pytest.raises(VectorFileError, match=f"line {(4 << 20) + 2}: expected a word and 2 numbers"):
            read(path)


def zip_of(data, name="v.txt", compression=zipfile.ZIP_DEFLATED):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as archive:
        archive.writestr(name, data)
    return out.getvalue()


def tar_of(data):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        member = tarfile.TarInfo("v.txt")
        member.size = len(data)
        archive.addfile(member, io.BytesIO(data))
    return out.getvalue()


def saved(save):
    out = io.BytesIO()
    save(out)
    return out.getvalue()


TABLE = pa.table({"word": ["a"], "x": [1.0]})
KINDS = {
    "fastText": (
        b"\xba\x16\x4f\x2f\x0c\0\0\0",
        r"a fastText model \(.bin\): take the \.vec file .*from_gensim",
    ),
    "pickle": (pickle.dumps({"a": 1.0}), r"a pickle, such as gensim saves: .*from_gensim\(.*KeyedVectors"),
    "npy": (
        saved(lambda out: np.save(out, MATRIX)),
        r"a NumPy array \(\.npy\): WordVectors\(words, numpy.load",
    ),
    "npz": (
        saved(lambda out: np.savez(out, w=MATRIX, m=MATRIX)),
        r"holds NumPy arrays \(\.npz\): WordVectors",
    ),
    "PyTorch": (zip_of(b"\x80\x02", "archive/data.pkl"), "a PyTorch file: torch.load"),
    "Parquet": (saved(lambda out: pq.write_table(TABLE, out)), "a Parquet file: read it with pandas"),
    "Feather": (saved(lambda out: feather.write_feather(TABLE, out)), "an Arrow or Feather file: read it"),
    "HDF5": (b"\x89HDF\r\n\x1a\n\0\0\0", "an HDF5 file: read it with h5py"),
    "SQLite": (b"SQLite format 3\0\x10\0", "an SQLite database"),
    "safetensors": (b"\x3c" + bytes(7) + b'{"emb":{"dtype":"F32"}}', "a safetensors file: .*load_file"),
    "GGUF": (b"GGUF\3\0\0\0", "a GGUF model"),
    "tar": (tar_of(text()), "a tar archive: unpack it"),
    "tar.gz": (gzip.compress(tar_of(text())), "a tar archive: unpack it"),
    "zip in a zip": (zip_of(zip_of(text())), "an archive inside an archive: unpack it"),
    "gzip in gzip": (gzip.compress(gzip.compress(text())), "an archive inside an archive: unpack it"),
    "7z": (b"7z\xbc\xaf\x27\x1c\0\4", "a 7z archive: unpack it"),
    "RAR": (b"Rar!\x1a\x07\x01\0", "a RAR archive: unpack it"),
    "Zstandard": (b"\x28\xb5\x2f\xfd\x24", "compressed with Zstandard: unpack it with zstd -d"),
    "LZ4": (b"\x04\x22\x4d\x18\x64", "compressed with LZ4"),
    "compress": (b"\x1f\x9d\x90a", "compressed with compress"),
    "PDF": (b"%PDF-1.7\n%\xe2", "a PDF document: download"),
    "web page": (b"\n<!DOCTYPE html>\n<html>", "a web page, not the file that it links to: download"),
    "Git LFS": (
        b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\n",
        "a Git LFS pointer, .* git lfs",
    ),
    "UTF-16": ("the 1 2\n".encode("utf-16"), "text in UTF-16: convert it with iconv -f UTF-16"),
    "UTF-32": ("the 1 2\n".encode("utf-32"), "text in UTF-32: convert it with iconv -f UTF-32"),
}


@pytest.mark.parametrize(("data", "problem"), KINDS.values(), ids=KINDS)
def test_a_known_kind_of_file_is_named_with_the_way_out(write, data, problem):
    with pytest.raises(VectorFileError, match=f"vectors.txt: it .*{problem}"):
        read_vectors(write(data))


@pytest.mark.parametrize("word", ["PAR1", "GGUF", "<html", "%PDF-", "<!DOCTYPE", "ARROW1"])
def test_a_word_that_begins_another_kind_of_file_is_a_word(write, word):
    assert_reads(write(text([word, *WORDS[1:]])), [word, *WORDS[1:]])


@pytest.mark.parametrize("pack", [bz2.compress, lzma.compress, lambda d: lzma.compress(d, lzma.FORMAT_ALONE)])
def test_bzip2_and_xz_are_opened(write, pack):
    assert_reads(write(pack(text())))


@pytest.mark.parametrize("name", ["v.bz2", "v.xz"])
def test_bzip2_and_xz_are_written(tmp_path, name):
    write_vectors(tmp_path / name, WORDS, MATRIX)
    assert (tmp_path / name).read_bytes()[:3] in (b"BZh", b"\xfd7z")
    assert_reads(tmp_path / name)


def with_bytes(data, at, value):
    return data[:at] + value + data[at + len(value) :]


ZIP = zip_of(text())
DIRECTORY = ZIP.rfind(b"PK\1\2")
UNREADABLE = {
    "a damaged middle": with_bytes(ZIP, 100, b"\xff\xff\xff\xff"),
    "a wrong CRC": with_bytes(ZIP, DIRECTORY + 16, b"\0\0\0\0"),
    "encrypted": with_bytes(with_bytes(ZIP, 6, b"\1"), DIRECTORY + 8, b"\1"),
    "an unknown compression": with_bytes(with_bytes(ZIP, 8, b"\x09"), DIRECTORY + 10, b"\x09"),
    "a directory elsewhere": with_bytes(ZIP, ZIP.rfind(b"PK\5\6") + 16, b"\xff\xff\xff\x7f"),
    "bzip2 in a zip, damaged": with_bytes(zip_of(text(), compression=zipfile.ZIP_BZIP2), 60, b"\xff\xff"),
    "lzma in a zip, damaged": with_bytes(zip_of(text(), compression=zipfile.ZIP_LZMA), 60, b"\xff\xff"),
    "bzip2, cut": bz2.compress(text())[:-20],
    "bzip2, damaged": with_bytes(bz2.compress(text()), 40, b"\xff\xff"),
    "xz, cut": lzma.compress(text())[:-40],
    "gzip, a wrong CRC": with_bytes(gzip.compress(text()), len(gzip.compress(text())) - 8, b"\0\0"),
}


@pytest.mark.parametrize("data", UNREADABLE.values(), ids=UNREADABLE)
def test_an_archive_that_cannot_be_read_is_named_and_no_cache_is_blamed(write, monkeypatch, tmp_path, data):
    monkeypatch.setenv("SKGLOVE_CACHE", str(tmp_path / "cache"))
    path = write(data)
    for read in (read_vectors, load_vectors):  # which would warn that the cache cannot be written
        with pytest.raises(VectorFileError, match=f"^{re.escape(str(path))}: the archive cannot be read: ."):
            read(path)


# ---- damage


def lines_of(data):
    return data.split(b"\n")[:-1]


def joined(lines):
    return b"".join(line + b"\n" for line in lines)


def on_a_line(change):
    """Turn a change of a line into one of a file."""

    def damage(data, rng):
        lines = lines_of(data)
        at = rng.randrange(len(lines))
        lines[at] = change(lines[at], rng)
        return joined(lines)

    return damage


def on_a_field(change):
    def damage(line, rng):
        fields = line.split(b" ")
        at = rng.randrange(len(fields))
        fields[at] = change(fields[at], rng)
        return b" ".join(fields)

    return on_a_line(damage)


def swap(data, rng):
    data, a, b = bytearray(data), rng.randrange(len(data)), rng.randrange(len(data))
    data[a], data[b] = data[b], data[a]
    return bytes(data)


def put(*pieces):
    """Put one of some pieces somewhere."""

    def damage(data, rng):
        at = rng.randrange(len(data) + 1)
        return data[:at] + rng.choice(pieces) + data[at:]

    return damage


def zipped(data, rng):
    from io import BytesIO

    out = BytesIO()
    with zipfile.ZipFile(out, "w", rng.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])) as archive:
        for at in range(rng.choice([0, 1, 1, 1, 2])):
            archive.writestr(rng.choice(["", "../", "a/", "/"]) + f"vectors{at}.txt", data)
    whole = out.getvalue()
    return rng.choice([whole, flip(whole, rng), whole[: rng.randrange(len(whole))]])


def flip(data, rng):
    at = rng.randrange(len(data))
    return data[:at] + bytes([data[at] ^ (1 << rng.randrange(8))]) + data[at + 1 :]


DAMAGE = {
    "cut": lambda data, rng: data[: rng.randrange(len(data))],
    "cut a line": on_a_line(lambda line, rng: line[: rng.randrange(len(line))]),
    "drop a line": lambda data, rng: joined(rng.sample(lines_of(data), len(lines_of(data)) - 1)),
    "repeat a line": lambda data, rng: joined([*lines_of(data), rng.choice(lines_of(data))]),
    "shuffle the lines": lambda data, rng: joined(rng.sample(lines_of(data), len(lines_of(data)))),
    "repeat a field": on_a_line(lambda line, rng: line + b" " + rng.choice(line.split(b" "))),
    "drop a field": on_a_line(lambda line, rng: line.rpartition(b" ")[0]),
    "swap bytes": swap,
    "flip a bit": flip,
    "no number": on_a_field(
        lambda field, rng: rng.choice([b"x", b"1,5", b"--1", b"1e", b"0x1", b"1_0", b"", b"1.2.3"])
    ),
    "odd numbers": on_a_field(
        lambda field, rng: rng.choice([b"+1", b"1.", b".5", b"1E5", b"1e-99", b"00", b"-0", b"1e38"])
    ),
    "not finite": on_a_field(
        lambda field, rng: rng.choice([b"nan", b"NaN", b"inf", b"-Infinity", b"1e39", b"1e999"])
    ),
    "bad UTF-8": put(b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xf8"),
    "blank lines": put(b"\n", b"\n\n", b"\n \n"),
    "carriage returns": put(b"\r", b"\r\n", b"\r\r\n"),
    "byte order mark": put(b"\xef\xbb\xbf"),
    "tabs": put(b"\t", b" \t", b"\t "),
    "spaces": put(b" ", b"  ", b"\xc2\xa0", b"\xe3\x80\x80", b"\x0b", b"\x0c"),
    "zeros": put(b"\0", b"\0" * 40),
    "gigantic line": put(b"x" * 6000, b"1 " * 3000),
    "Windows": lambda data, rng: data.replace(b"\n", b"\r\n", rng.randrange(12)),
    "zip": zipped,
    "gzip": lambda data, rng: flip(gzip.compress(data), rng),
}


def plain_reading(data, dim):
    """Say what the lines of a text say, reading in the plainest way there is."""
    data = data.removeprefix(b"\xef\xbb\xbf")
    vectors = {}
    for line in data.split(b"\n"):
        line = line.rstrip(b" \t\r")
        if line and not (not vectors and re.fullmatch(rb"\d+[ \t]\d+", line) and dim > 1):
            separator = b"\t" if b"\t" in line and b" " not in line else b" "
            word, *values = line.rsplit(separator, dim)
            vectors.setdefault(
                word.decode(), np.array(list(map(float, values)), np.float64).astype(np.float32)
            )
    return vectors


def outcome(path):
    """Read a file: words and numbers, or line and problem."""
    try:
        words, matrix = read_vectors(path)
    except VectorFileError as error:
        return error
    return words.to_pylist(), matrix.tolist()


@pytest.fixture
def short_lines(monkeypatch):
    monkeypatch.setattr(vector_files, "_LONGEST_LINE", 5000)


@pytest.mark.parametrize("kind", DAMAGE)
@pytest.mark.parametrize("format", ["GloVe", "word2vec of the C program"])
def test_damage_is_an_error_or_reads_as_the_lines_say(write, short_lines, kind, format):
    for seed in range(10):
        data = DAMAGE[kind](FILES[format], random.Random(f"{kind} {seed}"))
        path = write(data)
        found = outcome(path)
        if isinstance(found, VectorFileError):
            assert found.path == path
            assert found.line is not None or "archive" in found.problem or "no vectors" in found.problem
        elif kind in ("zip", "gzip"):
            assert found == (WORDS, MATRIX.tolist())
        else:
            words, rows = found
            said = plain_reading(data, len(rows[0]))
            assert words == list(said)
            np.testing.assert_array_equal(rows, list(said.values()))
            np.testing.assert_array_equal(read_rows(path, words), rows)
            assert find_words(path, words).all()


@pytest.mark.parametrize("kind", DAMAGE)
def test_the_fast_way_and_the_exact_way_agree(write, short_lines, monkeypatch, kind):
    for seed in range(10):
        path = write(DAMAGE[kind](FILES["GloVe"], random.Random(f"{kind} {seed}")))
        fast = outcome(path)
        with monkeypatch.context() as patch:
            patch.setattr(vector_files, "_parse_fast", lambda lines, layout: None)
            exact = outcome(path)
        assert exact == fast or str(exact) == str(fast)


def test_at_least_300_damaged_files_are_tried():
    assert len(DAMAGE) * 2 * 10 >= 300
