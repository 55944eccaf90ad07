"""The cache of vector files: a file that was read once is memory-mapped from then on.

A cache is one file, because only a single file can be replaced atomically. It is an .npy file of the matrix,
which NumPy can also open by itself. After the matrix, it holds:

- a checksum for each row (uint64), see `row_sums`;
- the offsets of the words (int32) and their text (UTF-8), as in an Arrow array of strings;
- a label (JSON): the path, format, size and time of the vector file;
- the numbers of rows, columns, bytes of text and bytes of the label; a CRC-32 of all but the matrix and its
  checksums; a magic number.

The CRC-32 is checked when a cache is opened, the checksum of a row when the row is used. Nothing is flushed
to the disk: these checks find whatever a power cut kept from it. A cache is only ever replaced as a whole, so
a mapped matrix stays as it is when its cache is written again or deleted. But if another program truncates
the file under a mapped matrix, the operating system ends the process (SIGBUS).
"""

import hashlib
import json
import logging
import os
import stat
import struct
import sys
import time
import zlib
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from skglove.messages import warn
from skglove.vectors.locations import cache_folder
from skglove.vectors.writing import UNFINISHED, replacing

logger = logging.getLogger(__name__)

_SIZES = struct.Struct("<4Q")  # rows, columns, bytes of text, bytes of the label
_END = struct.Struct("<I12s")
_MARK = b"skglove.v2\r\n"
_HEADER = 128  # bytes of the .npy header
_FACTOR = 0x9E3779B97F4A7C15  # odd, one more than a multiple of 4, its bits well mixed: 2**64 / golden ratio

# Version 0.1 pickled vectors in memory as an object of a class in this module.
sys.modules.setdefault("skglove.vector_cache", sys.modules[__name__])


class Stored(NamedTuple):
    """Words and their vectors; if they come from the cache, with a checksum for each row."""

    words: pa.StringArray
    matrix: np.ndarray
    sums: np.ndarray | None = None


def open_vectors(file, anew=False):
    """Open a whole file of word vectors from the cache, which is written if there is none.

    Parameters
    ----------
    file : VectorFile
    anew : bool, default=False
        Whether to replace an existing cache.

    Returns
    -------
    stored : Stored
        The matrix is memory-mapped. If the cache cannot be written, there is a warning, and the matrix is in
        memory.
    """
    cache, label = _locate_cache(file)
    if anew:
        with suppress(OSError):
            cache.unlink()
    stored = None if anew else _map(cache, label)
    if stored is None:
        try:
            _build(file, cache, label)
            stored = _map(cache, label)
        except OSError as error:
            warn(
                f"The vectors of {file.path} cannot be cached: {error}. So the file is read each time. "
                "Make room there, or set SKGLOVE_CACHE to a folder that can be written."
            )
    return Stored(*file.read()) if stored is None else stored


def cached_vectors(file):
    """Open a file of word vectors from the cache.

    Parameters
    ----------
    file : VectorFile

    Returns
    -------
    stored : Stored or None
        None if there is no cache of the file as it is now.
    """
    return _map(*_locate_cache(file))


def row_sums(rows):
    """Return a checksum for each row: a polynomial hash of the bits of its numbers, modulo 2**64.

    It always changes if one number changes or two different numbers swap places, and detects other damage but
    for one case in about 2**64. 137 MB take 30 ms, as their CRC-32 does.

    Parameters
    ----------
    rows : ndarray of shape (n, dim), float32

    Returns
    -------
    sums : ndarray of shape (n,), uint64

    Examples
    --------
    >>> row_sums(np.array([[0, 0], [1, 0]], np.float32))
    array([         0, 1065353216], dtype=uint64)
    """
    factors = np.uint64(_FACTOR) ** np.arange(rows.shape[1], dtype=np.uint64)
    return np.einsum("ij,j->i", np.ascontiguousarray(rows, "<f4").view("<u4"), factors)


def _locate_cache(file):
    """Return the path of a file's cache, and the label that it has if it is of the file as it is now."""
    whose = {"file": os.path.realpath(file.file), "member": file.member, "format": file.format}
    key = hashlib.sha256(json.dumps(whose).encode()).hexdigest()[:16]
    state = file.file.stat()
    label = whose | {"size": state.st_size, "mtime_ns": state.st_mtime_ns}
    name = Path(file.member or file.file).name[:100]
    return cache_folder() / "vectors" / f"{name}-{key}.npy", label


