"""Text classification with GloVe word vectors and a Keras 1D convnet, as scikit-learn estimators."""

__version__ = "0.1.0"
