"""The classifier's settings: what "auto" stands for, and which parameters the network takes."""

AUTO = {
    "stacked": {
        "trainable_embedding": False,
        "n_conv_layers": 3,
        "kernel_size": 5,
        "optimizer": "rmsprop",
        "learning_rate": 0.001,
        "learning_rate_schedule": "constant",
        "lexical_weight": 0.0,
        "batch_size": 128,
        "epochs": 2,
    },
    # Its batch_size and epochs depend on the number of documents, see `resolve_auto`.
    "residual": {
        "trainable_embedding": True,
        "n_conv_layers": 1,
        "kernel_size": 3,
        "optimizer": "adam",
        "learning_rate": 0.03,
        "learning_rate_schedule": "one_cycle",
        "lexical_weight": 0.7,
    },
}
AUTO_MAXLEN = {"stacked": 1000, "residual": 2000}
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
    "loss",
    "dtype_policy",
)
# Parameters that only "stacked" uses, and their defaults.
STACKED_ONLY = {"filters": 128, "pool_size": 5, "dense_units": 128}
MAX_BATCH_CELLS = 2**28  # ids of a batch: 1 GiB; more is likely a mistake
MAX_WEIGHTS = 2**30  # of convolutions and dense layers: 4 GiB, and training needs three times as much


def resolve_auto(parameters, n_documents):
    """Replace each "auto" by its value.

    Parameters
    ----------
    parameters : dict
        The classifier's parameters, as `get_params` returns them.
    n_documents : int
        Training documents.

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
    if settings["batch_size"] == "auto":
        settings["batch_size"] = min(max(n_documents // 8, 16), 128)
    steps_per_epoch = -(-n_documents // settings["batch_size"])
    if settings["epochs"] == "auto":
        settings["epochs"] = max(2, -(-150 // steps_per_epoch))
    return settings, steps_per_epoch * settings["epochs"]


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
    p = parameters
    if p["architecture"] == "stacked":
        inputs = p["embedding_dim"] + (p["n_conv_layers"] - 1) * p["filters"]
        weights = p["kernel_size"] * inputs * p["filters"] + p["filters"] * p["dense_units"]
        names = "n_conv_layers", "kernel_size", "filters", "dense_units"
    else:
        weights = p["n_conv_layers"] * p["kernel_size"] * p["embedding_dim"] ** 2
        names = "n_conv_layers", "kernel_size", "embedding_dim"
    if weights > MAX_WEIGHTS:
        values = ", ".join(f"{name}={p[name]}" for name in names)
        raise ValueError(
            f"A network with {values} has about {weights:,} weights, more than the {MAX_WEIGHTS:,} that are "
            "allowed. Lower them."
        )


def check_receptive_field(columns, settings, pool_size):
    """Refuse a receptive field of "stacked", to which short documents are padded, that is too large.

    Parameters
    ----------
    columns : int
        Ids that one feature before the global pooling is computed from.
    settings : dict
        As `resolve_auto` returns them.
    pool_size : int
        As in `KerasConvTextClassifier`, for the message.

    Raises
    ------
    ValueError
        If a batch has more than `MAX_BATCH_CELLS` ids.
    """
    if settings["batch_size"] * columns > MAX_BATCH_CELLS:
        raise ValueError(
            f"n_conv_layers={settings['n_conv_layers']} with kernel_size={settings['kernel_size']} and "
            f"pool_size={pool_size} see {columns:,} ids of each document, so a batch of "
            f"batch_size={settings['batch_size']} documents has more than the {MAX_BATCH_CELLS:,} ids that "
            "are allowed. Lower one of them."
        )
