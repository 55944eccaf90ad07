"""What accuracy.py and ablation.py measure on: groups of splits of the corpora into training and test texts.

A corpus comes as one split, with which networks are trained with several seeds; or as folds, draws or pairs,
each with a seed of its own.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from corpus import find, read_bbc_news, read_labelled, read_lines, read_newsgroups, split
from sklearn.model_selection import StratifiedKFold

SENTENCE_GROUPS = ["rec.autos", "sci.space", "talk.politics.guns"]


@dataclass(frozen=True)
class Split:
    """Training and test set, each a pair of an array of texts and an array of integer labels.

    `run` is the number of the fold, draw or pair; None if this split is the only one.
    """

    train: tuple
    test: tuple
    run: int | None = None
    size: int | None = None


def newsgroups(headers):
    def make(setting):
        posts = read_newsgroups(setting.data, headers)
        texts = np.array(posts.data, dtype=object)
        return [Split(*((texts[rows], posts.target[rows]) for rows in split(len(texts))))]

    return make


def folds(read):
    def make(setting):
        texts, codes = read(setting)
        cv = StratifiedKFold(5, shuffle=True, random_state=0).split(texts, codes)
        return [
            Split((texts[train], codes[train]), (texts[test], codes[test]), run)
            for run, (train, test) in enumerate(cv)
        ][: setting.folds]

    return make


def read_bbc(_):
    news = read_bbc_news()
    return np.array(news.data, dtype=object), news.target


def read_mr(setting):
    parts = [read_lines(find(setting.data, name)) for name in ("mr.neg", "mr.pos")]
    return np.array([*parts[0], *parts[1]], dtype=object), np.repeat([0, 1], [len(part) for part in parts])


def read_trec(path):
    # "DESC:manner How did ..." has the label DESC.
    texts, labels = read_labelled(path, " ")
    return texts, [label.split(":")[0] for label in labels]


def split_of(train, test):
    """Make a split of texts with labels of any kind."""
    classes = np.unique(train[1])
    strange = sorted(set(test[1]) - set(train[1]))
    if strange:
        raise ValueError(f"labels of the test texts that no training text has: {strange[:5]}")
    sets = [(np.array(texts, dtype=object), np.searchsorted(classes, y)) for texts, y in (train, test)]
    return Split(*sets)


def trec(setting):
    return [split_of(*(read_trec(find(setting.data, f"trec.{part}")) for part in ("train", "test")))]


def r8(setting):
    return [split_of(*(read_labelled(find(setting.data, f"r8.{part}")) for part in ("train", "test")))]


def draw(codes, n, seed):
    """Draw `n` texts of every class."""
    order = np.random.RandomState(1000 + seed).permutation(len(codes))
    return np.concatenate([order[codes[order] == code][:n] for code in range(codes.max() + 1)])


def draws(of, sizes, setting, per_class=True):
    """Draw training sets of several sizes from a split, as many of each as there are seeds."""
    texts, codes = of.train
    for size in sizes:
        for run in range(setting.seeds):
            rows = draw(codes, size if per_class else size // (codes.max() + 1), run)
            yield Split((texts[rows], codes[rows]), of.test, run, size)


def newsgroups_curve(setting):
    return list(draws(newsgroups("strip")(setting)[0], CURVES["curve"], setting))


def mr_curve(setting):
    return list(draws(folds(read_mr)(setting)[0], CURVES["mr-curve"], setting, per_class=False))


def rare(setting):
    """Pair two newsgroups ten times, 570 posts of one and 30 of the other; the test set has their ratio."""
    whole = newsgroups("strip")(setting)[0]
    splits = []
    for pair in range(10):
        common, other = np.random.RandomState(pair).choice(20, 2, replace=False)
        parts = []
        for (texts, codes), n in ((whole.train, 570), (whole.test, 190)):
            rows = np.append(np.flatnonzero(codes == common)[:n], np.flatnonzero(codes == other)[: n // 19])
            parts.append((texts[rows], (codes[rows] == other).astype(int)))
        splits.append(Split(*parts, pair))
    return splits


def ten_newsgroups(first):
    """Take ten of the newsgroups, from the one with the number `first`, and draw 100 posts of each."""

    def make(setting):
        whole = newsgroups("strip")(setting)[0]
        parts = []
        for texts, codes in (whole.train, whole.test):
            kept = (codes >= first) & (codes < first + 10)
            parts.append((texts[kept], codes[kept] - first))
        return [Split(part.train, part.test, part.run) for part in draws(Split(*parts), [100], setting)]

    return make


def sentences(setting):
    """Label sentences by their newsgroup. No post has sentences in both sets."""
    posts = read_newsgroups(setting.data)
    parts, seen = [], set()
    for rows, n in zip(split(len(posts.data)), (2000, 500), strict=True):
        texts, codes = [], []
        for code, name in enumerate(SENTENCE_GROUPS):
            found = []
            for row in rows[posts.target[rows] == posts.target_names.index(name)]:
                # Lines that quote another post would carry training sentences into the test set.
                own = re.sub(r"(?m)^\s*[>|:].*$", "", posts.data[row])
                cut = [" ".join(part.split()) for part in re.split(r"(?<=[.!?])\s+|\n\s*\n", own)]
                found += [text for text in dict.fromkeys(cut) if text not in seen and len(text.split()) >= 5]
                seen.update(cut)
            kept = np.random.RandomState(0).permutation(len(found))[:n]
            texts += [found[at] for at in kept]
            codes += [code] * len(kept)
        parts.append((np.array(texts, dtype=object), np.array(codes)))
    return [Split(*parts)]


def own_corpus(files):
    """Make the group of a user's files of training and test texts, a label, a tab and a text a line."""

    def make(_):
        train, test = (read_labelled(Path(name), encoding="utf-8") for name in files.split(","))
        return [split_of(train, test)]

    return make


