"""Another language, with word vectors of your own: trained by gensim on plain text, used by skglove.

    pip install '.[examples]' gensim && python examples/other_language.py
    python examples/other_language.py corpus.txt labelled.csv --vectors vectors.txt

German is the example. corpus.txt has a sentence a line, without labels: the more, the better; a million lines
make good vectors. labelled.csv has the columns text and label. Without them, the script makes sentences of a
small German vocabulary about kitchen, sport and weather. It trains the vectors on all of them, without
labels; the classifier learns from sentences of a third of the words, and is tested on sentences of the
others. Prints words near to others, and the accuracy with the vectors and without. Takes ten seconds on 2
cores.
"""

import argparse
import os
import re
from functools import partial
from itertools import product

# TensorFlow reads this when it is imported, which happens in `fit`.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import pandas as pd
from gensim.models import Word2Vec
from sklearn.model_selection import train_test_split

from skglove import WordVectors, make_text_classifier

# Who, does, what.
SENTENCES = {
    "Küche": (
        "die Köchin|der Koch|die Bäckerin|der Bäcker|meine Großmutter|der Küchenchef",
        "kocht|rührt|würzt|serviert|schneidet|probiert",
        "die Suppe|den Kuchen|das Gemüse|die Soße|den Braten|die Klöße",
    ),
    "Sport": (
        "der Stürmer|die Torhüterin|der Trainer|die Mannschaft|der Verteidiger|die Läuferin",
        "gewinnt|verliert|entscheidet|beendet|verfolgt|eröffnet",
        "das Spiel|den Wettkampf|das Rennen|die Meisterschaft|das Finale|das Turnier",
    ),
    "Wetter": (
        "der Regen|der Sturm|die Sonne|der Schnee|das Gewitter|der Nebel",
        "überrascht|überquert|erreicht|bedeckt|verlässt|streift",
        "die Küste|das Gebirge|den Norden|die Alpen|das Tal|den Süden",
    ),
}
FRAMES = ["heute {1} {0} {2}", "{0} {1} {2} am Abend", "wieder {1} {0} {2}", "gegen Mittag {1} {0} {2} noch"]


def split_words(text):
    """Split a text into words, which keep their capitals: in German they tell nouns from verbs."""
    return re.findall(r"\w+", text)


def make_sentences(words):
    """Make all sentences of some of the words: `slice(2)` stands for the first two of each group."""
    rows = [
        (frame.format(*parts), label)
        for label, groups in SENTENCES.items()
        for parts in product(*(group.split("|")[words] for group in groups))
        for frame in FRAMES
    ]
    return pd.DataFrame(rows, columns=["text", "label"])


def main(arguments=None):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("corpus", nargs="?", help="a text file, one sentence a line")
    parser.add_argument("labelled", nargs="?", help="a CSV file with the columns text and label")
    parser.add_argument("--vectors", help="save the vectors to this file")
    options = parser.parse_args(arguments)
    if (options.corpus is None) != (options.labelled is None):
        parser.error("give a corpus and a file of labelled texts, or neither")

    # 1. Vectors, from texts without labels. One thread and a seed give the same vectors each time.
    if options.corpus:
        with open(options.corpus, encoding="utf-8") as lines:
            sentences = [split_words(line) for line in lines]
        train, test = train_test_split(pd.read_csv(options.labelled), test_size=0.2, random_state=0)
    else:
        sentences = [split_words(text) for text in make_sentences(slice(6))["text"]]
        train, test = make_sentences(slice(2)), make_sentences(slice(2, 6))
    order = np.random.RandomState(0).permutation(len(sentences))
    model = Word2Vec(
        [sentences[i] for i in order], vector_size=50, min_count=2, epochs=10, sg=1, workers=1, seed=0
    )
    vectors = WordVectors.from_gensim(model.wv)
    print(f"Vectors of {len(vectors)} words, trained on {len(sentences)} sentences")
    for word in model.wv.index_to_key[20:60:8]:
        print(f"  near to {word}: {', '.join(near for near, _ in vectors.nearest(word, n=4))}")
    if options.vectors:
        vectors.save(options.vectors)  # later: make_text_classifier("vectors.txt", ...)

    # 2. The classifier. `style` must split as the texts were split for the vectors. It is a function with a
    # name, not a lambda, so that the classifier can be pickled.
    print(f"\nAccuracy on {len(test)} sentences, learned from {len(train)}")
    make = partial(make_text_classifier, style=split_words, random_state=0)
    for name, source in {"own vectors": vectors, "no vectors": None}.items():
        classifier = make(vectors=source).fit(train["text"], train["label"])
        print(f"  {classifier.score(test['text'], test['label']):.3f}  {name}", flush=True)


if __name__ == "__main__":
    main()
