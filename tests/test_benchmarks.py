"""The benchmarks of accuracy: groups, peers, tables, on tiny data."""

import importlib
import math
import pickle
import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.model_selection import StratifiedKFold

FOLDER = Path(__file__).parent.parent / "examples" / "benchmarks"
WORDS = ["sun", "moon", "star", "tree", "rock", "lake", "hill", "wind", "rain", "snow"]


@pytest.fixture
def module(monkeypatch):
    """Import a script of the benchmarks, which import each other by their plain names."""
    monkeypatch.syspath_prepend(str(FOLDER))
    return importlib.import_module


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """All corpora in small; the label can be read off the words."""
    folder = tmp_path_factory.mktemp("data")
    random = np.random.RandomState(0)

    def text(code):
        return " ".join([f"word{code}", *random.choice(WORDS, 6), f"word{code}"])

    names = ["rec.autos", "sci.space", "talk.politics.guns", *(f"z.group{i:02}" for i in range(17))]
    for code, name in enumerate(names):
        (folder / "20_newsgroup" / name).mkdir(parents=True)
        for number in range(12):
            post = f"Newsgroups: {name}\n\n> quoted {text(code)}\n{text(code)}. {text(code)} {number}."
            (folder / "20_newsgroup" / name / str(number)).write_text(post, encoding="latin-1")
    for code, name in enumerate(["mr.neg", "mr.pos"]):
        lines = [f"{text(code)} {number} caf\xe9\x85" for number in range(40)]
        (folder / name).write_text("\n".join(lines) + "\n", encoding="latin-1")
    for part, n in (("train", 24), ("test", 9)):
        labels = [f"{'ABC'[i % 3]}:{'xy'[i % 2]}" for i in range(n)]
        lines = [f"{label} {text(label[0])} ?" for label in labels]
        (folder / f"trec.{part}").write_text("\n".join(lines) + "\n", encoding="latin-1")
        lines = [f"{label[0]}\t{text(label[0])}" for label in labels]
        (folder / f"r8.{part}").write_text("\n".join(lines), encoding="latin-1")
    return folder


@pytest.fixture
def setting(data):
    return SimpleNamespace(data=str(data), seeds=2, folds=5, corpus=[], only=[])


@pytest.fixture(scope="module")
def vector_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("vectors") / "vectors.txt"
    path.write_text("".join(f"{word} {i}.0 1.0 -{i}.5\n" for i, word in enumerate(WORDS)), encoding="utf-8")
    return str(path)


def test_mr_has_five_folds_of_neg_then_pos(module, setting):
    make = module("groups").GROUPS["mr"][1]
    splits = make(setting)
    expected = StratifiedKFold(5, shuffle=True, random_state=0).split(np.zeros(80), np.repeat([0, 1], 40))
    for part, (train, test) in zip(splits, expected, strict=True):
        assert len(part.train[0]) == len(train)
        np.testing.assert_array_equal(part.test[1], test >= 40)
        assert all(text.endswith("caf\xe9\x85") for text in part.test[0])
        assert all(f"word{code}" in text for text, code in zip(*part.test, strict=True))
    assert [part.run for part in splits] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("name", ["trec", "r8"])
def test_given_splits_keep_their_order_and_lose_their_labels(module, setting, name):
    (part,) = module("groups").GROUPS[name][1](setting)
    np.testing.assert_array_equal(part.train[1], np.arange(24) % 3)
    np.testing.assert_array_equal(part.test[1], np.arange(9) % 3)
    assert part.train[0][0].startswith("wordA ")


