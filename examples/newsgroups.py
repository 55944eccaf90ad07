"""The blog's experiment on 20 Newsgroups. Takes half an hour on 2 cores.

    python examples/newsgroups.py --data 20_newsgroup --glove glove.6B.100d.txt --plot newsgroups.png

--data is the folder of the original data set: 20 folders, 19,997 posts with their headers. With --download,
scikit-learn's version is fetched instead (18,846 posts: without duplicates, and without the header lines that
name the group). --glove is a file or a name, such as the default.

Posts are split as in the blog: shuffled, the last 20 % held out. Vocabulary and network are fitted on the
other 80 %. Each network is trained with several seeds; the held-out accuracy is taken after every epoch.
Networks train for two epochs, as the blog's; with GloVe and without headers for ten, to see how far they get.
"""

import argparse
import json
import platform
import time
from pathlib import Path

import keras
import numpy as np
import sklearn
import tensorflow
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

import skglove
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
    """Adds the accuracy on held-out documents to the history of every epoch."""

    def __init__(self, ids, codes):
        super().__init__()
        self.ids, self.targets = np.asarray(ids), np.eye(codes.max() + 1, dtype=np.float32)[codes]

    def on_epoch_end(self, epoch, logs=None):
        scores = self.model.evaluate(self.ids, self.targets, batch_size=128, verbose=0, return_dict=True)
        logs["held_out_accuracy"] = scores["accuracy"]


def split(n, seed=0):
    """Shuffle as the blog does; the last fifth is held out."""
    order = np.arange(n)
    np.random.RandomState(seed).shuffle(order)
    return order[: -int(0.2 * n)], order[-int(0.2 * n) :]


def run(posts, arguments, headers):
    """Train a linear model, and every network with every seed; yields one result each."""
    train, held_out = split(len(posts.data), arguments.split_seed)
    texts = np.array(posts.data, dtype=object)
    linear = make_pipeline(TfidfVectorizer(), LinearSVC(random_state=0)).fit(
        texts[train], posts.target[train]
    )
    accuracy = linear.score(texts[held_out], posts.target[held_out])
    print(f"headers {headers}, {LINEAR}: {accuracy:.3f}")
    yield {"headers": headers, "model": LINEAR, "seed": 0, "held_out_accuracy": [accuracy]}

    tokenizer, padder = GloveTokenizer(arguments.glove, num_words=20_000), SequencePadder(maxlen=1000)
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
            accuracy = classifier.history_["held_out_accuracy"]
            print(
                f"{model}, seed {seed}: {' '.join(f'{a:.3f}' for a in accuracy)}  {seconds:.0f} s",
                flush=True,
            )
            yield {
                "headers": headers,
                "model": model,
                "seed": seed,
                "held_out_accuracy": accuracy,
                "training_accuracy": classifier.history_["accuracy"],
                "seconds": seconds,
            }


def curves_by_setting(results):
    """Collect the accuracies by epoch, as arrays of shape (n_seeds, n_epochs)."""
    settings = dict.fromkeys((result["headers"], result["model"]) for result in results)
    return {
        setting: np.array([r["held_out_accuracy"] for r in results if (r["headers"], r["model"]) == setting])
        for setting in settings
    }


def summarise(results):
    """Make a Markdown table: median (minimum to maximum) over the seeds."""
    lines = [
        "| headers | model | epochs | held-out accuracy |",
        "|---|---|---|---|",
    ]
    for (headers, model), curves in curves_by_setting(results).items():
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


def plot(results, path):
    """Draw held-out accuracy by epoch."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
    for (headers, model), curves in curves_by_setting(results).items():
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
    figure.savefig(path, dpi=110)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--data", help="folder with one folder of posts a newsgroup")
    source.add_argument("--download", action="store_true", help="fetch scikit-learn's version")
    parser.add_argument(
        "--glove", default="glove.6B.50d", help="file or name of the vectors (default: %(default)s)"
    )
    parser.add_argument("--headers", nargs="+", choices=["kept", "cut"], default=["kept", "cut"])
    parser.add_argument("--epochs", type=int, default=2, help="the blog's are the default: %(default)s")
    parser.add_argument(
        "--long-epochs", type=int, default=10, help="with GloVe and headers cut (default: %(default)s)"
    )
    parser.add_argument(
        "--seeds", type=int, default=3, help="how many networks to train (default: %(default)s)"
    )
    parser.add_argument("--split-seed", type=int, default=0, help="seed of the split (default: %(default)s)")
    parser.add_argument("--json", type=Path, default=Path("newsgroups.json"), help="where the results go")
    parser.add_argument("--plot", type=Path, help="where a chart goes (needs matplotlib)")
    arguments = parser.parse_args()

    report = {
        "versions": {m.__name__: m.__version__ for m in (skglove, keras, tensorflow, sklearn, np)},
        "python": platform.python_version(),
        "vectors": Path(arguments.glove).name,
        "split_seed": arguments.split_seed,
        "results": [],
    }
    for headers in arguments.headers:
        option = {"kept": "keep", "cut": "strip"}[headers]
        if arguments.download:
            posts = fetch_newsgroups(headers=option)
        else:
            posts = load_text_folders(arguments.data, headers=option, digits_only=True)
        for result in run(posts, arguments, headers):
            report["results"].append(result)
            arguments.json.write_text(json.dumps(report, indent=1))
    print(summarise(report["results"]))
    if arguments.plot:
        plot(report["results"], arguments.plot)


if __name__ == "__main__":
    main()
