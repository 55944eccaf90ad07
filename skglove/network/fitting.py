"""From checked documents to a trained network: what `KerasConvTextClassifier.fit` does with Keras."""

from functools import partial

import numpy as np

from skglove.auto_settings import OF_NETWORK, SHORT_LENGTH
from skglove.holdout import are_few
from skglove.multilabel import log_odds_of_labels, n_outputs
from skglove.network.build import ARCHITECTURES, build_network, starting_vectors
from skglove.network.callbacks import copy_callbacks, loss_check
from skglove.network.loss_and_optimizer import checked_optimizer, is_configured, loss_of_guessing
from skglove.network.models import PackedParallelConvnet, continue_from, expand
from skglove.network.reuse import keep, key_of, rounded_up, take_kept
from skglove.network.stopping import PoolWeights, StopAtLoss, StopWhenLearned, fit_pool
from skglove.network.training import train
from skglove.progress import say
from skglove.validation_set import ValidationSet

# Shares of the loss of guessing: below the first, a network has begun to learn; below the second, it has
# learned, where too few documents are held out to tell it by them.
BEGUN_LOSS, LEARNED_LOSS = 0.8, 0.1
# With more documents, or longer ones, another training with those held out brings nothing, unless they were a
# third.
MOST_TO_TRAIN_AGAIN = 2_000


