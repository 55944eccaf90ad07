"""Documents held out from the training of the network, stratified by class."""

import numpy as np
from sklearn.model_selection import StratifiedShuffleSplit

from skglove.messages import shortened
from skglove.multilabel import label_sets

# Held out to measure on, if nothing else is asked for: a tenth of the documents, at most so many. Fewer than
# the second number say too little to measure on.
MOST_HELD_OUT, FEWEST_HELD_OUT = 1_000, 40
# With fewer documents than these, a tenth says less about when to stop than the training loss. If the network
# is then trained again, on all, a third is held out for the weights of the pool, but no fewer than the last
# number.
FEW_DOCUMENTS, SHARE_OF_FEW, FEWEST_OF_FEW = 1_000, 1 / 3, 5
# With fewer than these, a third alone says little about the weights: each third is held out once.
VERY_FEW_DOCUMENTS = 200


def hold_out_some(documents, codes, sample_weight, random_state, *, trains_again=False):
    """Draw some documents to measure on, if there are enough of them.

    Documents with the same ids and the same class are on the same side. Each class keeps nine tenths of its
    documents or more; with `trains_again` and few documents, two thirds.

    Parameters
    ----------
    documents : Documents
        Token ids.
    codes : ndarray of shape (n_documents,) or (n_documents, n_labels), int
        Classes, numbered from 0, or an indicator matrix: each label keeps at least half of its documents.
    sample_weight : ndarray of shape (n_documents,), float
        Weights of documents. Documents of weight 0 are not held out.
    random_state : numpy.random.RandomState
        Source of the split.
    trains_again : bool, default=False
        Whether few documents are trained on again, all of them.

    Returns
    -------
    training : ndarray of int
        Rows to train on. All rows in order, if too few could be held out.
    parts : list of ndarray of int
        First the other rows, perhaps none. With `trains_again` and very few documents, not in multilabel, two
        further parts of `training`, each for another training without it.
    """
    copy_of = _copies(documents, codes, sample_weight)
    weights = np.bincount(copy_of, sample_weight, minlength=len(codes))
    different = random_state.permutation(np.flatnonzero(weights))
    wanted, fewest = min(len(different) // 10, MOST_HELD_OUT), FEWEST_HELD_OUT
    n_parts = 1
    if trains_again and len(different) < FEW_DOCUMENTS:
        wanted, fewest = int(SHARE_OF_FEW * len(different)), FEWEST_OF_FEW
        n_parts = 3 if len(different) < VERY_FEW_DOCUMENTS else 1
    if codes.ndim == 2:
        parts = [different[_take_some(codes[different], wanted)]]
    else:
        # The place of each document among those of its class.
        order = np.argsort(codes[different], kind="stable")
        sizes = np.bincount(codes[different])
        places = np.empty(len(different), dtype=np.int64)
        places[order] = np.arange(len(different)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        n_held_out = (sizes * wanted // len(different))[codes[different]]
        parts = [
            different[(i * n_held_out <= places) & (places < (i + 1) * n_held_out)] for i in range(n_parts)
        ]
    if len(parts[0]) < fewest:
        return np.arange(len(codes)), [np.array([], dtype=np.int64)]
    parts = [np.flatnonzero(np.isin(copy_of, part)) for part in parts]
    return np.setdiff1d(np.arange(len(codes)), parts[0]), parts


def are_few(data):
    """Tell whether documents are few, those with the same ids and the same class counted once.

    Parameters
    ----------
    data : skglove.data.Data
        The documents and their classes.

    Returns
    -------
    few : bool
    """
    copy_of = _copies(data.documents, data.codes, data.weights)
    return len(np.unique(copy_of[data.weights > 0])) < FEW_DOCUMENTS


def _copies(documents, codes, sample_weight):
    """Find the first copy of each document. The class of a document without weight must not matter."""
    sets = label_sets(codes)
    return documents.first_copies(np.where(sample_weight > 0, sets, sets.max() + 1))


def hold_out(documents, codes, classes, validation_fraction, random_state):
    """Draw the rows to train on and those to validate on.

    Documents with the same ids and the same class are on the same side.

    Parameters
    ----------
    documents : Documents
        Token ids.
    codes : ndarray of shape (n_documents,) or (n_documents, n_labels), int
        Classes, numbered from 0, or an indicator matrix: each label keeps at least half of its documents, if
        possible.
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
    copy_of = documents.first_copies(label_sets(codes))
    different = np.unique(copy_of)
    if codes.ndim == 2:
        held_out = _split_labels(codes, different, validation_fraction, random_state)
        is_held_out = np.isin(copy_of, held_out)
        return np.flatnonzero(~is_held_out), np.flatnonzero(is_held_out)
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


def _take_some(codes, wanted):
    """Take the first documents that leave each label at least half of its documents; return their rows."""
    left = codes.sum(axis=0, dtype=np.int64) // 2
    taken = []
    for row, labels in enumerate(codes):
        if len(taken) == wanted:
            break
        if (left >= labels).all():
            left -= labels
            taken.append(row)
    return np.array(taken, dtype=np.int64)


def _split_labels(codes, different, validation_fraction, random_state):
    """Draw different documents to hold out."""
    wanted = int(np.ceil(validation_fraction * len(different)))
    if wanted >= len(different):
        raise ValueError(
            f"validation_fraction={validation_fraction} leaves none of {len(different)} different documents "
            "to train on. Lower it."
        )
    different = random_state.permutation(different)
    taken = _take_some(codes[different], wanted)
    others = np.setdiff1d(np.arange(len(different)), taken)
    return different[np.append(taken, others[: wanted - len(taken)])]
