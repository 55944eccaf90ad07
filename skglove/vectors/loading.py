"""Loading word vectors from whatever a user gives as `vectors`: a name, a path, a dict, KeyedVectors."""

import os
from collections.abc import Mapping
from pathlib import Path

from skglove.progress import shown
from skglove.vectors.cache import cached_vectors
from skglove.vectors.files import VectorFile
from skglove.vectors.locations import PackageFiles, find
from skglove.vectors.word_vectors import WordVectors, is_keyed_vectors


def load_vectors(source, *, format=None, verbose=0):
    """Load word vectors. Nothing is ever downloaded.

    A file is read once and kept in the cache folder; from then on it is memory-mapped.

    Parameters
    ----------
    source : str, path-like, WordVectors, dict of str to array, or gensim KeyedVectors
        A name such as "glove.6B.50d", which is looked up in the installed data packages and then in the
        cache folder (``SKGLOVE_CACHE``, or the user's cache folder); the path of a text or binary file,
        plain, compressed (gzip, bzip2, xz) or in a zip archive (``glove.6B.zip/glove.6B.50d.txt`` names one
        of several members); a dict of words and their arrays; or vectors, which are returned as they are.
    format : {"glove", "word2vec", "fasttext", "word2vec-binary"}, default=None
        The format of a file; None recognises it.
    verbose : int or bool, default=0
        1 shows a progress bar if it takes more than two seconds, as the first reading of a file may. The bar
        needs tqdm (``pip install 'skglove[fetch]'``); without it, there are two lines on stderr.

    Returns
    -------
    vectors : WordVectors

    Raises
    ------
    FileNotFoundError
        If there are no such vectors. The message says how to get them.
    VectorFileError
        If the file is damaged, has another format, or cannot be read. The message says file and line.
    TypeError, ValueError
        If `source` is none of these, or a dict or KeyedVectors hold something else than vectors. The message
        names the word.

    Examples
    --------
    >>> vectors = WordVectors(["hello"], [[0.5, 0.25]])
    >>> load_vectors(vectors) is vectors
    True
    >>> load_vectors({"hello": [0.5, 0.25], "world": [1, 0]})
    WordVectors(2 words, 2 dimensions)
    """
    source = as_source(source)
    if isinstance(source, WordVectors):
        return source
    found = find(source)
    is_name = isinstance(found, PackageFiles) or found != Path(source)
    vectors = WordVectors._from(source if is_name else str(found.absolute()), format)
    with shown(verbose):
        vectors._stored  # noqa: B018 opens the vectors, so that an error is raised here
    return vectors


def as_source(vectors):
    """Convert a dict or KeyedVectors to `WordVectors`; return a name, a path and `WordVectors` as they are.

    Parameters
    ----------
    vectors : str, path-like, WordVectors, dict of str to array, or gensim KeyedVectors
        As in `load_vectors`.

    Returns
    -------
    source : str, path-like or WordVectors

    Raises
    ------
    TypeError
        If it is none of these.
    ValueError
        If the arrays of a dict are not vectors of the same length. The message names the word.

    Examples
    --------
    >>> as_source({"hello": [0.5, 0.25]})
    WordVectors(1 words, 2 dimensions)
    >>> as_source("glove.6B.50d")
    'glove.6B.50d'
    """
    if isinstance(vectors, str | os.PathLike | WordVectors):
        return vectors
    if isinstance(vectors, Mapping):
        if not vectors:
            raise ValueError("The dict of vectors is empty: it must have an array for each word.")
        return WordVectors(list(vectors), list(vectors.values()))
    if is_keyed_vectors(vectors):
        return WordVectors.from_gensim(vectors)
    if hasattr(vectors, "wv"):
        hint = "Take its .wv."
    elif isinstance(vectors, bytes):
        hint = "Decode the path with os.fsdecode."
    else:
        hint = "WordVectors(words, matrix) makes vectors of words and a matrix."
    raise TypeError(
        "vectors must be a name, a path, WordVectors, a dict of words and arrays, or gensim's KeyedVectors, "
        f"got {type(vectors).__name__}. {hint}"
    )


def open_source(source):
    """Open vectors to look up some words. A file that is not in the cache is not loaded, but searched.

    Parameters
    ----------
    source : str, path-like, WordVectors, dict of str to array, or gensim KeyedVectors
        As in `load_vectors`.

    Returns
    -------
    vectors : WordVectors or VectorFile
        Both have the methods ``contains(words)``, ``rows(words)`` and ``first(n)``.

    Examples
    --------
    >>> vectors = open_source({"hello": [0.5, 0.25]})
    >>> vectors.contains(["hello", "hallo"])
    array([ True, False])
    >>> vectors.rows(["hallo", "hello"])
    array([[0.  , 0.  ],
           [0.5 , 0.25]], dtype=float32)
    """
    source = as_source(source)
    if isinstance(source, WordVectors):
        return source
    found = find(source)
    if isinstance(found, PackageFiles):
        return WordVectors._from(source)
    file = VectorFile(found)
    stored = cached_vectors(file)
    return file if stored is None else WordVectors._from(str(found.absolute()), stored=stored)


def has_vectors(source, words):
    """Tell which words have a vector: the ``contains`` of what `open_source` returns."""
    return open_source(source).contains(words)


def gather_vectors(source, words):
    """Gather the vectors of some words: the ``rows`` of what `open_source` returns."""
    return open_source(source).rows(words)


def first_words(source, n):
    """Read the first, usually most frequent words: the ``first`` of what `open_source` returns."""
    return open_source(source).first(n)
