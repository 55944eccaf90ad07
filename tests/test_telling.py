import copy

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from skglove import GloveTokenizer, KerasConvTextClassifier, SequencePadder, telling_words
from skglove.documents import Documents
from skglove.explanations.contributions import log_odds, read_lexical
from skglove.explanations.telling import _weights

TEXTS = ["good film", "very good", "bad film", "not good", "a bad end", "so so"] * 6
LABELS = ["+", "+", "-", "-", "-", "?"] * 6


@pytest.fixture(scope="module")
def pipeline():
    classifier = KerasConvTextClassifier(filters=2, kernel_size=2, epochs=2, embedding_dim=4, random_state=0)
    return make_pipeline(GloveTokenizer(vectors=None), SequencePadder(4), classifier).fit(TEXTS, LABELS)


def test_words_and_pairs_for_and_against_each_class(pipeline):
    table = telling_words(pipeline, n=3)
    assert list(dict.fromkeys(row.label for row in table)) == ["+", "-", "?"]
    for label in "+-?":
        weights = [row.weight for row in table if row.label == label]
        assert weights == sorted(weights, reverse=True)
        assert 1 <= sum(weight > 0 for weight in weights) <= 3
        assert 1 <= sum(weight < 0 for weight in weights) <= 3
    top = {(row.label, row.words) for row in table if row.weight > 0}
    assert {("+", "very good"), ("-", "bad"), ("?", "so"), ("?", "so so")} <= top
    assert ("-", "not good") in {(row.label, row.words) for row in telling_words(pipeline) if row.weight > 0}


def test_counts_of_documents_are_those_of_the_texts(pipeline):
    counts = {row.words: row.documents for row in telling_words(pipeline, n=100)}
    assert counts["good"] == 18
    assert counts["not good"] == 6
    assert counts["so"] == 6
    assert len(counts) > 12


def test_weights_are_the_slopes_of_the_log_odds(pipeline):
    # With small weights, naive Bayes's scores hardly differ, and the regression stays near its intercepts.
    small, model = 1e-3, copy.copy(pipeline[-1].lexical_model_)
    model.weights_, model.deviation_ = [small * weights for weights in model.weights_], 0.0
    for word in range(1, 4):
        whole, empty, _ = read_lexical(model, Documents.from_sequences([[word]]))  # its TF-IDF is 1
        column = model.columns_[np.searchsorted(model.features_, word)]
        for code in range(3):
            rise = np.diff(log_odds(np.stack([empty, whole[0]]), np.full(2, code)))
            assert _weights(model, model.weights_, code)[column] == pytest.approx(rise, rel=0.01)


@pytest.mark.slow
def test_a_classifier_in_a_stream_has_telling_words(pipeline):
    classifier = KerasConvTextClassifier(filters=2, embedding_dim=4, random_state=0)
    streamed = make_pipeline(*pipeline[:2], classifier)
    for few in (0, 18):
        batch = slice(few, few + 18)
        classifier.partial_fit(pipeline[:2].transform(TEXTS[batch]), LABELS[batch], classes=["+", "-", "?"])
        table = telling_words(streamed, n=100)
        assert {row.words: row.documents for row in table}["good"] == 9 + few / 2
        assert all(row.words for row in table)
        assert {("+", "very good"), ("-", "bad"), ("?", "so so")} <= {
            (row.label, row.words) for row in table if row.weight > 0
        }


def test_a_network_alone_has_no_telling_words(pipeline):
    classifier = copy.copy(pipeline[-1]).set_params(architecture="parallel")
    classifier.lexical_model_ = None
    pipeline = make_pipeline(pipeline[0], classifier)
    with pytest.raises(ValueError, match="architecture='parallel' has only with a lexical_weight above 0"):
        telling_words(pipeline)


def test_wrong_arguments_are_refused(pipeline):
    for n in (0, 2.5, "all", True):
        with pytest.raises(ValueError, match=f"n must be a number of words .* got {n!r}"):
            telling_words(pipeline, n)
    with pytest.raises(TypeError, match=r"telling_words needs a Pipeline.*GloveTokenizer, Logistic"):
        telling_words(make_pipeline(pipeline[0], LogisticRegression()))
