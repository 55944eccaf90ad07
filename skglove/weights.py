"""Weights of documents, from `sample_weight` and `class_weight`: how many copies, and how heavy."""

from numbers import Real
from typing import NamedTuple

import numpy as np
from sklearn.utils.class_weight import compute_sample_weight

from skglove.inputs import check_raw_weights, check_weighted_classes
from skglove.messages import shortened

# Whole weights are numbers of copies if there are at most so many copies, or twice the documents. The linear
# model takes as long as for copies.
MOST_COPIES = 20_000


class Weighed(NamedTuple):
    """The documents to learn from, and how much each counts."""

    rows: np.ndarray
    weights: np.ndarray  # of shape (n_rows,), float32; they sum to the number of copies
    copies: np.ndarray  # of shape (n_rows,), int64


def weigh(sample_weight, class_weight, codes, classes):
    """Combine the weights of documents and of classes, and drop documents of weight 0.

    Whole numbers in `sample_weight` are numbers of copies (frequency weights). If some are fractions, the
    weights scale each document's part in the loss (importance weights), and there is one copy of each
    document. Weights of classes do not make copies.

    Parameters
    ----------
    sample_weight : array-like of shape (n_documents,), float or None
        What a user gave. None and a single number are equal weights.
    class_weight : dict, "balanced" or None
        As in `KerasConvTextClassifier`.
    codes : ndarray of shape (n_documents,) or (n_documents, n_labels), int
        Classes, numbered from 0, each present; or an indicator matrix.
    classes : ndarray of shape (n_classes,)
        Labels of the classes.

    Returns
    -------
    weighed : Weighed
        All classes are present. The documents of a class that has no weight at all are kept.

    Raises
    ------
    ValueError
        If a weight is negative, NaN or infinite, if fewer than two classes have a weight above zero, or if
        `class_weight` has wrong labels.
    """
    raw = check_raw_weights(sample_weight, codes)
    weights = relative = raw / raw.max()
    if codes.ndim == 2 and class_weight == "balanced":
        weights = relative * compute_sample_weight("balanced", codes)
    elif codes.ndim == 2 and class_weight is not None:
        raise ValueError(
            f"class_weight={shortened(class_weight)} is for one label a document, but y is an "
            "indicator matrix. Leave it out, set 'balanced', or give fit a sample_weight."
        )
    if codes.ndim == 1:
        weights = relative * weights_of_classes(class_weight, codes, relative, classes)[codes]
    weights = weights / (weights.max() or 1)
    has_weight = (weights / (weights.mean() or 1)).astype(np.float32) > 0  # or would be 0 in training
    check_weighted_classes(has_weight, codes, classes)
    kept = has_weight if codes.ndim == 2 else has_weight | ~np.isin(codes, codes[has_weight])
    rows = np.flatnonzero(kept)
    copies, weights = _count_copies(raw[rows]), weights[rows]
    weights *= copies.sum() / weights.sum()
    return Weighed(rows, weights.astype(np.float32), copies)


def _count_copies(raw):
    """Count the copies that whole weights stand for; one of each document if there are fractions."""
    with np.errstate(over="ignore"):
        few = raw.sum() <= max(MOST_COPIES, 2 * len(raw))
    if few and (raw == np.floor(raw)).all():
        return np.maximum(raw, 1).astype(np.int64)  # documents of a class without weight are there once
    return np.ones(len(raw), dtype=np.int64)


def weights_of_classes(class_weight, codes, sample_weight, classes):
    """Compute the weight of each class.

    Parameters
    ----------
    class_weight, codes, classes
        As in `weigh`.
    sample_weight : ndarray of shape (n_documents,), float
        Weights of documents, for "balanced".

    Returns
    -------
    weights : ndarray of shape (n_classes,), float64
    """
    if class_weight is None:
        return np.ones(len(classes))
    if class_weight == "balanced":
        totals = np.bincount(codes, sample_weight, minlength=len(classes))
        weights, present = np.zeros(len(classes)), totals > 0
        weights[present] = totals.sum() / (np.count_nonzero(present) * totals[present])
        return weights
    for label, weight in class_weight.items():
        if not isinstance(weight, Real) or not 0 <= weight < np.inf:
            raise ValueError(
                f"class_weight={shortened(class_weight)} gives the label {shortened(label)} the weight "
                f"{shortened(weight)}. Weights are finite numbers >= 0."
            )
    unweighted = [label for label in classes if label not in class_weight]
    known = set(classes)
    unknown = [label for label in class_weight if label not in known]
    if unknown and unweighted:  # with a weight for each class, more may be for the classes of other folds
        raise ValueError(
            f"class_weight has labels that y does not have: {shortened(unknown)}. In y, "
            f"{shortened(np.array(unweighted).tolist())} have no weight. Correct the labels in class_weight."
        )
    return np.array([float(class_weight.get(label, 1)) for label in classes])


def repeat(documents, codes, weights, copies):
    """Repeat documents by their number of copies.

    Parameters
    ----------
    documents : Documents
        Token ids.
    codes : ndarray of shape (n_documents, ...), int
        Their classes.
    weights, copies : ndarray of shape (n_documents,)
        As in `Weighed`.

    Returns
    -------
    documents, codes, weights
        Of all copies; copies of a document share its weight and follow one another.
    firsts : ndarray of shape (n_documents,), int
        The row of the first copy of each document.
    """
    rows = np.repeat(np.arange(len(copies)), copies)
    if len(rows) == len(copies):
        return documents, codes, weights, rows
    return (
        documents.take(rows),
        codes[rows],
        (weights / copies)[rows].astype(np.float32),
        np.cumsum(copies) - copies,
    )
