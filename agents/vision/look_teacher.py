"""Imitation of a teacher of looks, who knows where the things are that have to be found.

Axes: B episodes, T steps, M targets.
"""

import torch
from torch import Tensor

from glimpse.agents.data_parallel import over_all_ranks
from glimpse.agents.episode import Episode
from glimpse.agents.vision.look_policy import LookPolicy


def imitation_loss(policy: LookPolicy, parts: dict[str, Tensor], episode: Episode, taken: Tensor) -> Tensor:
    """Return minus the mean log-probability of a look at any target that no look has shown, a scalar.

    Steps at which all targets have been shown teach nothing.

    Args:
        policy: the policy of looks.
        parts: its parameters at T' steps.
        episode: recorded with `teaching`, which has `look` (T, B, M, 2), `seen` (T, B, M), and perhaps `zoom`.
        taken: (T', B) bool, which looks count.
    """
    count = len(taken)
    taught = {name: part[:count] for name, part in episode.teaching.items()}
    unseen = taught.pop("seen").cumsum(0) == 0
    targets = range(unseen.shape[-1])
    each = [policy.log_prob(parts, {name: part[:, :, m] for name, part in taught.items()}) for m in targets]
    log_prob = torch.stack(each, -1).masked_fill(~unseen, -torch.inf)
    teaches = taken & unseen.any(-1)
    chance = log_prob.masked_fill(~teaches.unsqueeze(-1), 0.0).logsumexp(-1)
    return -(chance * teaches).sum() / over_all_ranks(teaches.sum()).clamp(min=1)


def teachers_looks(
    action: dict[str, Tensor], taught: list[dict[str, Tensor]], share: float, chance: Tensor
) -> dict[str, Tensor]:
    """Return actions that look, in a share of the lanes, at a target that no look has shown, each as likely.

    Args:
        action: of B lanes: `look` (B, 2), perhaps `zoom`, and others, which stay.
        taught: the teaching of each step so far, see `imitation_loss`, for one step.
        share: of the lanes, in [0, 1]; where all targets have been shown there is nothing to look at.
        chance: (B, 2) uniform in [0, 1): whether a lane is one of them, and which target it looks at.
    """
    unseen = ~torch.stack([step["seen"] for step in taught]).any(0)
    number = (chance[:, 1:] * unseen.sum(1, keepdim=True)).long()
    target = ((unseen.cumsum(1) == number + 1) & unseen).int().argmax(1)
    looks = (chance[:, 0] < share) & unseen.any(1)
    lanes = torch.arange(len(target), device=target.device)
    changed = dict(action)
    for name in ("look", "zoom"):
        if name in taught[-1]:
            wanted = taught[-1][name][lanes, target].to(action[name].dtype)
            changed[name] = torch.where(looks.view(-1, *[1] * (wanted.dim() - 1)), wanted, action[name])
    return changed
