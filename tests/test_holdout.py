import numpy as np
import pytest
from sklearn.model_selection import StratifiedShuffleSplit

from skglove.documents import Documents
from skglove.holdout import hold_out, hold_out_some


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


def hold_out_a_tenth(X, y, weights=None, random_state=0):
    documents = Documents(X.ravel(), np.full(len(X), X.shape[1]))
    weights = np.ones(len(X)) if weights is None else weights
    training, (held_out,) = hold_out_some(documents, y, weights, np.random.RandomState(random_state))
    return training, held_out


def test_a_tenth_is_held_out_of_each_class():
    X, y = np.arange(1, 4001).reshape(1000, 4), np.repeat([0, 1, 2], [800, 191, 9])
    training, held_out = hold_out_a_tenth(X, y)
    assert sorted([*training, *held_out]) == list(range(1000))
    assert np.bincount(y[held_out], minlength=3).tolist() == [80, 19, 0]  # a tenth, rounded down
    assert held_out.tolist() != hold_out_a_tenth(X, y, random_state=1)[1].tolist()
    assert held_out.tolist() == hold_out_a_tenth(X, y)[1].tolist()


def test_documents_of_several_labels_are_held_out_but_each_label_keeps_half_of_its_documents():
    X = np.arange(1, 4001).reshape(1000, 4)
    y = (np.random.RandomState(0).rand(1000, 9) < [0.5, 0.1, 0.01] * 3).astype(np.uint8)
    y[:, 6:] = 0
    y[[0, 1, 2], 6] = y[5, 7] = 1
    training, held_out = hold_out_a_tenth(X, y)
    assert sorted([*training, *held_out]) == list(range(1000))
    assert len(held_out) == 100
    assert (y[training].sum(axis=0) * 2 >= y.sum(axis=0)).all()
    assert 30 < y[held_out, 0].sum() < 70
    assert held_out.tolist() != hold_out_a_tenth(X, y, random_state=1)[1].tolist()
    assert held_out.tolist() == hold_out_a_tenth(X, y)[1].tolist()
    rare = np.zeros((1000, 100), dtype=np.uint8)
    rare[np.arange(1000), np.arange(1000) // 10] = 1  # ten documents each, of which five may be held out
    for seed in range(3):
        training, validation = hold_out(
            Documents(X.ravel(), np.full(1000, 4)), rare, None, 0.5, np.random.RandomState(seed)
        )
        assert (len(validation), rare[training].sum(axis=0).min()) == (500, 5)


def test_the_share_of_documents_of_several_labels_is_held_out_even_if_labels_lose_most_of_theirs():
    X, y = np.arange(1, 81).reshape(40, 2), np.eye(40, dtype=np.uint8)
    X[39], y[39] = X[38], y[38]
    training, validation = split(X, y, np.random.RandomState(0), fraction=0.75)
    assert sorted([*training, *validation]) == list(range(40))
    assert len(np.unique(X[validation], axis=0)) == 30  # of 39
    assert (38 in validation) == (39 in validation)
    with pytest.raises(ValueError, match=r"validation_fraction=0\.99 leaves none of 39 different documents"):
        split(X, y, np.random.RandomState(0), fraction=0.99)


def test_too_few_to_measure_on_are_not_held_out():
    X, y = np.arange(1, 801).reshape(400, 2), np.arange(400) % 2
    assert len(hold_out_a_tenth(X, y)[1]) == 40
    training, held_out = hold_out_a_tenth(X[:-1], y[:-1])
    assert training.tolist() == list(range(399))
    assert held_out.tolist() == []
    assert hold_out_a_tenth(X, np.arange(400) // 5)[1].tolist() == []  # 5 documents of each class


def hold_out_again(n, y):
    documents = Documents(np.arange(1, n + 1, dtype=np.int32), np.ones(n, dtype=np.int64))
    return hold_out_some(documents, y, np.ones(n), np.random.RandomState(0), trains_again=True)


@pytest.mark.parametrize(("n", "expected"), [(18, 6), (15, 0), (300, 100), (998, 332), (1000, 100)])
def test_a_third_of_few_documents_is_held_out_if_all_are_trained_on_again(n, expected):
    _, parts = hold_out_again(n, np.arange(n) % 2)
    assert len(parts[0]) == expected


@pytest.mark.parametrize(("n", "expected"), [(199, 3), (200, 1), (15, 1)])
def test_each_third_of_very_few_documents_is_held_out_once(n, expected):
    y = np.repeat([0, 1, 2, 3], [n - 8, 5, 2, 1])
    training, parts = hold_out_again(n, y)
    assert len(parts) == expected
    assert sorted([*training, *parts[0]]) == list(range(n))
    assert len(np.unique(np.concatenate(parts))) == sum(map(len, parts))
    assert len({len(part) for part in parts}) == 1
    for part in parts if n > 15 else []:
        assert np.bincount(y[part], minlength=4).tolist() == [(n - 8) * (n // 3) // n, 1, 0, 0]


def test_thirds_have_all_copies_of_their_documents_and_none_without_weight():
    of = np.random.RandomState(0).permutation(np.repeat(np.arange(100), [3] * 20 + [1] * 80))
    documents = Documents((of + 1).astype(np.int32), np.ones(len(of), dtype=np.int64))
    has_weight = of % 10 != 0
    training, parts = hold_out_some(
        documents, of % 2, has_weight.astype(float), np.random.RandomState(0), trains_again=True
    )
    assert sorted([*training, *parts[0]]) == list(range(len(of)))
    for part in parts:
        assert has_weight[part].all()
        assert len(np.unique(of[part])) == 13 + 16  # thirds of the 40 and the 50 different ones of a class
        assert np.isin(of, of[part]).sum() == len(part)
    assert len(np.unique(np.concatenate(parts))) == sum(map(len, parts))


def test_of_many_documents_a_thousand_are_held_out():
    X, y = np.arange(1, 40_001).reshape(20_000, 2), np.arange(20_000) % 4
    assert len(hold_out_a_tenth(X, y)[1]) == 1000


def test_copies_are_held_out_together_or_not_at_all():
    X, y = np.arange(1, 1001).reshape(500, 2), np.arange(500) % 2
    of = np.random.RandomState(0).permutation(np.repeat(np.arange(500), [3] * 100 + [1] * 400))
    training, held_out = hold_out_a_tenth(X[of], y[of])
    assert sorted([*training, *held_out]) == list(range(700))
    assert not np.isin(of[training], of[held_out]).any()
    assert len(np.unique(of[held_out])) == 50
    assert len(held_out) > 50


def test_documents_without_weight_are_not_held_out_and_their_class_does_not_matter():
    X, y = np.arange(1, 2001).reshape(1000, 2), np.arange(1000) % 2
    X[502:602] = X[:100]  # of the same classes, but with other weights
    weights = np.where(np.arange(1000) % 5 == 3, 0.0, 2.0)
    training, held_out = hold_out_a_tenth(X, y, weights)
    assert weights[held_out].all()
    assert sorted([*training, *held_out]) == list(range(1000))
    others = hold_out_a_tenth(X, np.where(weights, y, 1 - y), weights)
    assert held_out.tolist() == others[1].tolist()
