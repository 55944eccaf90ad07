"""From hyper-parameters to a compiled Keras model. The only file that lays layers."""

import keras
from keras import layers, ops


def receptive_field(n_conv_layers, kernel_size, pool_size):
    """Work out what one feature before the global pooling sees of the input.

    Parameters
    ----------
    n_conv_layers : int
        Convolutions; all but the last are followed by a max pooling.
    kernel_size : int
        Words that a filter spans.
    pool_size : int
        Width and stride of the max poolings.

    Returns
    -------
    size : int
        Columns that one feature is computed from.
    stride : int
        Columns from the start of one feature to the start of the next.

    References
    ----------
    A. Araujo, W. Norris, J. Sim, "Computing Receptive Fields of Convolutional Neural Networks", Distill,
    2019.

    Examples
    --------
    >>> from skglove.network import receptive_field
    >>> receptive_field(n_conv_layers=3, kernel_size=5, pool_size=5)
    (149, 25)
    """
    size = stride = 1
    for i in range(n_conv_layers):
        size += (kernel_size - 1) * stride
        if i < n_conv_layers - 1:
            size += (pool_size - 1) * stride
            stride *= pool_size
    return size, stride


@keras.saving.register_keras_serializable("skglove")
class OrderedEmbedding(layers.Embedding):
    """An embedding whose gradient does not depend on the order in which threads run.

    TensorFlow adds up the gradients of a word's occurrences in whatever order its threads get to them, and so
    two fits from one seed differ. Here they are sorted by word first.
    """

    def call(self, inputs):
        """Look up the vectors of ids: from (n_documents, n_columns) to (n_documents, n_columns, dim)."""
        if keras.backend.backend() != "tensorflow":  # the others add in a fixed order anyway
            return super().call(inputs)

        @ops.custom_gradient
        def look_up(matrix):
            def gradient(*args, upstream=None):
                upstream = args[0] if upstream is None else upstream
                ids = ops.reshape(inputs, (-1,))
                order = ops.argsort(ids)
                ids = ops.take(ids, order)
                rows = ops.take(ops.reshape(upstream, (-1, self.output_dim)), order, axis=0)
                sums = ops.segment_sum(rows, ids, sorted=True)  # as many rows as the largest id needs
                return ops.pad(sums, [[0, self.input_dim - ops.shape(sums)[0]], [0, 0]])

            return ops.take(matrix, inputs, axis=0), gradient

        # Cast to its own type, the matrix is a tensor: of a variable, TensorFlow asks for a gradient apart.
        matrix = ops.cast(self.embeddings, self.embeddings.dtype)
        return ops.cast(look_up(matrix), self.compute_dtype)


def build_network(
    n_ids,
    n_classes,
    *,
    maxlen,
    embedding_matrix=None,
    embedding_dim=100,
    trainable_embedding=False,
    n_conv_layers=3,
    filters=128,
    kernel_size=5,
    pool_size=5,
    dense_units=128,
    dropout=0.0,
    optimizer="rmsprop",
    learning_rate=0.001,
    loss="categorical_crossentropy",
    seed=0,
):
    """Build and compile the stacked 1D convnet.

    Embedding; convolution and max pooling, repeated; a last convolution and global max pooling; a dense
    layer; softmax. The defaults are the network of [1]_. The input may have any number of columns, down to
    one receptive field; with a shorter `maxlen`, padding is put before it in the network.

    Parameters
    ----------
    n_ids : int
        Rows of the embedding: the largest id + 1.
    n_classes : int
        Units of the softmax.
    maxlen : int
        Columns of the ids.
    embedding_matrix : ndarray of shape (n_ids, dim), float32, or None
        Pre-trained vectors, row by id. None starts from random ones.
    embedding_dim : int
        Size of the vectors where there is no `embedding_matrix`.
    trainable_embedding : bool
        Whether training changes a given `embedding_matrix`.
    n_conv_layers, filters, kernel_size, pool_size, dense_units, dropout, optimizer, learning_rate, loss
        As in `KerasConvTextClassifier`.
    seed : int
        Everything random in the network follows from it.

    Returns
    -------
    model : keras.Model
        From ids of shape (n_documents, n_columns) to probabilities of shape (n_documents, n_classes),
        float32.

    References
    ----------
    .. [1] F. Chollet, "Using pre-trained word embeddings in a Keras model", The Keras Blog, 2016.
    """
    seeds = iter(range(seed, seed + n_conv_layers + 5))

    def glorot():
        return keras.initializers.GlorotUniform(seed=next(seeds))

    trainable = trainable_embedding or embedding_matrix is None
    embedding = (OrderedEmbedding if trainable else layers.Embedding)(
        n_ids,
        embedding_dim if embedding_matrix is None else embedding_matrix.shape[1],
        embeddings_initializer="zeros" if embedding_matrix is not None else _uniform(next(seeds)),
        trainable=trainable,
        name="embedding",
    )
    ids = keras.Input(shape=(None,), dtype="int32", name="ids")
    size, _ = receptive_field(n_conv_layers, kernel_size, pool_size)
    x = ops.pad(ids, [[0, 0], [size - maxlen, 0]]) if maxlen < size else ids
    x = embedding(x)
    for i in range(1, n_conv_layers + 1):
        x = layers.Conv1D(
            filters, kernel_size, activation="relu", kernel_initializer=glorot(), name=f"convolution_{i}"
        )(x)
        if i < n_conv_layers:
            x = layers.MaxPooling1D(pool_size, name=f"pooling_{i}")(x)
    x = layers.GlobalMaxPooling1D(name="global_pooling")(x)
    if dropout:
        x = layers.Dropout(dropout, seed=next(seeds), name="feature_dropout")(x)
    x = layers.Dense(dense_units, activation="relu", kernel_initializer=glorot(), name="dense")(x)
    if dropout:
        x = layers.Dropout(dropout, seed=next(seeds), name="dense_dropout")(x)
    x = layers.Dense(
        n_classes, activation="softmax", kernel_initializer=glorot(), dtype="float32", name="classes"
    )(x)

    model = keras.Model(ids, x, name="stacked")
    if embedding_matrix is not None:
        # Not a Constant initializer: that would write the whole matrix into the model's JSON configuration.
        embedding.set_weights([embedding_matrix])
    model.compile(optimizer=_make_optimizer(optimizer, learning_rate), loss=loss, metrics=["accuracy"])
    return model


def _uniform(seed):
    """Keras's own default for embeddings, seeded."""
    return keras.initializers.RandomUniform(-0.05, 0.05, seed=seed)


def _make_optimizer(optimizer, learning_rate):
    if isinstance(optimizer, str):
        return keras.optimizers.get({"class_name": optimizer, "config": {"learning_rate": learning_rate}})
    return optimizer(learning_rate=learning_rate)
