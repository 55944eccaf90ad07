"""From checked documents to a trained network: what `KerasConvTextClassifier.fit` does with Keras."""

import numpy as np

from skglove.auto_settings import OF_NETWORK, SHORT_LENGTH
from skglove.multilabel import log_odds_of_labels, n_outputs
from skglove.network.build import ARCHITECTURES, build_network, starting_vectors
from skglove.network.callbacks import copy_callbacks, loss_check
from skglove.network.loss_and_optimizer import checked_optimizer, is_configured, loss_of_guessing
from skglove.network.models import PackedParallelConvnet, continue_from, expand
from skglove.network.stopping import PoolWeights, StopAtLoss, StopWhenLearned
from skglove.network.training import train
from skglove.progress import say
from skglove.validation_set import ValidationSet

# Shares of the loss of guessing: below the first, a network has begun to learn; below the second, it has
# learned, where too few documents are held out to tell it by them.
BEGUN_LOSS, LEARNED_LOSS = 0.8, 0.1
# Of more documents, or of longer ones, those held out are not missed: a second training with them brings
# nothing.
MOST_TO_TRAIN_AGAIN = 2_000


def fit_network(
    data,
    rows,
    parameters,
    *,
    vocabulary,
    log_probabilities,
    maxlen,
    n_steps,
    validation=None,
    score=None,
    stops_at_low_loss=False,
    waits_for_begin=False,
    may_train_again=False,
    last=None,
):
    """Build a network, train it, and learn how much to trust its parts and the linear model.

    The network is trained for the ids that the documents have. All others keep their vectors. The weights of
    the pool are learned on the documents to measure on; without such documents, they are equal. If held-out
    documents chose the number of epochs, and the documents are few and short, "hybrid" is trained again, on
    all of them.

    Parameters
    ----------
    data : skglove.data.Data
        What to learn from.
    rows : tuple of two ndarrays of int
        Documents to train on, and documents, perhaps none, to measure on.
    parameters : dict
        The classifier's parameters, without "auto".
    vocabulary : Vocabulary or None
        What the ids stand for.
    log_probabilities : ndarray of shape (n_measured, n_classes) or (n_measured * n_labels, 2), or None
        What the linear model says about the documents to measure on; None without a linear model.
    maxlen : int
        Columns of a batch.
    n_steps : int
        Steps of the "one_cycle" schedule.
    validation : ValidationSet or None, default=None
        Documents to measure on that are not among `data`; `rows` has none then.
    score : skglove.scoring.HeldOutScore or None, default=None
        Decides about the best epoch. None is the log-loss.
    stops_at_low_loss : bool, default=False
        Whether early stopping looks at the training loss instead of the documents to measure on.
    waits_for_begin : bool, default=False
        Whether early stopping waits until the training loss has begun to fall.
    may_train_again : bool, default=False
        Whether the network is trained again, on all documents, if that is worth its time.
    last : StoredNetwork or None, default=None
        The network of the last fit, to go on from. Only its weights are taken over.

    Returns
    -------
    network : keras.Model
        From all ids to probabilities of shape (n_documents, n_classes).
    history : keras.callbacks.History
        Losses of each epoch.
    weights : ndarray of shape (n_models,), float
        Weights of the network and, if there is one, of the linear model.
    callbacks : list of keras.callbacks.Callback
        The copies of the user's callbacks.
    best_epoch : int
        The epoch, counted from 1, whose weights were kept.
    """
    training, held_out = rows
    documents, trained, word_weights = _used_ids(data, validation)
    if validation is not None:
        validation = validation._replace(documents=validation.documents.renumber(trained))
    elif len(held_out):
        validation = ValidationSet(documents.take(held_out), data.codes[held_out], data.weights[held_out])
    model, vectors = _build(data, trained, word_weights, parameters, vocabulary, n_steps, maxlen)
    if last is not None:
        vectors, word_weights = continue_from(last.model, model, trained)
    callbacks, guessing = [], loss_of_guessing(parameters["loss"], data.codes, data.weights)
    learned_at = LEARNED_LOSS * guessing if stops_at_low_loss else None
    if validation is not None:
        measuring = StopWhenLearned(
            *validation,
            lexical=log_probabilities,
            lexical_weight=parameters["lexical_weight"],
            patience=parameters["n_iter_no_change"] if parameters["early_stopping"] else None,
            maxlen=maxlen,
            batch_size=parameters["batch_size"],
            score=score,
            begun_at=BEGUN_LOSS * guessing if waits_for_begin else None,
            learned_at=learned_at,
        )
        callbacks.append(measuring)
    elif parameters["early_stopping"] and learned_at is not None:
        callbacks.append(StopAtLoss(learned_at))
    name = "learning rate in optimizer" if is_configured(parameters["optimizer"]) else "learning_rate"
    callbacks.append(loss_check(parameters["learning_rate"], name))
    copies = copy_callbacks(parameters["callbacks"])

    def run(rows, callbacks, **changed):
        return train(
            model,
            documents,
            data.codes,
            data.weights / float(data.weights[rows].mean(dtype=np.float64)),
            rows=rows,
            settings=parameters | changed,
            maxlen=maxlen,
            callbacks=callbacks,
            verbose=parameters["verbose"],
            random_state=data.random_state,
        )

    are_missed = _are_missed(held_out, documents, parameters["validation_fraction"])
    start = Start(model) if may_train_again and are_missed else None
    history = run(training, callbacks + copies)
    if start is not None:
        start.restore(model)
        n_epochs = measuring.best_epoch + 1
        say(f"Second training: all {len(data.codes):,} documents, up to {n_epochs} epochs")
        stopping = [] if learned_at is None else [StopAtLoss(learned_at)]
        run(np.arange(len(data.codes)), [*stopping, callbacks[-1]], epochs=n_epochs)
    if validation is not None:
        # The user's callbacks may have restored the weights of another epoch.
        weights = measuring.measure()[0] if copies else measuring.weights
    else:
        n_heads = ARCHITECTURES[parameters["architecture"]].n_heads
        weights = PoolWeights.usual(n_heads, parameters["lexical_weight"])
    network = expand(model, vectors, trained, word_weights=word_weights, head_weights=weights.heads)
    return network, history, weights.models, copies, _kept_epoch(callbacks, history)


