"""A process that was forked from one that has used a network: refused, because it would wait for ever."""

import os

_user = None  # the process that first used a network


def refuse_fork():
    """Note that this process uses a network, or raise an error if the process that it was forked from has.

    Call this before Keras is touched. Its backends keep threads, which a fork does not copy, and the child
    waits for their answers. Only what skglove has done is known: a process in which other code has used
    TensorFlow is not recognised.

    Raises
    ------
    RuntimeError
        If this process was forked after its parent had used a network.
    """
    global _user
    process = os.getpid()
    if _user is None:
        _user = process
    elif _user != process:
        raise RuntimeError(
            f"This process ({process}) was forked from one ({_user}) that has used a network (fit, predict, "
            "model_). Keras's backend would wait here for ever, because a fork copies none of its threads. "
            "Start processes with multiprocessing.get_context('spawn') or joblib's backend 'loky'. Or load "
            "the pickled classifier in the parent or in the child, and use it in children alone."
        )
