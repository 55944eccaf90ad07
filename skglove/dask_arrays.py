"""Dask sends arrays without the metadata of their dtype, in which token ids carry their vocabulary."""

import pickle
import sys

import numpy as np

_taught = False


def keep_vocabularies_in_dask(key):
    """Let Dask pickle arrays that carry a vocabulary, if it is loaded. Other arrays are sent as before.

    Parameters
    ----------
    key : str
        The key of the vocabulary in the metadata of a dtype.
    """
    global _taught
    if _taught or "distributed.worker" not in sys.modules:
        return
    from distributed.protocol import dask_serialize
    from distributed.protocol.numpy import serialize_numpy_ndarray

    from skglove.token_ids import TokenIds

    def serialize(array, context=None):
        if key in (array.dtype.metadata or ()):
            return {"pickle": True}, [pickle.dumps(array, protocol=5)]
        return serialize_numpy_ndarray(array, context=context)

    for kind in (np.ndarray, TokenIds):
        dask_serialize.register(kind, serialize)
    _taught = True
