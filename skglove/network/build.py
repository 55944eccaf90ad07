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
from keras import initializers, layers, ops

from skglove.network.adam import OnePassAdam
from skglove.network.layers import (
    DeterministicEmbedding,
    Heads,
    MaskPadding,
    MinimumLength,
    SparseBiasDense,
    WeightedSum,
)
from skglove.network.metrics import Accuracy, MeanOverHeads
from skglove.network.models import PackedConvnet, PackedHybridNet, PackedParallelConvnet, with_rows

# Whatever Keras's configuration says about images.
CHANNELS_LAST = {"data_format": "channels_last"}


@dataclass
class Options:
    """What architectures choose from. The names are those of `build_network`."""

    n_ids: int
    n_rows: int
    word_weights: Any
    n_conv_layers: int
    filters: int
    kernel_size: int | tuple
    pool_size: int
    dense_units: int
    dropout: float
    policy: keras.dtype_policies.DTypePolicy
    seeds: Iterator  # a new seed for every layer that has random weights or dropout

    @property
    def kernel_sizes(self):
        """The widths of parallel convolutions, as a tuple."""
        return self.kernel_size if isinstance(self.kernel_size, tuple) else (self.kernel_size,)

    def glorot(self, factor=1):
        """Make Keras's default initializer, seeded, times a factor."""
        if factor == 1:
            return initializers.GlorotUniform(seed=next(self.seeds))
        return initializers.VarianceScaling(factor**2, "fan_avg", "uniform", seed=next(self.seeds))

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
    pooling = {"dtype": options.policy, **CHANNELS_LAST}
    for i in range(1, options.n_conv_layers + 1):
        convolution = layers.Conv1D(
            options.filters,
            options.kernel_size,
            kernel_initializer=options.glorot(),
            name=f"convolution_{i}",
            **CHANNELS_LAST,
            **relu,
        )
        x = convolution(x)
        if i < options.n_conv_layers:
            x = layers.MaxPooling1D(options.pool_size, name=f"pooling_{i}", **pooling)(x)
    x = layers.GlobalMaxPooling1D(name="global_pooling", **pooling)(x)
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
    _, _, maxima = _maxima_of_widths(ids, embedding, options)
    x = layers.Concatenate(dtype=options.policy, name="global_pooling")(maxima)
    return options.drop(x, "feature_dropout", options.policy)


def _maxima_of_widths(ids, embedding, options, factor=1):
    """Return vectors, padded ids, and the maxima over time of the convolutions of each width.

    The filters start from Keras's initial values times a factor.
    """
    ids = MinimumLength(max(options.kernel_sizes), name="padding")(ids)
    x = MaskPadding(dtype=options.policy, name="masking")([embedding(ids), ids])
    maxima = []
    for i, kernel_size in enumerate(options.kernel_sizes, start=1):
        convolution = layers.Conv1D(
            options.filters,
            kernel_size,
            activation="relu",
            kernel_initializer=options.glorot(factor),
            dtype=options.policy,
            name=f"convolution_{i}",
            **CHANNELS_LAST,
        )
        pooling = layers.GlobalMaxPooling1D(dtype=options.policy, name=f"maxima_{i}", **CHANNELS_LAST)
        maxima.append(pooling(convolution(x)))
    return x, ids, maxima


# In "hybrid", vectors have this standard deviation, twice that of GloVe's, and filters start from this share
# of Keras's usual values. Adam moves all weights at one speed. So vectors change less for their size, and
# filters more: with vectors that change fast, the network overfits little text.
VECTOR_STD, FILTER_FACTOR = 0.8, 0.1


def hybrid(ids, embedding, options):
    """Build the convolutions of `parallel`, and beside them a sum of words with learned weights.

    Parameters
    ----------
    ids, embedding, options
        As in `parallel`.

    Returns
    -------
    features : keras.KerasTensor of shape (n_documents, n_widths * filters + dim), float32
        Input of two softmax classifiers.
    """
    x, ids, maxima = _maxima_of_widths(ids, embedding, options, FILTER_FACTOR)
    weighted_sum = WeightedSum(options.n_rows, dtype="float32", name="sum")
    sums = weighted_sum([x, ids])
    if options.word_weights is not None:
        weighted_sum.start_from(with_rows(options.word_weights, options.n_rows, 1))
    return layers.Concatenate(dtype="float32", name="global_pooling")([*maxima, sums])


def _fill_unknown(matrix, random_state):
    """Give words without a vector random ones, uniform in +-0.25. Padding stays zero."""
    unknown = ~matrix.any(axis=1)
    unknown[0] = False
    filled = matrix.copy()
    filled[unknown] = random_state.uniform(-0.25, 0.25, (np.count_nonzero(unknown), matrix.shape[1]))
    return filled


