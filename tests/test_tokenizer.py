import ast
import copy
import inspect
import pickle
import re
import sys
import unicodedata
import warnings
from itertools import takewhile
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import tensorflow as tf
from gensim.models import KeyedVectors
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.dummy import DummyClassifier
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.utils import estimator_checks

from skglove import GloveTokenizer, SequencePadder, WordVectors, glove_words, tokenizer

TEXTS = ["The cat saw the dog.", "The end!", "", "the DOG\tbarked\nat the cat"]
UNSEEN = ["a dog, a cow & the moon", "", "cow", "THE"]
VECTORS = WordVectors(["the", "cat", "dog"], [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])

# Few letters, so that words repeat; cases that change length (İ, ß) or depend on the place (Σ); white space
# that is no separator; lone surrogates; and anything else.
ODD = "\t\nİßΣ\u03c3\u00a0\u2028\x00\ud800\udfff\U0001d54f"
CHARACTERS = st.sampled_from("aaabbA  ,.!" + ODD) | st.characters()
CORPORA = st.lists(st.text(CHARACTERS, max_size=25), min_size=1, max_size=6)
RULES = st.fixed_dictionaries(
    {
        "num_words": st.none() | st.integers(2, 9),
        "filters": st.just(",.!\t\n") | st.text(CHARACTERS, max_size=4),
        "lower": st.booleans(),
        "split": st.sampled_from([" ", ",", "ab", "  ", "aba", "\ud800", "\U0001d54f"]),
        "oov_token": st.sampled_from([None, None, "<OOV>", "a", "b", "\ud800", ""]),
    }
)


def keras_tokenizer(texts, **rules):
    oracle = tf.keras.preprocessing.text.Tokenizer(**rules)
    oracle.fit_on_texts(texts)
    return oracle


def by_id(counts, word_index):
    """Arrange Keras's counts, which are by word, in an array by id."""
    array = np.zeros(max(word_index.values(), default=0) + 1, dtype=np.int64)
    for word, i in word_index.items():
        array[i] = counts.get(word, 0)
    return array


def as_lists(ids):
    return [document.tolist() for document in ids]


# Keras as the oracle


@pytest.mark.filterwarnings("ignore:.* hold white space")
@settings(deadline=None, max_examples=400)
@given(texts=CORPORA, unseen=CORPORA, rules=RULES)
@example(texts=["a a b"], unseen=["b c"], rules={"num_words": 3, "oov_token": "a"})
@example(texts=["b b a"], unseen=["b c"], rules={"num_words": 3, "oov_token": "a"})
@example(texts=["", ",.,"], unseen=["a"], rules={"num_words": 2})
def test_ids_vocabulary_and_counts_equal_keras(texts, unseen, rules):
    oracle = keras_tokenizer(texts, **rules)
    expected = oracle.texts_to_sequences(texts)
    ours = GloveTokenizer(vectors=None, **{"num_words": None} | rules)
    limit = rules["num_words"] or np.inf
    if oracle.word_index.get(oracle.oov_token, 0) >= limit:
        # Keras gives every rare word this id, which is not below num_words.
        with pytest.raises(ValueError, match="too rare for num_words"):
            ours.fit(texts)
        return
    ids = ours.fit_transform(texts)
    assert as_lists(ids) == expected
    assert list(ours.vocabulary_.items()) == list(oracle.word_index.items())
    np.testing.assert_array_equal(ours.word_counts_, by_id(oracle.word_counts, oracle.word_index))
    np.testing.assert_array_equal(ours.document_counts_, by_id(oracle.word_docs, oracle.word_index))
    assert as_lists(ours.transform(texts)) == expected
    assert as_lists(ours.transform(unseen)) == oracle.texts_to_sequences(unseen)
    assert as_lists(clone(ours).fit(texts).transform(unseen)) == oracle.texts_to_sequences(unseen)


@pytest.mark.filterwarnings("ignore:.* hold white space")
@settings(deadline=None, max_examples=100)
@given(texts=CORPORA, rules=RULES)
def test_every_id_is_below_num_words_and_stands_for_its_word(texts, rules):
    ours = GloveTokenizer(vectors=None, **rules | {"oov_token": None})
    ids = ours.fit_transform(texts)
    for document in ids:
        assert document.dtype == np.int32
        for i in document:
            assert 1 <= i < (rules["num_words"] or np.inf)
            assert ours.vocabulary_[ids.vocabulary.words[i - 1]] == i


@pytest.mark.filterwarnings("ignore:.* hold white space")
@settings(deadline=None, max_examples=100)
@given(texts=CORPORA, rules=RULES, characters=st.integers(1, 40), tokens=st.integers(1, 9))
def test_chunks_do_not_change_the_result(texts, rules, characters, tokens):
    rules = rules | {"oov_token": "<no word>"}
    whole = GloveTokenizer(vectors=None, **rules)
    expected = as_lists(whole.fit_transform(texts))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tokenizer, "CHUNK_CHARACTERS", characters)
        patch.setattr(tokenizer, "BLOCK_TOKENS", tokens)
        parts = GloveTokenizer(vectors=None, **rules)
        assert as_lists(parts.fit_transform(texts)) == expected
        assert as_lists(parts.transform(texts)) == expected
    assert parts.vocabulary_ == whole.vocabulary_
    np.testing.assert_array_equal(parts.word_counts_, whole.word_counts_)
    np.testing.assert_array_equal(parts.document_counts_, whole.document_counts_)


