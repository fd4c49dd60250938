"""Where parts of several kinds, such as an encoder or a mask, are described in the documentation."""

from collections.abc import Iterator
from pkgutil import resolve_name
from typing import Any, get_args

from glimpse.agents.attention import ATTENTION
from glimpse.agents.attention.masks import MaskOptions
from glimpse.agents.attention.options import NormaliserOptions
from glimpse.agents.encoders.options import EncoderOptions, PoolingOptions, StatePoolingOptions

Models = dict[str, type[Any]]


def members(union: Any) -> Iterator[type[Any]]:
    """Yield the classes of an annotated union."""
    if isinstance(union, type):
        yield union
    else:
        for argument in get_args(union):
            yield from members(argument)


MECHANISMS: Models = {name: resolve_name(entry.options) for name, entry in ATTENTION.items()}
"""Options of each mechanism, by its kind."""
_OPTIONS_OF_MECHANISMS = set(MECHANISMS.values())
MASKS: Models = {each.__name__: each for each in members(MaskOptions)}
NORMALISERS: Models = {each.__name__: each for each in members(NormaliserOptions)}
ENCODERS: Models = {each.__name__: each for each in members(EncoderOptions)}
POOLINGS: Models = {
    each.__name__: each
    for union in (StatePoolingOptions, PoolingOptions)
    for each in members(union)
    if each not in _OPTIONS_OF_MECHANISMS
}


def link_of_part(model: str) -> str:
    """Return the link to the description of a part, by the name of its class of options; "" if it has none."""
    for kind, options in MECHANISMS.items():
        if options.__name__ == model:
            return f"/attention/{kind}.md"
    for parts, page in (
        (MASKS, "/attention/masks.md"),
        (NORMALISERS, "/attention/normalisers.md"),
        (ENCODERS, "/agents/encoders.md"),
        (POOLINGS, "/agents/encoders.md"),
    ):
        if model in parts:
            return page
    return ""
