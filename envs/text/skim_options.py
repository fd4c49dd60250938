"""The options of worlds that are read piece by piece; pydantic only."""

from typing import Literal

from pydantic import Field

from glimpse.envs.text.options import TextOptions


class SkimOptions(TextOptions):
    """A text is read from left to right, a window at a time; between windows the reader may jump, or stop."""

    name: Literal["skim", "number-prediction", "sentence-pick"] = Field(description="Which world.")
    sentences: bool = Field(False, description="Whether a window and a jump are counted in sentences, not in words.")
    window: int = Field(2, ge=1, description="R: words, or sentences, that are read at once.")
    choice: Literal["jump", "keep"] = Field(
        "jump", description="Where to read next, unseen; or, window by window, whether to keep what is glanced at."
    )
    longest_jump: int = Field(
        5, ge=1, description="K: a jump of 1 goes on with what is next, K leaves out K - 1; of `choice: jump` alone."
    )
    jumps: int = Field(
        10, ge=1, le=1000, description="N: the most jumps, or windows kept or skipped; a window more is read at most."
    )
    cost: float = Field(0.0, ge=0, description="Subtracted from the reward for each word that is read.")
