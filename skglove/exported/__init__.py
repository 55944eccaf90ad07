"""Fitted pipelines as one file, from which texts are classified without TensorFlow, Keras and scikit-learn.

`writing` makes the file, `onnx_graph` the network in it. `archive` writes and reads its members, and refuses
files that are damaged. `classifier` predicts.
"""
