"""LIME's explanation of a text beside skglove's own.

    pip install '.[glove,examples]' lime && python examples/explain_with_lime.py

LIME [1] removes words at random, a thousand times, and fits a linear model to the predictions. So it needs
nothing but ``predict_proba`` of the Pipeline. Its weights are of the probability, those of `explain` of the
log-odds. Takes half a minute on 2 cores.

[1] M. Ribeiro, S. Singh, C. Guestrin, "Why Should I Trust You?", KDD 2016.
"""

import os

# TensorFlow reads this when it is imported, which happens in `fit`.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import time

import numpy as np
from bbc_news import load_bbc_news
from lime.lime_text import LimeTextExplainer

from skglove import explain, make_text_classifier

news = load_bbc_news()
rows = np.random.RandomState(0).permutation(len(news.data))[:500]
texts, labels = [news.data[row] for row in rows], np.array(news.target_names)[news.target[rows]]
classifier = make_text_classifier(random_state=0).fit(texts, labels)

sentence = "The striker scored twice in the final, and shares of the club rose by ten per cent."
(ours,) = explain(classifier, [sentence])  # the first call loads what all calls use
start = time.perf_counter()
(ours,) = explain(classifier, [sentence])
seconds = time.perf_counter() - start
print(f"explain, {1000 * seconds:.0f} ms: {ours.label}, probability {ours.probability:.2f}")
print("  " + ", ".join(f"{word} {weight:+.2f}" for word, weight in ours.strongest(8)))

code = classifier.classes_.tolist().index(ours.label)
explainer = LimeTextExplainer(class_names=classifier.classes_.tolist(), random_state=0)
start = time.perf_counter()
theirs = explainer.explain_instance(
    sentence, classifier.predict_proba, labels=[code], num_features=8, num_samples=1000
)
print(f"LIME, {1000 * (time.perf_counter() - start):.0f} ms")
print("  " + ", ".join(f"{word} {weight:+.2f}" for word, weight in theirs.as_list(label=code)))
