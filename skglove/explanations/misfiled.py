"""errors: the texts that a classifier misfiles."""

from typing import NamedTuple

import numpy as np

from skglove.inputs import as_indicator, check_labels
from skglove.messages import shortened
from skglove.pipeline import last_step
from skglove.tables import Table

# Characters of a text that are shown.
N_CHARACTERS = 80


class Error(NamedTuple):
    """A text that was given another label than it should have."""

    index: int
    label: object
    predicted: object
    probability_of_label: float
    probability: float  # of the predicted label
    text: str


def errors(pipeline, texts, labels):
    """List the texts that a classifier misfiles, the surest first.

    Parameters
    ----------
    pipeline : estimator
        A fitted classifier of texts with `predict_proba`, such as a Pipeline of `GloveTokenizer` and
        `KerasConvTextClassifier`.
    texts : sequence of n_texts str
        The texts.
    labels : array-like of shape (n_texts,)
        The labels that they should have.

    Returns
    -------
    errors : Table
        A list of named tuples, which `print` and notebooks show as a table, and of which ``to_frame()`` makes
        a pandas DataFrame. Of each misfiled text: `index`, its place in `texts`; `label`, which it should
        have; `predicted`, the label it got; `probability_of_label` and `probability`, those of the two;
        `text`, its beginning. The highest `probability` comes first.

    Raises
    ------
    ValueError
        If there are not as many labels as texts.
    TypeError
        If `pipeline` predicts no probabilities.
    NotImplementedError
        If a text may have several labels.

    See Also
    --------
    explain : Why a text was given its label.

    Examples
    --------
    >>> from skglove import errors, make_text_classifier
    >>> classifier = make_text_classifier(vectors=None, num_words=100, epochs=3, random_state=0)
    >>> texts, labels = ["good", "so good", "bad", "so bad"] * 5, ["+", "+", "-", "-"] * 5
    >>> misfiled = errors(classifier.fit(texts, labels), ["bad", "good"], ["+", "+"])
    >>> [(error.index, error.label, error.predicted, error.text) for error in misfiled]
    [(0, '+', '-', 'bad')]
    """
    if not (hasattr(pipeline, "predict_proba") and hasattr(pipeline, "fit")):
        raise TypeError(f"errors needs a classifier with predict_proba, got {shortened(pipeline)}.")
    if getattr(last_step(pipeline), "_multilabel", False) or as_indicator(labels) is not None:
        # Which of the labels is wrong, and how sure the rest is, needs another table.
        raise NotImplementedError(
            "errors does not support several labels a text. Give a classifier of a single column of y, or "
            "see sklearn.metrics.multilabel_confusion_matrix."
        )
    check_labels(labels)
    labels = np.asarray(labels).ravel().tolist()
    texts = texts if hasattr(texts, "__len__") else list(texts)
    if len(labels) != len(texts):
        raise ValueError(f"There are {len(texts)} texts, but {len(labels)} labels.")
    probabilities, classes = pipeline.predict_proba(texts), pipeline.classes_.tolist()
    best, in_order = probabilities.argmax(axis=1).tolist(), getattr(texts, "iloc", texts)
    codes = {label: code for code, label in enumerate(classes)}
    rows = []
    for i in np.argsort(-probabilities.max(axis=1), kind="stable").tolist():
        code = codes.get(labels[i])
        if code != best[i]:
            of_label = 0.0 if code is None else float(probabilities[i, code])
            of_best = float(probabilities[i, best[i]])
            rows.append(Error(i, labels[i], classes[best[i]], of_label, of_best, beginning(in_order[i])))
    return Table(Error, rows, f"{len(rows)} of {len(texts)} texts are misfiled.")


def beginning(text):
    """Return the beginning of a text in one line.

    Parameters
    ----------
    text : object
        A text, or what a function as `style` takes.

    Returns
    -------
    line : str
    """
    text = text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)
    line = " ".join(text[: 10 * N_CHARACTERS].split())
    return line if len(line) <= N_CHARACTERS else line[: N_CHARACTERS - 3] + "..."
