"""skglove's networks beside the same networks in plain Keras, on any backend. Half an hour on 2 cores.

    KERAS_BACKEND=jax python examples/benchmarks/backends.py --data DATA --glove glove.6B.100d.txt
    KERAS_BACKEND=torch python examples/benchmarks/backends.py --data DATA --glove glove.6B.100d.txt

DATA has the folder 20_newsgroup and the files trec.train and trec.test. Where there is a GPU, Keras uses it.
Plain Keras and skglove take turns in one process, with the same ids, vectors, sizes and numbers of epochs.
Both see the same columns, so that the networks are the same: those of the longest text, at most `MAXLEN`. A
first round warms up and is not counted. The times are those of training and prediction alone, with compiling;
CPU seconds in brackets. Texts are tokenized before.
"""

import argparse
import json
import time
from statistics import median

import keras
import kim
import numpy as np
from groups import GROUPS
from keras import layers, ops

from skglove import GloveTokenizer, KerasConvTextClassifier, SequencePadder

MAXLEN = 1000
EPOCHS = {"trec": 4, "cut": 2}
LEAST = {"stacked": 149, "parallel": 5, "hybrid": 5}  # columns that a network needs
BATCH_SIZE = {"stacked": 128, "parallel": 50, "hybrid": 50}
COLUMNS = "backend", "texts", "network", "plain fit", "skglove fit", "times", "plain predict"
COLUMNS += "skglove predict", "times", "accuracies"


