"""Base class of environments in which something has to be found, which know the looks that would show it.

Axes: B lanes, M targets, P patch side, L zooms.
"""

from abc import abstractmethod

import torch
from torch import Tensor

from glimpse.envs.images.answering_env import AnsweringEnv
from glimpse.envs.images.zoom_retina import ZoomRetina

_ROOM = 1.5
"""Side of the window in which a teacher looks at a target, as a multiple of the target's longer side, or more."""


class SearchEnv(AnsweringEnv):
    """Base class: targets lie in a large picture.

    zoom_retina: the retina, which reads pyramids of the pictures.
    """

    zoom_retina: ZoomRetina

    @abstractmethod
    def targets(self) -> Tensor:
        """Return left, top, right and bottom of what has to be found, in locations: (B, M, 4) in [-1, 1]."""

    def candidates(self) -> Tensor:
        """Return what a teacher would look at, (B, M, 4), as `targets`, which these are by default."""
        return self.targets()

    def teaching(self) -> dict[str, Tensor]:
        """Return the looks of a teacher who knows the targets, and what looks like them from afar.

        Returns:
            `look` (B, M, 2), the middle of each candidate; with `zoom` also `zoom`, (B, M) int64 or (B, M, 1), as in an
            action: the finest one whose window is 1.5 times as wide as it, or wider; and `seen` (B, M) bool,
            whether the present window shows its middle, and is not coarser than that.
        """
        targets = self.candidates()
        middle = (targets[..., :2] + targets[..., 2:]) / 2
        window = self.zoom_retina.extents(self._picture, self._location, self._zoom)[:, :1]
        seen = ((middle >= window[..., :2]) & (middle <= window[..., 2:])).all(-1)
        if self.zoom is None:
            return {"look": middle, "seen": seen}
        zoom = self._zoom_on(targets)
        if self.zoom.continuous:
            return {"look": middle, "seen": seen & (self._zoom <= zoom + 1e-6), "zoom": zoom.unsqueeze(-1)}
        level = (zoom * (self.zoom.levels - 1) - 1e-4).ceil().clamp(min=0).long()
        present = (self._zoom * (self.zoom.levels - 1)).round().long()
        return {"look": middle, "seen": seen & (present <= level), "zoom": level}

    def _zoom_on(self, targets: Tensor) -> Tensor:
        """Return the zooms (B, M) in [0, 1] whose windows are 1.5 times as wide as targets (B, M, 4)."""
        _, sides = self.zoom_retina.place(self._picture)
        patch = self.zoom_retina.options.patch
        width = ((targets[..., 2:] - targets[..., :2]) / 2 * sides[:, None]).amax(-1)
        coarsest = (sides.amax(1, keepdim=True).clamp(min=patch) / patch).log()
        wanted = (_ROOM * width / patch).clamp(min=1).log()
        return torch.where(coarsest > 0, wanted / coarsest.clamp(min=1e-6), 0.0).clamp(max=1)
