"""Tune a pipeline with Dask on two worker processes, and lose one on the way. Takes two minutes on 2 cores.

    pip install '.[glove,examples,dask]' && python examples/distributed_search.py --kill-a-worker

The same Pipeline and GridSearchCV run in this process first, then under ``joblib.parallel_config("dask")``.
With --kill-a-worker, one worker is killed (SIGKILL) in the middle of the search. Its fits run again on the
other one, and on the worker that Dask starts in its place. The scores are the same to the last digit.

Three things matter, here and on a cluster of many machines (``Client("scheduler:8786")``):

* Each fit has the same number of threads, here one, because another number rounds differently. On other
  machines: ``TF_NUM_INTRAOP_THREADS=1 TF_NUM_INTEROP_THREADS=1 dask worker scheduler:8786 --nthreads=1``.
* Texts, labels and folds are lists. joblib sends an array to one worker alone, from which the others fetch
  it, and the search fails if that worker is lost. A list is sent with each fit.
* Word vectors have a name, or a path that every worker can read, and are not sent.
"""

import argparse
import os
import signal
import time
from threading import Thread

# TensorFlow reads these when it is imported. The workers inherit them.
os.environ |= {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1"}
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from bbc_news import load_bbc_news
from distributed import Client, LocalCluster
from joblib import parallel_config
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.pipeline import Pipeline

from skglove import GloveTokenizer, KerasConvTextClassifier, SequencePadder

GRID = {"tokens__vectors": [None, "glove.6B.50d"], "cnn__lexical_weight": ["auto", 0.0]}


def kill_a_worker(client):
    """Wait until two fits have ended and two are running, then kill a worker."""
    pids, seen = client.run(os.getpid), set()
    while True:
        running = client.processing()
        seen |= set().union(*running.values())
        if len(seen) - sum(map(len, running.values())) >= 2 and all(running.values()):
            break
        time.sleep(0.1)
    address, pid = next(iter(pids.items()))
    os.kill(pid, signal.SIGKILL)
    print(
        f"(killed the worker in process {pid}, with {len(running[address])} fits to do) ", end="", flush=True
    )


def run(search, texts, labels):
    """Fit the search and return the scores of all candidates on all folds."""
    start = time.perf_counter()
    results = search.fit(texts, labels).cv_results_
    print(f"{len(results['params']) * search.n_splits_} fits: {time.perf_counter() - start:.0f} s")
    return np.array([results[f"split{i}_test_score"] for i in range(search.n_splits_)])


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--articles", type=int, default=150, help="how many to learn from (%(default)s)")
    parser.add_argument("--kill-a-worker", action="store_true", help="kill a worker during the search")
    options = parser.parse_args()

    news = load_bbc_news()
    rows = np.random.RandomState(0).permutation(len(news.data))[: options.articles]
    texts, labels = [news.data[i] for i in rows], [news.target_names[news.target[i]] for i in rows]
    folds = StratifiedKFold(3, shuffle=True, random_state=0).split(texts, labels)
    pipeline = Pipeline(
        [
            ("tokens", GloveTokenizer("glove.6B.50d")),
            ("pad", SequencePadder(maxlen=200)),
            ("cnn", KerasConvTextClassifier(epochs=5, random_state=0)),
        ]
    )
    search = GridSearchCV(
        pipeline,
        GRID,
        cv=[(learn.tolist(), test.tolist()) for learn, test in folds],
        refit=False,
        error_score="raise",
    )

    print("In this process: ", end="", flush=True)
    expected = run(search, texts, labels)
    workers = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
    with (
        LocalCluster(**workers, silence_logs="ERROR") as cluster,
        Client(cluster) as client,
        parallel_config("dask"),
    ):
        if options.kill_a_worker:
            Thread(target=kill_a_worker, args=[client], daemon=True).start()
        print("On two workers: ", end="", flush=True)
        scores = run(search, texts, labels)
        client.wait_for_workers(2)
        print(f"Processes of the workers at the end: {sorted(client.run(os.getpid).values())}")

    means = scores.mean(axis=0)
    for i in np.argsort(-means):
        print(f"{means[i]:.3f}  {search.cv_results_['params'][i]}")
    same = np.array_equal(scores, expected)
    print(f"The scores are {'the same to the last digit' if same else 'NOT the same'}.")
    raise SystemExit(not same)


# The workers import this file, and must not run the search themselves.
if __name__ == "__main__":
    main()
