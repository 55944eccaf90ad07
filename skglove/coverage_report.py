"""CoverageReport: which tokens of some texts have a vector, and which words have none."""

from html import escape
from numbers import Integral

import numpy as np

from skglove.messages import shortened
from skglove.notebook import table_row
from skglove.tables import import_pandas

KINDS = {"with_vector": "with a vector", "without_vector": "without a vector", "left_out": "left out, no id"}


class CoverageReport:
    """Which tokens of some texts have a vector, and which words have none.

    `GloveTokenizer.coverage_report` makes it. ``print(report)`` shows it in a terminal, and a notebook shows
    it as a table.

    Parameters
    ----------
    words : list of n_words str
        The distinct words of the texts.
    counts : ndarray of shape (n_words,), int
        How often each occurs, more than zero.
    has_id, has_vector : ndarray of shape (n_words,), bool
        Which words have an id, and which have an id and a vector.
    documents : ndarray of shape (n_documents,), float, or None
        As below.
    vectors : object
        Where the vectors are.
    n : int
        How many words to list.

    Attributes
    ----------
    n_tokens, n_words : int
        The number of tokens and of distinct words in the texts.
    tokens, words : dict of str to float
        The shares of the tokens and of the distinct words, which add up to 1: "with_vector";
        "without_vector", which have an id but no vector; "left_out", which have no id.
    missing : list of (str, int, str)
        The most frequent words that have no vector or no id: the word, how often it occurs, and
        "without_vector" or "left_out".
    documents : ndarray of shape (n_documents,), float64, or None
        The share of the tokens of each document that have a vector. NaN for a document without tokens. None
        in a report on the texts given to `fit`, which the tokenizer does not keep.

    Examples
    --------
    >>> from skglove import GloveTokenizer
    >>> tokenizer = GloveTokenizer({"cat": [1.0, 0.0], "dog": [0.0, 1.0]}).fit(["cat cat zyx", "dog"])
    >>> print(tokenizer.coverage_report(["the cat", "zyx"]))
    Coverage of 3 tokens by WordVectors(2 words, 2 dimensions)
                      tokens  distinct words
    with a vector      33.3%           33.3%
    without a vector   33.3%           33.3%
    left out, no id    33.3%           33.3%
    Tokens with a vector in 2 documents: from 0% to 50%, median 25%
    The most frequent words without a vector or an id:
    1  'the'  left out, no id
    1  'zyx'  without a vector
    """

    def __init__(self, words, counts, has_id, has_vector, *, documents, vectors, n):
        self.n_tokens, self.n_words = int(counts.sum()), len(words)
        kinds = np.where(has_vector, 0, np.where(has_id, 1, 2))
        self.tokens = _shares(np.bincount(kinds, counts, minlength=3))
        self.words = _shares(np.bincount(kinds, minlength=3))
        at = np.flatnonzero(kinds)
        at = at[np.argsort(-counts[at], kind="stable")][:n]
        names = list(KINDS)
        self.missing = [(words[i], int(counts[i]), names[kinds[i]]) for i in at]
        self.documents = documents
        self._vectors = shortened(vectors)

    def to_frame(self):
        """Return the table of missing words.

        Returns
        -------
        frame : pandas.DataFrame
            A row for each word of `missing`, with columns "word", "count" and "reason".

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        return import_pandas().DataFrame(self.missing, columns=["word", "count", "reason"])

    def __repr__(self):
        return f"CoverageReport({self.tokens['with_vector']:.1%} of {self.n_tokens:,} tokens have a vector)"

    def __str__(self):
        lines = [self._title(), f"{'':16}  tokens  distinct words"]
        lines += [
            f"{label:16} {self.tokens[kind]:7.1%} {self.words[kind]:15.1%}" for kind, label in KINDS.items()
        ]
        lines += self._describe_documents()
        if self.missing:
            lines.append("The most frequent words without a vector or an id:")
            width = max(len(f"{count:,}") for _, count, _ in self.missing)
            shown = [shortened(word, 40) for word, *_ in self.missing]
            longest = max(map(len, shown))
            for text, (_, count, kind) in zip(shown, self.missing, strict=True):
                lines.append(f"{count:{width},}  {text:{longest}}  {KINDS[kind]}")
        return "\n".join(lines)

    def _repr_html_(self):
        shares = [
            (label, f"{self.tokens[kind]:.1%}", f"{self.words[kind]:.1%}") for kind, label in KINDS.items()
        ]
        parts = [
            f"<p>{escape(self._title())}</p>",
            _table(("", "tokens", "distinct words"), shares, ("left", "right", "right")),
        ]
        parts += [f"<p>{escape(line)}</p>" for line in self._describe_documents()]
        if self.missing:
            rows = [(shortened(word, 40), f"{count:,}", KINDS[kind]) for word, count, kind in self.missing]
            parts.append("<p>The most frequent words without a vector or an id:</p>")
            parts.append(_table(("word", "count", "reason"), rows, ("left", "right", "left")))
        return f"<div>{''.join(parts)}</div>"

    def _title(self):
        return f"Coverage of {self.n_tokens:,} tokens by {self._vectors}"

    def _describe_documents(self):
        """Return a line on the documents, or none."""
        if self.documents is None or np.isnan(self.documents).all():
            return []
        low, middle, high = np.nanquantile(self.documents, [0, 0.5, 1])
        spread = f"from {low:.0%} to {high:.0%}, median {middle:.0%}"
        return [f"Tokens with a vector in {len(self.documents):,} documents: {spread}"]


def report_on_fit(vocabulary, ids, word_counts, n):
    """Report on the texts that a tokenizer was fitted on.

    Parameters
    ----------
    vocabulary : Vocabulary
        The words with an id below `num_words`.
    ids : dict of str to int
        The ids of all words, also of those beyond `vocabulary`.
    word_counts : ndarray of shape (n_words + 1,), int, or None
        How often each word occurs, by id. Words that do not occur are not reported. None if the tokenizer has
        counted none.
    n : int
        How many words to list.

    Returns
    -------
    report : CoverageReport
    """
    _check(vocabulary, n)
    if word_counts is None:
        raise ValueError(
            "The tokenizer has not counted the words of any texts. Give texts to report on: "
            "coverage_report(texts)."
        )
    words = {i: word for word, i in ids.items()}
    at = np.flatnonzero(word_counts)
    has_id = np.arange(len(word_counts)) <= len(vocabulary)
    has_vector = np.zeros(len(word_counts), bool)
    has_vector[1 : len(vocabulary) + 1] = vocabulary.has_vectors()
    return CoverageReport(
        [words[i] for i in at.tolist()],
        word_counts[at],
        has_id[at],
        has_vector[at],
        documents=None,
        vectors=vocabulary.vectors,
        n=n,
    )


def report_on_texts(vocabulary, words, ids, documents, n):
    """Report on texts.

    Parameters
    ----------
    vocabulary : Vocabulary
        The words with an id below `num_words`.
    words : list of n_words str
        The distinct words of the texts.
    ids : ndarray of shape (n_words,), int
        Their ids, also those beyond the vocabulary; 0 for a word without.
    documents : Documents
        The texts: indices of `words`.
    n : int
        How many words to list.

    Returns
    -------
    report : CoverageReport
    """
    _check(vocabulary, n)
    has_id = (ids > 0) & (ids <= len(vocabulary))
    has_vector = np.zeros(len(ids), bool)
    has_vector[has_id] = vocabulary.has_vectors()[ids[has_id] - 1]
    sums = np.append(0, np.cumsum(has_vector[documents.values]))[documents.bounds]
    with np.errstate(invalid="ignore"):
        shares = np.diff(sums) / documents.lengths
    counts = np.bincount(documents.values, minlength=len(words))
    return CoverageReport(
        words, counts, has_id, has_vector, documents=shares, vectors=vocabulary.vectors, n=n
    )


def _check(vocabulary, n):
    if vocabulary.vectors is None:
        raise ValueError(
            "There is no coverage to report: the tokenizer has vectors=None, so no word has a vector. Give "
            "GloveTokenizer some, such as vectors='glove.6B.50d'."
        )
    if isinstance(n, bool) or not isinstance(n, Integral) or n < 0:
        raise ValueError(f"n must be a number of words such as 20, got {shortened(n)}.")


def _shares(counts):
    total = max(1, counts.sum())
    return {kind: float(count / total) for kind, count in zip(KINDS, counts, strict=True)}


def _table(head, rows, sides):
    body = "".join(table_row(row, sides) for row in rows)
    return f"<table><thead>{table_row(head, sides, 'th')}</thead><tbody>{body}</tbody></table>"
