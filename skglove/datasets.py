"""Texts to learn from: folders of text files and the 20 Newsgroups posts."""

import os
import warnings
from pathlib import Path

import numpy as np
from sklearn.datasets import fetch_20newsgroups, get_data_home, load_files
from sklearn.utils import Bunch

__all__ = ["fetch_newsgroups", "load_text_folders"]


def load_text_folders(path, *, encoding="latin-1", decode_error="strict", headers="keep", digits_only=False):
    r"""Load texts from a folder that holds one folder of text files per label.

    Labels are numbered in the sorted order of their folders; texts come in that order and, within a
    label, in the sorted order of their file names, never shuffled. Folders inside a label's folder are
    not entered, and names that begin with a dot (``.git``, ``.DS_Store``) are left out everywhere.
    With ``digits_only=True, headers="strip"`` this is the reading loop of [1]_, text for text.

    Parameters
    ----------
    path : str or path-like
        The folder that holds the labels' folders. A leading ``~`` is the home folder.
    encoding : str, default="latin-1"
        The encoding of the files. The default, that of the 20 Newsgroups posts, reads any byte, so it
        reports nothing when the files are in truth UTF-8: pass ``"utf-8"`` for those.
    decode_error : {"strict", "ignore", "replace"}, default="strict"
        What to do with bytes that are not of this encoding, as in :meth:`bytes.decode`.
    headers : {"keep", "strip"}, default="keep"
        Whether to cut off what stands above the first blank line of each text: in e-mails and newsgroup
        posts the headers, which may name the label. The text then begins with that blank line. A text
        without a blank line, or that begins with one, is left whole.
    digits_only : bool, default=False
        Whether to read only the files whose names are all digits, as those of 20 Newsgroups are.

    Returns
    -------
    bunch : :class:`~sklearn.utils.Bunch`
        With the fields

        data : list of str, length n_texts
            The texts. Every line ends in ``"\n"``, whatever it ended in on disk.
        target : ndarray of shape (n_texts,), int64
            The number of each text's label.
        target_names : list of str, length n_labels
            The labels: the names of the folders, sorted.
        filenames : ndarray of shape (n_texts,), str
            Where each text was read.
        DESCR : str
            A line that says what was loaded.

    Raises
    ------
    FileNotFoundError, NotADirectoryError
        If `path` does not exist or is a file.
    ValueError
        If there is no text to read, or a file is not in `encoding`; the message names the file.

    Warns
    -----
    UserWarning
        If some, not all, of the folders hold no text. Their labels keep their numbers.

    See Also
    --------
    fetch_newsgroups : The 20 Newsgroups posts, downloaded, in the same form.
    sklearn.datasets.load_files : Bytes or texts of a folder, shuffled by default.

    References
    ----------
    .. [1] F. Chollet, "Using pre-trained word embeddings in a Keras model", The Keras Blog, 2016.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from skglove.datasets import load_text_folders
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for label, text in [("sport", "Subject: cup\n\nA goal!"), ("food", "Subject: pie\n\nBake it.")]:
    ...         (Path(folder) / label).mkdir()
    ...         _ = (Path(folder) / label / "1.txt").write_text(text)
    ...     bunch = load_text_folders(folder, headers="strip")
    >>> bunch.data
    ['\n\nBake it.', '\n\nA goal!']
    >>> bunch.target, bunch.target_names
    (array([0, 1]), ['food', 'sport'])
    """
    _check_headers(headers)
    root = os.path.expanduser(path)
    if not os.path.isdir(root):
        _raise_not_a_folder(root)
    # load_files lists the folders and files, in order and with their labels. Its texts do not serve: they
    # keep "\r\n", a folder inside a label's is read as a file, and an undecodable file is not named.
    labels = [name for name in os.listdir(root) if not name.startswith(".")]
    listing = load_files(root, categories=labels, load_content=False, shuffle=False)
    wanted = [_is_wanted(file, digits_only) for file in listing.filenames]
    filenames = listing.filenames[wanted]
    target = listing.target[wanted].astype(np.int64)
    _check_filled(root, listing.target_names, target, digits_only)
    texts = [_read_text(file, encoding, decode_error) for file in filenames.tolist()]
    return _as_bunch(texts, target, listing.target_names, filenames, headers, f"the files in {root}")


