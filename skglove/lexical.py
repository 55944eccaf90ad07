"""A linear classifier of words and pairs of words: it knows words and phrases that word vectors blur."""

from copy import copy
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from scipy.optimize import minimize
from scipy.sparse import csc_matrix, csr_matrix
from scipy.special import log_expit
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.preprocessing import normalize

from skglove.documents import Documents
from skglove.lexical_prediction import LexicalPrediction, pool_scores, words_and_pairs
from skglove.multilabel import label_sets, n_outputs
from skglove.regression import regress
from skglove.states import without_memory_maps

# Weights of all features and classes: 80 MB for naive Bayes, 20 MB for regression. The features with the
# highest document frequency are kept. Regression takes those of several documents only: by the others it
# learns to recognise the documents.
MAX_WEIGHTS, MAX_REGRESSION_WEIGHTS = 20_000_000, 5_000_000
# Smoothing of naive Bayes, relative to the mean count of a feature.
SMOOTHING = 1.0
# With more classes than these, one regression per class would take longer than the network.
REGRESSION_CLASSES = 100
# Losses to choose from, their first learning rates, and the factors of their scores. The first is taken
# unless another makes the log-loss smaller by at least this share: small gains are chance.
REGRESSIONS = ("log_loss", 30, 1), ("log_loss", 10, 1), ("modified_huber", 3, 4)
CLEAR_GAIN = 0.03
# With no more documents than the first number, the first is taken; with more than the second, the last, which
# does better where documents are fewer, is not tried.
CHOICE_DOCUMENTS = 500, 10_000
# Documents left out for calibration, and their scores. Three numbers need no more. In multilabel also about
# how many labels of documents, because the regressions of many labels take long.
CALIBRATION_DOCUMENTS, CALIBRATION_SCORES, CALIBRATION_LABELS = 2_000, 1_000_000, 40_000
# Regression is fitted without one fold of about this share of the documents at a time.
FOLD = 1 / 8
# Medians of the priors. They matter only with few documents.
USUAL_SHARPNESS, USUAL_SOFTENING = (1.3, 0.2), 0.135
# Logarithms per chunk in leave-one-out: 64 MB
CHUNK_LOGARITHMS = 2**23


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


