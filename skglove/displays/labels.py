"""Labels of points: placed so that they neither overlap nor leave the axes."""

import numpy as np

# Directions from the point to its label: right, left, up and down are the best to read.
ANGLES = np.deg2rad([0, 180, 90, 270, *range(0, 360, 15)])
# Distances in points. Beyond the second, a thin line leads to the label.
DISTANCES = 5, 9, 16, 25, 36, 50
# What it costs: a pixel of overlap with another label, a pixel outside the axes, a dot or a piece of an arrow
# that is covered, and a point of distance.
OVERLAP, OUTSIDE, COVERED, DISTANCE = 5.0, 100.0, 60.0, 1.0
ARROW_PIECES = 40
# Pixels between labels, and between a label and a dot. Passes over all labels.
GAP, PASSES = 2, 4


def place_labels(ax, points, labels, arrows=()):
    """Write a label beside each point of finished axes.

    It is a greedy search. The first pass takes the best place for one label after the other; further passes
    look for a better one, now that the places of the others are known.

    Parameters
    ----------
    ax : matplotlib Axes
        With their final limits.
    points : ndarray of shape (n, 2), float
        In the coordinates of the data.
    labels : list of n str
    arrows : list of pairs of ints
        Points between which there is an arrow, which labels should not cover.

    Returns
    -------
    texts : list of n matplotlib Annotations
    """
    figure = ax.figure
    figure.draw_without_rendering()  # now the layout is final, and pixels mean something
    pixels, per_point = ax.transData.transform(points), figure.dpi / 72
    steps = np.linspace(0, 1, ARROW_PIECES)[:, None]
    pieces = [pixels[a] + steps * (pixels[b] - pixels[a]) for a, b in arrows]
    obstacles, frame = np.concatenate([pixels, *pieces]), ax.get_window_extent()
    candidates = [
        _boxes(point, _measure(ax, label), per_point) for point, label in zip(pixels, labels, strict=True)
    ]
    costs = [_fixed_costs(boxes, obstacles, frame) for boxes in candidates]
    chosen = np.full((len(labels), 4), -np.inf)  # boxes that overlap none, until they are placed
    places = [0] * len(labels)
    for _ in range(PASSES):
        for i, boxes in enumerate(candidates):
            others = np.delete(chosen, i, axis=0)
            places[i] = int(np.argmin(costs[i] + OVERLAP * _overlaps(boxes, others)))
            chosen[i] = boxes[places[i]]
    offsets = (chosen[:, :2] - pixels) / per_point
    far = [DISTANCES[place // len(ANGLES)] > DISTANCES[1] for place in places]
    return [_write(ax, *each) for each in zip(labels, points, offsets, far, strict=True)]


def _measure(ax, label):
    """Return the width and the height of a label in pixels."""
    text = ax.text(0, 0, label, fontsize="small", parse_math=False)
    extent = text.get_window_extent()
    text.remove()
    return np.array([extent.width, extent.height])


def _boxes(point, size, per_point):
    """Return left, bottom, right and top of a label in all places: (n_places, 4), in pixels."""
    directions = np.column_stack([np.cos(ANGLES), np.sin(ANGLES)])
    distances = np.repeat(DISTANCES, len(ANGLES))[:, None] * per_point
    directions = np.tile(directions, (len(DISTANCES), 1))
    # The side or the corner that is nearest to the point lies at the distance from it.
    starts = point + distances * directions - size * (1 - np.clip(1.5 * directions, -1, 1)) / 2
    return np.hstack([starts, starts + size])


def _fixed_costs(boxes, obstacles, frame):
    """Return what the places cost that does not depend on other labels: (n_places,)."""
    low, high = boxes[:, None, :2], boxes[:, None, 2:]
    covered = ((obstacles > low - GAP) & (obstacles < high + GAP)).all(axis=2).sum(axis=1)
    outside = np.maximum([frame.x0, frame.y0] - boxes[:, :2], 0) + np.maximum(
        boxes[:, 2:] - [frame.x1, frame.y1], 0
    )
    distances = np.repeat(DISTANCES, len(ANGLES))
    return OUTSIDE * outside.sum(axis=1) + COVERED * covered + DISTANCE * distances


def _overlaps(boxes, others):
    """Return how many pixels each box shares with other boxes: (n_boxes,)."""
    low = np.maximum(boxes[:, None, :2] - GAP, others[:, :2])
    high = np.minimum(boxes[:, None, 2:] + GAP, others[:, 2:])
    return (high - low).clip(0).prod(axis=2).sum(axis=1)


def _write(ax, label, xy, offset, far):
    line = {"arrowstyle": "-", "color": "gray", "linewidth": 0.6, "shrinkA": 0, "shrinkB": 3}
    return ax.annotate(
        label,
        xy,
        xytext=offset,
        textcoords="offset points",
        ha="left",
        va="bottom",
        fontsize="small",
        parse_math=False,
        arrowprops=line if far else None,
    )