def fetch_newsgroups(*, subset="all", headers="keep", data_home=None, download_if_missing=True):
    r"""Load the 20 Newsgroups posts, downloaded by scikit-learn where they are not yet.

    The posts are scikit-learn's "bydate" version [1]_: 18,846 posts without duplicates and with few of
    their header lines, in which the line ``Newsgroups:``, the label itself, is missing. A classifier is
    thus not comparable with one trained on the 19,997 posts of [2]_, which have it.

    Parameters
    ----------
    subset : {"all", "train", "test"}, default="all"
        The posts to load: 11,314 of earlier date to train on, 7,532 of later date to test on, or all.
    headers : {"keep", "strip"}, default="keep"
        As in :func:`load_text_folders`, and by the same rule. scikit-learn's ``remove=("headers",)``
        differs: it empties a post without a blank line, and drops the blank line itself.
    data_home : str or path-like, default=None
        scikit-learn's data folder, by default ``~/scikit_learn_data``.
    download_if_missing : bool, default=True
        Whether to download (14 MB) posts that are not in `data_home`.

    Returns
    -------
    bunch : :class:`~sklearn.utils.Bunch`
        As :func:`load_text_folders` returns: `data`, `target`, `target_names`, `filenames` and `DESCR`;
        sorted by label, then by file name. The files themselves are not kept by scikit-learn.

    Raises
    ------
    OSError
        If the posts are neither in `data_home` nor could be downloaded.

    See Also
    --------
    load_text_folders : The same from a folder of files.
    sklearn.datasets.fetch_20newsgroups : What fetches them.

    References
    ----------
    .. [1] http://qwone.com/~jason/20Newsgroups/
    .. [2] F. Chollet, "Using pre-trained word embeddings in a Keras model", The Keras Blog, 2016.

    Examples
    --------
    >>> from skglove.datasets import fetch_newsgroups
    >>> bunch = fetch_newsgroups(subset="train", headers="strip")  # doctest: +SKIP
    >>> len(bunch.data), bunch.target_names[:2]  # doctest: +SKIP
    (11314, ['alt.atheism', 'comp.graphics'])
    """
    _check_headers(headers)
    try:
        posts = fetch_20newsgroups(
            data_home=data_home, subset=subset, shuffle=False, download_if_missing=download_if_missing
        )
    except OSError as error:
        raise OSError(
            f"The 20 Newsgroups posts are not in {get_data_home(data_home)} and could not be downloaded "
            f"({error}). Try again with a connection and download_if_missing=True, or unpack them from "
            "http://qwone.com/~jason/20Newsgroups/ and read them with load_text_folders."
        ) from error
    # scikit-learn keeps the posts in the shuffled order in which it once read them.
    names = [os.path.basename(file) for file in posts.filenames]
    order = np.lexsort((names, posts.target))
    texts = [posts.data[i] for i in order]
    origin = f'the "{subset}" posts of 20 Newsgroups, by scikit-learn'
    return _as_bunch(texts, posts.target[order], posts.target_names, posts.filenames[order], headers, origin)


def _check_headers(headers):
    if headers not in ("keep", "strip"):
        raise ValueError(f'headers must be "keep" or "strip", got {headers!r}.')


def _raise_not_a_folder(root):
    if os.path.exists(root):
        raise NotADirectoryError(
            f"{root} is a file; load_text_folders reads a folder of folders, one a label."
        )
    raise FileNotFoundError(f"There is no folder {root} (looked for from {os.getcwd()}).")


def _is_wanted(file, digits_only):
    name = os.path.basename(file)
    return (name.isdigit() if digits_only else not name.startswith(".")) and not os.path.isdir(file)


def _check_filled(root, names, target, digits_only):
    kind = "file whose name is all digits" if digits_only else "file"
    if not names:
        raise ValueError(f"{root} holds no folders. It must hold one folder of text files for each label.")
    if not len(target):
        hint = " Pass digits_only=False to read files of any name." if digits_only else ""
        raise ValueError(f"None of the {len(names)} folders in {root} holds a {kind}.{hint}")
    empty = [name for label, name in enumerate(names) if label not in set(target.tolist())]
    if empty:
        warnings.warn(f"These folders in {root} hold no {kind}: {empty}.", stacklevel=3)


def _read_text(file, encoding, decode_error):
    try:
        return Path(file).read_text(encoding=encoding, errors=decode_error)
    except UnicodeDecodeError as error:
        byte = error.object[error.start]
        raise ValueError(
            f"{file} is not {encoding}: byte 0x{byte:02x} at position {error.start} ({error.reason}). Pass "
            'the encoding that it is in ("latin-1" reads any byte), or decode_error="replace".'
        ) from error


def _strip_headers(text):
    end = text.find("\n\n")
    return text[end:] if end > 0 else text


def _as_bunch(texts, target, names, filenames, headers, origin):
    """Give texts of either source the same fields."""
    return Bunch(
        data=[_strip_headers(text) for text in texts] if headers == "strip" else texts,
        target=target,
        target_names=names,
        filenames=filenames,
        DESCR=f"{len(texts)} texts with {len(names)} labels, headers={headers!r}: {origin}.",
    )
