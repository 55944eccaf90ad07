"""Networks that compute no padding. Importing this module registers all of skglove's classes in Keras."""

from collections.abc import Iterable
from functools import partial
from types import SimpleNamespace

import keras
import numpy as np
from keras import layers, ops

from skglove.network.adversarial import gradient_of, shifts_along
from skglove.network.inference import SCALE, weights_by_layer
from skglove.network.layers import HeadPool, MaskPadding, MinimumLength, WeightedSum
from skglove.network.packing import PaddedWords, pack_words, packed_maxima
from skglove.network.stacked_inference import pool_sizes

# The classes of Keras in the networks of all releases.
CLASSES = (
    *("InputLayer", "Embedding", "Conv1D", "MaxPooling1D", "GlobalMaxPooling1D", "Concatenate", "Dense"),
    *("Dropout", "DTypePolicy", "Zeros", "GlorotUniform", "RandomNormal", "RandomUniform", "MaxNorm"),
    "VarianceScaling",
    "__keras_tensor__",
)


class PackedNetwork(keras.Model):
    """A functional model that gives the same results without computing the padding.

    It is made, as any functional model, from inputs and outputs: padded ids; an embedding; layers up to one
    named "global_pooling"; then a chain of layers to the output. It has the layers, weights and results of
    that model. On TensorFlow and PyTorch it computes everything up to "global_pooling" by
    `compute_features`, which a subclass writes. The subclass names the layers that it computes there in
    `computed`; another layer is an error.

    With `jit_compile`, and on JAX, it computes the padding too: compilers need shapes that are known
    beforehand.
    """

    computed = ()

    def call(self, inputs, training=None, mask=None):
        """Compute the output for ids of shape (n_documents, n_columns)."""
        if self.computes_padding or _has_no_values(inputs):
            return super().call(inputs, training=training, mask=mask)
        pooling = self.layers.index(self.get_layer("global_pooling"))
        for step in self.layers[:pooling]:
            if not isinstance(step, (layers.InputLayer, layers.Embedding, *self.computed)):
                raise TypeError(
                    f"{type(self).__name__} skips the padding, and cannot compute the layer {step.name!r} "
                    f"({type(step).__name__}) then: add it to compute_features and to computed."
                )
        x = self.compute_features(ops.convert_to_tensor(inputs, "int32"), training)
        for step in self.layers[pooling + 1 :]:
            x = step(x)
        return x

    @property
    def computes_padding(self):
        """Whether a compiler needs the padding."""
        return self.jit_compile or keras.backend.backend() == "jax"

    def compute_features(self, ids, training=False):
        """Compute the output of "global_pooling" from the words alone.

        Parameters
        ----------
        ids : tensor of shape (n_documents, n_columns), int32
            Padded ids; 0 is padding.
        training : bool, default=False
            Whether a gradient will be computed.

        Returns
        -------
        features : tensor of shape (n_documents, n_features)
            The output of the layer "global_pooling".
        """
        raise NotImplementedError  # a subclass writes it

    def layers_of(self, kind):
        """List the layers of a class, in their order."""
        return [step for step in self.layers if isinstance(step, kind)]


def _has_no_values(x):
    """Tell whether this is one of the tensors by which Keras learns shapes on PyTorch."""
    return getattr(getattr(x, "device", None), "type", None) == "meta"


@keras.saving.register_keras_serializable("skglove")
class PackedConvnet(PackedNetwork):
    """Convolutions with max pooling between them, then global max pooling."""

    computed = MinimumLength, layers.Conv1D, layers.MaxPooling1D

    def compute_features(self, ids, training=False):
        """Compute the global maxima of the last convolution."""
        pool_sizes = [size for step in self.layers_of(layers.MaxPooling1D) for size in step.pool_size]
        ids = self.get_layer("padding")(ids)
        return packed_maxima(ids, self.get_layer("embedding"), self.layers_of(layers.Conv1D), pool_sizes)


