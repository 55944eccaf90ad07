import skglove


def test_public_names():
    assert skglove.__all__ == [
        "Explanation",
        "ExportedClassifier",
        "ExportedFileError",
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
        "errors",
        "explain",
        "export",
        "fetch_glove",
        "fetch_newsgroups",
        "load_exported",
        "load_text_folders",
        "load_vectors",
        "make_text_classifier",
        "telling_words",
    ]
    assert all(hasattr(skglove, name) for name in skglove.__all__)
