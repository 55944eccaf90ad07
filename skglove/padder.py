"""SequencePadder: ragged token ids to a matrix."""

import logging
from numbers import Integral

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin, _fit_context
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted, validate_data

from skglove.documents import check_ids, check_sequences, holds_sequences
from skglove.rollback import rollback
from skglove.states import Versioned
from skglove.token_ids import vocabulary_of, with_vocabulary

logger = logging.getLogger(__name__)


class SequencePadder(Versioned, TransformerMixin, BaseEstimator):
    """Pad and cut documents of token ids to one length.

    Gives the same matrix as `keras.utils.pad_sequences`, in every mode.

    Parameters
    ----------
    maxlen : int or None, default=1000
        Columns of the result. None takes the length of the longest document seen in `fit`.
    padding : {"pre", "post"}, default="pre"
        Where zeros are put when a document is shorter than `maxlen`: before its ids or after them.
    truncating : {"pre", "post"}, default="pre"
        Where ids are dropped when a document is longer: at its beginning or at its end.

    Attributes
    ----------
    maxlen_ : int
        Columns of the result.
    n_truncated_ : int
        How many of the documents given to `fit` are longer than that.
    n_features_in_ : int
        Columns of X seen in `fit`. Only defined when X was an array or a DataFrame.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns seen in `fit`. Only defined when X had column names that are all strings.

    See Also
    --------
    GloveTokenizer : Makes the ids of texts.
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
        """Learn the length of the result.

        Parameters
        ----------
        X : array-like of shape (n_documents, n_columns) or ragged array-like of shape (n_documents,)
            Token ids: a matrix, or one sequence a document. Integers >= 0.
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
        """
        with rollback(self):
            self._learn_maxlen(self._check(X, reset=True)[1])
        return self

    @_fit_context(prefer_skip_nested_validation=True)
    def fit_transform(self, X, y=None):
        """Learn the length of the result, and pad and cut the same documents.

        Parameters
        ----------
        X : array-like of shape (n_documents, n_columns) or ragged array-like of shape (n_documents,)
            Token ids: a matrix, or one sequence a document. Integers >= 0.
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
        MemoryError
            If the matrix does not fit into memory.
        """
        with rollback(self):
            documents, lengths, vocabulary = self._check(X, reset=True)
            self._learn_maxlen(lengths)
            return self._pad(documents, lengths, vocabulary)

    def transform(self, X):
        """Pad and cut the documents.

        Parameters
        ----------
        X : array-like of shape (n_documents, n_columns) or ragged array-like of shape (n_documents,)
            Token ids: a matrix, or one sequence a document. Integers >= 0.

        Returns
        -------
        ids : TokenIds of shape (n_documents, maxlen_), int32
            The padded ids, with the vocabulary that X carried.

        Raises
        ------
        ValueError
            If an id is negative, fractional, missing or too large, if there are no documents, or if only
            some columns of a DataFrame carry a vocabulary.
        MemoryError
            If the matrix does not fit into memory.
        """
        check_is_fitted(self)
        return self._pad(*self._check(X, reset=False))

    def _check(self, X, *, reset):
        """Check X: an array of ids for each document, how many each has, and their vocabulary."""
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
        """Make the matrix of documents."""
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
        # A loop over documents, not over ids: masks of the whole matrix take longer.
        for document, first, last in zip(documents, firsts.tolist(), (firsts + kept).tolist(), strict=True):
            flat[first:last] = document
        return with_vocabulary(ids, vocabulary)  # not TokenIds(ids), which would check them again

    def _allocate(self, n_documents):
        try:
            return np.zeros((n_documents, self.maxlen_), dtype=np.int32)
        except (MemoryError, ValueError) as error:  # ValueError is for more bytes than can be counted
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
