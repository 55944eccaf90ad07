import re
import sys
import unicodedata
from itertools import takewhile
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array
from sklearn.base import clone

from skglove import GloveTokenizer, GloveVectorizer, WordVectors, splitting, tokenizer

TEXTS = ["The cat saw the dog.", "The end!", "", "the DOG\tbarked\nat the cat"]

# White space that is not a separator, letters whose lower case has another length, and lone surrogates, too.
ODD = "\t\nİßΣ\u03c3\u00a0\u2028\x00\ud800\udfff\U0001d54f"
CHARACTERS = st.sampled_from("aaabbA  ,.!" + ODD) | st.characters()


def as_lists(ids):
    return [document.tolist() for document in ids]


# What is a collection of texts


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
    ours = GloveTokenizer(vectors=None, style="keras", decode_error=decode_error).fit([b"gr\xf6e"])
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
        (["a", ["b"] * 99], TypeError, r"got list at index 1: \['b', .{,50}\]\. If it holds the words"),
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


def test_texts_are_read_one_chunk_at_a_time(monkeypatch):
    monkeypatch.setattr(splitting, "CHUNK_CHARACTERS", 10)
    assert [len(chunk) for chunk in splitting._chunks(iter(["12345"] * 5))] == [2, 2, 1]


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
    while re.match(r"[^\W\d_]", text[len(letters) :]):  # also \u00bc, which is no digit to `re`
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
        is_split = end > 1 and clitic(end - 1, "n't") and text[end - 2] not in "\u200c\u200d"
        return text[: end - 1] if is_split else text[:end]
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


@pytest.mark.slow
@settings(deadline=None, max_examples=150)
@given(
    texts=PROSE,
    unseen=PROSE,
    lower=st.booleans(),
    characters=st.integers(1, 40),
    few=st.sampled_from([0, 30, 2000]),
)
def test_style_glove_gives_the_words_of_its_rules(texts, unseen, lower, characters, few):
    expected = [words_by_the_rules(text, lower) for text in texts]
    first_seen = list(dict.fromkeys(word for words in expected for word in words))
    ours = GloveTokenizer(vectors=None, style="glove", num_words=None, lower=lower)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(splitting, "CHUNK_CHARACTERS", characters if few < 2000 else 2**20)
        patch.setattr(splitting, "FEW_CHARACTERS", few)
        patch.setattr(splitting, "BLOCK_PIECES", characters)
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
        ("n\u200dn't", "n\u200dn ' t"),
        ("a\u200d\u0307don't", "a \u200d\u0307 do n't"),
        ("I\u2019m sure they\u2019ll say \u201cCan\u2019t\u201d.", "i 'm sure they 'll say \" ca n't \" ."),
        ("we're, you've, he'd; cannot", "we 're , you 've , he 'd ; cannot"),
        ("The U.S. and the U.K., at 10:30 p.m.", "the u.s. and the u.k. , at 10:30 p.m."),
        ("1,000 cars... wait -- what?!", "1,000 cars ... wait -- what ? !"),
        ("a well-known, state-of-the-art e-mail", "a well - known , state - of - the - art e - mail"),
        ("$5 (10%) @home #1", "$ 5 ( 10 % ) @ home # 1"),
        ("me@home.org http://x.org/a_b", "me @ home . org http : / / x . org / a _ b"),
        (">> ``so'' == 2nd", "> > `` so '' = = 2nd"),
        ("o'clock dogs' 'tis 3.5mm v3.1.", "o ' clock dogs ' ' tis 3.5 mm v3 . 1 ."),
        ("v1.2.3 1.2.3mm4.5 1.5a.b. 1,2:3. 5:", "v1 . 2.3 1.2.3 mm4 . 5 1.5 a.b. 1,2:3 . 5 :"),
        ("a.b..c 's.d. ''s.d. _a.b. ab.c.d.", "a.b. . c 's . d . '' s.d. _ a.b. ab . c.d."),
        ("n't.a.b. 3.5n't 5don'tn't don't's", "n't . a.b. 3.5 n't 5don ' t n't do n't 's"),
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
@pytest.mark.parametrize("few", [0, 2000])
def test_style_glove_by_hand(text, words, few, monkeypatch):
    monkeypatch.setattr(splitting, "FEW_CHARACTERS", few)
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


@pytest.mark.slow
@settings(deadline=None, max_examples=100)
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
    assert marks == {chr(code) for code in splitting.MARK_BLOCKS if is_mark(chr(code))}


