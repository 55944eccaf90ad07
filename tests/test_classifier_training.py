import copy
import pickle
from types import SimpleNamespace

import classifier_samples
import keras
import numpy as np
import pytest
from classifier_samples import all_architectures, can_compile, documents, small
from sklearn import config_context
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.exceptions import NotFittedError, UnsetMetadataPassedError
from sklearn.model_selection import GridSearchCV
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import make_pipeline
from sklearn.utils.validation import has_fit_parameter

from skglove import KerasConvTextClassifier, TokenIds, Vocabulary, WordVectors
from skglove.documents import Documents
from skglove.holdout import hold_out, hold_out_some
from skglove.network import fitting
from skglove.network.stopping import fit_pool

# Many tests here are of ids that never had a vocabulary.
pytestmark = pytest.mark.filterwarnings("ignore:X carries no vocabulary")

hybrid, stacked = classifier_samples.hybrid, classifier_samples.stacked
parallel = classifier_samples.parallel


# Weights


@pytest.mark.slow
@pytest.mark.parametrize(("architecture", "heavy"), [("hybrid", 0), ("stacked", 1), ("parallel", 1)])
def test_the_heavier_of_contradicting_documents_win(architecture, heavy):
    X, y = documents()
    X, y = X.take([*range(32)] * 2, axis=0), np.append(y, 1 - y)
    weights = np.where(np.arange(64) // 32 == heavy, 3, 1)
    wide = {"stacked": {"filters": 16, "dense_units": 16}, "parallel": {"filters": 16}}.get(architecture, {})
    classifier = small(architecture=architecture, **wide).fit(X, y, sample_weight=weights)
    np.testing.assert_array_equal(classifier.predict(X[:32]), y[:32] if heavy == 0 else y[32:])


@all_architectures
def test_documents_of_weight_zero_might_be_absent(architecture):
    X, y = documents(vocabulary=None)
    ids, labels, weights = np.asarray(X).copy(), y.copy(), np.where(np.arange(32) < 24, 1, 0)
    ids[24:], labels[24:] = 9, 1 - y[24:]
    classifier = small(architecture=architecture, epochs=2)
    expected = clone(classifier).fit(ids[:24], labels[:24]).predict_proba(ids[:24])
    weighted = classifier.fit(ids, labels, sample_weight=weights)
    np.testing.assert_array_equal(weighted.predict_proba(ids[:24]), expected)
    assert weighted.predict(ids).shape == (32,)  # their words are known, though


@all_architectures
@pytest.mark.slow
def test_balanced_weights_find_more_of_the_rare_class(architecture):
    rng = np.random.RandomState(0)
    y = (np.arange(200) % 10 == 0).astype(int)
    ids = rng.randint(2, 9, (200, 5))
    ids[:, 0] = np.where(rng.rand(200) < 0.7, 2 + 4 * y, ids[:, 0])
    classifier = small(architecture=architecture, epochs=5, vocabulary_size=9, lexical_weight=0)
    plain = clone(classifier).fit(ids, y).predict(ids)
    balanced = classifier.set_params(class_weight="balanced").fit(ids, y).predict(ids)
    assert balanced[y == 1].mean() > plain[y == 1].mean()


@pytest.mark.slow
def test_validation_loss_is_weighted():
    X, y = documents()
    losses = [
        small(validation_fraction=0.5, epochs=1, learning_rate=1e-9)
        .fit(X, y, sample_weight=np.where(y, heavy, 1))
        .history_["val_loss"]
        for heavy in (1, 5)
    ]
    assert losses[0] != pytest.approx(losses[1], rel=1e-4)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (np.ones(31), "sample_weight.shape"),
        (np.ones((32, 2)), "must be 1D"),
        (np.where(np.arange(32) == 3, -1, 1), "Negative values in data passed to `sample_weight`"),
        (np.zeros(32), "at least one non-zero"),
        (documents()[1], r"at least 2 classes; .* above zero are of 1: \[1\]"),
        (np.where(documents()[1], 1, 1e-60), r"above zero are of 1: \[1\]"),
        (np.inf, "sample_weight contains infinity"),
        (np.nan, "sample_weight contains NaN"),
        (np.where(np.arange(32) == 3, np.nan, 1), "sample_weight contains NaN"),
    ],
)
def test_wrong_weights_are_an_error(weights, message):
    with pytest.raises(ValueError, match=message):
        small().fit(*documents(), sample_weight=weights)


