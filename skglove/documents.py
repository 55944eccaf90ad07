"""Documents of token ids in the form that all modules use: flat ids, and the length of each document.

Ids that users give as X are checked here, when `Documents` are made, and nowhere else.
"""

import itertools
from functools import cached_property

import numpy as np
from scipy.sparse import csr_array

LARGEST_ID = np.iinfo(np.int32).max


class Documents:
    """Token ids of documents, stored one document after the other.

    Parameters
    ----------
    values : ndarray of shape (n_tokens,), int32
        The ids of all documents.
    lengths : ndarray of shape (n_documents,), int64
        The number of ids in each document.

    Examples
    --------
    >>> documents = Documents.from_sequences([[3, 1], [2, 2, 2]])
    >>> documents
    Documents(2 documents, 5 ids)
    >>> documents[1]
    array([2, 2, 2], dtype=int32)
    >>> documents.counts(4).toarray()
    array([[0, 1, 0, 1],
           [0, 0, 3, 0]], dtype=int32)
    """

    def __init__(self, values, lengths):
        self.values = values
        self.lengths = lengths

    @classmethod
    def from_sequences(cls, X):
        """Check sequences of ids, one per document, and concatenate them.

        Parameters
        ----------
        X : sequence of n_documents sequences of int
            Ragged ids.

        Returns
        -------
        documents : Documents

        Raises
        ------
        ValueError
            If there are no documents, or if an id is negative, fractional, missing or too large.
        """
        sequences = _as_sequences(X)
        if len(sequences) == 0:
            raise ValueError("Found array with 0 sample(s) (shape=(0,)) while a minimum of 1 is required.")
        lengths = _lengths_of(sequences)
        try:
            values = np.concatenate(sequences)
        except (TypeError, ValueError) as error:  # NumPy does not say which
            raise _wrong_sequence(sequences) or error from None
        if values.dtype == object:
            raise _wrong_sequence(sequences)
        if values.ndim != 1:
            raise ValueError(f"Documents are sequences of token ids, got some of {values.ndim} dimensions.")
        return cls(check_ids(values, lengths), lengths)

    @classmethod
    def from_matrix(cls, X):
        """Check a matrix of ids and strip the padding at the beginning of each row.

        Parameters
        ----------
        X : ndarray of shape (n_documents, n_columns)
            Ids, padded with zeros.

        Returns
        -------
        documents : Documents
            A row that is all padding becomes a document of one id, 0.

        Raises
        ------
        ValueError
            If an id is negative, fractional, missing or too large.
        """
        ids = check_ids(X)
        filled = ids != 0
        filled[:, -1] = True
        starts = filled.argmax(axis=1)
        return cls(ids[np.arange(ids.shape[1]) >= starts[:, np.newaxis]], ids.shape[1] - starts)

    def __len__(self):
        return len(self.lengths)

    def __repr__(self):
        return f"Documents({len(self)} documents, {len(self.values)} ids)"

    @cached_property
    def bounds(self):
        """Offsets of the documents in `values`: ndarray of shape (n_documents + 1,), int64."""
        return np.append(0, np.cumsum(self.lengths))

    @property
    def rows(self):
        """The document of each id: ndarray of shape (n_tokens,), int32."""
        return np.repeat(np.arange(len(self), dtype=np.int32), self.lengths)

    def __getitem__(self, key):
        """Return the ids of one document, or the documents of a slice; views or self, not copies."""
        if isinstance(key, slice):
            start, stop, step = key.indices(len(self))
            if step != 1:
                raise ValueError(f"Only slices of step 1 are views, got step {step}.")
            if stop - start == len(self):
                return self
            return Documents(self.values[self.bounds[start] : self.bounds[stop]], self.lengths[start:stop])
        row = range(len(self))[key]  # which also takes negative numbers
        return self.values[self.bounds[row] : self.bounds[row + 1]]

    def take(self, rows):
        """Return some documents.

        Parameters
        ----------
        rows : ndarray of int

        Returns
        -------
        documents : Documents
            Copies, in the order of `rows`.
        """
        lengths = self.lengths[rows]
        starts = np.repeat(self.bounds[rows] - (np.cumsum(lengths) - lengths), lengths)
        return Documents(self.values[starts + np.arange(len(starts))], lengths)

    def renumber(self, ids):
        """Number ids by their place among some.

        Parameters
        ----------
        ids : ndarray of int, sorted
            All ids that the documents have, and perhaps others.

        Returns
        -------
        documents : Documents
            Copies, in which ids[i] is i.
        """
        places = np.zeros(ids[-1] + 1, dtype=np.int32)
        places[ids] = np.arange(len(ids), dtype=np.int32)
        return Documents(places[self.values], self.lengths)

    def keep_last(self, n):
        """Truncate documents to their last `n` ids.

        Parameters
        ----------
        n : int

        Returns
        -------
        documents : Documents
            Self if no document is longer.
        """
        if self.lengths.max(initial=0) <= n:
            return self
        from_end = np.repeat(self.bounds[1:], self.lengths) - np.arange(len(self.values))
        return Documents(self.values[from_end <= n], np.minimum(self.lengths, n))

    def keep(self, mask):
        """Remove some ids.

        Parameters
        ----------
        mask : ndarray of shape (n_tokens,), bool
            True for ids to keep.

        Returns
        -------
        documents : Documents
        """
        # Without empty documents, for which `reduceat` does not return 0. A cumulative sum needs more memory.
        lengths, filled = np.zeros(len(self), dtype=np.int64), np.flatnonzero(self.lengths)
        if len(filled):
            lengths[filled] = np.add.reduceat(mask, self.bounds[filled], dtype=np.int64)
        return Documents(self.values[mask], lengths)

    def counts(self, n_ids):
        """Count the occurrences of each id in each document.

        Parameters
        ----------
        n_ids : int
            The largest id + 1.

        Returns
        -------
        counts : scipy.sparse.csc_array of shape (n_documents, n_ids), int32
            In canonical format: sorted, without duplicates.
        """
        # `tocsc` is a counting sort: linear, and faster than sorting the ids of each row. It copies, so
        # `sum_duplicates` does not change `values`.
        ones = np.ones(len(self.values), dtype=np.int32)
        counts = csr_array((ones, self.values, self.bounds), shape=(len(self), n_ids)).tocsc()
        counts.sum_duplicates()
        return counts

    def first_copies(self, codes):
        """Find the first document with the same ids and the same class, for each document.

        Near-duplicates, which differ in one id, are different documents.

        Parameters
        ----------
        codes : ndarray of shape (n_documents,), int
            Classes, numbered from 0.

        Returns
        -------
        firsts : ndarray of shape (n_documents,), int
            The index of the first copy: the document's own index if there is no earlier copy.

        Examples
        --------
        >>> documents = Documents.from_sequences([[7, 8], [7, 8], [7, 8]])
        >>> documents.first_copies(codes=np.array([0, 0, 1])).tolist()
        [0, 0, 2]
        """
        # A multilinear hash of 64 bits: the sum of the ids, each times a random factor of its position. Ids
        # are increased by 1, so that padding counts. Length and class count as two more ids.
        random_state = np.random.RandomState(0)
        size = self.lengths.max(initial=0) + 2
        factors = random_state.randint(2**64, size=size, dtype=np.uint64) | np.uint64(1)
        starts, ends = self.bounds[:-1], self.bounds[1:]
        positions = np.arange(len(self.values)) - np.repeat(starts, self.lengths)
        products = factors[positions + 2]
        products *= self.values.astype(np.uint64) + np.uint64(1)
        # Overflow is harmless, because differences wrap around, too. `reduceat` does not allow empty
        # documents.
        sums = np.append(np.uint64(0), np.cumsum(products))
        hashes = sums[ends] - sums[starts]
        hashes += factors[0] * self.lengths.astype(np.uint64) + factors[1] * codes.astype(np.uint64)
        _, firsts, copy_of = np.unique(hashes, return_index=True, return_inverse=True)
        return firsts[copy_of]

    def sequences(self):
        """Return one array of ids per document.

        Returns
        -------
        sequences : ndarray of shape (n_documents,), object
            One int32 array per document, each a view into `values`.
        """
        parts = (self.values[start:end] for start, end in itertools.pairwise(self.bounds.tolist()))
        return np.fromiter(parts, dtype=object, count=len(self))


