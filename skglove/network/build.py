"""From hyper-parameters to a compiled Keras model.

To add an architecture, write a function such as `stacked` and an entry of `ARCHITECTURES`. A subclass of
`PackedNetwork` in `models` makes it skip the padding; without one, `keras.Model` serves. A new layer before
the layer "global_pooling" must be computed in `models`, too.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import initializers, layers

from skglove.network.layers import (
    DeterministicEmbedding,
    L2Normalization,
    MaskPadding,
    MinimumLength,
    ResidualConv1D,
    SparseBiasDense,
    WeightedSum,
)
from skglove.network.models import PackedConvnet, PackedParallelConvnet, PackedResidualNet

# L2 norm of the features of "residual".
FEATURE_NORM = 10.0


@dataclass
class Options:
    """What architectures choose from. The names are those of `build_network`."""

    n_ids: int
    word_weights: Any
    n_conv_layers: int
    filters: int
    kernel_size: int | tuple
    pool_size: int
    dense_units: int
    dropout: float
    policy: keras.dtype_policies.DTypePolicy
    seeds: Iterator  # a new seed for every layer that has random weights or dropout

    def glorot(self):
        """Make Keras's default initializer, seeded."""
        return initializers.GlorotUniform(seed=next(self.seeds))

    def drop(self, x, name, dtype):
        """Apply dropout, if there is any."""
        if not self.dropout:
            return x
        return layers.Dropout(self.dropout, seed=next(self.seeds), dtype=dtype, name=name)(x)


def stacked(ids, embedding, options):
    """Build convolutions with max pooling between them, global max pooling, and a dense layer.

    Documents shorter than one receptive field are padded at their beginning.

    Parameters
    ----------
    ids : keras.KerasTensor of shape (n_documents, n_columns), int32
        Padded ids.
    embedding : keras.layers.Embedding
        From ids to vectors.
    options : Options
        The hyper-parameters.

    Returns
    -------
    features : keras.KerasTensor of shape (n_documents, dense_units)
        Input of the softmax.
    """
    least = receptive_field(options.n_conv_layers, options.kernel_size, options.pool_size)[0]
    x = embedding(MinimumLength(least, name="padding")(ids))
    relu = {"activation": "relu", "dtype": options.policy}
    for i in range(1, options.n_conv_layers + 1):
        convolution = layers.Conv1D(
            options.filters,
            options.kernel_size,
            kernel_initializer=options.glorot(),
            name=f"convolution_{i}",
            **relu,
        )
        x = convolution(x)
        if i < options.n_conv_layers:
            x = layers.MaxPooling1D(options.pool_size, dtype=options.policy, name=f"pooling_{i}")(x)
    x = layers.GlobalMaxPooling1D(dtype=options.policy, name="global_pooling")(x)
    x = options.drop(x, "feature_dropout", options.policy)
    x = layers.Dense(options.dense_units, kernel_initializer=options.glorot(), name="dense", **relu)(x)
    return options.drop(x, "dense_dropout", options.policy)


def parallel(ids, embedding, options):
    """Build convolutions of several widths over the same words, each with its maximum over time.

    Documents shorter than the widest filter are padded at their beginning. The vector of padding is zero.

    Parameters
    ----------
    ids, embedding, options
        As in `stacked`. `options.kernel_size` is one width or a tuple of widths.

    Returns
    -------
    features : keras.KerasTensor of shape (n_documents, n_widths * filters)
        Input of the softmax.
    """
    kernel_sizes = options.kernel_size if isinstance(options.kernel_size, tuple) else (options.kernel_size,)
    ids = MinimumLength(max(kernel_sizes), name="padding")(ids)
    x = MaskPadding(dtype=options.policy, name="masking")([embedding(ids), ids])
    maxima = []
    for i, kernel_size in enumerate(kernel_sizes, start=1):
        convolution = layers.Conv1D(
            options.filters,
            kernel_size,
            activation="relu",
            kernel_initializer=options.glorot(),
            dtype=options.policy,
            name=f"convolution_{i}",
        )
        maxima.append(layers.GlobalMaxPooling1D(dtype=options.policy, name=f"maxima_{i}")(convolution(x)))
    x = layers.Concatenate(dtype=options.policy, name="global_pooling")(maxima)
    return options.drop(x, "feature_dropout", options.policy)


