"""TellingWordsDisplay: the words that speak for and against each class."""

from skglove.displays.panels import as_attribute, make_panels
from skglove.messages import shortened

FIELDS = "label", "words", "weight"
# Characters of words and labels that are shown.
N_CHARACTERS = 20
# Inches: the width of a panel, its height for each bar, and what its title and axis need.
WIDTH, BAR, FRAME = 3.4, 0.19, 0.8


class TellingWordsDisplay:
    """The words, and pairs of words, that speak most for and against each class, as horizontal bars.

    Make it by `from_estimator` or `from_table`.

    Parameters
    ----------
    table : dict of label to list of (str, float)
        For each label the words and their weights, the highest weight first.

    Attributes
    ----------
    ax_ : matplotlib Axes or ndarray of Axes
        One for each label, after `plot`.
    figure_ : matplotlib Figure
        The figure, after `plot`.

    See Also
    --------
    telling_words : Makes the table, and says what the weights are.

    Examples
    --------
    >>> from skglove import TellingWordsDisplay
    >>> table = {"sport": [("match", 2.0), ("shares", -1.0)], "business": [("shares", 2.5)]}
    >>> display = TellingWordsDisplay(table).plot()  # doctest: +SKIP
    >>> display.figure_.savefig("words.png")  # doctest: +SKIP
    """

    def __init__(self, table):
        self.table = table

    @classmethod
    def from_estimator(cls, pipeline, *, n=8, labels=None, ax=None):
        """Find the telling words of a classifier, and show them.

        Parameters
        ----------
        pipeline : Pipeline
            Fitted, as in `telling_words`.
        n : int, default=8
            How many words for each label, and how many against it.
        labels : list or None, default=None
            The labels to show, in this order. None shows all.
        ax : matplotlib Axes, array-like of Axes, or None, default=None
            As in `plot`.

        Returns
        -------
        display : TellingWordsDisplay
            Plotted.

        Raises
        ------
        TypeError, ValueError, NotFittedError
            As `telling_words` and `from_table` raise them.
        ImportError
            If matplotlib is not installed.
        """
        from skglove.explanations.telling import telling_words

        return cls.from_table(telling_words(pipeline, n), n=n, labels=labels, ax=ax)

    @classmethod
    def from_table(cls, table, *, n=8, labels=None, ax=None):
        """Show a table of telling words.

        Parameters
        ----------
        table : list of named tuples or pandas.DataFrame
            What `telling_words` returns, or a part of it: with `label`, `words` and `weight`.
        n : int, default=8
            How many words for each label, and how many against it, at most.
        labels : list or None, default=None
            The labels to show, in this order. None shows all.
        ax : matplotlib Axes, array-like of Axes, or None, default=None
            As in `plot`.

        Returns
        -------
        display : TellingWordsDisplay
            Plotted.

        Raises
        ------
        TypeError
            If `table` has not these columns.
        ValueError
            If it has not one of the labels, or if it is empty.
        ImportError
            If matplotlib is not installed.
        """
        of_label = {}
        for label, words, weight in _read_rows(table):
            of_label.setdefault(label, []).append((words, float(weight)))
        labels = list(of_label) if labels is None else list(labels)
        for label in labels:
            if label not in of_label:
                raise ValueError(
                    f"The table has no label {shortened(label)}. It has: {shortened(list(of_label))}."
                )
        if not labels:
            raise ValueError("There is no label to show: the table is empty, or labels is.")
        return cls({label: _strongest(of_label[label], n) for label in labels}).plot(ax)

    def plot(self, ax=None):
        """Draw a panel for each label.

        Parameters
        ----------
        ax : matplotlib Axes, array-like of Axes, or None, default=None
            Where to draw: one axes for each label. None makes a figure.

        Returns
        -------
        self : TellingWordsDisplay
            With `ax_` and `figure_`.

        Raises
        ------
        ValueError
            If the number of axes is another than that of labels.
        ImportError
            If matplotlib is not installed.
        """
        size = WIDTH, FRAME + BAR * max(map(len, self.table.values()))
        panels = make_panels(type(self).__name__, ax, len(self.table), size=size, n_columns=3)
        for panel, (label, rows) in zip(panels, self.table.items(), strict=True):
            _plot_label(panel, label, rows)
        self.ax_, self.figure_ = as_attribute(panels), panels[0].figure
        return self


def _plot_label(ax, label, rows):
    places, weights = range(len(rows)), [weight for _, weight in rows]
    ax.barh(places, weights, color=["C0" if weight > 0 else "C1" for weight in weights])
    # Words may contain "$", between two of which matplotlib would read a formula.
    ax.set_yticks(places, [_cut(words) for words, _ in rows], fontsize="small", parse_math=False)
    ax.tick_params(axis="y", length=0)
    ax.tick_params(axis="x", labelsize="small")
    ax.locator_params(axis="x", nbins=4)
    ax.invert_yaxis()
    ax.axvline(0, color="gray", linewidth=0.8)
    ax.set_title(_cut(label), fontsize="medium", parse_math=False)
    ax.set_xlabel("weight", fontsize="small")
    ax.grid(axis="x", alpha=0.3)
    ax.set_axisbelow(True)


def _read_rows(table):
    """Yield the label, the words and the weight of each row."""
    if hasattr(table, "itertuples"):  # a pandas DataFrame
        table = table.itertuples()
    for row in table:
        if not all(hasattr(row, field) for field in FIELDS):
            raise TypeError(
                f"A row of the table must have {', '.join(FIELDS)}, as those of telling_words do, got "
                f"{shortened(row)}."
            )
        yield tuple(getattr(row, field) for field in FIELDS)


def _strongest(rows, n):
    """Return the n highest weights and the n lowest, in falling order."""
    rows = sorted(rows, key=lambda row: -row[1])
    return [row for row in rows if row[1] > 0][:n] + [row for row in rows if row[1] <= 0][-n:]


def _cut(text):
    text = str(text)
    return text if len(text) <= N_CHARACTERS else text[: N_CHARACTERS - 1] + "…"
