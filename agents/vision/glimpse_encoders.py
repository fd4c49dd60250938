"""Registry of glimpse encoders, by kind; it needs no torch, so that options can take their union from it.

Adding one: its options and a factory, and an entry here; or, from another package, an entry point of the group
`glimpse.glimpse_encoders` that names a `GlimpseEncoderEntry`.
"""

from dataclasses import dataclass
from functools import reduce
from operator import or_
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BeforeValidator, Field

from glimpse.agents.entry_points import add_entry_points
from glimpse.agents.vision.encoder_options import PictureEncoderOptions


@dataclass(frozen=True)
class GlimpseEncoderEntry:
    """A named glimpse encoder.

    options: its options, as `module:class`: `PictureEncoderOptions` whose `kind` is its name.
    factory: `module:callable` that makes a `glimpse.agents.vision.picture_encoder.PictureEncoder` from its options and
        the shape (C, H, W) of a patch.
    summary: what it is, in a line.
    """

    options: str
    factory: str
    summary: str


_OPTIONS = "glimpse.agents.vision.encoder_options"
_PLAIN = "glimpse.agents.vision.plain_encoders"

GLIMPSE_ENCODERS: dict[str, GlimpseEncoderEntry] = {
    "mlp": GlimpseEncoderEntry(
        f"{_OPTIONS}:FlatEncoderOptions", f"{_PLAIN}:FlatEncoder", "Fully connected, as in Mnih et al. (2014)"
    ),
    "conv": GlimpseEncoderEntry(
        f"{_OPTIONS}:ConvolutionEncoderOptions", f"{_PLAIN}:ConvolutionEncoder", "A few convolutions of 3 x 3"
    ),
    "resnet": GlimpseEncoderEntry(
        f"{_OPTIONS}:ResidualEncoderOptions", f"{_PLAIN}:ResidualEncoder", "Small residual network with group norm"
    ),
    "pretrained": GlimpseEncoderEntry(
        f"{_OPTIONS}:PretrainedEncoderOptions",
        "glimpse.agents.vision.pretrained_encoder:PretrainedEncoder",
        "EfficientNet-Lite0 or a model of torchvision, with weights of your own, frozen or fine-tuned",
    ),
}
add_entry_points(GLIMPSE_ENCODERS, "glimpse.glimpse_encoders", GlimpseEncoderEntry)


def kind_alone(value: Any) -> Any:
    """Return the section `{kind: conv}` for a bare name such as `conv`; any other value as it is."""
    return {"kind": value} if isinstance(value, str) else value


if TYPE_CHECKING:
    GlimpseEncoderOptions = PictureEncoderOptions
else:
    _members = tuple(resolve_name(entry.options) for entry in GLIMPSE_ENCODERS.values())
    GlimpseEncoderOptions = Annotated[
        Annotated[reduce(or_, _members), Field(discriminator="kind")], BeforeValidator(kind_alone)
    ]
    """Options of any glimpse encoder of the registry."""
