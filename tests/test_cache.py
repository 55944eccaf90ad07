"""The cache: mapped, never half-written, noticed when damaged or stale."""

import logging
import os
import random
import resource
import struct
import subprocess
import sys
import time
import zlib

import numpy as np
import pytest

from skglove.token_ids import Vocabulary
from skglove.vectors import VectorFileError, load_vectors, open_source
from skglove.vectors.cache import cached_vectors, open_vectors, row_sums
from skglove.vectors.files import VectorFile
from skglove.vectors.writing import write_vectors

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
    assert cached_vectors(VectorFile(path)) is None
    assert_right(open_vectors(VectorFile(path)))
    (cache,) = folder.iterdir()
    np.testing.assert_array_equal(np.load(cache, mmap_mode="r"), MATRIX)
    monkeypatch.setattr(VectorFile, "blocks", never)
    stored = open_vectors(VectorFile(path))
    assert_right(stored)
    assert is_mapped(stored.matrix)
    assert not stored.matrix.flags.writeable


def test_rows_come_from_the_cache_where_there_is_one(path, monkeypatch):
    load_vectors(path)
    monkeypatch.setattr(VectorFile, "rows", never)
    np.testing.assert_array_equal(open_source(path).rows(["日本", "absent"]), [MATRIX[2], np.zeros(20)])


def test_a_file_that_was_changed_is_read_anew(path):
    open_vectors(VectorFile(path))
    write_vectors(path, WORDS, MATRIX + 1)
    np.testing.assert_array_equal(open_vectors(VectorFile(path)).matrix, MATRIX + 1)
    time_ns = path.stat().st_mtime_ns
    write_vectors(path, WORDS[::-1], MATRIX)
    os.utime(path, ns=(time_ns + 1, time_ns + 1))
    assert open_vectors(VectorFile(path)).words.to_pylist() == WORDS[::-1]


def test_files_formats_and_members_of_one_name_have_caches_of_their_own(tmp_path, folder):
    (tmp_path / "a").mkdir()
    for where, number in [(tmp_path / "v.txt", 7), (tmp_path / "a" / "v.txt", 8)]:
        where.write_text(f"1 {number}\n2 {number}\n")
    assert open_vectors(VectorFile(tmp_path / "v.txt", "glove")).matrix.tolist() == [[7], [7]]
    assert open_vectors(VectorFile(tmp_path / "a" / "v.txt", "glove")).matrix.tolist() == [[8], [8]]
    with pytest.raises(VectorFileError, match="line 2"):
        open_vectors(VectorFile(tmp_path / "v.txt"))
    assert len(list(folder.iterdir())) == 2


def test_a_broken_file_leaves_nothing_in_the_cache(path, folder):
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(VectorFileError, match=f"line {len(WORDS)}: expected a word and 20 numbers"):
        open_vectors(VectorFile(path))
    assert not list(folder.iterdir())


@pytest.mark.parametrize(
    "seed", [*range(8), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(8, 40))]
)
def test_a_damaged_cache_is_noticed_and_made_anew(path, folder, seed, caplog):
    open_vectors(VectorFile(path))
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
    assert cached_vectors(VectorFile(path)) is None
    assert_right(open_vectors(VectorFile(path)))
    assert "is made anew" in caplog.text
    assert_right(cached_vectors(VectorFile(path)))


def test_a_damaged_checksum_of_a_row_counts_as_a_damaged_row(path, folder, caplog):
    load_vectors(path)
    (cache,) = folder.iterdir()
    data = bytearray(cache.read_bytes())
    data[128 + MATRIX.nbytes + 8] ^= 1
    cache.write_bytes(data)
    np.testing.assert_array_equal(load_vectors(path)[[WORDS[1]]], MATRIX[[1]])
    assert "is made anew" in caplog.text


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
        assert_right(cached_vectors(VectorFile(path)))


def zero_page(matrix):
    matrix.ravel()[4096:5120] = 0


def swap_numbers(matrix):
    matrix[4000, [3, 17]] = matrix[4000, [17, 3]]


def swap_rows(matrix):
    matrix[[10, 4000]] = matrix[[4000, 10]]


def read_saved(vectors, tmp_path):
    vectors.save(tmp_path / "saved.txt")
    return load_vectors(tmp_path / "saved.txt").matrix


