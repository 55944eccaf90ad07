"""Benchmarks of training and prediction: the blog's network in its script, in other wrappers, in skglove."""

import time
from functools import partial

from corpus import load_posts
from measuring import Group, at_most, clock, faster

BLOG_TOKENS = {"style": "keras", "num_words": 20_000}


def epoch_timer():
    """Return a list and a Keras callback that appends wall time and CPU time when epochs begin and end."""
    from keras.callbacks import LambdaCallback

    times = []

    def note(*_):
        times.append((time.perf_counter(), time.process_time()))

    return times, LambdaCallback(on_epoch_begin=note, on_epoch_end=note)


def rate(predicted, posts):
    """Return the accuracy on the test set."""
    return {"accuracy": float((predicted == posts.held_out_codes).mean())}


def epoch_times(times):
    """Return wall time and CPU time of the first two epochs; the first also compiles."""
    (begin_1, end_1, begin_2, end_2), (cpu_1, cpu_2, cpu_3, cpu_4) = zip(*times[:4], strict=True)
    return {
        "first": end_1 - begin_1,
        "second": end_2 - begin_2,
        "first_cpu": cpu_2 - cpu_1,
        "second_cpu": cpu_4 - cpu_3,
    }


def _result(figures, times, predicted, posts):
    """Add the epochs' times and the accuracy to the figures of the whole fit."""
    return figures | epoch_times(times) | rate(predicted, posts)


def _padded(setting):
    """Return the posts, padded ids as plain arrays, and the embedding matrix, as other wrappers need them."""
    import numpy as np

    from skglove import GloveTokenizer, SequencePadder

    posts, padder = load_posts(setting), SequencePadder(maxlen=1000)
    tokenizer = GloveTokenizer(setting.glove, **BLOG_TOKENS)
    train = padder.fit_transform(tokenizer.fit_transform(posts.train))
    held_out = padder.transform(tokenizer.transform(posts.held_out))
    matrix = train.vocabulary.embedding_matrix()
    return posts, np.asarray(train), np.asarray(held_out), matrix


def blog_epoch(setting):
    import blog_script
    import keras

    posts, (times, timer) = load_posts(setting), epoch_timer()
    keras.utils.set_random_seed(setting.round)
    with clock() as figures:
        tokenizer, model = blog_script.fit(posts.train, posts.train_codes, setting.glove, callbacks=[timer])
    probabilities = model.predict(blog_script.pad(tokenizer.texts_to_sequences(posts.held_out)), verbose=0)
    return _result(figures, times, probabilities.argmax(axis=1), posts)


def keras_wrapper_epoch(setting):
    import blog_script
    import keras

    posts, train, held_out, matrix = _padded(setting)
    times, timer = epoch_timer()
    keras.utils.set_random_seed(setting.round)
    classifier = keras.wrappers.SKLearnClassifier(
        lambda X, y: blog_script.build(matrix, y.shape[1]),
        fit_kwargs={"epochs": 2, "batch_size": 128, "verbose": 0, "callbacks": [timer]},
    )
    with clock() as figures:
        classifier.fit(train, posts.train_codes)
    return _result(figures, times, classifier.predict(held_out).ravel(), posts)


def scikeras_epoch(setting):
    import blog_script
    from scikeras.wrappers import KerasClassifier

    posts, train, held_out, matrix = _padded(setting)
    times, timer = epoch_timer()
    classifier = KerasClassifier(
        lambda: blog_script.build(matrix, int(posts.train_codes.max()) + 1),
        loss="categorical_crossentropy",
        epochs=2,
        batch_size=128,
        verbose=0,
        random_state=setting.round,
        callbacks=[timer],
    )
    with clock() as figures:
        classifier.fit(train, posts.train_codes)
    return _result(figures, times, classifier.predict(held_out).ravel(), posts)


