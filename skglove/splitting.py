"""Split texts into words, by Keras's rules or by GloVe's.

A text becomes a document of word codes. The distinct words are one column of pyarrow, which splits, counts
and looks words up without a Python loop.
"""

import os
import re
import sys
import unicodedata
from collections.abc import Iterable, Mapping, Set
from functools import lru_cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from skglove.documents import Documents
from skglove.messages import shortened

# Texts are split in chunks of this many characters: large enough to be fast, small enough to reuse memory.
CHUNK_CHARACTERS = 2**20

# Fewer characters than these are split by the regular expression of style="glove", text by text, which
# takes a fifth of the time for a sentence.
FEW_CHARACTERS = 2_000

# Pieces that are replaced by their tokens at a time.
BLOCK_PIECES = 2**16

# Python strings may hold lone surrogates, which strict UTF-8 refuses.
UTF8 = {"encoding": "utf-8", "errors": "surrogatepass"}

# For style="glove", white space and the byte-order mark become spaces, and curly quotes become straight.
# Thai and Khmer separate words by the zero-width space, U+200B.
GLOVE_CHARACTERS = str.maketrans("\t\n\r\u200b\ufeff\u2018\u2019\u201c\u201d", "     ''" + '""')

# All combining marks of Unicode are in planes 0 and 1, or are variation selectors.
MARK_BLOCKS = (*range(0x300, 0x20000), *range(0xE0100, 0xE01F0))
JOINERS = {0x200C, 0x200D}  # zero-width non-joiner and joiner, which shape letters within a word

# Kinds of bytes, for the rules of style="glove" on ASCII text
SPACE = ord(" ")
BYTES = [chr(byte) for byte in range(128)] + ["\N{EN DASH}"] * 128  # a stand-in: UTF-8 of other text
IS_SPACE = np.array([byte.isspace() for byte in BYTES])
IS_LETTER = np.array([byte.isalpha() for byte in BYTES])
IS_DIGIT = np.array([byte.isdigit() for byte in BYTES])
IS_RUN = np.array([byte in ".-_*#!?'`" for byte in BYTES])
IS_SEPARATOR = np.array([byte in ".,:" for byte in BYTES])


