"""explain: why a text was given its label, token by token."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skglove.classifier import KerasConvTextClassifier
from skglove.documents import Documents
from skglove.explanations.contributions import Contributions
from skglove.explanations.token_places import token_places
from skglove.messages import shortened
from skglove.progress import counted, shown
from skglove.rendering import to_html, to_terminal
from skglove.splitting import check_texts, decode_words
from skglove.tables import import_pandas
from skglove.tokenizer import GloveTokenizer


class Token(NamedTuple):
    """A word of a text, and what it adds to the log-odds."""

    word: str
    start: int | None  # its place in the text; None if it is not in the text, see `Explanation`
    stop: int | None
    contribution: float
    known: bool


@dataclass(frozen=True, repr=False)
class Explanation:
    """What each token of a text adds to the log-odds of a label, made by `explain`.

    The log-odds are ``log(p / (1 - p))``, where p is the probability of the label. They are the sum of
    `baseline` and of all contributions, within 0.001; with ``dtype_policy="mixed_bfloat16"``, which rounds
    probabilities, within 0.1. `print` shows the explanation in a terminal, in colour where there is one. A
    notebook shows it as HTML: blue with a solid line for the label, orange with a dashed line against it.

    Attributes
    ----------
    text : str or object
        What the tokenizer got.
    label : object
        The label that is explained, a member of `classes_`.
    probability : float
        The probability of the label.
    baseline : float
        The log-odds of a text without words.
    tokens : tuple of Token
        All words of the text, in order. Each has a `word`; its `start` and `stop` in the text, so that
        ``text[start:stop]`` is the word as it was written, or None where a function as `style` returned a
        word that is not in the text; its `contribution`, above zero if it speaks for the label; and `known`,
        False if the classifier has not seen it, because the vocabulary lacks it or the text was cut.
    """

    text: object
    label: object
    probability: float
    baseline: float
    tokens: tuple

    @property
    def log_odds(self):
        """The log-odds of the label: the baseline and all contributions."""
        return self.baseline + sum(token.contribution for token in self.tokens)

    def strongest(self, n=10):
        """Add up the contributions of each word.

        Parameters
        ----------
        n : int, default=10
            How many words to return at most.

        Returns
        -------
        words : list of tuple of (str, float)
            The words with the largest sums, for or against the label, and the sums, the largest first.
        """
        sums = {}
        for token in self.tokens:
            sums[token.word] = sums.get(token.word, 0.0) + token.contribution
        return sorted(
            ((word, total) for word, total in sums.items() if total), key=lambda item: -abs(item[1])
        )[:n]

    def to_frame(self):
        """Return the tokens as a pandas DataFrame.

        Returns
        -------
        frame : pandas.DataFrame of shape (n_tokens, 5)
            Columns "word", "start", "stop", "contribution" and "known".

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        return import_pandas().DataFrame(self.tokens, columns=Token._fields)

    def to_html(self):
        """Write the explanation as HTML.

        The text is escaped. There are no scripts, and styles are inline. So the HTML can be put into any
        page, of any encoding.

        Returns
        -------
        html : str
            A "div" element.
        """
        return to_html(self)

    def __str__(self):
        return to_terminal(self)

    def __repr__(self):
        return (
            f"Explanation(label={shortened(self.label)}, probability={self.probability:.3f}, "
            f"{len(self.tokens)} tokens)"
        )

    def _repr_html_(self):
        return self.to_html()


def explain(pipeline, texts, *, labels=None, verbose=0):
    """Explain the labels of texts by what each word adds to their log-odds.

    The linear model is taken apart exactly. Each word, and each pair of adjacent words, adds its coefficient
    times its TF-IDF; the two words of a pair share its part equally. Of the network, a maximum over time is
    shared among the words of its window, and the weighted sum of words is linear. "stacked" is read by the
    gradient times the word vectors, and what this leaves out is shared equally.

    A word's contribution depends on the other words, so removing a word does not change the log-odds by
    exactly its contribution.

    Parameters
    ----------
    pipeline : sklearn.pipeline.Pipeline
        A fitted Pipeline of `GloveTokenizer`, perhaps other steps that keep ids, such as `SequencePadder`,
        and `KerasConvTextClassifier`. Steps before the tokenizer are applied to the texts first. A fitted
        search, such as `GridSearchCV`, stands for its best estimator.
    texts : iterable of n_texts str or bytes
        The texts, as in ``pipeline.predict``.
    labels : array-like of shape (n_texts,) or None, default=None
        The label of each text to explain. None explains the predicted ones.
    verbose : int, default=0
        1 shows a progress bar if it takes more than two seconds. The bar needs tqdm; without it, there are
        two lines on stderr.

    Returns
    -------
    explanations : list of n_texts Explanation

    Raises
    ------
    TypeError
        If `pipeline` is not such a Pipeline.
    ValueError
        If a label is unknown, or if a step changes the ids.
    NotImplementedError
        If a text may have several labels.
    NotFittedError
        If the pipeline is not fitted.

    See Also
    --------
    telling_words : The words that tell the classes apart in all texts.
    errors : The texts that a pipeline misfiles.

    Examples
    --------
    >>> from skglove import explain, make_text_classifier
    >>> classifier = make_text_classifier(vectors=None, num_words=100, epochs=3, random_state=0)
    >>> texts, labels = ["good", "so good", "bad", "so bad"] * 5, ["+", "+", "-", "-"] * 5
    >>> (explanation,) = explain(classifier.fit(texts, labels), ["A good film!"])
    >>> explanation.label, [token.word for token in explanation.tokens if token.known]
    ('+', ['good'])
    """
    pipeline, position = check_text_pipeline(pipeline, "explain")
    tokenizer, classifier = pipeline.steps[position][1], pipeline.steps[-1][1]
    if position:
        texts = pipeline[:position].transform(texts)
    texts = list(
        check_texts(texts, tokenizer.encoding, tokenizer.decode_error, any_type=callable(tokenizer.style))
    )
    documents, words = tokenizer._split(texts)
    ids = tokenizer._look_up(words)
    X, after = tokenizer._make_ids(documents, ids), pipeline[position + 1 : -1]
    X = after.transform(X) if len(after) else X
    codes = None if labels is None else _codes(classifier.classes_, labels, len(texts))
    seen = classifier._documents_to_predict(X)
    ids = Documents(ids[documents.values], documents.lengths)
    places = _align(ids, seen)
    known = ((places >= 0) & (ids.values != tokenizer._oov_id)).tolist()
    words = np.array(decode_words(words), dtype=object)[documents.values].tolist()
    rules = {name: getattr(tokenizer, name) for name in ("style", "lower", "filters", "split")}
    classes, bounds, explanations = classifier.classes_.tolist(), documents.bounds.tolist(), []
    with shown(verbose):
        shares = counted(Contributions(classifier).of(seen, codes), "explain", "texts", len(texts))
        for i, (code, probability, baseline, parts) in enumerate(shares):
            of_text = slice(bounds[i], bounds[i + 1])
            found = words[of_text]
            contributions = np.append(parts, 0)[places[of_text]].tolist()
            tokens = tuple(
                Token(word, start, stop, contribution, is_known)
                for word, (start, stop), contribution, is_known in zip(
                    found, token_places(texts[i], found, **rules), contributions, known[of_text], strict=True
                )
            )
            explanations.append(Explanation(texts[i], classes[code], probability, baseline, tokens))
    return explanations


