"""What the classifier's parts learn from."""

from typing import NamedTuple

import numpy as np

from skglove.documents import Documents


class Data(NamedTuple):
    """Documents, their classes and weights, and where randomness comes from."""

    documents: Documents
    codes: np.ndarray
    weights: np.ndarray
    n_ids: int
    seed: int
    random_state: np.random.RandomState
    copies: np.ndarray  # how many documents each document stands for
