"""Benchmarks of whole pipelines: fitting from texts, scaling, grid search, many fits, start-up time."""

import os
import shutil
import statistics
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path

from corpus import load_posts
from measuring import Group, at_most, clock, faster, import_everything
from networks import BFLOAT16, BLOG_TOKENS, blog_epoch, epoch_timer, epoch_times, rate


def _make_pipeline(setting, tokenizer=None, memory=None, architecture="stacked", **options):
    from sklearn.pipeline import Pipeline

    import skglove

    import_everything()
    tokens = {"stacked": BLOG_TOKENS, "hybrid": {}}[architecture]
    tokenizer = tokenizer or skglove.GloveTokenizer(setting.glove, **tokens)
    classifier = skglove.KerasConvTextClassifier(architecture, random_state=setting.round, **options)
    return Pipeline([("tokens", tokenizer), ("cnn", classifier)], memory=memory)


def skglove_job(setting, **options):
    times, timer = epoch_timer()
    posts, pipeline = load_posts(setting), _make_pipeline(setting, callbacks=[timer], **options)
    with clock() as figures:
        pipeline.fit(posts.train, posts.train_codes)
    figures |= epoch_times(times)
    return figures | rate(pipeline.predict(posts.held_out), posts)


def linear_job(setting):
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.pipeline import make_pipeline
    from sklearn.svm import LinearSVC

    posts, pipeline = load_posts(setting), make_pipeline(TfidfVectorizer(), LinearSVC(random_state=0))
    with clock() as figures:
        pipeline.fit(posts.train, posts.train_codes)
    return figures | rate(pipeline.predict(posts.held_out), posts)


def fasttext_job(setting):
    import fasttext

    def write(name, texts, codes):
        lines = (
            f"__label__{code} {' '.join(text.split())}\n" for code, text in zip(codes, texts, strict=True)
        )
        path = Path(setting.folder) / name
        path.write_text("".join(lines), encoding="utf-8")
        return str(path)

    posts = load_posts(setting)
    held_out = write("held_out.txt", posts.held_out, posts.held_out_codes)
    with clock() as figures:
        model = fasttext.train_supervised(
            write("train.txt", posts.train, posts.train_codes), epoch=25, verbose=0
        )
    return figures | {"accuracy": model.test(held_out)[1]}  # its predict() fails with NumPy 2


def scaling_job(setting, share):
    import numpy as np

    import skglove

    pipeline, posts, (times, timer) = _make_pipeline(setting), load_posts(setting), epoch_timer()
    n = round(share * len(posts.train))
    texts, codes = posts.train[:n], posts.train_codes[:n]
    ids = pipeline["tokens"].fit_transform(texts)
    with clock() as figures:
        skglove.GloveTokenizer(vectors=None).fit_transform(texts)
    classifier = pipeline["cnn"].set_params(callbacks=[timer]).fit(ids, codes)
    classifier.predict_proba(ids)
    with clock() as predicting:
        classifier.predict_proba(ids)
    seconds = np.array([figures["seconds"], times[3][0] - times[2][0], predicting["seconds"]])
    figures |= {"texts": n, "words": float(np.mean([len(document) for document in ids]))}
    return figures | dict(zip(STAGES, (1e6 * seconds / n).tolist(), strict=True))


STAGES = ("tokenizing", "epoch", "predicting")
SHARES = {"eighth": 1 / 8, "quarter": 1 / 4, "half": 1 / 2, "all": 1}


def _growth(stage):
    """Return a function for the factor between the times per text with all texts and with an eighth."""

    def value(medians):
        ratio = medians["all"][stage] / medians["eighth"][stage]
        return max(ratio, 1 / ratio)

    return value


class ProcessTree:
    """Samples the memory of this process and its children in a thread; shared pages count in proportion."""

    def __enter__(self):
        import psutil

        self.peak, self._done, main = 0, threading.Event(), psutil.Process()

        def watch():
            while not self._done.wait(0.25):
                total = 0
                for process in [main, *main.children(recursive=True)]:
                    try:
                        memory = process.memory_full_info()
                        total += getattr(memory, "pss", memory.uss)
                    except psutil.Error:  # it ended meanwhile
                        continue
                self.peak = max(self.peak, total / 2**20)

        self._thread = threading.Thread(target=watch)
        self._thread.start()
        return self

    def __exit__(self, *error):
        self._done.set()
        self._thread.join()


def grid_search_job(setting, n_jobs=1, memory=None):
    from counting import CountingTokenizer
    from sklearn.model_selection import GridSearchCV

    log = Path(setting.folder) / "runs_of_the_tokenizer"
    log.write_text("")
    os.environ["TOKENIZER_LOG"] = str(log)
    folder = Path(setting.folder) / "memory"
    if memory == "first":
        shutil.rmtree(folder, ignore_errors=True)
    posts = load_posts(setting)
    n = min(2000, len(posts.train))
    pipeline = _make_pipeline(setting, CountingTokenizer(setting.glove), memory and str(folder), epochs=1)
    grid = {"cnn__filters": [64, 128], "cnn__dropout": [0.0, 0.3]}
    search = GridSearchCV(pipeline, grid, cv=3, n_jobs=n_jobs, error_score="raise")
    with ProcessTree() as tree, clock() as figures:
        search.fit(posts.train[:n], posts.train_codes[:n])
    tokenized = len(log.read_text().splitlines())
    return figures | {"peak_megabytes": tree.peak, "tokenized": tokenized, "texts": n}


