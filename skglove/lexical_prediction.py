"""Prediction of the linear models of words and pairs. It needs no scikit-learn, which their fitting does."""

import numpy as np
import pyarrow as pa
from scipy.sparse import csr_matrix
from scipy.special import log_expit

from skglove.documents import Documents
from skglove.multilabel import from_log_odds
from skglove.pooling import log_softmax
from skglove.threads import for_chunks

CHUNK_DOCUMENTS = 4_096  # that a thread scores at a time, at most


class LexicalPrediction:
    """How `skglove.lexical.LexicalModel` predicts; its attributes, but for those of the fit, are needed.

    Attributes
    ----------
    idf_ : ndarray of shape (n_features,), float
        Inverse document frequency of each feature, by its row in `weights_`.
    """

    def predict_log_proba(self, documents):
        """Predict log-probabilities.

        Parameters
        ----------
        documents : Documents
            Token ids, as in `fit`. Unknown words and pairs are ignored.

        Returns
        -------
        log_probabilities : ndarray of shape (n_documents, n_classes), float32
            For a document without known words, they are those of the intercepts.
        """
        logarithms = np.empty((len(documents), len(self.intercepts_[0])), dtype=np.float32)

        def compute(chunk):
            for i in range(chunk.start, chunk.stop, CHUNK_DOCUMENTS):
                part = slice(i, min(i + CHUNK_DOCUMENTS, chunk.stop))
                logarithms[part] = self._pool(self._scores(documents[part]))

        for_chunks(compute, documents)
        return logarithms

    def _scores(self, documents):
        """Compute the scores of each model."""
        X = self._count(documents)
        scores = []
        for weights, intercepts in zip(self.weights_, self.intercepts_, strict=True):
            known = X if X.shape[1] == len(weights) else X[:, : len(weights)]
            scores.append(known @ weights + intercepts)
        return scores

    def _weights_of(self, rows):
        """Return the coefficients of naive Bayes in some rows of `weights_`."""
        return self.weights_[0][rows]

    def _pool(self, scores):
        scores[1:] = map(log_expit, scores[1:])
        return pool_scores(scores, self.sharpness_, self.softening_)

    def _count(self, documents):
        """Compute the TF-IDF of known words and pairs."""
        keys = words_and_pairs(self._replace_ignored(documents))
        columns = self._look_up(keys.values)
        return self._weigh(Documents(columns, keys.lengths).keep(columns >= 0))

    def _look_up(self, keys):
        """Return the columns of keys, -1 for unknown ones."""
        # Each different key is searched for once: a search waits for memory.
        encoded = pa.array(keys).dictionary_encode()
        different, indices = encoded.dictionary.to_numpy(), encoded.indices.to_numpy()
        at = np.minimum(np.searchsorted(self.features_, different), len(self.features_) - 1)
        return np.where(self.features_[at] == different, self.columns_[at], -1)[indices]

    def _weigh(self, documents):
        """Compute the TF-IDF of columns, which are overwritten, to the bit as `TfidfTransformer.transform`.

        For one document, that takes longer than everything else here.
        """
        ones = np.ones(len(documents.values), dtype=np.float32)
        X = csr_matrix((ones, documents.values, documents.bounds), (len(documents), len(self.features_)))
        X.sum_duplicates()
        X.data = (np.log(X.data) + 1) * self.idf_[X.indices]
        rows = np.repeat(np.arange(len(documents)), np.diff(X.indptr))
        X.data /= np.sqrt(np.bincount(rows, X.data * X.data, len(documents)))[rows]
        return X

    def _replace_ignored(self, documents):
        if not len(self.ignored_):
            return documents
        ids = np.sort(self.ignored_)  # for a few words, np.isin takes ten times as long
        ignored = ids.take(np.searchsorted(ids, documents.values), mode="clip") == documents.values
        return Documents(np.where(ignored, 0, documents.values), documents.lengths)


class LabelPrediction(LexicalPrediction):
    """How `skglove.label_model.LabelModel` predicts."""

    def _pool(self, scores):
        return self.sharpness_ * scores[0] + self.shift_

    def predict_log_proba(self, documents):
        """Predict log-probabilities.

        Parameters
        ----------
        documents : Documents
            Token ids, as in `fit`. Unknown words and pairs are ignored.

        Returns
        -------
        log_probabilities : ndarray of shape (n_documents * n_labels, 2), float32
            Of not having a label, and of having it.
        """
        return from_log_odds(super().predict_log_proba(documents))


def words_and_pairs(documents):
    """Make keys of the words, and of the pairs of adjacent words, of documents.

    Parameters
    ----------
    documents : Documents
        Token ids; 0 is padding.

    Returns
    -------
    keys : Documents
        int64 keys: a word's id, and a pair's first id times 2**32 plus its second id. Padding is dropped.
    """
    keys = keys_of_tokens(documents).ravel()
    return Documents(keys, 2 * documents.lengths).keep(keys != 0)


def keys_of_tokens(documents):
    """Make two keys for each token, its own and that of the pair that it begins; 0 if there is none.

    Parameters
    ----------
    documents : Documents
        Token ids; 0 is padding.

    Returns
    -------
    keys : ndarray of shape (n_tokens, 2), int64
        As in `words_and_pairs`.
    """
    values, rows = documents.values.astype(np.int64), documents.rows
    keys = np.zeros((len(values), 2), dtype=np.int64)
    keys[:, 0] = values
    pairs = (values[:-1] != 0) & (values[1:] != 0) & (rows[:-1] == rows[1:])
    keys[:-1, 1] = np.where(pairs, values[:-1] << 32 | values[1:], 0)
    return keys


def pool_scores(scores, sharpness, softening):
    """Standardise the scores of naive Bayes, add those of the regression, and apply softmax.

    Parameters
    ----------
    scores : list of n_models ndarrays of shape (n_documents, n_classes), float32
        Scores of naive Bayes, and logarithms of the logistic function of those of the regression.
    sharpness, softening
        As in `LexicalModel`.

    Returns
    -------
    log_probabilities : ndarray of shape (n_documents, n_classes), float
    """
    deviations = scores[0].std(axis=1, keepdims=True)
    pooled = sharpness[0] / np.hypot(deviations, softening) * scores[0]
    for factor, more in zip(sharpness[1:], scores[1:], strict=True):
        pooled += factor * more
    return log_softmax(pooled)
