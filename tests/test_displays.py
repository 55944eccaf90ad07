import sys
from typing import NamedTuple

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from skglove import (
    GloveTokenizer,
    KerasConvTextClassifier,
    TellingWordsDisplay,
    TrainingHistoryDisplay,
    UnknownWordError,
    WordVectors,
    WordVectorsDisplay,
)

HISTORY = {
    "loss": [1.6, 0.9, 0.5, 0.3],
    "accuracy": [0.3, 0.6, 0.8, 0.9],
    "val_loss": [0.7, 0.4, 0.35, 0.36],
    "val_accuracy": [0.8, 0.9, 0.91, 0.92],
}
TABLE = [
    ("sport", "match", 2.0),
    ("sport", "team", 1.0),
    ("sport", "the $ 5 and the $ 10 notes of the bank", -0.5),
    ("sport", "shares", -1.5),
    ("business", "shares", 2.5),
]
PAIRS = [("kitchen", "dinner"), ("office", "work")]


@pytest.fixture(autouse=True)
def plt():
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    yield plt
    plt.close("all")


@pytest.fixture(scope="module")
def vectors():
    words = ["kitchen", "dinner", "office", "work", *(f"word{i}" for i in range(40))]
    return WordVectors(words, np.random.RandomState(0).normal(size=(len(words), 6)))


def legend(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def is_cut(figure):
    """Tell whether something is drawn at the border of a figure."""
    figure.canvas.draw()
    pixels = np.asarray(figure.canvas.buffer_rgba())[:, :, :3]
    border = [pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]]
    return any((edge != 255).any() for edge in border)


# ---- axes


