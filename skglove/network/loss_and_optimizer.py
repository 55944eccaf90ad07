"""Checks of the parameters `loss` and `optimizer`, so that errors name them, and what comes of them."""

import keras
import numpy as np
from scipy.special import expit

from skglove.messages import shortened
from skglove.multilabel import log_odds_of_labels
from skglove.network.build import DEFAULT_LOSS, label_crossentropy

PROBED = 3  # documents to try a loss on
GUESSED = 10_000  # documents whose labels are guessed, at most; those of a million would take much memory


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
    failures = []

    class Probe(keras.Operation):
        def call(self, targets, probabilities):
            try:
                return _loss_of_each(loss_of)(targets, probabilities)
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


def loss_of_guessing(loss, codes, sample_weight):
    """Compute the loss of probabilities that are the frequencies of the classes, or of the labels.

    Of the default loss, this is the entropy of the classes; in multilabel, summed over the labels.

    Parameters
    ----------
    loss : str or callable
        As in `KerasConvTextClassifier`.
    codes : ndarray of shape (n_documents,) or (n_documents, n_labels), int
        Classes, numbered from 0, or an indicator matrix.
    sample_weight : ndarray of shape (n_documents,), float
        Weights of documents.

    Returns
    -------
    value : float
        At least 0: a loss that can be negative has no scale to compare with.
    """
    if codes.ndim == 1:
        frequencies = np.bincount(codes, sample_weight) / sample_weight.sum()
        targets, weights = np.eye(len(frequencies)), frequencies
    else:
        frequencies = expit(log_odds_of_labels(codes, sample_weight))
        some = slice(None, None, -(-len(codes) // GUESSED))
        targets, weights = codes[some], sample_weight[some]
    if codes.ndim == 2 and loss == DEFAULT_LOSS:
        loss = label_crossentropy
    guesses = np.broadcast_to(frequencies, targets.shape)
    losses = _loss_of_each(loss)(*(keras.ops.convert_to_tensor(x, "float32") for x in (targets, guesses)))
    return max(0.0, float(np.average(keras.ops.convert_to_numpy(losses), weights=weights)))


def _loss_of_each(loss):
    """Return the function behind a loss that gives one value for each document."""
    loss_of = keras.losses.get(loss)
    # Calling an instance would average over documents.
    return loss_of.call if isinstance(loss_of, keras.losses.Loss) else loss_of


def is_configured(optimizer):
    """Tell whether an optimizer is an instance, in contrast to a name or a callable that makes one."""
    return isinstance(optimizer, keras.optimizers.Optimizer)


def learning_rate_of(optimizer, parameters):
    """Check a configured optimizer against the parameters; return its learning rate.

    Parameters
    ----------
    optimizer : keras.optimizers.Optimizer
        As in `KerasConvTextClassifier`.
    parameters : dict
        "learning_rate" and "learning_rate_schedule" as the user gave them.

    Returns
    -------
    learning_rate : float
        With a schedule inside, that of the first step.

    Raises
    ------
    ValueError
        If the parameters give a learning rate or a schedule, or if the optimizer wraps another one.
    TypeError
        If the optimizer cannot be made again from its configuration.
    """
    name = type(optimizer).__name__
    made = _copy(optimizer)
    rate = made.get_config().get("learning_rate")
    if rate is None:
        raise ValueError(
            f"optimizer is a {name}, which wraps other optimizers and cannot be used here. Give an optimizer "
            "that has a learning rate of its own."
        )
    if isinstance(rate, dict):
        rate = keras.ops.convert_to_numpy(made.learning_rate)
    learning_rate = float(str(np.float32(rate)))  # the shortest number that is the same in float32
    if parameters["learning_rate"] != "auto":
        given = parameters["learning_rate"]
        raise ValueError(
            f"learning_rate={given}, but optimizer is a configured {name} that has a learning rate, "
            f"{learning_rate}. Put it in one place: leave learning_rate='auto', or give "
            f"learning_rate={given} to {name}."
        )
    if parameters["learning_rate_schedule"] == "one_cycle":
        raise ValueError(
            "learning_rate_schedule='one_cycle' sets the learning rate, but optimizer is a configured "
            f"{name} that has one. Give it a schedule of keras.optimizers.schedules as learning_rate, and "
            f"leave learning_rate_schedule='auto'; or give the class, optimizer=keras.optimizers.{name}."
        )
    return learning_rate


def has_schedule(optimizer):
    """Tell whether the learning rate of an optimizer instance is a schedule of Keras."""
    return isinstance(optimizer.get_config().get("learning_rate"), dict)


def _copy(optimizer):
    """Make an optimizer again from its configuration, without its state."""
    try:
        return type(optimizer).from_config(optimizer.get_config())
    except Exception as error:
        raise TypeError(
            f"optimizer={shortened(optimizer)} cannot be copied by its configuration: "
            f"{type(error).__name__}: {str(error)[:200]}. Its get_config must return all arguments of its "
            "class; your own schedules and functions need keras.saving.register_keras_serializable. Or give "
            "a callable optimizer(learning_rate=...) that makes it."
        ) from error


def checked_optimizer(optimizer):
    """Wrap an optimizer or a callable into a function that makes optimizers and checks them.

    Parameters
    ----------
    optimizer : str, callable or keras.optimizers.Optimizer
        As in `KerasConvTextClassifier`.

    Returns
    -------
    optimizer : str or callable
        A string is returned as it is. For an instance, a function that copies it, whose learning rate holds.
        Otherwise a function that calls `optimizer` and checks the result.

    Raises
    ------
    TypeError
        If `optimizer` is anything else.
    """
    if isinstance(optimizer, str):
        return optimizer
    if is_configured(optimizer):
        return lambda learning_rate: _copy(optimizer)
    if not callable(optimizer):
        raise TypeError(
            f"optimizer={shortened(optimizer)} is no optimizer of Keras. Give a name, such as 'adam', an "
            "instance, such as keras.optimizers.AdamW(1e-3), or a callable that makes one."
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
