"""The matrix of word vectors as a user gives it."""

from collections.abc import Mapping

import numpy as np

from skglove.messages import shortened


def as_matrix(words, rows):
    """Copy one row a word into a float32 matrix, or say whose row is wrong.

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
        If it is no matrix of finite numbers with a row a word.
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
    """Raise the error of the first row that is no vector, or has not the length of the first."""
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
