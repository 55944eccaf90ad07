"""Several labels a document, through the whole classifier."""

import pickle
import time

import keras
import numpy as np
import pytest
from classifier_samples import all_architectures, small
from scipy.sparse import csr_matrix
from scipy.special import expit, logit
from sklearn.metrics import f1_score
from sklearn.model_selection import cross_val_score
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import ClassifierChain
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MultiLabelBinarizer

from skglove import GloveTokenizer, KerasConvTextClassifier, TokenIds
from skglove.documents import Documents
from skglove.multilabel import from_log_odds, label_sets, log_odds_of_labels, log_of_both, n_outputs


def test_documents_with_the_same_labels_have_the_same_number():
    codes = np.random.RandomState(0).randint(0, 2, (40, 11)).astype(np.uint8)
    codes[20:] = codes[:20]
    numbers = label_sets(codes)
    np.testing.assert_array_equal(numbers[20:], numbers[:20])
    assert len(np.unique(numbers)) == len(np.unique(codes, axis=0))
    assert label_sets(np.array([2, 0, 1])).tolist() == [2, 0, 1]


def test_outputs_are_classes_or_labels():
    assert n_outputs(np.array([0, 2, 1])) == 3
    assert n_outputs(np.zeros((2, 5), dtype=np.uint8)) == 5


def test_log_odds_of_labels_are_weighted():
    codes = np.array([[1, 0], [0, 0], [0, 0]], dtype=np.uint8)
    log_odds = log_odds_of_labels(codes, np.array([2.0, 1.0, 0.0]))
    np.testing.assert_allclose(log_odds, np.log([2.5 / 1.5, 0.5 / 3.5]))


def test_both_outcomes_of_each_label():
    probabilities = np.array([[0.25, 0.5], [0.9, 1.0]], dtype=np.float32)
    both = log_of_both(probabilities)
    np.testing.assert_allclose(np.exp(both[:3]), [[0.75, 0.25], [0.5, 0.5], [0.1, 0.9]], rtol=1e-6)
    assert np.isfinite(both).all()
    np.testing.assert_allclose(from_log_odds(logit(probabilities[:1])), both[:2], rtol=1e-6)


def test_labels_that_are_almost_impossible_are_kept_apart():
    (_, first), (_, second) = log_of_both(np.array([[1e-12, 1e-20]], dtype=np.float32))
    np.testing.assert_allclose([first, second], np.log([1e-12, 1e-20]), rtol=1e-6)


def documents(n=64, seed=0):
    """Documents of fillers, ids 4 to 29, with id 1, 2 and 3 for each of three labels. A fourth has none."""
    rng = np.random.RandomState(seed)
    ids = rng.randint(4, 30, size=(n, 9))
    y = rng.randint(0, 2, size=(n, 4))
    y[:, 3] = 0
    for label in range(3):
        ids[np.arange(n), 3 * label + rng.randint(0, 3, n)] = np.where(y[:, label], label + 1, 4)
    return ids, y


def multilabel(architecture, **parameters):
    sizes = {"kernel_size": 1, "filters": 16, "embedding_dim": 8, "epochs": 30, "pretrained": False}
    if architecture == "stacked":
        sizes["dense_units"] = 16
    return small(architecture=architecture, **{**sizes, "learning_rate": 0.02, **parameters})


@pytest.fixture(
    scope="module", params=["hybrid", "stacked", pytest.param("parallel", marks=pytest.mark.slow)]
)
def fitted(request):
    return multilabel(request.param).fit(*documents())


def test_predictions_are_an_indicator_matrix(fitted):
    X, y = documents(seed=1)
    predicted, probabilities = fitted.predict(X), fitted.predict_proba(X)
    assert (predicted.dtype, probabilities.dtype) == (np.int64, np.float32)
    assert fitted.classes_.tolist() == [0, 1, 2, 3]
    np.testing.assert_array_equal(predicted, probabilities > 0.5)
    np.testing.assert_allclose(np.exp(fitted.predict_log_proba(X)), probabilities, rtol=1e-5)
    np.testing.assert_allclose(expit(fitted.decision_function(X)), probabilities, atol=1e-6)
    assert fitted.score(X, y) == fitted.score(X, csr_matrix(y)) == (predicted == y).all(axis=1).mean()
    assert fitted.score(X, y) > 0.85
    assert probabilities[:, 3].max() < 0.1  # of the label that no document had
    assert fitted.history_["accuracy"][-1] > 0.85


def test_pickling_keeps_the_probabilities(fitted):
    X, _ = documents(seed=1)
    loaded = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_allclose(loaded.predict_proba(X), fitted.predict_proba(X), atol=1e-6)


@pytest.mark.slow
def test_the_log_odds_of_network_and_linear_model_are_added():
    X, y = documents(n=450)
    classifier = multilabel("hybrid", epochs=3).fit(X, y)
    assert {"val_loss", "val_accuracy"} <= set(classifier.history_)
    weights = classifier._pool_weights
    of_network = logit(keras.ops.convert_to_numpy(classifier.model_(X)).astype(float))
    of_linear = np.diff(classifier.lexical_model_.predict_log_proba(Documents.from_matrix(X)), axis=1)
    expected = expit(weights[0] * of_network + weights[1] * of_linear.reshape(y.shape))
    np.testing.assert_allclose(classifier.predict_proba(X), expected, atol=1e-5)


