"""Account of a training's examples: how many of which class are in which split, and what looks wrong with them."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from glimpse.envs.core import counts_classes, has_fingerprints, suggests_option

_SHOWN = 6
"""Number of classes that are counted one by one."""
_RARE = 0.25
"""Share of the mean class below which a class is called rare."""


def describe_examples(train: Any, validation: Any, test: Any = None, *, own: bool) -> list[str]:
    """Return lines for the user: the classes with their numbers of examples, then warnings.

    Args:
        train: environment of the training split.
        validation: environment of the validation split.
        test: environment of the test split, to look for its examples in the others; None leaves it out.
        own: whether the data are the user's own, so that equal examples are looked for.
    """
    lines: list[str] = []
    if counts_classes(train) and counts_classes(validation):
        counts = {"train": train.class_counts(), "validation": validation.class_counts()}
        if all(counts.values()):
            lines = [_counted(counts), *map(_warning, _odd_classes(counts))]
    if suggests_option(train) and (suggestion := train.suggested_option()):
        lines.append(_warning(suggestion))
    if own:
        lines += map(_warning, _equal_examples(train, {"validation": validation, "test": test}))
    return lines


def _warning(text: str) -> str:
    return f"warning: {text}"


def _counted(counts: Mapping[str, Mapping[str, int]]) -> str:
    """Return the numbers of examples of both splits by class, or their ranges where there are many classes."""
    number = len(counts["train"])
    parts = []
    for split, each in counts.items():
        if number <= _SHOWN:
            listed = ", ".join(f"{count:,} {name}" for name, count in each.items())
        else:
            listed = f"{min(each.values()):,} to {max(each.values()):,} of a class"
        parts.append(f"{split} {sum(each.values()):,} ({listed})")
    return f"{number} class{'es' * (number > 1)}: {', '.join(parts)}"


def _odd_classes(counts: Mapping[str, Mapping[str, int]]) -> list[str]:
    """Say which names differ by letter case or spaces only, which classes are rare, and which are missing."""
    train = counts["train"]
    alike = defaultdict(list)
    for name in train:
        alike["".join(name.split()).casefold()].append(name)
    found = [
        f"classes {_listed(names)} differ in letter case or spaces only: if they are one class, give it one name"
        for names in alike.values()
        if len(names) > 1
    ]
    total, mean = sum(train.values()), sum(train.values()) / len(train)
    rare = [f"{name!r} ({count:,})" for name, count in train.items() if 0 < count < _RARE * mean]
    if rare:
        found.append(f"few of the {total:,} training examples have the class {_joined(rare)}: it may never be answered")
    for split, each in counts.items():
        missing = [name for name, count in each.items() if not count]
        if missing:
            found.append(f"no {split} example has the class {_listed(missing)}")
    return found


def _equal_examples(train: Any, others: Mapping[str, Any]) -> list[str]:
    """Say how many examples of other splits are in training too, and how many training examples have several labels."""
    if not has_fingerprints(train):
        return []
    (seen, label), found = train.fingerprints(), []
    for split, env in others.items():
        held = env.fingerprints()[0] if has_fingerprints(env) else seen[:0]
        if both := int(torch.isin(held, seen).sum()):
            found.append(f"{both:,} of {len(held):,} {split} examples are also in train: their error will be too low")
    group = seen.unique(return_inverse=True)[1]
    lowest = torch.full((int(group.max()) + 1,), torch.inf).scatter_reduce(0, group, label.float(), "amin")
    highest = torch.full_like(lowest, -torch.inf).scatter_reduce(0, group, label.float(), "amax")
    several = int((lowest != highest)[group].sum())
    if several:
        found.append(f"{several:,} of {len(seen):,} training examples are equal to one that has another label")
    return found


def _listed(names: Sequence[str]) -> str:
    return _joined([repr(name) for name in names])


def _joined(parts: Sequence[str]) -> str:
    """Join words, of which at most ten are shown."""
    return ", ".join(parts[:10]) + (f" and {len(parts) - 10} more" if len(parts) > 10 else "")