def check_texts(X, encoding="utf-8", decode_error="strict", *, any_type=False):
    """Yield the texts of a collection, decoded.

    Parameters
    ----------
    X : iterable of str or bytes
        What a user gave as texts.
    encoding : str, default="utf-8"
        How to decode bytes.
    decode_error : {"strict", "ignore", "replace"}, default="strict"
        What to do with bytes that cannot be decoded.
    any_type : bool, default=False
        Whether documents that are not texts are yielded as they are, for a user's function to split.

    Yields
    ------
    text : str
        One text after the other.

    Raises
    ------
    ValueError
        If X is a single string, if X has two dimensions, or if a text cannot be decoded.
    TypeError
        If X is not an ordered collection, or if it holds something other than texts.
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
                    f"The text at index {i} cannot be decoded: {error}. Decode it yourself, or give "
                    "GloveTokenizer the right encoding=, or decode_error='replace'."
                ) from error
        elif any_type:
            yield text
        else:
            raise TypeError(
                f"Expected texts, got {type(text).__name__} at index {i}: {shortened(text)}. {_remedy(text)}"
            )


def _remedy(value):
    """Say how to turn a value of a wrong type into a text."""
    if isinstance(value, list | tuple | np.ndarray):
        return (
            "If it holds the words of a document, join them: ' '.join(words); or GloveTokenizer(style=list)."
        )
    if isinstance(value, bytearray | memoryview):
        return "Make it bytes or str."
    if isinstance(value, os.PathLike):
        return "Read the file: path.read_text()."
    return "Fill in a str for what is missing, such as ''."


def check_encoding(encoding):
    """Check that Python knows a text encoding.

    Parameters
    ----------
    encoding : str

    Raises
    ------
    ValueError
        If Python does not know it.
    """
    try:
        b"a".decode(encoding)
    except UnicodeError:  # a known encoding, in which b"a" is not valid
        return
    except (LookupError, ValueError) as error:
        raise ValueError(
            f"encoding={shortened(encoding)} is not a text encoding that Python knows "
            f"({shortened(str(error))}). Give one such as 'utf-8' or 'latin-1'."
        ) from error


def split_texts(texts, *, style="keras", lower=True, filters="", split=" "):
    """Split texts into words and give each distinct word a code.

    Parameters
    ----------
    texts : iterable of n_documents str
        The texts.
    style : {"keras", "glove"} or callable, default="keras"
        The rules, or a function from a text to its words, as in `GloveTokenizer`.
    lower : bool, default=True
        Whether to convert texts to lower case. A function gets them as they are.
    filters : str, default=""
        Characters at which to split, in addition to `split`. For style="keras" only.
    split : str, default=" "
        The separator of words.

    Returns
    -------
    documents : Documents
        The code of each word.
    words : pyarrow.LargeBinaryArray of shape (n_words,)
        The distinct words by code, in the order of their first appearance.

    Raises
    ------
    ValueError
        If there are no texts.
    TypeError
        If a function returns something other than words.

    Examples
    --------
    >>> documents, words = split_texts(["The cat saw the dog", "the end"])
    >>> documents.values.tolist(), documents.lengths.tolist()
    ([0, 1, 2, 0, 3, 0, 4], [5, 2])
    >>> decode_words(words)
    ['the', 'cat', 'saw', 'dog', 'end']
    """
    if callable(style):
        return _split_by(style, texts)
    separator = split.encode(**UTF8)
    table = GLOVE_CHARACTERS if style == "glove" else str.maketrans(dict.fromkeys(filters, split))
    columns, lengths = [], []
    for chunk in _chunks(texts):
        # A first chunk of fewer characters than a chunk has is the last one, too.
        if style == "glove" and not columns and sum(map(len, chunk)) < min(FEW_CHARACTERS, CHUNK_CHARACTERS):
            return _split_few(chunk, lower)
        if lower:
            chunk = [text.lower() for text in chunk]
        words, n_words = _split_chunk([text.translate(table) for text in chunk], separator)
        lengths.append(n_words)
        columns.append(words.dictionary_encode())
    if not columns:
        raise ValueError("There are no texts: X is empty.")
    encoded = pa.chunked_array(columns).unify_dictionaries()
    codes = np.concatenate([chunk.indices.to_numpy() for chunk in encoded.chunks])
    words = encoded.chunk(encoded.num_chunks - 1).dictionary
    documents = Documents(codes, np.concatenate(lengths))
    if style == "glove":
        return _tokenize_pieces(documents, words)
    return documents, pc.binary_slice(words, 0, -1)


def _split_by(function, texts):
    """Split texts by a user's function; return what `split_texts` does."""
    codes, values, lengths = {}, [], []
    for i, text in enumerate(texts):
        words = function(text)
        if isinstance(words, str | bytes | Mapping | Set) or not isinstance(words, Iterable):
            raise TypeError(
                f"style={shortened(function)} must return the words of a text, such as a list of str. For "
                f"the text at index {i} it returned {type(words).__name__}: {shortened(words)}."
            )
        words = list(words)
        wrong = [word for word in words if not isinstance(word, str)]
        if wrong:
            raise TypeError(
                f"style={shortened(function)} must return words of type str. For the text at index {i}, one "
                f"of them is {type(wrong[0]).__name__}: {shortened(wrong[0])}."
            )
        values += [codes.setdefault(word, len(codes)) for word in words]
        lengths.append(len(words))
    if not lengths:
        raise ValueError("There are no texts: X is empty.")
    return Documents(np.array(values, dtype=np.int32), np.array(lengths)), encode_words(codes)


def _split_few(texts, lower):
    """Split a few texts by GloVe's rules; return what `split_texts` does."""
    find = glove_pattern().findall
    return _split_by(lambda text: find((text.lower() if lower else text).translate(GLOVE_CHARACTERS)), texts)


def _split_chunk(texts, separator):
    """Split texts at a separator.

    The words are one buffer in which each ends with its separator, so only the separators have to be found.

    Parameters
    ----------
    texts : list of n_documents str
    separator : bytes

    Returns
    -------
    words : pyarrow.LargeBinaryArray of shape (n_words,)
        With the byte that ends each of them.
    lengths : ndarray of shape (n_documents,), int64
        The number of words in each text.
    """
    end = separator if len(separator) == 1 else b"\xff"  # a byte that UTF-8 does not use
    encoded = [text.encode(**UTF8) for text in texts]
    if end != separator:
        encoded = [text.replace(separator, end) for text in encoded]
    data = end.join([*encoded, b""])
    ends = np.flatnonzero(np.frombuffer(data, np.uint8) == end[0]) + 1
    offsets = np.concatenate([[0], ends])
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(data)]
    words = pa.LargeBinaryArray.from_buffers(pa.large_binary(), len(ends), buffers)
    filled = np.diff(offsets) > 1
    text_ends = np.cumsum([len(text) + 1 for text in encoded])
    counts = np.concatenate([[0], np.cumsum(filled)])
    bounds = np.concatenate([[0], np.searchsorted(offsets, text_ends)])
    return words.filter(pa.array(filled)), np.diff(counts[bounds])