def build_stacked(matrix, n_classes):
    """Build the blog's network for any number of columns."""
    ids = layers.Input(shape=(None,), dtype="int32")
    embedding = layers.Embedding(*matrix.shape, trainable=False)
    x = embedding(ids)
    embedding.set_weights([matrix])
    for size in (5, 5, None):
        x = layers.Conv1D(128, 5, activation="relu")(x)
        x = layers.MaxPooling1D(size)(x) if size else layers.GlobalMaxPooling1D()(x)
    x = layers.Dense(128, activation="relu")(x)
    model = keras.Model(ids, layers.Dense(n_classes, activation="softmax")(x))
    model.compile("rmsprop", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def build_hybrid(matrix, n_classes):
    """Build Kim's network beside a weighted sum of words, each with a softmax and a loss of its own."""
    ids = layers.Input(shape=(None,), dtype="int32")
    embedding, logarithms = layers.Embedding(*matrix.shape), layers.Embedding(len(matrix), 1, "zeros")
    is_word = ops.cast(ops.not_equal(ids, 0), "float32")[..., None]
    words = embedding(ids) * is_word
    embedding.set_weights([matrix])
    maxima = [
        layers.GlobalMaxPooling1D()(layers.Conv1D(100, width, activation="relu")(words))
        for width in (3, 4, 5)
    ]
    maxima = layers.Dropout(0.5)(layers.Concatenate()(maxima))
    sums = ops.sum(words * ops.exp(5 * logarithms(ids)), axis=1)
    sums = layers.UnitNormalization()(sums) * 50
    heads = [layers.Dense(n_classes, activation="softmax")(x) for x in (maxima, sums)]
    model = keras.Model(ids, heads)
    losses = ["sparse_categorical_crossentropy"] * 2
    model.compile(keras.optimizers.Adam(0.002), losses, loss_weights=[0.5, 0.5])
    return model


BUILD = {"stacked": build_stacked, "parallel": kim.build, "hybrid": build_hybrid}


class Plain:
    """A network in plain Keras."""

    def __init__(self, architecture, n_columns, epochs):
        self.architecture, self.n_columns, self.epochs = architecture, n_columns, epochs

    def pad(self, ids):
        return np.asarray(SequencePadder(self.n_columns).fit_transform(ids))

    def fit(self, ids, codes):
        self.model = BUILD[self.architecture](ids.vocabulary.embedding_matrix(), int(codes.max()) + 1)
        targets = [codes, codes] if self.architecture == "hybrid" else codes
        options = {"batch_size": BATCH_SIZE[self.architecture], "epochs": self.epochs, "verbose": 0}
        self.model.fit(self.pad(ids), targets, **options)
        return self

    def predict(self, ids):
        probabilities = self.model.predict(self.pad(ids), verbose=0)
        if self.architecture == "hybrid":
            probabilities = np.sqrt(probabilities[0] * probabilities[1])
        return probabilities.argmax(axis=1)


def ours(architecture, n_columns, epochs):
    """Make the same network as an estimator; without linear model and held-out documents."""
    options = {}
    if architecture == "hybrid":
        options = {"lexical_weight": 0.0, "validation_fraction": 0, "early_stopping": False, "filters": 100}
    return KerasConvTextClassifier(
        architecture,
        maxlen=n_columns,
        epochs=epochs,
        batch_size=BATCH_SIZE[architecture],
        random_state=0,
        **options,
    )


def clock(run):
    """Return wall time, CPU time and the result."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = run()
    return time.perf_counter() - wall, time.process_time() - cpu, result


def measure(make, train, test):
    """Fit and predict once; return wall and CPU seconds, and the accuracy."""
    *fit, model = clock(lambda: make().fit(*train))
    *predict, predicted = clock(lambda: model.predict(test[0]))
    return [*fit, *predict, float((predicted == test[1]).mean())]


def compare(name, architecture, train, test, n_rounds):
    """Let plain Keras and skglove take turns; return medians, and the median of the ratios of each round."""
    n_columns = max(min(max(len(row) for row in train[0]), MAXLEN), LEAST[architecture])
    options, rounds = (architecture, n_columns, EPOCHS[name]), []
    for number in range(n_rounds + 1):
        keras.utils.set_random_seed(number)
        plain = measure(lambda: Plain(*options), train, test)
        rounds.append((plain, measure(lambda: ours(*options), train, test)))
        print(json.dumps([name, architecture, *rounds[-1]]), flush=True)
    counted = np.array(rounds[1:] or rounds)
    (fit, fit_cpu, predict, predict_cpu, plain_right), mine = np.median(counted, axis=0)
    ratios = [median(pair[0][i] / pair[1][i] for pair in counted) for i in range(4)]
    return [
        keras.backend.backend(),
        name,
        architecture,
        f"{fit:.2f} ({fit_cpu:.2f})",
        f"{mine[0]:.2f} ({mine[1]:.2f})",
        f"{ratios[0]:.2f} ({ratios[1]:.2f})",
        f"{predict:.2f} ({predict_cpu:.2f})",
        f"{mine[2]:.2f} ({mine[3]:.2f})",
        f"{ratios[2]:.2f} ({ratios[3]:.2f})",
        f"{plain_right:.3f}, {mine[4]:.3f}",
    ]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", help="folder of the data sets")
    parser.add_argument(
        "--glove", help="text file of vectors (default: GloVe 6B 50d)", default="glove.6B.50d"
    )
    parser.add_argument("--only", nargs="*", choices=EPOCHS, default=list(EPOCHS), help="texts")
    parser.add_argument("--networks", nargs="*", choices=BUILD, default=list(BUILD), help="architectures")
    parser.add_argument(
        "--posts", type=int, default=3000, help="training posts of 20 Newsgroups (%(default)s)"
    )
    parser.add_argument("--rounds", type=int, default=3, help="rounds that count (%(default)s)")
    setting = parser.parse_args()
    rows = []
    for name in setting.only:
        (of,) = GROUPS[name][1](setting)
        texts, codes = (part[: setting.posts if name == "cut" else None] for part in of.train)
        tokenizer = GloveTokenizer(setting.glove, unseen_words=False)
        train = tokenizer.fit_transform(texts), codes
        test = tokenizer.transform(of.test[0][: setting.posts]), of.test[1][: setting.posts]
        rows += [compare(name, network, train, test, setting.rounds) for network in setting.networks]
    for row in [COLUMNS, ["---"] * len(COLUMNS), *rows]:
        print(f"| {' | '.join(row)} |")


if __name__ == "__main__":
    main()
