"""Reading files of vectors: formats, errors; gensim as the oracle of word2vec's formats."""

import gzip
import os
import re
import socket
import sys

import numpy as np
import pyarrow as pa
import pytest
from vector_samples import FILES, MATRIX, SPACED, WORDS, assert_reads, binary, read_file, text

from skglove.vectors import VectorFileError, load_vectors, parsing
from skglove.vectors.files import VectorFile


@pytest.mark.parametrize("data", FILES.values(), ids=FILES)
def test_every_format_is_told_from_its_bytes(write, data):
    assert_reads(write(data))


@pytest.mark.parametrize("separator", [" ", "\t"])
def test_words_may_hold_spaces(write, separator):
    matrix = np.arange(60, dtype=np.float32).reshape(12, 5)
    assert_reads(write(text(SPACED, matrix, separator)), SPACED, matrix)
    assert_reads(write(text(SPACED[::-1], matrix, separator)), SPACED[::-1], matrix)


def test_a_word_with_spaces_is_not_taken_for_its_beginning(write):
    path = write(b". . . 1 2\nnew york 3 4\nthe 5 6\n")
    assert VectorFile(path).contains([".", "new", "new york", "york"]).tolist() == [False, False, True, False]
    assert VectorFile(path).rows([".", "new york"]).tolist() == [[0, 0], [3, 4]]


@pytest.mark.parametrize("end", ["\n", " \n"])
def test_the_first_vector_of_a_repeated_word_counts(write, end):
    path = write(f"a 1 2{end}b 3 4{end}a 5 6{end}".encode())
    assert_reads(path, ["a", "b"], np.array([[1, 2], [3, 4]]))


def test_the_first_vector_of_a_repeated_word_counts_in_a_binary_file(write):
    assert_reads(write(binary(["a", "b", "a"], MATRIX[:3])), ["a", "b"], MATRIX[:2])


@pytest.mark.slow
def test_files_longer_than_a_block_read_whole(write, monkeypatch):
    for size in (1, 7, 64, 333):
        monkeypatch.setattr(parsing, "_BLOCK", size)
        for data in FILES.values():
            assert_reads(write(data))


@pytest.mark.parametrize("format", ["word2vec", "fasttext"])
def test_the_format_may_be_named(write, format):
    assert_reads(write(FILES["word2vec"]), format=format)
    assert_reads(write(binary()), format="word2vec-binary")
    with pytest.raises(
        VectorFileError, match=r"line 1: expected the numbers of words and dimensions, got b'the"
    ):
        VectorFile(write(text()), format).read()


def test_named_glove_a_first_line_of_two_integers_is_a_vector(write):
    path = write(b"12 7\n13 8\n")
    assert_reads(path, ["12", "13"], np.array([[7], [8]]), format="glove")
    with pytest.raises(VectorFileError, match="line 2: expected a word and 7 numbers, got 1 numbers"):
        VectorFile(path).read()


def test_an_unknown_format_is_refused(write):
    with pytest.raises(ValueError, match=r"format must be one of glove, .* or None, got 'csv'"):
        VectorFile(write(text()), "csv").read()


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
    np.testing.assert_array_equal(VectorFile(write(text())).rows(words), MATRIX[[0, 1, 0]])


def test_words_that_are_none_are_refused(write):
    for words, problem in [
        ("the", "single string 'the'"),
        (["the", None], "got None at index 1"),
        ([1], "Words must be strings, got 1 at index 0"),
    ]:
        with pytest.raises(TypeError, match=problem):
            VectorFile(write(text())).contains(words)
    assert VectorFile(write(text())).rows([]).shape == (0, 5)


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
        VectorFile(path).read()
    line = re.match(r"line (\d+)", problem)
    assert raised.value.line == (int(line[1]) if line else raised.value.line)
    assert raised.value.path == path


@pytest.mark.parametrize("name", ["too few", "too many", "cut", "two spaces", "header too small"])
def test_a_line_of_the_wrong_length_shows_even_where_it_is_not_wanted(write, name):
    data, problem = ERRORS[name]
    for method in ("contains", "rows"):
        with pytest.raises(VectorFileError, match=problem):
            getattr(VectorFile(write(data)), method)(["a"])


@pytest.mark.parametrize("name", ["too few", "too many", "cut", "two spaces"])
def test_a_line_of_the_wrong_length_is_no_word(write, name):
    data, problem = ERRORS[name]
    with pytest.raises(VectorFileError, match=problem):
        VectorFile(write(data)).first(99)


@pytest.mark.parametrize("name", ["no number", "NaN", "infinity", "too large", "underscore"])
def test_a_wanted_line_is_checked_like_any_other(write, name):
    data, problem = ERRORS[name]
    path = write(data)
    assert VectorFile(path).rows(["a"]).tolist() == [[1, 2]]
    with pytest.raises(VectorFileError, match=problem):
        VectorFile(path).rows(["a", "b"])


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"There is no such file of word vectors: '.*absent\.txt'"):
        VectorFile(tmp_path / "absent.txt").read()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no named pipes in folders")
def test_only_regular_files_are_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe.txt")
    (tmp_path / "link.txt").symlink_to("pipe.txt")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.path.relpath(tmp_path / "socket.txt"))
    for path, problem in [
        (tmp_path / "pipe.txt", "it is a named pipe: write its contents to a file first"),
        (tmp_path / "link.txt", "it is a named pipe"),
        (tmp_path / "socket.txt", "it is a socket, not a file"),
        (tmp_path, "it is a folder, and holds no files: give the path of a file"),
        ("/dev/zero", "it is a device, not a file"),
    ]:
        for read in (read_file, lambda path: VectorFile(path).rows(["a"]), load_vectors):
            with pytest.raises(VectorFileError, match=f"^{re.escape(str(path))}: {problem}"):
                read(path)


@pytest.mark.parametrize("beginning", [b"", b"a 1 2\n", b"3 2\n"])
def test_a_file_of_20_gb_of_nothing_is_refused_at_once(write, beginning):
    path = write(beginning)
    os.truncate(path, 20 << 30)
    for read in (read_file, lambda path: VectorFile(path).rows(["a"])):
        with pytest.raises(VectorFileError, match="the line is longer than 1,048,576 bytes"):
            read(path)


@pytest.mark.parametrize("line", [b"\n", b" \n", b"\r\n"])
def test_many_blank_lines_are_passed_over(write, line):
    path = write(gzip.compress(b"a 1 2\n" + line * (4 << 20) + b"b 3\n", 1))
    for read in (read_file, lambda path: VectorFile(path).rows(["a"])):
        with pytest.raises(VectorFileError, match=f"line {(4 << 20) + 2}: expected a word and 2 numbers"):
            read(path)


def test_white_lines_between_vectors_are_not_handled_one_by_one(write):
    path, calls = write(b"".join(b"w%d 1 2\n" % at + b" \n" * 10_000 for at in range(8))), []
    sys.setprofile(lambda frame, event, function: calls.append(event))
    try:
        rows = VectorFile(path).rows(["w7", "w0"])
    finally:
        sys.setprofile(None)
    np.testing.assert_array_equal(rows, [[1, 2], [1, 2]])
    assert len(calls) < 40_000  # of 80,000 lines
