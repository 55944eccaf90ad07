"""Prediction of "stacked" networks with NumPy alone, which computes no padding.

The rows that each convolution sees are laid out as `skglove.network.packing` describes, in one frame. The
first convolution adds up rows of tables, as `skglove.network.inference` describes.
"""

from typing import NamedTuple

import numpy as np
from scipy.special import expit

from skglove.network.inference import ROWS, LookupNetwork, fill_rows, matmul, weights_by_layer
from skglove.pooling import log_softmax

# Rows of the first convolution that are added up at a time, which the processor's cache holds.
BLOCK_ROWS = 512


def pool_sizes(config):
    """Return the sizes of the poolings between convolutions, from the configuration of a Keras model."""
    steps = [step["config"] for step in config["layers"]]
    return [int(np.max(step["pool_size"])) for step in steps if "pool_size" in step]


class StackedParts(NamedTuple):
    """A trained "stacked" network, as NumPy computes it."""

    embedding: np.ndarray  # of shape (n_ids, dim)
    convolutions: list  # of kernel and bias
    pool_sizes: list  # of the poolings between convolutions
    least: int  # columns that the network needs
    dense: list  # kernel and bias
    classes: list  # kernel and bias
    activation: str  # of the classes

    @classmethod
    def of(cls, config, weights):
        """Take the configuration and the weights of a Keras model apart."""
        arrays = weights_by_layer(config, weights)
        layers = [(layer["class_name"], layer["config"]) for layer in config["layers"]]
        return cls(
            embedding=arrays["embedding"][0],
            convolutions=[arrays[options["name"]] for kind, options in layers if kind == "Conv1D"],
            pool_sizes=pool_sizes(config),
            least=next(options["n_columns"] for kind, options in layers if kind == "MinimumLength"),
            dense=arrays["dense"],
            classes=arrays["classes"],
            activation=layers[-1][1]["activation"],
        )


