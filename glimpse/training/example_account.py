"""Account of a training's examples: how many of which class are in which split, and what looks wrong with them.

Where examples may have several labels, each label counts as a class does, and an example may count several times.
"""

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
            several = bool(getattr(train, "many", False))
            splits: dict[str, Any] = {"train": train, "validation": validation}
            totals = {
                split: splits[split].examples if several else sum(each.values()) for split, each in counts.items()
            }
            word = "label" if several else "class"
            lines = [_counted(counts, totals, word), *map(_warning, _odd_classes(counts, totals["train"], word))]
            if own and not several:
                lines += map(_warning, _joined_classes(counts["train"]))
    if suggests_option(train) and (suggestion := train.suggested_option()):
        lines.append(_warning(suggestion))
    if own:
        lines += map(_warning, _equal_examples(train, {"validation": validation, "test": test}))
    return lines


def describe_parts(examples: Mapping[str, int], data: str, held_out: Sequence[str]) -> str:
    """Return a line that says how many of the user's own examples each split has, and which were held out.

    Args:
        examples: number of examples by the name of the split.
        data: the option that names the data, as folder:PATH.
        held_out: options of the task that would name other parts; see `TaskOptions.held_out`.
    """
    names = ["training", *list(examples)[1:]]
    line = f"{' / '.join(f'{count:,}' for count in examples.values())} examples for {', '.join(names)}"
    if not held_out:
        return line
    options = " and ".join(f"task.{part}={data.partition(':')[0]}:PATH" for part in held_out)
    were, give = ("was", "names others") if len(held_out) == 1 else ("were", "name others")
    return f"{line}; {' and '.join(held_out)} {were} held out of training ({options} {give})"


def _warning(text: str) -> str:
    return f"warning: {text}"


def _joined_classes(train: Mapping[str, int]) -> list[str]:
    """Say if names of classes look like several labels that are joined by |."""
    found = next(
        (name for name in train if "|" in name and any(part.strip() in train for part in name.split("|"))), None
    )
    if found is None:
        return []
    return [f"the class {found!r} is taken as one: if an example may have several labels, set task.labels=many"]


def _counted(counts: Mapping[str, Mapping[str, int]], totals: Mapping[str, int], word: str) -> str:
    """Return the numbers of examples of both splits by class, or their ranges where there are many classes."""
    number = len(counts["train"])
    parts = []
    for split, each in counts.items():
        if number <= _SHOWN:
            listed = ", ".join(f"{count:,} {name}" for name, count in each.items())
        else:
            listed = f"{min(each.values()):,} to {max(each.values()):,} of a {word}"
        parts.append(f"{split} {totals[split]:,} ({listed})")
    return f"{number} {_plural(word, number)}: {', '.join(parts)}"


def _plural(word: str, number: int) -> str:
    """Return `class` or `label` for one, else their plural."""
    return word if number == 1 else f"{word}{'es' if word == 'class' else 's'}"


def _odd_classes(counts: Mapping[str, Mapping[str, int]], total: int, word: str) -> list[str]:
    """Say which names differ by letter case or spaces only, which classes are rare, and which are missing."""
    train = counts["train"]
    alike = defaultdict(list)
    for name in train:
        alike["".join(name.split()).casefold()].append(name)
    found = [
        f"{_plural(word, 2)} {_listed(names)} differ in letter case or spaces only: if they are one {word}, give it "
        "one name"
        for names in alike.values()
        if len(names) > 1
    ]
    mean = sum(train.values()) / len(train)
    rare = [f"{name!r} ({count:,})" for name, count in train.items() if 0 < count < _RARE * mean]
    if rare:
        found.append(
            f"few of the {total:,} training examples have the {word} {_joined(rare)}: it may never be answered"
        )
    for split, each in counts.items():
        missing = [name for name, count in each.items() if not count]
        if missing:
            found.append(f"no {split} example has the {word} {_listed(missing)}")
    return found


def _equal_examples(train: Any, others: Mapping[str, Any]) -> list[str]:
    """Say how many examples of other splits are in training too, and how many training examples have several labels."""
    if not has_fingerprints(train):
        return []
    (seen, label), found = train.fingerprints(), []
    if label.dim() > 1:  # Several labels: equal numbers for equal sets.
        label = label.unique(dim=0, return_inverse=True)[1]
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