def test_texts_are_read_one_chunk_at_a_time(monkeypatch):
    monkeypatch.setattr(tokenizer, "CHUNK_CHARACTERS", 10)
    assert [len(chunk) for chunk in tokenizer._chunks(iter(["12345"] * 5))] == [2, 2, 1]


@pytest.mark.filterwarnings("ignore:.* hold white space")
@settings(deadline=None, max_examples=100)
@given(texts=CORPORA, rules=RULES)
def test_ids_of_inverse_transformed_texts_are_the_ids(texts, rules):
    ours = GloveTokenizer(vectors=None, **rules | {"oov_token": None, "lower": False})
    ids = ours.fit_transform(texts)
    words = [[ids.vocabulary.words[i - 1] for i in document] for document in ids]
    assert ours.inverse_transform(ids) == [ours.split.join(document) for document in words]
    if len(ours.split) == 1:  # else a word's end and the separator may make a separator together
        assert as_lists(ours.transform(ours.inverse_transform(ids))) == as_lists(ids)


# style="glove": the same rules, text by text and word by word, as the oracle


def words_by_the_rules(text, lower):
    text = text.lower() if lower else text
    for written, read in {"\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"'}.items():
        text = text.replace(written, read)
    for written in "\u200b\ufeff":
        text = text.replace(written, " ")
    words = []
    while text := text.lstrip():
        words.append(first_word_by_the_rules(text))
        text = text[len(words[-1]) :]
    return words


def is_mark(character):
    return unicodedata.category(character) in ("Mn", "Mc", "Me")


def joins(text, at):
    """Tell whether a joiner belongs to the word before it: behind a mark, or before a letter."""
    rest = text[at:].lstrip("\u200c\u200d")
    return text[at] in "\u200c\u200d" and (
        is_mark(text[:at].rstrip("\u200c\u200d")[-1]) or rest[:1].isalnum()
    )


def first_word_by_the_rules(text):
    def clitic(start, spelling):
        end = start + len(spelling)
        after = text[end : end + 1]
        return text[start:end].casefold() == spelling and not (after.isalnum() or (after and is_mark(after)))

    def with_marks(end):
        return text[:end] + "".join(takewhile(is_mark, text[end:]))

    letters = ""
    while text[len(letters) :][:1].isalpha():
        letter = text[len(letters)] + "".join(takewhile(is_mark, text[len(letters) + 1 :]))
        if text[len(letters) + len(letter) :][:1] != ".":
            break
        letters += letter + "."
    if letters.count(".") > 1:
        return letters
    if whole := re.match(r"\d+[.,:]\d+([.,:]\d+)*", text):
        return with_marks(whole.end())
    for spelling in ("n't", "'s", "'re", "'ve", "'ll", "'d", "'m"):
        if clitic(0, spelling):
            return text[: len(spelling)]
    end = 0
    while end < len(text) and (text[end].isalnum() or (end and (is_mark(text[end]) or joins(text, end)))):
        end += 1
    if end:
        return text[: end - 1] if end > 1 and clitic(end - 1, "n't") else text[:end]
    if text[0] in ".-_*#!?'`":
        return with_marks(len("".join(takewhile(text[0].__eq__, text))))
    return with_marks(1)


def words_of(ids):
    return [[ids.vocabulary.words[i - 1] for i in document] for document in ids]


SNIPPETS = ["don't", "can't", "'s", "'d", "'LL", "N'T", "n't", "n", "'t", "'", "''", "`", "u.s.", "a.b", "a."]
SNIPPETS += ["..", ".", ",", ":", "1", "2.3", "4,5", "6:7", "-", "--", "_", "#", "*", "!", "??", "/", "="]
SNIPPETS += [
    "\u2018",
    "\u2019s",
    "n\u2019t",
    "\u201c",
    "\u201d",
    "\u2013",
    "\u2026",
    "\u017f",
    "\u0307",
    "\u00b2",
    "\u0301",  # a mark
    "\u093f",  # a spacing mark
    "\u20e3",  # an enclosing mark
    "\U000e0100",  # a mark beyond plane 1
    "\u200d",
    "\u200c",
    "\u200b",
    "\ufeff",
]
PROSE = st.lists(st.sampled_from([*SNIPPETS, " ", "\x0b", "\r", "\x1c", "\u3000"]) | CHARACTERS, max_size=12)
PROSE = st.lists(PROSE.map("".join), min_size=1, max_size=6)


@settings(deadline=None, max_examples=400)
@given(texts=PROSE, unseen=PROSE, lower=st.booleans(), characters=st.integers(1, 40))
def test_style_glove_gives_the_words_of_its_rules(texts, unseen, lower, characters):
    expected = [words_by_the_rules(text, lower) for text in texts]
    first_seen = list(dict.fromkeys(word for words in expected for word in words))
    ours = GloveTokenizer(vectors=None, style="glove", num_words=None, lower=lower)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tokenizer, "CHUNK_CHARACTERS", characters)
        patch.setattr(tokenizer, "BLOCK_TOKENS", characters)
        ids = ours.fit_transform(texts)
        assert words_of(ids) == expected
        assert as_lists(clone(ours).fit(texts).transform(texts)) == as_lists(ids)
    counts = {word: sum(words.count(word) for words in expected) for word in first_seen}
    assert list(ours.vocabulary_) == sorted(first_seen, key=counts.get, reverse=True)
    assert ours.word_counts_[1:].tolist() == [counts[word] for word in ours.vocabulary_]
    documents = [sum(word in words for words in expected) for word in ours.vocabulary_]
    assert ours.document_counts_[1:].tolist() == documents
    known = [[word for word in words_by_the_rules(text, lower) if word in counts] for text in unseen]
    assert words_of(ours.transform(unseen)) == known
    assert ours.inverse_transform(ids) == [" ".join(words) for words in expected]
    if not lower:  # lowering twice may be more than lowering once
        assert as_lists(ours.transform(ours.inverse_transform(ids))) == as_lists(ids)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Don't panic, it's 3.14!", "do n't panic , it 's 3.14 !"),
        ("I\u2019m sure they\u2019ll say \u201cCan\u2019t\u201d.", "i 'm sure they 'll say \" ca n't \" ."),
        ("we're, you've, he'd; cannot", "we 're , you 've , he 'd ; cannot"),
        ("The U.S. and the U.K., at 10:30 p.m.", "the u.s. and the u.k. , at 10:30 p.m."),
        ("1,000 cars... wait -- what?!", "1,000 cars ... wait -- what ? !"),
        ("a well-known, state-of-the-art e-mail", "a well - known , state - of - the - art e - mail"),
        ("$5 (10%) @home #1", "$ 5 ( 10 % ) @ home # 1"),
        ("me@home.org http://x.org/a_b", "me @ home . org http : / / x . org / a _ b"),
        (">> ``so'' == 2nd", "> > `` so '' = = 2nd"),
        ("o'clock dogs' 'tis 3.5mm v3.1.", "o ' clock dogs ' ' tis 3.5 mm v3 . 1 ."),
        ("a\u00a0b\u2028c\x00d", "a b c \x00 d"),
        ("\ufeffa\u200bb\x85c\u3000d\x1c\x1d\x1e\x1fe\u2029f\x0b\x0cg\u1680h", "a b c d e f g h"),
        ("हिन्दी में, தமிழ்!", "हिन्दी में , தமிழ் !"),
        ("ภาษาไทย ភាសាខ្មែរ বাংলা", "ภาษาไทย ភាសាខ្មែរ বাংলা"),
        ("العَرَبِيَّة עִבְרִית", "العَرَبِيَّة עִבְרִית"),
        ("cafe\u0301's do\u0301n't e\u0301.g.", "cafe\u0301 's do\u0301 n't e\u0301.g."),
        ("n't\u0301 'd\u0301", "n ' t\u0301 ' d\u0301"),
        ("می\u200cروم a\u200c \u0d28\u0d4d\u200d", "می\u200cروم a \u200c \u0d28\u0d4d\u200d"),
        ("1\ufe0f\u20e3 3.5\u20e3 !!\ufe0f \u2764\ufe0fa", "1\ufe0f\u20e3 3.5\u20e3 !!\ufe0f \u2764\ufe0f a"),
        ("\u0301a \u0130stanbul", "\u0301 a i\u0307stanbul"),
        (" \r\n\t", ""),
    ],
)
def test_style_glove_by_hand(text, words):
    ids = GloveTokenizer(vectors=None, style="glove").fit_transform([text, text.encode()])
    assert words_of(ids) == [words.split(" ") if words else []] * 2