@all_architectures
def test_what_a_label_of_documents_without_weight_says_does_not_matter(architecture):
    X, y = documents()
    weights = np.arange(len(X)) % 2
    y[weights == 0, 3] = 1
    classifier = multilabel(architecture, epochs=10).fit(X, y, sample_weight=weights)
    assert classifier.predict_proba(X)[:, 3].max() < 0.25


@pytest.mark.slow
def test_a_label_that_all_documents_have_is_predicted():
    X, y = documents(n=48)
    probabilities = multilabel("hybrid", epochs=2).fit(X, 1 - y).predict_proba(X)
    assert probabilities[:, 3].min() > 0.9
    no_labels = multilabel("hybrid", epochs=2).fit(X, np.zeros_like(y))
    assert no_labels.predict(X).sum() == 0


@pytest.mark.slow
def test_a_loss_gets_the_indicator_matrix_and_the_default_is_summed_over_the_labels():
    X, y = documents(n=16)
    seen = []

    def spy(targets, probabilities):
        seen.append((tuple(targets.shape)[1:], tuple(probabilities.shape)[1:]))
        return keras.ops.sum(keras.ops.binary_crossentropy(targets, probabilities), axis=-1)

    options = {"epochs": 1, "batch_size": 16}
    losses = [
        multilabel("stacked", loss=loss, **options).fit(X, y).history_["loss"][0]
        for loss in ("categorical_crossentropy", spy, "binary_crossentropy")
    ]
    assert set(seen) == {((4,), (4,))}
    np.testing.assert_allclose(losses, [losses[0], losses[0], losses[0] / 4], rtol=1e-5)
    with pytest.raises(ValueError, match="the targets 0 or 1"):
        multilabel("stacked", loss=lambda targets, probabilities: targets[9]).fit(X, y)


@pytest.mark.slow
def test_scorers_of_scikit_learn_take_it():
    X, y = documents()
    scores = cross_val_score(multilabel("stacked", epochs=1), TokenIds(X, None), y, scoring="f1_micro", cv=2)
    assert np.isfinite(scores).all()


@pytest.mark.slow
@pytest.mark.parametrize("meta", [OneVsRestClassifier, ClassifierChain])
def test_meta_estimators_that_fit_a_classifier_for_each_label_take_it(meta):
    X, y = documents()
    classifier = meta(multilabel("stacked", epochs=1)).fit(X, y[:, :2])
    assert classifier.predict(X).shape == (64, 2)


@pytest.mark.slow
def test_a_classifier_can_be_fitted_to_classes_after_labels():
    X, y = documents()
    classifier = multilabel("stacked", epochs=1)
    assert classifier.fit(X, y).predict(X).shape == y.shape
    assert classifier.fit(X, y[:, 0]).predict_proba(X).shape == (64, 2)
    assert set(classifier.predict(X)) <= {0, 1}


TOPICS = {
    "cooking": "oven soup pot flour taste kitchen sauce bread butter onion recipe boil roast",
    "music": "song guitar band piano concert tune choir singer album drum melody opera chord",
    "sport": "goal team match coach player stadium race medal league score referee trainer win",
}
COMMON = "the a of and we they was very good new old great day year people time place".split()  # noqa: SIM905


def texts(n, seed):
    """Texts with one or two words of each of their topics, and one word of any."""
    rng = np.random.RandomState(seed)
    labels = [[topic for topic in TOPICS if rng.rand() < 0.4] for _ in range(n)]
    of_any = " ".join(TOPICS.values()).split()
    documents = []
    for topics in labels:
        words = [*rng.choice(COMMON, 8), rng.choice(of_any)]
        for topic in topics:
            words += rng.choice(TOPICS[topic].split(), rng.randint(1, 3)).tolist()
        documents.append(" ".join(rng.permutation(words)))
    return documents, labels


@pytest.mark.slow
def test_one_classifier_of_all_labels_does_as_well_as_one_for_each_in_a_fraction_of_the_time():
    binarizer = MultiLabelBinarizer()
    train, y = texts(450, seed=0)
    test, truth = texts(500, seed=1)
    y, truth = binarizer.fit_transform(y), binarizer.transform(truth)
    classifier = KerasConvTextClassifier(pretrained=False, filters=16, random_state=0)
    results = []
    for model in (classifier, OneVsRestClassifier(classifier)):
        pipeline, start = make_pipeline(GloveTokenizer(vectors=None), model), time.process_time()
        pipeline.fit(train, y)
        seconds = time.process_time() - start
        p = np.clip(pipeline.predict_proba(test).astype(float), 1e-7, 1 - 1e-7)
        log_loss = -np.log(np.where(truth, p, 1 - p)).sum(axis=1).mean()
        predicted = pipeline.predict(test)
        results.append(
            (
                log_loss,
                np.mean((predicted == truth).all(axis=1)),
                f1_score(truth, predicted, average="micro"),
                seconds,
            )
        )
    (log_loss, accuracy, f1, seconds), of_each = results
    assert log_loss < 1.03 * of_each[0]
    assert accuracy > of_each[1] - 0.02
    assert f1 > of_each[2] - 0.01
    assert seconds < 0.7 * of_each[3]
