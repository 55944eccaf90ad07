"""Token ids that carry their vocabulary: what users see between the steps.

The vocabulary is metadata of the ids' dtype. An attribute of an ndarray subclass would not do: most
meta-estimators of scikit-learn convert X to a plain array, which loses the attribute. The dtype stays with
the ids in plain arrays, other memory orders, pickles, memory maps and DataFrames. joblib's hash includes it.
"""

import pickle
from dataclasses import dataclass

import numpy as np

from skglove.dask_arrays import keep_vocabularies_in_dask
from skglove.documents import check_ids, without_metadata
from skglove.messages import shortened
from skglove.states import pack_words, unpack_words
from skglove.vectors import as_source, gather_vectors, has_vectors

# The key of the vocabulary in the metadata of a dtype.
METADATA_KEY = "skglove.vocabulary"


@dataclass(frozen=True, eq=False, repr=False)
class Vocabulary:
    """The words that token ids stand for, and where their vectors are.

    Ids start at 1: id ``i`` stands for ``words[i - 1]``. Id 0 is padding. Of a vector file, the vocabulary
    stores only where it is, so the vocabulary is cheap to copy and to pickle.

    Parameters
    ----------
    words : sequence of str
        The words in the order of their ids. Stored as a tuple.
    vectors : str, path, WordVectors, dict of str to array, gensim KeyedVectors or None, default=None
        Where the word vectors are, as in `GloveTokenizer`. A dict is converted to `WordVectors`. None stands
        for no vectors.

    Raises
    ------
    TypeError
        If `words` is not an ordered collection of str.

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
        object.__setattr__(self, "words", _check_words(self.words))
        if self.vectors is not None:
            object.__setattr__(self, "vectors", as_source(self.vectors))

    def __len__(self):
        return len(self.words)

    def __repr__(self):
        return f"Vocabulary({len(self)} words, vectors={self.vectors!r})"

    def embedding_matrix(self):
        """Gather the vectors of the words in one matrix, one row per id.

        Returns
        -------
        matrix : ndarray of shape (n_words + 1, dim), float32
            Row 0 (padding) and the rows of words without a vector are all zeros.

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

    def __getstate__(self):
        # Pickle writes a str that it has seen before as a reference, so joblib's hash of equal vocabularies
        # would depend on which strings happen to be the same object. Bytes do not.
        return {"packed": pack_words(self.words), "vectors": self.vectors}

    def __setstate__(self, state):
        words = unpack_words(*state["packed"]) if "packed" in state else state["words"]  # as in 0.1.0
        vars(self).update(words=tuple(words), vectors=state["vectors"])

    def _words_in_utf8(self):
        # Texts may hold lone surrogates, vector files cannot. Their escapes match no word of a file.
        return [word.encode("utf-8", "backslashreplace").decode() for word in self.words]


def _check_words(words):
    """Return words as a tuple. Raise a TypeError that says what is wrong with them."""
    expected = "words must be a sequence of str, in the order of their ids"
    if isinstance(words, str | bytes):
        raise TypeError(
            f"{expected}, got one {type(words).__name__}: {shortened(words)}. Put it into a list."
        )
    if isinstance(words, set | frozenset):
        raise TypeError(f"{expected}, got a {type(words).__name__}, which has no order.")
    try:
        words = tuple(words)
    except TypeError as error:
        raise TypeError(f"{expected}, got {type(words).__name__}: {shortened(words)}.") from error
    if not all(issubclass(kind, str) for kind in set(map(type, words))):  # types are few
        i, word = next((i, word) for i, word in enumerate(words) if not isinstance(word, str))
        raise TypeError(f"{expected}, got {type(word).__name__} at index {i}: {shortened(word)}.")
    return words


def _unpickle_vocabulary(words, vectors):
    """Read a pickle of an earlier version."""
    return Vocabulary(pickle.loads(words), vectors)