class StackedLookupNetwork(LookupNetwork):
    """A trained "stacked" network that predicts without Keras.

    Parameters
    ----------
    config : dict
        Configuration of the Keras model.
    weights : list of ndarray, float32
        Its weights, as `get_weights` returns them. The embedding is not copied.
    """

    def __init__(self, config, weights):
        parts = StackedParts.of(config, weights)
        self._embedding, self._least = parts.embedding, parts.least
        self._dense, self._classes = parts.dense, parts.classes
        self._is_multilabel = parts.activation == "sigmoid"
        self._pool_sizes = [*parts.pool_sizes, 1]
        kernels, self._biases = zip(*parts.convolutions, strict=True)
        self._kernel_size, dim, _ = kernels[0].shape
        # One product gives the tables of all places in the window side by side.
        self._slices = kernels[0].transpose(1, 0, 2).reshape(dim, -1)
        self._kernels = [None, *kernels[1:]]
        # What each convolution gets for padding: first its id, then the features of padding alone.
        self._padding, x = [0], self._embedding[0]
        for kernel, bias in zip(kernels[:-1], self._biases, strict=False):
            x = np.maximum(np.einsum("i,kio->o", x, kernel) + bias, 0)
            self._padding.append(x)
        self._width = self._slices.shape[1] + dim
        self._output_shape = (len(self._classes[1]),)

    def _features(self, documents, words, ids, n_columns):
        """Compute the maxima over time of the last convolution."""
        size, values, length = self._kernel_size, np.append(ids, 0), n_columns
        start, end, first_row = _spans(documents, n_columns)
        layers = zip(self._kernels, self._biases, self._padding, self._pool_sizes, strict=True)
        for i, (kernel, bias, padding, pool_size) in enumerate(layers, start=1):
            length, is_last = (length - size + 1) // pool_size, i == len(self._kernels)
            # The features that see a word. Feature i sees positions from pool_size * i on.
            first = np.clip((start - size + 1) // pool_size, 0, length - 1)
            stop = np.clip((end - 1) // pool_size + 1, first + 1, length)
            if is_last:  # one more on either side: the maximum includes the features of padding alone
                first, stop = np.maximum(first - 1, 0), np.minimum(stop + 1, length)
            n_rows = (stop - first + -(-(size - 1) // pool_size)) * pool_size
            rows = np.cumsum(n_rows) - n_rows
            position = np.arange(n_rows.sum()) + np.repeat(first * pool_size - rows, n_rows)
            is_value = (position >= np.repeat(start, n_rows)) & (position < np.repeat(end, n_rows))
            source = np.where(is_value, position + np.repeat(first_row - start, n_rows), len(values) - 1)
            values[-1] = padding
            x = values[source]
            x = self._add_up(words, x, pool_size) if kernel is None else _convolve(x, kernel, pool_size)
            start, end, first_row = first, stop, rows // pool_size
            if not is_last:
                values = np.empty((len(x) + 1, x.shape[1]), dtype=np.float32)
                np.maximum(np.add(x, bias, out=values[:-1]), 0, out=values[:-1])
        # Between the features of two documents are some that see both.
        bounds = np.stack([first_row, first_row + end - start], axis=1).ravel()
        x = np.concatenate([x, x[-1:]])  # where the last document may end
        return (np.maximum(np.maximum.reduceat(x, bounds, axis=0)[::2] + bias, 0),)

    def _add_up(self, words, ids, pool_size):
        """Compute the maxima of the first convolution, of `pool_size` rows each, without bias."""
        size, n_rows = self._kernel_size, len(ids)
        table = matmul(fill_rows(self._embedding[words], len(words)), self._slices)
        table = table.reshape(size * len(table), -1)  # row size * i + j is word i at place j of the window
        rows = size * np.append(ids, np.zeros(size, dtype=ids.dtype))
        out = np.empty((n_rows // pool_size, table.shape[1]), dtype=np.float32)
        step = max(BLOCK_ROWS // pool_size, 1)
        for i in range(0, len(out), step):
            at, stop = i * pool_size, min((i + step) * pool_size, n_rows)
            x = table.take(rows[at:stop], axis=0)
            for j in range(1, size):
                x += table.take(rows[at + j : stop + j] + j, axis=0)
            x.reshape(-1, pool_size, x.shape[1]).max(axis=1, out=out[i : i + step])
        return out

    def _classify(self, maxima):
        """Apply the dense layer and the classifier."""
        n_rows, (kernel, bias) = len(maxima), self._dense
        x = np.maximum(matmul(fill_rows(maxima, n_rows), kernel) + bias, 0)
        kernel, bias = self._classes
        x = matmul(x, kernel)[:n_rows] + bias
        return expit(x) if self._is_multilabel else np.exp(log_softmax(x))


def _spans(documents, n_columns):
    """Find the columns from the first to the last word of each document, and the place of the first in ids.

    Documents without words have one column of padding, which is behind all ids.
    """
    at = np.flatnonzero(documents.values)
    lows, highs = np.searchsorted(at, documents.bounds[:-1]), np.searchsorted(at, documents.bounds[1:])
    has_words, at = highs > lows, np.append(at, 0)
    column = n_columns - documents.lengths - documents.bounds[:-1]
    start = np.where(has_words, at[lows] + column, 0)
    end = np.where(has_words, at[highs - 1] + column + 1, 1)
    return start, end, np.where(has_words, at[lows], len(documents.values))


def _convolve(x, kernel, pool_size):
    """Compute the maxima of a later convolution, of `pool_size` rows each, without bias."""
    n_rows, n_filled = len(x), -(-len(x) // ROWS) * ROWS
    x = fill_rows(x, n_filled + len(kernel) - 1)
    y = matmul(x[:n_filled], kernel[0])
    for j in range(1, len(kernel)):
        y += matmul(x[j : j + n_filled], kernel[j])
    return y[:n_rows].reshape(-1, pool_size, y.shape[1]).max(axis=1)
