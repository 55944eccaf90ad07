"""Convolutions over the words of a batch, without computing its padding.

Two documents pass through a convolution that spans 3 words:

    Padded ids. The words of document 0 are at positions 4 and 5, those of document 1 at positions 3 to 5.

        position      0  1  2  3  4  5
        document 0    .  .  .  .  7  3
        document 1    .  .  .  5  2  9

    Rows. The documents follow one another. Each has its words and the padding that the convolution sees with
    them, here one position on either side.

        row           0  1  2  3  4  5  6  7  8
        document      0  0  0  0  1  1  1  1  1
        position      3  4  5  6  2  3  4  5  6
        id            .  7  3  .  .  5  2  9  .

    Frames. The rows are cut into frames of equal width, here 2 frames of 5 rows. They are the batch that the
    convolution gets. A convolution returns 2 rows fewer than it gets, so each frame also has the first 2 rows
    of the next one. Rows behind the last document are padding; their document is 2.

        frame 0       .  7  3  .  .  5  2          rows 0 to 6
        frame 1       5  2  9  .  .  .  .          rows 5 to 11

    Features. Feature r is computed from rows r, r + 1 and r + 2. The frames of features, end to end, are all
    features in order. Features 2, 3 and 7 to 9 are not used: they see two documents, or rows behind the last.

        feature       0   1   2   3   4   5   6   7   8   9
        sees         .73 73. 3.. ..5 .52 529 29. 9.. ... ...
        document      0   0           1   1   1

`pack` makes a `Packing`, which tells for each row of each frame what it shows. What a convolution computes
from padding alone is the same everywhere. In a network of poolings it is one constant for each filter, which
stands for the padding before the next convolution. For a maximum over time it is enough to see padding alone
once on either side.
"""

from functools import partial
from typing import Any, NamedTuple

from keras import ops

from skglove.network.layers import mask_padding

# TensorFlow's threads share the rows of a batch in a convolution: with one frame, most would have no work.
N_FRAMES = 16
# Frames are a multiple of this many features wide. The convolution is compiled anew for every new width.
FEATURE_MULTIPLE = 8


class Spans(NamedTuple):
    """Where the values of each document are: tensors of shape (n_documents,), int32.

    The positions from `start` to before `end` have values, which are in consecutive rows of an array. All
    other positions are padding.
    """

    start: Any
    end: Any
    first_row: Any  # the row of the array that holds position `start`


class Packing(NamedTuple):
    """What the frames show: tensors of shape (n_frames, n_rows), but for `first_row`, (n_documents,)."""

    is_value: Any  # False where a row is padding
    source: Any  # which row of the array of values it shows; 0 for padding
    document: Any  # its document; n_documents behind the last one
    first_row: Any  # the row, counted through all frames, at which each document starts

    def take(self, values, padding):
        """Take the rows of an array (n_values, ...), and a constant of shape (...) for padding."""
        is_value = self.is_value if len(values.shape) == 1 else self.is_value[..., None]
        return ops.where(is_value, ops.take(values, self.source, axis=0), padding)


def pack(spans, start, sizes, *, overlap=0, n_frames=N_FRAMES, multiple=1):
    """Put positions of all documents one after the other, and cut them into frames.

    Parameters
    ----------
    spans : Spans
        Where the values of the documents are.
    start : tensor of shape (n_documents,), int32
        The first position to take of each document.
    sizes : tensor of shape (n_documents,), int32
        The number of positions to take of each document. Above zero.
    overlap : int, default=0
        Rows that each frame shares with the next.
    n_frames : int, default=N_FRAMES
        Number of frames.
    multiple : int, default=1
        The width of the frames, without the overlap, is rounded up to a multiple of this.

    Returns
    -------
    packing : Packing
        The frames.
    """
    ends = ops.cumsum(sizes)
    n_rows = ends[-1]
    width = (n_rows + n_frames * multiple - 1) // (n_frames * multiple) * multiple
    row = ops.arange(n_frames, dtype="int32")[:, None] * width + ops.arange(width + overlap, dtype="int32")
    document = ops.take(_number_documents(ends, n_frames * width + overlap), row)
    first_row = ends - sizes
    columns = ops.stack([start - first_row, spans.start, spans.end, spans.first_row - spans.start], axis=1)
    shift, start, end, origin = ops.unstack(ops.take(columns, document, axis=0), 4, axis=-1)
    position = row + shift
    is_value = (position >= start) & (position < end)
    return Packing(
        is_value=is_value,
        source=ops.where(is_value, position + origin, 0),
        document=ops.where(row < n_rows, document, ops.shape(sizes)[0]),
        first_row=first_row,
    )