def check_text_pipeline(pipeline, name):
    """Check that a Pipeline leads from texts over ids to labels, and is fitted.

    Parameters
    ----------
    pipeline : object
        What a user gave.
    name : str
        The function that needs it, for messages.

    Returns
    -------
    pipeline : sklearn.pipeline.Pipeline
        The Pipeline, or the best one of a search.
    position : int
        The index of its `GloveTokenizer`.

    Raises
    ------
    TypeError
        If it is not such a Pipeline.
    NotImplementedError
        If a text may have several labels.
    NotFittedError
        If it is not fitted.
    """
    pipeline = getattr(pipeline, "best_estimator_", pipeline)
    needed = f"{name} needs a Pipeline with a GloveTokenizer, and a KerasConvTextClassifier as its last step"
    if not hasattr(pipeline, "steps"):
        raise TypeError(f"{needed}, got {type(pipeline).__name__}. Give the whole fitted Pipeline.")
    kinds = [type(step).__name__ if step is not None else "None" for _, step in pipeline.steps]
    positions = [i for i, (_, step) in enumerate(pipeline.steps) if isinstance(step, GloveTokenizer)]
    classifier = pipeline.steps[-1][1]
    if len(positions) != 1 or not isinstance(classifier, KerasConvTextClassifier):
        raise TypeError(f"{needed}, got one of {', '.join(kinds)}.")
    pipeline.steps[positions[0]][1]._check_fitted()  # which takes over a vocabulary that is given
    check_is_fitted(classifier)
    if getattr(classifier, "_multilabel", False):  # contributions are to one softmax over the classes
        raise NotImplementedError(
            f"{name} does not support classifiers of several labels a text. Fit one to a single column of y."
        )
    return pipeline, positions[0]


def _codes(classes, labels, n_texts):
    """Return the classes that are explained, as indices."""
    if isinstance(labels, str) or len(labels) != n_texts:
        raise ValueError(f"labels must hold one label per text, of {n_texts} texts; got {shortened(labels)}.")
    places = {label: code for code, label in enumerate(classes.tolist())}
    labels = np.asarray(labels).tolist()
    for label in labels:
        if label not in places:
            raise ValueError(
                f"The classifier knows no label {shortened(label)}; it knows {shortened(list(places), 200)}."
            )
    return np.array([places[label] for label in labels])


def _align(ids, seen):
    """Find each token of the texts among the ids that the classifier saw.

    Parameters
    ----------
    ids, seen : Documents
        Of all tokens, 0 for those that are left out; and those that the classifier saw, padded or cut.

    Returns
    -------
    places : ndarray of shape (n_tokens,), int
        The place of each token in its document of `seen`, -1 if it is not there.
    """
    given, kept = ids.keep(ids.values != 0), seen.keep(seen.values != 0)
    n_cut = given.lengths - kept.lengths
    is_wrong = n_cut < 0
    if not is_wrong.any():
        # Texts lose their beginning, or with truncating="post" their end, or both.
        at = np.arange(len(kept.values)) + np.repeat(
            given.bounds[:-1] + n_cut - kept.bounds[:-1], kept.lengths
        )
        for i in np.unique(kept.rows[given.values[at] != kept.values]).tolist():
            all_ids, some = given[i], kept[i]
            starts = (n for n in range(n_cut[i]) if np.array_equal(all_ids[n : n + len(some)], some))
            start = next(starts, None)
            if start is None:
                is_wrong[i] = True
                break
            at[kept.bounds[i] : kept.bounds[i + 1]] += start - n_cut[i]
    if is_wrong.any():
        raise ValueError(
            f"The classifier gets other ids for the text at index {is_wrong.argmax()} than GloveTokenizer "
            "makes. Between the two there may only be steps that pad or cut, such as SequencePadder."
        )
    places = np.full(len(ids.values), -1)
    in_document = np.flatnonzero(seen.values) - np.repeat(seen.bounds[:-1], kept.lengths)
    places[np.flatnonzero(ids.values)[at]] = in_document
    return places
