"""Optional abilities of agents, as small protocols beside the base classes in `agent.py`.

Each protocol has a function that asks an agent for the ability. Axes: B episodes, T steps.
"""

from collections.abc import Iterator
from typing import Any, Protocol, cast, runtime_checkable

from torch import Tensor

from glimpse.agents.episode import Episode, Loss
from glimpse.agents.readout import Readout
from glimpse.agents.text.explaining import Explaining
from glimpse.agents.vision.locators import Locator


@runtime_checkable
class Preselecting(Protocol):
    """Agent that selects, before the first step, which part of an observation it reads.

    selection_noise: random numbers that the selection takes for each number of an observation.
    """

    selection_noise: int

    def select(self, observation: dict[str, Tensor], memory: Any, noise: Tensor, greedy: Tensor | bool) -> Any:
        """Select what is read.

        Args:
            observation: the first observation of B episodes.
            memory: what `initial_memory` returned.
            noise: (B, selection_noise * n) standard normal, where an observation has n numbers.
            greedy: whether to take the likeliest selection instead of a sample; a bool, or (B,) bool.

        Returns:
            The memory for the first step.
        """


@runtime_checkable
class WarmingUp(Protocol):
    """Agent with a warm-up stage of training, whose weights are never kept as the best."""

    @property
    def in_warmup(self) -> bool:
        """True until the warm-up is over."""


@runtime_checkable
class EndingEarly(Protocol):
    """Agent whose rollout ends as soon as all episodes are done, since their lengths differ much.

    stops_when_all_done: whether this holds for the agent as it is configured.
    """

    stops_when_all_done: bool


@runtime_checkable
class TargetingKeepRate(Protocol):
    """Agent that is asked to keep a given fraction of the tokens.

    target_keep_rate: in (0, 1]; None if no keep rate is asked for.
    """

    target_keep_rate: float | None


@runtime_checkable
class ReadingPartially(Protocol):
    """Agent that is shown a whole picture, reads a part of it, and can report which.

    foveal: whether what it reads depends on where it looks.
    readout_name: what the patches of a readout show, in words.
    """

    foveal: bool
    readout_name: str

    def readout(self, observation: dict[str, Tensor], memory: Any) -> Readout:
        """Return what `forward` reads of the picture, to be drawn."""

    def pixels_read(self, shown: int) -> int:
        """Return the number of pixels read in an episode whose environment shows `shown` pixels."""


@runtime_checkable
class Locating(Protocol):
    """Agent whose locations come from a locator that a control locator can replace.

    locator: proposes locations; None while the agent chooses them by other means.
    """

    locator: Locator | None


@runtime_checkable
class ChoosingLooks(Protocol):
    """Agent that chooses its looks by a policy of its own, which may be that of a control.

    learns_looks: whether looks are learned.
    adapts_looks: whether they can differ between pictures.
    reads_glance_only: whether glimpses are not read at all.
    """

    learns_looks: bool
    adapts_looks: bool
    reads_glance_only: bool


@runtime_checkable
class SelectingWords(Protocol):
    """Agent that selects which words of a text it reads."""

    def words_read(self, observation: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return which words the greedy selection reads: (B, L) bool for each text."""


@runtime_checkable
class MultiUpdating(Protocol):
    """Agent that makes several updates from the same episodes, as PPO does."""

    def updates(self, episode: Episode) -> Iterator[Loss]:
        """Yield the loss of each update."""


@runtime_checkable
class UsingGreedyCopy(Protocol):
    """Agent that may use a self-critical baseline.

    greedy_copy: whether the first rollout of each training example must be greedy.
    """

    greedy_copy: bool


@runtime_checkable
class Imitating(Protocol):
    """Agent that may imitate a teacher, see `glimpse.envs.core.Teaching`.

    imitates: whether its episodes are recorded with what the teacher would do.
    """

    imitates: bool


@runtime_checkable
class FollowingTeacher(Protocol):
    """Agent that may take a teacher's actions while it imitates it, see `Imitating`."""

    def follow(self, action: dict[str, Tensor], taught: list[dict[str, Tensor]], chance: Tensor) -> dict[str, Tensor]:
        """Return the actions of B lanes, some of them the teacher's.

        Args:
            action: what the agent would do.
            taught: what the teacher would do at each step so far.
            chance: (B, 2) uniform in [0, 1).
        """
        ...


@runtime_checkable
class SubsamplingRollouts(Protocol):
    """Agent that plays episodes on only a part of the examples of an update.

    rollout_one_in: n, where one of n examples is played.
    """

    rollout_one_in: int


@runtime_checkable
class WeighingClasses(Protocol):
    """Agent whose cross-entropy may give classes different weights.

    class_weights: (N,), by which the cross-entropy of an example of each class is multiplied; None for 1.
    """

    class_weights: Tensor | None


@runtime_checkable
class LoadingPretrained(Protocol):
    """Agent with a network whose weights come from a file."""

    def load_pretrained(self) -> None:
        """Load them, before training begins; raise ValueError if that is not possible."""


@runtime_checkable
class StoppingByWorth(Protocol):
    """Agent that predicts what the looks to come are worth.

    stop_threshold: it stops where they are worth less, in nats; None if it never stops.
    """

    stop_threshold: float | None


@runtime_checkable
class DecidingToAnswer(Protocol):
    """Agent that searches documents; its first move is to answer.

    decides_when_to_answer: whether that is learned, not prescribed as by a control.
    reads_candidates: whether it reads all candidates, by soft attention, and opens none.
    """

    decides_when_to_answer: bool
    reads_candidates: bool


@runtime_checkable
class PoolingWords(Protocol):
    """Options of an agent that pools the words of a text.

    pooling_kind: name of the pooling; None where the encoder has no such option.
    """

    @property
    def pooling_kind(self) -> str | None:
        """Name of the pooling."""


@runtime_checkable
class Classifying(Protocol):
    """Options of an agent that answers after each step of an episode.

    classification: `final` if only the last answer is trained, `every_step` if all are.
    """

    classification: str


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
