"""The network as an ONNX graph, from its configuration and weights, without Keras.

The weights keep Keras's layout, because `LookupNetwork` uses them too. The graph transposes kernels, which
ONNX Runtime does once, when it loads them.
"""

import numpy as np

from skglove.network.inference import NORM, SCALE, TINY, weights_by_layer

# Of the first ONNX Runtime that NumPy 1.26 and Python 3.11 can use. Nothing newer is needed.
OPSET, IR_VERSION = 17, 8
# What prediction needs of the configuration of a layer.
OPTIONS = "name", "activation", "n_columns", "kernel_size", "pool_size"
# A multiple of the page size, so that ONNX Runtime can map external weights.
WEIGHT_ALIGNMENT = 4096
WEIGHTS_FILE = "network.weights"


def shorten_config(config):
    """Reduce a Keras configuration to what `OnnxGraph` and `LookupNetwork` need, all of which JSON has.

    Parameters
    ----------
    config : dict
        Configuration of a network in `skglove.network.models`.

    Returns
    -------
    config : dict
    """
    layers = [
        {
            "class_name": layer["class_name"],
            "config": {name: layer["config"][name] for name in OPTIONS if name in layer["config"]},
        }
        for layer in config["layers"]
    ]
    return {"layers": layers}


def lay_out(config, weights):
    """Put weights one after the other into one file.

    Parameters
    ----------
    config : dict
        Configuration of the network.
    weights : list of ndarray, float32
        Its weights.

    Returns
    -------
    tensors : list of dict
        "name", "shape" and "offset" of each array, in the order of `weights`.
    data : bytearray
        The content of the file.
    """
    by_layer = weights_by_layer(config, weights)
    names = [f"{layer}/{i}" for layer, arrays in by_layer.items() for i in range(len(arrays))]
    tensors, size = [], 0
    for name, array in zip(names, weights, strict=True):
        tensors.append({"name": name, "shape": list(array.shape), "offset": size})
        size += -(-array.nbytes // WEIGHT_ALIGNMENT) * WEIGHT_ALIGNMENT
    data = bytearray(size)
    for tensor, array in zip(tensors, weights, strict=True):
        np.frombuffer(data, "<f4", array.size, tensor["offset"])[:] = array.ravel()
    return tensors, data


class OnnxGraph:
    """Builds the graph of a network.

    Its input is "ids", int32 of shape (n_documents, n_columns): token ids, each document padded at its
    beginning with 0 to the columns that the network was trained with. Its output is "probabilities", float32
    of shape (n_documents, n_classes).

    Parameters
    ----------
    config : dict
        As `shorten_config` returns it.
    tensors : list of dict
        As `lay_out` returns them.
    """

    def __init__(self, config, tensors):
        import onnx

        self._onnx = onnx
        self._layers = config["layers"]
        self._nodes, self._constants = [], {}
        self._weights = [self._external(**tensor) for tensor in tensors]

    def build(self):
        """Build the graph.

        Returns
        -------
        model : bytes
            The ONNX model, whose weights are in the file WEIGHTS_FILE beside it.
        """
        onnx, helper = self._onnx, self._onnx.helper
        self._write()
        self._nodes[-1].output[0] = "probabilities"
        n_outputs = self._n_outputs()
        graph = helper.make_graph(
            self._nodes,
            "skglove",
            [helper.make_tensor_value_info("ids", onnx.TensorProto.INT32, ["documents", "columns"])],
            [
                helper.make_tensor_value_info(
                    "probabilities", onnx.TensorProto.FLOAT, ["documents", n_outputs]
                )
            ],
            [*self._weights, *self._constants.values()],
        )
        model = helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=IR_VERSION,
            producer_name="skglove",
        )
        return model.SerializeToString()

    def _n_outputs(self):
        last = "classes/1" if self._of_kind("SparseBiasDense") else "heads/1"
        return next(weight.dims[0] for weight in self._weights if weight.name == last)

    def _write(self):
        """Write the nodes of all layers."""
        least = self._of_kind("MinimumLength")[0]["n_columns"]
        ids = self._pad("ids", least)
        x = self._add("Gather", ["embedding/0", ids], axis=0)
        if self._of_kind("MaskPadding"):
            is_word = self._add("Cast", [ids], to=self._onnx.TensorProto.BOOL)
            is_word = self._add("Unsqueeze", [is_word, self._ints(2)])
            x = self._add("Where", [is_word, x, self._number(0)])
        channels_first = self._add("Transpose", [x], perm=[0, 2, 1])
        if self._of_kind("MaxPooling1D") or self._of_kind("Dense"):
            features = self._stacked(channels_first)
        else:
            maxima = [
                self._maximum(self._convolve(channels_first, layer["name"]))
                for layer in self._of_kind("Conv1D")
            ]
            features = self._add("Concat", maxima, axis=1) if len(maxima) > 1 else maxima[0]
        if self._of_kind("Heads"):
            self._pool_heads(features, self._sum_words(x, ids, is_word))
        else:
            (classes,) = self._of_kind("SparseBiasDense")
            self._dense(features, "classes", 0, classes["activation"])

    def _stacked(self, x):
        """Write convolutions with max pooling between them, global max pooling and a dense layer."""
        poolings = self._of_kind("MaxPooling1D")
        for i, layer in enumerate(self._of_kind("Conv1D")):
            x = self._convolve(x, layer["name"])
            if i < len(poolings):
                size = list(np.atleast_1d(poolings[i]["pool_size"]).tolist())
                x = self._add("MaxPool", [x], kernel_shape=size, strides=size)
        (dense,) = self._of_kind("Dense")
        return self._dense(self._maximum(x), dense["name"], 0, dense["activation"])

    def _pool_heads(self, maxima, sums):
        """Write the classifiers of "hybrid", and their pool."""
        (heads,), (pool,) = self._of_kind("Heads"), self._of_kind("HeadPool")
        squares = self._add("ReduceSum", [self._add("Mul", [sums, sums]), self._ints(1)], keepdims=1)
        root = self._add("Sqrt", [self._add("Add", [squares, self._number(TINY**2)])])
        root = self._add("Add", [root, self._number(TINY)])
        sums = self._add("Mul", [sums, self._add("Div", [self._number(NORM), root])])
        activation = heads["activation"]
        parts = [self._dense(maxima, "heads", 0, activation), self._dense(sums, "heads", 2, activation)]
        if pool["activation"] == "softmax":
            tiny = self._number(np.finfo(np.float32).tiny)
            parts = [self._add("Log", [self._add("Max", [part, tiny])]) for part in parts]
        factors = self._add("Split", [f"{pool['name']}/0"], n_outputs=2, axis=0)
        weighted = [self._add("Mul", [part, factor]) for part, factor in zip(parts, factors, strict=True)]
        self._activate(self._add("Add", weighted), pool["activation"])

    def _sum_words(self, x, ids, is_word):
        """Write the sum of vectors, weighted."""
        logarithms = self._add("Gather", ["sum/0", ids], axis=0)
        weights = self._add("Exp", [self._add("Mul", [logarithms, self._number(SCALE)])])
        weights = self._add(
            "Where", [is_word, self._add("Unsqueeze", [weights, self._ints(2)]), self._number(0)]
        )
        return self._add("ReduceSum", [self._add("Mul", [x, weights]), self._ints(1)], keepdims=0)

    def _pad(self, ids, least):
        """Pad short documents at their beginning."""
        n_columns = self._add("Gather", [self._add("Shape", [ids]), self._ints(1)], axis=0)
        missing = self._add("Max", [self._add("Sub", [self._ints(least), n_columns]), self._ints(0)])
        pads = self._add("Concat", [self._ints(0), missing, self._ints(0, 0)], axis=0)
        return self._add("Pad", [ids, pads, self._constant(np.int32(0))])

    def _convolve(self, x, name):
        kernel = self._add("Transpose", [f"{name}/0"], perm=[2, 1, 0])
        return self._add("Relu", [self._add("Conv", [x, kernel, f"{name}/1"])])

    def _maximum(self, x):
        return self._add("ReduceMax", [x], axes=[2], keepdims=0)

    def _dense(self, x, name, first, activation):
        return self._activate(self._add("Gemm", [x, f"{name}/{first}", f"{name}/{first + 1}"]), activation)

    def _activate(self, x, activation):
        if activation == "linear":
            return x
        options = {"axis": 1} if activation == "softmax" else {}
        return self._add(
            {"softmax": "Softmax", "sigmoid": "Sigmoid", "relu": "Relu"}[activation], [x], **options
        )

    def _of_kind(self, class_name):
        return [layer["config"] for layer in self._layers if layer["class_name"] == class_name]

    def _add(self, operator, inputs, n_outputs=1, **attributes):
        """Add a node; return the name of its output, or a list of several."""
        names = [f"{operator}_{len(self._nodes)}_{i}" for i in range(n_outputs)]
        self._nodes.append(self._onnx.helper.make_node(operator, inputs, names, **attributes))
        return names[0] if n_outputs == 1 else names

    def _ints(self, *values):
        return self._constant(np.array(values, dtype=np.int64))

    def _number(self, value):
        return self._constant(np.float32(value))

    def _constant(self, array):
        array = np.asarray(array)
        name = f"{array.dtype}_{array.tolist()}"
        self._constants[name] = self._onnx.numpy_helper.from_array(array, name)
        return name

    def _external(self, name, shape, offset):
        """Declare a tensor in the file of weights."""
        place = {"location": WEIGHTS_FILE, "offset": offset, "length": 4 * int(np.prod(shape))}
        proto = self._onnx.TensorProto
        tensor = proto(name=name, dims=shape, data_type=proto.FLOAT, data_location=proto.EXTERNAL)
        for key, value in place.items():
            tensor.external_data.add(key=key, value=str(value))
        return tensor
