"""A linear classifier of words and pairs of words, which a network's word vectors are blind to."""

from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize
from scipy.sparse import csr_matrix
from scipy.special import log_softmax
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.linear_model import SGDClassifier
from sklearn.naive_bayes import ComplementNB
from sklearn.preprocessing import normalize

from skglove.documents import Documents

# Weights, of words and pairs times classes: 80 MB. Kept are the words and pairs in the most documents.
MAX_WEIGHTS = 20_000_000
SMOOTHING = 0.1
# Passes of logistic regression over the documents, and its inverse penalties to choose from.
PASSES = 3
INVERSE_PENALTIES = 1, 10, 100
# Naive Bayes needs fewer documents [3]_. Of more classes than these, each with its own regression, the
# regressions would take longer than the network.
REGRESSION_DOCUMENTS, REGRESSION_CLASSES = 1_000, 100
# What regression's log-loss may be of that of naive Bayes, which errs less often where the network does.
REGRESSION_LOSS = 0.95
# Documents that are left out, for sharpness and softening and to choose by. Two numbers need no more.
CALIBRATION_DOCUMENTS = 2_000
# What they are expected to be before a document is seen. This decides on few documents only, and more in
# naive Bayes: of few documents, each that is left out is missed too much.
USUAL_SHARPNESS, USUAL_SOFTENING = 1.5, 0.135
# Documents that are counted at once in prediction, and logarithms at once in leaving out: 64 MB.
CHUNK_DOCUMENTS, CHUNK_LOGARITHMS = 4_096, 2**23


class LeftOut(NamedTuple):
    """Documents that are scored as if they and their copies had been left out."""

    rows: np.ndarray
    new: csr_matrix  # their TF-IDF, as that of new documents
    codes: np.ndarray
    weights: np.ndarray


