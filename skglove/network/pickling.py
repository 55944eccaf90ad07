"""Networks as configuration and weights: to pickle, to predict from, and to build at the first use."""

from contextlib import contextmanager
from copy import deepcopy
from threading import Lock

import numpy as np

from skglove.network.forks import record_use, refuse_fork
from skglove.network.inference import OLD_NAMES
from skglove.network.lookup import can_look_up, lookup_network
from skglove.versions import current_versions, describe, warn_of_other_versions


class StoredNetwork:
    """A network that can be pickled. Loading does not import Keras; the first use of `model` builds it.

    Networks that NumPy computes are kept as configuration and weights, from which it predicts
    without Keras. Others are kept as Keras models once they are built.

    Parameters
    ----------
    model : keras.Model
        The network, an instance of a class in `skglove.network.models`.
    """

    def __init__(self, model):
        self._model = model
        self._parts = self._versions = self._lookup = None
        self._lock = Lock()
        if model is not None and can_look_up(type(model).__name__, model.get_config()):
            self._parts, self._versions = take_apart(model)
            self._model = None  # it would hold the embedding a second time

    @classmethod
    def of_parts(cls, parts, versions=None):
        """Make a network from its parts; the first use builds it.

        Parameters
        ----------
        parts : tuple
            Name of the class in `skglove.network.models`, configuration, weights, and Keras's `jit_compile`.
        versions : dict of str to str or None, default=None
            Versions that made them, if they are known.

        Returns
        -------
        network : StoredNetwork
        """
        name, config, weights, jit_compile = parts
        config = config | {"layers": [_with_new_name(layer) for layer in config["layers"]]}
        network = cls(None)
        network._parts = name, config, weights, jit_compile
        network._versions = versions or {}
        return network

    @property
    def model(self):
        """The network, a `keras.Model`, which the first use builds."""
        record_use()
        with self._lock:  # so that two threads build only one
            if self._model is None:
                with self._errors_explained():
                    self._model = self._build()
                if not self._can_look_up():
                    self._parts = self._versions = None
            return self._model

    @property
    def is_built(self):
        """Whether there is a Keras model."""
        return self._model is not None

    @property
    def lookup(self):
        """The network, a `LookupNetwork`, which the first use makes; None if only Keras can compute it."""
        with self._lock:
            if self._lookup is None and self._can_look_up():
                with self._errors_explained():
                    self._lookup = lookup_network(*self._parts[:3])
            return self._lookup

    def _can_look_up(self):
        return self._parts is not None and can_look_up(*self._parts[:2])

    @property
    def n_ids(self):
        """Rows of the embedding."""
        return self.lookup.n_ids if self.lookup else self.model.get_layer("embedding").input_dim

    def predict(self, documents, *, maxlen, batch_size):
        """Predict probabilities, without Keras if possible.

        Parameters
        ----------
        documents, maxlen, batch_size
            As in `skglove.network.training.predict`.

        Returns
        -------
        probabilities : ndarray of shape (n_documents, n_classes), float32
        """
        if self.lookup:
            return self.lookup.predict(documents, maxlen)
        model = self.model  # before Keras is imported, which a forked process may not do
        from skglove.network.training import predict

        return predict(model, documents, maxlen=maxlen, batch_size=batch_size)

    def _build(self):
        from skglove.network.build import runs_compiled
        from skglove.network.models import rebuild

        name, config, weights, jit_compile = self._parts
        model = rebuild(name, deepcopy(config))  # which Keras takes apart
        model.set_weights(weights)
        model.jit_compile = runs_compiled(jit_compile)  # which depends on the backend that loads it
        return model

    @contextmanager
    def _errors_explained(self):
        try:
            yield
        except Exception as error:
            written = self._versions or {"keras": "of an unknown version"}
            current = current_versions("skglove", *written)
            cause = f"{type(error).__name__}: {str(error)[:200]}"
            raise ValueError(
                f"This network was written by {describe(written)} and cannot be built by {describe(current)} "
                f"({cause}). Install the versions that wrote it, or fit again."
            ) from error

    def take_apart(self):
        """Return the parts, as in `of_parts`, and the versions that made them."""
        with self._lock:
            if self._parts is not None:
                return self._parts, dict(self._versions)
            refuse_fork()
            return take_apart(self._model)

    def __getstate__(self):
        # Only what prediction needs: not the state of the optimizer.
        (name, config, weights, jit_compile), versions = self.take_apart()
        weights = list(map(np.asarray, weights))  # which may be memory-mapped, see `skglove.states`
        return {"parts": (name, config, weights, jit_compile), "versions": versions}

    def __setstate__(self, state):
        self.__init__(None)
        self._parts, self._versions = state["parts"], state["versions"]
        keras_alone = {name: version for name, version in self._versions.items() if name == "keras"}
        warn_of_other_versions("KerasConvTextClassifier", keras_alone)


def _with_new_name(layer):
    """Replace the name that release 0.1.0 had for a layer, in its configuration."""
    new = OLD_NAMES.get(layer["class_name"])
    return layer | {"class_name": new, "registered_name": f"skglove>{new}"} if new else layer


def take_apart(model, weights=None):
    """Return the parts of a Keras model, as in `StoredNetwork.of_parts`, and the versions that made them."""
    import keras

    backend = keras.backend.backend()
    # JAX compiles every network, which must not decide how another backend runs it.
    jit_compile = model.jit_compile and backend == "tensorflow"
    weights = model.get_weights() if weights is None else weights
    parts = type(model).__name__, model.get_config(), weights, jit_compile
    return parts, current_versions("keras", backend)