def is_ragged(X):
    """Tell whether X holds ids that have to be padded to become a matrix.

    Parameters
    ----------
    X : object
        What a user gave as X.

    Returns
    -------
    ragged : bool
        True for a one-dimensional object array of sequences, and for a list or tuple of sequences of
        different lengths.

    Raises
    ------
    TypeError
        If X holds texts instead of ids, or a mixture of sequences and other values.
    """
    return holds_sequences(X) and not (isinstance(X, list | tuple) and len(set(map(len, X))) == 1)


def holds_sequences(X):
    """Tell whether X holds one sequence per document, in contrast to a matrix.

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
        If X holds texts instead of ids, or a mixture of sequences and other values.
    """
    documents = _as_sequences(X)
    if isinstance(documents, np.ndarray) and (documents.dtype.kind not in "OUS" or documents.ndim != 1):
        return False
    # There are few types, so this is fast for a million documents, too.
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
        raise TypeError(
            f"Expected a sequence of token ids for each document, got {document!r:.60} at index {i}."
        )
    return True


def _as_sequences(X):
    # Iterating over a plain array is several times faster than over a subclass.
    return X if isinstance(X, list | tuple) else np.asarray(X)


def _of_types(documents, types):
    return ((i, document) for i, document in enumerate(documents) if type(document) in types) if types else ()


