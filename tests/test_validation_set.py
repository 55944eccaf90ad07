"""A validation set given to fit, and the scores that early stopping looks at."""

import keras
import numpy as np
import pandas as pd
import pytest
from classifier_samples import VOCABULARY, documents, ragged, small
from sklearn import config_context
from sklearn.base import clone
from sklearn.metrics import f1_score, log_loss
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline

from skglove import GloveTokenizer, KerasConvTextClassifier, SequencePadder, TokenIds, Vocabulary
from skglove.lexical import LexicalModel
from skglove.network import fitting

NAMES = np.array(["no", "yes"])


def noisy(n, seed, share=0.75):
    """Documents of which only a part can be classified, with ids that only some of them have."""
    rng = np.random.RandomState(seed)
    y = rng.randint(0, 2, n)
    X = rng.randint(3, 60, (n, 6))
    X[:, 2] = np.where(rng.rand(n) < share, y + 1, 2 - y)
    return X, y


X, Y = noisy(60, 0)
X_VAL, Y_VAL = noisy(30, 1)
X_VAL[0, 0] = 69  # which no document in X has
VALIDATION = {"X_val": X_VAL, "y_val": Y_VAL}
# Overfits the documents above in few epochs.
SIZES = {
    "vocabulary_size": 70,
    "embedding_dim": 8,
    "filters": 8,
    "pretrained": False,
    "epochs": 12,
    "n_iter_no_change": 4,
}


@pytest.fixture(scope="module")
def fitted():
    """A classifier fitted with the validation set; `trained_on` has the rows of each of its trainings."""
    train, trained_on = fitting.train, []

    def record(*args, rows, **options):
        trained_on.append(rows.tolist())
        return train(*args, rows=rows, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fitting, "train", record)
        classifier = small(architecture="hybrid", **SIZES)
        classifier.fit(X, NAMES[Y], X_val=X_VAL, y_val=NAMES[Y_VAL])
    classifier.trained_on = trained_on
    return classifier


def best_epoch(classifier):
    """The epoch that is kept: the last whose loss is lower by 0.002 than that of the last one kept."""
    best, losses = 0, classifier.history_["val_loss"]
    for epoch, loss in enumerate(losses):
        if loss < losses[best] - 0.002:
            best = epoch
    return best


def test_the_best_epoch_on_the_validation_set_is_kept(fitted):
    losses, best = fitted.history_["val_loss"], best_epoch(fitted)
    assert fitted.settings_["early_stopping"]
    assert fitted.n_iter_ == len(losses) == best + 1 + fitted.settings_["n_iter_no_change"] < 12
    probabilities = fitted.predict_proba(X_VAL)
    assert log_loss(Y_VAL, probabilities) == pytest.approx(losses[best], rel=1e-4)
    assert fitted.history_["val_accuracy"][best] == pytest.approx(fitted.score(X_VAL, NAMES[Y_VAL]))


def test_the_linear_model_learns_from_all_of_x_and_not_from_the_validation_set(fitted):
    ones = np.ones(len(Y), dtype=np.float32)
    flat = KerasConvTextClassifier._documents_to_predict(fitted, X, 70)
    alone = LexicalModel().fit(flat, Y, 0, ones)
    assert fitted.lexical_model_.features_.tolist() == alone.features_.tolist()
    np.testing.assert_array_equal(fitted.lexical_model_.weights_[0], alone.weights_[0])


def test_the_network_learns_from_all_of_x_once(fitted):
    assert fitted.trained_on == [list(range(len(Y)))]


@pytest.mark.slow
def test_labels_of_the_validation_set_change_only_when_to_stop_and_the_pool():
    options = {**SIZES, "early_stopping": False, "epochs": 2}
    one, other = (
        small(architecture="hybrid", lexical_weight=0.5, **options).fit(X, Y, X_val=X_VAL, y_val=labels)
        for labels in (Y_VAL, 1 - Y_VAL)
    )
    assert one.history_["loss"] == other.history_["loss"]
    assert one.history_["val_loss"] != other.history_["val_loss"]
    for ours, theirs in zip(one.model_.layers[:-1], other.model_.layers[:-1], strict=True):
        for weights, others in zip(ours.get_weights(), theirs.get_weights(), strict=True):
            np.testing.assert_array_equal(weights, others)


