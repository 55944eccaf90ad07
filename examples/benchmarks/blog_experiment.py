"""The blog's experiment on 20 Newsgroups, with and without the headers. Takes half an hour on 2 cores.

    python examples/benchmarks/blog_experiment.py --data 20_newsgroup --glove glove.6B.100d.txt

--data is the folder of the original data set: 20 folders, 19,997 posts with their headers. --download fetches
scikit-learn's version instead: 18,846 posts, without duplicates and without the header lines that name the
group.

The posts are split as in the blog: shuffled, the last 20 % are the test set. Vocabulary and network are
fitted on the other 80 %. Each network is trained with several seeds, and test accuracy is recorded after
every epoch. Networks train for two epochs, as in the blog. With GloVe and without headers they train for ten.
"""

import time
from pathlib import Path

import keras
import numpy as np
from corpus import split
from results import make_parser, new_chart, read, show, versions, write
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

from skglove import (
    GloveTokenizer,
    KerasConvTextClassifier,
    SequencePadder,
    fetch_newsgroups,
    load_text_folders,
)

NETWORKS = {"convnet on GloVe": {}, "convnet from scratch": {"pretrained": False}}  # all "stacked"
LINEAR = "TF-IDF + LinearSVC"


class HeldOutAccuracy(keras.callbacks.Callback):
    """Adds the test accuracy to the history of every epoch."""

    def __init__(self, ids, codes):
        super().__init__()
        self.ids, self.targets = np.asarray(ids), np.eye(codes.max() + 1, dtype=np.float32)[codes]

    def on_epoch_end(self, epoch, logs=None):
        scores = self.model.evaluate(self.ids, self.targets, batch_size=128, verbose=0, return_dict=True)
        logs["held_out_accuracy"] = scores["accuracy"]


def run(posts, arguments, headers):
    """Train a linear model, and every network with every seed; yield one row per epoch."""
    train, held_out = split(len(posts.data), arguments.split_seed)
    texts = np.array(posts.data, dtype=object)
    linear = make_pipeline(TfidfVectorizer(), LinearSVC(random_state=0)).fit(
        texts[train], posts.target[train]
    )
    accuracy = linear.score(texts[held_out], posts.target[held_out])
    print(f"headers {headers}, {LINEAR}: {accuracy:.3f}")
    yield {"headers": headers, "model": LINEAR, "seed": 0, "epoch": 1, "held_out_accuracy": accuracy}

    tokenizer = GloveTokenizer(arguments.glove, style="keras", num_words=20_000)  # as in the blog
    padder = SequencePadder(maxlen=1000)
    train_ids = padder.fit_transform(tokenizer.fit_transform(texts[train]))
    held_out_ids = padder.transform(tokenizer.transform(texts[held_out]))
    print(f"{len(train)} + {len(held_out)} posts, coverage {tokenizer.coverage_}")
    for model, options in NETWORKS.items():
        for seed in range(arguments.seeds):
            classifier = KerasConvTextClassifier(
                architecture="stacked",
                epochs=arguments.long_epochs if headers == "cut" and not options else arguments.epochs,
                random_state=seed,
                callbacks=[HeldOutAccuracy(held_out_ids, posts.target[held_out])],
                **options,
            )
            start = time.perf_counter()
            classifier.fit(train_ids, posts.target[train])
            seconds = time.perf_counter() - start
            held_out, training = classifier.history_["held_out_accuracy"], classifier.history_["accuracy"]
            print(
                f"{model}, seed {seed}: {' '.join(f'{a:.3f}' for a in held_out)}  {seconds:.0f} s", flush=True
            )
            for epoch, accuracy in enumerate(held_out, 1):
                yield {
                    "headers": headers,
                    "model": model,
                    "seed": seed,
                    "epoch": epoch,
                    "held_out_accuracy": accuracy,
                    "training_accuracy": training[epoch - 1],
                    "fit_seconds": seconds,
                }


def curves_by_setting(rows):
    """Collect the accuracies by epoch, as arrays of shape (n_seeds, n_epochs)."""
    curves = {}
    for row in rows:
        seeds = curves.setdefault((row["headers"], row["model"]), {})
        seeds.setdefault(row["seed"], []).append(row["held_out_accuracy"])
    return {setting: np.array(list(seeds.values())) for setting, seeds in curves.items()}


