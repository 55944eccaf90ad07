from functools import partial

import numpy as np
import pytest
from sklearn import config_context
from sklearn.metrics import accuracy_score, cohen_kappa_score, f1_score, log_loss, make_scorer, roc_auc_score

from skglove.scoring import HeldOutScore

CLASSES = np.array(["a", "b", "c"])
CODES = np.array([0, 1, 2, 2, 1, 0, 0, 2])
WEIGHTS = np.array([1.0, 2, 3, 1, 1, 1, 4, 1])
PROBABILITIES = np.random.RandomState(0).dirichlet([1, 1, 1], 8).astype(np.float32)
PREDICTED = CLASSES[PROBABILITIES.argmax(axis=1)]
ONES = np.ones(8)


def score(scoring, weights=ONES, codes=CODES):
    return HeldOutScore(scoring, CLASSES)(PROBABILITIES, codes, weights)


@pytest.mark.parametrize("weights", [ONES, WEIGHTS], ids=["equal", "weighted"])
@pytest.mark.parametrize("routing", [False, True])
def test_scores_are_those_of_scikit_learn(weights, routing):
    y, options = CLASSES[CODES], {"sample_weight": weights}
    with config_context(enable_metadata_routing=routing):
        assert score("accuracy", weights) == pytest.approx(accuracy_score(y, PREDICTED, **options))
        expected = f1_score(y, PREDICTED, average="macro", **options)
        assert score("f1_macro", weights) == pytest.approx(expected)
        expected = log_loss(y, PROBABILITIES, **options)
        assert score("neg_log_loss", weights) == pytest.approx(-expected, rel=1e-5)
        expected = roc_auc_score(y, PROBABILITIES, multi_class="ovr", **options)
        assert score("roc_auc_ovr", weights) == pytest.approx(expected)
        expected = cohen_kappa_score(y, PREDICTED, **options)
        assert score(make_scorer(cohen_kappa_score), weights) == pytest.approx(expected)


def test_binary_scores_know_the_positive_class():
    binary = HeldOutScore("roc_auc", CLASSES[:2])
    probabilities = np.array([[0.9, 0.1], [0.4, 0.6], [0.2, 0.8], [0.7, 0.3]], dtype=np.float32)
    assert binary(probabilities, np.array([0, 1, 1, 0]), np.ones(4)) == 1
    assert binary(probabilities, np.array([1, 0, 0, 1]), np.ones(4)) == 0


def own(y, predicted):
    return float((y == predicted)[0])


def test_weights_are_given_only_to_what_takes_them():
    assert score(make_scorer(own), WEIGHTS) == (PREDICTED[0] == "a")
    assert score(make_scorer(partial(own)), WEIGHTS) == (PREDICTED[0] == "a")
    assert score(lambda estimator, X, y: 0.25, WEIGHTS) == 0.25
    assert score(lambda estimator, X, y, sample_weight: sample_weight.sum(), WEIGHTS) == 14


def test_a_scorer_may_look_at_some_documents():
    def first_three(estimator, X, y):
        assert X.shape == (8, 1)
        assert estimator.classes_.tolist() == ["a", "b", "c"]
        return accuracy_score(y[:3], estimator.predict(X[:3]))

    assert score(first_three) == accuracy_score(CLASSES[CODES[:3]], PREDICTED[:3])


def test_an_unknown_name_is_an_error():
    with pytest.raises(ValueError, match=r"scoring='f2' is no scorer .*get_scorer_names\(\).*make_scorer"):
        HeldOutScore("f2", CLASSES)


def fails(estimator, X, y):
    raise KeyError("mine")


@pytest.mark.parametrize(
    ("scoring", "message"),
    [
        (fails, r"scoring=<function fails.* fails on the 8 held-out documents: KeyError: 'mine'"),
        (lambda estimator, X, y: None, "scoring=.* fails on the 8 held-out documents: TypeError"),
        (lambda estimator, X, y: {"a": 1}, "scoring=.* fails on the 8 held-out documents: TypeError"),
        ("f1", "scoring='f1' fails on the 8 held-out documents: ValueError"),
        (
            lambda estimator, X, y: np.nan,
            "is nan on the 8 held-out documents, of 3 classes, but must",
        ),
    ],
)
def test_a_scorer_that_fails_is_an_error_that_names_the_parameter(scoring, message):
    with pytest.raises(ValueError, match=message):
        score(scoring)