class TokenIds(np.ndarray):
    """Token ids of documents, with the vocabulary they belong to.

    The vocabulary travels with the ids, as categories travel with the codes of a pandas Categorical. It
    survives indexing, reshaping, copying, pickling, and ``astype`` to another number type. It also survives
    conversion to plain arrays by `numpy.asarray` and to frames by ``pandas.DataFrame(ids)``. Arithmetic drops
    the vocabulary, because the results are numbers, not ids. Joining, such as `numpy.vstack`, drops it, too.

    Parameters
    ----------
    ids : array-like of shape (n_documents, n_columns), or object ndarray of shape (n_documents,)
        A matrix of ids, or ragged ids: an array of one int32 array per document. Only a matrix is checked.
    vocabulary : Vocabulary or None, default=None
        The words that the ids stand for.

    Attributes
    ----------
    vocabulary : Vocabulary or None
        The words that the ids stand for. To change it, make another `TokenIds` of the same ids.

    Raises
    ------
    ValueError, TypeError
        If a matrix holds values other than integers from 0 to 2147483647.

    Notes
    -----
    The vocabulary is metadata of the dtype. Therefore ``Pipeline(memory=...)`` distinguishes equal ids of two
    vocabularies. `joblib.dump` and pickle store the vocabulary. `numpy.save` does not, and warns.

    Integer arithmetic on a *plain* array of ids, such as ``np.asarray(ids) + 1``, keeps the vocabulary: NumPy
    offers no way to prevent it. The classifier refuses ids beyond the vocabulary, but it cannot distinguish
    other results from ids. Drop the vocabulary first: ``np.asarray(ids).astype(np.int64)``.

    References
    ----------
    NumPy manual, "Subclassing ndarray"; `numpy.dtype.metadata`.

    Examples
    --------
    >>> from skglove import TokenIds, Vocabulary
    >>> ids = TokenIds([[0, 1], [1, 2]], Vocabulary(("the", "cat")))
    >>> ids[1:].vocabulary
    Vocabulary(2 words, vectors=None)
    >>> print((ids + 1).__class__.__name__)
    ndarray
    """

    def __new__(cls, ids, vocabulary=None):
        """View an array of ids. Ragged and int32 ids are not copied."""
        ids = np.asarray(ids)
        return with_vocabulary(ids if ids.dtype == object else check_ids(ids), vocabulary, cls)

    @property
    def vocabulary(self):
        """The words that the ids stand for, or None."""
        return _vocabulary_of_dtype(self.dtype)

    def astype(self, dtype, *args, **kwargs):
        """Cast like `numpy.ndarray.astype`. Types that can hold ids keep the vocabulary."""
        dtype = np.dtype(dtype)
        if dtype.metadata is None and dtype.kind in "iufO":
            dtype = _dtype_with(dtype, self.vocabulary)
        return super().astype(dtype, *args, **kwargs)

    def __setitem__(self, key, value):
        """Assign ids, which must not be of another vocabulary."""
        own, other = self.vocabulary, _vocabulary_of_dtype(getattr(value, "dtype", None))
        if own is not other and None not in (own, other) and own.words != other.words:
            raise ValueError(
                f"Cannot assign ids of another vocabulary ({len(other)} words) to ids of one of {len(own)} "
                "words: they would stand for other words."
            )
        super().__setitem__(key, value)

    def __copy__(self):
        return self.copy()

    def __deepcopy__(self, memo):
        return super().__deepcopy__(memo).view(TokenIds)

    def __setstate__(self, state):
        if len(state) == 6:  # pickled when the vocabulary was an attribute
            *state, vocabulary = state
            state[2] = _dtype_with(state[2], vocabulary)
        super().__setstate__(tuple(state))

    def __array_ufunc__(self, ufunc, method, *inputs, out=(), **kwargs):
        """Compute on plain arrays, because the results of arithmetic are numbers, not ids."""
        changed = out or inputs[: method == "at"]
        if any(isinstance(array, TokenIds) and array.vocabulary is not None for array in changed):
            raise TypeError(
                "Token ids cannot be changed by arithmetic in place: the results would not stand for the "
                "words of their vocabulary. Write ids = ids + 1, which makes a plain array."
            )
        if out:
            kwargs["out"] = tuple(map(_plain, out))
        if "where" in kwargs:
            kwargs["where"] = _plain(kwargs["where"])
        return getattr(ufunc, method)(*map(_plain, inputs), **kwargs)


def with_vocabulary(ids, vocabulary, cls=TokenIds):
    """View checked ids as `TokenIds` of a vocabulary.

    Parameters
    ----------
    ids : ndarray
        A matrix of int32, or ragged ids.
    vocabulary : Vocabulary or None
        The words that the ids stand for.
    cls : type, default=TokenIds
        The class of the result.

    Returns
    -------
    ids : TokenIds
        A view.
    """
    return ids.view(_dtype_with(ids.dtype, vocabulary), cls)


def vocabulary_of(X):
    """Find the vocabulary that ids carry.

    Parameters
    ----------
    X : object
        What a user gave as X: an array, a DataFrame or Series, or a list of arrays.

    Returns
    -------
    vocabulary : Vocabulary or None
        None if X carries none.

    Raises
    ------
    ValueError
        If only some of a DataFrame's columns carry a vocabulary, or if there are several vocabularies.
    """
    if hasattr(X, "columns") and hasattr(X, "dtypes"):
        vocabularies = _vocabularies_of_columns(X)
    elif isinstance(X, list | tuple) and any(issubclass(kind, np.ndarray) for kind in set(map(type, X))):
        vocabularies = [_vocabulary_of_dtype(getattr(row, "dtype", None)) for row in X]
        if None in vocabularies:
            return None
    else:
        return _vocabulary_of_dtype(getattr(X, "dtype", None))
    first, *others = dict.fromkeys(vocabularies) or [None]
    for other in others:
        if other.words != first.words:
            raise ValueError(
                f"X has ids of several vocabularies, of {len(first)} and of {len(other)} words. Make X with "
                "one tokenizer."
            )
    return first


def _vocabularies_of_columns(frame):
    """Return the vocabulary of each column. Raise if only some columns have one."""
    names = list(frame.columns)
    vocabularies = list(map(_vocabulary_of_dtype, frame.dtypes))
    others = [name for name, vocabulary in zip(names, vocabularies, strict=True) if vocabulary is None]
    if 0 < len(others) < len(names):
        shown = ", ".join(f"{name!r:.40}" for name in others[:5]) + ", ..." * (len(others) > 5)
        raise ValueError(
            f"{len(others)} of X's {len(names)} columns carry no vocabulary, the others are token ids: "
            f"{shown}. Numbers beside token ids would be read as words. Select the columns of ids alone."
        )
    return vocabularies


def _vocabulary_of_dtype(dtype):
    return (getattr(dtype, "metadata", None) or {}).get(METADATA_KEY)


def _dtype_with(dtype, vocabulary):
    plain = dtype if dtype.metadata is None else np.dtype(dtype.str)
    if vocabulary is None:
        return plain
    keep_vocabularies_in_dask(METADATA_KEY)
    return np.dtype(plain, metadata={METADATA_KEY: vocabulary})


def _plain(array):
    """View ids as a plain array without their vocabulary."""
    return without_metadata(array) if isinstance(array, np.ndarray) else array
