"""Benchmarks of word vectors: opening them with the blog's loop, gensim and skglove, and nearest words.

Opening means building the embedding matrix of 20,000 words.
"""

import os
import shutil
from pathlib import Path

from measuring import Group, clock, faster, same

N_WANTED, N_KNOWN, N_QUERIES = 20_000, 16_600, 1_000  # 83 % have a vector, as in 20 Newsgroups


def wanted_words(setting):
    """Draw words from the 40,000 most frequent ones, and add some that have no vector."""
    import numpy as np

    with open(setting.glove, encoding="utf-8", newline="\n") as lines:
        frequent = [line.split(" ", 1)[0] for line, _ in zip(lines, range(40_000), strict=False)]
    chosen = np.random.default_rng(0).permutation(len(frequent))[:N_KNOWN]
    return [frequent[at] for at in chosen] + [f"nosuchword{at}" for at in range(N_WANTED - N_KNOWN)]


def _digest(matrix):
    return round(100 * float(abs(matrix.astype("float64")).sum()))


def blog_loop(setting):
    """Read as the blog does: a loop over the lines, a dict, a loop over the words."""
    import blog_script

    words = wanted_words(setting)
    with clock() as figures:
        matrix = blog_script.gather(words, blog_script.read_vectors(setting.glove))
    return figures | {"digest": _digest(matrix)}


def _gather_from_gensim(vectors, words):
    import numpy as np

    matrix = np.zeros((len(words), vectors.vector_size), np.float32)
    known = [
        (at, vectors.key_to_index[word]) for at, word in enumerate(words) if word in vectors.key_to_index
    ]
    at, rows = map(list, zip(*known, strict=True))
    matrix[at] = vectors.vectors[rows]
    return matrix


def gensim_text(setting):
    """Read the text with gensim, then save it in gensim's own format for the next two functions."""
    from gensim.models import KeyedVectors

    words = wanted_words(setting)
    with clock() as figures:
        vectors = KeyedVectors.load_word2vec_format(setting.glove, binary=False, no_header=True)
        matrix = _gather_from_gensim(vectors, words)
    vectors.save(f"{setting.folder}/gensim")
    return figures | {"digest": _digest(matrix)}


def gensim_mmap(setting):
    """Memory-map the file that gensim saved."""
    from gensim.models import KeyedVectors

    words = wanted_words(setting)
    with clock() as figures:
        matrix = _gather_from_gensim(KeyedVectors.load(f"{setting.folder}/gensim", mmap="r"), words)
    return figures | {"digest": _digest(matrix)}


def gensim_nearest(setting):
    """Find the ten nearest words with gensim, one query at a time."""
    from gensim.models import KeyedVectors

    vectors, words = KeyedVectors.load(f"{setting.folder}/gensim", mmap="r"), wanted_words(setting)
    vectors.fill_norms()
    with clock() as figures:
        for word in words[:N_QUERIES]:
            vectors.most_similar(word, topn=10)
    return figures


def skglove_text(setting):
    """Parse only the wanted lines of the text, without a cache."""
    from skglove.vectors import gather_vectors

    words = wanted_words(setting)
    with clock() as figures:
        matrix = gather_vectors(setting.glove, words)
    return figures | {"digest": _digest(matrix)}


def _keep_cache(setting):
    cache = Path(setting.folder) / "cache"
    os.environ["SKGLOVE_CACHE"] = str(cache)
    return cache


def skglove_whole(setting):
    """Read the whole text into a new cache."""
    from skglove.vectors import gather_vectors, load_vectors

    shutil.rmtree(_keep_cache(setting), ignore_errors=True)
    words = wanted_words(setting)
    with clock() as figures:
        matrix = gather_vectors(load_vectors(setting.glove), words)
    return figures | {"digest": _digest(matrix)}


def skglove_cache(setting):
    """Memory-map the cache."""
    _keep_cache(setting)
    return skglove_text(setting)


def skglove_nearest(setting):
    """Find the ten nearest words of all queries at once."""
    from skglove.vectors import load_vectors

    _keep_cache(setting)
    vectors, words = load_vectors(setting.glove), wanted_words(setting)
    vectors.nearest("the")
    with clock() as figures:
        vectors.nearest(words[:N_QUERIES], 10)
    return figures


GROUPS = {
    "vectors": Group(
        "Word vectors: opening them for 20,000 words; nearest words",
        {
            "blog": ("the blog's loop", blog_loop, "blog"),
            "gensim": ("gensim, text", gensim_text, "blog"),
            "text": ("skglove, text, only the wanted words", skglove_text, "blog"),
            "whole": ("skglove, text, whole, into the cache", skglove_whole, "blog"),
            "gensim_mmap": ("gensim, `mmap`", gensim_mmap, "blog"),
            "cache": ("skglove, from the cache", skglove_cache, "blog"),
            "gensim_nearest": (
                "1,000 nearest-neighbour queries: gensim, one by one",
                gensim_nearest,
                "gensim_nearest",
            ),
            "nearest": (
                "1,000 nearest-neighbour queries: skglove, in one call",
                skglove_nearest,
                "gensim_nearest",
            ),
        },
        "seconds cpu_seconds megabytes",
        [
            faster("text", "blog", 10, "wanted vectors from text, over the blog's loop"),
            faster("whole", "blog", 3, "whole vector file into the cache, over the blog's loop"),
            faster("whole", "gensim", 10, "whole vector file into the cache, over gensim's text"),
            faster("cache", "blog", 200, "vectors from the cache, over the blog's loop"),
            faster("cache", "gensim_mmap", 1, "vectors from the cache, over gensim's mmap"),
            faster("nearest", "gensim_nearest", 5, "1,000 nearest-neighbour queries, over gensim's loop"),
            same(
                ["blog", "gensim", "text", "whole", "gensim_mmap", "cache"],
                "matrices of vectors that differ from the blog's",
            ),
        ],
    )
}
