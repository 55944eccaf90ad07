"""The classifier's settings: what "auto" stands for, and which parameters the network takes."""

from numbers import Integral

from skglove.messages import shortened, warn

AUTO = {
    "stacked": {
        "trainable_embedding": False,
        "n_conv_layers": 3,
        "filters": 128,
        "kernel_size": 5,
        "dropout": 0.0,
        "optimizer": "rmsprop",
        "learning_rate": 0.001,
        "adversarial_epsilon": 0.0,
        "learning_rate_schedule": "constant",
        "lexical_weight": 0.0,
        "batch_size": 128,
        "epochs": 2,
        "early_stopping": False,
        "n_iter_no_change": 3,
    },
    "parallel": {
        "trainable_embedding": True,
        "n_conv_layers": 1,
        "filters": 100,
        "kernel_size": (3, 4, 5),
        "dropout": 0.5,
        "optimizer": "adam",
        "learning_rate": 0.001,
        "adversarial_epsilon": 0.0,
        "learning_rate_schedule": "constant",
        "lexical_weight": 0.0,
        "batch_size": 50,
        "early_stopping": False,
        "n_iter_no_change": 3,
    },
    # What is missing depends on the documents, see `resolve_auto`.
    "hybrid": {
        "trainable_embedding": True,
        "n_conv_layers": 1,
        "kernel_size": (3, 4, 5),
        "dropout": 0.5,
        "optimizer": "adam",
        "learning_rate": 0.002,
        "learning_rate_schedule": "constant",
        "lexical_weight": "learned",
    },
}
# "parallel" trains for at least these epochs, and enough for these steps.
PARALLEL_EPOCHS, PARALLEL_STEPS = 6, 150
# "hybrid" stops when it has learned, but after these epochs and steps at the latest; on much text after the
# epoch that passes this number of tokens, because further ones bring little for their time.
HYBRID_EPOCHS, HYBRID_STEPS, HYBRID_TOKENS = 30, 500, 10_000_000
# Many short texts are at least so many documents with at most so many tokens on average. Much text has more
# tokens than the last number.
MANY_DOCUMENTS, SHORT_LENGTH, MUCH_TEXT = 1_000, 50, 500_000
# Filters of each width in "hybrid" for many short texts, in which word order matters most; for much text; and
# for others.
HYBRID_FILTERS = {"many short": 100, "much": 32, "other": 50}
# Adversarial training of "hybrid" is for many short texts. It takes two to three times as long. A fit of few
# texts shall be fast, and with longer ones it brings nothing.
ADVERSARIAL_EPSILON = 0.04
# Early stopping of "hybrid" waits two epochs for a better one, or enough for these steps.
WAITING_EPOCHS, WAITING_STEPS = 2, 25
AUTO_MAXLEN = {"stacked": 1000, "parallel": 2000, "hybrid": 2000}
# Parameters that `build_network` takes as they are.
OF_NETWORK = (
    "architecture",
    "embedding_dim",
    "trainable_embedding",
    "n_conv_layers",
    "filters",
    "kernel_size",
    "pool_size",
    "dense_units",
    "dropout",
    "learning_rate",
    "adversarial_epsilon",
    "loss",
    "dtype_policy",
)
# Parameters that some architectures do not use: who uses them, and the values that others may have.
NOT_FOR_ALL = {
    "n_conv_layers": (("stacked",), ("auto", 1)),
    "pool_size": (("stacked",), (5,)),
    "dense_units": (("stacked",), (128,)),
    "adversarial_epsilon": (("hybrid",), ("auto", 0)),
}
MAX_BATCH_CELLS = 2**28  # ids of a batch: 1 GiB; more is likely a mistake
MAX_WEIGHTS = 2**30  # of convolutions and dense layers: 4 GiB, and training needs three times as much


