import numpy as np
import pytest
from classifier_samples import all_architectures, documents, small
from sklearn import config_context
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import AdaBoostClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import make_pipeline
from sklearn.utils.class_weight import compute_class_weight

import skglove.weights
from skglove import GloveTokenizer, KerasConvTextClassifier, SequencePadder
from skglove.documents import Documents
from skglove.weights import repeat, weigh

# Many tests here are of ids that never had a vocabulary.
pytestmark = pytest.mark.filterwarnings("ignore:X carries no vocabulary")

CODES = np.array([0, 1, 1, 2, 2, 2, 1])
CLASSES = np.array(["egg", "ham", "spam"])


# Numbers


def test_without_weights_each_document_counts_once():
    rows, weights, copies = weigh(None, None, CODES, CLASSES)
    assert rows.tolist() == list(range(7))
    assert weights.tolist() == copies.tolist() == [1] * 7
    assert (weights.dtype, copies.dtype) == (np.float32, np.int64)


def test_whole_weights_are_copies_and_zero_is_none():
    rows, weights, copies = weigh([2, 0, 1, 5, 1, 0, 3], None, CODES, CLASSES)
    assert rows.tolist() == [0, 2, 3, 4, 6]
    assert weights.tolist() == copies.tolist() == [2, 1, 5, 1, 3]


@pytest.mark.parametrize("scale", [0.5, 1e-300, 1e307])
def test_fractions_and_huge_weights_are_relative_to_their_mean(scale):
    rows, weights, copies = weigh(scale * np.array([1, 0, 2, 1, 2, 3, 3]), None, CODES, CLASSES)
    assert rows.tolist() == [0, 2, 3, 4, 5, 6]
    assert copies.tolist() == [1] * 6
    np.testing.assert_allclose(weights, [0.5, 1, 0.5, 1, 1.5, 1.5], rtol=1e-6)


def test_too_many_copies_are_relative_weights(monkeypatch):
    monkeypatch.setattr(skglove.weights, "MOST_COPIES", 20)
    assert weigh([20, 0, 1, 1, 0, 0, 0], None, CODES, CLASSES).copies.tolist() == [1, 1, 1]
    assert weigh([18, 0, 1, 1, 0, 0, 0], None, CODES, CLASSES).copies.tolist() == [18, 1, 1]
    monkeypatch.setattr(skglove.weights, "MOST_COPIES", 0)
    assert weigh([2] * 7, None, CODES, CLASSES).copies.tolist() == [2] * 7  # twice is never too many


def test_a_class_without_weight_keeps_its_documents():
    rows, weights, copies = weigh([1, 0, 3, 0, 0, 0, 0], None, CODES, CLASSES)
    assert rows.tolist() == [0, 2, 3, 4, 5]
    assert (weights > 0).tolist() == [True, True, False, False, False]
    assert copies.tolist() == [1, 3, 1, 1, 1]


@pytest.mark.parametrize("class_weight", ["balanced", {"egg": 4, "spam": 0.5}, {}])
@pytest.mark.parametrize("sample_weight", [None, np.array([0.5, 1, 2, 1, 1, 3, 0.25])])
def test_class_weights_are_those_of_scikit_learn(class_weight, sample_weight):
    sample_weight = np.ones(7) if sample_weight is None else sample_weight
    weights, copies = weigh(sample_weight, class_weight, CODES, CLASSES)[1:]
    # As scikit-learn's own estimators do; its old versions cannot count weights themselves.
    times = (4 * sample_weight).astype(int)
    y = CLASSES[CODES].repeat(times)
    expected = sample_weight * compute_class_weight(class_weight or None, classes=CLASSES, y=y)[CODES]
    np.testing.assert_allclose(weights, expected / expected.mean(), rtol=1e-6)
    assert copies.tolist() == [1] * 7