def skorch_epoch(setting):
    import torch
    from skorch import NeuralNetClassifier
    from skorch.callbacks import Callback
    from torch import nn

    times, timer = epoch_timer()

    class EpochTimer(Callback):
        def on_epoch_begin(self, net, **_):
            timer.on_epoch_begin(None)

        def on_epoch_end(self, net, **_):
            timer.on_epoch_end(None)

    posts, train, held_out, matrix = _padded(setting)
    torch.manual_seed(setting.round)

    class Network(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding = nn.Embedding.from_pretrained(torch.tensor(matrix), freeze=True)
            widths = [matrix.shape[1], 128, 128]
            self.convolutions = nn.ModuleList(nn.Conv1d(width, 128, 5) for width in widths)
            self.dense, self.classes = nn.Linear(128, 128), nn.Linear(128, int(posts.train_codes.max()) + 1)
            for layer in [*self.convolutions, self.dense, self.classes]:  # begin as Keras does
                nn.init.xavier_uniform_(layer.weight)
                nn.init.zeros_(layer.bias)

        def forward(self, ids):
            x = self.embedding(ids).transpose(1, 2)
            for i, convolution in enumerate(self.convolutions):
                x = nn.functional.max_pool1d(convolution(x).relu(), 5 if i < 2 else 35)
            return self.classes(self.dense(x.flatten(1)).relu())

    classifier = NeuralNetClassifier(
        Network,
        criterion=nn.CrossEntropyLoss,
        optimizer=torch.optim.RMSprop,
        optimizer__alpha=0.9,
        optimizer__eps=1e-7,
        lr=0.001,
        batch_size=128,
        max_epochs=2,
        iterator_train__shuffle=True,
        train_split=None,
        callbacks=[EpochTimer()],
        verbose=0,
    )
    with clock() as figures:
        classifier.fit(train.astype("int64"), posts.train_codes)
    return _result(figures, times, classifier.predict(held_out.astype("int64")), posts)


def skglove_epoch(setting, architecture="stacked", tokens=BLOG_TOKENS, **options):
    from skglove import GloveTokenizer, KerasConvTextClassifier

    tokenizer, (times, timer) = GloveTokenizer(setting.glove, **tokens), epoch_timer()
    posts = load_posts(setting)
    ids = tokenizer.fit_transform(posts.train)
    classifier = KerasConvTextClassifier(
        architecture, callbacks=[timer], random_state=setting.round, **options
    )
    with clock() as figures:
        classifier.fit(ids, posts.train_codes)
    return _result(figures, times, classifier.predict(tokenizer.transform(posts.held_out)), posts)


def _predict_twice(predict, n):
    with clock() as first:
        predict()
    with clock() as figures:
        predict()
    second, busy = figures["seconds"], figures["cpu_seconds"]
    return figures | {
        "first": first["seconds"],
        "second": second,
        "second_cpu": busy,
        "per_second": n / second,
    }


def blog_predict(setting, batch_size):
    import blog_script

    posts = load_posts(setting)
    tokenizer, model = blog_script.fit(posts.train, posts.train_codes, setting.glove, epochs=1, n_texts=1000)
    data = blog_script.pad(tokenizer.texts_to_sequences(posts.held_out))
    return _predict_twice(lambda: model.predict(data, batch_size=batch_size, verbose=0), len(data))


def skglove_predict(setting, architecture="stacked", tokens=BLOG_TOKENS, **options):
    from skglove import GloveTokenizer, KerasConvTextClassifier

    posts, tokenizer = load_posts(setting), GloveTokenizer(setting.glove, **tokens)
    ids = tokenizer.fit_transform(posts.train)[:1000]
    classifier = KerasConvTextClassifier(architecture, epochs=1, **options).fit(ids, posts.train_codes[:1000])
    held_out = tokenizer.transform(posts.held_out)
    return _predict_twice(lambda: classifier.predict_proba(held_out), len(held_out))


BFLOAT16 = "mixed_bfloat16"
DEFAULT = {"architecture": "hybrid", "tokens": {}}

GROUPS = {
    "epoch": Group(
        "One training epoch of the blog's network (the second; the first also compiles)",
        {
            "blog": ("the blog's script", blog_epoch, "blog"),
            "keras": ("Keras's `SKLearnClassifier`", keras_wrapper_epoch, "blog"),
            "scikeras": ("scikeras", scikeras_epoch, "blog"),
            "skorch": ("skorch, PyTorch", skorch_epoch, "blog"),
            "skglove": ("skglove", skglove_epoch, "blog"),
            "bfloat16": ("skglove, `mixed_bfloat16`", partial(skglove_epoch, dtype_policy=BFLOAT16), "blog"),
        },
        "first second second_cpu accuracy",
        [
            faster("skglove", "blog", 3, "an epoch, over the blog's script", "second"),
            faster("bfloat16", "blog", 4, "an epoch in bfloat16, over the blog's script", "second"),
            faster("skglove", "skorch", 3, "an epoch, over skorch", "second"),
        ],
        speed="second",
    ),
    "default": Group(
        "One training epoch of the default network (the second)",
        {
            "stacked": ("skglove, the blog's network", skglove_epoch, "stacked"),
            "default": ("skglove, its default", partial(skglove_epoch, **DEFAULT), "stacked"),
        },
        "first second second_cpu accuracy",
        [
            at_most(
                "default",
                "an epoch of the default network, relative to the blog's network",
                lambda m: m["default"]["second"] / m["stacked"]["second"],
                1.3,
            ),
        ],
        speed="second",
    ),
    "predict": Group(
        "Predicting the held-out texts (the second call; the first also compiles)",
        {
            "blog": ("the blog's `model.predict`", partial(blog_predict, batch_size=None), "blog"),
            "batches": ("the same in batches of 128", partial(blog_predict, batch_size=128), "blog"),
            "skglove": ("`predict_proba`", skglove_predict, "blog"),
            "bfloat16": (
                "`predict_proba`, `mixed_bfloat16`",
                partial(skglove_predict, dtype_policy=BFLOAT16),
                "blog",
            ),
            "default": ("the default network's `predict_proba`", partial(skglove_predict, **DEFAULT), "blog"),
        },
        "first second second_cpu per_second",
        [faster("skglove", "blog", 4, "prediction, over the blog's model.predict")],
    ),
}
