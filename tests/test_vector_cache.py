"""The cache: mapped, never half-written, noticed when damaged or stale."""

import logging
import os
import random
import resource
import subprocess
import sys
import time

import numpy as np
import pytest

from skglove import vector_cache
from skglove.vector_cache import cache_folder, cached_vectors, open_vectors, row_sums
from skglove.vector_files import VectorFileError, write_vectors
from skglove.vectors import gather_vectors, load_vectors

WORDS = ["the", "naïve", "日本", *(f"word{at}" for at in range(5000))]
MATRIX = np.random.default_rng(0).normal(size=(len(WORDS), 20)).astype(np.float32)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("SKGLOVE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "vectors"


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "glove.txt"
    write_vectors(path, WORDS, MATRIX)
    return path


def assert_right(stored):
    assert stored.words.to_pylist() == WORDS
    np.testing.assert_array_equal(stored.matrix, MATRIX)


def never(*args):
    raise AssertionError("The file is read anew")


def is_mapped(array):
    while not isinstance(array, np.memmap) and array is not None:
        array = array.base
    return array is not None


def test_the_first_opening_makes_a_cache_that_the_next_one_maps(path, folder, monkeypatch):
    assert cached_vectors(path) is None
    assert_right(open_vectors(path))
    (cache,) = folder.iterdir()
    np.testing.assert_array_equal(np.load(cache, mmap_mode="r"), MATRIX)
    monkeypatch.setattr(vector_cache, "read_blocks", never)
    stored = open_vectors(path)
    assert_right(stored)
    assert is_mapped(stored.matrix)
    assert not stored.matrix.flags.writeable


def test_rows_come_from_the_cache_where_there_is_one(path, monkeypatch):
    load_vectors(path)
    monkeypatch.setattr("skglove.vector_files.read_rows", never)
    np.testing.assert_array_equal(gather_vectors(path, ["日本", "absent"]), [MATRIX[2], np.zeros(20)])


def test_a_file_that_was_changed_is_read_anew(path):
    open_vectors(path)
    write_vectors(path, WORDS, MATRIX + 1)
    np.testing.assert_array_equal(open_vectors(path).matrix, MATRIX + 1)
    time_ns = path.stat().st_mtime_ns
    write_vectors(path, WORDS[::-1], MATRIX)
    os.utime(path, ns=(time_ns + 1, time_ns + 1))
    assert open_vectors(path).words.to_pylist() == WORDS[::-1]


def test_files_formats_and_members_of_one_name_have_caches_of_their_own(tmp_path, folder):
    (tmp_path / "a").mkdir()
    for where, number in [(tmp_path / "v.txt", 7), (tmp_path / "a" / "v.txt", 8)]:
        where.write_text(f"1 {number}\n2 {number}\n")
    assert open_vectors(tmp_path / "v.txt", "glove").matrix.tolist() == [[7], [7]]
    assert open_vectors(tmp_path / "a" / "v.txt", "glove").matrix.tolist() == [[8], [8]]
    with pytest.raises(VectorFileError, match="line 2"):
        open_vectors(tmp_path / "v.txt")
    assert len(list(folder.iterdir())) == 2


def test_a_broken_file_leaves_nothing_in_the_cache(path, folder):
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(VectorFileError, match=f"line {len(WORDS)}: expected a word and 20 numbers"):
        open_vectors(path)
    assert not list(folder.iterdir())


@pytest.mark.parametrize("seed", range(40))
def test_a_damaged_cache_is_noticed_and_made_anew(path, folder, seed, caplog):
    open_vectors(path)
    (cache,) = folder.iterdir()
    rng, data = random.Random(seed), bytearray(cache.read_bytes())
    where = len(data) - rng.randrange(4 * len(WORDS) + len("".join(WORDS))) - 1
    if seed % 4 == 0:
        data = data[: rng.randrange(len(data))]
    elif seed % 4 == 1:
        data[where] ^= 1 << rng.randrange(8)
    elif seed % 4 == 2:
        data[where:] = bytes(len(data) - where)
    else:
        data += b"more"
    cache.write_bytes(data)
    assert cached_vectors(path) is None
    assert_right(open_vectors(path))
    assert "is damaged and is made anew" in caplog.text
    assert_right(cached_vectors(path))


def test_a_damaged_row_is_noticed_when_it_is_asked_for(path, folder, caplog):
    load_vectors(path)
    (cache,) = folder.iterdir()
    for damage in (lambda row: row ^ 1, lambda row: row * 0):
        data = np.fromfile(cache, np.uint8)
        row = slice(128 + 80 * 2, 128 + 80 * 3)
        data[row] = damage(data[row])
        data.tofile(cache)
        vectors = load_vectors(path)
        np.testing.assert_array_equal(vectors["the"], MATRIX[0])
        assert not caplog.records
        np.testing.assert_array_equal(vectors["日本"], MATRIX[2])
        assert caplog.records.pop().levelno == logging.WARNING
        assert_right(cached_vectors(path))


def test_a_damaged_row_is_noticed_by_a_search(path, folder):
    expected = load_vectors(path).nearest("the")
    (cache,) = folder.iterdir()
    data = bytearray(cache.read_bytes())
    data[128 + 80 * 4000] ^= 1
    cache.write_bytes(data)
    assert load_vectors(path).nearest("the") == expected
    assert_right(cached_vectors(path))


def test_a_cache_that_cannot_be_written_costs_a_warning(path, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("SKGLOVE_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.warns(
        UserWarning, match=r"cannot be cached: .*set SKGLOVE_CACHE to a folder that can be written"
    ):
        stored = open_vectors(path)
    assert_right(stored)


def test_a_full_disk_costs_a_warning_and_leaves_nothing(path, folder):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with pytest.warns(UserWarning, match="cannot be cached"):
            stored = open_vectors(path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert_right(stored)
    assert not list(folder.iterdir())
    assert_right(open_vectors(path))


def test_what_a_killed_process_left_is_cleared_away(path, folder):
    folder.mkdir(parents=True)
    old, new = folder / ".a.npy.1.part", folder / ".b.npy.2.part"
    for left in (old, new):
        left.write_bytes(b"unfinished")
    os.utime(old, (time.time() - 7200,) * 2)
    open_vectors(path)
    assert not old.exists()
    assert new.exists()


def test_the_cache_is_in_the_folder_of_the_user(monkeypatch):
    monkeypatch.delenv("SKGLOVE_CACHE")
    assert "skglove" in cache_folder().name.lower() + cache_folder().parent.name.lower()


# ---- other processes

FORKER = """
import os, signal, sys, time
from skglove.vector_cache import open_vectors
print("ready", flush=True)
for line in sys.stdin:
    pid = os.fork()
    if pid == 0:
        open_vectors(sys.argv[1])
        os._exit(0)
    time.sleep(float(line))
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    print("killed", flush=True)
"""

OPENER = """
import sys
from skglove.vector_cache import open_vectors, row_sums
print("ready", flush=True)
sys.stdin.readline()
print(row_sums(open_vectors(sys.argv[1]).matrix).sum(), flush=True)
"""


def start(code, path):
    process = subprocess.Popen([sys.executable, "-c", code, path], stdin=-1, stdout=-1, text=True)
    assert process.stdout.readline() == "ready\n"
    return process


def test_a_process_killed_at_any_moment_leaves_no_broken_cache(path, folder):
    rng, unfinished = random.Random(0), 0
    with start(FORKER, path) as process:
        for _ in range(50):
            process.stdin.write(f"{rng.uniform(0, 0.06)}\n")
            process.stdin.flush()
            assert process.stdout.readline() == "killed\n"
            for left in folder.glob(".*"):
                unfinished += 1
                left.unlink()
            assert_right(cached_vectors(path) or open_vectors(path))
            vector_cache.drop_cache(path)
        process.stdin.close()
    assert unfinished > 0


def test_two_processes_at_once_make_one_cache(path, folder):
    with start(OPENER, path) as one, start(OPENER, path) as two:
        for process in (one, two):
            process.stdin.write("go\n")
            process.stdin.flush()
        for process in (one, two):
            assert process.communicate()[0] == f"{row_sums(MATRIX).sum()}\n"
            assert process.returncode == 0
    assert len(list(folder.iterdir())) == 1
    assert_right(cached_vectors(path))
