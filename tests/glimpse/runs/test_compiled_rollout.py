"""A rollout of RAM is one graph for torch's compiler."""

import pytest
import torch

from glimpse.agents.vision.options import RamOptions
from glimpse.agents.vision.ram import make_ram
from glimpse.envs.images.classification import Classification
from glimpse.envs.images.classification_options import ClassificationOptions
from glimpse.envs.images.image_data import ImageData
from glimpse.envs.images.options import AugmentOptions
from glimpse.runs.rollout import play


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_rollout_with_warped_pictures_has_no_graph_breaks() -> None:
    """Neither options nor records of activations interrupt it."""
    noise = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (4, 1, 6, 6), generator=noise, dtype=torch.uint8)
    task = ClassificationOptions.model_validate({"name": "images", "retina": {"patch": 3}, "glimpses": 2})
    env = Classification(
        task, ImageData(images, torch.arange(4), ("a", "b", "c", "d")), augment=AugmentOptions(shift=1)
    )
    agent = make_ram(RamOptions(memory_width=4), env.observation_space, env.action_space)
    torch._dynamo.reset()
    found = torch._dynamo.explain(lambda example, key: play(env, agent, example, key, record=True).reward)(
        torch.arange(4), torch.arange(4)
    )
    assert (found.graph_count, found.graph_break_count) == (1, 0), found.break_reasons