@pytest.mark.parametrize("architecture", ["stacked", pytest.param("parallel", marks=pytest.mark.slow)])
def test_networks_without_a_linear_model_stop_on_it_too(architecture):
    sizes = {**SIZES, "early_stopping": True, "n_iter_no_change": 2}
    classifier = small(architecture=architecture, **sizes).fit(X, Y, **VALIDATION)
    best = best_epoch(classifier)
    assert classifier.n_iter_ == best + 3 < 12
    loss = log_loss(Y_VAL, classifier.predict_proba(X_VAL))
    assert loss == pytest.approx(classifier.history_["val_loss"][best], rel=1e-4)
    assert min(classifier.history_["loss"]) < classifier.history_["loss"][best]


@pytest.mark.slow
def test_it_takes_precedence_over_a_validation_fraction(fitted):
    again = (
        clone(fitted).set_params(validation_fraction=0.4).fit(X, NAMES[Y], X_val=X_VAL, y_val=NAMES[Y_VAL])
    )
    assert again.history_ == fitted.history_


@pytest.mark.slow
def test_without_early_stopping_it_is_measured_only():
    classifier = small(**{**SIZES, "epochs": 3}, early_stopping=False).fit(X, Y, **VALIDATION)
    losses = classifier.history_["val_loss"]
    assert classifier.n_iter_ == len(losses) == 3
    loss = log_loss(Y_VAL, classifier.predict_proba(X_VAL))
    assert loss == pytest.approx(losses[-1], rel=1e-4)


@pytest.mark.slow
def test_its_weights_count():
    options = {**SIZES, "epochs": 1}
    weights = np.where(Y_VAL, 5.0, 1.0)
    classifier = small(**options).fit(X, Y, **VALIDATION, sample_weight_val=weights)
    probabilities = classifier.predict_proba(X_VAL)
    expected = log_loss(Y_VAL, probabilities, sample_weight=weights)
    assert classifier.history_["val_loss"] == [pytest.approx(expected, rel=1e-4)]
    assert abs(log_loss(Y_VAL, probabilities) / expected - 1) > 1e-3


@pytest.mark.slow
def test_a_ragged_one_is_padded_as_a_matrix_x():
    X, y = documents()
    X_val, y_val = ragged(n=12)
    one = small(epochs=2).fit(X, y, X_val=X_val, y_val=y_val)
    padded = SequencePadder(maxlen=6).fit_transform(X_val)
    assert small(epochs=2).fit(X, y, X_val=padded, y_val=y_val).history_ == one.history_


@pytest.mark.slow
def test_longer_documents_than_a_ragged_x_has_are_cut():
    X, y = ragged()
    longer = TokenIds(np.array([[3] * 3000 + [1], [3] * 3000 + [2]]), VOCABULARY)
    history = small(epochs=1).fit(X, y, X_val=longer, y_val=[0, 1]).history_
    assert len(history["val_loss"]) == 1


OTHER = TokenIds(np.ones((2, 6), dtype=int), Vocabulary(("good", "fair")))


