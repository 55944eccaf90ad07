"""Batches of documents of like length, without the padding that they do not need."""

import keras
import numpy as np


class LengthBatches(keras.utils.PyDataset):
    """Batches for Keras, each cut to the longest of its documents.

    Documents that need about the same number of columns share a batch. Most of a padded matrix is padding, so
    this saves most of the work. For training, every batch has its share of each class.

    Parameters
    ----------
    ids : ndarray of shape (n_documents, n_columns), int32
        Padded token ids, 0 being padding.
    size, stride : int
        What one feature of the network sees, and the step from one to the next, from `receptive_field`.
        With them the cut changes no result: every feature that sees a word is computed from the same
        columns, and if there was one that sees padding alone, there still is.
    batch_size : int
        Documents in a batch.
    targets : ndarray of shape (n_documents, n_classes), float32, or None
        What is to be predicted. None for prediction.
    random_state : numpy.random.RandomState or None
        Source of the order, which changes after every epoch. None keeps the order of lengths.
    """

    def __init__(self, ids, *, size, stride, batch_size, targets=None, random_state=None):
        super().__init__()
        self.ids = ids
        self.batch_size = batch_size
        self.targets = targets
        self.random_state = random_state
        self.padded_left, self.widths = needed_widths(ids, size, stride)
        self.on_epoch_end()

    def __len__(self):
        return -(-len(self.ids) // self.batch_size)

    def __getitem__(self, index):
        rows = self.rows_of(index)
        return self.ids_of(rows), self.targets[rows]

    def rows_of(self, index):
        """Tell which documents are in a batch, as an ndarray of int of at most batch_size elements."""
        start = self.batches[index] * self.batch_size
        return self.order[start : start + self.batch_size]

    def ids_of(self, rows):
        """Copy the columns that these documents need, as an ndarray of shape (n_rows, width), int32."""
        width = self.widths[rows].max()
        columns = slice(self.ids.shape[1] - width, None) if self.padded_left else slice(width)
        return self.ids[rows, columns]

    def on_epoch_end(self):
        """Draw a new order: of documents of like width, and of batches."""
        rows, batches = np.arange(len(self.ids)), np.arange(len(self))
        if self.random_state is not None:
            self.random_state.shuffle(rows)
            self.random_state.shuffle(batches)
        rows = rows[np.argsort(self.widths[rows], kind="stable")]
        if self.targets is not None:
            # Where length goes with the class, batches of one length would be batches of one class, and
            # training suffers. So a batch takes, of each class in its share, the documents that are equally
            # long among their class.
            rows = rows[np.argsort(_quantiles(self.targets[rows].argmax(axis=1)), kind="stable")]
        self.order = rows
        # Keras derives the shapes of all batches from the first two: they must show that the width varies.
        widths = np.maximum.reduceat(self.widths[rows], np.arange(0, len(rows), self.batch_size))[batches]
        other = np.argmax(widths != widths[0])
        if other > 1:
            batches[[1, other]] = batches[[other, 1]]
        self.batches = batches


def _quantiles(codes):
    """Tell how far each element is along those of its class, from 0 to 1."""
    by_class = np.argsort(codes, kind="stable")
    counts = np.bincount(codes)
    quantiles = np.empty(len(codes))
    first = np.repeat(np.cumsum(counts) - counts, counts)
    quantiles[by_class] = (np.arange(len(codes)) - first + 0.5) / np.repeat(counts, counts)
    return quantiles


def needed_widths(ids, size, stride):
    """Work out how many columns each document needs, so that cutting the others changes no prediction.

    Parameters
    ----------
    ids : ndarray of shape (n_documents, n_columns), int32
        Padded token ids, 0 being padding.
    size, stride : int
        From `receptive_field`.

    Returns
    -------
    padded_left : bool
        Whether columns are cut from the left, where most of the padding is, or from the right.
    widths : ndarray of shape (n_documents,), int
        Columns to keep.
    """
    n_columns = ids.shape[1]
    filled = ids != 0
    empty = ~filled.any(axis=1)
    left = np.where(empty, n_columns, filled.argmax(axis=1))
    right = np.where(empty, n_columns, filled[:, ::-1].argmax(axis=1))
    if left.sum() >= right.sum():
        # Features start at multiples of the stride, counted from the left: so cut in multiples of it.
        cut = (left - size) // stride * stride
        return True, n_columns - np.maximum(cut, 0)
    first_empty = -(-(n_columns - right) // stride) * stride
    return False, np.minimum(first_empty + size, n_columns)
