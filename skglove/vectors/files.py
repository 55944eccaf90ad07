"""Files of word vectors, read and written: GloVe, word2vec and fastText, plain, compressed or in a zip.

A text file is read by the block. Arrow's CSV parser takes the blocks whose every line is exactly a word and
its numbers; what it refuses (words that hold spaces, damage) goes through `_parse_exactly`, which defines the
format and knows what is wrong with a line. Where only some words are wanted, only their lines are parsed.
"""

import bz2
import codecs
import errno
import gzip
import itertools
import logging
import lzma
import os
import re
import stat
import uuid
import zipfile
from collections import deque
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from skglove.messages import shortened
from skglove.vectors.signatures import compression, recognise, recognise_archive

logger = logging.getLogger(__name__)

FORMATS = ("glove", "word2vec", "fasttext", "word2vec-binary")
UNFINISHED = ".part"

_BLOCK = 1 << 20  # as much as stays in a processor's own cache: by 16 MiB all takes a third longer
_THREADS = min(4, os.cpu_count() or 1)
_LONGEST_LINE = 1 << 20  # 4,096 dimensions need about 100 kB
_MOST_DIMENSIONS = 1 << 15  # twice the hidden size of Llama 3.1 405B; a line of so many fits _LONGEST_LINE
_MOST_COLUMNS = 1 << 13  # Arrow takes some 10 kB of memory for each; with more it is no faster than a loop
_DIGITS = r"(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_NAN = "nan|NaN|NAN|inf|Inf|INF|Infinity"  # as C, Python, NumPy and Java print it
_NUMBER = re.compile(rf"[ \t]*[-+]?{_DIGITS}[ \t]*".encode())
_NUMBER_OR_NAN = re.compile(rf"[ \t]*[-+]?(?:{_DIGITS}|{_NAN})[ \t]*".encode())
_FILLED_LINE = re.compile(rb"^[ \t\r]*+[^ \t\r\n][^\n]*", re.MULTILINE)
_HEADER = re.compile(rb"(\d{1,18})[ \t](\d{1,18})[ \t]*\r?")
_NOT_TEXT = re.compile(r"[^\t\n\r\x20-\x7e\x80-\U0010ffff]")
_NOT_WRITABLE = re.compile(rf"^ ?$|^ |  | $|[\t\r\n]| [-+]?(?:{_DIGITS}|{_NAN})(?: |$)", re.ASCII)
_WHITE = np.isin(np.arange(256), list(b" \t\r"))
_BEGINS_NO_NUMBER = ~np.isin(np.arange(256), list(b"0123456789-"))
_NOT_REGULAR = {
    stat.S_IFDIR: "a folder: name a file in it",
    stat.S_IFIFO: "a named pipe: write what comes out of it to a file first",
    stat.S_IFSOCK: "a socket, not a file",
    stat.S_IFCHR: "a device, not a file",
    stat.S_IFBLK: "a device, not a file",
}


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
        A text or binary file: plain, compressed (gzip, bzip2, xz), or in a zip archive of one file. A path
        that goes on behind the archive's name, as in ``glove.6B.zip/glove.6B.50d.txt``, names one of several.
    format : {"glove", "word2vec", "fasttext", "word2vec-binary"}, default=None
        What the file is; None finds out.

    Returns
    -------
    words : pyarrow.StringArray of shape (n_words,)
    matrix : ndarray of shape (n_words, dim), float32

    Raises
    ------
    VectorFileError
        Where the file, or a line of it, is not what the format says, or the file cannot be read.
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
        Where a line is not a word in UTF-8 and as many fields as there are dimensions, or the file cannot be
        read.
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
        Where a line is not a word in UTF-8 and as many fields as there are dimensions, or the file cannot be
        read.
    """
    layout = sniff(path)
    if layout.binary:
        words = (word for block, _ in read_blocks(path, layout) for word in block.to_pylist())
    else:
        words = map(bytes.decode, _text_words(path, layout))
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
        Where a line is not a word in UTF-8 and as many fields as there are dimensions, the line of one of the
        words holds anything but numbers, or the file cannot be read.
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
        Where to; ``.gz``, ``.bz2``, ``.xz`` or ``.zip`` at its end says how to pack it.
    words : list of str or pyarrow array of strings, of shape (n_words,)
    matrix : ndarray of shape (n_words, dim), float32
    format : {"glove", "word2vec", "fasttext"}, default="glove"
        The last two begin with a header: the number of words and of dimensions.

    Raises
    ------
    ValueError
        Where a word cannot stand in such a file: it is empty, longer than 1 MiB, holds a tab or the end of a
        line, has spaces that would not be told from the separators, or stands first and would be read as a
        header, a byte order mark or another kind of file. Also where there are no vectors.
    """
    if format not in FORMATS[:3]:
        raise ValueError(f"format must be one of {', '.join(FORMATS[:3])}, got {format!r}")
    words, path = as_arrow(words), Path(path)
    count, dim = matrix.shape
    if not count or dim > _MOST_DIMENSIONS:
        raise ValueError(
            f"A text file holds 1 or more vectors of 1 to {_MOST_DIMENSIONS} dimensions, got {count} of {dim}"
        )
    for word in words.to_pylist():
        if _NOT_WRITABLE.search(word):
            raise _not_writable(word)
    header = b"" if format == "glove" else b"%d %d\n" % matrix.shape
    step = min(10_000, -(-10_000_000 // dim))
    with replacing(path) as out, _packing(out, path) as packed:
        for start in range(0, count, step):
            text = _as_text(words.slice(start, step), matrix[start : start + step])
            if start == 0:
                text = header + text
                _check_beginning(path, text, words[0].as_py(), header, dim, count)
            packed.write(text)


def _as_text(words, rows):
    rows = np.ascontiguousarray(rows, np.float32)
    ends = pa.array(np.arange(0, rows.size + 1, rows.shape[1]), pa.int32())
    digits = pa.ListArray.from_arrays(ends, pa.array(rows.ravel()).cast(pa.string()))
    lines = pc.binary_join_element_wise(words, pc.binary_join(digits, " "), " ")
    too_long = pc.index(pc.greater(pc.binary_length(lines), _LONGEST_LINE), True).as_py()
    if too_long >= 0:
        raise _not_writable(words[too_long].as_py())
    return "".join(f"{line}\n" for line in lines.to_pylist()).encode()


def _check_beginning(path, text, word, header, dim, count):
    """Refuse a first word that a reader would take for something else: a header, a byte order mark, a zip."""
    meant = Layout(False, len(header), 1 + bool(header), count if header else None, dim)
    try:
        if not compression(text) and _layout(path, text, None) == meant:
            return
    except VectorFileError:
        pass
    raise _not_writable(word)


def _not_writable(word):
    return ValueError(
        f"The word {word[:60]!r} cannot stand in a text file of vectors: leave it out with subset()"
    )


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
    VectorFileError
        Where it is not a regular file: a folder, a named pipe, a device, a socket.
    """
    path = Path(path)
    if path.exists():
        kind = stat.S_IFMT(path.stat().st_mode)  # opening a named pipe would wait for ever
        if kind != stat.S_IFREG:
            raise VectorFileError(path, f"it is {_NOT_REGULAR.get(kind, 'not a regular file')}")
        return path, None
    for parent in path.parents:
        if parent.is_file():
            return parent, path.relative_to(parent).as_posix()
    raise FileNotFoundError(errno.ENOENT, "There is no such file of word vectors", str(path))


@contextmanager
def _reading(path, what):
    """Name the file in every error that reading it raises."""
    try:
        yield
    except VectorFileError:
        raise
    except Exception as error:  # of damaged data zipfile alone raises ten kinds, ValueError and OSError too
        reason = str(error)[:200] or type(error).__name__
        raise VectorFileError(path, f"the {what} cannot be read: {reason}") from error


class _Unpacked(NamedTuple):
    """The bytes of a file of vectors."""

    path: Path
    what: str
    stream: object
    size: int | None  # of all bytes, where it is known before they are read

    def read(self, n):
        with _reading(self.path, self.what):
            return self.stream.read(n)


@contextmanager
def _opened(path):
    """Open a file for reading bytes, unpacked; what it is packed with is told from its first bytes."""
    file, member = locate(path)
    with ExitStack() as stack:
        with _reading(path, "file"):
            stream = stack.enter_context(open(file, "rb"))
            module, size = compression(stream.read(16)), os.fstat(stream.fileno()).st_size
            stream.seek(0)
        what = "file" if module is None else "archive"
        with _reading(path, what):
            if module == "zip":
                archive = stack.enter_context(zipfile.ZipFile(stream))
                name = _member(archive, member, file)
                stream, size = stack.enter_context(archive.open(name)), archive.getinfo(name).file_size
            elif member is not None:
                raise VectorFileError(file, f"it is no zip archive, so it holds no {member!r}")
            elif module is not None:
                unpacker = {"gzip": gzip, "bz2": bz2, "lzma": lzma}[module]
                stream, size = stack.enter_context(unpacker.open(stream)), None
        yield _Unpacked(path, what, stream, size)


def _member(archive, wanted, file):
    names = [
        name for name in archive.namelist() if not name.endswith("/") and not name.startswith("__MACOSX/")
    ]
    if wanted is None and (problem := recognise_archive(names)):
        raise VectorFileError(file, problem)
    if wanted in names or (wanted is None and len(names) == 1):
        return wanted or names[0]
    listed = ", ".join(name[:100] for name in names[:10]) + (", ..." if len(names) > 10 else "")
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
    elif path.suffix in (".bz2", ".xz"):
        with (bz2.BZ2File if path.suffix == ".bz2" else lzma.LZMAFile)(out, "wb") as packed:
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
        head, size = stream.read(2 * _LONGEST_LINE), stream.size
    try:
        layout = _layout(path, head, format)
    except VectorFileError:
        if problem := recognise(head):
            raise VectorFileError(path, problem) from None
        raise
    if layout.binary and size is not None:
        least = layout.count * (4 * layout.dim + 2)
        if size - layout.start < least:
            raise VectorFileError(
                path,
                f"the header promises {layout.count} words of {layout.dim} dimensions, which need "
                f"at least {least} bytes, the file holds {size - layout.start}",
                layout.line - 1,
            )
    return layout


def _layout(path, head, format):
    """Find out how the vectors stand in a file from its first 2 MiB."""
    if (b"\0" in head[:512] or compression(head)) and (problem := recognise(head)):
        raise VectorFileError(path, problem)  # a tar archive's first vector would read as one
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
        if count == 0 or not 0 < dim <= _MOST_DIMENSIONS:
            raise VectorFileError(
                path,
                f"the header says {count} words of {dim} dimensions, "
                f"expected 1 or more words of 1 to {_MOST_DIMENSIONS} dimensions",
                line,
            )
        if format == "word2vec-binary" or (format is None and _is_binary(head[end:], dim)):
            return Layout(True, end, line + 1, count, dim)
        first, start, end, line = _first_line(path, head, end, line + 1)
    separator = b"\t" if b"\t" in first.rstrip() else b" "
    fields = first.rstrip(b" \t\r").split(separator)
    if dim is None:
        dim = sum(1 for _ in itertools.takewhile(_NUMBER_OR_NAN.fullmatch, fields[:0:-1]))
        if dim == 0:
            raise VectorFileError(path, f"expected a word and its numbers, got {first[:60]!r}", line)
        if dim > _MOST_DIMENSIONS:
            raise VectorFileError(
                path, f"expected a word and at most {_MOST_DIMENSIONS} numbers, got {dim} numbers", line
            )
    layout = Layout(False, start, line, count, dim, separator, first.rstrip(b"\r").endswith(separator))
    if problem := _problem(fields, layout):
        raise VectorFileError(path, problem, line)
    return layout


def _first_line(path, head, start, line):
    """Return the first line that is not blank, where it starts, where the next one does, and its number."""
    filled = re.compile(rb"[^ \t\r\n]").search(head, start)
    if filled is None:
        if len(head) >= 2 * _LONGEST_LINE:
            raise VectorFileError(path, f"the first {len(head)} bytes are blank lines", line)
        raise VectorFileError(path, "the file holds no vectors", line if head else None)
    begin = max(start, head.rfind(b"\n", 0, filled.start()) + 1)
    end = head.find(b"\n", begin)
    end, line = len(head) if end < 0 else end, line + head.count(b"\n", start, begin)
    if end - begin > _LONGEST_LINE:
        raise VectorFileError(path, f"the line is longer than {_LONGEST_LINE:,} bytes", line)
    return head[begin:end], begin, end + 1, line


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
    if count == 0:  # cut short since its first lines were read
        raise VectorFileError(path, "the file holds no vectors")
    if layout.count not in (None, count):
        raise VectorFileError(path, f"the header promises {layout.count} words, the file holds {count}", 1)


def _read_text(path, stream, layout):
    parts = ((block, range(number, number + len(block))) for number, block in _blocks(path, stream, layout))
    return _parse_all(path, parts, layout)


def _blocks(path, stream, layout):
    """Yield whole lines, about 1 MiB at a time, and the number of the first; a line ends as on Unix."""
    number, rest = layout.line, b""
    while chunk := stream.read(_BLOCK):
        cut = chunk.rfind(b"\n") + 1
        if cut:
            block = b"".join((rest, memoryview(chunk)[:cut]))
            block = block.replace(b"\r\n", b"\n") if b"\r" in block else block
            lines = _count(block, b"\n")
            if lines < len(block) and (not block.isspace() or block.strip(b" \t\r\n")):
                yield number, block
            number, rest = number + lines, b""
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
    if b"\r" in lines or lines.startswith(codecs.BOM_UTF8) or layout.dim > _MOST_COLUMNS:
        return None  # Arrow would end a line at the first, and drop the second
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
    words, rows, at, past = [], [], 0, 0
    for match in _FILLED_LINE.finditer(lines):
        at, past = at + lines.count(b"\n", past, match.start()), match.start()
        line, number = match[0], numbers[at]
        fields = _fields(line, layout)
        problem = _problem(fields, layout) or _not_a_number(fields, layout)
        if problem is not None:
            raise VectorFileError(path, problem, number)
        with np.errstate(over="ignore"):
            rows.append(np.array([float(value) for value in fields[-layout.dim :]], np.float32))
        if not np.isfinite(rows[-1]).all():
            raise VectorFileError(path, "a number is too large for a float32", number)
        words.append(_decoded(path, _word(fields, layout), number))
    return pa.array(words, pa.string()), np.array(rows, np.float32).reshape(-1, layout.dim)


def _decoded(path, word, number):
    try:
        return word.decode()
    except UnicodeDecodeError:
        raise VectorFileError(path, f"the word {word[:60]!r} is not UTF-8", number) from None


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
    surplus = sum(_NUMBER_OR_NAN.fullmatch(piece) is not None for piece in word[1:])
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
        raise TypeError(f"Expected a list of words, got the single string {shortened(words)}")
    if isinstance(words, set | frozenset):
        raise TypeError("Expected a list of words, got a set, which has no order")
    try:
        if not isinstance(words, pa.Array | pa.ChunkedArray):
            words = pa.array(words if isinstance(words, np.ndarray) else list(words), pa.string())
        if words.null_count:
            raise TypeError(f"Words must be strings, got None at index {pc.index(words.is_null(), True)}")
        if pa.types.is_primitive(words.type):
            raise TypeError(f"Words must be strings, got {words.type}")
        words = words.cast(pa.string())
    except (pa.ArrowException, UnicodeEncodeError, TypeError) as error:
        _raise_wrong_word(words, error)
    return words.combine_chunks() if isinstance(words, pa.ChunkedArray) else words


def _raise_wrong_word(words, error):
    """Raise the error of the first word that is no string of Unicode, or of words that are no list."""
    if not isinstance(words, Iterable):
        raise TypeError(f"Expected a list of words, got {type(words).__name__}") from error
    for at, word in enumerate([] if isinstance(words, pa.Array | pa.ChunkedArray) else words):
        if not isinstance(word, str | bytes):
            raise TypeError(f"Words must be strings, got {shortened(word)} at index {at}") from error
        if isinstance(word, str) and re.search("[\ud800-\udfff]", word):
            raise ValueError(
                f"The word {shortened(word)} at index {at} is not Unicode: it holds a lone surrogate"
            ) from error
    if isinstance(error, TypeError):
        raise error
    raise TypeError(f"Expected a list of words, got {type(words).__name__}: {error}") from error


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
    """Yield the word of each line; of its numbers the first is parsed."""
    count = 0
    with _opened(path) as stream:
        stream.read(layout.start)
        for first, block in _blocks(path, stream, layout):
            words, *lines = _located(path, block, first, layout)
            for word, start, end, number in zip(words, *(array.tolist() for array in lines), strict=True):
                _check_first_number(path, block[start:end], word, number, layout)
            count += len(words)
            yield from words
    _check_count(path, layout, count)


def _wanted_lines(path, layout, words):
    """Yield the position of each word that is found, its first line, and the line's number."""
    left, count = {word.encode(): at for at, word in enumerate(words.to_pylist()) if word}, 0
    # A line of a word with spaces that has lost a number looks like one of the beginning of that word.
    watched = left.keys() | {word.split(layout.separator, 1)[0] for word in left}
    with _opened(path) as stream:
        stream.read(layout.start)
        for first, block in _blocks(path, stream, layout):
            found, starts, ends, numbers = _located(path, block, first, layout)
            count += len(found)
            for at in itertools.compress(range(len(found)), map(watched.__contains__, found)):
                line, number = block[starts[at] : ends[at]], int(numbers[at])
                _check_first_number(path, line, found[at], number, layout)
                position = left.pop(found[at], None)
                if position is not None:
                    yield position, line, number
    _check_count(path, layout, count)


def _located(path, block, first, layout):
    """Return the words of a block, where their lines begin and end, and these lines' numbers."""
    starts, ends, numbers, phrases = _checked_lines(path, block, first, layout)
    words = [block[start : block.find(layout.separator, start)] for start in starts.tolist()]
    for start, word in phrases:
        words[np.searchsorted(starts, start)] = word
    # A space moved into a word leaves as many as there were, and an end of the word where a number begins.
    values = starts + np.fromiter(map(len, words), np.int64, len(words)) + 1
    for at in np.flatnonzero(_BEGINS_NO_NUMBER[np.frombuffer(block, np.uint8)[values]]).tolist():
        _check_first_number(path, block[starts[at] : ends[at]], words[at], int(numbers[at]), layout)
    try:
        b"\n".join(words).decode()
    except UnicodeDecodeError:
        for word, number in zip(words, numbers.tolist(), strict=True):
            _decoded(path, word, number)
    return words, starts, ends, numbers


def _checked_lines(path, block, first, layout):
    """Return where the lines of a block begin and end, their numbers, and starts and words of unusual ones.

    Blank lines are left out. Separators are counted line by line, not over the block: of two damaged lines,
    one may have lost what the other has gained.
    """
    data = np.frombuffer(block, np.uint8)
    ends = np.flatnonzero(data == ord("\n"))
    ends = ends if block.endswith(b"\n") else np.append(ends, len(block))
    starts, numbers = np.append(0, ends[:-1] + 1), np.arange(first, first + len(ends))
    keep = ends > starts
    if not keep.all():
        starts, ends, numbers = starts[keep], ends[keep], numbers[keep]
        keep = np.ones(len(starts), bool)
    separates = data == ord(layout.separator)
    odd = np.add.reduceat(separates.view(np.uint8), starts, dtype=np.uint32) != layout.dim + layout.trailing
    odd |= separates[starts] | _WHITE[data.take(ends - 1 - layout.trailing, mode="clip")]
    if layout.trailing:
        odd |= ~separates[ends - 1]
    phrases = []
    for at in np.flatnonzero(odd).tolist():
        line = block[starts[at] : ends[at]]
        if _is_blank(line):
            keep[at] = False
            continue
        fields = _fields(line, layout)
        if problem := _problem(fields, layout) or _not_a_number(fields, layout):
            raise VectorFileError(path, problem, int(numbers[at]))
        phrases.append((starts[at], _word(fields, layout)))
    return starts[keep], ends[keep], numbers[keep], phrases


def _check_first_number(path, line, word, number, layout):
    start = len(word) + 1
    end = line.find(layout.separator, start)
    if not _NUMBER_OR_NAN.fullmatch(line, start, len(line) if end < 0 else end):
        raise VectorFileError(path, _not_a_number(_fields(line, layout), layout), number)


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
        _decoded(path, word, number)
