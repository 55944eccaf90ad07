"""Files of word vectors: GloVe, word2vec and fastText, plain or packed, and the cache of what was read.

A text file is read by the block: Arrow's CSV parser takes the lines that are exactly a word and its numbers, and
whatever it refuses (words that hold spaces, damage) goes through `_parse_exactly`, which is the definition of the
format and knows what is wrong with a line. Where only some words are wanted, only their lines are parsed at all.
"""

import errno
import gzip
import hashlib
import json
import logging
import lzma
import os
import re
import struct
import tempfile
import time
import warnings
import zipfile
import zlib
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np
import platformdirs
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

logger = logging.getLogger(__name__)

FORMATS = ("glove", "word2vec", "fasttext", "word2vec-binary")

_BLOCK = 16 << 20  # 341,479 lines of 100 numbers: 1.9 s; with 8 MiB 2.8 s
_LONGEST_LINE = 1 << 20  # 4,096 dimensions need about 100 kB
_NUMBER = re.compile(rb"[ \t]*[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?[ \t]*")
_HEADER = re.compile(rb"(\d{1,18})[ \t](\d{1,18})[ \t]*\r?")
_BOM = b"\xef\xbb\xbf"
_DAMAGED_ARCHIVE = (
    EOFError,
    gzip.BadGzipFile,
    lzma.LZMAError,
    NotImplementedError,  # a compression that zipfile does not know
    RuntimeError,  # an encrypted member
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
)


class VectorFileError(ValueError):
    """A file of word vectors that cannot be read as one.

    Parameters
    ----------
    path : str or Path
        The file.
    problem : str
        What is wrong with it.
    line : int, default=None
        Where, counted from 1; in a binary file the number of the vector.

    Examples
    --------
    >>> print(VectorFileError("glove.txt", "expected 50 numbers, got 49", 7))
    glove.txt, line 7: expected 50 numbers, got 49
    """

    def __init__(self, path, problem, line=None):
        super().__init__(path, problem, line)
        self.path, self.problem, self.line = path, problem, line

    def __str__(self):
        """Return file, line and problem."""
        return f"{self.path}{'' if self.line is None else f', line {self.line}'}: {self.problem}"


# ---- finding out what a file is ----------------------------------------------------------------------------------


class _Layout(NamedTuple):
    """How the vectors stand in a file."""

    binary: bool
    start: int  # the byte at which the first vector begins
    line: int  # the line on which it does
    count: int | None  # as the header says
    dim: int
    separator: bytes = b" "
    trailing: bool = False  # word2vec's and fastText's own writers end each line with a space


def locate(path):
    """Split a path into the file on disk and the member of a zip archive, if the path leads into one.

    Raises
    ------
    FileNotFoundError
        Where there is no such file.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     archive = Path(folder, "glove.6B.zip")
    ...     _ = archive.write_bytes(b"")
    ...     locate(archive / "glove.6B.50d.txt")[1]
    'glove.6B.50d.txt'
    """
    path = Path(path)
    if path.exists():
        return path, None
    for parent in path.parents:
        if parent.is_file():
            return parent, path.relative_to(parent).as_posix()
    raise FileNotFoundError(errno.ENOENT, "No such file of word vectors", str(path))


def _member(archive, wanted, path):
    names = [name for name in archive.namelist() if not name.endswith("/") and not name.startswith("__MACOSX/")]
    if wanted is None and len(names) == 1:
        return names[0]
    if wanted in names:
        return wanted
    if not names:
        raise VectorFileError(path, "the archive holds no file")
    listed = ", ".join(names[:10]) + (", ..." if len(names) > 10 else "")
    if wanted is None:
        hint = f"name the one you mean, as in {str(path / names[0])!r}"
        raise VectorFileError(path, f"the archive holds {len(names)} files ({listed}): {hint}")
    raise VectorFileError(path, f"the archive holds no {wanted!r}, but {listed}")


@contextmanager
def _open(path):
    """Open a file for reading bytes, unpacked; what it is packed with is told from its first bytes."""
    file, member = locate(path)
    try:
        with open(file, "rb") as stream:
            magic = stream.read(4)
            stream.seek(0)
            if magic in (b"PK\x03\x04", b"PK\x05\x06"):
                with zipfile.ZipFile(stream) as archive, archive.open(_member(archive, member, file)) as unpacked:
                    yield unpacked
            elif member is not None:
                raise VectorFileError(file, f"is no zip archive, so {member!r} cannot be in it")
            elif magic.startswith(b"\x1f\x8b"):
                with gzip.open(stream) as unpacked:
                    yield unpacked
            else:
                yield stream
    except _DAMAGED_ARCHIVE as error:
        raise VectorFileError(path, f"the archive cannot be read: {error}") from error


