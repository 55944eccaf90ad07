"""Speed and memory of skglove, the blog's script, Keras, gensim and others. Takes hours on 2 cores.

    pip install '.[glove,examples,benchmarks]'
    python examples/benchmarks/run.py --data 20_newsgroup --glove glove.6B.100d.txt --csv run.csv
    python examples/benchmarks/run.py --quick

Every way runs in a fresh process, one after the other, round by round. Tables show the median of the rounds;
the file of --csv has every run. It is written after every process, and a later run with the same file and
--only replaces only the groups that it measures. Clocks start after the imports. --quick measures on BBC News
and on the vectors that [glove,examples] installs.
"""

import argparse
import datetime
import json
import os
import platform
import statistics
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

import corpus
import few_texts
import networks
import pipelines
import texts
import vectors
from measuring import COLUMNS, in_a_process, measure
from results import make_parser, new_chart, read, show, versions, write

ALL = texts.GROUPS | vectors.GROUPS | networks.GROUPS | pipelines.GROUPS | few_texts.GROUPS
ORDER = "tokenizer padding vectors epoch default predict whole_job few_texts few_search scaling short_texts"
ORDER += " grid_search fits start_up"
GROUPS = {name: ALL[name] for name in ORDER.split()}
PACKAGES = ["numpy", "scipy", "scikit-learn", "keras", "tensorflow", "pyarrow", "joblib"]
PACKAGES += ["torch", "skorch", "scikeras", "fasttext", "gensim"]
KEY = ("group", "way", "round", "date")  # the other columns of a row are figures


def describe_machine():
    """Return what the figures depend on."""
    cpu = platform.processor()
    if os.path.exists("/proc/cpuinfo"):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        cpu = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), cpu)
    machine = f"{cpu}, {os.cpu_count()} cores, {platform.platform()}"
    return {"machine": machine, "versions": versions(*PACKAGES)}


def run_group(name, setting, rounds, rows, save):
    """Measure all ways of a group, round by round, and replace its rows; `save` is called after each."""
    rows[:] = [row for row in rows if row["group"] != name]
    failed, today = set(), datetime.date.today().isoformat()
    for at in range(rounds):
        for way in GROUPS[name].ways:
            if way in failed:
                continue
            figures = in_a_process(name, way, setting | {"round": at})
            print(f"{name}, round {at + 1}, {way}: {figures.get('error', 'done')}", file=sys.stderr)
            if "error" in figures:
                failed.add(way)
            rows.append({"group": name, "way": way, "round": at, "date": today} | figures)
            save()


def take_medians(rows, name):
    """Return the median of every figure of a group, by way; a way that failed has its error instead."""
    ways = defaultdict(list)
    for row in rows:
        if row["group"] == name:
            ways[row["way"]].append({key: value for key, value in row.items() if key not in KEY})
    return {
        way: {"error": runs[-1]["error"]}
        if "error" in runs[-1]
        else {key: statistics.median(run[key] for run in runs) for key in runs[0]}
        for way, runs in ways.items()
    }


def judge(rows, name):
    """Compare a group with its aims; yield each aim, what was reached, and the verdict in words."""
    medians = take_medians(rows, name)
    measured = {way: figures for way, figures in medians.items() if "error" not in figures}
    for aim in GROUPS[name].aims if medians else ():
        try:
            value = aim.value(measured)
        except KeyError as missing:
            yield aim, None, f"not measured: {missing.args[0]}"
            continue
        met = value >= aim.limit if aim.at_least else value <= aim.limit
        bound = "at least" if aim.at_least else "at most"
        yield aim, value, f"{value:.4g}, {bound} {aim.limit:g}: {'met' if met else 'NOT met'}"


def format_figure(value):
    """Write a figure with three digits or more; nothing where there is none."""
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.3g}"


