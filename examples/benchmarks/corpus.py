"""The data of the benchmarks: texts with labels, split as in the blog, and a text file of word vectors."""

import itertools
import pickle
import re
import sys
from functools import lru_cache
from pathlib import Path
from types import SimpleNamespace

import numpy as np


def read_bbc_news():
    """Read BBC News with the helper of the examples, which are one folder up."""
    sys.path.append(str(Path(__file__).parent.parent))
    from bbc_news import load_bbc_news

    return load_bbc_news()


def split(n, seed=0):
    """Shuffle `n` rows as the blog does; return the training rows and the last fifth, the test rows."""
    order = np.random.RandomState(seed).permutation(n)
    n_train = n - int(0.2 * n)
    return order[:n_train], order[n_train:]


def find(folder, name):
    """Return the path of a data set in the folder of all."""
    path = Path(folder or ".") / name
    if not path.exists():
        raise FileNotFoundError(f"there is no {path}")
    return path


@lru_cache
def read_newsgroups(data, headers="strip"):
    """Read the posts of the original 20 Newsgroups, from their folder or the folder of all data sets."""
    from skglove import load_text_folders

    inside = Path(data or ".") / "20_newsgroup"
    folder = inside if inside.exists() else inside.parent
    if sum(path.is_dir() for path in folder.iterdir()) != 20:
        raise FileNotFoundError(f"there is no {inside} with 20 folders, nor are they in {folder}")
    return load_text_folders(folder, encoding="latin-1", headers=headers, digits_only=True)


def read_lines(path, encoding="latin-1"):
    """Return the lines that are not empty. Only a line feed ends a line: NEL occurs in texts."""
    return [line for line in path.read_text(encoding=encoding).split("\n") if line.strip()]


def read_labelled(path, separator="\t", encoding="latin-1"):
    """Read a label, a separator and a text from each line; return the texts and the labels."""
    pairs = [line.split(separator, 1) for line in read_lines(path, encoding)]
    for number, pair in enumerate(pairs, 1):
        if len(pair) != 2:
            raise ValueError(
                f"text {number} of {path} has no {separator!r} after its label: {pair[0][:50]!r}"
            )
    return [text for _, text in pairs], [label for label, _ in pairs]


def prepare(folder, data=None, n_posts=None):
    """Write texts, split and sentences into a folder for the measured processes; return a description."""
    from skglove import load_text_folders

    if data:
        read, source = (
            load_text_folders(data, encoding="latin-1", headers="strip", digits_only=True),
            "20 Newsgroups, headers cut",
        )
    else:
        read, source = read_bbc_news(), "BBC News"
    order = np.random.RandomState(0).permutation(len(read.data))[:n_posts]
    texts, codes = [read.data[at] for at in order], read.target[order]
    cut = [sentence for text in texts for sentence in re.split(r"(?<=[.!?])\s+|\n\s*\n", text)]
    cut = [sentence for sentence in cut if len(sentence.split()) > 2]
    n_sentences = min(50 * len(texts), 1_000_000)
    # Every sentence is a separate object, also where the posts have too few and are repeated.
    sentences = [(sentence + " ")[:-1] for sentence in itertools.islice(itertools.cycle(cut), n_sentences)]
    (folder / "posts.pickle").write_bytes(pickle.dumps((texts, codes)))
    (folder / "sentences.pickle").write_bytes(pickle.dumps(sentences))
    n_held_out = int(0.2 * len(texts))
    return (
        f"{source}: {len(texts):,} texts, {len(texts) - n_held_out:,} to learn from, {n_held_out:,} held "
        f"out; {n_sentences:,} sentences of them, {len(cut):,} before the texts begin again"
    )


def write_vectors(path, n_words=100_000):
    """Write the installed package's GloVe vectors as a text file."""
    from skglove import load_vectors

    vectors = load_vectors("glove.6B.50d")
    with open(path, "w", encoding="utf-8", newline="\n") as lines:
        for word in itertools.islice(vectors, n_words):
            lines.write(" ".join([word, *(f"{value:.5g}" for value in vectors[word])]) + "\n")


def load_posts(setting):
    """Read all texts, the training texts and the test texts, with their labels as integers."""
    texts, codes = pickle.loads((Path(setting.folder) / "posts.pickle").read_bytes())
    n = len(texts) - int(0.2 * len(texts))
    return SimpleNamespace(
        all=texts, train=texts[:n], train_codes=codes[:n], held_out=texts[n:], held_out_codes=codes[n:]
    )


def load_sentences(setting):
    """Read the sentences; return them and their size in MB."""
    sentences = pickle.loads((Path(setting.folder) / "sentences.pickle").read_bytes())
    return sentences, sum(sys.getsizeof(sentence) + 8 for sentence in sentences) / 2**20
