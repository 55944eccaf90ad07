"""Checks of what users give as X, y and sample_weight."""

from numbers import Number

import numpy as np
from scipy.sparse import issparse
from sklearn.utils import assert_all_finite
from sklearn.utils.validation import _check_sample_weight

from skglove.messages import shortened

VALID_LABELS = (
    "Valid are a 1d array with one label for each document, or, for multilabel, an indicator matrix of 0 and "
    "1, dense or sparse, with a column for each label. Where documents come with lists of labels, "
    "sklearn.preprocessing.MultiLabelBinarizer().fit_transform(y) makes that matrix."
)


def check_not_text(X):
    """Refuse what is not documents of token ids at first glance, such as texts and sparse matrices.

    Parameters
    ----------
    X : object
        What a user gave. Everything else passes: `Documents` checks the ids.

    Raises
    ------
    TypeError
        If X is sparse, holds texts, or is one number or None.
    ValueError
        If X is an empty list.
    """
    if X is None or isinstance(X, Number):
        raise TypeError(f"X must be documents of token ids, got {X!r}. GloveTokenizer makes them.")
    if isinstance(X, list | tuple) and not X:
        raise ValueError("There are no documents: X is empty.")
    if issparse(X):
        raise TypeError(
            f"X is a sparse matrix of shape {X.shape}, but token ids in their order are needed. Put a "
            "GloveTokenizer in place of the vectorizer."
        )
    rows = getattr(X, "iloc", X)
    try:
        token = rows[0, 0] if hasattr(X, "columns") else rows[0][0]
    except (IndexError, KeyError, TypeError):
        return
    if isinstance(token, (str, bytes)) and not isinstance(rows[0], (str, bytes)):
        raise TypeError(
            f"X holds the text {shortened(token)}, but token ids are needed. Put a GloveTokenizer before "
            "this step, and give it a list of texts, or of a DataFrame the one column with the texts."
        )


def as_indicator(y):
    """Read labels as an indicator matrix, if they have several columns.

    Parameters
    ----------
    y : object
        Labels.

    Returns
    -------
    indicator : ndarray of shape (n_documents, n_labels), uint8, or None
        None if y is something else, such as a sequence of labels or a single column.

    Raises
    ------
    ValueError
        If y has several columns, or is sparse, and is not an indicator matrix.
    """
    if issparse(y):
        if len(y.shape) != 2 or y.shape[1] < 2:
            raise ValueError(
                f"y is sparse, of shape {y.shape}, and has less than two columns. {VALID_LABELS}"
            )
        y = y.toarray()
    labels = _as_table(y)
    if labels is None:
        return None
    if labels.dtype == object:  # such as of a DataFrame with columns of bool and int
        valid = np.frompyfunc(_is_zero_or_one, 1, 1)(labels).astype(bool)
    else:
        valid = (labels == 0) | (labels == 1)
    if not valid.all():
        i, j = np.argwhere(~valid)[0].tolist()
        value = labels[i, j].item() if isinstance(labels[i, j], np.generic) else labels[i, j]
        raise ValueError(
            f"{'Input y contains NaN or None. ' if _is_missing(value) else ''}y is a matrix of shape "
            f"{labels.shape}, but document {i} has {shortened(value)} in column {j}. {VALID_LABELS}"
        )
    return labels.astype(np.uint8)


def _as_table(y):
    """Make an ndarray of several columns; None if that is impossible."""
    if isinstance(y, (list, tuple)):
        if not y or isinstance(y[0], (str, bytes)) or not hasattr(y[0], "__len__"):
            return None  # at a glance: there may be millions
        try:
            labels = np.array(y)
        except ValueError:
            return None
    elif hasattr(y, "__array__"):
        labels = np.asarray(y)
    else:
        return None
    return labels if labels.ndim == 2 and labels.shape[1] > 1 else None


def _is_zero_or_one(value):
    return isinstance(value, (Number, np.bool_)) and value in (0, 1)


