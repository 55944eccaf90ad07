import threading

import numpy as np
import pytest

from skglove import threads
from skglove.documents import Documents


def documents_of(lengths):
    lengths = np.array(lengths)
    return Documents(np.ones(lengths.sum(), dtype=np.int32), lengths)


@pytest.fixture
def small_chunks(monkeypatch):
    monkeypatch.setattr(threads, "CHUNK_TOKENS", 8)
    monkeypatch.setattr(threads.joblib, "cpu_count", lambda: 4)


@pytest.mark.parametrize("n_documents", [1, 2_000, 3_000])
def test_few_documents_are_one_chunk_without_a_thread(n_documents, monkeypatch):
    monkeypatch.setattr(threads.joblib, "cpu_count", lambda: 1)
    seen = []
    threads.for_chunks(
        lambda chunk: seen.append((chunk, threading.get_ident())), documents_of([9] * n_documents)
    )
    assert seen == [(slice(0, n_documents), threading.get_ident())]


def test_each_document_is_in_one_chunk(small_chunks):
    lengths, seen, idents = np.arange(100) % 7, [], set()

    def compute(chunk):
        assert lengths[chunk].sum() <= 8 + 6
        seen.extend(range(chunk.start, chunk.stop))
        idents.add(threading.get_ident())

    threads.for_chunks(compute, documents_of(lengths))
    assert sorted(seen) == list(range(100))
    assert threading.get_ident() not in idents


def test_an_error_in_a_thread_is_raised(small_chunks):
    def fail(chunk):
        if chunk.start > 50:
            raise MemoryError("no room")

    with pytest.raises(MemoryError, match="no room"):
        threads.for_chunks(fail, documents_of([3] * 100))
