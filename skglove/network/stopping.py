"""Learn when to stop and how much to trust each model, on documents held out from training."""

from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from keras.callbacks import Callback, SwapEMAWeights

from skglove.multilabel import log_of_both
from skglove.network.lookup import can_look_up, lookup_network
from skglove.network.training import predict
from skglove.pooling import fit_weights, log, pool

# Medians of the priors of weights; used as they are where nothing is held out.
USUAL_HEAD_WEIGHT, USUAL_WEIGHTS = 0.5, (0.6, 0.6)
# An improvement of the log-loss by less than this counts as none. Any higher score is an improvement.
LEAST_IMPROVEMENT = 0.002


@dataclass
class PoolWeights:
    """Weights of a classifier's parts, all above zero."""

    heads: np.ndarray | None  # of the network's heads; None if it has one output
    models: np.ndarray  # of the network and, if there is one, of the linear model

    @classmethod
    def usual(cls, n_heads, lexical_weight):
        """Return the weights to take where nothing is held out.

        Parameters
        ----------
        n_heads : int
            Heads of the network.
        lexical_weight : "learned" or float
            As in `KerasConvTextClassifier`.

        Returns
        -------
        weights : PoolWeights
        """
        heads = None if n_heads == 1 else np.full(n_heads, USUAL_HEAD_WEIGHT)
        if lexical_weight == "learned":
            return cls(heads, np.array(USUAL_WEIGHTS))
        return cls(heads, np.array([1 - lexical_weight, lexical_weight][: 1 + bool(lexical_weight)]))


class StopAtLoss(Callback):
    """Stop when the training loss is low, where nothing is held out to measure on.

    Parameters
    ----------
    loss : float
        Training stops after the first epoch with a mean loss below this.
    """

    def __init__(self, loss):
        super().__init__()
        self.loss = loss

    def on_epoch_end(self, epoch, logs):
        """Stop or go on."""
        if logs["loss"] < self.loss:
            self.model.stop_training = True


class StopWhenLearned(Callback):
    """Measure the whole classifier on held-out documents after each epoch; stop when it has learned.

    Adds "val_loss", the log-loss, and "val_accuracy" to the logs; with a `score` also "val_score".

    Parameters
    ----------
    documents : Documents
        Token ids of the documents that are held out.
    codes : ndarray of shape (n_documents,) or (n_documents, n_labels), int
        Their classes, or their rows of an indicator matrix. The log-losses of labels are then summed, and a
        document is accurate if all of its labels are (subset accuracy).
    sample_weight : ndarray of shape (n_documents,), float
        Their weights.
    lexical : ndarray of shape (n_documents, n_classes) or (n_documents * n_labels, 2), float32, or None
        Log-probabilities of the linear model, if there is one, which has not seen them either.
    lexical_weight : "learned" or float
        As in `KerasConvTextClassifier`.
    patience : int or None
        Epochs without a lower log-loss, or a higher score, after which training stops. The weights of the
        best epoch are restored, also if training did not stop early. None never stops, and keeps the last
        epoch.
    maxlen, batch_size : int
        As in `skglove.network.training.predict`.
    score : skglove.scoring.HeldOutScore or None, default=None
        Decides about the best epoch. None is the log-loss.
    begun_at : float or None, default=None
        Epochs before the training loss first falls below this do not count for `patience`: a network that
        has learned nothing yet cannot improve the pool. None counts all.
    learned_at : float or None, default=None
        Training stops after the first epoch with a training loss below this, and keeps this epoch. Only if
        there is none, the best epoch is kept. None stops by `patience`.

    Attributes
    ----------
    weights : PoolWeights
        The weights that go with the network.
    """

    def __init__(
        self,
        documents,
        codes,
        sample_weight,
        *,
        lexical,
        lexical_weight,
        patience,
        maxlen,
        batch_size,
        score=None,
        begun_at=None,
        learned_at=None,
    ):
        super().__init__()
        # Each label of each document is a problem with two classes.
        self.n_labels = codes.shape[1] if codes.ndim == 2 else None
        self.documents, self.targets, self.codes = documents, codes, codes.ravel()
        self.sample_weight = np.repeat(sample_weight.astype(np.float64), self.n_labels or 1)
        self.lexical, self.lexical_weight = lexical, lexical_weight
        self.patience, self.options = patience, {"maxlen": maxlen, "batch_size": batch_size}
        self.score, self.begun_at, self.learned_at = score, begun_at, learned_at
        self.weights, self.network, self.best, self.best_epoch = None, None, np.inf, 0
        self.waiting_since = 0

    def measure(self):
        """Fit the weights of the pool to the held-out documents, and measure the pool on them.

        Returns
        -------
        weights : PoolWeights
            The weights that fit best.
        measured : dict of str to float
            "val_loss" and "val_accuracy" of the whole classifier, and "val_score" if there is a `score`.
        """
        weights, pooled = fit_pool(
            self.predict(),
            self.codes,
            self.sample_weight,
            self.lexical,
            self.lexical_weight,
            multilabel=self.n_labels is not None,
        )
        of_truth = pooled[np.arange(len(self.codes)), self.codes]
        loss = -np.average(of_truth, weights=self.sample_weight)
        right, probabilities = pooled.argmax(axis=1) == self.codes, pooled
        if self.n_labels:
            loss *= self.n_labels
            right = right.reshape(-1, self.n_labels).all(axis=1)
            probabilities = pooled[:, 1].reshape(-1, self.n_labels)
        sample_weight = self.sample_weight[:: self.n_labels or 1]
        accuracy = np.average(right, weights=sample_weight)
        measured = {"val_loss": float(loss), "val_accuracy": float(accuracy)}
        if self.score is not None and np.isfinite(loss):  # otherwise another callback raises
            measured["val_score"] = self.score(np.exp(probabilities), self.targets, sample_weight)
        return weights, measured

    def predict(self):
        """Predict the held-out documents with the network, as `predict_untraced` does."""
        return predict_untraced(self.model, self.documents, **self.options)

    def on_epoch_end(self, epoch, logs):
        """Measure, and stop or go on."""
        with _averaged(self.model):
            self._look_at(epoch, logs)

    def _look_at(self, epoch, logs):
        weights, measured = self.measure()
        logs.update(measured)
        if self.begun_at is not None and logs["loss"] >= self.begun_at:
            self.waiting_since = epoch
        else:
            self.begun_at = None
        if "val_score" in measured:
            objective, least = -measured["val_score"], 0.0
        else:
            objective, least = measured["val_loss"], LEAST_IMPROVEMENT
        has_learned = self.learned_at is not None and logs["loss"] < self.learned_at
        if self.patience is None:
            self.weights = weights
        elif has_learned or objective < self.best - least:
            self.best, self.best_epoch = objective, epoch
            self.waiting_since = max(epoch, self.waiting_since)
            self.weights, self.network = weights, self.model.get_weights()
            if has_learned:
                self.model.stop_training = True
        elif self.learned_at is None and epoch - self.waiting_since >= self.patience:
            self.model.stop_training = True

    def on_train_end(self, logs=None):
        """Restore the weights of the best epoch."""
        if self.network is not None:
            self.model.set_weights(self.network)


