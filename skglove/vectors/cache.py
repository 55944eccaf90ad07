"""The cache of vector files: a file that was once read whole is mapped into memory ever after.

A cache is one file, because only one can be moved into place at once: an .npy of the matrix, which NumPy
alone opens too, and behind it

- a checksum for each row (uint64): `row_sums`,
- where each word begins, and where the last ends (int32), and the letters of all words (UTF-8),
- a label (JSON): whose cache this is, and in what state that file was,
- the numbers of rows, columns, letters and of the label's bytes, a CRC-32 of all this, and a mark.

What stands behind the matrix is checked when a cache is opened, a row when it is taken, all rows before the
matrix is handed out. Nothing is flushed to the disk: what a power cut kept from it shows in these checks.
A cache is never written to in place, only replaced as a whole, so that a mapped matrix stays as it is when
its cache is made anew or removed. Only if another program truncates the file under a mapped matrix does the
operating system end the process (SIGBUS).
"""

import hashlib
import json
import logging
import os
import stat
import struct
import time
import warnings
import zlib
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np
import platformdirs
import pyarrow as pa

from skglove.vectors.files import UNFINISHED, locate, read_blocks, read_vectors, replacing, sniff

logger = logging.getLogger(__name__)

_SIZES = struct.Struct("<4Q")  # rows, columns, bytes of letters, bytes of the label
_END = struct.Struct("<I12s")
_MARK = b"skglove.v2\r\n"
_HEADER = 128  # bytes of the .npy header
_FACTOR = 0x9E3779B97F4A7C15  # odd, one more than a multiple of 4, its bits well mixed: 2**64 / golden ratio


class Stored(NamedTuple):
    """Words and their vectors; from the cache, with a checksum for each row."""

    words: pa.StringArray
    matrix: np.ndarray
    sums: np.ndarray | None = None


def cache_folder():
    """Return the folder of downloads and of the cache: ``SKGLOVE_CACHE``, or else the user's own.

    Returns
    -------
    folder : Path
    """
    return Path(os.environ.get("SKGLOVE_CACHE") or platformdirs.user_cache_dir("skglove"))


def open_vectors(path, format=None):
    """Open a whole file of word vectors: from the cache, which its first opening makes.

    Parameters
    ----------
    path, format
        As in `read_vectors`.

    Returns
    -------
    stored : Stored
        The matrix is mapped into memory; in memory, after a warning, where the cache cannot be written.
    """
    file, label = _entry(path, format)
    stored = _map(file, label)
    if stored is None:
        try:
            _build(path, format, file, label)
        except OSError as error:
            warnings.warn(
                f"The vectors of {path} are read anew each time, for they cannot be cached: {error}. "
                "Make room there, or set SKGLOVE_CACHE to a folder that can be written.",
                stacklevel=2,
            )
        stored = _map(file, label)
    return Stored(*read_vectors(path, format)) if stored is None else stored


def cached_vectors(path, format=None):
    """Open a file of word vectors from the cache; None where it is not there.

    Parameters
    ----------
    path, format
        As in `read_vectors`.

    Returns
    -------
    stored : Stored or None
    """
    return _map(*_entry(path, format))


def drop_cache(path, format=None):
    """Remove a file of word vectors from the cache.

    Parameters
    ----------
    path, format
        As in `read_vectors`.
    """
    _entry(path, format)[0].unlink(missing_ok=True)


