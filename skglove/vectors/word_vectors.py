"""WordVectors: words and a matrix with a row for each, and what they tell about words."""

import logging
from collections.abc import Collection, Iterable
from functools import cached_property
from numbers import Integral

import numpy as np

from skglove.messages import shortened
from skglove.states import pack_words, unpack_words
from skglove.vectors import cache, evaluation
from skglove.vectors.cache import Stored
from skglove.vectors.checks import as_arrow, as_matrix
from skglove.vectors.errors import UnknownWordError, VectorFileError
from skglove.vectors.files import VectorFile
from skglove.vectors.locations import PackageFiles, find
from skglove.vectors.lookup import nearest_rows, positions_of, row_norms
from skglove.vectors.writing import write_vectors

logger = logging.getLogger(__name__)


class WordVectors:
    """Words and their vectors.

    The vectors do not change, so a copy is the object itself. Vectors from `load_vectors` are pickled as
    their name or path, without the matrix, and loaded again when they are next used.

    Parameters
    ----------
    words : sequence of str or pyarrow array of strings, of shape (n_words,)
        Words must be unique.
    matrix : array-like of shape (n_words, dim)
        Finite numbers; stored as float32.

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
    load_vectors : Loads GloVe, word2vec and fastText vectors.

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
        words = as_arrow(words)
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
        """Convert gensim's ``KeyedVectors``.

        Parameters
        ----------
        keyed_vectors : gensim.models.KeyedVectors
            The ``wv`` of a trained ``Word2Vec`` or ``FastText`` model, for example.

        Returns
        -------
        vectors : WordVectors
        """
        if not is_keyed_vectors(keyed_vectors):
            hint = "; take its .wv" if hasattr(keyed_vectors, "wv") else ""
            raise TypeError(f"Expected gensim's KeyedVectors, got {type(keyed_vectors).__name__}{hint}")
        return cls(keyed_vectors.index_to_key, keyed_vectors.vectors)

    @classmethod
    def _from(cls, source, format=None, stored=None):
        """Make vectors of a name or a path. They are loaded at the first use, unless `stored` is given."""
        vectors = cls.__new__(cls)
        vectors._source, vectors._format = source, format
        if stored is not None:
            vectors._stored = stored
        return vectors

    @cached_property
    def _stored(self):
        found = find(self._source)
        if not isinstance(found, PackageFiles):
            return cache.open_vectors(VectorFile(found, self._format))
        import pyarrow.parquet as pq  # slow to import

        return Stored(
            as_arrow(pq.read_table(found.words, columns=["index"])["index"]),
            np.asarray(np.load(found.matrix, mmap_mode="r")),
        )

    def __getstate__(self):
        state = {"_source": self._source, "_format": self._format}
        if self._source:
            return state
        words, matrix, _ = self._stored
        return state | {"_words": pack_words(words.to_pylist()), "_matrix": np.asarray(matrix)}

    def __setstate__(self, state):
        state = dict(state)
        if "_words" in state:  # version 0.1 pickled `Stored`
            words, matrix = as_arrow(unpack_words(*state.pop("_words"))), state.pop("_matrix")
            matrix.flags.writeable = False
            state["_stored"] = Stored(words, matrix)
        vars(self).update(state)

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
        """The vectors; read-only. If they come from the cache, the first use verifies their checksums."""
        if self._stored.sums is not None:
            self._take(slice(None))
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
        # Without this, NumPy makes an array of all words, as GridSearchCV does of the values in a grid.
        raise ValueError("WordVectors are no array: take .matrix or .words")

    def __contains__(self, word):
        return word in self._positions

    def __getitem__(self, words):
        """Return the vector of a word, (dim,), or the vectors of a list of words, (n, dim)."""
        if isinstance(words, str):
            return self._take([self._position(words)])[0]
        return self._take(self._positions_of(words))

    def contains(self, words):
        """Tell which words have a vector.

        Parameters
        ----------
        words : list of str or pyarrow array of strings, of shape (n,)

        Returns
        -------
        found : ndarray of shape (n,), bool

        Examples
        --------
        >>> WordVectors(["hello"], [[0.5, 0.25]]).contains(["hello", "hallo"])
        array([ True, False])
        """
        return positions_of(words, self._stored.words) >= 0

    def rows(self, words):
        """Return the vectors of some words, such as the embedding matrix of a vocabulary.

        Parameters
        ----------
        words : list of str or pyarrow array of strings, of shape (n,)

        Returns
        -------
        matrix : ndarray of shape (n, dim), float32
            A row of zeros for a word that has no vector.

        Examples
        --------
        >>> WordVectors(["hello"], [[0.5, 0.25]]).rows(["hallo", "hello"])
        array([[0.  , 0.  ],
               [0.5 , 0.25]], dtype=float32)
        """
        at = positions_of(words, self._stored.words)
        rows = np.zeros((len(at), self.dim), np.float32)
        rows[at >= 0] = self._take(at[at >= 0])
        return rows

    def first(self, n):
        """Return the first words, in most files the most frequent.

        Parameters
        ----------
        n : int

        Returns
        -------
        words : list of str
            All words if there are fewer.

        Examples
        --------
        >>> WordVectors(["hello", "world"], [[0.5], [0.25]]).first(1)
        ['hello']
        """
        return self._stored.words[:n].to_pylist()

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

    def _take(self, at):
        """Return rows by position. Rows from the cache are verified; if they are damaged, it is replaced."""
        words, matrix, sums = self._stored
        # take needs half the time of [at].
        rows = matrix[at] if isinstance(at, slice) else matrix.take(np.asarray(at, np.intp), axis=0)
        if sums is None or (cache.row_sums(rows) == sums[at]).all():
            return rows
        logger.warning("The cache of %s is damaged and is made anew", self._source)
        anew = cache.open_vectors(VectorFile(find(self._source), self._format), anew=True)
        if not words.equals(anew.words):
            raise VectorFileError(self._source, "the file has changed since it was opened: load it again")
        self._stored = anew
        return anew.matrix[at]

    @cached_property
    def _norms(self):
        return row_norms(self.matrix)

    # ---- what the vectors tell about words

    def similarity(self, a, b):
        """Return the cosine similarity of two words.

        Parameters
        ----------
        a, b : str or array-like of shape (dim,)
            A word or a vector.

        Returns
        -------
        similarity : float
            From -1 to 1; 0 if a vector is all zeros.

        Examples
        --------
        >>> WordVectors(["east", "north", "northeast"], [[1, 0], [0, 2], [3, 3]]).similarity("east", "north")
        0.0
        """
        a, b = self._vector(a), self._vector(b)
        length = np.linalg.norm(a) * np.linalg.norm(b)
        return float(np.clip(a @ b / length, -1, 1)) if length else 0.0

    def distance(self, a, b, metric="cosine"):
        """Return the distance between two words.

        Parameters
        ----------
        a, b : str or array-like of shape (dim,)
            A word or a vector.
        metric : {"cosine", "euclidean"}, default="cosine"
            The cosine distance is 1 minus the cosine similarity.

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
        """Return the words of the highest cosine similarity to a word or a vector, or to each of many.

        Parameters
        ----------
        query : str, list of str, or array-like of shape (dim,) or (n_queries, dim)
            A word is not its own neighbour. One call with many queries is faster than many calls.
        n : int, default=10
            How many words.

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
            return self._named(*self._nearest(self._take(at), n + 1), n, leave_out=at[:, None])
        query = self._as_numbers(query)
        if query.ndim == 1 and query.size:
            return self.nearest(query[None], n)[0]
        if query.shape == (0,):
            return []
        if query.ndim != 2 or query.shape[1] != self.dim:
            raise ValueError(f"Expected vectors of {self.dim} dimensions, got the shape {query.shape}")
        return self._named(*self._nearest(query, n), n)

    def analogy(self, a, b, c, n=10, *, include_query=False):
        """Answer "a is to b as what is to c?" with the words nearest to a - b + c.

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
        This is 3CosAdd (Levy and Goldberg, 2014): vectors are L2-normalised before they are added. Without
        that, frequent words would dominate, because their vectors are long.

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
        found = self._nearest(self._combined(at), n + 3)
        return self._named(*found, n, leave_out=None if include_query else at)

    def doesnt_match(self, words):
        """Return the word that is least similar to the mean of all the words given.

        Parameters
        ----------
        words : list of str
            At least three.

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
        rows = self._take(at) / self._norms[at, None]
        return self.words[at[int(np.argmin(rows @ rows.mean(axis=0)))]]

    def subset(self, words):
        """Return new vectors, in memory, of some of the words.

        Parameters
        ----------
        words : list of str
            Each must have a vector. The new vectors have this order.

        Returns
        -------
        vectors : WordVectors

        Examples
        --------
        >>> WordVectors(["a", "b", "c"], [[1], [2], [3]]).subset(["c", "a"]).matrix.ravel()
        array([3., 1.], dtype=float32)
        """
        at = [] if isinstance(words, str) else self._positions_of(words)
        return WordVectors([self.words[each] for each in at] if at else words, self._take(at))

    def save(self, path, format="glove"):
        """Write the vectors to a text file. Loading it gives exactly the same words and numbers.

        Parameters
        ----------
        path : str or path-like
            The file to write. The suffixes ``.gz``, ``.bz2``, ``.xz`` and ``.zip`` compress it.
        format : {"glove", "word2vec", "fasttext"}, default="glove"
            The last two begin with a header: the numbers of words and of dimensions.
        """
        write_vectors(path, self._stored.words, self.matrix, format)

    def evaluate_analogies(self, path, *, lower=True, n_words=None):
        r"""Measure how many analogy questions the vectors answer correctly.

        Parameters
        ----------
        path : str or path-like
            A file in the format of Google's ``questions-words.txt``: lines of four words, such as "Athens
            Greece Baghdad Iraq", in sections that begin with a line ": name".
        lower : bool, default=True
            Whether to convert the questions to lower case, as the words of most GloVe files are.
        n_words : int, default=None
            Use only the first, that is the most frequent, words, in questions and answers.

        Returns
        -------
        scores : dict
            ``accuracy`` (NaN if all questions are skipped), ``n_correct``, ``n_questions``, ``n_skipped``
            (questions with a word that has no vector), and ``sections``: a dict of these four for each name.

        References
        ----------
        T. Mikolov, K. Chen, G. Corrado, J. Dean: Efficient Estimation of Word Representations in Vector
        Space. ICLR 2013 workshop.

        Examples
        --------
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> words = ["king", "queen", "man", "woman", "car"]
        >>> vectors = WordVectors(words, [[3, 1], [3, 2], [1, 1], [1, 2], [-1, 0]])
        >>> with TemporaryDirectory() as folder:
        ...     path = Path(folder, "questions.txt")
        ...     _ = path.write_text(": family\nMan Woman King Queen\nMan Woman Boy Girl\n")
        ...     scores = vectors.evaluate_analogies(path)
        >>> scores["accuracy"], scores["n_questions"], scores["n_skipped"]
        (1.0, 1, 1)
        """
        if n_words is not None:
            _check_n(n_words, "n_words")
        sections, questions = evaluation.read_questions(path, lower)
        at = [[self._positions.get(word, len(self)) for word in words] for words in questions]
        at = np.array(at, int).reshape(-1, 4)
        known = at.max(axis=1) < (n_words or len(self))
        a, b, c, expected = at[known].T
        correct = np.zeros(len(expected), bool)
        if len(expected):
            asked = np.stack([b, a, c], axis=1)
            found, _ = self._nearest(self._combined(asked), 4, n_words)
            queried = (found[:, :, None] == asked[:, None, :]).any(axis=2)
            correct = found[np.arange(len(found)), np.argmin(queried, axis=1)] == expected
        return evaluation.accuracy_by_section(sections, known, correct)

    def evaluate_similarity(self, path, *, lower=True):
        r"""Measure how well cosine similarities agree with people's judgements: Spearman's rank correlation.

        Parameters
        ----------
        path : str or path-like
            A file such as WordSim-353: lines of two words and a number, separated by tabs, commas or spaces.
            The first line may be titles; comments begin with "#".
        lower : bool, default=True
            Whether to convert the words to lower case.

        Returns
        -------
        scores : dict
            ``spearman``, ``p_value``, ``n_pairs``, and ``n_skipped`` (pairs with a word that has no vector).

        References
        ----------
        L. Finkelstein et al.: Placing Search in Context: The Concept Revisited. ACM TOIS 20(1), 2002.

        Examples
        --------
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> vectors = WordVectors(["lunch", "dinner", "car"], [[2, 1], [3, 1], [-1, 5]])
        >>> with TemporaryDirectory() as folder:
        ...     path = Path(folder, "pairs.csv")
        ...     _ = path.write_text("lunch,dinner,9.1\nlunch,car,1.5\ncar,dinner,1.2\ncar,bus,8\n")
        ...     scores = vectors.evaluate_similarity(path)
        >>> round(scores["spearman"], 3), scores["n_pairs"], scores["n_skipped"]
        (1.0, 3, 1)
        """
        judgements = evaluation.read_judgements(path, lower)
        known = [(a, b, score) for a, b, score in judgements if a in self and b in self]
        judged = [score for *_, score in known]
        found = [self.similarity(a, b) for a, b, _ in known]
        return evaluation.rank_correlation(path, judged, found, len(judgements) - len(known))

    def _vector(self, word):
        if isinstance(word, str):
            return self._take([self._position(word)])[0]
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
        a, b, c = (self._take(each) / self._norms[each, None] for each in at.T)
        return a - b + c

    def _nearest(self, queries, n, n_words=None):
        """Return positions and similarities, (n_queries, n) each, among the first `n_words` words."""
        return nearest_rows(queries, self.matrix[:n_words], self._norms[:n_words], n)

    def _named(self, at, similarities, n, leave_out=None):
        """Return lists of n words and similarities, without those at the positions to leave out."""
        words = self._stored.words
        keep = np.ones(at.shape, bool)
        if leave_out is not None:
            keep = (at[:, :, None] != leave_out[:, None, :]).all(axis=2)
        return [
            [
                (words[int(row)].as_py(), float(value))
                for row, value in zip(rows[kept][:n], values[kept], strict=False)
            ]
            for rows, values, kept in zip(at, similarities, keep, strict=True)
        ]


def is_keyed_vectors(vectors):
    """Tell whether an object is gensim's KeyedVectors, or looks like them."""
    return hasattr(vectors, "index_to_key") and hasattr(vectors, "vectors")


def _is_filled(query):
    return isinstance(query, Collection) and getattr(query, "shape", 1) != () and len(query) > 0


def _check_n(n, name="n"):
    if isinstance(n, bool | np.bool_) or not isinstance(n, Integral):
        raise TypeError(f"{name} must be an integer, got {shortened(n)}")
    if n < 1:
        raise ValueError(f"{name} must be at least 1, got {n}")
