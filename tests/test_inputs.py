import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix

from skglove.inputs import check_labels, check_weights


class ArrayLike:
    def __array__(self, dtype=None, copy=None):
        return np.array([0, 1], dtype=dtype)


@pytest.mark.parametrize(
    "y",
    [
        [0, 1],
        ["a", "b"],
        (True, False),
        [1, np.int64(2), 3.0],
        [[0], [1]],
        np.array([[0], [1]]),
        np.array(["a", "b"], dtype=object),
        pd.Series(["a", "b"]),
        pd.Series(["a", "b"], dtype="string"),
        pd.Series(["a", "b"], dtype="category"),
        pd.DataFrame({"y": [0, 1]}),
        np.array(["2020", "2021"], dtype="M8[Y]"),
        ArrayLike(),
        None,
    ],
)
def test_one_label_a_document_is_left_to_the_classifier(y):
    check_labels(y)


@pytest.mark.parametrize(
    "y",
    [
        np.eye(3),
        np.eye(3, dtype=int).tolist(),
        pd.DataFrame(np.eye(3)),
        [["a"], ["a", "b"]],
        [{"a"}, {"b"}],
        [("a", "b"), ("c", "d")],
        np.array([["a"], ["a", "b"]], dtype=object),
    ],
)
def test_several_labels_a_document_are_an_error_that_names_the_way_out(y):
    with pytest.raises(ValueError, match=r"y should be a 1d array.*y\.argmax\(axis=1\).*OneVsRestClassifier"):
        check_labels(y)


def test_sparse_labels_are_an_error():
    with pytest.raises(TypeError, match=r"y is a sparse matrix of shape \(2, 2\).*argmax"):
        check_labels(csr_matrix(np.eye(2)))


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA, pd.NaT, float("nan")])
def test_a_missing_label_is_an_error_that_says_where(missing):
    for y in (
        ["a", "b", missing],
        pd.Series(["a", "b", missing]),
        np.array(["a", "b", missing], dtype=object),
    ):
        with pytest.raises(ValueError, match="NaN or None: document 2 has no label"):
            check_labels(y)


@pytest.mark.parametrize("y", [["a", 1], [b"a", "a"], np.array(["a", 1], dtype=object), [True, "yes"]])
def test_strings_among_other_labels_are_an_error(y):
    with pytest.raises(TypeError, match=r"labels of different types: .*str\. Make all of them strings"):
        check_labels(y)


@pytest.mark.parametrize("y", ["spam", {"a": 1}, iter([1, 2]), 3])
def test_what_is_no_sequence_is_an_error(y):
    with pytest.raises(TypeError, match="y should be a 1d array of labels, one for each document, got"):
        check_labels(y)


def test_messages_do_not_grow_with_the_labels():
    for y in ("spam" * 10**6, [["a"] * 10**6] * 2, dict.fromkeys(range(10**5))):
        with pytest.raises((TypeError, ValueError)) as error:
            check_labels(y)
        assert len(str(error.value)) < 500


@pytest.mark.parametrize("weights", [None, 7, np.full(4, 0.1), [3] * 4])
def test_equal_weights_are_ones(weights):
    checked = check_weights(weights, np.array([0, 1, 0, 1]))
    assert checked.dtype == np.float32
    np.testing.assert_array_equal(checked, np.ones(4))


@pytest.mark.parametrize("scale", [1, 1e-300, 1e307])
def test_weights_are_relative_to_their_mean(scale):
    checked = check_weights(scale * np.array([1, 2, 3, 2]), np.array([0, 1, 0, 1]))
    np.testing.assert_allclose(checked, [0.5, 1, 1.5, 1], rtol=1e-6)
