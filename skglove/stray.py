"""White space and typographic punctuation that stays on words, which then have no vectors."""

import re

import numpy as np

from skglove.messages import shortened
from skglove.token_ids import Vocabulary

# From this share of the tokens on there is a warning. Clean posts, reviews, questions and news have below
# 0.0002; news with curly quotes, Windows line ends, or one no-break space in 50 words have 0.014 to 0.03.
NOTICEABLE = 0.005

# The last two have no width: a space, and a byte-order mark that was left in the text.
_SPACES = {*filter(str.isspace, map(chr, range(0x3001))), "\u200b", "\ufeff"}
_PUNCTUATION = set("‘’‚‛“”„‟‹›«»′″–—…")  # noqa: RUF001


def describe_stray(words, counts, split=" ", filters="", vectors=None):
    r"""Say which white space and typographic punctuation stays on words, where it is on many.

    Words count that hold white space, and those that have a vector only without what is at their ends.

    Parameters
    ----------
    words : list of str, of shape (n_words,)
        The words of texts, each once, the most frequent first.
    counts : ndarray of shape (n_words,), int
        How often each occurs.
    split : str, default=" "
        What separates words. Neither its characters nor plain spaces are a fault.
    filters : str, default=""
        The characters at which texts were split.
    vectors : str, path, WordVectors or None, default=None
        Where the words' vectors are. They are looked up only where enough words may be concerned.

    Returns
    -------
    description : str or None
        With the share of the tokens, examples, and what to do; None where there are few or none.

    Examples
    --------
    >>> print(describe_stray(["the", "goal\r"], np.array([3, 1])))
    25.0% of the tokens hold white space or typographic punctuation, such as 'goal\r'. They count as other
    words than without it, and have no vectors. Use style='glove', or filters='\r'.
    """
    spaces = _SPACES - {" ", *split}
    stray = "".join(sorted(spaces | _PUNCTUATION - set(split)))
    # One search through all words takes half the time of a search in each.
    ends = np.cumsum(np.fromiter(map(len, words), dtype=int, count=len(words)))
    found = [match.start() for match in re.finditer(f"[{re.escape(stray)}]", "".join(words))]
    at = np.unique(np.searchsorted(ends, np.array(found, dtype=int), side="right"))
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