SCRIPTS = {
    "Arabic": (0x0620, 0x065F),
    "Hebrew": (0x0591, 0x05EA),
    "Devanagari": (0x0900, 0x0963),
    "Bengali": (0x0980, 0x09E3),
    "Tamil": (0x0B82, 0x0BCD),
    "Thai": (0x0E01, 0x0E4E),
    "Khmer": (0x1780, 0x17D3),
    "Brahmi": (0x11000, 0x11046),
}


@st.composite
def words_of_a_script(draw):
    """Draw letters of one script, each perhaps with marks; or Latin letters, decomposed."""
    name = draw(st.sampled_from(["Latin", *SCRIPTS]))
    if name == "Latin":
        return unicodedata.normalize("NFD", draw(st.text("eéñöåǖçabc", min_size=1, max_size=8)))
    points = [chr(code) for code in range(SCRIPTS[name][0], SCRIPTS[name][1] + 1)]
    letter = st.sampled_from([point for point in points if unicodedata.category(point).startswith("L")])
    marks = st.text([point for point in points if is_mark(point)], max_size=2)
    return "".join(draw(st.lists(st.tuples(letter, marks).map("".join), min_size=1, max_size=6)))


@settings(deadline=None, max_examples=300)
@given(
    words=st.lists(words_of_a_script(), min_size=1, max_size=5), punctuation=st.sampled_from(["", ",", "!"])
)
def test_a_word_of_any_script_stays_whole(words, punctuation):
    text = " ".join(word + punctuation for word in words)
    [found] = words_of(GloveTokenizer(vectors=None, style="glove", num_words=None).fit_transform([text]))
    assert "".join(found) == text.replace(" ", "")  # neither composed nor decomposed
    assert [word for word in found if word != punctuation] == words


def test_the_blocks_that_are_looked_through_hold_every_mark():
    marks = {chr(code) for code in range(sys.maxunicode + 1) if is_mark(chr(code))}
    assert marks == {chr(code) for code in glove_words._BLOCKS if is_mark(chr(code))}


def test_style_glove_keeps_the_case_if_asked():
    ours = GloveTokenizer(vectors=None, style="glove", lower=False).fit(["DON'T Don't It'S U.S."])
    assert list(ours.vocabulary_) == ["DO", "N'T", "Do", "n't", "It", "'S", "U.S."]


def test_style_glove_finds_vectors_of_clitics_and_punctuation():
    vectors = WordVectors(["do", "n't", "!"], [[1.0], [2.0], [3.0]])
    ids = GloveTokenizer(vectors, style="glove").fit_transform(["Don't!"])
    assert ids.vocabulary.embedding_matrix().tolist() == [[0], [1], [2], [3]]


