"""What users hand to Keras through the classifier, checked so that errors name its parameters."""

import warnings
from contextlib import contextmanager

import keras
from keras.callbacks import Callback, LearningRateScheduler, ReduceLROnPlateau

from skglove.messages import shortened

PROBED = 3  # documents that a loss is tried on


def check_loss(loss, n_classes):
    """Try a loss on symbols of a few documents, before anything is built.

    Parameters
    ----------
    loss : str or callable
        As in `KerasConvTextClassifier`.
    n_classes : int
        Columns of the targets and of the probabilities.

    Raises
    ------
    ValueError
        If Keras has no such loss, if it fails, or if it does not give one value a document.
    """
    try:
        loss_of = keras.losses.get(loss)
    except ValueError as error:
        raise ValueError(
            f"Keras has no loss={shortened(loss)}. It has 'categorical_crossentropy', among others."
        ) from error
    name = getattr(loss_of, "name", None) or getattr(loss_of, "__name__", "")
    if "sparse" in name:
        raise ValueError(
            f"loss={shortened(loss)} takes classes as integers; here they are one-hot. Drop the 'sparse_'."
        )
    is_loss = isinstance(loss_of, keras.losses.Loss)  # which, when called, would add up the documents
    failures = []

    class Probe(keras.Operation):
        def call(self, targets, probabilities):
            try:
                return (loss_of.call if is_loss else loss_of)(targets, probabilities)
            except Exception as error:
                failures.append(error)
                raise

    symbols = [keras.KerasTensor((PROBED, n_classes), "float32") for _ in range(2)]
    try:
        losses = Probe()(*symbols)
    except Exception as error:
        error = failures[0] if failures else error
        raise ValueError(
            f"loss={shortened(loss)} fails on targets and probabilities of shape {(PROBED, n_classes)}, the "
            f"targets one-hot: {type(error).__name__}: {str(error)[:200]}"
        ) from error
    shape = getattr(losses, "shape", None)
    if shape != (PROBED,):
        raise ValueError(
            f"loss={shortened(loss)} must give one value a document: of {PROBED} documents an array of shape "
            f"{(PROBED,)}, got "
            + (f"shape {tuple(shape)}." if shape is not None else f"{shortened(losses)}.")
        )


def checked_optimizer(optimizer):
    """Make a callable whose errors name the parameter `optimizer`.

    Parameters
    ----------
    optimizer : str or callable
        As in `KerasConvTextClassifier`.

    Returns
    -------
    optimizer : str or callable
        A str as it is, or what calls the callable and checks what it made.
    """
    if isinstance(optimizer, str):
        return optimizer
    if not callable(optimizer):
        name = type(optimizer).__name__
        raise TypeError(
            f"optimizer is a {name} that has been made already, but every fit makes its own. Give the class, "
            f"or a callable such as functools.partial(keras.optimizers.{name}, weight_decay=0.01)."
        )

    def make(learning_rate):
        try:
            made = optimizer(learning_rate=learning_rate)
        except Exception as error:
            raise TypeError(
                f"optimizer={shortened(optimizer)} failed at "
                f"optimizer(learning_rate={shortened(learning_rate)}): {type(error).__name__}: "
                f"{str(error)[:200]}. With learning_rate_schedule='constant' it gets "
                "a number, with 'one_cycle' a Keras schedule."
            ) from error
        if not isinstance(made, keras.optimizers.Optimizer):
            raise TypeError(
                f"optimizer={shortened(optimizer)} made {shortened(made)}, which is no "
                "keras.optimizers.Optimizer."
            )
        return made

    return make


def check_callbacks(callbacks, *, one_cycle, has_validation, stacklevel):
    """Refuse callbacks that cannot work, and warn of those that measure what is not there.

    Parameters
    ----------
    callbacks : list
        As in `KerasConvTextClassifier`.
    one_cycle : bool
        Whether the learning rate follows a schedule of its own.
    has_validation : bool
        Whether documents are held out.
    stacklevel : int
        Where warnings point to, seen from here.
    """
    for callback in callbacks:
        if not isinstance(callback, Callback):
            raise TypeError(
                f"callbacks has {shortened(callback)}, which is no instance of keras.callbacks.Callback."
            )
        if one_cycle and isinstance(callback, (LearningRateScheduler, ReduceLROnPlateau)):
            raise ValueError(_sets_the_learning_rate(f"{type(callback).__name__} in callbacks"))
        # A ModelCheckpoint that saves every epoch looks at nothing.
        monitor = getattr(callback, "monitor", None) if getattr(callback, "save_best_only", True) else None
        if not has_validation and isinstance(monitor, str) and monitor.startswith("val_"):
            warnings.warn(
                f"{type(callback).__name__} in callbacks looks at {shortened(monitor)}, which is not "
                "measured without a validation_fraction, such as 0.1.",
                stacklevel=stacklevel,
            )


def _sets_the_learning_rate(name):
    return (
        f"{name} sets the learning rate, but so does learning_rate_schedule='one_cycle', the default of "
        "architecture='residual'. Set learning_rate_schedule='constant'."
    )


@contextmanager
def naming_parameters(*, one_cycle):
    """Say of Keras's errors in training which parameter they come from.

    Parameters
    ----------
    one_cycle : bool
        Whether the learning rate follows a schedule of its own.
    """
    try:
        yield
    except (TypeError, AttributeError) as error:
        message = str(error)
        if one_cycle and ("LearningRateSchedule" in message or "no attribute 'assign'" in message):
            raise ValueError(_sets_the_learning_rate("A callback")) from error
        raise
