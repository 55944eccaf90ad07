"""Labels of points: placed so that they neither overlap nor leave the axes."""

import numpy as np

# Directions from the point to its label, the best to read first.
DIRECTIONS = (1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, 1), (1, -1), (-1, -1)
# Distances in points. Beyond the second, a thin line leads to the label.
DISTANCES = 5, 9, 16, 25, 36, 50, 66
# What a pixel of overlap with another label or of length outside the axes costs, what a covered dot or a
# piece of a covered arrow costs, and what a point of distance costs.
OVERLAP, OUTSIDE, COVERED, DISTANCE = 5.0, 100.0, 60.0, 1.0
ARROW_PIECES = 40


def place_labels(ax, points, labels, arrows=()):
    """Write a label beside each point of finished axes.

    It is a greedy search: for one label after the other, the place of the lowest cost is taken.

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
    pixels = ax.transData.transform(points)
    per_point = figure.dpi / 72
    frame = ax.get_window_extent()
    steps = np.linspace(0, 1, ARROW_PIECES)[:, None]
    pieces = [pixels[a] + steps * (pixels[b] - pixels[a]) for a, b in arrows]
    obstacles = np.concatenate([pixels, *pieces])
    boxes, texts = np.empty((0, 4)), []
    for point, xy, label in zip(pixels, points, labels, strict=True):
        width, height = _measure(ax, label)
        best = None
        for distance in DISTANCES:
            for direction in DIRECTIONS:
                box = _box(point, direction, distance * per_point, width, height)
                cost = _cost(box, boxes, obstacles, frame) + DISTANCE * distance
                if best is None or cost < best[0]:
                    best = cost, box, direction, distance
        _, box, direction, distance = best
        boxes = np.vstack([boxes, box])
        texts.append(_write(ax, label, xy, direction, distance))
    return texts


def _measure(ax, label):
    """Return the width and the height of a label in pixels."""
    text = ax.text(0, 0, label, fontsize="small", parse_math=False)
    extent = text.get_window_extent()
    text.remove()
    return extent.width, extent.height


def _box(point, direction, distance, width, height):
    """Return left, bottom, right and top of a label in pixels."""
    diagonal = all(direction)
    away = distance * (0.7 if diagonal else 1)
    x, y = point[0] + direction[0] * away, point[1] + direction[1] * away
    left = x - width * (1 - direction[0]) / 2
    bottom = y - height * (1 - direction[1]) / 2
    return np.array([left, bottom, left + width, bottom + height])


def _cost(box, boxes, obstacles, frame):
    left, bottom, right, top = box
    sides = np.minimum(boxes[:, 2:] + 2, box[2:]) - np.maximum(boxes[:, :2] - 2, box[:2])
    overlap = np.where((sides > 0).all(axis=1), sides.clip(0).prod(axis=1), 0).sum()
    outside = sum(
        max(0, length) for length in (frame.x0 - left, frame.y0 - bottom, right - frame.x1, top - frame.y1)
    )
    covered = ((obstacles > box[:2] - 3) & (obstacles < box[2:] + 3)).all(axis=1).sum()
    return OVERLAP * overlap + OUTSIDE * outside + COVERED * covered


def _write(ax, label, xy, direction, distance):
    away = distance * (0.7 if all(direction) else 1)
    line = {"arrowstyle": "-", "color": "gray", "linewidth": 0.6, "shrinkA": 0, "shrinkB": 3}
    return ax.annotate(
        label,
        xy,
        xytext=(direction[0] * away, direction[1] * away),
        textcoords="offset points",
        ha=("right", "center", "left")[direction[0] + 1],
        va=("top", "center", "bottom")[direction[1] + 1],
        fontsize="small",
        parse_math=False,
        arrowprops=line if distance > DISTANCES[1] else None,
    )
