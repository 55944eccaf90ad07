import numpy as np
import pytest

from skglove.copies import first_copies


@pytest.mark.parametrize("n_ids", [2, 30, 2**31 - 1])
def test_copies_have_the_same_ids_and_class(n_ids):
    rng = np.random.RandomState(0)
    lengths, codes = rng.randint(0, 4, 2000), rng.randint(0, 3, 2000)
    values = rng.randint(0, n_ids, lengths.sum()).astype(np.int32)
    documents = np.split(values, np.cumsum(lengths)[:-1])
    first = {}
    expected = [
        first.setdefault((document.tobytes(), code), i)
        for i, (document, code) in enumerate(zip(documents, codes, strict=True))
    ]
    np.testing.assert_array_equal(first_copies(values, lengths, codes), expected)


def test_order_and_padding_tell_documents_apart():
    values, lengths = np.array([1, 2, 2, 1, 0, 1, 2, 1, 2, 0, 1, 2], dtype=np.int32), [2, 2, 3, 3, 2]
    assert first_copies(values, np.array(lengths), np.zeros(5, dtype=int)).tolist() == [0, 1, 2, 3, 0]


def test_no_documents_have_no_copies():
    none = np.array([], dtype=np.int32)
    assert first_copies(none, none, none).tolist() == []