@pytest.mark.slow
def test_early_stopping_looks_at_weighted_accuracy():
    X, y = documents()
    y[:4] = 1 - y[:4]  # which cannot be learned; all others are
    classifier = small(validation_fraction=0.5, epochs=20)
    plain = classifier.fit(X, y).history_["val_accuracy"][-1]
    weighted = classifier.fit(X, y, sample_weight=np.where(np.arange(32) < 4, 1e-3, 1))
    assert plain < weighted.history_["val_accuracy"][-1] > 0.99


@pytest.mark.slow
def test_a_class_without_any_weight_is_not_predicted():
    X, y = documents()
    y[:6] = 2
    classifier = small(architecture="hybrid").fit(X, y, sample_weight=np.where(y == 2, 0, 1))
    assert classifier.classes_.tolist() == [0, 1, 2]
    assert set(classifier.predict(X)) == {0, 1}


class Spy(KerasConvTextClassifier):
    """Record the weights instead of fitting."""

    seen = []

    def fit(self, X, y, sample_weight=None):
        self.seen.append(sample_weight)
        self.classes_, self._multilabel = np.unique(y), False
        return self

    def predict_proba(self, X):
        return np.full((len(X), 2), 0.5)

    def decision_function(self, X):
        return np.zeros(len(X))


@pytest.fixture
def seen(monkeypatch):
    monkeypatch.setattr(Spy, "seen", [])
    return Spy.seen


def test_weights_are_routed(seen):
    X, y = documents()
    weights = np.where(y, 9, 1)
    make_pipeline(Spy()).fit(X, y, spy__sample_weight=weights)
    with config_context(enable_metadata_routing=True):
        make_pipeline(Spy().set_fit_request(sample_weight=True)).fit(X, y, sample_weight=weights)
        with pytest.raises(UnsetMetadataPassedError):
            make_pipeline(Spy()).fit(X, y, sample_weight=weights)
    np.testing.assert_array_equal(seen, [weights] * 2)


def test_grid_search_cuts_the_weights_as_it_does_the_documents(seen):
    X, y = documents()
    search = GridSearchCV(Spy(), {"filters": [2]}, cv=2, refit=False, error_score="raise")
    search.fit(X, y, sample_weight=np.arange(32) + 1.0)
    assert sorted(np.concatenate(seen)) == list(range(1, 33))


def test_meta_estimators_pass_weights_on(seen):
    X, y = documents()
    weights = np.arange(32) + 1.0
    CalibratedClassifierCV(Spy(), cv=2).fit(X, y, sample_weight=weights)
    assert sorted(np.concatenate(seen)) == weights.tolist()
    MultiOutputClassifier(Spy()).fit(X, np.stack([y, y], axis=1), sample_weight=weights)
    np.testing.assert_array_equal(seen[2:], [weights] * 2)
    assert has_fit_parameter(Spy(), "sample_weight")  # what AdaBoostClassifier asks


# Training


@pytest.mark.slow
def test_history_has_loss_and_accuracy_of_every_epoch(stacked):
    assert type(stacked.history_) is dict
    assert set(stacked.history_) == {"accuracy", "loss"}
    assert all(len(values) == 20 and type(values[0]) is float for values in stacked.history_.values())
    assert stacked.n_iter_ == 20


@pytest.mark.slow
def test_validation_fraction_holds_out_documents_of_every_class():
    X, y = documents(n=40)
    classifier = small(validation_fraction=0.25, epochs=20).fit(X, y)
    assert set(classifier.history_) == {"accuracy", "loss", "val_accuracy", "val_loss"}
    assert classifier.history_["val_accuracy"][-1] == 1
    assert len(classifier.history_["val_loss"]) == 20