@pytest.mark.parametrize("make", [TrainingHistoryDisplay, WordVectorsDisplay])
def test_without_matplotlib_the_error_says_how_to_get_it(make, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    display = make(HISTORY) if make is TrainingHistoryDisplay else make(["a", "b"], np.eye(2))
    with pytest.raises(ImportError, match=rf"{make.__name__}.plot needs .* pip install 'skglove\[plot\]'"):
        display.plot()


def test_one_panel_is_drawn_in_the_axes_of_the_user(plt):
    figure, axes = plt.subplots(1, 2)
    display = TrainingHistoryDisplay.from_history(HISTORY, ax=axes[1], metrics="accuracy")
    assert display.ax_ is axes[1]
    assert display.figure_ is figure
    assert not axes[0].lines
    assert axes[1].get_ylabel() == "accuracy"


def test_two_panels_are_drawn_in_two_axes_of_the_user(plt):
    _, axes = plt.subplots(1, 2)
    display = TrainingHistoryDisplay.from_history(HISTORY, ax=axes)
    assert display.ax_.tolist() == axes.tolist()
    with pytest.raises(ValueError, match=r"TrainingHistoryDisplay\.plot draws 2 panels, but ax has 1 axes"):
        display.plot(axes[0])


# ---- TrainingHistoryDisplay


def test_a_history_is_drawn_as_it_is_and_its_best_epoch_marked():
    display = TrainingHistoryDisplay.from_history(HISTORY)
    for ax, metric in zip(display.ax_, ["loss", "accuracy"], strict=True):
        training, validation, best = ax.lines
        np.testing.assert_array_equal(training.get_data(), [[1, 2, 3, 4], HISTORY[metric]])
        np.testing.assert_array_equal(validation.get_data(), [[1, 2, 3, 4], HISTORY["val_" + metric]])
        assert best.get_xdata() == [3, 3]
        assert legend(ax) == ["training", "validation", "best epoch: 3"]


def test_a_history_without_validation_has_one_line():
    display = TrainingHistoryDisplay.from_history({"loss": [2.0, 1.0], "recall": [0.1, 0.2]})
    assert len(display.ax_.lines) == 1
    assert legend(display.ax_) == ["training"]


def test_no_panel_of_a_history_is_cut():
    assert not is_cut(TrainingHistoryDisplay.from_history(HISTORY).figure_)
    assert is_cut(TrainingHistoryDisplay.from_history(HISTORY).ax_[0].set_ylabel("x" * 100).figure)


def test_one_epoch_is_shown_with_one_tick():
    display = TrainingHistoryDisplay.from_history({name: values[:1] for name, values in HISTORY.items()})
    display.figure_.draw_without_rendering()
    for ax in display.ax_:
        low, high = ax.get_xlim()
        assert [tick for tick in ax.get_xticks() if low < tick < high] == [1]
        assert legend(ax) == ["training", "validation"]


@pytest.mark.parametrize(
    ("history", "metrics", "error", "message"),
    [
        ({}, None, ValueError, "The history is empty"),
        ({"loss": []}, None, ValueError, "The history is empty"),
        (HISTORY, "acuracy", ValueError, "no metric 'acuracy'. Did you mean 'accuracy'"),
        ([1.0, 0.5], None, TypeError, r"a dict with a list for each metric, .* got \[1.0, 0.5\]"),
    ],
)
def test_what_is_no_history_is_refused(history, metrics, error, message):
    with pytest.raises(error, match=message):
        TrainingHistoryDisplay.from_history(history, metrics=metrics)


@pytest.fixture(scope="module")
def fitted():
    classifier = KerasConvTextClassifier(kernel_size=2, epochs=2, validation_fraction=0.2, random_state=0)
    texts = [f"{word} film {i}" for i in range(10) for word in ("good", "great", "bad", "awful")]
    labels = ["+", "+", "-", "-"] * 10
    return make_pipeline(GloveTokenizer(vectors=None, num_words=60), classifier).fit(texts, labels)


def test_the_display_of_a_classifier_says_what_its_lines_measure(fitted):
    display = TrainingHistoryDisplay.from_estimator(fitted)
    assert display.history is fitted[-1].history_
    assert legend(display.ax_[0])[:2] == ["training: network", "held out: network and linear model"]
    assert legend(display.ax_[1])[2].startswith("epoch kept: ")


@pytest.mark.slow
def test_the_display_of_a_stream_has_calls_and_marks_none(fitted):
    classifier, ids = KerasConvTextClassifier(filters=2), fitted[:-1].transform(["good film", "bad film"])
    for _ in range(2):
        classifier.partial_fit(ids, ["+", "-"], classes=["+", "-"])
    loss, _ = TrainingHistoryDisplay.from_estimator(classifier).ax_
    assert loss.get_xlabel() == "call of partial_fit"
    assert legend(loss) == ["training: network", "before learning: network and linear model"]


def test_the_lowest_loss_is_marked_beside_losses_that_are_not_known():
    losses = [np.nan, 0.4, 0.3]
    assert TrainingHistoryDisplay.from_history({"loss": losses, "val_loss": losses}).best_epoch == 3
    one = {"loss": [0.5], "val_loss": [np.nan]}
    assert TrainingHistoryDisplay.from_history(one).best_epoch is None


def test_what_has_no_history_is_refused(fitted):
    with pytest.raises(NotFittedError):
        TrainingHistoryDisplay.from_estimator(make_pipeline(GloveTokenizer(), KerasConvTextClassifier()))
    with pytest.raises(NotFittedError):
        TrainingHistoryDisplay.from_estimator(GridSearchCV(KerasConvTextClassifier(), {"epochs": [1]}))
    linear = LogisticRegression().fit([[1], [2]], [0, 1])
    with pytest.raises(TypeError, match=r"Expected a KerasConvTextClassifier, .* got LogisticRegression\(\)"):
        TrainingHistoryDisplay.from_estimator(linear)


# ---- WordVectorsDisplay


def test_positions_are_those_of_the_principal_components(vectors):
    words = ["office", "word1", "word2"]
    display = WordVectorsDisplay.from_vectors(vectors, words, pairs=PAIRS)
    assert display.words == [*words, "kitchen", "dinner", "work"]  # each once
    rows = vectors[display.words].astype(float)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    rows -= rows.mean(axis=0)
    values, components = np.linalg.eigh(rows.T @ rows)
    expected = np.abs(rows @ components[:, [-1, -2]])  # the sign of a component is arbitrary
    np.testing.assert_allclose(np.abs(display.positions), expected, atol=1e-6)
    np.testing.assert_allclose(display.explained_variance_ratio, values[[-1, -2]] / values.sum(), rtol=1e-5)
    assert [text.get_text() for text in display.texts_] == display.words
    assert "of the variance" in display.ax_.get_xlabel()


def test_arrows_lead_from_the_first_word_to_the_second(vectors):
    display = WordVectorsDisplay.from_vectors(vectors, pairs=PAIRS)
    arrows = [text for text in display.ax_.texts if text not in display.texts_]
    at = dict(zip(display.words, display.positions.tolist(), strict=True))
    assert [(list(arrow.xyann), list(arrow.xy)) for arrow in arrows] == [(at[a], at[b]) for a, b in PAIRS]


@pytest.mark.slow
def test_labels_neither_overlap_nor_leave_the_axes(vectors):
    display = WordVectorsDisplay.from_vectors(vectors, list(vectors), pairs=PAIRS)
    display.figure_.canvas.draw()
    from matplotlib.text import Text

    # Without the line to a far label, which belongs to the extent of an Annotation.
    boxes = [Text.get_window_extent(text) for text in display.texts_]
    frame = display.ax_.get_window_extent()
    assert not is_cut(display.figure_)
    for i, box in enumerate(boxes):
        assert frame.x0 <= box.x0 <= box.x1 <= frame.x1
        assert frame.y0 <= box.y0 <= box.y1 <= frame.y1
        assert not any(box.overlaps(other) for other in boxes[:i])


def test_a_long_label_at_the_edge_stays_inside():
    display = WordVectorsDisplay(["a", "b", "c" * 25], np.array([[0, 0], [0, 1], [1, 0]])).plot()
    frame, box = display.ax_.get_window_extent(), display.texts_[2].get_window_extent()
    assert frame.x0 <= box.x0 <= box.x1 <= frame.x1


def test_dollars_in_words_are_no_formula():
    words = ["$ 5", "5 $ and $"]
    display = WordVectorsDisplay(words, np.eye(2)).plot()
    assert not any(text.get_parse_math() for text in display.texts_)
    ax = TellingWordsDisplay({"$ $": [(word, 1.0) for word in words]}).plot().ax_
    assert not any(text.get_parse_math() for text in [ax.title, *ax.get_yticklabels()])


def test_a_word_without_a_vector_is_an_error_as_elsewhere(vectors):
    with pytest.raises(UnknownWordError, match="kitchn"):
        WordVectorsDisplay.from_vectors(vectors, ["office", "kitchn"])


@pytest.mark.parametrize(
    ("words", "pairs", "error", "message"),
    [
        ("office", [], TypeError, "words must be a list, got 'office'"),
        (["office", "work"], "work", TypeError, "pairs must be a list, got 'work'"),
        (
            [],
            [("office", "work", "word1")],
            ValueError,
            "pairs of words such as .* got .'office', 'work', 'word1'",
        ),
        ([], ["ab"], ValueError, "pairs of words such as .* got 'ab'"),
        (["office", "office"], [], ValueError, r"at least two words, got \['office'\]"),
    ],
)
def test_what_are_no_words_is_refused(vectors, words, pairs, error, message):
    with pytest.raises(error, match=message):
        WordVectorsDisplay.from_vectors(vectors, words, pairs=pairs)


def test_vectors_of_one_dimension_are_refused():
    with pytest.raises(ValueError, match="at least two, these have one"):
        WordVectorsDisplay.from_vectors({"a": [1.0], "b": [2.0]}, ["a", "b"])


def test_equal_vectors_are_shown():
    display = WordVectorsDisplay.from_vectors({"a": [1.0, 2.0], "b": [1.0, 2.0]}, ["a", "b"])
    assert display.explained_variance_ratio == (0, 0)


# ---- TellingWordsDisplay


class Row(NamedTuple):
    label: str
    words: str
    weight: float


@pytest.fixture
def table():
    return [Row(*row) for row in TABLE]


def bars(ax):
    return [bar.get_width() for bar in ax.patches]


def names(ax):
    return [label.get_text() for label in ax.get_yticklabels()]


def test_words_are_shown_by_falling_weight(table):
    display = TellingWordsDisplay.from_table(table[::-1])
    business, sport = display.ax_
    assert [ax.get_title() for ax in display.ax_] == ["business", "sport"]
    assert names(sport) == ["match", "team", "the $ 5 and the $ 1…", "shares"]
    assert bars(sport) == [2, 1, -0.5, -1.5]
    assert bars(business) == [2.5]
    low, high = sport.get_ylim()
    assert low > high  # the first bar is at the top
    colours = [bar.get_facecolor() for bar in sport.patches]
    assert colours[0] == colours[1] != colours[2] == colours[3]


def test_the_strongest_words_of_some_labels_are_shown(table):
    display = TellingWordsDisplay.from_table(table, n=1, labels=["sport"])
    assert names(display.ax_) == ["match", "shares"]


@pytest.mark.slow
def test_no_panel_of_telling_words_is_cut(table):
    assert not is_cut(TellingWordsDisplay.from_table(table).figure_)
    long = [Row(label, "w" * 50 + str(i), 1e3 * i) for label in "abc" for i in range(-3, 4)]
    assert not is_cut(TellingWordsDisplay.from_table(long).figure_)


def test_a_frame_of_telling_words_is_shown(table):
    pandas = pytest.importorskip("pandas")
    display = TellingWordsDisplay.from_table(pandas.DataFrame(table))
    assert bars(display.ax_[0]) == [2, 1, -0.5, -1.5]


def test_what_is_no_table_of_telling_words_is_refused(table):
    with pytest.raises(ValueError, match=r"no label 'spotr'. It has: \['sport', 'business'\]"):
        TellingWordsDisplay.from_table(table, labels=["spotr"])
    with pytest.raises(ValueError, match="There is no label to show"):
        TellingWordsDisplay.from_table([])
    with pytest.raises(TypeError, match=r"must have label, words, weight, .* got \('sport', 'match', 2.0\)"):
        TellingWordsDisplay.from_table(TABLE)


def test_the_telling_words_of_a_classifier(fitted):
    telling = pytest.importorskip("skglove.explanations.telling")
    display = TellingWordsDisplay.from_estimator(fitted, n=2)
    assert [ax.get_title() for ax in display.ax_] == ["+", "-"]
    table = telling.telling_words(fitted, 2)
    assert bars(display.ax_[0]) == [row.weight for row in table if row.label == "+"]
