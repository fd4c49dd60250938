"""The options of the agent that reads texts piece by piece; pydantic only, as `options.py`."""

from typing import Literal

from pydantic import Field

from glimpse.agents.encoders.options import LevelOptions
from glimpse.agents.options import ReinforceOptions


class SkimmerOptions(ReinforceOptions):
    """Reads a window, jumps, stops and answers (Yu et al., 2017, "LSTM-Jump")."""

    name: Literal["skimmer"] = "skimmer"
    core: Literal["rnn", "lstm"] = Field("lstm", description="The paper's LSTM, or RAM's rectified recurrent core.")
    window: LevelOptions = Field(LevelOptions(), description="How the words of a window become one vector.")
    jumps: Literal["learned", "next", "random"] = Field(
        "learned", description="What chooses the jumps: learned; or a control, always the next window, or by lot."
    )
    entropy: float = Field(0.01, ge=0, description="Weight of the jumps' entropy.")
    embedding_width: int = Field(50, ge=1, description="Width of word vectors where the task gives none.")
    embedding: Literal["trained", "frozen"] = Field(
        "trained", description="Whether the word vectors that the task gives are trained."
    )
    embedding_rate: float = Field(1.0, gt=0, description="Multiple of the learning rate, for word vectors.")
    dropout: float = Field(0.0, ge=0, lt=1, description="Share of what is read of words and windows that is left out.")
