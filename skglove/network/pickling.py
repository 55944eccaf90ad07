"""Pickling of networks: as configuration and weights, from which the network is built at its first use."""

from threading import Lock

from skglove.network.forks import record_use, refuse_fork
from skglove.versions import current_versions, describe, warn_of_other_versions


class StoredNetwork:
    """A network that can be pickled. Loading does not import Keras; the first use builds the network.

    Parameters
    ----------
    model : keras.Model
        The network, an instance of a class in `skglove.network.models`.
    """

    def __init__(self, model):
        self._model = model
        self._parts = self._versions = None
        self._lock = Lock()

    @classmethod
    def of_parts(cls, parts):
        """Make a network from its parts; the first use builds it.

        Parameters
        ----------
        parts : tuple
            Name of the class in `skglove.network.models`, configuration, weights, and Keras's `jit_compile`.

        Returns
        -------
        network : StoredNetwork
        """
        name, config, weights, jit_compile = parts
        network = cls(None)
        network._parts, network._versions = (name, config, weights, jit_compile), {}
        return network

    @property
    def model(self):
        """The network, a `keras.Model`, which the first use builds."""
        record_use()
        with self._lock:  # so that two threads build only one
            if self._model is None:
                self._model = self._build()
                self._parts = self._versions = None
            return self._model

    def _build(self):
        from skglove.network.build import runs_compiled
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
        model.jit_compile = runs_compiled(jit_compile)  # which depends on the backend that loads it
        return model

    def __getstate__(self):
        # Only what prediction needs: not the state of the optimizer.
        with self._lock:
            if self._model is None:
                return {"parts": self._parts, "versions": self._versions}
            refuse_fork()
            import keras

            model, backend = self._model, keras.backend.backend()
            # JAX compiles every network, which must not decide how another backend runs it.
            jit_compile = model.jit_compile and backend == "tensorflow"
            parts = type(model).__name__, model.get_config(), model.get_weights(), jit_compile
            return {"parts": parts, "versions": current_versions("keras", backend)}

    def __setstate__(self, state):
        self.__init__(None)
        self._parts, self._versions = state["parts"], state["versions"]
        keras_alone = {name: version for name, version in self._versions.items() if name == "keras"}
        warn_of_other_versions("KerasConvTextClassifier", keras_alone)
