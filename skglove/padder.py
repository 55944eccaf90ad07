"""SequencePadder: ragged token ids to a matrix of one length."""

import logging
from numbers import Integral

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin, _fit_context
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted, validate_data

from skglove.documents import check_ids, check_sequences, holds_sequences
from skglove.messages import ShortErrors
from skglove.rollback import rollback
from skglove.token_ids import vocabulary_of, with_vocabulary
from skglove.versions import Versioned

logger = logging.getLogger(__name__)


class SequencePadder(ShortErrors, Versioned, TransformerMixin, BaseEstimator):
    """Pad and truncate documents of token ids to one length.

    The result equals that of `keras.utils.pad_sequences` with the same parameters.

    Parameters
    ----------
    maxlen : int or None, default=1000
        The number of columns of the result. None uses the length of the longest document seen in `fit`.
    padding : {"pre", "post"}, default="pre"
        Whether shorter documents get zeros before their ids or after them.
    truncating : {"pre", "post"}, default="pre"
        Whether longer documents lose ids at their beginning or at their end.

    Attributes
    ----------
    maxlen_ : int
        The number of columns of the result.
    n_truncated_ : int
        The number of documents given to `fit` that are longer than `maxlen_`.
    n_features_in_ : int
        The number of columns of X seen in `fit`. Defined only if X was an array or a DataFrame.
    feature_names_in_ : ndarray of shape (n_features_in_,), object
        The names of the columns seen in `fit`. Defined only if all column names of X were strings.

    See Also
    --------
    GloveTokenizer : Turns texts into ids.
    KerasConvTextClassifier : Learns from the padded ids.

    Examples
    --------
    >>> from skglove import SequencePadder
    >>> SequencePadder(maxlen=3).fit_transform([[1], [1, 2, 3, 4]])
    TokenIds([[0, 0, 1],
              [2, 3, 4]], dtype=int32)
    """

    _parameter_constraints = {
        "maxlen": [Interval(Integral, 1, None, closed="left"), None],
        "padding": [StrOptions({"pre", "post"})],
        "truncating": [StrOptions({"pre", "post"})],
    }

    def __init__(self, maxlen=1000, *, padding="pre", truncating="pre"):
        self.maxlen = maxlen
        self.padding = padding
        self.truncating = truncating

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Learn the number of columns of the result.

        Parameters
        ----------
        X : array-like of shape (n_documents, n_columns) or ragged array-like of shape (n_documents,)
            Token ids: a matrix, or one sequence per document. Integers >= 0.
        y : None
            Ignored.

        Returns
        -------
        self : SequencePadder
            The fitted padder.

        Raises
        ------
        ValueError
            If an id is negative, fractional, missing or too large, if there are no documents, or if only
            some columns of a DataFrame carry a vocabulary.
        TypeError
            If X holds texts, or anything else that is not a sequence of ids.
        """
        with rollback(self):
            self._learn_maxlen(self._check(X, reset=True)[1])
        return self

    @_fit_context(prefer_skip_nested_validation=True)
    def fit_transform(self, X, y=None):
        """Learn the number of columns of the result, and pad and truncate the same documents.

        Parameters
        ----------
        X : array-like of shape (n_documents, n_columns) or ragged array-like of shape (n_documents,)
            Token ids: a matrix, or one sequence per document. Integers >= 0.
        y : None
            Ignored.

        Returns
        -------
        ids : TokenIds of shape (n_documents, maxlen_), int32
            The padded ids, with the vocabulary that X carried.

        Raises
        ------
        ValueError
            If an id is negative, fractional, missing or too large, if there are no documents, or if only
            some columns of a DataFrame carry a vocabulary.
        TypeError
            If X holds texts, or anything else that is not a sequence of ids.
        MemoryError
            If the matrix does not fit into memory.
        """
        with rollback(self):
            documents, lengths, vocabulary = self._check(X, reset=True)
            self._learn_maxlen(lengths)
            return self._pad(documents, lengths, vocabulary)

    def transform(self, X):
        """Pad and truncate documents.

        Parameters
        ----------
        X : array-like of shape (n_documents, n_columns) or ragged array-like of shape (n_documents,)
            Token ids: a matrix, or one sequence per document. Integers >= 0.

        Returns
        -------
        ids : TokenIds of shape (n_documents, maxlen_), int32
            The padded ids, with the vocabulary that X carried.

        Raises
        ------
        ValueError
            If an id is negative, fractional, missing or too large, if there are no documents, or if only
            some columns of a DataFrame carry a vocabulary.
        TypeError
            If X holds texts, or anything else that is not a sequence of ids.
        MemoryError
            If the matrix does not fit into memory.
        """
        check_is_fitted(self)
        return self._pad(*self._check(X, reset=False))

    def _check(self, X, *, reset):
        """Check X. Return its documents, their lengths and their vocabulary."""
        vocabulary = vocabulary_of(X)
        if holds_sequences(X):
            for name in ("n_features_in_", "feature_names_in_"):
                if reset and hasattr(self, name):
                    delattr(self, name)
            return *check_sequences(X), vocabulary
        ids = check_ids(validate_data(self, X, reset=reset))
        return ids, np.full(len(ids), ids.shape[1]), vocabulary

    def _learn_maxlen(self, lengths):
        longest = int(lengths.max())
        if self.maxlen is None and longest == 0:
            raise ValueError("maxlen=None takes the longest document's length, but all documents are empty.")
        self.maxlen_ = longest if self.maxlen is None else int(self.maxlen)
        self.n_truncated_ = int(np.count_nonzero(lengths > self.maxlen_))

    def _pad(self, documents, lengths, vocabulary):
        """Copy the documents into a matrix of `maxlen_` columns."""
        ids = self._allocate(len(lengths))
        kept = np.minimum(lengths, self.maxlen_)
        cut = lengths > kept
        if cut.any():
            logger.info("cut %d of %d documents to %d tokens", np.count_nonzero(cut), len(cut), self.maxlen_)
        part = slice(-self.maxlen_, None) if self.truncating == "pre" else slice(self.maxlen_)
        documents = list(documents)
        for i in np.flatnonzero(cut):
            documents[i] = documents[i][part]
        firsts = np.arange(len(lengths), dtype=np.int64) * self.maxlen_
        if self.padding == "pre":
            firsts += self.maxlen_ - kept
        flat = ids.reshape(-1)
        # A loop over documents is faster than a mask of the whole matrix.
        for document, first, last in zip(documents, firsts.tolist(), (firsts + kept).tolist(), strict=True):
            flat[first:last] = document
        return with_vocabulary(ids, vocabulary)  # TokenIds(ids) would check them again

    def _allocate(self, n_documents):
        try:
            return np.zeros((n_documents, self.maxlen_), dtype=np.int32)
        except (MemoryError, ValueError) as error:  # ValueError if the size overflows
            longest = "" if self.maxlen is not None else ", the length of the longest document given to fit,"
            raise MemoryError(
                f"{n_documents} documents of maxlen={self.maxlen_} ids{longest} need "
                f"{n_documents * self.maxlen_ / 2**28:,.1f} GiB. Lower maxlen, or leave SequencePadder out: "
                "KerasConvTextClassifier takes documents of any length."
            ) from error

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.categorical = True
        tags.input_tags.positive_only = True
        tags.transformer_tags.preserves_dtype = []
        return tags