def check_labels(y):
    """Refuse labels that are missing, of mixed types, or not one hashable value per document.

    `as_indicator` reads several labels a document.

    Parameters
    ----------
    y : object
        Labels. None passes, because scikit-learn has an error for it.

    Raises
    ------
    TypeError
        If y is not a sequence, or if it mixes strings and other types.
    ValueError
        If y has several columns, if a label is a sequence, or if a label is missing.
    """
    if y is None:
        return
    if isinstance(y, (str, bytes, dict)) or not (hasattr(y, "__len__") or hasattr(y, "__array__")):
        raise TypeError(f"y is no sequence of labels: {shortened(y)}. {VALID_LABELS}")
    if isinstance(y, (list, tuple)):
        _check_objects(y)
        return
    labels = np.asarray(y)
    if labels.ndim > 2 or (labels.ndim == 2 and labels.shape[1] != 1):
        raise ValueError(f"y is an array of shape {labels.shape}. {VALID_LABELS}")
    if labels.dtype == object and labels.ndim == 1:
        _check_objects(labels)


def _check_objects(labels):
    kinds = {type(label) for label in labels}
    if any(issubclass(kind, (list, tuple, set, frozenset, dict, np.ndarray)) for kind in kinds):
        # A list of rows of one element each is a column, which scikit-learn takes with a warning.
        if all(isinstance(label, (list, tuple, np.ndarray)) and np.size(label) == 1 for label in labels):
            return
        i = next(i for i, label in enumerate(labels) if hasattr(label, "__len__") and not _is_text(label))
        raise ValueError(f"y has {shortened(labels[i])} for document {i}. {VALID_LABELS}")
    plain = (str, bytes, int, np.integer, np.bool_)
    for i, label in enumerate([] if all(issubclass(kind, plain) for kind in kinds) else labels):
        if _is_missing(label):
            raise ValueError(
                f"Input y contains NaN or None: document {i} has no label ({shortened(label)}). Leave such "
                "documents out, or give them a class of their own."
            )
    texts = {kind for kind in kinds if issubclass(kind, str)}
    if texts and kinds - texts:
        names = ", ".join(sorted(kind.__name__ for kind in kinds)[:5])
        raise TypeError(f"y has labels of different types: {names}. Make all of them strings, or none.")


def _is_text(label):
    return isinstance(label, (str, bytes))


def _is_missing(label):
    if label is None:
        return True
    try:
        return bool(label != label)  # NaN and NaT
    except (TypeError, ValueError):  # pandas.NA is neither true nor false
        return True


def check_weights(sample_weight, codes):
    """Check the weights of documents and scale them to a mean of 1.

    Parameters
    ----------
    sample_weight : array-like of shape (n_documents,), float or None
        What a user gave. None and a single number are equal weights.
    codes : ndarray of shape (n_documents,) or (n_documents, n_labels), int
        Classes, numbered from 0, or an indicator matrix.

    Returns
    -------
    weights : ndarray of shape (n_documents,), float32

    Raises
    ------
    ValueError
        If a weight is negative, NaN or infinite, or if all are zero.
    """
    weights = check_raw_weights(sample_weight, codes)
    weights = weights / weights.max()
    return (weights / weights.mean()).astype(np.float32)


def check_raw_weights(sample_weight, codes):
    """Check the weights of documents.

    Parameters
    ----------
    sample_weight, codes
        As in `check_weights`.

    Returns
    -------
    weights : ndarray of shape (n_documents,), float64
    """
    weights = _check_sample_weight(sample_weight, codes, dtype=np.float64, ensure_non_negative=True)
    assert_all_finite(weights, input_name="sample_weight")  # scikit-learn does not check a single number
    if not weights.any():  # old versions of scikit-learn do not check this
        raise ValueError("sample_weight must contain at least one non-zero number.")
    return weights


def check_weighted_classes(weights, codes, classes):
    """Refuse weights above zero in fewer than two classes; in multilabel, in no document.

    Parameters
    ----------
    weights : ndarray of shape (n_documents,), float
        Weights of the documents to train on.
    codes : ndarray of shape (n_documents,) or (n_documents, n_labels), int
        Their classes, numbered from 0, or an indicator matrix.
    classes : ndarray of shape (n_classes,)
        Labels of the classes.
    """
    if codes.ndim == 2:
        if not weights.any():
            raise ValueError("All documents to train on have the sample_weight 0.")
        return
    weighted = classes[np.unique(codes[weights > 0])]
    if len(weighted) < 2:
        raise ValueError(
            "Training needs at least 2 classes; of the documents to train on, those whose sample_weight and "
            f"class_weight are above zero are of {len(weighted)}: {shortened(weighted.tolist())}."
        )
