"""A classifier that learns from one batch of documents after the other, each seen once.

The weights of the pool and the calibration of the linear model are fitted by *progressive validation*
(prequential evaluation): both models predict the documents of a batch before they learn from them.

A. Blum, A. Kalai, J. Langford, "Beating the Hold-Out: Bounds for K-fold and Progressive Cross-Validation",
COLT 1999.
"""

from copy import copy
from typing import NamedTuple

import numpy as np

from skglove.pooling import fit_weights, log, pool
from skglove.states import without_memory_maps
from skglove.streams.lexical_stream import LexicalStream

# Documents that were predicted before they were learned from: the last ones that are kept, and the fewest
# that say something about the weights of the pool.
MOST_SEEN, FEWEST_SEEN = 1_000, 40
# Calls in the history.
MOST_CALLS = 1_000


class Seen(NamedTuple):
    """What the models said about documents before they learned from them."""

    heads: np.ndarray  # log-probabilities of the network's heads, (n_documents, n_heads, n_classes)
    scores: np.ndarray | None  # of naive Bayes, (n_documents, n_classes)
    codes: np.ndarray
    weights: np.ndarray

    def then(self, later):
        """Append what was seen later, and keep the last `MOST_SEEN` documents."""
        pairs = zip(self, later, strict=True)
        joined = (None if new is None else np.concatenate([old, new])[-MOST_SEEN:] for old, new in pairs)
        return Seen(*joined)


class Stream:
    """The parts of a classifier in a stream.

    Memory does not grow with the number of documents, but by the features of the linear model, up to their
    bound.

    Parameters
    ----------
    network : skglove.network.live.LiveNetwork
        The network, trained in place.
    lexical : LexicalStream or None
        The linear model.
    lexical_weight : "learned" or float
        As in `KerasConvTextClassifier`.
    pool_weights : PoolWeights
        The weights of the pool to begin with.
    n_ids : int
        Rows of the embedding.
    seed : int
        Seed of the order of documents.
    """

    def __init__(self, network, lexical, *, lexical_weight, pool_weights, n_ids, seed):
        self.network, self.lexical = network, lexical
        self.lexical_weight = lexical_weight
        self.head_weights, self.model_weights = pool_weights.heads, pool_weights.models
        self.frequencies, self.n_documents = None, 0.0
        self.usual = self.head_weights, self.model_weights
        self.seed, self.n_ids, self.n_calls, self.seen = seed, n_ids, 0, None

    def __getstate__(self):
        return without_memory_maps(vars(self))

    def learn(self, documents, codes, sample_weight):
        """Predict documents, then learn from them.

        Parameters
        ----------
        documents : Documents
            Token ids.
        codes : ndarray of shape (n_documents,), int
            Classes, numbered from 0.
        sample_weight : ndarray of shape (n_documents,), float64
            Weights, above zero.

        Returns
        -------
        stream : Stream
            A stream that has learned; the old one is as it was, but shares the network.
        logs : dict of str to float
            "loss" and "accuracy" of the network in training, "val_loss" and "val_accuracy" of the whole
            classifier before. The last two are NaN if nothing was learned before, and missing if the
            classifier is a network with one output.
        """
        learned, logs = copy(self), {}
        if self.head_weights is not None or self.lexical is not None:
            last = slice(max(0, len(codes) - MOST_SEEN), len(codes))
            some = documents[last], codes[last], sample_weight[last]
            logs = (
                learned._see(*some) if self.n_calls else dict.fromkeys(("val_loss", "val_accuracy"), np.nan)
            )
        idf_changes = learned._count_words(documents, sample_weight)
        if self.lexical is not None:
            learned.lexical = self.lexical.learn(documents, codes, sample_weight)
        learned._fit_pool()
        learned.n_calls += 1
        order = np.random.RandomState([self.seed, self.n_calls]).permutation(len(codes))
        loss, accuracy = self.network.train(documents, codes, sample_weight, order, idf_changes)
        return learned, {"loss": loss, "accuracy": accuracy} | logs

    def _see(self, documents, codes, sample_weight):
        """Predict documents before they are learned from; return the log-loss and accuracy of the pool."""
        heads = log(self.network.predict_heads(documents))
        heads = heads[:, np.newaxis] if heads.ndim == 2 else heads
        scores = None if self.lexical is None else self.lexical.scores(documents)
        now = Seen(heads, scores, codes, sample_weight)
        self.seen = now if self.seen is None else self.seen.then(now)
        pooled = pool(self._models(now), self.model_weights)
        loss = -np.average(pooled[np.arange(len(codes)), codes], weights=sample_weight)
        accuracy = np.average(pooled.argmax(axis=1) == codes, weights=sample_weight)
        return {"val_loss": float(loss), "val_accuracy": float(accuracy)}

    def _models(self, seen):
        """Return the log-probabilities of the network and of the linear model."""
        models = list(np.moveaxis(seen.heads, 1, 0).copy())
        if self.head_weights is not None:
            models = [pool(models, self.head_weights)]
        return models if seen.scores is None else [*models, self.lexical.log_probabilities(seen.scores)]

    def _count_words(self, documents, sample_weight):
        """Count the documents of each word; return by which factors the inverse document frequencies change.

        The network's weights of words start at these. None for the first documents.
        """
        before = None if self.frequencies is None else self._compute_idf()
        counts = sample_weight @ (documents.counts(self.n_ids) > 0)
        self.frequencies = counts if before is None else self.frequencies + counts
        self.n_documents += sample_weight.sum()
        return None if before is None else self._compute_idf() / before

    def _compute_idf(self):
        return np.log((1 + self.n_documents) / (1 + self.frequencies)) + 1

    def _fit_pool(self):
        """Fit the calibration of the linear model, and the weights of the pool, to what was seen last."""
        seen = self.seen
        if seen is None or len(seen.codes) < FEWEST_SEEN:
            return
        weights = seen.weights / seen.weights.mean()
        if self.lexical is not None:
            self.lexical = self.lexical.calibrate(seen.scores, seen.codes, weights)
        of_heads, of_models = self.usual
        if of_heads is not None:
            heads = np.moveaxis(seen.heads, 1, 0)
            self.head_weights = fit_weights(heads, seen.codes, weights, of_heads)
        if self.lexical_weight == "learned":
            self.model_weights = fit_weights(self._models(seen), seen.codes, weights, of_models)


