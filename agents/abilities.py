"""Optional abilities of agents, as small protocols beside the base classes in `agent.py`.

`ability_questions.py` has a function for each, which asks an agent for it. Axes: B episodes, T steps.
"""

from collections.abc import Iterator
from typing import Any, Protocol, runtime_checkable

from torch import Tensor

from glimpse.agents.episode import Episode, Loss
from glimpse.agents.readout import Readout
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