def _number_documents(ends, n_rows):
    """Number the document of each row; rows behind the last document get its number. No document is empty.

    (`ops.searchsorted` works for an unknown number of documents from Keras 3.12 on. On PyTorch, `ops.scatter`
    is a loop in Python.)
    """
    begins = ops.scatter_update(ops.zeros((n_rows,), "int32"), ends[:-1, None], ops.ones_like(ends[:-1]))
    return ops.cumsum(begins)


def _sum_words(x, ids, document, weighted_sum, n_documents):
    """Sum vectors (n_frames, n_rows, dim) of ids, weighted, by document."""
    x = ops.cast(x, "float32") * weighted_sum.look_up(ids)
    # Rows behind the last document are summed by themselves: the last digit depends on how many rows are
    # summed, which must not depend on the place of a document in the batch.
    x, document = ops.reshape(x, (-1, x.shape[-1])), ops.reshape(document, (-1,))
    return ops.segment_sum(x, document, sorted=True)[:n_documents]


def packed_maxima(ids, embedding, convolutions, pool_sizes):
    """Compute convolutions with max pooling between them, and global max pooling.

    Parameters
    ----------
    ids : tensor of shape (n_documents, n_columns), int32
        Padded ids; 0 is padding. At least as many columns as one feature of the last convolution sees.
    embedding : keras.layers.Embedding
        From ids to vectors.
    convolutions : list of keras.layers.Conv1D
        Of stride 1, without padding of their own.
    pool_sizes : list of int
        Width and stride of the max pooling after each convolution but the last.

    Returns
    -------
    maxima : tensor of shape (n_documents, n_filters)
        Equal to the output of the layers on all columns.
    """
    n_documents, length, spans = ops.shape(ids)[0], ops.shape(ids)[1], word_spans(ids)
    values, constant = ops.reshape(ids, (-1,)), ops.zeros((), dtype="int32")
    for convolution, pool_size in zip(convolutions, [*pool_sizes, 1], strict=True):
        (kernel_size,) = convolution.kernel_size
        length = (length - kernel_size + 1) // pool_size
        # The features that see a value. Feature i sees positions from pool_size * i on.
        start = ops.clip((spans.start - kernel_size + 1) // pool_size, 0, length - 1)
        end = ops.clip((spans.end - 1) // pool_size + 1, start + 1, length)
        if convolution is convolutions[-1]:
            # One more on either side: the maximum includes the features of padding alone.
            start, end = ops.maximum(start - 1, 0), ops.minimum(end + 1, length)
        # The last feature of a document sees further positions. Their number is rounded up to whole poolings,
        # so that no pooling mixes two documents.
        sizes = (end - start + -(-(kernel_size - 1) // pool_size)) * pool_size
        packing = pack(
            spans, start * pool_size, sizes, overlap=kernel_size - 1, multiple=FEATURE_MULTIPLE * pool_size
        )
        x, padding = (
            packing.take(values, constant),
            ops.broadcast_to(constant, (1, kernel_size, *constant.shape)),
        )
        if convolution is convolutions[0]:
            x, padding = embedding(x), embedding(padding)
        if convolution is convolutions[-1]:
            return _maxima_over_time(x, packing.document, convolution, n_documents)
        pool = partial(ops.max_pool, pool_size=pool_size, strides=pool_size) if pool_size > 1 else None
        x, constant = _convolve(x, convolution, pool), _convolve(padding, convolution)
        values, constant = ops.reshape(x, (-1, x.shape[-1])), ops.reshape(constant, (-1,))
        spans = Spans(start, end, packing.first_row // pool_size)


class PackedWords(NamedTuple):
    """Vectors of the words of a batch, for convolutions over them and for a sum of them."""

    x: Any  # vectors of shape (n_frames, n_rows, dim), zero at padding
    ids: Any  # their ids, (n_frames, n_rows), int32
    document: Any  # as in `Packing`
    n_documents: Any
    overlap: int  # rows that each frame shares with the next
    from_windows: bool = False  # whether maxima are computed as `_maxima_of_windows` does

    def maxima(self, convolution):
        """Compute a convolution and its maximum over time.

        Parameters
        ----------
        convolution : keras.layers.Conv1D
            Of stride 1, without padding of its own, with an activation that does not fall. It spans at most
            the `kernel_size` of `pack_words`.

        Returns
        -------
        maxima : tensor of shape (n_documents, n_filters)
            Equal to the maximum over all columns.
        """
        (kernel_size,) = convolution.kernel_size
        # Of the overlap, each width needs its own part.
        x, document = self._without_last(self.overlap - (kernel_size - 1))
        if self.from_windows:  # all of x, because each part of it, and its gradient, would be copied
            return _maxima_of_windows(self.x, document, convolution, self.n_documents)
        return _maxima_over_time(x, document, convolution, self.n_documents)

    def sums(self, weighted_sum):
        """Sum the words of each document, weighted.

        Parameters
        ----------
        weighted_sum : WeightedSum
            From vectors to one vector a document.

        Returns
        -------
        sums : tensor of shape (n_documents, dim), float32
            Equal to the output of the layer on all columns.
        """
        x, document = self._without_last(self.overlap)
        ids = self.ids[:, : ops.shape(x)[1]]
        return _sum_words(x, ids, document, weighted_sum, self.n_documents)

    @property
    def vectors(self):
        """The vectors without those that a frame shares with the next: of shape (n_frames, width, dim)."""
        return self._without_last(self.overlap)[0]

    def with_vectors(self, vectors):
        """Put other vectors in the place of `vectors`. Those of padding become zero."""
        _, _, dim = ops.shape(vectors)
        shared = ops.slice(vectors, (1, 0, 0), (N_FRAMES - 1, self.overlap, dim))
        shared = ops.pad(shared, ((0, 1), (0, 0), (0, 0)))  # behind the last document
        return self._replace(x=mask_padding(ops.concatenate([vectors, shared], axis=1), self.ids))

    def _without_last(self, n_rows):
        """Return vectors and documents without the last rows of each frame."""
        if not n_rows:
            return self.x, self.document
        n_frames, width, dim = ops.shape(self.x)
        # In TensorFlow, ops.slice has a faster gradient than x[...].
        return ops.slice(self.x, (0, 0, 0), (n_frames, width - n_rows, dim)), self.document[:, :-n_rows]


class PaddedWords(NamedTuple):
    """What `PackedWords` does, with all of the padding: vectors (n_documents, n_columns, dim)."""

    vectors: Any  # zero at padding
    ids: Any  # their ids, (n_documents, n_columns), int32

    @classmethod
    def look_up(cls, ids, embedding):
        """Look up the words of padded ids."""
        return cls(mask_padding(embedding(ids), ids), ids)

    def maxima(self, convolution):
        """Compute a convolution and its maximum over time, of shape (n_documents, n_filters)."""
        return ops.max(convolution(self.vectors), axis=1)

    def sums(self, weighted_sum):
        """Sum the words of each document, weighted: of shape (n_documents, dim), float32."""
        return weighted_sum([self.vectors, self.ids])

    def with_vectors(self, vectors):
        """Put other vectors in the place of `vectors`. Those of padding become zero."""
        return self._replace(vectors=mask_padding(vectors, self.ids))


def pack_words(ids, embedding, kernel_size, *, from_windows=False):
    """Look up the words of a batch, each once, with the padding that filters see beside them.

    Parameters
    ----------
    ids : tensor of shape (n_documents, n_columns), int32
        Padded ids; 0 is padding. At least `kernel_size` columns.
    embedding : keras.layers.Embedding
        From ids to vectors.
    kernel_size : int
        Words that the widest filter spans.
    from_windows : bool, default=False
        Whether a maximum has a gradient through its own window only. The gradient is the same; for long
        documents it takes half the time.

    Returns
    -------
    words : PackedWords
        What convolutions and sums are computed from.
    """
    n_documents, n_columns = ops.shape(ids)
    spans = word_spans(ids)
    # One filter's width on either side: the maximum includes the features of padding alone.
    start = ops.maximum(spans.start - kernel_size, 0)
    sizes = ops.minimum(spans.end + kernel_size, n_columns) - start
    overlap = kernel_size - 1
    packing = pack(spans, start, sizes, overlap=overlap, multiple=max(FEATURE_MULTIPLE, overlap))
    ids = packing.take(ops.reshape(ids, (-1,)), 0)
    x = mask_padding(embedding(ids), ids)
    return PackedWords(x, ids, packing.document, n_documents, overlap, from_windows)


def _maxima_over_time(x, document, convolution, n_documents):
    """Convolve frames and take the maximum of the features of each document.

    The last features of a document see the next one and do not count. They get a segment of their own.
    """
    segment = _segments(document, convolution)

    def pool(x):
        x = ops.segment_max(ops.reshape(x, (-1, x.shape[-1])), segment, sorted=True)
        return x[: 2 * n_documents : 2]

    return _convolve(x, convolution, pool)


def _maxima_of_windows(x, document, convolution, n_documents):
    """Compute what `_maxima_over_time` does, for training on long documents.

    All windows of words are convolved without a gradient, to find where each maximum is. Only the windows
    found are computed again, with one. The gradient of all others is zero.

    The frames of `x` may be wider than those of `document`.
    """
    kernel, segment = ops.cast(convolution.kernel, x.dtype), _segments(document, convolution)
    kernel_size, dim, n_filters = kernel.shape
    n_frames, n_rows = ops.shape(x)[:2]
    n_windows = ops.shape(document)[1] - (kernel_size - 1)
    features = ops.conv(ops.stop_gradient(x), ops.stop_gradient(kernel))
    features = ops.reshape(features[:, :n_windows], (-1, n_filters))
    row = ops.arange(n_frames, dtype="int32")[:, None] * n_rows + ops.arange(n_windows, dtype="int32")
    maxima = ops.take(ops.segment_max(features, segment, sorted=True), segment, axis=0)
    # Of several equal ones, the first; if all are NaN, the last window of all.
    last = n_frames * n_rows - kernel_size
    rows = ops.where(features == maxima, -ops.reshape(row, (-1, 1)), -last)
    rows = -ops.segment_max(rows, segment, sorted=True)[: 2 * n_documents : 2]
    rows = ops.transpose(rows)[..., None] + ops.arange(kernel_size, dtype="int32")
    windows = ops.take(ops.reshape(x, (-1, dim)), rows, axis=0)
    windows = ops.reshape(windows, (n_filters, -1, kernel_size * dim))
    filters = ops.reshape(ops.transpose(kernel, (2, 0, 1)), (n_filters, kernel_size * dim, 1))
    maxima = ops.transpose(ops.matmul(windows, filters)[..., 0])
    return convolution.activation(maxima + ops.cast(convolution.bias, x.dtype))


def _segments(document, convolution):
    """Number the segments of features: 2 * document, or one more for features that see the next one, too."""
    (kernel_size,) = convolution.kernel_size
    width = ops.shape(document)[1] - (kernel_size - 1)
    first, last = document[:, :width], document[:, kernel_size - 1 :]
    return ops.reshape(2 * first + ops.cast(first != last, "int32"), (-1,))


def _convolve(x, convolution, pool=None):
    """Convolve, take maxima, and only then add the bias and activate: the same numbers, for less work."""
    x = ops.conv(x, ops.cast(convolution.kernel, x.dtype))
    if pool is not None:
        x = pool(x)
    return convolution.activation(x + ops.cast(convolution.bias, x.dtype))


def word_spans(ids):
    """Find the words of each document: from the first column without padding to the last.

    Parameters
    ----------
    ids : tensor of shape (n_documents, n_columns), int32
        Padded ids; 0 is padding.

    Returns
    -------
    spans : Spans
        Columns of `ids` and rows of the flat `ids`. A document without words has the span 0 to 1.
    """
    n_documents, n_columns = ops.shape(ids)
    words, column = ids != 0, ops.arange(n_columns, dtype="int32")
    # Of several equal values, argmax on a GPU may return any.
    start = ops.min(ops.where(words, column, n_columns), axis=1)
    end = ops.max(ops.where(words, column + 1, 0), axis=1)
    has_words = end > 0
    start = ops.where(has_words, start, 0)
    first_row = ops.arange(n_documents, dtype="int32") * n_columns + start
    return Spans(start, ops.where(has_words, end, 1), first_row)