def check_sequences(X):
    """Check ragged ids, without concatenating them if they are views of one array.

    Parameters
    ----------
    X : sequence of n_documents sequences of int
        Ragged ids.

    Returns
    -------
    sequences : sequence of n_documents ndarrays of int32
        The ids of each document.
    lengths : ndarray of shape (n_documents,), int64
        The number of ids in each document.

    Raises
    ------
    ValueError
        If there are no documents, or if an id is negative, fractional, missing or too large.
    """
    sequences = _as_sequences(X)
    base = _common_base(sequences)
    if base is not None:  # checking the base is faster than concatenating the sequences again
        lengths = _lengths_of(sequences)
        if base.size <= 2 * lengths.sum() and base.min(initial=0) >= 0:
            return sequences, lengths
    documents = Documents.from_sequences(X)
    return documents.sequences(), documents.lengths


def _wrong_sequence(sequences):
    """Make the error that names the first sequence that does not hold numbers."""
    for i, sequence in enumerate(sequences):
        try:
            ids = np.asarray(sequence)
        except (TypeError, ValueError):
            ids = np.asarray(None)
        if ids.ndim != 1 or (ids.size and ids.dtype.kind not in "iufb"):
            return TypeError(
                f"Expected a sequence of token ids for each document, got {sequence!r:.60} at index {i}."
            )
    return None


def _lengths_of(sequences):
    return np.fromiter(map(len, sequences), dtype=np.int64, count=len(sequences))


def _common_base(sequences):
    """Return the int32 array that all sequences are views of, as those of `Documents.sequences`; or None."""
    base = getattr(sequences[0], "base", None) if len(sequences) else None
    if not isinstance(base, np.ndarray) or base.dtype != np.int32:
        return None
    int32 = base.dtype
    views = (type(a) is np.ndarray and a.base is base and a.ndim == 1 and a.dtype is int32 for a in sequences)
    return base if all(views) else None


def check_ids(values, lengths=None):
    """Check that numbers are token ids.

    Parameters
    ----------
    values : ndarray
        A matrix with one row per document, or flat values.
    lengths : ndarray of shape (n_documents,), int, default=None
        The number of ids in each document, if `values` is flat.

    Returns
    -------
    ids : ndarray of the shape of `values`, int32
        The ids, without a vocabulary. A view if `values` already has this dtype.

    Raises
    ------
    ValueError
        If a value is negative, fractional, missing or too large for int32. The message names the first.
    TypeError
        If the values are not numbers.
    """
    values = without_metadata(values)
    if values.dtype == np.int32 and (values.size == 0 or values.min() >= 0):
        return values
    if values.dtype.kind not in "iufb":
        raise TypeError(f"Token ids are integers, got values of dtype {values.dtype}.")
    valid = (values >= 0) & (values <= LARGEST_ID)
    if values.dtype.kind == "f":
        valid &= values == np.floor(values)
    if not valid.all():
        wrong = np.flatnonzero(~valid.ravel())[0]
        lengths = np.full(len(values), values[0].size) if lengths is None else lengths
        document = np.searchsorted(np.cumsum(lengths), wrong, side="right")
        value = values.ravel()[wrong].item()
        # scikit-learn's checks require these words if negative values are refused.
        problem = "Negative values in data: token" if value < 0 else "Token"
        raise ValueError(
            f"{problem} ids are integers from 0 to {LARGEST_ID}, got {value} in document {document}."
        )
    return values.astype(np.int32)


def without_metadata(array):
    """View an array of a subclass, or of a dtype with metadata, as a plain array.

    Parameters
    ----------
    array : ndarray

    Returns
    -------
    array : ndarray
        The array itself if it is already plain.
    """
    if type(array) is np.ndarray and array.dtype.metadata is None:
        return array
    return array.view(np.dtype(array.dtype.str), np.ndarray)
