import copy
import inspect
import pickle
import warnings

import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf
from gensim.models import KeyedVectors
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.dummy import DummyClassifier
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.utils import estimator_checks

from skglove import GloveTokenizer, SequencePadder, WordVectors, splitting, tokenizer

TEXTS = ["The cat saw the dog.", "The end!", "", "the DOG\tbarked\nat the cat"]
UNSEEN = ["a dog, a cow & the moon", "", "cow", "THE"]
VECTORS = WordVectors(["the", "cat", "dog"], [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])

# Few letters, so that words repeat; letters whose lower case has another length (İ, ß) or depends on the
# letters around (Σ); white space that is not a separator; lone surrogates; and anything else.
ODD = "\t\nİßΣ\u03c3\u00a0\u2028\x00\ud800\udfff\U0001d54f"
CHARACTERS = st.sampled_from("aaabbA  ,.!" + ODD) | st.characters()
CORPORA = st.lists(st.text(CHARACTERS, max_size=25), min_size=1, max_size=6)
RULES = st.fixed_dictionaries(
    {
        "num_words": st.none() | st.integers(2, 9),
        "filters": st.just(",.!\t\n") | st.text(CHARACTERS, max_size=4),
        "lower": st.booleans(),
        "split": st.sampled_from([" ", ",", "ab", "  ", "aba", "\ud800", "\U0001d54f"]),
        "oov_token": st.sampled_from([None, None, "<OOV>", "a", "b", "\ud800", ""]),
    }
)


def keras_tokenizer(texts, **rules):
    oracle = tf.keras.preprocessing.text.Tokenizer(**rules)
    oracle.fit_on_texts(texts)
    return oracle


def by_id(counts, word_index):
    """Arrange Keras's counts, which are by word, in an array by id."""
    array = np.zeros(max(word_index.values(), default=0) + 1, dtype=np.int64)
    for word, i in word_index.items():
        array[i] = counts.get(word, 0)
    return array


def as_lists(ids):
    return [document.tolist() for document in ids]


# Keras as the oracle


@pytest.mark.filterwarnings("ignore:.* hold white space")
@settings(deadline=None, max_examples=200)
@given(texts=CORPORA, unseen=CORPORA, rules=RULES)
@example(texts=["a a b"], unseen=["b c"], rules={"num_words": 3, "oov_token": "a"})
@example(texts=["b b a"], unseen=["b c"], rules={"num_words": 3, "oov_token": "a"})
@example(texts=["", ",.,"], unseen=["a"], rules={"num_words": 2})
def test_ids_vocabulary_and_counts_equal_keras(texts, unseen, rules):
    oracle = keras_tokenizer(texts, **rules)
    expected = oracle.texts_to_sequences(texts)
    ours = GloveTokenizer(vectors=None, style="keras", **{"num_words": None} | rules)
    limit = rules["num_words"] or np.inf
    if oracle.word_index.get(oracle.oov_token, 0) >= limit:
        # Keras gives every rare word this id, which is not below num_words.
        with pytest.raises(ValueError, match="too rare for num_words"):
            ours.fit(texts)
        return
    ids = ours.fit_transform(texts)
    assert as_lists(ids) == expected
    assert list(ours.vocabulary_.items()) == list(oracle.word_index.items())
    np.testing.assert_array_equal(ours.word_counts_, by_id(oracle.word_counts, oracle.word_index))
    np.testing.assert_array_equal(ours.document_counts_, by_id(oracle.word_docs, oracle.word_index))
    assert as_lists(ours.transform(texts)) == expected
    assert as_lists(ours.transform(unseen)) == oracle.texts_to_sequences(unseen)
    assert as_lists(clone(ours).fit(texts).transform(unseen)) == oracle.texts_to_sequences(unseen)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.* hold white space")