def fit_pool(outputs, codes, sample_weight, lexical, lexical_weight, *, multilabel=False):
    """Fit the weights of the pool to held-out documents.

    Parameters
    ----------
    outputs : ndarray of shape (n_documents, n_classes) or (n_documents, n_heads, n_classes), float32
        Probabilities by the network. Overwritten.
    codes : ndarray of shape (n_documents,) or (n_documents * n_labels,), int
        Classes, or labels.
    sample_weight : ndarray of the shape of `codes`, float64
        Weights.
    lexical, lexical_weight
        As in `StopWhenLearned`.
    multilabel : bool, default=False
        Whether the outputs are of labels.

    Returns
    -------
    weights : PoolWeights
        The weights that fit best.
    log_probabilities : ndarray of shape (len(codes), n_classes or 2), float32
        Of the pool.
    """
    heads = [outputs] if outputs.ndim == 2 else [outputs[:, i].copy() for i in range(outputs.shape[1])]
    heads = [log_of_both(head) if multilabel else log(head) for head in heads]
    weights = PoolWeights.usual(len(heads), lexical_weight)
    if len(heads) > 1:
        weights.heads = fit_weights(heads, codes, sample_weight, weights.heads)
        heads = [pool(heads, weights.heads)]
    models = heads if lexical is None else [*heads, lexical.copy()]
    if lexical_weight == "learned":
        weights.models = fit_weights(models, codes, sample_weight, weights.models)
    return weights, pool(models, weights.models)


def predict_untraced(model, documents, *, maxlen, batch_size):
    """Predict with a network; without Keras if possible, which would have to trace it first.

    Parameters
    ----------
    model, documents, maxlen, batch_size
        As in `skglove.network.training.predict`.

    Returns
    -------
    probabilities : ndarray of shape (n_documents, n_classes) or (n_documents, n_heads, n_classes), float32
    """
    name, config = type(model).__name__, model.get_config()
    if can_look_up(name, config):
        return lookup_network(name, config, model.get_weights()).predict(documents, maxlen)
    return predict(model, documents, maxlen=maxlen, batch_size=batch_size)


@contextmanager
def _averaged(model):
    """Give a network the moving average of its weights for a while, if its optimizer has one (`use_ema`).

    Keras does so for good at the end of training.
    """
    if not getattr(getattr(model, "optimizer", None), "use_ema", False):
        yield
        return
    swap = SwapEMAWeights()
    swap.set_model(model)
    swap.on_test_begin()
    yield
    swap.on_test_end()
