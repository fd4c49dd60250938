"""Masks as patterns of what may be read, which combine with `&`, `|` and `~` and can be drawn.

A pattern is plain data, so that a config can write it: `{"kind": "window", "width": 3}`. Called with the numbers of
queries and keys it gives bool (n_q, n_k), True where query i (a row) may read key j (a column); both count from 0.
`over` combines a pattern with the mask of real tokens. This module imports torch only when a pattern is called.
"""

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from glimpse.agents.options import Options

if TYPE_CHECKING:
    import torch
    from torch import Tensor


def by_name(value: Any) -> Any:
    """Return the section `{kind: causal}` for a bare name such as `causal`; any other value as it is."""
    return {"kind": value} if isinstance(value, str) else value


class Pattern(Options, ABC):
    """Base class of patterns, which say which cells (query, key) are `allowed`."""

    @abstractmethod
    def allowed(self, query: "Tensor", key: "Tensor") -> "Tensor":
        """Compute bool (n_q, n_k) for positions query (n_q, 1) and key (n_k,)."""

    def __call__(self, n_q: int, n_k: int, device: "torch.device | str | None" = None) -> "Tensor":
        """Compute bool (n_q, n_k), True where a key may be read."""
        import torch

        query, key = torch.arange(n_q, device=device)[:, None], torch.arange(n_k, device=device)
        allowed = self.allowed(query, key)
        return allowed.expand(*allowed.shape[:-2], n_q, n_k)

    def over(self, real: "Tensor", n_q: int | None = None) -> "Tensor":
        """Restrict the pattern to real tokens: bool (B, n_q, n) for `real` (B, n), True = a real token."""
        n = real.shape[1]
        return self(n if n_q is None else n_q, n, real.device) & real[:, None]

    def draw(self, n_q: int, n_k: int | None = None) -> str:
        """Draw a line for each query, `#` where it may read and `.` where not; an empty line between sentences."""
        cells = self(n_q, n_q if n_k is None else n_k)
        sentences = (cells if cells.dim() == 3 else cells[None]).tolist()
        return "\n\n".join("\n".join("".join(".#"[cell] for cell in row) for row in rows) for rows in sentences)

    def __and__(self, other: "MaskOptions") -> "AllOf":
        """Return the intersection of both patterns."""
        return AllOf.model_validate({"masks": (self, other)})

    def __or__(self, other: "MaskOptions") -> "AnyOf":
        """Return the union of both patterns."""
        return AnyOf.model_validate({"masks": (self, other)})

    def __invert__(self) -> "Not":
        """Return the complement of the pattern."""
        return Not.model_validate({"mask": self})


class Full(Pattern):
    """Full attention: every query may read every key."""

    kind: Literal["full"] = "full"

    def allowed(self, query: "Tensor", key: "Tensor") -> "Tensor":
        """Allow every cell."""
        return (query >= 0) & (key >= 0)


class Padding(Pattern):
    """Real tokens of a batch, by the lengths of its texts; a call gives (B, n_q, n_k)."""

    kind: Literal["padding"] = "padding"
    lengths: tuple[Annotated[int, Field(ge=0, le=1_000_000)], ...] = Field(
        max_length=1_000_000, description="Number of tokens of each text."
    )

    def allowed(self, query: "Tensor", key: "Tensor") -> "Tensor":
        """Allow keys before the length."""
        return (query >= 0) & (key < key.new_tensor(self.lengths)[:, None, None])


class Causal(Pattern):
    """Causal mask, the token itself and those before it: j <= i."""

    kind: Literal["causal"] = "causal"

    def allowed(self, query: "Tensor", key: "Tensor") -> "Tensor":
        """Allow what the class describes."""
        return key <= query


class Forward(Pattern):
    """Tokens before: j < i (DiSAN's forward mask)."""

    kind: Literal["forward"] = "forward"

    def allowed(self, query: "Tensor", key: "Tensor") -> "Tensor":
        """Allow what the class describes."""
        return key < query


