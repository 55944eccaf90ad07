"""What each token adds to the class scores of a network."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np

from skglove.documents import Documents
from skglove.network.gradients import StackedGradient
from skglove.network.inference import NORM, TINY, LookupNetwork, _lay_out, _renumber


class Parts(NamedTuple):
    """Class scores, which softmax makes probabilities of, and how to share them among tokens."""

    whole: np.ndarray  # of the document, (n_classes,)
    empty: np.ndarray  # of a document without words, (n_classes,)
    share: Callable  # from the effects of the scores, (n_classes,), to a number for each token


def reader(network, maxlen):
    """Make a function that shares the class scores of a network among the tokens of a document.

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
        From ids of shape (n_tokens,), int32, to `Parts`.

    References
    ----------
    .. [1] M. Sundararajan, A. Taly, Q. Yan, "Axiomatic Attribution for Deep Networks", ICML 2017.
    .. [2] A. Shrikumar, P. Greenside, A. Kundaje, "Learning Important Features Through Propagating Activation
       Differences", ICML 2017.
    """
    if network.lookup is not None:
        return partial(_take_apart, network.lookup, maxlen)
    model = network.model
    if type(model).__name__ == "PackedConvnet":
        return partial(_read_gradient, StackedGradient(model, maxlen))
    # Its layers compute in another type than float32.
    return partial(_take_apart, LookupNetwork(model.get_config(), model.get_weights()), maxlen)


def _take_apart(lookup, maxlen, ids):
    words, places = _renumber(ids, lookup.n_ids)
    tables, vectors = lookup._tables(words)
    shares, features = _share_maxima(tables, places, lookup._bias, max(maxlen, len(tables)), len(words))
    (kernel, bias), *others = lookup._softmaxes
    heads = [(shares @ kernel, features @ kernel + bias)]
    for kernel, bias in others:
        terms = vectors[places].astype(np.float64)
        norm = np.sqrt((terms.sum(axis=0) ** 2).sum() + TINY**2) + TINY
        heads.append((terms @ (kernel * (NORM / norm)), bias))
    weights = [1.0] if lookup._head_weights is None else lookup._head_weights
    scores, empty = (
        sum(weight * part for weight, part in zip(weights, parts, strict=True))
        for parts in zip(*heads, strict=True)
    )
    return Parts(empty + scores.sum(axis=0), empty, partial(np.matmul, scores))


def _share_maxima(tables, places, bias, n_columns, nothing):
    """Share the maximum over time of each filter, after ReLU, among the words of its window.

    Returns
    -------
    shares : ndarray of shape (n_tokens, n_filters), float64
        What each token adds to the features.
    features : ndarray of shape (n_filters,), float64
        The features of a document without words.
    """
    width, bias = len(tables), bias.astype(np.float64)
    document = Documents(places, np.array([len(places)]))
    laid_out, ends = _lay_out(document, places, width, n_columns, nothing)
    x = tables[0][laid_out[ends]]
    for j, table in enumerate(tables[1:], start=1):
        x[:, : table.shape[1]] += table[laid_out[ends - j]]
    best, filters = x.argmax(axis=0), np.arange(len(bias))
    maxima = x[best, filters].astype(np.float64)
    empty = np.maximum(bias, 0)
    slopes = np.divide(np.maximum(maxima + bias, 0) - empty, maxima, out=1.0 * (bias > 0), where=maxima != 0)
    shares = np.zeros((width + len(places), len(bias)))
    for j, table in enumerate(tables):
        of_width = filters[: table.shape[1]]
        at = ends[best[of_width]] - j
        shares[at, of_width] = table[laid_out[at], of_width] * slopes[of_width]
    return shares[width:], empty


def _read_gradient(stacked, ids):
    whole, empty = stacked.scores(ids), stacked.empty

    def share(effects):
        parts = stacked.gradient_times_input(ids, effects).astype(np.float64)
        (words,) = np.nonzero(ids)
        if len(words):
            parts[words] += (effects @ (whole - empty) - parts.sum()) / len(words)
        return parts

    return Parts(whole, empty, share)
