import copy
import inspect
import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
from gensim.models import KeyedVectors
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import adjusted_rand_score
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.neighbors import NearestNeighbors
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import StandardScaler
from sklearn.utils import estimator_checks
from text_samples import draw_reviews, draw_texts, topic_vectors

from skglove import GloveVectorizer, WordVectors

WORDS = ["the", "cat", "dog", "cow", "saw", "end", "moon"]
MATRIX = np.random.RandomState(0).randn(len(WORDS), 3).astype(np.float32)
VECTORS = WordVectors(WORDS, MATRIX)
VECTOR = dict(zip(WORDS, MATRIX, strict=True))
TEXTS = ["The cat saw the dog.", "The END!", "the dog\tsaw at the cat", "cat, cat & cat cat"]
UNSEEN = ["a dog, a cow & the moon", "", "zyx zyx", "THE the cow"]  # cow and moon are in none of TEXTS
WEIGHTINGS = ["mean", "idf", "sif"]


def split(text):
    return "".join(c if c.isalpha() else " " for c in text.lower()).split()


def known(text):
    return [word for word in split(text) if word in VECTOR]


def weighted(texts, weight, divisor=None):
    """Average in a loop, in float64; `weight` maps a word to its weight."""
    out = np.zeros((len(texts), 3))
    for i, words in enumerate(map(known, texts)):
        if words:
            weights = np.array([weight(word) for word in words])
            out[i] = weights @ np.array([VECTOR[word] for word in words], float)
            out[i] /= weights.sum() if divisor is None else divisor(words)
    return out


def close(actual, expected):
    assert actual.dtype == np.float32
    np.testing.assert_allclose(actual, expected, atol=1e-6)


# The weights


def test_mean_is_that_of_a_gensim_loop():
    keyed = KeyedVectors(3)
    keyed.add_vectors(WORDS, MATRIX)
    expected = [np.mean([keyed[w] for w in split(t) if w in keyed] or [np.zeros(3)], axis=0) for t in UNSEEN]
    close(GloveVectorizer(keyed, weighting="mean").fit(TEXTS).transform(UNSEEN), expected)


def test_mean_needs_no_fit():
    ours = GloveVectorizer(VECTORS, weighting="mean")
    expected = ours.transform(UNSEEN)
    close(expected, weighted(UNSEEN, lambda word: 1))
    np.testing.assert_array_equal(ours.fit(TEXTS).transform(UNSEEN), expected)


def test_idf_weights_are_those_of_tfidf_and_those_of_unseen_words_have_df_0():
    ours = GloveVectorizer(VECTORS).fit(TEXTS)
    oracle = TfidfVectorizer(token_pattern=r"[a-z]+").fit(TEXTS)
    idf = {word: oracle.idf_[i] for word, i in oracle.vocabulary_.items()}
    assert ours.vocabulary_.keys() == idf.keys() & VECTOR.keys()
    for word, i in ours.vocabulary_.items():
        assert ours.word_weights_[i] == pytest.approx(idf[word])
    unseen = np.log(1 + len(TEXTS)) + 1
    close(ours.transform(UNSEEN), weighted(UNSEEN, lambda word: idf.get(word, unseen)))
    close(ours.transform(TEXTS), weighted(TEXTS, lambda word: idf[word]))


def test_sif_weights_and_the_component_are_those_of_the_paper():
    tokens = [word for text in TEXTS for word in split(text)]
    ours = GloveVectorizer(VECTORS, weighting="sif", smoothing=0.1, style="keras").fit(TEXTS)

    def weight(word):
        return 0.1 / (0.1 + tokens.count(word) / len(tokens))

    train, test = weighted(TEXTS, weight, len), weighted(UNSEEN, weight, len)
    component = np.linalg.svd(train)[2][0]
    close(ours.transform(UNSEEN), test - np.outer(test @ component, component))
    close(np.abs(ours.component_), np.abs(component))
    assert ours.word_weights_[ours.vocabulary_["end"]] == pytest.approx(weight("end"))
    assert clone(ours).set_params(smoothing=1e-9).fit_transform(TEXTS).shape == (4, 3)


