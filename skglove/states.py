"""Which versions wrote a pickled estimator, and whether they are the ones that read it."""

import importlib.metadata
import sys
import warnings
from functools import lru_cache

import sklearn
from sklearn.exceptions import InconsistentVersionWarning

# What states of before versions were stored are from.
FIRST_VERSIONS = {"skglove": "0.1.0"}


def current_versions(*packages):
    """Look up the versions of packages, without importing them.

    Parameters
    ----------
    *packages : str
        Their names.

    Returns
    -------
    versions : dict of str to str
        By name, without those that are not installed.
    """
    versions = {name: _version(name) for name in packages}
    return {name: version for name, version in versions.items() if version is not None}


def _version(name):
    # A module knows best. What is installed may have another name, as tensorflow-cpu has.
    module = sklearn if name == "scikit-learn" else sys.modules.get(name)
    return getattr(module, "__version__", None) or _installed_version(name)


@lru_cache
def _installed_version(name):
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def describe(versions):
    """Write versions in one line.

    Parameters
    ----------
    versions : dict of str to str
        By name of the package.

    Returns
    -------
    line : str
        Such as "skglove 0.1.0, scikit-learn 1.9.1".
    """
    return ", ".join(f"{name} {version}" for name, version in versions.items())


def warn_of_other_versions(name, written):
    """Warn if a state was written by another minor version of a package than the one that reads it.

    Parameters
    ----------
    name : str
        Class of what is read.
    written : dict of str to str
        Versions that wrote it, by name of the package.
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
    """Mixin of estimators whose pickled states hold the versions that wrote them.

    Loading a state of another minor version of skglove or scikit-learn warns.
    """

    def __getstate__(self):
        return {**super().__getstate__(), "_versions": current_versions("skglove", "scikit-learn")}

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
