"""Tests of what reports on pictures say of a glance, which drawings do not show."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from glimpse.envs.images.classification import Classification
from glimpse.envs.images.classification_options import ClassificationOptions
from glimpse.envs.images.image_data import load_images
from glimpse.reporting.images.animation_figure import _veil_caption
from glimpse.reporting.images.image_contents import ImageContents
from glimpse.reporting.images.image_page import _observation_text


@pytest.mark.parametrize("moves", [False, True], ids=["still", "moving"])
@pytest.mark.parametrize("glance", [None, 7])
def test_a_glance_is_told_where_it_is_shown_to_the_agent(glance: int | None, moves: bool) -> None:
    """With it, no caption says that the agent has not seen what is grey, and the observation names it."""
    given = {"name": "images", "glance": glance, "retina": {"patch": 3}}
    env = Classification(ClassificationOptions.model_validate(given), load_images("digits", "validation"))
    episode = SimpleNamespace(share=None, frames=[] if moves else None)
    told: Any = SimpleNamespace(shown=[episode], is_glimpsed=True, scales=1, trained=SimpleNamespace(env=env))
    caption, observed = _veil_caption(cast(ImageContents, told)), _observation_text(env, 4, False)
    assert ("a glance showed the whole image in 7 × 7 pixels" in caption) == (glance is not None)
    assert ("the agent has not seen" in caption) == (glance is None and not moves)
    assert observed.startswith("4 glimpses of 3 × 3, one scale")
    assert observed.endswith(", and a glance: the whole image in 7 × 7 pixels") == (glance is not None)
