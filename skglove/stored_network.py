"""A network that is pickled as configuration and weights, and built again at its first use."""

from threading import Lock

from skglove.forks import refuse_fork
from skglove.states import current_versions, describe, warn_of_other_versions


class StoredNetwork:
    """A network that is built when it is first used after loading, so that loading imports no Keras.

    Parameters
    ----------
    model : keras.Model
        The network, of a class in `skglove.network.models`.
    """

    def __init__(self, model):
        self._model = model
        self._parts = self._versions = None
        self._lock = Lock()

    @classmethod
    def of_parts(cls, parts):
        """Make a network that is built later.

        Parameters
        ----------
        parts : tuple
            Name of the class, configuration, weights, and whether XLA compiles it.

        Returns
        -------
        network : StoredNetwork
            Not yet built.
        """
        name, config, weights, jit_compile = parts
        network = cls(None)
        network._parts, network._versions = (name, config, weights, jit_compile), {}
        return network

    @property
    def model(self):
        """Give the network, a `keras.Model`, and build it if this is its first use."""
        refuse_fork()
        with self._lock:  # two threads build it once
            if self._model is None:
                self._model = self._build()
                self._parts = self._versions = None
            return self._model

    def _build(self):
        from skglove.network.models import rebuild

        name, config, weights, jit_compile = self._parts
        try:
            model = rebuild(name, config)
            model.set_weights(weights)
        except Exception as error:
            written = self._versions or {"keras": "of an unknown version"}
            current = current_versions("skglove", *written)
            cause = f"{type(error).__name__}: {str(error)[:200]}"
            raise ValueError(
                f"This network was written by {describe(written)} and cannot be built by {describe(current)} "
                f"({cause}). Install the versions that wrote it, or fit again."
            ) from error
        model.jit_compile = jit_compile
        return model

    def __getstate__(self):
        # What prediction needs: layers and weights, not the optimizer's copies of them.
        with self._lock:
            if self._model is None:
                return {"parts": self._parts, "versions": self._versions}
            refuse_fork()
            import keras

            model = self._model
            parts = type(model).__name__, model.get_config(), model.get_weights(), model.jit_compile
            return {"parts": parts, "versions": current_versions("keras", keras.backend.backend())}

    def __setstate__(self, state):
        self.__init__(None)
        self._parts, self._versions = state["parts"], state["versions"]
        keras_alone = {name: version for name, version in self._versions.items() if name == "keras"}
        warn_of_other_versions("KerasConvTextClassifier", keras_alone)
