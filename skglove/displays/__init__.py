"""Pictures, by scikit-learn's conventions: ``from_...`` computes, ``plot`` draws with matplotlib."""

from skglove.displays.telling_words import TellingWordsDisplay
from skglove.displays.training_history import TrainingHistoryDisplay
from skglove.displays.word_vectors import WordVectorsDisplay

__all__ = ["TellingWordsDisplay", "TrainingHistoryDisplay", "WordVectorsDisplay"]