def _chunks(texts):
    """Group texts into lists of at least CHUNK_CHARACTERS characters; the last may have fewer."""
    chunk, size = [], 0
    for text in texts:
        chunk.append(text)
        size += len(text)
        if size >= CHUNK_CHARACTERS:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def encode_words(words):
    """Make a column of words.

    Parameters
    ----------
    words : iterable of str

    Returns
    -------
    column : pyarrow.LargeBinaryArray
        The words in UTF-8.
    """
    return pa.array([word.encode(**UTF8) for word in words], pa.large_binary())


def decode_words(column):
    """Make a list of a column of words.

    Parameters
    ----------
    column : pyarrow.LargeBinaryArray
        The words in UTF-8.

    Returns
    -------
    words : list of str
    """
    return [word.decode(**UTF8) for word in column.to_pylist()]


# style="glove"


def _tokenize_pieces(documents, pieces):
    """Apply GloVe's rules to documents that were split at spaces.

    Most pieces are frequent words. Each distinct piece is tokenized once, however often it occurs.

    Parameters
    ----------
    documents : Documents
        The code of each piece.
    pieces : pyarrow.LargeBinaryArray of shape (n_pieces,)
        The distinct pieces by code, each with a space at its end.

    Returns
    -------
    documents : Documents
        The code of each word.
    words : pyarrow.LargeBinaryArray of shape (n_words,)
        The distinct words by code, in the order of their first appearance.
    """
    if not len(pieces):
        return documents, pieces
    data, bounds = _bytes_of(pieces)
    is_ascii = np.maximum.reduceat(data, bounds[:-1]) < 128
    if not is_ascii.all():
        pieces = _put_spaces_between_tokens(pieces, ~is_ascii)
        data, bounds = _bytes_of(pieces)
    starts = _token_starts(data)
    if not is_ascii.all():
        at_spaces = (data == SPACE) | (np.append(SPACE, data[:-1]) == SPACE)
        np.copyto(starts, at_spaces, where=np.repeat(~is_ascii, np.diff(bounds)))
    is_token = starts & ~IS_SPACE[data]
    starts = np.flatnonzero(starts)
    buffers = [None, pa.py_buffer(np.append(starts, len(data))), pa.py_buffer(data)]
    tokens = pa.LargeBinaryArray.from_buffers(pa.large_binary(), len(starts), buffers)
    tokens = tokens.filter(pa.array(is_token[starts])).dictionary_encode()
    by_piece = Documents(tokens.indices.to_numpy(), np.add.reduceat(is_token, bounds[:-1], dtype=np.int64))
    return _expand(documents, by_piece), tokens.dictionary


def _bytes_of(column):
    """Return the bytes of a column, and where each of its words begins in them, and the end."""
    _, offsets, data = column.buffers()
    bounds = np.frombuffer(offsets, np.int64)[column.offset : column.offset + len(column) + 1]
    return np.frombuffer(data, np.uint8)[bounds[0] : bounds[-1]], bounds - bounds[0]


def _put_spaces_between_tokens(pieces, chosen):
    """Tokenize some of the pieces by the regular expression. Return all pieces."""
    lines = b"\n".join(pieces.filter(pa.array(chosen)).to_pylist()).decode(**UTF8)
    tokenized = " ".join(["", *glove_pattern().findall(lines), ""]).encode(**UTF8).split(b"\n")
    return pc.replace_with_mask(pieces, pa.array(chosen), pa.array(tokenized, pa.large_binary()))


