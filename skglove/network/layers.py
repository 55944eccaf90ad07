"""The layers that Keras lacks."""

import keras
import numpy as np
from keras import layers, ops

from skglove.network.inference import NORM, OLD_NAMES, SCALE, TINY


@keras.saving.register_keras_serializable("skglove")
class MinimumLength(layers.Layer):
    """Pad short documents at their beginning: from (n_documents, n_columns) to at least `n_columns` columns.

    Parameters
    ----------
    n_columns : int
        Columns that come out at least.
    """

    def __init__(self, n_columns, **kwargs):
        super().__init__(**kwargs)
        self.n_columns = n_columns

    def call(self, ids):
        """Pad ids."""
        n_columns = ops.shape(ids)[1]
        # JAX needs shapes of Python ints. In TensorFlow, an unknown number of columns is a tensor.
        largest = max if isinstance(n_columns, int) else ops.maximum
        missing = largest(self.n_columns - n_columns, 0)
        return ops.pad(ids, [[0, 0], [missing, 0]])

    def compute_output_spec(self, ids):
        """Tell Keras that the number of columns is unknown."""
        return keras.KerasTensor((ids.shape[0], None), dtype=ids.dtype)

    def get_config(self):
        """Return the arguments that rebuild the layer."""
        return {**super().get_config(), "n_columns": self.n_columns}


@keras.saving.register_keras_serializable("skglove")
class DeterministicEmbedding(layers.Embedding):
    """An embedding whose training on a CPU is repeatable to the last bit.

    Keras's own embedding passes one gradient for every occurrence of a word to the optimizer. TensorFlow adds
    these to the weights in the order in which its threads arrive. This layer has a dense gradient, in which
    they are summed in a fixed order. On other backends this is Keras's embedding.
    """

    def call(self, inputs):
        """Look up the vectors of ids: from (n_documents, n_columns) to (n_documents, n_columns, dim)."""
        if keras.backend.backend() != "tensorflow":
            return super().call(inputs)
        # The gradient of a reshape is dense.
        matrix = ops.reshape(self.embeddings, (self.input_dim, self.output_dim))
        return ops.cast(ops.take(matrix, inputs, axis=0), self.compute_dtype)


@keras.saving.register_keras_serializable("skglove")
class MaskPadding(layers.Layer):
    """Set the vectors of padding to zero, from vectors (n_documents, n_columns, dim) and ids.

    Padding then has no gradient, so that training does not change its vector.
    """

    def call(self, inputs):
        """Mask vectors."""
        return mask_padding(*inputs)

    def compute_output_spec(self, inputs):
        """Tell Keras that the output has the shape of the vectors."""
        return keras.KerasTensor(inputs[0].shape, dtype=self.compute_dtype)

    def get_config(self):
        """Return the arguments that rebuild the layer."""
        return super().get_config()  # without this method, Keras refuses a dtype policy


@keras.saving.register_keras_serializable("skglove")
class WeightedSum(layers.Layer):
    """Sum the word vectors of a document, each multiplied by a learned weight of its word.

    The layer stores logarithms of the weights, which keeps the weights positive. They are divided by a
    constant, so that the learning rate that suits word vectors moves them enough.

    Parameters
    ----------
    n_ids : int
        The largest id + 1.
    """

    def __init__(self, n_ids, **kwargs):
        super().__init__(**kwargs)
        self.n_ids = n_ids

    def build(self, shapes):
        """Make the weights, all 1."""
        self.logarithms = self.add_weight((self.n_ids,), "zeros", name="logarithms")

    def start_from(self, word_weights):
        """Set the weights of words, an ndarray of shape (n_ids,) above zero."""
        self.set_weights([np.log(word_weights) / SCALE])

    def look_up(self, ids):
        """Look up the weights of ids, as a tensor of shape (..., 1). The weight of padding is 0."""
        # As in DeterministicEmbedding, the reshape makes the gradient repeatable.
        logarithms = ops.take(ops.reshape(self.logarithms, (self.n_ids,)), ids)
        weights = ops.exp(SCALE * logarithms)
        return ops.where(ids != 0, weights, 0.0)[..., None]

    def call(self, inputs):
        """Compute one vector a document from vectors (n_documents, n_columns, dim) and ids."""
        x, ids = inputs
        return ops.sum(ops.cast(x, "float32") * self.look_up(ids), axis=1)

    def compute_output_spec(self, inputs):
        """Tell Keras that the output has one vector a document."""
        return keras.KerasTensor((inputs[0].shape[0], inputs[0].shape[-1]), dtype="float32")

    def get_config(self):
        """Return the arguments that rebuild the layer."""
        return {**super().get_config(), "n_ids": self.n_ids}


@keras.saving.register_keras_serializable("skglove")
class L2Normalization(layers.Layer):
    """Scale vectors (n_documents, dim) to an L2 norm of `length`. Zero vectors stay zero.

    Keras's UnitNormalization multiplies by an approximate reciprocal square root. Its last digit depends on
    the row of the batch that a document is in.

    Parameters
    ----------
    length : float
        L2 norm of the output.
    """

    def __init__(self, length, **kwargs):
        super().__init__(**kwargs)
        self.length = length

    def call(self, x):
        """Normalise vectors."""
        root = ops.sqrt(ops.sum(x * x, axis=-1, keepdims=True) + TINY**2)
        # Without this addition, TensorFlow computes a reciprocal square root as well.
        return x * (self.length / (root + TINY))

    def get_config(self):
        """Return the arguments that rebuild the layer."""
        return {**super().get_config(), "length": self.length}


