"""Word vectors: where they are, their files, their cache, and what they say about words."""

from skglove.vectors.cache import cache_folder
from skglove.vectors.files import VectorFileError
from skglove.vectors.word_vectors import (
    UnknownWordError,
    WordVectors,
    as_source,
    first_words,
    gather_vectors,
    has_vectors,
    load_vectors,
)

__all__ = [
    "UnknownWordError",
    "VectorFileError",
    "WordVectors",
    "as_source",
    "cache_folder",
    "first_words",
    "gather_vectors",
    "has_vectors",
    "load_vectors",
]