def residual(ids, embedding, options):
    """Build residual convolutions, a sum over words with learned weights, and L2 normalisation.

    Parameters
    ----------
    ids, embedding, options
        As in `stacked`.

    Returns
    -------
    features : keras.KerasTensor of shape (n_documents, dim), float32
        Input of the softmax.
    """
    x = embedding(ids)
    for i in range(1, options.n_conv_layers + 1):
        convolution = ResidualConv1D(
            options.kernel_size, seed=next(options.seeds), dtype=options.policy, name=f"convolution_{i}"
        )
        x = convolution([x, ids])
    weighted_sum = WeightedSum(options.n_ids, dtype="float32", name="global_pooling")
    x = weighted_sum([x, ids])
    if options.word_weights is not None:
        weighted_sum.set_weights([np.log(options.word_weights)])
    x = L2Normalization(FEATURE_NORM, dtype="float32", name="length")(x)
    return options.drop(x, "feature_dropout", "float32")


def _fill_unknown(matrix, random_state):
    """Give words without a vector random ones, uniform in +-0.25. Padding stays zero."""
    unknown = ~matrix.any(axis=1)
    unknown[0] = False
    filled = matrix.copy()
    filled[unknown] = random_state.uniform(-0.25, 0.25, (np.count_nonzero(unknown), matrix.shape[1]))
    return filled


def _standardize(matrix, random_state):
    """Bring vectors to unit variance; give words without a vector small random ones, so that they differ."""
    known = matrix.any(axis=1)
    scaled = matrix / max(matrix[known].std(), 1e-6) if known.any() else matrix.copy()
    scaled[~known] = 0.1 * random_state.standard_normal((np.count_nonzero(~known), matrix.shape[1]))
    return scaled


class Architecture(NamedTuple):
    """What differs between the architectures."""

    features: Callable  # from ids, embedding and Options to the features that the softmax gets
    model: type  # class of the network
    embedding_initializer: Callable  # from seed=... to an initializer, where there are no vectors
    prepare: Callable  # from given vectors and a RandomState to the vectors to start from
    initializer: Callable  # from seed=... to the initializer of the softmax's weights
    constraint: Any = None  # of the softmax's weights


ARCHITECTURES = {
    "stacked": Architecture(
        features=stacked,
        model=PackedConvnet,
        embedding_initializer=partial(initializers.RandomUniform, -0.05, 0.05),  # Keras's default, seeded
        prepare=lambda matrix, random_state: matrix,
        initializer=initializers.GlorotUniform,
    ),
    "parallel": Architecture(
        features=parallel,
        model=PackedParallelConvnet,
        embedding_initializer=partial(initializers.RandomUniform, -0.25, 0.25),
        prepare=_fill_unknown,
        initializer=initializers.GlorotUniform,
        constraint=keras.constraints.MaxNorm(3, axis=0),  # of each class
    ),
    "residual": Architecture(
        features=residual,
        model=PackedResidualNet,
        embedding_initializer=partial(initializers.RandomNormal, stddev=0.3),
        prepare=_standardize,
        initializer=lambda seed: "zeros",
    ),
}


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
    """Build and compile a 1D convolutional network: embedding, features of an architecture, softmax.

    "stacked" has convolutions with max pooling between them, global max pooling and a dense layer. The
    defaults are the network of [1]_. "parallel", the network of [3]_, has convolutions of several widths over
    the same words, each with its maximum over time. "residual" has residual convolutions, a sum over words
    with learned weights, and L2 normalisation. The input may have any number of columns. None computes the
    padding, see `skglove.network.packing`.

    Parameters
    ----------
    n_ids : int
        Rows of the embedding: the largest id + 1.
    n_classes : int
        Units of the softmax.
    architecture : {"stacked", "parallel", "residual"}
        The network.
    embedding_matrix : ndarray of shape (n_ids, dim), float32, or None
        Pre-trained vectors, row by id. None starts from random vectors.
    embedding_dim : int
        Size of the vectors if there is no `embedding_matrix`.
    word_weights : ndarray of shape (n_ids,), float32, or None
        Initial weights of words in "residual", above zero. None is all ones.
    trainable_embedding : bool
        Whether training changes a given `embedding_matrix`.
    n_conv_layers, filters, kernel_size, pool_size, dense_units, dropout, optimizer, learning_rate, loss, \
    dtype_policy, jit_compile
        As in `KerasConvTextClassifier`.
    n_steps : int or None
        Training steps of a one-cycle schedule [2]_: the learning rate rises to `learning_rate` in the first
        30 % of them, then falls to zero. None keeps it constant.
    seed : int
        Seed of everything random in the network.

    Returns
    -------
    model : keras.Model
        From ids of shape (n_documents, n_columns) to probabilities of shape (n_documents, n_classes),
        float32.

    Raises
    ------
    ValueError
        If Keras has no such optimizer, or if `jit_compile` does not work with Keras's backend.

    References
    ----------
    .. [1] F. Chollet, "Using pre-trained word embeddings in a Keras model", The Keras Blog, 2016.
    .. [2] L. N. Smith, N. Topin, "Super-Convergence: Very Fast Training of Neural Networks Using Large
       Learning Rates", 2018.
    .. [3] Y. Kim, "Convolutional Neural Networks for Sentence Classification", EMNLP 2014.
    """
    parts = ARCHITECTURES[architecture]
    options = Options(
        n_ids=n_ids,
        word_weights=word_weights,
        n_conv_layers=n_conv_layers,
        filters=filters,
        kernel_size=kernel_size,
        pool_size=pool_size,
        dense_units=dense_units,
        dropout=dropout,
        policy=keras.dtype_policies.get(dtype_policy),
        seeds=count(seed),
    )
    if embedding_matrix is None:
        embedding = _random_embedding(parts, embedding_dim, options)
    else:
        embedding_matrix = parts.prepare(embedding_matrix, np.random.RandomState(seed))
        embedding = _pretrained_embedding(embedding_matrix, trainable_embedding, options)
    ids = keras.Input(shape=(None,), dtype="int32", name="ids")
    features = parts.features(ids, embedding, options)
    softmax = SparseBiasDense(
        n_classes,
        activation="softmax",
        kernel_initializer=parts.initializer(seed=next(options.seeds)),
        kernel_constraint=parts.constraint,
        dtype="float32",
        name="classes",
    )
    model = parts.model(ids, softmax(features), name=architecture)
    schedule = float(learning_rate) if n_steps is None else _one_cycle(learning_rate, n_steps)
    _compile(model, _make_optimizer(optimizer, schedule), loss, jit_compile)
    return model