def start_stream(data, parameters, *, n_classes, vocabulary, ignored, maxlen):
    """Build the models of a stream, which have learned nothing yet.

    Parameters
    ----------
    data : skglove.data.Data
        The first documents.
    parameters : dict
        The classifier's parameters, without "auto".
    n_classes : int
        Number of classes.
    vocabulary : Vocabulary or None
        What the ids stand for.
    ignored : sequence of int
        Ids that the linear model does not count.
    maxlen : int
        Columns of a batch.

    Returns
    -------
    stream : Stream
    """
    from skglove.network.build import ARCHITECTURES, starting_vectors
    from skglove.network.live import LiveNetwork
    from skglove.network.stopping import PoolWeights

    architecture, lexical_weight = parameters["architecture"], parameters["lexical_weight"]
    stream = Stream(
        network=None,
        lexical=LexicalStream(n_classes, ignored) if lexical_weight else None,
        lexical_weight=lexical_weight,
        pool_weights=PoolWeights.usual(ARCHITECTURES[architecture].n_heads, lexical_weight),
        n_ids=data.n_ids,
        seed=data.seed,
    )
    of_first = copy(stream)
    of_first._count_words(data.documents, data.weights)
    vectors = None
    if parameters["pretrained"]:
        vectors = starting_vectors(vocabulary.embedding_matrix(), architecture, data.seed)
    stream.network = LiveNetwork(
        parameters,
        n_ids=data.n_ids,
        n_classes=n_classes,
        maxlen=maxlen,
        seed=data.seed,
        vectors=vectors,
        word_weights=of_first._compute_idf().astype(np.float32),
    )
    return stream