@pytest.mark.parametrize(
    ("of_validation", "message"),
    [
        ({"y_val": None}, "X_val is provided, but y_val was not"),
        ({"X_val": None}, "y_val is provided, but X_val was not"),
        (
            {"X_val": None, "y_val": None, "sample_weight_val": [1]},
            "sample_weight_val is provided, but",
        ),
        ({"X_val": OTHER}, "The validation set .*: X has ids of another vocabulary"),
        ({"y_val": ["no", "maybe"]}, r"y_val has labels .*\['maybe'\].* are \['no', 'yes'\]"),
        ({"y_val": [0, 1]}, r"y_val has labels that y does not have: \[0, 1\]"),
        ({"y_val": ["no", None]}, "The validation set .*: .*document 1 has no label"),
        ({"y_val": ["no"]}, r"The validation set .*: .* inconsistent numbers of samples: \[2, 1\]"),
        ({"X_val": ["good film", "bad"]}, "The validation set .* GloveTokenizer"),
        ({"X_val": TokenIds([[1], [2]], VOCABULARY)}, "The validation set .*: X has 1 features, but .* 6"),
        ({"sample_weight_val": [1.0]}, "The validation set .*: sample_weight.shape"),
        ({"sample_weight_val": [0.0, 0.0]}, "The validation set .*: .* at least one non-zero"),
    ],
)
def test_what_is_wrong_with_it_is_said(of_validation, message):
    X, y = documents()
    of_validation = {"X_val": X[:2], "y_val": ["no", "yes"], **of_validation}
    with pytest.raises((ValueError, TypeError), match=message):
        small(epochs=1).fit(X, NAMES[y], **of_validation)


@pytest.mark.slow
def test_a_vocabulary_that_it_lost_draws_a_warning():
    X, y = documents()
    plain = np.array(np.asarray(X).tolist())
    with pytest.warns(UserWarning, match="fitted with a vocabulary, but X_val has none"):
        small(epochs=1).fit(X, y, X_val=plain, y_val=y)


def test_an_id_without_a_row_is_an_error():
    X, y = documents(vocabulary=None)
    with pytest.raises(ValueError, match=r"X_val, .* X has the id 9, but the embedding ends at 4"):
        small(epochs=1, pretrained=False).fit(X, y, X_val=np.full((2, 6), 9), y_val=[0, 1])


@pytest.mark.slow
def test_weights_of_an_epoch_that_a_callback_restores_go_with_the_weights_of_the_pool():
    stopping = keras.callbacks.EarlyStopping("val_loss", patience=2, restore_best_weights=True)
    classifier = small(architecture="hybrid", **SIZES, early_stopping=False, callbacks=[stopping])
    classifier.fit(X, NAMES[Y], X_val=X_VAL, y_val=NAMES[Y_VAL])
    losses = classifier.history_["val_loss"]
    assert int(np.argmin(losses)) == len(losses) - 3 < 9
    assert log_loss(Y_VAL, classifier.predict_proba(X_VAL)) == pytest.approx(min(losses), rel=1e-4)


# In a Pipeline

TEXTS = ["good film", "great film indeed", "bad film", "awful plot"] * 8
LABELS = ["+", "+", "-", "-"] * 8
NEW, NEW_LABELS = ["a good plot", "great", "a bad plot indeed", "awful"], ["+", "+", "-", "-"]


class RecordingClassifier(KerasConvTextClassifier):
    """Record what comes out of the steps before it."""

    seen = []

    def fit(self, X, y, *, X_val=None, y_val=None):
        self.seen.append((X, X_val, y_val))
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        return np.full(len(X), self.classes_[0])


def pipeline(classifier):
    return Pipeline(
        [("tokens", GloveTokenizer(vectors=None)), ("pad", SequencePadder(maxlen=4)), ("cnn", classifier)],
        transform_input=["X_val"],
    )


def test_a_pipeline_transforms_it_for_a_grid_search_too(monkeypatch):
    monkeypatch.setattr(RecordingClassifier, "seen", [])
    with config_context(enable_metadata_routing=True):
        steps = pipeline(RecordingClassifier().set_fit_request(X_val=True, y_val=True))
        search = GridSearchCV(steps, {"cnn__filters": [4]}, cv=2, error_score="raise")
        search.fit(TEXTS, LABELS, X_val=NEW, y_val=NEW_LABELS)
    assert len(RecordingClassifier.seen) == 3
    for X, X_val, y_val in RecordingClassifier.seen:
        assert X_val.vocabulary is X.vocabulary
        words = np.append("", X.vocabulary.words)
        assert [" ".join(row).split()[-1] for row in words[X_val]] == ["plot", "great", "indeed", "awful"]
        assert list(y_val) == NEW_LABELS
    assert [len(X) for X, *_ in RecordingClassifier.seen] == [16, 16, 32]


