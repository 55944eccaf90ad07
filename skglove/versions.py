"""Versions in pickles: a warning where other versions read an estimator than wrote it."""

import importlib.metadata
import sys
import warnings
from functools import lru_cache

import sklearn
from sklearn.exceptions import InconsistentVersionWarning

from skglove.states import without_memory_maps

# Release 0.1.0 did not store versions.
FIRST_VERSIONS = {"skglove": "0.1.0"}


def current_versions(*packages):
    """Look up versions of packages without importing them.

    Parameters
    ----------
    *packages : str
        Their names.

    Returns
    -------
    versions : dict of str to str
        Versions by package name, without packages that are not installed.
    """
    versions = {name: _version(name) for name in packages}
    return {name: version for name, version in versions.items() if version is not None}


def _version(name):
    # An imported module is the best source: its distribution may have another name, as tensorflow-cpu has.
    module = sklearn if name == "scikit-learn" else sys.modules.get(name)
    return getattr(module, "__version__", None) or _installed_version(name)


@lru_cache
def _installed_version(name):
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def describe(versions):
    """Format versions as one line.

    Parameters
    ----------
    versions : dict of str to str
        Versions by package name.

    Returns
    -------
    line : str
        Such as "skglove 0.1.0, scikit-learn 1.9.1".
    """
    return ", ".join(f"{name} {version}" for name, version in versions.items())


def warn_of_other_versions(name, written):
    """Warn if another minor version of a package wrote a state than the current one.

    Parameters
    ----------
    name : str
        Class of the estimator, for the message.
    written : dict of str to str
        Versions that wrote the state, by package name.
    """
    current = current_versions(*written)
    differ = [
        package for package in current if current[package].split(".")[:2] != written[package].split(".")[:2]
    ]
    if differ:
        warnings.warn(
            InconsistentVersionWarning(
                estimator_name=name,
                current_sklearn_version=describe({package: current[package] for package in differ}),
                original_sklearn_version=describe({package: written[package] for package in differ}),
            ),
            stacklevel=3,
        )


class Versioned:
    """Mixin for estimators: pickles store the versions of skglove and scikit-learn.

    Loading a pickle of another minor version warns.
    """

    def __getstate__(self):
        versions = current_versions("skglove", "scikit-learn")
        return without_memory_maps(super().__getstate__()) | {"_versions": versions}

    def __setstate__(self, state):
        name, state = type(self).__name__, dict(state)
        written = state.pop("_versions", FIRST_VERSIONS)
        warn_of_other_versions(name, written)
        try:
            self._read_state(state)
        except Exception as error:
            raise ValueError(
                f"This state of {name} was written by {describe(written)} and cannot be read by "
                f"{describe(current_versions(*written))}. Install the versions that wrote it, or fit again. "
                f"({type(error).__name__}: {str(error)[:200]})"
            ) from error

    def _read_state(self, state):
        super().__setstate__(state)
