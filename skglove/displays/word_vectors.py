"""WordVectorsDisplay: words in two dimensions."""

from collections.abc import Iterable

import numpy as np

from skglove.displays.labels import place_labels
from skglove.displays.panels import make_panels
from skglove.messages import shortened
from skglove.vectors import load_vectors


class WordVectorsDisplay:
    """Words in two dimensions, and relationships between words as arrows.

    Make it by `from_vectors`.

    Parameters
    ----------
    words : list of str
        The words.
    positions : ndarray of shape (n_words, 2), float
        Where they are.
    pairs : list of (str, str), default=()
        Pairs of `words`; an arrow leads from the first to the second.
    explained_variance_ratio : tuple of two floats or None, default=None
        The shares of the variance of the vectors that the two dimensions have.

    Attributes
    ----------
    ax_ : matplotlib Axes
        After `plot`.
    figure_ : matplotlib Figure
        After `plot`.
    texts_ : list of matplotlib Annotations
        The labels of `words`, after `plot`.

    See Also
    --------
    WordVectors.analogy : Answers "a is to b as what is to c?".

    Notes
    -----
    The vectors are L2-normalised, as for `WordVectors.analogy`. Then principal component analysis (PCA) of
    the shown words reduces them to the two dimensions in which these words differ most. Distances and
    directions are only roughly those of the vectors: see the shares of the variance at the axes.

    Labels are placed when `plot` is called, so that they do not overlap. About 40 words fit into a figure of
    the default size. If the figure is made smaller afterwards, they may overlap.

    Examples
    --------
    >>> from skglove import WordVectors, WordVectorsDisplay
    >>> vectors = WordVectors(["kitchen", "dinner", "office", "work"], [[3, 1], [3, 2], [1, 1], [1, 2]])
    >>> pairs = [("kitchen", "dinner"), ("office", "work")]
    >>> display = WordVectorsDisplay.from_vectors(vectors, pairs=pairs)  # doctest: +SKIP
    >>> display.figure_.savefig("words.png")  # doctest: +SKIP
    """

    def __init__(self, words, positions, *, pairs=(), explained_variance_ratio=None):
        self.words = words
        self.positions = positions
        self.pairs = pairs
        self.explained_variance_ratio = explained_variance_ratio

    @classmethod
    def from_vectors(cls, vectors, words=(), *, pairs=(), ax=None):
        """Reduce the vectors of some words to two dimensions by PCA, and show the words.

        Parameters
        ----------
        vectors : str, path, WordVectors, dict of str to array, or gensim KeyedVectors
            Word vectors, as in `load_vectors`.
        words : list of str, default=()
            Words to show.
        pairs : list of (str, str), default=()
            Relationships, such as ``("kitchen", "dinner")``. These words are shown too, with an arrow from
            the first to the second.
        ax : matplotlib Axes or None, default=None
            Where to draw. None makes a figure.

        Returns
        -------
        display : WordVectorsDisplay
            Plotted.

        Raises
        ------
        UnknownWordError
            If a word has no vector. The message names words that are written like it.
        TypeError, ValueError
            If `words` is no list of words, if `pairs` holds something other than pairs, or if there are
            fewer than two words or dimensions.
        ImportError
            If matplotlib is not installed.
        """
        words, pairs = _check_words(words, pairs)
        positions, ratio = _reduce(load_vectors(vectors)[words])
        return cls(words, positions, pairs=pairs, explained_variance_ratio=ratio).plot(ax)

    def plot(self, ax=None):
        """Draw the words and the arrows.

        Parameters
        ----------
        ax : matplotlib Axes or None, default=None
            Where to draw. None makes a figure.

        Returns
        -------
        self : WordVectorsDisplay
            With `ax_`, `figure_` and `texts_`.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        (ax,) = make_panels(type(self).__name__, ax, 1, size=(7.0, 5.0))
        positions, row = np.asarray(self.positions), {word: i for i, word in enumerate(self.words)}
        arrows = [(row[a], row[b]) for a, b in self.pairs]
        ax.scatter(*positions.T, s=16, color="C0", zorder=2)
        style = {"arrowstyle": "-|>", "color": "C1", "shrinkA": 4, "shrinkB": 4, "linewidth": 1.4}
        for start, end in arrows:
            ax.annotate("", positions[end], xytext=positions[start], arrowprops=style, zorder=1)
        # Angles and lengths are compared, so both axes have the same scale.
        ax.set_aspect("equal", adjustable="datalim")
        ax.margins(0.12)
        ax.set(xlabel=self._axis_label(0), ylabel=self._axis_label(1))
        ax.tick_params(labelsize="small")
        ax.grid(alpha=0.2)
        self.ax_, self.figure_ = ax, ax.figure
        self.texts_ = place_labels(ax, positions, self.words, arrows)
        return self

    def _axis_label(self, i):
        name = ("first", "second")[i] + " principal component"
        ratio = self.explained_variance_ratio
        return name if ratio is None else f"{name} ({ratio[i]:.0%} of the variance)"


def _check_words(words, pairs):
    """Return the words of both, each once, and the pairs as tuples."""
    for name, value in (("words", words), ("pairs", pairs)):
        if isinstance(value, str | bytes | set | frozenset) or not isinstance(value, Iterable):
            raise TypeError(f"{name} must be a list, got {shortened(value)}.")
    pairs = [pair if isinstance(pair, str) else tuple(pair) for pair in pairs]
    for pair in pairs:
        if isinstance(pair, str) or len(pair) != 2:
            raise ValueError(
                f"pairs must hold pairs of words such as ('kitchen', 'dinner'), got {shortened(pair)}."
            )
    words = list(dict.fromkeys([*words, *(word for pair in pairs for word in pair)]))
    if len(words) < 2:
        raise ValueError(f"A picture needs at least two words, got {shortened(words)}.")
    return words, pairs


def _reduce(vectors):
    """Reduce vectors to two dimensions; return positions and the shares of the variance."""
    from sklearn.decomposition import PCA  # slow to import
    from sklearn.preprocessing import normalize

    if vectors.shape[1] < 2:
        raise ValueError("A picture of two dimensions needs vectors of at least two, these have one.")
    pca = PCA(2, svd_solver="full")
    # In float64: vectors that are all equal would otherwise differ by rounding.
    with np.errstate(invalid="ignore"):  # equal vectors have no variance to take shares of
        positions = pca.fit_transform(normalize(vectors.astype(np.float64)))
    return positions, tuple(np.nan_to_num(pca.explained_variance_ratio_).tolist())
