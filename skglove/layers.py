"""What Keras lacks: an embedding that repeats to the last digit, and networks that leave out the padding."""

import keras
from keras import layers, ops

# The rows of a batch share a convolution's work among them: one row would leave threads without work. Rows
# whose length varied by single words would have the processor's code written anew for every batch.
N_FRAMES = 16


@keras.saving.register_keras_serializable("skglove")
class OrderedEmbedding(layers.Embedding):
    """An embedding that two trainings from one seed on a CPU change alike.

    Keras's hands the gradient of every occurrence of a word to the optimizer, and TensorFlow adds them to the
    weights in whatever order its threads get to them. Here they are summed up beforehand, in a fixed order.
    """

    def call(self, inputs):
        """Look up the vectors of ids: from (n_documents, n_columns) to (n_documents, n_columns, dim)."""
        # The gradient of a reshaping is dense.
        matrix = ops.reshape(self.embeddings, (self.input_dim, self.output_dim))
        return ops.cast(ops.take(matrix, inputs, axis=0), self.compute_dtype)


@keras.saving.register_keras_serializable("skglove")
class ForgettableDense(layers.Dense):
    """A dense layer that lets Keras forget a network that is no longer used.

    Where all gradients are dense, Keras's optimizers on TensorFlow register a function that holds the
    training step for ever, some MB a fit (https://github.com/tensorflow/tensorflow/issues/80895). One sparse
    gradient prevents it: here that of the bias, which is looked up. (An optimizer that clips gradients makes
    it dense again.)
    """

    def call(self, inputs, training=None):
        """Compute the layer."""
        bias = ops.take(self.bias, ops.arange(self.units, dtype="int32"), axis=0)
        return self.activation(ops.matmul(inputs, self.kernel) + bias)


@keras.saving.register_keras_serializable("skglove")
class AtLeast(layers.Layer):
    """Put padding before short documents: from (n_documents, n_columns) to at least `n_columns` columns."""

    def __init__(self, n_columns, **kwargs):
        super().__init__(**kwargs)
        self.n_columns = n_columns

    def call(self, ids):
        """Pad ids."""
        n_columns = ops.shape(ids)[1]
        # JAX needs a shape of Python's own numbers; where TensorFlow does not know it yet, it is a tensor.
        largest = max if isinstance(n_columns, int) else ops.maximum
        missing = largest(self.n_columns - n_columns, 0)
        return ops.pad(ids, [[0, 0], [missing, 0]])

    def compute_output_spec(self, ids):
        """Tell Keras that the number of columns is not known beforehand."""
        return keras.KerasTensor((ids.shape[0], None), dtype=ids.dtype)

    def get_config(self):
        """Return what rebuilds the layer."""
        return {**super().get_config(), "n_columns": self.n_columns}


@keras.saving.register_keras_serializable("skglove")
class PackedConvnet(keras.Model):
    """A network of convolutions and poolings that leaves out the padding, without changing its results.

    Made as a functional model from padded ids, through an embedding, 1D convolutions with max poolings
    between them and a global max pooling, to whatever follows. It has the layers, weights and results of that
    model, but runs the convolutions on the words of all documents of a batch behind one another. What lies in
    the padding alone gives one and the same feature everywhere, which is computed once and put in where a
    convolution reaches over the edge of a document.

    With `jit_compile`, and on other backends than TensorFlow, it computes the padding too: compilers need
    shapes that they know beforehand.
    """

    def call(self, inputs, training=None, mask=None):
        """Compute the output for ids of shape (n_documents, n_columns)."""
        if self.jit_compile or keras.backend.backend() != "tensorflow":
            return super().call(inputs, training=training, mask=mask)
        x = self.compute_features(ops.convert_to_tensor(inputs, "int32"))
        for step in self.layers[self.layers.index(self.get_layer("global_pooling")) + 1 :]:
            x = step(x)
        return x

    def compute_features(self, ids):
        """Compute what the global pooling gives, from the words alone."""
        convolutions = [step for step in self.layers if isinstance(step, layers.Conv1D)]
        pool_sizes = [
            size for step in self.layers if isinstance(step, layers.MaxPooling1D) for size in step.pool_size
        ]
        ids = self.get_layer("padding")(ids)
        return packed_features(ids, self.get_layer("embedding"), convolutions, pool_sizes)


