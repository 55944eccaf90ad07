"""What notebooks show of a fitted estimator, below scikit-learn's diagram."""

from html import escape

from skglove.messages import shortened

# Labels of classes that are listed.
N_CLASSES = 8


class Summarised:
    """Mixin for estimators: once fitted, a short summary follows scikit-learn's diagram in a notebook.

    The estimator has a method `_summary`, which returns pairs of a label and a description. scikit-learn has
    no public way to add to the diagram of a Pipeline, so the summary is shown of the estimator itself, such
    as ``pipeline[-1]``.
    """

    @property
    def _repr_html_(self):
        diagram = super()._repr_html_  # an AttributeError if set_config(display="text")
        return lambda: diagram() + summary_as_html(self._summary())

    def _repr_mimebundle_(self, **kwargs):
        bundle = super()._repr_mimebundle_(**kwargs)
        if "text/html" in bundle:
            bundle["text/html"] += summary_as_html(self._summary())
        return bundle


def summary_as_html(summary):
    """Format a summary as a table, which has the colours of the notebook.

    Parameters
    ----------
    summary : list of (str, str)
        Labels and descriptions.

    Returns
    -------
    html : str
        Escaped; empty if there is no summary.

    Examples
    --------
    >>> summary_as_html([("classes", "2: <, >")])
    '<table><tr><td style="text-align:left">classes</td><td style="text-align:left">2: &lt;, &gt;</td></...'
    """
    rows = "".join(table_row(row, ("left", "left")) for row in summary)
    return f"<table>{rows}</table>" if rows else ""


def table_row(cells, sides, tag="td"):
    """Format a row of a table. Each cell says its side, because notebooks have defaults of their own.

    Parameters
    ----------
    cells : sequence of str
        Escaped here.
    sides : sequence of {"left", "right"}
    tag : {"td", "th"}, default="td"

    Returns
    -------
    html : str

    Examples
    --------
    >>> table_row(["a < b"], ["right"])
    '<tr><td style="text-align:right">a &lt; b</td></tr>'
    """
    pairs = zip(cells, sides, strict=True)
    html = "".join(f'<{tag} style="text-align:{side}">{escape(cell)}</{tag}>' for cell, side in pairs)
    return f"<tr>{html}</tr>"


def describe_tokenizer(tokenizer):
    """Describe a fitted `GloveTokenizer`.

    Parameters
    ----------
    tokenizer : GloveTokenizer

    Returns
    -------
    summary : list of (str, str)
        Empty if it is not fitted.
    """
    vocabulary = getattr(tokenizer, "_vocabulary", None)
    if vocabulary is None:
        return []
    summary = [("words", f"{len(vocabulary):,} with an id"), ("vectors", _name_of_vectors(vocabulary))]
    counts = getattr(tokenizer, "word_counts_", None)
    if counts is not None:
        summary.insert(0, ("texts", f"{counts.sum():,} tokens, {(counts > 0).sum():,} distinct words"))
    coverage = getattr(tokenizer, "coverage_", None)
    if coverage is not None:
        covered = (
            f"{coverage['tokens']:.1%} of the tokens, {coverage['vocabulary']:.1%} of the distinct words"
        )
        summary.append(("with a vector", covered))
    return summary


def describe_classifier(classifier):
    """Describe a fitted `KerasConvTextClassifier`.

    Parameters
    ----------
    classifier : KerasConvTextClassifier

    Returns
    -------
    summary : list of (str, str)
        Empty if it is not fitted.
    """
    if not hasattr(classifier, "settings_"):
        return []
    classes = classifier.classes_.tolist()
    names = ", ".join(shortened(str(name), 30).strip("'") for name in classes[:N_CLASSES])
    more = ", ..." if len(classes) > N_CLASSES else ""
    kind = "labels, several a document" if classifier._multilabel else "classes"
    summary = [(kind, f"{len(classes)}: {names}{more}")]
    n_documents = getattr(classifier, "_n_documents", None)
    if n_documents is not None:
        summary.append(("documents", f"{n_documents:,}"))
    vocabulary = classifier._vocabulary
    if vocabulary is not None:
        start = _name_of_vectors(vocabulary) if classifier.settings_["pretrained"] else "none, learned"
        summary += [("words", f"{len(vocabulary):,} with an id"), ("vectors", start)]
    if classifier.lexical_model_ is not None:
        share = classifier.settings_["lexical_weight"]
        summary.append(("shares", f"network {1 - share:.2f}, linear model of words and pairs {share:.2f}"))
    return summary + _describe_training(classifier)


def _describe_training(classifier):
    """Describe the epochs, and the score on held-out documents if there are some."""
    history, n_epochs = classifier.history_, classifier.n_iter_
    if hasattr(classifier, "_stream"):
        return _describe_stream(history, n_epochs)
    kept = getattr(classifier, "best_epoch_", n_epochs)
    summary = [
        ("epochs", f"{n_epochs}" if kept == n_epochs else f"{n_epochs}, of which epoch {kept} was kept")
    ]
    if "val_loss" in history:
        summary.append(("held-out documents", _describe_scores(history, kept - 1)))
    return summary


def _describe_stream(history, n_calls):
    summary = [("calls of partial_fit", f"{n_calls:,}")]
    if n_calls > 1 and "val_loss" in history:
        summary.append(("last documents, before they were learned", _describe_scores(history, -1)))
    return summary


def _describe_scores(history, at):
    return f"log-loss {history['val_loss'][at]:.3f}, accuracy {history['val_accuracy'][at]:.3f}"


def _name_of_vectors(vocabulary):
    return "none" if vocabulary.vectors is None else shortened(vocabulary.vectors).strip("'")
