"""Documents that are the same, so that no document is tested on its own copy."""

import numpy as np


def first_copies(values, lengths, codes):
    """Find for every document the first one that has the same ids and the same class.

    Near-duplicates, which differ in one id, are different documents.

    Parameters
    ----------
    values : ndarray of shape (n_tokens,), int32
        The ids of all documents, one document after the other.
    lengths : ndarray of shape (n_documents,), int
        How many of them each document has.
    codes : ndarray of shape (n_documents,), int
        Classes, numbered from 0.

    Returns
    -------
    firsts : ndarray of shape (n_documents,), int
        Index of the first copy: the document's own where there is none before it.

    Examples
    --------
    >>> import numpy as np
    >>> from skglove.copies import first_copies
    >>> ids, lengths = np.array([7, 8, 7, 8, 7, 8]), np.array([2, 2, 2])
    >>> first_copies(ids, lengths, codes=np.array([0, 0, 1])).tolist()
    [0, 0, 2]
    """
    # A multilinear hash of 64 bits: the sum of the ids, each times a random number that belongs to its
    # position. Ids start from 1 in it, so that padding counts, and length and class are two ids more.
    random_state = np.random.RandomState(0)
    factors = random_state.randint(2**64, size=lengths.max(initial=0) + 2, dtype=np.uint64) | np.uint64(1)
    ends = np.cumsum(lengths)
    positions = np.arange(len(values)) - np.repeat(ends - lengths, lengths)
    products = factors[positions + 2]
    products *= values.astype(np.uint64) + np.uint64(1)
    # Sums wrap around, and so do their differences, which unlike `np.add.reduceat` allow for empty documents.
    sums = np.append(np.uint64(0), np.cumsum(products))
    hashes = sums[ends] - sums[ends - lengths]
    hashes += factors[0] * lengths.astype(np.uint64) + factors[1] * codes.astype(np.uint64)
    _, firsts, copy_of = np.unique(hashes, return_index=True, return_inverse=True)
    return firsts[copy_of]