def test_style_glove_keeps_the_case_if_asked():
    ours = GloveTokenizer(vectors=None, style="glove", lower=False).fit(["DON'T Don't It'S U.S."])
    assert list(ours.vocabulary_) == ["DO", "N'T", "Do", "n't", "It", "'S", "U.S."]


def test_style_glove_finds_vectors_of_clitics_and_punctuation():
    vectors = WordVectors(["do", "n't", "!"], [[1.0], [2.0], [3.0]])
    ids = GloveTokenizer(vectors, style="glove").fit_transform(["Don't!"])
    assert ids.vocabulary.embedding_matrix().tolist() == [[0], [1], [2], [3]]


@pytest.mark.parametrize("style", [{}, {"style": "glove"}], ids=str)
@pytest.mark.parametrize("rule", [{"filters": ""}, {"split": ","}], ids=str)
def test_rules_of_keras_without_its_style_are_an_error_that_names_the_style(rule, style):
    message = r"filters and split are for style='keras' only, got .*Set style='keras', or leave .*defaults"
    with pytest.raises(ValueError, match=message):
        GloveTokenizer(vectors=None, **style, **rule).fit(TEXTS)


# style=callable


def split_off_points(text):
    return text.replace(".", " .").split()


def test_a_function_splits_texts_as_they_are():
    tokenizer = GloveTokenizer(vectors=None, style=split_off_points)
    ids = tokenizer.fit_transform(["The end.", b"the END."])
    assert tokenizer.vocabulary_ == {".": 1, "The": 2, "end": 3, "the": 4, "END": 5}
    assert [document.tolist() for document in ids] == [[2, 3, 1], [4, 5, 1]]
    assert tokenizer.transform(["end of the end"])[0].tolist() == [3, 4, 3]
    assert tokenizer.inverse_transform(ids) == ["The end .", "the END ."]


def test_a_function_gives_the_ids_of_the_same_rules_built_in():
    pattern = splitting.glove_pattern()
    texts = ["Don't panic, it's 3.14!", "", "Déjà vu -- again..."]
    built_in = GloveTokenizer(vectors=None).fit_transform(texts)
    own = GloveTokenizer(vectors=None, style=lambda text: pattern.findall(text.lower())).fit_transform(texts)
    assert [ids.tolist() for ids in own] == [ids.tolist() for ids in built_in]


@pytest.mark.parametrize(
    "documents", [[["New York", "is"], [], ["is"]], iter([("New York", "is"), (), ["is"]])]
)
def test_documents_may_be_lists_of_words(documents):
    tokenizer = GloveTokenizer({"is": [1.0], "York": [2.0]}, style=list)
    assert [ids.tolist() for ids in tokenizer.fit_transform(documents)] == [[2, 1], [], [1]]
    assert tokenizer.vocabulary_ == {"is": 1, "New York": 2, "York": 3}


def test_a_function_need_not_understand_words_that_only_the_vectors_have():
    tokenizer = GloveTokenizer({"a": [1.0], "b": [2.0]}, style=lambda pair: [pair["word"]])
    assert tokenizer.fit([{"word": "a"}]).vocabulary_ == {"a": 1, "b": 2}


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (str.upper, r"must return the words of a text.*at index 0 it returned str: 'A B'"),
        (len, "at index 0 it returned int: 3"),
        (lambda text: [1], "at index 0, one of them is int: 1"),
        (lambda text: text.split() if text == "a b" else [None], "at index 1, one of them is NoneType"),
    ],
)
def test_a_function_that_returns_no_words_is_an_error_that_says_where(function, message):
    with pytest.raises(TypeError, match=message):
        GloveTokenizer(vectors=None, style=function).fit(["a b", "c"])


def test_a_function_needs_texts_and_no_filters():
    with pytest.raises(ValueError, match="There are no texts"):
        GloveTokenizer(vectors=None, style=list).fit([])
    with pytest.raises(ValueError, match="Put it into a list"):
        GloveTokenizer(vectors=None, style=list).fit("text")
    with pytest.raises(ValueError, match=r"for style='keras' only, got '!' .* style=<class 'list'>"):
        GloveTokenizer(vectors=None, style=list, filters="!").fit(["a"])


def test_a_vectorizer_takes_a_function():
    vectorizer = GloveVectorizer({"New York": [1.0], "is": [3.0]}, weighting="mean", style=list)
    assert vectorizer.fit_transform([["New York", "is"], ["is"]]).tolist() == [[2.0], [3.0]]
