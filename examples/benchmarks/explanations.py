"""Faithfulness and cost of explanations: how much the log-odds of a label fall without its five top words.

    python examples/benchmarks/explanations.py --data DATA --glove glove.6B.100d.txt --csv explanations.csv

DATA is the folder of accuracy.py. Only its training texts are used, of folds those of the first: 200 of them
are held out, the classifier learns from the others. Each way ranks the words of a held-out text: "explain" by
their contributions to the predicted label; "occlusion" by how much the log-odds fall when a word alone is cut
out of the text; "random" at random. The five top words are then cut out of the text together. Cost is CPU
time: set OMP_NUM_THREADS=1 and TF_NUM_INTRAOP_THREADS=1. It takes about ten minutes on 2 cores.
"""

import time
from collections import defaultdict
from functools import lru_cache
from pathlib import Path

import numpy as np
from groups import DATA_HELP, add_arguments, read_groups
from results import Results, make_parser, read, show
from sklearn.pipeline import make_pipeline
from summary import table, title_of

from skglove import GloveTokenizer, KerasConvTextClassifier, explain

N_HELD_OUT, N_TOP = 200, 5
# Groups of accuracy.py, and the networks that are explained there.
NETWORKS = {"cut": ["hybrid", "stacked"], "mr": ["hybrid", "parallel"], "trec": ["hybrid"]}
WAYS = ["explain", "occlusion", "random"]


def cut_out(text, tokens):
    """Replace some tokens of a text by spaces."""
    for token in sorted(tokens, key=lambda token: -token.start):
        text = f"{text[: token.start]} {text[token.stop :]}"
    return text


def log_odds(pipeline, texts, codes):
    """Compute the log-odds of one class for each text, from all probabilities: 1 - p would round."""
    probabilities = pipeline.predict_proba(texts).astype(np.float64)
    of_class = probabilities[np.arange(len(codes)), codes]
    probabilities[np.arange(len(codes)), codes] = 0
    return np.log(of_class) - np.log(probabilities.sum(axis=1))


def occlude(pipeline, text, tokens, code):
    """Rank the words of a text by what the log-odds lose without each of them alone."""
    without = [cut_out(text, [token]) for token in tokens]
    return -log_odds(pipeline, without, np.full(len(tokens), code))


@lru_cache(maxsize=1)
def fit(glove, architecture, texts, codes):
    """Fit the classifier on all but the held-out texts; return it, these, and what to compare with."""
    pipeline = make_pipeline(GloveTokenizer(glove), KerasConvTextClassifier(architecture, random_state=0))
    pipeline.fit(texts[:-N_HELD_OUT], codes[:-N_HELD_OUT])
    held_out = [text for text in texts[-N_HELD_OUT:] if text.strip()]
    explain(pipeline, held_out[:1])  # the first call loads what the others use
    return pipeline, held_out


def measure(setting, way, architecture, texts, codes):
    """Measure how much the log-odds fall without the words that one way puts first."""
    pipeline, held_out = fit(setting.glove, architecture, texts, codes)
    started = time.process_time()
    explanations = explain(pipeline, held_out)
    seconds = time.process_time() - started
    known = [[token for token in one.tokens if token.known] for one in explanations]
    kept = [i for i, tokens in enumerate(known) if tokens]
    predicted = np.searchsorted(pipeline.classes_, [explanations[i].label for i in kept])
    random, started = np.random.RandomState(0), time.process_time()
    if way == "explain":
        ranks = [[token.contribution for token in known[i]] for i in kept]
    elif way == "occlusion":
        ranks = [
            occlude(pipeline, held_out[i], known[i], code) for i, code in zip(kept, predicted, strict=True)
        ]
        seconds = time.process_time() - started
    else:
        ranks = [random.rand(len(known[i])) for i in kept]
        seconds = 0.0
    cut = [
        cut_out(held_out[i], [known[i][at] for at in np.argsort(-np.asarray(rank))[:N_TOP]])
        for i, rank in zip(kept, ranks, strict=True)
    ]
    before = log_odds(pipeline, [held_out[i] for i in kept], predicted)
    falls = before - log_odds(pipeline, cut, predicted)
    return {
        "texts": len(kept),
        "words": float(np.mean([len(known[i]) for i in kept])),
        "fall": float(falls.mean()),
        "median_fall": float(np.median(falls)),
        "cpu_ms": 1000 * seconds / len(held_out),
    }


def summarise(rows):
    """Make a Markdown table: a row for each group and network."""
    runs = defaultdict(dict)
    for row in rows:
        runs[row["group"], row["network"]][row["way"]] = row
    body = []
    for (group, network), ways in runs.items():
        if len(ways) < len(WAYS):
            continue
        ours, exact, chance = (ways[way] for way in WAYS)
        body.append(
            [
                f"{title_of(group)}: {network}",
                f"{ours['words']:.0f}",
                *(f"{row['fall']:.2f}" for row in (ours, exact, chance)),
                f"{ours['fall'] / chance['fall']:.1f}",
                f"{ours['fall'] / exact['fall']:.2f}",
                *(f"{row['cpu_ms']:.2f}" for row in (ours, exact)),
            ]
        )
    head = [
        "texts: network",
        "words a text",
        "explain",
        "occlusion",
        "random",
        "explain / random",
        "explain / occlusion",
        "explain, ms",
        "occlusion, ms",
    ]
    return "\n".join(table(head, body)).rstrip()


def measure_all(setting):
    """Measure every way on every group and network; return the results."""
    report = Results(setting.csv, {"vectors": Path(setting.glove).name})
    for name, splits in read_groups(setting, setting.only):
        texts, codes = splits[0].train
        order = np.random.RandomState(1).permutation(len(codes))
        texts, codes = tuple(texts[order]), tuple(codes[order].tolist())
        for network in NETWORKS.get(name, ["hybrid"]):
            for way in WAYS:
                key = {"group": name, "network": network, "way": way}
                report.add(key, measure, setting, way, network, texts, codes)
    return report.rows


def main(arguments=None):
    parser = make_parser(__doc__, "explanations.csv", DATA_HELP)
    add_arguments(parser, list(NETWORKS))
    setting = parser.parse_args(arguments)
    rows = read(setting.csv)[1] if setting.tables else measure_all(setting)
    show(summarise(rows), setting.markdown)


if __name__ == "__main__":
    main()