@keras.saving.register_keras_serializable("skglove")
class PackedParallelConvnet(PackedNetwork):
    """Convolutions of several widths side by side, each followed by its maximum over time.

    Attributes
    ----------
    reads_long_documents : bool
        Whether training computes gradients in the way that is faster for long documents.
    """

    computed = MinimumLength, MaskPadding, layers.Conv1D, layers.GlobalMaxPooling1D
    reads_long_documents = False

    def compute_features(self, ids, training=False):
        """Compute the global maxima of all convolutions."""
        words = self.pack(ids, training)
        maxima = [words.maxima(convolution) for convolution in self.layers_of(layers.Conv1D)]
        return ops.concatenate(maxima, axis=-1)

    def pack(self, ids, training=False):
        """Look up the words, with the padding that the widest filter sees; for compilers, with all of it."""
        ids, embedding = self.get_layer("padding")(ids), self.get_layer("embedding")
        if self.computes_padding:
            return PaddedWords.look_up(ids, embedding)
        widest = max(size for step in self.layers_of(layers.Conv1D) for size in step.kernel_size)
        return pack_words(ids, embedding, widest, from_windows=training and self.reads_long_documents)


@keras.saving.register_keras_serializable("skglove")
class PackedHybridNet(PackedParallelConvnet):
    """Convolutions of several widths, each followed by its maximum over time, beside a sum of words.

    Attributes
    ----------
    adversarial_shift : float
        How far each word vector is moved in training, as an L2 norm. 0 is no adversarial training.
    """

    computed = *PackedParallelConvnet.computed, WeightedSum
    _shift = None

    @property
    def adversarial_shift(self):
        """How far each word vector is moved."""
        return 0.0 if self.shift is None else float(self.shift.numpy())

    @adversarial_shift.setter
    def adversarial_shift(self, length):
        if self._shift is not None:
            self.shift.assign(length)
        elif length:
            length = keras.Variable(length, trainable=False, autocast=False, dtype="float32")
            self._shift = SimpleNamespace(length=length)  # without an object around it, Keras would save it

    @property
    def shift(self):
        """`adversarial_shift` as a variable, which a compiled step reads anew each time; None if it was 0."""
        return None if self._shift is None else self._shift.length

    def compute_features(self, ids, training=False):
        """Compute the global maxima of all convolutions, and the weighted sums."""
        return self._features_of(self.pack(ids, training))

    def _features_of(self, words):
        maxima = [words.maxima(convolution) for convolution in self.layers_of(layers.Conv1D)]
        features = [*maxima, words.sums(self.get_layer("sum"))]
        return ops.concatenate([ops.cast(x, "float32") for x in features], axis=-1)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """Compute the loss; in adversarial training the mean of it and of that with moved vectors."""
        loss = super().compute_loss(x, y, y_pred, sample_weight, training)
        if self.shift is None or not training:
            return loss
        words = self.pack(ops.convert_to_tensor(x, "int32"), training)

        def loss_of(vectors, training):
            features = self._features_of(words.with_vectors(vectors))
            y_pred = self.get_layer("heads")(features, training=training)
            return super(PackedHybridNet, self).compute_loss(x, y, y_pred, sample_weight, training)

        # Without dropout, the gradient is less random.
        gradient = gradient_of(partial(loss_of, training=False), words.vectors)
        moved = words.vectors + shifts_along(gradient, self.shift)
        return (loss + loss_of(moved, training=True)) / 2


def rebuild(name, config):
    """Rebuild a network from its configuration, with initial weights.

    Parameters
    ----------
    name : str
        Class of the network, such as "PackedConvnet".
    config : dict
        What its `get_config` returned. The names that layers had in earlier releases are understood.

    Returns
    -------
    model : keras.Model
        The network.

    Raises
    ------
    ValueError
        If the configuration has a class that no network of skglove has. It may come from a file that nobody
        vouches for, and Keras would run what a Lambda layer holds.
    """
    _check_classes(config)
    return keras.saving.get_custom_objects()[f"skglove>{name}"].from_config(config)


def _check_classes(config):
    """Refuse a class that no network of skglove has, anywhere in a configuration."""
    if isinstance(config, dict):
        if "class_name" in config:
            name, module = config["class_name"], str(config.get("module"))
            ours = str(config.get("registered_name")).startswith("skglove>")
            ours = ours and config["registered_name"] in keras.saving.get_custom_objects()
            if not ours and (name not in CLASSES or module.split(".")[0] not in ("keras", "None")):
                raise ValueError(f"it has the class {module}.{name}, which no network of skglove has")
        config = config.values()
    if not isinstance(config, str):
        for part in config if isinstance(config, Iterable) else ():
            _check_classes(part)


