"""Tables and charts of the results of accuracy.py."""

from collections import defaultdict

import numpy as np
from groups import CURVES, GROUPS
from results import new_chart

FIGURES = {"accuracy": "Accuracy", "log_loss": "Log-loss", "calibration_error": "Expected calibration error"}
CHARTS = {"curve": "learning_curve.png", "mr-curve": "learning_curve_mr.png"}


def spread(values, digits=3):
    """Write the median (minimum to maximum) of some values."""
    if len(values) == 1 or min(values) == max(values):
        return f"{values[0]:.{digits}f}"
    return f"{np.median(values):.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def table(head, rows, align="---:"):
    """Write a Markdown table; the first column holds text."""
    lines = [f"| {' | '.join(head)} |", "|---|" + f"{align}|" * (len(head) - 1)]
    return [*lines, *(f"| {' | '.join(row)} |" for row in rows), ""]


def title_of(group):
    return GROUPS[group][0] if group in GROUPS else group


def collect(rows, names):
    """Sort the rows by group, then by model, those of learning curves by model and size."""
    groups = {name: defaultdict(list) for name in GROUPS}
    for name in names:  # the order of models
        for row in rows:
            if row["model"] == name:
                key = (name, row["size"]) if row["group"] in CURVES else name
                groups.setdefault(row["group"], defaultdict(list))[key].append(row)
    return {name: models for name, models in groups.items() if models}


def lead(runs, ours):
    """Return skglove's mean lead in accuracy, in points, over a model's runs on the same folds or draws.

    A linear model has one run on the only split, with which all seeds of skglove are compared.
    """
    theirs = {run["run"]: run["accuracy"] for run in runs}
    gains = [
        run["accuracy"] - (theirs[run["run"]] if len(theirs) > 1 else runs[0]["accuracy"])
        for run in ours
        if len(theirs) == 1 or run["run"] in theirs
    ]
    return f"{100 * np.mean(gains):+.1f}" if gains else ""


def median(runs, column, digits=3):
    values = [run[column] for run in runs if column in run]
    return f"{np.median(values):.{digits}f}" if values else ""


def summarise(rows, names):
    """Make Markdown tables: of all corpora, of each of them, and of the learning curves."""
    groups = collect(rows, names)
    corpora = [group for group in groups if group not in CURVES]
    lines = []
    for column, title in FIGURES.items() if corpora else ():
        digits = 4 if column == "accuracy" else 3
        body = [
            [name, *(median(groups[group].get(name, []), column, digits) for group in corpora)]
            for name in names
            if any(column in run for group in corpora for run in groups[group].get(name, []))
        ]
        lines += [f"### {title}, median", "", *table(["model", *corpora], body)]
    for group in corpora:
        lines += summarise_group(group, groups[group])
    for group in CURVES:
        if group in groups:
            lines += summarise_curve(group, groups[group])
    return "\n".join(lines).rstrip()


def summarise_group(group, models):
    body = []
    for name, runs in models.items():
        options = {run.get("options", "") for run in runs}
        title = f"{name} ({options.pop()})" if len(options) == 1 and options != {""} else name
        cells = [title, str(len(runs)), spread([run["accuracy"] for run in runs], 4)]
        cells.append("" if name == "skglove" else lead(runs, models.get("skglove", [])))
        losses = [run["log_loss"] for run in runs if "log_loss" in run]
        cells.append(spread(losses) if losses else "")
        cells += [median(runs, "calibration_error"), median(runs, "fit_seconds", 1)]
        body.append([*cells, median(runs, "predict_seconds", 2)])
    head = ["model", "runs", "accuracy", "skglove leads by, points", "log-loss", "calibration error"]
    return [f"### {title_of(group)}", "", *table([*head, "fit, s", "predict, s"], body)]


def summarise_curve(group, models):
    names = list(dict.fromkeys(name for name, _ in models))
    lines = [f"### {title_of(group)}", ""]
    for column in ("accuracy", "log_loss"):
        measured = {name for (name, _), runs in models.items() if column in runs[0]}
        shown = [name for name in names if name in measured]
        body = []
        for size in CURVES[group]:
            runs = [[run[column] for run in models.get((name, size), [])] for name in shown]
            if any(runs):
                body.append([str(size), *(spread(values) if values else "" for values in runs)])
        lines += [f"{FIGURES[column]}:", "", *table(["texts", *shown], body)]
    return lines


def plot(rows, names, folder):
    """Draw accuracy against fit time, and the learning curves."""
    groups = collect(rows, names)
    if "cut" in groups:
        plot_times("cut", groups["cut"]).savefig(folder / "accuracy.png")
    for group, file in CHARTS.items():
        if group in groups:
            plot_curve(group, groups[group]).savefig(folder / file)


def plot_times(group, models):
    from matplotlib.ticker import LogLocator

    figure, axes = new_chart()
    for name, runs in models.items():
        seconds = np.median([run["fit_seconds"] for run in runs])
        accuracy = [run["accuracy"] for run in runs]
        bars = [[np.median(accuracy) - min(accuracy)], [max(accuracy) - np.median(accuracy)]]
        marker = "o" if name.startswith("skglove") else "s"
        axes.errorbar(seconds, np.median(accuracy), bars, marker=marker, linestyle="", capsize=3, label=name)
    axes.axhline(0.95, color="grey", linewidth=1, label="what the blog reports")
    axes.set(xscale="log", xlabel="seconds from texts to a fitted model", ylabel="accuracy on held-out texts")
    axes.set_title(title_of(group))
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 3, 5)))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter("")
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8, loc="center right")
    return figure


def plot_curve(group, models):
    figure, axes = new_chart()
    for name in dict.fromkeys(name for name, _ in models):
        sizes = [size for size in CURVES[group] if (name, size) in models]
        values = [[run["accuracy"] for run in models[name, size]] for size in sizes]
        axes.plot(sizes, [np.median(v) for v in values], marker="o", markersize=3, label=name)
        axes.fill_between(sizes, [min(v) for v in values], [max(v) for v in values], alpha=0.15)
    axes.set(xscale="log", xlabel="training texts", ylabel="accuracy on held-out texts")
    axes.set_xticks(CURVES[group], CURVES[group])
    axes.minorticks_off()
    axes.set_title(f"{title_of(group)}: median and range")
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    return figure
