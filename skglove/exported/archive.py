"""The file: a zip whose members are stored as they are, so that processes map them and share their pages.

"metadata.json" has the SHA-256 of each other member, and the comment of the zip that of "metadata.json". The
data of each member starts at a multiple of ALIGNMENT bytes, as arrays need.
"""

import hashlib
import io
import json
import mmap
import os
import stat
import struct
import zipfile
from pathlib import Path

import numpy as np

from skglove.messages import shortened

# Changes when older releases cannot read the files of newer ones.
FORMAT = 1
METADATA, COMMENT = "metadata.json", b"skglove sha256 "
# The alignment of Arrow's buffers; and the id that Android's zipalign gives to the extra field that pads.
ALIGNMENT, PADDING_ID = 64, 0xD935
# Every file has the same dates, so that equal classifiers are equal files.
DATE = (1980, 1, 1, 0, 0, 0)
LOCAL_HEADER = struct.Struct("<4s22xHH")
# Bytes that are read at a time. When so many are freed, glibc's malloc learns to keep large blocks, which it
# otherwise gets from the system anew in each prediction: 20,000 texts/s become 23,000. Of more than 32 MiB it
# learns nothing.
BLOCK = 31 * 2**20
HEADER = 2**10  # as much as that of an .npy file needs at most
AGAIN = "Copy or export it again."


class ExportedFileError(ValueError):
    """A file that `load_exported` cannot read: damaged, of another kind, or of a newer skglove.

    Parameters
    ----------
    path : str or Path
        The file.
    problem : str
        What is wrong with it, and what to do.

    Examples
    --------
    >>> print(ExportedFileError("news.skglove", "it is empty"))
    news.skglove: it is empty
    """

    def __init__(self, path, problem):
        super().__init__(path, problem)
        self.path, self.problem = path, problem

    def __str__(self):
        return f"{self.path}: {self.problem}"


def write_archive(out, metadata, members):
    """Write an archive.

    Parameters
    ----------
    out : binary file
        Open for writing, at its beginning.
    metadata : dict
        What JSON can hold. The format and the checksums are added.
    members : dict of str to bytes-like
        The other members by name.
    """
    sums = {name: hashlib.sha256(data).hexdigest() for name, data in members.items()}
    text = json.dumps({"format": FORMAT} | metadata | {"sha256": sums}, indent=1).encode()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in {METADATA: text, **members}.items():
            with memoryview(data) as view:
                size = view.nbytes
            info = zipfile.ZipInfo(name, DATE)
            info.file_size, info.external_attr = size, 0o644 << 16
            # Of 2 GiB and more, zipfile writes sizes into another extra field, of 20 bytes.
            large = 20 if size * 1.05 > zipfile.ZIP64_LIMIT else 0
            start = out.tell() + 30 + len(name) + 4 + large
            info.extra = struct.pack("<HH", PADDING_ID, -start % ALIGNMENT) + bytes(-start % ALIGNMENT)
            with archive.open(info, "w", force_zip64=bool(large)) as member:
                member.write(data)
        archive.comment = COMMENT + hashlib.sha256(text).hexdigest().encode()


