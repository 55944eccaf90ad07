"""Batches of padded documents for Keras. The only place where documents get their padding."""

import weakref

import keras
import numpy as np

from skglove.multilabel import n_outputs

# Size of a prediction batch: about this many tokens, at most this many documents and padded ids. It gives
# every thread enough work and needs some tens of MB of features.
BATCH_TOKENS, BATCH_DOCUMENTS, BATCH_CELLS = 2**16, 2**10, 2**22
# About the padded ids of a prediction batch on JAX, of which up to so many in all are computed in vain.
PADDED_CELLS = 2**15


def most_documents(width):
    """Return how many documents of a width, padded, fill a prediction batch."""
    return int(np.clip(PADDED_CELLS // width, 1, BATCH_DOCUMENTS))


class Batches(keras.utils.PyDataset):
    """Pad documents one batch at a time. Memory holds the corpus unpadded and one padded batch.

    Parameters
    ----------
    documents : Documents
        Token ids.
    maxlen : int
        Columns of a batch. Shorter documents are padded at their beginning with zeros. Longer documents keep
        their end.
    batch_size : int or None
        Documents in a batch. None, for prediction, sorts documents by length and fills batches of about
        BATCH_TOKENS tokens, with at most BATCH_DOCUMENTS documents and BATCH_CELLS padded ids.
    rows : ndarray of int or None, default=None
        Numbers of the documents to use. None uses all.
    codes : ndarray of shape (n_documents,) or (n_documents, n_labels), int, or None, default=None
        Classes of the documents, numbered from 0, or an indicator matrix. None for prediction.
    sample_weight : ndarray of shape (n_documents,), float32, or None, default=None
        Factor of each document's loss. None for prediction.
    random_state : numpy.random.RandomState or None, default=None
        Shuffles the documents before every epoch. None keeps their order.
    widths : skglove.network.widths.Widths or None, default=None
        Numbers of columns to choose from, in place of `maxlen`, by the longest document of each batch. For
        prediction, batches then have at most PADDED_CELLS padded ids.
    fill : bool, default=False
        Whether documents without words, of weight zero, fill up the last batch. The weights of its other
        documents grow by as much as Keras's mean over the batch falls. JAX then compiles for one shape less.
    """

    def __init__(
        self,
        documents,
        *,
        maxlen,
        batch_size,
        rows=None,
        codes=None,
        sample_weight=None,
        random_state=None,
        widths=None,
        fill=False,
    ):
        super().__init__()
        self.documents = documents
        self.maxlen = maxlen
        self.order = np.arange(len(documents)) if rows is None else rows
        self.codes = codes
        self.n_classes = None if codes is None else n_outputs(codes)
        self.sample_weight = sample_weight
        self.random_state, self.widths = random_state, widths
        if batch_size is None and widths is not None:
            self._bound_cells()
        elif batch_size is None:
            sizes = np.minimum(documents.lengths, maxlen)
            self.order = self.order[np.argsort(sizes[self.order], kind="stable")]
            least = max(BATCH_TOKENS // BATCH_DOCUMENTS, BATCH_TOKENS * maxlen // BATCH_CELLS)
            sizes = np.maximum(sizes[self.order], least)
            self.bounds = np.flatnonzero(np.diff(np.cumsum(sizes) // BATCH_TOKENS, prepend=-1))
        else:
            self.bounds = np.arange(0, len(self.order), batch_size)
        self.bounds = np.append(self.bounds, len(self.order))
        self.n_filled = batch_size if fill and len(self) > 1 else None
        self.on_epoch_begin()

    def _bound_cells(self):
        """Sort documents by length, and bound batches from the longest on, so that few widths are used."""
        self.order = self.order[np.argsort(self.documents.lengths[self.order], kind="stable")]
        widths = self.widths.of(self.documents.lengths[self.order])
        bounds, end = [], len(self.order)
        while end:
            end = max(end - most_documents(widths[end - 1]), 0)
            bounds.append(end)
        self.bounds = np.array(bounds[::-1], dtype=np.int64)

    def __len__(self):
        return len(self.bounds) - 1

    def __getitem__(self, index):
        rows = self.rows_of(index)
        n_rows = self.n_filled or len(rows)
        weights = np.zeros(n_rows, dtype=np.float32)
        weights[: len(rows)] = self.sample_weight[rows]
        if len(rows) < n_rows:
            weights *= n_rows / len(rows)
        return self.ids_of(rows, n_rows), self._targets_of(rows, n_rows), weights

    def _targets_of(self, rows, n_rows):
        targets = np.zeros((n_rows, self.n_classes), dtype=np.float32)
        if self.codes.ndim == 2:
            targets[: len(rows)] = self.codes[rows]
        else:
            targets[np.arange(len(rows)), self.codes[rows]] = 1
            targets[len(rows) :, 0] = 1
        return targets

    def rows_of(self, index):
        """Return the numbers of the documents in a batch, as an ndarray of int."""
        return self.order[self.bounds[index] : self.bounds[index + 1]]

    def ids_of(self, rows, n_rows=None):
        """Pad these documents, as an ndarray of shape (n_rows, n_columns), int32.

        With an `n_rows` above their number, documents without words follow.
        """
        lengths = np.minimum(self.documents.lengths[rows], self.maxlen)
        n_columns = self.maxlen if self.widths is None else int(self.widths.of(lengths.max(initial=0)))
        ids = np.zeros((n_rows or len(rows), n_columns), dtype=np.int32)
        for i, row in enumerate(rows):
            words = self.documents[row][-self.maxlen :]
            ids[i, n_columns - len(words) :] = words
        return ids

    def longest(self):
        """Return the length of the longest document of each batch, at most `maxlen`, as an ndarray of int."""
        lengths = np.minimum(self.documents.lengths[self.order], self.maxlen)
        return np.maximum.reduceat(lengths, self.bounds[:-1])

    def on_epoch_begin(self):
        """Shuffle the documents."""
        if self.random_state is not None:
            self.order = self.random_state.permutation(self.order)

    def for_keras(self):
        """Make the argument for `keras.Model.fit`.

        Keras would make a dataset from a generator. TensorFlow 2.21 then tells glibc to return freed memory
        to the system at once, for the rest of the process, and a training step takes up to twice as long.
        TensorFlow would also tune the buffers of that dataset, in a thread that sleeps longer each time. Some
        epochs would wait for this thread at their start, for as long as an epoch takes. This dataset has no
        generator and is not tuned.

        Returns
        -------
        batches : tf.data.Dataset or Batches
            On TensorFlow a dataset of these batches, shuffled before every epoch. Keep a reference to these
            Batches as long as it is used: the dataset has only a weak one, because TensorFlow never frees the
            function that a dataset is made from. On other backends, these Batches themselves.
        """
        if keras.backend.backend() != "tensorflow":
            return self
        import tensorflow as tf

        this = weakref.ref(self)

        def batch(index):
            batches = this()
            if batches is None:
                raise StopIteration  # training has ended in the middle of an epoch
            if index == 0:
                batches.on_epoch_begin()
            return batches[index]

        shapes = (None, None), (None, self.n_classes), (None,)
        types = tf.int32, tf.float32, tf.float32

        @tf.autograph.experimental.do_not_convert
        def load(index):
            arrays = tf.numpy_function(batch, [index], types)
            return tuple(map(tf.ensure_shape, arrays, shapes))

        dataset = tf.data.Dataset.range(len(self)).map(load)
        options = tf.data.Options()
        options.autotune.enabled = False
        return dataset.prefetch(2).with_options(options)
