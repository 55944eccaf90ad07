"""The service of examples/service.py under load: requests/s, latency, killed workers, memory of 8 workers.

    python examples/benchmarks/service_load.py --csv service_load.csv

Sends sentences of BBC News, one a request, over connections of loopback that stay open; each sends its next
request when it has an answer. All answers are compared with those of `load_exported`. Needs Linux, and the
extras glove, examples, serve and service. The model is bbc_news.skglove in the current folder, which is
fitted if it is not there. Client and service share the processor's cores, so compare figures of one run.
Takes five minutes.
"""

import argparse
import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.request import urlopen

import numpy as np
from results import Results, read, show, versions
from summary import table

from skglove import load_exported

EXAMPLES = Path(__file__).parent.parent
# Workers, most texts of a batch, and milliseconds that a batch waits.
SETTINGS = [(1, 1, 0), (1, 64, 0), (1, 64, 2), (2, 1, 0), (2, 64, 0)]
CONNECTIONS = [1, 32]
# Columns of the tables: their titles, and digits.
COUNTS = ["requests", "errors", "wrong"]
KILL_COLUMNS = {
    "workers": ("workers", 0),
    "killed": ("of these killed, three times", 0),
    "requests": ("requests answered", 0),
    "failed": ("failed, sent again", 0),
    "refused": ("refused", 0),
    "wrong": ("wrong answers", 0),
    "restart": ("a new worker has loaded after, s", 1),
    "p50": ("p50, ms", 0),
    "longest": ("longest request, s", 1),
}
MEMORY_COLUMNS = {
    "workers": ("workers", 0),
    "file": ("file, MB", 0),
    "Rss": ("RSS of all workers, MB", 0),
    "Pss": ("PSS", 0),
    "shared": ("shared", 0),
    "private": ("private", 0),
    "file_Rss": ("pages of the file: RSS", 0),
    "file_Pss": ("pages of the file: PSS", 0),
}


def read_sentences(n=2000):
    sys.path.insert(0, str(EXAMPLES))
    from bbc_news import load_bbc_news

    sentences = [part for text in load_bbc_news().data for part in re.split(r"(?<=[.!?])\s+", text)]
    sentences = sorted({sentence for sentence in sentences if 5 <= len(sentence.split()) <= 60})
    return [str(text) for text in np.random.RandomState(0).choice(sentences, n, replace=False)]


class Service:
    """A running service."""

    def __init__(self, process, port, model):
        self.process, self.port, self.model = process, port, model

    @property
    def workers(self):
        """Ids of the processes that have loaded the file."""
        if self.process.args[-1] == "1":
            return [self.process.pid]
        pids = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return [int(pid) for pid in pids if self._has_loaded(pid)]

    def _has_loaded(self, pid):
        with suppress(OSError):  # it has ended
            return self.model.name in Path(f"/proc/{pid}/maps").read_text()
        return False

    def cpu_seconds(self):
        """Return the processor time that all workers took so far."""
        return sum(map(cpu_seconds, self.workers))


