"""GloveVectorizer: texts to document vectors, the weighted means of their words' vectors."""

import sys
from numbers import Real

import numpy as np
import pyarrow as pa
from scipy.sparse import csr_array
from sklearn import get_config
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin, _fit_context
from sklearn.preprocessing import normalize
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from skglove.documents import Documents
from skglove.messages import ShortErrors
from skglove.rollback import rollback
from skglove.splitting import decode_words, encode_words
from skglove.tokenizer import FILTERS, GloveTokenizer
from skglove.vectors import load_vectors
from skglove.vectors.lookup import positions_of
from skglove.versions import Versioned

# How texts are split is GloveTokenizer's business: these parameters are passed on.
TEXT_PARAMETERS = "style", "filters", "lower", "split", "encoding", "decode_error"

BLOCK_ROWS = 8192  # of float64 at a time


class GloveVectorizer(
    ShortErrors, Versioned, ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator
):
    r"""Turn each text into one vector, the weighted mean of the vectors of its words.

    The vectors are features for any scikit-learn model. They can stand beside other columns in a
    `ColumnTransformer`, and beside TF-IDF in a `FeatureUnion`.

    Words without a vector are left out. A text in which no word has a vector becomes a vector of zeros.

    Parameters
    ----------
    vectors : str, path, WordVectors, dict or gensim KeyedVectors, default="glove.6B.50d"
        Where the word vectors are, as in `GloveTokenizer`. Nothing is ever downloaded. A file is read once
        and kept in the cache folder. From then on it is memory-mapped.
    weighting : {"idf", "mean", "sif"}, default="idf"
        The weights of words.

        * "idf": inverse document frequency, ``log((1 + n) / (1 + df)) + 1``, smoothed as in
          `TfidfTransformer`. ``n`` is the number of texts given to `fit`, ``df`` the number of those that
          contain the word. A word that is in none of them has ``df = 0``.
        * "mean": all words weigh the same. Nothing is learned, so `transform` works without `fit`.
        * "sif": smooth inverse frequency [1]_. A word of relative frequency ``p`` in the texts given to
          `fit` weighs ``a / (a + p)``. As in the paper, the sum is divided by the number of words, and the
          first principal component of the training texts' vectors, which is not centred, is removed from
          every vector. `fit` needs many texts for this: of a single text, nothing would be left.
    smoothing : float, default=1e-3
        The ``a`` of ``a / (a + p)``. The smaller, the less frequent words weigh. For weighting="sif" only.
    norm : {"l2"} or None, default=None
        "l2" divides each vector by its L2 norm. None leaves the vectors as they are.
    style : {"glove", "keras"} or callable, default="glove"
        The rules for splitting texts into words, or a function from a text to its words, as in
        `GloveTokenizer`. "glove" counts punctuation as words,
        and so the vectors of punctuation marks are part of the mean. "keras" leaves punctuation out.
    filters : str, default='!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n'
        Characters at which texts are split, in addition to `split`. For style="keras" only: another value
        than the default is an error with style="glove".
    lower : bool, default=True
        Whether to convert texts to lower case.
    split : str, default=" "
        The separator of words. For style="keras" only, like `filters`.
    encoding : str, default="utf-8"
        How to decode texts given as bytes.
    decode_error : {"strict", "ignore", "replace"}, default="strict"
        What to do with bytes that cannot be decoded.

    Attributes
    ----------
    vocabulary_ : dict of str to int
        The words of the texts given to `fit` that have a vector, the most frequent first, and their indices
        in `word_weights_`.
    word_weights_ : ndarray of shape (n_words,), float32
        The weight of each word of `vocabulary_`.
    component_ : ndarray of shape (dim,), float32, or None
        The principal component that is removed. None unless ``weighting="sif"``.
    coverage_ : dict of str to float
        The share of the words given to `fit` that have a vector. "vocabulary" counts each word once, "tokens"
        counts each occurrence.

    See Also
    --------
    GloveTokenizer : Keeps the words in their order, for `KerasConvTextClassifier`.
    sklearn.feature_extraction.text.TfidfVectorizer : Has one column for each word instead.

    Notes
    -----
    The vectors of all texts are one product of two matrices: a sparse one of weights, with an entry for each
    word of each text, and a dense one with the vectors of the words that occur. Other vectors are not read.

    A pickle holds the name or the path of the vectors, not their numbers, unless they were given as a dict or
    as `WordVectors` made in memory.

    References
    ----------
    .. [1] S. Arora, Y. Liang, T. Ma, "A Simple but Tough-to-Beat Baseline for Sentence Embeddings",
       ICLR 2017.

    Examples
    --------
    >>> from skglove import GloveVectorizer
    >>> vectors = {"cat": [1.0, 0.0], "dog": [0.0, 1.0]}
    >>> vectorizer = GloveVectorizer(vectors, weighting="mean")
    >>> vectorizer.fit_transform(["Cat meets dog", "The dog", "Nothing"])
    array([[0.5, 0.5],
           [0. , 1. ],
           [0. , 0. ]], dtype=float32)
    >>> vectorizer.get_feature_names_out()
    array(['glovevectorizer0', 'glovevectorizer1'], dtype=object)

    Text beside numbers:

    >>> from sklearn.compose import ColumnTransformer
    >>> from sklearn.preprocessing import StandardScaler
    >>> columns = ColumnTransformer([
    ...     ("text", GloveVectorizer(vectors), "review"),  # a str, not a list: one column of texts
    ...     ("numbers", StandardScaler(), ["price", "stars"]),
    ... ])
    """

    _parameter_constraints = {
        "vectors": "no_validation",  # `load_vectors` checks it
        "weighting": [StrOptions({"idf", "mean", "sif"})],
        "smoothing": [Interval(Real, 0, None, closed="neither")],
        "norm": [StrOptions({"l2"}), None],
        **{name: GloveTokenizer._parameter_constraints[name] for name in TEXT_PARAMETERS},
    }

    def __init__(
        self,
        vectors="glove.6B.50d",
        *,
        weighting="idf",
        smoothing=1e-3,
        norm=None,
        style="glove",
        filters=FILTERS,
        lower=True,
        split=" ",
        encoding="utf-8",
        decode_error="strict",
    ):
        self.vectors = vectors
        self.weighting = weighting
        self.smoothing = smoothing
        self.norm = norm
        self.style = style
        self.filters = filters
        self.lower = lower
        self.split = split
        self.encoding = encoding
        self.decode_error = decode_error

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Learn the weights of words.

        Parameters
        ----------
        X : iterable of n_documents str or bytes
            The texts. If `style` is a function, its arguments.
        y : None
            Ignored.

        Returns
        -------
        self : GloveVectorizer
            The fitted vectorizer.

        Raises
        ------
        TypeError, ValueError
            If X is not a collection of texts. The message names the first element that is not a text.
        FileNotFoundError
            If there are no such vectors. The message says how to get them.
        """
        with rollback(self):
            self._learn(X)
        return self

    @_fit_context(prefer_skip_nested_validation=True)
    def fit_transform(self, X, y=None):
        """Learn the weights of words and turn the same texts into vectors.

        Parameters
        ----------
        X : iterable of n_documents str or bytes
            The texts. If `style` is a function, its arguments.
        y : None
            Ignored.

        Returns
        -------
        vectors : ndarray of shape (n_documents, dim), float32

        Raises
        ------
        TypeError, ValueError
            If X is not a collection of texts. The message names the first element that is not a text.
        FileNotFoundError
            If there are no such vectors. The message says how to get them.
        """
        with rollback(self):
            return self._with_index(X, self._finish(self._learn(X)))

    def transform(self, X):
        """Turn texts into vectors.

        Parameters
        ----------
        X : iterable of n_documents str or bytes
            The texts. If `style` is a function, its arguments.

        Returns
        -------
        vectors : ndarray of shape (n_documents, dim), float32
            The vector of a text does not depend on the other texts.

        Raises
        ------
        TypeError, ValueError
            If X is not a collection of texts. The message names the first element that is not a text.
        """
        check_is_fitted(self)
        documents, column = self._tokenizer()._split(X)
        vectors = self._finish(self._average(documents, _KnownWords(column, self._fitted_vectors())))
        return self._with_index(X, vectors)

    def _with_index(self, X, vectors):
        """Give frames the index of a Series, which scikit-learn before 1.7.2 loses.

        A ColumnTransformer would then put rows side by side that do not belong together.
        """
        config, pandas = getattr(self, "_sklearn_output_config", {}), sys.modules.get("pandas")
        output = config.get("transform") or get_config()["transform_output"]
        if output == "pandas" and pandas is not None and isinstance(X, pandas.Series):
            return pandas.DataFrame(vectors, index=X.index, copy=False)
        return vectors

    def _learn(self, X):
        """Learn the weights of words. Return the averages of X."""
        vectors = load_vectors(self.vectors)
        tokenizer = self._tokenizer(vectors)
        ids = Documents.from_sequences(tokenizer.fit_transform(X))
        known = _KnownWords(encode_words(tokenizer.vocabulary_), vectors)
        self._vectors, self._weighting, self.coverage_ = vectors, self.weighting, tokenizer.coverage_
        self.vocabulary_ = {word: i for i, word in enumerate(known.column.to_pylist())}
        weights = self._compute_weights(tokenizer, known.found, len(ids))
        self.word_weights_, self._unseen_weight = weights[:-1], weights[-1]
        averages = self._average(Documents(ids.values - 1, ids.lengths), known)
        self.component_ = _first_component(averages) if self.weighting == "sif" else None
        return averages

    def _compute_weights(self, tokenizer, found, n_documents):
        """Return the weights of the words with vectors. The last is that of a word that is in no text."""
        if self.weighting == "idf":
            document_counts = np.append(tokenizer.document_counts_[1:][found], 0)
            weights = np.log((1 + n_documents) / (1 + document_counts)) + 1
        elif self.weighting == "sif":
            counts = tokenizer.word_counts_
            frequencies = np.append(counts[1:][found], 0) / max(1, counts.sum())
            weights = self.smoothing / (self.smoothing + frequencies)
        else:
            weights = np.ones(found.sum() + 1)
        return weights.astype(np.float32)

    def _tokenizer(self, vectors=None):
        """Make the tokenizer that splits texts."""
        rules = {name: getattr(self, name) for name in TEXT_PARAMETERS}
        return GloveTokenizer(vectors, num_words=None, unseen_words=False, **rules)

    def _fitted_vectors(self):
        """Return the vectors that `fit` loaded. Load them if it was not called."""
        return self._vectors if hasattr(self, "_vectors") else load_vectors(self.vectors)

    def _average(self, documents, known):
        """Return the weighted means of the words' vectors: (n_documents, dim), float32."""
        if not len(known):  # scipy would read the first of no rows
            return np.zeros((len(documents), known.rows.shape[1]), np.float32)
        weighting = getattr(self, "_weighting", "mean")
        weights = np.ones(len(known), np.float32)
        if weighting != "mean":
            at = positions_of(known.column, pa.array(list(self.vocabulary_), pa.string()))
            weights = np.append(self.word_weights_, self._unseen_weight)[at]  # unseen words are at -1
        # Repeated words are not summed up first: sorting them takes longer than the product. And so the order
        # of additions is that of the text, which makes sums independent of the other texts.
        matrix = known.place(weights, documents)
        counted = known.place(np.ones_like(weights), documents) if weighting == "sif" else matrix
        divisors = counted.sum(axis=1)
        return (matrix @ known.rows) / np.where(divisors == 0, 1, divisors)[:, np.newaxis]

    def _finish(self, averages):
        """Remove the principal component and normalise, in place."""
        component = getattr(self, "component_", None)
        if component is not None:
            # Not a product of BLAS, which rounds a row differently if there are other rows.
            averages -= np.einsum("ij,j->i", averages, component)[:, np.newaxis] * component
        return averages if self.norm is None else normalize(averages, norm=self.norm, copy=False)

    @property
    def _n_features_out(self):
        check_is_fitted(self)
        return self._fitted_vectors().dim

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.two_d_array = False
        tags.transformer_tags.preserves_dtype = []
        tags.requires_fit = self.weighting != "mean"
        return tags


