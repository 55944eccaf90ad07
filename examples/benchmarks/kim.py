"""The network of Kim (EMNLP 2014) in plain Keras, as a user would write it: the peer of skglove's networks.

Filters of widths 3, 4 and 5, a hundred each, the maximum of each over the text, dropout of 0.5, softmax. The
vectors are fine-tuned; words without a vector start uniformly in +-0.25. Adam, batches of 50. A tenth of the
training texts tells the number of epochs; the network is then fitted anew on all of them. Texts are padded to
the longest, at most 400 words: plain Keras computes the padding, so that longer posts would take hours.
"""

import math

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.model_selection import train_test_split

from skglove import GloveTokenizer, SequencePadder

MAXLEN = 400
MAX_EPOCHS, PATIENCE, MIN_STEPS = 50, 3, 30


def build(matrix, n_classes, jit_compile="auto"):
    """Build and compile the network."""
    import keras
    from keras import layers

    inputs = keras.Input((None,), dtype="int32")
    embedding = layers.Embedding(*matrix.shape)
    words = embedding(inputs)
    embedding.set_weights([matrix])
    features = [
        layers.GlobalMaxPooling1D()(layers.Conv1D(100, width, activation="relu")(words))
        for width in (3, 4, 5)
    ]
    features = layers.Dropout(0.5)(layers.Concatenate()(features))
    outputs = layers.Dense(n_classes, activation="softmax")(features)
    model = keras.Model(inputs, outputs)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"], jit_compile=jit_compile)
    return model


class KimClassifier(ClassifierMixin, BaseEstimator):
    """Kim's network on the vectors that skglove has too; `style` is that of `GloveTokenizer`.

    Without a number of `epochs`, held-out texts tell it.
    """

    def __init__(self, vectors, style="keras", seed=0, epochs=None):
        self.vectors, self.style, self.seed, self.epochs = vectors, style, seed, epochs

    def fit(self, texts, codes):
        import keras

        keras.utils.set_random_seed(self.seed)
        self.classes_ = np.unique(codes)
        self.tokenizer_ = GloveTokenizer(self.vectors, style=self.style)
        ids = self.tokenizer_.fit_transform(texts)
        longest = max(len(row) for row in ids)
        # Five columns at least, for the widest filter.
        self.padder_ = SequencePadder(min(max(longest, 5), MAXLEN)).fit(ids)
        inputs, targets = np.asarray(self.padder_.transform(ids)), np.searchsorted(self.classes_, codes)
        matrix = ids.vocabulary.embedding_matrix()
        unknown = ~ids.vocabulary.has_vectors()
        shape = unknown.sum(), matrix.shape[1]
        matrix[1:][unknown] = np.random.RandomState(self.seed).uniform(-0.25, 0.25, shape)
        self.epochs_ = self.epochs or self._choose_epochs(matrix, inputs, targets)
        self.model_ = self._build(matrix)
        self.model_.fit(inputs, targets, batch_size=50, epochs=self.epochs_, verbose=0)
        return self

    def predict_proba(self, texts):
        inputs = np.asarray(self.padder_.transform(self.tokenizer_.transform(texts)))
        return self.model_.predict(inputs, batch_size=250, verbose=0)

    def predict(self, texts):
        return self.classes_[self.predict_proba(texts).argmax(axis=1)]

    def _build(self, matrix):
        # Not XLA, which takes longer here.
        return build(matrix, len(self.classes_), jit_compile=False)

    def _choose_epochs(self, matrix, inputs, targets):
        """Return the epochs after which most of a held-out tenth is right; the lower loss breaks ties."""
        import keras

        n_held_out = math.ceil(len(targets) / 10)
        stratify = targets if n_held_out >= len(self.classes_) and np.bincount(targets).min() > 1 else None
        rest, held_out = train_test_split(
            np.arange(len(targets)), test_size=n_held_out, random_state=self.seed, stratify=stratify
        )
        # Small data has few steps an epoch: nothing has been learned after three epochs.
        patience = max(PATIENCE, math.ceil(MIN_STEPS * 50 / len(rest)))

        class Score(keras.callbacks.Callback):
            def on_epoch_end(self, epoch, logs=None):
                # The loss counts for less than one text.
                logs["score"] = logs["val_accuracy"] * n_held_out - min(logs["val_loss"], 99) / 100

        stop = keras.callbacks.EarlyStopping("score", mode="max", patience=patience)
        history = self._build(matrix).fit(
            inputs[rest],
            targets[rest],
            batch_size=50,
            epochs=max(MAX_EPOCHS, 4 * patience),
            validation_data=(inputs[held_out], targets[held_out]),
            callbacks=[Score(), stop],
            verbose=0,
        )
        return int(np.argmax(history.history["score"])) + 1
