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
    places, at = [], 0
    for word in words:
        wanted = word.lower() if by_function else word
        start = normal.find(wanted, at, at + len(wanted) + LOOK_AHEAD if by_function else None)
        if start < 0 or not wanted:
            places.append((None, None))
            continue
        at = start + len(wanted)
        places.append((origins[start], origins[at - 1] + 1))
    return places