@pytest.mark.parametrize("rule", [{"filters": ""}, {"split": ","}], ids=str)
def test_style_glove_with_rules_of_keras_is_an_error(rule):
    with pytest.raises(ValueError, match=r"filters and split are for style='keras' only, got .*defaults"):
        GloveTokenizer(vectors=None, style="glove", **rule).fit(TEXTS)


# White space and typographic punctuation that stays on words


KNOWN = WordVectors(["the", "goal", "was", "late"], np.ones((4, 1)))


@pytest.mark.parametrize("method", ["fit", "fit_transform"])
@pytest.mark.parametrize(
    ("text", "vectors", "share", "example", "remedy"),
    [
        ("the goal\r\nwas late", None, "25.0%", r"'goal\r'", r"\r"),
        ("the goal\r\nwas late", KNOWN, "25.0%", r"'goal\r'", r"\r"),
        ("the goal\u00a0was\u2028late", KNOWN, "50.0%", r"'goal\xa0was\u2028late'", r"\xa0\u2028"),
        ("\ufeffthe \u201cgoal\u201d was late", KNOWN, "50.0%", r"'\ufeffthe'", "\u201c\u201d\\ufeff"),
        ("the goal\u2026 \u00abwas\u00bb late", KNOWN, "50.0%", "'goal\u2026'", "\u00ab\u00bb\u2026"),
    ],
)
def test_white_space_and_quotes_on_words_are_a_warning_with_its_remedy(
    method, text, vectors, share, example, remedy
):
    ours = GloveTokenizer(vectors, unseen_words=False)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        getattr(ours, method)([text])
    assert {warning.filename for warning in caught} == {__file__}
    [message] = [str(warning.message) for warning in caught if "white space" in str(warning.message)]
    assert message.startswith(f"{share} of the tokens hold white space or typographic punctuation")
    assert example in message
    assert remedy in message
    filters = ast.literal_eval(re.search(r"filters=('.*')\.$", message)[1])
    for remedied in ({"style": "glove"}, {"filters": filters}):
        assert clone(ours).set_params(**remedied).fit([text]).vocabulary_.keys() >= set(KNOWN.words)


@pytest.mark.parametrize(
    ("texts", "rules"),
    [
        (["the goal was late"] * 100 + ["the goal\r"], {}),  # 1 of 402 tokens
        (["the goal was late the goal \u201cnothing\u201d \u2013 don\u2019t"], {}),  # no vector without them
        (["the\rgoal\rwas late"], {"split": "\r"}),
        (["the goal\rwas"], {"filters": "\r"}),
        (["the goal\r\nwas"], {"style": "glove"}),
    ],
)
def test_white_space_and_quotes_that_do_little_harm_are_no_warning(texts, rules):
    GloveTokenizer(KNOWN, **rules).fit(texts)


# Inputs


@pytest.mark.parametrize(
    "container",
    [
        tuple,
        iter,
        np.array,
        lambda texts: np.array(texts, dtype=object),
        lambda texts: (text for text in texts),
        lambda texts: dict(enumerate(texts)).values(),
        lambda texts: pd.Series(texts, index=[7, 7, 3, 0]),
        lambda texts: pd.Series(texts, dtype="string"),
        lambda texts: pd.Series(texts, dtype="category"),
        pl.Series,
        lambda texts: [text.encode() for text in texts],
        lambda texts: np.array([text.encode() for text in texts]),
        lambda texts: [texts[0], texts[1].encode(), np.str_(texts[2]), texts[3]],
    ],
)
def test_every_collection_of_texts_gives_the_same_ids(container):
    expected = as_lists(GloveTokenizer(vectors=None).fit_transform(TEXTS))
    ours = GloveTokenizer(vectors=None)
    assert as_lists(ours.fit_transform(container(TEXTS))) == expected
    assert as_lists(ours.transform(container(TEXTS))) == expected


def test_encoding_decodes_bytes():
    ours = GloveTokenizer(vectors=None, encoding="latin-1").fit(["Größe".encode("latin-1")])
    assert ours.vocabulary_ == {"größe": 1}


@pytest.mark.parametrize(("decode_error", "word"), [("ignore", "gre"), ("replace", "gr�e")])
def test_decode_error_says_what_to_do_with_bytes_that_cannot_be_decoded(decode_error, word):
    ours = GloveTokenizer(vectors=None, decode_error=decode_error).fit([b"gr\xf6e"])
    assert ours.vocabulary_ == {word: 1}


def test_bytes_that_cannot_be_decoded_are_an_error_with_their_index():
    with pytest.raises(ValueError, match=r"index 1 cannot be decoded.*0xf6.*encoding=") as raised:
        GloveTokenizer(vectors=None).fit([b"good", b"gr\xf6e"])
    assert isinstance(raised.value.__cause__, UnicodeDecodeError)


