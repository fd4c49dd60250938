"""Tests of the titles of tasks, which reports and records carry: each says which data it is of."""

from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import pytest

from glimpse.envs import ENVIRONMENTS
from glimpse.envs.options import TaskOptions, data_title


def options(name: str, **given: Any) -> TaskOptions:
    """Return the options of a task."""
    kind: type[TaskOptions] = resolve_name(ENVIRONMENTS[name].options)
    return kind.model_validate({"name": name, **given})


@pytest.mark.parametrize(
    ("data", "title"),
    [
        ("folder:/home/me/pets", "pets"),
        ("folder:pets/", "pets"),
        ("file:../texts/reviews.csv", "reviews.csv"),
        ("torchvision:CIFAR10", "CIFAR10"),
        ("fashion-mnist", "fashion-mnist"),
    ],
)
def test_titles_of_data_have_no_path(data: str, title: str) -> None:
    """A user's own folder or file has its own name alone."""
    assert data_title(data) == title


@pytest.mark.parametrize(
    "name", [name for name in ENVIRONMENTS if "data" in resolve_name(ENVIRONMENTS[name].options).model_fields]
)
def test_other_data_have_another_title(name: str, tmp_path: Path) -> None:
    """For every environment with data, a result of other data has another title, which names them without a path."""
    usual = ENVIRONMENTS[name].defaults.get("data")
    titles = {options(name, **({"data": usual} if usual else {"data": "mnist"})).title}
    tried = 1
    for data, shown in (
        ("digits", "digits"),
        ("fashion-mnist", "fashion-mnist"),
        (f"folder:{tmp_path}/pets", "pets"),
        ("trec", "trec"),
        ("subj", "subj"),
        (f"file:{tmp_path}/reviews.csv", "reviews.csv"),
        ("reverse", "reverse"),
        (f"file:{tmp_path}/speech", "speech"),
    ):
        try:
            other = options(name, data=data)
        except ValueError:  # Data of another kind.
            continue
        if data != usual:
            titles.add(other.title)
            tried += 1
            assert shown in other.title and str(tmp_path) not in other.title
    assert tried >= 2 and len(titles) == tried
