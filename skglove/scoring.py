"""Scores of the classifier on documents held out from training, by scikit-learn's scorers."""

from inspect import signature

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.metrics import get_scorer

from skglove.messages import shortened


class HeldOutScore:
    """Score probabilities with one of scikit-learn's scorers.

    Parameters
    ----------
    scoring : str or callable
        As in `KerasConvTextClassifier`, but not "loss".
    classes : ndarray of shape (n_classes,)
        Labels of the classes.

    Raises
    ------
    ValueError
        If scikit-learn has no scorer of this name.
    """

    def __init__(self, scoring, classes):
        self.scoring, self.classes = scoring, classes
        try:
            self.scorer = get_scorer(scoring)
        except ValueError as error:
            raise ValueError(
                f"scoring={shortened(scoring)} is no scorer of scikit-learn. It may be 'loss', one of the "
                "names that sklearn.metrics.get_scorer_names() returns, such as 'accuracy' or 'f1_macro', or "
                "a callable scorer(estimator, X, y), such as sklearn.metrics.make_scorer returns."
            ) from error

    def __call__(self, probabilities, codes, sample_weight):
        """Compute the score.

        Parameters
        ----------
        probabilities : ndarray of shape (n_documents, n_classes), float32
            What the classifier predicts.
        codes : ndarray of shape (n_documents,) or (n_documents, n_labels), int
            The true classes, numbered from 0; or an indicator matrix.
        sample_weight : ndarray of shape (n_documents,), float
            Weights of documents. The scorer gets them if they differ and if it takes them.

        Returns
        -------
        score : float
            Higher is better.

        Raises
        ------
        ValueError
            If the scorer fails, or if it does not return a finite number.
        """
        places = np.arange(len(codes))[:, np.newaxis]
        weights = {"sample_weight": sample_weight} if np.ptp(sample_weight) and self._takes_weights() else {}
        try:
            score = self.scorer(
                Predictions(probabilities, self.classes, codes.ndim == 2),
                places,
                self.classes[codes] if codes.ndim == 1 else codes.astype(int),
                **weights,
            )
            value = float(score)
        except Exception as error:
            raise ValueError(
                f"scoring={shortened(self.scoring)} fails on the {len(codes)} held-out documents: "
                f"{type(error).__name__}: {str(error)[:200]}"
            ) from error
        if not np.isfinite(value):
            held_out = f"the {len(codes)} held-out documents, of {len(np.unique(codes))} classes"
            raise ValueError(
                f"scoring={shortened(self.scoring)} is {value} on {held_out}, but must be a finite number. "
                "Hold out more documents, or choose another scoring."
            )
        return value

    def _takes_weights(self):
        # A scorer of `make_scorer` takes any parameter, and gives it to its function.
        function = getattr(self.scorer, "_score_func", self.scorer)
        return "sample_weight" in signature(function).parameters


class Predictions(ClassifierMixin, BaseEstimator):
    """Predictions for documents, as a fitted classifier gives them to a scorer.

    Parameters
    ----------
    probabilities : ndarray of shape (n_documents, n_classes), float32
        Of all documents.
    classes : ndarray of shape (n_classes,)
        Labels of the classes.
    multilabel : bool
        Whether a document may have several labels.
    """

    def __init__(self, probabilities, classes, multilabel):
        self.probabilities, self.classes, self.multilabel = probabilities, classes, multilabel
        self.classes_ = classes

    def predict_proba(self, X):
        """Return the probabilities of documents, whose numbers are X, of shape (n_documents, 1)."""
        return self.probabilities[np.asarray(X)[:, 0]]

    def predict(self, X):
        """Return the labels of documents, whose numbers are X, of shape (n_documents, 1)."""
        if self.multilabel:
            return (self.predict_proba(X) > 0.5).astype(int)
        return self.classes_[self.predict_proba(X).argmax(axis=1)]
