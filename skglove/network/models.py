"""Networks that compute no padding. Importing this module registers all of skglove's classes in Keras."""

import keras
from keras import layers, ops

from skglove.network.layers import MaskPadding, MinimumLength, ResidualConv1D
from skglove.network.packing import pack_words, packed_maxima, packed_sums


class PackedNetwork(keras.Model):
    """A functional model that gives the same results without computing the padding.

    It is made, as any functional model, from inputs and outputs: padded ids; an embedding; layers up to one
    named "global_pooling"; then a chain of layers to the output. It has the layers, weights and results of
    that model. On TensorFlow it computes everything up to "global_pooling" by `compute_features`, which a
    subclass writes. The subclass names the layers that it computes there in `computed`; another layer is an
    error.

    With `jit_compile`, and on other backends, it computes the padding too: compilers need shapes that are
    known beforehand.
    """

    computed = ()

    def call(self, inputs, training=None, mask=None):
        """Compute the output for ids of shape (n_documents, n_columns)."""
        if self.jit_compile or keras.backend.backend() != "tensorflow":
            return super().call(inputs, training=training, mask=mask)
        pooling = self.layers.index(self.get_layer("global_pooling"))
        for step in self.layers[:pooling]:
            if not isinstance(step, (layers.InputLayer, layers.Embedding, *self.computed)):
                raise TypeError(
                    f"{type(self).__name__} skips the padding, and cannot compute the layer {step.name!r} "
                    f"({type(step).__name__}) then: add it to compute_features and to computed."
                )
        x = self.compute_features(ops.convert_to_tensor(inputs, "int32"))
        for step in self.layers[pooling + 1 :]:
            x = step(x)
        return x

    def compute_features(self, ids):
        """Compute the output of "global_pooling" from the words alone.

        Parameters
        ----------
        ids : tensor of shape (n_documents, n_columns), int32
            Padded ids; 0 is padding.

        Returns
        -------
        features : tensor of shape (n_documents, n_features)
            The output of the layer "global_pooling".
        """
        raise NotImplementedError

    def layers_of(self, kind):
        """List the layers of a class, in their order."""
        return [step for step in self.layers if isinstance(step, kind)]


@keras.saving.register_keras_serializable("skglove")
class PackedConvnet(PackedNetwork):
    """Convolutions with max pooling between them, then global max pooling."""

    computed = MinimumLength, layers.Conv1D, layers.MaxPooling1D

    def compute_features(self, ids):
        """Compute the global maxima of the last convolution."""
        pool_sizes = [size for step in self.layers_of(layers.MaxPooling1D) for size in step.pool_size]
        ids = self.get_layer("padding")(ids)
        return packed_maxima(ids, self.get_layer("embedding"), self.layers_of(layers.Conv1D), pool_sizes)


@keras.saving.register_keras_serializable("skglove")
class PackedParallelConvnet(PackedNetwork):
    """Convolutions of several widths side by side, each followed by its maximum over time."""

    computed = MinimumLength, MaskPadding, layers.Conv1D, layers.GlobalMaxPooling1D

    def compute_features(self, ids):
        """Compute the global maxima of all convolutions."""
        convolutions = self.layers_of(layers.Conv1D)
        widest = max(size for step in convolutions for size in step.kernel_size)
        words = pack_words(self.get_layer("padding")(ids), self.get_layer("embedding"), widest)
        return ops.concatenate([words.maxima(convolution) for convolution in convolutions], axis=-1)


@keras.saving.register_keras_serializable("skglove")
class PackedResidualNet(PackedNetwork):
    """Residual convolutions, then a weighted sum over words."""

    computed = (ResidualConv1D,)

    def compute_features(self, ids):
        """Compute the weighted sums."""
        embedding, pooling = self.get_layer("embedding"), self.get_layer("global_pooling")
        return packed_sums(ids, embedding, self.layers_of(ResidualConv1D), pooling)


def rebuild(name, config):
    """Rebuild a network from its configuration, with initial weights.

    Parameters
    ----------
    name : str
        Class of the network, such as "PackedConvnet".
    config : dict
        What its `get_config` returned. The names that layers had in earlier releases are understood.

    Returns
    -------
    model : keras.Model
        The network.
    """
    return keras.saving.get_custom_objects()[f"skglove>{name}"].from_config(config)
