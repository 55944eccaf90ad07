"""Prediction of "parallel" and "hybrid" networks with NumPy alone: a convolution becomes a table look-up.

A convolution adds up, for each window of words, the products of the words' vectors and the slices of its
kernel. A trained network multiplies each distinct word once, for all places at which it is:

    tables[j] = vectors of the distinct words @ slices of the kernels for the word j places before the end
    feature at position p = tables[0][word at p] + tables[1][word at p - 1] + ...

Windows are counted by their last word. Before its first word, each document has as many places as the widest
filter spans. They are padding, with the vector zero; or, where the document fills its columns, nothing:
windows that see them do not count, because their features are minus infinity.
"""

from itertools import islice, pairwise

import numpy as np
from scipy.special import expit

from skglove.pooling import log, log_softmax, pool
from skglove.threads import for_chunks

TABLE_BYTES = 2**26  # of the tables of one thread
# Features are added up for this many positions at a time, which the processor's cache holds.
BLOCK = 512
# Matrices are multiplied so many rows at a time, at most and at least: the last digit depends on the number
# of rows, and of more than eight rows, OpenBLAS rounds some differently on processors with AVX2 and no
# AVX-512. Up to MOST_PRODUCTS multiplications, it uses one thread. Its threads would wait for each other: on
# a busy machine, predictions took up to 20 times as long.
ROWS, FEWEST_ROWS, MOST_PRODUCTS = 8, 4, 2**18
# The weights of words are exp(SCALE * stored number), so that the learning rate of vectors moves them enough.
SCALE = 5.0
# L2 norm of the weighted sums (it decides how fast their softmax learns), and what keeps zeros from 0 / 0.
NORM, TINY = 50.0, 1e-6
# Classes of layers, and how many arrays of weights they have.
N_WEIGHTS = {
    "Embedding": 1,
    "DeterministicEmbedding": 1,
    "Conv1D": 2,
    "Dense": 2,
    "WeightedSum": 1,
    "SparseBiasDense": 2,
    "Heads": 4,
    "HeadPool": 1,
}
# What release 0.1.0 called some of skglove's layers.
OLD_NAMES = {
    "AtLeast": "MinimumLength",
    "OrderedEmbedding": "DeterministicEmbedding",
    "ForgettableDense": "SparseBiasDense",
}


