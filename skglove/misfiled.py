"""errors: the texts that a classifier misfiles."""

from typing import NamedTuple

import numpy as np

from skglove.inputs import check_labels
from skglove.messages import shortened
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
    check_labels(labels)
    labels = np.asarray(labels).ravel()
    probabilities = pipeline.predict_proba(texts)
    texts = list(texts)
    if len(labels) != len(texts):
        raise ValueError(f"There are {len(texts)} texts, but {len(labels)} labels.")
    classes = pipeline.classes_
    best = probabilities.argmax(axis=1)
    places = {label: i for i, label in enumerate(classes.tolist())}
    codes = [places.get(label) for label in labels.tolist()]
    wrong = [i for i in np.argsort(-probabilities.max(axis=1), kind="stable").tolist() if codes[i] != best[i]]
    rows = [
        Error(
            i,
            labels.tolist()[i],
            classes.tolist()[best[i]],
            0.0 if codes[i] is None else float(probabilities[i, codes[i]]),
            float(probabilities[i, best[i]]),
            beginning(texts[i]),
        )
        for i in wrong
    ]
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
