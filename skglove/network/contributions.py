"""What each token adds to the class scores of a network."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np

from skglove.network.gradients import StackedGradient
from skglove.network.inference import NORM, TINY, _lay_out, _renumber
from skglove.network.lookup import lookup_network


class Parts(NamedTuple):
    """Class scores, which softmax makes probabilities of, and how to share them among tokens."""

    whole: np.ndarray  # of the documents, (n_documents, n_classes)
    empty: np.ndarray  # of a document without words, (n_classes,)
    share: Callable  # from the effects of the scores, (n_documents, n_classes), to a number for each token


def add_up(parts, weights):
    """Add up the scores of several models.

    Parameters
    ----------
    parts : list of n_models Parts
    weights : sequence of n_models float
        The factor of each model's scores.

    Returns
    -------
    parts : Parts
    """

    def share(effects):
        return sum(weight * part.share(effects) for weight, part in zip(weights, parts, strict=True))

    wholes, empties = (
        sum(weight * scores for weight, scores in zip(weights, of_models, strict=True))
        for of_models in list(zip(*parts, strict=True))[:2]
    )
    return Parts(wholes, empties, share)


def reader(network, maxlen):
    """Make a function that shares the class scores of a network among the tokens of documents.

    NumPy computes it, for any backend of Keras, in float32. "parallel" and "hybrid" are taken apart exactly:
    a maximum over time is a sum of what the words of one window give to it, and ReLU scales this sum. That
    equals the integrated gradients [1]_ of these layers, from vectors of zero. The weighted sum of words is
    linear in the words, given its L2 norm. "stacked" is read by gradient x input [2]_, relative to padding;
    what this leaves out is shared equally.

    Parameters
    ----------
    network : StoredNetwork
        The network.
    maxlen : int
        Columns of the padded documents, as in training.

    Returns
    -------
    read : callable
        From `Documents` to probabilities and `Parts`. The probabilities of a "stacked" network that does not
        compute in float32 are None.

    References
    ----------
    .. [1] M. Sundararajan, A. Taly, Q. Yan, "Axiomatic Attribution for Deep Networks", ICML 2017.
    .. [2] A. Shrikumar, P. Greenside, A. Kundaje, "Learning Important Features Through Propagating Activation
       Differences", ICML 2017.
    """
    (name, config, weights, _), _ = network.take_apart()
    if name == "PackedConvnet":
        return partial(_read_gradient, network.lookup, maxlen, StackedGradient(config, weights, maxlen))
    # Layers that compute in another type than float32 have no `lookup`.
    return partial(_take_apart, network.lookup or lookup_network(name, config, weights), maxlen)


def _take_apart(lookup, maxlen, documents):
    words, ids = _renumber(documents.values, lookup.n_ids)
    tables, vectors = lookup._tables(words)
    laid_out, ends = _lay_out(documents, ids, len(tables), max(maxlen, len(tables)), nothing=len(words))
    maxima, sums, found = lookup._reduce(documents, laid_out, ends, tables, vectors, find=True)
    at_words = np.arange(len(ids)) + len(tables) * (documents.rows + 1)
    (kernel, bias), *others = lookup._softmaxes
    empty = np.maximum(lookup._bias, 0)
    heads = [
        Parts(
            np.maximum(maxima + lookup._bias, 0) @ kernel + bias,
            empty @ kernel + bias,
            partial(_share_maxima, tables, laid_out, at_words, found, _slopes(maxima, lookup._bias), kernel),
        )
    ]
    for kernel, bias in others:
        factors = NORM / (np.sqrt((sums.astype(np.float64) ** 2).sum(axis=1, keepdims=True) + TINY**2) + TINY)
        share = partial(_share_sums, vectors[ids], documents.rows, factors, kernel)
        heads.append(Parts(factors * (sums @ kernel) + bias, bias, share))
    weights = [1.0] if lookup._head_weights is None else lookup._head_weights
    return lookup._classify(maxima, sums), add_up(heads, weights)


def _slopes(maxima, bias):
    """Compute by what ReLU multiplies each maximum, from what it is without words."""
    maxima, bias = maxima.astype(np.float64), bias.astype(np.float64)
    rises = np.maximum(maxima + bias, 0) - np.maximum(bias, 0)
    return np.divide(rises, maxima, out=np.tile(1.0 * (bias > 0), (len(maxima), 1)), where=maxima != 0)


def _share_maxima(tables, laid_out, at_words, found, slopes, kernel, effects):
    """Share the maximum over time of each filter, after ReLU, among the words of its window."""
    of_filters, shares = slopes * (effects @ kernel.T), np.zeros(len(laid_out))
    for j, table in enumerate(tables):
        at = found[:, : table.shape[1]] - j
        values = table[laid_out[at], np.arange(table.shape[1])] * of_filters[:, : table.shape[1]]
        shares += np.bincount(at.ravel(), values.ravel(), len(shares))
    return shares[at_words]


def _share_sums(vectors, rows, factors, kernel, effects):
    """Share the weighted sum of words, which is linear in them."""
    return np.einsum("td,td->t", vectors, (factors * (effects @ kernel.T))[rows])


def _read_gradient(lookup, maxlen, stacked, documents):
    probabilities = None if lookup is None else lookup.predict(documents, maxlen)
    whole = np.array([stacked.scores(ids) for ids in documents.sequences()])

    def share(effects):
        return np.concatenate(
            [_share_gradient(stacked, *of) for of in zip(documents.sequences(), whole, effects, strict=True)]
        )

    return probabilities, Parts(whole, stacked.empty, share)


def _share_gradient(stacked, ids, whole, effects):
    """Share the scores of one document by gradient x input; what this leaves out, equally."""
    parts = stacked.gradient_times_input(ids, effects).astype(np.float64)
    (words,) = np.nonzero(ids)
    if len(words):
        parts[words] += (effects @ (whole - stacked.empty) - parts.sum()) / len(words)
    return parts