def make_table(rows, name):
    """Make a Markdown table of the medians of a group."""
    group, ways = GROUPS[name], take_medians(rows, name)
    compared = any(base for _, _, base in group.ways.values())
    columns = group.columns.split()
    headers = [COLUMNS[key] for key in columns] + ["times as fast"] * compared
    lines = [f"### {group.title}", "", "| way | " + " | ".join(headers) + " |"]
    lines.append("|---|" + "---:|" * len(headers))
    for way, figures in ways.items():
        title, _, base = group.ways[way]
        if "error" in figures:
            error = figures["error"].replace("|", "/")
            lines.append(f"| {title} | {error if 'not installed' in error else 'failed: ' + error} |")
            continue
        cells = [format_figure(figures.get(key)) for key in columns]
        if compared:
            of_base = ways.get(base, {}).get(group.speed)
            cells.append(format_figure(of_base and of_base / figures[group.speed]))
        lines.append(f"| {title} | " + " | ".join(cells) + " |")
    of_group = [row for row in rows if row["group"] == name]
    rounds, date = 1 + max(row["round"] for row in of_group), of_group[0]["date"]
    return "\n".join([*lines, "", f"Median of {rounds}, {date}.", ""])


def report(about, rows):
    """Write the whole report in Markdown: the machine, a table for each group, and all aims."""
    lines = [f"{text}.\n" for text in about.values()]
    measured = [name for name in GROUPS if any(row["group"] == name for row in rows)]
    lines += [make_table(rows, name) for name in measured]
    lines += ["### Aims", "", "| group | aim | reached |", "|---|---|---|"]
    for name in measured:
        lines += [f"| {name} | {aim.text} | {words} |" for aim, _, words in judge(rows, name)]
    return "\n".join(lines)


def plot(rows, path):
    """Draw speed-ups as bars, with a mark for each aim."""
    verdicts = [verdict for name in GROUPS for verdict in judge(rows, name)]
    bars = [(aim.text, value, aim.limit) for aim, value, _ in verdicts if aim.times and value is not None]
    if not bars:
        return
    labels, values, limits = zip(*reversed(bars), strict=True)
    figure, axes = new_chart(9, 1 + 0.35 * len(bars))
    drawn = axes.barh(labels, values, color="C0")
    axes.bar_label(drawn, fmt="%.3g", padding=3)
    axes.scatter(limits, labels, marker="|", s=200, color="black", zorder=3, label="aim")
    axes.axvline(1, color="grey", linewidth=1)
    axes.set(
        xscale="log", xlabel="times as fast, medians", xlim=(min(0.5, *values), 2 * max(values + limits))
    )
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter("")
    axes.legend(loc="lower right")
    figure.savefig(path)


def measure_all(options):
    """Measure the groups asked for; return what the figures depend on, and all rows."""
    with tempfile.TemporaryDirectory() as folder:
        about = describe_machine()
        about["data"] = corpus.prepare(Path(folder), options.data, options.posts)
        glove = f"{folder}/glove.6B.50d.txt" if options.quick else options.glove
        about["data"] += f"; vectors {Path(glove).name}"
        if options.quick:
            corpus.write_vectors(glove)
        rows = []
        if options.csv.exists():
            earlier, rows = read(options.csv)
            if earlier["data"] != about["data"]:
                raise SystemExit(f"{options.csv} has other data: {earlier['data']}. Give another --csv.")
        for name in options.only:
            setting = {"folder": folder, "glove": glove}
            run_group(name, setting, options.rounds, rows, lambda: write(options.csv, about, rows))
    return about, rows


def main():
    parser = make_parser(__doc__, "run.csv")
    parser.add_argument("--quick", action="store_true", help="measure on what is installed instead of --data")
    parser.add_argument("--rounds", type=int, default=3, help="(default: %(default)s)")
    parser.add_argument("--only", nargs="+", choices=GROUPS, default=list(GROUPS), help="only these groups")
    parser.add_argument("--posts", type=int, help="measure on a random sample of so many texts")
    parser.add_argument("--plot", type=Path, help="where a chart goes (needs matplotlib)")
    parser.add_argument("--measure", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        name, way, setting = options.measure
        measure(GROUPS[name], way, json.loads(setting))
        return
    if sum(map(bool, (options.data, options.quick, options.tables))) != 1:
        parser.error("give one of --data, --quick and --tables")
    if options.data and not Path(options.glove).is_file():
        parser.error(f"--data needs --glove, a text file of vectors; there is no file {options.glove}")
    about, rows = read(options.csv) if options.tables else measure_all(options)
    show(report(about, rows), options.markdown)
    if options.plot:
        plot(rows, options.plot)


if __name__ == "__main__":
    main()
