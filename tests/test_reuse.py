from concurrent.futures import ThreadPoolExecutor

import keras
import numpy as np
import pytest
from classifier_samples import documents, small

from skglove.network import fitting, reuse
from skglove.network.models import PackedHybridNet
from skglove.network.reuse import LEAST_MULTIPLE, MOST_NUMBERS, rounded_up

pytestmark = pytest.mark.backends("tensorflow", why="other backends do not trace")
SIZES = {"architecture": "hybrid", "epochs": 2, "dropout": 0.5, "kernel_size": 1}


@pytest.fixture(autouse=True)
def _nothing_kept(monkeypatch):
    monkeypatch.setattr(reuse, "_kept", [])


def fit(**parameters):
    X, y = documents()
    return small(**SIZES | parameters).fit(X, y)


def results(classifier):
    X, _ = documents()
    return classifier.history_, classifier.predict_proba(X).tolist(), classifier.model_.get_config()


@pytest.fixture
def count_traced(monkeypatch):
    """Count calls of `compute_loss`, which TensorFlow makes once, to trace it."""
    calls, compute_loss = [], PackedHybridNet.compute_loss
    monkeypatch.setattr(
        PackedHybridNet, "compute_loss", lambda self, *args: calls.append(self) or compute_loss(self, *args)
    )
    return lambda: len(calls)


@pytest.mark.parametrize(
    ("parameters", "others"),
    [
        ({}, {"random_state": 1, "learning_rate": 0.01, "batch_size": 4}),
        pytest.param({"adversarial_epsilon": 0.5}, {"adversarial_epsilon": 0.2}, marks=pytest.mark.slow),
    ],
)
def test_a_fit_that_differs_in_numbers_alone_traces_nothing_and_gives_what_a_new_network_gives(
    parameters, others, count_traced
):
    expected, n_traced = results(fit(**parameters)), count_traced()
    reuse._kept.clear()
    fit(**parameters | others)
    assert count_traced() == 2 * n_traced
    assert results(fit(**parameters)) == expected
    assert count_traced() == 2 * n_traced


@pytest.mark.slow
def test_documents_of_another_fold_trace_nothing(count_traced):
    X, y = documents()
    small(**SIZES).fit(X[:20], y[:20])
    n_traced = count_traced()
    small(**SIZES).fit(X[8:][:, -3:], y[8:])
    assert count_traced() == n_traced


@pytest.mark.slow
@pytest.mark.parametrize(
    "parameters",
    [
        {"architecture": "stacked"},
        {"architecture": "parallel"},
        {"dropout": 0.2},
        {"filters": 3},
        {"kernel_size": (2, 1)},
        {"adversarial_epsilon": 0.5},
        {"optimizer": "sgd"},
        {"loss": "mean_squared_error"},
        {"trainable_embedding": False},
        {"pretrained": False},
        {"pretrained": False, "embedding_dim": 5},
        {"learning_rate_schedule": "one_cycle"},
        {"learning_rate_schedule": "one_cycle", "learning_rate": 0.01},
        {"learning_rate_schedule": "one_cycle", "epochs": 3},
        {"dtype_policy": "mixed_bfloat16"},
    ],
)
def test_other_fits_before_change_nothing(parameters):
    expected = results(fit(**parameters))
    reuse._kept.clear()
    fit()
    if parameters.get("learning_rate_schedule") == "one_cycle":
        fit(learning_rate_schedule="one_cycle")
    assert results(fit(**parameters)) == expected


@pytest.mark.slow
@pytest.mark.parametrize("pretrained", [False, True])
def test_frozen_and_trained_vectors_do_not_share_a_step(pretrained):
    same = {"architecture": "stacked", "optimizer": "sgd", "embedding_dim": 3}
    expected = results(fit(**same, pretrained=pretrained))
    reuse._kept.clear()
    fit(**same, pretrained=not pretrained)
    assert results(fit(**same, pretrained=pretrained)) == expected


@pytest.mark.slow
def test_further_rows_change_nothing(monkeypatch):
    options = {"pretrained": False, "adversarial_epsilon": 0.5}
    history, probabilities, _ = results(fit(**options))
    monkeypatch.setattr(fitting, "rounded_up", lambda n_ids, *args: n_ids)
    assert results(fit(**options))[:2] == (history, probabilities)


@pytest.mark.slow
def test_a_network_on_several_devices_is_not_kept():
    import tensorflow as tf

    with tf.distribute.OneDeviceStrategy("/cpu:0").scope():
        fit()
    assert not reuse._kept


@pytest.mark.slow
def test_labels_and_classes_do_not_share_a_step():
    X, y = documents()
    labels = np.stack([y, 1 - y], axis=1)
    expected = small(**SIZES).fit(X, labels).predict_proba(X)
    reuse._kept.clear()
    fit()
    np.testing.assert_array_equal(small(**SIZES).fit(X, labels).predict_proba(X), expected)


@pytest.mark.parametrize(
    "parameters",
    [
        {"callbacks": [keras.callbacks.Callback()]},  # which may hold the network
        pytest.param({"optimizer": keras.optimizers.Adam}, marks=pytest.mark.slow),
        pytest.param({"loss": keras.losses.MeanSquaredError()}, marks=pytest.mark.slow),
        pytest.param({"filters": 3_000, "kernel_size": 200}, marks=pytest.mark.slow),
    ],
)
def test_what_cannot_be_compared_or_is_held_by_others_is_not_kept(parameters):
    fit(**parameters)
    assert not reuse._kept


@pytest.mark.slow
def test_few_networks_are_kept_and_only_small_ones():
    assert rounded_up(5, 100, "adam") == rounded_up(LEAST_MULTIPLE, 100, "adam") == LEAST_MULTIPLE
    assert rounded_up(3_243, 100, "adam") == rounded_up(3_300, 100, "adam") == 3_328
    assert rounded_up(5, 100, "adafactor") == 5  # which looks at all rows at once
    n_ids = MOST_NUMBERS // 400 + 1
    assert rounded_up(n_ids, 100, "adam") == n_ids
    for filters in range(1, reuse.KEPT + 2):
        fit(filters=filters, epochs=1, architecture="stacked")
    assert len(reuse._kept) == reuse.KEPT


@pytest.mark.slow
def test_a_fit_that_fails_leaves_nothing_half_trained():
    expected = results(fit())
    with pytest.raises(ValueError, match="learning_rate"):
        fit(learning_rate=1e30)
    assert not reuse._kept
    assert results(fit()) == expected


@pytest.mark.slow
def test_threads_that_fit_at_once_do_not_share_a_network():
    expected = [results(fit(random_state=seed)) for seed in range(3)]
    with ThreadPoolExecutor(3) as threads:
        assert list(threads.map(lambda seed: results(fit(random_state=seed)), range(3))) == expected


@pytest.mark.slow
def test_a_fit_keeps_its_network_after_it_has_read_it(monkeypatch):
    expected, expand = results(fit()), fitting.expand
    reuse._kept.clear()

    def fit_another(*args, **kwargs):
        monkeypatch.setattr(fitting, "expand", expand)
        fit(random_state=1)
        return expand(*args, **kwargs)

    monkeypatch.setattr(fitting, "expand", fit_another)
    assert results(fit()) == expected
