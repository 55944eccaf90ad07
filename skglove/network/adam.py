"""Adam that reads and writes each variable once, by an operation of TensorFlow."""

from types import SimpleNamespace

import keras
from keras import ops


@keras.saving.register_keras_serializable("skglove")
class OnePassAdam(keras.optimizers.Adam):
    """Keras's Adam, with the same variables and the same results up to rounding.

    Keras writes Adam as a dozen operations on whole arrays. For the vectors of all words that are trained,
    they take longer than the gradient. TensorFlow has one operation for all of it, which in half precision
    rounds more: variables of another type than float32 are updated by Keras.
    """

    _numbers = None

    def apply(self, grads, trainable_variables=None):
        """Update variables by their gradients."""
        step, beta_1, beta_2, epsilon = (
            ops.cast(number, "float32")
            for number in (self.iterations + 1, self.beta_1, self.beta_2, self.epsilon)
        )
        # Once for all variables: each operation takes time to trace.
        self._numbers = SimpleNamespace(
            beta1_power=ops.power(beta_1, step),
            beta2_power=ops.power(beta_2, step),
            beta1=beta_1,
            beta2=beta_2,
            epsilon=epsilon,
        )
        try:
            return super().apply(grads, trainable_variables)
        finally:
            self._numbers = None

    def update_step(self, gradient, variable, learning_rate):
        """Update a variable by its gradient."""
        if self.amsgrad or variable.dtype != "float32":
            return super().update_step(gradient, variable, learning_rate)
        import tensorflow as tf

        index = self._get_variable_index(variable)
        tf.raw_ops.ResourceApplyAdam(
            var=_resource(variable),
            m=_resource(self._momentums[index]),
            v=_resource(self._velocities[index]),
            lr=ops.cast(learning_rate, "float32"),
            grad=ops.cast(gradient, "float32"),
            **vars(self._numbers),
        )


def _resource(variable):
    """Return what operations of TensorFlow take for a variable, which may be Keras's or TensorFlow's."""
    return (variable.value if isinstance(variable, keras.Variable) else variable).handle