def summarise(rows):
    """Make a Markdown table: median (minimum to maximum) over the seeds."""
    lines = [
        "| headers | model | epochs | held-out accuracy |",
        "|---|---|---|---|",
    ]
    for (headers, model), curves in curves_by_setting(rows).items():
        n_epochs = curves.shape[1]
        if model == LINEAR:
            lines.append(f"| {headers} | {model} | | {curves.item():.3f} |")
            continue
        columns = {str(epochs): curves[:, epochs - 1] for epochs in sorted({min(2, n_epochs), n_epochs})}
        if n_epochs > 2:
            columns[f"best of {n_epochs}"] = curves.max(axis=1)
        for epochs, accuracy in columns.items():
            values = f"{np.median(accuracy):.3f} ({accuracy.min():.3f} to {accuracy.max():.3f})"
            lines.append(f"| {headers} | {model} | {epochs} | {values} |")
    return "\n".join(lines)


def plot(rows, path):
    """Draw test accuracy by epoch."""
    figure, axes = new_chart()
    for (headers, model), curves in curves_by_setting(rows).items():
        style = {
            "color": {"kept": "C1", "cut": "C0"}[headers],
            "linestyle": {LINEAR: ":"}.get(model, "-" if "GloVe" in model else "--"),
        }
        label = f"headers {headers}, {model}"
        if model == LINEAR:
            axes.axhline(curves.item(), label=label, **style)
            continue
        epochs = np.arange(1, curves.shape[1] + 1)
        axes.plot(epochs, np.median(curves, axis=0), label=label, marker="o", markersize=3, **style)
        axes.fill_between(epochs, curves.min(axis=0), curves.max(axis=0), color=style["color"], alpha=0.15)
    axes.axhline(0.95, color="grey", linewidth=1)
    axes.annotate("what the blog reports after 2 epochs: 0.95", (1, 0.96), color="grey", fontsize=8)
    axes.set(xlabel="epoch", ylabel="accuracy on held-out posts", ylim=(0, 1.05))
    axes.set_title(f"20 Newsgroups, the blog's network: median and range of {len(curves)} seeds")
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(path)


def measure_all(arguments):
    """Run the experiment with and without headers; return the rows, which are saved after each network."""
    about = {
        "versions": versions("keras", "tensorflow", "scikit-learn", "numpy"),
        "vectors": Path(arguments.glove).name,
        "split_seed": arguments.split_seed,
    }
    rows = []
    for headers in arguments.headers:
        option = {"kept": "keep", "cut": "strip"}[headers]
        if arguments.download:
            posts = fetch_newsgroups(headers=option)
        else:
            posts = load_text_folders(arguments.data, encoding="latin-1", headers=option, digits_only=True)
        for row in run(posts, arguments, headers):
            rows.append(row)
            write(arguments.csv, about, rows)
    return rows


def main():
    parser = make_parser(__doc__, "blog_experiment.csv")
    parser.add_argument("--download", action="store_true", help="fetch scikit-learn's version of the posts")
    parser.add_argument("--headers", nargs="+", choices=["kept", "cut"], default=["kept", "cut"])
    parser.add_argument("--epochs", type=int, default=2, help="as in the blog: %(default)s")
    parser.add_argument(
        "--long-epochs", type=int, default=10, help="with GloVe and headers cut (default: %(default)s)"
    )
    parser.add_argument("--seeds", type=int, default=3, help="networks of each kind (default: %(default)s)")
    parser.add_argument("--split-seed", type=int, default=0, help="seed of the split (default: %(default)s)")
    parser.add_argument("--plot", type=Path, help="where a chart goes (needs matplotlib)")
    arguments = parser.parse_args()
    if sum(map(bool, (arguments.data, arguments.download, arguments.tables))) != 1:
        parser.error("give one of --data, --download and --tables")
    rows = read(arguments.csv)[1] if arguments.tables else measure_all(arguments)
    show(summarise(rows), arguments.markdown)
    if arguments.plot:
        plot(rows, arguments.plot)


if __name__ == "__main__":
    main()