def test_a_validation_fraction_too_small_for_the_classes_is_an_error_that_names_them():
    with pytest.raises(ValueError, match=r"validation_fraction=0.01 cannot .*there are \{0: 12, 1: 15\}"):
        small(validation_fraction=0.01).fit(*documents())


def held_out_rows(classifier, X, y):
    """Split as fit with random_state=0 does."""
    random_state = np.random.RandomState(0)
    random_state.randint(2**30)
    flat = Documents(np.asarray(X).ravel(), np.full(len(X), X.shape[1]))
    return hold_out(flat, y, classifier.classes_, classifier.validation_fraction, random_state)[1]


def log_loss_of(classifier, X, y):
    return -classifier.predict_log_proba(X)[np.arange(len(y)), y].mean()


@pytest.mark.slow
def test_early_stopping_keeps_the_best_epoch():
    X, y = documents(n=60)
    y = np.random.RandomState(3).permutation(y)  # nothing to learn, so that it soon stops
    classifier = small(early_stopping=True, n_iter_no_change=2, validation_fraction=0.3, epochs=50).fit(X, y)
    losses = classifier.history_["val_loss"]
    best = len(losses) - 3
    assert classifier.n_iter_ == len(losses) < 50
    assert classifier.best_epoch_ == best + 1
    # An improvement of less than 0.2 % is none.
    assert losses[best] < 1.0021 * min(losses)
    held_out = held_out_rows(classifier, X, y)
    assert log_loss_of(classifier, X[held_out], y[held_out]) == pytest.approx(losses[best], rel=1e-4)
    assert losses[best] < losses[-1]


def test_the_best_epoch_is_kept_when_the_epochs_end_training():
    X, y = documents(n=60)
    # All that is learned is wrong for the documents to measure on.
    classifier = small(early_stopping=True, n_iter_no_change=50, epochs=12).fit(X, y, X_val=X, y_val=1 - y)
    losses = classifier.history_["val_loss"]
    assert len(losses) == 12
    assert log_loss_of(classifier, X, 1 - y) == pytest.approx(min(losses), abs=0.0021)
    assert losses[-1] > 1.01 * min(losses)


class Interruption(keras.callbacks.Callback):
    def on_train_begin(self, logs=None):
        raise KeyboardInterrupt


def noisy(n):
    """Documents that a word says much about; the rest is learned by heart only."""
    rng = np.random.RandomState(0)
    y = rng.permutation(np.arange(n) % 2)
    X = rng.randint(2, 300, (n, 6))
    X[:, 3] = np.where(rng.rand(n) < 0.8, y, 1 - y)
    return X, y


def noisy_classifier(**parameters):
    sizes = {"filters": 16, "kernel_size": 3, "embedding_dim": 16, "dropout": 0.0, "lexical_weight": 0}
    return KerasConvTextClassifier(**sizes, learning_rate=0.02, random_state=0, **parameters)


def default_split(X, y):
    random_state = np.random.RandomState(0)
    random_state.randint(2**30)
    flat = Documents(X.ravel(), np.full(len(X), 6))
    return hold_out_some(flat, y, np.ones(len(y)), random_state, trains_again=True)


def test_by_default_training_stops_when_the_classifier_has_learned(monkeypatch, capsys):
    X, y = noisy(1000)
    again = noisy_classifier(verbose=2).fit(X, y)
    shown = capsys.readouterr().out
    monkeypatch.setattr(fitting, "MOST_TO_TRAIN_AGAIN", 0)
    classifier = noisy_classifier().fit(X, y)
    losses = classifier.history_["val_loss"]
    patience = classifier.settings_["n_iter_no_change"]
    assert classifier.n_iter_ == len(losses) < classifier.settings_["epochs"] / 2
    assert classifier.best_epoch_ == len(losses) - patience
    _, (held_out,) = default_split(X, y)
    assert len(held_out) == 100
    assert losses[-1 - patience] == pytest.approx(min(losses), abs=0.0021)
    assert log_loss_of(classifier, X[held_out], y[held_out]) == pytest.approx(losses[-1 - patience], rel=1e-4)
    # With the last training, the same was measured, and the held-out documents were learned from.
    assert again.history_ == classifier.history_
    assert again.best_epoch_ == classifier.best_epoch_
    assert f"\nLast training: all 1,000 documents, up to {again.best_epoch_} epochs\n" in shown
    assert "Linear model" not in shown
    assert log_loss_of(again, X[held_out], y[held_out]) < 0.95 * losses[-1 - patience]


