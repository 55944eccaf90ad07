import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from skglove.explanations.token_places import token_places
from skglove.splitting import GLOVE_CHARACTERS, decode_words, split_texts

# U+0130 has a lower case of two characters; the lower case of a capital sigma depends on its place.
TEXTS = st.text(
    st.one_of(st.sampled_from("aB \t.'n3-!\u2019\u201c\u0130\u03a3\u0307\u00a0"), st.characters()),
    max_size=30,
)


def words_of(text, **rules):
    documents, words = split_texts([text], **rules)
    words = decode_words(words)
    return [words[code] for code in documents.values]


@settings(deadline=None, max_examples=300)
@given(TEXTS, st.booleans())
@example("\u0130\u0130 don\u2019t A\u03a3 \u0130stanbul.", True)
def test_glove_tokens_are_found_where_they_are(text, lower):
    words = words_of(text, style="glove", lower=lower)
    places = token_places(text, words, lower=lower)
    assert [part(text, place, lower).translate(GLOVE_CHARACTERS) for place in places] == list(
        map(sigma, words)
    )
    check_order(text, places, lambda between: not between.translate(GLOVE_CHARACTERS).strip())


@pytest.mark.slow
@settings(deadline=None, max_examples=300)
@given(TEXTS, st.booleans(), st.sampled_from([" ", "-", "ab"]))
@example("\u0130x-\u0130.y", True, "ab")
@example("\ta", False, "ab")  # "aba"
def test_keras_tokens_are_found_where_they_are(text, lower, split):
    rules = {"style": "keras", "lower": lower, "filters": "!.\t", "split": split}
    words = words_of(text, **rules)
    places = token_places(text, words, **rules)
    assert [part(text, place, lower) for place in places] == list(map(sigma, words))
    check_order(text, places, lambda between: True)


def part(text, place, lower):
    start, stop = place
    return sigma(text[start:stop].lower() if lower else text[start:stop])


def sigma(word):
    """Write a sigma at the end of a word, which depends on what follows, as any other."""
    return word.replace("\u03c2", "\u03c3")


def check_order(text, places, is_empty):
    ends = [0, *(stop for _, stop in places)]
    starts = [*(start for start, _ in places), len(text)]
    assert all(stop <= start for stop, start in zip(ends, starts, strict=True))
    assert all(is_empty(text[stop:start]) for stop, start in zip(ends, starts, strict=True))


def test_words_of_a_function_are_found_if_they_are_in_the_text():
    places = token_places("The CATS sat", ["the", "cat", "sit", "sat"], style=str.split)
    assert places == [(0, 3), (4, 7), (None, None), (9, 12)]


def test_words_of_a_function_whose_lower_case_is_longer():
    assert token_places("x \u0130a b", ["\u0130a", "b"], style=str.split) == [(2, 4), (5, 6)]


def test_a_lemma_is_not_found_far_away():
    text = "is it " + "x " * 100 + "because"
    assert token_places(text, ["be", "it"], style=str.split) == [(None, None), (3, 5)]


@pytest.mark.parametrize("document", [["New York", "is"], None])
def test_documents_that_are_no_texts_have_no_places(document):
    assert token_places(document, ["New York", "is"], style=list) == [(None, None)] * 2
