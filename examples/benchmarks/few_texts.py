"""Benchmarks of 500 sentences, as they come in practice: one fit, one answer, and a grid search."""

import re
import statistics
import time
from functools import partial

from corpus import load_posts
from measuring import Group, at_most, clock, faster, import_everything

N_TEXTS, N_CLASSES = 500, 2


def load_first_sentences(setting):
    """Return 500 first sentences of posts of two classes, and up to 500 others, each with their labels."""
    posts = load_posts(setting)
    parts = []
    for texts, codes in ((posts.train, posts.train_codes), (posts.held_out, posts.held_out_codes)):
        sentences, labels = [], []
        for text, code in zip(texts, codes, strict=True):
            cut = (part for part in re.split(r"(?<=[.!?])\s+|\n\s*\n", text) if len(part.split()) >= 5)
            first = next(cut, None)
            if first and code < N_CLASSES and labels.count(code) < N_TEXTS // N_CLASSES:
                sentences.append(" ".join(first.split()))
                labels.append(int(code))
        parts.append((sentences, labels))
    return parts


def logistic(_):
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    return make_pipeline(TfidfVectorizer(), LogisticRegression())


def kim(setting):
    from kim import KimClassifier

    return KimClassifier(setting.glove, seed=setting.round, epochs=15)


def default(setting):
    from skglove import make_text_classifier

    return make_text_classifier(vectors=setting.glove, random_state=setting.round)


def _prepare(setting):
    """Import everything, and open the vectors, which the first use of a file takes long for."""
    from skglove import load_vectors

    import_everything()
    load_vectors(setting.glove)
    return load_first_sentences(setting)


def fit_job(setting, make):
    """Fit twice, because the first fit of a process starts TensorFlow, and ask for one text at a time."""
    (train, codes), (held_out, truth) = _prepare(setting)
    with clock() as figures:
        make(setting).fit(train, codes)
    with clock() as second:
        model = make(setting).fit(train, codes)
    figures |= {"first": figures["seconds"], "second": second["seconds"]}
    figures |= {"seconds": second["seconds"], "cpu_seconds": second["cpu_seconds"], "texts": len(train)}
    model.predict_proba(held_out[:1])
    waits = []
    for text in held_out[:100]:
        began = time.perf_counter()
        model.predict_proba([text])
        waits.append(1000 * (time.perf_counter() - began))
    predicted = model.predict(held_out)
    right = sum(label == code for label, code in zip(predicted, truth, strict=True))
    return figures | {"one": statistics.median(waits), "accuracy": right / len(truth)}


GRIDS = {
    "default": {
        "cnn__filters": [25, 50, 100],
        "cnn__dropout": [0.3, 0.5],
        "cnn__kernel_size": [(2, 3), (3, 4, 5)],
    },
    "logistic": {
        "logisticregression__C": [0.3, 1, 3, 10, 30, 100],
        "tfidfvectorizer__ngram_range": [(1, 1), (1, 2)],
    },
}


def search_job(setting, make):
    from sklearn.model_selection import GridSearchCV

    (train, codes), (held_out, truth) = _prepare(setting)
    search = GridSearchCV(make(setting), GRIDS[make.__name__], cv=5, n_jobs=1, error_score="raise")
    with clock() as figures:
        search.fit(train, codes)
    return figures | {"texts": len(train), "accuracy": search.score(held_out, truth)}


GROUPS = {
    "few_texts": Group(
        "500 sentences: from texts to a fitted model, and one text at a time",
        {
            "kim": ("Kim's network in plain Keras, 15 epochs", partial(fit_job, make=kim), "kim"),
            "default": ("skglove, its defaults", partial(fit_job, make=default), "kim"),
            "logistic": ("TF-IDF + LogisticRegression", partial(fit_job, make=logistic), "kim"),
        },
        "texts first second cpu_seconds one accuracy",
        [
            faster("default", "kim", 3, "500 sentences, over Kim's network in plain Keras"),
            at_most("default", "500 sentences: seconds of a fit", lambda m: m["default"]["seconds"], 1.2),
            at_most("default", "one sentence: milliseconds", lambda m: m["default"]["one"], 3),
        ],
    ),
    "few_search": Group(
        "500 sentences: a grid search of 12 candidates in 5 folds, and the fit of the best; `n_jobs=1`",
        {
            "default": ("skglove", partial(search_job, make=default), None),
            "logistic": ("TF-IDF + LogisticRegression", partial(search_job, make=logistic), None),
        },
        "texts seconds cpu_seconds accuracy",
    ),
}
