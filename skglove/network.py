"""From hyper-parameters to a compiled Keras model. The only file that lays layers."""

import keras
import numpy as np
from keras import layers

from skglove.layers import (
    AtLeast,
    FixedLength,
    ForgettableDense,
    OrderedEmbedding,
    PackedConvnet,
    PackedResidualNet,
    ResidualConv1D,
    WeightedSum,
)

# The length that "residual" scales its features to.
FEATURE_LENGTH = 10.0


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


def runs_compiled(jit_compile):
    """Decide whether a network is run compiled, with the Keras backend in use.

    On JAX always: otherwise Keras runs a network there operation by operation, which takes three times as
    long. On PyTorch never: its compiler fails on these networks.

    Parameters
    ----------
    jit_compile : bool
        What was asked for. Decides on TensorFlow.

    Returns
    -------
    compiled : bool
        What to give to Keras as `jit_compile`.
    """
    return {"jax": True, "torch": False}.get(keras.backend.backend(), jit_compile)


def build_network(
    n_ids,
    n_classes,
    *,
    architecture="stacked",
    embedding_matrix=None,
    embedding_dim=100,
    word_weights=None,
    trainable_embedding=False,
    n_conv_layers=3,
    filters=128,
    kernel_size=5,
    pool_size=5,
    dense_units=128,
    dropout=0.0,
    optimizer="rmsprop",
    learning_rate=0.001,
    n_steps=None,
    loss="categorical_crossentropy",
    dtype_policy=None,
    jit_compile=False,
    seed=0,
):
    """Build and compile a 1D convnet.

    "stacked": embedding; convolution and max pooling, repeated; a last convolution and global max pooling; a
    dense layer; softmax. The defaults are the network of [1]_. The input may have any number of columns; what
    is shorter than one receptive field gets padding put before it.

    "residual": embedding; convolutions, each of which adds to a word's vector what it makes of the words
    around it; the sum over words, each with a learned weight, scaled to one length; softmax.

    Padding costs next to nothing in either, see `PackedConvnet`.

    Parameters
    ----------
    n_ids : int
        Rows of the embedding: the largest id + 1.
    n_classes : int
        Units of the softmax.
    architecture : {"stacked", "residual"}
        The network.
    embedding_matrix : ndarray of shape (n_ids, dim), float32, or None
        Pre-trained vectors, row by id. None starts from random ones.
    embedding_dim : int
        Size of the vectors where there is no `embedding_matrix`.
    word_weights : ndarray of shape (n_ids,), float32, or None
        What the learned weights of "residual" start from, above zero. None is all ones.
    trainable_embedding : bool
        Whether training changes a given `embedding_matrix`.
    n_conv_layers, filters, kernel_size, pool_size, dense_units, dropout, optimizer, learning_rate, loss, \
    dtype_policy, jit_compile
        As in `KerasConvTextClassifier`.
    n_steps : int or None
        Steps of a training whose learning rate grows up to `learning_rate` in the first 30 % of them and then
        falls to zero (one-cycle [2]_). None keeps it constant.
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
    .. [2] L. N. Smith, N. Topin, "Super-Convergence: Very Fast Training of Neural Networks Using Large
       Learning Rates", 2018.
    """
    if "sparse" in (loss if isinstance(loss, str) else getattr(loss, "name", "")):
        raise ValueError(
            f"loss={loss!r} takes classes as integers; here they are one-hot. Drop the 'sparse_'."
        )
    if jit_compile and not runs_compiled(jit_compile):
        raise ValueError(
            f"jit_compile=True does not work with Keras's backend {keras.backend.backend()!r}: its compiler "
            "fails on this network. Use jit_compile=False."
        )
    seeds = iter(range(seed, seed + n_conv_layers + 5))
    policy = keras.dtype_policies.get(dtype_policy)

    def glorot():
        return keras.initializers.GlorotUniform(seed=next(seeds))

    trainable = trainable_embedding or embedding_matrix is None
    dim = embedding_dim if embedding_matrix is None else embedding_matrix.shape[1]
    if embedding_matrix is not None:
        initializer = "zeros"
    elif architecture == "stacked":  # Keras's own default, seeded
        initializer = keras.initializers.RandomUniform(-0.05, 0.05, seed=next(seeds))
    else:
        initializer = keras.initializers.RandomNormal(stddev=0.3, seed=next(seeds))
    embedding = (OrderedEmbedding if trainable else layers.Embedding)(
        n_ids, dim, embeddings_initializer=initializer, trainable=trainable, dtype=policy, name="embedding"
    )
    ids = keras.Input(shape=(None,), dtype="int32", name="ids")
    if architecture == "stacked":
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
        dense = layers.Dense(
            dense_units, activation="relu", kernel_initializer=glorot(), dtype=policy, name="dense"
        )
        x = dense(x)
        if dropout:
            x = layers.Dropout(dropout, seed=next(seeds), dtype=policy, name="dense_dropout")(x)
    else:
        x = embedding(ids)
        for i in range(1, n_conv_layers + 1):
            convolution = ResidualConv1D(kernel_size, seed=next(seeds), dtype=policy, name=f"convolution_{i}")
            x = convolution([x, ids])
        weighted_sum = WeightedSum(n_ids, name="global_pooling", dtype="float32")
        x = FixedLength(FEATURE_LENGTH, dtype="float32", name="length")(weighted_sum([x, ids]))
        if dropout:
            x = layers.Dropout(dropout, seed=next(seeds), dtype="float32", name="feature_dropout")(x)
        if word_weights is not None:
            weighted_sum.set_weights([np.log(word_weights)])
    x = ForgettableDense(
        n_classes,
        activation="softmax",
        kernel_initializer=glorot() if architecture == "stacked" else "zeros",
        dtype="float32",
        name="classes",
    )(x)

    model = {"stacked": PackedConvnet, "residual": PackedResidualNet}[architecture](ids, x, name=architecture)
    if embedding_matrix is not None:
        if architecture == "residual":
            embedding_matrix = _standardize(embedding_matrix, np.random.RandomState(seed))
        # Not a Constant initializer: that would write the whole matrix into the model's JSON configuration.
        embedding.set_weights([embedding_matrix])
    if n_steps is not None:
        learning_rate = keras.optimizers.schedules.CosineDecay(
            learning_rate / 25,
            max(1, round(0.7 * n_steps)),
            warmup_target=learning_rate,
            warmup_steps=max(1, round(0.3 * n_steps)),
        )
    model.compile(
        optimizer=_make_optimizer(optimizer, learning_rate),
        loss=loss,
        weighted_metrics=[keras.metrics.CategoricalAccuracy(name="accuracy")],
        jit_compile=runs_compiled(jit_compile),
    )
    # With that metric, all variables are there before the first step is traced. Otherwise TensorFlow would
    # trace it twice, which takes longer than some trainings.
    model.optimizer.build(model.trainable_variables)
    return model


def _standardize(matrix, random_state):
    """Bring vectors to unit variance, and start words without one near zero, but apart."""
    known = matrix.any(axis=1)
    scaled = matrix / max(matrix[known].std(), 1e-6) if known.any() else matrix.copy()
    scaled[~known] = 0.1 * random_state.standard_normal((np.count_nonzero(~known), matrix.shape[1]))
    return scaled


def _make_optimizer(optimizer, learning_rate):
    if isinstance(optimizer, str):
        try:
            optimizer = type(keras.optimizers.get(optimizer))
        except ValueError as error:
            raise ValueError(f"Keras has no optimizer={optimizer!r}. It has 'adam', among others.") from error
    return optimizer(learning_rate=learning_rate)
