"""Label many texts with Dask on two worker processes that do not load TensorFlow. Takes a minute on 2 cores.

    pip install '.[glove,examples,dask,serve]' && python examples/distributed_scoring.py

A pipeline learns from half of BBC News and is exported to one file. Each worker opens the file once, when it
starts. The other articles are a Dask bag in eight partitions, each of which is labelled where it is. For a
dataframe, ``frame.map_partitions(label, meta={"text": str, "label": str})`` does the same with

    def label(part):
        return part.assign(label=predict(part["text"]))

On machines of your own, the file must be where every worker can read it.
"""

import argparse
import os
import sys
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import dask.bag
import numpy as np
from bbc_news import load_bbc_news
from distributed import Client, LocalCluster, WorkerPlugin, get_worker

import skglove


class OpenPipeline(WorkerPlugin):
    """Open an exported pipeline once on each worker, also on those that start later."""

    def __init__(self, path):
        self.path = str(path)

    def setup(self, worker):
        worker.pipeline = skglove.load_exported(self.path)


def predict(texts):
    """Label the texts of one partition, on the worker that holds it."""
    texts = list(texts)
    return get_worker().pipeline.predict(texts).tolist() if texts else []


def loaded_modules():
    """List what this process has imported."""
    return {name.partition(".")[0] for name in sys.modules}


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--articles", type=int, default=2225, help="how many to use (%(default)s)")
    options = parser.parse_args()

    news = load_bbc_news()
    rows = np.random.RandomState(0).permutation(len(news.data))[: options.articles]
    texts, labels = [news.data[i] for i in rows], np.array(news.target_names)[news.target[rows]]
    half = len(texts) // 2
    pipeline = skglove.make_text_classifier(random_state=0).fit(texts[:half], labels[:half])
    path = Path("bbc_news.skglove").absolute()
    skglove.export(pipeline, path)
    print(f"{path.name}: {path.stat().st_size / 1e6:.1f} MB, learned from {half} articles")

    workers = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
    with LocalCluster(**workers, silence_logs="ERROR") as cluster, Client(cluster) as client:
        client.register_plugin(OpenPipeline(path))
        bag = dask.bag.from_sequence(texts[half:], npartitions=8)
        start = time.perf_counter()
        predicted = np.array(bag.map_partitions(predict).compute())
        seconds = time.perf_counter() - start
        for pid, modules in client.run(lambda: (os.getpid(), loaded_modules())).values():
            assert "skglove" in modules
            assert not modules & {"tensorflow", "keras"}
            print(f"Worker {pid}: neither TensorFlow nor Keras is loaded.")
    print(f"{len(predicted)} articles in {seconds:.1f} s; accuracy {np.mean(predicted == labels[half:]):.3f}")
    same = np.array_equal(predicted, pipeline.predict(texts[half:]))
    print(f"The labels are {'those' if same else 'NOT those'} of the pipeline.")
    raise SystemExit(not same)


# The workers import this file, and must not run it themselves.
if __name__ == "__main__":
    main()
