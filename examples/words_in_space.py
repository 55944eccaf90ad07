"""Words in two dimensions, and relationships between them as arrows: what GloVe's vectors know.

    pip install '.[glove,examples]' && python examples/words_in_space.py

In an ideal embedding space, says the Keras blog, the path between "kitchen" and "dinner" captures their
relationship, "where x occurs", and the same path leads from "office" to "work". This script measures how
alike such paths are, and writes words_in_space.png into the current folder. GloVe's vectors know little of
where things occur, and much of what is female or male. It takes a few seconds.
"""

import numpy as np
from matplotlib.figure import Figure

from skglove import WordVectorsDisplay, load_vectors

PAIRS = {
    "places, and what people do there": [
        ("kitchen", "dinner"),
        ("office", "work"),
        ("bedroom", "sleep"),
        ("classroom", "lesson"),
    ],
    "men and women": [
        ("king", "queen"),
        ("man", "woman"),
        ("uncle", "aunt"),
        ("brother", "sister"),
        ("actor", "actress"),
    ],
}

vectors = load_vectors("glove.6B.50d")
figure = Figure(figsize=(11, 4.5), dpi=100, layout="constrained")
for (title, pairs), ax in zip(PAIRS.items(), figure.subplots(1, 2), strict=True):
    a, b = pairs[0]
    path = vectors[b] - vectors[a]
    print(f"\n{title}: cosine similarity with the path from {a} to {b}")
    for c, d in pairs[1:]:
        other = vectors[d] - vectors[c]
        similarity = path @ other / np.linalg.norm(path) / np.linalg.norm(other)
        answers = [word for word, _ in vectors.analogy(b, a, c, n=3)]
        print(f"  {similarity:5.2f}  from {c} to {d}; the vectors say to {', '.join(answers)}")
    WordVectorsDisplay.from_vectors(vectors, pairs=pairs, ax=ax)
    ax.set_title(title)
figure.savefig("words_in_space.png")
print("\nThe words are in words_in_space.png.")
