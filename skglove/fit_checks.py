"""What `fit` and `partial_fit` check before they learn: data, and parameters that depend on each other."""

import numpy as np
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_consistent_length, validate_data

from skglove import vocabulary_checks
from skglove.auto_settings import (
    AUTO_MAXLEN,
    check_architecture,
    check_batch_size,
    check_network_size,
    check_receptive_field,
    resolve_auto,
)
from skglove.documents import Documents, holds_sequences, is_ragged
from skglove.holdout import are_few, hold_out, hold_out_some
from skglove.inputs import as_indicator, check_labels, check_not_text
from skglove.messages import shortened, warn
from skglove.network.forks import record_use
from skglove.token_ids import vocabulary_of
from skglove.weights import weigh


class FitChecksMixin:
    """Mixin of `KerasConvTextClassifier` that checks data and parameters, and replaces "auto"."""

    def _check_data(self, X, y, sample_weight):
        """Set `classes_`, `maxlen_` and the vocabulary; return documents, their classes and weights."""
        indicator = as_indicator(y)
        if indicator is None:
            check_labels(y)
            y = validate_data(self, "no_validation", y)
        documents = self._read_first(X)
        self._multilabel = indicator is not None
        if self._multilabel:
            codes, self.classes_ = indicator, np.arange(indicator.shape[1])
        else:
            check_classification_targets(y)
            self.classes_, codes = np.unique(y, return_inverse=True)
        check_consistent_length(X, codes)
        if len(self.classes_) < 2:
            raise ValueError(
                f"Training needs at least 2 classes, y has one class: {shortened(self.classes_.tolist())}."
            )
        weighed = weigh(sample_weight, self.class_weight, codes, self.classes_)
        # Last, because numbers that are no ids are not the first problem to name.
        if not isinstance(documents, Documents):
            documents = Documents.from_matrix(documents)
        return documents, codes, weighed

    def _read_first(self, X):
        """Set `maxlen_` and the vocabulary; return documents, or a checked matrix."""
        check_not_text(X)
        self._vocabulary = vocabulary_of(X)
        if is_ragged(X):
            self._forget_columns()
            documents = Documents.from_sequences(X)
            maxlen = AUTO_MAXLEN[self._architecture] if self.maxlen == "auto" else self.maxlen
            self.maxlen_ = max(1, int(documents.lengths.max())) if maxlen is None else maxlen
            return documents
        X = validate_data(self, X)
        self.maxlen_ = X.shape[1]
        if self.maxlen not in ("auto", None, self.maxlen_):
            warn(f"maxlen={self.maxlen} has no effect: X is a matrix, of {self.maxlen_} columns.")
        return X

    def _documents_to_predict(self, X, n_ids=None, name="X"):
        check_not_text(X)
        vocabulary = vocabulary_of(X)
        # First, because the ids of two tokenizers may also differ in the number of columns.
        vocabulary_checks.check_vocabulary(vocabulary, self._vocabulary)
        # After a fit on ragged ids, documents of equal length are still documents.
        if is_ragged(X) or (not hasattr(self, "n_features_in_") and holds_sequences(X)):
            documents = Documents.from_sequences(X)
        else:
            self._check_lengths_of_list(X)
            documents = Documents.from_matrix(validate_data(self, X, reset=False))
        vocabulary_checks.warn_of_lost_vocabulary(vocabulary, self._vocabulary, type(self).__name__, name)
        n_ids = self._network.n_ids if n_ids is None else n_ids
        vocabulary_checks.check_largest(documents, n_ids, self._vocabulary)
        return documents.keep_last(self.maxlen_)

    def _check_lengths_of_list(self, X):
        """Say why a list of documents of equal length cannot be predicted after a fit on another length."""
        expected = getattr(self, "n_features_in_", None)
        is_list = isinstance(X, list | tuple) and hasattr(X[0], "__len__")
        if is_list and expected is not None and len(X[0]) != expected:
            raise ValueError(
                f"X has {len(X[0])} features, but {type(self).__name__} is expecting {expected} features as "
                "input. A list of documents of equal length is read as a matrix. For other lengths, fit and "
                "predict an array of objects, as GloveTokenizer returns it, or pad with a SequencePadder."
            )

    def _forget_columns(self):
        for name in ("n_features_in_", "feature_names_in_"):
            if hasattr(self, name):
                delattr(self, name)

    def _hold_out(self, data):
        """Draw the rows to train the network on, and a list of those, perhaps none, to measure on."""
        documents, codes, weights, random_state = data.documents, data.codes, data.weights, data.random_state
        if self.validation_fraction == "auto":
            if self._architecture == "hybrid":
                again = self._may_train_again()
                return hold_out_some(documents, codes, weights, random_state, trains_again=again)
            return np.arange(len(codes)), [np.array([], dtype=np.int64)]
        training, held_out = hold_out(documents, codes, self.classes_, self.validation_fraction, random_state)
        return training, [held_out]

    def _may_train_again(self):
        """Tell whether the parameters allow another training, on all documents."""
        stops_early = self.early_stopping is True or (self.early_stopping, self.epochs) == ("auto", "auto")
        return (
            self._architecture == "hybrid"
            and stops_early
            and not self.callbacks  # they would see several trainings
            and self.learning_rate_schedule != "one_cycle"
        )

    def _waits_for_begin(self):
        """Tell whether early stopping waits until the training loss has begun to fall."""
        return self._architecture == "hybrid" and self.n_iter_no_change == "auto"

    def _stops_at_low_loss(self, data, held_out, has_validation_set):
        """Tell whether early stopping looks at the training loss instead of held-out documents."""
        if self._architecture != "hybrid" or has_validation_set:
            return False
        if not len(held_out):
            return True
        changed = (self.validation_fraction, self.scoring, self.n_iter_no_change) != ("auto", "loss", "auto")
        return not changed and are_few(data)

    def _check_parameters(self, has_validation_set=False):
        """Check parameters that depend on each other."""
        if self.architecture != self._architecture:
            warn(
                "architecture='residual' is deprecated since version 0.2 and will be removed in 0.3: "
                "'hybrid', the new default, replaced it and is fitted here. Set architecture='hybrid'.",
                FutureWarning,
            )
        check_architecture(self._parameters())
        if self.jit_compile != "deprecated":
            warn(
                "jit_compile is deprecated since version 0.2 and will be removed in 0.3, because it makes "
                "training and prediction slower. Leave it out.",
                FutureWarning,
            )
        if self.early_stopping is True and not has_validation_set and self._no_validation():
            raise ValueError(
                "early_stopping=True needs a validation_fraction, such as 0.1, to measure on, or X_val and "
                "y_val in fit."
            )

    @property
    def _architecture(self):
        return "hybrid" if self.architecture == "residual" else self.architecture

    def _parameters(self):
        """Return the parameters, without the deprecated architecture."""
        return self.get_params(deep=False) | {"architecture": self._architecture}

    def _no_validation(self):
        return self._architecture != "hybrid" and self.validation_fraction in ("auto", 0)

    def _resolve_settings(self, data, rows, has_validation_set=False, **changed):
        """Replace "auto"; check callbacks, loss and sizes; return settings and the number of steps."""
        record_use()
        from skglove.network.build import receptive_field
        from skglove.network.callbacks import check_callbacks
        from skglove.network.loss_and_optimizer import (
            check_loss,
            has_schedule,
            is_configured,
            learning_rate_of,
        )

        training, validation = rows
        has_validation = has_validation_set or len(validation) > 0
        parameters = self._parameters()
        if has_validation_set and self.early_stopping == "auto":
            parameters["early_stopping"] = True
        settings, n_steps = resolve_auto(
            parameters | changed, len(training), int(data.documents.lengths[training].sum())
        )
        configured = is_configured(self.optimizer)
        if configured:
            settings["learning_rate"] = learning_rate_of(self.optimizer, self._parameters())
        check_callbacks(
            self.callbacks,
            one_cycle=settings["learning_rate_schedule"] == "one_cycle",
            has_validation=has_validation,
            schedule_in_optimizer=configured and has_schedule(self.optimizer),
        )
        if self.scoring != "loss" and not has_validation:
            warn(
                f"scoring={shortened(self.scoring)} has no effect: no documents are held out. Give fit X_val "
                "and y_val, or set validation_fraction, such as 0.1."
            )
        check_loss(self.loss, len(self.classes_), multilabel=self._multilabel)
        settings["pretrained"] = vocabulary_checks.takes_vectors(self._vocabulary, self.pretrained)
        if not settings["pretrained"]:
            vocabulary_checks.check_size(data.n_ids, self.embedding_dim, self.vocabulary_size)
        parameters = self._parameters() | settings
        check_network_size(parameters)
        check_batch_size(settings["batch_size"], self.maxlen_, data.documents.lengths.max())
        if self._architecture == "stacked":
            columns, _ = receptive_field(settings["n_conv_layers"], settings["kernel_size"], self.pool_size)
            check_receptive_field(columns, parameters)
        else:
            check_receptive_field(max(np.atleast_1d(settings["kernel_size"])), parameters)
        return settings, n_steps