@pytest.mark.parametrize("method", ["fit", "fit_transform", "transform"])
@pytest.mark.parametrize(
    ("X", "error", "message"),
    [
        ("one text", ValueError, "got one str: 'one text'. Put it into a list"),
        (b"one text", ValueError, "got one bytes"),
        (np.array("one text"), ValueError, r"shape \(\)"),
        (None, TypeError, "collection of texts, such as a list of str, got NoneType"),
        (3, TypeError, "got int"),
        ({"a": 1}, TypeError, r"got dict. Give the value that holds them, or list\(X\.values\(\)\)"),
        ({"a"}, TypeError, "got set"),
        (pa.table({"text": ["a"]}), ValueError, r"got a Table of shape \(1, 1\). Take one column"),
        (csr_array([[1.0]]), ValueError, r"got a csr_array of shape \(1, 1\)"),
        (pa.array(["a", None]), TypeError, "got NoneType at index 1"),
        ([bytearray(b"a")], TypeError, "got bytearray at index 0: .* Make it bytes or str"),
        ([Path("a.txt")], TypeError, r"Read the file: path\.read_text\(\)"),
        ("x" * 10**6, ValueError, r"got one str: '.{58}'\. Put it into a list"),
        ([{i: np.ones(99) for i in range(999)}], TypeError, r"got dict at index 0: .{60}\. Fill in"),
        (frozenset("a"), TypeError, "got frozenset"),
        (pd.DataFrame({"text": ["a"]}), ValueError, r"DataFrame of shape \(1, 1\). Take one column"),
        (pl.DataFrame({"text": ["a"]}), ValueError, r"DataFrame of shape \(1, 1\)"),
        (np.array([["a"], ["b"]]), ValueError, r"ndarray of shape \(2, 1\)"),
        (["a", None], TypeError, "got NoneType at index 1: None"),
        (["a", "b", 3.5], TypeError, "got float at index 2: 3.5"),
        ([1, 2], TypeError, "got int at index 0: 1"),
        (np.array([1.0]), TypeError, "got float64 at index 0"),
        (pd.Series(["a", np.nan], dtype=object), TypeError, "got float at index 1: nan"),
        (pd.Series(["a", None], dtype="string"), TypeError, "at index 1: <NA>"),
        (pl.Series(["a", None]), TypeError, "got NoneType at index 1"),
        ([["a", "b"], ["c"]], TypeError, r"got list at index 0: \['a', 'b'\]"),
        (["a", ["b"] * 99], TypeError, r"got list at index 1: \['b', .{,50}\]\. Join the words"),
        ([], ValueError, "There are no texts: X is empty"),
        (iter([]), ValueError, "There are no texts"),
        (pd.Series([], dtype=object), ValueError, "There are no texts"),
    ],
)
def test_what_is_no_collection_of_texts_is_an_error_that_says_where(method, X, error, message):
    ours = GloveTokenizer(vectors=None)
    if method == "transform":
        ours.fit(TEXTS)
    with pytest.raises(error, match=message):
        getattr(ours, method)(X)


def test_empty_documents_have_no_ids():
    ids = GloveTokenizer(vectors=None).fit_transform(["", "...", " \t\n"])
    assert as_lists(ids) == [[], [], []]
    assert [document.dtype for document in ids] == [np.int32] * 3


def test_documents_of_unknown_words_have_no_ids():
    ids = GloveTokenizer(vectors=None).fit(TEXTS).transform(["unknown words", "of foreign texts"])
    assert as_lists(ids) == [[], []]
    assert ids.vocabulary.words[0] == "the"


def test_documents_of_unknown_words_are_all_oov_token_where_there_is_one():
    ours = GloveTokenizer(vectors=None, oov_token="<OOV>").fit(TEXTS)
    assert as_lists(ours.transform(["unknown words"])) == [[1, 1]]


def test_one_document_is_enough():
    ours = GloveTokenizer(vectors=None)
    assert as_lists(ours.fit_transform(["a b a"])) == [[1, 2, 1]]
    assert as_lists(ours.transform(["b"])) == [[2]]


def test_split_must_not_be_empty():
    with pytest.raises(ValueError, match="split must not be empty"):
        GloveTokenizer(vectors=None, split="").fit(TEXTS)


def test_no_filters_keep_punctuation():
    assert GloveTokenizer(vectors=None, filters="").fit(["a, b"]).vocabulary_ == {"a,": 1, "b": 2}


# Vectors


def test_coverage_is_the_share_of_words_and_of_tokens_with_a_vector():
    ours = GloveTokenizer(vectors=VECTORS).fit(TEXTS)
    # the 5, cat 2, dog 2 have vectors; saw, end, barked, at have none
    assert ours.coverage_ == {"vocabulary": 3 / 7, "tokens": 9 / 13}


def test_coverage_is_of_the_words_below_num_words():
    assert GloveTokenizer(vectors=VECTORS, num_words=3).fit(TEXTS).coverage_["tokens"] == 1


def test_coverage_is_none_without_vectors():
    assert GloveTokenizer(vectors=None).fit(TEXTS).coverage_ is None


def test_coverage_of_no_words_is_zero_without_a_warning():
    assert GloveTokenizer(vectors=VECTORS).fit([""]).coverage_ == {"vocabulary": 0, "tokens": 0}


def test_less_than_half_of_the_tokens_with_vectors_is_a_warning():
    with pytest.warns(UserWarning, match="Only 33% of the tokens have a vector in .*WordVectors"):
        GloveTokenizer(vectors=VECTORS).fit(["the foreign word"])


def test_half_of_the_tokens_with_vectors_is_no_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        GloveTokenizer(vectors=VECTORS).fit(["the word"])


def test_ids_know_where_their_vectors_are():
    ours = GloveTokenizer(vectors=VECTORS, unseen_words=False)
    for ids in (ours.fit_transform(["the old cat"]), ours.transform(["cat"])):
        assert ids.vocabulary.words == ("the", "old", "cat")
        assert ids.vocabulary.embedding_matrix().tolist() == [[0, 0], [1, 2], [0, 0], [3, 4]]


def test_words_with_lone_surrogates_have_no_vector():
    ours = GloveTokenizer(vectors=VECTORS, unseen_words=False)
    ids = ours.fit_transform(["the \ud800"])
    assert ours.coverage_ == {"vocabulary": 0.5, "tokens": 0.5}
    assert ids.vocabulary.embedding_matrix().tolist() == [[0, 0], [1, 2], [0, 0]]


