"""The options of the world that asks for simultaneous translations; pydantic only."""

from typing import Literal

from pydantic import Field

from glimpse.envs.translation.options import TranslationOptions


class InterpretOptions(TranslationOptions):
    """A sentence is heard piece by piece, and translated while it is."""

    name: Literal["interpret"] = Field(description="Which world.")  # type: ignore[assignment]  # a world of its own
    delay_cost: float = Field(0.02, ge=0, description="What each piece of lag takes from the reward.")
    lagging: Literal["average", "differentiable"] = Field(
        "average",
        description="How the lag is measured: average lagging (Ma et al., 2019); or differentiable average lagging "
        "(Cherry and Foster, 2019), which a long wait behind some early pieces does not make small.",
    )
