"""The linear model of words and pairs for multilabel: one regression a label."""

import numpy as np
from scipy.optimize import minimize
from scipy.special import log_expit

from skglove.lexical import (
    CALIBRATION_SCORES,
    CHOICE_DOCUMENTS,
    CLEAR_GAIN,
    FOLD,
    REGRESSIONS,
    LexicalModel,
)
from skglove.lexical_prediction import LabelPrediction
from skglove.multilabel import from_log_odds, log_odds_of_labels
from skglove.regression import regress

# Median of the prior of the sharpness. It matters only with few documents.
USUAL_SHARPNESS = 0.8


class LabelModel(LabelPrediction, LexicalModel):
    """Logistic regression for each label, on the TF-IDF of words and of pairs of adjacent words (bigrams).

    The scores of all labels are calibrated together by Platt scaling [1]_, on left-out documents and by
    maximum a posteriori: the log-odds of a label are ``sharpness * score + shift``. The shift depends on how
    frequent the label is, because the scores of rare labels are too low. The regression is chosen as in
    `LexicalModel`. A label that all documents have, or none, is predicted as frequent as it is.

    Attributes
    ----------
    weights_ : list of one ndarray of shape (n_features or fewer, n_labels), float32
        Coefficients.
    intercepts_ : list of one ndarray of shape (n_labels,), float32
        Intercepts.
    sharpness_ : float
        The factor of the scores.
    shift_ : ndarray of shape (n_labels,), float32
        What is added to them.

    References
    ----------
    .. [1] J. Platt, "Probabilistic Outputs for Support Vector Machines", 1999.
    """

    def _fit_models(self, training, away, repeated, repeated_away, seed):
        best, n_different = None, len(np.unique(training.copy_of))
        few, many = CHOICE_DOCUMENTS
        frequent = log_odds_of_labels(training.codes, training.sample_weight)
        vary = _which_vary(training)
        for kind in REGRESSIONS[: 1 if n_different <= few else 3 if n_different <= many else 2]:
            scores = _cross_validate(repeated, repeated_away, kind, seed)
            varying = scores[:, vary], away.codes[:, vary], away.weights, frequent[vary]
            sharpness, constant, slope = _calibrate(*varying)
            shift = (constant + slope * frequent).astype(np.float32)
            log_odds = sharpness * scores + shift
            loss = _log_loss(log_odds, away.codes, away.weights)
            if best is None or loss < (1 - CLEAR_GAIN) * best[0]:
                best = loss, kind, sharpness, shift, log_odds
        _, kind, self.sharpness_, self.shift_, log_odds = best
        weights, intercepts = _fit_labels(repeated, n_different, kind, seed)
        says_nothing = ~weights.any(axis=0)
        intercepts[says_nothing] = ((frequent - self.shift_) / self.sharpness_)[says_nothing]
        self.weights_, self.intercepts_ = [weights], [intercepts]
        return log_odds

    def fit_predict(self, *args, **options):
        """Fit, and predict documents as if each had been left out.

        Parameters
        ----------
        *args, **options
            As in `LexicalModel.fit_predict`, but `codes` is an indicator matrix.

        Returns
        -------
        left_out : ndarray of shape (n_left_out,), int
            The documents that were predicted.
        log_probabilities : ndarray of shape (n_left_out * n_labels, 2), float32
            As `predict_log_proba` returns them.
        """
        left_out, log_odds = super().fit_predict(*args, **options)
        return left_out, from_log_odds(log_odds)


def _cross_validate(training, left_out, kind, seed):
    """Score left-out documents by regressions that are fitted without one fold of them at a time."""
    n_different = len(np.unique(training.copy_of))
    scores = np.empty((len(left_out.rows), training.codes.shape[1]), dtype=np.float32)
    for fold in np.array_split(np.arange(len(scores)), max(1, round(len(scores) / (FOLD * n_different)))):
        learned = ~np.isin(training.copy_of, left_out.rows[fold]) & (training.sample_weight > 0)
        weights, intercepts = _fit_labels(training.take(np.flatnonzero(learned)), n_different, kind, seed)
        scores[fold] = left_out.new[fold] @ weights + intercepts
    return scores


def _fit_labels(training, n_different, kind, seed):
    """Fit one regression per label; return weights and intercepts."""
    codes, sample_weight = training.codes, training.sample_weight
    weights = np.zeros((codes.shape[1], training.X.shape[1]), dtype=np.float32)
    intercepts = (log_odds_of_labels(codes, sample_weight) / USUAL_SHARPNESS).astype(np.float32)
    vary = _which_vary(training)
    if len(vary):
        seeds = np.random.RandomState(seed).randint(2**31 - 1, size=codes.shape[1])[vary]
        fitted = regress(training, lambda label: codes[:, label] == 1, vary, seeds, n_different, kind)
        weights[vary], intercepts[vary] = fitted
    return np.ascontiguousarray(weights.T), intercepts


def _which_vary(training):
    """Return the labels that some documents have and some have not."""
    codes = training.codes[training.sample_weight > 0]
    return np.flatnonzero(codes.any(axis=0) & ~codes.all(axis=0))  # none, if there are no documents


def _log_loss(log_odds, codes, sample_weight):
    return -(sample_weight @ log_expit(np.where(codes, log_odds, -log_odds))).sum()


def _calibrate(scores, codes, sample_weight, frequent):
    """Fit the sharpness, whose prior is log-normal, and the shift; return its constant and slope."""
    usual = np.array([np.log(USUAL_SHARPNESS), 0.0, 0.0])
    n = CALIBRATION_SCORES // max(1, scores.shape[1])
    scores, codes, sample_weight = scores[:n], codes[:n], sample_weight[:n]

    def loss(x):
        log_odds = np.exp(x[0]) * scores + (x[1] + x[2] * frequent)
        return ((x - usual) ** 2).sum() / 2 + _log_loss(log_odds, codes, sample_weight)

    logarithm, constant, slope = minimize(loss, usual, method="Nelder-Mead").x
    return float(np.exp(logarithm)), constant, slope