@keras.saving.register_keras_serializable("skglove")
class SparseBiasDense(layers.Dense):
    """A dense layer whose bias has a sparse gradient, which avoids a memory leak in Keras.

    If all gradients are dense, Keras's optimizers on TensorFlow register a function that keeps the training
    step alive for ever, some MB a fit (https://github.com/tensorflow/tensorflow/issues/80895). One sparse
    gradient prevents this. (An optimizer that clips gradients makes it dense again.) On other backends this
    is Keras's dense layer.
    """

    def call(self, inputs, training=None):
        """Compute the layer."""
        if keras.backend.backend() != "tensorflow":
            return super().call(inputs, training=training)
        # A lookup has a sparse gradient.
        bias = ops.take(self.bias, ops.arange(self.units, dtype="int32"), axis=0)
        return self.activation(ops.matmul(inputs, self.kernel) + bias)


@keras.saving.register_keras_serializable("skglove")
class Heads(layers.Layer):
    """Two linear classifiers side by side: one of the maxima of convolutions, one of the sum of words.

    From features (n_documents, n_maxima + dim) to probabilities (n_documents, 2, n_classes). Each has a loss
    of its own in training. With one loss for both, the sum would learn short texts by heart before the
    convolutions have learned anything.

    Parameters
    ----------
    n_maxima : int
        How many of the features are maxima.
    n_classes : int
        Units of each classifier.
    dropout : float
        Dropout rate of the maxima.
    seed : int
        Seed of the initial weights and of dropout.
    activation : {"softmax", "sigmoid", "linear"}
        "sigmoid" for multilabel; "linear" gives the logits, for a `HeadPool` with a sigmoid.
    """

    def __init__(self, n_maxima, n_classes, dropout=0.0, seed=0, activation="softmax", **kwargs):
        super().__init__(**kwargs)
        self.n_maxima, self.n_classes, self.dropout, self.seed = n_maxima, n_classes, dropout, seed
        self.activation = activation
        options = {"activation": activation, "dtype": "float32"}
        initializer = keras.initializers.GlorotUniform(seed=seed)
        self.drop = layers.Dropout(dropout, seed=seed, dtype="float32")
        self.of_maxima = SparseBiasDense(
            n_classes, kernel_initializer=initializer, name="of_maxima", **options
        )
        self.normalize = L2Normalization(NORM, dtype="float32")
        self.of_sums = SparseBiasDense(n_classes, kernel_initializer="zeros", name="of_sums", **options)

    def build(self, shape):
        """Make the weights."""
        self.of_maxima.build((None, self.n_maxima))
        self.of_sums.build((None, shape[-1] - self.n_maxima))

    def call(self, x, training=None):
        """Compute the probabilities of both."""
        maxima, sums = x[:, : self.n_maxima], x[:, self.n_maxima :]
        maxima = self.of_maxima(self.drop(maxima, training=training))
        return ops.stack([maxima, self.of_sums(self.normalize(sums))], axis=1)

    def compute_output_spec(self, x, training=None):
        """Tell Keras that the output has one row for each classifier."""
        return keras.KerasTensor((x.shape[0], 2, self.n_classes), dtype="float32")

    def get_config(self):
        """Return the arguments that rebuild the layer."""
        own = "n_maxima", "n_classes", "dropout", "seed", "activation"
        return {**super().get_config(), **{name: getattr(self, name) for name in own}}


@keras.saving.register_keras_serializable("skglove")
class HeadPool(layers.Layer):
    """Combine the probabilities of heads by a logarithmic opinion pool with given weights.

    From probabilities (n_documents, n_heads, n_classes) to (n_documents, n_classes).

    Parameters
    ----------
    activation : {"softmax", "sigmoid"}
        "sigmoid", for multilabel, takes logits: near 1, probabilities have too few digits.
    """

    def __init__(self, activation="softmax", **kwargs):
        super().__init__(**kwargs)
        self.activation = activation

    def build(self, shape):
        """Make the weights, all 1 / n_heads."""
        equal = keras.initializers.Constant(1 / shape[1])
        self.factors = self.add_weight((shape[1],), equal, trainable=False, name="factors")

    def call(self, x):
        """Compute the weighted geometric mean, normalised."""
        if self.activation == "sigmoid":
            return ops.sigmoid(ops.sum(x * self.factors[:, None], axis=1))
        logarithms = ops.log(ops.maximum(x, np.finfo(np.float32).tiny))
        return ops.softmax(ops.sum(logarithms * self.factors[:, None], axis=1), axis=-1)

    def compute_output_spec(self, x):
        """Tell Keras that the output has one row a document."""
        return keras.KerasTensor((x.shape[0], x.shape[-1]), dtype="float32")

    def get_config(self):
        """Return the arguments that rebuild the layer."""
        return {**super().get_config(), "activation": self.activation}


def mask_padding(x, ids):
    """Set the vectors of padding to zero.

    Parameters
    ----------
    x : tensor of shape (n_documents, n_columns, dim)
        Vectors.
    ids : tensor of shape (n_documents, n_columns), int32
        Their ids; 0 is padding.

    Returns
    -------
    x : tensor of shape (n_documents, n_columns, dim)
        Vectors, zero where the id is 0.
    """
    return ops.where((ids != 0)[..., None], x, ops.zeros((), x.dtype))


# A .keras file finds weights by the name of the layer's class, so each old name is a class of its own.
for _old, _new in OLD_NAMES.items():
    _layer = type(_old, (globals()[_new],), {"__module__": __name__})
    keras.saving.register_keras_serializable("skglove")(_layer)