def _random_embedding(parts, dim, options):
    initializer = parts.embedding_initializer(seed=next(options.seeds))
    return DeterministicEmbedding(
        options.n_ids, dim, embeddings_initializer=initializer, dtype=options.policy, name="embedding"
    )


def _pretrained_embedding(matrix, trainable, options):
    kind = DeterministicEmbedding if trainable else layers.Embedding
    # A Constant initializer would write the whole matrix into the model's JSON configuration.
    embedding = kind(
        *matrix.shape,
        embeddings_initializer="zeros",
        trainable=trainable,
        dtype=options.policy,
        name="embedding",
    )
    embedding.build((None, None))
    embedding.set_weights([matrix])
    return embedding


def _one_cycle(learning_rate, n_steps):
    return keras.optimizers.schedules.CosineDecay(
        learning_rate / 25,
        max(1, round(0.7 * n_steps)),
        warmup_target=learning_rate,
        warmup_steps=max(1, round(0.3 * n_steps)),
    )


def _compile(model, optimizer, loss, jit_compile):
    if jit_compile and not runs_compiled(jit_compile):
        raise ValueError(
            f"jit_compile=True does not work with Keras's backend {keras.backend.backend()!r}: its compiler "
            "fails on this network. Use jit_compile=False."
        )
    accuracy = keras.metrics.CategoricalAccuracy(name="accuracy")
    model.compile(optimizer, loss, weighted_metrics=[accuracy], jit_compile=runs_compiled(jit_compile))
    # With that metric, all variables exist before the first step is traced. Otherwise TensorFlow would trace
    # it twice, which takes longer than some trainings.
    model.optimizer.build(model.trainable_variables)


def _make_optimizer(optimizer, learning_rate):
    if isinstance(optimizer, str):
        try:
            optimizer = type(keras.optimizers.get(optimizer))
        except ValueError as error:
            raise ValueError(f"Keras has no optimizer={optimizer!r}. It has 'adam', among others.") from error
    return optimizer(learning_rate=learning_rate)


def runs_compiled(jit_compile):
    """Decide whether a network runs compiled with the current Keras backend.

    On JAX always: uncompiled, Keras runs it operation by operation, which takes three times as long. On
    PyTorch never: its compiler fails on these networks.

    Parameters
    ----------
    jit_compile : bool
        Decides on TensorFlow.

    Returns
    -------
    compiled : bool
        The `jit_compile` to give to Keras.
    """
    return {"jax": True, "torch": False}.get(keras.backend.backend(), jit_compile)


def receptive_field(n_conv_layers, kernel_size, pool_size):
    """Compute the receptive field of a feature before global pooling, in columns of the input.

    Parameters
    ----------
    n_conv_layers : int
        Number of convolutions. Each but the last is followed by max pooling.
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
    >>> from skglove.network.build import receptive_field
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
