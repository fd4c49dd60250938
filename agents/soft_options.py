"""The options of soft visual attention, and of its hard counterpart; pydantic only, as `options.py`."""

from typing import Literal

from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from glimpse.agents.options import RecurrentOptions, ReinforceOptions


class GridOptions(ReinforceOptions):
    """Attention over a grid of patches, soft or hard (Xu et al., 2015). Soft attention reads no option of returns."""

    name: Literal["grid"] = "grid"
    attention: Literal["soft", "hard"] = Field(
        "soft",
        description="At each step the expected feature of all cells, learned by backpropagation; or one cell, sampled "
        "and learned by policy gradient.",
    )
    patch: int = Field(12, ge=1, le=512, description="Side P of a cell, in pixels.")
    stride: int = Field(
        6, ge=1, le=512, validate_default=True, description="Pixels from one cell to the next; at most `patch`."
    )
    attention_width: int = Field(128, ge=1, description="Units of the layer that scores the cells.")
    scores: Literal["feature", "memory"] = Field(
        "feature",
        description="Cells are scored by their features, or by their places alone: then hard attention reads the "
        "pixels of the chosen cells only.",
    )
    locator_rate: float = Field(1.0, gt=0, description="The scores' learning rate, as a multiple of the others'.")

    @field_validator("stride")
    @classmethod
    def _no_pixel_is_left_out(cls, stride: int, others: ValidationInfo) -> int:
        patch = others.data.get("patch")
        if patch is not None and stride > patch:
            raise PydanticCustomError("stride", f"should be at most agent.patch, which is {patch} (got {stride})")
        return stride


class DrawOptions(RecurrentOptions):
    """A differentiable foveal read, DRAW's Gaussian filter bank (Gregor et al., 2015)."""

    name: Literal["draw"] = "draw"
    core: Literal["rnn", "lstm"] = Field("lstm", description="An LSTM, as in DRAW, or the rectified recurrent core.")
    patch: int = Field(12, ge=2, le=128, description="Side N of what is read: N x N filters.")
    scales: int = Field(
        1, ge=1, le=8, description="Number K of reads around one centre, each twice as wide as the last; DRAW has one."
    )
    locator_rate: float = Field(1.0, gt=0, description="The window's learning rate, as a multiple of the others'.")
