"""Files of word vectors, read and written: GloVe, word2vec and fastText, plain, gzipped or in a zip archive.

A text file is read by the block. Arrow's CSV parser takes the blocks whose every line is exactly a word and
its numbers; what it refuses (words that hold spaces, damage) goes through `_parse_exactly`, which defines the
format and knows what is wrong with a line. Where only some words are wanted, only their lines are parsed.
"""

import codecs
import errno
import gzip
import itertools
import logging
import lzma
import os
import re
import struct
import uuid
import zipfile
import zlib
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

logger = logging.getLogger(__name__)

FORMATS = ("glove", "word2vec", "fasttext", "word2vec-binary")
UNFINISHED = ".part"

_BLOCK = 1 << 20  # as much as stays in a processor's own cache: by 16 MiB all takes a third longer
_THREADS = min(4, os.cpu_count() or 1)
_LONGEST_LINE = 1 << 20  # 4,096 dimensions need about 100 kB
_NUMBER = re.compile(rb"[ \t]*[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?[ \t]*")
_HEADER = re.compile(rb"(\d{1,18})[ \t](\d{1,18})[ \t]*\r?")
_NOT_TEXT = re.compile(r"[^\t\n\r\x20-\x7e\x80-\U0010ffff]")
_NOT_WRITABLE = re.compile(r"^ ?$|^ |  | $|[\t\r\n]| [-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?( |$)")
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
    >>> print(VectorFileError("glove.txt", "expected a word and 50 numbers, got 49 numbers", 7))
    glove.txt, line 7: expected a word and 50 numbers, got 49 numbers
    """

    def __init__(self, path, problem, line=None):
        super().__init__(path, problem, line)
        self.path, self.problem, self.line = path, problem, line

    def __str__(self):
        return f"{self.path}{'' if self.line is None else f', line {self.line}'}: {self.problem}"


# ---- the public verbs: read all, find some words, read some rows, write


def read_vectors(path, format=None):
    r"""Read a whole file of word vectors.

    Where a word is repeated, its first vector is taken.

    Parameters
    ----------
    path : str or path-like
        A text or binary file, plain, gzipped, or in a zip archive of one file. A path that goes on behind the
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
    FileNotFoundError
        Where there is no such file.

    References
    ----------
    J. Pennington, R. Socher, C. D. Manning: GloVe: Global Vectors for Word Representation. EMNLP 2014.
    https://nlp.stanford.edu/projects/glove/

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     file = Path(folder, "tiny.txt")
    ...     _ = file.write_text("cat 0.5 1\n. . . 0.25 -1\n")
    ...     words, matrix = read_vectors(file)
    >>> words.to_pylist(), matrix.tolist()
    (['cat', '. . .'], [[0.5, 1.0], [0.25, -1.0]])
    """
    words, matrices = zip(*read_blocks(path, sniff(path, format)), strict=True)
    return pa.concat_arrays(words), np.concatenate(matrices)


def find_words(path, words):
    """Tell which words have a vector in a file, parsing no numbers of a text file.

    Parameters
    ----------
    path : str or path-like
        As in `read_vectors`.
    words : list of str or pyarrow array of strings, of shape (n,)

    Returns
    -------
    found : ndarray of shape (n,), bool

    Raises
    ------
    VectorFileError
        Where a line is too short or too long.
    """
    layout, (words, back) = sniff(path), _unique(words)
    if layout.binary:
        return np.logical_or.reduce([lookup(words, found) >= 0 for found, _ in read_blocks(path, layout)])[
            back
        ]
    found = np.zeros(len(words), bool)
    found[[at for at, _, _ in _wanted_lines(path, layout, words)]] = True
    return found[back]


def first_words(path, n):
    """Read the first words of a file, parsing no numbers of a text file.

    Parameters
    ----------
    path : str or path-like
        As in `read_vectors`.
    n : int
        How many.

    Returns
    -------
    words : list of str
        Each once; fewer if words repeat, or the file ends.

    Raises
    ------
    VectorFileError
        Where a line is too short or too long.
    """
    layout = sniff(path)
    if layout.binary:
        words = (word for block, _ in read_blocks(path, layout) for word in block.to_pylist())
    else:
        words = (word.decode(errors="backslashreplace") for word in _text_words(path, layout))
    return list(dict.fromkeys(itertools.islice(words, n)))


def read_rows(path, words):
    """Read the vectors of some words, parsing only their lines.

    Parameters
    ----------
    path : str or path-like
        As in `read_vectors`.
    words : list of str or pyarrow array of strings, of shape (n,)

    Returns
    -------
    matrix : ndarray of shape (n, dim), float32
        A row of zeros where a word has no vector.

    Raises
    ------
    VectorFileError
        Where a line is too short or too long, or the line of one of the words holds anything but numbers.
    """
    layout, (words, back) = sniff(path), _unique(words)
    matrix = np.zeros((len(words), layout.dim), np.float32)
    if layout.binary:
        for found, rows in read_blocks(path, layout):
            at = lookup(words, found)
            matrix[at >= 0] = rows[at[at >= 0]]
    elif found := list(_wanted_lines(path, layout, words)):
        at, lines, numbers = map(list, zip(*found, strict=True))
        cuts = [slice(start, start + 1000) for start in range(0, len(at), 1000)]
        parts = ((b"\n".join(lines[cut]), numbers[cut]) for cut in cuts)
        matrix[at] = np.concatenate([rows for _, rows in _parse_all(path, parts, layout)])
    return matrix[back]


def write_vectors(path, words, matrix, format="glove"):
    """Write words and vectors as text that reads back to exactly the same.

    Parameters
    ----------
    path : str or path-like
        Where to; a ``.gz`` or ``.zip`` at its end says how to pack it.
    words : list of str or pyarrow array of strings, of shape (n_words,)
    matrix : ndarray of shape (n_words, dim), float32
    format : {"glove", "word2vec", "fasttext"}, default="glove"
        The last two begin with a header: the number of words and of dimensions.

    Raises
    ------
    ValueError
        Where a word cannot stand in such a file: it is empty, holds a tab or the end of a line, or has spaces
        that would not be told from the separators.
    """
    if format not in FORMATS[:3]:
        raise ValueError(f"format must be one of {', '.join(FORMATS[:3])}, got {format!r}")
    words, path = as_arrow(words), Path(path)
    for at, word in enumerate(words.to_pylist()):
        looks_like_header = format == "glove" and matrix.shape[1] == 1 and word.isdigit()
        if _NOT_WRITABLE.search(word) or (at == 0 and (word.startswith("\ufeff") or looks_like_header)):
            raise ValueError(
                f"The word {word!r} cannot stand in a text file of vectors: leave it out with subset()"
            )
    with replacing(path) as out, _packing(out, path) as packed:
        if format != "glove":
            packed.write(b"%d %d\n" % matrix.shape)
        for start in range(0, len(words), 10_000):
            rows = np.ascontiguousarray(matrix[start : start + 10_000], np.float32)
            ends = pa.array(np.arange(0, rows.size + 1, rows.shape[1]), pa.int32())
            digits = pa.ListArray.from_arrays(ends, pa.array(rows.ravel()).cast(pa.string()))
            lines = pc.binary_join_element_wise(words.slice(start, 10_000), pc.binary_join(digits, " "), " ")
            packed.write("".join(f"{line}\n" for line in lines.to_pylist()).encode())


# ---- files, packed and not


def locate(path):
    """Split a path into the file on disk and, where it leads into a zip archive, the name of the member.

    Parameters
    ----------
    path : str or path-like

    Returns
    -------
    file : Path
    member : str or None

    Raises
    ------
    FileNotFoundError
        Where there is no such file.
    """
    path = Path(path)
    if path.exists():
        return path, None
    for parent in path.parents:
        if parent.is_file():
            return parent, path.relative_to(parent).as_posix()
    raise FileNotFoundError(errno.ENOENT, "There is no such file of word vectors", str(path))


@contextmanager
def _opened(path):
    """Open a file for reading bytes, unpacked; what it is packed with is told from its first bytes."""
    file, member = locate(path)
    try:
        with open(file, "rb") as stream:
            magic = stream.read(4)
            stream.seek(0)
            if magic in (b"PK\x03\x04", b"PK\x05\x06"):
                with (
                    zipfile.ZipFile(stream) as archive,
                    archive.open(_member(archive, member, file)) as unpacked,
                ):
                    yield unpacked
            elif member is not None:
                raise VectorFileError(file, f"it is no zip archive, so it holds no {member!r}")
            elif magic.startswith(b"\x1f\x8b"):
                with gzip.open(stream) as unpacked:
                    yield unpacked
            else:
                yield stream
    except _DAMAGED_ARCHIVE as error:
        raise VectorFileError(path, f"the archive cannot be read: {error}") from error


def _member(archive, wanted, file):
    names = [
        name for name in archive.namelist() if not name.endswith("/") and not name.startswith("__MACOSX/")
    ]
    if wanted in names or (wanted is None and len(names) == 1):
        return wanted or names[0]
    listed = ", ".join(names[:10]) + (", ..." if len(names) > 10 else "")
    if not names:
        raise VectorFileError(file, "the archive holds no file")
    if wanted is not None:
        raise VectorFileError(file, f"the archive holds no {wanted!r}, but {listed}")
    raise VectorFileError(file, f"the archive holds {listed}: name one, as in {str(file / names[0])!r}")


@contextmanager
def _packing(out, path):
    if path.suffix == ".gz":
        with gzip.GzipFile("", "wb", fileobj=out) as packed:
            yield packed
    elif path.suffix == ".zip":
        member = path.stem if Path(path.stem).suffix in (".txt", ".vec") else f"{path.stem}.txt"
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive, archive.open(member, "w") as packed:
            yield packed
    else:
        yield out


@contextmanager
def replacing(path):
    """Write a file under another name and move it into place when it is whole; else leave nothing behind.

    Parameters
    ----------
    path : Path

    Yields
    ------
    out : binary file
    """
    unfinished = path.with_name(f".{path.name[:100]}.{uuid.uuid4().hex}{UNFINISHED}")
    try:
        with open(unfinished, "xb") as out:
            yield out
        os.replace(unfinished, path)
    except BaseException:
        with suppress(OSError):
            unfinished.unlink()
        raise


# ---- what a file is


class Layout(NamedTuple):
    """How the vectors stand in a file: what `sniff` found out."""

    binary: bool
    start: int  # the byte at which the first vector begins,
    line: int  # and the line
    count: int | None  # as the header says
    dim: int
    separator: bytes = b" "
    trailing: bool = False  # word2vec's and fastText's own writers end each line with a space


def sniff(path, format=None):
    """Find out how the vectors stand in a file, from its first lines or what the user says it is.

    Parameters
    ----------
    path, format
        As in `read_vectors`.

    Returns
    -------
    layout : Layout
    """
    if format not in (None, *FORMATS):
        raise ValueError(f"format must be one of {', '.join(FORMATS)} or None, got {format!r}")
    with _opened(path) as stream:
        head = stream.read(2 * _LONGEST_LINE)
    bom = len(codecs.BOM_UTF8) if head.startswith(codecs.BOM_UTF8) else 0
    first, start, end, line = _first_line(path, head, bom, 1)
    header = None if format == "glove" else _HEADER.fullmatch(first)
    if header is None:
        if format not in (None, "glove"):
            raise VectorFileError(
                path, f"expected the numbers of words and dimensions, got {first[:60]!r}", line
            )
        count = dim = None
    else:
        count, dim = int(header[1]), int(header[2])
        if count == 0 or not 0 < dim <= _LONGEST_LINE // 4:
            raise VectorFileError(path, f"the header says {count} words of {dim} dimensions", line)
        if format == "word2vec-binary" or (format is None and _is_binary(head[end:], dim)):
            return Layout(True, end, line + 1, count, dim)
        first, start, end, line = _first_line(path, head, end, line + 1)
    separator = b"\t" if b"\t" in first.rstrip() else b" "
    fields = first.rstrip(b" \t\r").split(separator)
    if dim is None:
        dim = 0
        while dim < len(fields) - 1 and _NUMBER.fullmatch(fields[-1 - dim]):
            dim += 1
        if dim == 0:
            raise VectorFileError(path, f"expected a word and its numbers, got {first[:60]!r}", line)
    return Layout(False, start, line, count, dim, separator, first.rstrip(b"\r").endswith(separator))


def _first_line(path, head, start, line):
    """Return the first line that is not blank, where it starts, where the next one does, and its number."""
    while start < len(head):
        end = head.find(b"\n", start)
        end = len(head) if end < 0 else end
        if end - start > _LONGEST_LINE:
            raise VectorFileError(path, f"the line is longer than {_LONGEST_LINE:,} bytes", line)
        if not _is_blank(head[start:end]):
            return head[start:end], start, end + 1, line
        start, line = end + 1, line + 1
    raise VectorFileError(path, "the file holds no vectors", line if head else None)


def _is_binary(vectors, dim):
    """Tell whether what follows a header are float32 values rather than their digits."""
    first = vectors.split(b"\n", 1)[0].split()
    if len(first) > dim and all(map(_NUMBER.fullmatch, first[-dim:])):
        return False
    sample = vectors.partition(b" ")[2][: 4 * dim]
    try:
        return _NOT_TEXT.search(codecs.getincrementaldecoder("utf-8")().decode(sample)) is not None
    except UnicodeDecodeError:
        return True


# ---- lines of text


def read_blocks(path, layout):
    """Read a whole file by the block, each word once.

    Parameters
    ----------
    path : str or path-like
    layout : Layout

    Yields
    ------
    words : pyarrow.StringArray of shape (n,)
    matrix : ndarray of shape (n, dim), float32
    """
    seen, count = set(), 0
    read = _read_binary if layout.binary else _read_text
    with _opened(path) as stream:
        stream.read(layout.start)
        for words, matrix in read(path, stream, layout):
            count += len(words)
            new = [word not in seen and not seen.add(word) for word in words.to_pylist()]
            yield (words, matrix) if all(new) else (words.filter(pa.array(new)), matrix[new])
    _check_count(path, layout, count)
    if count > len(seen):
        logger.info("%s repeats %d words; the first vector of each is taken", path, count - len(seen))


def _check_count(path, layout, count):
    if layout.count not in (None, count):
        raise VectorFileError(path, f"the header promises {layout.count} words, the file holds {count}", 1)


def _read_text(path, stream, layout):
    parts = ((block, itertools.count(number)) for number, block in _blocks(path, stream, layout))
    return _parse_all(path, parts, layout)


def _blocks(path, stream, layout):
    """Yield whole lines, about 1 MiB at a time, and the number of the first."""
    number, rest = layout.line, b""
    while chunk := stream.read(_BLOCK):
        cut = chunk.rfind(b"\n") + 1
        if cut:
            block = rest + chunk[:cut]
            yield number, block
            number, rest = number + _count(block, b"\n"), b""
        rest += chunk[cut:]
        if len(rest) > _LONGEST_LINE:
            raise VectorFileError(path, f"the line is longer than {_LONGEST_LINE:,} bytes", number)
    if rest:
        yield number, rest


def _parse_all(path, parts, layout):
    """Parse parts of a file, each some lines and their numbers: several at once, in their order."""
    with ThreadPoolExecutor(_THREADS) as pool:
        parsing = deque()
        for lines, numbers in parts:
            parsing.append(pool.submit(_parse, path, lines, numbers, layout))
            if len(parsing) > 2 * _THREADS:
                yield parsing.popleft().result()
        while parsing:
            yield parsing.popleft().result()


def _parse(path, lines, numbers, layout):
    """Parse lines, whose numbers in the file are `numbers`, into words and rows."""
    parsed = _parse_fast(lines, layout)
    return _parse_exactly(path, lines, numbers, layout) if parsed is None else parsed


def _parse_fast(lines, layout):
    """Parse lines that are each exactly a word and `dim` numbers; return None where one is not."""
    lines = lines.replace(b"\r\n", b"\n") if b"\r" in lines else lines
    if b"\r" in lines:  # Arrow would end a line there
        return None
    columns = ["word", *map(str, range(layout.dim)), *["trailing"] * layout.trailing]
    types = dict.fromkeys(columns, pa.float32()) | {"word": pa.binary(), "trailing": pa.binary()}
    try:
        table = csv.read_csv(
            pa.BufferReader(lines),
            csv.ReadOptions(column_names=columns, block_size=len(lines) + 1, use_threads=False),
            csv.ParseOptions(delimiter=layout.separator.decode(), quote_char=False, ignore_empty_lines=False),
            csv.ConvertOptions(column_types=types, null_values=[], check_utf8=False),
        )
        words = table["word"].combine_chunks().cast(pa.string())  # which checks the UTF-8
    except pa.ArrowInvalid:
        return None
    matrix = np.empty((len(table), layout.dim), np.float32)
    for column in range(layout.dim):
        matrix[:, column] = table[column + 1].to_numpy()
    exact = (
        pc.min(pc.binary_length(words)).as_py() > 0
        and not (layout.trailing and pc.max(pc.binary_length(table["trailing"])).as_py())
        and np.isfinite(matrix).all()
    )
    return (words, matrix) if exact else None


def _parse_exactly(path, lines, numbers, layout):
    """Parse lines one by one: a word, which may hold spaces, and `dim` finite numbers."""
    words, rows = [], []
    for line, number in zip(lines.split(b"\n"), numbers, strict=False):
        if _is_blank(line):
            continue
        fields = _fields(line, layout)
        problem = _problem(fields, layout) or _not_a_number(fields, layout)
        if problem is not None:
            raise VectorFileError(path, problem, number)
        with np.errstate(over="ignore"):
            rows.append(np.array([float(value) for value in fields[-layout.dim :]], np.float32))
        if not np.isfinite(rows[-1]).all():
            raise VectorFileError(path, "a number is too large for a float32", number)
        try:
            words.append(_word(fields, layout).decode())
        except UnicodeDecodeError as error:
            raise VectorFileError(path, f"the word {error.object[:60]!r} is not UTF-8", number) from None
    return pa.array(words, pa.string()), np.array(rows, np.float32).reshape(-1, layout.dim)


def _is_blank(line):
    return not line.strip(b" \t\r")


def _fields(line, layout):
    return line.rstrip(b" \t\r").split(layout.separator)


def _word(fields, layout):
    return layout.separator.join(fields[: -layout.dim])


def _problem(fields, layout):
    """Say what is wrong with the number of fields of a line; None where nothing is."""
    expected, word = f"expected a word and {layout.dim} numbers", fields[: -layout.dim]
    if not word:
        return f"{expected}, got {len(fields) - 1} numbers"
    if not all(word):
        return f"{expected}, each behind one separator, got an empty field"
    surplus = sum(_NUMBER.fullmatch(piece) is not None for piece in word[1:])
    return f"{expected}, got {layout.dim + surplus} numbers" if surplus else None


def _not_a_number(fields, layout):
    for value in fields[-layout.dim :]:
        if not _NUMBER.fullmatch(value):
            return f"expected a word and {layout.dim} numbers, but {value[:60]!r} is not a finite number"
    return None


# ---- some lines of text


def as_arrow(words):
    """Turn words into one Arrow array of strings.

    Parameters
    ----------
    words : sequence of str, or pyarrow array of strings or of UTF-8 bytes, of shape (n,)

    Returns
    -------
    words : pyarrow.StringArray of shape (n,)

    Raises
    ------
    TypeError
        Where they are anything else.
    """
    if isinstance(words, str | bytes):
        raise TypeError(f"Expected a list of words, got the single string {words!r}")
    if not isinstance(words, pa.Array | pa.ChunkedArray):
        words = pa.array(words if isinstance(words, np.ndarray) else list(words), pa.string())
    if words.null_count:
        raise TypeError(f"Words must be strings, got None at {pc.index(words.is_null(), True)}")
    words = words.cast(pa.string())
    return words.combine_chunks() if isinstance(words, pa.ChunkedArray) else words


def lookup(words, known):
    """Return where words stand among others.

    Parameters
    ----------
    words : list of str or pyarrow array of strings, of shape (n,)
    known : pyarrow.StringArray
        No word twice.

    Returns
    -------
    positions : ndarray of shape (n,), int64
        -1 where a word is not there.

    Examples
    --------
    >>> lookup(["dog", "cow", "dog"], pa.array(["cat", "dog"]))
    array([ 1, -1,  1])
    """
    words, back = _unique(words)
    found = pc.index_in(known, words)  # seven times as fast as the other way round: the table is of the few
    positions = np.full(len(words), -1)
    positions[found.drop_null().to_numpy()] = np.flatnonzero(found.is_valid())
    return positions[back]


def _unique(words):
    """Return the distinct words, and where each of the given ones is among them."""
    encoded = as_arrow(words).dictionary_encode()
    return encoded.dictionary, encoded.indices.to_numpy()


def _text_words(path, layout):
    with _opened(path) as stream:
        stream.read(layout.start)
        for first, block in _blocks(path, stream, layout):
            _check_lengths(path, block, first, layout)
            yield from (
                _word(_fields(line, layout), layout) for line in block.split(b"\n") if not _is_blank(line)
            )


def _wanted_lines(path, layout, words):
    """Yield the position of each word that is found, its first line, and the line's number."""
    left = {word.encode(): at for at, word in enumerate(words.to_pylist()) if word}
    starts, count = {word.split(layout.separator, 1)[0] for word in left}, 0
    with _opened(path) as stream:
        stream.read(layout.start)
        for first, block in _blocks(path, stream, layout):
            count += _check_lengths(path, block, first, layout)
            ends = (np.flatnonzero(np.frombuffer(block, np.uint8) == ord("\n")) + 1).tolist()
            bounds = [0, *ends, len(block)]
            heads = [block[start : block.find(layout.separator, start)] for start in bounds[:-1]]
            for at in itertools.compress(itertools.count(), map(starts.__contains__, heads)):
                line = block[bounds[at] : bounds[at + 1]].rstrip(b"\r\n")
                position = left.pop(_word(_fields(line, layout), layout), None)
                if position is not None:
                    yield position, line, first + at
    _check_count(path, layout, count)