def test_class_weights_make_no_copies():
    weights, copies = weigh([2, 1, 1, 1, 3, 1, 1], {"egg": 10, "spam": 2}, CODES, CLASSES)[1:]
    assert copies.tolist() == [2, 1, 1, 1, 3, 1, 1]
    np.testing.assert_allclose(weights, np.array([20, 1, 1, 2, 6, 2, 1]) * (10 / 33), rtol=1e-6)


def test_classes_of_weight_zero_are_dropped_but_known():
    rows, weights, _ = weigh(None, {"spam": 0}, CODES, CLASSES)
    assert rows.tolist() == list(range(7))
    np.testing.assert_array_equal(weights > 0, CODES < 2)
    balanced = weigh([1, 1, 1, 0, 0, 0, 1], "balanced", CODES, CLASSES).weights
    np.testing.assert_allclose(balanced, np.array([2, 2 / 3, 2 / 3, 0, 0, 0, 2 / 3]) * 7 / 4, rtol=1e-6)


@pytest.mark.parametrize(
    ("class_weight", "message"),
    [
        ({"egg": 2, "hem": 3}, r"labels that y does not have: \['hem'\]. In y, \['ham', 'spam'\] have no"),
        ({"egg": -1}, r"gives the label 'egg' the weight -1. Weights are finite numbers >= 0"),
        ({"egg": np.nan}, r"the weight nan"),
        ({"egg": "2"}, r"the weight '2'"),
        ({"egg": 0, "ham": 0}, r"whose sample_weight and class_weight are above zero are of 1: \['spam'\]"),
        (dict.fromkeys(CLASSES, 0), r"are above zero are of 0: \[\]"),
    ],
)
def test_wrong_class_weights_are_an_error(class_weight, message):
    with pytest.raises(ValueError, match=message):
        weigh(None, class_weight, CODES, CLASSES)


def test_class_weights_may_have_more_labels_if_each_class_has_one():
    weights = weigh(None, {"egg": 1, "ham": 1, "spam": 1, "of other folds": 9}, CODES, CLASSES).weights
    assert weights.tolist() == [1] * 7


@pytest.mark.parametrize("classes", [np.array([-1, 3, 7]), np.array([1.5, 2.5, 3.5]), CLASSES.astype(object)])
def test_class_weights_find_labels_of_any_type(classes):
    for label in (classes[2], classes[2:].tolist()[0]):
        weights = weigh(None, {label: 4}, CODES, classes).weights
        assert (weights / weights[0]).tolist() == [1, 1, 1, 4, 4, 4, 1]


def test_copies_follow_one_another_and_share_the_weight():
    ids = Documents.from_sequences([[7], [8, 9], [5]])
    weights, copies = np.array([2, 3, 1], dtype=np.float32), np.array([2, 1, 3])
    repeated, codes, weights, firsts = repeat(ids, np.array([0, 1, 1]), weights, copies)
    assert repeated.values.tolist() == [7, 7, 8, 9, 5, 5, 5]
    assert repeated.lengths.tolist() == [1, 1, 2, 1, 1, 1]
    assert codes.tolist() == [0, 0, 1, 1, 1, 1]
    np.testing.assert_allclose(weights, [1, 1, 3, 1 / 3, 1 / 3, 1 / 3])
    assert weights.dtype == np.float32
    assert firsts.tolist() == [0, 2, 3]


# Twins of scikit-learn's checks, on token ids: test_common.py says why those cannot pass


def noisy(n):
    """Documents of three classes, of which a fifth lacks the word that tells."""
    rng = np.random.RandomState(0)
    y = rng.permutation(np.arange(n) % 3)
    ids = rng.randint(2, 60, (n, 8))
    ids[:, 3] = np.where(rng.rand(n) < 0.8, y + 1, 0)
    weights = rng.randint(0, 5, n)
    weights[:3] = 1
    return ids, y, weights


# Adam enlarges the rounding of small gradients, which the filters of "hybrid" have at first.
SLOWER = {"hybrid": {"learning_rate": 0.02}, "stacked": {}, "parallel": {}}


