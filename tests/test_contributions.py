import numpy as np
import pytest
from classifier_samples import documents, hybrid, parallel, small, stacked  # noqa: F401
from scipy.special import expit, log_softmax

from skglove.documents import Documents
from skglove.explanations.contributions import Contributions, lexical_token_scores, log_odds
from skglove.lexical import LexicalModel
from skglove.network.contributions import reader


def as_documents(ids):
    return Documents(np.asarray(ids, dtype=np.int32), np.array([len(ids)]))


DOCUMENTS = [[1], [3, 1, 4, 2, 3], [4, 1, 2, 1, 1, 3], [3, 0, 1, 4], [0], [2, 2]]


@pytest.fixture
def classifier(request):
    return request.getfixturevalue(request.param)


@pytest.mark.parametrize("classifier", ["hybrid", "parallel", "stacked"], indirect=True)
@pytest.mark.parametrize("ids", DOCUMENTS)
def test_contributions_add_up_to_the_log_odds(classifier, ids):
    ids = np.array(ids, dtype=np.int32)
    X = np.zeros((1, 6), dtype=np.int32)
    X[0, 6 - len(ids) :] = ids
    for code in (0, 1):
        baseline, parts = Contributions(classifier).of(ids, code)
        with pytest.warns(UserWarning, match="was fitted with a vocabulary"):
            expected = classifier.predict_proba(X)[0, code]
        assert expit(baseline + parts.sum()) == pytest.approx(expected, abs=1e-4)
        assert len(parts) == len(ids)
        assert not parts[ids == 0].any()


@pytest.mark.parametrize("classifier", ["hybrid", "parallel", "stacked"], indirect=True)
@pytest.mark.parametrize("ids", DOCUMENTS)
def test_parts_of_tokens_add_up_to_the_scores_of_the_network(classifier, ids):
    document = as_documents(ids)
    whole, empty, share = reader(classifier._network, maxlen=6)(document.values)
    predicted = classifier._network.predict(document, maxlen=6, batch_size=8)[0]
    np.testing.assert_allclose(log_softmax(whole), np.log(predicted), atol=1e-4)
    for effects in np.eye(2):
        parts = share(effects)
        assert parts.sum() == pytest.approx(effects @ (whole - empty) * (max(ids) > 0), abs=1e-4)


@pytest.mark.parametrize("ids", DOCUMENTS)
def test_scores_of_tokens_add_up_to_those_of_the_linear_model(hybrid, ids):  # noqa: F811
    document = as_documents(ids)
    scores, empty = lexical_token_scores(hybrid.lexical_model_, document.values)
    predicted = hybrid.lexical_model_.predict_log_proba(document)[0]
    np.testing.assert_allclose(log_softmax(empty + scores.sum(axis=0)), predicted, atol=1e-5)


def test_a_pair_is_shared_by_its_words_and_a_word_by_its_occurrences(hybrid):  # noqa: F811
    model = hybrid.lexical_model_
    (alone,), _ = lexical_token_scores(model, np.array([1], dtype=np.int32))
    twice, _ = lexical_token_scores(model, np.array([1, 0, 1], dtype=np.int32))  # padding makes no pair
    np.testing.assert_allclose(twice, [alone / 2, 0 * alone, alone / 2], atol=1e-6)


def test_the_two_words_of_a_pair_share_it():
    # "a b" is class 0, "b a" is class 1: only the pair tells.
    X, codes = Documents(np.array([1, 2, 2, 1] * 8, dtype=np.int32), np.full(16, 2)), np.arange(16) % 2
    model = LexicalModel().fit(X, codes)
    scores, _ = lexical_token_scores(model, np.array([1, 2], dtype=np.int32))
    np.testing.assert_allclose(scores[0], scores[1], atol=1e-5)
    assert scores[0, 0] > scores[0, 1]


def test_the_word_that_decides_contributes_most(hybrid):  # noqa: F811
    X, y = documents()
    for row, code in zip(np.asarray(X)[:8], y[:8], strict=True):
        ids = row[row != 0].astype(np.int32)
        _, parts = Contributions(hybrid).of(ids, code)
        assert ids[parts.argmax()] == (1 if code else 2)


def test_log_odds_of_several_classes():
    assert log_odds(np.log([0.2, 0.5, 0.3]), 1) == pytest.approx(0.0)


def test_contributions_of_many_classes_add_up():
    rng = np.random.RandomState(0)
    X = rng.randint(1, 12, (120, 6))
    y = X[:, 2] % 5
    classifier = small(architecture="hybrid", epochs=5, pretrained=False, vocabulary_size=12)
    classifier.fit(X, y)
    probabilities = classifier.predict_proba(X[:10])
    for row, given in zip(X[:10].astype(np.int32), probabilities, strict=True):
        for code in range(5):
            baseline, parts = Contributions(classifier).of(row, code)
            expected = np.log(given[code] / np.delete(given, code).sum())
            assert baseline + parts.sum() == pytest.approx(expected, abs=1e-3)


@pytest.mark.slow
def test_a_network_in_bfloat16_is_explained_in_float32():
    classifier = small(architecture="parallel", dtype_policy="mixed_bfloat16", epochs=5).fit(*documents())
    X, _ = documents()
    for row, given in zip(np.asarray(X)[:5], classifier.predict_proba(X[:5]), strict=True):
        ids = row[row != 0].astype(np.int32)
        baseline, parts = Contributions(classifier).of(ids, 0)
        assert baseline + parts.sum() == pytest.approx(np.log(given[0] / given[1]), abs=0.1)
