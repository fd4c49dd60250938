"""The options of the world that asks for simultaneous translations; pydantic only."""

from typing import Literal

from pydantic import Field

from glimpse.envs.translation.options import TranslationOptions


class InterpretOptions(TranslationOptions):
    """A sentence is heard piece by piece, and translated while it is."""

    name: Literal["interpret"] = Field(description="Which world.")  # type: ignore[assignment]  # a world of its own
    delay_cost: float = Field(0.02, ge=0, description="What each piece of average lag takes from the reward.")