def alike(classifier, ids, y, weights):
    """Fit with weights and with copies, one batch each; tell whether they give the same, up to rounding."""
    classifier.set_params(dropout=0.0, batch_size=10_000)
    copies = clone(classifier).fit(ids.repeat(weights, axis=0), y.repeat(weights))
    weighted = clone(classifier).fit(ids, y, weights)
    np.testing.assert_allclose(weighted.predict_proba(ids), copies.predict_proba(ids), rtol=2e-5)
    assert weighted.history_.keys() == copies.history_.keys()
    for name, values in copies.history_.items():
        np.testing.assert_allclose(weighted.history_[name], values, rtol=1e-5, err_msg=name)
    return weighted, copies


@pytest.mark.slow
@all_architectures
def test_weights_equal_copies_and_zero_equals_absence(architecture):
    classifier = small(architecture=architecture, epochs=5, validation_fraction=0.25, vocabulary_size=60)
    weighted, copies = alike(classifier, *noisy(80))
    if architecture == "hybrid":
        # The linear model is the same to the bit; the weights of the pool are learned.
        for one, other in zip(weighted.lexical_model_.weights_, copies.lexical_model_.weights_, strict=True):
            np.testing.assert_array_equal(one, other)
        assert weighted.settings_["lexical_weight"] == pytest.approx(copies.settings_["lexical_weight"])
        assert weighted.settings_["lexical_weight"] != 0.5


@pytest.mark.slow
@pytest.mark.parametrize(
    "architecture", ["hybrid", "stacked", pytest.param("parallel", marks=pytest.mark.slow)]
)
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"validation_fraction": 0.25, "early_stopping": True, "epochs": 20},
        # Other optimizers enlarge gradients that are 0 but for rounding, as those of biases here.
        {"class_weight": "balanced", "optimizer": "sgd"},
        {"class_weight": {0: 2.5}, "optimizer": "sgd"},
        {"learning_rate_schedule": "one_cycle"},
    ],
)
def test_weights_equal_copies_whatever_the_parameters(architecture, options):
    options = SLOWER[architecture] | options
    alike(small(**{"architecture": architecture, "epochs": 10, **options}), *noisy(80))


@pytest.mark.slow
def test_weights_equal_copies_where_a_tenth_is_held_out():
    # The copies are so many that they would be trained on adversarially.
    alike(KerasConvTextClassifier(filters=8, adversarial_epsilon=0, epochs=5, random_state=0), *noisy(600))


@pytest.mark.slow
@pytest.mark.parametrize(
    "architecture", ["hybrid", "stacked", pytest.param("parallel", marks=pytest.mark.slow)]
)
def test_the_order_of_documents_does_not_matter_to_the_network(architecture):
    ids, y, weights = noisy(80)
    options = {"lexical_weight": 0, "dropout": 0.0, "batch_size": 1000, **SLOWER[architecture]}
    classifier = small(architecture=architecture, epochs=5, **options)
    copies = clone(classifier).fit(ids.repeat(weights, axis=0), y.repeat(weights)).predict_proba(ids)
    order = np.random.RandomState(1).permutation(80)
    weighted = classifier.fit(ids[order], y[order], weights[order]).predict_proba(ids)
    np.testing.assert_allclose(weighted, copies, rtol=2e-5)


@all_architectures
@pytest.mark.slow
def test_the_class_with_nearly_all_the_weight_is_predicted(architecture):
    rng = np.random.RandomState(0)
    ids, y = rng.randint(1, 20, (60, 6)), np.array(["a", "b", "c"])[np.arange(60) % 3]  # nothing to learn
    weights = {"a": 1000, "b": 1e-4, "c": 1e-4}
    classifier = small(architecture=architecture, class_weight=weights, epochs=5, vocabulary_size=20)
    new = rng.randint(1, 20, (60, 6))
    assert (classifier.fit(ids, y).predict(new) == "a").mean() > 0.87


