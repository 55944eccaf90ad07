"""Checks of the parameters `loss` and `optimizer`, so that errors name them."""

import keras

from skglove.messages import shortened

PROBED = 3  # documents to try a loss on


def check_loss(loss, n_classes, *, multilabel=False):
    """Try a loss on symbolic tensors, before the network is built.

    Parameters
    ----------
    loss : str or callable
        As in `KerasConvTextClassifier`.
    n_classes : int
        Columns of targets and probabilities.
    multilabel : bool, default=False
        Whether several targets of a document may be 1.

    Raises
    ------
    ValueError
        If Keras has no such loss, if the loss fails, or if it does not return one value per document.
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
    kind = "0 or 1" if multilabel else "one-hot"
    is_loss = isinstance(loss_of, keras.losses.Loss)  # calling one would average over documents
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
            f"targets {kind}: {type(error).__name__}: {str(error)[:200]}"
        ) from error
    shape = getattr(losses, "shape", None)
    if shape != (PROBED,):
        raise ValueError(
            f"loss={shortened(loss)} must give one value a document: of {PROBED} documents an array of shape "
            f"{(PROBED,)}, got "
            + (f"shape {tuple(shape)}." if shape is not None else f"{shortened(losses)}.")
        )


def checked_optimizer(optimizer):
    """Wrap a callable so that its errors name the parameter `optimizer`.

    Parameters
    ----------
    optimizer : str or callable
        As in `KerasConvTextClassifier`.

    Returns
    -------
    optimizer : str or callable
        A string is returned as it is. Otherwise a function that calls `optimizer` and checks the result.

    Raises
    ------
    TypeError
        If `optimizer` is an optimizer instance: every fit needs a new one.
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