class LexicalModel:
    """Naive Bayes or logistic regression on the TF-IDF of words and of pairs of adjacent words.

    Complement naive Bayes [2]_ is better where there are few documents or many words, each of which tells a
    little; logistic regression where a few words or phrases settle the class. Regression is taken, with the
    best of some penalties, if its log-loss on left-out documents is clearly the lower.

    Documents with the same ids and the same class are left out together, so that copies do not make the model
    overconfident. Near-duplicates still do.

    The distances between the scores of such models tell little of how sure they may be; which class stands
    out, and how far beyond the others, tells more. So the scores of a document are divided by their own
    standard deviation over the classes, softened where that is small, and then multiplied by a sharpness.
    Both numbers are fitted, as the temperature of [1]_ is, to make the labels of the left-out documents
    likeliest.

    Attributes
    ----------
    is_regression_ : bool
        Whether this is logistic regression; it is naive Bayes otherwise.
    features_ : ndarray of shape (n_features,), int64
        Ids of words, and of pairs: the first word's times 2**32, plus the second's. Sorted.
    weights_ : ndarray of shape (n_features, n_classes), float32
        What one unit of TF-IDF adds to the score of each class, in naive Bayes less the mean of all classes.
    intercepts_ : ndarray of shape (n_classes,), float32
        What is added to the scores of every document. Zero in naive Bayes. In regression, which tells
        each class from all others, the score is the logarithm of the logistic function of that sum.
    sharpness_ : float
        What scores are multiplied by, after the division.
    softening_ : float
        Scores are divided by ``sqrt(deviation**2 + softening_**2)``.

    References
    ----------
    .. [1] C. Guo et al., "On Calibration of Modern Neural Networks", ICML 2017.
    .. [2] J. Rennie et al., "Tackling the Poor Assumptions of Naive Bayes Text Classifiers", ICML 2003.
    .. [3] A. Ng, M. Jordan, "On Discriminative vs. Generative Classifiers", NIPS 2001.
    """

    def fit(self, documents, codes, seed=0, sample_weight=None):
        """Count, and if there are enough documents, train.

        Parameters
        ----------
        documents : Documents
            Token ids; 0 is padding.
        codes : ndarray of shape (n_documents,), int
            Classes, numbered from 0, each present.
        seed : int, default=0
            Of which documents are left out, and the order of the others.
        sample_weight : ndarray of shape (n_documents,), float, or None, default=None
            How much each document counts; 1 on average. Which words and pairs are kept, and their inverse
            document frequencies, are the same for all weights. None is all ones.

        Returns
        -------
        self : LexicalModel
            Ready to predict.
        """
        keys = words_and_pairs(documents)
        features, columns = np.unique(keys.values, return_inverse=True)
        counts = Documents(columns, keys.lengths).counts(len(features))
        frequencies = np.diff(counts.indptr)
        n_classes = codes.max() + 1
        n_features = MAX_WEIGHTS // n_classes
        if len(features) > n_features:
            kept = np.sort(np.argsort(-frequencies, kind="stable")[:n_features])
            features, counts, frequencies = features[kept], counts[:, kept], frequencies[kept]
        elif not len(features):  # not one word in any document
            features, counts = np.zeros(1, dtype=np.int64), csr_matrix((len(documents), 1), dtype=np.int32)
            frequencies = np.zeros(1, dtype=np.int64)
        self.features_ = features
        if sample_weight is None:
            sample_weight = np.ones(len(codes), dtype=np.float32)
        counts = csr_matrix(counts, dtype=np.float32)
        self._tfidf = TfidfTransformer(sublinear_tf=True).fit(counts)
        X = self._tfidf.transform(counts)
        # Copies of a document are left out with it. To calibrate by, they are one document of their weight.
        # The label of a document without weight must not matter.
        copy_of = documents.first_copies(np.where(sample_weight > 0, codes, n_classes))
        n_copies = np.bincount(copy_of, minlength=len(codes))
        weights = np.bincount(copy_of, sample_weight, minlength=len(codes))
        rows = np.random.RandomState(seed).permutation(len(codes))
        rows = rows[copy_of[rows] == rows][:CALIBRATION_DOCUMENTS]
        new = self._as_new(X[rows], frequencies, n_copies[rows], len(codes))

        model = ComplementNB(alpha=SMOOTHING).fit(X, codes, sample_weight)
        added = X[rows].multiply(weights[rows, np.newaxis]).tocsr()
        scores = _leave_one_out(model, added, new, codes[rows])
        n_different = np.count_nonzero(n_copies)
        weights = (weights[rows] * (n_different / len(codes))).astype(np.float32)  # 1 on average, again
        left_out = LeftOut(rows, new, codes[rows], weights)
        self.is_regression_ = False
        self.sharpness_, self.softening_ = _calibrate(scores, codes[rows], weights, deviation=0.5)
        # Centred, because what is common to the classes would cost digits.
        weights = model.feature_log_prob_.T
        self.weights_ = (weights - weights.mean(axis=1, keepdims=True)).astype(np.float32, order="C")
        self.intercepts_ = np.zeros(n_classes, dtype=np.float32)
        if n_different >= REGRESSION_DOCUMENTS and n_classes <= REGRESSION_CLASSES:
            self._try_regression(X, codes, sample_weight, copy_of, left_out, scores, seed)
        return self

    def _as_new(self, X, frequencies, n_copies, n_documents):
        """Work out the TF-IDF of documents that are new to all but their copies: some words are unknown."""
        new = X.copy()
        left_out = np.repeat(n_copies, np.diff(new.indptr))
        others = frequencies[new.indices] - left_out
        idf = np.log((1 + n_documents - left_out) / (1 + np.maximum(others, 0))) + 1
        new.data *= np.where(others > 0, idf / self._tfidf.idf_[new.indices], 0)
        return normalize(new)

    def _try_regression(self, X, codes, sample_weight, copy_of, left_out, scores, seed):
        """Take logistic regression if it does better than naive Bayes, of `scores`, on left-out documents."""
        n_documents = len(np.unique(copy_of))

        def regression(C, X, codes, sample_weight):
            alpha = 1 / (C * n_documents)
            model = SGDClassifier("log_loss", alpha=alpha, max_iter=PASSES, tol=None, random_state=seed)
            model.fit(X, codes, sample_weight=sample_weight)
            coefficients, intercepts = model.coef_, model.intercept_
            if len(coefficients) == 1:  # scikit-learn has one row for two classes
                coefficients = np.vstack([-coefficients, coefficients])
                intercepts = np.append(-intercepts, intercepts)
            return np.ascontiguousarray(coefficients.T), intercepts.astype(np.float32)

        n_left_out = min(n_documents // 10, CALIBRATION_DOCUMENTS)
        n_folds = min(10, CALIBRATION_DOCUMENTS // n_left_out)
        # No class may be without a document to learn from, of some weight if it has one.
        order = np.argsort(sample_weight == 0, kind="stable")
        kept = copy_of[order[np.unique(codes[order], return_index=True)[1]]]
        parts = [np.arange(i * n_left_out, (i + 1) * n_left_out) for i in range(n_folds)]
        parts = [part[~np.isin(left_out.rows[part], kept)] for part in parts]
        tested = np.concatenate(parts)
        targets = left_out.codes[tested], left_out.weights[tested]
        bayes = _log_probabilities(scores[tested], self.sharpness_, self.softening_)
        best, best_C = REGRESSION_LOSS * _likelihood(bayes, *targets), None
        for C in INVERSE_PENALTIES:
            regressed = []
            for part in parts:
                others = ~np.isin(copy_of, left_out.rows[part])
                coefficients, intercepts = regression(C, X[others], codes[others], sample_weight[others])
                regressed.append(_log_logistic(left_out.new[part] @ coefficients + intercepts))
            regressed = np.concatenate(regressed)
            calibration = _calibrate(regressed, *targets, deviation=1.0)
            likelihood = _likelihood(_log_probabilities(regressed, *calibration), *targets)
            if likelihood > best:
                best, best_C = likelihood, C
                self.sharpness_, self.softening_ = calibration
        if best_C is not None:
            self.is_regression_ = True
            self.weights_, self.intercepts_ = regression(best_C, X, codes, sample_weight)

    def predict_log_proba(self, documents):
        """Predict logarithms of probabilities.

        Parameters
        ----------
        documents : Documents
            Token ids, as in `fit`. Words that are new count for nothing.

        Returns
        -------
        log_probabilities : ndarray of shape (n_documents, n_classes), float32
            In naive Bayes, equal numbers for a document without a known word.
        """
        logarithms = np.empty((len(documents), self.weights_.shape[1]), dtype=np.float32)
        for i in range(0, len(documents), CHUNK_DOCUMENTS):
            chunk = slice(i, i + CHUNK_DOCUMENTS)
            keys = words_and_pairs(documents[chunk])
            columns = np.minimum(np.searchsorted(self.features_, keys.values), len(self.features_) - 1)
            known = Documents(columns, keys.lengths).keep(self.features_[columns] == keys.values)
            counts = csr_matrix(known.counts(len(self.features_)), dtype=np.float32)
            scores = self._tfidf.transform(counts) @ self.weights_ + self.intercepts_
            if self.is_regression_:
                scores = _log_logistic(scores)
            logarithms[chunk] = _log_probabilities(scores, self.sharpness_, self.softening_)
        return logarithms


def _log_probabilities(scores, sharpness, softening):
    deviations = scores.std(axis=1, keepdims=True)
    return log_softmax(sharpness / np.hypot(deviations, softening) * scores, axis=1)


def _log_logistic(scores):
    return -np.logaddexp(0, -scores)


def _likelihood(log_probabilities, codes, sample_weight):
    return (sample_weight * log_probabilities[np.arange(len(codes)), codes]).sum()


def _calibrate(scores, codes, sample_weight, deviation):
    """Fit sharpness and softening to the classes of documents; by `deviation`, how far from the usual."""
    usual = np.log([USUAL_SHARPNESS, USUAL_SOFTENING])

    def unlikelihood(logs):
        prior = ((logs - usual) ** 2).sum() / (2 * deviation**2)
        return prior - _likelihood(_log_probabilities(scores, *np.exp(logs)), codes, sample_weight)

    return np.exp(minimize(unlikelihood, usual, method="Nelder-Mead").x).tolist()


def words_and_pairs(documents):
    """Number the words, and the pairs of adjacent words, of documents.

    Parameters
    ----------
    documents : Documents
        Token ids; 0 is padding.

    Returns
    -------
    keys : Documents
        int64 numbers: of a word its id, of a pair the first word's id times 2**32 plus the second's.
    """
    values, rows = documents.values.astype(np.int64), documents.rows
    keys = np.zeros((len(values), 2), dtype=np.int64)
    keys[:, 0] = values
    pairs = (values[:-1] != 0) & (values[1:] != 0) & (rows[:-1] == rows[1:])
    keys[:-1, 1] = np.where(pairs, values[:-1] << 32 | values[1:], 0)
    keys = keys.ravel()
    return Documents(keys, 2 * documents.lengths).keep(keys != 0)


def _leave_one_out(model, X, new, codes):
    """Score documents that `model` was fitted on as if each had been left out, in chunks of rows.

    `X` is what they added to the counts of `model`, `new` what they would be as new documents. Their words
    leave the counts of all classes but their own. That alone would favour their own class, which has more
    words left over; so the totals lose them for every class.
    """
    complements = (model.feature_all_ + model.alpha - model.feature_count_).T
    totals = complements.sum(axis=0)
    scores = np.empty((X.shape[0], len(totals)))
    step = max(1, CHUNK_LOGARITHMS * X.shape[0] // (len(totals) * max(1, X.nnz)))
    for i in range(0, X.shape[0], step):
        chunk, values = X[i : i + step], new[i : i + step].data
        others = np.arange(len(totals)) != codes[i : i + step, np.newaxis]
        of_entry = np.repeat(np.arange(chunk.shape[0]), np.diff(chunk.indptr))
        logs = np.log(complements[chunk.indices] - others[of_entry] * chunk.data[:, np.newaxis])
        add_up = csr_matrix((values, np.arange(chunk.nnz), chunk.indptr), (chunk.shape[0], chunk.nnz))
        log_totals = np.log(np.maximum(totals - chunk.sum(axis=1).A1[:, np.newaxis], 1e-6))
        scores[i : i + step] = add_up.sum(axis=1).A1[:, np.newaxis] * log_totals - add_up @ logs
    return scores
