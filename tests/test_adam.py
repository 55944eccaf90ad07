import keras
import numpy as np
import pytest

from skglove.network.adam import OnePassAdam
from skglove.network.layers import DeterministicEmbedding

pytestmark = pytest.mark.backends("tensorflow", why="Keras's own Adam is used elsewhere")


def trained(optimizer, dtype, jit_compile=False):
    """Train a network of three layers for five steps; return its weights, and the optimizer's variables."""
    rng = np.random.RandomState(0)
    ids, targets = rng.randint(0, 9, (12, 4)), rng.standard_normal((12, 2))
    words = keras.Input((4,), dtype="int32")
    vectors = DeterministicEmbedding(9, 3, dtype=dtype)(words)
    model = keras.Model(words, keras.layers.Dense(2, dtype=dtype)(keras.layers.Flatten(dtype=dtype)(vectors)))
    model.set_weights([rng.standard_normal(weight.shape) for weight in model.get_weights()])
    model.compile(optimizer, "mse", jit_compile=jit_compile)
    model.fit(ids, targets, batch_size=12, epochs=5, shuffle=False, verbose=0)
    return [x.numpy().astype(float) for x in (*model.weights, *model.optimizer.variables)]


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_steps_are_those_of_keras(dtype):
    settings = {"learning_rate": 0.1, "beta_1": 0.8, "beta_2": 0.99, "epsilon": 1e-4}
    usual, one_pass = (trained(kind(**settings), dtype) for kind in (keras.optimizers.Adam, OnePassAdam))
    assert len(usual) == len(one_pass)
    for expected, actual in zip(usual, one_pass, strict=True):
        np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.slow
def test_a_schedule_gives_each_step_its_learning_rate():
    def schedule():
        return keras.optimizers.schedules.CosineDecay(0.2, 5, warmup_target=0.5, warmup_steps=2)

    usual, one_pass = (trained(kind(schedule()), "float32") for kind in (keras.optimizers.Adam, OnePassAdam))
    for expected, actual in zip(usual, one_pass, strict=True):
        np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.slow
def test_a_variable_is_updated_by_one_operation_also_compiled(monkeypatch):
    def refuse(*args):
        raise AssertionError("Keras's own update")

    monkeypatch.setattr(keras.optimizers.Adam, "update_step", refuse)
    for expected, actual in zip(
        trained(OnePassAdam(0.1), "float32"), trained(OnePassAdam(0.1), "float32", True), strict=True
    ):
        np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-5)