def _standardize(matrix, random_state):
    """Bring vectors to one scale; give words without a vector smaller random ones."""
    known = matrix.any(axis=1)
    known[0] = True
    scaled = matrix * (VECTOR_STD / max(matrix[known].std(), 1e-6))
    scaled[~known] = 0.1 * random_state.standard_normal((np.count_nonzero(~known), matrix.shape[1]))
    return scaled


class Architecture(NamedTuple):
    """What differs between the architectures."""

    features: Callable  # from ids, embedding and Options to the features that the softmax gets
    model: type  # class of the network
    embedding_initializer: Callable  # from seed=... to an initializer, where there are no vectors
    prepare: Callable  # from given vectors and a RandomState to the vectors to start from
    constraint: Any = None  # of the softmax's weights
    n_heads: int = 1  # softmax classifiers, each with a loss of its own


DEFAULT_LOSS = "categorical_crossentropy"

ARCHITECTURES = {
    "stacked": Architecture(
        features=stacked,
        model=PackedConvnet,
        embedding_initializer=partial(initializers.RandomUniform, -0.05, 0.05),  # Keras's default, seeded
        prepare=lambda matrix, random_state: matrix,
    ),
    "parallel": Architecture(
        features=parallel,
        model=PackedParallelConvnet,
        embedding_initializer=partial(initializers.RandomUniform, -0.25, 0.25),
        prepare=_fill_unknown,
        constraint=keras.constraints.MaxNorm(3, axis=0),  # of each class
    ),
    "hybrid": Architecture(
        features=hybrid,
        model=PackedHybridNet,
        embedding_initializer=partial(initializers.RandomNormal, stddev=0.1),
        prepare=_standardize,
        n_heads=2,
    ),
}


def starting_vectors(matrix, architecture, seed):
    """Make the vectors that a network starts from.

    Parameters
    ----------
    matrix : ndarray of shape (n_ids, dim), float32
        Pre-trained vectors, row by id; zeros for padding and for words without a vector.
    architecture : {"hybrid", "stacked", "parallel"}
        As in `build_network`.
    seed : int
        Seed of the vectors of words without one.

    Returns
    -------
    matrix : ndarray of shape (n_ids, dim), float32
        For "stacked" the same array. Else words without a vector have random ones; for "hybrid" all are
        brought to one scale.
    """
    return ARCHITECTURES[architecture].prepare(matrix, np.random.RandomState(seed))