class _KnownWords:
    """Those of some words that have a vector.

    Parameters
    ----------
    column : pyarrow.LargeBinaryArray of shape (n_words,)
        The words.
    vectors : WordVectors

    Attributes
    ----------
    found : ndarray of shape (n_words,), bool
        Which words have a vector.
    column : pyarrow.LargeStringArray of shape (n_found,)
        These words.
    rows : ndarray of shape (n_found, dim), float32
        Their vectors.
    """

    def __init__(self, column, vectors):
        try:
            column = column.cast(pa.large_string())
        except pa.ArrowInvalid:  # lone surrogates, whose escapes match no word of a file
            words = decode_words(column)
            column = pa.array([word.encode("utf-8", "backslashreplace").decode() for word in words])
        self.found = vectors.contains(column)
        self.column = column.filter(pa.array(self.found))
        self.rows = vectors.rows(self.column)

    def __len__(self):
        return len(self.column)

    def place(self, weights, documents):
        """Write the weight of each occurrence of a word with a vector in a matrix.

        Parameters
        ----------
        weights : ndarray of shape (n_found,), float32
        documents : Documents
            The codes of words, with and without a vector.

        Returns
        -------
        matrix : scipy.sparse.csr_array of shape (n_documents, n_found), float32
            Not in canonical format: a repeated word has several entries.
        """
        columns = np.where(self.found, np.cumsum(self.found) - 1, 0).astype(np.int32)
        of_codes = np.zeros(len(self.found), np.float32)
        of_codes[self.found] = weights
        entries = of_codes[documents.values], columns[documents.values], documents.bounds
        return csr_array(entries, shape=(len(documents), len(self)))


def _first_component(matrix):
    """Return the first right singular vector of a matrix; zeros if the matrix is all zeros."""
    blocks = (matrix[at : at + BLOCK_ROWS].astype(np.float64) for at in range(0, len(matrix), BLOCK_ROWS))
    values, vectors = np.linalg.eigh(sum(block.T @ block for block in blocks))
    return (vectors[:, -1] * (values[-1] > 0)).astype(np.float32)
