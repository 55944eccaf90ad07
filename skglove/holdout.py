"""Validation documents: held out from training, stratified by class."""

import numpy as np
from sklearn.model_selection import StratifiedShuffleSplit

from skglove.messages import shortened


def hold_out(documents, codes, classes, validation_fraction, random_state):
    """Draw the rows to train on and those to validate on.

    Documents with the same ids and the same class are on the same side.

    Parameters
    ----------
    documents : Documents
        Token ids.
    codes : ndarray of shape (n_documents,), int
        Classes, numbered from 0.
    classes : ndarray of shape (n_classes,)
        Labels of the classes, for the message.
    validation_fraction : float
        As in `KerasConvTextClassifier`.
    random_state : numpy.random.RandomState
        Source of the split.

    Returns
    -------
    training, validation : ndarray of int
        Rows. With ``validation_fraction=0`` all rows in order, and none.

    Raises
    ------
    ValueError
        If there are too few different documents to have each class on both sides.
    """
    if not validation_fraction:
        return np.arange(len(codes)), np.array([], dtype=np.int64)
    copy_of = documents.first_copies(codes)
    different = np.unique(copy_of)
    splitter = StratifiedShuffleSplit(1, test_size=validation_fraction, random_state=random_state)
    try:
        parts = next(splitter.split(different, codes[different]))
    except ValueError as error:
        counts = np.bincount(codes[different])
        rarest = np.argsort(counts, kind="stable")[:6]
        counts = dict(zip(classes[rarest].tolist(), counts[rarest].tolist(), strict=True))
        raise ValueError(
            f"validation_fraction={validation_fraction} cannot hold out documents of every class: "
            f"of different documents, there are {shortened(counts)} in the smallest of "
            f"{len(classes)} classes. Each class needs at least one on either side."
        ) from error
    if len(different) == len(codes):
        return parts
    training, validation = different[parts[0]], different[parts[1]]
    copies = np.flatnonzero(copy_of != np.arange(len(codes)))
    held_out = np.isin(copy_of[copies], validation)
    return np.append(training, copies[~held_out]), np.append(validation, copies[held_out])
