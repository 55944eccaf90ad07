import numpy as np
import pytest
from sklearn.model_selection import StratifiedShuffleSplit

from skglove.documents import Documents
from skglove.holdout import hold_out


def split(X, y, random_state, fraction=0.25):
    return hold_out(
        Documents(X.ravel(), np.full(len(X), X.shape[1])), y, np.unique(y), fraction, random_state
    )


def test_without_a_fraction_all_documents_are_trained_on():
    training, validation = split(np.ones((4, 2), dtype=int), np.array([0, 1, 0, 1]), None, fraction=0)
    assert training.tolist() == [0, 1, 2, 3]
    assert validation.tolist() == []


def test_the_split_is_that_of_scikit_learn_and_has_every_class_on_both_sides():
    X, y = np.random.RandomState(0).randint(1, 100, (40, 6)), np.arange(40) % 2
    parts = split(X, y, np.random.RandomState(0))
    expected = next(StratifiedShuffleSplit(1, test_size=0.25, random_state=0).split(X, y))
    for part, expected_part in zip(parts, expected, strict=True):
        np.testing.assert_array_equal(part, expected_part)
    assert np.bincount(y[parts[1]]).tolist() == [5, 5]
    assert sorted(np.concatenate(parts)) == list(range(40))


def test_copies_are_held_out_together():
    rng = np.random.RandomState(0)
    X, y = rng.randint(1, 100, (60, 6)), np.arange(60) % 2
    times = rng.randint(1, 4, 60)
    order = rng.permutation(times.sum())
    of = np.repeat(np.arange(60), times)[order]
    training, validation = split(X[of], y[of], np.random.RandomState(0))
    assert sorted([*training, *validation]) == list(range(len(of)))
    assert not np.isin(of[training], of[validation]).any()
    assert len(np.unique(of[validation])) == 15


def test_too_few_different_documents_of_a_class_are_an_error_that_counts_them():
    X, y = np.repeat(np.arange(1, 9), 2).reshape(8, 2), np.array([0, 0, 0, 1, 1, 1, 1, 1])
    with pytest.raises(ValueError, match=r"validation_fraction=0.1 cannot .*there are \{0: 3, 1: 5\} in"):
        split(X, y, 0, fraction=0.1)
