"""Reader of elpv: electroluminescence pictures of solar cells, functional or defective (Buerhop-Lutz et al., 2018).

Axes: N pictures, H x W pixels.
"""

from pathlib import Path
from typing import Literal

import numpy as np

from glimpse.envs.data.data_set import ImageSet
from glimpse.envs.data.listed_files import listed_test_files
from glimpse.envs.data.sources import SearchPath, read_files
from glimpse.envs.errors import DataError
from glimpse.envs.images.decoded_pictures import Canvas, Keeping, decode_pictures
from glimpse.envs.images.labelled_images import Pictures

LABELS = "labels.csv"
"""Name of the file that says of each picture how likely it shows a defect."""


def read_solar_cells(
    known: ImageSet, part: Literal["train", "test"], search_path: SearchPath, *, download: bool = True
) -> Pictures:
    """Read one part: a cell is defective (1) if its probability of a defect is above a half, else functional (0).

    Of the four probabilities that experts have given, 0, 1/3, 2/3 and 1, the upper two are defects. The official data
    have no parts. The test part is the list `envs/data/elpv.test`, a quarter of each class, rounded: of the n cells of
    a class, in the order of their names, those that come first in NumPy's `RandomState(20140624).permutation(n)`.

    Args:
        known: Its entry in the registry.
        part: "train", with the validation split, or "test".
        search_path: Where its files are looked for; decoded pictures are kept in its cache.
        download: Whether missing files may be downloaded to the cache.

    Raises:
        DataError: A file is missing or damaged.
    """
    if known.files is None:
        raise DataError("a set of solar cells needs the list of its files in its registry entry")
    labels, chosen = LABELS, listed_test_files(known.files.name)
    names = [name for name in known.files.md5 if name != labels and (name in chosen) == (part == "test")]
    (label_file, content), *found = read_files(known.files, [labels, *names], search_path, download=download)
    defective = parse_labels(content, label_file)
    height, width = known.size
    files = [path for path, _ in found]
    canvas, keeping = Canvas(height, width, grey=True, one_size=True), Keeping(search_path.cache)
    images = decode_pictures(label_file.parent, part, files, [file.name for file in files], canvas, None, keeping)
    return Pictures(images, np.array([defective[name] for name in names]), known.classes)


def parse_labels(content: bytes, path: Path) -> dict[str, int]:
    """Return 1 for each defective cell and 0 for each functional one, by the name of its file.

    Args:
        content: Lines of a file's name, a probability, and the type of the module, with spaces between them.
        path: The file, for errors.

    Raises:
        DataError: A line is none of these.
    """
    found = {}
    for number, line in enumerate(content.decode(errors="replace").splitlines(), 1):
        try:
            name, probability, _ = line.split()
            found[name] = int(float(probability) > 0.5)
        except ValueError:
            raise DataError(
                f"{path}: line {number} should be a file, a probability and a type of module (got {line!r})."
            ) from None
    return found
