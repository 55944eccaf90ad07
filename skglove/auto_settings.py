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