# The sizes of the training sets: posts a class, and sentences in all.
CURVES = {"curve": [2, 5, 10, 20, 50, 100, 400], "mr-curve": [20, 100, 500, 2000]}
# Of each group, its title and what makes its splits.
GROUPS = {
    "cut": ("20 Newsgroups, headers cut", newsgroups("strip")),
    "kept": ("20 Newsgroups, headers kept", newsgroups("keep")),
    "bbc": ("BBC News", folds(read_bbc)),
    "mr": ("MR, sentences of film reviews", folds(read_mr)),
    "trec": ("TREC, questions", trec),
    "r8": ("R8, newswire", r8),
    "first-ten": ("20 Newsgroups, groups 1 to 10, 100 posts of each", ten_newsgroups(0)),
    "last-ten": ("20 Newsgroups, groups 11 to 20, 100 posts of each", ten_newsgroups(10)),
    "sentences": ("Sentences of three newsgroups", sentences),
    "rare": ("Ten pairs of a rare and a common newsgroup", rare),
    "curve": ("20 Newsgroups, headers cut, by training posts a class", newsgroups_curve),
    "mr-curve": ("MR, by training sentences in all", mr_curve),
}


def read_groups(setting, names):
    """Yield the name and the splits of each group whose data is there; say which are left out."""
    own = dict(corpus.split("=", 1) for corpus in setting.corpus)
    makers = {name: make for name, (_, make) in GROUPS.items() if name in names}
    makers |= {name: own_corpus(files) for name, files in own.items()}
    for name, make in makers.items():
        try:
            splits = make(setting)
        except (FileNotFoundError, ModuleNotFoundError) as error:
            print(f"{name} is left out: {error}", flush=True)
            continue
        yield name, splits


def add_arguments(parser, groups):
    """Add the arguments that choose groups to a command."""
    parser.add_argument("--only", nargs="*", choices=groups, default=groups, help="groups (default: all)")
    parser.add_argument(
        "--corpus",
        action="append",
        default=[],
        metavar="NAME=TRAIN.TSV,TEST.TSV",
        help="measure a corpus of your own too; a line is a label, a tab and a text; may be repeated",
    )
    parser.add_argument("--folds", type=int, default=5, help="of BBC News and MR, the first (%(default)s)")
    parser.add_argument("--seeds", type=int, default=3, help="of a network, and draws (%(default)s)")


DATA_HELP = "folder with 20_newsgroup, mr.neg, mr.pos, trec.train, trec.test, r8.train and r8.test"
