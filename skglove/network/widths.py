"""How many columns batches have on JAX, where Keras computes the padding: shapes must be known beforehand."""

import keras
import numpy as np

# Each width is about this much larger than the next smaller one. JAX compiles a network for each.
GROWTH = 1.25
# Compiling for one takes as long as training on about this many padded ids (2 s on one core).
COMPILING = 2**19


class Widths:
    """Numbers of columns that batches are padded to, with the results that `maxlen` columns have.

    Padding is not free of meaning: a maximum over time includes features of padding alone, and poolings are
    counted from the first column. So the longest document keeps as many columns of padding as one feature
    sees, and as many columns are cut off as poolings span, or a multiple of it.

    Parameters
    ----------
    model : keras.Model
        A network of `skglove.network.models`.
    maxlen : int
        Columns of padded documents. No width is larger, but for networks that pad further themselves.
    longest : int
        Length of the longest document.
    growth : float, default=GROWTH
        How much larger each width is than the next smaller one, above 1.

    Attributes
    ----------
    sizes : ndarray of int
        The widths, ascending. A few.
    """

    def __init__(self, model, maxlen, longest, growth=GROWTH):
        self._seen = model.get_layer("padding").n_columns
        pools = [layer for layer in model.layers if isinstance(layer, keras.layers.MaxPooling1D)]
        self._stride = int(np.prod([pool.pool_size[0] for pool in pools], dtype=np.int64))
        self._full = max(maxlen, self._seen)
        sizes = [self._round(longest + self._seen)]
        while sizes[-1] > self._round(self._seen):
            size = self._round(max(int(sizes[-1] / growth), self._seen))
            sizes.append(min(size, sizes[-1] - self._stride))
        self.sizes = np.array(sizes[::-1])

    def _round(self, size):
        return self._full - max(self._full - size, 0) // self._stride * self._stride

    def of(self, lengths):
        """Return the widths for batches whose longest documents have these lengths, an int or an ndarray."""
        needed = np.minimum(lengths + self._seen, self.sizes[-1])
        return self.sizes[np.searchsorted(self.sizes, needed)]

    def drop_rare(self, lengths, n_rows):
        """Drop widths that save less than compiling for them takes.

        Parameters
        ----------
        lengths : ndarray of int
            Lengths of the longest documents of batches that are to come.
        n_rows : int
            How often each column of such a batch is computed: documents of a batch, times epochs.
        """
        needed, candidates = self.of(lengths), self.sizes.tolist()

        def cells(sizes):
            sizes = np.sort(sizes)
            return int(sizes[np.searchsorted(sizes, needed)].sum()) * n_rows

        kept = sorted({candidates[-1], int(needed.max())})
        while True:
            most, size = max((cells(kept) - cells([*kept, size]), size) for size in candidates)
            if most < COMPILING:
                break
            kept.append(size)
        self.sizes = np.sort(kept)


def widths_of(model, maxlen, longest, growth=GROWTH):
    """Return the `Widths` of a network on JAX; None on other backends.

    Parameters
    ----------
    model, maxlen, longest, growth
        As in `Widths`.

    Returns
    -------
    widths : Widths or None
    """
    if keras.backend.backend() != "jax":
        return None
    return Widths(model, maxlen, longest, growth)
