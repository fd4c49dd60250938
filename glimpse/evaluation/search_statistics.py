"""Statistics of episodes that search documents: what they opened and read, and what they found.

Axes: E examples, B = E * M episodes (M copies of each example).
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from glimpse.agents.embedding import PADDING
from glimpse.agents.episode import Episode
from glimpse.envs.core import BatchedEnv, has_lane_info
from glimpse.evaluation.scores import Scores

FOUND = ("evidence_found", "evidence_share", "opened", "words_read")
"""What an environment that searches documents tells of its episodes; see `DocumentEnv.lane_info`."""


def what_was_found(episode: Episode, env: BatchedEnv) -> dict[str, Tensor]:
    """Return what the episodes that an environment has just ended found, (B,) float32 each, and their `mean_reward`.

    `evidence_marked` is 1 where evidence is known. Nothing is returned where no documents are searched.
    """
    info = env.lane_info() if has_lane_info(env) else {}
    if not set(FOUND) <= info.keys():
        return {}
    searched: Any = env
    found = {name: info[name].float() for name in FOUND}
    return {"mean_reward": episode.reward.sum(0).float(), **found, "evidence_marked": searched.has_evidence.float()}


def what_was_attended(episode: Episode) -> dict[str, Tensor]:
    """Return how many sentences and words were read by soft attention to all candidates, (B,) float32 each.

    They stand for those that were opened.
    """
    words = episode.observation["candidates"][0] != PADDING  # (B, K, P)
    return {"opened": words.any(-1).sum(-1).float(), "words_read": words.sum((-2, -1)).float()}


def mean_found(parts: list[dict[str, Tensor]]) -> dict[str, float]:
    """Return the means over all episodes; of what evidence was found, over those whose evidence is known.

    `evidence_marked`, the share of these, is told if it is not 1; without any, nothing is told of evidence found.
    """
    if not parts:
        return {}
    found = {name: torch.cat([part[name] for part in parts]) for name in parts[0]}
    marked = found.pop("evidence_marked")
    share = float(marked.mean())
    of_marked = {name: column[marked > 0] for name, column in found.items() if name.startswith("evidence")}
    means = {name: float(column.mean()) for name, column in {**found, **of_marked}.items() if len(column)}
    return means if share == 1 else {**means, "evidence_marked": share}


def found_by_example(episode: Episode, env: BatchedEnv) -> dict[str, Tensor]:
    """Return what was found, opened and read for each example, means of its copies, (E,) float32 each."""
    found = what_was_found(episode, env)
    return {name: found[name].view(-1, episode.copies).mean(-1) for name in FOUND if found}


def describe_found(scores: Scores) -> list[str]:
    """Describe what sampled episodes found in words, in at most two parts."""
    found = scores.search
    if not found:
        return []
    return [
        _describe_evidence(found),
        f"{found['opened']:.2f} sentences and {found['words_read']:.1f} words read",
    ]


def _describe_evidence(found: Mapping[str, float]) -> str:
    """Describe for how many questions the evidence is complete, and for how many it is known if not for all."""
    share = 100 * found.get("evidence_marked", 1.0)
    if "evidence_found" not in found:
        return "evidence known for no question"
    complete = f"evidence complete for {100 * found['evidence_found']:.1f} % of"
    return f"{complete} questions" if share == 100 else f"{complete} the {share:.1f} % of questions that have any"


def chosen_by_reward(task: Any) -> bool:
    """Return whether weights are chosen by the reward of a task, since it rewards more than the answer."""
    return getattr(task, "reward", "answer") in ("evidence", "both")
