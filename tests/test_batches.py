import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skglove.batches import LengthBatches, needed_widths
from skglove.network import build_network, receptive_field


def padded(lengths, maxlen, padding="pre", n_words=50, seed=0):
    rng = np.random.RandomState(seed)
    ids = np.zeros((len(lengths), maxlen), dtype=np.int32)
    for row, length in zip(ids, lengths, strict=True):
        words = rng.randint(1, n_words + 1, length)
        row[maxlen - length if padding == "pre" else 0 :][:length] = words
    return ids


def batches_of(lengths, maxlen=1000, batch_size=2, seed=None, padding="pre"):
    # One class; the value tells the document.
    targets = np.arange(len(lengths), dtype=np.float32)[:, None]
    return LengthBatches(
        padded(lengths, maxlen, padding),
        size=149,
        stride=25,
        batch_size=batch_size,
        targets=targets,
        random_state=None if seed is None else np.random.RandomState(seed),
    )


def test_documents_of_like_length_share_a_batch_cut_to_what_they_need():
    batches = batches_of([10, 700, 12, 690])
    shapes = {ids.shape for ids, _ in batches}
    # 12 + 149 and 700 + 149 columns, up to the next that is a multiple of 25 less than 1000
    assert shapes == {(2, 175), (2, 850)}


def test_every_document_comes_once_an_epoch_with_its_target():
    batches = batches_of([5, 300, 20, 900, 450, 0, 1000], batch_size=3, seed=0)
    for _ in range(3):
        seen = [
            (row[row > 0].tolist(), target)
            for ids, targets in batches
            for row, [target] in zip(ids, targets, strict=True)
        ]
        assert sorted(target for _, target in seen) == list(range(7))
        for words, target in seen:
            row = batches.ids[int(target)]
            assert words == row[row > 0].tolist()
        batches.on_epoch_end()


def test_order_changes_every_epoch_and_follows_from_random_state():
    lengths = [50] * 20
    first, second, other = (batches_of(lengths, seed=seed) for seed in (0, 0, 1))
    orders = []
    for _ in range(3):
        orders.append(first.order.tolist())
        assert first.order.tolist() == second.order.tolist()
        assert first.order.tolist() != other.order.tolist()
        for batches in (first, second, other):
            batches.on_epoch_end()
    assert orders[0] != orders[1] != orders[2]


@pytest.mark.parametrize("seed", range(10))
def test_first_two_batches_differ_in_width_where_any_do(seed):
    batches = batches_of([10, 10, 10, 10, 10, 10, 800], seed=seed)
    assert batches[0][0].shape[1] != batches[1][0].shape[1]


def test_every_training_batch_has_its_share_of_each_class_although_length_goes_with_it():
    codes = np.repeat([0, 1, 2], [40, 40, 20])
    lengths = np.array([10, 300, 800])[codes] + np.arange(100)
    batches = LengthBatches(
        padded(lengths, 1000),
        size=149,
        stride=25,
        batch_size=10,
        targets=np.eye(3)[codes],
        random_state=np.random.RandomState(0),
    )
    for _, targets in batches:
        assert targets.sum(axis=0).tolist() == [4, 4, 2]


def test_training_batches_are_of_like_length_where_length_does_not_go_with_the_class():
    codes, lengths = np.tile([0, 1], 50), np.repeat(np.arange(0, 800, 16), 2)
    batches = LengthBatches(
        padded(lengths, 1000),
        size=149,
        stride=25,
        batch_size=10,
        targets=np.eye(2)[codes],
        random_state=np.random.RandomState(0),
    )
    assert sum(ids.shape[1] for ids, _ in batches) < 1.05 * 10 * (batches.widths.mean() + 40)
    assert len({ids.shape[1] for ids, _ in batches}) > 5


def test_one_batch_is_enough():
    assert len(batches_of([3], batch_size=5)) == 1


@pytest.mark.parametrize("padding", ["pre", "post"])
def test_words_are_never_cut(padding):
    lengths = np.arange(0, 400, 7)
    ids = padded(lengths, 400, padding)
    left, widths = needed_widths(ids, size=30, stride=5)
    assert left == (padding == "pre")
    assert (widths >= lengths).all()
    assert (widths <= 400).all()


@settings(max_examples=60, deadline=None)
@given(
    lengths=st.lists(st.integers(0, 60), min_size=1, max_size=6),
    maxlen=st.integers(60, 90),
    n_conv_layers=st.integers(1, 3),
    kernel_size=st.integers(1, 4),
    pool_size=st.integers(1, 4),
    padding=st.sampled_from(["pre", "post"]),
)
def test_cutting_changes_no_probability(lengths, maxlen, n_conv_layers, kernel_size, pool_size, padding):
    ids = padded(lengths, maxlen, padding)
    sizes = {"n_conv_layers": n_conv_layers, "kernel_size": kernel_size, "pool_size": pool_size}
    # Padding has a vector of its own here, as after training an embedding: it must count as before.
    matrix = np.random.RandomState(1).standard_normal((51, 4)).astype(np.float32)
    model = build_network(51, 3, maxlen=maxlen, embedding_matrix=matrix, filters=4, dense_units=4, **sizes)
    expected = np.asarray(model(ids, training=False))
    size, stride = receptive_field(**sizes)
    batches = LengthBatches(ids, size=size, stride=stride, batch_size=2)
    for i in range(len(batches)):
        rows = batches.rows_of(i)
        np.testing.assert_allclose(
            np.asarray(model(batches.ids_of(rows), training=False)), expected[rows], atol=1e-6
        )


def test_one_column_less_would_change_a_probability():
    """The cut is as wide as it can be: a check that the test above can fail."""
    ids = padded([1], 10)
    matrix = np.concatenate([[[5.0]], -np.ones((50, 1))]).astype(np.float32)
    model = build_network(
        51, 2, maxlen=10, embedding_matrix=matrix, n_conv_layers=1, kernel_size=3, filters=1, dense_units=1
    )
    convolution = model.get_layer("convolution_1")
    convolution.set_weights([np.ones((3, 1, 1), dtype=np.float32), np.zeros(1, dtype=np.float32)])
    features = keras.Model(model.input, model.get_layer("global_pooling").output)
    _, [width] = needed_widths(ids, 3, 1)
    assert width == 4
    values = [features(ids[:, -columns:]).numpy().item() for columns in (10, width, width - 1)]
    assert values == [15.0, 15.0, 9.0]
