"""SHAP's explanation of a text beside skglove's own.

    pip install '.[glove,examples]' shap && python examples/explain_with_shap.py

SHAP [1] hides groups of words, and shares the change of the prediction among them by Owen values, which are
Shapley values of groups. The masker splits the text, and the function is ``predict_proba`` of the Pipeline.
Its values are of the probability, those of `explain` of the log-odds. Takes a minute on 2 cores, half of it
for SHAP's compiler.

[1] S. Lundberg, S.-I. Lee, "A Unified Approach to Interpreting Model Predictions", NIPS 2017.
"""

import os

# TensorFlow reads this when it is imported, which happens in `fit`.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import time

import numpy as np
import shap
from bbc_news import load_bbc_news

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
masker = shap.maskers.Text(r"\W+")  # the separator of words
explainer = shap.Explainer(classifier.predict_proba, masker, output_names=classifier.classes_.tolist())
start = time.perf_counter()
theirs = explainer([sentence], silent=True)
print(f"SHAP, {1000 * (time.perf_counter() - start):.0f} ms")
values = theirs.values[0][:, code]
strongest = np.argsort(-np.abs(values))[:8]
print("  " + ", ".join(f"{theirs.data[0][at].strip()} {values[at]:+.2f}" for at in strongest))