@pytest.mark.parametrize("class_weight", ["balance", 2, [1, 2]])
def test_class_weight_is_checked(class_weight):
    with pytest.raises(ValueError, match="The 'class_weight' parameter of KerasConvTextClassifier must be"):
        small(class_weight=class_weight).fit(*documents())


# With scikit-learn's meta-estimators


@pytest.fixture(scope="module")
def contradicting():
    """Ids of each text twice, with either label; the second label is heavier, and returned once more."""
    texts = np.array(["a good film", "a bad film", "good plot", "bad plot"] * 4)
    labels = np.array(["+", "-"] * 8)
    steps = make_pipeline(GloveTokenizer(vectors=None), SequencePadder(maxlen=3))
    return (
        np.asarray(steps.fit_transform(np.append(texts, texts))),
        np.append(labels[::-1], labels),
        np.repeat([0.25, 2.0], 16),
        labels,
    )


def learns():
    return small(pretrained=False, embedding_dim=8)


@pytest.mark.slow
def test_weights_are_routed_through_a_pipeline(contradicting):
    ids, y, weights, expected = contradicting
    with config_context(enable_metadata_routing=True):
        steps = make_pipeline(SequencePadder(maxlen=3), learns().set_fit_request(sample_weight=True))
        assert steps.fit(ids, y, sample_weight=weights).predict(ids[16:]).tolist() == expected.tolist()


@pytest.mark.slow
def test_calibration_passes_weights_on(contradicting):
    ids, y, weights, expected = contradicting
    calibrated = CalibratedClassifierCV(learns(), cv=2).fit(ids, y, sample_weight=weights)
    assert calibrated.predict(ids[16:]).tolist() == expected.tolist()


@pytest.mark.slow
def test_boosting_learns(contradicting):
    ids, y, weights, expected = contradicting
    boosted = AdaBoostClassifier(learns(), n_estimators=3, random_state=0).fit(ids, y, weights)
    assert boosted.predict(ids[16:]).tolist() == expected.tolist()


@pytest.mark.slow
def test_each_of_several_outputs_gets_the_weights(contradicting):
    ids, y, weights, expected = contradicting
    is_long = ids[:, 0] > 0
    several = MultiOutputClassifier(learns()).fit(ids, np.stack([y == "+", is_long], axis=1), weights)
    assert several.predict(ids[16:]).tolist() == np.stack([expected == "+", is_long[16:]], axis=1).tolist()


def test_balanced_weights_are_of_each_fold(monkeypatch):
    seen = []

    def record(sample_weight, class_weight, codes, classes):
        seen.append((np.bincount(codes).tolist(), weigh(sample_weight, class_weight, codes, classes).weights))
        raise KeyboardInterrupt

    monkeypatch.setattr("skglove.fit_checks.weigh", record)
    y = np.repeat([0, 1], [24, 8])
    folds = [(np.arange(0, 28), np.arange(28, 32)), (np.arange(16, 32), np.arange(16))]
    for training, test in folds:
        search = GridSearchCV(small(), {"class_weight": ["balanced"]}, cv=[(training, test)])
        with pytest.raises(KeyboardInterrupt):
            search.fit(documents()[0], y)
    assert [counts for counts, _ in seen] == [[24, 4], [8, 8]]
    np.testing.assert_allclose([weights[[0, -1]] for _, weights in seen], [[28 / 48, 3.5], [1, 1]], rtol=1e-6)


def test_balanced_weights_of_several_labels_are_their_product():
    indicator = np.array([[1, 0], [0, 1], [0, 0], [0, 0]], dtype=np.uint8)
    weights = weigh(None, "balanced", indicator, np.arange(2)).weights
    np.testing.assert_allclose(weights / weights[2], [3, 3, 1, 1], rtol=1e-6)
    with pytest.raises(ValueError, match="y is an indicator matrix"):
        weigh(None, {0: 2}, indicator, np.arange(2))
