"""Data that come with scikit-learn, found without importing it, which takes longer than to read them."""

from importlib.util import find_spec
from pathlib import Path


def scikit_learn_file(name: str) -> Path:
    """Return a file of scikit-learn's own data sets, by its path within their folder, such as `data/digits.csv.gz`."""
    found = find_spec("sklearn")
    if found is None or not found.submodule_search_locations:
        raise ModuleNotFoundError("No module named 'sklearn'", name="sklearn")
    return Path(found.submodule_search_locations[0], "datasets", name)