def test_the_component_of_many_texts_is_found_in_blocks(monkeypatch):
    expected = GloveVectorizer(VECTORS, weighting="sif").fit(TEXTS).component_
    monkeypatch.setattr("skglove.vectorizer.BLOCK_ROWS", 3)
    close(GloveVectorizer(VECTORS, weighting="sif").fit(TEXTS).component_, expected)


@pytest.mark.filterwarnings("ignore:Only 0% of the tokens")
@pytest.mark.parametrize("weighting", WEIGHTINGS)
def test_documents_without_a_known_word_are_zeros(weighting):
    ours = GloveVectorizer(VECTORS, weighting=weighting, norm="l2").fit(TEXTS)
    assert ours.transform(UNSEEN)[1:3].tolist() == [[0] * 3] * 2
    assert ours.transform(["zyx"]).tolist() == [[0] * 3]
    assert ours.fit_transform(["zyx", ""]).tolist() == [[0] * 3] * 2
    close(ours.transform(["the cat"])[0], known_norm(ours, "the cat"))


def known_norm(ours, text):
    """After fits on no known word, all words weigh the same."""
    mean = weighted([text], lambda word: 1)[0]
    return mean / np.linalg.norm(mean)


def test_norm_divides_by_the_l2_norm():
    plain = GloveVectorizer(VECTORS).fit_transform(TEXTS)
    expected = plain / np.linalg.norm(plain, axis=1, keepdims=True)
    close(GloveVectorizer(VECTORS, norm="l2").fit_transform(TEXTS), expected)


def test_a_word_whose_vector_is_all_zeros_counts():
    vectors = {"cat": [2.0], "dog": [0.0]}
    assert GloveVectorizer(vectors, weighting="mean").fit_transform(["cat dog"]).tolist() == [[1.0]]


# Texts


@pytest.mark.parametrize("weighting", WEIGHTINGS)
def test_fit_transform_is_fit_and_transform_and_documents_do_not_depend_on_others(weighting):
    ours = GloveVectorizer(VECTORS, weighting=weighting)
    expected = ours.fit_transform(TEXTS * 9)
    np.testing.assert_array_equal(ours.transform(TEXTS * 9), expected)
    np.testing.assert_array_equal(clone(ours).fit(TEXTS * 9).transform(TEXTS), expected[:4])
    for i, text in enumerate(TEXTS):
        np.testing.assert_array_equal(ours.transform([text])[0], expected[i])
    np.testing.assert_array_equal(ours.transform(TEXTS[::-1]), expected[3::-1])


def test_texts_are_split_as_the_tokenizer_splits_them():
    vectors = {"do": [1.0], "n't": [3.0], "don't": [7.0], "Don't": [9.0]}
    for rules, expected in [
        ({}, 2.0),
        ({"style": "glove"}, 2.0),
        ({"lower": False}, 3.0),
        ({"style": "keras"}, 7.0),
        ({"style": "keras", "lower": False}, 9.0),
    ]:
        assert GloveVectorizer(vectors, weighting="mean", **rules).transform(["Don't"]).item() == expected
    ours = GloveVectorizer(
        {"d": [1.0], "n": [2.0], "t": [4.5]}, weighting="mean", style="keras", filters="'", split="o"
    )
    assert ours.transform(["Don't"]).item() == 2.5
    latin = GloveVectorizer({"é": [1.0]}, weighting="mean", encoding="latin-1")
    assert latin.transform(["é".encode("latin-1")]).item() == 1.0
    with pytest.raises(ValueError, match="filters and split are for style='keras' only"):
        GloveVectorizer(VECTORS, split=";").fit(TEXTS)


