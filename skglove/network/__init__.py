"""The networks: all that imports Keras."""
