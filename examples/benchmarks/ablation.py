"""Ablation: accuracy and log-loss of the default classifier with one part changed, on several corpora.

    python examples/benchmarks/ablation.py --data DATA --glove glove.6B.100d.txt --csv ablation.csv
    python examples/benchmarks/ablation.py --only trec mr --levers kernel_size=1 --data DATA --csv short.csv

DATA is the folder of accuracy.py. Only training texts of accuracy.py are used, of folds those of the first.
With each seed, four fifths of them are for training and one fifth, stratified, is the validation set. Of the
four fifths, "few" draws 20 posts a newsgroup, "mr-few" and "mr-500" 100 and 500 sentences in all, "trec-few"
up to 80 questions a class. Each lever is the one change from the defaults. Its gain is the mean difference
from the defaults with the same seed and so the same texts, with twice its standard error over the seeds.
Gains beyond this are in bold. All levers on all groups take many hours: choose with --only and --levers, the
file keeps what was measured.
"""

import math
from collections import defaultdict
from contextlib import nullcontext
from pathlib import Path
from unittest.mock import patch

import numpy as np
from groups import DATA_HELP, GROUPS, add_arguments, draw, read_groups
from results import Results, make_parser, read, show
from scores import measure
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from summary import spread, table

from skglove import GloveTokenizer, KerasConvTextClassifier, fit_checks, holdout, lexical, vocabulary_checks
from skglove.documents import Documents
from skglove.network import build, fitting
from skglove.network.layers import WeightedSum


def words_alone(documents):
    """Return the single words of documents, without the pairs."""
    words = documents.keep(documents.values != 0)
    return Documents(words.values.astype(np.int64), words.lengths)


def usual_calibration(scores, *_):
    """Return the usual weights and softening, without calibration on left-out documents."""
    return list(lexical.USUAL_SHARPNESS[: len(scores)]), lexical.USUAL_SOFTENING


DEFAULT = "the defaults"
# The change of each lever: parameters of the tokenizer, parameters of the classifier, a patch of the library.
LEVERS = {
    DEFAULT: ({}, {}, None),
    "no linear model": ({}, {"lexical_weight": 0}, None),
    "linear model weighs 0.5": ({}, {"lexical_weight": 0.5}, None),
    "naive Bayes alone": ({}, {}, (lexical, "REGRESSION_CLASSES", 0)),
    "one kind of regression": ({}, {}, (lexical, "REGRESSIONS", lexical.REGRESSIONS[:1])),
    "linear model of words alone": ({}, {}, (lexical, "words_and_pairs", words_alone)),
    "linear model with punctuation": ({}, {}, (vocabulary_checks, "punctuation_ids", lambda vocabulary: [])),
    "linear model not calibrated": ({}, {}, (lexical, "_calibrate", usual_calibration)),
    "kernel_size=1": ({}, {"kernel_size": 1}, None),
    "no linear model, kernel_size=1": ({}, {"lexical_weight": 0, "kernel_size": 1}, None),
    "filters=32": ({}, {"filters": 32}, None),
    "no dropout": ({}, {"dropout": 0.0}, None),
    # In "few", "mr-few", "mr-500" and "trec-few".
    "held-out texts tell when to stop": ({}, {}, (fit_checks, "are_few", lambda data: False)),
    "none of few texts is held out": ({}, {}, (holdout, "FEWEST_OF_FEW", math.inf)),
    # In groups of short texts.
    "trained once": ({}, {}, (fitting, "MOST_TO_TRAIN_AGAIN", 0)),
    "trained twice": ({}, {}, (fitting, "MOST_TO_TRAIN_AGAIN", math.inf)),
    "not adversarial": ({}, {"adversarial_epsilon": 0.0}, None),
    "filters start at Keras's values": ({}, {}, (build, "FILTER_FACTOR", 1)),
    "no vectors (pretrained=False)": ({}, {"pretrained": False}, None),
    "vectors frozen": ({}, {"trainable_embedding": False}, None),
    "word weights start equal": ({}, {}, (WeightedSum, "start_from", lambda self, word_weights: None)),
    "maxlen=1000": ({}, {"maxlen": 1000}, None),
    'style="keras"': ({"style": "keras"}, {}, None),
    "num_words=20,000": ({"num_words": 20_000}, {}, None),
    "no unseen words": ({"unseen_words": False}, {}, None),
}
# Of each group, the group of accuracy.py whose training texts it has, and how many of each class (None: all).
SOURCES = {
    "cut": ("cut", None),
    "few": ("cut", 20),
    "kept": ("kept", None),
    "bbc": ("bbc", None),
    "mr": ("mr", None),
    "mr-few": ("mr", 50),
    "mr-500": ("mr", 250),
    "trec": ("trec", None),
    "trec-few": ("trec", 80),
    "r8": ("r8", None),
    "sentences": ("sentences", None),
}
COLUMNS = {"accuracy": ("Gain in accuracy, points", 100), "log_loss": ("Gain in log-loss, lower by", -1)}