DOORS = {
    "matrix": lambda vectors, _: vectors.matrix,
    "save": read_saved,
    "nearest": lambda vectors, _: vectors.nearest("the", len(WORDS)),
    "words": lambda vectors, _: vectors[WORDS],
    "gather": lambda vectors, _: open_source(vectors).rows(WORDS),
    "embedding": lambda vectors, _: Vocabulary(WORDS, vectors).embedding_matrix(),
}


@pytest.mark.parametrize("damage", [zero_page, swap_numbers, swap_rows])
@pytest.mark.parametrize("door", DOORS)
def test_damaged_vectors_go_out_by_no_door(path, tmp_path, folder, door, damage, caplog):
    expected = list(map(list, DOORS[door](load_vectors(path), tmp_path)))
    cache = next(folder.glob("glove.txt-*"))
    damage(np.load(cache, mmap_mode="r+"))
    assert list(map(list, DOORS[door](load_vectors(path), tmp_path))) == expected
    assert caplog.text.count("is damaged and is made anew") == 1
    assert_right(cached_vectors(VectorFile(path)))


def test_row_sums_tell_one_changed_number_and_two_swapped_ones():
    numbers = np.array([0, 1, -1, 2, -2, 0.5, 2.0**-126, 2.0**127, 0.3, *range(3, 100)], np.float32)
    flipped = numbers.view(np.uint32) ^ np.kron(
        np.eye(len(numbers), dtype=np.uint32), 1 << np.arange(32)[:, None]
    )
    pairs = np.array([(a, b) for a in range(len(numbers)) for b in range(a)])
    swapped = np.tile(numbers, (len(pairs), 1))
    swapped[np.arange(len(pairs))[:, None], pairs] = numbers[pairs[:, ::-1]]
    for changed in (flipped.astype(np.uint32).view(np.float32), swapped):
        assert len(changed) > 3000
        assert (row_sums(changed) != row_sums(numbers[None])).all()


def test_a_mapped_matrix_outlives_its_cache(path, folder):
    vectors = load_vectors(path)
    (cache,) = folder.iterdir()
    cache.unlink()
    write_vectors(path, WORDS, MATRIX + 1)
    load_vectors(path)
    np.testing.assert_array_equal(vectors.matrix, MATRIX)


def crafted(cache, change):
    """Change what stands behind the matrix, and give it a valid CRC."""
    data = bytearray(cache.read_bytes())
    tail = 128 + MATRIX.nbytes
    change(memoryview(data)[tail:])
    data[-16:-12] = zlib.crc32(data[tail + 8 * len(WORDS) : -16]).to_bytes(4, "little")  # not of the row sums
    cache.write_bytes(data)


BOUNDS, LETTERS = 8 * len(WORDS), 12 * len(WORDS) + 4


@pytest.mark.parametrize(
    ("at", "value"),
    [
        *[(BOUNDS + 4 * word, bound) for word in (0, 9, len(WORDS)) for bound in (-1, 3, 2**30, -(2**30))],
        (BOUNDS + 4 * 2, 6),  # within the "ï" of "naïve"
        (LETTERS, int.from_bytes(b"the\xff", "little", signed=True)),
        *[(-16 - 32 + 8 * size, number) for size in range(4) for number in (-1, 0, 1, 2**31 - 1)],
    ],
)
def test_a_cache_with_a_valid_checksum_and_impossible_contents_is_made_anew(path, folder, at, value, caplog):
    open_vectors(VectorFile(path))
    (cache,) = folder.iterdir()
    crafted(cache, lambda tail: struct.pack_into("<i", tail, at % len(tail), value))
    assert cached_vectors(VectorFile(path)) is None
    assert "is made anew" in caplog.text
    assert_right(open_vectors(VectorFile(path)))


def test_a_damaged_header_is_noticed(path, folder):
    open_vectors(VectorFile(path))
    (cache,) = folder.iterdir()
    cache.write_bytes(cache.read_bytes().replace(b"'fortran_order': False", b"'fortran_order': True "))
    assert cached_vectors(VectorFile(path)) is None


def test_a_cache_of_an_older_version_is_made_anew(path, folder, caplog):
    open_vectors(VectorFile(path))
    (cache,) = folder.iterdir()
    cache.write_bytes(cache.read_bytes().replace(b"skglove.v2\r\n", b"skglove.v1\r\n"))
    assert_right(open_vectors(VectorFile(path)))
    assert "it is of another version" in caplog.text


