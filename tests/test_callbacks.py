import logging
import threading
import warnings

import keras
import pytest

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
