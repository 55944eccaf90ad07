"""The layers that Keras lacks."""

import keras
from keras import layers, ops


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
    they are summed in a fixed order.
    """

    def call(self, inputs):
        """Look up the vectors of ids: from (n_documents, n_columns) to (n_documents, n_columns, dim)."""
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
class ResidualConv1D(layers.Layer):
    """A 1D convolution with a residual connection: x + relu(convolution(x)) / 4.

    The weights are stored at unit scale and divided by a constant at run time: "equalized learning rate"
    [1]_. The learning rate that suits word vectors of unit variance then suits the convolution as well.

    Parameters
    ----------
    kernel_size : int
        Words that a filter spans. The filter is centred on the word that it changes.
    seed : int
        Seed of the initial weights.

    References
    ----------
    .. [1] T. Karras et al., "Progressive Growing of GANs", ICLR 2018, section 4.1.
    """

    def __init__(self, kernel_size, seed=0, **kwargs):
        super().__init__(**kwargs)
        self.kernel_size = kernel_size
        self.seed = seed

    def build(self, shapes):
        """Make the weights for vectors of the input's size."""
        dim = shapes[0][-1]
        normal = keras.initializers.RandomNormal(stddev=3.0, seed=self.seed)
        self.kernel = self.add_weight((self.kernel_size, dim, dim), normal, name="kernel")
        self.bias = self.add_weight((dim,), "zeros", name="bias")

    def call(self, inputs):
        """Compute vectors (n_documents, n_columns, dim), zero at padding, from such vectors and ids."""
        x, ids = inputs
        before = (self.kernel_size - 1) // 2
        x = ops.pad(mask_padding(x, ids), [[0, 0], [before, self.kernel_size - 1 - before], [0, 0]])
        return mask_padding(self.convolve(x), ids)

    def convolve(self, x):
        """Compute the words that have all their neighbours: `kernel_size` - 1 fewer than in the input."""
        kernel = self.kernel / (9 * self.kernel.shape[0] * self.kernel.shape[1]) ** 0.5
        context = ops.relu(ops.conv(x, ops.cast(kernel, x.dtype)) + ops.cast(self.bias, x.dtype))
        # In TensorFlow, ops.slice has a faster gradient than x[...].
        return ops.slice(x, (0, (self.kernel_size - 1) // 2, 0), ops.shape(context)) + 0.25 * context

    def compute_output_spec(self, inputs):
        """Tell Keras that the output has the shape of the vectors."""
        return keras.KerasTensor(inputs[0].shape, dtype=self.compute_dtype)

    def get_config(self):
        """Return the arguments that rebuild the layer."""
        return {**super().get_config(), "kernel_size": self.kernel_size, "seed": self.seed}


@keras.saving.register_keras_serializable("skglove")
class WeightedSum(layers.Layer):
    """Sum the word vectors of a document, each multiplied by a learned weight of its word.

    The layer stores the logarithms of the weights, which keeps the weights positive.

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

    def look_up(self, ids):
        """Look up the weights of ids, as a tensor of shape (..., 1). The weight of padding is 0."""
        # As in DeterministicEmbedding, the reshape makes the gradient repeatable.
        weights = ops.exp(ops.take(ops.reshape(self.logarithms, (self.n_ids,)), ids))
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

    TINY = 1e-6

    def __init__(self, length, **kwargs):
        super().__init__(**kwargs)
        self.length = length

    def call(self, x):
        """Normalise vectors."""
        root = ops.sqrt(ops.sum(x * x, axis=-1, keepdims=True) + self.TINY**2)
        # Without this addition, TensorFlow computes a reciprocal square root as well.
        return x * (self.length / (root + self.TINY))

    def get_config(self):
        """Return the arguments that rebuild the layer."""
        return {**super().get_config(), "length": self.length}


@keras.saving.register_keras_serializable("skglove")
class SparseBiasDense(layers.Dense):
    """A dense layer whose bias has a sparse gradient, which avoids a memory leak in Keras.

    If all gradients are dense, Keras's optimizers on TensorFlow register a function that keeps the training
    step alive for ever, some MB a fit (https://github.com/tensorflow/tensorflow/issues/80895). One sparse
    gradient prevents this. (An optimizer that clips gradients makes it dense again.)
    """

    def call(self, inputs, training=None):
        """Compute the layer."""
        # A lookup has a sparse gradient.
        bias = ops.take(self.bias, ops.arange(self.units, dtype="int32"), axis=0)
        return self.activation(ops.matmul(inputs, self.kernel) + bias)


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


# Names of these layers in pickles and .keras files of release 0.1.0. A .keras file finds weights by the name
# of the layer's class, so each old name is a class of its own.
OLD_NAMES = {
    "AtLeast": MinimumLength,
    "OrderedEmbedding": DeterministicEmbedding,
    "FixedLength": L2Normalization,
    "ForgettableDense": SparseBiasDense,
}
for _old, _layer in OLD_NAMES.items():
    keras.saving.register_keras_serializable("skglove")(type(_old, (_layer,), {"__module__": __name__}))
