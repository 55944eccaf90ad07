"""Where the tokens of a text are in it."""

from skglove.splitting import GLOVE_CHARACTERS

# A function may return words that are not in the text, such as lemmas. It may also leave words out. A word is
# looked for in this many characters after the last one found.
LOOK_AHEAD = 100


def token_places(text, words, *, style="glove", lower=True, filters="", split=" "):
    """Find the tokens of a text in it, in their order.

    Parameters
    ----------
    text : str or object
        The text. Only a str has places.
    words : list of str
        Its tokens, as `split_texts` makes them by the same rules.
    style, lower, filters, split
        The rules, as in `split_texts`. The words of a function are found whatever their case.

    Returns
    -------
    places : list of tuple of (int, int), or of (None, None)
        Start and stop of each token, so that ``text[start:stop]`` is the token before it was converted to
        lower case and its quotes were made straight. None for words of a function that are not in the text.

    Examples
    --------
    >>> token_places("The cat.", ["the", "cat", "."])
    [(0, 3), (4, 7), (7, 8)]
    >>> token_places("Cats sat.", ["cat", "sit", "."], style=print)
    [(0, 3), (None, None), (8, 9)]
    """
    if not isinstance(text, str):
        return [(None, None)] * len(words)
    by_function, table = callable(style), {}
    if not by_function:
        table = GLOVE_CHARACTERS if style == "glove" else str.maketrans(dict.fromkeys(filters, split))

    def normalize(characters):
        return (characters.lower() if lower or by_function else characters).translate(table)

    normal, origins = normalize(text), range(len(text))
    if len(normal) != len(text):  # the lower case of U+0130 has two characters, and so may `split`
        origins = [i for i, character in enumerate(text) for _ in normalize(character)]
    if style == "keras":
        starts = _split_starts(normal, split)
    else:
        words = [word.lower() for word in words] if by_function else words
        starts = _find(words, normal, by_function)
    return [
        (None, None) if start < 0 else (origins[start], origins[start + len(word) - 1] + 1)
        for word, start in zip(words, starts, strict=True)
    ]


def _split_starts(normal, split):
    """List where the words of a text begin that `split` separates, which may itself have several letters."""
    starts, at = [], 0
    for word in normal.split(split):
        if word:
            starts.append(at)
        at += len(word) + len(split)
    return starts


def _find(words, normal, by_function):
    """List where words begin, -1 for those that are not found."""
    starts, at = [], 0
    for word in words:
        end = at + len(word) + LOOK_AHEAD if by_function else None
        start = normal.find(word, at, end) if word else -1
        starts.append(start)
        if start >= 0:
            at = start + len(word)
    return starts
