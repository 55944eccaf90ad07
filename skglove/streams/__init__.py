"""Learning from documents that come in batches: `partial_fit` and `warm_start`."""
