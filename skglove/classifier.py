"""KerasConvTextClassifier: token ids to labels."""

from functools import partial
from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, _fit_context
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import HasMethods, Hidden, Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from skglove import vocabulary_checks
from skglove.dask_arrays import keep_vocabularies_in_dask
from skglove.data import Data
from skglove.fit_checks import FitChecksMixin
from skglove.inputs import as_indicator, check_labels
from skglove.label_model import LabelModel
from skglove.lexical import LexicalModel
from skglove.messages import ShortErrors
from skglove.network.forks import refuse_fork
from skglove.network.pickling import StoredNetwork
from skglove.notebook import Summarised, describe_classifier
from skglove.pooling import pool_models, pooled_probabilities
from skglove.progress import say, shown
from skglove.rollback import rollback
from skglove.scoring import HeldOutScore
from skglove.streams.partial_fitting import PartialFitMixin
from skglove.streams.warm_start import LastFit
from skglove.token_ids import METADATA_KEY
from skglove.validation_set import check_validation_set, is_given
from skglove.versions import Versioned
from skglove.weights import repeat


class KerasConvTextClassifier(
    ShortErrors, Versioned, Summarised, FitChecksMixin, PartialFitMixin, ClassifierMixin, BaseEstimator
):
    """Classify documents of token ids with a 1D convolutional network in Keras.

    The embedding starts from pre-trained word vectors if X carries a vocabulary with vectors, as the ids of
    `GloveTokenizer` do. Training and prediction skip the padding without changing the results, on JAX most of
    it, so a large `maxlen` costs little.

    y may be an indicator matrix: then a document may have several labels, or none (multilabel). A sigmoid for
    each label replaces the softmax, and one regression a label the linear model. An indicator matrix with
    exactly one 1 in each row is multilabel, too, as in all of scikit-learn; ``y.argmax(axis=1)`` is not.

    Most parameters default to "auto": the value that suits the architecture. After `fit`, `settings_` and
    `maxlen_` hold the values used.

    Parameters
    ----------
    architecture : {"hybrid", "stacked", "parallel"}, default="hybrid"
        The network.

        * "hybrid": word vectors, fine-tuned; two softmax classifiers over them. The first is that of
          "parallel": convolutions of several widths with ReLU, each with its maximum over the document, and
          dropout. The second has a weighted sum over the document, with one learned weight per word, which
          starts at its inverse document frequency, and L2 normalisation. Each is trained with a loss of its
          own. Their probabilities are then combined with each other and with those of a linear model of words
          and pairs of words, by weights learned on held-out documents: see `lexical_weight` and
          `validation_fraction`.
        * "stacked": the network of [1]_, trained as there. `n_conv_layers` convolutions with ReLU, each
          followed by max pooling, the last by global max pooling; a dense layer with ReLU; softmax.
        * "parallel": the network of [3]_, one layer of convolutions of several widths, for sentences. Word
          vectors, fine-tuned; words without a vector start uniform in +-0.25, padding is zero. For each width
          of `kernel_size` a convolution with ReLU and its maximum over the document; dropout; softmax. The
          L2 norm of each class's weights is at most 3. The paper trains with Adadelta and stops early: see
          `optimizer` and `epochs`.
    maxlen : "auto", int or None, default="auto"
        Ignored if X is a matrix, or a list of documents of equal length. Of other documents the last
        `maxlen` ids are used, as `SequencePadder` does. None is the length of the longest document seen in
        `fit`. "auto" is 1000 for "stacked", otherwise 2000.
    pretrained : "auto" or bool, default="auto"
        Whether the embedding starts from the vectors of X's vocabulary. "auto": yes if there are vectors; it
        warns if X carries no vocabulary, because a step may have lost it. True raises an error without
        vectors. False learns the embedding from random vectors.
    trainable_embedding : "auto" or bool, default="auto"
        Whether to fine-tune pre-trained vectors. "auto" is False for "stacked", otherwise True. An embedding
        that is not pre-trained is always trained.
    embedding_dim : int, default=100
        Size of word vectors that are not pre-trained, at most 16,384.
    vocabulary_size : int or None, default=None
        Rows of the embedding, for ids without a vocabulary: ids are at most ``vocabulary_size - 1``. None is
        the largest id seen in `fit`, which must be below 2**24, plus one.
    n_conv_layers : "auto" or int, default="auto"
        Number of convolutions of "stacked", one after the other. "auto" is 3. The others have one layer of
        convolutions.
    filters : "auto" or int, default="auto"
        Filters of each convolution. "auto" is 128 for "stacked" and 100 for "parallel". For "hybrid" it is 32
        with more than half a million tokens; otherwise 100 for at least 1,000 documents of at most 50 tokens
        on average, and 50 for others. Documents held out do not count.
    kernel_size : "auto", int or tuple of int, default="auto"
        Width of the filters, in words. For "hybrid" and "parallel" a tuple has the width of each convolution.
        "auto" is 5 for "stacked", otherwise (3, 4, 5).
    pool_size : int, default=5
        Width and stride of max pooling in "stacked".
    dense_units : int, default=128
        Units of the dense layer of "stacked".
    dropout : "auto" or float, default="auto"
        Dropout rate before the softmax; in "hybrid" before that of the convolutions, in "stacked" before and
        after the dense layer. "auto" is 0 for "stacked", otherwise 0.5.
    optimizer : "auto", str, keras.optimizers.Optimizer or callable, default="auto"
        Name of a Keras optimizer; or a configured one, such as ``keras.optimizers.AdamW(1e-3,
        weight_decay=1e-4)``, perhaps with a schedule inside; or a callable that returns one:
        ``optimizer(learning_rate=...)``, which gets a number, or with "one_cycle" a Keras schedule. Each fit
        copies a configured optimizer by its ``get_config``, without its state; what was set after its
        construction, such as ``exclude_from_weight_decay``, needs a callable. Its own learning rate holds, so
        leave `learning_rate` and `learning_rate_schedule` at "auto". Only the vectors of words that the
        documents have are trained, so weight decay does not change the others. "auto" is "rmsprop" for
        "stacked", otherwise "adam". For "parallel" the paper has ``functools.partial(
        keras.optimizers.Adadelta, rho=0.95)`` with ``learning_rate=1.0``, which needs more epochs for the
        same accuracy.
    learning_rate : "auto" or float, default="auto"
        Learning rate of the optimizer; with "one_cycle" its peak. "auto" is that of a configured `optimizer`,
        in the first step if it has a schedule; otherwise 0.002 for "hybrid", and 0.001 for the others.
    learning_rate_schedule : {"auto", "constant", "one_cycle"}, default="auto"
        "one_cycle" [2]_: the learning rate grows during the first 30 % of all steps and then falls to zero
        along a cosine. For "hybrid" it needs a number of `epochs`. Callbacks that set the learning rate, such
        as `LearningRateScheduler` and `ReduceLROnPlateau`, need "constant", and no schedule inside
        `optimizer`. "auto" is "constant".
    adversarial_epsilon : "auto" or float, default="auto"
        Adversarial training [4]_ of "hybrid": how far each word vector of a batch is moved in the direction
        in which the loss rises most, as a share, from 0 to 1, of the root mean square of the vectors' L2
        norms before training. The network learns from the batch and from the moved batch, which takes two to
        three times as long. 0 is usual training. "auto" is 0.04 for "hybrid" if the network is trained on at
        least 1,000 documents, not counting those held out, with at most 50 tokens on average and at most half
        a million in all; otherwise 0.
    loss : str or callable, default="categorical_crossentropy"
        Keras loss on one-hot targets of shape (n_documents, n_classes) that returns one value per document.
        In multilabel the targets are those of y, of shape (n_documents, n_labels), and the default stands
        for binary cross-entropy, summed over the labels.
    class_weight : dict, "balanced" or None, default=None
        Weights of classes, by which the weights of their documents are multiplied. A dict has a label as each
        key; labels that it does not have get 1. "balanced" gives all classes the same weight in all:
        ``n_documents / (n_classes * n_documents_of_class)``, where ``sample_weight`` counts, too. In a grid
        search it is computed anew for each fold. In multilabel only "balanced": the product over the labels,
        as in `sklearn.utils.class_weight.compute_sample_weight`.
    lexical_weight : "auto" or float, default="auto"
        Share, from 0 to below 1, of a linear model of words and pairs of adjacent words. Its probabilities
        are combined with the network's by a weighted geometric mean (a logarithmic opinion pool). "auto" is 0
        for "stacked" and "parallel". For "hybrid" it learns the weights of both on the held-out documents, by
        maximum a posteriori; ``settings_["lexical_weight"]`` is then the share learned. Where none is held
        out, it is 0.5. (A model whose probabilities are nearly equal keeps about this share: it changes
        nothing.) A number fixes the share; 0 is the network alone. The linear model is itself a pool of
        complement naive Bayes and, up to 100 classes, logistic regression. In multilabel it is one logistic
        regression for each label.
    batch_size : "auto" or int, default="auto"
        Documents per batch. "auto" is 128 for "stacked", and 50 for "parallel"; for "hybrid" an eighth of the
        documents, at least 16 and at most 64.
    epochs : "auto" or int, default="auto"
        Passes over the documents, with `early_stopping` at most. "auto" is 2 for "stacked". For "parallel" it
        is enough for 150 steps, but at least 6. For "hybrid", which then stops early, it is at most enough
        for 500 steps, but at least 30; on much text the pass that reaches ten million tokens is the last.
        If a third of few documents was held out, see `validation_fraction`, or some of at most 2,000
        documents of at most 50 tokens on average, the network is then trained again, on all of them, for the
        best number of passes at most. Not with `callbacks` or "one_cycle".
    validation_fraction : "auto" or float, default="auto"
        Share of the documents, stratified by label, to hold out from the training of the network. `history_`
        then has loss and accuracy of the whole classifier on them after each epoch. The linear model learns
        from all documents; for those held out, it is measured as if each had been left out. Documents with
        the same ids and the same label are held out together. In multilabel they are drawn at random, not
        stratified, but each label keeps at least half of its documents if possible. "auto" is 0 for "stacked"
        and "parallel". For "hybrid" it is a tenth, at most 1,000 documents, but 0 where that gives fewer than
        40. Of fewer than 1,000 different documents, it is a third if the network is then trained again, see
        `epochs`, but 0 where that gives fewer than 5. Of fewer than 200, not in multilabel, three
        thirds are held out one after the other: the weights of the pool are learned from all three, and
        `history_` is that of the first. Documents of weight 0 are not held out then. Ignored if
        `fit` gets `X_val`.
    early_stopping : "auto" or bool, default="auto"
        Whether to stop when the log-loss of the whole classifier on the held-out documents has not fallen, by
        at least 0.002, for `n_iter_no_change` epochs. The weights of the best epoch are restored, even if
        training did not stop early. "stacked" and "parallel" need a `validation_fraction` or `X_val`.
        "hybrid" stops at a low training loss instead if no documents are held out; also, with the defaults of
        `validation_fraction`, `scoring` and `n_iter_no_change`, if X has fewer than 1,000 different
        documents, because a few held-out ones say less. Low is below a tenth of the loss of guessing, that of
        probabilities that are the frequencies of the classes. If the training loss never is, all `epochs` are
        run, and the best on held-out documents, if there are any, is kept. "auto" is True for "hybrid" with
        ``epochs="auto"``, and for all if `fit` gets `X_val`, otherwise False.
    scoring : "loss", str or callable, default="loss"
        What `early_stopping` looks at. "loss" is the log-loss. Otherwise it is the name of a scorer of
        scikit-learn, such as "accuracy" or "f1_macro" (`sklearn.metrics.get_scorer_names` lists them), or a
        callable ``scorer(estimator, X, y)``, such as `sklearn.metrics.make_scorer` returns. Higher is better,
        and any higher score is an improvement. Of epochs with equal scores, the first counts as the best. The
        scorer gets an estimator with ``classes_``, ``predict`` and ``predict_proba``, the number of each
        held-out document as X, of shape (n_documents, 1), their labels, and, if they differ and the scorer
        takes them, their weights.
    n_iter_no_change : "auto" or int, default="auto"
        Epochs without improvement after which `early_stopping` stops. "auto" is 3 for "stacked" and
        "parallel"; for "hybrid" it is 2, or more if these are fewer than 25 steps. Then epochs do not
        count until the training loss has fallen below 0.8 of the loss of guessing; if it never does, all
        `epochs` are run, and the best is kept.
    dtype_policy : {"float32", "mixed_bfloat16"} or None, default=None
        Keras's dtype policy. "mixed_bfloat16" is faster on processors with bfloat16 instructions. None is
        Keras's global setting, "float32" by default.
    jit_compile : bool, default=False
        Whether TensorFlow compiles the network with XLA.

        .. deprecated:: 0.2
            It is slower: a compiled network cannot skip the padding, and an epoch of "stacked" took three
            times as long on CPUs. On JAX the network is always compiled, on PyTorch never (True raises
            ValueError).
    warm_start : bool, default=False
        Whether `fit` goes on from the weights of the network of the last fit: vectors, filters, classifiers,
        weights of words. X must have ids of the same vocabulary, and y the same classes. `architecture` and
        the sizes of the network must be as they were; "auto" `filters` stay so. The optimizer starts afresh,
        as in `sklearn.neural_network.MLPClassifier`; the linear model and the weights of the pool are fitted
        anew to the new documents; `history_` and `n_iter_` are of the last fit alone. Give new documents: on
        those that the network has already learned, held-out figures are too good.
    callbacks : list of keras.callbacks.Callback or None, default=None
        Callbacks for training. `fit` uses copies of them, see `callbacks_`. The logs of an epoch are those of
        `history_`, so that they may monitor "val_loss", "val_accuracy" and "val_score". Their ``self.model``
        is the network in training, which numbers the ids that the documents have anew: what `ModelCheckpoint`
        saves is of no use for predictions.
    verbose : int, default=0
        0: silent, 1: Keras's progress bar, 2: one line per epoch. Above 0 there is also a line for each other
        step: the linear model, the shares of the two models, further trainings; and a progress bar if the
        vectors take more than two seconds to read.
    random_state : int, RandomState instance or None, default=None
        Seed of the initial weights, dropout, the order of documents, and the choice of documents to hold out.
        Two fits with the same int give exactly the same model on the same versions, backend, kind of
        processor and number of threads, see Notes.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels seen in `fit`, sorted. In multilabel ``np.arange(n_labels)``, the columns of y.
    model_ : keras.Model
        The network: from ids of shape (n_documents, n_columns) to probabilities; those of the two softmax
        classifiers of "hybrid" are pooled. **It is only a part of the classifier**: unless `lexical_weight`
        is 0, `predict_proba` combines its probabilities with those of `lexical_model_`, so the predicted
        labels differ. It is not compiled for further training. After loading a pickle, the first use builds
        it.
    lexical_model_ : LexicalModel or None
        The linear model of words and pairs. None if `lexical_weight` is 0.
    settings_ : dict
        Values used for the parameters that may be "auto", except `maxlen` and `validation_fraction`. Its
        "lexical_weight" is the share of the linear model in the pool, given or learned.
    history_ : dict of str to list of float
        "loss" and "accuracy" of the network in training, in each epoch; the loss of "hybrid" is the mean over
        its two softmax classifiers, in adversarial training also over the batch and the moved batch. If
        documents are held out, also "val_loss" and "val_accuracy": log-loss and accuracy of the whole
        classifier on them, weighted by ``sample_weight``. With a `scoring` other than "loss", also
        "val_score". In multilabel, log-losses are summed over the labels, and accuracy is subset accuracy, as
        in `score`.
    n_iter_ : int
        Number of epochs run, also those after the best.
    best_epoch_ : int
        The epoch, counted from 1, whose weights were kept: by early stopping on held-out documents, the best,
        otherwise the last. Not defined after `partial_fit`.
    callbacks_ : list of keras.callbacks.Callback
        The copies of `callbacks` used in `fit`, with what they recorded. They are not pickled.
    maxlen_ : int
        Number of ids per document that the network uses.
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
    *Saving.* Pickle the classifier or its pipeline. `skops.io` writes files that run no code when they are
    loaded: ``examples/files.md`` lists the types to trust. For predictions alone, `skglove.export` writes a
    file that starts sooner. ``model_.save("x.keras")`` saves only the network, without vocabulary, labels and
    linear model. Before loading such a file in another process, run
    ``import skglove.network.models``, which registers the network's classes in Keras.

    *Reproducibility.* The same seed gives exactly the same predictions only with the same number of
    TensorFlow threads, by default one per processor core. Another number adds in another order, which rounds
    differently, and training amplifies the difference: a "stacked" network after little training may predict
    other labels for most documents. For the same predictions on any number of cores, use one thread: call
    ``tensorflow.config.threading.set_intra_op_parallelism_threads(1)`` before the first fit, or set the
    environment variable ``TF_NUM_INTRAOP_THREADS=1``. The linear model does not depend on threads. A GPU adds
    in any order: there, the same seed gives about the same predictions, not exactly.

    *Many fits.* The first fit on TensorFlow takes a second or more to compile a training step. Up to three
    small networks stay in memory after a fit, so that later fits in the same process, such as the folds of a
    cross-validation, use their steps again. The results are the same. Fits with callbacks, or with an
    optimizer or a loss that is not a name, compile their own.

    *Streams.* `partial_fit` learns from one batch of documents after the other. What it sets in
    `settings_`, `history_`, `n_iter_`, `lexical_model_` and `model_` is said there.

    *Weights of documents.* Weights that are whole numbers give the same model as copies of the documents that
    follow one another, up to rounding, if the network sees all documents in one batch (`batch_size` is at
    least the number of copies), without dropout. Long training amplifies the rounding. What is not the same:
    in smaller batches and with dropout, a copy meets other documents and another dropout than the document;
    `batch_size`, `epochs`, `filters`, `n_iter_no_change` and `adversarial_epsilon`, where they are "auto",
    and whether there are further trainings, depend on the number of documents or of their tokens, in which a
    document counts once; and the linear model depends on the order of the documents, as it does without
    weights. With copies, the linear model takes as long as for as many documents. With more than 20,000
    copies, and more than two for each document on average, weights are relative instead, as fractions are.

    *Prediction without Keras.* NumPy computes the predictions of networks in float32. A loaded pickle does
    not import Keras for them, unless it holds an optimizer or callbacks of Keras. They are equal to those of
    `model_` up to rounding. `model_` is a copy: changes of its weights count nowhere else.

    *Forked processes.* After a process has used Keras, processes forked from it cannot use it: `fit` and
    `model_`, and predictions in bfloat16, raise a RuntimeError there. Start processes with "spawn", or with
    joblib's "loky". A parent that has only loaded a pickled classifier may fork, and its children can use the
    classifier. If other code has used TensorFlow in the parent, skglove cannot know, and the child hangs.

    References
    ----------
    .. [1] F. Chollet, "Using pre-trained word embeddings in a Keras model", The Keras Blog, 2016.
    .. [2] L. N. Smith, N. Topin, "Super-Convergence: Very Fast Training of Neural Networks Using Large
       Learning Rates", 2018.
    .. [3] Y. Kim, "Convolutional Neural Networks for Sentence Classification", EMNLP 2014.
    .. [4] T. Miyato, A. M. Dai, I. Goodfellow, "Adversarial Training Methods for Semi-Supervised Text
       Classification", ICLR 2017.

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
        "architecture": [StrOptions({"hybrid", "stacked", "parallel"}), Hidden(StrOptions({"residual"}))],
        "maxlen": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left"), None],
        "pretrained": [StrOptions({"auto"}), "boolean"],
        "trainable_embedding": [StrOptions({"auto"}), "boolean"],
        "embedding_dim": [Interval(Integral, 1, 2**14, closed="both")],
        "vocabulary_size": [Interval(Integral, 1, None, closed="left"), None],
        "n_conv_layers": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "filters": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "kernel_size": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left"), tuple],
        "pool_size": [Interval(Integral, 1, None, closed="left")],
        "dense_units": [Interval(Integral, 1, None, closed="left")],
        "dropout": [StrOptions({"auto"}), Interval(Real, 0, 1, closed="left")],
        "optimizer": [str, callable, HasMethods("apply_gradients")],  # the last is an instance
        "learning_rate": [StrOptions({"auto"}), Interval(Real, 0, None, closed="neither")],
        "learning_rate_schedule": [StrOptions({"auto", "constant", "one_cycle"})],
        "adversarial_epsilon": [StrOptions({"auto"}), Interval(Real, 0, 1, closed="both")],
        "loss": [str, callable],
        "class_weight": [StrOptions({"balanced"}), dict, None],
        "lexical_weight": [StrOptions({"auto"}), Interval(Real, 0, 1, closed="left")],
        "batch_size": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "epochs": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "validation_fraction": [StrOptions({"auto"}), Interval(Real, 0, 1, closed="left")],
        "early_stopping": [StrOptions({"auto"}), "boolean"],
        "scoring": [str, callable],
        "n_iter_no_change": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "dtype_policy": [StrOptions({"float32", "mixed_bfloat16"}), None],
        "jit_compile": ["boolean", Hidden(StrOptions({"deprecated"}))],
        "warm_start": ["boolean"],
        "callbacks": [list, None],
        "verbose": ["verbose"],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        architecture="hybrid",
        *,
        maxlen="auto",
        pretrained="auto",
        trainable_embedding="auto",
        embedding_dim=100,
        vocabulary_size=None,
        n_conv_layers="auto",
        filters="auto",
        kernel_size="auto",
        pool_size=5,
        dense_units=128,
        dropout="auto",
        optimizer="auto",
        learning_rate="auto",
        learning_rate_schedule="auto",
        adversarial_epsilon="auto",
        loss="categorical_crossentropy",
        class_weight=None,
        lexical_weight="auto",
        batch_size="auto",
        epochs="auto",
        validation_fraction="auto",
        early_stopping="auto",
        scoring="loss",
        n_iter_no_change="auto",
        dtype_policy=None,
        jit_compile="deprecated",
        warm_start=False,
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
        self.adversarial_epsilon = adversarial_epsilon
        self.loss = loss
        self.class_weight = class_weight
        self.lexical_weight = lexical_weight
        self.batch_size = batch_size
        self.epochs = epochs
        self.validation_fraction = validation_fraction
        self.early_stopping = early_stopping
        self.scoring = scoring
        self.n_iter_no_change = n_iter_no_change
        self.dtype_policy = dtype_policy
        self.jit_compile = jit_compile
        self.warm_start = warm_start
        self.callbacks = callbacks
        self.verbose = verbose
        self.random_state = random_state

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None, *, X_val=None, y_val=None, sample_weight_val=None):
        """Build the network and train it.

        Parameters
        ----------
        X : array-like of shape (n_documents, n_columns) or ragged array-like of shape (n_documents,)
            Token ids: a matrix padded with 0, or one sequence per document. Integers >= 0.
        y : array-like of shape (n_documents,), or of shape (n_documents, n_labels), dense or sparse
            Labels of any type, with at least two classes. For multilabel an indicator matrix of 0 and 1, with
            two columns or more; `sklearn.preprocessing.MultiLabelBinarizer` makes it from lists of labels. A
            column may be all 0 or all 1.
        sample_weight : array-like of shape (n_documents,), or None, default=None
            Weights of documents, >= 0. Whole numbers are numbers of copies: a document of weight 2 counts as
            two documents, see Notes. If some are fractions, all are relative to their mean: they weigh the
            documents in training and in `history_`, but do not change document frequencies. Documents of
            weight 0 are dropped. A class which has only such documents stays in `classes_`, as in
            scikit-learn's classifiers, so its documents are kept, but teach nothing.
        X_val : array-like of shape (n_val, n_columns) or ragged array-like of shape (n_val,), or None
            Token ids to measure the classifier on after each epoch, of the same tokenizer as X. Then nothing
            is held out of X: all parts of the classifier learn from all of X, the training stops on `X_val`,
            and the weights of the pool are learned on it. In a `Pipeline`, these documents get the same
            transformations as X with ``Pipeline(..., transform_input=["X_val"])``.
        y_val : array-like of shape (n_val,) or (n_val, n_labels), or None
            Labels of `X_val`, of the classes that y has.
        sample_weight_val : array-like of shape (n_val,), or None, default=None
            Weights of the documents in `X_val`, >= 0, relative to their mean.

        Returns
        -------
        self : KerasConvTextClassifier
            The fitted classifier.

        Raises
        ------
        ValueError
            If an id is negative, fractional or missing; if there is only one class, a label is missing, or y
            has several columns and is not an indicator matrix; if ``pretrained=True`` and X carries no
            vectors; if only some columns of a DataFrame carry a vocabulary; if the embedding or a batch is
            too large for memory; if a weight is negative or fewer than two classes have a weight above zero;
            if `loss` fails or does not return one value per document; if a callback sets the learning rate
            that "one_cycle" sets; if the loss becomes NaN or infinite; if `class_weight` has labels that y
            does not have, unless each class has a weight; if only one of `X_val` and `y_val` is given, or if
            `y_val` has a label that y does not have; if scikit-learn has no such `scoring`, or if it fails;
            with ``warm_start=True``, if classes, vocabulary or the shape of the network differ from the last
            fit.
        TypeError
            If X is sparse or holds texts, if y mixes strings and other types, or if `optimizer` does not
            return an optimizer.
        RuntimeError
            If this process was forked from one that has used a network.
        """
        refuse_fork()
        with rollback(self), shown(self.verbose):
            return self._fit(X, y, sample_weight, (X_val, y_val, sample_weight_val))

    def _fit(self, X, y, sample_weight, of_validation):
        has_validation_set = is_given(*of_validation)
        last = LastFit.of(self)
        documents, codes, (rows, weights, copies) = self._check_data(X, y, sample_weight)
        self._check_parameters(has_validation_set)
        score = None if self.scoring == "loss" else HeldOutScore(self.scoring, self.classes_)
        n_ids = vocabulary_checks.count_rows(documents, self._vocabulary, self.vocabulary_size)
        if last is not None:
            n_ids = last.check(documents, self.classes_, self._multilabel, self._vocabulary)
        if len(rows) < len(codes):
            documents, codes = documents.take(rows), codes[rows]
        documents = documents.keep_last(self.maxlen_)
        validation = None
        if has_validation_set:
            read = partial(self._documents_to_predict, n_ids=n_ids, name="X_val")
            validation = check_validation_set(
                *of_validation, classes=self.classes_, multilabel=self._multilabel, read=read
            )
        random_state = check_random_state(self.random_state)
        data = Data(documents, codes, weights, n_ids, random_state.randint(2**30), random_state, copies)
        nothing = np.array([], dtype=np.int64)
        training, parts = (np.arange(len(codes)), [nothing]) if validation else self._hold_out(data)
        rows = training, parts[0]
        keep = {"filters": last.filters} if last is not None and self.filters == "auto" else {}
        settings, n_steps = self._resolve_settings(data, rows, has_validation_set, **keep)
        lexical_model = log_probabilities = None
        if settings["lexical_weight"]:  # it leaves documents out itself, so it may learn from all
            say(f"Linear model of words and pairs: {len(documents):,} documents")
            ignored, left_out = vocabulary_checks.punctuation_ids(self._vocabulary), np.concatenate(parts)
            lexical_model = LabelModel() if self._multilabel else LexicalModel()
            documents, codes, weights, firsts = repeat(documents, codes, weights, copies)
            _, log_probabilities = lexical_model.fit_predict(
                documents, codes, data.seed, weights, ignored, firsts[left_out] if len(left_out) else None
            )
            if validation:  # which it has not seen
                log_probabilities = lexical_model.predict_log_proba(validation.documents)
        from skglove.network.fitting import fit_network

        network, history, pool_weights, callbacks, self.best_epoch_ = fit_network(
            data,
            training,
            parts,
            self._parameters() | settings,
            vocabulary=self._vocabulary,
            log_probabilities=log_probabilities,
            maxlen=self.maxlen_,
            n_steps=n_steps,
            validation=validation,
            score=score,
            stops_at_low_loss=self._stops_at_low_loss(data, rows[1], has_validation_set),
            waits_for_begin=self._waits_for_begin(),
            may_train_again=self._may_train_again(),
            last=None if last is None else last.network,
        )
        self._network, self.lexical_model_ = StoredNetwork(network), lexical_model
        self._pool_weights = pool_weights
        vars(self).pop("_stream", None)
        settings["lexical_weight"] = share = float(pool_weights[1:].sum() / pool_weights.sum())
        if lexical_model is not None:
            say(f"Shares: network {1 - share:.2f}, linear model {share:.2f}")
        self.settings_, self.callbacks_ = settings, callbacks
        self.history_ = {name: [float(value) for value in values] for name, values in history.history.items()}
        self.n_iter_, self._n_documents = len(history.epoch), len(documents)
        return self

    def predict_proba(self, X):
        """Predict the probability of each class; in multilabel, of each label.

        Parameters
        ----------
        X : array-like of shape (n_documents, n_columns) or ragged array-like of shape (n_documents,)
            Token ids, as in `fit`. If only one of the two is ragged, documents are padded or cut at their
            beginning to `maxlen_` ids.

        Returns
        -------
        probabilities : ndarray of shape (n_documents, n_classes), float32
            Columns are in the order of `classes_`; rows sum to 1, but not in multilabel.

        Raises
        ------
        ValueError
            If the ids belong to another vocabulary than in `fit`, if an id is larger than the embedding, or
            if only some columns of a DataFrame carry a vocabulary.
        RuntimeError
            If Keras is needed, as for bfloat16, and this process was forked from one that has used it.
        """
        return self._pooled_proba(*self._predict_network(X))

    def _pooled_proba(self, probabilities, documents):
        """Pool the network with the linear model; return probabilities, as `predict_proba` does."""
        others = self._predict_others(documents)
        return pooled_probabilities(probabilities, others, self._pool_weights, multilabel=self._multilabel)

    def _predict_network(self, X):
        """Predict probabilities with the network alone; return them and the documents of X."""
        check_is_fitted(self)
        documents = self._documents_to_predict(X)
        return self._predict_documents(documents), documents

    def _predict_documents(self, documents):
        """Predict probabilities of documents with the network alone."""
        batch_size = self.settings_["batch_size"]
        return self._network.predict(documents, maxlen=self.maxlen_, batch_size=batch_size)

    def _predict_others(self, documents):
        """Predict log-probabilities with the linear model, if there is one; return a list."""
        model = self.lexical_model_
        return [] if model is None else [model.predict_log_proba(documents)]

    def decision_function(self, X):
        """Compute scores of the classes; in multilabel, of the labels.

        They are logarithms, so they keep apart what rounds to a probability of 0.

        Parameters
        ----------
        X : array-like of shape (n_documents, n_columns) or ragged array-like of shape (n_documents,)
            Token ids, as in `predict_proba`.

        Returns
        -------
        scores : ndarray of shape (n_documents,), (n_documents, n_classes) or (n_documents, n_labels), float32
            With two classes, the log-odds of ``classes_[1]``. With more, the log-probability of each class.
            In multilabel, the log-odds of each label. `predict` chooses what has log-odds above 0, or the
            highest log-probability.
        """
        probabilities, documents = self._predict_network(X)
        others = self._predict_others(documents)
        pooled = pool_models(probabilities, others, self._pool_weights, multilabel=self._multilabel)
        if pooled.shape[1] > 2:
            return pooled
        log_odds = pooled[:, 1] - pooled[:, 0]
        return log_odds.reshape(probabilities.shape) if self._multilabel else log_odds

    def predict_log_proba(self, X):
        """Predict the logarithm of the probability of each class; in multilabel, of each label.

        Parameters
        ----------
        X : array-like of shape (n_documents, n_columns) or ragged array-like of shape (n_documents,)
            Token ids, as in `predict_proba`.

        Returns
        -------
        log_probabilities : ndarray of shape (n_documents, n_classes), float32
            Columns are in the order of `classes_`. Minus infinity where a probability underflows.
        """
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    def score(self, X, y, sample_weight=None):
        """Compute the accuracy of `predict`; in multilabel, the subset accuracy.

        Parameters
        ----------
        X : array-like of shape (n_documents, n_columns) or ragged array-like of shape (n_documents,)
            Token ids, as in `predict_proba`.
        y : array-like of shape (n_documents,), or of shape (n_documents, n_labels), dense or sparse
            The true labels.
        sample_weight : array-like of shape (n_documents,) or None, default=None
            Weights of documents.

        Returns
        -------
        accuracy : float
            Share of documents whose label is predicted correctly; in multilabel, all of whose labels are.
        """
        indicator = as_indicator(y)
        if indicator is None:
            check_labels(y)
        return super().score(X, y if indicator is None else indicator, sample_weight)

    def predict(self, X):
        """Predict the label of each document; in multilabel, all its labels.

        Parameters
        ----------
        X : array-like of shape (n_documents, n_columns) or ragged array-like of shape (n_documents,)
            Token ids, as in `predict_proba`.

        Returns
        -------
        labels : ndarray of shape (n_documents,)
            Members of `classes_`. In multilabel an indicator matrix of shape (n_documents, n_labels), int64:
            1 where the probability is above 0.5.
        """
        probabilities = self.predict_proba(X)
        if self._multilabel:
            return (probabilities > 0.5).astype(np.int64)
        return self.classes_[probabilities.argmax(axis=1)]

    @property
    def model_(self):
        """The network. The first use builds it after loading a pickle and, if NumPy predicts, after `fit`."""
        if "_network" not in vars(self):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute 'model_' before fit.")
        return self._network.model

    def __dir__(self):
        # As scikit-learn's, which would build `model_`: in its diagram in a notebook, and to complete names.
        built = "_network" in vars(self) and self._network.is_built
        names = object.__dir__(self)
        return [name for name in names if (built if name == "model_" else hasattr(self, name))]

    def _summary(self):
        return describe_classifier(self)

    def __getstate__(self):
        state = super().__getstate__()
        state.pop("callbacks_", None)  # they may hold the network, or copies of its weights
        return state

    def _read_state(self, state):
        if "model_" in state:  # as skglove 0.1.0 wrote it
            parts = state.pop("model_")
            if parts[0] == "PackedResidualNet":
                raise ValueError("architecture='residual' was replaced by 'hybrid'")
            state["_network"] = StoredNetwork.of_parts(parts)
            weight = state["settings_"]["lexical_weight"]
            state["_pool_weights"] = np.array([1 - weight, weight] if weight else [1.0])
        state.setdefault("scoring", "loss")
        state.setdefault("adversarial_epsilon", "auto")
        state.setdefault("class_weight", None)
        if state.get("jit_compile") is False:  # the default in 0.1.0
            state["jit_compile"] = "deprecated"
        if state.get("architecture") == "residual" and state.get("filters") == 128:  # likewise
            state["filters"] = "auto"
        if "classes_" in state:
            state.setdefault("_multilabel", False)  # as before multilabel
        state.setdefault("warm_start", False)
        super()._read_state(state)

    def __sklearn_tags__(self):
        # A search reads them before it sends ids, which may have been made before Dask was imported.
        keep_vocabularies_in_dask(METADATA_KEY)
        tags = super().__sklearn_tags__()
        tags.input_tags.categorical = True
        tags.input_tags.positive_only = True
        tags.classifier_tags.multi_label = True
        return tags