def _first_line(head, start, line):
    """Return the first line of `head` that is not blank, where it starts, where it ends, and its number."""
    while start < len(head):
        end = head.find(b"\n", start)
        end = len(head) if end < 0 else end
        if head[start:end].strip(b" \t\r"):
            return head[start:end], start, end + 1, line
        start, line = end + 1, line + 1
    return b"", start, start, line


def _is_binary(vectors, dim, separator):
    """Tell whether the bytes after a header are float32 values rather than their digits."""
    first = vectors.split(b"\n", 1)[0].rstrip(b" \t\r").split(separator)
    if len(first) > dim and all(map(_NUMBER.fullmatch, first[-dim:])):
        return False
    sample = vectors.partition(b" ")[2][: 4 * dim]
    return bool(re.search(rb"[^\t\n\r\x20-\x7e]", sample))


def _sniff(path, format):
    """Find the layout of a file, from its first lines or from what the user says it is."""
    if format is not None and format not in FORMATS:
        raise ValueError(f"format must be one of {', '.join(FORMATS)} or None, got {format!r}")
    with _open(path) as stream:
        head = stream.read(2 * _LONGEST_LINE)
    first, start, end, line = _first_line(head, len(_BOM) if head.startswith(_BOM) else 0, 1)
    if not first:
        raise VectorFileError(path, "the file is empty" if not head else "the file holds nothing but blank lines")
    header = None if format == "glove" else _HEADER.fullmatch(first)
    if header is None and format not in (None, "glove"):
        raise VectorFileError(path, f"expected a header, the number of words and of dimensions, got {first[:60]!r}", line)
    count = dim = None
    if header is not None:
        count, dim = int(header[1]), int(header[2])
        if not (0 < count and 0 < dim <= _LONGEST_LINE // 4):
            raise VectorFileError(path, f"the header says {count} words of {dim} dimensions", line)
        separator = b" "
        if format == "word2vec-binary" or (format is None and _is_binary(head[end:], dim, separator)):
            return _Layout(True, end, 1, count, dim)
        first, start, end, line = _first_line(head, end, line + 1)
    separator = b"\t" if b"\t" in first.rstrip() else b" "
    fields = first.rstrip(b" \t\r").split(separator)
    if dim is None:
        dim = 0
        while dim < len(fields) - 1 and _NUMBER.fullmatch(fields[-1 - dim]):
            dim += 1
    if dim == 0:
        raise VectorFileError(path, f"expected a word and its numbers, got {first[:60]!r}", line)
    return _Layout(False, start, line, count, dim, separator, first.rstrip(b"\r").endswith(separator))


# ---- lines ---------------------------------------------------------------------------------------------------------


def _blocks(path, stream, layout):
    """Yield the number of the first line and the bytes of whole lines, about 16 MiB at a time."""
    stream.read(layout.start)
    number, rest = layout.line, b""
    while chunk := stream.read(_BLOCK):
        cut = chunk.rfind(b"\n") + 1
        if cut:
            block = rest + chunk[:cut]
            yield number, block
            number += block.count(b"\n")
            rest = chunk[cut:]
        else:
            rest += chunk
        if len(rest) > _LONGEST_LINE:
            raise VectorFileError(path, f"the line is longer than {_LONGEST_LINE:,} bytes", number)
    if rest:
        yield number, rest


def _parse(path, lines, numbers, layout):
    """Parse lines into words and a float32 matrix; `numbers` are the numbers of the lines in the file."""
    parsed = _parse_fast(lines, layout)
    return _parse_exactly(path, lines, numbers, layout) if parsed is None else parsed


def _parse_fast(lines, layout):
    """Parse lines that are all exactly a word and `dim` numbers; None where one is not."""
    lines = lines.replace(b"\r\n", b"\n")
    if not lines or b"\r" in lines:  # Arrow would end a line there
        return None
    columns = ["word", *map(str, range(layout.dim)), *["trailing"] * layout.trailing]
    types = dict.fromkeys(columns, pa.float32()) | {"word": pa.binary(), "trailing": pa.binary()}
    try:
        table = csv.read_csv(
            pa.BufferReader(lines),
            csv.ReadOptions(column_names=columns, block_size=2 << 20),
            csv.ParseOptions(
                delimiter=layout.separator.decode(), quote_char=False, escape_char=False, ignore_empty_lines=False
            ),
            csv.ConvertOptions(column_types=types, null_values=[], check_utf8=False),
        )
        words = table["word"].combine_chunks().cast(pa.string())  # checks the UTF-8
    except pa.ArrowInvalid:
        return None
    matrix = np.empty((len(table), layout.dim), np.float32)
    for column in range(layout.dim):
        matrix[:, column] = table[column + 1].to_numpy()
    as_expected = (
        len(table) == lines.count(b"\n") + (not lines.endswith(b"\n"))
        and pc.min(pc.binary_length(words)).as_py() > 0
        and (not layout.trailing or pc.max(pc.binary_length(table["trailing"])).as_py() == 0)
        and np.isfinite(matrix).all()
    )
    return (words, matrix) if as_expected else None


def _parse_exactly(path, lines, numbers, layout):
    """Parse lines one by one: a word, which may hold spaces, and `dim` finite numbers."""
    words, matrix = [], []
    for number, line in zip(numbers, lines.split(b"\n"), strict=False):
        fields = _fields(line, layout)
        if not fields:
            continue
        word, values = _word(fields, layout), fields[-layout.dim :]
        problem = _problem(fields, layout)
        if problem is None:
            with np.errstate(over="ignore"):
                row = np.array([float(value) for value in values], np.float32)
            if not np.isfinite(row).all():
                problem = f"{values[int(np.argmin(np.isfinite(row)))]!r} is too large for a float32"
        if problem is None:
            try:
                words.append(word.decode())
            except UnicodeDecodeError:
                problem = f"the word {word[:60]!r} is not UTF-8"
        if problem is not None:
            raise VectorFileError(path, problem, number)
        matrix.append(row)
    return pa.array(words, pa.string()), np.array(matrix, np.float32).reshape(-1, layout.dim)


def _fields(line, layout):
    line = line.rstrip(b" \t\r")
    return line.split(layout.separator) if line else []


def _word(fields, layout):
    return layout.separator.join(fields[: -layout.dim])


def _problem(fields, layout):
    """Say what is wrong with the fields of a line; None where nothing is."""
    dim, pieces = layout.dim, fields[: -layout.dim]
    if len(fields) <= dim:
        return f"expected a word and {dim} numbers, got {len(fields) - 1} numbers"
    for value in fields[-dim:]:
        if not _NUMBER.fullmatch(value):
            return f"expected a word and {dim} numbers, but {value[:60]!r} is not a finite number"
    if not all(pieces):
        return "expected a word and single separators, got an empty field"
    surplus = sum(_NUMBER.fullmatch(piece) is not None for piece in pieces[1:])
    return f"expected a word and {dim} numbers, got {dim + surplus} numbers" if surplus else None


def _check_count(path, layout, count, line):
    if layout.count not in (None, count):
        raise VectorFileError(path, f"the header promises {layout.count} words, the file holds {count}", line)


# ---- reading -------------------------------------------------------------------------------------------------------


def _read(path, layout):
    """Yield words (Arrow strings) and rows (float32), block by block, as the file has them."""
    count = 0
    with _open(path) as stream:
        parts = _read_binary(path, stream, layout) if layout.binary else _read_text(path, stream, layout)
        for words, matrix in parts:
            count += len(words)
            yield words, matrix
    _check_count(path, layout, count, 1)


def _read_text(path, stream, layout):
    for number, block in _blocks(path, stream, layout):
        yield _parse(path, block, range(number, number + block.count(b"\n") + 1), layout)


def _read_binary(path, stream, layout):
    """Read word2vec's binary format: a word, a space, little-endian float32 values, and perhaps a newline."""
    size, number, data = 4 * layout.dim, 0, b""
    stream.read(layout.start)
    while chunk := stream.read(_BLOCK):
        data, at, words, rows = data + chunk, 0, [], []
        while (space := data.find(b" ", at)) >= 0 and space + 1 + size <= len(data):
            word = data[at:space].lstrip(b"\n")
            rows.append(np.frombuffer(data, "<f4", layout.dim, space + 1))
            at, number = space + 1 + size, number + 1
            try:
                words.append(word.decode())
            except UnicodeDecodeError:
                raise VectorFileError(path, f"the word {word[:60]!r} is not UTF-8", number) from None
            if not word or not np.isfinite(rows[-1]).all():
                problem = f"the vector of {words[-1]!r} holds NaN or infinity" if word else "a vector has no word"
                raise VectorFileError(path, problem, number)
        yield pa.array(words, pa.string()), np.array(rows, np.float32).reshape(-1, layout.dim)
        data = data[at:]
        if len(data) > size + _LONGEST_LINE:
            raise VectorFileError(path, "a word has no end", number + 1)
    if data.strip(b"\n"):
        raise VectorFileError(path, f"expected a word and {size} bytes, got {len(data)} bytes", number + 1)


def read_vectors(path, format=None):
    """Read a whole file of word vectors.

    Where a word is repeated, its first vector is taken.

    Parameters
    ----------
    path : str or path-like
        A text or binary file, plain, gzipped, or in a zip archive of one file; a path that goes on behind the
        archive's name, as in ``glove.6B.zip/glove.6B.50d.txt``, names one of several.
    format : {"glove", "word2vec", "fasttext", "word2vec-binary"}, default=None
        What the file is; None finds out.

    Returns
    -------
    words : pyarrow.StringArray of shape (n_words,)
    matrix : ndarray of shape (n_words, dim), float32

    Raises
    ------
    VectorFileError
        Where the file, or a line of it, is not what the format says.
    """
    words, parts = zip(*_distinct(path, _read(path, _sniff(path, format))), strict=True)
    return pa.concat_arrays(words), np.concatenate(parts)


def _distinct(path, parts):
    """Drop the words that came before: the first vector of a word is the one that counts."""
    seen, repeated = set(), 0
    for words, matrix in parts:
        new = [word not in seen and not seen.add(word) for word in words.to_pylist()]
        if not all(new):
            words, matrix = words.filter(pa.array(new)), matrix[new]
            repeated += len(new) - len(words)
        yield words, matrix
    if repeated:
        logger.info("%s repeats %d words; the first vector of each is taken", path, repeated)


def find_words(path, words):
    """Tell which words have a vector in a file, reading no numbers.

    Parameters
    ----------
    path : str or path-like
        As in `read_vectors`.
    words : list of str or pyarrow array of strings

    Returns
    -------
    found : ndarray of shape (len(words),), bool
    """
    layout, words, back = _sniff(path, None), *_unique(words)
    if layout.binary:
        found = {word for block, _ in _read(path, layout) for word in block.to_pylist()}
        found = [word in found for word in words.to_pylist()]
    else:
        wanted = {word.encode(): at for at, word in enumerate(words.to_pylist())}
        found = np.zeros(len(words), bool)
        found[[at for at, _, _ in _wanted_lines(path, layout, wanted)]] = True
    return np.asarray(found, bool)[back]


def read_rows(path, words):
    """Read the vectors of some words, parsing only their lines.

    Parameters
    ----------
    path : str or path-like
        As in `read_vectors`.
    words : list of str or pyarrow array of strings

    Returns
    -------
    matrix : ndarray of shape (len(words), dim), float32
        A row of zeros where a word has no vector.
    """
    layout, words, back = _sniff(path, None), *_unique(words)
    matrix = np.zeros((len(words), layout.dim), np.float32)
    if layout.binary:
        for found, rows in _distinct(path, _read(path, layout)):
            at = pc.index_in(words, found).to_numpy(zero_copy_only=False)
            matrix[~np.isnan(at)] = rows[at[~np.isnan(at)].astype(int)]
    else:
        wanted = {word.encode(): at for at, word in enumerate(words.to_pylist())}
        found = list(_wanted_lines(path, layout, wanted))
        lines, numbers = b"\n".join(line for _, line, _ in found), [number for _, _, number in found]
        matrix[[at for at, _, _ in found]] = _parse(path, lines, numbers, layout)[1]
    return matrix[back]


def _unique(words):
    """Return distinct words, and where each of the given ones is among them."""
    encoded = as_arrow(words).dictionary_encode()
    return encoded.dictionary, encoded.indices.to_numpy()


def as_arrow(words):
    """Turn words into an Arrow array of strings."""
    array = words if isinstance(words, pa.Array | pa.ChunkedArray) else pa.array(words, pa.string())
    array = array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array
    return array.cast(pa.string())


def _wanted_lines(path, layout, wanted):
    """Yield position, line and line number of the first line of each wanted word."""
    left, starts, count = dict(wanted), {word.split(layout.separator, 1)[0] for word in wanted}, 0
    with _open(path) as stream:
        for first, block in _blocks(path, stream, layout):
            for number, line in enumerate(block.split(b"\n"), first):
                start = line[: line.find(layout.separator)]
                count += bool(line) and not line.isspace()
                if start in starts:
                    word = _word(_fields(line, layout), layout)
                    if word in left:
                        yield left.pop(word), line, number
    _check_count(path, layout, count, 1)


def cache_folder():
    """Return the folder for downloads and for the cache of what was read: ``SKGLOVE_CACHE``, or the user's own."""
    return Path(os.environ.get("SKGLOVE_CACHE") or platformdirs.user_cache_dir("skglove"))
