"""telling_words: the words and pairs that speak most for and against each class."""

from numbers import Integral
from typing import NamedTuple

import numpy as np
from scipy.special import expit, log_expit, softmax

from skglove.explanations.explanation import check_text_pipeline
from skglove.messages import shortened
from skglove.tables import Table


class TellingWord(NamedTuple):
    """A word, or a pair of adjacent words, that speaks for or against a label."""

    label: object
    words: str
    weight: float
    documents: int


def telling_words(pipeline, n=20):
    """List the words and pairs of adjacent words that speak most for and against each class.

    They are those of the linear model, because only a linear model has one weight for a word in all texts. A
    word's weight is what a unit of its TF-IDF adds to the log-odds of the class against all others, to first
    order and in a text whose naive Bayes scores differ as usual. So in a text, the linear model's part of the
    word's contribution is about the weight times the word's TF-IDF there, see `explain`. The network is not
    in these weights.

    Parameters
    ----------
    pipeline : sklearn.pipeline.Pipeline
        A fitted Pipeline of `GloveTokenizer` and `KerasConvTextClassifier`, as in `explain`.
    n : int, default=20
        How many words and pairs speak for each class, and how many against it, at most.

    Returns
    -------
    words : Table
        A list of named tuples, which `print` and notebooks show as a table, and of which ``to_frame()`` makes
        a pandas DataFrame. Each has the `label`; the `words`, joined by a space if there are two; the
        `weight`, above zero if they speak for the label; and in how many `documents` they were in `fit`, or
        in all calls of `partial_fit`, weighted by ``sample_weight``. Sorted by label and falling weight.

    Raises
    ------
    TypeError
        If `pipeline` is not such a Pipeline.
    ValueError
        If `n` is no number from 1 on, or if the classifier has no linear model.
    NotImplementedError
        If a text may have several labels.
    NotFittedError
        If the pipeline is not fitted.

    See Also
    --------
    explain : Why a text was given its label; also for a network alone.

    Examples
    --------
    >>> from skglove import make_text_classifier, telling_words
    >>> classifier = make_text_classifier(vectors=None, num_words=100, epochs=3, random_state=0)
    >>> texts, labels = ["good", "so good", "bad", "so bad"] * 5, ["+", "+", "-", "-"] * 5
    >>> table = telling_words(classifier.fit(texts, labels), n=1)
    >>> [(row.label, row.words, row.weight > 0, row.documents) for row in table]
    [('+', 'good', True, 10), ('+', 'bad', False, 10), ('-', 'bad', True, 10), ('-', 'good', False, 10)]
    """
    pipeline, position = check_text_pipeline(pipeline, "telling_words")
    if isinstance(n, bool) or not isinstance(n, Integral) or n < 1:
        raise ValueError(f"n must be a number of words such as 20, at least 1, got {shortened(n)}.")
    classifier = pipeline.steps[-1][1]
    model = classifier.lexical_model_
    if model is None:
        raise ValueError(
            f"telling_words reads the weights of the linear model, which architecture="
            f"{classifier.architecture!r} has only with a lexical_weight above 0. A network has no weight of "
            "a word that holds in all texts: use explain on texts."
        )
    if not hasattr(model, "n_documents_"):
        raise ValueError("This classifier was fitted by an earlier version of skglove: fit it again.")
    vocabulary = pipeline.steps[position][1]._vocabulary.words
    keys = np.empty_like(model.features_)
    keys[model.columns_] = model.features_
    of_models, rows = model.weights_, []
    for code, label in enumerate(classifier.classes_.tolist()):
        weights = classifier._pool_weights[1] * _weights(model, of_models, code)
        weights[keys == 0] = 0  # stands for nothing
        chosen = np.concatenate([_largest(weights, n), _largest(-weights, n)[::-1]])
        # From TfidfTransformer's inverse document frequency: log((1 + n_documents) / (1 + documents)) + 1
        documents = (1 + model.n_documents_) / np.exp(model.idf_[chosen] - 1.0) - 1
        rows += [
            TellingWord(label, _words(vocabulary, keys[column]), float(weights[column]), round(count))
            for column, count in zip(chosen, documents.tolist(), strict=True)
        ]
    return Table(TellingWord, rows)


def _weights(model, of_models, code):
    """Compute the gradient of the log-odds of a class with respect to the TF-IDF of all features."""
    empty = np.zeros(of_models[0].shape[1])
    if len(of_models) > 1:
        empty = model.sharpness_[1] * log_expit(model.intercepts_[1].astype(np.float64))
    empty[code] = -np.inf
    effects = -softmax(empty)
    effects[code] = 1
    divisor = np.hypot(model.deviation_, model.softening_)
    # In float32, as the weights, of which there may be millions
    weights = of_models[0] @ (model.sharpness_[0] / divisor * effects).astype(np.float32)
    if len(of_models) > 1:
        slopes = model.sharpness_[1] * expit(-model.intercepts_[1].astype(np.float64))
        weights[: len(of_models[1])] += of_models[1] @ (slopes * effects).astype(np.float32)
    return weights


def _largest(values, n):
    """Return the indices of the `n` largest values that are above zero, the largest first."""
    (found,) = np.nonzero(values > 0)
    if len(found) > n:
        found = found[np.argpartition(-values[found], n - 1)[:n]]
    return found[np.argsort(-values[found], kind="stable")]


def _words(vocabulary, key):
    ids = [i for i in divmod(int(key), 2**32) if i]
    return " ".join(vocabulary[i - 1] for i in ids)
