import keras
import numpy as np
import pytest

import skglove.network.batches
from skglove import SequencePadder
from skglove.documents import Documents
from skglove.network.batches import Batches

LENGTHS = np.array([3, 0, 5, 1, 7, 2, 4])
VALUES = np.arange(1, LENGTHS.sum() + 1, dtype=np.int32)
DOCUMENTS = np.split(VALUES, np.cumsum(LENGTHS)[:-1])


def batches_of(**options):
    # As many classes as documents: the class tells the document.
    codes = np.arange(len(LENGTHS))
    options = {
        "maxlen": 4,
        "batch_size": 3,
        "codes": codes,
        "sample_weight": np.float32(10 * codes),
        **options,
    }
    return Batches(Documents(VALUES, LENGTHS), **options)


@pytest.mark.parametrize("maxlen", [1, 4, 10])
def test_documents_are_padded_and_cut_as_by_the_padder(maxlen):
    batches = batches_of(maxlen=maxlen)
    ids = np.concatenate([ids for ids, *_ in batches])
    np.testing.assert_array_equal(ids, SequencePadder(maxlen).fit_transform(DOCUMENTS))
    assert ids.dtype == np.int32


def test_batches_have_batch_size_documents_but_for_the_last():
    batches = batches_of()
    assert [len(ids) for ids, *_ in batches] == [3, 3, 1]
    assert len(batches) == 3


def test_every_document_comes_once_an_epoch_with_its_target_and_weight():
    batches = batches_of(maxlen=10, random_state=np.random.RandomState(0))
    for _ in range(3):
        seen = {
            (*np.flatnonzero(target == 1), weight): row[row > 0].tolist()
            for ids, targets, weights in batches
            for row, target, weight in zip(ids, targets, weights, strict=True)
        }
        assert seen == {(i, 10 * i): document.tolist() for i, document in enumerate(DOCUMENTS)}
        batches.on_epoch_begin()


def test_only_the_rows_asked_for_come():
    batches = batches_of(rows=np.array([5, 2]), random_state=np.random.RandomState(0))
    [(ids, targets, _)] = batches
    assert sorted(targets.argmax(axis=1)) == [2, 5]
    assert targets.sum() == 2
    assert len(ids) == 2


def test_order_changes_every_epoch_and_follows_from_random_state():
    first, second, other = (batches_of(random_state=np.random.RandomState(seed)) for seed in (0, 0, 1))
    orders = []
    for _ in range(3):
        orders.append(first.order.tolist())
        assert first.order.tolist() == second.order.tolist()
        assert first.order.tolist() != other.order.tolist()
        for batches in (first, second, other):
            batches.on_epoch_begin()
    assert orders[0] != orders[1] != orders[2]


def test_order_stays_without_random_state():
    batches = batches_of()
    batches.on_epoch_begin()
    assert batches.order.tolist() == list(range(7))


def test_batches_for_prediction_hold_as_many_tokens_as_allowed(monkeypatch):
    monkeypatch.setattr(skglove.network.batches, "BATCH_TOKENS", 8)
    monkeypatch.setattr(
        skglove.network.batches, "BATCH_DOCUMENTS", 4
    )  # so a document counts as at least 2 tokens
    batches = batches_of(maxlen=6, batch_size=None)
    taken = [LENGTHS[batches.rows_of(i)].tolist() for i in range(len(batches))]
    assert taken == [[0, 1, 2], [3, 4], [5], [7]]
    monkeypatch.undo()
    assert len(batches_of(batch_size=None)) == 1


@pytest.mark.backends("tensorflow", why="elsewhere Keras gets the batches themselves")
def test_keras_gets_the_same_batches_in_another_order_every_epoch():
    ours, given = (batches_of(random_state=np.random.RandomState(0)) for _ in range(2))
    dataset = given.for_keras()
    assert int(dataset.cardinality()) == len(ours) == 3
    seen = set()
    for _ in range(3):
        ours.on_epoch_begin()
        seen.add(tuple(ours.order))
        for expected, got in zip(ours, dataset, strict=True):
            for array, tensor in zip(expected, got, strict=True):
                np.testing.assert_array_equal(array, tensor)
                assert tensor.dtype.name == array.dtype.name
    assert len(seen) == 3


@pytest.mark.backends("tensorflow", why="elsewhere Keras gets the batches themselves")
def test_no_thread_tunes_the_batches():
    # TensorFlow's would make some epochs wait, for as long as they take.
    assert not batches_of().for_keras().options().autotune.enabled


@pytest.mark.backends("tensorflow", why="elsewhere Keras gets the batches themselves")
def test_no_dataset_is_made_from_a_generator(monkeypatch):
    # After one, TensorFlow 2.21 returns freed memory at once, and each step waits for new memory.
    import tensorflow as tf

    monkeypatch.delattr(tf.data.Dataset, "from_generator")
    assert len(list(batches_of().for_keras())) == 3


def test_other_backends_get_the_batches_themselves(monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    batches = batches_of()
    assert batches.for_keras() is batches


def test_the_last_batch_is_filled_with_documents_of_no_words_and_no_weight():
    plain, filled = batches_of(), batches_of(fill=True)
    ids, targets, weights = filled[2]
    assert len(ids) == len(targets) == len(weights) == 3
    for got, expected in zip(filled[2], plain[2], strict=True):
        factor = 3 if got.ndim == 1 else 1  # Keras divides by 3, not by 1
        np.testing.assert_array_equal(got[:1], factor * expected)
    assert not ids[1:].any()
    assert not weights[1:].any()
    assert (targets.sum(axis=1) == 1).all()
    np.testing.assert_array_equal(filled[0][2], plain[0][2])
    assert len(batches_of(batch_size=10, fill=True)[0][0]) == 7  # a single batch has the one shape anyway
