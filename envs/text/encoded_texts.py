"""Numbered texts as arrays, and the cache of those of large data sets.

Axes: N texts of M words in all.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from glimpse.envs.data.decoded_cache import (
    DecodedFrom,
    code_digest,
    entry_facts,
    entry_folder,
    is_entry,
    keep_decoded,
    stamps,
)
from glimpse.envs.data.downloads import print_status, remove
from glimpse.envs.data.file_digests import NotedFiles, note_all, noting_files
from glimpse.envs.live_line import clear_line

_KEPT = 1 << 20
"""Bytes of the files of texts from which on their words are kept in the cache."""

_CODE = code_digest(Path(__file__).parent)


class Texts(NamedTuple):
    """N texts of M words in all.

    Attributes:
        tokens: (M,) int32, the numbers of the words of all texts, concatenated.
        offsets: (N + 1,) int64: text n is tokens[offsets[n] : offsets[n + 1]].
        begins: (M,) bool, True where a sentence begins with the word.
    """

    tokens: NDArray[np.int32]
    offsets: NDArray[np.int64]
    begins: NDArray[np.bool_]


class EncodedSplit(NamedTuple):
    """One split of N examples.

    Attributes:
        text: The texts; the first ones of pairs.
        second: The second texts of pairs, or None.
        label: (N,), class numbers or scores; or (N, C), several labels as 0 and 1.
        evidence: (M,) bool, the human rationale: which words of `text` people marked; None if nobody did.
        digest: SHA-256 of the texts before they were tokenised; "" where nobody asks.
    """

    text: Texts
    second: Texts | None
    label: NDArray[Any]
    evidence: NDArray[np.bool_] | None
    digest: str = ""


class Encoding(NamedTuple):
    """Splits of a data set, and what else is known of it.

    Attributes:
        splits: The splits.
        facts: The rest, as JSON.
    """

    splits: tuple[EncodedSplit, ...]
    facts: Mapping[str, Any]


def kept_encoding(
    what: str, subject: object, files: Sequence[Path], cache: Path, make: Callable[[], Encoding]
) -> Encoding:
    """Return what a function makes of files of texts, from the cache if they are large.

    Words are mapped into memory, not read: the system reads them as they are looked at. The entry is made anew if any
    file has changed that was read for it.

    Args:
        what: What is kept, for people.
        subject: All options that decide the result, as JSON.
        files: The files that will be read, but perhaps for others such as word vectors.
        cache: The cache, which holds the downloads too.
        make: Makes the result.
    """
    if not _are_large(files):
        return make()

    def write(folder: Path) -> Mapping[str, Any]:
        with noting_files() as noted:
            made = make()
        for number, split in enumerate(made.splits):
            _save(folder, number, split)
        digests = [split.digest for split in made.splits]
        return {"facts": made.facts, "digests": digests, "read": noted.to_json()}

    if (known := recall_encoding(subject, files, cache)) is not None:
        return known
    try:
        folder = entry_folder(cache, ["words", subject], _content(files))
        if is_entry(folder):  # It is damaged, or another file has changed.
            remove(folder)
        origin = DecodedFrom(os.path.commonpath([file.parent for file in files]), _CODE)
        keep_decoded(cache, what, ["words", subject], _content(files), 0, write, origin)
    except OSError as error:
        clear_line()
        print_status(f"note: {cache} cannot keep {what} ({error.strerror or error}): they are read at each start")
        return make()
    return recall_encoding(subject, files, cache) or make()


def recall_encoding(subject: object, files: Sequence[Path], cache: Path) -> Encoding | None:
    """Return what `kept_encoding` has kept, and note the files that were read for it.

    None if it has kept nothing, or if one of the files has changed since.
    """
    if not _are_large(files):
        return None
    folder = entry_folder(cache, ["words", subject], _content(files))
    try:
        known = entry_facts(folder)
        read = NotedFiles.from_json(known["read"])
        splits = tuple(_load(folder, number, digest) for number, digest in enumerate(known["digests"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if not read.unchanged:
        return None
    note_all(read)
    return Encoding(splits, known["facts"])


def _are_large(files: Sequence[Path]) -> bool:
    """Return whether files are there, and so large that their words are kept."""
    return all(file.is_file() for file in files) and sum(file.stat().st_size for file in files) >= _KEPT


def _content(files: Sequence[Path]) -> object:
    """Return what decides the words besides the options: the files, and the code that divides them."""
    return [stamps(files), _CODE]


def _save(folder: Path, number: int, split: EncodedSplit) -> None:
    """Write the arrays of a split, those of other numbers beside it."""
    named = {"label": split.label, "evidence": split.evidence}
    for column, texts in (("text", split.text), ("second", split.second)):
        if texts is not None:
            named |= {f"{column}-{name}": array for name, array in texts._asdict().items()}
    for name, array in named.items():
        if array is not None:
            np.save(folder / f"{number}-{name}.npy", array)


def _load(folder: Path, number: int, digest: str) -> EncodedSplit:
    """Read a split; what has a value for each word is mapped."""

    def array(name: str, mapped: bool = True) -> NDArray[Any]:
        path = folder / f"{number}-{name}.npy"
        whole = np.load(path, mmap_mode="r")
        if not mapped or not whole.size:
            return np.array(whole)
        # Pages are private, so that torch may take them for its own; nothing writes them.
        return np.asarray(np.load(path, mmap_mode="c"))

    def column(name: str) -> Texts | None:
        if not (folder / f"{number}-{name}-tokens.npy").exists():
            return None
        return Texts(array(f"{name}-tokens"), array(f"{name}-offsets", False), array(f"{name}-begins"))

    text = column("text")
    if text is None:
        raise ValueError(f"{folder} holds no texts")
    evidence = array("evidence") if (folder / f"{number}-evidence.npy").exists() else None
    return EncodedSplit(text, column("second"), array("label", False), evidence, digest)
