"""Naive Bayes of words and pairs of words that learns from one batch of documents after the other."""

from copy import copy

import numpy as np
import pyarrow as pa
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import TfidfTransformer

from skglove.documents import Documents
from skglove.lexical import (
    MAX_WEIGHTS,
    USUAL_SHARPNESS,
    USUAL_SOFTENING,
    LexicalModel,
    _calibrate,
    bayes_weights,
)
from skglove.lexical_prediction import pool_scores, words_and_pairs

# Documents of the first batch that tell how much scores differ.
FIRST_SCORED = 1_000


class LexicalStream(LexicalModel):
    """Complement naive Bayes on the TF-IDF of words and pairs of adjacent words, in a stream.

    Two things add up over batches: in how many documents each feature occurs, and for each class the term
    frequencies of each feature, ``1 + log(count)``, divided by the L2 norm of the document's TF-IDF. The
    factor IDF is applied in prediction, so it always comes from all documents so far. Only the norms of
    earlier documents are those of the document frequencies at their time.

    There are at most ``MAX_WEIGHTS // n_classes`` features, those with the highest document frequency. A
    feature that was dropped starts from zero when it occurs again. The model has no regression.

    Parameters
    ----------
    n_classes : int
        Number of classes.
    ignored : sequence of int, default=()
        Ids that are not counted, as in `LexicalModel`.

    Attributes
    ----------
    features_ : ndarray of shape (n_features,), int64
        Sorted keys of words and pairs, as in `LexicalModel`. The first, 0, stands for nothing.
    document_counts_ : ndarray of shape (n_features,), float64
        In how many documents each feature occurs, weighted.
    n_documents_ : float
        Documents learned from, weighted.
    deviation_ : float
        As in `LexicalModel`: of the first documents learned from, later of those of the last calibration.
    weights_ : list of one ndarray of shape (n_features, n_classes), float32
        Coefficients of naive Bayes. Computed at each use.
    """

    def __init__(self, n_classes, ignored=()):
        self.ignored_ = tuple(ignored)
        self.intercepts_ = [np.zeros(n_classes, dtype=np.float32)]
        self.sharpness_, self.softening_ = [USUAL_SHARPNESS[0]], USUAL_SOFTENING
        self.n_documents_ = 0.0
        self._set_features(np.zeros(1, dtype=np.int64), np.zeros(1), np.zeros((1, n_classes), np.float32))
        self._complete()

    def learn(self, documents, codes, sample_weight):
        """Learn from documents.

        Parameters
        ----------
        documents : Documents
            Token ids; 0 is padding.
        codes : ndarray of shape (n_documents,), int
            Classes, numbered from 0.
        sample_weight : ndarray of shape (n_documents,), float
            Weights of documents, above zero. A weight of 2 is two copies.

        Returns
        -------
        model : LexicalStream
            A model that knows these documents, too. The old one is as it was.
        """
        learned = copy(self)
        learned.n_documents_ += float(sample_weight.sum())
        keys = words_and_pairs(self._replace_ignored(documents))
        if len(keys.values):
            learned._add(keys, codes, sample_weight)
        learned._complete()
        if not self.n_documents_:  # nothing was scored before it was learned from
            some = documents[:FIRST_SCORED]
            learned.deviation_ = _deviation(learned.scores(some))
        return learned

    def _add(self, keys, codes, sample_weight):
        encoded = pa.array(keys.values).dictionary_encode()
        different, places = np.unique(encoded.dictionary.to_numpy(), return_inverse=True)
        counts = Documents(places[encoded.indices.to_numpy()], keys.lengths).counts(len(different))
        counts.data = np.log(counts.data) + 1.0
        rows = self._merge(different, sample_weight @ (counts > 0))
        counts = counts[:, rows >= 0].tocsr()
        at = rows[rows >= 0][counts.indices]
        of_entry = np.repeat(np.arange(len(codes)), np.diff(counts.indptr))
        squares = (counts.data * self._compute_idf(at)) ** 2
        norms = np.sqrt(np.bincount(of_entry, squares, minlength=len(codes)))
        values = counts.data * (sample_weight / np.maximum(norms, 1e-12))[of_entry]
        n_classes = self._sums.shape[1]
        used, at = np.unique(at, return_inverse=True)
        sums = np.bincount(at * n_classes + codes[of_entry], values, minlength=len(used) * n_classes)
        self._sums[used] += sums.reshape(-1, n_classes)

    def _merge(self, keys, frequencies):
        """Add sorted keys with their document frequencies; return the row of each, -1 if it is dropped."""
        at = np.searchsorted(self.features_, keys)
        is_new = self.features_[np.minimum(at, len(self.features_) - 1)] != keys
        new = at[is_new]
        features = np.insert(self.features_, new, keys[is_new])
        document_counts = np.insert(self.document_counts_, new, 0)
        sums = np.insert(self._sums, new, 0, axis=0)  # copies, too
        rows = np.searchsorted(features, keys)
        document_counts[rows] += frequencies
        n_most = max(MAX_WEIGHTS // sums.shape[1], 1)
        if len(features) > n_most:
            order = document_counts.copy()
            order[rows] += 1e-3  # of equal frequency, those of this batch stay, so that new ones get a chance
            kept = np.sort(np.argpartition(-order, n_most - 1)[:n_most])
            places = np.full(len(features), -1)
            places[kept] = np.arange(n_most)
            rows = places[rows]
            features, document_counts, sums = features[kept], document_counts[kept], sums[kept]
        self._set_features(features, document_counts, sums)
        return rows

    def _set_features(self, features, document_counts, sums):
        self.features_, self.document_counts_, self._sums = features, document_counts, sums
        self.columns_ = np.arange(len(features), dtype=np.int32)

    def _compute_idf(self, rows=slice(None)):
        return np.log((1 + self.n_documents_) / (1 + self.document_counts_[rows])) + 1

    def _complete(self):
        """Compute what prediction needs besides the sums."""
        idf = self._compute_idf().astype(np.float32)
        self._tfidf = TfidfTransformer(sublinear_tf=True)
        self._tfidf.idf_ = idf
        # Not by BLAS, whose results depend on the number of threads.
        of_classes = np.einsum("f,fc->c", idf, self._sums, dtype=np.float64)
        self._totals = np.maximum(of_classes.sum() - of_classes, 1e-6)

    @property
    def weights_(self):
        """Coefficients of naive Bayes for all features."""
        return [self._weights_of(slice(None))]

    def _weights_of(self, rows):
        counts = self._sums[rows].astype(np.float64) * self.idf_[rows, np.newaxis]
        complements = np.maximum(counts.sum(axis=1, keepdims=True) - counts, 0).astype(np.float32)
        return bayes_weights(complements, self._totals, len(self.features_))

    def _scores(self, documents):
        return [self.scores(documents)]

    def scores(self, documents):
        """Compute the scores of documents, which `calibrate` turns into log-probabilities.

        Parameters
        ----------
        documents : Documents
            Token ids.

        Returns
        -------
        scores : ndarray of shape (n_documents, n_classes), float32
        """
        X = self._count(documents)
        used, places = np.unique(X.indices, return_inverse=True)  # few of all features
        X = csr_matrix((X.data, places, X.indptr), (X.shape[0], len(used)))
        return (X @ self._weights_of(used)).astype(np.float32)

    def calibrate(self, scores, codes, sample_weight):
        """Fit sharpness and softening to documents that were scored before they were learned from.

        Parameters
        ----------
        scores : ndarray of shape (n_documents, n_classes), float32
            Scores by this model at an earlier time.
        codes : ndarray of shape (n_documents,), int
            Classes.
        sample_weight : ndarray of shape (n_documents,), float
            Weights of documents, 1 on average.

        Returns
        -------
        model : LexicalStream
            A calibrated copy.
        """
        calibrated = copy(self)
        calibrated.sharpness_, calibrated.softening_ = _calibrate([scores], codes, sample_weight)
        calibrated.deviation_ = _deviation(scores)
        return calibrated

    def log_probabilities(self, scores):
        """Turn scores into log-probabilities.

        Parameters
        ----------
        scores : ndarray of shape (n_documents, n_classes), float32
            As `scores` returns them.

        Returns
        -------
        log_probabilities : ndarray of shape (n_documents, n_classes), float32
        """
        return pool_scores([scores], self.sharpness_, self.softening_).astype(np.float32)


def _deviation(scores):
    return float(np.median(scores.std(axis=1)))
