import skglove


def test_public_names():
    assert skglove.__all__ == [
        "GloveTokenizer",
        "GloveVectorizer",
        "KerasConvTextClassifier",
        "SequencePadder",
        "TellingWordsDisplay",
        "TokenIds",
        "TrainingHistoryDisplay",
        "UnknownWordError",
        "VectorFileError",
        "Vocabulary",
        "WordVectors",
        "WordVectorsDisplay",
        "fetch_glove",
        "fetch_newsgroups",
        "load_text_folders",
        "load_vectors",
        "make_text_classifier",
    ]
    assert all(hasattr(skglove, name) for name in skglove.__all__)
