"""Adversarial training: word vectors are moved in the direction in which the loss rises most.

A network that must also be right there overfits less [1]_.

References
----------
.. [1] T. Miyato, A. M. Dai, I. Goodfellow, "Adversarial Training Methods for Semi-Supervised Text
   Classification", ICLR 2017.
"""

import keras
from keras import ops

from skglove.network.inference import TINY


def gradient_of(loss_of, x):
    """Differentiate a function, on any backend.

    Parameters
    ----------
    loss_of : callable
        From a tensor to a scalar. It must not change any state.
    x : tensor
        Where to differentiate.

    Returns
    -------
    gradient : tensor of the shape of `x`
        A constant: nothing is differentiated through it.
    """
    if keras.backend.backend() == "jax":
        import jax

        return jax.lax.stop_gradient(jax.grad(loss_of)(x))
    if keras.backend.backend() == "torch":
        import torch

        with torch.enable_grad():
            x = x.detach().requires_grad_()
            return torch.autograd.grad(loss_of(x), x)[0]
    import tensorflow as tf

    with tf.GradientTape(watch_accessed_variables=False) as tape:
        x = tf.stop_gradient(x)
        tape.watch(x)
        loss = loss_of(x)
    return tf.stop_gradient(tape.gradient(loss, x))


def shifts_along(gradient, length):
    """Scale each vector of a gradient (..., dim) to an L2 norm of `length`. Zero vectors stay zero."""
    x = ops.cast(gradient, "float32")
    norm = ops.sqrt(ops.sum(x * x, axis=-1, keepdims=True))
    return ops.cast(x * (length / (norm + TINY**2)), gradient.dtype)
