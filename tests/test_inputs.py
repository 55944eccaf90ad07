import numpy as np
import pandas as pd
import pytest
from scipy.sparse import coo_array, csr_matrix, dok_array

from skglove.inputs import as_indicator, check_labels, check_weights


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
    assert as_indicator(y) is None
    check_labels(y)


@pytest.mark.parametrize(
    ("y", "what"),
    [
        ([["a"], ["a", "b"]], r"y has \['a'\] for document 0"),
        ([{"a"}, {"b"}], r"y has \{'a'\} for document 0"),
        (["a", ("b", "c")], r"y has \('b', 'c'\) for document 1"),
        (np.array([["a"], ["a", "b"]], dtype=object), r"y has \['a'\] for document 0"),
        ([("a", "b"), ("c", "d")], r"matrix of shape \(2, 2\), but document 0 has 'a' in column 0"),
        ([[0, 1], [2, 0]], "document 1 has 2 in column 0"),
        ([[-1, 1], [1, -1]], "document 0 has -1 in column 0"),
        (np.array([[0, 1.5], [1, 0]]), "document 0 has 1.5 in column 1"),
        (pd.DataFrame({"a": [0, 1], "b": ["1", "0"]}), "document 0 has '1' in column 1"),
        (csr_matrix([[0, 1], [2, 0]]), "document 1 has 2 in column 0"),
        (csr_matrix([[0], [1]]), r"y is sparse, of shape \(2, 1\)"),
        (np.array([[0, 1], [np.nan, 0]]), "Input y contains NaN.*document 1 has nan in column 0"),
        (pd.DataFrame({"a": [0, 1], "b": [True, pd.NA]}), "Input y contains NaN.*document 1 has <NA> in"),
        (np.zeros((2, 2, 2)), r"y is an array of shape \(2, 2, 2\)"),
    ],
)
def test_several_labels_a_document_that_are_no_indicator_are_an_error_that_says_what_is(y, what):
    def check():
        return check_labels(y) if as_indicator(y) is None else None

    with pytest.raises(ValueError, match=rf"{what}.*Valid are .*indicator matrix.*MultiLabelBinarizer"):
        check()


@pytest.mark.parametrize(
    "y",
    [
        np.eye(3),
        np.eye(3, dtype=bool),
        np.eye(3, dtype=int).tolist(),
        [np.array([1.0, 0, 0]), (0, True, 0), [0, 0, 1]],
        pd.DataFrame(np.eye(3)),
        pd.DataFrame({"a": [1, 0, 0], "b": [False, True, False], "c": [0.0, 0.0, 1.0]}),
        pd.DataFrame(np.eye(3)).astype("Int64"),
        csr_matrix(np.eye(3)),
        coo_array(np.eye(3, dtype=bool)),
        dok_array(np.eye(3)),
        csr_matrix(np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1]]), dtype=np.int8),
    ],
    ids=lambda y: type(y).__name__,
)
def test_indicator_matrices_are_read(y):
    indicator = as_indicator(y)
    assert indicator.dtype == np.uint8
    np.testing.assert_array_equal(indicator, np.eye(3))


def test_zeros_that_a_sparse_matrix_stores_are_zeros():
    y = csr_matrix(([0, 1], ([0, 1], [0, 1])), shape=(2, 2))
    assert as_indicator(y).tolist() == [[0, 0], [0, 1]]


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
    with pytest.raises(TypeError, match=r"y is no sequence of labels: .* Valid are"):
        check_labels(y)


def test_messages_do_not_grow_with_the_labels():
    for y in ("spam" * 10**6, [["a"] * 10**6] * 2, dict.fromkeys(range(10**5))):
        with pytest.raises((TypeError, ValueError)) as error:
            check_labels(y)
        assert len(str(error.value)) < 500
    with pytest.raises(ValueError, match="in column 0") as error:
        as_indicator([["a" * 10**6, "b"]] * 2)
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