# Most frequent first, as in GloVe's files. The tokenizer makes "u" and "s" of the third.
FREQUENT = WordVectors(["the", "of", "u.s.", "cat", "Dog", "dog", "s"], np.arange(1.0, 8)[:, None])


def test_words_unseen_in_fit_have_the_ids_that_are_left():
    ours = GloveTokenizer(vectors=FREQUENT)
    assert list(map(list, ours.fit_transform(["old cat", "the old"]))) == [[1, 2], [3, 1]]
    assert ours.vocabulary_ == {"old": 1, "cat": 2, "the": 3, "of": 4, "dog": 5, "s": 6}
    assert ours.word_counts_.tolist() == [0, 2, 1, 1, 0, 0, 0]
    assert ours.document_counts_.tolist() == [0, 2, 1, 1, 0, 0, 0]
    assert ours.coverage_ == {"vocabulary": 2 / 3, "tokens": 0.5}
    ids = ours.transform(["the dog of the U.S.", "mouse"])
    assert list(map(list, ids)) == [[3, 5, 4, 3, 6], []]
    assert ids.vocabulary.embedding_matrix().ravel().tolist() == [0, 0, 4, 1, 2, 6, 7]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"num_words": 5}, ("cat", "old", "the", "of")),
        ({"num_words": 3}, ("cat", "old")),
        ({"num_words": None}, ("cat", "old", "the")),
        ({"unseen_words": False}, ("cat", "old", "the")),
        ({"vectors": None}, ("cat", "old", "the")),
        ({"lower": False, "num_words": 6}, ("cat", "old", "the", "of", "Dog")),
        ({"style": "glove", "num_words": 6}, ("cat", "old", "the", "of", "u.s.")),
        ({"oov_token": "of", "num_words": 6}, ("of", "cat", "old", "the", "dog")),
    ],
)
def test_unseen_words_are_no_more_than_num_words_allows(options, words):
    ours = GloveTokenizer(**{"vectors": FREQUENT, **options})
    assert ours.fit_transform(["cat old", "the cat"]).vocabulary.words == words
    assert ours.inverse_transform([range(1, len(words) + 1)]) == [" ".join(words)]


def test_a_word_without_an_id_is_out_of_vocabulary_though_others_unseen_are_not():
    ours = GloveTokenizer(vectors=FREQUENT, oov_token="?").fit(["old cat"])
    assert ours.inverse_transform(ours.transform(["dog mouse cat ?"])) == ["dog ? cat"]


def test_unseen_words_of_no_vectors_at_all():
    ours = GloveTokenizer(vectors=WordVectors([], np.zeros((0, 2))))
    with pytest.warns(UserWarning, match="Only 0%"):
        assert ours.fit_transform(["a b"]).vocabulary.words == ("a", "b")


def test_a_dict_of_vectors_is_kept_as_it_is_and_its_vocabulary_has_word_vectors():
    embeddings_index = dict(zip(VECTORS.words, VECTORS.matrix, strict=True))
    ours = GloveTokenizer(embeddings_index)
    expected = GloveTokenizer(VECTORS).fit(TEXTS)
    ids = ours.fit_transform(TEXTS)
    assert ours.vectors is embeddings_index
    assert ours.coverage_ == expected.coverage_
    assert ours.vocabulary_ == expected.vocabulary_
    assert isinstance(ids.vocabulary.vectors, WordVectors)
    for again in (ours, clone(ours).fit(TEXTS), pickle.loads(pickle.dumps(ours)), copy.deepcopy(ours)):
        np.testing.assert_array_equal(
            again.transform(TEXTS).vocabulary.embedding_matrix(),
            expected.transform(TEXTS).vocabulary.embedding_matrix(),
        )
    assert len(repr(GloveTokenizer({f"w{i}": np.ones(50) for i in range(2000)}))) < 3000


def test_gensim_vectors_are_vectors():
    keyed = KeyedVectors(2)
    keyed.add_vectors(VECTORS.words, VECTORS.matrix)
    ids = clone(GloveTokenizer(keyed)).fit_transform(["cat"])
    assert ids.vocabulary.embedding_matrix()[1].tolist() == [3, 4]


def test_a_grid_of_dicts_is_searched():
    grid = {"glovetokenizer__vectors": [{"the": np.ones(2), "end": np.ones(2)}, VECTORS, None]}
    pipeline = make_pipeline(GloveTokenizer(), SequencePadder(2), DummyClassifier())
    search = GridSearchCV(pipeline, grid, cv=2, error_score="raise").fit(["the end"] * 4, [0, 1, 0, 1])
    assert search.cv_results_["param_glovetokenizer__vectors"][0].keys() == {"the", "end"}


