"""A linear classifier of words and pairs of words: it knows words and phrases that word vectors blur."""

from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize
from scipy.sparse import csc_matrix, csr_matrix
from scipy.special import log_expit, log_softmax
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.linear_model import SGDClassifier
from sklearn.naive_bayes import ComplementNB
from sklearn.preprocessing import normalize

from skglove.documents import Documents

# Weights of all features and classes: 80 MB. The features with the highest document frequency are kept.
MAX_WEIGHTS = 20_000_000
SMOOTHING = 0.1
# Epochs of logistic regression, and the values of C (inverse penalties) to choose from.
PASSES = 3
INVERSE_PENALTIES = 1, 10, 100
# Naive Bayes needs fewer documents [3]_. With more classes than these, one regression per class would take
# longer than the network.
REGRESSION_DOCUMENTS, REGRESSION_CLASSES = 1_000, 100
# Regression is taken if its log-loss is at most this share of naive Bayes's. The margin favours naive Bayes,
# whose errors are less often those of the network.
REGRESSION_LOSS = 0.95
# Documents left out for calibration and for the choice of the model. Two numbers need no more.
CALIBRATION_DOCUMENTS = 2_000
# Medians of the priors of sharpness and softening. They matter only with few documents, and more in naive
# Bayes: with few documents, each one that is left out is missed too much.
USUAL_SHARPNESS, USUAL_SOFTENING = 1.5, 0.135
# Documents per chunk in prediction, and logarithms per chunk in leave-one-out: 64 MB.
CHUNK_DOCUMENTS, CHUNK_LOGARITHMS = 4_096, 2**23


class Training(NamedTuple):
    """Documents to learn from."""

    X: csr_matrix  # TF-IDF
    codes: np.ndarray
    sample_weight: np.ndarray
    copy_of: np.ndarray  # row of the first document with the same ids and class

    def take(self, rows):
        """Return the documents of some rows."""
        return Training(self.X[rows], self.codes[rows], self.sample_weight[rows], self.copy_of[rows])


class LeftOut(NamedTuple):
    """Training documents that are scored as if they and their copies had been left out."""

    rows: np.ndarray
    added: csr_matrix  # what they and their copies added to the counts of naive Bayes
    new: csr_matrix  # their TF-IDF, computed without them
    codes: np.ndarray
    weights: np.ndarray  # summed over copies; 1 on average


