"""Batches of padded documents for Keras, from documents that need not be padded."""

import weakref

import keras
import numpy as np

# About what a batch to predict for holds: enough work for every thread, some tens of MB of features.
BATCH_TOKENS, BATCH_DOCUMENTS, BATCH_CELLS = 2**16, 2**10, 2**22


class Batches(keras.utils.PyDataset):
    """Pad documents a batch at a time, so that a corpus needs the memory of its tokens and one padded batch.

    Parameters
    ----------
    documents : Documents
        Token ids.
    maxlen : int
        Columns of a batch. Shorter documents get zeros put before them; of longer ones the end is kept.
    batch_size : int or None
        Documents in a batch. None, for prediction, sorts them by length and takes as many as hold about
        BATCH_TOKENS tokens, but not more than BATCH_DOCUMENTS, or BATCH_CELLS of padded ids.
    rows : ndarray of int or None, default=None
        The documents to take. None takes all.
    codes : ndarray of shape (n_documents,), int, or None, default=None
        The classes that are to be predicted, numbered from 0. None for prediction.
    sample_weight : ndarray of shape (n_documents,), float32, or None, default=None
        What each document's loss is multiplied by. None for prediction.
    random_state : numpy.random.RandomState or None, default=None
        Source of the order, which is another in every epoch. None keeps the documents in order.
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
    ):
        super().__init__()
        self.documents = documents
        self.maxlen = maxlen
        self.order = np.arange(len(documents)) if rows is None else rows
        self.codes = codes
        self.one_hot = None if codes is None else np.eye(codes.max() + 1, dtype=np.float32)
        self.sample_weight = sample_weight
        self.random_state = random_state
        if batch_size is None:
            sizes = np.minimum(documents.lengths, maxlen)
            self.order = self.order[np.argsort(sizes[self.order], kind="stable")]
            least = max(BATCH_TOKENS // BATCH_DOCUMENTS, BATCH_TOKENS * maxlen // BATCH_CELLS)
            sizes = np.maximum(sizes[self.order], least)
            self.bounds = np.flatnonzero(np.diff(np.cumsum(sizes) // BATCH_TOKENS, prepend=-1))
        else:
            self.bounds = np.arange(0, len(self.order), batch_size)
        self.bounds = np.append(self.bounds, len(self.order))
        self.on_epoch_begin()

    def __len__(self):
        return len(self.bounds) - 1

    def __getitem__(self, index):
        rows = self.rows_of(index)
        return self.ids_of(rows), self.one_hot[self.codes[rows]], self.sample_weight[rows]

    def rows_of(self, index):
        """Tell which documents are in a batch, as an ndarray of int."""
        return self.order[self.bounds[index] : self.bounds[index + 1]]

    def ids_of(self, rows):
        """Pad these documents, as an ndarray of shape (n_rows, maxlen), int32."""
        ids = np.zeros((len(rows), self.maxlen), dtype=np.int32)
        for i, row in enumerate(rows):
            words = self.documents[row][-self.maxlen :]
            ids[i, self.maxlen - len(words) :] = words
        return ids

    def on_epoch_begin(self):
        """Draw a new order."""
        if self.random_state is not None:
            self.order = self.random_state.permutation(self.order)

    def for_keras(self):
        """Make what to give to `keras.Model.fit`.

        The dataset that Keras would make has buffers that TensorFlow tunes, in a thread that sleeps ever
        longer. Some epochs would begin with waiting for its sleep to end, for as long as an epoch takes.

        Returns
        -------
        batches : tf.data.Dataset or Batches
            In TensorFlow a dataset of these batches, in a new order every epoch. It does not keep them, so
            hold on to them: TensorFlow never forgets the function that it is made from. Otherwise themselves.
        """
        if keras.backend.backend() != "tensorflow":
            return self
        import tensorflow as tf

        this = weakref.ref(self)

        def epoch():
            batches = this()
            batches.on_epoch_begin()
            for index in range(len(batches)):
                yield batches[index]

        shapes = (None, self.maxlen), (None, len(self.one_hot)), (None,)
        types = tf.int32, tf.float32, tf.float32
        dataset = tf.data.Dataset.from_generator(
            epoch, output_signature=tuple(map(tf.TensorSpec, shapes, types))
        )
        options = tf.data.Options()
        options.autotune.enabled = False
        dataset = dataset.apply(tf.data.experimental.assert_cardinality(len(self)))
        return dataset.prefetch(2).with_options(options)
