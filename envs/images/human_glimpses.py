"""Reader of AttentionMNIST: where people clicked to see 5 x 5 pixels of a digit at a time, and what they answered.

Baruah et al. (2023), "AttentionMNIST: a mouse-click attention tracking dataset for handwritten numeral and alphabet
recognition", Scientific Reports 13, 3305. No licence is stated, so nothing of it comes with this package: it is read
from the user's own copy.

Axes: S sequences, T clicks of a sequence.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from glimpse.envs.data.file_contents import uncompressed
from glimpse.envs.data.file_digests import CachedReader
from glimpse.envs.data.sources import SearchPath
from glimpse.envs.errors import DataError

RIGHT_AFTER = (31.7, 42.2, 52.7, 63.2, 71.6, 78.9, 85.8, 90.4, 93.1, 95.9, 98.0, 99.8)
"""People's right answers after each click, in percent, over all sequences; windows have 5 x 5 pixels."""
FOLDER, FILE = "human_glimpses", "mnist.json"
CLICKS = len(RIGHT_AFTER)
"""Clicks T of each sequence."""
WINDOW = 5
"""Side of a window, in pixels."""
DIGITS = 70_000
"""Digits of MNIST: 60,000 for training, then 10,000 for the test."""
SIDE = 28
"""Side of a digit, in pixels."""
ROW_OFFSET, COLUMN_OFFSET = 2, 0
"""Middle of the 5 x 5 window, from the row and the column of a click.

The source does not say which pixel of its window a click is. With these offsets the fixed first window, at row 12 and
column 14, is around the middle of the digit (14, 14), its pixels predict people's first answers best, and a trained
network that sees people's windows is right most often.
"""


@dataclass(frozen=True)
class HumanGlimpses:
    """Sequences of clicks on digits, with the answer after each click. Shared by all callers: do not change it.

    Attributes:
        number: (S,) int64 in [0, 70000), the digit that was shown, of MNIST's training images followed by its test
            images.
        label: (S,) int64, its class.
        look: (S, T, 2) float32, the middle of each window, (x, y) in [-1, 1].
        answer: (S, T) int64, the class that was named after each click; -1 where several were.
        named: (S, T, 10) bool, all classes that were named.
    """

    number: Tensor
    label: Tensor
    look: Tensor
    answer: Tensor
    named: Tensor

    @property
    def right(self) -> Tensor:
        """Whether the right class, and no other, was named after each click: (S, T) bool."""
        return self.answer == self.label[:, None]


def load_human_glimpses(root: str | None = None) -> HumanGlimpses:
    """Read the sequences of a user's copy, FOLDER/human_glimpses/mnist.json, compressed or not.

    Args:
        root: Data folder; GLIMPSE_DATA by default. The cache is searched too.

    Raises:
        DataError: There is no copy, or it is damaged or laid out otherwise.
    """
    search_path = SearchPath.of(root)
    copies = search_path.find_copies(FOLDER, FILE)
    if not copies:
        named = search_path.named or "none is named (GLIMPSE_DATA or data.root)"
        raise DataError(
            f"{FOLDER}/{FILE}, the clicks of people on digits, is neither in the data folder ({named}) nor in the "
            f"cache ({search_path.cache}). No licence is stated for AttentionMNIST, so it does not come with this "
            "package: put Data/mnist.json of https://github.com/Murchana/AttentionMNIST into "
            f"FOLDER/{FOLDER} and set GLIMPSE_DATA=FOLDER"
        )
    return _read(copies[0])


@CachedReader
def _read(path: Path) -> HumanGlimpses:
    try:
        rows = json.loads(uncompressed(path))
        if not isinstance(rows, list) or not rows:
            raise ValueError("expected a list of sequences")
        parsed = [_parse_row(row, number) for number, row in enumerate(rows, 1)]
    except DataError as fault:
        raise DataError(f"{path} {fault}.") from fault
    except ValueError as fault:  # JSON's errors are of this kind too.
        raise DataError(f"{path} is no file of AttentionMNIST ({fault}). Put a good copy in its place.") from fault
    numbers, labels, looks, named = (torch.tensor(part) for part in zip(*parsed, strict=True))
    answer = torch.where(named.sum(-1) == 1, named.long().argmax(-1), -1)
    return HumanGlimpses(numbers, labels, looks, answer, named)


def _parse_row(row: Any, number: int) -> tuple[int, int, list[tuple[float, float]], list[list[bool]]]:
    """Return number and label of the digit, the windows' middles, and the classes named after each click."""
    try:
        shown, label = int(row["Stimuli"].split("_")[-1]) - 1, int(row["Label"])
        clicks = [row["Data"][f"Glimpse_{click}"] for click in range(1, CLICKS + 1)]
        looks, named = [_location(click) for click in clicks], [_classes(click) for click in clicks]
    except (KeyError, TypeError, ValueError, AttributeError) as fault:
        wanted = f"Stimuli, Label, and {CLICKS} glimpses of x-coordinate, y-coordinate and Class"
        raise ValueError(f"sequence {number} should have {wanted}: {type(fault).__name__} {fault}") from fault
    if not 0 <= shown < DIGITS or not 0 <= label < 10:
        raise ValueError(f"sequence {number} is of digit {row['Stimuli']!r}, class {row['Label']!r}, none of MNIST's")
    return shown, label, looks, named


def _location(click: Mapping[str, str]) -> tuple[float, float]:
    """Return the middle of a click's window as (x, y); the data call the row x and the column y."""
    row, column = int(click["x-coordinate"]) + ROW_OFFSET, int(click["y-coordinate"]) + COLUMN_OFFSET
    if not (0 <= row < SIDE and 0 <= column < SIDE):
        raise ValueError(f"a click outside the digit: {dict(click)}")
    return (2 * column + 1) / SIDE - 1, (2 * row + 1) / SIDE - 1


def _classes(click: Mapping[str, str]) -> list[bool]:
    """Return whether each of the ten classes was named, such as 3 and 8 in `3_8`."""
    named = {int(name) for name in click["Class"].split("_")}
    if not named <= set(range(10)):
        raise ValueError(f"answers are digits, got {click['Class']!r}")
    return [label in named for label in range(10)]