class LexicalModel:
    """Naive Bayes or logistic regression on the TF-IDF of words and of pairs of adjacent words (bigrams).

    Complement naive Bayes [2]_ does better with few documents, or where many words tell a little each.
    Logistic regression does better where a few words or phrases decide the class. Its penalty is chosen by
    cross-validation, and it is taken if its log-loss on left-out documents is clearly lower.

    Scores are calibrated by temperature scaling [1]_, fitted on left-out documents, after standardisation:
    the scores of a document are divided by their standard deviation over the classes. The probabilities of
    class k are ``softmax(sharpness * scores / sqrt(deviation**2 + softening**2))[k]``. Standardisation helps
    because the size of such scores says little about how sure the model may be; the distance of the best
    class from the others, relative to the distances between those, says more.

    Documents with the same ids and the same class are left out together, so copies do not make the model
    overconfident. Near-duplicates still do.

    Attributes
    ----------
    is_regression_ : bool
        True for logistic regression, False for naive Bayes.
    features_ : ndarray of shape (n_features,), int64
        Sorted keys of words and pairs: a word's id, and a pair's first id times 2**32 plus its second id.
    weights_ : ndarray of shape (n_features, n_classes), float32
        Coefficients. Those of naive Bayes are centred: the mean over the classes is zero.
    intercepts_ : ndarray of shape (n_classes,), float32
        Intercepts; zero in naive Bayes. Logistic regression is one-vs-rest, and a score there is the
        logarithm of the logistic function of the linear model.
    sharpness_ : float
        Inverse temperature: the factor of the standardised scores.
    softening_ : float
        Lower bound of the divisor in the standardisation.

    References
    ----------
    .. [1] C. Guo et al., "On Calibration of Modern Neural Networks", ICML 2017.
    .. [2] J. Rennie et al., "Tackling the Poor Assumptions of Naive Bayes Text Classifiers", ICML 2003.
    .. [3] A. Ng, M. Jordan, "On Discriminative vs. Generative Classifiers", NIPS 2001.
    """

    def fit(self, documents, codes, seed=0, sample_weight=None):
        """Fit naive Bayes and, with enough documents, logistic regression; keep the better one.

        Parameters
        ----------
        documents : Documents
            Token ids; 0 is padding.
        codes : ndarray of shape (n_documents,), int
            Classes, numbered from 0, each present.
        seed : int, default=0
            Seed of the choice of documents to leave out, and of the order of documents in the regression.
        sample_weight : ndarray of shape (n_documents,), float, or None, default=None
            Weights of documents, 1 on average. None is all ones. They do not change which features are kept,
            nor the inverse document frequencies.

        Returns
        -------
        self : LexicalModel
            Ready to predict.
        """
        if sample_weight is None:
            sample_weight = np.ones(len(codes), dtype=np.float32)
        n_classes = codes.max() + 1
        counts = self._select_features(documents, MAX_WEIGHTS // n_classes)
        frequencies = np.diff(counts.indptr)
        counts = csr_matrix(counts, dtype=np.float32)
        self._tfidf = TfidfTransformer(sublinear_tf=True).fit(counts)
        # The class of a document without weight must not matter.
        copy_of = documents.first_copies(np.where(sample_weight > 0, codes, n_classes))
        training = Training(self._tfidf.transform(counts), codes, sample_weight, copy_of)
        left_out = self._leave_out(training, frequencies, seed)
        scores = self._fit_naive_bayes(training, left_out)
        if len(np.unique(copy_of)) >= REGRESSION_DOCUMENTS and n_classes <= REGRESSION_CLASSES:
            self._try_regression(training, left_out, scores, seed)
        return self

    def _select_features(self, documents, n_features):
        """Set `features_`, those with the highest document frequency; count them in each document."""
        keys = words_and_pairs(documents)
        self.features_, columns = np.unique(keys.values, return_inverse=True)
        if not len(self.features_):  # not one word in any document
            self.features_ = np.zeros(1, dtype=np.int64)
            return csc_matrix((len(documents), 1), dtype=np.int32)
        counts = Documents(columns, keys.lengths).counts(len(self.features_))
        if len(self.features_) > n_features:
            kept = np.sort(np.argsort(-np.diff(counts.indptr), kind="stable")[:n_features])
            self.features_, counts = self.features_[kept], counts[:, kept]
        return counts

    def _leave_out(self, training, frequencies, seed):
        """Draw documents to leave out. Copies are left out together, and count as one document."""
        X, codes, sample_weight, copy_of = training
        n_copies = np.bincount(copy_of, minlength=len(codes))
        weights = np.bincount(copy_of, sample_weight, minlength=len(codes))
        rows = np.random.RandomState(seed).permutation(len(codes))
        rows = rows[copy_of[rows] == rows][:CALIBRATION_DOCUMENTS]
        added = X[rows].multiply(weights[rows, np.newaxis]).tocsr()
        new = self._without_copies(X[rows], frequencies, n_copies[rows], len(codes))
        weights = (weights[rows] * (np.count_nonzero(n_copies) / len(codes))).astype(np.float32)
        return LeftOut(rows, added, new, codes[rows], weights)

    def _without_copies(self, X, frequencies, n_copies, n_documents):
        """Recompute TF-IDF as if neither the document nor its copies had been in `fit`."""
        new = X.copy()
        left_out = np.repeat(n_copies, np.diff(new.indptr))
        others = frequencies[new.indices] - left_out
        idf = np.log((1 + n_documents - left_out) / (1 + np.maximum(others, 0))) + 1
        new.data *= np.where(others > 0, idf / self._tfidf.idf_[new.indices], 0)
        return normalize(new)

    def _fit_naive_bayes(self, training, left_out):
        """Set all weights to those of naive Bayes, and score the left-out documents."""
        model = ComplementNB(alpha=SMOOTHING).fit(training.X, training.codes, training.sample_weight)
        scores = _leave_one_out(model, left_out.added, left_out.new, left_out.codes)
        self.is_regression_ = False
        self.sharpness_, self.softening_ = _calibrate(scores, left_out.codes, left_out.weights, deviation=0.5)
        # Centred, because what is common to the classes would cost digits.
        weights = model.feature_log_prob_.T
        self.weights_ = (weights - weights.mean(axis=1, keepdims=True)).astype(np.float32, order="C")
        self.intercepts_ = np.zeros(self.weights_.shape[1], dtype=np.float32)
        return scores

    def _try_regression(self, training, left_out, bayes_scores, seed):
        """Take logistic regression if its cross-validated log-loss is clearly lower than naive Bayes's."""
        folds = _cross_validation_folds(training, left_out)
        tested = np.concatenate([tested for tested, _ in folds])
        targets = left_out.codes[tested], left_out.weights[tested]
        bayes = _log_probabilities(bayes_scores[tested], self.sharpness_, self.softening_)
        n_different = len(np.unique(training.copy_of))
        best, best_alpha = REGRESSION_LOSS * _log_likelihood(bayes, *targets), None
        for alpha in [1 / (C * n_different) for C in INVERSE_PENALTIES]:
            scores = []
            for fold, learned in folds:
                coefficients, intercepts = _fit_regression(training.take(learned), alpha, seed)
                scores.append(log_expit(left_out.new[fold] @ coefficients + intercepts))
            scores = np.concatenate(scores)
            calibration = _calibrate(scores, *targets, deviation=1.0)
            likelihood = _log_likelihood(_log_probabilities(scores, *calibration), *targets)
            if likelihood > best:
                best, best_alpha = likelihood, alpha
                self.sharpness_, self.softening_ = calibration
        if best_alpha is not None:
            self.is_regression_ = True
            self.weights_, self.intercepts_ = _fit_regression(training, best_alpha, seed)

    def predict_log_proba(self, documents):
        """Predict log-probabilities.

        Parameters
        ----------
        documents : Documents
            Token ids, as in `fit`. Unknown words and pairs are ignored.

        Returns
        -------
        log_probabilities : ndarray of shape (n_documents, n_classes), float32
            With naive Bayes, all classes are equal for a document without known words.
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
                scores = log_expit(scores)
            logarithms[chunk] = _log_probabilities(scores, self.sharpness_, self.softening_)
        return logarithms


def pool(probabilities, log_probabilities, weight):
    """Combine two models by a logarithmic opinion pool: a weighted geometric mean, normalised [1]_.

    Parameters
    ----------
    probabilities : ndarray of shape (n_documents, n_classes), float32
        Of one model. Becomes the result: many classes times many documents need much memory.
    log_probabilities : ndarray of shape (n_documents, n_classes), float32
        Of the other model. Overwritten.
    weight : float
        Weight of the other model, from 0 to 1.

    References
    ----------
    .. [1] C. Genest, J. V. Zidek, "Combining Probability Distributions: A Critique and an Annotated
       Bibliography", Statistical Science, 1986.
    """
    log_probabilities *= weight
    np.maximum(probabilities, np.finfo(np.float32).tiny, out=probabilities)
    np.log(probabilities, out=probabilities)
    probabilities *= 1 - weight
    probabilities += log_probabilities
    probabilities -= probabilities.max(axis=1, keepdims=True)
    np.exp(probabilities, out=probabilities)
    probabilities /= probabilities.sum(axis=1, keepdims=True)


def _cross_validation_folds(training, left_out):
    """Split left-out documents into folds.

    Returns a list of pairs: the positions in `left_out` to test on, and the rows of `training` to learn from.
    Both leave out the copies of the tested documents.
    """
    copy_of = training.copy_of
    n_tested = min(len(np.unique(copy_of)) // 10, CALIBRATION_DOCUMENTS)
    n_folds = min(10, CALIBRATION_DOCUMENTS // n_tested)
    # One document of each class is always learned from, if possible one with a weight.
    order = np.argsort(training.sample_weight == 0, kind="stable")
    always = copy_of[order[np.unique(training.codes[order], return_index=True)[1]]]
    folds = []
    for i in range(n_folds):
        tested = np.arange(i * n_tested, (i + 1) * n_tested)
        tested = tested[~np.isin(left_out.rows[tested], always)]
        folds.append((tested, np.flatnonzero(~np.isin(copy_of, left_out.rows[tested]))))
    return folds


def _fit_regression(training, alpha, seed):
    """Fit logistic regression, one-vs-rest; return coefficients and intercepts."""
    model = SGDClassifier("log_loss", alpha=alpha, max_iter=PASSES, tol=None, random_state=seed)
    model.fit(training.X, training.codes, sample_weight=training.sample_weight)
    coefficients, intercepts = model.coef_, model.intercept_
    if len(coefficients) == 1:  # scikit-learn has one row for two classes
        coefficients = np.vstack([-coefficients, coefficients])
        intercepts = np.append(-intercepts, intercepts)
    return np.ascontiguousarray(coefficients.T), intercepts.astype(np.float32)


def _log_probabilities(scores, sharpness, softening):
    """Standardise scores over the classes, and apply softmax with an inverse temperature."""
    deviations = scores.std(axis=1, keepdims=True)
    return log_softmax(sharpness / np.hypot(deviations, softening) * scores, axis=1)


def _log_likelihood(log_probabilities, codes, sample_weight):
    return (sample_weight * log_probabilities[np.arange(len(codes)), codes]).sum()


def _calibrate(scores, codes, sample_weight, deviation):
    """Fit sharpness and softening by maximum a posteriori.

    Their priors are log-normal, with the usual values as medians; `deviation` is the standard deviation of
    the logarithms.
    """
    usual = np.log([USUAL_SHARPNESS, USUAL_SOFTENING])

    def loss(logs):
        prior = ((logs - usual) ** 2).sum() / (2 * deviation**2)
        return prior - _log_likelihood(_log_probabilities(scores, *np.exp(logs)), codes, sample_weight)

    return np.exp(minimize(loss, usual, method="Nelder-Mead").x).tolist()


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
    values, rows = documents.values.astype(np.int64), documents.rows
    keys = np.zeros((len(values), 2), dtype=np.int64)
    keys[:, 0] = values
    pairs = (values[:-1] != 0) & (values[1:] != 0) & (rows[:-1] == rows[1:])
    keys[:-1, 1] = np.where(pairs, values[:-1] << 32 | values[1:], 0)
    keys = keys.ravel()
    return Documents(keys, 2 * documents.lengths).keep(keys != 0)


def _leave_one_out(model, X, new, codes):
    """Score documents that `model` was fitted on as if each had been left out, in chunks of rows.

    `X` is what they added to the counts of `model`; `new` is their TF-IDF, computed without them. Complement
    naive Bayes counts for each class the words of all other classes, so the words of a document are
    subtracted from the counts of every class but its own. The totals lose them in every class: otherwise the
    document's own class would have a larger total and be favoured.
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
