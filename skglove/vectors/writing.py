"""Writing files of word vectors; any file is replaced as a whole or not at all."""

import os
import re
import uuid
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from skglove.vectors.checks import as_arrow
from skglove.vectors.compression import compressing
from skglove.vectors.errors import VectorFileError
from skglove.vectors.formats import FORMATS, LONGEST_LINE, MOST_DIMENSIONS, NUMBER, Layout, sniff
from skglove.vectors.signatures import compression

UNFINISHED = ".part"

_NOT_WRITABLE = re.compile(rf"^ ?$|^ |  | $|[\t\r\n]| {NUMBER}(?: |$)", re.ASCII)


def write_vectors(path, words, matrix, format="glove"):
    """Write words and vectors as text. Reading it gives exactly the same words and numbers.

    Parameters
    ----------
    path : str or path-like
        The file to write. The suffixes ``.gz``, ``.bz2``, ``.xz`` and ``.zip`` compress it.
    words : list of str or pyarrow array of strings, of shape (n_words,)
    matrix : ndarray of shape (n_words, dim), float32
    format : {"glove", "word2vec", "fasttext"}, default="glove"
        The last two begin with a header: the numbers of words and of dimensions.

    Raises
    ------
    ValueError
        If there are no vectors, or a word cannot be read back: it is empty, is longer than 1 MiB, holds a tab
        or an end of line, has spaces at its ends, two spaces in a row or a number behind a space, or is the
        first word and looks like a header, a byte order mark or another kind of file.
    """
    if format not in FORMATS[:3]:
        raise ValueError(f"format must be one of {', '.join(FORMATS[:3])}, got {format!r}")
    words, path = as_arrow(words), Path(path)
    count, dim = matrix.shape
    if not count or dim > MOST_DIMENSIONS:
        raise ValueError(
            f"A text file holds 1 or more vectors of 1 to {MOST_DIMENSIONS} dimensions, got {count} of {dim}"
        )
    for word in words.to_pylist():
        if _NOT_WRITABLE.search(word):
            raise _not_writable(word)
    header = b"" if format == "glove" else b"%d %d\n" % matrix.shape
    step = min(10_000, -(-10_000_000 // dim))
    with replacing(path) as out, compressing(out, path) as compressed:
        for start in range(0, count, step):
            text = _as_text(words.slice(start, step), matrix[start : start + step])
            if start == 0:
                text = header + text
                _check_beginning(path, text, words[0].as_py(), header, dim, count)
            compressed.write(text)


@contextmanager
def replacing(path):
    """Write a file under a temporary name, and rename it when it is complete; delete it after an error.

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


def _as_text(words, rows):
    rows = np.ascontiguousarray(rows, np.float32)
    ends = pa.array(np.arange(0, rows.size + 1, rows.shape[1]), pa.int32())
    digits = pa.ListArray.from_arrays(ends, pa.array(rows.ravel()).cast(pa.string()))
    lines = pc.binary_join_element_wise(words, pc.binary_join(digits, " "), " ")
    too_long = pc.index(pc.greater(pc.binary_length(lines), LONGEST_LINE), True).as_py()
    if too_long >= 0:
        raise _not_writable(words[too_long].as_py())
    return "".join(f"{line}\n" for line in lines.to_pylist()).encode()


def _check_beginning(path, text, word, header, dim, count):
    """Refuse a first word that looks like something else to a reader: a header, a byte order mark, a zip."""
    meant = Layout(False, len(header), 1 + bool(header), count if header else None, dim)
    try:
        if not compression(text) and sniff(path, text) == meant:
            return
    except VectorFileError:
        pass
    raise _not_writable(word)


def _not_writable(word):
    return ValueError(
        f"The word {word[:60]!r} cannot stand in a text file of vectors: leave it out with subset()"
    )
