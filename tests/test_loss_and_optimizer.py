"""Optimizers and losses of Keras that the user has configured."""

import pickle

import keras
import numpy as np
import pytest
from classifier_samples import VECTORS, documents, embedding_of, small
from keras.optimizers import SGD, Adafactor, Adam, AdamW, Lion
from scipy.special import expit
from scipy.stats import entropy
from sklearn.base import clone
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV

from skglove import TokenIds, Vocabulary
from skglove.multilabel import log_odds_of_labels
from skglove.network.adam import OnePassAdam
from skglove.network.loss_and_optimizer import (
    checked_optimizer,
    has_schedule,
    learning_rate_of,
    loss_of_guessing,
)

AUTO = {"learning_rate": "auto", "learning_rate_schedule": "auto"}


stacked_and_slowly_others = pytest.mark.parametrize(
    "architecture",
    ["stacked", *(pytest.param(name, marks=pytest.mark.slow) for name in ("hybrid", "parallel"))],
)


def decay():
    return keras.optimizers.schedules.ExponentialDecay(0.05, 10, 0.9)


def fit(optimizer, data=None, **parameters):
    """Fit a classifier whose learning rate is that of the optimizer."""
    return small(**{"optimizer": optimizer, "epochs": 3, **parameters, "learning_rate": "auto"}).fit(
        *(documents() if data is None else data)
    )


# Checks and copies


@pytest.mark.parametrize(
    "optimizer",
    [
        AdamW(0.003, weight_decay=1e-4),
        SGD(0.1, momentum=0.9, nesterov=True),
        Adam(decay(), clipnorm=1.0),
        Lion(0.001, use_ema=True),
        Adafactor(0.01),
    ],
    ids=lambda optimizer: optimizer.name,
)
def test_a_configured_optimizer_is_copied(optimizer):
    make = checked_optimizer(optimizer)
    one, other = make(learning_rate=9.0), make(learning_rate=9.0)
    assert type(one) is type(optimizer)
    assert one.get_config() == optimizer.get_config()
    assert len({id(optimizer), id(one), id(other)}) == 3
    one.build([keras.Variable(np.zeros(3))])
    assert not optimizer.built


def test_a_copy_starts_afresh():
    optimizer = Adam(0.1)
    variable = keras.Variable(np.zeros(3))
    optimizer.apply([keras.ops.ones(3)], [variable])
    made = checked_optimizer(optimizer)(learning_rate=9.0)
    assert int(optimizer.iterations.numpy()) == 1
    assert int(made.iterations.numpy()) == 0
    assert not made.built


def test_its_learning_rate_is_found():
    assert learning_rate_of(AdamW(0.003), AUTO) == 0.003
    assert learning_rate_of(Adam(decay()), AUTO) == 0.05
    assert [has_schedule(Adam(rate)) for rate in (0.1, decay())] == [False, True]


@keras.saving.register_keras_serializable("tests")
class Forgetful(SGD):
    """An optimizer whose configuration lacks an argument."""

    def __init__(self, mine, **options):
        super().__init__(**options)


@pytest.mark.parametrize(
    ("optimizer", "parameters", "error", "message"),
    [
        (
            AdamW(0.003),
            {"learning_rate": 0.01},
            ValueError,
            "learning_rate=0.01, but optimizer is a configured AdamW that has a learning rate, 0.003. Put it "
            "in one place: leave learning_rate='auto', or give learning_rate=0.01 to AdamW",
        ),
        (
            AdamW(),
            {"learning_rate_schedule": "one_cycle"},
            ValueError,
            "learning_rate_schedule='one_cycle' sets .* a configured AdamW .* or give the class",
        ),
        (
            keras.optimizers.LossScaleOptimizer(Adam()),
            {},
            ValueError,
            "optimizer is a LossScaleOptimizer, which wraps other optimizers and cannot be used here",
        ),
        (
            Forgetful(1),
            {},
            TypeError,
            r"optimizer=.* cannot be copied by its configuration: TypeError: .*mine",
        ),
    ],
)
def test_what_cannot_be_used_is_an_error(optimizer, parameters, error, message):
    with pytest.raises(error, match=message):
        learning_rate_of(optimizer, AUTO | parameters)


# In fits


@stacked_and_slowly_others
def test_fits_with_a_configured_optimizer_are_equal_and_leave_it_alone(architecture):
    X, y = documents()
    optimizer = AdamW(decay(), weight_decay=0.1)
    one = fit(optimizer, architecture=architecture)
    assert int(optimizer.iterations.numpy()) == 0
    assert not optimizer.built
    assert one.optimizer is optimizer
    assert one.settings_["learning_rate"] == 0.05
    other = clone(pickle.loads(pickle.dumps(one)))
    assert other.optimizer is not optimizer
    other.fit(X, y)
    assert one.history_ == other.history_
    np.testing.assert_array_equal(one.predict_proba(X), other.predict_proba(X))


