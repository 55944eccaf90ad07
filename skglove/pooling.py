"""Combine the probabilities of classifiers by a logarithmic opinion pool, with weights learned or given."""

import numpy as np
from scipy.special import logsumexp

from skglove.multilabel import log_of_both

# Standard deviation of the prior of the logarithms of weights. It matters only with few documents.
PRIOR_DEVIATION = 0.3
# Log-probabilities are cut off here: a single document must not decide about a weight.
LEAST = -20.0


def fit_weights(log_probabilities, codes, sample_weight, usual):
    """Fit the weights of a pool to documents that none of the classifiers has seen.

    The pool is ``softmax(sum(weight * log_probability))`` over the classifiers, a weighted geometric mean
    [1]_. Their sum is an inverse temperature, so the pool is calibrated as by temperature scaling [2]_.

    Parameters
    ----------
    log_probabilities : sequence of n_classifiers ndarrays of shape (n_documents, n_classes), float
        What each classifier says.
    codes : ndarray of shape (n_documents,), int
        The true classes, numbered from 0.
    sample_weight : ndarray of shape (n_documents,), float
        Weights of documents.
    usual : sequence of n_classifiers floats
        Medians of the prior of the weights, which is log-normal.

    Returns
    -------
    weights : ndarray of shape (n_classifiers,), float64
        Above zero, by maximum a posteriori.

    References
    ----------
    .. [1] C. Genest, J. V. Zidek, "Combining Probability Distributions: A Critique and an Annotated
       Bibliography", Statistical Science, 1986.
    .. [2] C. Guo et al., "On Calibration of Modern Neural Networks", ICML 2017.
    """
    from scipy.optimize import minimize  # here, because importing it takes longer than most predictions

    scores = np.maximum(np.stack(log_probabilities), LEAST).astype(np.float64)
    rows = np.arange(len(codes))
    of_truth = scores[:, rows, codes]
    usual = np.log(usual)

    def loss(logarithms):
        weights = np.exp(logarithms)
        pooled = np.tensordot(weights, scores, axes=1)
        totals = logsumexp(pooled, axis=1)
        probabilities = np.exp(pooled - totals[:, np.newaxis])
        distance = (logarithms - usual) / PRIOR_DEVIATION
        value = sample_weight @ (totals - pooled[rows, codes]) + 0.5 * distance @ distance
        expected = np.einsum("nk,mnk->mn", probabilities, scores)
        return value, weights * ((expected - of_truth) @ sample_weight) + distance / PRIOR_DEVIATION

    return np.exp(minimize(loss, usual, jac=True, method="L-BFGS-B").x)


def pool(log_probabilities, weights):
    """Combine classifiers by a weighted geometric mean of their probabilities, normalised.

    Parameters
    ----------
    log_probabilities : sequence of n_classifiers ndarrays of shape (n_documents, n_classes), float32
        What each classifier says. Overwritten.
    weights : sequence of n_classifiers floats
        Weights of the classifiers.

    Returns
    -------
    log_probabilities : ndarray of shape (n_documents, n_classes), float32
        The first of the arrays, which now holds the result: many classes times many documents need much
        memory.
    """
    pooled, *others = log_probabilities
    pooled *= weights[0]
    for other, weight in zip(others, weights[1:], strict=True):
        other *= weight
        pooled += other
    pooled -= pooled.max(axis=1, keepdims=True)
    pooled -= np.log(np.exp(pooled).sum(axis=1, keepdims=True))
    return pooled


def log_softmax(x):
    """Compute the logarithm of the softmax of each row.

    That of SciPy gives the same numbers, but for one row takes ten times as long.

    Parameters
    ----------
    x : ndarray of shape (n_documents, n_classes), float
        Scores.

    Returns
    -------
    log_probabilities : ndarray of shape (n_documents, n_classes), float
    """
    x = x - x.max(axis=1, keepdims=True)
    return x - np.log(np.exp(x).sum(axis=1, keepdims=True))


def log(probabilities):
    """Compute logarithms of probabilities in place; those that underflow are the smallest number's."""
    np.maximum(probabilities, np.finfo(np.float32).tiny, out=probabilities)
    return np.log(probabilities, out=probabilities)


def pool_models(probabilities, others, weights, *, multilabel):
    """Combine the probabilities of a network with the log-probabilities of other classifiers.

    Parameters
    ----------
    probabilities : ndarray of shape (n_documents, n_outputs), float32
        What the network says, of each class or of each label. Overwritten.
    others : list of ndarrays of shape (n_documents, n_classes) or (n_documents * n_labels, 2), float32
        What the others say, as in `pool`. Overwritten.
    weights : ndarray of shape (1 + n_others,), float
        Weights of the network and of the others.
    multilabel : bool
        Whether the outputs are labels.

    Returns
    -------
    log_probabilities : ndarray of shape (n_documents, n_classes) or (n_documents * n_labels, 2), float32
        As `pool` returns them.
    """
    of_network = log_of_both(probabilities) if multilabel else log(probabilities)
    return pool([of_network, *others], weights.astype(np.float32))


def pooled_probabilities(probabilities, others, weights, *, multilabel):
    """Combine the probabilities of a network with those of other classifiers.

    Parameters
    ----------
    probabilities, others, weights, multilabel
        As in `pool_models`.

    Returns
    -------
    probabilities : ndarray of shape (n_documents, n_outputs), float32
    """
    if not others and weights[0] == 1:
        return probabilities
    pooled = pool_models(probabilities, others, weights, multilabel=multilabel)
    np.exp(pooled, out=pooled)
    return pooled[:, 1].reshape(probabilities.shape) if multilabel else pooled
