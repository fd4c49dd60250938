"""Decoded pictures in a file of the cache, of which only what is looked at is in memory.

Axes: N pictures, C channels, H x W pixels of the canvas.
"""

import hashlib
import json
import mmap
import os
from contextlib import suppress
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from glimpse.envs.data.decoded_cache import entry_facts
from glimpse.envs.images.picture_set import MARGIN, PictureSet

PIXELS, SIZES, FILES = "pixels.bin", "sizes.npy", "files.npy"
MAPPED = 1 << 30
"""Bytes of the file that may be in the memory of the process; what is more is given back to the system."""
_BLOCK = 1 << 16
"""Bytes that the system may map beside those that are read."""


class StoredPictures(PictureSet):
    """Pictures of an entry of the cache; see `decoded_pictures`.

    The file is mapped into memory, not read: the system reads pages as they are looked at, and shares them between
    processes. What this process has mapped is bounded by `MAPPED`.
    """

    def __init__(self, folder: Path, canvas: tuple[int, int, int]) -> None:
        """Open the entry in a folder.

        Args:
            folder: Of the entry.
            canvas: (C, H, W), at the centre of which pictures are.

        Raises:
            OSError, ValueError: The entry cannot be read, or is damaged.
        """
        facts, sizes = entry_facts(folder), np.load(folder / SIZES)
        counts = facts["channels"] * sizes.prod(1, dtype=np.int64)
        start = MARGIN + np.concatenate([[0], np.cumsum(counts)])
        with (folder / PIXELS).open("rb") as file:
            if os.fstat(file.fileno()).st_size != start[-1] + MARGIN or facts["channels"] != canvas[0]:
                raise ValueError(f"{folder / PIXELS} has another size than expected")
            # Pages are private, so that torch may take them for its own; nothing writes them.
            self._mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
        pixels = torch.frombuffer(self._mapped, dtype=torch.uint8)
        super().__init__(pixels, torch.from_numpy(start[:-1]), torch.from_numpy(sizes), canvas)
        self._folder, self._touched = folder, [0]  # One count for all that share the file.

    def _note_read(self, count: int, blocks: int = 1) -> None:
        self._touched[0] += count + blocks * _BLOCK
        if self._touched[0] > MAPPED:
            self._touched[0] = count
            if hasattr(mmap, "MADV_DONTNEED"):
                self._mapped.madvise(mmap.MADV_DONTNEED)

    @property
    def identity(self) -> str:
        """What tells these pictures from others: the entry, the chosen pictures and the canvas."""
        chosen = hashlib.sha256(self._start.numpy().tobytes()).hexdigest()[:32]
        return f"{self._folder.name} {chosen} {tuple(self.shape)}"

    def recall_digest(self, name: str) -> str | None:
        """Return a digest that was kept beside the pictures; None if there is none of that name."""
        with suppress(OSError, ValueError):
            return str(json.loads(self._beside(name, "json").read_text())["sha256"])
        return None

    def keep_digest(self, name: str, digest: str) -> None:
        """Keep a digest beside the pictures, where that can be written."""
        with suppress(OSError):
            _replace(self._beside(name, "json"), json.dumps({"sha256": digest}).encode())

    def fingerprints(self) -> Tensor:
        """Return a number for each canvas, (N,) int64, which are kept beside the file; see `PictureSet`."""
        kept = self._beside(self.identity, "bin")
        with suppress(OSError, ValueError):
            found = np.frombuffer(kept.read_bytes(), np.int64)
            if len(found) == len(self):
                return torch.from_numpy(found.copy())
        made = super().fingerprints()
        with suppress(OSError):
            _replace(kept, made.numpy().tobytes())
        return made

    def _beside(self, name: str, kind: str) -> Path:
        """Return the file of something that was computed of these pictures."""
        return self._folder / f"{hashlib.sha256(name.encode()).hexdigest()[:32]}.{kind}"


def _replace(path: Path, content: bytes) -> None:
    """Write a small file, of which other processes see all or nothing."""
    part = path.with_name(f"{path.name}.{os.getpid()}")
    part.write_bytes(content)
    os.replace(part, path)