def fits_job(setting):
    import psutil

    posts, pipeline = load_posts(setting), _make_pipeline(setting, epochs=1, filters=32, maxlen=200)
    texts, codes = posts.train[:200], posts.train_codes[:200]
    resident = []
    with clock() as figures:
        ids = pipeline["tokens"].fit_transform(texts)
        for _ in range(50):
            pipeline["cnn"].fit(ids, codes)
            resident.append(psutil.Process().memory_info().rss / 2**20)
    return figures | {"fifth": resident[4], "fiftieth": resident[49], "more": resident[49] - resident[4]}


LAZY = """
import sys
from sklearn.base import clone
from sklearn.model_selection import ParameterGrid
from skglove import GloveTokenizer, KerasConvTextClassifier
list(ParameterGrid({"cnn": [clone(KerasConvTextClassifier()), None], "tokens": [clone(GloveTokenizer())]}))
print(sum(name in sys.modules for name in ("keras", "tensorflow")))
"""


def start_job(setting, code):
    """Time a Python process that runs some code; return the median of five after one warm-up."""
    seconds = []
    for _ in range(6):
        began = time.perf_counter()
        done = subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.PIPE)
        seconds.append(time.perf_counter() - began)
    return {"seconds": statistics.median(seconds[1:]), "imported": int(done.stdout or 0)}


GROUPS = {
    "whole_job": Group(
        "The whole job: from texts in memory and a vector file to a fitted model, 2 epochs",
        {
            "blog": ("the blog's script", blog_epoch, "blog"),
            "skglove": ("skglove", skglove_job, "blog"),
            "bfloat16": ("skglove, `mixed_bfloat16`", partial(skglove_job, dtype_policy=BFLOAT16), "blog"),
            "default": ("skglove, its defaults", partial(skglove_job, architecture="hybrid"), "blog"),
            "linear": ("TF-IDF + LinearSVC", linear_job, "blog"),
            "fasttext": ("fastText, its defaults with epoch=25", fasttext_job, "blog"),
        },
        "seconds since_start cpu_seconds first_cpu second_cpu megabytes peak_megabytes accuracy",
        [
            faster("skglove", "blog", 3.5, "the whole job, over the blog's script"),
            at_most(
                "skglove",
                "the whole job: peak memory, relative to the blog's script",
                lambda m: m["skglove"]["peak_megabytes"] / m["blog"]["peak_megabytes"],
                1,
            ),
            at_most("default", "the default network: seconds", lambda m: m["default"]["seconds"], 60),
        ],
    ),
    "scaling": Group(
        "Scaling: microseconds per text, in the second call",
        {
            name: (f"{share:g} of the training texts", partial(scaling_job, share=share), None)
            for name, share in SHARES.items()
        },
        "texts words tokenizing epoch predicting",
        [
            at_most("all", f"time per text with 8 times the texts, relative: {stage}", _growth(stage), 1.25)
            for stage in STAGES
        ],
    ),
    "grid_search": Group(
        "Grid search: 4 candidates, 3 folds, one epoch, refit; memory of all processes",
        {
            "one": ("`n_jobs=1`", grid_search_job, "one"),
            "two": ("`n_jobs=2`", partial(grid_search_job, n_jobs=2), "one"),
            "first": (
                "`Pipeline(memory=...)`, first search",
                partial(grid_search_job, memory="first"),
                "one",
            ),
            "second": ("the same search again", partial(grid_search_job, memory="second"), "one"),
        },
        "texts seconds peak_megabytes tokenized",
        [
            at_most(
                "second",
                "tokenizer fits in a second search with memory",
                lambda m: m["second"]["tokenized"],
                0,
            )
        ],
    ),
    "fits": Group(
        "50 fits in one process",
        {"skglove": ("200 texts, one epoch, 32 filters", fits_job, None)},
        "seconds fifth fiftieth more",
        [at_most("skglove", "memory growth from fit 5 to fit 50, MB", lambda m: m["skglove"]["more"], 150)],
    ),
    "start_up": Group(
        "Start-up: wall time of a Python process",
        {
            "sklearn": (
                "`from sklearn.pipeline import Pipeline`",
                partial(start_job, code="from sklearn.pipeline import Pipeline"),
                None,
            ),
            "skglove": ("`import skglove`", partial(start_job, code="import skglove"), None),
            "lazy": ("clones in a `ParameterGrid`", partial(start_job, code=LAZY), None),
        },
        "seconds imported",
        [
            at_most(
                "skglove",
                "import skglove: seconds beyond scikit-learn's Pipeline",
                lambda m: m["skglove"]["seconds"] - m["sklearn"]["seconds"],
                0.2,
            ),
            at_most(
                "lazy",
                "Keras and TensorFlow imports by clones in a grid",
                lambda m: m["lazy"]["imported"],
                0,
            ),
        ],
    ),
}
