"""Messages: short representations of values, and warnings that point to the user's line."""

import difflib
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


def nearest_names(name, names):
    """Say which names are most like a misspelt one.

    Parameters
    ----------
    name : str
        What a user wrote.
    names : iterable of str
        The right names.

    Returns
    -------
    hint : str
        A question that starts with a space; empty if no name is like it.

    Examples
    --------
    >>> nearest_names("epohcs", ["epochs", "dropout"])
    " Did you mean 'epochs'?"
    """
    nearest = difflib.get_close_matches(name, names, n=2)
    return f" Did you mean {' or '.join(map(repr, nearest))}?" if nearest else ""


class ShortErrors:
    """Mixin for estimators: errors about a parameter are short and help to find the right name."""

    def set_params(self, **params):
        """Set parameters.

        Parameters
        ----------
        **params : dict
            Parameters by name.

        Returns
        -------
        self : estimator instance
            This estimator.

        Raises
        ------
        ValueError
            If there is no such parameter. The message names the nearest.
        """
        names = self.get_params(deep=False)
        wrong = next((name for name in params if name.partition("__")[0] not in names), None)
        if wrong is not None:
            raise ValueError(
                f"Invalid parameter {shortened(wrong)} for estimator {type(self).__name__}."
                f"{nearest_names(wrong, names)} Valid parameters are: {', '.join(names)}."
            )
        return super().set_params(**params)

    def _validate_params(self):
        try:
            super()._validate_params()
        except ValueError as error:
            message = str(error)
            if len(message) <= 500:
                raise
            raise type(error)(f"{message[:400]} ... {message[-40:]}") from None
