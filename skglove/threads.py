"""Chunks of documents, and threads that compute them."""

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import joblib
import numpy as np

# Tokens per chunk of documents, which one thread computes. Smaller chunks have more distinct words in all.
CHUNK_TOKENS = 2**17
FEWEST_TOKENS = 2**14  # for which a thread of its own is worth its start
MAX_THREADS = 4  # each has arrays of its own; what is left to win is limited by the memory's speed


def for_chunks(compute, documents):
    """Call a function for each chunk of documents, in threads: one per processor core, at most MAX_THREADS.

    Parameters
    ----------
    compute : callable
        Gets a slice of the documents. What it returns is ignored.
    documents : Documents
        Token ids. Few of them are one chunk, without a thread of its own.
    """
    n_tokens, fewest = int(documents.lengths.sum()) + len(documents), min(FEWEST_TOKENS, CHUNK_TOKENS)
    # For a few short documents, counting the cores would take a tenth of the time, and starting threads more.
    n_threads = min(n_tokens // fewest, MAX_THREADS)
    if n_threads > 1:
        n_threads = min(n_threads, joblib.cpu_count())
    parts = chunks(documents, min(CHUNK_TOKENS, max(fewest, -(-n_tokens // max(n_threads, 1)))))
    if n_threads <= 1:
        for part in parts:
            compute(part)
    else:
        with ThreadPoolExecutor(n_threads) as threads:
            list(threads.map(compute, parts))


def chunks(documents, n_tokens):
    """Cut documents into slices of about `n_tokens` tokens."""
    # Each document counts as one token more, as its memory does.
    cells = np.cumsum(documents.lengths + 1) - 1
    bounds = np.flatnonzero(np.diff(cells // n_tokens, prepend=-1)).tolist()
    return [slice(*pair) for pair in pairwise([*bounds, len(documents)])]
