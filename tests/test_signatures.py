"""Files of other kinds are recognised."""

import gzip
import io
import pickle
import tarfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import feather
from vector_samples import MATRIX, WORDS, assert_reads, text, zip_of

from skglove.vectors import VectorFileError
from skglove.vectors.files import VectorFile


def tar_of(data):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        member = tarfile.TarInfo("v.txt")
        member.size = len(data)
        archive.addfile(member, io.BytesIO(data))
    return out.getvalue()


def saved(save):
    out = io.BytesIO()
    save(out)
    return out.getvalue()


TABLE = pa.table({"word": ["a"], "x": [1.0]})


KINDS = {
    "fastText": (
        b"\xba\x16\x4f\x2f\x0c\0\0\0",
        r"a fastText model \(.bin\): take the \.vec file .*from_gensim",
    ),
    "pickle": (pickle.dumps({"a": 1.0}), r"a pickle, such as gensim saves: .*from_gensim\(.*KeyedVectors"),
    "npy": (
        saved(lambda out: np.save(out, MATRIX)),
        r"a NumPy array \(\.npy\): WordVectors\(words, numpy.load",
    ),
    "npz": (
        saved(lambda out: np.savez(out, w=MATRIX, m=MATRIX)),
        r"holds NumPy arrays \(\.npz\): WordVectors",
    ),
    "PyTorch": (zip_of(b"\x80\x02", "archive/data.pkl"), "a PyTorch file: torch.load"),
    "Parquet": (saved(lambda out: pq.write_table(TABLE, out)), "a Parquet file: read it with pandas"),
    "Feather": (saved(lambda out: feather.write_feather(TABLE, out)), "an Arrow or Feather file: read it"),
    "HDF5": (b"\x89HDF\r\n\x1a\n\0\0\0", "an HDF5 file: read it with h5py"),
    "SQLite": (b"SQLite format 3\0\x10\0", "an SQLite database"),
    "safetensors": (b"\x3c" + bytes(7) + b'{"emb":{"dtype":"F32"}}', "a safetensors file: .*load_file"),
    "GGUF": (b"GGUF\3\0\0\0", "a GGUF model"),
    "tar": (tar_of(text()), "a tar archive: unpack it"),
    "tar.gz": (gzip.compress(tar_of(text())), "a tar archive: unpack it"),
    "zip in a zip": (zip_of(zip_of(text())), "an archive inside an archive: unpack it"),
    "gzip in gzip": (gzip.compress(gzip.compress(text())), "an archive inside an archive: unpack it"),
    "7z": (b"7z\xbc\xaf\x27\x1c\0\4", "a 7z archive: unpack it"),
    "RAR": (b"Rar!\x1a\x07\x01\0", "a RAR archive: unpack it"),
    "Zstandard": (b"\x28\xb5\x2f\xfd\x24", "compressed with Zstandard: unpack it with zstd -d"),
    "LZ4": (b"\x04\x22\x4d\x18\x64", "compressed with LZ4"),
    "compress": (b"\x1f\x9d\x90a", "compressed with compress"),
    "PDF": (b"%PDF-1.7\n%\xe2", "a PDF document: download"),
    "web page": (b"\n<!DOCTYPE html>\n<html>", "a web page, not the file that it links to: download"),
    "Git LFS": (
        b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\n",
        "a Git LFS pointer, .* git lfs",
    ),
    "UTF-16": ("the 1 2\n".encode("utf-16"), "text in UTF-16: convert it with iconv -f UTF-16"),
    "UTF-32": ("the 1 2\n".encode("utf-32"), "text in UTF-32: convert it with iconv -f UTF-32"),
}


@pytest.mark.parametrize(("data", "problem"), KINDS.values(), ids=KINDS)
def test_a_known_kind_of_file_is_named_with_the_way_out(write, data, problem):
    with pytest.raises(VectorFileError, match=f"vectors.txt: it .*{problem}"):
        VectorFile(write(data)).read()


@pytest.mark.parametrize("word", ["PAR1", "GGUF", "<html", "%PDF-", "<!DOCTYPE", "ARROW1"])
def test_a_word_that_begins_another_kind_of_file_is_a_word(write, word):
    assert_reads(write(text([word, *WORDS[1:]])), [word, *WORDS[1:]])
