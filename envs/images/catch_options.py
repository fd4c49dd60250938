"""Options of Catch; nothing heavy is imported."""

import math
from typing import ClassVar, Literal

from pydantic import Field, ValidationInfo, field_validator

from glimpse.envs.images.options import (
    Glance,
    ImageTaskOptions,
    InitialLocationName,
    Location,
    RetinaOptions,
)
from glimpse.envs.options import TaskDescription

SUBPIXEL_BITS = 16
SUBPIXELS = 1 << SUBPIXEL_BITS
"""Number of sub-pixels in a pixel, the unit of the flights of balls; see `flights.py`."""


class CatchOptions(ImageTaskOptions):
    """Options of Catch: find a falling ball by glimpses and move a paddle under it (Mnih et al., 2014, section 4.2)."""

    of_data: ClassVar[frozenset[str]] = frozenset(
        {"paddle", "sideways", "paddle_start", "start_rows", "initial_location"}
    )

    screen: int = Field(24, ge=4, le=512, description="Side S of the square screen, in pixels.")
    paddle: int = Field(2, ge=1, le=512, description="Width of the paddle, in pixels; it moves by one pixel per step.")
    ball_speed: float = Field(1.0, ge=0.05, le=16, description="Speed at which the ball falls, in rows per step.")
    sideways: float = Field(
        1.0,
        ge=0,
        le=16,
        description="Largest speed sideways, in columns per step; the speed of each ball is uniform up to it.",
    )
    paddle_start: Literal["middle", "random"] = Field(
        "middle",
        description="Where the paddle begins: in the middle, or in a column of each episode's own. With the latter a "
        "ball may have to fall longer to be caught.",
    )
    start_rows: int | None = Field(
        None,
        ge=1,
        le=512,
        validate_default=True,
        description="Number of top rows in which the ball may begin. With 1, as in the paper, all episodes have one "
        "length. By default 6, or fewer if a ball from the lowest row could not always be caught.",
    )
    view: Literal["glimpse", "whole"] = Field(
        "glimpse", description="Observation: a glimpse of the screen, or the whole screen as a control."
    )
    retina: RetinaOptions = RetinaOptions()
    glance: Glance = None
    initial_location: InitialLocationName | Location = Field(
        "centre",
        description="Location of the first glimpse: uniform over the screen, its centre, the first cell of "
        "a grid with a cell for each glimpse (`raster`, as the raster control begins), or a given (x, y).",
    )

    @property
    def first_rows(self) -> int:
        """Number of top rows in which balls begin: `start_rows`, which validation has set."""
        return self.start_rows or 1

    @property
    def fall(self) -> int:
        """Distance that the ball falls in a step, in sub-pixels; rounded up, so that it never lands late."""
        return math.ceil(self.ball_speed * SUBPIXELS)

    @property
    def steps(self) -> int:
        """Length T of the longest episode, whose ball begins in the top row."""
        return -((1 - self.screen) * SUBPIXELS // self.fall)

    # A check of several keys is a validator of the last one, so that it also runs if other keys are wrong.
    @field_validator("paddle")
    @classmethod
    def _paddle_fits_the_screen(cls, paddle: int, others: ValidationInfo) -> int:
        if paddle > others.data.get("screen", paddle):
            raise ValueError(f"should be at most the screen's side, {others.data['screen']} (got {paddle})")
        return paddle

    @field_validator("start_rows")
    @classmethod
    def _every_ball_can_be_caught(cls, start_rows: int | None, others: ValidationInfo) -> int | None:
        if not {"screen", "paddle", "ball_speed"} <= others.data.keys():
            return start_rows
        screen, room = others.data["screen"], others.data["screen"] - others.data["paddle"]
        # From the middle the farther wall counts, from anywhere the whole room.
        needed = room if others.data.get("paddle_start") == "random" else room - room // 2
        most: int = min(screen - 1, math.ceil(screen - (needed - 1) * others.data["ball_speed"]) - 1)
        if most < 1:
            raise ValueError(
                f"no ball of ball_speed {others.data['ball_speed']:g} falls for as long as the {needed} steps that the "
                "paddle takes to a wall: lower ball_speed, or widen the paddle"
            )
        if start_rows is None:
            return min(6, most)
        if start_rows > most:
            raise ValueError(f"should be at most {most}: the paddle takes {needed} steps to a wall (got {start_rows})")
        return start_rows

    def describe(self) -> TaskDescription:
        """Return the cells of `glimpse list environments`."""
        size = f"{self.screen}x{self.screen}"
        return TaskDescription("a falling ball", size, self.retina.describe(), f"up to {self.steps}")
