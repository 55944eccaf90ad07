"""Compare ways to open word vectors: the blog's loop, gensim and skglove. Takes minutes, and needs gensim.

    python examples/benchmarks/vectors.py --glove glove.6B.100d.txt [--rounds 3] [--json OUT]

Each way runs in a process of its own, one after the other, round by round; medians count. The clock starts
after the imports and stops when the matrix of 20,000 wanted words is there. Memory is the peak of the process
less its peak after the imports.
"""

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

N_WANTED, N_KNOWN, N_QUERIES = 20_000, 16_600, 1_000  # 83 % have a vector, as in 20 Newsgroups


def wanted_words(glove):
    """Take words from among the 40,000 most frequent ones, and some that have no vector."""
    with open(glove, encoding="utf-8", newline="\n") as lines:
        frequent = [line.split(" ", 1)[0] for line, _ in zip(lines, range(40_000), strict=False)]
    chosen = np.random.default_rng(0).permutation(len(frequent))[:N_KNOWN]
    return [frequent[at] for at in chosen] + [f"nosuchword{at}" for at in range(N_WANTED - N_KNOWN)]


# Each way imports what it needs, and returns what is timed.


def blog_loop(glove, words, folder):
    """Read as the blog does: a loop over the lines, a dict, a loop over the words."""

    def run():
        index = {}
        with open(glove, encoding="utf-8") as lines:
            for line in lines:
                values = line.split()
                index[values[0]] = np.asarray(values[1:], dtype="float32")
        matrix = np.zeros((len(words), len(index["the"])))
        for at, word in enumerate(words):
            vector = index.get(word)
            if vector is not None:
                matrix[at] = vector
        return matrix

    return run


def gensim_text(glove, words, folder):
    """Read the text with gensim."""
    from gensim.models import KeyedVectors

    return lambda: _gather(KeyedVectors.load_word2vec_format(glove, binary=False, no_header=True), words)


def gensim_save(glove, words, folder):
    """Save in gensim's own format, for the next two."""
    from gensim.models import KeyedVectors

    return lambda: KeyedVectors.load_word2vec_format(glove, no_header=True).save(str(folder / "gensim"))


def gensim_mmap(glove, words, folder):
    """Map the file that gensim saved."""
    from gensim.models import KeyedVectors

    return lambda: _gather(KeyedVectors.load(str(folder / "gensim"), mmap="r"), words)


def gensim_nearest(glove, words, folder):
    """Ask gensim for the ten nearest words of one word after the other."""
    from gensim.models import KeyedVectors

    vectors = KeyedVectors.load(str(folder / "gensim"), mmap="r")
    vectors.fill_norms()
    return lambda: [[word for word, _ in vectors.most_similar(word, topn=10)] for word in words[:N_QUERIES]]


def _gather(vectors, words):
    matrix = np.zeros((len(words), vectors.vector_size), np.float32)
    found = [
        (at, vectors.key_to_index[word]) for at, word in enumerate(words) if word in vectors.key_to_index
    ]
    at, rows = map(list, zip(*found, strict=True))
    matrix[at] = vectors.vectors[rows]
    return matrix


def skglove_text(glove, words, folder):
    """Parse the wanted lines of the text; there is no cache."""
    from skglove.vectors import gather_vectors

    os.environ["SKGLOVE_CACHE"] = str(folder / "nothing")
    return lambda: gather_vectors(glove, words)


def skglove_whole(glove, words, folder):
    """Read the whole text into a new cache, and gather."""
    from skglove.vectors import gather_vectors, load_vectors

    shutil.rmtree(folder / "cache", ignore_errors=True)
    return lambda: gather_vectors(load_vectors(glove), words)


def skglove_cache(glove, words, folder):
    """Map the cache, and gather."""
    from skglove.vectors import gather_vectors

    return lambda: gather_vectors(glove, words)


def skglove_nearest(glove, words, folder):
    """Ask for the ten nearest words of many words at once."""
    from skglove.vectors import load_vectors

    vectors = load_vectors(glove)
    vectors.nearest("the")
    return lambda: [[word for word, _ in found] for found in vectors.nearest(words[:N_QUERIES], 10)]


