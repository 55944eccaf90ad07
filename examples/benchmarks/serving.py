"""Exported classifiers against pickled pipelines: equal predictions, start, memory, latency, throughput.

    python examples/benchmarks/serving.py --data DATA --glove glove.6B.100d.txt --csv serving.csv

DATA is the folder of accuracy.py. Of each group, networks are fitted for two epochs on the training texts,
and up to 4,000 test texts are predicted. The two ways take turns, each time in a process of its own. "Start"
is from the start of the interpreter to the first answer, and "memory" is the peak until then. Then a process
predicts 500 texts, one at a time, of which the median counts, and all of them three times, of which the
fastest counts. The table has the best of all rounds, which other processes disturb least. --keep names a
folder where fitted pipelines stay for a later run; without it, fitting takes about ten minutes on 2 cores.
"""

import json
import pickle
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from groups import DATA_HELP, add_arguments, read_groups
from results import Results, make_parser, read, show
from sklearn.pipeline import make_pipeline
from summary import table, title_of

from skglove import GloveTokenizer, KerasConvTextClassifier, SequencePadder, export, load_exported

N_TEXTS = 4000
NETWORKS = ["hybrid", "parallel", "stacked"]
GROUPS = ["cut", "mr"]
SCRIPT = """
import sys
way, model, texts = sys.argv[1:]
if way == "exported":
    from skglove import load_exported
    classifier = load_exported(model)
else:
    import pickle
    with open(model, "rb") as file:
        classifier = pickle.load(file)
classifier.predict_proba(["A first text, which gets the first answer."])
with open("/proc/self/status") as status:
    peak = next(int(line.split()[1]) for line in status if line.startswith("VmHWM:"))
print(peak / 1024, flush=True)

import json, statistics, time
with open(texts) as file:
    texts = json.load(file)

def seconds(texts):
    start = time.perf_counter()
    classifier.predict(texts)
    return time.perf_counter() - start

each = [seconds([text]) for text in texts[:500]]
print(json.dumps([1000 * statistics.median(each), len(texts) / min(seconds(texts) for _ in range(3))]))
"""


def fit(glove, network, texts, codes, path):
    """Fit a pipeline, or take it from a file of an earlier run."""
    if not path.exists():
        padder = [SequencePadder()] if network == "stacked" else []
        classifier = KerasConvTextClassifier(network, epochs=2, random_state=0)
        pipeline = make_pipeline(GloveTokenizer(glove), *padder, classifier).fit(texts, codes)
        path.write_bytes(pickle.dumps(pipeline))
    return pickle.loads(path.read_bytes())


def time_process(way, model, texts):
    """Measure one way in a process of its own."""
    start = time.perf_counter()
    command = [sys.executable, "-W", "ignore", "-c", SCRIPT, way, str(model), str(texts)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        megabytes = float(process.stdout.readline())
        seconds = time.perf_counter() - start
        one_ms, per_second = json.loads(process.stdout.readline())
    return {"start": seconds, "megabytes": megabytes, "one_ms": one_ms, "per_second": per_second}


def measure(setting, group, network, split, folder):
    """Compare an exported classifier with its pipeline."""
    kept = Path(setting.keep or folder) / f"{group}-{network}.pickle"
    exported, texts = folder / "exported.skglove", [str(text) for text in split.test[0][:N_TEXTS]]
    pipeline = fit(setting.glove, network, list(split.train[0]), split.train[1], kept)
    export(pipeline, exported)
    loaded, expected = load_exported(exported), pipeline.predict_proba(texts)
    (folder / "texts.json").write_text(json.dumps(texts))
    figures = {
        "texts": len(texts),
        "difference": float(np.abs(loaded.predict_proba(texts) - expected).max()),
        "other_labels": int((loaded.predict(texts) != pipeline.predict(texts)).sum()),
        "size": exported.stat().st_size / 2**20,
    }
    for _ in range(setting.rounds):
        for way, model in (("exported", exported), ("pickle", kept)):
            for name, value in time_process(way, model, folder / "texts.json").items():
                best = max if name == "per_second" else min
                figures[f"{way}_{name}"] = best(value, figures.get(f"{way}_{name}", value))
    return figures


def summarise(rows):
    """Make a Markdown table: a row for each group and network."""
    body = []
    for row in rows:
        cells = [
            f"{title_of(row['group'])}: {row['network']}",
            f"{row['texts']:,}",
            f"{row['difference']:.0e}",
        ]
        cells += [str(row["other_labels"]), f"{row['size']:.0f}"]
        for name, digits in (("start", 2), ("megabytes", 0), ("one_ms", 2), ("per_second", 0)):
            cells += [f"{row[f'{way}_{name}']:,.{digits}f}" for way in ("exported", "pickle")]
        body.append(cells)
    head = ["texts: network", "texts", "largest difference", "other labels", "file, MB"]
    for name in ("start, s", "memory, MB", "one text, ms", "texts/s"):
        head += [name, "pickle"]
    return "\n".join(table(head, body)).rstrip()


def main(arguments=None):
    parser = make_parser(__doc__, "serving.csv", DATA_HELP)
    add_arguments(parser, GROUPS)
    parser.add_argument("--rounds", type=int, default=3, help="of processes (default: %(default)s)")
    parser.add_argument("--keep", help="folder for the fitted pipelines")
    setting = parser.parse_args(arguments)
    if setting.tables:
        show(summarise(read(setting.csv)[1]), setting.markdown)
        return
    report = Results(setting.csv, {"vectors": Path(setting.glove).name})
    with tempfile.TemporaryDirectory() as folder:
        for group, splits in read_groups(setting, setting.only):
            for network in NETWORKS:
                key = {"group": group, "network": network}
                report.add(key, measure, setting, group, network, splits[0], Path(folder))
    show(summarise(report.rows), setting.markdown)


if __name__ == "__main__":
    main()
