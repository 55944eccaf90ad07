import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.pipeline import make_pipeline
from sklearn.utils.validation import check_is_fitted

from skglove import GloveTokenizer, SequencePadder, Vocabulary, WordVectors
from skglove.vocabulary_checks import check_vocabulary

WORDS = ["the", "cat", "dog", "<oov>"]
TEXTS = ["The cat saw the dog.", "a cow"]
VECTORS = WordVectors(["cat", "moon"], [[1.0, 2.0], [3.0, 4.0]])
IDS = [[1, 2, 1, 3], []]


def ids_of(tokenizer, texts=TEXTS):
    return [ids.tolist() for ids in tokenizer.transform(texts)]


@pytest.mark.parametrize(
    "words",
    [
        WORDS,
        np.array(WORDS),
        Vocabulary(WORDS, WordVectors(["dog"], [[9.0]])),
        {"dog": 3, "the": 1, "<oov>": 4, "cat": np.int64(2)},
        dict.fromkeys(WORDS).keys(),
    ],
    ids=["list", "array", "Vocabulary", "dict", "keys"],
)
def test_ids_are_in_the_given_order_and_vectors_are_looked_up(words):
    tokenizer = GloveTokenizer(VECTORS, vocabulary=words, num_words=2, unseen_words=True, oov_token="<oov>")
    ids = tokenizer.fit_transform(TEXTS)
    assert [row.tolist() for row in ids] == [[1, 2, 4, 1, 3, 4], [4, 4]]
    assert tokenizer.vocabulary_ == {"the": 1, "cat": 2, "dog": 3, "<oov>": 4}
    assert ids.vocabulary.words == tuple(WORDS)
    np.testing.assert_array_equal(ids.vocabulary.embedding_matrix()[:, 0], [0, 0, 1, 0, 0])


def test_few_words_have_the_same_ids(monkeypatch):
    tokenizer = GloveTokenizer(None, vocabulary=WORDS, oov_token="<oov>")
    assert [ids_of(tokenizer, [text])[0] for text in TEXTS] == ids_of(tokenizer, TEXTS)
    monkeypatch.setattr("skglove.word_ids.HASHING_SHARE", 0)
    assert ids_of(tokenizer) == [[1, 2, 4, 1, 3, 4], [4, 4]]


def test_an_oov_token_that_is_not_given_gets_id_1():
    tokenizer = GloveTokenizer(None, vocabulary=["cat"], oov_token="?")
    assert ids_of(tokenizer, ["a cat"]) == [[1, 2]]
    assert tokenizer.vocabulary_ == {"?": 1, "cat": 2}


def test_transform_needs_no_fit_as_in_count_vectorizer():
    tokenizer = GloveTokenizer(None, vocabulary=WORDS)
    CountVectorizer(vocabulary=WORDS).transform(TEXTS)
    assert not tokenizer.__sklearn_tags__().requires_fit
    check_is_fitted(clone(tokenizer))
    assert ids_of(tokenizer) == ids_of(clone(tokenizer).fit(["other text"])) == IDS
    assert clone(tokenizer).inverse_transform([[2, 3]]) == ["cat dog"]
    assert make_pipeline(tokenizer, SequencePadder(maxlen=2)).fit_transform(TEXTS).tolist() == [
        [1, 3],
        [0, 0],
    ]
    assert GloveTokenizer().__sklearn_tags__().requires_fit


def test_fit_counts_nothing():
    tokenizer = GloveTokenizer(None).fit(TEXTS).set_params(vocabulary=WORDS).fit(TEXTS)
    assert not {"word_counts_", "document_counts_", "coverage_"} & set(vars(tokenizer))


def test_the_same_words_are_the_same_vocabulary_in_other_tokenizers():
    one, other = (GloveTokenizer(VECTORS, vocabulary=list(WORDS)).transform(TEXTS) for _ in range(2))
    check_vocabulary(one.vocabulary, other.vocabulary)
    again = pickle.loads(pickle.dumps(GloveTokenizer(None, vocabulary=one.vocabulary)))
    check_vocabulary(again.transform(TEXTS).vocabulary, other.vocabulary)
    with pytest.raises(ValueError, match="another vocabulary"):
        check_vocabulary(
            GloveTokenizer(None, vocabulary=["cat"]).transform(TEXTS).vocabulary, other.vocabulary
        )


@pytest.mark.parametrize(
    ("words", "error", "message"),
    [
        ([], ValueError, "vocabulary is empty"),
        ({}, ValueError, "vocabulary is empty"),
        (["a", "b", "a"], ValueError, "the word 'a' twice, at 0 and at 2"),
        (["a", 3], TypeError, "got int at index 1: 3"),
        ("cat", TypeError, "got one str: 'cat'"),
        ({"a", "b"}, TypeError, "got a set, which has no order"),
        (7, TypeError, "got int: 7"),
        (iter(["a"]), TypeError, "a list_iterator, which can be read only once"),
        ({"a": 0, "b": 1}, ValueError, "numbers from 1 to 2, each once .*got {'a': 0, 'b': 1}"),
        ({"a": 1, "b": 1}, ValueError, "numbers from 1 to 2"),
        ({"a": "x"}, ValueError, "numbers from 1 to 1"),
    ],
)
def test_a_wrong_vocabulary_is_an_error_of_fit_and_of_transform(words, error, message):
    tokenizer = GloveTokenizer(None, vocabulary=words)
    for method in (tokenizer.fit, tokenizer.transform):
        with pytest.raises(error, match=message) as raised:
            method(TEXTS)
        assert "vocabulary" in str(raised.value)
    assert not hasattr(tokenizer, "vocabulary_")


def test_words_with_upper_case_are_warned_of():
    with pytest.warns(UserWarning, match=r"1 of the 2 words in vocabulary .* such as 'Cat'.* lower=False"):
        GloveTokenizer(None, vocabulary=["Cat", "dog"]).fit(TEXTS)
    assert ids_of(GloveTokenizer(None, vocabulary=["The", "dog"], lower=False)) == [[1, 2], []]
