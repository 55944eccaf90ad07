"""A fit that fails leaves an estimator as it was."""

from contextlib import contextmanager


@contextmanager
def rollback(estimator):
    """Give an estimator back all its attributes if what is done to it fails, or is interrupted.

    Parameters
    ----------
    estimator : object
        What a fit is about to change.
    """
    before = dict(vars(estimator))
    try:
        yield
    except BaseException:
        vars(estimator).clear()
        vars(estimator).update(before)
        raise
