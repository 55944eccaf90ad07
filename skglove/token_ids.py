"""What flows between the steps: token ids that carry the vocabulary they index."""

from dataclasses import dataclass

import numpy as np

from skglove.vectors import as_source, gather_vectors, has_vectors


@dataclass(frozen=True, eq=False, repr=False)
class Vocabulary:
    """The words that token ids stand for, and where their vectors are.

    Ids start at 1: id ``i`` stands for ``words[i - 1]``; id 0 is padding. The vectors themselves are not
    held, only where to find them, so that a vocabulary is cheap to copy and to pickle.

    Parameters
    ----------
    words : sequence of str
        The words in the order of their ids; kept as a tuple.
    vectors : str, path, WordVectors, dict of str to array, gensim KeyedVectors or None, default=None
        Where the words' vectors come from, as in `GloveTokenizer`; None if there are none. Words and arrays
        become `WordVectors`.

    Examples
    --------
    >>> from skglove import Vocabulary, WordVectors
    >>> vectors = WordVectors(["cat", "dog"], [[1.0, 2.0], [3.0, 4.0]])
    >>> vocabulary = Vocabulary(("the", "cat"), vectors)
    >>> vocabulary.embedding_matrix()
    array([[0., 0.],
           [0., 0.],
           [1., 2.]], dtype=float32)
    """

    words: tuple
    vectors: object = None

    def __post_init__(self):
        if isinstance(self.words, str):
            raise TypeError(f"words is a sequence of words, got one string: {self.words[:40]!r}.")
        object.__setattr__(self, "words", tuple(self.words))
        if self.vectors is not None:
            object.__setattr__(self, "vectors", as_source(self.vectors))

    def __len__(self):
        return len(self.words)

    def __repr__(self):
        return f"Vocabulary({len(self)} words, vectors={self.vectors!r})"

    def embedding_matrix(self):
        """Gather the vectors of the words, row by id.

        Returns
        -------
        matrix : ndarray of shape (n_words + 1, dim), float32
            Row 0 (padding) and the rows of words without a vector are zero.

        Raises
        ------
        ValueError
            If the vocabulary has no vectors.
        """
        if self.vectors is None:
            raise ValueError(
                "This vocabulary has no word vectors. Give GloveTokenizer some, e.g. vectors='glove.6B.50d'."
            )
        rows = gather_vectors(self.vectors, self._words_in_utf8())
        matrix = np.zeros((len(rows) + 1, rows.shape[1]), dtype=np.float32)
        matrix[1:] = rows
        return matrix

    def has_vectors(self):
        """Tell which words have a vector.

        Returns
        -------
        found : ndarray of shape (n_words,), bool
            All False if the vocabulary has no vectors.
        """
        if self.vectors is None:
            return np.zeros(len(self), dtype=bool)
        return has_vectors(self.vectors, self._words_in_utf8())

    def _words_in_utf8(self):
        # Texts may hold lone surrogates, vectors cannot: spell them so that they are found nowhere.
        return [word.encode("utf-8", "backslashreplace").decode() for word in self.words]


