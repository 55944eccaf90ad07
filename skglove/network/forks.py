"""Forked processes cannot use Keras if their parent has used it: they would hang. They get an error."""

import os

_user = None  # id of the process that first used Keras


def refuse_fork():
    """Raise an error if this process was forked from a process that has used Keras.

    Call this before Keras is used. Keras's backends keep threads. A fork does not copy them, so
    the child would wait for them forever. Only its use by skglove is known: if other code has used
    TensorFlow in the parent, there is no error.

    Raises
    ------
    RuntimeError
        If this process was forked after its parent used Keras.
    """
    process = os.getpid()
    if _user not in (None, process):
        raise RuntimeError(
            f"This process ({process}) was forked from one ({_user}) that has used Keras (fit, model_, or "
            "predictions in bfloat16). Keras's backend would wait here for ever, because a fork copies none "
            "of its threads. Start processes with multiprocessing.get_context('spawn') or joblib's backend "
            "'loky'. Or load the pickled classifier in the parent or in the child, and use it in children "
            "alone."
        )


def record_use():
    """Record that this process uses Keras, before it is imported; refuse as `refuse_fork` does."""
    global _user
    refuse_fork()
    _user = os.getpid()