def _check_lengths(path, block, first, layout):
    """Count the vectors of a block; where it has not the usual number of separators, look at each line."""
    usual = layout.dim + layout.trailing
    if block.endswith(b"\n") and _count(block, layout.separator) == usual * _count(block, b"\n"):
        return _count(block, b"\n")
    count = 0
    for number, line in enumerate(block.split(b"\n"), first):
        if not _is_blank(line):
            problem = line.count(layout.separator) != usual and _problem(_fields(line, layout), layout)
            if problem:
                raise VectorFileError(path, problem, number)
            count += 1
    return count


def _count(block, byte):
    return np.count_nonzero(np.frombuffer(block, np.uint8) == ord(byte))  # five times as fast as bytes.count


# ---- word2vec's binary format


def _read_binary(path, stream, layout):
    """Read vectors that are a word, a space, little-endian float32 values, and perhaps the end of a line."""
    size, count, data = 4 * layout.dim, 0, b""
    while chunk := stream.read(_BLOCK):
        data, at, words, rows = data + chunk, 0, [], []
        while (space := data.find(b" ", at)) >= 0 and space + 1 + size <= len(data):
            words.append(data[at:space].lstrip(b"\n"))
            rows.append(np.frombuffer(data, "<f4", layout.dim, space + 1))
            at = space + 1 + size
        if words:
            yield _checked(path, words, np.array(rows, np.float32), count + 1)
        count, data = count + len(words), data[at:]
        if len(data) > size + _LONGEST_LINE:
            raise VectorFileError(path, f"the word is longer than {_LONGEST_LINE:,} bytes", count + 1)
    if data.strip(b"\n"):
        raise VectorFileError(path, f"expected a word and {size} bytes, got {len(data)} bytes", count + 1)


def _checked(path, words, matrix, first):
    """Return the words as text, or say which vector of a binary file is none."""
    try:
        if all(words) and np.isfinite(matrix).all():
            return pa.array(words, pa.binary()).cast(pa.string()), matrix
    except pa.ArrowInvalid:
        pass
    for number, (word, row) in enumerate(zip(words, matrix, strict=True), first):
        if not word or not np.isfinite(row).all():
            raise VectorFileError(
                path, f"the vector of {word[:60]!r} holds NaN or infinity" if word else "no word", number
            )
        try:
            word.decode()
        except UnicodeDecodeError:
            raise VectorFileError(path, f"the word {word[:60]!r} is not UTF-8", number) from None
