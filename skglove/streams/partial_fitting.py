"""`partial_fit`: learning from one batch of documents after the other."""

import numpy as np
from sklearn.base import _fit_context
from sklearn.utils import check_random_state, column_or_1d
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_consistent_length

from skglove import vocabulary_checks
from skglove.data import Data
from skglove.documents import Documents
from skglove.inputs import check_labels, check_raw_weights
from skglove.messages import shortened, warn
from skglove.network.forks import refuse_fork
from skglove.rollback import rollback
from skglove.streams.stream import MOST_CALLS, start_stream
from skglove.streams.warm_start import LastFit
from skglove.weights import weights_of_classes

# What "auto" stands for in a stream, if it differs, and what has no effect there.
AUTO = {"batch_size": 16, "filters": 100, "adversarial_epsilon": 0.0}
FIXED = {"epochs": 1, "early_stopping": False}


def _needs_one_pass(self):
    """Refuse parameters that need several passes over the documents; `available_if` chains the error."""
    problem = None
    if self.early_stopping is True:
        problem = "early_stopping=True"
    elif self.learning_rate_schedule == "one_cycle":
        problem = "learning_rate_schedule='one_cycle'"
    elif self.callbacks:
        problem = f"callbacks={shortened(self.callbacks)}"
    elif self.scoring != "loss":
        problem = f"scoring={shortened(self.scoring)}"
    if self.class_weight == "balanced":
        raise AttributeError(
            "class_weight='balanced' needs to know all documents, which partial_fit does not. Give a dict, "
            "as sklearn.utils.class_weight.compute_class_weight computes it on some of them."
        )
    if problem is not None:
        raise AttributeError(
            f"{problem} is for fit: partial_fit passes over the documents once and does not know how many "
            "will come. Leave it at its default."
        )
    return True