def _kept_epoch(callbacks, history):
    for callback in callbacks:
        if isinstance(callback, StopWhenLearned) and callback.network is not None:
            return callback.best_epoch + 1
    return len(history.epoch)


class Start:
    """The weights of a network and the state of its optimizer before training.

    Parameters
    ----------
    model : keras.Model
        A compiled network.
    """

    def __init__(self, model):
        self.weights = model.get_weights()
        self.optimizer = [value.numpy() for value in model.optimizer.variables]

    def restore(self, model):
        """Bring the network back to its start. The compiled training step is kept."""
        model.set_weights(self.weights)
        for variable, value in zip(model.optimizer.variables, self.optimizer, strict=True):
            variable.assign(value)


def _are_missed(held_out, documents, validation_fraction):
    """Tell whether training again, with the held-out documents, is worth its time."""
    # A third of few documents, of which there may be many copies.
    were_many = validation_fraction == "auto" and len(held_out) > len(documents) / 5
    are_short = len(documents.values) <= SHORT_LENGTH * len(documents)
    return len(held_out) > 0 and (were_many or (are_short and len(documents) <= MOST_TO_TRAIN_AGAIN))


def _used_ids(data, validation):
    """Renumber the ids that the documents have; return also these ids, and the weights of all words.

    Documents to measure on count in the ids, not in the weights.
    """
    counts = data.documents.counts(data.n_ids)
    counts.data[:] = 1
    frequencies, n_documents = data.copies @ counts, data.copies.sum()
    inverse_document_frequencies = np.log((1 + n_documents) / (1 + frequencies)) + 1
    frequencies[0] = 1  # padding
    if validation is not None:
        frequencies[validation.documents.values] += 1
    trained = np.flatnonzero(frequencies)
    return data.documents.renumber(trained), trained, inverse_document_frequencies.astype(np.float32)


def _build(data, trained, word_weights, parameters, vocabulary, n_steps, maxlen):
    """Build the network for some ids; return it, and the vectors that all ids have before training."""
    vectors = None
    if parameters["pretrained"]:
        matrix = vocabulary.embedding_matrix()
        vectors = starting_vectors(matrix, parameters["architecture"], data.seed)
    model = build_network(
        len(trained),
        n_outputs(data.codes),
        **{name: parameters[name] for name in OF_NETWORK},
        embedding_matrix=None if vectors is None else vectors[trained],
        word_weights=word_weights[trained],
        log_odds=log_odds_of_labels(data.codes, data.weights) if data.codes.ndim == 2 else None,
        n_steps=n_steps if parameters["learning_rate_schedule"] == "one_cycle" else None,
        optimizer=checked_optimizer(parameters["optimizer"]),
        jit_compile=parameters["jit_compile"] not in ("deprecated", False),
        seed=data.seed,
    )
    if isinstance(model, PackedParallelConvnet):
        n_words = np.minimum(data.documents.lengths, maxlen).mean()
        model.reads_long_documents = bool(n_words > SHORT_LENGTH)
    if vectors is None:
        vectors = np.zeros((data.n_ids, parameters["embedding_dim"]), dtype=np.float32)
    return model, vectors
