"""Tune a pipeline on BBC News, with one process and with two. Takes six minutes on 2 cores.

    pip install '.[glove,examples]' && python examples/grid_search.py

The grid varies the vectors, the size of the vocabulary, the length of the texts, the weight of the linear
model and whether the vectors are trained. All randomness follows from random_state, so one process and two
give the same scores to the last digit.
"""

import argparse
import time

import numpy as np
from bbc_news import load_bbc_news
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_score
from sklearn.pipeline import Pipeline

from skglove import GloveTokenizer, KerasConvTextClassifier, SequencePadder

# The pipeline below, and variants with one change each.
GRID = [
    {"tokens__vectors": [None, "glove.6B.50d"]},
    {"tokens__num_words": [2_000]},
    {"pad__maxlen": [100]},
    {"cnn__lexical_weight": [0]},
    {"cnn__trainable_embedding": [False]},
]


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--n-jobs", type=int, nargs="+", default=[1, 2], help="default: 1, then 2")
    arguments = parser.parse_args()

    news = load_bbc_news()
    pipeline = Pipeline(
        [
            ("tokens", GloveTokenizer("glove.6B.50d")),
            ("pad", SequencePadder(maxlen=200)),
            ("cnn", KerasConvTextClassifier(random_state=0)),
        ]
    )
    folds = StratifiedKFold(3, shuffle=True, random_state=0)
    all_scores = []
    for n_jobs in arguments.n_jobs:
        start = time.perf_counter()
        options = {"cv": folds, "n_jobs": n_jobs, "error_score": "raise"}
        scores = cross_val_score(pipeline, news.data, news.target, **options)
        search = GridSearchCV(pipeline, GRID, refit=False, **options).fit(news.data, news.target)
        all_scores.append([*scores, *search.cv_results_["mean_test_score"]])
        print(f"n_jobs={n_jobs}: {time.perf_counter() - start:.0f} s")
    print(f"\ncross_val_score: {' '.join(f'{score:.3f}' for score in scores)}\n")
    results = search.cv_results_
    for i in np.argsort(results["rank_test_score"]):
        mean, deviation = results["mean_test_score"][i], results["std_test_score"][i]
        print(f"{mean:.3f} ± {deviation:.3f}  {results['params'][i]}")
    same = all(scores == all_scores[0] for scores in all_scores)
    print(f"\nThe scores are {'the same' if same else 'NOT the same'} for n_jobs={arguments.n_jobs}.")
    raise SystemExit(not same)


if __name__ == "__main__":
    main()
