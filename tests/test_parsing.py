"""Parsing of damaged text: it is an error, or reads as the lines say."""

import gzip
import random
import re
import zipfile

import numpy as np
import pytest
from vector_samples import FILES, MATRIX, SPACED, WORDS, assert_reads, read_file, text

from skglove.vectors import VectorFileError, formats, parsing
from skglove.vectors.files import VectorFile

CANCELLING = {
    "a number moved": (b"a 1 2\nb 3 4\nc 5 6\n", b"a 1 2 3\nb 4\nc 5 6\n"),
    "a number moved far": (b"a 1 2\nb 3 4\nc 5 6\n", b"a 1\nb 3 4\nc 5 6 2\n"),
    "a line wrapped": (b"a 1 2\nb 3 4\nc 5 6\n", b"a 1\n2 b 3 4\nc 5 6\n"),
    "a separator at the beginning for one within": (b"a 1 2\nb 3 4\n", b"a 1 2\n b3 4\n"),
    "a separator at the end for one within": (b"a 1 2\nb 3 4\n", b"a 1 2\nb3 4 \n"),
    "a separator within the word for one within": (b"a 1 2\nbaker 3 4\n", b"a 1 2\nb aker 34\n"),
    "a separator doubled for one within": (b"2 3\na 1 2 3\nb 4 5 6\n", b"2 3\na 1 2 3\nb4 5  6\n"),
    "a tab at the end": (b"a 1 2\nb 3 4\n", b"a 1 2\nb 3 \t\n"),
    "an end without its space": (b"2 2\na 1 2 \nb 3 4 \n", b"2 2\na 1 2 \nb 3 4 5\n"),
    "a phrase without a number": (b"a 1 2\nnew york 3 4\n", b"a 1 2\nnew york 3\n"),
    "a phrase without a number, not of letters": (b"a 1 2\n. . . -3 4\n", b"a 1 2\n. . .-3 4\n"),
}


@pytest.mark.parametrize(("whole", "damaged"), CANCELLING.values(), ids=CANCELLING)
def test_errors_that_cancel_are_no_zeros(write, whole, damaged):
    beginning = b"" if whole.startswith(b"2 ") else b"first 1 2\n"  # which tells the dimensions
    words = VectorFile(write(beginning + whole)).read()[0].to_pylist()
    path = write(beginning + damaged)
    for read in (read_file, lambda path: VectorFile(path).first(9)):
        with pytest.raises(VectorFileError):
            read(path)
    for method in ("rows", "contains"):
        with pytest.raises(VectorFileError):
            getattr(VectorFile(path), method)(words)


@pytest.mark.parametrize("dim", [200, 255, 256])
@pytest.mark.parametrize("end", ["\n", " \n"], ids=["GloVe", "word2vec of the C program"])
def test_surplus_numbers_are_counted_past_256_and_65536(write, dim, end):
    words = [f"w{at}" for at in range(300)]
    header = "" if end == "\n" else f"{len(words)} {dim}\n"
    whole = text(words, np.ones((len(words), dim), np.float32), end=end, header=header)
    for surplus in (256, 1 << 16):
        beginning, line, rest = whole.partition(b"\nw1 1.0")
        damaged = beginning + line + b" 1.0" * surplus + rest
        for data in (damaged, damaged.replace(b"1.0 \n", b"1.0\n", 256)):  # spaces at ends are optional
            with pytest.raises(VectorFileError, match=f"got {dim + surplus} numbers"):
                VectorFile(write(data)).rows(["absent"])


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


@pytest.mark.slow
@pytest.mark.parametrize("format", ["GloVe", "word2vec of the C program"])
def test_moved_numbers_and_separators_never_read_as_zeros(write, monkeypatch, format):
    raised = 0
    words = ["first", *SPACED]  # a separator put into the only line before them would make a number a word
    matrix = np.arange(1, 1 + 3 * len(words), dtype=np.float32).reshape(-1, 3)
    header, end = ("", "\n") if format == "GloVe" else (f"{len(words)} 3\n", " \n")
    for seed in range(200):
        rng = random.Random(seed)
        monkeypatch.setattr(parsing, "_BLOCK", rng.choice([30, 100, 1 << 20]))
        path = write(moved(text(words, matrix, end=end, header=header), rng))
        try:
            read, rows = VectorFile(path).read()
        except VectorFileError:
            raised += 1
            try:
                np.testing.assert_array_equal(VectorFile(path).rows(words), matrix)
            except VectorFileError:
                continue
            assert VectorFile(path).contains(words).all()
        else:
            np.testing.assert_array_equal(VectorFile(path).rows(read), rows)
            assert VectorFile(path).first(99) == read.to_pylist()
    assert raised > 100


def test_a_byte_order_mark_is_part_of_a_word_wherever_a_block_begins(write, monkeypatch):
    data = "the 1 2\n\ufeffcat 3 4\ncat 5 6\n".encode()
    for size in (1, 8, 1 << 20):
        monkeypatch.setattr(parsing, "_BLOCK", size)
        assert_reads(write(data), ["the", "\ufeffcat", "cat"], np.array([[1, 2], [3, 4], [5, 6]]))


def test_vectors_wider_than_arrow_is_asked_for_read_the_same(write, monkeypatch):
    monkeypatch.setattr(parsing, "_MOST_COLUMNS", 4)
    assert_reads(write(text()))


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
        words, matrix = VectorFile(path).read()
    except VectorFileError as error:
        return error
    return words.to_pylist(), matrix.tolist()


@pytest.fixture
def short_lines(monkeypatch):
    for module in (formats, parsing):
        monkeypatch.setattr(module, "LONGEST_LINE", 5000)


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
            np.testing.assert_array_equal(VectorFile(path).rows(words), rows)
            assert VectorFile(path).contains(words).all()


@pytest.mark.parametrize("kind", DAMAGE)
def test_the_fast_way_and_the_exact_way_agree(write, short_lines, monkeypatch, kind):
    for seed in range(10):
        path = write(DAMAGE[kind](FILES["GloVe"], random.Random(f"{kind} {seed}")))
        fast = outcome(path)
        with monkeypatch.context() as patch:
            patch.setattr(parsing.TextParser, "_parse_fast", lambda parser, lines: None)
            exact = outcome(path)
        assert exact == fast or str(exact) == str(fast)


def test_at_least_300_damaged_files_are_tried():
    assert len(DAMAGE) * 2 * 10 >= 300
