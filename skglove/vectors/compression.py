"""Compressed files and zip archives: reading their bytes, and writing them."""

import bz2
import gzip
import lzma
import os
import zipfile
from contextlib import ExitStack, contextmanager
from pathlib import Path

from skglove.vectors.errors import VectorFileError
from skglove.vectors.signatures import compression, recognise_archive

_MODULES = {"gzip": gzip, "bz2": bz2, "lzma": lzma}


class ByteReader:
    """The decompressed bytes of a file. Every error of reading names the file.

    Parameters
    ----------
    path : str or path-like
        The file as the user names it.
    kind : {"file", "archive"}
        What messages call it.
    stream : binary file
    size : int or None
        The number of bytes after decompression, if it is known.
    """

    def __init__(self, path, kind, stream, size):
        self.path, self.kind, self.stream, self.size = path, kind, stream, size
        self.on_read = None

    def read(self, n):
        """Read up to `n` bytes, and tell `on_read`, if there is one, how many they are."""
        with _naming(self.path, self.kind):
            data = self.stream.read(n)
        if self.on_read is not None:
            self.on_read(len(data))
        return data


@contextmanager
def open_bytes(path, file, member=None):
    """Open a file for reading its bytes, decompressed. The first bytes tell the compression.

    Parameters
    ----------
    path : str or path-like
        The file as the user names it, for messages.
    file : Path
        The file on disk.
    member : str, default=None
        The member of a zip archive; not needed if it has only one.

    Yields
    ------
    reader : ByteReader

    Raises
    ------
    VectorFileError
        If the file cannot be read or decompressed, or the archive has no such member.
    """
    with ExitStack() as stack:
        with _naming(path, "file"):
            stream = stack.enter_context(open(file, "rb"))
            module, size = compression(stream.read(16)), os.fstat(stream.fileno()).st_size
            stream.seek(0)
        kind = "file" if module is None else "archive"
        with _naming(path, kind):
            if module == "zip":
                archive = stack.enter_context(zipfile.ZipFile(stream))
                name = _find_member(archive, member, file)
                stream, size = stack.enter_context(archive.open(name)), archive.getinfo(name).file_size
            elif member is not None:
                raise VectorFileError(file, f"it is no zip archive, so it holds no {member!r}")
            elif module is not None:
                stream, size = stack.enter_context(_MODULES[module].open(stream)), None
        yield ByteReader(path, kind, stream, size)


@contextmanager
def compressing(out, path):
    """Compress what is written to a file, as its name says.

    Parameters
    ----------
    out : binary file
    path : Path
        Its suffix, ``.gz``, ``.bz2``, ``.xz`` or ``.zip``, tells the compression.

    Yields
    ------
    compressed : binary file
        `out` itself for any other suffix.
    """
    if path.suffix == ".gz":
        with gzip.GzipFile("", "wb", fileobj=out) as compressed:
            yield compressed
    elif path.suffix in (".bz2", ".xz"):
        with (bz2.BZ2File if path.suffix == ".bz2" else lzma.LZMAFile)(out, "wb") as compressed:
            yield compressed
    elif path.suffix == ".zip":
        name = path.stem if Path(path.stem).suffix in (".txt", ".vec") else f"{path.stem}.txt"
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive, archive.open(name, "w") as member:
            yield member
    else:
        yield out


@contextmanager
def _naming(path, kind):
    """Turn every error of reading into a VectorFileError, which names the file."""
    try:
        yield
    except VectorFileError:
        raise
    except Exception as error:  # for damaged data, zipfile alone raises ten kinds, ValueError and OSError too
        reason = str(error)[:200] or type(error).__name__
        raise VectorFileError(path, f"the {kind} cannot be read: {reason}") from error


def _find_member(archive, wanted, file):
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