class Backward(Pattern):
    """Tokens after: j > i (DiSAN's backward mask)."""

    kind: Literal["backward"] = "backward"

    def allowed(self, query: "Tensor", key: "Tensor") -> "Tensor":
        """Allow what the class describes."""
        return key > query


class DiagonalDisabled(Pattern):
    """All tokens but the token itself: i != j."""

    kind: Literal["diagonal_disabled"] = "diagonal_disabled"

    def allowed(self, query: "Tensor", key: "Tensor") -> "Tensor":
        """Allow what the class describes."""
        return key != query


class Window(Pattern):
    """Neighbours on both sides: |i - j| <= width."""

    kind: Literal["window"] = "window"
    width: int = Field(ge=0, le=1_000_000, description="Neighbours on each side.")

    def allowed(self, query: "Tensor", key: "Tensor") -> "Tensor":
        """Allow what the class describes."""
        return (query - key).abs() <= self.width


class CausalWindow(Pattern):
    """The token itself and the last few before it: 0 <= i - j <= width."""

    kind: Literal["causal_window"] = "causal_window"
    width: int = Field(ge=0, le=1_000_000, description="Neighbours before.")

    def allowed(self, query: "Tensor", key: "Tensor") -> "Tensor":
        """Allow what the class describes."""
        return (key <= query) & (query - key <= self.width)


class Dilated(Pattern):
    """Dilated window: |i - j| is a multiple of the dilation, `width` of them on each side."""

    kind: Literal["dilated"] = "dilated"
    width: int = Field(ge=0, le=1_000_000, description="Neighbours on each side.")
    dilation: int = Field(2, ge=1, le=1_000_000, description="Steps between them.")

    def allowed(self, query: "Tensor", key: "Tensor") -> "Tensor":
        """Allow what the class describes."""
        distance = (query - key).abs()
        return (distance <= self.width * self.dilation) & (distance % self.dilation == 0)


class Block(Pattern):
    """Blocks of one length, side by side; a token reads its own. Child et al.'s are `Causal() & Block(...)`."""

    kind: Literal["block"] = "block"
    length: int = Field(ge=1, le=1_000_000, description="Tokens of a block.")

    def allowed(self, query: "Tensor", key: "Tensor") -> "Tensor":
        """Allow what the class describes."""
        return query // self.length == key // self.length


class GlobalTokens(Pattern):
    """The first few tokens read all and are read by all (Longformer; Beltagy et al., 2020)."""

    kind: Literal["global"] = "global"
    tokens: int = Field(1, ge=0, le=1_000_000, description="Number of global tokens.")

    def allowed(self, query: "Tensor", key: "Tensor") -> "Tensor":
        """Allow what the class describes."""
        return (query < self.tokens) | (key < self.tokens)


class Local(Pattern):
    """The last `stride` tokens, with the token itself (Child et al., 2019): i - l < j <= i, as in their code.

    Their paper has one token more: i - l <= j <= i.
    """

    kind: Literal["local"] = "local"
    stride: int = Field(ge=1, le=1_000_000, description="l.")
    one_more: bool = Field(False, description="The text's l + 1 instead of the code's l.")

    def allowed(self, query: "Tensor", key: "Tensor") -> "Tensor":
        """Allow what the class describes."""
        return (key <= query) & (query - key < self.stride + self.one_more)


class Strided(Pattern):
    """Every stride-th token up to the token itself (Child et al., 2019): j <= i, (i - j) mod l = 0."""

    kind: Literal["strided"] = "strided"
    stride: int = Field(ge=1, le=1_000_000, description="l.")

    def allowed(self, query: "Tensor", key: "Tensor") -> "Tensor":
        """Allow what the class describes."""
        return (key <= query) & ((query - key) % self.stride == 0)


class Summarised(Pattern):
    """Base class of patterns that read the last columns of blocks."""

    stride: int = Field(ge=1, le=1_000_000, description="l.")
    columns: int = Field(1, ge=1, le=1_000_000, description="c, at most l.")

    @model_validator(mode="after")
    def _columns_are_in_a_block(self) -> Self:
        if self.columns > self.stride:
            message = f"columns should be at most the stride, which is {self.stride} (got {self.columns})"
            raise PydanticCustomError("columns", message)
        return self


