"""Keras callbacks: the classifier's own, copies of the user's, and errors that name the parameter."""

import copy
import logging
from contextlib import contextmanager

import numpy as np
from keras.callbacks import Callback, LambdaCallback, LearningRateScheduler, ReduceLROnPlateau

from skglove.messages import shortened, warn


def loss_check(learning_rate, name="learning_rate"):
    """Make a callback that refuses a loss that is not finite.

    Parameters
    ----------
    learning_rate : float
        As in `KerasConvTextClassifier`, for the error.
    name : str, default="learning_rate"
        What to call it in the error.

    Returns
    -------
    callback : keras.callbacks.Callback
    """

    def check_loss(epoch, logs):
        # Infinite weights after the last step of an epoch show in what is measured after it.
        for loss in (logs["loss"], logs.get("val_loss", 0.0)):
            if not np.isfinite(loss):
                raise ValueError(
                    f"The loss is {loss} in epoch {epoch + 1}. Try a {name} lower than {learning_rate}."
                )

    return LambdaCallback(on_epoch_end=check_loss)


def copy_callbacks(callbacks):
    """Copy callbacks, so that `fit` leaves the user's as they were.

    Parameters
    ----------
    callbacks : list or None
        As in `KerasConvTextClassifier`.

    Returns
    -------
    copies : list of keras.callbacks.Callback

    Raises
    ------
    TypeError
        If a callback cannot be copied.
    """
    copies = []
    for callback in callbacks or []:
        try:
            copies.append(copy.deepcopy(callback))
        except TypeError as error:
            raise TypeError(
                f"callbacks has {shortened(callback)}, which cannot be copied: {str(error)[:200]}. "
                "What it opens it may open in on_train_begin."
            ) from error
    return copies


def check_callbacks(callbacks, *, one_cycle, has_validation, schedule_in_optimizer=False):
    """Refuse callbacks that cannot work, and warn of those that monitor what is not measured.

    Parameters
    ----------
    callbacks : list or None
        As in `KerasConvTextClassifier`.
    one_cycle : bool
        Whether the learning rate follows the "one_cycle" schedule.
    has_validation : bool
        Whether documents are held out for validation.
    schedule_in_optimizer : bool, default=False
        Whether the learning rate of a configured optimizer is a schedule.

    Raises
    ------
    TypeError
        If one is not an instance of `keras.callbacks.Callback`.
    ValueError
        If one sets the learning rate, which the schedule sets too.
    """
    for callback in callbacks or []:
        if not isinstance(callback, Callback):
            raise TypeError(
                f"callbacks has {shortened(callback)}, which is no instance of keras.callbacks.Callback."
            )
        if isinstance(callback, (LearningRateScheduler, ReduceLROnPlateau)) and (
            one_cycle or schedule_in_optimizer
        ):
            raise ValueError(_sets_the_learning_rate(f"{type(callback).__name__} in callbacks", one_cycle))
        # A ModelCheckpoint that saves every epoch looks at nothing.
        monitor = getattr(callback, "monitor", None) if getattr(callback, "save_best_only", True) else None
        if not has_validation and isinstance(monitor, str) and monitor.startswith("val_"):
            warn(
                f"{type(callback).__name__} in callbacks looks at {shortened(monitor)}, which is not "
                "measured without a validation_fraction, such as 0.1."
            )


def _sets_the_learning_rate(name, one_cycle):
    if one_cycle:
        return (
            f"{name} sets the learning rate, but so does learning_rate_schedule='one_cycle', which sets "
            "it in every step. Set learning_rate_schedule='constant'."
        )
    return (
        f"{name} sets the learning rate, but so does the schedule inside optimizer, which sets it in every "
        "step. Give the optimizer a number as its learning_rate, or leave the callback out."
    )


@contextmanager
def learning_rate_errors_named(*, one_cycle, schedule_in_optimizer=False):
    """Turn Keras's errors about setting a scheduled learning rate into one that names the parameter.

    Parameters
    ----------
    one_cycle : bool
        Whether the learning rate follows the "one_cycle" schedule.
    schedule_in_optimizer : bool, default=False
        Whether it follows another schedule.
    """
    try:
        yield
    except (TypeError, AttributeError) as error:
        message = str(error)
        if (one_cycle or schedule_in_optimizer) and (
            "LearningRateSchedule" in message or "no attribute 'assign'" in message
        ):
            raise ValueError(_sets_the_learning_rate("A callback", one_cycle)) from error
        raise


@contextmanager
def retracing_warnings_hidden():
    """Hide TensorFlow's warning about frequent retracing: most fits have a network of their own to trace."""

    def is_other(record):
        return "tf.function retracing" not in record.getMessage()

    logger = logging.getLogger("tensorflow")
    logger.addFilter(is_other)
    try:
        yield
    finally:
        logger.removeFilter(is_other)