class TokenIds(np.ndarray):
    """Token ids of documents, with the vocabulary they belong to.

    As categories travel with the codes of a pandas Categorical, the vocabulary travels with the ids: through
    indexing, ``take``, ``copy``, ``astype`` to another number type, and pickle. It is dropped wherever the
    result need not be ids of that vocabulary: arithmetic, concatenation, reshaping.

    Parameters
    ----------
    ids : array-like of shape (n_documents, n_columns), or object ndarray of shape (n_documents,)
        A matrix of ids, which are checked, or ragged: an array of one int32 array a document.
    vocabulary : Vocabulary or None, default=None
        What the ids stand for.

    Attributes
    ----------
    vocabulary : Vocabulary or None
        What the ids stand for.

    Notes
    -----
    joblib's hash of an ndarray of numbers takes its values alone; there is no hook for more. So in a
    ``Pipeline(memory=...)`` a transformer *after* `SequencePadder` cannot tell equal ids of two vocabularies
    apart, say ``vectors=None`` and ``vectors="glove.6B.50d"``. `SequencePadder` itself can: ragged ids are
    pickled to be hashed, with their vocabulary. A final classifier is never cached.

    References
    ----------
    NumPy manual, "Subclassing ndarray".

    Examples
    --------
    >>> from skglove import TokenIds, Vocabulary
    >>> ids = TokenIds([[0, 1], [1, 2]], Vocabulary(("the", "cat")))
    >>> ids[1:].vocabulary
    Vocabulary(2 words, vectors=None)
    >>> print((ids + 1).__class__.__name__)
    ndarray
    """

    vocabulary = None

    def __new__(cls, ids, vocabulary=None):
        """View an array of ids, without a copy where it is ragged or int32."""
        ids = np.asarray(ids)
        ids = (ids if ids.dtype == object else check_ids(ids)).view(cls)
        ids.vocabulary = vocabulary
        return ids

    def _with_vocabulary(self, result):
        if isinstance(result, TokenIds):
            result.vocabulary = self.vocabulary
        return result

    def __getitem__(self, key):
        return self._with_vocabulary(super().__getitem__(key))

    def take(self, *args, **kwargs):
        """Take rows or elements, as `numpy.ndarray.take`; the vocabulary is kept."""
        return self._with_vocabulary(super().take(*args, **kwargs))

    def copy(self, *args, **kwargs):
        """Copy, as `numpy.ndarray.copy`; the vocabulary is kept."""
        return self._with_vocabulary(super().copy(*args, **kwargs))

    def astype(self, *args, **kwargs):
        """Cast, as `numpy.ndarray.astype`; the vocabulary is kept where the result can still hold ids."""
        result = super().astype(*args, **kwargs)
        return self._with_vocabulary(result) if result.dtype.kind in "iufO" else result

    def __copy__(self):
        return self.copy()

    def __deepcopy__(self, memo):
        return self._with_vocabulary(super().__deepcopy__(memo).view(TokenIds))

    def __reduce__(self):
        rebuild, args, state = super().__reduce__()
        return rebuild, args, (*state, self.vocabulary)

    def __setstate__(self, state):
        super().__setstate__(state[:-1])
        self.vocabulary = state[-1]

    def __array_ufunc__(self, ufunc, method, *inputs, out=(), **kwargs):
        """Compute on plain arrays: what comes out of arithmetic are numbers, not ids."""
        for array in out or inputs[: method == "at"]:
            if isinstance(array, TokenIds):
                array.vocabulary = None
        if out:
            kwargs["out"] = tuple(map(_plain, out))
        if "where" in kwargs:
            kwargs["where"] = _plain(kwargs["where"])
        return getattr(ufunc, method)(*map(_plain, inputs), **kwargs)


def _plain(array):
    return array.view(np.ndarray) if isinstance(array, TokenIds) else array


def ragged_token_ids(values, lengths, vocabulary=None):
    """Cut one flat array of ids into documents.

    Parameters
    ----------
    values : ndarray of shape (n_tokens,), int32
        The ids of all documents, one document after the other.
    lengths : ndarray of shape (n_documents,), int
        How many of them each document has.
    vocabulary : Vocabulary or None, default=None
        What the ids stand for.

    Returns
    -------
    ids : TokenIds of shape (n_documents,), object
        One int32 array a document, each a view into `values`.
    """
    ends = np.cumsum(lengths).tolist()
    documents = (values[start:end] for start, end in zip([0, *ends], ends, strict=False))
    return TokenIds(np.fromiter(documents, dtype=object, count=len(ends)), vocabulary)


def is_ragged(X):
    """Tell whether X must be padded before it is a matrix of ids.

    Parameters
    ----------
    X : object
        What a user gave as X.

    Returns
    -------
    ragged : bool
        True for a one-dimensional object array of sequences, and for a list or tuple of sequences of unlike
        length.

    Raises
    ------
    TypeError
        If X holds strings (texts have to become ids first), or sequences beside something else.
    """
    return holds_sequences(X) and not (isinstance(X, list | tuple) and len(set(map(len, X))) == 1)


def holds_sequences(X):
    """Tell whether X holds one sequence a document rather than being a matrix.

    Parameters
    ----------
    X : object
        What a user gave as X.

    Returns
    -------
    sequences : bool
        True for a one-dimensional object array, a list or a tuple of sequences.

    Raises
    ------
    TypeError
        If X holds strings (texts have to become ids first), or sequences beside something else.
    """
    documents = _as_documents(X)
    if isinstance(documents, np.ndarray) and (documents.dtype.kind not in "OUS" or documents.ndim != 1):
        return False
    # Types are few, so this costs the same for a document and for a million.
    types = set(map(type, documents))
    for i, document in _of_types(documents, {kind for kind in types if issubclass(kind, str | bytes)}):
        raise TypeError(
            f"Expected token ids, got a {type(document).__name__} at index {i}: {document[:40]!r}. "
            "Put a GloveTokenizer before this step."
        )
    others = {kind for kind in types if not hasattr(kind, "__len__")}
    if types == others:
        return isinstance(documents, np.ndarray) and not types
    for i, document in _of_types(documents, others):
        raise TypeError(f"Expected a sequence of token ids a document, got {document!r:.60} at index {i}.")
    return True


