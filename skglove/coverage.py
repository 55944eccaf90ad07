"""How many words have a vector, and which characters stay on words and keep them from having one."""

import re

import numpy as np

from skglove.messages import shortened, warn
from skglove.token_ids import Vocabulary

# There is a warning from this share of the tokens on. Clean posts, reviews, questions and news are below
# 0.0002. News with curly quotes, Windows line ends, or one no-break space in 50 words are at 0.014 to 0.03.
NOTICEABLE = 0.005

# The last two have no width: a space, and a byte-order mark that was left in the text.
_SPACES = {*filter(str.isspace, map(chr, range(0x3001))), "\u200b", "\ufeff"}
_PUNCTUATION = set("‘’‚‛“”„‟‹›«»′″–—…")  # noqa: RUF001


def measure_coverage(vocabulary, word_counts):
    """Measure which share of the words has a vector. Warn if it is less than half of the tokens.

    Parameters
    ----------
    vocabulary : Vocabulary
        The words, and where their vectors are.
    word_counts : ndarray of shape (>= n_words + 1,), int
        How often each word occurs, by id. Words that do not occur are not counted.

    Returns
    -------
    coverage : dict of str to float, or None
        "vocabulary": the share of the distinct words. "tokens": the share of all occurrences. None if the
        vocabulary has no vectors.

    Examples
    --------
    >>> vocabulary = Vocabulary(("the", "zyx"), {"the": [1.0, 2.0]})
    >>> measure_coverage(vocabulary, np.array([0, 3, 1]))
    {'vocabulary': 0.5, 'tokens': 0.75}
    """
    if vocabulary.vectors is None:
        return None
    found, counts = vocabulary.has_vectors(), word_counts[1 : len(vocabulary) + 1]
    if not counts.sum():
        return {"vocabulary": 0.0, "tokens": 0.0}
    found, counts = found[counts > 0], counts[counts > 0]
    coverage = {"vocabulary": float(found.mean()), "tokens": float(counts[found].sum() / counts.sum())}
    if coverage["tokens"] < 0.5:
        warn(
            f"Only {coverage['tokens']:.0%} of the tokens have a vector in {vocabulary.vectors!r}. Do the "
            "texts have the language and the case of the vectors? See also style, lower and filters.",
        )
    return coverage


def describe_stray_characters(words, counts, split=" ", filters="", vectors=None):
    r"""Describe white space and typographic punctuation that stays on words, if it is frequent.

    A word is counted if it contains white space, or if it has a vector only after such characters are removed
    from its ends.

    Parameters
    ----------
    words : list of str, of shape (n_words,)
        The distinct words of texts, the most frequent first.
    counts : ndarray of shape (n_words,), int
        How often each occurs.
    split : str, default=" "
        The separator of words. Its characters and plain spaces are never reported.
    filters : str, default=""
        The characters at which texts were split.
    vectors : str, path, WordVectors or None, default=None
        Where the words' vectors are. They are looked up only if enough words contain such characters.

    Returns
    -------
    description : str or None
        The share of the tokens, examples, and a remedy. None if there are few such words.

    Examples
    --------
    >>> print(describe_stray_characters(["the", "goal\r"], np.array([3, 1])))
    25.0% of the tokens hold white space or typographic punctuation, such as 'goal\r'. They count as other
    words than without it, and have no vectors. Use style='glove', or filters='\r'.
    """
    spaces = _SPACES - {" ", *split}
    stray = "".join(sorted(spaces | _PUNCTUATION - set(split)))
    at = _words_with(stray, words)
    enough = max(1, NOTICEABLE * counts.sum())
    if counts[at].sum() < enough:
        return None
    held = [words[i] for i in at]
    trimmed = [word.strip(stray) for word in held]
    as_it_is, without = Vocabulary((*held, *trimmed), vectors).has_vectors().reshape(2, -1)
    at = at[[not spaces.isdisjoint(word) for word in held] | (without & ~as_it_is)]
    if counts[at].sum() < enough:
        return None
    outside = {character for i in at for character in words[i].replace(words[i].strip(stray), "", 1)}
    inside = spaces.intersection("".join(words[i] for i in at))
    characters = "".join(sorted(outside | inside))
    examples = ", ".join(shortened(words[i], 30) for i in at[:3])
    return (
        f"{counts[at].sum() / counts.sum():.1%} of the tokens hold white space or typographic punctuation, "
        f"such as {examples}. They count as other words than without it, and have no vectors. "
        f"Use style='glove', or filters={filters + characters!r}."
    )


def _words_with(characters, words):
    """Find the indices of the words that contain one of some characters."""
    # One search through all words takes half the time of a search in each.
    ends = np.cumsum(np.fromiter(map(len, words), dtype=int, count=len(words)))
    found = [match.start() for match in re.finditer(f"[{re.escape(characters)}]", "".join(words))]
    return np.unique(np.searchsorted(ends, np.array(found, dtype=int), side="right"))