class PartialFitMixin:
    """Mixin of `KerasConvTextClassifier` that adds `partial_fit`."""

    @available_if(_needs_one_pass)
    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y, classes=None, sample_weight=None):
        """Learn from a batch of documents, and go on from what was learned before.

        One call is one pass over X in mini-batches. The first call builds the network for the whole
        vocabulary of X and reads all parameters; later calls must have ids of the same vocabulary. After a
        pickle is loaded, `partial_fit` goes on to the last bit as if it had not been pickled. `fit` starts
        afresh. After `fit`, the first call goes on from the weights of its network, and warns that the linear
        model starts anew, because that of `fit` keeps no counts.

        The linear model is complement naive Bayes, whose counts add up; there is no logistic regression in a
        stream. The weights of the pool are learned by progressive validation: from the second call on, the
        last 1,000 documents of X are predicted before they are learned from, and the weights are fitted to
        the last 1,000 documents so predicted, once there are 40. So give each document only once, and
        documents in random order or in the order of their time.

        Parameters
        ----------
        X : array-like of shape (n_documents, n_columns) or ragged array-like of shape (n_documents,)
            Token ids, as in `fit`.
        y : array-like of shape (n_documents,)
            Labels, each in `classes`.
        classes : array-like of shape (n_classes,) or None, default=None
            All labels that there will be. Required at the first call.
        sample_weight : array-like of shape (n_documents,) or None, default=None
            Weights of documents, >= 0. Other than in `fit`, they are not relative to their mean.

        Returns
        -------
        self : KerasConvTextClassifier
            The classifier, which can predict.

        Raises
        ------
        ValueError
            As in `fit`; if `classes` are missing at the first call, or others than before; if y has a label
            that `classes` do not have; or if X has ids of another vocabulary. The classifier is then as it
            was.
        AttributeError
            If `early_stopping`, `scoring`, `callbacks`, the schedule "one_cycle" or balanced classes are
            asked for: there is no `partial_fit` then.
        TypeError, RuntimeError
            As in `fit`.

        Notes
        -----
        "auto" is 16 for `batch_size`; for "hybrid" also 100 for `filters` and 0 for `adversarial_epsilon`.
        `epochs`, `validation_fraction`, `n_iter_no_change` and `verbose` have no effect.

        `n_iter_` is the number of calls. `history_` has one value per call, of the last 1,000 calls: "loss"
        and "accuracy" of the network in training, and, except for networks without a linear model,
        "val_loss" and "val_accuracy" of the whole classifier on the documents predicted before (NaN for the
        first call). `lexical_model_` is a `LexicalStream`. `model_` is a copy of the network as it
        is after this call; but of "stacked" and "parallel" in bfloat16, the one that later calls train.

        A pickle holds the embedding three times, with the optimizer's moments: 60 MB for 50,000 words in 100
        dimensions; and the counts of the linear model, up to 20 million numbers.

        Examples
        --------
        A `Pipeline` has no `partial_fit`, so transform the texts first:

        >>> from skglove import GloveTokenizer, KerasConvTextClassifier
        >>> texts = ["good film", "great film", "bad film", "awful film"] * 8
        >>> labels = ["+", "+", "-", "-"] * 8
        >>> tokenizer = GloveTokenizer(vectors=None).fit(texts)
        >>> classifier = KerasConvTextClassifier(learning_rate=0.02, random_state=0)
        >>> for start in range(0, 32, 8):
        ...     batch = slice(start, start + 8)
        ...     ids = tokenizer.transform(texts[batch])
        ...     classifier = classifier.partial_fit(ids, labels[batch], classes=["+", "-"])
        >>> classifier.predict(tokenizer.transform(["a great film", "an awful film"])).tolist()
        ['+', '-']
        >>> classifier.n_iter_
        4
        """
        refuse_fork()
        with rollback(self):
            return self._partial_fit(X, y, classes, sample_weight)

    def _partial_fit(self, X, y, classes, sample_weight):
        is_first = not hasattr(self, "_stream")
        last = LastFit.before(self) if is_first else None
        if getattr(self, "_multilabel", False):
            raise ValueError(
                "partial_fit takes one label a document, but this classifier was fitted to several. Use fit "
                "with warm_start=True, or a clone of it."
            )
        check_labels(y)
        self._set_classes(classes, is_first and last is None)
        documents = self._read_first(X) if is_first else self._documents_to_predict(X)
        if not isinstance(documents, Documents):
            documents = Documents.from_matrix(documents)
        codes = self._encode(X, y)
        weights = check_raw_weights(sample_weight, codes)
        if self.class_weight is not None:
            weights = weights * weights_of_classes(self.class_weight, codes, None, self.classes_)[codes]
        n_ids = None
        if is_first:
            n_ids = vocabulary_checks.count_rows(documents, self._vocabulary, self.vocabulary_size)
            if last is not None:
                n_ids = last.check(documents, self.classes_, False, self._vocabulary)
            documents = documents.keep_last(self.maxlen_)
        if not weights.any():
            raise ValueError(
                f"class_weight={shortened(self.class_weight)} gives all documents of X the weight 0, so "
                "there is nothing to learn from. Leave such batches out."
            )
        if not weights.all():
            some = np.flatnonzero(weights)
            documents, codes, weights = documents.take(some), codes[some], weights[some]
        if is_first:
            self._start(documents, codes, weights, n_ids, last)
        with self._stream.network.rollback():
            self._stream, logs = self._stream.learn(documents, codes, weights)
            self._take_over(logs)
            self._n_documents += len(documents)
        return self

    def _set_classes(self, classes, is_first):
        if classes is None:
            if is_first:
                raise ValueError("classes must be passed on the first call to partial_fit.")
            return
        check_labels(classes)
        classes = np.unique(np.asarray(classes))
        if not is_first:
            if not np.array_equal(classes, self.classes_):
                raise ValueError(
                    f"classes={shortened(classes.tolist())} is not the same as on the first call to "
                    f"partial_fit, which was {shortened(self.classes_.tolist())}."
                )
            return
        if len(classes) < 2:
            raise ValueError(
                f"Training needs at least 2 classes, classes has one: {shortened(classes.tolist())}."
            )
        self.classes_, self._multilabel = classes, False

    def _encode(self, X, y):
        """Check labels and number them."""
        if y is None:
            raise ValueError("partial_fit requires y to be passed, but the target y is None.")
        y = column_or_1d(y, warn=True)
        check_consistent_length(X, y)
        check_classification_targets(y)
        unknown = np.setdiff1d(y, self.classes_)
        if len(unknown):
            raise ValueError(
                f"y has labels that are not in classes: {shortened(unknown.tolist())}. classes are "
                f"{shortened(self.classes_.tolist())}."
            )
        return np.searchsorted(self.classes_, y)

    def _start(self, documents, codes, weights, n_ids, last):
        """Begin a stream."""
        if last is not None and self.lexical_model_ is not None:
            warn(
                "partial_fit after fit goes on from the network, but its linear model starts anew, because "
                "that of fit keeps no counts. Start with partial_fit to keep both."
            )
        self._check_parameters()
        random_state = check_random_state(self.random_state)
        data = Data(
            documents, codes, weights, n_ids, random_state.randint(2**30), random_state, np.ones(len(codes))
        )
        changed = {name: value for name, value in AUTO.items() if getattr(self, name) == "auto"}
        if self._architecture != "hybrid":
            changed.pop("filters", None)
        elif last is not None and "filters" in changed:
            changed["filters"] = last.filters
        nothing = np.array([], dtype=np.int64)
        settings, _ = self._resolve_settings(data, (np.arange(len(codes)), nothing), **FIXED, **changed)
        self._stream = start_stream(
            data,
            self._parameters() | settings,
            n_classes=len(self.classes_),
            vocabulary=self._vocabulary,
            ignored=vocabulary_checks.punctuation_ids(self._vocabulary),
            maxlen=self.maxlen_,
        )
        if last is not None:
            self._stream.network.continue_from(last.network)
        vars(self).pop("best_epoch_", None)
        self.settings_, self.history_, self.callbacks_, self._n_documents = settings, {}, [], 0

    def _take_over(self, logs):
        """Set what the stream has learned."""
        stream = self._stream
        self.lexical_model_, self._pool_weights = stream.lexical, stream.model_weights
        self._network = stream.network.stored(stream.head_weights)
        share = float(self._pool_weights[1:].sum() / self._pool_weights.sum())
        self.settings_ = self.settings_ | {"lexical_weight": share}
        self.history_ = {
            name: [*self.history_.get(name, []), value][-MOST_CALLS:] for name, value in logs.items()
        }
        self.n_iter_ = stream.n_calls
