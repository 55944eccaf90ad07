"""Compressed files and zip archives, whole and damaged."""

import bz2
import gzip
import lzma
import re
import zipfile

import pytest
from vector_samples import FILES, MATRIX, assert_reads, read_file, text, zip_of

from skglove.vectors import VectorFileError, load_vectors
from skglove.vectors.files import VectorFile


@pytest.mark.parametrize("data", FILES.values(), ids=FILES)
def test_a_gzipped_file_and_a_zip_of_one_read_the_same(write, tmp_path, data):
    assert_reads(write(gzip.compress(data), "any.name"))
    with zipfile.ZipFile(tmp_path / "one.zip", "w") as archive:
        archive.writestr("folder/", b"")
        archive.writestr("__MACOSX/._vectors.txt", b"x")
        archive.writestr("folder/vectors.txt", data)
    assert_reads(tmp_path / "one.zip")
    assert_reads(tmp_path / "one.zip" / "folder" / "vectors.txt")


def test_a_zip_of_several_files_asks_which(tmp_path):
    path = tmp_path / "glove.6B.zip"
    with zipfile.ZipFile(path, "w") as archive:
        pass
    with pytest.raises(VectorFileError, match="the archive holds no file"):
        VectorFile(path).read()
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.50d.txt", text())
        archive.writestr("../b.100d.txt", text(["outside"]))
    with pytest.raises(
        VectorFileError, match=r"the archive holds a\.50d\.txt, \.\./b\.100d\.txt: name one, as in '.*a"
    ):
        VectorFile(path).read()
    with pytest.raises(VectorFileError, match=r"the archive holds no 'c\.txt', but a\.50d\.txt"):
        VectorFile(path / "c.txt").read()
    assert_reads(path / "a.50d.txt")
    assert_reads(path / ".." / "b.100d.txt", ["outside"], MATRIX[:1])
    assert {file.name for file in tmp_path.iterdir()} == {"glove.6B.zip"}
    plain = tmp_path / "plain.txt"
    plain.write_bytes(text())
    with pytest.raises(VectorFileError, match="it is no zip archive"):
        VectorFile(plain / "a.txt").read()


@pytest.mark.parametrize("pack", [bz2.compress, lzma.compress, lambda d: lzma.compress(d, lzma.FORMAT_ALONE)])
def test_bzip2_and_xz_are_opened(write, pack):
    assert_reads(write(pack(text())))


def with_bytes(data, at, value):
    return data[:at] + value + data[at + len(value) :]


ZIP = zip_of(text())


DIRECTORY = ZIP.rfind(b"PK\1\2")


UNREADABLE = {
    "a damaged middle": with_bytes(ZIP, 100, b"\xff\xff\xff\xff"),
    "a wrong CRC": with_bytes(ZIP, DIRECTORY + 16, b"\0\0\0\0"),
    "encrypted": with_bytes(with_bytes(ZIP, 6, b"\1"), DIRECTORY + 8, b"\1"),
    "an unknown compression": with_bytes(with_bytes(ZIP, 8, b"\x09"), DIRECTORY + 10, b"\x09"),
    "a directory elsewhere": with_bytes(ZIP, ZIP.rfind(b"PK\5\6") + 16, b"\xff\xff\xff\x7f"),
    "bzip2 in a zip, damaged": with_bytes(zip_of(text(), compression=zipfile.ZIP_BZIP2), 60, b"\xff\xff"),
    "lzma in a zip, damaged": with_bytes(zip_of(text(), compression=zipfile.ZIP_LZMA), 60, b"\xff\xff"),
    "bzip2, cut": bz2.compress(text())[:-20],
    "bzip2, damaged": with_bytes(bz2.compress(text()), 40, b"\xff\xff"),
    "xz, cut": lzma.compress(text())[:-40],
    "gzip, a wrong CRC": with_bytes(gzip.compress(text()), len(gzip.compress(text())) - 8, b"\0\0"),
}


@pytest.mark.parametrize("data", UNREADABLE.values(), ids=UNREADABLE)
def test_an_archive_that_cannot_be_read_is_named_and_no_cache_is_blamed(write, monkeypatch, tmp_path, data):
    monkeypatch.setenv("SKGLOVE_CACHE", str(tmp_path / "cache"))
    path = write(data)
    for read in (read_file, load_vectors):  # which would warn that the cache cannot be written
        with pytest.raises(VectorFileError, match=f"^{re.escape(str(path))}: the archive cannot be read: ."):
            read(path)