@pytest.mark.parametrize(
    "form",
    [
        iter,
        tuple,
        np.array,
        lambda texts: np.array(texts, object),
        lambda texts: pd.Series(texts, index=[3, 3, 1, 0]),
        pl.Series,
    ],
)
def test_every_collection_of_texts_is_one(form):
    ours = GloveVectorizer(VECTORS)
    expected = ours.fit_transform(TEXTS)
    np.testing.assert_array_equal(ours.fit_transform(form(TEXTS)), expected)
    np.testing.assert_array_equal(ours.fit(form(TEXTS)).transform(form(TEXTS)), expected)


@pytest.mark.parametrize("method", ["fit", "fit_transform", "transform"])
@pytest.mark.parametrize(
    ("X", "error", "message"),
    [
        ("a text", ValueError, r"got one str: 'a text'\. Put it into a list"),
        (["a", None], TypeError, "got NoneType at index 1"),
        (pd.DataFrame({"a": TEXTS}), ValueError, r"shape \(4, 1\)\. Take one column"),
        ([], ValueError, "There are no texts"),
    ],
    ids=["str", "None", "frame", "empty"],
)
def test_what_is_no_collection_of_texts_is_an_error(method, X, error, message):
    ours = GloveVectorizer(VECTORS, weighting="mean")
    with pytest.raises(error, match=message):
        getattr(ours, method)(X)


@pytest.mark.filterwarnings("ignore:.* hold white space")
@pytest.mark.parametrize("style", ["glove", "keras"])
def test_lone_surrogates_are_no_words_and_break_nothing(style):
    ours = GloveVectorizer(VECTORS, style=style)
    np.testing.assert_array_equal(
        ours.fit([*TEXTS, "\ud800"]).transform(["cat \udfff cow"]), ours.transform(["cat cow"])
    )


def test_texts_of_other_words_than_the_vectors_are_a_warning_and_a_low_coverage():
    ours = GloveVectorizer(VECTORS)
    with pytest.warns(UserWarning, match="Only 25% of the tokens have a vector"):
        ours.fit(["die Katze", "der moon"])
    assert ours.coverage_ == {"vocabulary": 0.25, "tokens": 0.25}


def test_no_dense_matrix_of_documents_and_words_is_made():
    import tracemalloc

    words = [f"word{i}" for i in range(5000)]
    texts = [" ".join(words[i : i + 5]) for i in range(4995)]
    vectors = WordVectors(words, np.ones((5000, 2)))
    ours = GloveVectorizer(vectors, weighting="sif").fit(texts)
    tracemalloc.start()
    ours.transform(texts)
    ours.fit_transform(texts)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8e6  # a dense matrix of float32 has 1e8 bytes


# The rules of scikit-learn. Its `check_estimator` runs next to nothing on estimators of text, so these are
# its checks that need no X, by name, and below them the ones that need an X, on texts.


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
    check("GloveVectorizer", GloveVectorizer())


def test_tags_say_that_input_is_text_and_that_mean_needs_no_fit():
    tags = GloveVectorizer().__sklearn_tags__()
    assert tags.input_tags.string
    assert not tags.input_tags.two_d_array
    assert tags.requires_fit
    assert not GloveVectorizer(weighting="mean").__sklearn_tags__().requires_fit


@pytest.mark.parametrize(
    "parameter",
    [
        {"weighting": "tfidf"},
        {"weighting": None},
        {"smoothing": 0},
        {"norm": "l1"},
        {"style": "stanford"},
        {"filters": None},
        {"lower": "yes"},
        {"split": None},
        {"encoding": None},
        {"decode_error": "raise"},
    ],
    ids=str,
)
def test_a_wrong_parameter_is_an_error_of_fit_that_names_it(parameter):
    [name] = parameter
    with pytest.raises(ValueError, match=f"The '{name}' parameter of GloveVectorizer must be"):
        GloveVectorizer(VECTORS, **parameter).fit(TEXTS)


