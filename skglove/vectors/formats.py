"""The formats of vector files, and how to recognise one from the beginning of a file.

GloVe's text format is a line for each word: the word and its numbers, separated by a space. word2vec and
fastText put a header before that: the numbers of words and of dimensions. word2vec also has a binary format:
after the header, each word is followed by a space and little-endian float32 values.
"""

import codecs
import itertools
import re
from typing import NamedTuple

from skglove.vectors.errors import VectorFileError
from skglove.vectors.signatures import compression, recognise

FORMATS = ("glove", "word2vec", "fasttext", "word2vec-binary")
MOST_DIMENSIONS = 1 << 15  # twice the hidden size of Llama 3.1 405B; a line of so many fits LONGEST_LINE
LONGEST_LINE = 1 << 20  # 4,096 dimensions need about 100 kB
HEAD = 2 * LONGEST_LINE  # as much of a file as `sniff` wants

_DIGITS = r"(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_NAN = "nan|NaN|NAN|inf|Inf|INF|Infinity"  # as C, Python, NumPy and Java print it
NUMBER = rf"[-+]?(?:{_DIGITS}|{_NAN})"
_FINITE = re.compile(rf"[ \t]*[-+]?{_DIGITS}[ \t]*".encode())
_NUMBER = re.compile(rf"[ \t]*{NUMBER}[ \t]*".encode())
_HEADER = re.compile(rb"(\d{1,18})[ \t](\d{1,18})[ \t]*\r?")
_NOT_TEXT = re.compile(r"[^\t\n\r\x20-\x7e\x80-\U0010ffff]")


class Layout(NamedTuple):
    """How the vectors are laid out in a file.

    Parameters
    ----------
    binary : bool
        Whether the numbers are float32 values rather than text.
    start : int
        The byte at which the first vector begins.
    line : int
        The line at which it begins, counted from 1.
    count : int or None
        The number of words that the header promises.
    dim : int
        The number of dimensions.
    separator : bytes, default=b" "
        What separates the fields of a line.
    trailing : bool, default=False
        Whether a separator ends each line, as word2vec's and fastText's own programs write it.
    """

    binary: bool
    start: int
    line: int
    count: int | None
    dim: int
    separator: bytes = b" "
    trailing: bool = False

    def fields(self, line):
        """Split a line at the separators."""
        return line.rstrip(b" \t\r").split(self.separator)

    def word(self, fields):
        """Return the word of a line's fields: all but the last `dim`, since a word may hold separators."""
        return self.separator.join(fields[: -self.dim])

    def problem(self, fields):
        """Say what is wrong with a line's fields; None for a word and `dim` finite numbers."""
        return self.wrong_count(fields) or self.wrong_number(fields)

    def wrong_count(self, fields):
        """Say what is wrong with the number of a line's fields; None if it is right."""
        expected, word = f"expected a word and {self.dim} numbers", fields[: -self.dim]
        if not word:
            return f"{expected}, got {len(fields) - 1} numbers"
        if not all(word):
            return f"{expected}, each behind one separator, got an empty field"
        surplus = sum(_NUMBER.fullmatch(piece) is not None for piece in word[1:])
        return f"{expected}, got {self.dim + surplus} numbers" if surplus else None

    def wrong_number(self, fields):
        """Say which of a line's numbers is not a finite number; None if all are."""
        for value in fields[-self.dim :]:
            if not _FINITE.fullmatch(value):
                return f"expected a word and {self.dim} numbers, but {value[:60]!r} is not a finite number"
        return None

    def begins_with_number(self, line, start):
        """Tell whether the field of a line that starts at `start` is a number, NaN and infinity included."""
        end = line.find(self.separator, start)
        return _NUMBER.fullmatch(line, start, len(line) if end < 0 else end) is not None


