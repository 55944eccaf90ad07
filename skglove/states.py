"""The state of objects in files: words as bytes, and arrays without the memory map that they may lie in.

Both pickle and `skops.io` ask an object for its state. skops makes a JSON object of each str in a list: 91 MB
and five seconds for a pipeline of 50,000 words. It cannot read Arrow arrays and `numpy.memmap` again.
"""

import numpy as np


def pack_words(words):
    r"""Encode words as one string of bytes.

    Parameters
    ----------
    words : sequence of str
        They may hold lone surrogates.

    Returns
    -------
    text : bytes
        The words one after the other, in UTF-8.
    lengths : ndarray of shape (n_words,), int32
        The number of characters of each.

    Examples
    --------
    >>> pack_words(["the", "naïve"])
    (b'thena\xc3\xafve', array([3, 5], dtype=int32))
    >>> unpack_words(*pack_words(["the", "naïve"]))
    ['the', 'naïve']
    """
    lengths = np.fromiter(map(len, words), dtype=np.int32, count=len(words))
    return "".join(words).encode("utf-8", "surrogatepass"), lengths


def unpack_words(text, lengths):
    """Decode words.

    Parameters
    ----------
    text, lengths
        As `pack_words` returns them.

    Returns
    -------
    words : list of str
    """
    text, ends = text.decode("utf-8", "surrogatepass"), np.cumsum(lengths).tolist()
    return [text[start:end] for start, end in zip([0, *ends], ends, strict=False)]


def without_memory_maps(state):
    """View memory-mapped arrays, such as ``joblib.load(mmap_mode="r")`` makes, as plain arrays.

    Parameters
    ----------
    state : dict of str to object
        Attributes of an object: arrays; lists, tuples and dicts of arrays; others, which stay as they are.

    Returns
    -------
    state : dict of str to object
        The views share the memory.
    """
    return {name: _plain(value) for name, value in state.items()}


def _plain(value):
    if isinstance(value, np.memmap):
        return np.asarray(value)
    if isinstance(value, list | tuple) and any(isinstance(item, np.memmap) for item in value):
        make = getattr(value, "_make", type(value))  # of a NamedTuple
        return make(map(_plain, value))
    if isinstance(value, dict) and any(isinstance(item, np.memmap) for item in value.values()):
        return without_memory_maps(value)
    return value
