"""Unknown words and their close spellings."""

import pickle

import pytest

from skglove.vectors import WordVectors

WORDS = ["the", "kitchen", "dinner", "work", "office", "Paris", "naïve"]
ROWS = [[1, 1, 1], [0, 3, 1], [0, 3, -1], [2, 0, 0], [2, 0, 2], [-1, 0, 0.5], [0, 0, 0]]


@pytest.fixture
def vectors():
    return WordVectors(WORDS, ROWS)


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("Kitchen", "'Kitchen' has no vector; close spellings: 'kitchen'"),
        ("kithcen", "'kithcen' has no vector; close spellings: 'kitchen'"),
        ("dinne", "'dinne' has no vector; close spellings: 'dinner'"),
        ("paris", "'paris' has no vector; close spellings: 'Paris'"),
        ("kitchenette", "'kitchenette' has no vector; close spellings: 'kitchen'"),
        ("xylophone", "'xylophone' has no vector"),
    ],
)
def test_an_unknown_word_brings_close_spellings(vectors, word, message):
    with pytest.raises(KeyError) as raised:
        vectors[word]
    assert str(raised.value) == message
    assert raised.value.args == (word,)
    assert pickle.loads(pickle.dumps(raised.value)).args == (word,)
    for ask in (
        vectors.nearest,
        lambda word: vectors.similarity("the", word),
        lambda word: vectors[["the", word]],
    ):
        with pytest.raises(KeyError, match="has no vector"):
            ask(word)


def test_a_text_in_the_place_of_a_word_is_an_error_at_once(vectors):
    # Its spellings would take 55 times the square of its length.
    with pytest.raises(KeyError) as raised:
        vectors["word " * 20_000]
    assert len(str(raised.value)) < 100