class Summary(Summarised):
    """The last columns of each block, up to the token itself (Child et al., 2019): j <= i, j mod l >= l - c."""

    kind: Literal["summary"] = "summary"

    def allowed(self, query: "Tensor", key: "Tensor") -> "Tensor":
        """Allow what the class describes."""
        return (key <= query) & (key % self.stride >= self.stride - self.columns)


class Fixed(Summarised):
    """The token's own block so far, and the summary columns of the blocks before (Child et al., 2019)."""

    kind: Literal["fixed"] = "fixed"

    def parts(self) -> "AnyOf":
        """Return the two patterns as a union."""
        return (Causal() & Block(length=self.stride)) | Summary(stride=self.stride, columns=self.columns)

    def allowed(self, query: "Tensor", key: "Tensor") -> "Tensor":
        """Allow what the class describes."""
        return self.parts().allowed(query, key)


class AllOf(Pattern):
    """Intersection of masks: what every one of them allows."""

    kind: Literal["all_of"] = "all_of"
    masks: tuple["MaskOptions", ...] = Field(min_length=1, max_length=64, description="The masks that are combined.")

    def allowed(self, query: "Tensor", key: "Tensor") -> "Tensor":
        """Allow the intersection of the masks."""
        first, *others = (mask.allowed(query, key) for mask in self.masks)
        for other in others:
            first = first & other
        return first


class AnyOf(Pattern):
    """Union of masks: what any one of them allows."""

    kind: Literal["any_of"] = "any_of"
    masks: tuple["MaskOptions", ...] = Field(min_length=1, max_length=64, description="The masks that are combined.")

    def allowed(self, query: "Tensor", key: "Tensor") -> "Tensor":
        """Allow the union of the masks."""
        first, *others = (mask.allowed(query, key) for mask in self.masks)
        for other in others:
            first = first | other
        return first


class Not(Pattern):
    """Complement of a mask: what it forbids."""

    kind: Literal["not"] = "not"
    mask: "MaskOptions" = Field(description="The mask whose complement it is.")

    def allowed(self, query: "Tensor", key: "Tensor") -> "Tensor":
        """Allow the complement of the mask."""
        return ~self.mask.allowed(query, key)


MaskOptions = Annotated[
    Annotated[
        Full
        | Padding
        | Causal
        | Forward
        | Backward
        | DiagonalDisabled
        | Window
        | CausalWindow
        | Dilated
        | Block
        | GlobalTokens
        | Local
        | Strided
        | Summary
        | Fixed
        | AllOf
        | AnyOf
        | Not,
        Field(discriminator="kind"),
    ],
    BeforeValidator(by_name),
]

for combination in (AllOf, AnyOf, Not):
    combination.model_rebuild()


def _same_for_all(mask: MaskOptions) -> MaskOptions:
    """Refuse padding, which differs between sentences."""
    inside = mask.masks if isinstance(mask, AllOf | AnyOf) else (mask.mask,) if isinstance(mask, Not) else ()
    if isinstance(mask, Padding):
        raise PydanticCustomError("padding", "padding is known from the texts, and is always hidden: leave it out")
    for part in inside:
        _same_for_all(part)
    return mask


PatternOptions = Annotated[MaskOptions, AfterValidator(_same_for_all)]
"""A mask that is the same for all sentences."""

DIRECTIONS: dict[str, Full | Forward | Backward | DiagonalDisabled] = {
    pattern.kind: pattern for pattern in (Full(), Forward(), Backward(), DiagonalDisabled())
}


def per_head(masks: "tuple[MaskOptions, ...]", n_q: int, n_k: int, device: "torch.device | str | None") -> "Tensor":
    """Stack a pattern for each of h heads: bool (1, h, n_q, n_k)."""
    import torch

    return torch.stack([mask(n_q, n_k, device) for mask in masks]).unsqueeze(0)
