"""Made-up texts and their word vectors that several modules of tests classify."""

import numpy as np
import pandas as pd

from skglove import load_vectors

TOPICS = {
    "cooking": "kitchen dinner pot stove bread salt oven soup",
    "sport": "goal team match ball league coach player score",
    "music": "song guitar concert band piano singer melody album",
}
COMMON = "the and with very old new three people today"


def draw_texts(n_each, seed, own=slice(None)):
    """Draw texts of eight words, of which three are of their topic.

    Parameters
    ----------
    n_each : int
        Texts of each topic.
    seed : int
        Seed of the draw.
    own : slice
        Which of a topic's words its texts may have.
    """
    rng = np.random.RandomState(seed)
    labels = rng.permutation(np.repeat(list(TOPICS), n_each))
    words = {topic: words.split()[own] for topic, words in TOPICS.items()}
    texts = [
        " ".join(rng.permutation([*rng.choice(words[label], 3), *rng.choice(COMMON.split(), 5)]))
        for label in labels
    ]
    return texts, labels


def topic_vectors():
    """Draw vectors of four numbers. Those of a topic's words lie close together; "oven" has none."""
    rng = np.random.RandomState(0)
    return {
        word: np.round(centre + 0.1 * rng.randn(4), 4)
        for centre, words in zip(np.eye(4), [*TOPICS.values(), COMMON], strict=True)
        for word in words.split()
        if word != "oven"
    }


def draw_reviews():
    """Draw texts and numbers that both tell half of the label: the rest of each is noise.

    Returns
    -------
    frame : DataFrame with the columns "price" and "review"
    labels : ndarray of int
    vectors : WordVectors
    """
    rng = np.random.RandomState(0)
    n = 240
    informed = rng.permutation(n) < n // 2  # the text tells the label, else the number does
    labels = rng.randint(2, size=n)
    tone = np.where(informed, 2 * labels - 1, 0)
    words = {-1: ["bad", "awful", "poor", "dull"], 0: ["table", "chair", "door", "lamp"], 1: ["good", "fine"]}
    texts = [" ".join([*rng.choice(words[t], 2), *rng.choice(words[0], 3)]) for t in tone]
    price = np.where(informed, 0, 2 * labels - 1) * 300.0 + 50 * rng.randn(n)
    frame = pd.DataFrame({"price": price, "review": texts}, index=rng.permutation(n))
    vectors = {
        word: np.append(0.3 * rng.randn(3), 2.0 * sign) for sign, group in words.items() for word in group
    }
    return frame, labels, load_vectors(vectors)