def expand(model, embedding_matrix, ids, *, word_weights=None, head_weights=None):
    """Copy a trained network to a larger vocabulary, and let it pool its heads.

    Parameters
    ----------
    model : keras.Model
        A network that was trained on some ids, renumbered from 0.
    embedding_matrix : ndarray of shape (n_ids, dim), float32
        The vectors of all ids.
    ids : ndarray of shape (n_trained,), int
        The ids that the network was trained on, in its order. Further rows of it are left out.
    word_weights : ndarray of shape (n_ids,), float32, or None
        The weights of all ids in the sum of words, if there is one.
    head_weights : ndarray of shape (n_heads,), float, or None
        The weights of the heads in the pool. None if the network has no heads.

    Returns
    -------
    expanded : keras.Model
        From all ids to probabilities of shape (n_documents, n_classes), float32.
    """
    config, activation = model.get_config(), "softmax"
    sizes = {"input_dim": len(embedding_matrix), "n_ids": len(embedding_matrix)}
    for step in config["layers"]:
        step["config"] |= {name: size for name, size in sizes.items() if name in step["config"]}
        if step["class_name"] == "Heads" and head_weights is not None:
            activation = step["config"]["activation"]
            if activation == "sigmoid":
                step["config"]["activation"] = "linear"
    expanded = rebuild(type(model).__name__, config)
    for old, new in zip(model.layers, expanded.layers, strict=True):
        weights = old.get_weights()
        if old.name == "embedding":
            weights = [_replace_rows(embedding_matrix, ids, weights[0])]
        elif isinstance(old, WeightedSum):
            new.start_from(np.ones(len(embedding_matrix)) if word_weights is None else word_weights)
            weights = [_replace_rows(new.get_weights()[0], ids, weights[0])]
        new.set_weights(weights)
    if head_weights is not None:
        pool = HeadPool(activation, dtype="float32", name="classes")
        expanded = type(model)(expanded.inputs[0], pool(expanded.outputs[0]), name=model.name)
        pool.set_weights([np.asarray(head_weights, dtype=np.float32)])
    expanded.jit_compile = model.jit_compile  # by default, Keras compiles where there is a GPU
    return expanded


def continue_from(previous, model, ids):
    """Copy the weights of a network to one of fewer ids, which is to be trained further.

    Parameters
    ----------
    previous : StoredNetwork
        A network of all ids, as `expand` returns it. What counts are the weights that it predicts with.
    model : keras.Model
        A network of some ids, renumbered from 0.
    ids : ndarray of shape (n_trained,), int
        These ids, in the order of their numbers in `model`, which may have further rows.

    Returns
    -------
    embedding_matrix : ndarray of shape (n_ids, dim), float32
        The vectors of all ids.
    word_weights : ndarray of shape (n_ids,), float32, or None
        The weights of all ids in the sum of words, if there is one.

    Raises
    ------
    ValueError
        If the networks have other layers, or layers of other shapes.
    """
    (_, config, arrays, _), _ = previous.take_apart()
    before, word_weights = weights_by_layer(config, arrays), None
    if "heads" in before:
        before.pop("classes", None)  # which pools the heads
    now = {step.name: step for step in model.layers if step.weights}
    before |= {name: [] for name in now if name not in before}
    for name, weights in before.items():
        shapes = [array.shape for array in now[name].get_weights()] if name in now else []
        if name == "embedding":
            (embedding_matrix,) = weights
            weights = [with_rows(embedding_matrix[ids], shapes[0][0], 0)]
        elif name == "sum" and weights and shapes:
            word_weights = np.exp(SCALE * weights[0])
            weights = [with_rows(weights[0][ids], shapes[0][0], 0)]
        _check_same(f"layer {name!r} had arrays of shape", [array.shape for array in weights], shapes)
        now[name].set_weights(weights)
    _check_same("poolings had sizes of", *map(pool_sizes, (config, model.get_config())))
    return embedding_matrix, word_weights


def _check_same(what, before, now):
    """Refuse to go on from a network of another shape."""
    if before != now:
        raise ValueError(
            f"warm_start=True needs a network of the same shape as in the previous fit, but its {what} "
            f"{before}, and now {now}. Set architecture, its sizes and the vectors as they were, or "
            "warm_start=False."
        )


def with_rows(array, n_rows, value):
    """Add rows of a value at the end, up to `n_rows`."""
    if len(array) == n_rows:
        return array
    missing = [(0, n_rows - len(array)), *[(0, 0)] * (array.ndim - 1)]
    return np.pad(array, missing, constant_values=value)


def _replace_rows(array, rows, values):
    array = array.copy()
    array[rows] = values[: len(rows)]
    return array
