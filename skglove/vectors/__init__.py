"""Word vectors: where they are, files of them, their cache, and what they tell about words.

`load_vectors` and `open_source` (`loading`) find vectors (`locations`), and take them from the `cache` or a
`VectorFile` (`files`), which is decompressed (`compression`), recognised (`formats`) and parsed (`parsing`).
"""

from skglove.vectors.errors import UnknownWordError, VectorFileError
from skglove.vectors.loading import (
    as_source,
    first_words,
    gather_vectors,
    has_vectors,
    load_vectors,
    open_source,
)
from skglove.vectors.locations import cache_folder
from skglove.vectors.word_vectors import WordVectors

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
    "open_source",
]
