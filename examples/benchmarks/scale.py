"""Where one machine ends: time and memory of each part of the default classifier, for more and more texts.

    python examples/benchmarks/scale.py --data DATA --glove glove.6B.100d.txt --csv scale.csv

DATA is the folder of accuracy.py. A text is two sentences of one newsgroup, drawn at random, so that any
number of texts differ; its label is the newsgroup. Each size runs in a fresh process: the tokenizer; the
linear model; one pass of the network; prediction. Peak memory is that of the process until the end of the
part. The two sizes take two minutes on 2 cores.
"""

import re
import resource
import time
from functools import lru_cache
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from corpus import read_newsgroups
from results import Results, make_parser, read, show
from summary import table

PARTS = {
    "tokenizer": "`GloveTokenizer.fit_transform`",
    "linear": "the linear model",
    "network": "one pass of the network",
    "predict": "`predict_proba`",
}


def draw_texts(data, n):
    """Draw texts of two sentences of one newsgroup, with the newsgroup as label."""
    posts = read_newsgroups(data)
    of_group = [[] for _ in posts.target_names]
    for text, code in zip(posts.data, posts.target, strict=True):
        cut = (" ".join(part.split()) for part in re.split(r"(?<=[.!?])\s+|\n\s*\n", text))
        of_group[code] += [sentence for sentence in cut if len(sentence.split()) > 2]
    rng = np.random.RandomState(0)
    codes = rng.randint(len(of_group), size=n)
    sizes = np.array([len(sentences) for sentences in of_group])[codes]
    firsts, seconds = (rng.random((2, n)) * sizes).astype(int)
    places = zip(codes, firsts, seconds, strict=True)
    return [f"{of_group[code][i]} {of_group[code][j]}" for code, i, j in places], codes


def run(data, glove, n, queue):
    """Measure all parts on `n` texts."""
    from skglove import GloveTokenizer, KerasConvTextClassifier
    from skglove.documents import Documents
    from skglove.lexical import LexicalModel

    texts, codes = draw_texts(data, n)
    figures = {}

    def clock(part, work, *arguments):
        started = time.perf_counter()
        result = work(*arguments)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        figures[part] = {"seconds": time.perf_counter() - started, "peak_megabytes": peak}
        return result

    ids = clock("tokenizer", GloveTokenizer(glove).fit_transform, texts)
    lengths = np.array([len(row) for row in ids])
    documents = Documents(np.concatenate([np.asarray(row) for row in ids]), lengths)
    model = clock("linear", LexicalModel().fit, documents, codes)
    figures["linear"]["features"] = len(model.features_)
    del model
    network = KerasConvTextClassifier(epochs=1, lexical_weight=0, validation_fraction=0, random_state=0)
    clock("network", network.fit, ids, codes)
    clock("predict", network.predict_proba, ids)
    for part in figures:
        figures[part]["tokens"] = int(lengths.sum())
    queue.put(figures)


@lru_cache
def run_alone(data, glove, n):
    """Measure all parts on `n` texts in a fresh process."""
    context = get_context("spawn")
    queue = context.Queue()
    process = context.Process(target=run, args=(data, glove, n, queue))
    process.start()
    figures = queue.get()
    process.join()
    return figures


def measure(setting, n, part):
    """Measure one part, with all others of the same texts."""
    return run_alone(setting.data, setting.glove, n)[part]


def summarise(rows):
    """Make a Markdown table: a row for each part and size."""
    body = []
    for part, title in PARTS.items():
        for row in rows:
            if row["part"] == part:
                n, tokens, seconds = row["texts"], row["tokens"], row["seconds"]
                cells = [f"{n:,}", f"{tokens / n:.0f}", f"{seconds:.1f}", f"{n / seconds:,.0f}"]
                body.append([title, *cells, f"{tokens / seconds:,.0f}", f"{row['peak_megabytes']:,.0f}"])
    head = ["part", "texts", "words a text", "seconds", "texts a second", "words a second", "peak, MB"]
    return "\n".join(table(head, body)).rstrip()


def main(arguments=None):
    parser = make_parser(__doc__, "scale.csv")
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000], help="texts")
    setting = parser.parse_args(arguments)
    if setting.tables:
        rows = read(setting.csv)[1]
    else:
        report = Results(setting.csv, {"vectors": Path(setting.glove).name})
        for n in setting.sizes:
            for part in PARTS:
                report.add({"texts": n, "part": part}, measure, setting, n, part)
        rows = report.rows
    show(summarise(rows), setting.markdown)


if __name__ == "__main__":
    main()