class LookupNetwork:
    """A trained "parallel" or "hybrid" network that predicts without Keras.

    Parameters
    ----------
    config : dict
        Configuration of the Keras model.
    weights : list of ndarray
        Its weights, as `get_weights` returns them. The embedding is not copied.

    Raises
    ------
    ValueError
        If the weights do not fit the configuration.
    """

    def __init__(self, config, weights):
        of = weights_by_layer(config, weights)
        activations = [layer["config"].get("activation") for layer in config["layers"]]
        self._is_multilabel = "sigmoid" in activations  # relu or softmax otherwise
        (self._embedding,) = of["embedding"]
        convolutions = [of[name] for name in of if name.startswith("convolution_")]
        bounds = np.cumsum([0] + [len(bias) for _, bias in convolutions])
        # The widest first, so that at each place in the window the filters that see it are the first ones.
        order = sorted(range(len(convolutions)), key=lambda i: -len(convolutions[i][0]))
        columns = np.concatenate([np.arange(bounds[i], bounds[i + 1]) for i in order])
        self._bias = np.concatenate([bias for _, bias in convolutions])[columns]
        kernels = [convolutions[i][0] for i in order]
        self._slices = [
            np.concatenate([kernel[-1 - j] for kernel in kernels if len(kernel) > j], axis=1)
            for j in range(len(kernels[0]))
        ]
        self._word_weights = self._head_weights = None
        if "heads" in of:
            kernel, bias, *of_sums = of["heads"]
            self._softmaxes = [(kernel[columns], bias), of_sums]
            self._word_weights = np.exp(SCALE * of["sum"][0])
            if "classes" in of:
                (self._head_weights,) = of["classes"]
        else:
            kernel, bias = of["classes"]
            self._softmaxes = [(kernel[columns], bias)]
        n_classes = len(self._softmaxes[0][1])
        heads = (2,) if len(self._softmaxes) > 1 and self._head_weights is None else ()
        self._output_shape, self._least = (*heads, n_classes), len(self._slices)
        self._width = sum(kernel.shape[1] for kernel in self._slices) + 2 * self._embedding.shape[1]

    @property
    def n_ids(self):
        """Rows of the embedding."""
        return len(self._embedding)

    def predict(self, documents, maxlen):
        """Predict probabilities.

        The result for a document does not depend on the other documents. Chunks of documents are computed in
        threads, see `skglove.threads`.

        Parameters
        ----------
        documents : Documents
            Token ids below `n_ids`, at most `maxlen` per document.
        maxlen : int
            Columns of the padded documents, as in training.

        Returns
        -------
        probabilities : ndarray of shape (n_documents, n_classes), float32
            The output of the Keras model. A network whose heads are not pooled gives shape (n_documents,
            n_heads, n_classes).
        """
        probabilities = np.empty((len(documents), *self._output_shape), dtype=np.float32)
        n_columns = max(maxlen, self._least)

        def compute(chunk):
            self._compute(documents[chunk], n_columns, probabilities[chunk])

        for_chunks(compute, documents)
        return probabilities

    def _compute(self, documents, n_columns, out):
        """Write the probabilities of a chunk into an array; halve it until its tables are small enough."""
        words, ids = _renumber(documents.values, self.n_ids)
        if len(documents) > 1 and 4 * self._width * len(words) > TABLE_BYTES:
            middle = len(documents) // 2
            for half in (slice(0, middle), slice(middle, None)):
                self._compute(documents[half], n_columns, out[half])
        else:
            out[:] = self._classify(*self._features(documents, words, ids, n_columns))

    def _features(self, documents, words, ids, n_columns):
        """Compute what `_classify` takes.

        `words` are the distinct ids of the documents, and `ids` the places there of all their ids.
        """
        tables, vectors = self._tables(words)
        places = _lay_out(documents, ids, len(tables), n_columns, nothing=len(words))
        return self._reduce(documents, *places, tables, vectors)[:2]

    def _reduce(self, documents, ids, ends, tables, vectors, find=False):
        """Compute the maxima over time of all filters, without bias, and, in "hybrid", the weighted sums.

        `ids` and `ends` are the places of `_lay_out`, and `tables` and `vectors` those of their words. With
        `find`, a third array tells where the windows of the maxima end, as places in `ids`; of equal maxima
        of a document, the first.
        """
        pieces, counts = _cut(documents.lengths + 1)
        maxima = np.empty((len(pieces), len(self._bias)), dtype=np.float32)
        sums = None if vectors is None else np.empty((len(pieces), vectors.shape[1]), dtype=np.float32)
        found = np.empty(maxima.shape, dtype=np.int64) if find else None
        starts, stops = pieces.T.tolist()
        blocks = np.flatnonzero(np.diff(pieces[:, 0] // BLOCK, prepend=-1)).tolist()
        for first, last in pairwise([*blocks, len(pieces)]):
            origin = starts[first]
            at = ends[origin : stops[last - 1]]
            x = tables[0].take(ids[at], axis=0)
            for j, table in enumerate(tables[1:], start=1):
                x[:, : table.shape[1]] += table.take(ids[at - j], axis=0)
            weighted = None if sums is None else vectors.take(ids[at], axis=0)
            for i in range(first, last):
                piece = slice(starts[i] - origin, stops[i] - origin)
                np.maximum.reduce(x[piece], axis=0, out=maxima[i])
                if sums is not None:
                    np.add.reduce(weighted[piece], axis=0, out=sums[i])
            if find:
                found[first:last] = at[_find(x, maxima[first:last], np.diff(pieces[first:last])[:, 0])]
        if len(pieces) > len(documents):
            firsts, of_pieces = np.cumsum(counts) - counts, maxima
            maxima = np.maximum.reduceat(maxima, firsts, axis=0)
            sums = None if sums is None else np.add.reduceat(sums, firsts, axis=0)
            found = np.take_along_axis(found, _find(of_pieces, maxima, counts), axis=0) if find else None
        return maxima, sums, found

    def _tables(self, words):
        """Multiply distinct words, sorted, the first of which is padding, by the slices of all kernels.

        Returns
        -------
        tables : list of ndarray of shape (n_words + 1 or more, n_filters), float32
            One for each place before the end of a window. The row behind the words, for nothing, is minus
            infinity.
        vectors : ndarray of shape (n_words + 1 or more, dim), float32, or None
            Vectors for the weighted sum.
        """
        n_words = len(words)
        vectors = np.zeros((-(-(n_words + 1) // ROWS) * ROWS, self._embedding.shape[1]), dtype=np.float32)
        self._embedding.take(words[1:], axis=0, out=vectors[1:n_words], mode="clip")
        tables = [matmul(vectors, kernel) for kernel in self._slices]
        for table in tables:
            table[n_words] = -np.inf
        if self._word_weights is None:
            return tables, None
        vectors[:n_words] *= self._word_weights[words, np.newaxis]
        return tables, vectors

    def _classify(self, maxima, sums):
        """Apply bias, ReLU and the classifiers, and pool these."""
        inputs = [np.maximum(maxima + self._bias, 0)]
        if sums is not None:
            root = np.sqrt((sums * sums).sum(axis=1, keepdims=True) + np.float32(TINY**2))
            inputs.append(sums * (np.float32(NORM) / (root + np.float32(TINY))))
        heads = []
        for x, (kernel, bias) in zip(inputs, self._softmaxes, strict=True):
            heads.append(matmul(fill_rows(x, len(x)), kernel)[: len(x)] + bias)
        if self._is_multilabel and self._head_weights is not None:
            return expit(sum(weight * head for weight, head in zip(self._head_weights, heads, strict=True)))
        heads = [expit(x) if self._is_multilabel else np.exp(log_softmax(x)) for x in heads]
        if len(heads) == 1:
            return heads[0]
        if self._head_weights is None:
            return np.stack(heads, axis=1)
        return np.exp(pool([log(head) for head in heads], self._head_weights))


def weights_by_layer(config, weights):
    """Give each layer, by its name, its weights.

    Parameters
    ----------
    config : dict
        Configuration of a Keras model.
    weights : list of ndarray
        Its weights, as `get_weights` returns them.

    Returns
    -------
    weights : dict of str to list of ndarray
        Without the layers that have none.

    Raises
    ------
    ValueError
        If there are more or fewer arrays than the layers have.
    """
    layers = config["layers"]
    counts = [N_WEIGHTS.get(layer["class_name"], 0) for layer in layers]
    if len(weights) != sum(counts):
        raise ValueError(f"The network has {sum(counts)} arrays of weights, got {len(weights)}.")
    rest = iter(weights)
    return {
        layer["config"]["name"]: list(islice(rest, n)) for layer, n in zip(layers, counts, strict=True) if n
    }


def _renumber(values, n_ids):
    """Return the distinct ids, sorted, padding always among them, and the place there of each id."""
    if len(values) < n_ids // 16:
        words, places = np.unique(np.append(0, values), return_inverse=True)
        return words, places[1:]
    places = np.zeros(n_ids, dtype=np.int64)
    places[values] = places[0] = 1
    words = np.flatnonzero(places)
    places[words] = np.arange(len(words))
    return words, places[values]


def _lay_out(documents, ids, width, n_columns, nothing):
    """Put `width` places before each document; return all ids, and where the windows end.

    Windows end at the place before a document, where the widest filter sees padding alone, and at its words.
    """
    places = np.zeros(len(ids) + width * len(documents), dtype=np.int64)
    starts = documents.bounds[:-1] + width * np.arange(len(documents))
    is_word = np.ones(len(places), dtype=bool)
    is_end = np.ones(len(places), dtype=bool)
    for j in range(width):
        is_word[starts + j] = False
        is_end[starts + j] = j == width - 1
        # Only `n_columns - lengths` places hold padding, the last ones.
        places[starts[width - j > n_columns - documents.lengths] + j] = nothing
    places[is_word] = ids
    return places, np.flatnonzero(is_end)


def _cut(sizes):
    """Cut long documents into pieces of BLOCK positions, which do not depend on the other documents.

    Returns
    -------
    pieces : ndarray of shape (n_pieces, 2), int
        Start and end of each piece.
    counts : ndarray of shape (n_documents,), int
        The number of pieces of each document.
    """
    stops = np.cumsum(sizes)
    counts = -(-sizes // BLOCK)
    firsts = np.cumsum(counts) - counts
    within = np.arange(counts.sum()) - np.repeat(firsts, counts)
    starts = np.repeat(stops - sizes, counts) + BLOCK * within
    return np.stack([starts, np.minimum(starts + BLOCK, np.repeat(stops, counts))], axis=1), counts


def _find(x, maxima, counts):
    """Find the row of each maximum among as many rows of x as it has; of equal ones, the first."""
    rows, columns = np.divmod(np.flatnonzero(x == np.repeat(maxima, counts, axis=0)), x.shape[1])
    found = np.zeros(maxima.shape, dtype=np.int64)
    # Backwards, because of several numbers for one place the last one stays.
    found[np.repeat(np.arange(len(counts)), counts)[rows[::-1]], columns[::-1]] = rows[::-1]
    return found


def matmul(x, kernel):
    """Multiply a matrix so that the last digit of a row does not depend on the other rows.

    Parameters
    ----------
    x : ndarray of shape (n_rows, n), float32
        The number of rows is a multiple of ROWS.
    kernel : ndarray of shape (n, m), float32

    Returns
    -------
    product : ndarray of shape (n_rows, m), float32
    """
    n_rows = ROWS
    while n_rows > FEWEST_ROWS and n_rows * kernel.size > MOST_PRODUCTS:
        n_rows //= 2
    blocks = x.reshape(-1, n_rows, x.shape[1])
    return np.matmul(blocks, kernel).reshape(len(x), kernel.shape[1])


def fill_rows(x, n_rows):
    """Append rows of zeros to a matrix until it has at least `n_rows`, and a multiple of ROWS."""
    filled = np.zeros((-(-n_rows // ROWS) * ROWS, x.shape[1]), dtype=np.float32)
    filled[: len(x)] = x
    return filled