def measure_lever(setting, lever, seed, texts, codes, n_drawn=None):
    """Measure the defaults with one change on a part of the training texts."""
    of_tokenizer, of_classifier, of_library = LEVERS[lever]
    train, held_out = train_test_split(
        np.arange(len(codes)), test_size=0.2, random_state=seed, stratify=codes
    )
    if n_drawn:
        train = train[draw(codes[train], n_drawn, seed)]
    with patch.object(*of_library) if of_library else nullcontext():
        pipeline = make_pipeline(
            GloveTokenizer(setting.glove, **of_tokenizer),
            KerasConvTextClassifier(random_state=seed, **of_classifier),
        )
        return measure(pipeline, (texts[train], codes[train]), (texts[held_out], codes[held_out]))


def gain(levers, lever, column, factor=1):
    """Return a lever's mean gain over the defaults with the same seeds, and twice its standard error."""
    runs, default = levers[lever], levers[DEFAULT]
    gains = [factor * (runs[seed][column] - default[seed][column]) for seed in runs if seed in default]
    if not gains:
        return math.nan, math.nan
    error = np.std(gains, ddof=1) / math.sqrt(len(gains)) if len(gains) > 1 else math.nan
    return float(np.mean(gains)), 2 * float(error)


def write_gain(mean, twice_error, digits=2):
    """Write a gain, in bold if it is more than twice its standard error."""
    if math.isnan(mean):
        return ""
    text = f"{mean:+.{digits}f}"
    if math.isnan(twice_error):
        return text
    text = f"{text} ± {twice_error:.{digits}f}"
    return f"**{text}**" if abs(mean) > twice_error else text


def summarise(rows):
    """Make Markdown tables: one of all groups for accuracy and one for log-loss, then one a group."""
    runs = defaultdict(lambda: defaultdict(dict))
    for row in rows:
        if row["lever"] in LEVERS:
            runs[row["group"]][row["lever"]][row["seed"]] = row
    groups = [group for group in dict.fromkeys([*SOURCES, *runs]) if group in runs]
    lines = []
    for column, (title, factor) in COLUMNS.items():
        digits = 2 if column == "accuracy" else 3
        body = [
            [lever, *(write_gain(*gain(runs[g], lever, column, factor), digits) for g in groups)]
            for lever in LEVERS
            if lever != DEFAULT and any(runs[group][lever] for group in groups)
        ]
        lines += [f"### {title}", "", *table(["changed", *groups], body)]
    for group in groups:
        lines += [f"### {group}", "", *summarise_group(runs[group])]
    return "\n".join(lines).rstrip()


def summarise_group(levers):
    body = []
    for lever in LEVERS:
        runs = levers[lever]
        if not runs:
            continue
        cells = [lever, str(len(runs)), spread([run["accuracy"] for run in runs.values()], 4)]
        cells.append(spread([run["log_loss"] for run in runs.values()]))
        body.append([*cells, f"{np.median([run['fit_seconds'] for run in runs.values()]):.1f}"])
    return table(["changed", "seeds", "accuracy", "log-loss", "fit, s"], body)


def measure_all(setting):
    """Measure every lever on every group with every seed; return the results."""
    report = Results(setting.csv, {"vectors": Path(setting.glove).name})
    wanted = {source for group, (source, _) in SOURCES.items() if group in setting.only}
    for name, splits in read_groups(setting, [group for group in GROUPS if group in wanted]):
        texts, codes = splits[0].train
        groups = {
            group: n for group, (source, n) in SOURCES.items() if source == name and group in setting.only
        }
        for group, n_drawn in (groups or {name: None}).items():
            for seed in range(setting.seeds):
                for lever in dict.fromkeys([DEFAULT, *setting.levers]):
                    key = {"group": group, "lever": lever, "seed": seed}
                    report.add(key, measure_lever, setting, lever, seed, texts, codes, n_drawn)
    return report.rows


def main(arguments=None):
    parser = make_parser(__doc__, "ablation.csv", DATA_HELP)
    add_arguments(parser, list(SOURCES))
    parser.add_argument("--levers", nargs="+", choices=LEVERS, default=list(LEVERS), help="default: all")
    setting = parser.parse_args(arguments)
    rows = read(setting.csv)[1] if setting.tables else measure_all(setting)
    show(summarise(rows), setting.markdown)


if __name__ == "__main__":
    main()
