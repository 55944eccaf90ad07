"""Prediction of "stacked" networks with NumPy alone, which computes no padding.

The rows that each convolution sees are laid out as `skglove.network.packing` describes, in one frame. The
first convolution adds up rows of tables, as `skglove.network.inference` describes.
"""

import numpy as np
from scipy.special import expit, log_softmax

from skglove.network.inference import ROWS, LookupNetwork, fill_rows, matmul, weights_by_layer

# Rows of the first convolution that are added up at a time, which the processor's cache holds.
BLOCK_ROWS = 512


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
        of = weights_by_layer(config, weights)
        layers = [(layer["class_name"], layer["config"]) for layer in config["layers"]]
        (self._embedding,) = of["embedding"]
        self._convolutions = [of[options["name"]] for kind, options in layers if kind == "Conv1D"]
        sizes = [np.max(options["pool_size"]) for kind, options in layers if kind == "MaxPooling1D"]
        self._pool_sizes = [*map(int, sizes), 1]
        self._least = next(options["n_columns"] for kind, options in layers if kind == "MinimumLength")
        self._dense, self._classes = of["dense"], of["classes"]
        self._is_multilabel = layers[-1][1]["activation"] == "sigmoid"
        kernel, _ = self._convolutions[0]
        self._width = len(kernel) * kernel.shape[2] + self._embedding.shape[1]
        self._output_shape = (len(self._classes[1]),)

    def _features(self, documents, words, ids, n_columns):
        """Compute the maxima over time of the last convolution."""
        vectors = fill_rows(self._embedding[words], len(words))
        tables = [matmul(vectors, kernel) for kernel in self._convolutions[0][0]]
        values, constant, length = np.append(ids, 0), 0, n_columns
        start, end, first_row = _spans(documents, n_columns)
        for (kernel, bias), pool_size in zip(self._convolutions, self._pool_sizes, strict=True):
            length, is_last = (length - len(kernel) + 1) // pool_size, kernel is self._convolutions[-1][0]
            # The features that see a word. Feature i sees positions from pool_size * i on.
            first = np.clip((start - len(kernel) + 1) // pool_size, 0, length - 1)
            stop = np.clip((end - 1) // pool_size + 1, first + 1, length)
            if is_last:  # one more on either side: the maximum includes the features of padding alone
                first, stop = np.maximum(first - 1, 0), np.minimum(stop + 1, length)
            sizes = (stop - first + -(-(len(kernel) - 1) // pool_size)) * pool_size
            rows = np.cumsum(sizes) - sizes
            position = np.arange(sizes.sum()) + np.repeat(first * pool_size - rows, sizes)
            is_value = (position >= np.repeat(start, sizes)) & (position < np.repeat(end, sizes))
            source = np.where(is_value, position + np.repeat(first_row - start, sizes), len(values) - 1)
            values[-1] = constant
            if tables:
                x = _add_up(tables, values[source], pool_size)
                constant = sum(table[0] for table in tables)
            else:
                x = _convolve(values[source], kernel, pool_size)
                constant = np.einsum("i,kio->o", constant, kernel)
            tables = None
            start, end, first_row = first, stop, rows // pool_size
            if not is_last:
                constant = np.maximum(constant + bias, 0)
                values = np.empty((len(x) + 1, x.shape[1]), dtype=np.float32)
                np.maximum(np.add(x, bias, out=values[:-1]), 0, out=values[:-1])
        # Between the features of two documents are some that see both.
        bounds = np.stack([first_row, first_row + end - start], axis=1).ravel()
        x = np.concatenate([x, x[-1:]])  # where the last document may end
        return (np.maximum(np.maximum.reduceat(x, bounds, axis=0)[::2] + bias, 0),)

    def _classify(self, maxima):
        """Apply the dense layer and the classifier."""
        n_rows, (kernel, bias) = len(maxima), self._dense
        x = np.maximum(matmul(fill_rows(maxima, n_rows), kernel) + bias, 0)
        kernel, bias = self._classes
        x = matmul(x, kernel)[:n_rows] + bias
        return expit(x) if self._is_multilabel else np.exp(log_softmax(x, axis=1))


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


def _add_up(tables, ids, pool_size):
    """Compute the maxima of the first convolution: of `pool_size` rows each, without bias."""
    n_rows = len(ids)
    ids = np.append(ids, np.zeros(len(tables), dtype=ids.dtype))
    out = np.empty((n_rows // pool_size, tables[0].shape[1]), dtype=np.float32)
    step = max(BLOCK_ROWS // pool_size, 1)
    for i in range(0, len(out), step):
        at, stop = i * pool_size, min((i + step) * pool_size, n_rows)
        x = tables[0].take(ids[at:stop], axis=0)
        for j, table in enumerate(tables[1:], start=1):
            x += table.take(ids[at + j : stop + j], axis=0)
        x.reshape(-1, pool_size, x.shape[1]).max(axis=1, out=out[i : i + step])
    return out


def _convolve(x, kernel, pool_size):
    """Compute the maxima of a later convolution, as `_add_up`."""
    n_rows = len(x)
    n_filled = -(-n_rows // ROWS) * ROWS
    padded = fill_rows(x, n_filled + len(kernel) - 1)
    y = matmul(padded[:n_filled], kernel[0])
    for j in range(1, len(kernel)):
        y += matmul(padded[j : n_filled + j], kernel[j])
    return y[:n_rows].reshape(-1, pool_size, y.shape[1]).max(axis=1)
