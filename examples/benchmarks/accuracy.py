"""Accuracy of skglove, of linear models, fastText and Kim's network, on several corpora.

    pip install '.[glove,examples,benchmarks]'
    python examples/benchmarks/accuracy.py --data DATA --glove glove.6B.100d.txt --csv accuracy.csv
    python examples/benchmarks/accuracy.py --only trec mr --models svc kim skglove --data DATA --csv short.csv
    python examples/benchmarks/accuracy.py --only --corpus mine=train.tsv,test.tsv --csv mine.csv

DATA is a folder with what you downloaded: 20_newsgroup (the original data set: 20 folders, 19,997 posts),
mr.neg and mr.pos (sentences of film reviews, one a line), trec.train and trec.test (questions: "DESC:manner
How ..."), r8.train and r8.test (newswire: label, tab, text). What is not there is left out. BBC News comes as
a package.

Protocol. Vocabulary, IDF, settings and models come from training texts only. skglove has its defaults. The
settings of the linear models are chosen by 3 stratified folds of the training texts, those of fastText on a
third of them, the epochs of Kim's network on a tenth. Splits: 20 Newsgroups shuffled with seed 0, the last
fifth is the test set, as in the blog; TREC and R8 as they come; BBC News and MR in 5 stratified folds,
shuffled with seed 0. On one split, networks are trained with several seeds; on folds and draws each run has
its own seed. Tables give median, minimum and maximum. Fit times cover everything from texts to a fitted
model, but not the choice of settings of linear models and of fastText.

Learning curves draw training texts, as many of every class, as often as there are seeds. The rare classes
have 30 training posts of one newsgroup and 570 of another; the test set has their ratio. Three groups are for
checks on data that nothing was tuned on: two halves of the newsgroups with 100 posts of each, and sentences
labelled by the newsgroup they are from, where no post has sentences in both sets. --corpus adds your own.
"""

from importlib.util import find_spec
from pathlib import Path

from groups import DATA_HELP, GROUPS, add_arguments, read_groups
from peers import PEERS, Model, choose
from results import Results, make_parser, read, show, versions
from scores import measure
from sklearn.pipeline import make_pipeline
from summary import plot, summarise

from skglove import GloveTokenizer, KerasConvTextClassifier


def network(of_tokenizer=None, **of_classifier):
    """Return a maker of skglove's pipeline."""
    return lambda vectors, seed: make_pipeline(
        GloveTokenizer(vectors, **(of_tokenizer or {})),
        KerasConvTextClassifier(random_state=seed, **of_classifier),
    )


MODELS = {
    **PEERS,
    "blog": Model(
        "the blog's network", network({"style": "keras", "num_words": 20_000}, architecture="stacked")
    ),
    "skglove": Model("skglove", network()),
    "scratch": Model("skglove, from scratch", network(pretrained=False)),
    "alone": Model("skglove, the network alone", network(lexical_weight=0.0)),
}
# Of curves, pairs and draws only these.
FEW_MODELS = ["svc", "nb", "lr", "fasttext", "kim", "skglove", "scratch"]
DRAWN = ["curve", "mr-curve", "rare", "first-ten", "last-ten"]


def measure_chosen(model, train, test):
    chosen, options = choose(model, *train)
    return {"options": options, **measure(chosen, train, test)}


def measure_group(report, setting, group, splits):
    """Measure the models that are asked for on every split of a group."""
    keys = [key for key in setting.models if key in FEW_MODELS or group not in DRAWN]
    for part in splits:
        size = {} if part.size is None else {"size": part.size}
        for model in map(MODELS.get, keys):
            if model.grid:
                key = {"group": group, "model": model.name, "run": part.run or 0, **size}
                report.add(key, measure_chosen, model, part.train, part.test)
                continue
            for seed in range(setting.seeds) if part.run is None else [part.run]:
                key = {"group": group, "model": model.name, "run": seed, **size}
                report.add(key, measure_network, model, setting, seed, part)


def measure_network(model, setting, seed, part):
    return measure(model.make(setting.glove, seed), part.train, part.test)


def measure_all(setting):
    """Measure what is asked for; return the rows of all results."""
    about = {"versions": versions("scikit-learn", "numpy", "keras"), "vectors": Path(setting.glove).name}
    report = Results(setting.csv, about)
    if "fasttext" in setting.models and not find_spec("fasttext"):
        print("fastText is left out: it is not installed", flush=True)
        setting.models = [key for key in setting.models if key != "fasttext"]
    for group, splits in read_groups(setting, setting.only):
        measure_group(report, setting, group, splits)
    return report.rows


def main(arguments=None):
    parser = make_parser(__doc__, "accuracy.csv", DATA_HELP)
    add_arguments(parser, list(GROUPS))
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS), help="default: all")
    parser.add_argument("--plot", type=Path, help="folder for charts")
    setting = parser.parse_args(arguments)

    rows = read(setting.csv)[1] if setting.tables else measure_all(setting)
    names = [model.name for model in MODELS.values()]
    show(summarise(rows, names), setting.markdown)
    if setting.plot:
        plot(rows, names, setting.plot)


if __name__ == "__main__":
    main()
