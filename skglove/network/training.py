"""Training a network on documents, and predicting with it."""

import numpy as np

from skglove.network.batches import Batches, most_documents
from skglove.network.callbacks import learning_rate_errors_named, retracing_warnings_hidden
from skglove.network.loss_and_optimizer import has_schedule
from skglove.network.widths import widths_of

MEAN = "sum_over_batch_size"  # Keras's name of this reduction of losses
SURE_EPOCHS = 5  # that are trained in any case, more or less: most trainings stop early


def train(
    model, documents, codes, sample_weight, *, rows, settings, maxlen, callbacks, verbose, random_state
):
    """Train a compiled network.

    Parameters
    ----------
    model : keras.Model
        As `build_network` returns it.
    documents : Documents
        Token ids.
    codes : ndarray of shape (n_documents,) or (n_documents, n_labels), int
        Classes, numbered from 0, or an indicator matrix.
    sample_weight : ndarray of shape (n_documents,), float32
        Weights of documents.
    rows : ndarray of int
        Rows to train on.
    settings : dict
        "batch_size", "epochs" and "learning_rate_schedule", as in `KerasConvTextClassifier`.
    maxlen : int
        Columns of a batch.
    callbacks : list of keras.callbacks.Callback
        Callbacks of the training.
    verbose : int or bool
        As in `KerasConvTextClassifier`.
    random_state : numpy.random.RandomState
        Source of the order of documents in each epoch.

    Returns
    -------
    history : keras.callbacks.History
    """
    padding = _padding_of(model, documents, rows, maxlen)
    # It stays referenced here, because the dataset made from it holds only a weak reference.
    batches = Batches(
        documents,
        rows=rows,
        maxlen=maxlen,
        batch_size=settings["batch_size"],
        codes=codes,
        sample_weight=sample_weight,
        random_state=random_state,
        **padding,
    )
    if batches.widths is not None:
        n_epochs = min(settings["epochs"], SURE_EPOCHS)
        batches.widths.drop_rare(batches.longest(), n_epochs * settings["batch_size"])
    one_cycle = settings["learning_rate_schedule"] == "one_cycle"
    schedule = {"one_cycle": one_cycle, "schedule_in_optimizer": has_schedule(model.optimizer)}
    with retracing_warnings_hidden(), learning_rate_errors_named(**schedule):
        return model.fit(
            batches.for_keras(),
            epochs=settings["epochs"],
            shuffle=False,  # the batches shuffle themselves, from random_state
            callbacks=callbacks,
            verbose=int(verbose),
        )


def predict(model, documents, *, maxlen, batch_size):
    """Predict probabilities with a network alone.

    Parameters
    ----------
    model : keras.Model
        As `build_network` returns it.
    documents : Documents
        Token ids.
    maxlen : int
        Columns of a batch.
    batch_size : int
        Documents per batch of a network that TensorFlow compiles with XLA.

    Returns
    -------
    probabilities : ndarray of shape (n_documents, n_classes), float32
        A network with heads gives shape (n_documents, n_heads, n_classes).
    """
    if (widths := widths_of(model, maxlen, maxlen)) is not None:
        return _predict_sorted(model, documents, maxlen, widths)
    # XLA compiles for each size of a batch, and computes the padding too. Otherwise the batches are of
    # documents of similar length.
    batches = Batches(documents, maxlen=maxlen, batch_size=batch_size if model.jit_compile else None)
    probabilities = np.empty((len(documents), *model.output_shape[1:]), dtype=np.float32)
    with retracing_warnings_hidden():
        for i in range(len(batches)):
            rows = batches.rows_of(i)
            probabilities[rows] = model.predict_on_batch(batches.ids_of(rows))
    return probabilities


def _padding_of(model, documents, rows, maxlen):
    """Return what `Batches` needs on JAX to pad no more than necessary, in few shapes."""
    longest = int(documents.lengths[rows].max(initial=0))
    widths = widths_of(model, maxlen, min(longest, maxlen))
    # Other reductions than a mean over the batch do not allow for documents of weight zero.
    is_mean = getattr(model.loss, "reduction", MEAN) == MEAN
    return {"widths": widths, "fill": widths is not None and is_mean}


def _predict_sorted(model, documents, maxlen, widths):
    """Predict in batches of documents of similar length, in few shapes."""
    widths.drop_rare(documents.lengths, 1)
    batches = Batches(documents, maxlen=maxlen, batch_size=None, widths=widths)
    probabilities = np.empty((len(documents), *model.output_shape[1:]), dtype=np.float32)
    for i in range(len(batches)):
        rows = batches.rows_of(i)
        n_rows = most_documents(widths.of(documents.lengths[rows[-1]]))
        if len(batches) == 1:
            n_rows = min(n_rows, 2 ** int(np.ceil(np.log2(len(rows)))))
        probabilities[rows] = model.predict_on_batch(batches.ids_of(rows, n_rows))[: len(rows)]
    return probabilities
