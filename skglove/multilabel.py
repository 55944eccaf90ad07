"""Several labels a document: each label is a problem with two classes.

Where `codes` is an array of classes, of shape (n_documents,), it is an indicator matrix in multilabel, of
shape (n_documents, n_labels), uint8. `codes.ndim` tells the two apart.
"""

import numpy as np
from scipy.special import log_expit

# Probabilities are cut off here: closer to 1, float32 has too few digits for the odds.
LEAST_PROBABILITY = 1e-7


def label_sets(codes):
    """Number the different sets of labels.

    Parameters
    ----------
    codes : ndarray of shape (n_documents,) or (n_documents, n_labels), int
        Classes, or an indicator matrix.

    Returns
    -------
    numbers : ndarray of shape (n_documents,), int
        Equal where two documents have the same labels. Classes are returned as they are.
    """
    if codes.ndim == 1:
        return codes
    rows = np.packbits(codes, axis=1)
    return np.unique(rows.view(f"V{rows.shape[1]}").ravel(), return_inverse=True)[1].reshape(-1)


def n_outputs(codes):
    """Count classes, which are numbered from 0, or labels."""
    return codes.shape[1] if codes.ndim == 2 else int(codes.max()) + 1


def log_odds_of_labels(codes, sample_weight):
    """Compute the logarithms of the odds of each label, with half a document more for and against it.

    Parameters
    ----------
    codes : ndarray of shape (n_documents, n_labels), uint8
        Indicator matrix.
    sample_weight : ndarray of shape (n_documents,), float
        Weights of documents.

    Returns
    -------
    log_odds : ndarray of shape (n_labels,), float64
    """
    positive = sample_weight.astype(np.float64) @ codes
    return np.log((positive + 0.5) / (sample_weight.sum() - positive + 0.5))


def log_of_both(probabilities):
    """Compute the logarithms of the probabilities that a document has not, and that it has, each label.

    They are what `skglove.pooling` takes.

    Parameters
    ----------
    probabilities : ndarray of shape (n_documents, n_labels), float32
        Probability of each label.

    Returns
    -------
    log_probabilities : ndarray of shape (n_documents * n_labels, 2), float32
    """
    p = np.clip(probabilities.ravel(), np.finfo(np.float32).tiny, 1 - LEAST_PROBABILITY)
    return np.stack([np.log1p(-p), np.log(p)], axis=1)


def from_log_odds(log_odds):
    """Compute what `log_of_both` does, from log-odds.

    Parameters
    ----------
    log_odds : ndarray of shape (n_documents, n_labels), float
        Log-odds of each label.

    Returns
    -------
    log_probabilities : ndarray of shape (n_documents * n_labels, 2), float32
    """
    log_odds = log_odds.ravel().astype(np.float32)
    return np.stack([log_expit(-log_odds), log_expit(log_odds)], axis=1)