@settings(deadline=None, max_examples=100)
@given(texts=CORPORA, rules=RULES)
def test_every_id_is_below_num_words_and_stands_for_its_word(texts, rules):
    ours = GloveTokenizer(vectors=None, style="keras", **rules | {"oov_token": None})
    ids = ours.fit_transform(texts)
    for document in ids:
        assert document.dtype == np.int32
        for i in document:
            assert 1 <= i < (rules["num_words"] or np.inf)
            assert ours.vocabulary_[ids.vocabulary.words[i - 1]] == i


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.* hold white space")
@settings(deadline=None, max_examples=100)
@given(texts=CORPORA, rules=RULES, characters=st.integers(1, 40), tokens=st.integers(1, 9))
def test_chunks_do_not_change_the_result(texts, rules, characters, tokens):
    rules = rules | {"style": "keras", "oov_token": "<no word>"}
    whole = GloveTokenizer(vectors=None, **rules)
    expected = as_lists(whole.fit_transform(texts))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(splitting, "CHUNK_CHARACTERS", characters)
        patch.setattr(tokenizer, "BLOCK_TOKENS", tokens)
        parts = GloveTokenizer(vectors=None, **rules)
        assert as_lists(parts.fit_transform(texts)) == expected
        assert as_lists(parts.transform(texts)) == expected
    assert parts.vocabulary_ == whole.vocabulary_
    np.testing.assert_array_equal(parts.word_counts_, whole.word_counts_)
    np.testing.assert_array_equal(parts.document_counts_, whole.document_counts_)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.* hold white space")
@settings(deadline=None, max_examples=100)
@given(texts=CORPORA, rules=RULES)
def test_ids_of_inverse_transformed_texts_are_the_ids(texts, rules):
    ours = GloveTokenizer(vectors=None, style="keras", **rules | {"oov_token": None, "lower": False})
    ids = ours.fit_transform(texts)
    words = [[ids.vocabulary.words[i - 1] for i in document] for document in ids]
    assert ours.inverse_transform(ids) == [ours.split.join(document) for document in words]
    if len(ours.split) == 1:  # else a word's end and the separator may make a separator together
        assert as_lists(ours.transform(ours.inverse_transform(ids))) == as_lists(ids)


# Inputs


@pytest.mark.parametrize(("style", "blank"), [("keras", "..."), ("glove", "\u00a0\x0b\ufeff")])
def test_empty_documents_have_no_ids(style, blank):
    ids = GloveTokenizer(vectors=None, style=style).fit_transform(["", blank, " \t\n"])
    assert as_lists(ids) == [[], [], []]
    assert [document.dtype for document in ids] == [np.int32] * 3


def test_documents_of_unknown_words_have_no_ids():
    ids = GloveTokenizer(vectors=None).fit(TEXTS).transform(["unknown words", "of foreign texts"])
    assert as_lists(ids) == [[], []]
    assert ids.vocabulary.words[0] == "the"


def test_documents_of_unknown_words_are_all_oov_token_where_there_is_one():
    ours = GloveTokenizer(vectors=None, oov_token="<OOV>").fit(TEXTS)
    assert as_lists(ours.transform(["unknown words"])) == [[1, 1]]


def test_one_document_is_enough():
    ours = GloveTokenizer(vectors=None)
    assert as_lists(ours.fit_transform(["a b a"])) == [[1, 2, 1]]
    assert as_lists(ours.transform(["b"])) == [[2]]


def test_split_must_not_be_empty():
    with pytest.raises(ValueError, match="split must not be empty"):
        GloveTokenizer(vectors=None, split="").fit(TEXTS)


def test_no_filters_keep_punctuation():
    assert GloveTokenizer(vectors=None, style="keras", filters="").fit(["a, b"]).vocabulary_ == {
        "a,": 1,
        "b": 2,
    }


# Vectors


def test_ids_know_where_their_vectors_are():
    ours = GloveTokenizer(vectors=VECTORS, unseen_words=False)
    for ids in (ours.fit_transform(["the old cat"]), ours.transform(["cat"])):
        assert ids.vocabulary.words == ("the", "old", "cat")
        assert ids.vocabulary.embedding_matrix().tolist() == [[0, 0], [1, 2], [0, 0], [3, 4]]


def test_words_with_lone_surrogates_have_no_vector():
    ours = GloveTokenizer(vectors=VECTORS, unseen_words=False)
    ids = ours.fit_transform(["the \ud800"])
    assert ours.coverage_ == {"vocabulary": 0.5, "tokens": 0.5}
    assert ids.vocabulary.embedding_matrix().tolist() == [[0, 0], [1, 2], [0, 0]]