def _as_documents(X):
    # Iterating a plain array is several times as fast as iterating a subclass.
    return X if isinstance(X, list | tuple) else np.asarray(X)


def _of_types(documents, types):
    return ((i, document) for i, document in enumerate(documents) if type(document) in types) if types else ()


def flatten_ragged(X):
    """Join ragged ids into one flat array.

    Parameters
    ----------
    X : sequence of n_documents sequences of int
        Ragged ids.

    Returns
    -------
    values : ndarray of shape (n_tokens,), int32
        The ids of all documents, one document after the other.
    lengths : ndarray of shape (n_documents,), int64
        How many of them each document has.

    Raises
    ------
    ValueError
        If there are no documents, or if an id is negative, fractional, missing or too large.
    """
    documents = _as_documents(X)
    if len(documents) == 0:
        raise ValueError("Found array with 0 sample(s) (shape=(0,)) while a minimum of 1 is required.")
    lengths = np.fromiter(map(len, documents), dtype=np.int64, count=len(documents))
    values = np.concatenate(documents)
    if values.ndim != 1:
        raise ValueError(f"Documents are sequences of token ids, got some of {values.ndim} dimensions.")
    return check_ids(values, lengths), lengths


def check_documents(X):
    """Check ragged ids, each document for itself.

    Parameters
    ----------
    X : sequence of n_documents sequences of int
        Ragged ids.

    Returns
    -------
    documents : sequence of n_documents ndarrays of int32
        The ids of each document.
    lengths : ndarray of shape (n_documents,), int64
        How many ids each document has.

    Raises
    ------
    ValueError
        If there are no documents, or if an id is negative, fractional, missing or too large.
    """
    documents = _as_documents(X)
    base = _joined_already(documents)
    if base is not None:  # to check it is faster than to join the documents again
        lengths = np.fromiter(map(len, documents), dtype=np.int64, count=len(documents))
        if base.size <= 2 * lengths.sum() and base.min(initial=0) >= 0:
            return documents, lengths
    values, lengths = flatten_ragged(X)
    return np.asarray(ragged_token_ids(values, lengths)), lengths


def _joined_already(documents):
    """Find the int32 array that all documents are parts of, if they are, as from `ragged_token_ids`."""
    base = getattr(documents[0], "base", None) if len(documents) else None
    if not isinstance(base, np.ndarray) or base.dtype != np.int32:
        return None
    int32 = base.dtype
    parts = (type(d) is np.ndarray and d.base is base and d.ndim == 1 and d.dtype is int32 for d in documents)
    return base if all(parts) else None


def check_ids(values, lengths=None):
    """Check that numbers are token ids.

    Parameters
    ----------
    values : ndarray
        What should be ids: a matrix with a row a document, or flat.
    lengths : ndarray of shape (n_documents,), int, default=None
        How many values each document has, where `values` is flat.

    Returns
    -------
    ids : ndarray of the shape of `values`, int32
        The ids; `values` itself where it has that dtype.

    Raises
    ------
    ValueError
        If one is negative, fractional, missing or does not fit into int32. The message names the first.
    TypeError
        If they are not numbers.
    """
    if values.dtype == np.int32 and (values.size == 0 or values.min() >= 0):
        return values
    if values.dtype.kind not in "iufb":
        raise TypeError(f"Token ids are integers, got values of dtype {values.dtype}.")
    valid = (values >= 0) & (values <= np.iinfo(np.int32).max)
    if values.dtype.kind == "f":
        valid &= values == np.floor(values)
    if not valid.all():
        wrong = np.flatnonzero(~valid.ravel())[0]
        lengths = np.full(len(values), values[0].size) if lengths is None else lengths
        document = np.searchsorted(np.cumsum(lengths), wrong, side="right")
        value = values.ravel()[wrong].item()
        # scikit-learn asks for these words where negative values are refused.
        problem = "Negative values in data: token" if value < 0 else "Token"
        largest = np.iinfo(np.int32).max
        raise ValueError(
            f"{problem} ids are integers from 0 to {largest}, got {value} in document {document}."
        )
    return values.astype(np.int32)