@pytest.mark.parametrize("make", [os.mkfifo, lambda place: place.symlink_to("/dev/zero")])
def test_what_is_no_regular_file_in_the_place_of_a_cache_is_replaced(path, folder, make, caplog):
    open_vectors(VectorFile(path))
    (cache,) = folder.iterdir()
    cache.unlink()
    make(cache)
    assert_right(open_vectors(VectorFile(path)))
    assert f"{cache} is made anew: it is not a regular file" in caplog.text
    assert_right(cached_vectors(VectorFile(path)))


def test_a_folder_in_the_place_of_a_cache_costs_a_warning(path, folder):
    open_vectors(VectorFile(path))
    (cache,) = folder.iterdir()
    cache.unlink()
    cache.mkdir()
    with pytest.warns(UserWarning, match=f"cannot be cached: .*{cache.name}"):
        assert_right(open_vectors(VectorFile(path)))


def test_a_cache_that_cannot_be_written_costs_a_warning(path, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("SKGLOVE_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.warns(
        UserWarning, match=r"cannot be cached: .*set SKGLOVE_CACHE to a folder that can be written"
    ):
        stored = open_vectors(VectorFile(path))
    assert_right(stored)


def test_a_full_disk_costs_a_warning_and_leaves_nothing(path, folder):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with pytest.warns(UserWarning, match="cannot be cached"):
            stored = open_vectors(VectorFile(path))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert_right(stored)
    assert not list(folder.iterdir())
    assert_right(open_vectors(VectorFile(path)))


def test_what_a_killed_process_left_is_cleared_away(path, folder):
    folder.mkdir(parents=True)
    old, new = folder / ".a.npy.1.part", folder / ".b.npy.2.part"
    for left in (old, new):
        left.write_bytes(b"unfinished")
    os.utime(old, (time.time() - 7200,) * 2)
    open_vectors(VectorFile(path))
    assert not old.exists()
    assert new.exists()


def test_a_damaged_cache_in_a_read_only_folder_costs_a_warning(path, folder, monkeypatch):
    load_vectors(path)
    (cache,) = folder.iterdir()
    damaged = np.load(cache, mmap_mode="r+")
    damaged[2] = 0
    vectors = load_vectors(path)

    def refuse(*args):
        raise PermissionError(13, "Permission denied")

    for name in ("unlink", "replace"):
        monkeypatch.setattr(os, name, refuse)
    with pytest.warns(UserWarning, match="cannot be cached: .*Permission denied"):
        np.testing.assert_array_equal(vectors["日本"], MATRIX[2])
    np.testing.assert_array_equal(vectors.matrix, MATRIX)


# ---- other processes

FORKER = """
import os, signal, sys, time
from skglove.vectors.cache import open_vectors
from skglove.vectors.files import VectorFile
print("ready", flush=True)
for line in sys.stdin:
    pid = os.fork()
    if pid == 0:
        open_vectors(VectorFile(sys.argv[1]))
        os._exit(0)
    time.sleep(float(line))
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    print("killed", flush=True)
"""

OPENER = """
import sys
from skglove.vectors.cache import open_vectors, row_sums
from skglove.vectors.files import VectorFile
print("ready", flush=True)
sys.stdin.readline()
print(row_sums(open_vectors(VectorFile(sys.argv[1])).matrix).sum(), flush=True)
"""


def start(code, path):
    process = subprocess.Popen([sys.executable, "-c", code, path], stdin=-1, stdout=-1, text=True)
    assert process.stdout.readline() == "ready\n"
    return process


@pytest.mark.slow
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
            assert_right(cached_vectors(VectorFile(path)) or open_vectors(VectorFile(path)))
            for cache in folder.iterdir():
                cache.unlink()
        process.stdin.close()
    assert unfinished > 0


@pytest.mark.slow
def test_two_processes_at_once_make_one_cache(path, folder):
    with start(OPENER, path) as one, start(OPENER, path) as two:
        for process in (one, two):
            process.stdin.write("go\n")
            process.stdin.flush()
        for process in (one, two):
            assert process.communicate()[0] == f"{row_sums(MATRIX).sum()}\n"
            assert process.returncode == 0
    assert len(list(folder.iterdir())) == 1
    assert_right(cached_vectors(VectorFile(path)))
