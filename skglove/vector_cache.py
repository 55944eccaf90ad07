"""The cache of vector files: a file that was once read whole is mapped into memory ever after.

A cache is one file, because only one can be moved into place at once: an .npy of the matrix, which NumPy
alone opens too, and behind it

- a checksum for each row (uint32), so that damage shows without reading the whole matrix,
- where each word begins, and where the last ends (int32), and the letters of all words (UTF-8),
- a label (JSON): whose cache this is, and in what state that file was,
- the length of all this and of the label, the CRC, and a mark.
"""

import hashlib
import json
import logging
import os
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

from skglove.vector_files import UNFINISHED, locate, read_blocks, read_vectors, replacing, sniff

logger = logging.getLogger(__name__)

_END = struct.Struct("<QQI12s")
_MARK = b"skglove.v1\r\n"


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
    """Return a checksum for each row.

    Parameters
    ----------
    rows : ndarray of shape (n, dim), float32

    Returns
    -------
    sums : ndarray of shape (n,), uint32

    Examples
    --------
    >>> row_sums(np.array([[0, 0], [1, 0]], np.float32))
    array([         0, 1065353216], dtype=uint32)
    """
    return np.ascontiguousarray(rows, "<f4").view("<u4").sum(axis=1, dtype=np.uint32)


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
    # Nothing is flushed to the disk: after a power cut the checksums tell what did not get there.
    with replacing(file) as out:
        _write_header(out, 0, layout.dim)
        for found, rows in read_blocks(path, layout):
            out.write(rows.astype("<f4", copy=False))
            words += found.to_pylist()
            sums.append(row_sums(rows))
        letters = [word.encode() for word in words]
        bounds = np.cumsum([0, *map(len, letters)], dtype="<i4")
        text = json.dumps(label | {"words": len(words), "dim": layout.dim}).encode()
        tail = b"".join([np.concatenate(sums).astype("<u4").tobytes(), bounds.tobytes(), *letters, text])
        out.write(tail + _END.pack(len(tail), len(text), zlib.crc32(tail), _MARK))
        out.seek(0)
        _write_header(out, len(words), layout.dim)


def _write_header(out, n_words, dim):
    """Write an .npy header, which NumPy pads so that it can be written again with another number of rows."""
    layout = {"descr": "<f4", "fortran_order": False, "shape": (n_words, dim)}
    np.lib.format.write_array_header_1_0(out, layout)


def _map(file, label):
    """Open a cache; None where there is none, or it is damaged, or not of the file as it is now."""
    try:
        with open(file, "rb") as stream:
            stream.seek(-_END.size, os.SEEK_END)
            size = stream.tell()
            length, text, crc, mark = _END.unpack(stream.read())
            if mark != _MARK or length > size:
                raise ValueError("it has no end")
            stream.seek(size - length)
            tail = stream.read(length)
        if zlib.crc32(tail) != crc:
            raise ValueError("its checksum is wrong")
        found = json.loads(tail[length - text :])
        count, dim = found.pop("words"), found.pop("dim")
        start = size - length - 4 * count * dim
        if found != label:
            return None
        matrix = np.memmap(file, "<f4", "r", start, (count, dim))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        logger.warning("The cache %s is damaged and is made anew: %s", file, error)
        return None
    bounds = pa.py_buffer(tail[4 * count : 8 * count + 4])
    words = pa.StringArray.from_buffers(count, bounds, pa.py_buffer(tail[8 * count + 4 : length - text]))
    return Stored(words, np.asarray(matrix), np.frombuffer(tail, "<u4", count))