@pytest.mark.parametrize(
    ("n", "length", "expected"), [(2000, 50, True), (2000, 51, False), (2001, 50, False)]
)
def test_at_most_2000_short_documents_are_trained_on_again(n, length, expected):
    lengths = np.full(n, length)
    documents_of_ones = Documents(np.ones(lengths.sum(), dtype=np.int32), lengths)
    tenth, third = np.arange(n // 10), np.arange(n // 3)
    assert fitting._are_missed(tenth, documents_of_ones, False) is expected
    assert fitting._are_missed(third, documents_of_ones, False) is expected
    assert fitting._are_missed(tenth, documents_of_ones, True)
    assert not fitting._are_missed(tenth[:0], documents_of_ones, True)


@pytest.mark.slow
def test_few_long_documents_are_trained_on_again_however_few_were_held_out(capsys):
    X, _ = noisy(90)
    # Of all classes but one, none can be held out.
    labels = np.where(np.arange(90) < 20, 0, np.arange(90) // 2)
    noisy_classifier(verbose=2).fit(np.tile(X, 10), labels)
    shown = capsys.readouterr().out
    assert "\nTraining 3 of 3: another 6 documents" in shown
    assert "\nLast training: all 90 documents" in shown


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({}, True),
        ({"epochs": 5, "early_stopping": True}, True),
        ({"epochs": 5}, False),
        ({"early_stopping": False}, False),
        ({"learning_rate_schedule": "one_cycle", "epochs": 5, "early_stopping": True}, False),
        ({"callbacks": [Interruption()]}, False),
        ({"architecture": "parallel", "early_stopping": True}, False),
    ],
)
def test_what_allows_a_second_training(parameters, expected):
    assert KerasConvTextClassifier(**parameters)._may_train_again() is expected


def test_a_third_of_few_documents_tells_the_weights_and_the_training_loss_when_to_stop(monkeypatch, capsys):
    X, y = noisy(420)
    again = noisy_classifier(verbose=2).fit(X, y)
    shown = capsys.readouterr().out
    monkeypatch.setattr(fitting, "_are_missed", lambda *_: False)
    classifier = noisy_classifier().fit(X, y)
    *losses, last = classifier.history_["loss"]
    assert min(losses) >= 0.1 * np.log(2) > last
    assert classifier.best_epoch_ == classifier.n_iter_
    _, (held_out,) = default_split(X, y)
    assert len(held_out) == 140
    measured = classifier.history_["val_loss"]
    assert log_loss_of(classifier, X[held_out], y[held_out]) == pytest.approx(measured[-1], rel=1e-4)
    assert measured[-1] > 1.1 * min(measured)
    # The last training learns from them, too.
    assert again.history_ == classifier.history_
    assert f"\nLast training: all 420 documents, up to {again.best_epoch_} epochs\n" in shown
    assert log_loss_of(again, X[held_out], y[held_out]) < 0.5 * measured[-1]


