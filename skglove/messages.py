"""Warnings and the values in messages, which must not grow with the data."""

import reprlib
import sys
import warnings

_REPR = reprlib.Repr()
_REPR.maxstring = _REPR.maxother = _REPR.maxlong = 60
_REPR.maxlevel = 2


def shortened(value, limit=60):
    """Write a value as `repr` does, cut to a length, without looking at all of a large container.

    Parameters
    ----------
    value : object
        What a user gave.
    limit : int, default=60
        The most characters.

    Returns
    -------
    text : str
        With "..." in the place of what is left out.

    Examples
    --------
    >>> shortened("cat")
    "'cat'"
    >>> shortened(["cat"] * 1_000_000)
    "['cat', 'cat', 'cat', 'cat', 'cat', 'cat', ...]"
    """
    text = _REPR.repr(value)
    return text if len(text) <= limit else text[: limit - 3] + "..."


def warn(message):
    """Warn as from the line that called this package, perhaps through scikit-learn and joblib.

    Parameters
    ----------
    message : str
    """
    frame, level = sys._getframe(1), 2
    while frame.f_back and frame.f_globals.get("__name__", "").startswith(
        ("skglove.", "sklearn.", "joblib.")
    ):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, stacklevel=level)


class ShortErrors:
    """Mixin for estimators: what is wrong with a parameter is said without all of its value."""

    def _validate_params(self):
        try:
            super()._validate_params()
        except ValueError as error:
            message = str(error)
            if len(message) <= 500:
                raise
            raise type(error)(f"{message[:400]} ... {message[-40:]}") from None
