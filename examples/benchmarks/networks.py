"""Training and prediction: the same network from the blog's script, other wrappers, and skglove."""

import time
from functools import partial

from corpus import load_posts
from measuring import Group, clock, faster


def _epoch_timer():
    """Make a list of times, and a callback that notes in it when epochs begin and end."""
    from keras.callbacks import LambdaCallback

    times = []

    def note(epoch, logs=None):
        times.append(time.perf_counter())

    return times, LambdaCallback(on_epoch_begin=note, on_epoch_end=note)


def _result(figures, times, predicted, posts):
    first, second = times[1] - times[0], times[3] - times[2]
    accuracy = float((predicted == posts.held_out_codes).mean())
    return figures | {"first": first, "second": second, "accuracy": accuracy}


def _padded(setting):
    """Make what the wrappers take: padded ids as plain arrays, and the embedding matrix."""
    import numpy as np

    from skglove import GloveTokenizer, SequencePadder

    posts, tokenizer, padder = load_posts(setting), GloveTokenizer(setting.glove), SequencePadder(maxlen=1000)
    train = padder.fit_transform(tokenizer.fit_transform(posts.train))
    held_out = padder.transform(tokenizer.transform(posts.held_out))
    matrix = train.vocabulary.embedding_matrix()
    return posts, np.asarray(train), np.asarray(held_out), matrix


def blog_epoch(setting):
    import blog_script
    import keras

    posts, (times, timer) = load_posts(setting), _epoch_timer()
    keras.utils.set_random_seed(setting.round)
    with clock() as figures:
        tokenizer, model = blog_script.fit(posts.train, posts.train_codes, setting.glove, callbacks=[timer])
    probabilities = model.predict(blog_script.pad(tokenizer.texts_to_sequences(posts.held_out)), verbose=0)
    return _result(figures, times, probabilities.argmax(axis=1), posts)


def keras_wrapper_epoch(setting):
    import blog_script
    import keras

    posts, train, held_out, matrix = _padded(setting)
    times, timer = _epoch_timer()
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
    times, timer = _epoch_timer()
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
    from torch import nn

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
        verbose=0,
    )
    with clock() as figures:
        classifier.fit(train.astype("int64"), posts.train_codes)
    first, second = classifier.history[:, "dur"]
    return _result(figures, [0, first, 0, second], classifier.predict(held_out.astype("int64")), posts)


def skglove_epoch(setting, dtype_policy):
    from skglove import GloveTokenizer, KerasConvTextClassifier

    posts, tokenizer, (times, timer) = load_posts(setting), GloveTokenizer(setting.glove), _epoch_timer()
    ids = tokenizer.fit_transform(posts.train)
    classifier = KerasConvTextClassifier(
        dtype_policy=dtype_policy, callbacks=[timer], random_state=setting.round
    )
    with clock() as figures:
        classifier.fit(ids, posts.train_codes)
    return _result(figures, times, classifier.predict(tokenizer.transform(posts.held_out)), posts)


def _predict_twice(predict, n):
    with clock() as first:
        predict()
    with clock() as figures:
        predict()
    return figures | {"first": first["seconds"], "per_second": n / figures["seconds"]}


def blog_predict(setting, batch_size):
    import blog_script

    posts = load_posts(setting)
    tokenizer, model = blog_script.fit(posts.train, posts.train_codes, setting.glove, epochs=1, n_texts=1000)
    data = blog_script.pad(tokenizer.texts_to_sequences(posts.held_out))
    return _predict_twice(lambda: model.predict(data, batch_size=batch_size, verbose=0), len(data))


def skglove_predict(setting, dtype_policy):
    from skglove import GloveTokenizer, KerasConvTextClassifier

    posts, tokenizer = load_posts(setting), GloveTokenizer(setting.glove)
    ids = tokenizer.fit_transform(posts.train)[:1000]
    classifier = KerasConvTextClassifier(epochs=1, dtype_policy=dtype_policy).fit(
        ids, posts.train_codes[:1000]
    )
    held_out = tokenizer.transform(posts.held_out)
    return _predict_twice(lambda: classifier.predict_proba(held_out), len(held_out))


BFLOAT16 = "mixed_bfloat16"

GROUPS = {
    "epoch": Group(
        "Training: one epoch of the same network (the second; the first also compiles)",
        {
            "blog": ("the blog's script", blog_epoch, "blog"),
            "keras": ("Keras's `SKLearnClassifier`", keras_wrapper_epoch, "blog"),
            "scikeras": ("scikeras", scikeras_epoch, "blog"),
            "skorch": ("skorch, PyTorch", skorch_epoch, "blog"),
            "skglove": ("skglove", partial(skglove_epoch, dtype_policy=None), "blog"),
            "bfloat16": ("skglove, `mixed_bfloat16`", partial(skglove_epoch, dtype_policy=BFLOAT16), "blog"),
        },
        {
            "first": ("first epoch, s", ".1f"),
            "second": ("second epoch, s", ".1f"),
            "peak_megabytes": ("peak memory, MB", ",.0f"),
            "accuracy": ("held-out accuracy after both", ".3f"),
        },
        [
            faster("skglove", "blog", 3, "an epoch, over the blog's script", "second"),
            faster("bfloat16", "blog", 4, "an epoch in bfloat16, over the blog's script", "second"),
            faster("skglove", "skorch", 3, "an epoch, over skorch", "second"),
        ],
        speed="second",
    ),
    "predict": Group(
        "Prediction of the held-out texts (the second call; the first also compiles)",
        {
            "blog": ("the blog's `model.predict`", partial(blog_predict, batch_size=None), "blog"),
            "batches": ("the same in batches of 128", partial(blog_predict, batch_size=128), "blog"),
            "skglove": ("`predict_proba`", partial(skglove_predict, dtype_policy=None), "blog"),
            "bfloat16": (
                "`predict_proba`, `mixed_bfloat16`",
                partial(skglove_predict, dtype_policy=BFLOAT16),
                "blog",
            ),
        },
        {
            "first": ("first call, s", ".2f"),
            "seconds": ("second call, s", ".2f"),
            "cpu_seconds": ("CPU seconds", ".2f"),
            "per_second": ("texts a second", ",.0f"),
        },
        [faster("skglove", "blog", 4, "prediction, over the blog's model.predict")],
    ),
}
