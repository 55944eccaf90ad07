from types import SimpleNamespace

import numpy as np
import pytest
from scipy.special import expit, log_expit

from skglove.multilabel import from_log_odds
from skglove.network.stopping import PoolWeights, StopAtLoss, StopWhenLearned
from skglove.pooling import fit_weights

N = 400
CODES = np.random.RandomState(0).randint(0, 3, N)


def opinion(certainty, seed=0):
    """Make probabilities that favour the true class, by a factor of exp(certainty), but for some noise."""
    scores = np.random.RandomState(seed).standard_normal((N, 3))
    scores[np.arange(N), CODES] += certainty
    return (np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)).astype(np.float32)


class Network:
    """A network that says in each epoch what a test wants it to say."""

    def __init__(self, outputs):
        self.outputs, self.epoch, self.stop_training = outputs, 0, False

    def get_weights(self):
        return self.epoch

    def set_weights(self, epoch):
        self.epoch = epoch


@pytest.fixture
def run(monkeypatch):
    """Train such a network, and return it, its callback and the logs of each epoch."""
    monkeypatch.setattr(StopWhenLearned, "predict", lambda self: self.model.outputs[self.model.epoch].copy())

    def run(
        outputs,
        patience=None,
        lexical=None,
        lexical_weight=0.0,
        weights=None,
        codes=CODES,
        begun_at=None,
        learned_at=None,
        losses=None,
    ):
        callback = StopWhenLearned(
            None,
            codes,
            np.ones(N) if weights is None else weights,
            lexical=lexical,
            lexical_weight=lexical_weight,
            patience=patience,
            maxlen=1,
            batch_size=1,
            begun_at=begun_at,
            learned_at=learned_at,
        )
        network, logs = Network(outputs), []
        callback.set_model(network)
        for epoch in range(len(outputs)):
            network.epoch = epoch
            logs.append({} if losses is None else {"loss": losses[epoch]})
            callback.on_epoch_end(epoch, logs[-1])
            if network.stop_training:
                break
        callback.on_train_end()
        return network, callback, logs

    return run


def log_loss(probabilities):
    return -np.log(probabilities[np.arange(N), CODES]).mean()


def test_loss_and_accuracy_are_those_of_the_network_if_it_is_alone(run):
    _, callback, [logs] = run([opinion(1)])
    assert logs["val_loss"] == pytest.approx(log_loss(opinion(1)), rel=1e-5)
    assert logs["val_accuracy"] == pytest.approx((opinion(1).argmax(axis=1) == CODES).mean())
    assert callback.weights.models.tolist() == [1.0]
    assert callback.weights.heads is None


def test_loss_and_accuracy_are_weighted(run):
    weights = np.random.RandomState(1).rand(N).astype(np.float32)
    _, _, [logs] = run([opinion(1)], weights=weights)
    losses = -np.log(opinion(1)[np.arange(N), CODES])
    assert logs["val_loss"] == pytest.approx(np.average(losses, weights=weights), rel=1e-5)
    assert logs["val_accuracy"] == pytest.approx(
        np.average(opinion(1).argmax(axis=1) == CODES, weights=weights)
    )


def test_log_losses_of_labels_are_summed_and_a_document_is_right_if_all_its_labels_are(run):
    rng = np.random.RandomState(1)
    codes = rng.randint(0, 2, (N, 3)).astype(np.uint8)
    weights = rng.rand(N)
    log_odds = [rng.standard_normal((N, 3)) + certainty * (codes - 0.5) for certainty in (1, 2, 1)]
    heads, lexical = expit(log_odds[:2]).astype(np.float32).swapaxes(0, 1), from_log_odds(log_odds[2])
    _, callback, [logs] = run([heads], lexical=lexical, lexical_weight=0.3, weights=weights, codes=codes)
    of_network = np.tensordot(callback.weights.heads, log_odds[:2], axes=1)
    pooled = 0.7 * of_network + 0.3 * log_odds[2]
    losses = -log_expit(np.where(codes, pooled, -pooled)).sum(axis=1)
    assert logs["val_loss"] == pytest.approx(np.average(losses, weights=weights), rel=1e-4)
    right = ((pooled > 0) == codes).all(axis=1)
    assert logs["val_accuracy"] == pytest.approx(np.average(right, weights=weights))
    assert 0.1 < right.mean() < 0.9


def test_a_given_share_of_the_linear_model_is_taken(run):
    lexical = np.log(opinion(2, seed=1))
    before = lexical.copy()
    _, callback, logs = run([opinion(1)] * 2, lexical=lexical, lexical_weight=0.3)
    np.testing.assert_allclose(callback.weights.models, [0.7, 0.3])
    expected = opinion(1) ** 0.7 * opinion(2, seed=1) ** 0.3
    assert logs[1]["val_loss"] == pytest.approx(
        log_loss(expected / expected.sum(axis=1, keepdims=True)), rel=1e-5
    )
    np.testing.assert_array_equal(lexical, before)


@pytest.mark.parametrize("knows", ["network", "linear model"])
def test_the_share_of_the_linear_model_is_learned(run, knows):
    certainty = {"network": (3, 0), "linear model": (0, 3)}[knows]
    lexical = np.log(opinion(certainty[1], seed=1))
    _, callback, _ = run([opinion(certainty[0])], lexical=lexical, lexical_weight="learned")
    share = callback.weights.models[1] / callback.weights.models.sum()
    assert share < 0.2 if knows == "network" else share > 0.8


