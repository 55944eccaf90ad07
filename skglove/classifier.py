"""KerasConvTextClassifier: token ids to labels."""

import copy
import logging
import operator
import warnings
from contextlib import contextmanager
from numbers import Integral, Real

import numpy as np
from scipy.sparse import issparse
from sklearn.base import BaseEstimator, ClassifierMixin, _fit_context
from sklearn.model_selection import StratifiedShuffleSplit
from sklearn.utils import assert_all_finite, check_random_state
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import (
    _check_sample_weight,
    check_consistent_length,
    check_is_fitted,
    validate_data,
)

from skglove.documents import Documents, holds_sequences, is_ragged
from skglove.forks import refuse_fork
from skglove.labels import check_labels
from skglove.lexical import LexicalModel
from skglove.messages import shortened
from skglove.rollback import rollback
from skglove.states import Versioned
from skglove.stored_network import StoredNetwork
from skglove.token_ids import vocabulary_of

# What "auto" stands for. How "residual" settles what is missing here says _settle.
AUTO = {
    "stacked": {
        "trainable_embedding": False,
        "n_conv_layers": 3,
        "kernel_size": 5,
        "optimizer": "rmsprop",
        "learning_rate": 0.001,
        "learning_rate_schedule": "constant",
        "lexical_weight": 0.0,
        "batch_size": 128,
        "epochs": 2,
    },
    "residual": {
        "trainable_embedding": True,
        "n_conv_layers": 1,
        "kernel_size": 3,
        "optimizer": "adam",
        "learning_rate": 0.03,
        "learning_rate_schedule": "one_cycle",
        "lexical_weight": 0.7,
    },
}
AUTO_MAXLEN = {"stacked": 1000, "residual": 2000}
# Above these, what is asked for is likelier a mistake than a network that can be trained.
MAX_IDS = 2**24  # without a vocabulary and a vocabulary_size; the largest word vectors have 2**21 words
MAX_CELLS = 2**31  # of the embedding: 8 GiB, and its training needs three times as much
MAX_BATCH_CELLS = 2**28  # ids of a batch: 1 GiB
LOST_VOCABULARY = (
    "If a GloveTokenizer made the ids, a step after it lost their vocabulary, as np.vstack, FeatureUnion and "
    "ColumnTransformer do: fit on TokenIds(X, ids.vocabulary)."
)
# Parameters of "stacked" alone, and their defaults.
STACKED_ALONE = {"filters": 128, "pool_size": 5, "dense_units": 128}


