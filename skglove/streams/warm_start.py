"""`warm_start=True`: `fit` goes on from the network of the last fit."""

from typing import NamedTuple

import numpy as np

from skglove import vocabulary_checks
from skglove.messages import shortened
from skglove.network.pickling import StoredNetwork
from skglove.token_ids import Vocabulary


class LastFit(NamedTuple):
    """What the next fit goes on from."""

    network: StoredNetwork
    classes: np.ndarray
    multilabel: bool
    vocabulary: Vocabulary | None
    filters: int

    @classmethod
    def of(cls, classifier):
        """Return the last fit of a classifier with ``warm_start=True``; None if there is none.

        Parameters
        ----------
        classifier : KerasConvTextClassifier

        Returns
        -------
        last : LastFit or None
        """
        return cls.before(classifier) if classifier.warm_start else None

    @classmethod
    def before(cls, classifier):
        """Return the last fit of a classifier, whatever its `warm_start`; None if there is none."""
        if not hasattr(classifier, "_network"):
            return None
        return cls(
            classifier._network,
            classifier.classes_,
            classifier._multilabel,
            classifier._vocabulary,
            classifier.settings_["filters"],
        )

    def check(self, documents, classes, multilabel, vocabulary):
        """Refuse other classes, another vocabulary, and ids that the network has no row for.

        Parameters
        ----------
        documents : Documents
            What the next fit learns from.
        classes : ndarray of shape (n_classes,)
            Their labels.
        multilabel : bool
            Whether a document may have several labels.
        vocabulary : Vocabulary or None
            What their ids stand for.

        Returns
        -------
        n_ids : int
            Rows of the embedding.
        """
        if multilabel != self.multilabel:
            kinds = ["one label a document", "an indicator matrix (multilabel)"]
            raise ValueError(
                "warm_start=True can only be used where y is of the same kind as in the previous fit, which "
                f"had {kinds[self.multilabel]}; now y has {kinds[multilabel]}. Fit a clone."
            )
        if not np.array_equal(classes, self.classes):
            raise ValueError(
                "warm_start=True can only be used where y has the same classes as in the previous fit. "
                f"Previously got {shortened(self.classes.tolist())}, y has {shortened(classes.tolist())}."
            )
        old = None if self.vocabulary is None else self.vocabulary.words
        new = None if vocabulary is None else vocabulary.words
        if old != new:
            before, now = map(_describe, (old, new))
            raise ValueError(
                "warm_start=True can only be used where X has ids of the same vocabulary as in the previous "
                f"fit. Previously there was {before}, X has {now}. A tokenizer that is fitted again numbers "
                "words anew: use the one of the previous fit, or GloveTokenizer(vocabulary=...)."
            )
        vocabulary_checks.check_largest(documents, self.network.n_ids, vocabulary)
        return self.network.n_ids


def _describe(words):
    return (
        "no vocabulary" if words is None else f"one of {len(words)} words, the first {shortened(words[:3])}"
    )
