"""The networks: all that imports Keras, and prediction without it.

`build` puts layers together, Keras's own and those of `layers`. `models` are the networks that skip the
padding, by `packing`. `batches` feeds them; `training` trains and predicts, with `callbacks`. `inference` and
`stacked_inference` predict with NumPy alone, and `lookup` chooses between them. `pickling` keeps a network
without Keras, `forks` refuses processes in which Keras would hang, and `loss_and_optimizer` checks what users
give to Keras. Nothing is imported here, so that importing skglove stays light.
"""
