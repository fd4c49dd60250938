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