class LexicalModel(LexicalPrediction):
    """Naive Bayes and logistic regression on the TF-IDF of words and of pairs of adjacent words (bigrams).

    Complement naive Bayes [2]_ does better with few documents, or where many words tell a little each.
    Logistic regression does better where a few words or phrases decide the class [3]_. A logarithmic opinion
    pool combines the two: it is a softmax of the weighted sum of their scores. The weights are fitted on
    left-out documents by maximum a posteriori, which also is the calibration (temperature scaling [1]_).

    The scores of naive Bayes are standardised first: those of a document are divided by
    ``sqrt(deviation**2 + softening**2)``, where `deviation` is their standard deviation over the classes.
    Standardisation helps because the size of such scores says little about how sure the model may be; the
    distance of the best class from the others, relative to the distances between those, says more. The scores
    of logistic regression, which is one-vs-rest, are the logarithms of the logistic function.

    With more than 500 documents, the regression is chosen on the left-out documents too. Choices are the
    logistic loss at a high or at a low learning rate, and the modified Huber loss, a smooth relative of the
    loss of support vector machines.

    Documents with the same ids and the same class are left out together, so copies do not make the model
    overconfident. Near-duplicates still do.

    Attributes
    ----------
    ignored_ : tuple of int
        Ids that are not counted.
    features_ : ndarray of shape (n_features,), int64
        Sorted keys of words and pairs: a word's id, and a pair's first id times 2**32 plus its second id.
    columns_ : ndarray of shape (n_features,), int
        The row of each feature in `weights_`. The first has the highest document frequency.
    idf_ : ndarray of shape (n_features,), float
        Inverse document frequency of each feature, by its row in `weights_`.
    weights_ : list of n_models ndarrays of shape (n_features or fewer, n_classes), float32
        Coefficients of naive Bayes, centred: the mean over the classes is zero. Then those of logistic
        regression, for the first features only. With more than 100 classes there is naive Bayes alone.
    intercepts_ : list of n_models ndarrays of shape (n_classes,), float32
        Intercepts; zero in naive Bayes.
    sharpness_ : list of n_models floats
        The weights of the scores in the pool.
    softening_ : float
        Lower bound of the divisor in the standardisation.
    deviation_ : float
        Median, over the left-out documents, of the standard deviation of the scores of naive Bayes.
    n_documents_ : int
        Number of documents seen in `fit`.

    References
    ----------
    .. [1] C. Guo et al., "On Calibration of Modern Neural Networks", ICML 2017.
    .. [2] J. Rennie et al., "Tackling the Poor Assumptions of Naive Bayes Text Classifiers", ICML 2003.
    .. [3] A. Ng, M. Jordan, "On Discriminative vs. Generative Classifiers", NIPS 2001.
    """

    def fit(self, documents, codes, seed=0, sample_weight=None, ignored=()):
        """Fit both models and their pool.

        Parameters
        ----------
        documents, codes, seed, sample_weight, ignored
            As in `fit_predict`.

        Returns
        -------
        self : LexicalModel
            Ready to predict.
        """
        self.fit_predict(documents, codes, seed, sample_weight, ignored)
        return self

    def fit_predict(self, documents, codes, seed=0, sample_weight=None, ignored=(), left_out=None):
        """Fit both models and their pool; predict documents as if each had been left out.

        Naive Bayes leaves out one document at a time, with its copies. Logistic regression leaves out folds.
        Only the few numbers of the pool are fitted, and the regression is chosen, on the documents that are
        predicted.

        Parameters
        ----------
        documents : Documents
            Token ids; 0 is padding.
        codes : ndarray of shape (n_documents,), int
            Classes, numbered from 0, each present. `LabelModel` takes an indicator matrix.
        seed : int, default=0
            Seed of the choice of documents to leave out, and of the order of documents in the regression.
        sample_weight : ndarray of shape (n_documents,), float, or None, default=None
            Weights of documents, 1 on average. None is all ones. They do not change which features are kept,
            nor the inverse document frequencies.
        ignored : sequence of int, default=()
            Ids that are not counted here and in prediction, such as those of punctuation. They separate the
            words beside them as padding does: these form no pair.
        left_out : ndarray of shape (n_left_out,), int, or None, default=None
            The documents to predict. None is a random choice of up to 2,000, without copies.

        Returns
        -------
        left_out : ndarray of shape (n_left_out,), int
            The documents that were predicted.
        log_probabilities : ndarray of shape (n_left_out, n_classes), float32
            Their log-probabilities.
        """
        if sample_weight is None:
            sample_weight = np.ones(len(codes), dtype=np.float32)
        self.ignored_ = tuple(ignored)
        documents = self._replace_ignored(documents)
        n_classes, sets = n_outputs(codes), label_sets(codes)
        counts = self._select_features(documents, MAX_WEIGHTS // n_classes)
        frequencies = np.diff(counts.indptr)
        counts = csr_matrix(counts, dtype=np.float32)
        self._tfidf = TfidfTransformer(sublinear_tf=True).fit(counts)
        # The class of a document without weight must not matter.
        copy_of = documents.first_copies(np.where(sample_weight > 0, sets, sets.max() + 1))
        training = Training(self._tfidf.transform(counts), codes, sample_weight, copy_of)
        away = self._leave_out(training, frequencies, seed, left_out)
        n = max(1, min(np.count_nonzero(frequencies > 1), MAX_REGRESSION_WEIGHTS // n_classes))
        first = training._replace(X=training.X[:, :n]), away._replace(new=away.new[:, :n])
        self.n_documents_ = len(codes)
        log_probabilities = self._fit_models(training, away, *first, seed)
        if left_out is None:
            return away.rows, log_probabilities
        order = np.argsort(away.rows)
        return left_out, log_probabilities[order[np.searchsorted(away.rows[order], copy_of[left_out])]]

    def _fit_models(self, training, away, repeated, repeated_away, seed):
        """Fit models and their pool to documents, or to their features that are in several of them.

        Returns the log-probabilities of those left out.
        """
        fits = [_fit_bayes(training, away)]
        if fits[0][1].shape[1] <= REGRESSION_CLASSES:
            fits.append(_fit_regression(repeated, repeated_away, fits[0][0], seed))
        scores, self.weights_, self.intercepts_ = map(list, zip(*fits, strict=True))
        self.sharpness_, self.softening_ = _calibrate(scores, away.codes, away.weights)
        self.deviation_ = float(np.median(scores[0].std(axis=1)))
        return pool_scores(scores, self.sharpness_, self.softening_).astype(np.float32)

    @property
    def idf_(self):
        """Inverse document frequency of each feature, by its row in `weights_`."""
        return self._tfidf.idf_

    def _select_features(self, documents, n_features):
        """Set `features_`, those with the highest document frequency; count them, the most frequent first."""
        keys = words_and_pairs(documents)
        if not len(keys.values):  # not one word in any document
            self.features_, self.columns_ = np.zeros((2, 1), dtype=np.int64)
            return csc_matrix((len(documents), 1), dtype=np.int32)
        # A hash table, several times faster than the sorting of `np.unique`.
        encoded = pa.array(keys.values).dictionary_encode()
        features = encoded.dictionary.to_numpy()
        counts = Documents(encoded.indices.to_numpy(), keys.lengths).counts(len(features))
        kept = np.argsort(-np.diff(counts.indptr), kind="stable")[:n_features]
        self.columns_ = np.argsort(features[kept])
        self.features_ = features[kept][self.columns_]
        return counts[:, kept]

    def _leave_out(self, training, frequencies, seed, asked):
        """Draw documents to leave out, those asked for first. Copies count as one document."""
        X, codes, sample_weight, copy_of = training
        n_copies = np.bincount(copy_of, minlength=len(codes))
        weights = np.bincount(copy_of, sample_weight, minlength=len(codes))
        rows = np.random.RandomState(seed).permutation(len(codes))
        rows = rows[copy_of[rows] == rows]
        n_rows = CALIBRATION_DOCUMENTS
        if codes.ndim == 2:
            n_rows = int(np.clip(CALIBRATION_LABELS // codes.shape[1], 200, n_rows))
        if asked is not None:
            is_asked = np.isin(rows, copy_of[asked])
            rows = np.concatenate([rows[is_asked], rows[~is_asked]])
            n_rows = max(n_rows, np.count_nonzero(is_asked))
        rows = rows[:n_rows]
        added = X[rows].multiply(weights[rows, np.newaxis]).tocsr()
        new = self._without_copies(X[rows], frequencies, n_copies[rows], len(codes))
        weights = weights[rows] * (np.count_nonzero(n_copies) / len(codes))
        if codes.ndim == 2:
            return LeftOut(rows, added, new, codes[rows], weights.astype(np.float32))
        # A class of two loses half when one is left out, which says little about the whole.
        n_of_class = np.bincount(codes[n_copies > 0])[codes[rows]]
        weights = (weights * (1 - 1 / np.maximum(n_of_class, 2)) ** 2).astype(np.float32)
        return LeftOut(rows, added, new, codes[rows], weights)

    def _without_copies(self, X, frequencies, n_copies, n_documents):
        """Recompute TF-IDF as if neither the document nor its copies had been in `fit`."""
        new = X.copy()
        left_out = np.repeat(n_copies, np.diff(new.indptr))
        others = frequencies[new.indices] - left_out
        idf = np.log((1 + n_documents - left_out) / (1 + np.maximum(others, 0))) + 1
        new.data *= np.where(others > 0, idf / self.idf_[new.indices], 0)
        return normalize(new)

    def __getstate__(self):
        state = without_memory_maps(vars(self))
        if "_tfidf" in state:
            state["_tfidf"] = copy(self._tfidf)
            state["_tfidf"].idf_ = np.asarray(self._tfidf.idf_)
        return state

    def __setstate__(self, state):
        if "columns_" in state:
            columns, n = state["columns_"], len(state["features_"])
            sizes = len(columns), len(state["_tfidf"].idf_)
            if sizes != (n, n) or columns.min() < 0 or columns.max() >= n:  # SciPy would read beyond arrays
                raise ValueError(
                    f"The linear model is damaged: it has {n} features, but {sizes[1]} weights of features "
                    f"and {sizes[0]} columns, from {columns.min()} to {columns.max()}."
                )
        vars(self).update(state)


def _fit_bayes(training, left_out):
    """Fit complement naive Bayes; return scores of the left-out documents, and weights and intercepts."""
    X, codes, sample_weight, _ = training
    n_classes, n_features = codes.max() + 1, X.shape[1]
    # Far faster than `ComplementNB`, which multiplies by a dense matrix of classes.
    of_entry = np.repeat(np.arange(len(codes)), np.diff(X.indptr))
    counts = np.bincount(
        X.indices * np.int64(n_classes) + codes[of_entry],
        X.data * sample_weight[of_entry],
        minlength=n_features * n_classes,
    ).reshape(n_features, n_classes)
    complements = (counts.sum(axis=1, keepdims=True) - counts).astype(np.float32)
    totals = np.maximum(complements.sum(axis=0, dtype=np.float64), 1e-6)
    scores = _leave_one_out(complements, totals, left_out)
    return scores, bayes_weights(complements, totals, n_features), np.zeros(n_classes, dtype=np.float32)


def bayes_weights(complements, totals, n_features):
    """Compute weights of complement naive Bayes.

    Parameters
    ----------
    complements : ndarray of shape (n_rows, n_classes), float32
        For some features and each class, the counts in all other classes.
    totals : ndarray of shape (n_classes,), float64
        Sums of the complements over all features.
    n_features : int
        Number of all features, for the smoothing.

    Returns
    -------
    weights : ndarray of shape (n_rows, n_classes), float32
        Centred, because what is common to the classes would cost digits.
    """
    weights = complements / totals.astype(np.float32)
    weights += np.float32(SMOOTHING / n_features)
    np.log(weights, out=weights)
    np.negative(weights, out=weights)
    weights -= weights.mean(axis=1, keepdims=True)
    return weights


def _leave_one_out(complements, totals, left_out):
    """Score left-out documents by naive Bayes, in chunks of rows.

    Complement naive Bayes counts for each class the words of all other classes, so the words of a document
    are subtracted from the counts of every class but its own. The totals lose them in every class: otherwise
    the document's own class would have a larger total and be favoured.
    """
    n_features, n_classes = complements.shape
    n_rows = len(left_out.rows)
    scores = np.empty((n_rows, n_classes), dtype=np.float32)
    step = max(1, CHUNK_LOGARITHMS * n_rows // (n_classes * max(1, left_out.added.nnz)))
    for i in range(0, n_rows, step):
        added, new = left_out.added[i : i + step], left_out.new[i : i + step]
        of_entry = np.repeat(np.arange(added.shape[0]), np.diff(added.indptr))
        others = np.maximum(totals - added.sum(axis=1).A1[:, np.newaxis], 1e-6)
        own = np.arange(added.nnz), left_out.codes[i + of_entry]
        logs = complements[added.indices]
        own_values = logs[own]
        logs -= added.data[:, np.newaxis]
        logs[own] = own_values
        np.maximum(logs, 0, out=logs)  # rounding
        logs += (SMOOTHING / n_features * others).astype(np.float32)[of_entry]
        np.log(logs, out=logs)
        add_up = csr_matrix((new.data, np.arange(added.nnz), added.indptr), (added.shape[0], added.nnz))
        scores[i : i + step] = add_up.sum(axis=1).A1[:, np.newaxis] * np.log(others) - add_up @ logs
    return scores


def _fit_regression(training, left_out, bayes_scores, seed):
    """Fit the best regression; return scores of the left-out documents, and weights and intercepts."""
    best, n_different = None, len(np.unique(training.copy_of))
    few, many = CHOICE_DOCUMENTS
    for kind in REGRESSIONS[: 1 if n_different <= few else 3 if n_different <= many else 2]:
        scores = _cross_validate(training, left_out, kind, seed)
        both = [bayes_scores, scores]
        pooled = pool_scores(both, *_calibrate(both, left_out.codes, left_out.weights))
        loss = -(left_out.weights * pooled[np.arange(len(pooled)), left_out.codes]).sum()
        if best is None or loss < (1 - CLEAR_GAIN) * best[0]:
            best = loss, kind, scores
    _, kind, scores = best
    return scores, *_one_vs_rest(training, n_different, kind, seed)


def _cross_validate(training, left_out, kind, seed):
    """Score left-out documents by regressions that are fitted without one fold of them at a time."""
    n_classes, n_different = training.codes.max() + 1, len(np.unique(training.copy_of))
    scores = np.zeros((len(left_out.rows), n_classes), dtype=np.float32)
    n_folds = max(1, round(len(scores) / (FOLD * n_different)))
    for fold in np.array_split(np.arange(len(scores)), n_folds):
        others = ~np.isin(training.copy_of, left_out.rows[fold])
        learned = np.flatnonzero(others & (training.sample_weight > 0))
        present = np.unique(training.codes[learned])
        if len(present) > 1:
            weights, intercepts = _one_vs_rest(training.take(learned), n_different, kind, seed)
            known = log_expit(left_out.new[fold] @ weights + intercepts)
            # A class that lost all of its documents is as unlikely as the least likely.
            scores[fold] = known.min(axis=1, keepdims=True)
            scores[np.ix_(fold, present)] = known
    return scores


def _one_vs_rest(training, n_different, kind, seed):
    """Fit one regression per class; return weights and intercepts."""
    classes = np.unique(training.codes)
    # What `SGDClassifier` does with several classes, but its threads change the filters of warnings.
    seeds = np.random.RandomState(seed).randint(2**31 - 1, size=len(classes))
    taken = (classes, seeds) if len(classes) > 2 else (classes[1:], [seed])
    weights, intercepts = regress(training, lambda code: training.codes == code, *taken, n_different, kind)
    if len(classes) == 2:
        weights, intercepts = np.vstack([-weights, weights]), np.append(-intercepts, intercepts)
    return np.ascontiguousarray(weights.T), intercepts


def _calibrate(scores, codes, sample_weight):
    """Fit sharpness and softening by maximum a posteriori.

    Their priors are log-normal, with the usual values as medians and a standard deviation of 1.
    """
    usual = np.log([*USUAL_SHARPNESS[: len(scores)], USUAL_SOFTENING])
    n = max(1, CALIBRATION_SCORES // scores[0].shape[1])
    scores, codes, sample_weight = [model[:n] for model in scores], codes[:n], sample_weight[:n]

    def loss(logs):
        *sharpness, softening = np.exp(logs)
        log_probabilities = pool_scores(scores, sharpness, softening)[np.arange(len(codes)), codes]
        return ((logs - usual) ** 2).sum() / 2 - (sample_weight * log_probabilities).sum()

    *sharpness, softening = np.exp(minimize(loss, usual, method="Nelder-Mead").x).tolist()
    return sharpness, softening
