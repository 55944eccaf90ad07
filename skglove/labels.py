"""Labels that a classifier cannot learn, said in terms of `y`."""

import numpy as np
from scipy.sparse import issparse

from skglove.messages import shortened

ONE_LABEL = (
    "Where y is one-hot, give y.argmax(axis=1). Several labels a document (multilabel) are not supported; "
    "sklearn.multiclass.OneVsRestClassifier fits one classifier for each of them."
)


def check_labels(y):
    """Refuse labels that are not one hashable value a document, all of them present and of one kind.

    Parameters
    ----------
    y : object
        What a user gave. None is left to scikit-learn, which says that it is missing.

    Raises
    ------
    TypeError
        If y is sparse or no sequence, or if it mixes strings and other types.
    ValueError
        If y has several columns, if a label is a sequence, or if one is missing.
    """
    if y is None:
        return
    if issparse(y):
        raise TypeError(f"y is a sparse matrix of shape {y.shape}; it should be a 1d array. {ONE_LABEL}")
    if isinstance(y, (str, bytes, dict)) or not hasattr(y, "__len__"):
        raise TypeError(f"y should be a 1d array of labels, one for each document, got {shortened(y)}.")
    if isinstance(y, (list, tuple)):
        _check_objects(y)
        return
    labels = np.asarray(y)
    if labels.ndim == 2 and labels.shape[1] != 1:
        raise ValueError(f"y should be a 1d array, got an array of shape {labels.shape}. {ONE_LABEL}")
    if labels.dtype == object and labels.ndim == 1:
        _check_objects(labels)


def _check_objects(labels):
    kinds = {type(label) for label in labels}
    if any(issubclass(kind, (list, tuple, set, frozenset, dict, np.ndarray)) for kind in kinds):
        # A list of rows of one element each is a column, which scikit-learn takes with a warning.
        if all(isinstance(label, (list, tuple, np.ndarray)) and np.size(label) == 1 for label in labels):
            return
        i = next(i for i, label in enumerate(labels) if hasattr(label, "__len__") and not _is_text(label))
        raise ValueError(
            f"y should be a 1d array of labels, got {shortened(labels[i])} for document {i}. {ONE_LABEL}"
        )
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