def test_vectors_are_needed():
    with pytest.raises(TypeError, match="vectors must be a name, a path"):
        GloveVectorizer(None).fit(TEXTS)
    with pytest.raises(FileNotFoundError, match="nowhere"):
        GloveVectorizer("nowhere").fit(TEXTS)


@pytest.mark.parametrize("weighting", ["idf", "sif"])
@pytest.mark.parametrize("method", ["transform", "get_feature_names_out"])
def test_use_before_fit_is_a_not_fitted_error(method, weighting):
    with pytest.raises(NotFittedError, match="not fitted yet"):
        getattr(GloveVectorizer(VECTORS, weighting=weighting), method)(TEXTS)


def comparable(ours):
    state = {name: value for name, value in vars(ours).items() if name not in ours.get_params()}
    return {name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in state.items()}


def test_refit_starts_afresh_and_a_failed_one_changes_nothing():
    ours = GloveVectorizer(VECTORS, weighting="sif").fit(UNSEEN)
    ours.set_params(weighting="idf").fit(TEXTS)
    fresh = GloveVectorizer(VECTORS).fit(TEXTS)
    assert comparable(ours) == comparable(fresh)
    with pytest.raises(TypeError, match="at index 1"):
        ours.set_params(weighting="sif").fit(["cat", 5])
    assert comparable(ours) == comparable(fresh)


def test_an_interrupted_fit_leaves_no_mixture_of_two(monkeypatch):
    ours = GloveVectorizer(VECTORS).fit(TEXTS)
    before = comparable(ours)

    def interrupt(matrix):
        raise KeyboardInterrupt

    monkeypatch.setattr("skglove.vectorizer._first_component", interrupt)
    for method in ("fit", "fit_transform"):
        with pytest.raises(KeyboardInterrupt):
            getattr(ours.set_params(weighting="sif"), method)(UNSEEN)
        assert comparable(ours) == before


def test_vectors_and_weighting_set_after_fit_wait_for_the_next():
    ours = GloveVectorizer(VECTORS).fit(TEXTS)
    expected = ours.transform(UNSEEN)
    ours.set_params(vectors={"cat": [1.0]}, weighting="mean")
    np.testing.assert_array_equal(ours.transform(UNSEEN), expected)
    assert ours.fit(["cat"]).transform(["cat"]).shape == (1, 1)


def test_every_learned_public_attribute_is_documented():
    ours = GloveVectorizer(VECTORS, weighting="sif").fit(TEXTS)
    attributes = inspect.getdoc(GloveVectorizer).split("Attributes\n")[1].split("See Also\n")[0]
    assert all(f"\n{name} : " in attributes for name in comparable(ours) if not name.startswith("_"))


def test_a_pickle_holds_where_the_vectors_are_and_not_the_vectors(write):
    rows = "".join(f"word{i} {' '.join(['0.5'] * 50)}\n" for i in range(500))
    path = write(f"{rows}cat {' '.join(['0.25'] * 50)}\n".encode())
    ours = GloveVectorizer(path).fit(["cat word1"])
    data = pickle.dumps(ours)
    assert len(data) < 3000
    np.testing.assert_array_equal(pickle.loads(data).transform(["cat"]), np.full((1, 50), 0.25, np.float32))
    in_memory = pickle.loads(pickle.dumps(GloveVectorizer(VECTORS, weighting="sif").fit(TEXTS)))
    expected = GloveVectorizer(VECTORS, weighting="sif").fit(TEXTS).transform(UNSEEN)
    np.testing.assert_array_equal(in_memory.transform(UNSEEN), expected)
    np.testing.assert_array_equal(copy.deepcopy(in_memory).transform(UNSEEN), expected)


# Frames