# Most frequent first, as in GloVe's files. style="keras" makes "u" and "s" of the third.
FREQUENT = WordVectors(["the", "of", "u.s.", "cat", "Dog", "dog", "s"], np.arange(1.0, 8)[:, None])


def test_words_unseen_in_fit_have_the_ids_that_are_left():
    ours = GloveTokenizer(vectors=FREQUENT, style="keras")
    assert list(map(list, ours.fit_transform(["old cat", "the old"]))) == [[1, 2], [3, 1]]
    assert ours.vocabulary_ == {"old": 1, "cat": 2, "the": 3, "of": 4, "dog": 5, "s": 6}
    assert ours.word_counts_.tolist() == [0, 2, 1, 1, 0, 0, 0]
    assert ours.document_counts_.tolist() == [0, 2, 1, 1, 0, 0, 0]
    assert ours.coverage_ == {"vocabulary": 2 / 3, "tokens": 0.5}
    ids = ours.transform(["the dog of the U.S.", "mouse"])
    assert list(map(list, ids)) == [[3, 5, 4, 3, 6], []]
    assert ids.vocabulary.embedding_matrix().ravel().tolist() == [0, 0, 4, 1, 2, 6, 7]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"num_words": 5}, ("cat", "old", "the", "of")),
        ({"num_words": 3}, ("cat", "old")),
        ({"num_words": None}, ("cat", "old", "the")),
        ({"unseen_words": False}, ("cat", "old", "the")),
        ({"vectors": None}, ("cat", "old", "the")),
        ({"lower": False, "num_words": 6}, ("cat", "old", "the", "of", "Dog")),
        ({"style": "glove", "num_words": 6}, ("cat", "old", "the", "of", "u.s.")),
        ({"oov_token": "of", "num_words": 6}, ("of", "cat", "old", "the", "dog")),
    ],
)
def test_unseen_words_are_no_more_than_num_words_allows(options, words):
    ours = GloveTokenizer(**{"vectors": FREQUENT, "style": "keras", **options})
    assert ours.fit_transform(["cat old", "the cat"]).vocabulary.words == words
    assert ours.inverse_transform([range(1, len(words) + 1)]) == [" ".join(words)]


def test_a_word_without_an_id_is_out_of_vocabulary_though_others_unseen_are_not():
    ours = GloveTokenizer(vectors=FREQUENT, style="keras", oov_token="?").fit(["old cat"])
    assert ours.inverse_transform(ours.transform(["dog mouse cat ?"])) == ["dog ? cat"]


def test_unseen_words_of_no_vectors_at_all():
    ours = GloveTokenizer(vectors=WordVectors([], np.zeros((0, 2))))
    with pytest.warns(UserWarning, match="Only 0%"):
        assert ours.fit_transform(["a b"]).vocabulary.words == ("a", "b")


@pytest.mark.slow
def test_a_dict_of_vectors_is_kept_as_it_is_and_its_vocabulary_has_word_vectors():
    embeddings_index = dict(zip(VECTORS.words, VECTORS.matrix, strict=True))
    ours = GloveTokenizer(embeddings_index)
    expected = GloveTokenizer(VECTORS).fit(TEXTS)
    ids = ours.fit_transform(TEXTS)
    assert ours.vectors is embeddings_index
    assert ours.coverage_ == expected.coverage_
    assert ours.vocabulary_ == expected.vocabulary_
    assert isinstance(ids.vocabulary.vectors, WordVectors)
    for again in (ours, clone(ours).fit(TEXTS), pickle.loads(pickle.dumps(ours)), copy.deepcopy(ours)):
        np.testing.assert_array_equal(
            again.transform(TEXTS).vocabulary.embedding_matrix(),
            expected.transform(TEXTS).vocabulary.embedding_matrix(),
        )
    assert len(repr(GloveTokenizer({f"w{i}": np.ones(50) for i in range(2000)}))) < 3000


def test_gensim_vectors_are_vectors():
    keyed = KeyedVectors(2)
    keyed.add_vectors(VECTORS.words, VECTORS.matrix)
    ids = clone(GloveTokenizer(keyed)).fit_transform(["cat"])
    assert ids.vocabulary.embedding_matrix()[1].tolist() == [3, 4]


