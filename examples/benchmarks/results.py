"""Results of single runs in CSV files, and the command line that the benchmarks share.

A file begins with lines "# name: text" that say what its figures depend on. Below them is one row a run; a
cell is empty where a run has no such figure.
"""

import argparse
import csv
import platform
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path


def read(path):
    """Read what the figures depend on, as a dict of texts, and the rows, as a list of dicts."""
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    notes = [line for line in lines if line.startswith("#")]
    about = dict(line.removeprefix("# ").rstrip().split(": ", 1) for line in notes)
    rows = csv.DictReader(lines[len(notes) :])
    return about, [{name: _parse(cell) for name, cell in row.items() if cell} for row in rows]


def _parse(cell):
    for kind in (int, float):
        with suppress(ValueError):
            return kind(cell)
    return cell


def write(path, about, rows):
    """Write what `read` reads, floats with six significant digits."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    with open(path, "w", encoding="utf-8", newline="") as file:
        file.writelines(f"# {name}: {text}\n" for name, text in about.items())
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([_format(row.get(name, "")) for name in columns] for row in rows)


def _format(value):
    return f"{value:.6g}" if isinstance(value, float) else value


class Results:
    """The runs measured so far, kept in a file, so that a benchmark resumes where it stopped."""

    def __init__(self, path, about):
        self.path, self.about, self.rows = path, about, []
        if path.exists():
            earlier, self.rows = read(path)
            if earlier != about:
                raise SystemExit(f"{path} depends on {earlier}, not on {about}. Give another --csv.")

    def add(self, key, compute, *arguments):
        """Return the row of the run that `key` describes, from the file or with computed figures."""
        for row in self.rows:
            if all(row.get(name, "") == value for name, value in key.items()):
                return row
        row = {**key, **compute(*arguments)}
        self.rows.append(row)
        write(self.path, self.about, self.rows)
        print(*map(_format, row.values()), flush=True)
        return row


def versions(*packages):
    """List the versions of Python, skglove and other packages in one text."""
    import skglove

    found = {"python": platform.python_version(), "skglove": skglove.__version__}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return ", ".join(f"{package} {number}" for package, number in found.items())


def make_parser(description, csv_name, data_help="folder with one folder of posts a newsgroup"):
    """Make a parser with the arguments that all benchmarks have."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", help=data_help)
    parser.add_argument("--glove", default="glove.6B.50d", help="vectors, a file or a name (%(default)s)")
    parser.add_argument(
        "--csv", type=Path, default=Path(csv_name), help="results; resumes from them (%(default)s)"
    )
    parser.add_argument("--tables", action="store_true", help="measure nothing, show what --csv holds")
    parser.add_argument("--markdown", type=Path, help="where the tables go, besides the terminal")
    return parser


def new_chart(width=7, height=4):
    """Make a figure with one pair of axes, independent of any display."""
    from matplotlib.figure import Figure

    figure = Figure((width, height), dpi=110, layout="constrained")
    return figure, figure.subplots()


def show(tables, markdown):
    """Print the tables and write them to a file, if one is given."""
    print(tables)
    if markdown:
        markdown.write_text(tables + "\n", encoding="utf-8")
