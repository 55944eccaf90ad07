import importlib.util
import logging
import threading
import warnings

import keras
import pytest
from classifier_samples import documents, small

from skglove.network.callbacks import (
    check_callbacks,
    copy_callbacks,
    loss_check,
    retracing_warnings_hidden,
)


class Watches(keras.callbacks.Callback):
    monitor = "val_loss"


class HoldsALock(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.lock = threading.Lock()


def test_callbacks_that_monitor_what_is_not_held_out_draw_a_warning():
    message = r"Watches in callbacks .* 'val_loss'.* validation_fraction"
    with pytest.warns(UserWarning, match=message) as warned:
        check_callbacks([Watches()], one_cycle=False, has_validation=False)
    assert [warning.filename for warning in warned] == [__file__]


def test_callbacks_that_monitor_what_is_measured_draw_none():
    every_epoch = keras.callbacks.ModelCheckpoint("never.keras", save_freq=1000)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_callbacks([Watches()], one_cycle=False, has_validation=True)
        check_callbacks([every_epoch], one_cycle=False, has_validation=False)
        check_callbacks(None, one_cycle=True, has_validation=False)


@pytest.mark.parametrize(
    "callback",
    [keras.callbacks.LearningRateScheduler(lambda epoch: 0.1), keras.callbacks.ReduceLROnPlateau("loss")],
)
def test_callbacks_that_set_the_learning_rate_need_a_constant_schedule(callback):
    check_callbacks([callback], one_cycle=False, has_validation=False)
    with pytest.raises(ValueError, match=f"{type(callback).__name__} in callbacks sets the learning rate"):
        check_callbacks([callback], one_cycle=True, has_validation=False)


@pytest.mark.parametrize(
    "callback",
    [keras.callbacks.LearningRateScheduler(lambda epoch: 0.1), keras.callbacks.ReduceLROnPlateau("loss")],
)
def test_callbacks_that_set_the_learning_rate_do_not_go_with_a_schedule_inside_the_optimizer(callback):
    message = f"{type(callback).__name__} in callbacks sets .* the schedule inside optimizer, .* Give the opt"
    with pytest.raises(ValueError, match=message):
        check_callbacks([callback], one_cycle=False, has_validation=False, schedule_in_optimizer=True)


def test_what_is_no_callback_is_an_error():
    with pytest.raises(TypeError, match="Watches'>, which is no instance of keras"):
        check_callbacks([Watches], one_cycle=False, has_validation=False)


def test_what_cannot_be_copied_is_an_error():
    assert copy_callbacks(None) == []
    with pytest.raises(TypeError, match=r"HoldsALock .*cannot be copied: .*on_train_begin"):
        copy_callbacks([HoldsALock()])


def test_a_loss_that_is_no_number_is_an_error():
    check = loss_check(0.05)
    check.on_epoch_end(0, {"loss": 1.0})
    with pytest.raises(ValueError, match=r"The loss is nan in epoch 3. Try a learning_rate lower than 0.05"):
        check.on_epoch_end(2, {"loss": float("nan")})
    with pytest.raises(ValueError, match="The loss is inf in epoch 1"):
        check.on_epoch_end(0, {"loss": 1.0, "val_loss": float("inf")})


def test_retracing_warnings_of_tensorflow_are_hidden_and_no_others():
    records = []
    handler = logging.Handler()
    handler.emit = records.append
    logger = logging.getLogger("tensorflow")
    logger.addHandler(handler)
    try:
        with retracing_warnings_hidden():
            logger.warning("5 out of the last 5 calls triggered tf.function retracing")
            logger.warning("something else")
        logger.warning("tf.function retracing")
    finally:
        logger.removeHandler(handler)
    assert [record.getMessage() for record in records] == ["something else", "tf.function retracing"]


# In fits

stacked_and_slowly_others = pytest.mark.parametrize(
    "architecture",
    ["stacked", *(pytest.param(name, marks=pytest.mark.slow) for name in ("hybrid", "parallel"))],
)
hybrid_and_slowly_others = pytest.mark.parametrize(
    "architecture",
    ["hybrid", *(pytest.param(name, marks=pytest.mark.slow) for name in ("stacked", "parallel"))],
)
# Keras's own: its variables have not caught up with NumPy 2.
keras_warns = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def fit(callbacks, **parameters):
    X, y = documents()
    X_val, y_val = documents(n=20)
    parameters = {"epochs": 4, "early_stopping": False, **parameters}
    return small(callbacks=callbacks, **parameters).fit(X, y, X_val=X_val, y_val=y_val)


class SetsTheRate(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        self.model.optimizer.learning_rate = 0.0 if epoch else 0.05


class AssignsTheRate(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        self.model.optimizer.learning_rate.assign(0.0 if epoch else 0.05)


SET_TO_ZERO = [
    keras.callbacks.LearningRateScheduler(lambda epoch: 0.0 if epoch else 0.05),
    SetsTheRate(),
    AssignsTheRate(),
]


@keras_warns
@stacked_and_slowly_others
@pytest.mark.parametrize(
    "callback", [SET_TO_ZERO[0], *(pytest.param(x, marks=pytest.mark.slow) for x in SET_TO_ZERO[1:])]
)
def test_a_learning_rate_that_a_callback_sets_is_used(architecture, callback):
    history = fit([callback], architecture=architecture, epochs=3).history_
    assert history["loss"][1] < history["loss"][0]
    assert history["loss"][2] == pytest.approx(history["loss"][1], rel=1e-5)
    assert history["val_loss"] == [pytest.approx(history["val_loss"][0], rel=1e-5)] * 3


@keras_warns
@hybrid_and_slowly_others
def test_callbacks_see_what_is_measured_on_held_out_documents(architecture):
    never = {"patience": 1, "min_delta": 1e9}  # every epoch counts as one without improvement
    callbacks = [
        keras.callbacks.ReduceLROnPlateau("val_loss", factor=0.1, **never),
        keras.callbacks.EarlyStopping("val_accuracy", min_delta=1e9, patience=3),
    ]
    classifier = fit(callbacks, architecture=architecture, epochs=9)
    assert classifier.history_["learning_rate"] == pytest.approx([0.05, 0.05, 0.005, 0.0005])
    assert classifier.n_iter_ == 4


@keras_warns
@pytest.mark.parametrize("callback", [*SET_TO_ZERO, keras.callbacks.ReduceLROnPlateau("loss")])
@pytest.mark.parametrize("how", ["configured", pytest.param("callable", marks=pytest.mark.slow)])
def test_a_schedule_inside_the_optimizer_does_not_go_with_them(callback, how):
    optimizer = keras.optimizers.Adam(keras.optimizers.schedules.ExponentialDecay(0.05, 10, 0.9))
    if how == "callable":
        made = optimizer
        if isinstance(callback, keras.callbacks.ReduceLROnPlateau):
            callback = keras.callbacks.ReduceLROnPlateau("loss", min_delta=1e9, patience=1)

        def optimizer(learning_rate):
            return made

    with pytest.raises(ValueError, match="sets the learning rate, but so does the schedule inside optimizer"):
        fit([callback], optimizer=optimizer, learning_rate="auto")


@keras_warns
@stacked_and_slowly_others
def test_callbacks_that_write_files_write_them(architecture, tmp_path):
    callbacks = [
        keras.callbacks.ModelCheckpoint(tmp_path / "best.keras", "val_accuracy", save_best_only=True),
        keras.callbacks.CSVLogger(tmp_path / "log.csv"),
    ]
    has_tensorboard = importlib.util.find_spec("tensorboard") is not None
    if has_tensorboard:
        callbacks.append(keras.callbacks.TensorBoard(tmp_path / "board"))
    fit(callbacks, architecture=architecture, epochs=2, scoring="accuracy")
    header, *lines = (tmp_path / "log.csv").read_text().splitlines()
    assert header == "epoch,accuracy,loss,val_accuracy,val_loss,val_score"
    assert len(lines) == 2
    assert (tmp_path / "best.keras").exists()
    assert (tmp_path / "board").exists() == has_tensorboard