@pytest.mark.parametrize(
    ("vectors", "error", "message"),
    [
        (3, TypeError, "vectors must be a name, a path, WordVectors, a dict .*, got int"),
        (["a text"] * 9999, TypeError, "got list"),
        (np.ones((9999, 5)), TypeError, "got ndarray"),
        ({f"w{i}": np.ones(50 + (i == 1999)) for i in range(2000)}, ValueError, "'w1999' has 51"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_vectors_that_are_none_are_a_short_error_of_fit(vectors, error, message):
    with pytest.raises(error, match=message) as raised:
        GloveTokenizer(vectors).fit(TEXTS)
    assert len(str(raised.value)) < 250


def test_num_words_may_be_beyond_every_index(tmp_path):
    VECTORS.save(tmp_path / "v.txt")
    assert len(GloveTokenizer(tmp_path / "v.txt", num_words=2**70).fit(["cat"]).vocabulary_) == 3


def test_vectors_that_are_nowhere_are_an_error_of_fit():
    with pytest.raises(FileNotFoundError, match=r"no\.such\.vectors"):
        GloveTokenizer(vectors="no.such.vectors").fit(TEXTS)


# Back to texts


def test_inverse_transform_of_padded_ids_leaves_out_the_padding():
    ours = GloveTokenizer(vectors=None).fit(["the cat saw the dog"])
    assert ours.inverse_transform(np.array([[0, 0, 1], [2, 3, 4]])) == ["the", "cat saw dog"]


def test_inverse_transform_joins_words_by_split():
    ours = GloveTokenizer(vectors=None, split="--", filters="")
    assert ours.inverse_transform(ours.fit_transform(["a--b--", "b"])) == ["a--b", "b"]


@pytest.mark.parametrize(
    ("X", "message"),
    [
        ([[1, 9]], "Id 9 stands for no word: the vocabulary ends at 2"),
        ([[1], [1, -2]], "got -2 in document 1"),
        ([[1], [1.5, 2]], "got 1.5 in document 1"),
        ([[1, np.nan]], "got nan in document 0"),
        (np.array([[1, np.nan]]), "got nan in document 0"),
        ([1, 2], "got those of one. Put it into a list"),
        (np.array([1, 2]), "got those of one. Put it into a list"),
        (np.ones((1, 1, 1), int), "dim 3"),
        ([], "There are no documents"),
    ],
)
def test_inverse_transform_of_what_are_no_ids_is_an_error(X, message):
    ours = GloveTokenizer(vectors=None).fit(["a b"])
    with pytest.raises(ValueError, match=message):
        ours.inverse_transform(X)


@pytest.mark.parametrize("X", [None, 3, "text", {"a": 1}, {1}, ([1] for _ in range(2))], ids=str)
def test_inverse_transform_of_no_collection_is_an_error(X):
    ours = GloveTokenizer(vectors=None).fit(["a b"])
    with pytest.raises(TypeError, match=rf"Expected the ids of documents, .*, got {type(X).__name__}\."):
        ours.inverse_transform(X)


# scikit-learn's checks. `check_estimator` runs hardly any of them on estimators whose tags say that they take
# text rather than numbers (one on CountVectorizer). So these are its checks that need no X or refuse it
# unseen, by name, and below them the ones that need an X, on texts.


@pytest.mark.parametrize(
    "check",
    [
        estimator_checks.check_do_not_raise_errors_in_init_or_set_params,
        estimator_checks.check_estimator_cloneable,
        estimator_checks.check_estimator_repr,
        estimator_checks.check_estimator_tags_renamed,
        estimator_checks.check_get_params_invariance,
        estimator_checks.check_mixin_order,
        estimator_checks.check_no_attributes_set_in_init,
        estimator_checks.check_param_validation,
        estimator_checks.check_parameters_default_constructible,
        estimator_checks.check_set_params,
        estimator_checks.check_transformers_unfitted,
        estimator_checks.check_valid_tag_types,
    ],
    ids=lambda check: check.__name__,
)
def test_sklearn_check(check):
    check("GloveTokenizer", GloveTokenizer())


def test_tags_say_that_input_is_text():
    tags = GloveTokenizer().__sklearn_tags__()
    assert tags.input_tags.string
    assert not tags.input_tags.two_d_array
    assert tags.requires_fit
    assert not tags.target_tags.required


@pytest.mark.parametrize(
    "parameter",
    [
        {"style": "stanford"},
        {"style": None},
        {"num_words": 1},
        {"num_words": 10.0},
        {"filters": None},
        {"filters": ["a"]},
        {"lower": "yes"},
        {"split": None},
        {"oov_token": 1},
        {"encoding": None},
        {"decode_error": "raise"},
    ],
    ids=str,
)
@pytest.mark.parametrize("method", ["fit", "fit_transform"])
def test_a_wrong_parameter_is_an_error_of_fit_that_names_it(method, parameter):
    ours = GloveTokenizer(**{"vectors": None} | parameter)
    [name] = parameter
    with pytest.raises(ValueError, match=f"The '{name}' parameter of GloveTokenizer must be"):
        getattr(ours, method)(TEXTS)


def test_a_wrong_parameter_is_not_printed_whole():
    with pytest.raises(ValueError, match="The 'style' parameter of GloveTokenizer must be") as raised:
        GloveTokenizer(None, style="x" * 10**6).fit(TEXTS)
    assert len(str(raised.value)) < 600


@pytest.mark.parametrize("encoding", ["nosuch", "hex", "a\0b"])
def test_an_encoding_that_python_does_not_know_is_an_error_of_fit(encoding):
    with pytest.raises(ValueError, match=r"encoding='.*' is no encoding that Python knows .*such as 'utf-8'"):
        GloveTokenizer(None, encoding=encoding).fit(TEXTS)


@pytest.mark.parametrize("encoding", ["utf-16", "idna"])
def test_every_encoding_that_python_knows_is_one(encoding):
    GloveTokenizer(None, encoding=encoding).fit(["a".encode(encoding)])


def test_clone_keeps_every_parameter():
    rules = {
        "vectors": None,
        "style": "glove",
        "num_words": 7,
        "unseen_words": False,
        "filters": ",",
        "lower": False,
        "split": ";",
        "oov_token": "?",
        "encoding": "latin-1",
        "decode_error": "ignore",
    }
    assert clone(GloveTokenizer(**rules)).get_params() == rules
    assert rules.keys() == GloveTokenizer().get_params().keys()


@pytest.mark.parametrize("method", ["transform", "inverse_transform"])
def test_use_before_fit_is_a_not_fitted_error(method):
    with pytest.raises(NotFittedError, match="not fitted yet"):
        getattr(GloveTokenizer(vectors=None), method)(TEXTS)


def test_fit_returns_self():
    ours = GloveTokenizer(vectors=None)
    assert ours.fit(TEXTS) is ours


def test_fit_ignores_y():
    ours = GloveTokenizer(vectors=None)
    expected = as_lists(ours.fit_transform(TEXTS))
    assert as_lists(ours.fit_transform(TEXTS, [1, 2, 1, 2])) == expected
    assert as_lists(ours.fit(TEXTS, [1, 2, 1, 2]).transform(TEXTS)) == expected


def learned(ours):
    state = {name: value for name, value in vars(ours).items() if name not in ours.get_params()}
    return {name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in state.items()}


def comparable(ours):
    state = learned(ours)
    state["_vocabulary"] = (state["_vocabulary"].words, state["_vocabulary"].vectors)
    return state


def test_fitting_twice_is_fitting_once():
    once = comparable(GloveTokenizer(vectors=VECTORS).fit(TEXTS))
    assert comparable(GloveTokenizer(vectors=VECTORS).fit(TEXTS).fit(TEXTS)) == once


def test_refit_starts_afresh():
    ours = GloveTokenizer(vectors=VECTORS, oov_token="<OOV>").fit(TEXTS)
    ours.set_params(vectors=None, oov_token=None, num_words=4)
    assert comparable(ours.fit(UNSEEN)) == comparable(GloveTokenizer(vectors=None, num_words=4).fit(UNSEEN))


def test_a_failed_refit_is_no_reason_to_forget():
    ours = GloveTokenizer(vectors=None).fit(TEXTS)
    before = comparable(ours)
    with pytest.raises(TypeError, match="at index 1"):
        ours.fit(["a", None])
    assert comparable(ours) == before
    with pytest.raises(FileNotFoundError):
        ours.set_params(vectors="nowhere").fit(["c d e"])
    assert comparable(ours.set_params(vectors=None)) == before


def test_after_a_first_fit_that_failed_nothing_is_fitted():
    ours = GloveTokenizer(vectors="nowhere")
    with pytest.raises(FileNotFoundError):
        ours.fit_transform(TEXTS)
    with pytest.raises(NotFittedError):
        ours.transform(TEXTS)


def test_parameters_and_state_are_unchanged_by_fit_and_transform():
    ours = GloveTokenizer(vectors=VECTORS)
    parameters = ours.get_params()
    ours.fit(TEXTS)
    assert ours.get_params() == parameters
    before = copy.deepcopy(learned(ours))
    ours.inverse_transform(ours.transform(UNSEEN))
    after = learned(ours)
    assert after.keys() == before.keys()
    assert all(after[name] == before[name] for name in after if name != "_vocabulary")
    assert after["_vocabulary"].words == before["_vocabulary"].words


def test_every_learned_public_attribute_is_documented():
    ours = GloveTokenizer(vectors=None).fit(TEXTS)
    attributes = inspect.getdoc(GloveTokenizer).split("Attributes\n")[1].split("See Also\n")[0]
    assert all(f"\n{name} : " in attributes for name in learned(ours) if not name.startswith("_"))


def test_texts_are_left_as_they_are():
    array, texts = np.array(TEXTS, dtype=object), list(TEXTS)
    ours = GloveTokenizer(vectors=None).fit(array)
    ours.fit(texts).transform(texts)
    assert array.tolist() == texts == TEXTS


@pytest.mark.parametrize("style", ["keras", "glove"])
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickled_tokenizer_gives_the_same_ids(protocol, style):
    ours = GloveTokenizer(vectors=VECTORS, style=style, oov_token="<OOV>")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ours.fit([*TEXTS, "\ud800"])
    again = pickle.loads(pickle.dumps(ours, protocol))
    assert as_lists(again.transform(UNSEEN)) == as_lists(ours.transform(UNSEEN))
    assert again.transform(UNSEEN).vocabulary.words == ours.transform(UNSEEN).vocabulary.words
    assert again.vocabulary_ == ours.vocabulary_


def test_ids_of_a_document_do_not_depend_on_the_others():
    ours = GloveTokenizer(vectors=None).fit(TEXTS)
    alone = [ours.transform([text])[0].tolist() for text in UNSEEN]
    assert as_lists(ours.transform(UNSEEN)) == alone
    assert as_lists(ours.transform(UNSEEN[::-1])) == alone[::-1]


def test_the_warning_of_low_coverage_points_at_the_caller():
    vectors = WordVectors(["known"], [[1.0]])
    for estimator in (GloveTokenizer(vectors), make_pipeline(GloveTokenizer(vectors), SequencePadder())):
        for fit in (estimator.fit, estimator.fit_transform):
            with pytest.warns(UserWarning, match="0% of the tokens have a vector") as caught:
                fit(["other words"])
            assert caught[0].filename == __file__


def test_parameters_set_after_fit_change_no_known_word():
    tokenizer = GloveTokenizer(None).fit(["a b"])
    ids = tokenizer.set_params(oov_token="<OOV>", num_words=2).transform(["b c a"])
    assert ids[0].tolist() == [2, 1]


def test_a_column_of_pyarrow_is_a_collection_of_texts():
    assert GloveTokenizer(None).fit_transform(pa.array(["a b", "b"]))[1].tolist() == [1]