def row_sums(rows):
    """Return a checksum for each row: the sum of its numbers' bits times powers of an odd factor, mod 2**64.

    It differs whenever one number changed, or two that differ changed places; of other damage it misses one
    in about 2**64. Checking 137 MB takes as long as their CRC-32 does (30 ms).

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


def _entry(path, format):
    """Return where the cache of a file is, and the label that it has if it is of the file as it is now."""
    file, member = locate(path)
    whose = {"file": os.path.realpath(file), "member": member, "format": format}
    key = hashlib.sha256(json.dumps(whose).encode()).hexdigest()[:16]
    state = file.stat()
    label = whose | {"size": state.st_size, "mtime_ns": state.st_mtime_ns}
    return cache_folder() / "vectors" / f"{Path(member or file).name[:100]}-{key}.npy", label


def _build(path, format, file, label):
    """Read a vector file into its cache by the block, so that the matrix never is in memory."""
    layout = sniff(path, format)
    file.parent.mkdir(parents=True, exist_ok=True)
    for unfinished in file.parent.glob(f".*{UNFINISHED}"):
        with suppress(OSError):  # of a process that was killed; one that is at work wrote a moment ago
            if unfinished.stat().st_mtime < time.time() - 3600:
                unfinished.unlink()
    words, sums = [], []
    with replacing(file) as out:
        out.write(bytes(_HEADER))
        for found, rows in read_blocks(path, layout):
            out.write(rows.astype("<f4", copy=False))
            words += found.to_pylist()
            sums.append(row_sums(rows))
        letters = [word.encode() for word in words]
        bounds = np.cumsum([0, *map(len, letters)], dtype="<i4")
        text = json.dumps(label).encode()
        sizes = _SIZES.pack(len(words), layout.dim, bounds[-1], len(text))
        tail = b"".join(
            [np.concatenate(sums).astype("<u8").tobytes(), bounds.tobytes(), *letters, text, sizes]
        )
        out.write(tail + _END.pack(zlib.crc32(tail), _MARK))
        out.seek(0)
        out.write(_header(len(words), layout.dim))


def _header(n_words, dim):
    """Return an .npy header of one size for every matrix."""
    layout = f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({n_words}, {dim}), }}"
    return b"\x93NUMPY\x01\x00v\x00" + f"{layout:117}\n".encode()


def _map(file, label):
    """Open a cache; None where there is none, or it is damaged, or not of the file as it is now."""
    try:
        if not stat.S_ISREG(os.stat(file).st_mode):  # to open a named pipe would wait for ever
            raise ValueError("it is not a regular file")
        with open(file, "rb") as stream:
            return _read(stream, label)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, MemoryError) as error:
        logger.warning("The cache %s is made anew: %s", file, error)
        return None


def _read(stream, label):
    """Read a cache, all but its matrix, and check it; None where it is not of the file as it is now."""
    end = stream.seek(-_SIZES.size - _END.size, os.SEEK_END)
    sizes = stream.read(_SIZES.size)
    crc, mark = _END.unpack(stream.read())
    if mark != _MARK:
        raise ValueError("it is of another version, or damaged at its end")
    count, dim, letters, text = _SIZES.unpack(sizes)
    start, words_at, text_at = _HEADER + 4 * count * dim, 8 * count, 12 * count + 4 + letters
    if start + text_at + text != end:
        raise ValueError("its sizes do not add up")
    stream.seek(0)
    if stream.read(_HEADER) != _header(count, dim):
        raise ValueError("its header is wrong")
    stream.seek(start)
    tail = stream.read(end - start)
    if zlib.crc32(sizes, zlib.crc32(tail)) != crc:
        raise ValueError("its checksum is wrong")
    if tail[text_at:] != json.dumps(label).encode():
        return None
    words = _words(pa.py_buffer(tail), words_at, count, letters)
    matrix = np.memmap(stream, "<f4", "r", _HEADER, (count, dim))
    return Stored(words, np.asarray(matrix), np.frombuffer(tail, "<u8", count))


def _words(tail, start, count, size):
    """Return the words; Arrow would read outside of the letters if their bounds were not checked."""
    bounds, letters = tail.slice(start, 4 * count + 4), tail.slice(start + 4 * count + 4, size)
    at, bytes_ = np.frombuffer(bounds, "<i4"), np.frombuffer(letters, np.int8)
    if at[0] != 0 or at[-1] != size or (at[1:] <= at[:-1]).any() or (bytes_.take(at[:-1]) < -64).any():
        raise ValueError("its words are not where it says")
    # All as one string: seven times as fast as word by word, which only adds the bounds checked above.
    whole = pa.py_buffer(np.array([0, size], "<i4"))
    pa.StringArray.from_buffers(1, whole, letters).validate(full=True)
    return pa.StringArray.from_buffers(count, bounds, letters)
