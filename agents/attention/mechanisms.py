"""Which module the options of each kind of attention make."""

from torch import nn

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


def make_attention(options: o.AttentionOptions, width: int, key_width: int | None = None, layer: int = 0) -> nn.Module:
    """The mechanism of a config, with the signature of `attended.Mechanism`.

    Args:
        options: its kind and what belongs to it.
        width: D of queries, keys and values.
        key_width: D of keys and values, where it is another; additive, general and linear_concat scores allow it.
        layer: the number of the layer it is for, from 0: layers may take turns in patterns.

    Raises:
        ValueError: heads that do not divide the width, or a key width where the kind has none.
    """
    if key_width not in (None, width) and options.kind not in ("additive", "concat", "general", "linear_concat"):
        raise ValueError(f"{options.kind} attention needs keys as wide as queries: {width}, not {key_width}")
    match options:
        case o.LocalOptions(score=kind, half_width=half, centre=centre, gaussian=gaussian):
            score = make_score(kind, width, width)
            return LocalAttention(score, width, half, centre, gaussian, options.normaliser)
        case o.SparseOptions(heads=heads, pattern=pattern, more=more):
            patterns = (pattern, *more) if options.shared_by == "heads" else (pattern, *more)[layer % (1 + len(more))]
            return Sparse(width, heads, patterns, options.normaliser)
        case o.RelativeOptions(heads=heads, clip=clip):
            return Relative(width, heads, clip, options.normaliser)
        case o.DistanceOptions(heads=heads, alpha=alpha, direction=direction):
            return Distance(width, heads, alpha, direction, options.normaliser)
        case o.MultiHeadOptions(heads=heads):
            return MultiHead(width, heads, options.normaliser)
        case o.Token2TokenOptions(direction=direction, bound=bound):
            return Token2Token(width, direction, bound, options.normaliser)
        case o.Source2TokenOptions(activation=activation):
            return Source2Token(width, activation, normaliser=options.normaliser)
        case o.StructuredOptions(hidden=hidden, hops=hops):
            return Structured(width, hidden, hops, options.normaliser)
        case o.ContextVectorOptions(hidden=hidden):
            return ContextVector(width, hidden, options.normaliser)
        case o.AdditiveOptions(hidden=hidden):
            score = AdditiveScore(width, key_width or width, hidden or width)
        case o.LocationOptions(length=length):
            score = LocationScore(width, length)
        case _:
            score = make_score(options.kind, width, key_width or width)
    return GlobalAttention(score, options.normaliser)


def make_score(kind: str, width: int, key_width: int) -> nn.Module:
    """A score that needs widths alone: dot, scaled_dot, general, concat or linear_concat."""
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