def test_newsgroups_are_split_as_in_the_blog(module, setting):
    (part,) = module("groups").GROUPS["cut"][1](setting)
    order = np.arange(240)
    np.random.RandomState(0).shuffle(order)
    np.testing.assert_array_equal(part.test[1], order[-48:] // 12)
    assert not any("Newsgroups:" in text for text in part.test[0])


def test_draws_are_balanced_and_come_from_training_texts(module, setting, monkeypatch):
    groups = module("groups")
    monkeypatch.setitem(groups.CURVES, "mr-curve", [4, 20])
    splits = groups.GROUPS["mr-curve"][1](setting)
    assert [(part.size, part.run) for part in splits] == [(4, 0), (4, 1), (20, 0), (20, 1)]
    whole = groups.GROUPS["mr"][1](setting)[0]
    for part in splits:
        assert np.bincount(part.train[1]).tolist() == [part.size // 2] * 2
        assert set(part.train[0]) <= set(whole.train[0])
        assert part.test[0].tolist() == whole.test[0].tolist()
    assert set(splits[2].train[0]) != set(splits[3].train[0])


def test_first_sentences_are_balanced_and_long_enough(module, monkeypatch, tmp_path):
    texts = [f"Hello there!\n\nThis is the {i}th post of many. And this is more." for i in range(40)]
    texts[0] = "Too short."
    (tmp_path / "posts.pickle").write_bytes(pickle.dumps((texts, [i % 4 for i in range(40)])))
    few_texts = module("few_texts")
    monkeypatch.setattr(few_texts, "N_TEXTS", 10)
    (train, codes), (held_out, others) = few_texts.load_first_sentences(SimpleNamespace(folder=tmp_path))
    assert train[:2] == ["This is the 1th post of many.", "This is the 4th post of many."]
    assert np.bincount(codes).tolist() == [5, 5]
    assert len(held_out) == len(others) == 4
    assert not set(train) & set(held_out)


def test_ten_newsgroups_share_no_group(module, setting):
    groups = module("groups")
    first, last = (groups.GROUPS[name][1](setting)[0] for name in ("first-ten", "last-ten"))
    assert set(first.train[1]) == set(last.train[1]) == set(range(10))
    assert all(f"word{code}" in text for text, code in zip(*first.test, strict=True))
    assert all(f"word{code + 10}" in text for text, code in zip(*last.test, strict=True))


def test_sentences_of_a_post_are_on_one_side(module, setting):
    (part,) = module("groups").GROUPS["sentences"][1](setting)
    (whole,) = module("groups").GROUPS["cut"][1](setting)
    assert set(part.train[1]) == set(part.test[1]) == {0, 1, 2}
    for (texts, _), (posts, _) in ((part.train, whole.train), (part.test, whole.test)):
        assert all(any(text in post for post in posts) for text in texts)
        assert not any("quoted" in text for text in texts)
    assert not set(part.train[0]) & set(part.test[0])


def test_missing_data_is_said_in_one_line_and_left_out(module, setting, tmp_path, capsys):
    setting.data = str(tmp_path)
    assert list(module("groups").read_groups(setting, ["cut", "mr", "trec"])) == []
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(" is left out: ")[0] for line in lines] == ["cut", "mr", "trec"]
    assert str(tmp_path / "mr.neg") in lines[1]


def test_own_corpus_is_read_from_two_files(module, setting, tmp_path):
    for name in ("train", "test"):
        (tmp_path / name).write_text("no\tbad \u263a\nyes\tgood\tfilm\n", encoding="utf-8")
    setting.corpus = [f"mine={tmp_path / 'train'},{tmp_path / 'test'}"]
    ((name, (part,)),) = module("groups").read_groups(setting, [])
    assert name == "mine"
    assert (part.train[0].tolist(), part.test[1].tolist()) == (["bad \u263a", "good\tfilm"], [0, 1])
    (tmp_path / "test").write_text("maybe\tsome\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"no training text has.*maybe"):
        list(module("groups").read_groups(setting, []))
    (tmp_path / "test").write_text("no label\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"text 1 of .* has no .* after its label: 'no label'"):
        list(module("groups").read_groups(setting, []))


@pytest.mark.slow
def test_settings_are_chosen_by_folds_even_of_two_texts_a_class(module):
    peers = module("peers")
    texts = np.array(["aa bb", "aa bb cc", "dd aa", "dd ee"], dtype=object)
    for key in ("svc", "nb", "lr"):
        model, options = peers.choose(peers.PEERS[key], texts, np.array([0, 0, 1, 1]))
        assert model.memory is None
        assert ("punctuation" in options) == (model[0].token_pattern == peers.PATTERNS[1])
        value = options.split(", ")[0].split("=")[1]
        assert value == str(model[-1].get_params()["alpha" if key == "nb" else "C"])
        assert ("pairs" in options) == (model[0].ngram_range == (1, 2))


@pytest.mark.slow
def test_large_texts_have_fewer_settings(module, monkeypatch):
    peers = module("peers")
    tried = []

    class Search(peers.GridSearchCV):
        def fit(self, X, y):
            tried.append(
                len(self.param_grid["tfidf__token_pattern"]) * len(self.param_grid["tfidf__ngram_range"])
            )
            return super().fit(X, y)

    monkeypatch.setattr(peers, "GridSearchCV", Search)
    for limit in (1e9, 0):
        monkeypatch.setattr(peers, "MAX_CHARACTERS", limit)
        for key in ("nb", "lr"):
            peers.choose(peers.PEERS[key], np.array(["aa bb", "bb cc"] * 3, dtype=object), np.arange(6) % 2)
    assert tried == [4, 4, 2, 1]


@pytest.mark.slow
def test_pairs_are_chosen_where_only_the_order_tells_the_class(module):
    peers = module("peers")
    texts = np.array(["aa bb", "bb aa"] * 6, dtype=object)
    for key in ("svc", "nb"):
        assert ", pairs" in peers.choose(peers.PEERS[key], texts, np.arange(12) % 2)[1]


@pytest.mark.slow
def test_kim_network_has_kims_layers_and_tries_epochs(module, vector_file, monkeypatch):
    kim = module("kim")
    monkeypatch.setattr(kim, "MIN_STEPS", 0)
    monkeypatch.setattr(kim, "MAX_EPOCHS", 4)
    model = kim.KimClassifier(vector_file).fit(WORDS * 2, np.arange(20) % 4)
    assert 1 <= model.epochs_ <= 12
    n_filters = sum(3 * width * 100 + 100 for width in (3, 4, 5))
    n_rows = len(model.tokenizer_.vocabulary_) + 1
    assert model.model_.count_params() == 3 * n_rows + n_filters + 300 * 4 + 4


@pytest.mark.slow
def test_kim_network_learns_from_vectors_and_starts_other_words_small(module, vector_file, monkeypatch):
    kim = module("kim")
    matrices = []

    def choose_epochs(self, matrix, inputs, targets):
        matrices.append(matrix)
        return 60

    monkeypatch.setattr(kim.KimClassifier, "_choose_epochs", choose_epochs)
    texts = [f"{WORDS[5 * (i % 2) + i % 5]} unknown{i}" for i in range(30)]
    model = kim.KimClassifier(vector_file).fit(texts, np.arange(30) % 2)
    ids = model.tokenizer_.vocabulary_
    matrix = matrices[0]
    assert matrix[ids["sun"]].tolist() == [0.0, 1.0, -0.5]
    assert not matrix[0].any()
    unknown = np.array([matrix[ids[f"unknown{i}"]] for i in range(30)])
    assert 0.2 < np.abs(unknown).max() <= 0.25
    probabilities = model.predict_proba(texts)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    assert (model.predict(texts) == np.arange(30) % 2).mean() > 0.9


@pytest.mark.slow
def test_accuracy_resumes_and_shows_tables_and_charts(module, data, tmp_path, monkeypatch, capsys):
    accuracy = module("accuracy")
    csv = tmp_path / "accuracy.csv"
    command = [
        "--data",
        str(data),
        "--csv",
        str(csv),
        "--models",
        "nb",
        "--only",
        "trec",
        "mr",
        "rare",
    ]
    accuracy.main([*command, "--folds", "1", "--plot", str(tmp_path)])
    shown = capsys.readouterr().out
    for title in ("Accuracy, median", "Log-loss, median", "TREC, questions", "MR, sentences"):
        assert f"### {title}" in shown
    assert "| TF-IDF + ComplementNB | 1.0000 | 1.0000 |" in shown
    monkeypatch.setattr(accuracy, "measure", None)  # nothing is measured again
    accuracy.main([*command, "--folds", "1"])
    accuracy.main(["--csv", str(csv), "--tables"])
    assert capsys.readouterr().out.count("### Accuracy, median") == 2


def result(group, model, run, accuracy, **more):
    return {"group": group, "model": model, "run": run, "accuracy": accuracy, "fit_seconds": 1.0, **more}


def test_tables_give_medians_ranges_and_paired_leads(module):
    rows = [
        result("mr", "skglove", run, 0.8 + run / 100, log_loss=0.4, predict_seconds=0.1) for run in range(3)
    ]
    rows += [result("mr", "other", run, 0.79 + run / 50, predict_seconds=0.1) for run in range(3)]
    shown = module("summary").summarise(rows, ["other", "skglove"])
    # 0.80, 0.81, 0.82 against 0.79, 0.81, 0.83
    assert "| other | 3 | 0.8100 (0.7900 to 0.8300) | +0.0 |  |  | 1.0 | 0.10 |" in shown
    assert "| skglove | 0.400 |" in shown
    assert "| other | 0.8100 |" in shown


def test_learning_curves_are_drawn_and_tabled(module, tmp_path):
    pytest.importorskip("matplotlib")
    rows = [
        result("mr-curve", name, run, 0.5 + size / 10000 + run / 100, size=size)
        for name in ("other", "skglove")
        for size in (20, 100)
        for run in range(3)
    ]
    summary = module("summary")
    assert "| 20 | 0.512 (0.502 to 0.522) | 0.512" in summary.summarise(rows, ["other", "skglove"])
    summary.plot(rows, ["other", "skglove"], tmp_path)
    assert (tmp_path / "learning_curve_mr.png").stat().st_size > 1000


def test_calibration_error_is_the_gap_of_confidence_and_accuracy(module):
    probabilities = np.array([[0.9, 0.1]] * 10)
    error = module("scores").expected_calibration_error(probabilities, np.array([0] * 7 + [1] * 3))
    assert error == pytest.approx(0.2)


def test_gains_are_paired_and_bold_beyond_twice_their_error(module):
    ablation = module("ablation")
    levers = {
        ablation.DEFAULT: {seed: {"accuracy": 0.8 + seed / 10} for seed in range(3)},
        "lever": {
            seed: {"accuracy": 0.79 + seed / 10 + gain} for seed, gain in enumerate([0, 0.001, -0.001])
        },
    }
    mean, twice_error = ablation.gain(levers, "lever", "accuracy", 100)
    assert mean == pytest.approx(-1)
    assert twice_error == pytest.approx(2 * 0.1 / math.sqrt(3))
    assert ablation.write_gain(mean, twice_error) == "**-1.00 ± 0.12**"
    assert ablation.write_gain(0.1, 0.12) == "+0.10 ± 0.12"


def test_ablation_measures_levers_on_parts_of_the_training_texts(module, data, tmp_path, monkeypatch, capsys):
    ablation = module("ablation")
    parts = []

    def measure(model, train, test):
        parts.append((model, train, test))
        accuracy = 0.5 + 0.1 * (model[-1].kernel_size == 1)
        return {"accuracy": accuracy, "log_loss": 1.0, "fit_seconds": 1.0}

    monkeypatch.setattr(ablation, "measure", measure)
    command = ["--data", str(data), "--csv", str(tmp_path / "a.csv"), "--seeds", "2", "--glove", "none.txt"]
    command += ["--only", "mr", "mr-few", "--levers", "kernel_size=1"]
    monkeypatch.setitem(ablation.SOURCES, "mr-few", ("mr", 3))
    ablation.main(command)
    setting = SimpleNamespace(data=str(data), folds=5)
    allowed = set(module("groups").GROUPS["mr"][1](setting)[0].train[0])
    for _, train, test in parts:
        assert set(train[0]) | set(test[0]) <= allowed
        assert not set(train[0]) & set(test[0])
    assert [len(train[1]) for _, train, _ in parts] == [51] * 4 + [6] * 4
    assert "| kernel_size=1 | +10.00 ± 0.00 | +10.00 ± 0.00 |" in capsys.readouterr().out.replace("*", "")


def test_every_lever_changes_something_that_exists(module):
    ablation = module("ablation")
    for of_tokenizer, of_classifier, of_library in ablation.LEVERS.values():
        ablation.GloveTokenizer(**of_tokenizer)
        ablation.KerasConvTextClassifier(**of_classifier)
        assert of_library is None or hasattr(*of_library[:2])


def test_models_are_made_from_vectors_and_a_seed(module):
    accuracy = module("accuracy")
    for model in accuracy.MODELS.values():
        made = model.make("none.txt", 3)
        assert model.grid or 3 in made.get_params().values() or made[-1].random_state == 3
    assert set(accuracy.FEW_MODELS) <= set(accuracy.MODELS)


class Additive:
    """A classifier whose log-odds are the sum of the numbers in a text; it explains itself."""

    classes_ = np.array(["no", "yes"])

    def predict_proba(self, texts):
        log_odds = np.array([sum(map(float, text.split())) for text in texts])
        return np.stack([1 / (1 + np.exp(log_odds)), 1 / (1 + np.exp(-log_odds))], axis=1)

    def explain(self, texts):
        return [
            SimpleNamespace(label="yes", tokens=[*map(self.token, re.finditer(r"\S+", t))]) for t in texts
        ]

    @staticmethod
    def token(match):
        return SimpleNamespace(
            start=match.start(), stop=match.end(), contribution=float(match.group()), known=True
        )


def test_explanations_are_faithful_if_the_log_odds_fall_without_their_top_words(module, monkeypatch):
    explanations = module("explanations")
    texts = ["3 0.5 -1 2.25", "0.125 7 1", "2 2 2 2"]
    pipeline = Additive()
    monkeypatch.setattr(explanations, "fit", lambda *_: (pipeline, texts))
    monkeypatch.setattr(explanations, "explain", lambda _, texts: pipeline.explain(texts))
    monkeypatch.setattr(explanations, "N_TOP", 2)
    rows = []
    for way in explanations.WAYS:
        figures = explanations.measure(SimpleNamespace(glove=""), way, "hybrid", (), ())
        rows.append({"group": "mr", "network": "hybrid", "way": way, **figures})
    ours, exact, chance = rows
    assert ours["fall"] == exact["fall"] == pytest.approx((5.25 + 8 + 4) / 3)
    assert ours["words"] == pytest.approx(11 / 3)
    assert chance["fall"] < ours["fall"]
    assert "| MR, sentences of film reviews: hybrid | 4 | 5.75 | 5.75 |" in explanations.summarise(rows)


def test_serving_is_tabled_with_the_pickle_beside_it(module):
    row = {
        "group": "mr",
        "network": "parallel",
        "texts": 2000,
        "difference": 3e-7,
        "other_labels": 0,
        "size": 20,
    }
    for way, factor in (("exported", 1), ("pickle", 2)):
        row |= {f"{way}_{name}": factor * 100.0 for name in ("start", "megabytes", "one_ms", "per_second")}
    line = module("serving").summarise([row]).splitlines()[-1]
    assert line.startswith(
        "| MR, sentences of film reviews: parallel | 2,000 | 3e-07 | 0 | 20 | 100.00 | 200.00 |"
    )


@pytest.mark.slow
def test_exported_classifiers_are_compared_with_pickled_pipelines_in_processes(module, data, tmp_path):
    pytest.importorskip("onnx")
    serving = module("serving")
    split = module("groups").read_mr(SimpleNamespace(data=str(data)))
    setting = SimpleNamespace(glove=None, keep=None, rounds=1)
    row = serving.measure(setting, "mr", "parallel", SimpleNamespace(train=split, test=split), tmp_path)
    assert row["difference"] < 1e-6
    assert row["other_labels"] == 0
    assert row["texts"] == 80
    assert row["exported_megabytes"] < row["pickle_megabytes"]
    text = serving.summarise([{"group": "mr", "network": "parallel", **row}])
    assert "| MR, sentences of film reviews: parallel | 80 | 0e+00 | 0 |" in text


def test_texts_of_any_number_are_drawn_and_each_part_is_tabled(module, tmp_path):
    scale = module("scale")
    for group in range(20):
        (tmp_path / "20_newsgroup" / f"group{group:02}").mkdir(parents=True)
        text = f"Subject: {group}\n\n" + " ".join(f"Word{group} number {i} here." for i in range(9))
        (tmp_path / "20_newsgroup" / f"group{group:02}" / "1").write_text(text)
    texts, codes = scale.draw_texts(tmp_path, 500)
    assert (len(texts), set(codes)) == (500, set(range(20)))
    assert all(text.count(f"Word{code} ") == 2 for text, code in zip(texts, codes, strict=True))
    row = {"texts": 1000, "tokens": 50_000, "part": "linear", "seconds": 2.0, "peak_megabytes": 1500.0}
    assert scale.summarise([row]).splitlines()[-1].endswith("| 1,000 | 50 | 2.0 | 500 | 25,000 | 1,500 |")
