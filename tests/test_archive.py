import io
import os
import pickle
import zipfile

import numpy as np
import pytest

from skglove import ExportedFileError
from skglove.exported import archive
from skglove.exported.archive import ALIGNMENT, Archive, npy, write_archive

NUMBERS = np.arange(100, dtype=np.float32).reshape(20, 5)
METADATA = {"versions": {"skglove": "0.2.0"}, "text": "\udc80"}


def written(metadata=METADATA, **members):
    out = io.BytesIO()
    write_archive(out, metadata, {"numbers.npy": npy(NUMBERS), "text": b"some text", **members})
    return out.getvalue()


def test_members_are_aligned_mapped_and_as_they_were_written(write):
    opened = Archive(write(written(), "a.skglove"))
    assert opened.metadata["text"] == METADATA["text"]
    numbers = opened.array("numbers.npy")
    np.testing.assert_array_equal(numbers, NUMBERS)
    assert not numbers.flags.writeable
    assert numbers.ctypes.data % ALIGNMENT == 0
    assert bytes(opened.member("text")) == b"some text"
    assert all(start % ALIGNMENT == 0 for start, _ in opened._places.values())


def test_large_members_are_aligned_too(write, monkeypatch):
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 100)
    opened = Archive(write(written(), "a.skglove"))
    np.testing.assert_array_equal(opened.array("numbers.npy"), NUMBERS)


def test_other_programs_read_it(write):
    with zipfile.ZipFile(write(written(), "a.zip")) as file:
        assert file.testzip() is None
        np.testing.assert_array_equal(np.load(io.BytesIO(file.read("numbers.npy"))), NUMBERS)


def test_equal_content_is_an_equal_file():
    assert written() == written()


def test_every_changed_byte_is_found_or_does_not_matter(write):
    data = written()
    expected = Archive(write(data, "a.skglove")).metadata
    harmless, messages = 0, set()
    for i in range(0, len(data), 3):
        changed = bytearray(data)
        changed[i] ^= 0x55
        path = write(changed, "changed.skglove")
        try:
            opened = Archive(path)
            assert opened.metadata == expected
            np.testing.assert_array_equal(opened.array("numbers.npy"), NUMBERS)
            assert bytes(opened.member("text")) == b"some text"
            harmless += 1
        except ExportedFileError as error:
            messages.add(str(error).removeprefix(f"{path}: ")[:6])
    assert messages == {"it is "}
    # Dates, permissions and the zeros that align.
    assert harmless < len(data) / 9


def test_a_file_that_is_cut_off_is_refused(write):
    data = written()
    for size in range(1, len(data), 37):
        with pytest.raises(ExportedFileError, match=r"cut off|damaged|no file that skglove.export wrote"):
            Archive(write(data[:size], "cut.skglove"))


def other_zip(*names):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        for name in names:
            file.writestr(name, "{}")
    return out.getvalue()


def packed_anew():
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(written())) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            new.writestr(name, old.read(name), zipfile.ZIP_DEFLATED)
        new.comment = old.comment
    return out.getvalue()


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "it is empty. Copy or export it again."),
        (pickle.dumps({"a": 1}), r"it starts with b'.x80.*It is a pickle, which is not opened here"),
        (b"the quick brown fox", "no file that skglove.export wrote: it starts with b'the '"),
        (other_zip("model.json"), r"another zip, with \['model.json'\]"),
        (other_zip("metadata.json"), r"another zip, with \['metadata.json'\]"),
        (packed_anew(), "packed anew: metadata.json is not stored as export does"),
        (
            written({"format": 99, "versions": {"skglove": "7.1"}}),
            r"format 99, written by skglove 7\.1.*newer",
        ),
    ],
    ids=["empty", "pickle", "text", "zip", "zip with metadata", "packed anew", "newer"],
)
def test_another_file_is_refused_with_what_to_do(data, problem, write):
    with pytest.raises(ExportedFileError, match=problem):
        Archive(write(data, "x.skglove"))


def test_a_directory_and_a_pipe_are_refused_and_a_missing_file_is_missing(tmp_path):
    with pytest.raises(ExportedFileError, match="is a directory"):
        Archive(tmp_path)
    with pytest.raises(FileNotFoundError):
        Archive(tmp_path / "missing.skglove")
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(ExportedFileError, match="not a regular file"):
            Archive(tmp_path / "pipe")


def test_arrays_of_objects_are_neither_written_nor_read(write):
    with pytest.raises(ValueError, match="allow_pickle"):
        npy(np.array([{}]))
    out = io.BytesIO()
    np.save(out, np.array([{}]), allow_pickle=True)
    opened = Archive(write(written(**{"objects.npy": out.getvalue()}), "a.skglove"))
    with pytest.raises(ExportedFileError, match=r"objects.npy is no array that skglove.export wrote"):
        opened.array("objects.npy")


def test_checksums_are_computed_in_blocks(write, monkeypatch):
    monkeypatch.setattr(archive, "BLOCK", 7)
    assert Archive(write(written(), "a.skglove")).metadata["text"] == METADATA["text"]


def test_an_error_can_be_pickled():
    again = pickle.loads(pickle.dumps(ExportedFileError("a", "it is empty")))
    assert (str(again), again.path, again.problem) == ("a: it is empty", "a", "it is empty")
