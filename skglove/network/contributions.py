"""What each token adds to the class scores of a network."""

import numpy as np

from skglove.documents import Documents
from skglove.network.inference import NORM, TINY, _lay_out, _renumber
from skglove.pooling import log


def token_scores(network, ids, *, maxlen, batch_size):
    """Share the class scores of a network among the tokens of a document.

    Networks that `LookupNetwork` computes are taken apart, exactly. A maximum over time is a sum of what the
    words of one window give to it; ReLU scales this sum. That equals the integrated gradients [1]_ of these
    layers, from vectors of zero. The weighted sum of words is linear in the words, given its L2 norm.

    Of other networks, a token's part is what the scores lose without it (occlusion [2]_). What these parts do
    not explain, because several tokens say the same, is shared equally.

    Parameters
    ----------
    network : StoredNetwork
        The network.
    ids : ndarray of shape (n_tokens,), int32
        The document; 0 is padding.
    maxlen, batch_size : int
        As in `StoredNetwork.predict`.

    Returns
    -------
    scores : ndarray of shape (n_tokens, n_classes), float64
        What each token adds.
    empty : ndarray of shape (n_classes,), float64
        The scores of a document without words. The softmax of all added up is the network's answer.

    References
    ----------
    .. [1] M. Sundararajan, A. Taly, Q. Yan, "Axiomatic Attribution for Deep Networks", ICML 2017.
    .. [2] J. Li, W. Monroe, D. Jurafsky, "Understanding Neural Networks through Representation Erasure",
       2016.
    """
    if network.lookup is None:
        return _occlude(network, ids, maxlen, batch_size)
    return _take_apart(network.lookup, ids, maxlen)


def _take_apart(lookup, ids, maxlen):
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
    scores, empty = zip(*heads, strict=True)
    return tuple(sum(w * part for w, part in zip(weights, parts, strict=True)) for parts in (scores, empty))


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


def _occlude(network, ids, maxlen, batch_size):
    (words,) = np.nonzero(ids)
    n = len(ids)
    # The document, an empty one, and the document without each of its words.
    without = [np.delete(ids, word) for word in words]
    values = np.concatenate([ids, [0], *without]).astype(np.int32)
    lengths = np.array([n, 1, *[n - 1] * len(words)])
    predicted = network.predict(Documents(values, lengths), maxlen=maxlen, batch_size=batch_size)
    whole, empty, *others = log(predicted).astype(np.float64)
    scores = np.zeros((n, len(whole)))
    if len(words):
        scores[words] = whole - others
        scores[words] += (whole - empty - scores.sum(axis=0)) / len(words)
    return scores, empty
