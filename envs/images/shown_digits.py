"""The digits of MNIST that people saw in AttentionMNIST: as data, and left out of other data."""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from glimpse.envs.data.file_digests import CachedReader
from glimpse.envs.data.fingerprints import fingerprints_of_rows
from glimpse.envs.data.registry import IMAGE_SETS
from glimpse.envs.data.sources import SearchPath
from glimpse.envs.errors import DataError
from glimpse.envs.images.human_glimpses import HumanGlimpses, load_human_glimpses
from glimpse.envs.images.image_data import ImageData, read_idx_set


class ShownDigits(NamedTuple):
    """Digits that people saw, in the order of their numbers.

    data: the E digits.
    example: (S,) int64 in [0, E), the digit of each sequence.
    people: the sequences.
    """

    data: ImageData
    example: Tensor
    people: HumanGlimpses


def load_shown_digits(root: str | None = None, *, download: bool = True) -> ShownDigits:
    """Load the digits that people saw, out of MNIST's training and test images, and what people did.

    Args:
        root: Data folder; GLIMPSE_DATA by default.
        download: Whether MNIST may be downloaded to the cache.

    Raises:
        DataError: Files are missing or damaged, or the people's labels are not MNIST's.
    """
    people = load_human_glimpses(root)
    known, search_path = IMAGE_SETS["mnist"], SearchPath.of(root)
    parts = [read_idx_set(known, part, search_path, download=download) for part in ("train", "test")]
    labels = np.concatenate([part.labels for part in parts])
    numbers, example = people.number.unique(return_inverse=True)
    chosen = numbers.numpy()
    if int(numbers.max()) >= len(labels):
        raise DataError(f"people saw digit {int(numbers.max()) + 1:,} of MNIST, which has {len(labels):,} here")
    label = torch.from_numpy(labels[chosen].astype(np.int64))
    if not torch.equal(label[example], people.label):
        raise DataError("the people's labels are not those of MNIST's digits of these numbers: another file or order")
    images = torch.from_numpy(np.concatenate([part.images for part in parts])[chosen])
    return ShownDigits(ImageData(images, label, known.classes), example, people)


@CachedReader
def _fingerprints(root: str | None, download: bool) -> Tensor:
    """Return the fingerprints (E,) of the digits that people saw."""
    return fingerprints_of_rows(load_shown_digits(root, download=download).data.images)


def without_shown_digits(data: ImageData, root: str | None, download: bool) -> ImageData:
    """Return data without the digits that people saw, which are found by their pixels; see `load_shown_digits`."""
    keep = ~torch.isin(fingerprints_of_rows(data.images), _fingerprints(root, download))
    return ImageData(data.images[keep], data.labels[keep], data.classes, data.scores)
