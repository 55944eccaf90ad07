"""GloveTokenizer: texts to token ids."""

import itertools
from functools import lru_cache
from numbers import Integral

import numpy as np
import pyarrow as pa
from sklearn.base import BaseEstimator, TransformerMixin, _fit_context
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_array, check_is_fitted

from skglove.coverage import describe_stray_characters, measure_coverage
from skglove.coverage_report import report_on_fit, report_on_texts
from skglove.documents import Documents, holds_sequences
from skglove.given_vocabulary import warn_of_upper_case, words_in_order
from skglove.messages import ShortErrors, shortened, warn
from skglove.notebook import Summarised, describe_tokenizer
from skglove.progress import counted, length_of, shown
from skglove.rollback import rollback
from skglove.splitting import check_encoding, check_texts, decode_words, encode_words, split_texts
from skglove.states import pack_words, unpack_words
from skglove.token_ids import Vocabulary, with_vocabulary
from skglove.vectors import as_source, first_words
from skglove.versions import Versioned
from skglove.word_ids import look_up, number_words

# Words that are counted at a time.
BLOCK_TOKENS = 2**22

FILTERS = '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n'


class GloveTokenizer(ShortErrors, Versioned, Summarised, TransformerMixin, BaseEstimator):
    r"""Split texts into words and number the words by frequency.

    The default, ``style="glove"``, splits much like the tokenizer that was used for GloVe's training texts.
    ``style="keras"`` gives the same ids as Keras's `Tokenizer`: it converts texts to lower case, replaces
    every character of `filters` by `split`, and splits there.

    The most frequent word gets id 1. Words of equal frequency are numbered in the order of their first
    appearance. Only ids below `num_words` are used. If the texts have fewer words, the first words of
    `vectors` get the ids that are left. Words without an id are left out.

    The ids carry their vocabulary, and the vocabulary knows where the word vectors are. So a classifier later
    in the Pipeline can start from pre-trained vectors without a step in between.

    Parameters
    ----------
    vectors : str, path, WordVectors, dict, gensim KeyedVectors or None, default="glove.6B.50d"
        Where the word vectors are. A str is a name, looked up in an installed data package and then in the
        cache folder, or the path of a file. A dict maps words to their arrays.
        None stands for no vectors. Nothing is ever downloaded. Open a large dict by `load_vectors` first:
        scikit-learn copies a dict for every fit of a grid search, and formats all of it to display the
        estimator.
    style : {"glove", "keras"} or callable, default="glove"
        The rules for splitting texts into words, or a function from a text to an iterable of its words (str).
        "glove" keeps punctuation, which says something about short
        texts such as questions and reviews. "keras" removes all punctuation except the apostrophe. So "don't"
        is one word, for which GloVe has no vector. Choose "keras" to have the ids of Keras's `Tokenizer` and
        of the Keras blog, or to set `filters` and `split`.

        "glove" splits at white space, and then approximately by the Penn Treebank conventions [3]_:

        * Contractions and possessives are split: "do n't", "ca n't", "it 's", and likewise 're, 've, 'll, 'd
          and 'm.
        * Each punctuation character and symbol is a word of its own. A run of the same character, such as
          "..." or "--", is one word if the character is one of ``. - _ * # ! ? ' ` ``.
        * Abbreviations of single letters ("u.s.") and numbers ("3.14", "1,000", "10:30") stay whole.
        * Combining marks stay in their words, so words of every script stay whole.
        * Curly quotes become straight quotes.

        Words with hyphens and addresses are split into their parts, because few of them have vectors. Since
        punctuation counts as words, newsgroup posts get longer by 40 %. Choose `maxlen` accordingly.

        A function is for other languages and other units, as ``CountVectorizer(analyzer=...)``. It gets each
        element of X as it is, bytes decoded; `lower` is not applied. So the elements may be something other
        than texts: with ``style=list`` X holds lists of words. For texts, ``style=list`` makes characters.
    num_words : int or None, default=50_000
        Use ids below this number, so at most the ``num_words - 1`` most frequent words. None uses all words.
    unseen_words : bool, default=True
        If the texts given to `fit` have fewer words than `num_words` allows, give the ids that are left to
        the first words of `vectors`. In GloVe's files these are the most frequent words. This helps where
        there are few training texts, because new texts use other words of similar meaning. False ignores
        words that are in no text, as Keras does.
    filters : str, default='!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n'
        Characters at which texts are split, in addition to `split`. They never become part of a word. For
        style="keras" only: another value than the default is an error with style="glove".
    lower : bool, default=True
        Whether to convert texts to lower case. The words of GloVe 6B are in lower case. A function given as
        `style` gets the texts as they are.
    split : str, default=" "
        The separator of words. For style="keras" only, like `filters`.
    oov_token : str or None, default=None
        If given, it gets id 1 and replaces every word without an id. Otherwise these words are left out. If
        it is in `vocabulary`, it keeps the id that it has there.
    vocabulary : iterable of str, dict of str to int, Vocabulary or None, default=None
        The words, in the order of their ids, which start at 1. A dict maps words to their ids. Of a
        `Vocabulary`, such as another tokenizer's ``ids.vocabulary``, only the words are used. Then `fit`
        learns nothing from the texts and may be left out, and `num_words` and `unseen_words` have no effect.
        Tokenizers of the same vocabulary and `oov_token` give ids of the same vocabulary. None learns the
        vocabulary from the texts.
    encoding : str, default="utf-8"
        How to decode texts given as bytes.
    decode_error : {"strict", "ignore", "replace"}, default="strict"
        What to do with bytes that cannot be decoded.
    verbose : int or bool, default=0
        1 shows a progress bar for work of more than two seconds: splitting of texts, reading of vectors. The
        bar needs tqdm (``pip install 'skglove[fetch]'``); without it, there are two lines on stderr.

    Attributes
    ----------
    vocabulary_ : dict of str to int
        The id of every word: of all words seen in `fit`, including those whose id is not below `num_words`,
        and of the words that `unseen_words` added. With a given `vocabulary`, the first call of `fit` or
        `transform` sets it.
    word_counts_ : ndarray of shape (n_words + 1,), int64
        How often each word occurs in the texts given to `fit`, by id. Not defined with a given `vocabulary`.
    document_counts_ : ndarray of shape (n_words + 1,), int64
        In how many of the texts each word occurs, by id. Not defined with a given `vocabulary`.
    coverage_ : dict of str to float, or None
        The share of words that have a vector, among the words seen in `fit` with ids below `num_words`.
        "vocabulary" counts each word once, "tokens" counts each occurrence. None without `vectors`. Not
        defined with a given `vocabulary`.

    See Also
    --------
    SequencePadder : Turns the ids into a matrix.
    KerasConvTextClassifier : Learns from the ids.

    References
    ----------
    .. [1] J. Pennington, R. Socher, C. Manning, "GloVe: Global Vectors for Word Representation", EMNLP 2014.
    .. [2] F. Chollet, "Using pre-trained word embeddings in a Keras model", The Keras Blog, 2016.
    .. [3] M. Marcus, B. Santorini, M. Marcinkiewicz, "Building a Large Annotated Corpus of English: The Penn
       Treebank", Computational Linguistics 19(2), 1993. The Stanford tokenizer follows these conventions.
       It split GloVe's training texts: C. Manning et al., "The Stanford CoreNLP Natural Language Processing
       Toolkit", ACL 2014.

    Examples
    --------
    >>> from skglove import GloveTokenizer
    >>> tokenizer = GloveTokenizer(vectors=None)
    >>> tokenizer.fit_transform(["The cat saw the dog.", "The end!"]).tolist()
    [array([1, 2, 3, 1, 4, 5], dtype=int32), array([1, 6, 7], dtype=int32)]
    >>> tokenizer.vocabulary_
    {'the': 1, 'cat': 2, 'saw': 3, 'dog': 4, '.': 5, 'end': 6, '!': 7}
    >>> tokenizer.inverse_transform([[4, 3, 2]])
    ['dog saw cat']

    Words as GloVe has them, and words as Keras splits them:

    >>> texts = ["Don't panic, it's 3.14!"]
    >>> list(GloveTokenizer(vectors=None).fit(texts).vocabulary_)
    ['do', "n't", 'panic', ',', 'it', "'s", '3.14', '!']
    >>> list(GloveTokenizer(vectors=None, style="keras").fit(texts).vocabulary_)
    ["don't", 'panic', "it's", '3', '14']

    Lists of words, characters, and words split by a function of one's own:

    >>> GloveTokenizer(vectors=None, style=list).fit_transform([["New York", "is", "big"]]).tolist()
    [array([1, 2, 3], dtype=int32)]
    >>> list(GloveTokenizer(vectors=None, style=list).fit(["人工智能"]).vocabulary_)
    ['人', '工', '智', '能']
    >>> list(GloveTokenizer(vectors=None, style=str.split).fit(["C++ is not C"]).vocabulary_)
    ['C++', 'is', 'not', 'C']

    With other packages: ``style=jieba.lcut`` for Chinese, and for spaCy's pipeline ``nlp``
    ``style=lambda text: [token.lower_ for token in nlp(text)]``. A lambda cannot be pickled: for
    ``n_jobs=2``, or to save the tokenizer, define a function.

    A given vocabulary needs no `fit`:

    >>> tokenizer = GloveTokenizer(vectors=None, vocabulary=["cat", "dog"])
    >>> tokenizer.transform(["The dog saw the cat."]).tolist()
    [array([2, 1], dtype=int32)]
    """

    _parameter_constraints = {
        "vectors": "no_validation",  # `as_source` checks it. scikit-learn's message would print a whole dict.
        "style": [StrOptions({"keras", "glove"}), callable],
        "num_words": [Interval(Integral, 2, None, closed="left"), None],
        "unseen_words": ["boolean"],
        "filters": [str],
        "lower": ["boolean"],
        "split": [str],
        "oov_token": [str, None],
        "encoding": [str],
        "decode_error": [StrOptions({"strict", "ignore", "replace"})],
        "vocabulary": "no_validation",  # `words_in_order` checks it, for the same reason
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        vectors="glove.6B.50d",
        *,
        style="glove",
        num_words=50_000,
        unseen_words=True,
        filters=FILTERS,
        lower=True,
        split=" ",
        oov_token=None,
        encoding="utf-8",
        decode_error="strict",
        vocabulary=None,
        verbose=0,
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
        self.vocabulary = vocabulary
        self.verbose = verbose

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Learn the vocabulary.

        Parameters
        ----------
        X : iterable of n_documents str or bytes
            The texts. If `style` is a function, its arguments. With a given `vocabulary` they are only
            checked.
        y : None
            Ignored.

        Returns
        -------
        self : GloveTokenizer
            The fitted tokenizer.

        Raises
        ------
        TypeError, ValueError
            If X is not a collection of texts. The message names the first element that is not a text. If
            `vocabulary` is empty, has no order, holds a word twice, or holds something else than words.
        """
        with rollback(self), shown(self.verbose):
            self._learn(X)
        return self

    @_fit_context(prefer_skip_nested_validation=True)
    def fit_transform(self, X, y=None):
        """Learn the vocabulary and turn the same texts into ids.

        Parameters
        ----------
        X : iterable of n_documents str or bytes
            The texts. If `style` is a function, its arguments.
        y : None
            Ignored.

        Returns
        -------
        ids : TokenIds of shape (n_documents,), object
            One int32 array per text.

        Raises
        ------
        TypeError, ValueError
            If X is not a collection of texts. The message names the first element that is not a text.
        """
        with rollback(self), shown(self.verbose):
            return self._learn(X)

    def transform(self, X):
        """Turn texts into ids.

        Parameters
        ----------
        X : iterable of n_documents str or bytes
            The texts. If `style` is a function, its arguments.

        Returns
        -------
        ids : TokenIds of shape (n_documents,), object
            One int32 array per text.

        Raises
        ------
        TypeError, ValueError
            If X is not a collection of texts. The message names the first element that is not a text.
        """
        self._check_fitted()
        return self._transform(X)

    def _transform(self, X):
        documents, words = self._split(X)
        return self._make_ids(documents, self._look_up(words))

    def _look_up(self, words):
        """Return the id of each word of a column, 0 for those that are left out."""
        return look_up(
            words,
            self.vocabulary_,
            lambda: _vocabulary_column(self._vocabulary),
            n_words=len(self._vocabulary),
            oov_id=self._oov_id,
        )

    def inverse_transform(self, X):
        """Turn ids back into texts.

        Parameters
        ----------
        X : array-like of shape (n_documents, n_columns) or ragged array-like of shape (n_documents,)
            Token ids, with or without padding.

        Returns
        -------
        texts : list of n_documents str
            The words, joined by `split`, without padding.

        Raises
        ------
        ValueError
            If an id is beyond the vocabulary, or not an id at all.
        TypeError
            If X is not a collection of documents.
        """
        self._check_fitted()
        if not holds_sequences(X):
            if np.ndim(X) == 0:
                raise TypeError(
                    f"Expected the ids of documents, such as a list of lists, got {type(X).__name__}."
                )
            if np.ndim(X) == 1:
                problem = "Expected the ids of documents, got those of one. Put it into a list."
                raise ValueError(problem if len(X) else "There are no documents: X is an empty array.")
            X = list(check_array(X, ensure_all_finite=False))  # NaN is left to `Documents`
        documents = Documents.from_sequences(X)
        n_words, largest = len(self._vocabulary), documents.values.max(initial=0)
        if largest > n_words:
            raise ValueError(f"Id {largest} stands for no word: the vocabulary ends at {n_words}.")
        words = np.array(["", *self._vocabulary.words], dtype=object)
        return [self.split.join(words[ids[ids > 0]]) for ids in documents.sequences()]

    def coverage_report(self, texts=None, n=20):
        """Report which tokens have a vector, and which words have none.

        Parameters
        ----------
        texts : iterable of n_documents str or bytes, or None, default=None
            The texts to report on, such as those to predict. None reports on the texts given to `fit`,
            without the share of each document.
        n : int, default=20
            How many of the most frequent words without a vector to list.

        Returns
        -------
        report : CoverageReport
            With the attributes `tokens`, `words`, `missing` and `documents`, and the method `to_frame`. It
            can be printed, and a notebook shows it as a table.

        Raises
        ------
        ValueError
            If the tokenizer has no vectors, or if `n` is negative; without `texts`, if its vocabulary is
            given.
        TypeError, ValueError
            If `texts` is not a collection of texts.
        """
        self._check_fitted()
        if texts is None:
            counts = getattr(self, "word_counts_", None)
            return report_on_fit(self._vocabulary, self.vocabulary_, counts, n)
        documents, column = self._split(texts)
        words = decode_words(column)
        ids = np.array([self.vocabulary_.get(word, 0) for word in words], dtype=np.int64)
        return report_on_texts(self._vocabulary, words, ids, documents, n)

    def _learn(self, X):
        """Learn the vocabulary and return the ids of X."""
        self._check_rules()
        if self.vocabulary is not None:
            self._take_vocabulary()
            return self._transform(X)
        vectors = None if self.vectors is None else as_source(self.vectors)
        documents, column = self._split(X)
        counts, document_counts = _count_words(documents, len(column))
        order = np.argsort(-counts, kind="stable")  # stable: equal counts stay in order of first appearance
        counts, document_counts = counts[order], document_counts[order]
        words = decode_words(column.take(pa.array(order)))
        reserved = [] if self.oov_token is None else [self.oov_token]
        seen = reserved + words
        n_kept = self._count_kept(seen)
        if self.style == "keras":
            stray = describe_stray_characters(words, counts, self.split, self.filters, vectors)
            if stray is not None:
                warn(stray)
        unseen = self._find_unseen(seen, vectors)
        self.vocabulary_ = {word: i for i, word in enumerate(seen + unseen, 1)}
        self._vocabulary = Vocabulary((*seen[:n_kept], *unseen), vectors)
        self._oov_id = self.vocabulary_[self.oov_token] if reserved else 0
        not_counted = 1 + len(reserved), len(unseen)  # padding and oov_token come first, unseen words last
        self.word_counts_ = np.pad(counts, not_counted)
        self.document_counts_ = np.pad(document_counts, not_counted)
        self.coverage_ = measure_coverage(self._vocabulary, self.word_counts_)

        ids = np.arange(1, len(words) + 1) + len(reserved)
        id_of_code = np.empty(len(words), dtype=np.int32)
        id_of_code[order] = np.where(ids > n_kept, self._oov_id, ids)
        return self._make_ids(documents, id_of_code)

    def _check_fitted(self):
        if self.vocabulary is not None and not hasattr(self, "_vocabulary"):
            with rollback(self):
                self._validate_params()
                self._check_rules()
                self._take_vocabulary()
        check_is_fitted(self)

    def _take_vocabulary(self):
        """Set the vocabulary that is given, and forget what an earlier fit has counted."""
        for name in ("word_counts_", "document_counts_", "coverage_"):
            vars(self).pop(name, None)
        vectors = None if self.vectors is None else as_source(self.vectors)
        words = words_in_order(self.vocabulary)
        if self.oov_token is not None and self.oov_token not in words:
            words = self.oov_token, *words
        if self.lower:
            warn_of_upper_case(words, self.oov_token)
        self._vocabulary = Vocabulary(words, vectors)
        self.vocabulary_ = {word: i for i, word in enumerate(words, 1)}
        self._oov_id = self.vocabulary_.get(self.oov_token, 0)

    def _check_rules(self):
        """Check what `_parameter_constraints` cannot express."""
        if not self.split:
            raise ValueError("split must not be empty: it is what separates words, e.g. ' '.")
        if self.style != "keras" and (self.filters, self.split) != (FILTERS, " "):
            raise ValueError(
                f"filters and split are for style='keras' only, got {shortened(self.filters)} and "
                f"{shortened(self.split)} with style={shortened(self.style)}. Set style='keras', or leave "
                "both at their defaults."
            )
        check_encoding(self.encoding)

    def _split(self, X):
        """Split texts into documents of word codes. Return them and the column of distinct words."""
        texts = check_texts(X, self.encoding, self.decode_error, any_type=callable(self.style))
        rules = {"style": self.style, "lower": self.lower, "filters": self.filters, "split": self.split}
        with shown(self.verbose):
            return split_texts(counted(texts, "Splitting texts", "texts", length_of(X)), **rules)

    def _count_kept(self, seen):
        """Return how many of the words, the most frequent first, get an id below `num_words`."""
        n_kept = len(seen) if self.num_words is None else min(self.num_words - 1, len(seen))
        # As in Keras, an oov_token that also occurs in the texts has the id of that word.
        if self.oov_token in seen[n_kept:]:
            raise ValueError(
                f"oov_token={shortened(self.oov_token)} is itself a word of the texts, too rare for "
                f"num_words={self.num_words}. Choose one that is not a word, such as '<OOV>'."
            )
        return n_kept

    def _find_unseen(self, seen, vectors):
        """List the first words of the vectors that are not in the texts, to fill the ids that are left."""
        n_left = 0 if self.num_words is None else self.num_words - 1 - len(seen)
        if vectors is None or not self.unseen_words or n_left <= 0:
            return []
        first = first_words(vectors, min(self.num_words, np.iinfo(np.int32).max))
        possible = set(first)
        if first and not callable(self.style):
            # Only words that splitting can produce: "U.S." has a vector, but "keras" never makes this word.
            possible = set(decode_words(self._split(first)[1]))
        possible.difference_update(seen)
        return [word for word in first if word in possible][:n_left]

    def _make_ids(self, documents, id_of_code):
        """Replace word codes by ids and leave out words without an id."""
        documents = number_words(documents, id_of_code, self._oov_id)
        return with_vocabulary(documents.sequences(), self._vocabulary)

    def _summary(self):
        return describe_tokenizer(self)

    def __getstate__(self):
        state = super().__getstate__()
        if "vocabulary_" in state:
            ids = np.fromiter(self.vocabulary_.values(), dtype=np.int32, count=len(self.vocabulary_))
            state["vocabulary_"] = *pack_words(self.vocabulary_), ids
        return state

    def _read_state(self, state):
        state = {"verbose": 0} | state  # 0.1.0 had no `verbose`
        if isinstance(state.get("vocabulary_"), tuple):  # 0.1.0 had a dict
            *words, ids = state["vocabulary_"]
            state["vocabulary_"] = dict(zip(unpack_words(*words), ids.tolist(), strict=True))
        super()._read_state(state)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.two_d_array = False
        tags.transformer_tags.preserves_dtype = []
        tags.requires_fit = self.vocabulary is None
        return tags


@lru_cache(maxsize=2)
def _vocabulary_column(vocabulary):
    """Encode the words of a vocabulary once. For a single text, this takes longer than everything else."""
    return encode_words(vocabulary.words)


def _count_words(documents, n_words):
    """Count the occurrences of each word, and the documents it occurs in."""
    counts, document_counts = np.zeros((2, n_words), dtype=np.int64)
    # In blocks, because counting needs several times the memory of the words.
    bounds = documents.bounds
    starts = np.append(np.arange(0, bounds[-1], BLOCK_TOKENS), bounds[-1])
    for first, last in itertools.pairwise(np.unique(np.searchsorted(bounds, starts))):
        matrix = documents[first:last].counts(n_words)
        counts += matrix.sum(axis=0, dtype=np.int64)
        document_counts += np.diff(matrix.indptr)
    return counts, document_counts