def test_weights_of_heads_are_learned(run):
    outputs = np.stack([opinion(0), opinion(3, seed=1)], axis=1)
    _, callback, [logs] = run([outputs])
    heads = [np.log(outputs[:, i]) for i in range(2)]
    np.testing.assert_allclose(
        callback.weights.heads, fit_weights(heads, CODES, np.ones(N), [0.5, 0.5]), rtol=1e-5
    )
    assert callback.weights.heads[0] < 0.5 * callback.weights.heads[1]
    assert callback.weights.models.tolist() == [1.0]
    assert logs["val_loss"] < log_loss(opinion(3, seed=1))


def test_training_stops_when_the_loss_no_longer_falls_and_the_best_epoch_is_kept(run):
    outputs = [opinion(certainty) for certainty in (0, 1, 2, 1, 1.5, 3, 3, 3)]
    network, callback, logs = run(outputs, patience=2, lexical=np.log(opinion(0)), lexical_weight="learned")
    assert len(logs) == 5
    assert network.epoch == 2
    assert callback.best == min(log["val_loss"] for log in logs) == logs[2]["val_loss"]
    _, expected, _ = run(outputs[2:3], lexical=np.log(opinion(0)), lexical_weight="learned")
    np.testing.assert_array_equal(callback.weights.models, expected.weights.models)


def test_the_best_epoch_is_kept_when_the_epochs_end_training(run):
    network, _, logs = run([opinion(certainty) for certainty in (0, 2, 1)], patience=2)
    assert (len(logs), network.epoch) == (3, 1)


def test_epochs_before_training_has_begun_do_not_count(run):
    outputs, losses = [opinion(1)] + [opinion(0.5)] * 9, [1.0, 0.9, 0.95, 0.7, 0.8, 1.0, 1.0, 1.0, 1.0, 1.0]
    for begun_at, n_epochs in [(None, 3), (0.9, 5), (0.75, 5), (0.1, 10)]:
        network, callback, logs = run(outputs, patience=2, begun_at=begun_at, losses=losses)
        assert (len(logs), callback.best_epoch, network.epoch) == (n_epochs, 0, 0)
    # A better epoch counts as ever.
    outputs[5] = opinion(2)
    _, callback, logs = run(outputs, patience=2, begun_at=0.1, losses=losses)
    assert (len(logs), callback.best_epoch) == (10, 5)


def test_a_loss_that_hardly_falls_is_no_improvement(run):
    network, _, logs = run([opinion(1 + 1e-4 * i) for i in range(9)], patience=2)
    assert (len(logs), network.epoch) == (3, 0)
    assert logs[2]["val_loss"] < logs[0]["val_loss"]


def test_without_patience_the_last_epoch_is_kept(run):
    network, callback, logs = run([opinion(1), opinion(0), opinion(0)], lexical_weight=0.0)
    assert (len(logs), network.epoch) == (3, 2)
    assert callback.weights.models.tolist() == [1.0]


@pytest.mark.filterwarnings("error")
def test_a_network_that_says_nothing_does_not_stop_the_check_of_the_loss(run):
    outputs = np.stack([np.full((N, 3), np.nan, np.float32)] * 2, axis=1)
    _, _, logs = run([outputs], patience=2, lexical=np.log(opinion(0)), lexical_weight="learned")
    assert np.isnan(logs[0]["val_loss"])


@pytest.mark.parametrize(
    ("n_heads", "lexical_weight", "heads", "models"),
    [
        (1, 0.0, None, [1]),
        (1, 0.3, None, [0.7, 0.3]),
        (2, 0, [0.5, 0.5], [1]),
        (2, "learned", [0.5, 0.5], [0.6, 0.6]),
    ],
)
def test_weights_where_nothing_is_held_out(n_heads, lexical_weight, heads, models):
    weights = PoolWeights.usual(n_heads, lexical_weight)
    np.testing.assert_allclose(weights.models, models)
    if heads is None:
        assert weights.heads is None
    else:
        np.testing.assert_allclose(weights.heads, heads)


def test_training_stops_at_a_low_loss():
    callback = StopAtLoss(0.1)
    callback.set_model(SimpleNamespace(stop_training=False))
    callback.on_epoch_end(0, {"loss": 0.11})
    assert not callback.model.stop_training
    callback.on_epoch_end(1, {"loss": 0.09})
    assert callback.model.stop_training


@pytest.mark.parametrize(
    ("losses", "patience", "kept", "n_epochs"),
    [
        ([0.6, 0.4, 0.09, 0.05, 0.01, 0.01], 1, 2, 3),  # the first low loss
        ([0.6, 0.5, 0.4, 0.3, 0.2, 0.2], 1, 1, 6),  # none is low
        ([0.6, 0.4, 0.09, 0.05, 0.01, 0.01], None, 5, 6),  # without early stopping
    ],
)
def test_a_low_loss_stops_whatever_is_measured(run, losses, patience, kept, n_epochs):
    outputs = [opinion(certainty) for certainty in (0, 2, 1, 1, 0.5, 0.5)]
    network, callback, logs = run(outputs, patience=patience, learned_at=0.1, losses=losses)
    assert (network.epoch, len(logs)) == (kept, n_epochs)
    if patience:
        assert callback.best_epoch == kept