@pytest.mark.slow
def test_it_does_what_the_name_of_its_class_does():
    by_name = small(optimizer="adam", learning_rate=0.02, epochs=2).fit(*documents())
    adam = OnePassAdam if keras.backend.backend() == "tensorflow" else Adam
    assert fit(adam(0.02), epochs=2).history_ == by_name.history_
    history = fit(Adam(0.02), epochs=2).history_
    assert list(history) == list(by_name.history_)
    for name, values in history.items():  # both are equal up to rounding
        assert values == pytest.approx(by_name.history_[name], rel=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize(
    "optimizer",
    [
        SGD(0.1, momentum=0.9),
        Lion(0.01),
        Adafactor(0.05),
        Adam(0.05, clipnorm=1.0),
        Adam(0.05, global_clipnorm=1.0),
        Adam(0.05, use_ema=True, ema_momentum=0.5),
        Adam(0.02, gradient_accumulation_steps=2),
    ],
    ids=lambda optimizer: optimizer.name,
)
@pytest.mark.parametrize("architecture", ["hybrid", "stacked", "parallel"])
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Keras's
def test_it_learns(architecture, optimizer):
    losses = fit(optimizer, architecture=architecture, epochs=6, lexical_weight=0).history_["loss"]
    assert losses[-1] < 0.75 * losses[0]


@pytest.mark.parametrize(
    "options",
    [
        {},
        pytest.param({"early_stopping": True}, marks=pytest.mark.slow),
        pytest.param({"architecture": "hybrid"}, marks=pytest.mark.slow),
    ],
)
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_what_is_measured_is_the_moving_average_that_is_kept(options):
    X, y = documents()
    X_val, y_val = documents(n=20)
    parameters = {"epochs": 3, "early_stopping": False, "lexical_weight": 0, **options}
    histories = []
    for average in ({"use_ema": True, "ema_momentum": 0.8}, {}):
        classifier = small(optimizer=Adam(0.05, **average), **{**parameters, "learning_rate": "auto"})
        classifier.fit(X, y, X_val=X_val, y_val=y_val)
        loss = log_loss(y_val, classifier.predict_proba(X_val))
        assert loss == pytest.approx(classifier.history_["val_loss"][-1], rel=1e-3, abs=1e-6)
        histories.append(classifier.history_)
    assert histories[0]["val_loss"] != histories[1]["val_loss"]
    # The network goes on from its own weights, not from the average.
    np.testing.assert_allclose(histories[0]["loss"], histories[1]["loss"], rtol=1e-3)


@pytest.mark.parametrize("architecture", ["parallel", pytest.param("hybrid", marks=pytest.mark.slow)])
def test_weight_decay_leaves_the_vectors_of_other_words_alone(architecture):
    X, y = documents()
    X = TokenIds(np.asarray(X), Vocabulary(("good", "bad", "film", "plot", "film", "bad"), VECTORS))
    fits = [
        fit(AdamW(0.05, weight_decay=decay), (X, y), architecture=architecture, epochs=1) for decay in (0, 9)
    ]
    plain, decayed = (embedding_of(classifier).get_weights()[0] for classifier in fits)
    np.testing.assert_array_equal(plain[5:], decayed[5:])
    assert np.abs(plain[5:]).max(axis=1).min() > 0
    assert np.abs(decayed[1:4]).max() < 0.5 * np.abs(plain[1:4]).max()


@pytest.mark.slow
def test_a_grid_searches_among_optimizers_in_other_processes():
    X, y = documents()
    optimizers = [AdamW(0.05, weight_decay=1e-4), SGD(1e-9)]
    search = GridSearchCV(
        small(architecture="hybrid", lexical_weight=0, epochs=8, learning_rate="auto"),
        {"optimizer": optimizers},
        cv=2,
        n_jobs=2,
    )
    search.fit(X, y)
    assert isinstance(search.best_params_["optimizer"], AdamW)
    assert search.best_score_ == 1
    assert not optimizers[0].built


@pytest.mark.slow
def test_a_loss_that_is_no_number_is_an_error_that_names_the_optimizer():
    with pytest.raises(ValueError, match=r"Try a learning rate in optimizer lower than 1e\+25"):
        fit(SGD(1e25))


# Losses


@stacked_and_slowly_others
@pytest.mark.slow
def test_a_configured_loss_is_used_cloned_and_pickled(architecture):
    X, y = documents()
    focal = keras.losses.CategoricalFocalCrossentropy(alpha=0.5, gamma=0.0)  # half of the usual loss
    one, plain = (
        small(architecture=architecture, epochs=2, loss=loss).fit(X, y)
        for loss in (focal, "categorical_crossentropy")
    )
    assert one.history_["loss"][0] == pytest.approx(0.5 * plain.history_["loss"][0], rel=0.02)
    again = clone(pickle.loads(pickle.dumps(one))).fit(X, y)
    assert again.history_ == one.history_
    np.testing.assert_array_equal(again.predict_proba(X), one.predict_proba(X))


def test_the_loss_of_guessing_is_the_entropy_of_the_classes():
    codes, weights = np.array([0, 0, 0, 1, 1, 3]), np.array([1.0, 1, 1, 2, 1, 0])
    frequencies = [1 / 2, 1 / 2, 0, 0]
    assert loss_of_guessing("categorical_crossentropy", codes, weights) == pytest.approx(entropy(frequencies))
    smooth = keras.losses.CategoricalCrossentropy(label_smoothing=0.1)
    assert loss_of_guessing(smooth, codes[:5], weights[:5]) == pytest.approx(np.log(2))
    assert loss_of_guessing("mean_squared_error", codes, weights) == pytest.approx(0.125)
    assert loss_of_guessing("cosine_similarity", codes, weights) == 0


def test_the_loss_of_guessing_is_summed_over_labels():
    labels = np.array([[1, 0], [1, 1], [0, 0], [1, 0]])
    weights = np.array([1.0, 1, 2, 1])
    expected = sum(entropy([p, 1 - p]) for p in expit(log_odds_of_labels(labels, weights)))
    assert loss_of_guessing("categorical_crossentropy", labels, weights) == pytest.approx(expected, rel=0.05)