@pytest.mark.slow
def test_the_weights_of_very_few_documents_are_learned_from_each_third_of_them(monkeypatch, capsys):
    X, y = noisy(150)
    fitted = []

    def spy(outputs, codes, sample_weight, lexical, lexical_weight):
        weights, pooled = fit_pool(outputs.copy(), codes, sample_weight, lexical, lexical_weight)
        fitted.append((outputs, codes, lexical, weights))
        return weights, pooled

    monkeypatch.setattr(fitting, "fit_pool", spy)
    classifier = noisy_classifier(verbose=2).set_params(lexical_weight="auto").fit(X, y)
    ((outputs, codes, lexical, weights),) = fitted
    _, parts = default_split(X, y)
    assert [len(part) for part in parts] == [50, 50, 50]
    assert codes.tolist() == y[np.concatenate(parts)].tolist()
    np.testing.assert_array_equal(weights.models, classifier._pool_weights)
    # Each third is measured by a network, and a linear model, that have not seen it.
    assert log_loss_of(classifier, X, y) < 0.3
    assert outputs.shape == (150, 2, 2)
    assert lexical.shape == (150, 2)
    for i, part in enumerate(parts):
        for logs in (np.log(outputs).mean(axis=1), lexical):
            assert -logs[np.arange(50 * i, 50 * i + 50), y[part]].mean() > 0.35
    shown = capsys.readouterr().out
    for line in ("Training 2 of 3: another 50 ", "Training 3 of 3: another 50 ", "Last training: all 150 "):
        assert f"\n{line}documents" in shown


@pytest.mark.parametrize("scoring", ["loss", "accuracy"])
@pytest.mark.parametrize("share", [0, 0.3])
def test_thirds_with_weights_of_documents_and_a_given_share(monkeypatch, share, scoring):
    X, y = noisy(90)
    sample_weight = np.random.RandomState(0).choice([0.5, 1, 1.5], 90)
    fitted = []

    def spy(outputs, codes, sample_weight, lexical, lexical_weight):
        fitted.append((sample_weight, lexical))
        return fit_pool(outputs, codes, sample_weight, lexical, lexical_weight)

    monkeypatch.setattr(fitting, "fit_pool", spy)
    classifier = noisy_classifier(scoring=scoring).set_params(lexical_weight=share)
    classifier.fit(X, y, sample_weight)
    ((weights, lexical),) = fitted
    rows = np.concatenate(default_split(X, y)[1])
    assert len(np.unique(rows)) == 90
    np.testing.assert_allclose(weights / weights[0], sample_weight[rows] / sample_weight[rows[0]], rtol=1e-6)
    assert (lexical is None) == (share == 0)
    np.testing.assert_allclose(classifier._pool_weights, [0.7, 0.3] if share else [1])
    assert ("val_score" in classifier.history_) == (scoring == "accuracy")


@pytest.mark.slow
def test_if_the_loss_never_is_low_the_best_epoch_is_kept():
    X, y = noisy(420)
    X[210:], y[210:] = X[:210], 1 - y[:210]  # contradictions
    classifier = noisy_classifier(epochs=8, early_stopping=True).fit(X, y)
    assert classifier.n_iter_ == 8
    assert min(classifier.history_["loss"]) > 0.1 * np.log(2)
    assert classifier.best_epoch_ < 8
    losses = classifier.history_["val_loss"]
    assert losses[classifier.best_epoch_ - 1] == pytest.approx(min(losses), abs=0.0021)


@pytest.mark.parametrize(
    ("parameters", "n_documents", "n_held_out", "has_validation_set", "expected"),
    [
        ({}, 10, 0, False, True),
        ({}, 999, 333, False, True),
        ({}, 1000, 100, False, False),
        ({}, 10, 0, True, False),
        ({"loss": "mean_squared_error"}, 999, 333, False, True),
        ({"validation_fraction": 0}, 2000, 0, False, True),
        ({"validation_fraction": 0.1}, 500, 50, False, False),
        ({"scoring": "accuracy"}, 500, 50, False, False),
        ({"n_iter_no_change": 2}, 500, 50, False, False),
        ({"n_iter_no_change": 2}, 10, 0, False, True),
        ({"architecture": "stacked"}, 10, 0, False, False),
        ({"architecture": "parallel", "validation_fraction": 0.1}, 500, 50, False, False),
    ],
)
def test_what_early_stopping_looks_at(parameters, n_documents, n_held_out, has_validation_set, expected):
    # Copies count once, and documents of weight 0 do not.
    ids = np.append(np.arange(n_documents).repeat(3), np.arange(n_documents, n_documents + 9))
    flat, weights = Documents(1 + ids.astype(np.int32), np.ones_like(ids)), np.ones(len(ids))
    weights[-9:] = 0
    data = SimpleNamespace(documents=flat, codes=np.zeros(len(ids), dtype=np.int64), weights=weights)
    classifier = KerasConvTextClassifier(**parameters)
    assert classifier._stops_at_low_loss(data, np.arange(n_held_out), has_validation_set) is bool(expected)