@pytest.mark.slow
def test_a_pipeline_is_fitted_with_it():
    sizes = {"filters": 4, "embedding_dim": 4, "epochs": 6, "learning_rate": 0.05, "random_state": 0}
    classifier = KerasConvTextClassifier(**sizes, pretrained=False, scoring="accuracy")
    with config_context(enable_metadata_routing=True):
        steps = pipeline(classifier.set_fit_request(X_val=True, y_val=True, sample_weight_val=True))
        steps.fit(
            TEXTS, LABELS, X_val=pd.Series(NEW), y_val=pd.Series(NEW_LABELS), sample_weight_val=[1, 2, 1, 2]
        )
    fitted = steps["cnn"]
    assert fitted.history_["val_score"] == fitted.history_["val_accuracy"]
    assert fitted.settings_["early_stopping"]
    assert steps.predict(NEW).tolist() == NEW_LABELS


# Scoring


def inverted_loss(estimator, X, y):
    """Prefer the epoch with the highest loss."""
    return log_loss(y, estimator.predict_proba(X), labels=estimator.classes_)


@pytest.mark.slow
def test_a_score_decides_when_to_stop_and_which_epoch_is_kept():
    stopping = {"early_stopping": True, "n_iter_no_change": 2, "lexical_weight": 0}
    classifier = small(architecture="hybrid", **SIZES | stopping, scoring=inverted_loss)
    classifier.fit(X, NAMES[Y], X_val=X_VAL, y_val=NAMES[Y_VAL])
    scores = classifier.history_["val_score"]
    np.testing.assert_allclose(scores, classifier.history_["val_loss"], rtol=1e-5)
    best = int(np.argmax(scores))
    assert classifier.n_iter_ == min(best + 3, 12)
    assert inverted_loss(classifier, X_VAL, NAMES[Y_VAL]) == pytest.approx(scores[best], rel=1e-4)


@pytest.mark.parametrize(
    "architecture",
    ["stacked", *(pytest.param(name, marks=pytest.mark.slow) for name in ("hybrid", "parallel"))],
)
def test_a_named_score_is_that_of_scikit_learn_on_held_out_documents(architecture):
    classifier = small(
        architecture=architecture, **{**SIZES, "epochs": 2}, scoring="f1_macro", validation_fraction=0.3
    )
    seen = []

    class Sees(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            seen.append(logs["val_score"])

        def __deepcopy__(self, memo):
            return self

    classifier.set_params(callbacks=[Sees()]).fit(X, NAMES[Y], X_val=X_VAL, y_val=NAMES[Y_VAL])
    assert classifier.history_["val_score"] == seen
    predicted = (
        classifier.set_params(epochs=1).fit(X, NAMES[Y], X_val=X_VAL, y_val=NAMES[Y_VAL]).predict(X_VAL)
    )
    expected = f1_score(NAMES[Y_VAL], predicted, average="macro")
    assert classifier.history_["val_score"] == [pytest.approx(expected)]


@pytest.mark.slow
def test_a_score_without_documents_to_measure_on_draws_a_warning():
    with pytest.warns(UserWarning, match="scoring='accuracy' has no effect: no documents are held out"):
        small(epochs=1, scoring="accuracy").fit(*documents())


def test_an_unknown_score_is_an_error_that_says_how_to_find_names():
    with pytest.raises(ValueError, match=r"scoring='acuracy' is no scorer .*get_scorer_names\(\)"):
        small(epochs=1, scoring="acuracy", validation_fraction=0.5).fit(*documents())
