"""Sections of a config that are one of several attention mechanisms, made from the registry by role.

The unions are made when this module is imported: what the registry holds by then can be written in a config.
"""

from functools import reduce
from operator import or_
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Annotated, Any, get_args

from pydantic import BaseModel, BeforeValidator, Field

from glimpse.agents.attention import ATTENTION
from glimpse.agents.attention.masks import by_name
from glimpse.agents.attention.options import Headed, MechanismOptions


def options_of_roles(*roles: str) -> tuple[type[MechanismOptions], ...]:
    """Return the classes of options of all kinds that have one of the roles, in the registry's order, each once.

    Raises:
        TypeError: if the `kind` of a class of options does not name the kind that it is registered for.
    """
    found: dict[type[MechanismOptions], None] = {}
    for name, entry in ATTENTION.items():
        if set(roles).isdisjoint(entry.roles):
            continue
        options: type[MechanismOptions] = resolve_name(entry.options)
        if name not in get_args(options.model_fields["kind"].annotation):
            raise TypeError(
                f"attention {name!r}: the field `kind` of {entry.options} should be a Literal with {name!r}"
            )
        found[options] = None
    return tuple(found)


def union_by_kind(*members: type[BaseModel]) -> Any:
    """Make the type of a section whose key `kind` says which of the members it is; a bare name stands for its kind."""
    return Annotated[Annotated[reduce(or_, members), Field(discriminator="kind")], BeforeValidator(by_name)]


if TYPE_CHECKING:
    ScoreOptions = MechanismOptions
    SelfAttentionOptions = MechanismOptions
    AttentionOptions = MechanismOptions
    DecoderAttentionOptions = Headed
else:
    ScoreOptions = union_by_kind(*options_of_roles("query"))
    """Attention of given queries, by a score of each query and key."""
    SelfAttentionOptions = union_by_kind(*options_of_roles("self"))
    """Attention between the tokens of a text: as many vectors come out as went in."""
    AttentionOptions = union_by_kind(*options_of_roles("query", "self", "incremental", "pooling", "hops"))
    """Every kind of attention."""
    DecoderAttentionOptions = union_by_kind(*options_of_roles("incremental"))
    """Attention that can read one token after the other, with the keys and values of those before kept."""
