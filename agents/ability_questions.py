"""Questions about the optional abilities of agents, which `abilities.py` describes.

Axes: B episodes, T steps.
"""

from typing import Any, cast

from torch import Tensor

from glimpse.agents.abilities import (
    ChoosingLooks,
    Classifying,
    DecidingToAnswer,
    EndingEarly,
    FollowingTeacher,
    Imitating,
    LoadingPretrained,
    Locating,
    MultiUpdating,
    PoolingWords,
    Preselecting,
    ReadingPartially,
    SelectingWords,
    StoppingByWorth,
    SubsamplingRollouts,
    TargetingKeepRate,
    UsingGreedyCopy,
    WarmingUp,
    WeighingClasses,
)
from glimpse.agents.text.explaining import Explaining
from glimpse.agents.vision.locators import Locator


def _members(ability: Any) -> tuple[str, ...]:
    """Return the names of a protocol's attributes and methods."""
    return tuple(name for name in {**ability.__annotations__, **vars(ability)} if not name.startswith("_"))


_MEMBERS: dict[Any, tuple[str, ...]] = {
    each: _members(each)
    for each in (
        Preselecting,
        MultiUpdating,
        EndingEarly,
        UsingGreedyCopy,
        SubsamplingRollouts,
        Imitating,
        FollowingTeacher,
    )
}
"""Members of the abilities that each step asks about."""


def _is_able(agent: object, ability: Any) -> bool:
    """Return whether an agent has one of these abilities, as `isinstance` says.

    With a protocol `isinstance` takes 10 microseconds in Python 3.11, as long as a small layer.
    """
    return all(hasattr(agent, name) for name in _MEMBERS[ability])


def as_preselecting(agent: object) -> Preselecting | None:
    """Return the agent if it selects what it reads, else None."""
    return cast(Preselecting, agent) if _is_able(agent, Preselecting) else None


def as_reading_partially(agent: object) -> ReadingPartially | None:
    """Return the agent if it reads a part of a picture that it is shown whole, else None."""
    return agent if isinstance(agent, ReadingPartially) else None


def as_explaining(agent: object) -> Explaining | None:
    """Return the agent if it reports how much each word counts and can read some words alone, else None."""
    return agent if isinstance(agent, Explaining) else None


def own_rationale(agent: object, observation: dict[str, Tensor]) -> dict[str, Tensor] | None:
    """Return the words that the agent selects greedily, (B, L) bool for each text; None if it selects no words."""
    return agent.words_read(observation) if isinstance(agent, SelectingWords) else None


def has_locator(agent: object) -> bool:
    """Return whether a control locator can replace the way in which the agent chooses locations."""
    return isinstance(agent, Locating) and not reads_glance_only(agent)


def locator_of(agent: object) -> Locator | None:
    """Return the agent's locator, or None if it has none or chooses locations by other means."""
    return agent.locator if isinstance(agent, Locating) else None


def learns_locations(agent: object) -> bool:
    """Return whether the locations at which an agent looks are learned."""
    locator = locator_of(agent)
    if locator is not None:
        return locator.learned
    return agent.learns_looks if isinstance(agent, ChoosingLooks) else True


def adapts_locations(agent: object) -> bool:
    """Return whether an agent's locations can differ between images; those of controls cannot."""
    locator = locator_of(agent)
    if locator is not None:
        return locator.adapts
    return agent.adapts_looks if isinstance(agent, ChoosingLooks) else True


def reads_glance_only(agent: object) -> bool:
    """Return whether an agent answers from the glance, and reads no glimpse."""
    return isinstance(agent, ChoosingLooks) and agent.reads_glance_only


def pixels_read(agent: object, shown: int) -> int:
    """Return the number of pixels that the agent reads in an episode whose environment shows `shown` pixels."""
    return agent.pixels_read(shown) if isinstance(agent, ReadingPartially) else shown


def as_multi_updating(agent: object) -> MultiUpdating | None:
    """Return the agent if it makes several updates from the same episodes, else None."""
    return cast(MultiUpdating, agent) if _is_able(agent, MultiUpdating) else None


def in_warmup(agent: object) -> bool:
    """Return whether the agent is in a warm-up stage of its training."""
    return isinstance(agent, WarmingUp) and agent.in_warmup


def stops_when_all_done(agent: object) -> bool:
    """Return whether a rollout of the agent ends as soon as all episodes are done."""
    return _is_able(agent, EndingEarly) and cast(EndingEarly, agent).stops_when_all_done


def target_keep_rate(agent: object) -> float | None:
    """Return the keep rate that the agent was asked for, or None."""
    return agent.target_keep_rate if isinstance(agent, TargetingKeepRate) else None


def greedy_copy(agent: object) -> bool:
    """Return whether the first rollout of each training example must be greedy."""
    return _is_able(agent, UsingGreedyCopy) and cast(UsingGreedyCopy, agent).greedy_copy


def imitates(agent: object) -> bool:
    """Return whether episodes of the agent are recorded with what a teacher would do."""
    return _is_able(agent, Imitating) and cast(Imitating, agent).imitates


def as_following_teacher(agent: object) -> FollowingTeacher | None:
    """Return the agent if it may take a teacher's actions, else None."""
    return cast(FollowingTeacher, agent) if _is_able(agent, FollowingTeacher) else None


def rollout_one_in(agent: object) -> int:
    """Return n, where the agent plays episodes on one of n examples of an update."""
    return cast(SubsamplingRollouts, agent).rollout_one_in if _is_able(agent, SubsamplingRollouts) else 1


def weigh_classes(agent: object, weights: Tensor) -> bool:
    """Give an agent the weights (N,) of classes in its cross-entropy; return False if it cannot weigh them."""
    if not isinstance(agent, WeighingClasses):
        return False
    agent.class_weights = weights
    return True


def load_pretrained(agent: object) -> None:
    """Load weights of an agent's networks from their files, if there are any.

    Raises:
        ValueError: if a file is missing or does not fit.
    """
    if isinstance(agent, LoadingPretrained):
        agent.load_pretrained()


def as_stopping_by_worth(agent: object) -> StoppingByWorth | None:
    """Return the agent if it predicts what the looks to come are worth, else None."""
    return agent if isinstance(agent, StoppingByWorth) else None


def decides_when_to_answer(agent: object) -> bool:
    """Return whether the agent searches documents, and has learned when to answer."""
    return isinstance(agent, DecidingToAnswer) and agent.decides_when_to_answer


def reads_candidates(agent: object) -> bool:
    """Return whether the agent searches documents, and reads all candidates instead of opening some."""
    return isinstance(agent, DecidingToAnswer) and agent.reads_candidates


def is_foveal(agent: object) -> bool:
    """Return whether the agent is shown a whole picture and reads it only where it looks."""
    return isinstance(agent, ReadingPartially) and agent.foveal


def readout_name(agent: object) -> str:
    """Return, in words, what the patches of a glimpse or of a readout show."""
    return agent.readout_name if isinstance(agent, ReadingPartially) else "the patches that the agent is given"


def pooling_kind(options: object) -> str | None:
    """Return the name of the pooling of words in an agent's options; None where they have none."""
    return options.pooling_kind if isinstance(options, PoolingWords) else None


def trains_last_answer_only(options: object) -> bool:
    """Return whether, by its options, an agent answers after each step and only the last answer is trained."""
    return isinstance(options, Classifying) and options.classification == "final"


def trains_every_answer(options: object) -> bool:
    """Return whether, by its options, an agent answers after each step and all of these answers are trained."""
    return isinstance(options, Classifying) and options.classification == "every_step"