@keras.saving.register_keras_serializable("skglove")
class ResidualConv1D(layers.Layer):
    """Add to every word vector what a convolution makes of the words around it: x + relu(convolution(x)) / 4.

    The weights are kept larger than they are used, so that the learning rate that suits word vectors of unit
    variance suits them as well [1]_.

    Parameters
    ----------
    kernel_size : int
        Words that a filter spans, the word itself in their middle.
    seed : int
        Source of the initial weights.

    References
    ----------
    .. [1] T. Karras et al., "Progressive Growing of GANs", ICLR 2018, section 4.1.
    """

    def __init__(self, kernel_size, seed=0, **kwargs):
        super().__init__(**kwargs)
        self.kernel_size = kernel_size
        self.seed = seed

    def build(self, shapes):
        """Make the weights for vectors of the size that comes in."""
        dim = shapes[0][-1]
        normal = keras.initializers.RandomNormal(stddev=3.0, seed=self.seed)
        self.kernel = self.add_weight((self.kernel_size, dim, dim), normal, name="kernel")
        self.bias = self.add_weight((dim,), "zeros", name="bias")

    def call(self, inputs):
        """Compute from vectors (n_documents, n_columns, dim) and ids as many vectors, zero at padding."""
        x, ids = inputs
        before = (self.kernel_size - 1) // 2
        x = ops.pad(_hide_padding(x, ids), [[0, 0], [before, self.kernel_size - 1 - before], [0, 0]])
        return _hide_padding(self.convolve(x), ids)

    def convolve(self, x):
        """Compute the words that have all their neighbours: `kernel_size` - 1 fewer than come in."""
        kernel = self.kernel / (9 * self.kernel.shape[0] * self.kernel.shape[1]) ** 0.5
        context = ops.relu(ops.conv(x, ops.cast(kernel, x.dtype)) + ops.cast(self.bias, x.dtype))
        # Slicing as with brackets has a slow gradient in TensorFlow.
        return ops.slice(x, (0, (self.kernel_size - 1) // 2, 0), ops.shape(context)) + 0.25 * context

    def compute_output_spec(self, inputs):
        """Tell Keras that vectors come out as they come in."""
        return keras.KerasTensor(inputs[0].shape, dtype=self.compute_dtype)

    def get_config(self):
        """Return what rebuilds the layer."""
        return {**super().get_config(), "kernel_size": self.kernel_size, "seed": self.seed}


@keras.saving.register_keras_serializable("skglove")
class WeightedSum(layers.Layer):
    """Add up the vectors of a document's words, each with a weight that is learned.

    Weights are kept as logarithms, so that none can fall below zero.

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

    def weigh(self, ids):
        """Look up the weights of words; padding has none."""
        # As in OrderedEmbedding, reshaping makes the gradient repeatable.
        weights = ops.exp(ops.take(ops.reshape(self.logarithms, (self.n_ids,)), ids))
        return ops.where(ids != 0, weights, 0.0)[..., None]

    def call(self, inputs):
        """Compute from vectors (n_documents, n_columns, dim) and ids one vector a document."""
        x, ids = inputs
        return ops.sum(ops.cast(x, "float32") * self.weigh(ids), axis=1)

    def compute_output_spec(self, inputs):
        """Tell Keras that there is one vector a document."""
        return keras.KerasTensor((inputs[0].shape[0], inputs[0].shape[-1]), dtype="float32")

    def get_config(self):
        """Return what rebuilds the layer."""
        return {**super().get_config(), "n_ids": self.n_ids}


@keras.saving.register_keras_serializable("skglove")
class FixedLength(layers.Layer):
    """Scale vectors (n_documents, dim) to one length; zeros stay zeros.

    Keras's UnitNormalization multiplies with a fast reciprocal root, whose last digit depends on which row
    of the batch a document is.
    """

    TINY = 1e-6

    def __init__(self, length, **kwargs):
        super().__init__(**kwargs)
        self.length = length

    def call(self, x):
        """Compute the layer."""
        root = ops.sqrt(ops.sum(x * x, axis=-1, keepdims=True) + self.TINY**2)
        # Without the addition TensorFlow would make it a reciprocal root.
        return x * (self.length / (root + self.TINY))

    def get_config(self):
        """Return what rebuilds the layer."""
        return {**super().get_config(), "length": self.length}


@keras.saving.register_keras_serializable("skglove")
class PackedResidualNet(PackedConvnet):
    """The same for residual convolutions and a weighted sum instead of poolings."""

    def compute_features(self, ids):
        """Compute the weighted sums, from the words alone."""
        convolutions = [step for step in self.layers if isinstance(step, ResidualConv1D)]
        return packed_sums(ids, self.get_layer("embedding"), convolutions, self.get_layer("global_pooling"))


def _hide_padding(x, ids):
    return ops.where((ids != 0)[..., None], x, ops.zeros((), x.dtype))


def packed_sums(ids, embedding, convolutions, weighted_sum):
    """Compute the weighted sums of vectors that have been through convolutions.

    Parameters
    ----------
    ids : tensor of shape (n_documents, n_columns), int32
        Padded ids, 0 being padding.
    embedding : keras.layers.Embedding
        From ids to vectors.
    convolutions : list of ResidualConv1D
        From vectors to vectors.
    weighted_sum : WeightedSum
        From vectors to one vector a document.

    Returns
    -------
    sums : tensor of shape (n_documents, dim), float32
        What the layers give, applied to all columns.
    """
    n_documents, length = ops.shape(ids)
    start, end = word_spans(ids)
    # The words of a document, and so much padding around them as convolutions reach.
    before = sum((convolution.kernel_size - 1) // 2 for convolution in convolutions)
    reach = sum(convolution.kernel_size - 1 for convolution in convolutions)
    sizes = end - start + reach
    ends = ops.cumsum(sizes)
    row, document = _number_rows(ends, reach, 1)
    first = ops.arange(n_documents, dtype="int32") * length
    column = row - before + _take_columns([start - ends + sizes], document)[0]
    start, end, first = _take_columns([start, end, first], document)
    inside = (column >= start) & (column < end)
    ids = ops.where(inside, ops.take(ops.reshape(ids, (-1,)), ops.where(inside, first + column, 0)), 0)
    x = _hide_padding(embedding(ids), ids)
    for convolution in convolutions:
        left = (convolution.kernel_size - 1) // 2
        x = convolution.convolve(x)
        ids = ids[:, left : left + ops.shape(x)[1]]
        x = _hide_padding(x, ids)
    x = ops.cast(x, "float32") * weighted_sum.weigh(ids)
    # Convolutions have moved every word to the front of the rows of its document. What is behind the last
    # document goes by itself: the number of rows added up must not depend on where a document is, because
    # that would change the last digit.
    document = ops.where(row < ends[-1], document, n_documents)[:, : ops.shape(x)[1]]
    x, document = ops.reshape(x, (-1, x.shape[-1])), ops.reshape(document, (-1,))
    return ops.segment_sum(x, document, sorted=True)[:n_documents]


def packed_features(ids, embedding, convolutions, pool_sizes):
    """Compute the global maxima of the last convolution's features.

    Parameters
    ----------
    ids : tensor of shape (n_documents, n_columns), int32
        Padded ids, 0 being padding. At least as many columns as one feature sees.
    embedding : keras.layers.Embedding
        From ids to vectors.
    convolutions : list of keras.layers.Conv1D
        Of stride 1, without padding of their own.
    pool_sizes : list of int
        Width and stride of the max pooling after each convolution but the last.

    Returns
    -------
    features : tensor of shape (n_documents, n_filters)
        What the layers, applied to all columns, have as their maxima.
    """
    n_documents, length = ops.shape(ids)
    start, end = word_spans(ids)
    # Of a document, `values` holds positions start to end, from row `first_row` on. All other positions up to
    # length are equal to `constant`.
    values, first_row = ops.reshape(ids, (-1,)), ops.arange(n_documents, dtype="int32") * length + start
    constant = ops.zeros((), dtype="int32")
    for convolution, pool_size in zip(convolutions, [*pool_sizes, 1], strict=True):
        (kernel_size,) = convolution.kernel_size
        length = (length - kernel_size + 1) // pool_size
        # Features that see any position from start to end. They begin in pool_size * position.
        new_start = ops.clip((start - kernel_size + 1) // pool_size, 0, length - 1)
        new_end = ops.clip((end - 1) // pool_size + 1, new_start + 1, length)
        if convolution is convolutions[-1]:
            # One more on either side, so that features of padding alone take part in the maximum.
            new_start, new_end = ops.maximum(new_start - 1, 0), ops.minimum(new_end + 1, length)
        # The last features of a document reach on; rounded up, so that poolings never mix two documents.
        sizes = new_end - new_start + -(-(kernel_size - 1) // pool_size)
        ends = ops.cumsum(sizes)
        row, document = _number_rows(ends * pool_size, kernel_size - 1, pool_size)
        shift = (new_start - ends + sizes) * pool_size
        shift, start, end, first_row = _take_columns([shift, start, end, first_row - start], document)
        position = row + shift
        inside = (position >= start) & (position < end)
        x = ops.take(values, ops.where(inside, position + first_row, 0), axis=0)
        padding = ops.broadcast_to(constant, (1, kernel_size, *constant.shape))
        if convolution is convolutions[0]:
            x, padding = embedding(ops.where(inside, x, constant)), embedding(padding)
        else:
            x = ops.where(inside[..., None], x, constant)
        x, constant = _convolve(x, convolution, pool_size), _convolve(padding, convolution)
        values, constant = ops.reshape(x, (-1, x.shape[-1])), ops.reshape(constant, (-1,))
        start, end, first_row = new_start, new_end, ends - sizes
    ends = ops.cumsum(end - start)
    row, document = ops.arange(ends[-1], dtype="int32"), _number_documents(ends, ends[-1])
    (first_row,) = _take_columns([first_row - ends + end - start], document)
    return ops.segment_max(ops.take(values, row + first_row, axis=0), document, sorted=True)


def _number_rows(ends, overlap, pool_size):
    """Number the rows up to the last end in N_FRAMES frames, each of which goes on into the next.

    Returns the numbers, in an array of shape (N_FRAMES, width + overlap), and the document that each is of.
    """
    step = pool_size * 8
    width = (ends[-1] + N_FRAMES * step - 1) // (N_FRAMES * step) * step
    row = ops.arange(N_FRAMES, dtype="int32")[:, None] * width + ops.arange(width + overlap, dtype="int32")
    return row, ops.take(_number_documents(ends, N_FRAMES * width + overlap), row)


def _number_documents(ends, n_rows):
    """Tell which document each of so many rows is of; rows behind the last document count as its own.

    No document is empty. (`ops.searchsorted` works where the number of documents is not known beforehand
    from Keras 3.12 on.)
    """
    return ops.cumsum(ops.scatter(ends[:-1, None], ops.ones_like(ends[:-1]), (n_rows,)))


def _take_columns(columns, rows):
    """Take the same rows of several columns."""
    return ops.unstack(ops.take(ops.stack(columns, axis=1), rows, axis=0), len(columns), axis=-1)


def _convolve(x, convolution, pool_size=1):
    """Convolve, pool, and only then add the bias and activate: the same numbers, for less work."""
    x = ops.conv(x, ops.cast(convolution.kernel, x.dtype))
    if pool_size > 1:
        x = ops.max_pool(x, pool_size, pool_size)
    return convolution.activation(x + ops.cast(convolution.bias, x.dtype))


def word_spans(ids):
    """Find the first column of each document that is no padding, and the column after the last.

    Parameters
    ----------
    ids : tensor of shape (n_documents, n_columns), int32
        Padded ids, 0 being padding.

    Returns
    -------
    start, end : tensors of shape (n_documents,), int32
        0 and 1 for a document without words.
    """
    words = ids != 0
    start = ops.cast(ops.argmax(words, axis=1), "int32")
    end = ops.shape(ids)[1] - ops.cast(ops.argmax(ops.flip(words, axis=1), axis=1), "int32")
    return start, ops.where(ops.any(words, axis=1), end, 1)