def resolve_auto(parameters, n_documents, n_tokens):
    """Replace each "auto" by its value.

    Parameters
    ----------
    parameters : dict
        The classifier's parameters, as `get_params` returns them.
    n_documents : int
        Documents that the network is trained on.
    n_tokens : int
        Their ids.

    Returns
    -------
    settings : dict
        Values of the parameters in `AUTO`.
    n_steps : int
        Training steps (batches) of all epochs.
    """
    auto = AUTO[parameters["architecture"]]
    settings = {name: parameters[name] for name in AUTO["stacked"]}
    settings |= {name: value for name, value in auto.items() if settings[name] == "auto"}
    kind = _kind_of_text(n_documents, n_tokens)
    if settings["filters"] == "auto":
        settings["filters"] = HYBRID_FILTERS[kind]
    if settings["adversarial_epsilon"] == "auto":
        settings["adversarial_epsilon"] = ADVERSARIAL_EPSILON if kind == "many short" else 0.0
    if settings["batch_size"] == "auto":
        settings["batch_size"] = min(max(n_documents // 8, 16), 64)
    steps_per_epoch = -(-n_documents // settings["batch_size"])
    if settings["early_stopping"] == "auto":
        settings["early_stopping"] = settings["epochs"] == "auto"
    if settings["n_iter_no_change"] == "auto":
        settings["n_iter_no_change"] = max(WAITING_EPOCHS, -(-WAITING_STEPS // steps_per_epoch))
    if settings["epochs"] == "auto":
        if parameters["architecture"] == "parallel":
            settings["epochs"] = max(PARALLEL_EPOCHS, -(-PARALLEL_STEPS // steps_per_epoch))
        else:
            epochs = max(HYBRID_EPOCHS, -(-HYBRID_STEPS // steps_per_epoch))
            settings["epochs"] = max(1, min(epochs, -(-HYBRID_TOKENS // max(n_tokens, 1))))
    return settings, steps_per_epoch * settings["epochs"]


def _kind_of_text(n_documents, n_tokens):
    """Return a key of `HYBRID_FILTERS`."""
    if n_tokens > MUCH_TEXT:
        return "much"
    are_short = n_tokens <= SHORT_LENGTH * n_documents
    return "many short" if n_documents >= MANY_DOCUMENTS and are_short else "other"


def check_architecture(parameters):
    """Check the parameters against the architecture, and warn of those that it does not use.

    Parameters
    ----------
    parameters : dict
        The classifier's parameters, as `get_params` returns them.

    Raises
    ------
    ValueError
        If `kernel_size` is no tuple of whole numbers above zero, or a tuple for "stacked"; if "one_cycle" has
        no number of epochs.
    """
    architecture, kernel_size = parameters["architecture"], parameters["kernel_size"]
    for name, (users, harmless) in NOT_FOR_ALL.items():
        if architecture not in users and parameters[name] not in harmless:
            used = " or ".join(map(repr, users))
            warn(f"{name}={parameters[name]} has no effect: it is for architecture={used}.")
    one_cycle = parameters["learning_rate_schedule"] == "one_cycle"
    if architecture == "hybrid" and one_cycle and parameters["epochs"] == "auto":
        raise ValueError(
            "learning_rate_schedule='one_cycle' needs a number of epochs, such as epochs=5: with "
            "epochs='auto', architecture='hybrid' does not know beforehand when it will stop."
        )
    if not isinstance(kernel_size, tuple):
        return
    if architecture == "stacked":
        raise ValueError(
            f"kernel_size={shortened(kernel_size)} is for architecture='parallel' and 'hybrid'; the "
            "convolutions of 'stacked' have one width. Give an int."
        )
    if not kernel_size or not all(isinstance(size, Integral) and size > 0 for size in kernel_size):
        raise ValueError(
            f"kernel_size={shortened(kernel_size)} must hold one width or more, each an int of at least 1. "
            "Give, for instance, (3, 4, 5)."
        )


def check_batch_size(batch_size, maxlen, longest):
    """Refuse batches of ids that are too large for memory.

    Parameters
    ----------
    batch_size : int
        Documents in a batch.
    maxlen : int
        Columns of a batch.
    longest : int
        Ids of the longest document, for the message.

    Raises
    ------
    ValueError
        If a batch has more than `MAX_BATCH_CELLS` ids.
    """
    if batch_size * maxlen > MAX_BATCH_CELLS:
        raise ValueError(
            f"A batch of batch_size={batch_size} documents of maxlen_={maxlen} ids has more than the "
            f"{MAX_BATCH_CELLS:,} ids that are allowed; the longest document in X has {longest}. Lower "
            "maxlen or batch_size."
        )


def check_network_size(parameters):
    """Refuse convolutions and dense layers that are too large to train.

    Parameters
    ----------
    parameters : dict
        The classifier's parameters, without "auto".

    Raises
    ------
    ValueError
        If they have more than `MAX_WEIGHTS` weights.
    """
    p, kernel_size = parameters, parameters["kernel_size"]
    if p["architecture"] == "stacked":
        inputs = p["embedding_dim"] + (p["n_conv_layers"] - 1) * p["filters"]
        weights = kernel_size * inputs * p["filters"] + p["filters"] * p["dense_units"]
        names = "n_conv_layers", "kernel_size", "filters", "dense_units"
    else:
        words = sum(kernel_size) if isinstance(kernel_size, tuple) else kernel_size
        weights = words * p["embedding_dim"] * p["filters"]
        names = "kernel_size", "embedding_dim", "filters"
    if weights > MAX_WEIGHTS:
        values = ", ".join(f"{name}={shortened(p[name])}" for name in names)
        raise ValueError(
            f"A network with {values} has about {weights:,} weights, more than the {MAX_WEIGHTS:,} that are "
            "allowed. Lower them."
        )


def check_receptive_field(columns, parameters):
    """Refuse a receptive field, to which short documents are padded, that is too large.

    Parameters
    ----------
    columns : int
        Ids that one feature before the global pooling is computed from.
    parameters : dict
        The classifier's parameters, without "auto".

    Raises
    ------
    ValueError
        If a batch has more than `MAX_BATCH_CELLS` ids.
    """
    p = parameters
    if p["batch_size"] * columns > MAX_BATCH_CELLS:
        names = ["kernel_size"]
        if p["architecture"] == "stacked":
            names = ["n_conv_layers", *names, "pool_size"]
        values = ", ".join(f"{name}={shortened(p[name])}" for name in names)
        raise ValueError(
            f"A network with {values} sees {columns:,} ids of each document, so a batch of "
            f"batch_size={p['batch_size']} documents has more than the {MAX_BATCH_CELLS:,} ids that "
            "are allowed. Lower one of them."
        )
