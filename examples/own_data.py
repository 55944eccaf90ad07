"""Your own texts, from a CSV file to a tuned, explained and saved classifier. Copy this and change it.

    pip install '.[glove,examples]' && python examples/own_data.py
    python examples/own_data.py mine.csv --text review --label stars

The file has a column of texts and a column of labels; a folder with one subfolder of text files for each
label works, too. Without a file, it makes own_data.csv from BBC News as files often are: some texts are
missing, some are there twice, and one class is rare. Writes own_data.png, own_data.html and own_data.joblib
into the current folder. Takes four minutes on 2 cores, nearly all of them in the grid search; with --rows
300 it takes fewer texts, and a minute.
"""

import argparse
import os
from pathlib import Path

# TensorFlow reads this when it is imported, which happens in `fit`.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import joblib
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from sklearn.metrics import ConfusionMatrixDisplay, classification_report
from sklearn.model_selection import GridSearchCV, train_test_split

from skglove import errors, explain, load_text_folders, make_text_classifier, telling_words


def make_csv(path):
    """Write BBC News as a CSV file with the flaws that files have."""
    from bbc_news import load_bbc_news

    news = load_bbc_news()
    table = pd.DataFrame({"text": news.data, "label": np.array(news.target_names)[news.target]})
    table = table.sample(frac=1, random_state=0)
    rare = table["label"] == "entertainment"
    table = pd.concat([table[~rare], table[rare][:50]]).sample(frac=1, random_state=0)
    table.loc[table.index[:40], "text"] = None
    table.to_csv(path, index=False)


def read(path, text, label):
    """Read a CSV file, or a folder of texts, as a table with the columns text and label."""
    if path.is_dir():
        folders = load_text_folders(path)
        return pd.DataFrame({text: folders.data, label: np.array(folders.target_names)[folders.target]})
    return pd.read_csv(path)


def clean(table, text, label):
    """Leave out rows without text or label, and copies, which would be both in training and in test."""
    n_rows = len(table)
    table = table.assign(**{text: table[text].str.strip().replace("", None)}).dropna(subset=[text, label])
    n_filled = len(table)
    table = table.drop_duplicates(subset=text)
    print(
        f"{n_rows} rows; {n_rows - n_filled} without text or label, {n_filled - len(table)} copies left out"
    )
    print(table[label].value_counts().to_string(), "\n")
    return table


def main(arguments=None):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("path", nargs="?", type=Path, help="a CSV file, or a folder of folders")
    parser.add_argument("--text", default="text", help="the column of texts (%(default)s)")
    parser.add_argument("--label", default="label", help="the column of labels (%(default)s)")
    parser.add_argument("--rows", type=int, help="use this many rows (all)")
    options = parser.parse_args(arguments)
    if options.path is None:
        options.path = Path("own_data.csv")
        make_csv(options.path)

    # Clean, and keep a fifth for the test. `stratify` gives the rare class its share of both parts.
    table = clean(read(options.path, options.text, options.label), options.text, options.label)
    table = table[: options.rows]
    train_texts, test_texts, train_labels, test_labels = train_test_split(
        table[options.text],
        table[options.label],
        test_size=0.2,
        stratify=table[options.label],
        random_state=0,
    )

    # Tune. The defaults need no tuning; whether a rare class should count more depends on what you want.
    # "f1_macro" counts all classes the same. More to try: cnn__lexical_weight, tokens__num_words,
    # tokens__vectors with better vectors, such as "glove.6B.100d" after fetch_glove("6B", 100).
    grid = {"cnn__class_weight": [None, "balanced"]}
    search = GridSearchCV(make_text_classifier(random_state=0), grid, cv=3, scoring="f1_macro")
    search.fit(train_texts, train_labels)
    for parameters, score in zip(
        search.cv_results_["params"], search.cv_results_["mean_test_score"], strict=True
    ):
        print(f"{score:.3f}  {parameters}")
    classifier = search.best_estimator_  # fitted on all training texts

    # Evaluate, once, on texts that had no part in the choice.
    predicted = classifier.predict(test_texts)
    print(f"\n{classification_report(test_labels, predicted, digits=3, zero_division=0)}")
    figure = Figure(figsize=(6, 5.5), dpi=100, layout="constrained")
    display = ConfusionMatrixDisplay.from_predictions(
        test_labels, predicted, ax=figure.subplots(), cmap="Blues", colorbar=False, xticks_rotation=45
    )
    display.ax_.set_title(f"{len(test_texts)} test texts: accuracy {np.mean(predicted == test_labels):.3f}")
    figure.savefig("own_data.png")

    # Explain: what the model goes by, where it is wrong, and why. The index is the place in the test texts.
    print(f"What speaks for and against each class:\n{telling_words(classifier, n=3)}")
    misfiled = errors(classifier, test_texts, test_labels)
    print(f"\n{misfiled}")
    chosen = [test_texts.iloc[error.index] for error in misfiled[:5]] or [test_texts.iloc[0]]
    Path("own_data.html").write_text(
        "<!doctype html>\n<title>Why</title>\n"
        + "".join(why.to_html() for why in explain(classifier, chosen))
    )

    # Save the whole pipeline: texts go in, labels come out. A loaded one needs neither vectors nor Keras.
    # A pickle runs code when it is loaded: load only your own, with the same versions of the packages.
    joblib.dump(classifier, "own_data.joblib")
    loaded = joblib.load("own_data.joblib")
    assert (loaded.predict(test_texts) == predicted).all()
    print(f"\nSaved and loaded: own_data.joblib, {Path('own_data.joblib').stat().st_size / 1e6:.0f} MB.")
    print("The confusion matrix is in own_data.png, and why texts were misfiled in own_data.html.")


if __name__ == "__main__":
    main()
