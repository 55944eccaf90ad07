"""Ablation: accuracy of the default classifier with one part changed. Takes over an hour on 2 cores.

    python examples/benchmarks/ablation.py --data 20_newsgroup --glove glove.6B.100d.txt --csv ablation.csv

The data is 20 Newsgroups in three forms: headers cut; headers cut and only 20 training posts per group, drawn
anew for each seed; headers kept. Models are fitted on four fifths of the training posts of accuracy.py and
evaluated on the other fifth, the validation set. The test set is not touched. Each row names the one change
from the defaults. Its gain is the mean difference from the defaults with the same seed, in percentage points.
"""

import math
from contextlib import nullcontext
from pathlib import Path
from unittest.mock import patch

import numpy as np
from accuracy import draw, measure, read_posts, spread, validation_split
from results import Results, make_parser, read, show
from sklearn.pipeline import make_pipeline

from skglove import GloveTokenizer, KerasConvTextClassifier, classifier, lexical
from skglove.documents import Documents


def words_alone(documents):
    """Return the single words of documents, without the pairs."""
    words = documents.keep(documents.values != 0)
    return Documents(words.values.astype(np.int64), words.lengths)


def equal_weights(frequencies, n_documents):
    """Give all words the same initial weight."""
    return np.ones(len(frequencies), dtype=np.float32)


def usual_calibration(*_, **__):
    """Return the usual temperature and smoothing, without calibration on left-out documents."""
    return [lexical.USUAL_SHARPNESS, lexical.USUAL_SOFTENING]


# The change of each row: parameters of the tokenizer, parameters of the classifier, a patch of the library.
LEVERS = {
    "the defaults": ({}, {}, None),
    "no lexical model": ({}, {"lexical_weight": 0}, None),
    "naive Bayes always": ({}, {}, (lexical, "REGRESSION_DOCUMENTS", math.inf)),
    "lexical model weighs 0.5": ({}, {"lexical_weight": 0.5}, None),
    "lexical model of words alone": ({}, {}, (lexical, "words_and_pairs", words_alone)),
    "lexical model not calibrated": ({}, {}, (lexical, "_calibrate", usual_calibration)),
    "maxlen=1000": ({}, {"maxlen": 1000}, None),
    "kernel_size=1": ({}, {"kernel_size": 1}, None),
    "no vectors (pretrained=False)": ({}, {"pretrained": False}, None),
    "vectors frozen": ({}, {"trainable_embedding": False}, None),
    "word weights start equal": ({}, {}, (classifier, "_inverse_document_frequencies", equal_weights)),
    "learning rate 0.003, constant": (
        {},
        {"learning_rate": 0.003, "learning_rate_schedule": "constant"},
        None,
    ),
    "no lexical model, kernel_size=1": ({}, {"lexical_weight": 0, "kernel_size": 1}, None),
    'style="glove"': ({"style": "glove"}, {}, None),
    "num_words=20,000": ({"num_words": 20_000}, {}, None),
    "no unseen words": ({"unseen_words": False}, {}, None),
}
# The rows measured on each form of the data; those whose gain is the same elsewhere are left out.
KEPT = ["the defaults", "no lexical model", "naive Bayes always", "maxlen=1000"]
FEW = [
    "the defaults",
    "no lexical model",
    "lexical model weighs 0.5",
    "lexical model not calibrated",
    "kernel_size=1",
    "no vectors (pretrained=False)",
    "vectors frozen",
    "word weights start equal",
    'style="glove"',
    "no unseen words",
]
CUT = [lever for lever in LEVERS if lever not in (*KEPT[2:], FEW[-1])]
ROWS = {"keep": KEPT, "strip": CUT, "few": FEW}
TITLES = {"strip": "Headers cut", "few": "Headers cut, 20 posts a group", "keep": "Headers kept"}


def measure_lever(setting, lever, seed, train, test):
    """Measure the defaults with one change."""
    of_tokenizer, of_classifier, of_library = LEVERS[lever]

    def make():
        return make_pipeline(
            GloveTokenizer(setting.glove, **of_tokenizer),
            KerasConvTextClassifier(random_state=seed, **of_classifier),
        )

    with patch.object(*of_library) if of_library else nullcontext():
        return measure(make, train, test)


def summarise(results):
    """Make Markdown tables."""
    lines = []
    for headers, title in TITLES.items():
        runs = {name: [] for name in ROWS[headers]}
        for result in results:
            if result.get("headers") == headers:
                runs[result["lever"]].append(result)
        if not runs["the defaults"]:
            continue
        default = {r["seed"]: r["accuracy"] for r in runs["the defaults"]}
        lines += [f"### {title}", "", "| changed | seeds | accuracy | gain, points | log-loss |"]
        lines += ["|---|---:|---|---:|---:|"]
        for name, rows in runs.items():
            if rows:
                accuracy = [r["accuracy"] for r in rows]
                gain = 100 * np.mean([r["accuracy"] - default[r["seed"]] for r in rows])
                loss = np.median([r["log_loss"] for r in rows])
                cells = [name, len(rows), spread(accuracy, 4), f"{gain:+.2f}", f"{loss:.3f}"]
                lines.append(f"| {' | '.join(map(str, cells))} |")
        lines.append("")
    return "\n".join(lines).rstrip()


def measure_all(setting):
    """Measure every row with every seed; return the results."""
    parts = {headers: validation_split(read_posts(setting, headers)[0]) for headers in ("keep", "strip")}
    (texts, codes), validation = parts["strip"]
    report = Results(setting.csv, {"vectors": Path(setting.glove).name})
    for seed in range(setting.seeds):
        few = draw(codes, 20, seed)
        parts["few"] = (texts[few], codes[few]), validation
        for headers, levers in ROWS.items():
            for lever in levers:
                key = {"headers": headers, "lever": lever, "seed": seed}
                report.add(key, measure_lever, setting, lever, seed, *parts[headers])
    return report.rows


def main():
    parser = make_parser(__doc__, "ablation.csv")
    parser.add_argument("--seeds", type=int, default=5, help="default: %(default)s")
    setting = parser.parse_args()
    if not (setting.data or setting.tables):
        parser.error("give --data or --tables")
    rows = read(setting.csv)[1] if setting.tables else measure_all(setting)
    show(summarise(rows), setting.markdown)


if __name__ == "__main__":
    main()
