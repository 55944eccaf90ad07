"""Text classification with GloVe word vectors and a Keras 1D convnet, as scikit-learn estimators.

The names below are imported at their first use, as PEP 562 describes. So a process that only predicts from an
exported file starts without scikit-learn.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # for editors and type checkers; `_MODULES` says the same to Python
    from skglove.classifier import KerasConvTextClassifier
    from skglove.datasets import fetch_glove, fetch_newsgroups, load_text_folders
    from skglove.displays import TellingWordsDisplay, TrainingHistoryDisplay, WordVectorsDisplay
    from skglove.explanations import Explanation, errors, explain, telling_words
    from skglove.exported.archive import ExportedFileError
    from skglove.exported.classifier import ExportedClassifier, load_exported
    from skglove.exported.writing import export
    from skglove.padder import SequencePadder
    from skglove.pipeline import make_text_classifier
    from skglove.token_ids import TokenIds, Vocabulary
    from skglove.tokenizer import GloveTokenizer
    from skglove.vectorizer import GloveVectorizer
    from skglove.vectors import UnknownWordError, VectorFileError, WordVectors, load_vectors

__all__ = [
    "Explanation",
    "ExportedClassifier",
    "ExportedFileError",
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
    "export",
    "fetch_glove",
    "fetch_newsgroups",
    "load_exported",
    "load_text_folders",
    "load_vectors",
    "make_text_classifier",
    "telling_words",
]

__version__ = "0.2.0.dev0"

# Where each public name is.
_MODULES = {
    "skglove.classifier": ["KerasConvTextClassifier"],
    "skglove.datasets": ["fetch_glove", "fetch_newsgroups", "load_text_folders"],
    "skglove.displays": ["TellingWordsDisplay", "TrainingHistoryDisplay", "WordVectorsDisplay"],
    "skglove.explanations": ["Explanation", "errors", "explain", "telling_words"],
    "skglove.exported.archive": ["ExportedFileError"],
    "skglove.exported.classifier": ["ExportedClassifier", "load_exported"],
    "skglove.exported.writing": ["export"],
    "skglove.padder": ["SequencePadder"],
    "skglove.pipeline": ["make_text_classifier"],
    "skglove.token_ids": ["TokenIds", "Vocabulary"],
    "skglove.tokenizer": ["GloveTokenizer"],
    "skglove.vectorizer": ["GloveVectorizer"],
    "skglove.vectors": ["UnknownWordError", "VectorFileError", "WordVectors", "load_vectors"],
}
_HOMES = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name):
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_HOMES[name]), name)
    return value


def __dir__():
    return sorted({*globals(), *__all__})
