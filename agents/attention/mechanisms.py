"""Factories of the attention mechanisms, which make the module that a mechanism's options describe.

Each takes the options, the width D of queries, the width of keys and values, and the number of the layer from 0.
"""

from pkgutil import resolve_name

from torch import nn

from glimpse.agents.attention import ATTENTION
from glimpse.agents.attention import options as o
from glimpse.agents.attention.additive import AdditiveScore
from glimpse.agents.attention.context_vector import ContextVector
from glimpse.agents.attention.directional import Token2Token
from glimpse.agents.attention.distance import Distance
from glimpse.agents.attention.global_attention import GlobalAttention
from glimpse.agents.attention.local import LocalAttention
from glimpse.agents.attention.multi_head import MultiHead
from glimpse.agents.attention.multiplicative import DotScore, GeneralScore, LinearConcatScore, LocationScore
from glimpse.agents.attention.relative import Relative
from glimpse.agents.attention.source2token import Source2Token
from glimpse.agents.attention.sparse import Sparse
from glimpse.agents.attention.structured import Structured


def make_attention(options: o.MechanismOptions, width: int, key_width: int | None = None, layer: int = 0) -> nn.Module:
    """Make the mechanism of a config, with the signature of `attended.Mechanism`.

    Args:
        options: its kind, a name of the registry `ATTENTION`, and what belongs to it.
        width: D of queries; and of keys and values, unless `key_width` is given.
        key_width: D of keys and values; additive, general and linear_concat scores allow one that is not `width`.
        layer: the number of the layer it is for, from 0: layers may take turns in patterns.

    Raises:
        ValueError: heads that do not divide the width, or keys of another width where the kind does not allow it.
    """
    factory = resolve_name(ATTENTION[options.kind].factory)
    mechanism: nn.Module = factory(options, width, width if key_width is None else key_width, layer)
    return mechanism


def require_equal_widths(options: o.MechanismOptions, width: int, key_width: int) -> None:
    """Check that keys are as wide as queries, for kinds that need it.

    Raises:
        ValueError: if they are not.
    """
    if key_width != width:
        raise ValueError(f"{options.kind} attention needs keys as wide as queries: {width}, not {key_width}")


def make_additive(options: o.AdditiveOptions, width: int, key_width: int, layer: int) -> GlobalAttention:
    """Make global attention by an additive score."""
    return GlobalAttention(AdditiveScore(width, key_width, options.hidden or width), options.normaliser)


def make_dot(options: o.DotOptions | o.ScaledDotOptions, width: int, key_width: int, layer: int) -> GlobalAttention:
    """Make global attention by a dot product, scaled or not."""
    require_equal_widths(options, width, key_width)
    return GlobalAttention(make_score(options.kind, width, key_width), options.normaliser)


def make_general(options: o.GeneralOptions, width: int, key_width: int, layer: int) -> GlobalAttention:
    """Make global attention by a bilinear form."""
    return GlobalAttention(GeneralScore(width, key_width), options.normaliser)


def make_linear_concat(options: o.LinearConcatOptions, width: int, key_width: int, layer: int) -> GlobalAttention:
    """Make global attention by a linear function of query and key."""
    return GlobalAttention(LinearConcatScore(width, key_width), options.normaliser)


def make_location(options: o.LocationOptions, width: int, key_width: int, layer: int) -> GlobalAttention:
    """Make global attention by a score of positions."""
    require_equal_widths(options, width, key_width)
    return GlobalAttention(LocationScore(width, options.length), options.normaliser)


def make_local(options: o.LocalOptions, width: int, key_width: int, layer: int) -> LocalAttention:
    """Make attention in a window around a position."""
    require_equal_widths(options, width, key_width)
    score = make_score(options.score, width, width)
    return LocalAttention(score, width, options.half_width, options.centre, options.gaussian, options.normaliser)


def make_multi_head(options: o.MultiHeadOptions, width: int, key_width: int, layer: int) -> MultiHead:
    """Make multi-head attention."""
    require_equal_widths(options, width, key_width)
    return MultiHead(width, options.heads, options.normaliser)


def make_relative(options: o.RelativeOptions, width: int, key_width: int, layer: int) -> Relative:
    """Make multi-head attention with relative positions."""
    require_equal_widths(options, width, key_width)
    return Relative(width, options.heads, options.clip, options.normaliser)


def make_sparse(options: o.SparseOptions, width: int, key_width: int, layer: int) -> Sparse:
    """Make sparse attention: all patterns among the heads, or the pattern whose turn it is in this layer."""
    require_equal_widths(options, width, key_width)
    patterns = (options.pattern, *options.more)
    chosen = patterns if options.shared_by == "heads" else patterns[layer % len(patterns)]
    return Sparse(width, options.heads, chosen, options.normaliser)


def make_distance(options: o.DistanceOptions, width: int, key_width: int, layer: int) -> Distance:
    """Make multi-head attention with a penalty of the distance."""
    require_equal_widths(options, width, key_width)
    return Distance(width, options.heads, options.alpha, options.direction, options.normaliser)


def make_token2token(options: o.Token2TokenOptions, width: int, key_width: int, layer: int) -> Token2Token:
    """Make attention with a score for each pair of tokens and each feature."""
    require_equal_widths(options, width, key_width)
    return Token2Token(width, options.direction, options.bound, options.normaliser)


def make_context_vector(options: o.ContextVectorOptions, width: int, key_width: int, layer: int) -> ContextVector:
    """Make a pooling by a learned query."""
    require_equal_widths(options, width, key_width)
    return ContextVector(width, options.hidden, options.normaliser)


def make_source2token(options: o.Source2TokenOptions, width: int, key_width: int, layer: int) -> Source2Token:
    """Make a pooling with weights for each feature."""
    require_equal_widths(options, width, key_width)
    return Source2Token(width, options.activation, normaliser=options.normaliser)


def make_structured(options: o.StructuredOptions, width: int, key_width: int, layer: int) -> Structured:
    """Make a pooling to several vectors."""
    require_equal_widths(options, width, key_width)
    return Structured(width, options.hidden, options.hops, options.normaliser)


def make_score(kind: str, width: int, key_width: int) -> nn.Module:
    """Make a score that needs no options but the widths: dot, scaled_dot, general, concat or linear_concat."""
    match kind:
        case "dot":
            return DotScore()
        case "scaled_dot":
            return DotScore(width**-0.5)
        case "general":
            return GeneralScore(width, key_width)
        case "linear_concat":
            return LinearConcatScore(width, key_width)
    return AdditiveScore(width, key_width, width)
