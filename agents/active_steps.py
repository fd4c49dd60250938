"""Steps of recorded episodes that were taken, side by side, so that networks do not read those after the end.

Axes: T steps, B episodes, R steps that were taken. Candidates that are there, of all that might be, are taken likewise.
"""

from torch import Tensor


class ActiveSteps:
    """Places of the steps that were taken among all T * B.

    On a GPU all steps count as taken: to know their number would be to wait for it.
    """

    def __init__(self, step_mask: Tensor) -> None:
        """Find the steps of a mask (T, B)."""
        self._shape, self._at = step_mask.shape, None
        if step_mask.device.type == "cpu" and not bool(step_mask.all()):
            self._at = step_mask.flatten().nonzero()[:, 0]

    def take(self, steps: Tensor) -> Tensor:
        """Return the rows of the steps that were taken: (T, B, ...) -> (R, ...)."""
        rows = steps.flatten(0, 1)
        return rows if self._at is None else rows.index_select(0, self._at)

    def put(self, rows: Tensor) -> Tensor:
        """Return all steps, zeros where none was taken: (R, ...) -> (T, B, ...)."""
        if self._at is not None:
            empty = rows.new_zeros(self._shape[0] * self._shape[1], *rows.shape[1:])
            rows = empty.index_copy(0, self._at, rows)
        return rows.view(*self._shape, *rows.shape[1:])
