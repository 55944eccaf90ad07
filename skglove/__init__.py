"""Text classification with GloVe word vectors and a Keras 1D convnet, as scikit-learn estimators."""

from skglove.classifier import KerasConvTextClassifier
from skglove.datasets import fetch_glove, fetch_newsgroups, load_text_folders
from skglove.displays import TellingWordsDisplay, TrainingHistoryDisplay, WordVectorsDisplay
from skglove.explanations import Explanation, errors, explain, telling_words
from skglove.padder import SequencePadder
from skglove.pipeline import make_text_classifier
from skglove.token_ids import TokenIds, Vocabulary
from skglove.tokenizer import GloveTokenizer
from skglove.vectorizer import GloveVectorizer
from skglove.vectors import UnknownWordError, VectorFileError, WordVectors, load_vectors

__all__ = [
    "Explanation",
    "GloveTokenizer",
    "GloveVectorizer",
    "KerasConvTextClassifier",
    "SequencePadder",
    "TellingWordsDisplay",
    "TokenIds",
    "TrainingHistoryDisplay",
    "UnknownWordError",
    "VectorFileError",
    "Vocabulary",
    "WordVectors",
    "WordVectorsDisplay",
    "errors",
    "explain",
    "fetch_glove",
    "fetch_newsgroups",
    "load_text_folders",
    "load_vectors",
    "make_text_classifier",
    "telling_words",
]

__version__ = "0.2.0.dev0"
