"""Progress that users see if they ask for it by ``verbose=1``: bars of long work, and a line for each step.

Vectors are read far below the estimator that has `verbose`, through a vocabulary that knows nothing of it.
So `shown` sets a context variable, which `progress_bar` and `say` read.
"""

import sys
import time
from contextlib import contextmanager
from contextvars import ContextVar

# Seconds after which work is long enough for a bar.
DELAY = 2

_verbose = ContextVar("verbose", default=0)


@contextmanager
def shown(verbose):
    """Show progress within a block.

    Parameters
    ----------
    verbose : int or bool
        0 shows nothing.
    """
    token = _verbose.set(int(verbose))
    try:
        yield
    finally:
        _verbose.reset(token)


def say(line):
    """Print what is done next, between the lines that Keras prints.

    Parameters
    ----------
    line : str

    Examples
    --------
    >>> say("nothing is shown")
    >>> with shown(1):
    ...     say("Linear model of words and pairs: 20 documents")
    Linear model of words and pairs: 20 documents
    """
    if _verbose.get():
        print(line, flush=True)


@contextmanager
def progress_bar(label, unit, total=None):
    """Show a bar on stderr if the block takes more than two seconds.

    Without tqdm there is a line when the two seconds have passed, and one at the end.

    Parameters
    ----------
    label : str
        What is done.
    unit : str
        What is counted, such as "texts"; "B" stands for bytes.
    total : int or None, default=None
        How many there are, if that is known.

    Yields
    ------
    advance : callable or None
        Called with the number of units that were done. None if nothing is to be shown.
    """
    if not _verbose.get():
        yield None
        return
    try:
        from tqdm.auto import tqdm
    except ImportError:
        lines = _Lines(label, unit)
        yield lines.update
        lines.close()
        return
    of_unit = {"unit": "B", "unit_scale": True} if unit == "B" else {"unit": f" {unit}"}
    with tqdm(total=total, desc=label, delay=DELAY, **of_unit) as bar:
        yield bar.update


def counted(items, label, unit, total=None):
    """Pass items on, and show a bar of how many there were.

    Parameters
    ----------
    items : iterable
    label, unit, total
        As in `progress_bar`.

    Yields
    ------
    item : object
    """
    with progress_bar(label, unit, total) as advance:
        if advance is None:
            yield from items
            return
        for item in items:
            yield item
            advance(1)


def length_of(items):
    """Return the length of a collection, or None if it has none."""
    try:
        return len(items)
    except TypeError:  # an iterator, or an array of no dimensions
        return None


class _Lines:
    """Two lines instead of a bar."""

    def __init__(self, label, unit):
        self.label, self.unit, self.count, self.announced = label, unit, 0, False
        self.start = time.monotonic()

    def update(self, n):
        self.count += n
        if not self.announced and time.monotonic() - self.start >= DELAY:
            self.announced = True
            print(f"{self.label} ...", file=sys.stderr, flush=True)

    def close(self):
        if self.announced:
            seconds = time.monotonic() - self.start
            amount = f"{self.count / 1e6:,.0f} MB" if self.unit == "B" else f"{self.count:,} {self.unit}"
            print(f"{self.label}: {amount} in {seconds:.0f} s", file=sys.stderr, flush=True)
