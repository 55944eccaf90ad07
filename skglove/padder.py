"""SequencePadder: ragged token ids to a matrix."""

import logging
from numbers import Integral

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin, _fit_context
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted, validate_data

from skglove.token_ids import TokenIds, check_ids, flatten_ragged, is_ragged

logger = logging.getLogger(__name__)


class SequencePadder(TransformerMixin, BaseEstimator):
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
        Columns of X seen in `fit`. Only defined when X was a matrix.
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
            If an id is negative, fractional, missing or too large, or if there are no documents.
        """
        _, lengths = self._flatten(X, reset=True)
        longest = int(lengths.max())
        if self.maxlen is None and longest == 0:
            raise ValueError("maxlen=None takes the longest document's length, but all documents are empty.")
        self.maxlen_ = longest if self.maxlen is None else self.maxlen
        self.n_truncated_ = int(np.count_nonzero(lengths > self.maxlen_))
        return self

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
            If an id is negative, fractional, missing or too large, or if there are no documents.
        """
        check_is_fitted(self)
        values, lengths = self._flatten(X, reset=False)
        kept = np.minimum(lengths, self.maxlen_)
        if n_truncated := np.count_nonzero(lengths > kept):
            logger.info("cut %d of %d documents to %d tokens", n_truncated, len(lengths), self.maxlen_)
        sources = np.cumsum(lengths) - lengths
        targets = np.arange(len(lengths)) * self.maxlen_
        if self.truncating == "pre":
            sources += lengths - kept
        if self.padding == "pre":
            targets += self.maxlen_ - kept
        ids = np.zeros((len(lengths), self.maxlen_), dtype=np.int32)
        # Token t of the kept ones goes from sources[d] + j to targets[d] + j, t being the j-th of document d.
        token = np.arange(kept.sum())
        firsts = np.cumsum(kept) - kept
        ids.ravel()[token + np.repeat(targets - firsts, kept)] = values[token + np.repeat(sources - firsts, kept)]
        return TokenIds(ids, getattr(X, "vocabulary", None))

    def _flatten(self, X, *, reset):
        """Check X and join its documents: all their ids, and how many each document has."""
        if is_ragged(X):
            if reset and hasattr(self, "n_features_in_"):
                del self.n_features_in_
            return flatten_ragged(X)
        ids = check_ids(validate_data(self, X, reset=reset))
        return ids.ravel(), np.full(len(ids), ids.shape[1])

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.categorical = True
        tags.input_tags.positive_only = True
        tags.transformer_tags.preserves_dtype = []
        return tags
