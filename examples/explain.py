"""Why an article was filed where it was: telling words, misfiled articles, and explanations word by word.

    pip install '.[glove,examples]' && python examples/explain.py

Trains the default classifier on BBC News, which takes most of the time. Prints the words that tell the
classes apart, the articles that are misfiled most surely, and why; writes explanations.html into the current
folder. Takes under a minute on 2 cores. With --articles 300 it takes fewer articles, and a few seconds.
"""

import argparse
import os
from pathlib import Path

# TensorFlow reads this when it is imported, which happens in `fit`.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from bbc_news import load_bbc_news
from sklearn.model_selection import train_test_split

from skglove import errors, explain, make_text_classifier, telling_words

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--articles", type=int, default=2225, help="how many to use (%(default)s)")
n_articles = parser.parse_args().articles

news = load_bbc_news()
rows = np.random.RandomState(0).permutation(len(news.data))[:n_articles]
texts, labels = [news.data[row] for row in rows], np.array(news.target_names)[news.target[rows]]
train_texts, test_texts, train_labels, test_labels = train_test_split(
    texts, labels, test_size=0.2, stratify=labels, random_state=0
)
classifier = make_text_classifier(random_state=0).fit(train_texts, train_labels)

print("Words that speak for and against each class:")
print(telling_words(classifier, n=5))

misfiled = errors(classifier, test_texts, test_labels)
print("\nMisfiled test articles, the surest first:")
print(misfiled)

# Of the surest error, or of the least sure article: why the most likely label, and not the second?
probabilities = classifier.predict_proba(test_texts)
index = misfiled[0].index if misfiled else probabilities.max(axis=1).argmin()
second, first = classifier.classes_[probabilities[index].argsort()[-2:]]
why, why_not = explain(classifier, [test_texts[index]] * 2, labels=[first, second])
print(f"\nThe words that speak most for and against the two likeliest labels of article {index}:")
for explanation in (why, why_not):
    words = ", ".join(f"{word} {total:+.2f}" for word, total in explanation.strongest(8))
    print(f"  {explanation.label} ({explanation.probability:.2f}): {words}")

sentence = "The striker scored twice, and shares of the club rose by ten per cent."
(short,) = explain(classifier, [sentence])
print(f"\n{short}")

page = "".join(explanation.to_html() for explanation in (short, why, why_not))
Path("explanations.html").write_text(f"<!doctype html>\n<title>Explanations</title>\n{page}\n")
print("\nAll of them are in explanations.html.")
