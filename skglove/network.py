"""From hyper-parameters to a compiled Keras model. The only file that lays layers."""

import keras
from keras import layers

from skglove.layers import AtLeast, ForgettableDense, OrderedEmbedding, PackedConvnet


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


def build_network(
    n_ids,
    n_classes,
    *,
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
    dtype_policy=None,
    jit_compile=False,
    seed=0,
):
    """Build and compile the stacked 1D convnet.

    Embedding; convolution and max pooling, repeated; a last convolution and global max pooling; a dense
    layer; softmax. The defaults are the network of [1]_. The input may have any number of columns; what is
    shorter than one receptive field gets padding put before it. Padding costs next to nothing, see
    `PackedConvnet`.

    Parameters
    ----------
    n_ids : int
        Rows of the embedding: the largest id + 1.
    n_classes : int
        Units of the softmax.
    embedding_matrix : ndarray of shape (n_ids, dim), float32, or None
        Pre-trained vectors, row by id. None starts from random ones.
    embedding_dim : int
        Size of the vectors where there is no `embedding_matrix`.
    trainable_embedding : bool
        Whether training changes a given `embedding_matrix`.
    n_conv_layers, filters, kernel_size, pool_size, dense_units, dropout, optimizer, learning_rate, loss, \
    dtype_policy, jit_compile
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
    policy = keras.dtype_policies.get(dtype_policy)

    def glorot():
        return keras.initializers.GlorotUniform(seed=next(seeds))

    trainable = trainable_embedding or embedding_matrix is None
    embedding = (OrderedEmbedding if trainable else layers.Embedding)(
        n_ids,
        embedding_dim if embedding_matrix is None else embedding_matrix.shape[1],
        embeddings_initializer="zeros" if embedding_matrix is not None else _uniform(next(seeds)),
        trainable=trainable,
        dtype=policy,
        name="embedding",
    )
    ids = keras.Input(shape=(None,), dtype="int32", name="ids")
    x = AtLeast(receptive_field(n_conv_layers, kernel_size, pool_size)[0], name="padding")(ids)
    x = embedding(x)
    for i in range(1, n_conv_layers + 1):
        x = layers.Conv1D(
            filters,
            kernel_size,
            activation="relu",
            kernel_initializer=glorot(),
            dtype=policy,
            name=f"convolution_{i}",
        )(x)
        if i < n_conv_layers:
            x = layers.MaxPooling1D(pool_size, dtype=policy, name=f"pooling_{i}")(x)
    x = layers.GlobalMaxPooling1D(dtype=policy, name="global_pooling")(x)
    if dropout:
        x = layers.Dropout(dropout, seed=next(seeds), dtype=policy, name="feature_dropout")(x)
    x = layers.Dense(dense_units, activation="relu", kernel_initializer=glorot(), dtype=policy, name="dense")(
        x
    )
    if dropout:
        x = layers.Dropout(dropout, seed=next(seeds), dtype=policy, name="dense_dropout")(x)
    x = ForgettableDense(
        n_classes, activation="softmax", kernel_initializer=glorot(), dtype="float32", name="classes"
    )(x)

    model = PackedConvnet(ids, x, name="stacked")
    if embedding_matrix is not None:
        # Not a Constant initializer: that would write the whole matrix into the model's JSON configuration.
        embedding.set_weights([embedding_matrix])
    model.compile(
        optimizer=_make_optimizer(optimizer, learning_rate),
        loss=loss,
        metrics=["accuracy"],
        jit_compile=jit_compile,
    )
    return model


def _uniform(seed):
    """Keras's own default for embeddings, seeded."""
    return keras.initializers.RandomUniform(-0.05, 0.05, seed=seed)


def _make_optimizer(optimizer, learning_rate):
    if isinstance(optimizer, str):
        return keras.optimizers.get({"class_name": optimizer, "config": {"learning_rate": learning_rate}})
    return optimizer(learning_rate=learning_rate)