@pytest.mark.slow
@pytest.mark.parametrize("loss", ["mean_squared_error", keras.losses.CategoricalCrossentropy()])
def test_any_loss_can_be_low(loss):
    X, y = documents()
    classifier = small(architecture="hybrid", epochs=60, early_stopping=True, loss=loss).fit(X, y)
    assert 1 < classifier.n_iter_ < 60
    *losses, last = classifier.history_["loss"]
    guessing = 0.25 if loss == "mean_squared_error" else np.log(2)
    assert min(losses) >= 0.1 * guessing > last


def test_early_stopping_needs_documents_to_measure_on():
    with pytest.raises(ValueError, match="early_stopping=True needs a validation_fraction"):
        small(early_stopping=True).fit(*documents())


def test_a_loss_that_is_no_number_is_an_error_and_leaves_the_last_fit_alone(stacked):
    X, y = documents()
    classifier = copy.copy(stacked)
    probabilities = classifier.predict_proba(X)
    with pytest.raises(ValueError, match=r"The loss is nan in epoch 1. Try a learning_rate lower than 0.05"):
        classifier.set_params(loss=not_a_number).fit(X, y)
    np.testing.assert_array_equal(classifier.predict_proba(X), probabilities)


@pytest.mark.parametrize("failure", [{"early_stopping": True}, {"callbacks": [Interruption()]}])
def test_a_fit_that_failed_changes_nothing(stacked, failure):
    X, y = documents()
    classifier = copy.copy(stacked)
    before = dict(vars(classifier))
    classifier.set_params(**failure)
    with pytest.raises((ValueError, KeyboardInterrupt)):
        classifier.fit(X.tolist(), np.array(["x", "y", "z"])[np.arange(len(y)) % 3])
    assert vars(classifier) == {**before, **failure}
    unfitted = clone(classifier)
    with pytest.raises((ValueError, KeyboardInterrupt)):
        unfitted.fit(X, y)
    with pytest.raises(NotFittedError):
        unfitted.predict(X)


def not_a_number(targets, probabilities):
    return keras.ops.sum(probabilities, axis=-1) * np.nan


@pytest.mark.slow
def test_held_out_documents_are_not_learned_from():
    # With labels that mean nothing, only documents that were trained on can be known by heart.
    rng = np.random.RandomState(0)
    X, y = rng.randint(1, 1000, size=(60, 6)), np.arange(60) % 2
    history = small(validation_fraction=0.5, epochs=60, embedding_dim=16).fit(X, y).history_
    assert history["accuracy"][-1] == 1
    assert 0.2 < history["val_accuracy"][-1] < 0.8