def sniff(path, head, format=None):
    r"""Find out the layout of a file.

    Parameters
    ----------
    path : str or path-like
        The file, for messages.
    head : bytes
        Its first 2 MiB, decompressed, or all of it.
    format : {"glove", "word2vec", "fasttext", "word2vec-binary"}, default=None
        The format, if the user names it.

    Returns
    -------
    layout : Layout

    Raises
    ------
    VectorFileError
        If the file does not begin as the format does, or begins as a known other kind of file.

    Examples
    --------
    >>> layout = sniff("tiny.vec", b"2 3\ncat 1 2 3\ndog 4 5 6\n")
    >>> layout.count, layout.dim, layout.start, layout.line
    (2, 3, 4, 2)
    """
    problem = recognise(head)
    if problem and (b"\0" in head[:512] or compression(head)):
        raise VectorFileError(path, problem)  # the beginning of a tar archive could pass for a vector
    try:
        return _sniff(path, head, format)
    except VectorFileError:
        if problem:
            raise VectorFileError(path, problem) from None
        raise


def _sniff(path, head, format):
    bom = len(codecs.BOM_UTF8) if head.startswith(codecs.BOM_UTF8) else 0
    first, start, end, line = _first_line(path, head, bom, 1)
    header = None if format == "glove" else _HEADER.fullmatch(first)
    count = dim = None
    if header is not None:
        count, dim = int(header[1]), int(header[2])
        if count == 0 or not 0 < dim <= MOST_DIMENSIONS:
            raise VectorFileError(
                path,
                f"the header says {count} words of {dim} dimensions, "
                f"expected 1 or more words of 1 to {MOST_DIMENSIONS} dimensions",
                line,
            )
        if format == "word2vec-binary" or (format is None and _is_binary(head[end:], dim)):
            return Layout(True, end, line + 1, count, dim)
        first, start, end, line = _first_line(path, head, end, line + 1)
    elif format not in (None, "glove"):
        raise VectorFileError(path, f"expected the numbers of words and dimensions, got {first[:60]!r}", line)
    separator = b"\t" if b"\t" in first.rstrip() else b" "
    dim = dim or _count_numbers(path, first, separator, line)
    layout = Layout(False, start, line, count, dim, separator, first.rstrip(b"\r").endswith(separator))
    if problem := layout.wrong_count(layout.fields(first)):
        raise VectorFileError(path, problem, line)
    return layout


def _first_line(path, head, start, line):
    """Return the first line that is not blank, where it starts, where the next one does, and its number."""
    filled = re.compile(rb"[^ \t\r\n]").search(head, start)
    if filled is None:
        if len(head) >= HEAD:
            raise VectorFileError(path, f"the first {len(head)} bytes are blank lines", line)
        raise VectorFileError(path, "the file holds no vectors", line if head else None)
    begin = max(start, head.rfind(b"\n", 0, filled.start()) + 1)
    end = head.find(b"\n", begin)
    end, line = len(head) if end < 0 else end, line + head.count(b"\n", start, begin)
    if end - begin > LONGEST_LINE:
        raise VectorFileError(path, f"the line is longer than {LONGEST_LINE:,} bytes", line)
    return head[begin:end], begin, end + 1, line


def _count_numbers(path, first, separator, line):
    """Return how many numbers end the first line of a file without a header."""
    fields = first.rstrip(b" \t\r").split(separator)
    dim = sum(1 for _ in itertools.takewhile(_NUMBER.fullmatch, fields[:0:-1]))
    if dim == 0:
        raise VectorFileError(path, f"expected a word and its numbers, got {first[:60]!r}", line)
    if dim > MOST_DIMENSIONS:
        raise VectorFileError(
            path, f"expected a word and at most {MOST_DIMENSIONS} numbers, got {dim} numbers", line
        )
    return dim


def _is_binary(vectors, dim):
    """Tell whether the vectors after a header are float32 values rather than text."""
    first = vectors.split(b"\n", 1)[0].split()
    if len(first) > dim and all(map(_FINITE.fullmatch, first[-dim:])):
        return False
    sample = vectors.partition(b" ")[2][: 4 * dim]
    try:
        return _NOT_TEXT.search(codecs.getincrementaldecoder("utf-8")().decode(sample)) is not None
    except UnicodeDecodeError:
        return True
