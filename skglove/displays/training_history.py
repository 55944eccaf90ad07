"""TrainingHistoryDisplay: loss and accuracy in each epoch."""

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skglove.classifier import KerasConvTextClassifier
from skglove.displays.panels import as_attribute, make_panels
from skglove.messages import nearest_names, shortened
from skglove.pipeline import last_step

VALIDATION = "val_"


class TrainingHistoryDisplay:
    """Loss and accuracy in each epoch of a training, in training and in validation.

    Make it by `from_estimator` or `from_history`.

    Parameters
    ----------
    history : dict of str to sequence of float
        A value for each epoch, by metric. The names of validation metrics begin with "val_".
    best_epoch : int or None, default=None
        The epoch to mark, counted from 1. None marks none.
    labels : tuple of three str, default=("training", "validation", "best epoch")
        What the legend calls the two lines and the mark.
    unit : str, default="epoch"
        What each value is of: the label of the horizontal axis.

    Attributes
    ----------
    ax_ : matplotlib Axes or ndarray of Axes
        One for each metric, after `plot`.
    figure_ : matplotlib Figure
        The figure, after `plot`.

    See Also
    --------
    sklearn.model_selection.LearningCurveDisplay : Shows how the score depends on the number of documents.

    Examples
    --------
    >>> from skglove import TrainingHistoryDisplay
    >>> history = {"loss": [0.9, 0.5, 0.3], "val_loss": [0.8, 0.6, 0.7]}
    >>> display = TrainingHistoryDisplay.from_history(history)  # doctest: +SKIP
    >>> display.figure_.savefig("history.png")  # doctest: +SKIP
    """

    def __init__(
        self, history, *, best_epoch=None, labels=("training", "validation", "best epoch"), unit="epoch"
    ):
        self.history = history
        self.best_epoch = best_epoch
        self.labels = labels
        self.unit = unit

    @classmethod
    def from_estimator(cls, estimator, *, ax=None, metrics=None):
        """Show the training of a classifier.

        Parameters
        ----------
        estimator : KerasConvTextClassifier, Pipeline or search
            Fitted. Of a `Pipeline`, the last step is shown, of a search such as `GridSearchCV`, the
            `best_estimator_`.
        ax : matplotlib Axes, array-like of Axes, or None, default=None
            As in `plot`.
        metrics : str, list of str or None, default=None
            As in `plot`.

        Returns
        -------
        display : TrainingHistoryDisplay
            Plotted.

        Raises
        ------
        NotFittedError
            If the classifier is not fitted.
        TypeError
            If it is no `KerasConvTextClassifier`.
        ImportError
            If matplotlib is not installed.

        Notes
        -----
        The two lines do not measure the same. The training loss is that of the network alone, averaged over
        the batches of an epoch, while dropout is active. The validation loss is that of the whole classifier,
        with the linear model, at the end of the epoch. So it may be the lower of the two. After `partial_fit`
        there is a point for each call, and the second line is of documents before they were learned from.
        """
        classifier = _find_classifier(estimator)
        whole = "network" if classifier.lexical_model_ is None else "network and linear model"
        history, best_epoch = classifier.history_, None
        if hasattr(classifier, "_stream"):
            labels = ("training: network", f"before learning: {whole}", "")
            return cls(history, labels=labels, unit="call of partial_fit").plot(ax, metrics=metrics)
        if VALIDATION + "loss" in history:
            best_epoch = getattr(classifier, "best_epoch_", None) or _lowest(history)
        display = cls(
            history,
            best_epoch=best_epoch,
            labels=("training: network", f"held out: {whole}", "epoch kept"),
        )
        return display.plot(ax, metrics=metrics)

    @classmethod
    def from_history(cls, history, *, ax=None, metrics=None):
        """Show a history, and mark the epoch of the lowest validation loss.

        Parameters
        ----------
        history : dict of str to sequence of float
            The `history_` of a classifier, or the ``history`` of Keras's `History`.
        ax : matplotlib Axes, array-like of Axes, or None, default=None
            As in `plot`.
        metrics : str, list of str or None, default=None
            As in `plot`.

        Returns
        -------
        display : TrainingHistoryDisplay
            Plotted.

        Raises
        ------
        TypeError, ValueError
            If `history` is no dict of sequences, or is empty.
        ImportError
            If matplotlib is not installed.
        """
        history = getattr(history, "history", history)
        if not isinstance(history, dict):
            raise TypeError(
                "history must be a dict with a list for each metric, as history_ is, "
                f"got {shortened(history)}."
            )
        losses = history.get(VALIDATION + "loss", ())
        best_epoch = _lowest(history) if np.isfinite(losses).any() else None
        return cls(history, best_epoch=best_epoch).plot(ax, metrics=metrics)

    def plot(self, ax=None, *, metrics=None):
        """Draw a panel for each metric.

        Parameters
        ----------
        ax : matplotlib Axes, array-like of Axes, or None, default=None
            Where to draw: one axes for each metric. None makes a figure.
        metrics : str, list of str or None, default=None
            Names in `history`, without "val_". None draws "loss" and "accuracy", those that there are.

        Returns
        -------
        self : TrainingHistoryDisplay
            With `ax_` and `figure_`.

        Raises
        ------
        ValueError
            If there is no such metric, or if the number of axes is another than that of metrics.
        ImportError
            If matplotlib is not installed.
        """
        metrics = self._check_metrics(metrics)
        panels = make_panels(type(self).__name__, ax, len(metrics))
        for panel, metric in zip(panels, metrics, strict=True):
            self._plot_metric(panel, metric)
        self.ax_, self.figure_ = as_attribute(panels), panels[0].figure
        return self

    def _check_metrics(self, metrics):
        known = [name for name in self.history if not name.startswith(VALIDATION)]
        if metrics is None:
            metrics = [name for name in ("loss", "accuracy") if name in known] or known
        metrics = [metrics] if isinstance(metrics, str) else list(metrics)
        for name in metrics:
            if name not in known:
                raise ValueError(
                    f"The history has no metric {shortened(name)}.{nearest_names(str(name), known)} It has: "
                    f"{', '.join(known)}."
                )
        if not metrics or not len(self.history[metrics[0]]):
            raise ValueError("The history is empty: there is no epoch to show.")
        return metrics

    def _plot_metric(self, ax, metric):
        from matplotlib.ticker import MaxNLocator

        training, validation, best = self.labels
        # The lines differ in marker and dashes, too: not everyone can tell the colours apart.
        values = self.history[metric]
        epochs = np.arange(1, len(values) + 1)
        ax.plot(epochs, values, "o-", markersize=4, label=training)
        if VALIDATION + metric in self.history:
            ax.plot(epochs, self.history[VALIDATION + metric], "s--", markersize=4, label=validation)
        if self.best_epoch is not None and len(values) > 1:
            mark = {"color": "gray", "linestyle": ":", "zorder": 0}
            ax.axvline(self.best_epoch, **mark, label=f"{best}: {self.best_epoch}")
        ax.set(xlabel=self.unit, ylabel=metric)
        ax.set_xlim(0.5, len(values) + 0.5)
        ax.margins(y=0.1)
        if metric == "loss":
            ax.set_ylim(bottom=0)
        ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        ax.grid(alpha=0.3)
        ax.legend()


def _find_classifier(estimator):
    """Return the classifier at the end of Pipelines and searches."""
    check_is_fitted(estimator)
    found = last_step(estimator)
    if not isinstance(found, KerasConvTextClassifier):
        raise TypeError(
            "Expected a KerasConvTextClassifier, or a Pipeline that ends with one, got "
            f"{shortened(estimator)}. TrainingHistoryDisplay.from_history shows any dict of metrics."
        )
    return found


def _lowest(history):
    """Return the epoch, counted from 1, of the lowest validation loss."""
    return int(np.nanargmin(history[VALIDATION + "loss"])) + 1