def cpu_seconds(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def serve(model, workers, *options):
    """Run examples/service.py until the end of the block; yields a Service when it answers."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    command = [sys.executable, str(EXAMPLES / "service.py"), str(model), "--port", str(port)]
    command += [*map(str, options), "--workers", str(workers)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        service = Service(process, port, Path(model))
        try:
            end = time.monotonic() + 60
            while not is_ready(port) or len(service.workers) < workers:
                if process.poll() is not None or time.monotonic() > end:
                    raise RuntimeError(f"{' '.join(command)} does not answer.")
                time.sleep(0.05)
            yield service
        finally:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                raise


def is_ready(port):
    with suppress(OSError):
        return json.load(urlopen(f"http://127.0.0.1:{port}/health", timeout=60))["ready"]
    return False


class Load:
    """Send requests over several connections at once, and count what comes back.

    Parameters
    ----------
    port : int
        Where the service listens at 127.0.0.1.
    sentences : list of str
        One for each request.
    expected : ndarray of shape (n_sentences, n_classes)
        The probabilities that must come back.
    """

    def __init__(self, port, sentences, expected):
        self._port, self._expected = port, expected
        bodies = [json.dumps({"texts": [sentence]}).encode() for sentence in sentences]
        head = "POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n"
        self._requests = [head.format(len(body)).encode() + body for body in bodies]
        self.seconds, self.failed, self.refused, self.wrong, self._next = [], 0, 0, 0, 0

    async def run(self, connections, seconds=np.inf):
        streams = []
        for _ in range(connections):  # one after the other, so that each worker gets some
            streams.append(await self._open())
            await asyncio.sleep(0.01)
        start = time.perf_counter()
        self.end = start + seconds
        await asyncio.gather(*map(self._use, streams))
        self.elapsed = time.perf_counter() - start

    def _open(self):
        return asyncio.open_connection("127.0.0.1", self._port)

    async def _use(self, stream):
        """Send one request after the other. What fails is sent again, over a new connection."""
        while time.perf_counter() < self.end:
            i = self._next % len(self._requests)
            self._next += 1
            start, answered = time.perf_counter(), False
            while not answered:
                try:
                    stream = stream or await self._open()
                    answered = await self._send(i, *stream)
                except (OSError, asyncio.IncompleteReadError):
                    self.failed += 1
                    if stream:
                        stream[1].close()
                    stream = None
                    await asyncio.sleep(0.01)
            self.seconds.append(time.perf_counter() - start)
        stream[1].close()

    async def _send(self, i, reader, writer):
        writer.write(self._requests[i])
        head = await reader.readuntil(b"\r\n\r\n")
        size = re.search(rb"content-length: (\d+)", head).group(1)
        body = json.loads(await reader.readexactly(int(size)))
        if not head.startswith(b"HTTP/1.1 200 "):
            self.refused += 1
            return False
        self.wrong += not np.allclose(body["probabilities"], self._expected[i], atol=2e-6)
        return True


def measure_load(setting, sentences, expected, workers, batch, wait_ms):
    """Measure requests/s and latency with each number of connections."""
    figures = {}
    with serve(setting.model, workers, "--batch", batch, "--wait-ms", wait_ms) as service:
        asyncio.run(Load(service.port, sentences, expected).run(8, 1))  # so that nothing is new to it
        for n in CONNECTIONS:
            load, cpu = Load(service.port, sentences, expected), service.cpu_seconds()
            asyncio.run(load.run(n, setting.seconds))
            n_requests, cpu = len(load.seconds), service.cpu_seconds() - cpu
            figures |= {f"{n}_requests": n_requests, f"{n}_per_second": n_requests / load.elapsed}
            for percent in (50, 95, 99):
                figures[f"{n}_p{percent}"] = 1000 * np.percentile(load.seconds, percent)
            figures[f"{n}_cpu_ms"] = 1000 * cpu / n_requests
            figures |= {f"{n}_errors": load.failed + load.refused, f"{n}_wrong": load.wrong}
    return figures


def measure_kills(setting, sentences, expected, workers, killed, connections=32):
    """Kill workers with SIGKILL, three times, while requests come in."""
    with serve(setting.model, workers) as service:

        async def run():
            task = asyncio.create_task(load.run(connections))
            for _ in range(3):
                await asyncio.sleep(setting.seconds)
                start = time.perf_counter()
                for pid in service.workers[:killed]:
                    os.kill(pid, signal.SIGKILL)
                await asyncio.sleep(0.1)
                while len(service.workers) < workers:
                    await asyncio.sleep(0.05)
                restarts.append(time.perf_counter() - start)
            load.end = time.perf_counter() + setting.seconds
            await task

        load, restarts = Load(service.port, sentences, expected), []
        asyncio.run(run())
    counts = {name: getattr(load, name) for name in ("failed", "refused", "wrong")}
    times = {
        "restart": np.median(restarts),
        "p50": 1000 * np.median(load.seconds),
        "longest": max(load.seconds),
    }
    return {"requests": len(load.seconds), **counts, **times}


def measure_memory(setting, sentences, expected, workers):
    """Measure the memory of all workers, and of the pages of the file in it, in MB."""
    with serve(setting.model, workers) as service:
        pids, figures = service.workers, {"file": Path(setting.model).stat().st_size / 2**20}
        before = [cpu_seconds(pid) for pid in pids]
        for _ in range(10):
            asyncio.run(Load(service.port, sentences, expected).run(8 * workers, setting.seconds))
            if min(np.subtract([cpu_seconds(pid) for pid in pids], before)) > 0.2:  # each has answered
                break
        else:
            raise RuntimeError(f"One of {workers} workers got no requests.")
        for pid in pids:
            whole = memory(Path(f"/proc/{pid}/smaps_rollup").read_text())
            maps = re.split(r"^(?=[0-9a-f]+-[0-9a-f]+ )", Path(f"/proc/{pid}/smaps").read_text(), flags=re.M)
            file = memory("".join(part for part in maps if service.model.name in part))
            sizes = {"Rss": whole["Rss"], "Pss": whole["Pss"]}
            sizes |= {"file_Rss": file["Rss"], "file_Pss": file["Pss"]}
            sizes["private"] = whole["Private_Dirty"] + whole["Private_Clean"]
            sizes["shared"] = whole["Shared_Dirty"] + whole["Shared_Clean"]
            for name, size in sizes.items():
                figures[name] = figures.get(name, 0) + size
        return figures


def memory(text):
    """Add up the sizes of /proc/*/smaps, in MB."""
    sizes = {}
    for name, size in re.findall(r"^(\w+): +(\d+) kB$", text, flags=re.M):
        sizes[name] = sizes.get(name, 0) + int(size) / 1024
    return sizes


def summarise(rows):
    """Make Markdown tables: load, killed workers, memory."""
    parts = {part: [row for row in rows if row["part"] == part] for part in ("load", "kill", "memory")}
    return "\n".join(
        [
            *summarise_load(parts["load"]),
            *summarise_part(parts["kill"], KILL_COLUMNS),
            *summarise_part(parts["memory"], MEMORY_COLUMNS),
        ]
    ).rstrip()


def summarise_load(rows):
    """Show medians of the rounds, and the sums of what was counted."""
    body = []
    for n in CONNECTIONS:
        for key in dict.fromkeys((row["workers"], row["batch"], row["wait_ms"]) for row in rows):
            runs = [row for row in rows if (row["workers"], row["batch"], row["wait_ms"]) == key]
            cells = [str(n), *map(str, key)]
            for name, digits in (("per_second", 0), ("p50", 1), ("p95", 1), ("p99", 1), ("cpu_ms", 2)):
                cells.append(f"{np.median([run[f'{n}_{name}'] for run in runs]):,.{digits}f}")
            body.append(cells + [f"{sum(run[f'{n}_{name}'] for run in runs):,}" for name in COUNTS])
    head = ["connections", "workers", "batch", "wait, ms", "requests/s", "p50, ms", "p95, ms", "p99, ms"]
    return table([*head, "service's CPU, ms a request", *COUNTS], body)


def summarise_part(rows, columns):
    body = [[f"{row[name]:,.{digits}f}" for name, (_, digits) in columns.items()] for row in rows]
    return table([title for title, _ in columns.values()], body)


def main(arguments=None):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=Path, default=Path("bbc_news.skglove"), help="(%(default)s)")
    parser.add_argument("--seconds", type=float, default=5, help="of each measurement (%(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="how often each is done (%(default)s)")
    parser.add_argument("--csv", type=Path, default=Path("service_load.csv"), help="results (%(default)s)")
    parser.add_argument("--tables", action="store_true", help="measure nothing, show what --csv holds")
    parser.add_argument("--markdown", type=Path, help="where the tables go, besides the terminal")
    setting = parser.parse_args(arguments)
    if setting.tables:
        show(summarise(read(setting.csv)[1]), setting.markdown)
        return
    if not setting.model.exists():
        script = f"import service; service.make_model({str(setting.model.absolute())!r})"
        subprocess.run([sys.executable, "-c", script], cwd=EXAMPLES, check=True)
    report = Results(setting.csv, {"versions": versions("numpy", "starlette", "uvicorn")})
    sentences = read_sentences()
    data = setting, sentences, load_exported(setting.model).predict_proba(sentences)
    for i in range(setting.rounds):
        for workers, batch, wait_ms in SETTINGS:
            key = {"part": "load", "workers": workers, "batch": batch, "wait_ms": wait_ms, "round": i}
            report.add(key, measure_load, *data, workers, batch, wait_ms)
    for killed in (1, 2):
        report.add({"part": "kill", "workers": 2, "killed": killed}, measure_kills, *data, 2, killed)
    for workers in (1, 8):
        report.add({"part": "memory", "workers": workers}, measure_memory, *data, workers)
    show(summarise(report.rows), setting.markdown)


if __name__ == "__main__":
    main()
