"""The models that accuracy.py compares skglove with, and how their settings are chosen."""

import re
import tempfile
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from kim import KimClassifier
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.naive_bayes import ComplementNB
from sklearn.pipeline import Pipeline
from sklearn.svm import LinearSVC

# Words of at least two characters, scikit-learn's rule; or also single characters and punctuation.
PATTERNS = [r"(?u)\b\w\w+\b", r"(?u)\w+|[^\w\s]"]
# Characters times classes above which the second rule is not tried, and no pairs for LogisticRegression: on
# 20 Newsgroups they have tens of millions of coefficients, which takes an hour and gigabytes.
MAX_CHARACTERS = 20_000_000


@dataclass(frozen=True)
class Model:
    """A name for tables, a maker from vectors and a seed, and the settings to choose from.

    A model without settings to choose from is a network, which is fitted with several seeds.
    """

    name: str
    make: Callable
    grid: dict | None = None
    scoring: str = "accuracy"


class FastText(ClassifierMixin, BaseEstimator):
    """fastText's supervised classifier, with scikit-learn's methods."""

    def __init__(self, lr=0.5, epoch=25, wordNgrams=2):
        self.lr, self.epoch, self.wordNgrams = lr, epoch, wordNgrams

    def fit(self, texts, codes):
        import fasttext

        self.classes_ = np.unique(codes)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "texts.txt"
            lines = [f"__label__{code} {self._line(text)}\n" for text, code in zip(texts, codes, strict=True)]
            path.write_text("".join(lines), encoding="utf-8")
            self.model_ = fasttext.train_supervised(
                str(path), verbose=0, thread=2, seed=0, **self.get_params()
            )
        return self

    def predict_proba(self, texts):
        # Not model.predict: fastText's Python part does not work with NumPy 2.
        probabilities = np.full((len(texts), len(self.classes_)), 1e-9)
        for row, text in zip(probabilities, texts, strict=True):
            for probability, label in self.model_.f.predict(self._line(text) + "\n", -1, 0.0, "strict"):
                row[np.searchsorted(self.classes_, int(label.removeprefix("__label__")))] = probability
        return probabilities / probabilities.sum(axis=1, keepdims=True)

    def predict(self, texts):
        return self.classes_[self.predict_proba(texts).argmax(axis=1)]

    @staticmethod
    def _line(text):
        return " ".join(re.findall(r"\w+", text.lower()))


def linear(model):
    """Return a maker of a linear model on TF-IDF."""
    return lambda vectors, seed: Pipeline([("tfidf", TfidfVectorizer(sublinear_tf=True)), ("model", model)])


def linear_grid(**of_model):
    grid = {f"model__{name}": values for name, values in of_model.items()}
    return {**grid, "tfidf__ngram_range": [(1, 1), (1, 2)], "tfidf__token_pattern": PATTERNS}


PEERS = {
    "svc": Model(
        "TF-IDF + LinearSVC", linear(LinearSVC(random_state=0)), linear_grid(C=[0.1, 0.3, 1, 3, 10])
    ),
    "nb": Model("TF-IDF + ComplementNB", linear(ComplementNB()), linear_grid(alpha=[0.1, 0.3, 1])),
    # For its probabilities.
    "lr": Model(
        "TF-IDF + LogisticRegression",
        linear(LogisticRegression(max_iter=300)),
        linear_grid(C=[1, 10, 100]),
        "neg_log_loss",
    ),
    "fasttext": Model("fastText", lambda vectors, seed: FastText(), {"lr": [0.5, 1.0]}),
    "kim": Model("Kim's network, Keras", lambda vectors, seed: KimClassifier(vectors, seed=seed)),
    "kim-glove": Model(
        'Kim\'s network, Keras, style="glove"',
        lambda vectors, seed: KimClassifier(vectors, style="glove", seed=seed),
    ),
}


def choose(model, texts, codes):
    """Choose the settings of a linear model or of fastText by folds of the training texts.

    Three folds, two where the smallest class has only two texts; the first alone for fastText. Return a new
    model with the settings, and the settings as a text.
    """
    estimator = model.make(None, 0)
    n_folds = int(np.clip(np.bincount(codes).min(), 2, 3))
    folds = list(StratifiedKFold(n_folds, shuffle=True, random_state=0).split(texts, codes))
    grid = dict(model.grid)
    if isinstance(estimator, FastText):
        folds = folds[:1]
    elif sum(map(len, texts)) * (codes.max() + 1) > MAX_CHARACTERS:
        grid["tfidf__token_pattern"] = PATTERNS[:1]
        if isinstance(estimator[-1], LogisticRegression):
            grid["tfidf__ngram_range"] = [(1, 1)]
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        if isinstance(estimator, Pipeline):
            estimator.set_params(memory=folder)  # TF-IDF once a fold
        search = GridSearchCV(
            estimator, grid, scoring=model.scoring, cv=folds, refit=False, error_score="raise"
        ).fit(texts, codes)
    chosen = clone(estimator).set_params(**search.best_params_)
    if isinstance(estimator, Pipeline):
        chosen.set_params(memory=None)
    return chosen, describe(search.best_params_)


def describe(settings):
    """Write chosen settings as "C=1, pairs, punctuation"."""
    words = []
    for name, value in settings.items():
        if name == "tfidf__ngram_range":
            words += ["pairs"] * (value == (1, 2))
        elif name == "tfidf__token_pattern":
            words += ["punctuation"] * (value == PATTERNS[1])
        else:
            words.append(f"{name.removeprefix('model__')}={value}")
    return ", ".join(words)