def test_a_grid_of_dicts_is_searched():
    grid = {"glovetokenizer__vectors": [{"the": np.ones(2), "end": np.ones(2)}, VECTORS, None]}
    pipeline = make_pipeline(GloveTokenizer(), SequencePadder(2), DummyClassifier())
    search = GridSearchCV(pipeline, grid, cv=2, error_score="raise").fit(["the end"] * 4, [0, 1, 0, 1])
    assert search.cv_results_["param_glovetokenizer__vectors"][0].keys() == {"the", "end"}


@pytest.mark.parametrize(
    ("vectors", "error", "message"),
    [
        (3, TypeError, "vectors must be a name, a path, WordVectors, a dict .*, got int"),
        (["a text"] * 9999, TypeError, "got list"),
        (np.ones((9999, 5)), TypeError, "got ndarray"),
        ({f"w{i}": np.ones(50 + (i == 1999)) for i in range(2000)}, ValueError, "'w1999' has 51"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_vectors_that_are_none_are_a_short_error_of_fit(vectors, error, message):
    with pytest.raises(error, match=message) as raised:
        GloveTokenizer(vectors).fit(TEXTS)
    assert len(str(raised.value)) < 250


def test_num_words_may_be_beyond_every_index(tmp_path):
    VECTORS.save(tmp_path / "v.txt")
    assert len(GloveTokenizer(tmp_path / "v.txt", num_words=2**70).fit(["cat"]).vocabulary_) == 3


def test_vectors_that_are_nowhere_are_an_error_of_fit():
    with pytest.raises(FileNotFoundError, match=r"no\.such\.vectors"):
        GloveTokenizer(vectors="no.such.vectors").fit(TEXTS)


# Back to texts


def test_inverse_transform_of_padded_ids_leaves_out_the_padding():
    ours = GloveTokenizer(vectors=None).fit(["the cat saw the dog"])
    assert ours.inverse_transform(np.array([[0, 0, 1], [2, 3, 4]])) == ["the", "cat saw dog"]


def test_inverse_transform_joins_words_by_split():
    ours = GloveTokenizer(vectors=None, style="keras", split="--", filters="")
    assert ours.inverse_transform(ours.fit_transform(["a--b--", "b"])) == ["a--b", "b"]


@pytest.mark.parametrize(
    ("X", "message"),
    [
        ([[1, 9]], "Id 9 stands for no word: the vocabulary ends at 2"),
        ([[1], [1, -2]], "got -2 in document 1"),
        ([[1], [1.5, 2]], "got 1.5 in document 1"),
        ([[1, np.nan]], "got nan in document 0"),
        (np.array([[1, np.nan]]), "got nan in document 0"),
        ([1, 2], "got those of one. Put it into a list"),
        (np.array([1, 2]), "got those of one. Put it into a list"),
        (np.ones((1, 1, 1), int), "dim 3"),
        ([], "There are no documents"),
    ],
)
def test_inverse_transform_of_what_are_no_ids_is_an_error(X, message):
    ours = GloveTokenizer(vectors=None).fit(["a b"])
    with pytest.raises(ValueError, match=message):
        ours.inverse_transform(X)


@pytest.mark.parametrize(
    "X", [None, 3, "text", {"a": 1}, {1}, iter([[1], [1]])], ids=lambda X: type(X).__name__
)
def test_inverse_transform_of_no_collection_is_an_error(X):
    ours = GloveTokenizer(vectors=None).fit(["a b"])
    with pytest.raises(TypeError, match=rf"Expected the ids of documents, .*, got {type(X).__name__}\."):
        ours.inverse_transform(X)


# scikit-learn's checks. `check_estimator` runs hardly any of them on estimators whose tags say that they take
# text rather than numbers (one on CountVectorizer). So these are its checks that need no X or refuse it
# unseen, by name, and below them the ones that need an X, on texts.


@pytest.mark.parametrize(
    "check",
    [
        estimator_checks.check_do_not_raise_errors_in_init_or_set_params,
        estimator_checks.check_estimator_cloneable,
        estimator_checks.check_estimator_repr,
        estimator_checks.check_estimator_tags_renamed,
        estimator_checks.check_get_params_invariance,
        estimator_checks.check_mixin_order,
        estimator_checks.check_no_attributes_set_in_init,
        estimator_checks.check_param_validation,
        estimator_checks.check_parameters_default_constructible,
        estimator_checks.check_set_params,
        estimator_checks.check_transformers_unfitted,
        estimator_checks.check_valid_tag_types,
    ],
    ids=lambda check: check.__name__,
)
def test_sklearn_check(check):
    check("GloveTokenizer", GloveTokenizer())


def test_tags_say_that_input_is_text():
    tags = GloveTokenizer().__sklearn_tags__()
    assert tags.input_tags.string
    assert not tags.input_tags.two_d_array
    assert tags.requires_fit
    assert not tags.target_tags.required


@pytest.mark.parametrize(
    "parameter",
    [
        {"style": "stanford"},
        {"style": None},
        {"num_words": 1},
        {"num_words": 10.0},
        {"filters": None},
        {"filters": ["a"]},
        {"lower": "yes"},
        {"split": None},
        {"oov_token": 1},
        {"encoding": None},
        {"decode_error": "raise"},
    ],
    ids=str,
)
@pytest.mark.parametrize("method", ["fit", "fit_transform"])
def test_a_wrong_parameter_is_an_error_of_fit_that_names_it(method, parameter):
    ours = GloveTokenizer(**{"vectors": None} | parameter)
    [name] = parameter
    with pytest.raises(ValueError, match=f"The '{name}' parameter of GloveTokenizer must be"):
        getattr(ours, method)(TEXTS)


def test_a_wrong_parameter_is_not_printed_whole():
    with pytest.raises(ValueError, match="The 'style' parameter of GloveTokenizer must be") as raised:
        GloveTokenizer(None, style="x" * 10**6).fit(TEXTS)
    assert len(str(raised.value)) < 600


@pytest.mark.parametrize("encoding", ["nosuch", "hex", "a\0b"])
def test_an_encoding_that_python_does_not_know_is_an_error_of_fit(encoding):
    with pytest.raises(
        ValueError, match=r"encoding='.*' is not a text encoding that Python knows .*such as 'utf-8'"
    ):
        GloveTokenizer(None, encoding=encoding).fit(TEXTS)


@pytest.mark.parametrize("encoding", ["utf-16", "idna"])
def test_every_encoding_that_python_knows_is_one(encoding):
    GloveTokenizer(None, encoding=encoding).fit(["a".encode(encoding)])


def test_clone_keeps_every_parameter():
    rules = {
        "vectors": None,
        "style": "glove",
        "num_words": 7,
        "unseen_words": False,
        "filters": ",",
        "lower": False,
        "split": ";",
        "oov_token": "?",
        "encoding": "latin-1",
        "decode_error": "ignore",
        "vocabulary": ["a"],
        "verbose": 1,
    }
    assert clone(GloveTokenizer(**rules)).get_params() == rules
    assert rules.keys() == GloveTokenizer().get_params().keys()


@pytest.mark.parametrize("method", ["transform", "inverse_transform"])
def test_use_before_fit_is_a_not_fitted_error(method):
    with pytest.raises(NotFittedError, match="not fitted yet"):
        getattr(GloveTokenizer(vectors=None), method)(TEXTS)


def test_fit_returns_self():
    ours = GloveTokenizer(vectors=None)
    assert ours.fit(TEXTS) is ours


def test_fit_ignores_y():
    ours = GloveTokenizer(vectors=None)
    expected = as_lists(ours.fit_transform(TEXTS))
    assert as_lists(ours.fit_transform(TEXTS, [1, 2, 1, 2])) == expected
    assert as_lists(ours.fit(TEXTS, [1, 2, 1, 2]).transform(TEXTS)) == expected


def learned(ours):
    state = {name: value for name, value in vars(ours).items() if name not in ours.get_params()}
    return {name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in state.items()}


def comparable(ours):
    state = learned(ours)
    state["_vocabulary"] = (state["_vocabulary"].words, state["_vocabulary"].vectors)
    return state


def test_fitting_twice_is_fitting_once():
    once = comparable(GloveTokenizer(vectors=VECTORS).fit(TEXTS))
    assert comparable(GloveTokenizer(vectors=VECTORS).fit(TEXTS).fit(TEXTS)) == once


def test_refit_starts_afresh():
    ours = GloveTokenizer(vectors=VECTORS, oov_token="<OOV>").fit(TEXTS)
    ours.set_params(vectors=None, oov_token=None, num_words=4)
    assert comparable(ours.fit(UNSEEN)) == comparable(GloveTokenizer(vectors=None, num_words=4).fit(UNSEEN))


def test_a_failed_refit_is_no_reason_to_forget():
    ours = GloveTokenizer(vectors=None).fit(TEXTS)
    before = comparable(ours)
    with pytest.raises(TypeError, match="at index 1"):
        ours.fit(["a", None])
    assert comparable(ours) == before
    with pytest.raises(FileNotFoundError):
        ours.set_params(vectors="nowhere").fit(["c d e"])
    assert comparable(ours.set_params(vectors=None)) == before


def test_after_a_first_fit_that_failed_nothing_is_fitted():
    ours = GloveTokenizer(vectors="nowhere")
    with pytest.raises(FileNotFoundError):
        ours.fit_transform(TEXTS)
    with pytest.raises(NotFittedError):
        ours.transform(TEXTS)


def test_parameters_and_state_are_unchanged_by_fit_and_transform():
    ours = GloveTokenizer(vectors=VECTORS)
    parameters = ours.get_params()
    ours.fit(TEXTS)
    assert ours.get_params() == parameters
    before = copy.deepcopy(learned(ours))
    ours.inverse_transform(ours.transform(UNSEEN))
    after = learned(ours)
    assert after.keys() == before.keys()
    assert all(after[name] == before[name] for name in after if name != "_vocabulary")
    assert after["_vocabulary"].words == before["_vocabulary"].words


def test_every_learned_public_attribute_is_documented():
    ours = GloveTokenizer(vectors=None).fit(TEXTS)
    attributes = inspect.getdoc(GloveTokenizer).split("Attributes\n")[1].split("See Also\n")[0]
    assert all(f"\n{name} : " in attributes for name in learned(ours) if not name.startswith("_"))


def test_texts_are_left_as_they_are():
    array, texts = np.array(TEXTS, dtype=object), list(TEXTS)
    ours = GloveTokenizer(vectors=None).fit(array)
    ours.fit(texts).transform(texts)
    assert array.tolist() == texts == TEXTS


@pytest.mark.parametrize("style", ["keras", "glove"])
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickled_tokenizer_gives_the_same_ids(protocol, style):
    ours = GloveTokenizer(vectors=VECTORS, style=style, oov_token="<OOV>")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ours.fit([*TEXTS, "\ud800"])
    again = pickle.loads(pickle.dumps(ours, protocol))
    assert as_lists(again.transform(UNSEEN)) == as_lists(ours.transform(UNSEEN))
    assert again.transform(UNSEEN).vocabulary.words == ours.transform(UNSEEN).vocabulary.words
    assert again.vocabulary_ == ours.vocabulary_


def test_ids_of_a_document_do_not_depend_on_the_others():
    ours = GloveTokenizer(vectors=None).fit(TEXTS)
    alone = [ours.transform([text])[0].tolist() for text in UNSEEN]
    assert as_lists(ours.transform(UNSEEN)) == alone
    assert as_lists(ours.transform(UNSEEN[::-1])) == alone[::-1]


@pytest.mark.parametrize(
    "options", [{}, {"oov_token": "<OOV>"}, {"oov_token": "the"}, {"num_words": 3}, {"num_words": 30}]
)
def test_few_words_are_looked_up_as_many_are(options, monkeypatch):
    ours = GloveTokenizer(vectors=VECTORS, **options).fit(TEXTS)
    found = []
    for share in (0, 10**9):
        monkeypatch.setattr("skglove.word_ids.HASHING_SHARE", share)
        found.append(as_lists(ours.transform([*TEXTS, *UNSEEN])))
    assert found[0] == found[1]
    assert len({i for ids in found[0] for i in ids}) > 1


def test_parameters_set_after_fit_change_no_known_word():
    tokenizer = GloveTokenizer(None).fit(["a b"])
    ids = tokenizer.set_params(oov_token="<OOV>", num_words=2).transform(["b c a"])
    assert ids[0].tolist() == [2, 1]


def test_a_column_of_pyarrow_is_a_collection_of_texts():
    assert GloveTokenizer(None).fit_transform(pa.array(["a b", "b"]))[1].tolist() == [1]