class KerasConvTextClassifier(Versioned, ClassifierMixin, BaseEstimator):
    """Classify documents of token ids with a 1D convolutional network in Keras.

    The embedding starts from pre-trained word vectors when X carries a vocabulary that has some, as the ids
    of `GloveTokenizer` do. Training and prediction leave out the padding, which changes no result, so a
    generous `maxlen` costs little.

    Parameters whose default is "auto", but for `pretrained`, take what suits the architecture; `settings_`
    and `maxlen_` say what that was.

    Parameters
    ----------
    architecture : {"residual", "stacked"}, default="residual"
        The network.

        * "residual": word vectors, trained further; a convolution that adds to each what it makes of the
          words around it; their sum over the document, with a weight for every word that is learned and
          starts at its inverse document frequency, scaled to one length; softmax. Its probabilities are
          multiplied with those of a linear model of words and pairs of words, see `lexical_weight`.
        * "stacked": the network of [1]_, trained as there. `n_conv_layers` convolutions with ReLU, all but
          the last followed by a max pooling, the last by global max pooling; a dense layer with ReLU;
          softmax.
    maxlen : "auto", int or None, default="auto"
        Of documents of different lengths, the last `maxlen` ids are used, as `SequencePadder` does it. None
        takes the length of the longest document seen in `fit`. A matrix given to `fit` is used as it is; a
        list of documents of one length is a matrix, too. "auto" is 2000 in "residual", 1000 in "stacked".
    pretrained : "auto" or bool, default="auto"
        Whether the embedding starts from the vectors of X's vocabulary: "auto" if there are some, True
        insists on it, False learns the embedding from random vectors. "auto" warns if X carries no
        vocabulary, because a step may have lost it; False silences that.
    trainable_embedding : "auto" or bool, default="auto"
        Whether training also changes pre-trained vectors: "auto" does so in "residual" only. An embedding
        that is not pre-trained is always trained.
    embedding_dim : int, default=100
        Size of the word vectors where they are not pre-trained, at most 16,384.
    vocabulary_size : int or None, default=None
        Rows of the embedding, for ids without a vocabulary: ids run up to ``vocabulary_size - 1``. None takes
        the largest id seen in `fit`, which must be below 2**24.
    n_conv_layers : "auto" or int, default="auto"
        Number of convolutions. "auto" is 1 in "residual", 3 in "stacked".
    filters : int, default=128
        Filters of each convolution of "stacked". "residual" has as many as the word vectors are long.
    kernel_size : "auto" or int, default="auto"
        Width of the filters, in words. "auto" is 3 in "residual", 5 in "stacked".
    pool_size : int, default=5
        Width and stride of the max poolings of "stacked".
    dense_units : int, default=128
        Units of the dense layer of "stacked".
    dropout : float, default=0.0
        Share of the features before the softmax, and in "stacked" before and after the dense layer, that is
        set to zero in training.
    optimizer : "auto", str or callable, default="auto"
        Name of a Keras optimizer, or a callable that makes one: ``optimizer(learning_rate=...)``, of a number
        or, with "one_cycle", of a Keras schedule. "auto" is "adam" in "residual", "rmsprop" in "stacked".
    learning_rate : "auto" or float, default="auto"
        The optimizer's learning rate; with "one_cycle" its peak. "auto" is 0.03 in "residual", which is for
        vectors of unit variance and two epochs; 0.001 in "stacked".
    learning_rate_schedule : {"auto", "constant", "one_cycle"}, default="auto"
        "one_cycle" [3]_ grows the learning rate in the first 30 % of all steps and then lets it fall to zero,
        by a cosine. Callbacks that set the learning rate, as `LearningRateScheduler` and `ReduceLROnPlateau`
        do, need "constant". "auto" is "one_cycle" in "residual", "constant" in "stacked".
    loss : str or callable, default="categorical_crossentropy"
        A Keras loss on one-hot targets of shape (n_documents, n_classes), with one value a document.
    lexical_weight : "auto" or float, default="auto"
        Share, from 0 to below 1, that a linear model of the words and pairs of adjacent words has in the
        probabilities: the logarithms of both are averaged with this weight. 0 is the network alone. The
        model is complement naive Bayes; or, from 1,000 documents on and of up to 100 classes, logistic
        regression if that finds the labels of documents left out clearly likelier. "auto" is 0.7 in
        "residual", 0 in "stacked".
    batch_size : "auto" or int, default="auto"
        Documents in a batch. "auto" is 128 in "stacked"; in "residual" an eighth of the documents, but at
        least 16 and at most 128.
    epochs : "auto" or int, default="auto"
        Passes over the documents. "auto" is 2; in "residual" so many more that there are at least 150 steps,
        which matters below 10,000 documents.
    validation_fraction : float, default=0.0
        Share of the documents, stratified by label, that is held out from training the network; `history_`
        then has their loss and accuracy, by the network alone, after every epoch. The lexical model learns
        from all documents. Documents with the same ids and the same label are held out together.
    early_stopping : bool, default=False
        Whether to stop when the accuracy on the documents held out by `validation_fraction` has not grown for
        `n_iter_no_change` epochs, nor stayed while the loss fell. The weights of the best epoch are kept,
        also when `epochs` end training.
    n_iter_no_change : int, default=3
        Epochs to wait for a better one.
    dtype_policy : {"float32", "mixed_bfloat16"} or None, default=None
        In what numbers Keras computes: "mixed_bfloat16" is faster on processors that know bfloat16. None
        takes Keras's own setting, which is "float32" unless changed.
    jit_compile : bool, default=False
        Whether XLA compiles the network on TensorFlow. It then computes all padding too: on CPUs an epoch of
        "stacked" took three times as long. On JAX the network is always compiled, on PyTorch never (True
        raises ValueError).
    callbacks : list of keras.callbacks.Callback or None, default=None
        Called by Keras during training. `fit` uses copies of them, see `callbacks_`.
    verbose : int, default=0
        0: silent, 1: Keras's progress bar, 2: one line an epoch.
    random_state : int, RandomState instance or None, default=None
        Source of initial weights, dropout, the order of the documents and the documents held or left out.
        Two fits with the same int give the same model, to the last bit, if the versions, the backend, the
        kind of processor and the number of its threads are the same; see Notes.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels seen in `fit`, sorted.
    model_ : keras.Model
        The network, from ids of shape (n_documents, n_columns) to its own probabilities. **It is only half of
        the classifier**: unless `lexical_weight` is 0, `predict_proba` averages it with `lexical_model_`, so
        their labels differ. After loading a pickle it is built at its first use. See Notes.
    lexical_model_ : LexicalModel or None
        The linear model of words and pairs; its `is_regression_` tells which. None if `lexical_weight` is 0.
    settings_ : dict
        What was used of each parameter that may be "auto", but for `maxlen`.
    history_ : dict of str to list of float
        "loss" and "accuracy" of every epoch, and with a `validation_fraction` "val_loss" and "val_accuracy".
    n_iter_ : int
        Epochs run.
    callbacks_ : list of keras.callbacks.Callback
        The copies of `callbacks` that `fit` used, with what they noted. They are not pickled.
    maxlen_ : int
        Columns of the ids that the network sees.
    n_features_in_ : int
        Columns of X seen in `fit`. Only defined when X was a matrix.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns seen in `fit`. Only defined when X had column names that are all strings.

    See Also
    --------
    GloveTokenizer : Makes the ids of texts.
    SequencePadder : Pads the ids in other ways.

    Notes
    -----
    *Saving.* Pickle the classifier or its pipeline. ``model_.save("x.keras")`` saves the network alone,
    without vocabulary, labels and linear model, whose share is 0.7 in "residual". To load that file in
    another process, first ``import skglove.layers``, which registers the network's classes in Keras.

    *Same seed, same predictions.* This holds to the last bit for one number of TensorFlow threads, by default
    one for each processor core. Another number adds up in another order, which rounds differently, and
    training amplifies it: the default's probabilities differ in the seventh digit, and a "stacked" that has
    hardly learned may give most documents other labels. For the same bits on machines with different numbers
    of cores, call ``tensorflow.config.threading.set_intra_op_parallelism_threads(1)`` before the first fit,
    or set the environment variable ``TF_NUM_INTRAOP_THREADS=1``. Fits then use one core. The number of
    threads changes nothing in the linear model.

    *Forked processes.* Once a process has used a network, processes that are forked from it cannot, and
    `fit`, `predict` and `model_` raise a RuntimeError there. Start processes with "spawn", or with joblib's
    "loky". A parent that only loads a pickled classifier may fork: its children can all use it. If other code
    has used TensorFlow in the parent, skglove does not know, and the child hangs.

    References
    ----------
    .. [1] F. Chollet, "Using pre-trained word embeddings in a Keras model", The Keras Blog, 2016.
    .. [2] Y. Kim, "Convolutional Neural Networks for Sentence Classification", EMNLP 2014.
    .. [3] L. N. Smith, N. Topin, "Super-Convergence: Very Fast Training of Neural Networks Using Large
       Learning Rates", 2018.

    Examples
    --------
    >>> from sklearn.pipeline import make_pipeline
    >>> from skglove import GloveTokenizer, KerasConvTextClassifier
    >>> texts = ["good film", "great film", "bad film", "awful film"] * 8
    >>> labels = ["+", "+", "-", "-"] * 8
    >>> pipeline = make_pipeline(
    ...     GloveTokenizer(vectors=None), KerasConvTextClassifier(epochs=20, random_state=0)
    ... )
    >>> pipeline.fit(texts, labels).predict(["a great film", "an awful film"]).tolist()
    ['+', '-']
    """

    _parameter_constraints = {
        "architecture": [StrOptions({"residual", "stacked"})],
        "maxlen": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left"), None],
        "pretrained": [StrOptions({"auto"}), "boolean"],
        "trainable_embedding": [StrOptions({"auto"}), "boolean"],
        "embedding_dim": [Interval(Integral, 1, 2**14, closed="both")],
        "vocabulary_size": [Interval(Integral, 1, None, closed="left"), None],
        "n_conv_layers": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "filters": [Interval(Integral, 1, None, closed="left")],
        "kernel_size": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "pool_size": [Interval(Integral, 1, None, closed="left")],
        "dense_units": [Interval(Integral, 1, None, closed="left")],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "optimizer": [str, callable, HasMethods("apply_gradients")],  # the last to say what to give instead
        "learning_rate": [StrOptions({"auto"}), Interval(Real, 0, None, closed="neither")],
        "learning_rate_schedule": [StrOptions({"auto", "constant", "one_cycle"})],
        "loss": [str, callable],
        "lexical_weight": [StrOptions({"auto"}), Interval(Real, 0, 1, closed="left")],
        "batch_size": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "epochs": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "validation_fraction": [Interval(Real, 0, 1, closed="left")],
        "early_stopping": ["boolean"],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
        "dtype_policy": [StrOptions({"float32", "mixed_bfloat16"}), None],
        "jit_compile": ["boolean"],
        "callbacks": [list, None],
        "verbose": ["verbose"],
        "random_state": ["random_state"],
    }

    # Not a named parameter of `fit`, because scikit-learn's checks of one demand that a weight of two is the
    # same as two copies, to seven digits. That holds for no network that is trained in batches.
    __metadata_request__fit = {"sample_weight": None}

    def __init__(
        self,
        architecture="residual",
        *,
        maxlen="auto",
        pretrained="auto",
        trainable_embedding="auto",
        embedding_dim=100,
        vocabulary_size=None,
        n_conv_layers="auto",
        filters=128,
        kernel_size="auto",
        pool_size=5,
        dense_units=128,
        dropout=0.0,
        optimizer="auto",
        learning_rate="auto",
        learning_rate_schedule="auto",
        loss="categorical_crossentropy",
        lexical_weight="auto",
        batch_size="auto",
        epochs="auto",
        validation_fraction=0.0,
        early_stopping=False,
        n_iter_no_change=3,
        dtype_policy=None,
        jit_compile=False,
        callbacks=None,
        verbose=0,
        random_state=None,
    ):
        self.architecture = architecture
        self.maxlen = maxlen
        self.pretrained = pretrained
        self.trainable_embedding = trainable_embedding
        self.embedding_dim = embedding_dim
        self.vocabulary_size = vocabulary_size
        self.n_conv_layers = n_conv_layers
        self.filters = filters
        self.kernel_size = kernel_size
        self.pool_size = pool_size
        self.dense_units = dense_units
        self.dropout = dropout
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.learning_rate_schedule = learning_rate_schedule
        self.loss = loss
        self.lexical_weight = lexical_weight
        self.batch_size = batch_size
        self.epochs = epochs
        self.validation_fraction = validation_fraction
        self.early_stopping = early_stopping
        self.n_iter_no_change = n_iter_no_change
        self.dtype_policy = dtype_policy
        self.jit_compile = jit_compile
        self.callbacks = callbacks
        self.verbose = verbose
        self.random_state = random_state

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, **fit_params):
        """Build the network and train it.

        Parameters
        ----------
        X : array-like of shape (n_documents, n_columns) or ragged array-like of shape (n_documents,)
            Token ids: a matrix, padded with 0, or one sequence a document. Integers >= 0.
        y : array-like of shape (n_documents,)
            Labels of any type, of at least two classes.
        **fit_params : dict
            Only ``sample_weight``, array-like of shape (n_documents,): how much each document counts in
            training and in `history_`, in proportion to the mean of all. >= 0. To weigh classes, take
            `sklearn.utils.class_weight.compute_sample_weight`. Documents of weight 0 still count in the
            frequencies of words, in the choice of what is held out, and in the number of steps.

        Returns
        -------
        self : KerasConvTextClassifier
            The fitted classifier.

        Raises
        ------
        ValueError
            If an id is negative, fractional or missing, if there is only one class, if a label is missing or
            y has several columns, if ``pretrained=True`` and X carries no vectors, if only some columns of a
            DataFrame carry a vocabulary, if the embedding or a batch would be too large for any memory, if a
            weight is negative, if not two classes have one above zero, if `loss` fails or does not give one
            value a document, if a callback sets the learning rate that "one_cycle" sets, or if the loss is no
            longer a number.
        TypeError
            If X is sparse or holds texts, if y mixes strings and other types, if `optimizer` makes no
            optimizer, or if another keyword than ``sample_weight`` is given.
        RuntimeError
            If this process was forked from one that has used a network.
        """
        refuse_fork()
        with rollback(self):
            return self._learn(X, y, fit_params)

    def _learn(self, X, y, fit_params):
        from skglove import keras_parameters
        from skglove.network.batches import Batches

        _check_ids_given(X)
        check_labels(y)
        vocabulary, ragged = vocabulary_of(X), is_ragged(X)
        if ragged:
            self._forget_columns()
            documents = Documents.from_sequences(X)
            y = validate_data(self, "no_validation", y)
            check_consistent_length(X, y)
            maxlen = AUTO_MAXLEN[self.architecture] if self.maxlen == "auto" else self.maxlen
        else:
            X, y = validate_data(self, X, y)
            maxlen = X.shape[1]
            if self.maxlen not in ("auto", None, maxlen):
                warnings.warn(
                    f"maxlen={self.maxlen} has no effect: X is a matrix, of {maxlen} columns.", stacklevel=4
                )
        check_classification_targets(y)
        classes, codes = np.unique(y, return_inverse=True)
        if len(classes) < 2:
            raise ValueError(
                f"Training needs at least 2 classes, y has one class: {shortened(classes.tolist())}."
            )
        sample_weight = _check_weights(classes, codes, fit_params)
        if not ragged:
            documents = Documents.from_matrix(X)
        self.classes_ = classes
        self._vocabulary = vocabulary
        self.maxlen_ = max(1, int(documents.lengths.max())) if maxlen is None else maxlen
        for name, default in STACKED_ALONE.items():
            if self.architecture != "stacked" and getattr(self, name) != default:
                warnings.warn(
                    f"{name}={getattr(self, name)} has no effect: it is for architecture='stacked'.",
                    stacklevel=4,  # _learn, fit, scikit-learn's wrapper of it, the caller
                )
        if self.early_stopping and not self.validation_fraction:
            raise ValueError("early_stopping=True needs a validation_fraction, such as 0.1, to measure on.")
        n_ids = self._count_ids(documents)
        documents = documents.keep_last(self.maxlen_)
        random_state = check_random_state(self.random_state)
        seed = random_state.randint(2**30)
        training, validation = self._split(documents, codes, random_state)
        if training is not None:
            _check_weighted_classes(classes, codes[training], sample_weight[training])
        settings, n_steps = self._settle(len(codes) if training is None else len(training))
        one_cycle = settings["learning_rate_schedule"] == "one_cycle"
        keras_parameters.check_callbacks(
            self.callbacks or [], one_cycle=one_cycle, has_validation=validation is not None, stacklevel=5
        )
        keras_parameters.check_loss(self.loss, len(classes))
        settings["pretrained"] = self._takes_vectors()
        self._check_sizes(n_ids, documents, settings)
        frequencies = np.diff(documents.counts(n_ids).indptr)
        word_weights = _inverse_document_frequencies(frequencies, len(documents))
        model = self._build_model(n_ids, word_weights, settings, n_steps if one_cycle else None, seed)

        if not settings["pretrained"]:
            _silence(model.get_layer("embedding"), np.flatnonzero(frequencies[1:] == 0) + 1)

        def batches_of(rows, random_state=None):
            options = {"maxlen": self.maxlen_, "batch_size": settings["batch_size"]}
            options |= {"codes": codes, "sample_weight": sample_weight}
            return Batches(documents, rows=rows, random_state=random_state, **options)

        learned = batches_of(training, random_state)
        held_out = None if validation is None else batches_of(validation)

        callbacks = self._copy_callbacks()
        with _tracing_expected(), keras_parameters.naming_parameters(one_cycle=one_cycle):
            history = model.fit(
                learned.for_keras(),
                validation_data=None if held_out is None else held_out.for_keras(),
                epochs=settings["epochs"],
                shuffle=False,  # the batches shuffle themselves, from random_state
                callbacks=self._own_callbacks(settings["learning_rate"]) + callbacks,
                verbose=int(self.verbose),
            )
        # The lexical model tests itself, so it may learn from what is held out from the network, too.
        lexical_model = None
        if settings["lexical_weight"]:
            lexical_model = LexicalModel().fit(documents, codes, seed, sample_weight)
        self._network, self.lexical_model_ = StoredNetwork(model), lexical_model
        self.settings_, self.callbacks_ = settings, callbacks
        self.history_ = {name: [float(value) for value in values] for name, values in history.history.items()}
        self.n_iter_ = len(history.epoch)
        return self

    def predict_proba(self, X):
        """Predict the probability of every class.

        Parameters
        ----------
        X : array-like of shape (n_documents, n_columns) or ragged array-like of shape (n_documents,)
            Token ids, as in `fit`. Where that was ragged and this is not, or the other way round, documents
            are padded or cut at their beginning to `maxlen_` ids.

        Returns
        -------
        probabilities : ndarray of shape (n_documents, n_classes), float32
            Columns are in the order of `classes_`; rows sum to 1.

        Raises
        ------
        ValueError
            If the ids belong to another vocabulary than the one fitted on, or are larger than any seen in
            `fit`; or if only some columns of a DataFrame carry a vocabulary.
        RuntimeError
            If this process was forked from one that has used a network.
        """
        check_is_fitted(self)
        model = self.model_  # before Keras is imported, which a forked process may not do
        from skglove.network.batches import Batches

        _check_ids_given(X)
        vocabulary = vocabulary_of(X)
        self._check_vocabulary(vocabulary)  # first: steps of two fits may also differ in their columns
        # After a fit on ragged ids, documents of one length are still documents.
        if is_ragged(X) or (not hasattr(self, "n_features_in_") and holds_sequences(X)):
            documents = Documents.from_sequences(X)
        else:
            documents = Documents.from_matrix(validate_data(self, X, reset=False))
        self._warn_of_lost_vocabulary(vocabulary)
        self._check_largest(documents.values)
        documents = documents.keep_last(self.maxlen_)
        probabilities = np.empty((len(documents), len(self.classes_)), dtype=np.float32)
        # XLA computes the padding, too, and compiles for every size of a batch.
        batch_size = self.settings_["batch_size"] if model.jit_compile else None
        batches = Batches(documents, maxlen=self.maxlen_, batch_size=batch_size)
        with _tracing_expected():
            for i in range(len(batches)):
                rows = batches.rows_of(i)
                probabilities[rows] = model.predict_on_batch(batches.ids_of(rows))
        if self.lexical_model_ is not None:
            weight = float(self.settings_["lexical_weight"])
            logarithms = self.lexical_model_.predict_log_proba(documents)
            logarithms *= weight
            # In place, because there may be many classes times many documents.
            np.maximum(probabilities, np.finfo(np.float32).tiny, out=probabilities)
            np.log(probabilities, out=probabilities)
            probabilities *= 1 - weight
            probabilities += logarithms
            probabilities -= probabilities.max(axis=1, keepdims=True)
            np.exp(probabilities, out=probabilities)
            probabilities /= probabilities.sum(axis=1, keepdims=True)
        return probabilities

    def predict_log_proba(self, X):
        """Predict the logarithm of the probability of every class.

        Parameters
        ----------
        X : array-like of shape (n_documents, n_columns) or ragged array-like of shape (n_documents,)
            Token ids, as in `predict_proba`.

        Returns
        -------
        log_probabilities : ndarray of shape (n_documents, n_classes), float32
            Columns are in the order of `classes_`. Minus infinity where float32 has no probability so small.
        """
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    def score(self, X, y, sample_weight=None):
        """Work out the accuracy of `predict`.

        Parameters
        ----------
        X : array-like of shape (n_documents, n_columns) or ragged array-like of shape (n_documents,)
            Token ids, as in `predict_proba`.
        y : array-like of shape (n_documents,)
            The true labels.
        sample_weight : array-like of shape (n_documents,) or None, default=None
            How much each document counts.

        Returns
        -------
        accuracy : float
            Share of the documents whose label is predicted.
        """
        check_labels(y)
        return super().score(X, y, sample_weight)

    def predict(self, X):
        """Predict the label of every document.

        Parameters
        ----------
        X : array-like of shape (n_documents, n_columns) or ragged array-like of shape (n_documents,)
            Token ids, as in `fit`. Where that was ragged and this is not, or the other way round, documents
            are padded or cut at their beginning to `maxlen_` ids.

        Returns
        -------
        labels : ndarray of shape (n_documents,)
            Members of `classes_`.
        """
        probabilities = self.predict_proba(X)
        return self.classes_[probabilities.argmax(axis=1)]

    def _check_vocabulary(self, vocabulary):
        fitted = self._vocabulary
        if vocabulary is None or fitted is None or vocabulary is fitted or vocabulary.words == fitted.words:
            return
        raise ValueError(
            f"X has ids of another vocabulary ({len(vocabulary)} words) than the one fitted on "
            f"({len(fitted)} words). Make X with the tokenizer that made the ids given to fit. In a Pipeline "
            "this is what an interrupted or failed fit leaves: fit the whole Pipeline again."
        )

    def _warn_of_lost_vocabulary(self, vocabulary):
        if (vocabulary is None) != (self._vocabulary is None):
            with_it, without = (
                ("fitted with", "X has none") if vocabulary is None else ("fitted without", "X has one")
            )
            warnings.warn(
                f"{type(self).__name__} was {with_it} a vocabulary, but {without}: the ids may stand for "
                "other words.",
                stacklevel=3,
            )

    def _check_largest(self, values):
        n_ids = self.model_.get_layer("embedding").input_dim
        if values.max(initial=0) < n_ids:
            return
        found = f"X has the id {values.max()}, but the embedding ends at {n_ids - 1}"
        if self._vocabulary is not None:
            raise ValueError(
                f"{found}, the last word of the vocabulary fitted on. X has ids of another tokenizer, or "
                "numbers beside or computed from ids."
            )
        raise ValueError(
            f"{found}, the largest id known in fit, whose X carried no vocabulary. {LOST_VOCABULARY} "
            "Set vocabulary_size only for ids that never had one."
        )

    def _forget_columns(self):
        for name in ("n_features_in_", "feature_names_in_"):
            if hasattr(self, name):
                delattr(self, name)

    def _settle(self, n_documents):
        """Decide what is "auto", for training on so many documents, and count the steps."""
        settings = {name: getattr(self, name) for name in AUTO["stacked"]}
        settings |= {name: auto for name, auto in AUTO[self.architecture].items() if settings[name] == "auto"}
        if settings["batch_size"] == "auto":
            settings["batch_size"] = min(max(n_documents // 8, 16), 128)
        steps = -(-n_documents // settings["batch_size"])
        if settings["epochs"] == "auto":
            settings["epochs"] = max(2, -(-150 // steps))
        return settings, steps * settings["epochs"]

    def _takes_vectors(self):
        """Decide whether the embedding starts from vectors."""
        vocabulary = self._vocabulary
        has_vectors = vocabulary is not None and vocabulary.vectors is not None
        if self.pretrained is True and not has_vectors:
            raise ValueError(
                "pretrained=True needs word vectors, but X carries "
                + ("no vocabulary" if vocabulary is None else "a vocabulary without vectors")
                + ". Use GloveTokenizer(vectors=...), and no step but a SequencePadder after it."
            )
        if self.pretrained == "auto" and vocabulary is None:
            warnings.warn(
                "X carries no vocabulary, so the embedding is learned from random vectors. "
                f"{LOST_VOCABULARY} If they never had one, pretrained=False silences this.",
                stacklevel=5,  # _takes_vectors, _learn, fit, scikit-learn's wrapper of it, the caller
            )
        return has_vectors and bool(self.pretrained)

    def _count_ids(self, documents):
        """Decide how many rows the embedding has."""
        vocabulary, largest = self._vocabulary, int(documents.values.max(initial=0))
        if vocabulary is not None:
            if largest > len(vocabulary):
                raise ValueError(f"X has the id {largest}, but its vocabulary ends at {len(vocabulary)}.")
            return len(vocabulary) + 1
        if self.vocabulary_size is not None:
            if largest >= self.vocabulary_size:
                raise ValueError(f"vocabulary_size={self.vocabulary_size}, but X has the id {largest}.")
            return self.vocabulary_size
        if largest >= MAX_IDS:
            document = documents.rows[documents.values.argmax()]
            raise ValueError(
                f"X has the id {largest} in document {document}, so the embedding would have {largest + 1:,} "
                f"rows. Number the words from 1, or set vocabulary_size to allow for more than {MAX_IDS:,}."
            )
        return largest + 1

    def _check_sizes(self, n_ids, documents, settings):
        """Refuse what would need more memory than any computer has, before it is asked for."""
        numbers = n_ids * (self.embedding_dim + 8)  # the frequencies of words need up to 8 of 4 bytes
        if not settings["pretrained"] and numbers > MAX_CELLS:
            raise ValueError(
                f"An embedding of {n_ids:,} rows of {self.embedding_dim:,} numbers needs "
                f"{numbers / 2**28:,.0f} GiB, more than the {MAX_CELLS / 2**28:.0f} GiB that are allowed. "
                f"Lower embedding_dim={self.embedding_dim} or vocabulary_size={self.vocabulary_size}."
            )
        if settings["batch_size"] * self.maxlen_ > MAX_BATCH_CELLS:
            raise ValueError(
                f"A batch of batch_size={settings['batch_size']} documents of maxlen_={self.maxlen_} ids has "
                f"more than the {MAX_BATCH_CELLS:,} ids that are allowed; the longest document in X has "
                f"{documents.lengths.max()}. Lower maxlen or batch_size."
            )

    def _build_model(self, n_ids, word_weights, settings, n_steps, seed):
        from skglove.keras_parameters import checked_optimizer
        from skglove.network.build import build_network

        return build_network(
            n_ids,
            len(self.classes_),
            architecture=self.architecture,
            word_weights=word_weights,
            n_steps=n_steps,
            embedding_matrix=self._vocabulary.embedding_matrix() if settings["pretrained"] else None,
            embedding_dim=self.embedding_dim,
            trainable_embedding=settings["trainable_embedding"],
            n_conv_layers=settings["n_conv_layers"],
            filters=self.filters,
            kernel_size=settings["kernel_size"],
            pool_size=self.pool_size,
            dense_units=self.dense_units,
            dropout=self.dropout,
            optimizer=checked_optimizer(settings["optimizer"]),
            learning_rate=settings["learning_rate"],
            loss=self.loss,
            dtype_policy=self.dtype_policy,
            jit_compile=self.jit_compile,
            seed=seed,
        )

    def _split(self, documents, codes, random_state):
        """Draw the rows to train on and, if asked for, those to validate on. Copies are on one side."""
        if not self.validation_fraction:
            return None, None
        copy_of = documents.first_copies(codes)
        different = np.unique(copy_of)
        splitter = StratifiedShuffleSplit(1, test_size=self.validation_fraction, random_state=random_state)
        try:
            parts = next(splitter.split(different, codes[different]))
        except ValueError as error:
            counts = np.bincount(codes[different])
            rarest = np.argsort(counts, kind="stable")[:6]
            counts = dict(zip(self.classes_[rarest].tolist(), counts[rarest].tolist(), strict=True))
            raise ValueError(
                f"validation_fraction={self.validation_fraction} cannot hold out documents of every class: "
                f"of different documents, there are {shortened(counts)} in the smallest of "
                f"{len(self.classes_)} classes. Each class needs at least one on either side."
            ) from error
        if len(different) == len(codes):
            return parts
        training, validation = different[parts[0]], different[parts[1]]
        copies = np.flatnonzero(copy_of != np.arange(len(codes)))
        held_out = np.isin(copy_of[copies], validation)
        return np.append(training, copies[~held_out]), np.append(validation, copies[held_out])

    def _own_callbacks(self, learning_rate):
        from keras.callbacks import EarlyStopping, LambdaCallback

        def check_loss(epoch, logs):
            if not np.isfinite(logs["loss"]):
                raise ValueError(
                    f"The loss is {logs['loss']} in epoch {epoch + 1}. Try a learning_rate lower than "
                    f"{learning_rate}."
                )

        class BestEpoch(EarlyStopping):
            def get_monitor_value(self, logs):
                # The loss decides between equal accuracies, which few documents often have.
                return logs["val_accuracy"] - 1e-9 * logs["val_loss"]

        callbacks = [LambdaCallback(on_epoch_end=check_loss)]
        if self.early_stopping:
            stop = BestEpoch(patience=self.n_iter_no_change, mode="max", restore_best_weights=True)
            stop.monitor_op = operator.gt  # in double precision, unlike Keras's own
            callbacks.append(stop)
        return callbacks

    def _copy_callbacks(self):
        copies = []
        for callback in self.callbacks or []:
            try:
                copies.append(copy.deepcopy(callback))
            except TypeError as error:
                raise TypeError(
                    f"callbacks has {shortened(callback)}, which cannot be copied: {str(error)[:200]}. "
                    "What it opens it may open in on_train_begin."
                ) from error
        return copies

    @property
    def model_(self):
        """The network, built at its first use after loading."""
        if "_network" not in vars(self):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute 'model_' before fit.")
        return self._network.model

    def __getstate__(self):
        state = super().__getstate__()
        state.pop("callbacks_", None)  # which may hold the network, or more copies of its weights
        return state

    def _read_state(self, state):
        if "model_" in state:  # as skglove 0.1.0 wrote it
            state["_network"] = StoredNetwork.of_parts(state.pop("model_"))
        super()._read_state(state)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.categorical = True
        tags.input_tags.positive_only = True
        return tags


def _check_ids_given(X):
    """Refuse what other vectorizers make, and tokens that are not numbered."""
    if issparse(X):
        raise TypeError(
            f"X is a sparse matrix of shape {X.shape}, but token ids in their order are needed. Put a "
            "GloveTokenizer in place of the vectorizer."
        )
    rows = getattr(X, "iloc", X)
    try:
        token = rows[0, 0] if hasattr(X, "columns") else rows[0][0]
    except (IndexError, KeyError, TypeError):
        return
    if isinstance(token, (str, bytes)) and not isinstance(rows[0], (str, bytes)):
        raise TypeError(
            f"X holds the text {shortened(token)}, but token ids are needed. Put a GloveTokenizer before "
            "this step, and give it a list of texts, or of a DataFrame the one column with the texts."
        )


def _check_weights(classes, codes, fit_params):
    """Bring the weights of documents to a mean of 1, float32."""
    for name in fit_params.keys() - {"sample_weight"}:
        raise TypeError(
            f"fit() got an unexpected keyword argument {name!r}; it takes X, y and sample_weight."
        )
    weights = _check_sample_weight(
        fit_params.get("sample_weight"), codes, dtype=np.float64, ensure_non_negative=True
    )
    assert_all_finite(weights, input_name="sample_weight")  # which was not looked at if it is one number
    weights = weights / weights.max()
    weights = (weights / weights.mean()).astype(np.float32)
    _check_weighted_classes(classes, codes, weights)
    return weights


def _check_weighted_classes(classes, codes, weights):
    weighted = classes[np.unique(codes[weights > 0])]
    if len(weighted) < 2:
        raise ValueError(
            "Training needs at least 2 classes; of the documents to train on, those with a sample_weight "
            f"above zero are of {len(weighted)}: {shortened(weighted.tolist())}."
        )


def _inverse_document_frequencies(frequencies, n_documents):
    """Work out log((1 + n_documents) / (1 + documents with the word)) + 1, by id, float32."""
    return (np.log((1 + n_documents) / (1 + frequencies)) + 1).astype(np.float32)


def _silence(embedding, ids):
    """Make random vectors zero that nothing will teach: those of words in no document."""
    matrix = embedding.get_weights()[0]
    matrix[ids] = 0
    embedding.set_weights([matrix])


@contextmanager
def _tracing_expected():
    """Hush TensorFlow's advice against tracing one function often: every fit has a network of its own."""

    def is_other(record):
        return "tf.function retracing" not in record.getMessage()

    logger = logging.getLogger("tensorflow")
    logger.addFilter(is_other)
    try:
        yield
    finally:
        logger.removeFilter(is_other)
