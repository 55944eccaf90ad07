"""Checks of the words that users give as `vocabulary` of `GloveTokenizer`."""

from collections.abc import Iterator, Mapping
from numbers import Integral

from skglove.messages import shortened, warn
from skglove.token_ids import Vocabulary


def words_in_order(vocabulary):
    """Check a given vocabulary and return its words.

    Parameters
    ----------
    vocabulary : iterable of str, dict of str to int, or Vocabulary
        As in `GloveTokenizer`.

    Returns
    -------
    words : tuple of str
        In the order of their ids.

    Raises
    ------
    TypeError
        If the words have no order or can be read only once, or if one is no str.
    ValueError
        If there are no words, if a word occurs twice, or if the ids of a dict are not 1, 2, 3 and so on.
    """
    if isinstance(vocabulary, Mapping):
        vocabulary = _by_id(vocabulary)
    elif isinstance(vocabulary, Vocabulary):
        vocabulary = vocabulary.words
    elif isinstance(vocabulary, Iterator):
        raise TypeError(
            f"vocabulary is a {type(vocabulary).__name__}, which can be read only once. Put the words into a "
            "list."
        )
    try:
        words = Vocabulary(vocabulary).words
    except TypeError as error:
        raise TypeError(f"vocabulary: {error}") from None
    if not words:
        raise ValueError("vocabulary is empty. Give at least one word, or None to learn it from the texts.")
    if len(set(words)) < len(words):
        first = {}
        i, word = next((i, word) for i, word in enumerate(words) if first.setdefault(word, i) < i)
        raise ValueError(
            f"vocabulary has the word {shortened(word)} twice, at {first[word]} and at {i}. A word can have "
            "one id only. Give list(dict.fromkeys(words)) to leave out repeated words."
        )
    return words


def _by_id(ids):
    """Return the words of a dict of ids in the order of these."""
    words = sorted(ids, key=ids.get) if all(isinstance(i, Integral) for i in ids.values()) else []
    for expected, word in enumerate(words, start=1):
        if ids[word] != expected:
            break
    else:
        if len(words) == len(ids):
            return words
    raise ValueError(
        f"The ids of a vocabulary that is a dict must be the numbers from 1 to {len(ids)}, each once (0 is "
        f"padding), got {shortened(ids)}. Give a list of the words to number them in its order."
    )


def warn_of_upper_case(words, oov_token):
    """Warn of words that no text has, because it is converted to lower case.

    Parameters
    ----------
    words : tuple of str
        The words.
    oov_token : str or None
        Stands for other words, so it need not occur.
    """
    upper = [word for word in words if word != oov_token and word != word.lower()]
    if upper:
        warn(
            f"{len(upper)} of the {len(words)} words in vocabulary have upper case letters, such as "
            f"{shortened(upper[0])}, and occur in no text, because lower=True. Give them in lower case, or "
            "set lower=False."
        )
