"""Networks of earlier fits, whose compiled training step a later fit uses again.

TensorFlow takes longer to trace and optimise a training step than to train on a few hundred sentences. The
folds of a cross-validation and most candidates of a search need the same step, with other numbers. So the
last small networks are kept, and a network that needs the step of one of them trains in its place.
"""

import threading

import keras
import numpy as np

from skglove.network.live import extra_variables

# So many networks are kept, each with a matrix of at most so many values: with Adam's two, 12 MB.
KEPT, MOST_VALUES = 3, 2**20
# Vocabularies of folds differ by a few words. In most folds they have the same number of rows if it is
# rounded up to a multiple of this, or of a power of two that is about a twelfth of it.
LEAST_MULTIPLE = 64

_kept, _lock = [], threading.Lock()  # pairs of key and network, the last used at the end


def rounded_up(n_ids, dim):
    """Return how many rows the matrix of a network of `n_ids` ids gets, so that its step is used again."""
    multiple = max(LEAST_MULTIPLE, 2 ** (n_ids.bit_length() - 4))
    n_rows = -(-n_ids // multiple) * multiple
    return n_rows if n_rows * dim <= MOST_VALUES else n_ids


def take_kept(key, model):
    """Return a kept network of the same key, brought to the state of `model`; without one, `model` itself.

    Parameters
    ----------
    key : tuple or None
        All that the training step has as constants, besides `model.weights` and the optimizer's variables.
        None is equal to no other.
    model : keras.Model
        A compiled network that was not trained.

    Returns
    -------
    network : keras.Model
        The network to train. Nobody else has it.
    """
    with _lock:
        i = next((i for i, (other, _) in enumerate(_kept) if key is not None and other == key), None)
        if i is None:
            return model
        _, network = _kept.pop(i)
    copy_state(model, network)
    return network


def keep(key, network):
    """Keep a trained network for later fits. Nobody else may use it any more."""
    if key is None:
        return
    with _lock:
        _kept.append((key, network))
        del _kept[:-KEPT]


def copy_state(model, other):
    """Copy all that differs between trainings by one compiled step to another network of the same layers."""
    for source, target in zip(_state_of(model), _state_of(other), strict=True):
        target.assign(source)


def _state_of(model):
    shift = getattr(model, "shift", None)
    return [*model.weights, *extra_variables(model), *([] if shift is None else [shift])]


def key_of(model, constants):
    """Make the key of a network that was built with these parameters, for `take_kept`.

    Parameters
    ----------
    model : keras.Model
        The network.
    constants : dict
        Parameters on which the training step depends.

    Returns
    -------
    key : tuple or None
        None if the network is too large to be kept, or has parameters that cannot be compared. Backends
        other than TensorFlow, too, have None: they do not trace, or compile for shapes of their own.
    """
    matrix = model.get_layer("embedding").embeddings
    plain = all(isinstance(value, str | int | float | tuple | None) for value in constants.values())
    if not plain or np.prod(matrix.shape) > MOST_VALUES or keras.backend.backend() != "tensorflow":
        return None
    shapes = tuple((tuple(variable.shape), variable.dtype) for variable in _state_of(model))
    policy = keras.config.dtype_policy().name
    return type(model), shapes, matrix.value.device, policy, *sorted(constants.items())