def _build(file, cache, label):
    """Write the cache of a file block by block, so that the whole matrix is never in memory."""
    dim = file.layout.dim
    cache.parent.mkdir(parents=True, exist_ok=True)
    _delete_unfinished(cache.parent)
    words, sums = [], []
    with replacing(cache) as out:
        out.write(bytes(_HEADER))
        for found, rows in file.blocks():
            out.write(rows.astype("<f4", copy=False))
            words += found.to_pylist()
            sums.append(row_sums(rows))
        encoded = [word.encode() for word in words]
        offsets = np.cumsum([0, *map(len, encoded)], dtype="<i4")
        text = json.dumps(label).encode()
        sizes = _SIZES.pack(len(words), dim, offsets[-1], len(text))
        sums = np.concatenate(sums).astype("<u8")
        tail = b"".join([offsets.tobytes(), *encoded, text, sizes])
        out.write(sums.tobytes() + tail + _END.pack(zlib.crc32(tail), _MARK))
        out.seek(0)
        out.write(_header(len(words), dim))


def _delete_unfinished(folder):
    """Delete what killed processes left; a process that is still writing wrote a moment ago."""
    for unfinished in folder.glob(f".*{UNFINISHED}"):
        with suppress(OSError):
            if unfinished.stat().st_mtime < time.time() - 3600:
                unfinished.unlink()


def _header(n_words, dim):
    """Return an .npy header, which has the same size for every matrix."""
    layout = f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({n_words}, {dim}), }}"
    return b"\x93NUMPY\x01\x00v\x00" + f"{layout:117}\n".encode()


def _map(cache, label):
    """Open a cache; return None if there is none, if it is damaged, or if its label is another."""
    try:
        if not stat.S_ISREG(os.stat(cache).st_mode):  # opening a named pipe would wait forever
            raise ValueError("it is not a regular file")
        with open(cache, "rb") as stream:
            return _read(stream, label)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, MemoryError) as error:
        logger.warning("The cache %s is made anew: %s", cache, error)
        return None


def _read(stream, label):
    """Map the matrix of a cache, read and check the rest; return None if its label is another."""
    end = stream.seek(-_SIZES.size - _END.size, os.SEEK_END)
    sizes = stream.read(_SIZES.size)
    crc, mark = _END.unpack(stream.read())
    if mark != _MARK:
        raise ValueError("it is of another version, or damaged at its end")
    count, dim, text_size, label_size = _SIZES.unpack(sizes)
    sums_at = _HEADER + 4 * count * dim
    start, label_at = sums_at + 8 * count, 4 * count + 4 + text_size
    if start + label_at + label_size != end:
        raise ValueError("its sizes do not add up")
    stream.seek(0)
    if stream.read(_HEADER) != _header(count, dim):
        raise ValueError("its header is wrong")
    stream.seek(start)
    tail = stream.read(end - start)
    if zlib.crc32(sizes, zlib.crc32(tail)) != crc:
        raise ValueError("its checksum is wrong")
    if tail[label_at:] != json.dumps(label).encode():
        return None
    words = _words(pa.py_buffer(tail), count, text_size)
    matrix = np.memmap(stream, "<f4", "r", _HEADER, (count, dim))
    sums = np.memmap(stream, "<u8", "r", sums_at, (count,))
    return Stored(words, np.asarray(matrix), np.asarray(sums))


def _words(tail, count, size):
    """Return the words, after a check of their offsets: Arrow would read outside the buffer if they lied."""
    offsets, text = tail.slice(0, 4 * count + 4), tail.slice(4 * count + 4, size)
    at, letters = np.frombuffer(offsets, "<i4"), np.frombuffer(text, np.int8)
    if at[0] != 0 or at[-1] != size or (at[1:] <= at[:-1]).any() or (letters.take(at[:-1]) < -64).any():
        raise ValueError("its words are not where it says")
    # The UTF-8 is checked as one string: seven times as fast as word by word.
    whole = pa.py_buffer(np.array([0, size], "<i4"))
    pa.StringArray.from_buffers(1, whole, text).validate(full=True)
    return pa.StringArray.from_buffers(count, offsets, text)
