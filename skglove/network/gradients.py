"""Gradients of the "stacked" network with respect to its word vectors, by NumPy, so for every backend."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from skglove.network.stacked_inference import StackedParts


class StackedGradient:
    """A trained "stacked" network, and the gradient of its class scores: backpropagation written out.

    Parameters
    ----------
    config : dict
        Configuration of the Keras model.
    weights : list of ndarray, float32
        Its weights, as `get_weights` returns them.
    maxlen : int
        Columns of the padded documents, as in training.

    Attributes
    ----------
    empty : ndarray of shape (n_classes,), float32
        The scores of a document without words.
    """

    def __init__(self, config, weights, maxlen):
        self._network = StackedParts.of(config, weights)
        self._n_columns = max(maxlen, self._network.least)
        self.empty = self.scores(np.array([], dtype=np.int32))

    def scores(self, ids):
        """Compute the class scores of a document, before the softmax.

        Parameters
        ----------
        ids : ndarray of shape (n_tokens,), int32
            The document; 0 is padding.

        Returns
        -------
        scores : ndarray of shape (n_classes,), float32
        """
        return self._forward(self._vectors(ids))[0]

    def gradient_times_input(self, ids, effects):
        """Multiply the gradient with respect to each vector by the vector's difference from padding.

        Parameters
        ----------
        ids : ndarray of shape (n_tokens,), int32
            The document.
        effects : ndarray of shape (n_classes,), float
            Of which weighted sum of the scores the gradient is taken.

        Returns
        -------
        products : ndarray of shape (n_tokens,), float32
        """
        vectors = self._vectors(ids)
        _, layers, dense = self._forward(vectors)
        of_dense = self._network.classes[0] @ effects.astype(np.float32) * (dense > 0)
        gradient = self._network.dense[0] @ of_dense
        *kernels, kernel = [kernel for kernel, _ in self._network.convolutions]
        *layers, (features, best) = layers
        gradient = _transposed_convolution(_unpool(gradient[np.newaxis], features, best), kernel)
        for kernel, (features, best) in zip(kernels[::-1], layers[::-1], strict=True):
            gradient = _transposed_convolution(_unpool(gradient, features, best), kernel)
        products = gradient * (vectors - self._network.embedding[0])
        return products.sum(axis=1)[self._n_columns - len(ids) :]

    def _vectors(self, ids):
        padded = np.zeros(self._n_columns, dtype=np.int64)
        padded[self._n_columns - len(ids) :] = ids
        return self._network.embedding[padded]

    def _forward(self, x):
        """Compute scores, the features and the places of maxima of each convolution, and the dense layer."""
        sizes = [*self._network.pool_sizes, None]
        layers = []
        for (kernel, bias), size in zip(self._network.convolutions, sizes, strict=True):
            features = np.maximum(_convolution(x, kernel) + bias, 0)
            size = size or len(features)  # the last pooling is global
            windows = features[: len(features) // size * size].reshape(-1, size, features.shape[1])
            layers.append((features, windows.argmax(axis=1)))
            x = windows.max(axis=1)
        kernel, bias = self._network.dense
        dense = np.maximum(x[0] @ kernel + bias, 0)
        kernel, bias = self._network.classes
        return dense @ kernel + bias, layers, dense


def _convolution(x, kernel):
    """Convolve vectors of shape (n, n_channels) with a kernel of shape (width, n_channels, n_filters)."""
    windows = sliding_window_view(x, len(kernel), axis=0).transpose(0, 2, 1)
    return windows.reshape(len(windows), -1) @ kernel.reshape(-1, kernel.shape[2])


def _transposed_convolution(gradient, kernel):
    """Return the gradient with respect to what was convolved."""
    products = gradient @ kernel.reshape(-1, kernel.shape[2]).T
    products = products.reshape(len(gradient), *kernel.shape[:2])
    of_input = np.zeros((len(gradient) + len(kernel) - 1, kernel.shape[1]), dtype=products.dtype)
    for j in range(len(kernel)):
        of_input[j : j + len(gradient)] += products[:, j]
    return of_input


def _unpool(gradient, features, best):
    """Return the gradient with respect to what ReLU and max pooling got, whose maxima are at `best`."""
    n_windows, n_filters = best.shape
    size = len(features) // n_windows
    windows = np.zeros((n_windows, size, n_filters), dtype=gradient.dtype)
    np.put_along_axis(windows, best[:, np.newaxis], gradient[:, np.newaxis], axis=1)
    of_features = np.zeros_like(features)
    of_features[: n_windows * size] = windows.reshape(-1, n_filters)
    return of_features * (features > 0)
