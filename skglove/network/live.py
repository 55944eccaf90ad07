"""A network that goes on training: built and traced once, pickled with all that training changes."""

from contextlib import contextmanager

import numpy as np

from skglove.auto_settings import OF_NETWORK
from skglove.network.forks import record_use, refuse_fork
from skglove.network.inference import SCALE
from skglove.network.lookup import can_look_up, lookup_network
from skglove.network.pickling import StoredNetwork, take_apart
from skglove.states import without_memory_maps
from skglove.versions import current_versions, describe


class LiveNetwork:
    """A compiled network for all ids of a vocabulary.

    A pickle holds weights, the state of the optimizer and that of dropout's seeds, so that training goes on
    to the last bit as it would have without pickling. Loading does not import Keras; the next training builds
    the network.

    Parameters
    ----------
    parameters : dict
        The classifier's parameters, without "auto".
    n_ids : int
        Rows of the embedding.
    n_classes : int
        Units of the softmax.
    maxlen : int
        Columns of a batch.
    seed : int
        Seed of everything random in the network.
    vectors : ndarray of shape (n_ids, dim), float32, or None
        Vectors to start from. None starts from random ones.
    word_weights : ndarray of shape (n_ids,), float32
        Initial weights of words in "hybrid".
    """

    def __init__(self, parameters, *, n_ids, n_classes, maxlen, seed, vectors, word_weights):
        self._parameters = {name: parameters[name] for name in (*OF_NETWORK, "optimizer", "batch_size")}
        self._parameters["jit_compile"] = parameters["jit_compile"] not in ("deprecated", False)
        self._n_classes, self._maxlen, self._seed = n_classes, maxlen, seed
        self._dim = None if vectors is None else vectors.shape[1]
        self._n_ids, self._pooled, self._versions = n_ids, None, None
        self._model = self._build(vectors, word_weights)
        self._weights, self._state = self._model.get_weights(), None
        # It depends on the vectors at the start, which a pickle does not keep.
        self._adversarial_shift = getattr(self._model, "adversarial_shift", 0.0)

    def _build(self, vectors, word_weights=None):
        from skglove.network.build import build_network
        from skglove.network.loss_and_optimizer import checked_optimizer

        parameters = {name: value for name, value in self._parameters.items() if name != "batch_size"}
        return build_network(
            self._n_ids,
            self._n_classes,
            **parameters | {"optimizer": checked_optimizer(parameters["optimizer"])},
            embedding_matrix=vectors,
            word_weights=word_weights,
            seed=self._seed,
        )

    def continue_from(self, previous):
        """Take over the weights of a fitted `StoredNetwork`."""
        from skglove.network.models import continue_from

        continue_from(previous, self.model, np.arange(self._n_ids))
        self._weights = self.model.get_weights()

    @property
    def model(self):
        """The network, a compiled `keras.Model`, which the first use after loading builds."""
        if self._model is None:
            record_use()
            try:
                vectors = None if self._dim is None else np.zeros((self._n_ids, self._dim), dtype=np.float32)
                model = self._build(vectors)
                self._restore(model, self._weights, self._state)
                if shift := vars(self).get("_adversarial_shift"):
                    model.adversarial_shift = shift
            except Exception as error:
                current = current_versions("skglove", *self._versions)
                raise ValueError(
                    f"This network was written by {describe(self._versions)} and cannot be trained further "
                    f"by {describe(current)} ({type(error).__name__}: {str(error)[:200]}). Install the "
                    "versions that wrote it, or fit again."
                ) from error
            self._model, self._state = model, None
        return self._model

    def train(self, documents, codes, sample_weight, order, idf_changes=None):
        """Train on documents, each once.

        Parameters
        ----------
        documents : Documents
            Token ids.
        codes : ndarray of shape (n_documents,), int
            Classes, numbered from 0.
        sample_weight : ndarray of shape (n_documents,), float
            Factor of each document's loss.
        order : ndarray of shape (n_documents,), int
            The order of the documents.
        idf_changes : ndarray of shape (n_ids,), float, or None
            Factors by which the weights of words in "hybrid" change before training.

        Returns
        -------
        loss, accuracy : float
            Weighted means in training.
        """
        model = self.model
        if idf_changes is not None and any(layer.name == "sum" for layer in model.layers):
            logarithms = model.get_layer("sum").get_weights()[0] + np.log(idf_changes) / SCALE
            model.get_layer("sum").set_weights([logarithms.astype(np.float32)])
        measured = self._run(documents, codes, sample_weight, order)
        self._weights = model.get_weights()
        with np.errstate(invalid="ignore"):  # infinities of both signs
            sums = [array.sum() for array in self._weights]
        if not np.isfinite([*measured, *sums]).all():
            raise ValueError(
                f"The loss is {measured[0]}, or a weight is no longer finite. Try a learning_rate lower than "
                f"{self._parameters['learning_rate']}."
            )
        return measured

    @contextmanager
    def rollback(self):
        """Bring the network back to where it was if what is done to it fails, or is interrupted."""
        weights, state = self._weights, _extra_state(self.model)
        try:
            yield
        except BaseException:
            self._weights = weights
            self._restore(self.model, weights, state)
            raise

    def _run(self, documents, codes, sample_weight, order):
        """Make one step per batch. All batches have one shape, or a few, so that the step is traced once."""
        from skglove.network.batches import Batches
        from skglove.network.callbacks import retracing_warnings_hidden
        from skglove.network.widths import widths_of

        size = self._parameters["batch_size"]
        # On JAX there are a few shapes, the same for all documents to come.
        widths = widths_of(self._model, self._maxlen, self._maxlen, growth=2)
        batches = Batches(documents, maxlen=self._maxlen, batch_size=size, widths=widths)
        totals = np.zeros(2)
        with retracing_warnings_hidden():
            for rows in np.array_split(order, -(-len(order) // size)):
                # What is missing is documents of no words and weight 0.
                ids = batches.ids_of(rows, size)
                targets = np.zeros((size, self._n_classes), dtype=np.float32)
                targets[np.arange(size), np.append(codes[rows], np.zeros(size - len(rows), dtype=int))] = 1
                weights = np.zeros(size, dtype=np.float32)
                weights[: len(rows)] = sample_weight[rows] * (size / len(rows))  # Keras divides by `size`
                self._model.reset_metrics()  # which older versions of Keras do not do
                logs = self._model.train_on_batch(ids, targets, weights, return_dict=True)
                totals += len(rows) * float(logs["loss"]), sample_weight[rows].sum() * float(logs["accuracy"])
        return tuple((totals / sample_weight.sum()).tolist())

    def predict_heads(self, documents):
        """Predict probabilities; those of the heads of "hybrid" are not pooled.

        Parameters
        ----------
        documents : Documents
            Token ids.

        Returns
        -------
        probabilities : ndarray of shape (n_documents, n_classes) or (n_documents, n_heads, n_classes)
        """
        model = self.model
        name, config = type(model).__name__, model.get_config()
        if can_look_up(name, config):
            return lookup_network(name, config, self._weights).predict(documents, self._maxlen)
        from skglove.network.training import predict

        return predict(model, documents, maxlen=self._maxlen, batch_size=self._parameters["batch_size"])

    def stored(self, head_weights):
        """Return the network as it is now, to predict with.

        Parameters
        ----------
        head_weights : ndarray of shape (n_heads,), float, or None
            Weights of the heads in the pool. None if the network has no heads.

        Returns
        -------
        network : StoredNetwork
            A copy, which shares arrays with the pickles of this network; or, if NumPy cannot compute it, this
            network itself.
        """
        model, weights = self.model, self._weights
        if head_weights is not None:
            from skglove.network.layers import HeadPool

            if self._pooled is None:
                pool = HeadPool(dtype="float32", name="classes")
                self._pooled = type(model)(model.inputs[0], pool(model.outputs[0]), name=model.name)
                self._pooled.jit_compile = model.jit_compile
            factors = np.asarray(head_weights, dtype=np.float32)
            self._pooled.get_layer("classes").set_weights([factors])
            model, weights = self._pooled, [*weights, factors]
        if not can_look_up(type(model).__name__, model.get_config()):
            return StoredNetwork(model)
        return StoredNetwork.of_parts(*take_apart(model, weights))

    @staticmethod
    def _restore(model, weights, state):
        model.set_weights(weights)
        for variable, value in zip(extra_variables(model), state, strict=True):
            variable.assign(value)

    def __getstate__(self):
        state = without_memory_maps(vars(self)) | {"_model": None, "_pooled": None}
        if self._model is not None:
            import keras

            refuse_fork()
            state["_state"] = _extra_state(self._model)
            state["_versions"] = current_versions("keras", keras.backend.backend())
        return state


def extra_variables(model):
    """List what training changes besides the weights: the optimizer's variables and dropout's seeds."""
    seeds = [variable for variable in model.variables if "seed_generator" in variable.path]
    return [*model.optimizer.variables, *seeds]


def _extra_state(model):
    return [variable.numpy() for variable in extra_variables(model)]
