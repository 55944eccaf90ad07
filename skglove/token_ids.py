"""What flows between the steps: token ids that carry the vocabulary they index.

The vocabulary is metadata of the ids' dtype. An attribute of a subclass of ndarray is lost as soon as
scikit-learn makes a plain array of X, as most of its meta-estimators do. The dtype stays with the numbers
wherever NumPy only moves them: to plain arrays, in memory order, pickles, memory maps and DataFrames; and
joblib's hash includes it.
"""

import pickle
from dataclasses import dataclass

import numpy as np

from skglove.documents import check_ids, without_metadata
from skglove.vectors import as_source, gather_vectors, has_vectors

# Where the dtype of ids has their vocabulary.
METADATA_KEY = "skglove.vocabulary"


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

    def __reduce__(self):
        # The words in a pickle of their own: a str that was met before is pickled as a reference, so that
        # joblib's hash of equal vocabularies would depend on which strings happen to be one object.
        return _unpickle_vocabulary, (pickle.dumps(self.words, protocol=4), self.vectors)

    def _words_in_utf8(self):
        # Texts may hold lone surrogates, vectors cannot: spell them so that they are found nowhere.
        return [word.encode("utf-8", "backslashreplace").decode() for word in self.words]


def _unpickle_vocabulary(words, vectors):
    return Vocabulary(pickle.loads(words), vectors)


class TokenIds(np.ndarray):
    """Token ids of documents, with the vocabulary they belong to.

    As categories travel with the codes of a pandas Categorical, the vocabulary travels with the ids: through
    indexing, reshaping, copies of any memory order, pickle, ``astype`` to another number type, and also
    through `numpy.asarray` and ``pandas.DataFrame(ids)``, which make plain arrays and frames of them.
    Arithmetic drops it, because its results are numbers, not ids; so does joining, as by `numpy.vstack`.

    Parameters
    ----------
    ids : array-like of shape (n_documents, n_columns), or object ndarray of shape (n_documents,)
        A matrix of ids, which are checked, or ragged: an array of one int32 array a document.
    vocabulary : Vocabulary or None, default=None
        What the ids stand for.

    Attributes
    ----------
    vocabulary : Vocabulary or None
        What the ids stand for. To change it, make another `TokenIds` of the same ids.

    Notes
    -----
    The vocabulary is metadata of the dtype. So ``Pipeline(memory=...)`` tells equal ids of two vocabularies
    apart. `numpy.save` warns that it does not store metadata; `joblib.dump` and pickle store it.

    Integer arithmetic on a *plain* array made from ids, such as ``np.asarray(ids) + 1``, keeps the metadata,
    because NumPy has no hook there. The classifier refuses ids beyond the vocabulary, but cannot tell other
    numbers from ids. Drop the vocabulary first: ``np.asarray(ids).astype(np.int64)``.

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
        """View an array of ids, without a copy where it is ragged or int32."""
        ids = np.asarray(ids)
        return with_vocabulary(ids if ids.dtype == object else check_ids(ids), vocabulary, cls)

    @property
    def vocabulary(self):
        """What the ids stand for."""
        return _vocabulary_of_dtype(self.dtype)

    def astype(self, dtype, *args, **kwargs):
        """Cast, as `numpy.ndarray.astype`; the vocabulary is kept where the result can still hold ids."""
        dtype = np.dtype(dtype)
        if dtype.metadata is None and dtype.kind in "iufO":
            dtype = _dtype_with(dtype, self.vocabulary)
        return super().astype(dtype, *args, **kwargs)

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
        """Compute on plain arrays: what comes out of arithmetic are numbers, not ids."""
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
    """View ids, which are not checked, as `TokenIds` of a vocabulary.

    Parameters
    ----------
    ids : ndarray
        A matrix of int32, or ragged.
    vocabulary : Vocabulary or None
        What the ids stand for.
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
        names = list(X.columns)
        vocabularies = list(map(_vocabulary_of_dtype, X.dtypes))
        others = [name for name, vocabulary in zip(names, vocabularies, strict=True) if vocabulary is None]
        if 0 < len(others) < len(names):
            shown = ", ".join(f"{name!r:.40}" for name in others[:5]) + ", ..." * (len(others) > 5)
            raise ValueError(
                f"{len(others)} of X's {len(names)} columns carry no vocabulary, the others are token ids: "
                f"{shown}. Numbers beside token ids would be read as words. Select the columns of ids alone."
            )
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


def _vocabulary_of_dtype(dtype):
    return (getattr(dtype, "metadata", None) or {}).get(METADATA_KEY)


def _dtype_with(dtype, vocabulary):
    plain = dtype if dtype.metadata is None else np.dtype(dtype.str)
    return plain if vocabulary is None else np.dtype(plain, metadata={METADATA_KEY: vocabulary})


def _plain(array):
    """View ids as a plain array without their vocabulary."""
    return without_metadata(array) if isinstance(array, np.ndarray) else array


def ragged_token_ids(documents, vocabulary=None):
    """Cut documents into one array of ids each.

    Parameters
    ----------
    documents : Documents
        The ids, checked.
    vocabulary : Vocabulary or None, default=None
        What the ids stand for.

    Returns
    -------
    ids : TokenIds of shape (n_documents,), object
        One int32 array per document, each a view into the flat ids.
    """
    return with_vocabulary(documents.sequences(), vocabulary)
