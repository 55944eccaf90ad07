"""What X's vocabulary and ids mean for the embedding: its vectors, its rows, ids without a row."""

import string

from skglove.messages import warn

# Anything larger is more likely a mistake than a network that can be trained.
MAX_IDS = 2**24  # without a vocabulary and a vocabulary_size; the largest word vectors have 2**21 words
MAX_CELLS = 2**31  # 8 GiB, and training needs three times as much

LOST_VOCABULARY = (
    "If a GloveTokenizer made the ids, a step after it lost their vocabulary, as np.vstack, FeatureUnion and "
    "ColumnTransformer do: fit on TokenIds(X, ids.vocabulary). "
    "(ClassifierChain puts labels beside the ids, where they would be read as words: use "
    "MultiOutputClassifier.)"
)


def takes_vectors(vocabulary, pretrained):
    """Tell whether the embedding starts from pre-trained vectors.

    Parameters
    ----------
    vocabulary : Vocabulary or None
        The vocabulary that X carries.
    pretrained : "auto" or bool
        As in `KerasConvTextClassifier`.

    Returns
    -------
    takes_vectors : bool

    Raises
    ------
    ValueError
        If ``pretrained=True`` and there are no vectors.
    """
    has_vectors = vocabulary is not None and vocabulary.vectors is not None
    if pretrained is True and not has_vectors:
        raise ValueError(
            "pretrained=True needs word vectors, but X carries "
            + ("no vocabulary" if vocabulary is None else "a vocabulary without vectors")
            + ". Use GloveTokenizer(vectors=...), and no step but a SequencePadder after it."
        )
    if pretrained == "auto" and vocabulary is None:
        warn(
            "X carries no vocabulary, so the embedding is learned from random vectors. "
            f"{LOST_VOCABULARY} If they never had one, pretrained=False silences this."
        )
    return has_vectors and bool(pretrained)


def count_rows(documents, vocabulary, vocabulary_size):
    """Compute the number of rows of the embedding: the largest id + 1.

    Parameters
    ----------
    documents : Documents
        Token ids.
    vocabulary : Vocabulary or None
        The vocabulary that X carries.
    vocabulary_size : int or None
        As in `KerasConvTextClassifier`.

    Returns
    -------
    n_ids : int

    Raises
    ------
    ValueError
        If an id is outside the vocabulary or `vocabulary_size`, or if the largest id, without either, is
        `MAX_IDS` or larger.
    """
    largest = int(documents.values.max(initial=0))
    if vocabulary is not None:
        if largest > len(vocabulary):
            raise ValueError(f"X has the id {largest}, but its vocabulary ends at {len(vocabulary)}.")
        if vocabulary_size is not None:
            warn(f"vocabulary_size={vocabulary_size} has no effect: X carries a vocabulary.")
        return len(vocabulary) + 1
    if vocabulary_size is not None:
        if largest >= vocabulary_size:
            raise ValueError(f"vocabulary_size={vocabulary_size}, but X has the id {largest}.")
        return vocabulary_size
    if largest >= MAX_IDS:
        document = documents.rows[documents.values.argmax()]
        raise ValueError(
            f"X has the id {largest} in document {document}, so the embedding would have {largest + 1:,} "
            f"rows. Number the words from 1, or set vocabulary_size to allow for more than {MAX_IDS:,}."
        )
    return largest + 1


def check_size(n_ids, embedding_dim, vocabulary_size):
    """Refuse an embedding that is too large to train.

    Parameters
    ----------
    n_ids : int
        Rows of the embedding.
    embedding_dim : int
        Columns of the embedding.
    vocabulary_size : int or None
        As in `KerasConvTextClassifier`, for the message.

    Raises
    ------
    ValueError
        If the embedding has more than `MAX_CELLS` numbers.
    """
    numbers = n_ids * (embedding_dim + 8)  # the frequencies of words need up to 8 of 4 bytes
    if numbers > MAX_CELLS:
        raise ValueError(
            f"An embedding of {n_ids:,} rows of {embedding_dim:,} numbers needs {numbers / 2**28:,.0f} GiB, "
            f"more than the {MAX_CELLS / 2**28:.0f} GiB that are allowed. Lower "
            f"embedding_dim={embedding_dim} or vocabulary_size={vocabulary_size}."
        )


def check_vocabulary(vocabulary, fitted):
    """Refuse ids of another vocabulary than the one fitted on.

    Parameters
    ----------
    vocabulary : Vocabulary or None
        The vocabulary that X carries.
    fitted : Vocabulary or None
        The vocabulary that X carried in `fit`.
    """
    if vocabulary is None or fitted is None or vocabulary is fitted or vocabulary.words == fitted.words:
        return
    raise ValueError(
        f"X has ids of another vocabulary ({len(vocabulary)} words) than the one fitted on "
        f"({len(fitted)} words). Make X with the tokenizer that made the ids given to fit. In a Pipeline "
        "this is what an interrupted or failed fit leaves: fit the whole Pipeline again."
    )


def warn_of_lost_vocabulary(vocabulary, fitted, name, name_of_ids="X"):
    """Warn if only one of `fit` and `predict` got ids with a vocabulary.

    Parameters
    ----------
    vocabulary : Vocabulary or None
        The vocabulary that X carries.
    fitted : Vocabulary or None
        The vocabulary that X carried in `fit`.
    name : str
        Class of the estimator, for the message.
    name_of_ids : str, default="X"
        What the ids are called in the message.
    """
    if (vocabulary is None) != (fitted is None):
        with_it, has = ("with", "has none") if vocabulary is None else ("without", "has one")
        warn(
            f"{name} was fitted {with_it} a vocabulary, but {name_of_ids} {has}: the ids may stand for other "
            "words."
        )


def check_largest(documents, n_ids, vocabulary):
    """Refuse ids that the embedding has no row for.

    Parameters
    ----------
    documents : Documents
        Token ids to predict for.
    n_ids : int
        Rows of the embedding.
    vocabulary : Vocabulary or None
        The vocabulary that X carried in `fit`.
    """
    largest = documents.values.max(initial=0)
    if largest < n_ids:
        return
    found = f"X has the id {largest}, but the embedding ends at {n_ids - 1}"
    if vocabulary is not None:
        raise ValueError(
            f"{found}, the last word of the vocabulary fitted on. X has ids of another tokenizer, or "
            "numbers beside or computed from ids."
        )
    raise ValueError(
        f"{found}, the largest id known in fit, whose X carried no vocabulary. {LOST_VOCABULARY} "
        "Set vocabulary_size only for ids that never had one."
    )


def punctuation_ids(vocabulary):
    """Find the words that are one punctuation character, perhaps repeated, such as "," or "...".

    Parameters
    ----------
    vocabulary : Vocabulary or None
        What the ids stand for.

    Returns
    -------
    ids : list of int
        Their ids. The smileys ":)" and "\U0001f600" are words.
    """
    words = () if vocabulary is None else vocabulary.words
    punctuation = string.punctuation + "\u2018\u2019\u201c\u201d\u2013\u2014\u2026\xab\xbb"
    return [i for i, word in enumerate(words, start=1) if word[:1] in punctuation and len(set(word)) == 1]
