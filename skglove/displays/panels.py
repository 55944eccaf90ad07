"""The axes that a display draws in: the user's, or those of a new figure."""

import numpy as np

# Inches. Two panels fill the width of a notebook's output.
PANEL = 5.0, 3.8


def make_panels(name, ax, n_panels, *, size=PANEL, n_columns=2):
    """Check the axes that a user gave, or make a figure with axes.

    Parameters
    ----------
    name : str
        The class of the display, for errors.
    ax : matplotlib Axes, array-like of n_panels Axes, or None
        None makes a figure.
    n_panels : int
        How many axes are needed.
    size : tuple of two floats, default=(5.0, 3.8)
        Width and height of a new panel in inches.
    n_columns : int, default=2
        Panels side by side in a new figure.

    Returns
    -------
    panels : ndarray of shape (n_panels,), object
        Axes.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    ValueError
        If the number of axes is another.
    """
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError(f"{name}.plot needs matplotlib: pip install 'skglove[plot]'") from error
    if ax is None:
        n_columns = min(n_columns, n_panels)
        n_rows = -(-n_panels // n_columns)
        _, ax = plt.subplots(
            n_rows,
            n_columns,
            figsize=(size[0] * n_columns, size[1] * n_rows),
            squeeze=False,
            layout="constrained",
        )
        for empty in ax.ravel()[n_panels:]:
            empty.remove()
        return ax.ravel()[:n_panels]
    panels = np.array(ax, dtype=object).ravel()
    if len(panels) != n_panels:
        raise ValueError(
            f"{name}.plot draws {n_panels} panels, but ax has {len(panels)} axes. Give {n_panels}."
        )
    return panels


def as_attribute(panels):
    """Return the `ax_` of a display: the axes if there is one panel, otherwise the array of axes."""
    return panels[0] if len(panels) == 1 else panels
