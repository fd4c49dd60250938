"""The options of the networks that see the whole image at once; pydantic only, as `options.py`."""

from typing import Annotated, Literal

from pydantic import Field, PositiveInt

from glimpse.agents.options import Options

Widths = Annotated[tuple[PositiveInt, ...], Field(min_length=1)]


class WholeImageOptions(Options):
    """What they share."""

    label_smoothing: float = Field(0.0, ge=0, lt=1, description="Label smoothing of the cross-entropy.")


class MlpOptions(WholeImageOptions):
    """The fully connected baseline of Mnih et al. (2014)."""

    name: Literal["mlp"] = "mlp"
    widths: Widths = Field((256, 256), description="Units of each hidden layer, all of them rectified.")


class FilterOptions(Options):
    """One layer of convolution, rectified."""

    filters: int = Field(8, ge=1, description="Number of filters.")
    size: int = Field(10, ge=1, description="Side of a filter, in pixels.")
    stride: int = Field(5, ge=1, description="Pixels from one place of the filter to the next.")


class ConvOptions(WholeImageOptions):
    """The convolutional baseline of Mnih et al. (2014)."""

    name: Literal["conv"] = "conv"
    layers: Annotated[tuple[FilterOptions, ...], Field(min_length=1)] = Field(
        (FilterOptions(),), description="Layers of convolution, the first one first."
    )
    width: int = Field(256, ge=1, description="Rectified units of the fully connected layer after them.")


class CnnOptions(WholeImageOptions):
    """A small modern convolutional network."""

    name: Literal["cnn"] = "cnn"
    widths: Widths = Field((32, 64, 128), description="Channels of each stage; each halves height and width.")
    blocks: int = Field(1, ge=0, description="Residual blocks in each stage.")
