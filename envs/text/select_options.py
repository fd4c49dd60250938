"""The options of the world in which words are chosen; pydantic only."""

from typing import Literal

from pydantic import Field

from glimpse.envs.text.options import TextOptions


class SelectOptions(TextOptions):
    """The words that a predictor is given are chosen, all at once."""

    name: Literal["sentence-select"] = Field(description="Which world.")
    cost: float = Field(0.1, ge=0, description="Lambda: what it costs to choose everything, beside log p of the label.")
    sparsity: Literal["product", "mean", "sum"] = Field(
        "product", description="Of the shares of heads and dependents: product, the share of pairs; their mean or sum."
    )