def test_frames_have_names_and_the_index_of_the_texts():
    texts = pd.Series(TEXTS, index=[7, 3, 3, 1])
    ours = GloveVectorizer(VECTORS).set_output(transform="pandas")
    names = ["glovevectorizer0", "glovevectorizer1", "glovevectorizer2"]
    for frame in (ours.fit_transform(texts), ours.transform(texts)):
        assert frame.index.tolist() == [7, 3, 3, 1]
        assert frame.columns.tolist() == ours.get_feature_names_out().tolist() == names
        assert set(frame.dtypes) == {np.dtype(np.float32)}
    polars = ours.set_output(transform="polars").transform(pl.Series(TEXTS))
    np.testing.assert_array_equal(polars.to_numpy(), frame.to_numpy())
    assert polars.columns == names
    unfitted = GloveVectorizer(VECTORS, weighting="mean").set_output(transform="pandas")
    assert unfitted.transform(TEXTS).columns.tolist() == names


@pytest.fixture(scope="module")
def reviews():
    return draw_reviews()


def columns_of(vectors, **parameters):
    return ColumnTransformer(
        [
            ("text", GloveVectorizer(vectors, **parameters), "review"),
            ("numbers", StandardScaler(), ["price"]),
        ]
    )


def test_text_beside_numbers_is_better_than_either(reviews):
    frame, labels, vectors = reviews
    both = make_pipeline(columns_of(vectors), LogisticRegression())
    text = make_pipeline(GloveVectorizer(vectors), LogisticRegression())
    number = make_pipeline(StandardScaler(), LogisticRegression())
    scores = [
        cross_val_score(model, X, labels, cv=3).mean()
        for model, X in ((both, frame), (text, frame["review"]), (number, frame[["price"]]))
    ]
    assert scores[0] > 0.93
    assert max(scores[1:]) < 0.85
    columns = columns_of(vectors).set_output(transform="pandas")
    result = columns.fit_transform(frame)
    assert result.columns.tolist() == [*(f"text__glovevectorizer{i}" for i in range(4)), "numbers__price"]
    assert result.index.equals(frame.index)
    np.testing.assert_array_equal(result.iloc[:, :4], GloveVectorizer(vectors).fit_transform(frame["review"]))


@pytest.mark.slow
def test_a_grid_over_weightings_refits_and_predicts(reviews):
    frame, labels, vectors = reviews
    model = make_pipeline(columns_of(vectors), LogisticRegression())
    grid = {"columntransformer__text__weighting": WEIGHTINGS, "columntransformer__text__norm": [None, "l2"]}
    search = GridSearchCV(model, grid, cv=2, error_score="raise").fit(frame, labels)
    assert len(search.cv_results_["params"]) == 6
    assert search.score(frame, labels) > 0.93


def test_neighbours_and_clusters_of_texts_are_of_one_topic():
    texts, topics = draw_texts(20, seed=0, own=slice(4))
    new, truth = draw_texts(20, seed=1, own=slice(4, None))  # no word of a topic is in both
    vectorize = GloveVectorizer(topic_vectors(), norm="l2").fit(texts)
    neighbours = NearestNeighbors(n_neighbors=1).fit(vectorize.transform(texts))
    nearest = neighbours.kneighbors(vectorize.transform(new), return_distance=False)[:, 0]
    assert (topics[nearest] == truth).mean() > 0.8
    clusters = make_pipeline(vectorize, KMeans(3, random_state=0, n_init=3)).fit_predict(texts)
    assert adjusted_rand_score(topics, clusters) > 0.8


def test_vectors_beside_tfidf(reviews):
    frame, labels, vectors = reviews
    union = make_union(TfidfVectorizer(), GloveVectorizer(vectors))
    features = union.fit_transform(frame["review"])
    names = union.get_feature_names_out().tolist()
    assert features.shape == (len(frame), len(names))
    assert names[-1] == "glovevectorizer__glovevectorizer3"
    np.testing.assert_array_equal(
        features[:, -4:].toarray().astype(np.float32), GloveVectorizer(vectors).fit_transform(frame["review"])
    )
    assert (
        make_pipeline(union, LogisticRegression()).fit(frame["review"], labels).score(frame["review"], labels)
        > 0.7
    )
