"""A validation set that the user gives: documents to measure on, beside those to learn from."""

from typing import NamedTuple

import numpy as np
from sklearn.utils.validation import check_consistent_length, column_or_1d

from skglove.documents import Documents
from skglove.inputs import as_indicator, check_labels, check_weights
from skglove.messages import shortened


class ValidationSet(NamedTuple):
    """Documents to measure the classifier on."""

    documents: Documents
    codes: np.ndarray
    weights: np.ndarray


def is_given(X_val, y_val, sample_weight_val):
    """Tell whether there is a validation set.

    Parameters
    ----------
    X_val, y_val, sample_weight_val : object
        What a user gave. None is nothing.

    Returns
    -------
    given : bool

    Raises
    ------
    ValueError
        If only a part is given.
    """
    if X_val is not None and y_val is None:
        raise ValueError("X_val is provided, but y_val was not provided. Give both, or neither.")
    if y_val is not None and X_val is None:
        raise ValueError("y_val is provided, but X_val was not provided. Give both, or neither.")
    if sample_weight_val is not None and X_val is None:
        raise ValueError("sample_weight_val is provided, but X_val and y_val were not provided.")
    return X_val is not None


def check_validation_set(X_val, y_val, sample_weight_val, *, classes, multilabel, read):
    """Check a validation set.

    Parameters
    ----------
    X_val, y_val, sample_weight_val : object
        What a user gave.
    classes : ndarray of shape (n_classes,)
        Labels of the classes.
    multilabel : bool
        Whether `y_val` must be an indicator matrix.
    read : callable
        From X_val to Documents, with the checks of X in prediction.

    Returns
    -------
    validation : ValidationSet

    Raises
    ------
    ValueError, TypeError
        The errors of X, y and sample_weight, which say that they are about the validation set; and if a label
        is none of the classes.
    """
    try:
        documents = read(X_val)
        if multilabel:
            codes = _check_indicator(y_val, len(classes))
        else:
            check_labels(y_val)
            codes = _encode(column_or_1d(y_val, warn=True), classes)
        check_consistent_length(X_val, codes)
        return ValidationSet(documents, codes, check_weights(sample_weight_val, codes))
    except (ValueError, TypeError) as error:
        raise type(error)(
            f"The validation set (X_val, y_val, sample_weight_val) is wrong: {error}"
        ) from error


def _check_indicator(y_val, n_labels):
    indicator = as_indicator(y_val)
    if indicator is None or indicator.shape[1] != n_labels:
        raise ValueError(
            f"y_val must be an indicator matrix of {n_labels} columns, as y is; got {shortened(y_val)}."
        )
    return indicator


def _encode(labels, classes):
    """Number labels by their place among the classes."""
    codes = {label: code for code, label in enumerate(classes.tolist())}
    unknown = [label for label in dict.fromkeys(labels.tolist()) if label not in codes]
    if unknown:
        raise ValueError(
            f"y_val has labels that y does not have: {shortened(unknown)}. The classes of y are "
            f"{shortened(classes.tolist())}. Leave such documents out of X_val."
        )
    return np.array([codes[label] for label in labels.tolist()], dtype=np.int64)