def build_network(
    n_ids,
    n_classes,
    *,
    architecture="stacked",
    embedding_matrix=None,
    embedding_dim=100,
    word_weights=None,
    log_odds=None,
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
    n_rows=None,
    adversarial_epsilon=0.0,
    loss=DEFAULT_LOSS,
    dtype_policy=None,
    jit_compile=False,
    seed=0,
):
    """Build and compile a 1D convolutional network: embedding, features of an architecture, classifier.

    "stacked" has convolutions with max pooling between them, global max pooling and a dense layer. The
    defaults are the network of [1]_. "parallel", the network of [3]_, has convolutions of several widths over
    the same words, each with its maximum over time. "hybrid" has these beside a sum of words with learned
    weights, each with a classifier and a loss of its own. The input may have any number of columns. None
    computes the padding, see `skglove.network.packing`.

    Parameters
    ----------
    n_ids : int
        Rows of the embedding: the largest id + 1.
    n_classes : int
        Units of the classifier: classes of a softmax, or labels.
    architecture : {"stacked", "parallel", "hybrid"}
        The network.
    embedding_matrix : ndarray of shape (n_ids, dim), float32, or None
        Vectors to start from, row by id, see `starting_vectors`. None starts from random vectors.
    embedding_dim : int
        Size of the vectors if there is no `embedding_matrix`.
    word_weights : ndarray of shape (n_ids,), float32, or None
        Initial weights of words in "hybrid", above zero. None is all ones.
    log_odds : ndarray of shape (n_classes,), float, or None
        For multilabel, which has a sigmoid for each label in place of the softmax: the logits to start from.
    trainable_embedding : bool
        Whether training changes a given `embedding_matrix`.
    n_conv_layers, filters, kernel_size, pool_size, dense_units, dropout, optimizer, learning_rate, \
    adversarial_epsilon, loss, dtype_policy, jit_compile
        As in `KerasConvTextClassifier`.
    n_steps : int or None
        Training steps of a one-cycle schedule [2]_: the learning rate rises to `learning_rate` in the first
        30 % of them, then falls to zero. None keeps it constant.
    n_rows : int or None
        Rows of the embedding and of the weights of words: further ones stand for no id. None is `n_ids`.
    seed : int
        Seed of everything random in the network.

    Returns
    -------
    model : keras.Model
        From ids of shape (n_documents, n_columns) to probabilities of shape (n_documents, n_classes),
        float32; in "hybrid" (n_documents, 2, n_classes), which `skglove.network.models.expand` pools.

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
        n_rows=n_ids if n_rows is None else n_rows,
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
        embedding = _pretrained_embedding(embedding_matrix, trainable_embedding, options)
    ids = keras.Input(shape=(None,), dtype="int32", name="ids")
    features = parts.features(ids, embedding, options)
    activation = "softmax" if log_odds is None else "sigmoid"
    if parts.n_heads == 1:
        classify = SparseBiasDense(
            n_classes,
            activation=activation,
            kernel_initializer=options.glorot(),
            kernel_constraint=parts.constraint,
            dtype="float32",
            name="classes",
        )
    else:
        n_maxima = len(options.kernel_sizes) * filters
        seed = next(options.seeds)
        classify = Heads(n_maxima, n_classes, dropout, seed, activation, dtype="float32", name="heads")
    model = parts.model(ids, classify(features), name=architecture)
    if adversarial_epsilon:
        model.adversarial_shift = adversarial_epsilon * _usual_norm(embedding)
    if log_odds is not None:
        _start_from(classify, log_odds)
    schedule = float(learning_rate) if n_steps is None else _one_cycle(learning_rate, n_steps)
    if log_odds is not None and loss == DEFAULT_LOSS:
        loss = label_crossentropy
    _compile(model, _make_optimizer(optimizer, schedule), loss, jit_compile, multilabel=log_odds is not None)
    return model


def label_crossentropy(targets, probabilities):
    """Compute binary cross-entropy, summed over labels, for each document."""
    return ops.sum(ops.binary_crossentropy(targets, probabilities), axis=-1)


def _start_from(classify, log_odds):
    """Set the biases of a classifier: learning how frequent labels are would take many steps."""
    weights = classify.get_weights()
    for i in range(1, len(weights), 2):
        weights[i] = log_odds.astype(np.float32)
    classify.set_weights(weights)


def _random_embedding(parts, dim, options):
    initializer = parts.embedding_initializer(seed=next(options.seeds))
    embedding = DeterministicEmbedding(
        options.n_rows, dim, embeddings_initializer=initializer, dtype=options.policy, name="embedding"
    )
    if options.n_rows > options.n_ids:
        matrix = ops.convert_to_numpy(initializer((options.n_ids, dim), "float32"))
        _start_embedding(embedding, matrix, options)
    return embedding


def _pretrained_embedding(matrix, trainable, options):
    kind = DeterministicEmbedding if trainable else layers.Embedding
    # A Constant initializer would write the whole matrix into the model's JSON configuration.
    embedding = kind(
        options.n_rows,
        matrix.shape[1],
        embeddings_initializer="zeros",
        trainable=trainable,
        dtype=options.policy,
        name="embedding",
    )
    _start_embedding(embedding, matrix, options)
    return embedding


def _start_embedding(embedding, matrix, options):
    """Set the vectors of all ids; further rows are zero."""
    embedding.build((None, None))
    embedding.set_weights([with_rows(matrix, options.n_rows, 0)])


def _usual_norm(embedding):
    """Compute the root mean square of the L2 norms of vectors that are not zero."""
    (vectors,) = embedding.get_weights()
    norms = np.linalg.norm(vectors[1:].astype(np.float64), axis=1)
    norms = norms[norms > 0]
    return float(np.sqrt((norms**2).sum() / max(len(norms), 1)))


def _one_cycle(learning_rate, n_steps):
    return keras.optimizers.schedules.CosineDecay(
        learning_rate / 25,
        max(1, round(0.7 * n_steps)),
        warmup_target=learning_rate,
        warmup_steps=max(1, round(0.3 * n_steps)),
    )


def _compile(model, optimizer, loss, jit_compile, *, multilabel):
    if jit_compile and not runs_compiled(jit_compile):
        raise ValueError(
            f"jit_compile=True does not work with Keras's backend {keras.backend.backend()!r}: its compiler "
            "fails on this network. Use jit_compile=False."
        )
    accuracy = Accuracy(multilabel, name="accuracy")
    if len(model.output_shape) > 2:
        loss = MeanOverHeads(loss)
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
        if optimizer is keras.optimizers.Adam and keras.backend.backend() == "tensorflow":
            optimizer = OnePassAdam
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