def fit_network(
    data,
    rows,
    parts,
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
    the pool are learned on the documents to measure on; without such documents, they are the usual ones, see
    `PoolWeights.usual`. If a third was held out, or some of few short documents, "hybrid" is trained again,
    on all documents.

    Parameters
    ----------
    data : skglove.data.Data
        What to learn from.
    rows : ndarray of int
        Documents to train on.
    parts : list of ndarray of int
        Documents, perhaps none, to measure on. For each further part the network is trained anew without it,
        which serves the weights of the pool alone.
    parameters : dict
        The classifier's parameters, without "auto".
    vocabulary : Vocabulary or None
        What the ids stand for.
    log_probabilities : ndarray of shape (n_measured, n_classes) or (n_measured * n_labels, 2), or None
        What the linear model says about the documents to measure on, part by part; None without one.
    maxlen : int
        Columns of a batch.
    n_steps : int
        Steps of the "one_cycle" schedule.
    validation : ValidationSet or None, default=None
        Documents to measure on that are not among `data`; `parts` has none then.
    score : skglove.scoring.HeldOutScore or None, default=None
        Decides about the best epoch. None is the log-loss.
    stops_at_low_loss : bool, default=False
        Whether early stopping looks at the training loss instead of the documents to measure on.
    waits_for_begin : bool, default=False
        Whether early stopping waits until the training loss has begun to fall.
    may_train_again : bool, default=False
        Whether the network is trained again, on all documents, if that is worth its time. Not with callbacks.
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
        The epoch of the first training, counted from 1, whose weights were kept.
    """
    training = TrainableNetwork(
        data,
        parameters,
        vocabulary=vocabulary,
        maxlen=maxlen,
        n_steps=n_steps,
        validation=validation,
        last=last,
    )
    guessing = loss_of_guessing(parameters["loss"], data.codes, data.weights)
    learned_at = LEARNED_LOSS * guessing if stops_at_low_loss else None
    watch = partial(
        StopWhenLearned,
        lexical_weight=parameters["lexical_weight"],
        patience=parameters["n_iter_no_change"] if parameters["early_stopping"] else None,
        maxlen=maxlen,
        batch_size=parameters["batch_size"],
        score=score,
        begun_at=BEGUN_LOSS * guessing if waits_for_begin else None,
        learned_at=learned_at,
    )
    if validation is not None:
        measured_on = [training.renumber(validation)]
    else:
        measured_on = [training.take(part) for part in parts] if len(parts[0]) else []
    lexical = _split(log_probabilities, [len(documents) for documents, *_ in measured_on])
    watches = [
        watch(*each, lexical=of_lexical) for each, of_lexical in zip(measured_on, lexical, strict=True)
    ]
    at_low_loss = [] if learned_at is None else [StopAtLoss(learned_at)]
    stopping = watches[:1] or (at_low_loss if parameters["early_stopping"] else [])
    copies = copy_callbacks(parameters["callbacks"])
    held_out_a_third = parameters["validation_fraction"] == "auto" and are_few(data)
    trains_again = may_train_again and _are_missed(parts[0], training.documents, held_out_a_third)
    start = Start(training.model) if trains_again else None
    history = training.run(rows, [*stopping, training.check, *copies])
    if not watches:
        n_heads = ARCHITECTURES[parameters["architecture"]].n_heads
        weights = PoolWeights.usual(n_heads, parameters["lexical_weight"])
    elif trains_again:
        weights = _train_again(training, start, parts, watches, log_probabilities, at_low_loss)
    else:
        # The user's callbacks may have restored the weights of another epoch.
        weights = watches[0].measure()[0] if copies else watches[0].weights
    has_best = watches and watches[0].network is not None
    best_epoch = watches[0].best_epoch + 1 if has_best else len(history.epoch)
    return training.finish(weights), history, weights.models, copies, best_epoch


class TrainableNetwork:
    """A network of the ids that the documents have, to be trained once or several times.

    Parameters
    ----------
    data, parameters, vocabulary, maxlen, n_steps, validation, last
        As in `fit_network`.

    Attributes
    ----------
    model : keras.Model
        The network.
    ids : ndarray of int
        The ids that the documents have, in the order of their numbers in the network.
    documents : Documents
        The documents of `data`, with the numbers of the network.
    vectors : ndarray of shape (n_ids, dim), float32
        The vectors of all ids before training.
    word_weights : ndarray of shape (n_ids,), float32, or None
        The weights of all ids before training.
    check : keras.callbacks.Callback
        Refuses a loss that is not finite.
    """

    def __init__(self, data, parameters, *, vocabulary, maxlen, n_steps, validation, last):
        self.data, self.parameters, self.maxlen = data, parameters, maxlen
        self.documents, self.ids, self.word_weights = _used_ids(data, validation)
        self._built, self.vectors, self._key = _build(
            data, self.ids, self.word_weights, parameters, vocabulary, n_steps, maxlen
        )
        if last is not None:
            self.vectors, self.word_weights = continue_from(last, self._built, self.ids)
        self.model = take_kept(self._key, self._built)
        name = "learning rate in optimizer" if is_configured(parameters["optimizer"]) else "learning_rate"
        self.check = loss_check(parameters["learning_rate"], name)

    def take(self, rows):
        """Return some documents, to measure on."""
        data = self.data
        return ValidationSet(self.documents.take(rows), data.codes[rows], data.weights[rows])

    def renumber(self, validation):
        """Return a validation set with the ids of the network."""
        return validation._replace(documents=validation.documents.renumber(self.ids))

    def run(self, rows, callbacks, **changed):
        """Train on some documents, with some parameters changed; return the history."""
        data, parameters = self.data, self.parameters
        return train(
            self.model,
            self.documents,
            data.codes,
            data.weights / float(data.weights[rows].mean(dtype=np.float64)),
            rows=rows,
            settings=parameters | changed,
            maxlen=self.maxlen,
            callbacks=callbacks,
            verbose=parameters["verbose"],
            random_state=data.random_state,
        )

    def finish(self, weights):
        """Return the network of all ids, which pools its heads by the weights of `PoolWeights`.

        No further training may follow.
        """
        if self.model is not self._built:
            self._built.set_weights(self.model.get_weights())
        network = expand(
            self._built, self.vectors, self.ids, word_weights=self.word_weights, head_weights=weights.heads
        )
        keep(self._key, self.model)  # from here on, another thread may train it
        return network


def _train_again(training, start, parts, watches, log_probabilities, at_low_loss):
    """Measure further parts, if there are any; train on all documents; return the weights of the pool."""
    everything, model = np.arange(len(training.documents)), training.model
    weights, outputs = watches[0].weights, [watches[0].predict()]
    for i, (part, watch) in enumerate(zip(parts[1:], watches[1:], strict=True), start=2):
        say(f"Training {i} of {len(parts)}: another {len(part):,} documents are held out")
        start.restore(model)
        training.run(np.setdiff1d(everything, part), [watch, training.check])
        outputs.append(watch.predict())
    if len(parts) > 1:
        weights = _fit_pool_to_all(watches, outputs, log_probabilities)
    n_epochs = watches[0].best_epoch + 1
    say(f"Last training: all {len(everything):,} documents, up to {n_epochs} epochs")
    start.restore(model)
    training.run(everything, [*at_low_loss, training.check], epochs=n_epochs)
    return weights


def _split(log_probabilities, sizes):
    """Split what the linear model, if there is one, says about parts of these sizes."""
    if log_probabilities is None or len(sizes) < 2:  # in multilabel, one part has more rows than documents
        return [log_probabilities] * len(sizes)
    return np.split(log_probabilities, np.cumsum(sizes)[:-1])


def _fit_pool_to_all(watches, outputs, log_probabilities):
    """Fit the weights of the pool to all parts, each measured by a network that has not seen it."""
    codes = np.concatenate([each.codes for each in watches])
    sample_weight = np.concatenate([each.sample_weight for each in watches])
    outputs, lexical_weight = np.concatenate(outputs), watches[0].lexical_weight
    return fit_pool(outputs, codes, sample_weight, log_probabilities, lexical_weight)[0]


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


def _are_missed(held_out, documents, are_a_third):
    """Tell whether training again, with the held-out documents, is worth its time."""
    are_short = len(documents.values) <= SHORT_LENGTH * len(documents)
    return len(held_out) > 0 and (are_a_third or (are_short and len(documents) <= MOST_TO_TRAIN_AGAIN))


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
    """Build the network for some ids; return it, the vectors of all ids before training, and its key."""
    vectors = None
    if parameters["pretrained"]:
        matrix = vocabulary.embedding_matrix()
        vectors = starting_vectors(matrix, parameters["architecture"], data.seed)
    dim = parameters["embedding_dim"] if vectors is None else vectors.shape[1]
    n_steps = n_steps if parameters["learning_rate_schedule"] == "one_cycle" else None
    model = build_network(
        len(trained),
        n_outputs(data.codes),
        **{name: parameters[name] for name in OF_NETWORK},
        embedding_matrix=None if vectors is None else vectors[trained],
        word_weights=word_weights[trained],
        log_odds=log_odds_of_labels(data.codes, data.weights) if data.codes.ndim == 2 else None,
        n_steps=n_steps,
        n_rows=rounded_up(len(trained), dim, parameters["optimizer"]),
        optimizer=checked_optimizer(parameters["optimizer"]),
        jit_compile=parameters["jit_compile"] not in ("deprecated", False),
        seed=data.seed,
    )
    if isinstance(model, PackedParallelConvnet):
        n_words = np.minimum(data.documents.lengths, maxlen).mean()
        model.reads_long_documents = bool(n_words > SHORT_LENGTH)
    if vectors is None:
        vectors = np.zeros((data.n_ids, dim), dtype=np.float32)
    return model, vectors, key_of(model, parameters, multilabel=data.codes.ndim == 2, n_steps=n_steps)