def measure(way, glove, folder):
    """Run one way in this process; print seconds, MB, and a digest of what came out."""
    os.environ["SKGLOVE_CACHE"] = str(folder / "cache")
    run = globals()[way](glove, wanted_words(glove), folder)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began, busy = time.perf_counter(), time.process_time()
    result = run()
    seconds, busy = time.perf_counter() - began, time.process_time() - busy
    megabytes = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    if way.endswith("nearest"):
        digest = len({word for words in result for word in words})
    else:
        digest = None if result is None else float(np.abs(np.asarray(result, np.float64)).sum())
    print(json.dumps({"seconds": seconds, "cpu_seconds": busy, "megabytes": megabytes, "digest": digest}))


ROWS = {
    "blog_loop": ("the blog's loop", "blog_loop"),
    "gensim_text": ("gensim, text", "blog_loop"),
    "skglove_text": ("skglove, text, only the wanted words", "blog_loop"),
    "skglove_whole": ("skglove, text, whole, into the cache", "blog_loop"),
    "gensim_mmap": ("gensim, `mmap`", "blog_loop"),
    "skglove_cache": ("skglove, from the cache", "blog_loop"),
    "gensim_nearest": ("1,000 neighbours: gensim, one by one", "gensim_nearest"),
    "skglove_nearest": ("1,000 neighbours: skglove, at once", "gensim_nearest"),
}
TARGETS = [  # what, slower, faster, at least so many times
    ("wanted rows from text, over the blog's loop", "blog_loop", "skglove_text", 10),
    ("whole file into the cache, over the blog's loop", "blog_loop", "skglove_whole", 3),
    ("whole file into the cache, over gensim's text", "gensim_text", "skglove_whole", 10),
    ("rows from the cache, over the blog's loop", "blog_loop", "skglove_cache", 200),
    ("rows from the cache, over gensim's mmap", "gensim_mmap", "skglove_cache", 1),
    ("1,000 neighbours, over gensim's loop", "gensim_nearest", "skglove_nearest", 5),
]


def in_a_process(way, glove, folder):
    """Measure one way in a fresh process."""
    command = [sys.executable, __file__, "--glove", glove, "--measure", way, "--folder", str(folder)]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def main():
    """Measure all, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--glove", required=True, help="a GloVe text file, such as glove.6B.100d.txt")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", help="write the figures there, too")
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        measure(options.measure, options.glove, options.folder)
        return
    runs = {way: [] for way in ROWS}
    with tempfile.TemporaryDirectory() as folder:
        in_a_process("gensim_save", options.glove, folder)
        for at in range(options.rounds):
            for way in ROWS:
                print(f"round {at + 1}: {ROWS[way][0]}", file=sys.stderr)
                runs[way].append(in_a_process(way, options.glove, folder))
    digests = {round(run["digest"], 2) for way in ROWS if "nearest" not in way for run in runs[way]}
    if len(digests) != 1:
        sys.exit(f"The ways do not give the same matrix: {digests}")
    figures = {
        name: {way: statistics.median(run[name] for run in runs[way]) for way in ROWS}
        for name in ("seconds", "cpu_seconds", "megabytes")
    }
    seconds, busy, megabytes = figures.values()
    print("| way | seconds | times as fast | CPU seconds | peak memory, MB |\n|---|---:|---:|---:|---:|")
    for way, (title, base) in ROWS.items():
        fast = seconds[base] / seconds[way]
        print(f"| {title} | {seconds[way]:.3f} | {fast:.1f} | {busy[way]:.3f} | {megabytes[way]:.0f} |")
    ratios = {what: seconds[slow] / seconds[fast] for what, slow, fast, _ in TARGETS}
    print("\n| ratio | measured | aim |\n|---|---:|---:|")
    for what, _, _, aim in TARGETS:
        print(f"| {what} | {ratios[what]:.1f} | {aim} |")
    if options.json:
        report = {"runs": runs, "medians": figures, "ratios": ratios}
        Path(options.json).write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
