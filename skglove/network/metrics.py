"""The loss and the accuracy of a network in training."""

import keras
from keras import ops


class MeanOverHeads(keras.losses.Loss):
    """The mean of a loss over heads, whose probabilities are (n_documents, n_heads, n_classes).

    Parameters
    ----------
    loss : str or callable
        As in `KerasConvTextClassifier`.
    """

    def __init__(self, loss):
        loss = keras.losses.get(loss)
        is_loss = isinstance(loss, keras.losses.Loss)  # calling one would average over documents
        self.loss_of = loss.call if is_loss else loss
        super().__init__("mean_over_heads", **({"reduction": loss.reduction} if is_loss else {}))

    def call(self, targets, probabilities):
        """Compute the mean for each document."""
        losses = [self.loss_of(targets, head) for head in ops.unstack(probabilities, axis=1)]
        return sum(losses) / len(losses)


@keras.saving.register_keras_serializable("skglove")
class Accuracy(keras.metrics.CategoricalAccuracy):
    """The share of documents with the right label; in multilabel, with all labels right.

    Of heads, the product of the probabilities counts.

    Parameters
    ----------
    multilabel : bool
        Whether a document may have several labels.
    """

    def __init__(self, multilabel, **kwargs):
        super().__init__(**kwargs)
        self.multilabel = multilabel

    def update_state(self, targets, probabilities, sample_weight=None):
        """Count a batch."""
        if len(probabilities.shape) > 2:
            against = ops.prod(1 - probabilities, axis=1)
            probabilities = ops.prod(probabilities, axis=1)
            if self.multilabel:
                probabilities /= probabilities + against + 1e-30
        if not self.multilabel:
            return super().update_state(targets, probabilities, sample_weight)
        right = ops.all(ops.equal(probabilities > 0.5, targets > 0.5), axis=-1)
        return keras.metrics.Mean.update_state(self, ops.cast(right, "float32"), sample_weight)

    def get_config(self):
        """Return the arguments that rebuild the metric."""
        return {**super().get_config(), "multilabel": self.multilabel}