class StopAtOnce(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        logs["seen"] = 1.0
        self.model.stop_training = True


@pytest.mark.slow
def test_callbacks_are_copied_called_kept_and_not_pickled(stacked):
    callback = StopAtOnce()
    classifier = small(callbacks=[callback]).fit(*documents())
    assert classifier.n_iter_ == 1
    assert classifier.history_["seen"] == [1.0]
    assert callback.model is None
    [used] = classifier.callbacks_
    assert isinstance(used, StopAtOnce)
    assert used is not callback
    assert used.params["epochs"] == 20
    assert not hasattr(pickle.loads(pickle.dumps(classifier)), "callbacks_")
    assert stacked.callbacks_ == []
    assert clone(classifier).fit(*documents()).n_iter_ == 1


@pytest.mark.slow
def test_optimizer_and_loss_are_used():
    compiled = []

    class Looks(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            compiled.extend([self.model.optimizer, self.model.loss])

        def __deepcopy__(self, memo):
            return self

    parameters = {"optimizer": keras.optimizers.Adam, "loss": keras.losses.CategoricalFocalCrossentropy()}
    classifier = small(**parameters, callbacks=[Looks()]).fit(*documents())
    optimizer, loss = compiled
    assert isinstance(optimizer, keras.optimizers.Adam)
    assert isinstance(loss, keras.losses.CategoricalFocalCrossentropy)
    assert classifier.score(*documents()) == 1


def test_an_unknown_optimizer_is_an_error():
    with pytest.raises(ValueError, match="Keras has no optimizer='rmsporp'"):
        small(optimizer="rmsporp").fit(*documents())


@pytest.mark.parametrize(
    "loss", ["sparse_categorical_crossentropy", keras.losses.SparseCategoricalCrossentropy()]
)
def test_a_loss_of_integer_targets_is_an_error(loss):
    with pytest.raises(ValueError, match=r"loss=.* takes classes as integers"):
        small(loss=loss).fit(*documents())


def test_an_unknown_loss_is_an_error():
    with pytest.raises(ValueError, match="categorical_crossentrpy"):
        small(loss="categorical_crossentrpy").fit(*documents())


class SetsTheRate(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        self.model.optimizer.learning_rate = 0.1


class AssignsTheRate(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        self.model.optimizer.learning_rate.assign(0.1)


SET_THE_RATE = [
    keras.callbacks.LearningRateScheduler(lambda epoch: 0.1),
    keras.callbacks.ReduceLROnPlateau("loss"),
    SetsTheRate(),
    AssignsTheRate(),
]


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Keras's
@pytest.mark.parametrize("callback", SET_THE_RATE)
def test_callbacks_that_set_the_learning_rate_are_an_error_with_one_cycle(callback):
    with pytest.raises(ValueError, match=r"sets the learning rate.* Set learning_rate_schedule='constant'"):
        small(architecture="hybrid", epochs=1, learning_rate_schedule="one_cycle", callbacks=[callback]).fit(
            *documents()
        )


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_callbacks_may_set_a_constant_learning_rate():
    parameters = {"architecture": "hybrid", "epochs": 1, "learning_rate_schedule": "constant"}
    assert small(callbacks=SET_THE_RATE, **parameters).fit(*documents()).n_iter_ == 1


def test_errors_of_callbacks_are_theirs():
    class Fails(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            raise TypeError("mine")

    with pytest.raises(TypeError, match=r"^mine$"):
        small(architecture="hybrid", callbacks=[Fails()]).fit(*documents())


class NoOptimizer:
    def apply_gradients(self, gradients):
        pass


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"optimizer": NoOptimizer()}, TypeError, "optimizer=<.* is no optimizer of Keras"),
        ({"optimizer": keras.optimizers.Adam()}, ValueError, "learning_rate=0.05, but optimizer is .* Adam"),
        ({"optimizer": lambda: None}, TypeError, r"optimizer=.* failed at optimizer\(learning_rate=0\.05\)"),
        ({"optimizer": lambda learning_rate: None}, TypeError, "made None, which is no keras.optimizers"),
        ({"loss": lambda targets, probabilities: probabilities}, ValueError, r"loss=.* got shape \(3, 2\)"),
        ({"loss": "ctc"}, ValueError, "loss='ctc' fails on targets"),
    ],
)
def test_errors_of_what_keras_is_given_name_the_parameter(parameters, error, message):
    with pytest.raises(error, match=message):
        small(**parameters).fit(*documents())


class Watches(keras.callbacks.Callback):
    monitor = "val_loss"


@pytest.mark.slow
def test_warnings_name_the_parameter_and_point_to_the_call_of_fit():
    ineffective = {"n_conv_layers": 8, "pool_size": 2, "dense_units": 1, "maxlen": 5}
    classifier = small(
        architecture="hybrid", epochs=1, callbacks=[Watches()], jit_compile=False, **ineffective
    )
    with pytest.warns() as warned:
        classifier.fit(*documents())
    # Keras warns, too, on some backends.
    warned = [warning for warning in warned if warning.category in (UserWarning, FutureWarning)]
    messages = [str(warning.message) for warning in warned]
    for start in (
        "n_conv_layers=8 has no effect: it is for architecture='stacked'",
        "pool_size=2 has no effect",
        "dense_units=1 has no effect",
        "maxlen=5 has no effect: X is a matrix, of 6 columns",
        "Watches in callbacks looks at 'val_loss'",
        "jit_compile is deprecated",
    ):
        assert sum(message.startswith(start) for message in messages) == 1
    assert len(messages) == 6
    assert {warning.filename for warning in warned} == {__file__}


@pytest.mark.parametrize("maxlen", [6, pytest.param(None, marks=pytest.mark.slow)])
def test_a_maxlen_that_a_matrix_has_draws_no_warning(maxlen):
    assert small(epochs=1, maxlen=maxlen).fit(*documents()).maxlen_ == 6


@pytest.mark.parametrize("jit_compile", [False, pytest.param(True, marks=can_compile)])
def test_jit_compile_is_deprecated(jit_compile):
    with (
        pytest.warns(FutureWarning, match="jit_compile is deprecated since version 0.2"),
        pytest.raises(KeyboardInterrupt),
    ):
        small(jit_compile=jit_compile, callbacks=[Interruption()]).fit(*documents())


@pytest.mark.slow
def test_verbose_shows_keras_progress_and_the_other_steps(capsys):
    classifier = small(architecture="hybrid", epochs=2, verbose=2).fit(*documents())
    shown = capsys.readouterr().out
    share = classifier.settings_["lexical_weight"]
    assert shown.startswith("Linear model of words and pairs: 32 documents\nEpoch 1/2\n")
    assert shown.endswith(f"\nShares: network {1 - share:.2f}, linear model {share:.2f}\n")
    assert classifier.best_epoch_ == 2
    classifier.set_params(verbose=0).fit(*documents())
    assert capsys.readouterr().out == ""


# Randomness


@all_architectures
def test_same_seed_gives_the_same_predictions_and_another_seed_others(architecture):
    X, y = documents()
    options = {"dropout": 0.3, "epochs": 3, "learning_rate": 0.001, "lexical_weight": 0}
    fits = []
    for global_seed, seed in enumerate((1, 1, 2)):
        keras.utils.set_random_seed(global_seed)  # which must not matter
        fits.append(small(architecture=architecture, random_state=seed, **options).fit(X, y))
    first, second, other = fits
    np.testing.assert_array_equal(first.predict_proba(X), second.predict_proba(X))
    assert first.history_ == second.history_
    assert (first.predict_proba(X) != other.predict_proba(X)).any()


@pytest.mark.parametrize(
    "options",
    [
        {},
        *(
            pytest.param(options, marks=pytest.mark.slow)
            for options in (
                {"pretrained": False},
                {"adversarial_epsilon": 0.1},
                {"architecture": "stacked", "filters": 64},
                {"architecture": "stacked", "filters": 64, "trainable_embedding": True},
                {"architecture": "parallel", "filters": 32},
            )
        ),
    ],
)
def test_same_seed_gives_the_same_predictions_where_threads_race(options):
    rng = np.random.RandomState(0)
    words = tuple(map(str, range(500)))
    vocabulary = Vocabulary(words, WordVectors(words, rng.randn(500, 50)))
    X, y = TokenIds(rng.randint(1, 500, (256, 200)), vocabulary), rng.randint(0, 5, 256)
    sizes = {"batch_size": 32, "embedding_dim": 50, "epochs": 2, "lexical_weight": 0, "random_state": 0}
    first, other = (KerasConvTextClassifier(**sizes, **options).fit(X, y).predict_proba(X) for _ in range(2))
    np.testing.assert_array_equal(other, first)


@all_architectures
@pytest.mark.slow
def test_refit_starts_afresh(request, architecture):
    X, y = documents()
    expected = request.getfixturevalue(architecture)
    classifier = small(architecture=architecture, validation_fraction=0.5, epochs=2).fit(X[:, :5], y)
    classifier.set_params(validation_fraction="auto", epochs=20).fit(X, np.array(["a", "b"])[y])
    np.testing.assert_array_equal(classifier.predict_proba(X), expected.predict_proba(X))
    assert classifier.n_features_in_ == 6
    assert "val_loss" not in classifier.history_
