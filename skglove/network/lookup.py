"""Which networks NumPy computes, and by which class."""

from skglove.network.inference import N_WEIGHTS, LookupNetwork
from skglove.network.stacked_inference import StackedLookupNetwork

KINDS = {
    "PackedConvnet": StackedLookupNetwork,
    "PackedParallelConvnet": LookupNetwork,
    "PackedHybridNet": LookupNetwork,
}


def can_look_up(name, config):
    """Tell whether NumPy computes a network as Keras does.

    Parameters
    ----------
    name : str
        Its class in `skglove.network.models`.
    config : dict
        Its configuration.

    Returns
    -------
    possible : bool
        True for networks in float32.
    """

    def policy(dtype):
        return dtype["config"]["name"] if isinstance(dtype, dict) else dtype

    return name in KINDS and all(
        policy(layer["config"]["dtype"]) == "float32"
        for layer in config["layers"]
        if layer["class_name"] in N_WEIGHTS
    )


def lookup_network(name, config, weights):
    """Make a network that predicts without Keras, in float32.

    Parameters
    ----------
    name, config
        As in `can_look_up`.
    weights : list of ndarray
        Its weights, as `get_weights` returns them. The embedding is not copied.

    Returns
    -------
    network : LookupNetwork

    Raises
    ------
    ValueError
        If the weights do not fit the configuration.
    """
    return KINDS[name](config, weights)
