"""The blog's script as somebody writes it today, with Keras alone. Takes ten minutes on 2 cores.

    python examples/benchmarks/blog_script.py 20_newsgroup glove.6B.100d.txt

"Using pre-trained word embeddings in a Keras model", F. Chollet, The Keras Blog, 2016. The benchmarks time
these functions. Unlike the blog, they learn the vocabulary from the training texts only.
"""

import os
import sys

import numpy as np
import tensorflow as tf
from keras import Model, layers
from keras.utils import pad_sequences, to_categorical

MAX_WORDS, MAXLEN = 20_000, 1000


def read_texts(folder):
    """Read the texts without their headers, and their labels."""
    texts, labels = [], []
    for label, name in enumerate(sorted(os.listdir(folder))):
        for file in sorted(os.listdir(os.path.join(folder, name))):
            if file.isdigit():
                with open(os.path.join(folder, name, file), encoding="latin-1") as f:
                    text = f.read()
                texts.append(text[max(text.find("\n\n"), 0) :])
                labels.append(label)
    return texts, np.array(labels)


def tokenize(texts):
    """Fit the tokenizer; return it and the token ids of the texts."""
    tokenizer = tf.keras.preprocessing.text.Tokenizer(num_words=MAX_WORDS)
    tokenizer.fit_on_texts(texts)
    return tokenizer, tokenizer.texts_to_sequences(texts)


def pad(sequences):
    """Pad the ids to a matrix."""
    return pad_sequences(sequences, maxlen=MAXLEN)


def read_vectors(glove):
    """Read all vectors into a dict."""
    vectors = {}
    with open(glove, encoding="utf-8") as lines:
        for line in lines:
            values = line.split()
            vectors[values[0]] = np.asarray(values[1:], dtype="float32")
    return vectors


def gather(words, vectors):
    """Make the embedding matrix, with zeros where a word has no vector."""
    matrix = np.zeros((len(words) + 1, len(vectors["the"])))
    for i, word in enumerate(words, 1):
        vector = vectors.get(word)
        if vector is not None:
            matrix[i] = vector
    return matrix


def build(matrix, n_classes):
    """Build and compile the network."""
    ids = layers.Input(shape=(MAXLEN,), dtype="int32")
    x = layers.Embedding(*matrix.shape, weights=[matrix], trainable=False)(ids)
    x = layers.Conv1D(128, 5, activation="relu")(x)
    x = layers.MaxPooling1D(5)(x)
    x = layers.Conv1D(128, 5, activation="relu")(x)
    x = layers.MaxPooling1D(5)(x)
    x = layers.Conv1D(128, 5, activation="relu")(x)
    x = layers.MaxPooling1D(35)(x)  # global max pooling
    x = layers.Flatten()(x)
    x = layers.Dense(128, activation="relu")(x)
    model = Model(ids, layers.Dense(n_classes, activation="softmax")(x))
    model.compile(loss="categorical_crossentropy", optimizer="rmsprop", metrics=["acc"])
    return model


def fit(texts, labels, glove, *, epochs=2, n_texts=None, callbacks=None):
    """Train the network on texts, or on the first `n_texts`; return tokenizer and network."""
    tokenizer, sequences = tokenize(texts)
    data, targets = pad(sequences), to_categorical(labels)
    matrix = gather(tokenizer.word_index, read_vectors(glove))
    model = build(matrix, targets.shape[1])
    model.fit(
        data[:n_texts], targets[:n_texts], batch_size=128, epochs=epochs, verbose=0, callbacks=callbacks
    )
    return tokenizer, model


def main():
    texts, labels = read_texts(sys.argv[1])
    indices = np.arange(len(texts))
    np.random.shuffle(indices)
    texts, labels = [texts[i] for i in indices], labels[indices]
    n = int(0.2 * len(texts))
    tokenizer, model = fit(texts[:-n], labels[:-n], sys.argv[2])
    predicted = model.predict(pad(tokenizer.texts_to_sequences(texts[-n:]))).argmax(axis=1)
    print(f"accuracy on {n} held-out texts: {np.mean(predicted == labels[-n:]):.3f}")


if __name__ == "__main__":
    main()
