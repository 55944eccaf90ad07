"""Errors: a file that cannot be read, a word that has no vector."""

import difflib

from skglove.messages import shortened

_LONGEST_TYPO = 40  # characters: the number of spellings tried is 55 times the length of the word
_LETTERS = "abcdefghijklmnopqrstuvwxyz'-"


class VectorFileError(ValueError):
    """A file of word vectors that cannot be read.

    Parameters
    ----------
    path : str or Path
        The file.
    problem : str
        What is wrong with it.
    line : int, default=None
        The line, counted from 1; in a binary file, the number of the vector.

    Examples
    --------
    >>> print(VectorFileError("glove.txt", "expected a word and 50 numbers, got 49 numbers", 7))
    glove.txt, line 7: expected a word and 50 numbers, got 49 numbers
    """

    __module__ = "skglove.vectors"  # the name in tracebacks

    def __init__(self, path, problem, line=None):
        super().__init__(path, problem, line)
        self.path, self.problem, self.line = path, problem, line

    def __str__(self):
        return f"{self.path}{'' if self.line is None else f', line {self.line}'}: {self.problem}"


class UnknownWordError(KeyError):
    """A word that has no vector. The message suggests similar words that have one.

    The suggestions are computed when the message is read, so catching this error in a loop is cheap.

    Parameters
    ----------
    word : str
    vectors : WordVectors, default=None
        Where the word was looked up.

    Examples
    --------
    >>> print(UnknownWordError("keyborad", WordVectors(["keyboard"], [[0.5]])))
    'keyborad' has no vector; close spellings: 'keyboard'
    """

    __module__ = "skglove.vectors"

    def __init__(self, word, vectors=None):
        super().__init__(word)
        self.vectors = vectors

    def __reduce__(self):
        return type(self), self.args

    def __str__(self):
        close = [] if self.vectors is None else _close_spellings(self.args[0], self.vectors)
        hint = f"; close spellings: {', '.join(map(shortened, close))}" if close else ""
        return f"{shortened(self.args[0])} has no vector{hint}"


def _close_spellings(word, vectors, n=3):
    """Return the most frequent known words at edit distance 1, else the most similar frequent words."""
    if len(word) > _LONGEST_TYPO:
        return []
    halves = [(word[:at], word[at:]) for at in range(len(word) + 1)]
    close = {word.lower(), word.upper(), word.title(), word.strip()}
    close |= {a + b[1:] for a, b in halves} | {a + b[1::-1] + b[2:] for a, b in halves}
    close |= {a + letter + b[skip:] for a, b in halves for letter in _LETTERS for skip in (0, 1)}
    close = sorted(close & vectors._positions.keys(), key=vectors._positions.get)
    if not close:
        likely = [other for other in vectors.words[:50_000] if other[:1] == word[:1].lower()]
        close = difflib.get_close_matches(word, likely, n, cutoff=0.75)
    return close[:n]
