"""Lists of the files of data sets, kept beside this module."""

from pathlib import Path


def listed_checksums(name: str) -> dict[str, str]:
    """Return the MD5 of each file of a data set, by its path in it, as the list NAME.md5 has them."""
    return {path: md5 for md5, path in (line.split("  ", 1) for line in _lines(f"{name}.md5"))}


def listed_test_files(name: str) -> frozenset[str]:
    """Return the paths of the files that make up the test part of a data set, as the list NAME.test has them."""
    return frozenset(_lines(f"{name}.test"))


def _lines(file: str) -> list[str]:
    return Path(__file__).with_name(file).read_text(encoding="utf-8").splitlines()