def _token_starts(data):
    """Find where the tokens of ASCII text start, by the rules of `glove_pattern`.

    The regular expression would take half of the time of a fit.

    Parameters
    ----------
    data : ndarray of shape (n_characters,), uint8

    Returns
    -------
    starts : ndarray of shape (n_characters,), bool
        Each white space counts as a token.
    """
    text = np.pad(data, (1, 3), constant_values=SPACE)  # as far as the rules look
    alnum, digit = IS_LETTER[text] | IS_DIGIT[text], IS_DIGIT[text]
    starts = np.ones(len(text), dtype=bool)
    starts[1:] = ~(alnum[1:] & alnum[:-1] | IS_RUN[text[1:]] & (text[1:] == text[:-1]))

    # 3.14, but v3 . 1: the digits before the separator must not continue a word.
    at = np.flatnonzero(IS_SEPARATOR[text])
    at = at[digit[at - 1] & digit[at + 1]]
    changes = np.flatnonzero(digit[1:] != digit[:-1]) + 1
    at = at[~alnum[changes[np.searchsorted(changes, at) - 1] - 1]]
    starts[at] = starts[at + 1] = False
    ends = changes[np.searchsorted(changes, at + 1) + 1]
    starts[ends[alnum[ends]]] = True  # 3.5 mm

    # do n't, it 's
    at = np.flatnonzero(text == ord("'"))
    before, after, second = (text[at + i] | 32 for i in (-1, 1, 2))  # 32 makes letters lower case
    n_t = at[(before == ord("n")) & (after == ord("t")) & ~alnum[at + 2]]
    starts[n_t - 1] = True
    starts[n_t] = starts[n_t + 1] = False
    clitic = np.isin(after, [*b"sdm"]) & ~alnum[at + 2]
    for first_letter, second_letter in (b"re", b"ve", b"ll"):
        clitic |= (after == first_letter) & (second == second_letter) & ~alnum[at + 3]
    starts[at[clitic & starts[at]] + 1] = False

    # u.s.
    at = np.flatnonzero(text == ord(".")) - 1
    at = at[IS_LETTER[text[at]] & starts[at]]
    is_first, is_last = np.diff(at, prepend=-9) != 2, np.diff(at, append=len(text) + 9) != 2
    starts[at[~is_first]] = False
    starts[at[~(is_first & is_last)] + 1] = False
    starts[at[is_last & ~is_first] + 2] = True
    return starts[1:-3]


def _expand(documents, by_piece):
    """Replace each piece of documents by its tokens."""
    n_tokens = by_piece.lengths.astype(np.int32).take(documents.values)
    lengths, filled = np.zeros(len(documents), dtype=np.int64), np.flatnonzero(documents.lengths)
    if len(filled):  # `reduceat` does not return 0 for empty documents
        lengths[filled] = np.add.reduceat(n_tokens, documents.bounds[filled], dtype=np.int64)
    values, end = np.empty(lengths.sum(), dtype=np.int32), 0
    for start in range(0, len(n_tokens), BLOCK_PIECES):  # in blocks, which reuse memory
        block = by_piece.take(documents.values[start : start + BLOCK_PIECES]).values
        end += len(block)
        values[end - len(block) : end] = block
    return Documents(values, lengths)


@lru_cache(maxsize=1)
def glove_pattern():
    r"""Compile the regular expression of a token by GloVe's rules. It matches "\n", too.

    Combining marks (Unicode categories Mn, Mc and Me) belong to the word before them, but ``\w`` does not
    match them. Their character class is written as a negation. Most characters are below U+0300, so the
    first range decides; a class of marks makes splitting take twice as long. `_token_starts` has the same
    rules for ASCII.

    Returns
    -------
    pattern : re.Pattern
    """
    marks = {code for code in MARK_BLOCKS if unicodedata.category(chr(code)).startswith("M")}
    mark, joiner = _character_class(marks), "[\u200c\u200d]"
    mark_or_joiner = _character_class(marks | JOINERS)
    end = rf"(?![^\W_]|{mark})"
    return re.compile(
        rf"""
          (?:[^\W\d_]{mark}*\.){{2,}}                                   # u.s., e.g.
        | \d+(?:[.,:]\d+)+{mark}*                                       # 3.14, 1,000, 10:30
        | (?i:n't|'(?:s|re|ve|ll|d|m)){end}                             # do n't, it 's
        | [^\W_](?=(?:[^\W_]++|{mark_or_joiner}++)*+(?<=[nN])'[tT])     # do, before n't
          (?:[^\W_]|{mark}++{joiner}*+|{joiner}++(?=[^\W_]))*?(?<!{joiner})(?=(?i:n't){end})
        | [^\W_]++(?:(?:{mark}++{joiner}*+|{joiner}++(?=[^\W_]))[^\W_]*+)*+
        | (?:\.+|-+|_+|\*+|\#+|!+|\?+|'+|`+){mark}*                     # ..., --: such runs have vectors
        | \S{mark}*
        | \n                                                            # ends of pieces
        """,
        re.VERBOSE,
    )


def _character_class(codes):
    """Write the character class of some code points as the negation of all others."""
    others, start = [], 0
    for code in [*sorted(codes), sys.maxunicode + 1]:
        if start < code:
            others.append(f"\\U{start:08x}-\\U{code - 1:08x}")
        start = code + 1
    return f"[^{''.join(others)}]"
