"""GloveTokenizer: texts to token ids."""

import itertools
import os
from collections.abc import Iterable, Mapping, Set
from functools import lru_cache
from numbers import Integral

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from sklearn.base import BaseEstimator, TransformerMixin, _fit_context
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_array, check_is_fitted

from skglove import glove_words
from skglove.documents import Documents, holds_sequences
from skglove.messages import ShortErrors, shortened, warn
from skglove.rollback import rollback
from skglove.states import Versioned
from skglove.stray import describe_stray
from skglove.token_ids import Vocabulary, ragged_token_ids
from skglove.vectors import as_source, first_words

# Characters of text that are split at a time: enough to be fast, few enough to reuse the same memory.
CHUNK_CHARACTERS = 2**20
# Words that are counted at a time.
BLOCK_TOKENS = 2**22

# Python strings may hold lone surrogates, which strict UTF-8 refuses.
UTF8 = {"encoding": "utf-8", "errors": "surrogatepass"}

FILTERS = '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n'


class GloveTokenizer(Versioned, ShortErrors, TransformerMixin, BaseEstimator):
    r"""Split texts into words and number the words by frequency.

    The rules are those of Keras's `Tokenizer`: lower the text, replace every character of `filters` by
    `split`, and split there. Or, if you say so by `style`, nearly those by which the texts were split that
    GloVe's vectors come from. The most frequent word gets id 1; words of equal frequency are numbered in the
    order of their first appearance; only ids below `num_words` are used. Where the texts have fewer words,
    the first words of `vectors` get the ids that are left. Words without an id are left out.

    The ids carry their vocabulary, and it knows where the words' vectors are: so a classifier later in a
    Pipeline can start from pre-trained vectors, without any step in between.

    Parameters
    ----------
    vectors : str, path, WordVectors, dict, gensim KeyedVectors or None, default="glove.6B.50d"
        Where the words' vectors are: a name (looked up in an installed data package, then in the cache
        folder), the path of a file, or vectors in memory, be it a dict of words and their arrays. None if
        there are none. Nothing is ever downloaded. Open a large dict by `load_vectors` first: scikit-learn
        copies a dict for every fit of a grid search, and formats all of it to show the estimator.
    style : {"keras", "glove"}, default="keras"
        How texts are split into words. "keras" keeps no punctuation but the apostrophe, so that "don't" is a
        word, for which GloVe has no vector. "glove" splits at white space, and there

        * takes off what was a word of its own: "do n't", "ca n't", "it 's", also 're, 've, 'll, 'd and 'm;
        * makes a word of every character that is neither letter nor digit, but of a run such as "..." or
          "--" one word, if it is of ``. - _ * # ! ? ' ` ``;
        * leaves abbreviations of single letters ("u.s.") and numbers ("3.14", "1,000", "10:30") whole;
        * keeps combining marks in their words, so that words of every script stay whole;
        * writes curly quotes straight.

        So words with hyphens, addresses and the like fall apart: few of them have vectors. With the
        punctuation among the words, newsgroup posts get longer by 40 %: think of `maxlen`.
    num_words : int or None, default=50_000
        Use ids below this number, so at most the ``num_words - 1`` most frequent words. None uses all.
    unseen_words : bool, default=True
        Where the texts given to `fit` have fewer words than `num_words` allows, give the ids that are left to
        the words that stand first in `vectors`, which in GloVe's files are the most frequent. So where there
        are few texts to learn from, a new one may say the same in other words. False leaves out what no text
        had, as Keras does.
    filters : str, default='!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n'
        Characters at which texts are split, beside `split`. They are in no word. For style="keras" only.
    lower : bool, default=True
        Convert texts to lower case.
    split : str, default=" "
        What separates words. For style="keras" only.
    oov_token : str or None, default=None
        If given, it gets id 1 and stands for every word without an id, which would else be left out.
    encoding : str, default="utf-8"
        How to decode texts given as bytes.
    decode_error : {"strict", "ignore", "replace"}, default="strict"
        What to do with bytes that cannot be decoded.

    Attributes
    ----------
    vocabulary_ : dict of str to int
        The id of every word seen in `fit`, also of those whose id is not below `num_words`, and of those that
        `unseen_words` added.
    word_counts_ : ndarray of shape (n_words + 1,), int64
        How often each word occurs in the texts given to `fit`, by id.
    document_counts_ : ndarray of shape (n_words + 1,), int64
        In how many of the texts each word occurs, by id.
    coverage_ : dict of str to float, or None
        Of the words seen in `fit` with ids below `num_words`, which share has a vector: "vocabulary" counts
        every word once, "tokens" as often as it occurs. None without `vectors`.

    See Also
    --------
    SequencePadder : Makes a matrix of the ids.
    KerasConvTextClassifier : Learns from the ids.

    References
    ----------
    .. [1] J. Pennington, R. Socher, C. Manning, "GloVe: Global Vectors for Word Representation", EMNLP 2014.
    .. [2] F. Chollet, "Using pre-trained word embeddings in a Keras model", The Keras Blog, 2016.
    .. [3] M. Marcus, B. Santorini, M. Marcinkiewicz, "Building a Large Annotated Corpus of English: The Penn
       Treebank", Computational Linguistics 19(2), 1993. GloVe's texts were split by its rules, with the
       Stanford tokenizer: C. Manning et al., "The Stanford CoreNLP Natural Language Processing Toolkit",
       ACL 2014.

    Examples
    --------
    >>> from skglove import GloveTokenizer
    >>> tokenizer = GloveTokenizer(vectors=None)
    >>> tokenizer.fit_transform(["The cat saw the dog.", "The end!"]).tolist()
    [array([1, 2, 3, 1, 4], dtype=int32), array([1, 5], dtype=int32)]
    >>> tokenizer.vocabulary_
    {'the': 1, 'cat': 2, 'saw': 3, 'dog': 4, 'end': 5}
    >>> tokenizer.inverse_transform([[4, 3, 2]])
    ['dog saw cat']

    The words that GloVe has vectors for:

    >>> tokenizer = GloveTokenizer(vectors=None, style="glove").fit(["Don't panic, it's 3.14!"])
    >>> list(tokenizer.vocabulary_)
    ['do', "n't", 'panic', ',', 'it', "'s", '3.14', '!']
    """

    _parameter_constraints = {
        "vectors": "no_validation",  # `as_source` checks it: scikit-learn's message would print all of a dict
        "style": [StrOptions({"keras", "glove"})],
        "num_words": [Interval(Integral, 2, None, closed="left"), None],
        "unseen_words": ["boolean"],
        "filters": [str],
        "lower": ["boolean"],
        "split": [str],
        "oov_token": [str, None],
        "encoding": [str],
        "decode_error": [StrOptions({"strict", "ignore", "replace"})],
    }

    def __init__(
        self,
        vectors="glove.6B.50d",
        *,
        style="keras",
        num_words=50_000,
        unseen_words=True,
        filters=FILTERS,
        lower=True,
        split=" ",
        oov_token=None,
        encoding="utf-8",
        decode_error="strict",
    ):
        self.vectors = vectors
        self.style = style
        self.num_words = num_words
        self.unseen_words = unseen_words
        self.filters = filters
        self.lower = lower
        self.split = split
        self.oov_token = oov_token
        self.encoding = encoding
        self.decode_error = decode_error

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Learn the vocabulary.

        Parameters
        ----------
        X : iterable of n_documents str or bytes
            The texts.
        y : None
            Ignored.

        Returns
        -------
        self : GloveTokenizer
            The fitted tokenizer.

        Raises
        ------
        TypeError, ValueError
            If X is not a collection of texts; the message names the first that is none.
        """
        with rollback(self):
            self._learn(X)
        return self

    @_fit_context(prefer_skip_nested_validation=True)
    def fit_transform(self, X, y=None):
        """Learn the vocabulary and number the words of the same texts.

        Parameters
        ----------
        X : iterable of n_documents str or bytes
            The texts.
        y : None
            Ignored.

        Returns
        -------
        ids : TokenIds of shape (n_documents,), object
            One int32 array a text.

        Raises
        ------
        TypeError, ValueError
            If X is not a collection of texts; the message names the first that is none.
        """
        with rollback(self):
            return self._learn(X)

    def transform(self, X):
        """Number the words of texts.

        Parameters
        ----------
        X : iterable of n_documents str or bytes
            The texts.

        Returns
        -------
        ids : TokenIds of shape (n_documents,), object
            One int32 array a text.

        Raises
        ------
        TypeError, ValueError
            If X is not a collection of texts; the message names the first that is none.
        """
        check_is_fitted(self)
        documents, words = self._encode(X)
        n_reserved = int(self._oov_id > 0)
        positions = pc.fill_null(pc.index_in(words, _known_words(self._vocabulary)), -1).to_numpy()
        ids = np.where(positions < n_reserved, self._oov_id, positions + 1)
        return self._make_ids(ids.astype(np.int32)[documents.values], documents.lengths)

    def inverse_transform(self, X):
        """Turn ids back into texts.

        Parameters
        ----------
        X : array-like of shape (n_documents, n_columns) or ragged array-like of shape (n_documents,)
            Token ids, padded or not.

        Returns
        -------
        texts : list of n_documents str
            The words, joined by `split`. Padding is left out.

        Raises
        ------
        ValueError
            If an id stands for no word.
        """
        check_is_fitted(self)
        if not holds_sequences(X):
            if np.ndim(X) == 0:
                raise TypeError(
                    f"Expected the ids of documents, such as a list of lists, got {type(X).__name__}."
                )
            if np.ndim(X) == 1:
                problem = "Expected the ids of documents, got those of one. Put it into a list."
                raise ValueError(problem if len(X) else "There are no documents: X is an empty array.")
            X = list(check_array(X, ensure_all_finite=False))  # `Documents` says in which document
        documents = Documents.from_sequences(X)
        n_words, largest = len(self._vocabulary), documents.values.max(initial=0)
        if largest > n_words:
            raise ValueError(f"Id {largest} stands for no word: the vocabulary ends at {n_words}.")
        words = np.array(["", *self._vocabulary.words], dtype=object)
        return [self.split.join(words[ids[ids > 0]]) for ids in documents.sequences()]

    def _learn(self, X):
        """Set all that fit learns; returns the ids of X."""
        if not self.split:
            raise ValueError("split must not be empty: it is what separates words, e.g. ' '.")
        if self.style == "glove" and (self.filters, self.split) != (FILTERS, " "):
            raise ValueError(
                f"filters and split are for style='keras' only, got {shortened(self.filters)} and "
                f"{shortened(self.split)} with style='glove'. Leave them at their defaults."
            )
        _check_encoding(self.encoding)
        vectors = None if self.vectors is None else as_source(self.vectors)
        documents, words = self._encode(X)
        counts, document_counts = _count(documents, len(words))
        ranks = np.argsort(-counts, kind="stable")  # first seen first, among equals
        words = words.take(pa.array(ranks))
        reserved = [] if self.oov_token is None else [self.oov_token]
        seen = reserved + _decode_column(words)
        n_kept = len(seen) if self.num_words is None else min(self.num_words - 1, len(seen))
        # As in Keras, an oov_token that is a word of the texts too has that word's id.
        if self.oov_token in seen[n_kept:]:
            raise ValueError(
                f"oov_token={shortened(self.oov_token)} is itself a word of the texts, too rare for "
                f"num_words={self.num_words}. Choose one that is no word, such as '<OOV>'."
            )
        if self.style == "keras" and (
            stray := describe_stray(seen[len(reserved) :], counts[ranks], self.split, self.filters, vectors)
        ):
            warn(stray)
        unseen = self._find_unseen(seen, vectors)
        self.vocabulary_ = {word: i for i, word in enumerate(seen + unseen, 1)}
        self._vocabulary = Vocabulary((*seen[:n_kept], *unseen), vectors)
        self._oov_id = self.vocabulary_[self.oov_token] if reserved else 0
        without = 1 + len(reserved), len(unseen)  # ids of no word that was counted: before, and behind
        self.word_counts_ = np.pad(counts[ranks], without)
        self.document_counts_ = np.pad(document_counts[ranks], without)
        self.coverage_ = self._measure_coverage()

        id_of_code = np.empty(len(words), dtype=np.int32)
        ids = np.arange(1, len(words) + 1) + len(reserved)
        id_of_code[ranks] = np.where(ids > n_kept, self._oov_id, ids)
        return self._make_ids(id_of_code[documents.values], documents.lengths)

    def _encode(self, X):
        """Split texts into documents of word codes; return these and the distinct words, by code."""
        separator = self.split.encode(**UTF8)
        if self.style == "keras":
            table = str.maketrans(dict.fromkeys(self.filters, self.split))
        else:
            table = glove_words.CHARACTERS
        chunks, lengths = [], []
        for texts in _chunks(check_texts(X, self.encoding, self.decode_error)):
            if self.lower:
                texts = [text.lower() for text in texts]
            column = _encode_column(text.translate(table) for text in texts)
            pieces = pc.split_pattern(column, separator)
            words = pieces.flatten()
            filled = pc.not_equal(pc.binary_length(words), 0)
            ends = np.concatenate([[0], np.cumsum(filled.to_numpy(zero_copy_only=False))])
            lengths.append(np.diff(ends[pieces.offsets.to_numpy() - pieces.offsets[0].as_py()]))
            chunks.append(words.filter(filled).dictionary_encode())
        if not chunks:
            raise ValueError("There are no texts: X is empty.")
        encoded = pa.chunked_array(chunks).unify_dictionaries()
        codes = np.concatenate([chunk.indices.to_numpy() for chunk in encoded.chunks])
        words = encoded.chunk(encoded.num_chunks - 1).dictionary
        documents = Documents(codes, np.concatenate(lengths))
        return (documents, words) if self.style == "keras" else _split_pieces(documents, words)

    def _find_unseen(self, seen, vectors):
        """List the first words of the vectors that were not seen but can be, for the ids that are left."""
        n_left = 0 if self.num_words is None else self.num_words - 1 - len(seen)
        if vectors is None or not self.unseen_words or n_left <= 0:
            return []
        first = first_words(vectors, min(self.num_words, np.iinfo(np.int32).max))
        possible = set(_decode_column(self._encode(first)[1])).difference(seen) if first else ()
        return [word for word in first if word in possible][:n_left]

    def _make_ids(self, values, lengths):
        """Leave out words without an id and cut the rest into documents."""
        if not self._oov_id:
            known, filled = values > 0, lengths > 0
            starts = (np.cumsum(lengths) - lengths)[filled]
            lengths = np.zeros_like(lengths)
            lengths[filled] = np.add.reduceat(known, starts, dtype=lengths.dtype) if len(starts) else 0
            values = values[known]
        return ragged_token_ids(Documents(values, lengths), self._vocabulary)

    def _measure_coverage(self):
        """Work out which share of the words has a vector."""
        vectors = self._vocabulary.vectors
        if vectors is None:
            return None
        found = self._vocabulary.has_vectors()
        counts = self.word_counts_[1 : len(found) + 1]
        if not counts.sum():
            return {"vocabulary": 0.0, "tokens": 0.0}
        found, counts = found[counts > 0], counts[counts > 0]
        coverage = {"vocabulary": float(found.mean()), "tokens": float(counts[found].sum() / counts.sum())}
        if coverage["tokens"] < 0.5:
            warn(
                f"Only {coverage['tokens']:.0%} of the tokens have a vector in {vectors!r}. Do the "
                "texts have the language and the case of the vectors? See also style, lower and filters.",
            )
        return coverage

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.two_d_array = False
        tags.transformer_tags.preserves_dtype = []
        return tags


def check_texts(X, encoding="utf-8", decode_error="strict"):
    """Yield the texts of a collection, decoded.

    Parameters
    ----------
    X : iterable of str or bytes
        What a user gave as texts.
    encoding : str, default="utf-8"
        How to decode bytes.
    decode_error : {"strict", "ignore", "replace"}, default="strict"
        What to do with bytes that cannot be decoded.

    Yields
    ------
    text : str
        The texts, one by one.

    Raises
    ------
    ValueError
        If X is one string, or has two dimensions, or a text cannot be decoded.
    TypeError
        If X is no ordered collection, or holds something that is no text.
    """
    expected, kind = "Expected a collection of texts, such as a list of str", type(X).__name__
    if isinstance(X, str | bytes):
        raise ValueError(f"{expected}, got one {kind}: {shortened(X)}. Put it into a list.")
    if isinstance(X, Mapping):
        raise TypeError(f"{expected}, got {kind}. Give the value that holds them, or list(X.values()).")
    if len(getattr(X, "shape", (0,))) != 1:
        raise ValueError(f"{expected}, got a {kind} of shape {X.shape}. Take one column.")
    if not isinstance(X, Iterable) or isinstance(X, Set):
        raise TypeError(f"{expected}, got {kind}.")
    if hasattr(X, "to_pylist"):  # a column of pyarrow
        X = X.to_pylist()
    for i, text in enumerate(X):
        if isinstance(text, str):
            yield text
        elif isinstance(text, bytes):
            try:
                yield text.decode(encoding, decode_error)
            except UnicodeError as error:
                raise ValueError(
                    f"The text at index {i} cannot be decoded: {error}. Give the right encoding=, "
                    "or decode_error='replace'."
                ) from error
        else:
            raise TypeError(
                f"Expected texts, got {type(text).__name__} at index {i}: {shortened(text)}. {_remedy(text)}"
            )


def _remedy(text):
    """Say how to make a text of what is none."""
    if isinstance(text, list | tuple | np.ndarray):
        return "Join the words of each document: ' '.join(words)."
    if isinstance(text, bytearray | memoryview):
        return "Make it bytes or str."
    if isinstance(text, os.PathLike):
        return "Read the file: path.read_text()."
    return "Fill in a str for what is missing, such as ''."


def _check_encoding(encoding):
    try:
        b"a".decode(encoding)
    except UnicodeError:  # it is an encoding, in which this is no text
        return
    except (LookupError, ValueError) as error:
        raise ValueError(
            f"encoding={shortened(encoding)} is no encoding that Python knows ({shortened(str(error))}). "
            "Give one such as 'utf-8' or 'latin-1'."
        ) from error


def _chunks(texts):
    """Group texts into lists of at least CHUNK_CHARACTERS characters, but for the last."""
    chunk, size = [], 0
    for text in texts:
        chunk.append(text)
        size += len(text)
        if size >= CHUNK_CHARACTERS:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def _encode_column(texts):
    return pa.array([text.encode(**UTF8) for text in texts], pa.large_binary())


@lru_cache(maxsize=2)
def _known_words(vocabulary):
    """Encode the words of a vocabulary, once: for a single text, that would take longer than all else."""
    return _encode_column(vocabulary.words)


def _decode_column(column):
    return [text.decode(**UTF8) for text in column.to_pylist()]


def _split_pieces(documents, pieces):
    """Split what stands between spaces into tokens, every distinct piece once."""
    lines = b"\n".join([b"", *pieces.to_pylist(), b""]).decode(**UTF8)
    column = _encode_column([" ".join(glove_words.word_pattern().findall(lines))])
    tokens = pc.split_pattern(column, b" ").flatten()
    is_token = pc.not_equal(tokens, b"\n")
    line_ends = np.flatnonzero(~is_token.to_numpy(zero_copy_only=False))
    tokens = tokens.filter(is_token).dictionary_encode()
    by_piece = pa.LargeListArray.from_arrays(line_ends - np.arange(len(line_ends)), tokens.indices)
    expanded = by_piece.take(pa.array(documents.values))
    lengths = np.diff(expanded.offsets.to_numpy()[documents.bounds])
    return Documents(expanded.flatten().to_numpy(), lengths), tokens.dictionary


def _count(documents, n_words):
    """Count how often words occur, and in how many documents."""
    counts, document_counts = np.zeros((2, n_words), dtype=np.int64)
    # In blocks, because counting needs several times the memory of the words.
    bounds = documents.bounds
    starts = np.append(np.arange(0, bounds[-1], BLOCK_TOKENS), bounds[-1])
    for first, last in itertools.pairwise(np.unique(np.searchsorted(bounds, starts))):
        matrix = documents[first:last].counts(n_words)
        counts += matrix.sum(axis=0, dtype=np.int64)
        document_counts += np.diff(matrix.indptr)
    return counts, document_counts
