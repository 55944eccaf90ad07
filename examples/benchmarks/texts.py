"""Benchmarks of tokenizing, padding, and a million short texts."""

import zlib
from functools import partial

from corpus import load_posts, load_sentences
from measuring import Group, at_most, clock, faster, import_everything, same


def _digest(sequences):
    import numpy as np

    return zlib.crc32(np.concatenate([np.asarray(ids, np.int32) for ids in sequences]))


def keras_tokenizer(setting):
    import blog_script

    texts = load_posts(setting).all
    with clock() as figures:
        _, sequences = blog_script.tokenize(texts)
    return figures | {"digest": _digest(sequences)}


def skglove_tokenizer(setting, style="keras"):
    from skglove import GloveTokenizer

    texts = load_posts(setting).all
    with clock() as figures:
        ids = GloveTokenizer(vectors=None, style=style).fit_transform(texts)
    return figures | {"digest": _digest(ids)}


def keras_padding(setting):
    from blog_script import pad

    from skglove import GloveTokenizer

    tokenizer = GloveTokenizer(vectors=None, style="keras")
    sequences = [ids.tolist() for ids in tokenizer.fit_transform(load_posts(setting).all)]
    with clock() as figures:
        matrix = pad(sequences)
    return figures | {"digest": _digest(matrix)}


def skglove_padding(setting):
    from skglove import GloveTokenizer, SequencePadder

    ids = GloveTokenizer(vectors=None, style="keras").fit_transform(load_posts(setting).all)
    with clock() as figures:
        matrix = SequencePadder(maxlen=1000).fit_transform(ids)
    return figures | {"digest": _digest(matrix)}


def fill(setting):
    import numpy as np

    n_texts = len(load_posts(setting).all)
    with clock() as figures:
        np.zeros((n_texts, 1000), dtype=np.int32)[:] = 1
    return figures


def _short(setting, method="fit_transform", n_texts=None):
    from sklearn.pipeline import Pipeline

    import skglove

    import_everything()
    sentences, size = load_sentences(setting)
    tokenizer = skglove.GloveTokenizer(vectors=None)
    work = tokenizer.fit_transform
    if method != "fit_transform":
        n = len(sentences)
        classifier = skglove.KerasConvTextClassifier("stacked", epochs=1)
        pipeline = Pipeline([("tokens", tokenizer), ("cnn", classifier)])
        pipeline.fit(sentences[: n // 500], [i % 2 for i in range(n // 500)])  # any labels do
        work = getattr(tokenizer if method == "transform" else pipeline, method)
        sentences = sentences[:n_texts]
        size *= len(sentences) / n
    with clock() as figures:
        work(sentences)
    figures |= {"texts": len(sentences), "size": size, "times_size": figures["megabytes"] / size}
    return figures | {"per_second": len(sentences) / figures["seconds"]}


def _times_size(way):
    return lambda medians: medians[way]["times_size"]


FIGURES = "seconds cpu_seconds megabytes"

GROUPS = {
    "tokenizer": Group(
        "Tokenizing all texts: the first call in a process",
        {
            "keras": ("Keras `Tokenizer`", keras_tokenizer, "keras"),
            "skglove": ('`GloveTokenizer`, style="keras"', skglove_tokenizer, "keras"),
            "glove": ('`GloveTokenizer`, style="glove"', partial(skglove_tokenizer, style="glove"), "keras"),
        },
        FIGURES,
        [
            faster("skglove", "keras", 4, "texts to ids, over Keras's Tokenizer"),
            at_most(
                "glove",
                "texts to ids: time of GloVe's rules, relative to Keras's rules",
                lambda m: m["glove"]["seconds"] / m["skglove"]["seconds"],
                1.6,
            ),
            same(["keras", "skglove"], "results that differ from Keras's"),
        ],
    ),
    "padding": Group(
        "Padding the ids of all texts to 1,000",
        {
            "keras": ("Keras `pad_sequences`", keras_padding, "keras"),
            "skglove": ("`SequencePadder`", skglove_padding, "keras"),
            "fill": ("lower bound: filling a new matrix with ones", fill, "keras"),
        },
        FIGURES,
        [
            faster("skglove", "keras", 5, "padding, over Keras's pad_sequences"),
            same(["keras", "skglove"], "matrices that differ from Keras's"),
        ],
    ),
    "short_texts": Group(
        "Many short texts: memory relative to their size",
        {
            "tokenizer": ("`fit_transform` of the tokenizer", _short, None),
            "predict": (
                "`predict_proba` of the pipeline",
                partial(_short, method="predict_proba", n_texts=200_000),
                None,
            ),
            "ids": (
                "of that, `transform` of the tokenizer",
                partial(_short, method="transform", n_texts=200_000),
                None,
            ),
            "fewer": (
                "`predict_proba` of 20,000 texts",
                partial(_short, method="predict_proba", n_texts=20_000),
                None,
            ),
        },
        f"texts size {FIGURES} times_size per_second",
        [
            at_most(way, f"short texts, {way}: memory relative to the size of the texts", _times_size(way), 4)
            for way in ("tokenizer", "predict")
        ],
    ),
}
