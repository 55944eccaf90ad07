"""The ids of words."""

import numpy as np
import pyarrow.compute as pc

from skglove.documents import Documents
from skglove.splitting import decode_words

# Looking up a word in a dict takes as long as hashing this many words of a vocabulary.
HASHING_SHARE = 8


def look_up(words, ids, column, *, n_words, oov_id):
    """Look up the ids of words.

    Parameters
    ----------
    words : pyarrow.LargeBinaryArray of shape (n,)
        Distinct words, in UTF-8.
    ids : dict of str to int
        The id of each word of a vocabulary. Ids above `n_words` are not used.
    column : callable
        Returns the first `n_words` words of the vocabulary as a pyarrow.LargeBinaryArray, by id.
    n_words : int
        The largest id.
    oov_id : int
        The id of other words.

    Returns
    -------
    found : ndarray of shape (n,), int32
    """
    # For few words, the hash table that pyarrow makes of the vocabulary would take the longest.
    if HASHING_SHARE * len(words) < n_words:
        found = np.array([ids.get(word, 0) for word in decode_words(words)], dtype=np.int32)
        found[found > n_words] = 0
    else:
        found = pc.fill_null(pc.index_in(words, column()), -1).to_numpy() + 1
    found = np.where(found == 0, oov_id, found).astype(np.int32)
    if oov_id > 1:  # of an oov_token that also occurs in the texts, the second place is its id
        found[found == 1] = ids[decode_words(column()[:1])[0]]
    return found


def number_words(documents, id_of_code, oov_id):
    """Replace word codes by ids; leave out words without an id.

    Parameters
    ----------
    documents : Documents
        The code of each word.
    id_of_code : ndarray of shape (n_codes,), int32
        Ids; 0 for words without one.
    oov_id : int
        The id of other words, 0 if there is none.

    Returns
    -------
    documents : Documents
        The id of each word.
    """
    documents = Documents(id_of_code[documents.values], documents.lengths)
    return documents if oov_id else documents.keep(documents.values > 0)
