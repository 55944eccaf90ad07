"""Messages: short representations of values, and warnings that point to the user's line."""

import reprlib
import sys
import warnings

_REPR = reprlib.Repr()
_REPR.maxstring = _REPR.maxother = _REPR.maxlong = 60
_REPR.maxlevel = 2


def shortened(value, limit=60):
    """Return the `repr` of a value, shortened. Of a large container, only the first items are read.

    Parameters
    ----------
    value : object
        Any object, such as what a user gave.
    limit : int, default=60
        The maximal number of characters.

    Returns
    -------
    text : str
        With "..." for what is left out.

    Examples
    --------
    >>> shortened("cat")
    "'cat'"
    >>> shortened(["cat"] * 1_000_000)
    "['cat', 'cat', 'cat', 'cat', 'cat', 'cat', ...]"
    """
    text = _REPR.repr(value)
    return text if len(text) <= limit else text[: limit - 3] + "..."


def warn(message, category=UserWarning):
    """Warn at the line that called this package, directly or through scikit-learn or joblib.

    Parameters
    ----------
    message : str
    category : type, default=UserWarning
        Class of the warning.
    """
    frame, level = sys._getframe(1), 2
    while frame.f_back and frame.f_globals.get("__name__", "").startswith(
        ("skglove.", "sklearn.", "joblib.")
    ):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)


class ShortErrors:
    """Mixin for estimators: errors about a parameter do not show all of a long value."""

    def _validate_params(self):
        try:
            super()._validate_params()
        except ValueError as error:
            message = str(error)
            if len(message) <= 500:
                raise
            raise type(error)(f"{message[:400]} ... {message[-40:]}") from None
