"""Registry of attention mechanisms; it needs neither torch nor pydantic.

Every mechanism has one call, (query, key, value, mask) -> context and weights; see `attended.Mechanism`. `ATTENTION`
names every kind. Adding one: a class of options whose `kind` is a `Literal` with its name, a factory, and an entry
here; or, from another package, an entry point of the group `glimpse.attention` that names an `AttentionEntry`. All
encoders and decoders whose role it has can then use it.
"""

from dataclasses import dataclass

from glimpse.agents.entry_points import add_entry_points


@dataclass(frozen=True)
class AttentionEntry:
    """A kind of attention.

    options: its options, as `module:class`, a `glimpse.agents.attention.options.MechanismOptions`; several kinds may
        share a class. Those of a kind with heads derive from `Headed`.
    factory: makes the mechanism, as `module:callable`, from the options, the width of queries, the width of keys and
        values, and the number of the layer from 0.
    roles: where it may be used:
        `query`: a score of queries that are given, in poolings of encoders and in decoders of translators;
        `self`: between the tokens of a text;
        `incremental`: a Transformer decoder's attention to its own tokens, one after the other (kinds with heads, whose
            mechanism has the method `attend_row`, see `newest.RowAttention`);
        `pooling`: from the tokens of a text to one vector;
        `hops`: from the tokens of a text to several vectors; its options derive from `HopsOptions`.
    summary: what it is, in a line.
    reads_order: whether its result depends on the order of the tokens.
    """

    options: str
    factory: str
    roles: tuple[str, ...]
    summary: str
    reads_order: bool = False


def _entry(
    options: str, factory: str, roles: tuple[str, ...], summary: str, reads_order: bool = False
) -> AttentionEntry:
    """Make an entry of this package."""
    options, factory = f"glimpse.agents.attention.options:{options}", f"glimpse.agents.attention.mechanisms:{factory}"
    return AttentionEntry(options, factory, roles, summary, reads_order)


_QUERY, _SELF, _INCREMENTAL = ("query", "self"), ("self",), ("self", "incremental")

ATTENTION: dict[str, AttentionEntry] = {
    "additive": _entry(
        "AdditiveOptions", "make_additive", _QUERY, "A hidden layer of query and key (Bahdanau et al., 2015)"
    ),
    "concat": _entry("AdditiveOptions", "make_additive", _QUERY, "Another name of additive (Luong et al., 2015)"),
    "dot": _entry("DotOptions", "make_dot", _QUERY, "Dot product of query and key (Luong et al., 2015)"),
    "scaled_dot": _entry(
        "ScaledDotOptions", "make_dot", _QUERY, "Dot product over the root of the width (Vaswani et al., 2017)"
    ),
    "general": _entry("GeneralOptions", "make_general", _QUERY, "Bilinear form of query and key (Luong et al., 2015)"),
    "linear_concat": _entry(
        "LinearConcatOptions", "make_linear_concat", _QUERY, "Linear function of query and key, side by side"
    ),
    "location": _entry(
        "LocationOptions",
        "make_location",
        _QUERY,
        "A score for each position, from the query alone (Luong et al., 2015)",
        reads_order=True,
    ),
    "local": _entry(
        "LocalOptions", "make_local", _QUERY, "A window around a position (Luong et al., 2015)", reads_order=True
    ),
    "multi_head": _entry(
        "MultiHeadOptions",
        "make_multi_head",
        _INCREMENTAL,
        "Scaled dot products in several heads (Vaswani et al., 2017)",
    ),
    "relative": _entry(
        "RelativeOptions",
        "make_relative",
        _INCREMENTAL,
        "Heads with relative positions (Shaw et al., 2018)",
        reads_order=True,
    ),
    "sparse": _entry(
        "SparseOptions",
        "make_sparse",
        _INCREMENTAL,
        "Heads that compute a pattern's cells alone (Child et al., 2019)",
        reads_order=True,
    ),
    "distance": _entry(
        "DistanceOptions",
        "make_distance",
        _SELF,
        "Heads with a penalty of the distance (Im and Cho, 2017)",
        reads_order=True,
    ),
    "token2token": _entry(
        "Token2TokenOptions",
        "make_token2token",
        _SELF,
        "A score for each pair of tokens and feature (Shen et al., 2018)",
        reads_order=True,
    ),
    "context_vector": _entry(
        "ContextVectorOptions", "make_context_vector", ("pooling",), "Pooling by a learned query (Yang et al., 2016)"
    ),
    "source2token": _entry(
        "Source2TokenOptions",
        "make_source2token",
        ("pooling",),
        "Pooling, feature by feature (Shen et al., 2018)",
    ),
    "structured": _entry("StructuredOptions", "make_structured", ("hops",), "Several vectors (Lin et al., 2017)"),
}
add_entry_points(ATTENTION, "glimpse.attention", AttentionEntry)