class Archive:
    """An archive that is mapped into memory, after its checksums have been compared.

    Parameters
    ----------
    path : str or path-like
        The file.

    Attributes
    ----------
    path : Path
        The file.
    metadata : dict
        As it was written.
    checksum : str
        SHA-256 of the metadata, in which are those of the members: two files with the same one are equal.

    Raises
    ------
    ExportedFileError
        If it is not such a file, if it is damaged, or if a newer skglove wrote it.
    OSError
        If it cannot be opened.
    """

    def __init__(self, path):
        self.path = Path(path)
        kind = os.stat(self.path).st_mode
        if not stat.S_ISREG(kind):  # opening a named pipe would wait for ever
            what = "a directory" if stat.S_ISDIR(kind) else "not a regular file"
            raise self.error(f"it is {what}. Give the file that skglove.export wrote.")
        with open(self.path, "rb") as file:
            try:
                self._read(file)
            except ExportedFileError:
                raise
            except Exception as error:  # whatever a changed byte of a zip leads to
                raise self.error(
                    f"it is damaged ({type(error).__name__}: {shortened(str(error))}). {AGAIN}"
                ) from error

    def error(self, problem):
        """Make the error that this file has a problem."""
        return ExportedFileError(self.path, problem)

    def _read(self, file):
        if file.seek(0, os.SEEK_END) == 0:
            raise self.error(f"it is empty. {AGAIN}")
        file.seek(0)
        start = file.read(4)
        if not zipfile.is_zipfile(file):
            cut = start == b"PK\x03\x04"
            raise self.error(
                f"it is cut off, or damaged at its end. {AGAIN}"
                if cut
                else f"it is no file that skglove.export wrote: it starts with {start!r}."
                + " It is a pickle, which is not opened here." * (start[:1] == b"\x80")
            )
        with zipfile.ZipFile(file) as archive:
            infos = {info.filename: info for info in archive.infolist()}
            if not archive.comment.startswith(COMMENT) or METADATA not in infos:
                names = shortened(sorted(infos))
                raise self.error(f"it is another zip, with {names}, no file that skglove.export wrote.")
            self.checksum = archive.comment.removeprefix(COMMENT).decode()
        self._places = {name: self._locate(file, info) for name, info in infos.items()}
        self._check(file, METADATA, self.checksum)
        start, size = self._places[METADATA]
        file.seek(start)
        self.metadata = json.loads(file.read(size))
        if self.metadata["format"] > FORMAT:
            raise self.error(
                f"it has format {self.metadata['format']}, written by skglove "
                f"{self.metadata['versions']['skglove']}; this skglove reads formats up to {FORMAT}. Install "
                "a newer skglove, or export the pipeline by this one."
            )
        for name, checksum in self.metadata["sha256"].items():
            self._check(file, name, checksum)
        self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)

    def _locate(self, file, info):
        """Find the data of a member: its first byte, and their number."""
        file.seek(info.header_offset)
        signature, name_size, extra_size = LOCAL_HEADER.unpack(file.read(LOCAL_HEADER.size))
        start = info.header_offset + LOCAL_HEADER.size + name_size + extra_size
        stored = info.compress_type == zipfile.ZIP_STORED and info.compress_size == info.file_size
        if signature != b"PK\x03\x04" or not stored or start % ALIGNMENT:
            raise self.error(
                f"it is damaged, or was packed anew: {info.filename} is not stored as export does. {AGAIN}"
            )
        return start, info.file_size

    def _check(self, file, name, checksum):
        """Compare the checksum of a member. It is read, not mapped, so that it takes no memory."""
        if name not in self._places:
            raise self.error(f"it is damaged: {name} is missing. {AGAIN}")
        start, size = self._places[name]
        file.seek(start)
        found, block = hashlib.sha256(), np.empty(BLOCK, dtype=np.uint8)
        while size > 0:
            n = file.readinto(block[: min(size, len(block))])
            if not n:
                break
            found.update(block[:n])
            size -= n
        if found.hexdigest() != checksum:
            raise self.error(f"it is damaged: {name} has another SHA-256 than it was written with. {AGAIN}")

    def __contains__(self, name):
        return name in self._places

    def member(self, name):
        """Return a member as a memoryview of the mapped file."""
        start, size = self._places[name]
        return memoryview(self._map)[start : start + size]

    def array(self, name):
        """Return an .npy member as a read-only ndarray on the mapped file."""
        data = self.member(name)
        head = io.BytesIO(data[:HEADER])
        if np.lib.format.read_magic(head) != (1, 0):
            raise self.error(f"{name} is no array that skglove.export wrote.")
        shape, fortran_order, dtype = np.lib.format.read_array_header_1_0(head)
        if dtype.hasobject or fortran_order:
            raise self.error(f"{name} is no array that skglove.export wrote.")
        return self.numbers(name, dtype, shape, head.tell())

    def numbers(self, name, dtype, shape, offset):
        """Return a part of a member as a read-only ndarray on the mapped file."""
        count = int(np.prod(shape, dtype=np.int64))
        return np.frombuffer(self.member(name), dtype, count, offset).reshape(shape)


def npy(array):
    """Write an array as an .npy file; returns bytes."""
    out = io.BytesIO()
    np.lib.format.write_array(out, np.ascontiguousarray(array), (1, 0), allow_pickle=False)
    return out.getvalue()
