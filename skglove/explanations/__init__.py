"""Why a text was filed where it was: explanations, telling words and errors."""

from skglove.explanations.explanation import Explanation, explain
from skglove.explanations.misfiled import errors
from skglove.explanations.telling import telling_words

__all__ = ["Explanation", "errors", "explain", "telling_words"]
