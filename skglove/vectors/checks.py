"""Checks and conversions of the words and the matrix that a user gives."""

import re
from collections.abc import Iterable, Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from skglove.messages import shortened


def as_arrow(words):
    """Convert words to one Arrow array of strings.

    Parameters
    ----------
    words : sequence of str, or pyarrow array of strings or of UTF-8 bytes, of shape (n,)

    Returns
    -------
    words : pyarrow.StringArray of shape (n,)

    Raises
    ------
    TypeError
        If they are not a list or an array of strings.
    ValueError
        If a string is not Unicode: it holds a lone surrogate.
    """
    if isinstance(words, str | bytes):
        raise TypeError(f"Expected a list of words, got the single string {shortened(words)}")
    if isinstance(words, set | frozenset):
        raise TypeError("Expected a list of words, got a set, which has no order")
    try:
        if not isinstance(words, pa.Array | pa.ChunkedArray):
            words = pa.array(words if isinstance(words, np.ndarray) else list(words), pa.string())
        if words.null_count:
            raise TypeError(f"Words must be strings, got None at index {pc.index(words.is_null(), True)}")
        if pa.types.is_primitive(words.type):
            raise TypeError(f"Words must be strings, got {words.type}")
        words = words.cast(pa.string())
    except (pa.ArrowException, UnicodeEncodeError, TypeError) as error:
        _raise_wrong_word(words, error)
    return words.combine_chunks() if isinstance(words, pa.ChunkedArray) else words


def _raise_wrong_word(words, error):
    """Raise an error that names the first word that is not a Unicode string, or the type of the words."""
    if not isinstance(words, Iterable):
        raise TypeError(f"Expected a list of words, got {type(words).__name__}") from error
    for at, word in enumerate([] if isinstance(words, pa.Array | pa.ChunkedArray) else words):
        if not isinstance(word, str | bytes):
            raise TypeError(f"Words must be strings, got {shortened(word)} at index {at}") from error
        if isinstance(word, str) and re.search("[\ud800-\udfff]", word):
            raise ValueError(
                f"The word {shortened(word)} at index {at} is not Unicode: it holds a lone surrogate"
            ) from error
    if isinstance(error, TypeError):
        raise error
    raise TypeError(f"Expected a list of words, got {type(words).__name__}: {error}") from error


def as_matrix(words, rows):
    """Copy the vectors of some words into a float32 matrix.

    Parameters
    ----------
    words : pyarrow.StringArray of shape (n_words,)
    rows : array-like of shape (n_words, dim)

    Returns
    -------
    matrix : ndarray of shape (n_words, dim), float32

    Raises
    ------
    TypeError
        If `rows` is a sparse matrix.
    ValueError
        If they are not finite numbers, or not one row of the same length for each word. The message names
        the first word whose row is wrong.
    """
    if hasattr(rows, "toarray"):
        raise TypeError(f"Expected a dense matrix, got {type(rows).__name__}: give its .toarray()")
    if not hasattr(rows, "__len__") or isinstance(rows, set | frozenset | Mapping):
        raise TypeError(f"Expected a matrix with a row a word, got {type(rows).__name__}")
    try:
        with np.errstate(over="ignore"):
            matrix = np.array(rows, np.float32, ndmin=1)
    except (TypeError, ValueError) as error:
        _raise_wrong_row(words, rows)
        raise ValueError(f"Expected a matrix of numbers, got {type(rows).__name__}: {error}") from error
    if matrix.ndim != 2 or len(matrix) != len(words) or not matrix.shape[1]:
        if len(matrix) == len(words):
            _raise_wrong_row(words, rows)
        raise ValueError(f"Expected a matrix of {len(words)} rows, one a word, got the shape {matrix.shape}")
    if not np.isfinite(matrix).all():
        bad = words[int(np.argmin(np.isfinite(matrix).all(axis=1)))].as_py()
        raise ValueError(
            f"The vector of {shortened(bad)} holds NaN, infinity, or a number too large for float32"
        )
    return matrix


def _raise_wrong_row(words, rows):
    """Raise an error that names the first row that is not a vector of the same length as the first one."""
    first = None
    for word, row in zip(words, rows if isinstance(rows, list | tuple) else np.asarray(rows), strict=False):
        name = shortened(word.as_py())
        try:
            shape = np.shape(np.asarray(row, np.float32))
        except (TypeError, ValueError):
            raise ValueError(f"The vector of {name} must be numbers, got {shortened(row)}") from None
        if len(shape) != 1 or not shape[0]:
            raise ValueError(f"The vector of {name} must have one dimension, got the shape {shape}")
        first = first or (name, shape[0])
        if shape[0] != first[1]:
            raise ValueError(
                f"All vectors must have one length: that of {first[0]} has {first[1]} numbers, "
                f"that of {name} has {shape[0]}"
            )
