"""Networks of earlier fits, whose compiled training step a later fit uses again.

TensorFlow takes longer to trace and optimise a training step than to train on a few hundred sentences. The
folds of a cross-validation and most candidates of a search need the same step, with other numbers. So the
last small networks are kept, and a network that needs the step of one of them trains in its place.
"""

import threading

import keras
import numpy as np

from skglove.auto_settings import OF_NETWORK
from skglove.network.live import extra_variables

# So many networks are kept, each of at most so many numbers, those of the optimizer included: 16 MB.
KEPT, MOST_NUMBERS = 3, 2**22
# Vocabularies of folds differ by a few words. In most folds they have the same number of rows if it is
# rounded up to a multiple of this, or of a power of two that is a sixteenth to an eighth of it.
LEAST_MULTIPLE = 64
# Optimizers to which further rows are nothing: they update each number by its own gradient.
ELEMENTWISE = "adam", "adamw", "nadam", "rmsprop", "sgd"

_kept, _lock = [], threading.Lock()  # pairs of key and network, the last used at the end


def rounded_up(n_ids, dim, optimizer):
    """Return how many rows the matrix of a network of `n_ids` ids gets, so that its step is used again."""
    if optimizer not in ELEMENTWISE:
        return n_ids
    multiple = max(LEAST_MULTIPLE, 2 ** (n_ids.bit_length() - 4))
    n_rows = -(-n_ids // multiple) * multiple
    return n_rows if n_rows * dim <= MOST_NUMBERS // 4 else n_ids


def take_kept(key, model):
    """Return a kept network of the same key, brought to the state of `model`; without one, `model` itself.

    Parameters
    ----------
    key : tuple or None
        As `key_of` returns it.
    model : keras.Model
        A compiled network that was not trained.

    Returns
    -------
    network : keras.Model
        The network to train. Nobody else has it.
    """
    if key is None:
        return model
    with _lock:
        i = next((i for i, (other, _) in enumerate(_kept) if other == key), None)
        if i is None:
            return model
        _, network = _kept.pop(i)
    _copy_state(model, network)
    return network


def keep(key, network):
    """Keep a trained network for later fits. Nobody else may use it any more."""
    if key is None:
        return
    with _lock:
        _kept.append((key, network))
        del _kept[:-KEPT]


def _copy_state(model, other):
    """Copy all that differs between trainings by one compiled step to another network of the same layers."""
    for source, target in zip(_state_of(model), _state_of(other), strict=True):
        target.assign(source)


def _state_of(model):
    shift = getattr(model, "shift", None)
    return [*model.weights, *extra_variables(model), *([] if shift is None else [shift])]


def key_of(model, parameters, *, multilabel, n_steps):
    """Make the key of a network: all that its training step has as constants.

    Settings of TensorFlow that act while a step is traced, such as op determinism, are not part of it.

    Parameters
    ----------
    model : keras.Model
        A compiled network.
    parameters : dict
        The classifier's parameters, without "auto".
    multilabel : bool
        Whether documents have several labels.
    n_steps : int or None
        Steps of the "one_cycle" schedule, if it is used.

    Returns
    -------
    key : tuple or None
        None for a network that is not to be kept: it is large, others may hold it, or its optimizer or loss
        cannot be compared. Backends other than TensorFlow have None, too: they do not trace, or compile for
        shapes of their own.
    """
    are_names = all(isinstance(parameters[name], str) for name in ("loss", "optimizer"))
    if parameters["callbacks"] or not are_names or keras.backend.backend() != "tensorflow":
        return None
    import tensorflow as tf

    state = _state_of(model)
    if sum(np.prod(variable.shape) for variable in state) > MOST_NUMBERS or tf.distribute.has_strategy():
        return None
    # A constant learning rate is a variable, and so is the length of adversarial shifts, if there are any.
    in_variables = {"adversarial_epsilon", *(["learning_rate"] if n_steps is None else [])}
    return (
        *((name, parameters[name]) for name in OF_NETWORK if name not in in_variables),
        *(parameters["pretrained"], multilabel, n_steps, type(model.optimizer), model.jit_compile),
        getattr(model, "reads_long_documents", False),
        tuple((tuple(variable.shape), variable.dtype, variable.trainable) for variable in state),
        model.get_layer("embedding").embeddings.value.device,
        *(keras.config.dtype_policy().name, keras.config.floatx(), keras.config.epsilon()),
    )
