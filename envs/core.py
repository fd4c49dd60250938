"""Interface of every environment: B episodes in parallel, with tensors in and out.

The Gymnasium and Stable-Baselines3 interfaces in `faces/` wrap any of them. Axes: B lanes, E examples, M copies of each
(rollouts per example), R lanes that are reset, N classes, T steps.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple, Protocol, TypeGuard, runtime_checkable

import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import NDArray
from torch import Tensor

Observation = dict[str, Tensor]
Action = dict[str, Tensor]


class StepResult(NamedTuple):
    """Result of a step of a batched environment.

    observation: tensors of the observation space, with a leading axis B.
    reward: (B,) float32.
    terminated: (B,) bool; True where the episode has ended, at this step or before.
    label: (B,) int64, or (B, M); or (B,) float32, a score; the right answer, for supervised losses. It is never part
        of an observation.
    """

    observation: Observation
    reward: Tensor
    terminated: Tensor
    label: Tensor


class BatchedEnv(Protocol):
    """Protocol of a batched environment. It never changes a returned tensor in place.

    observation_space, action_space: spaces of one lane.
    device: device of all tensors.
    lengths: (N,) int64 on the CPU, the length of each example, where batches should have examples of similar length;
        None where all examples cost the same.
    augments: whether the constructor takes `augment`, random warps of the training images.
    derived: names of attributes that the environment makes again of its others where they are missing; pickles and
        checkpoints leave them out.
    """

    augments: bool = False
    derived: frozenset[str] = frozenset()
    observation_space: spaces.Dict
    action_space: spaces.Dict
    device: torch.device
    lengths: Tensor | None = None

    @property
    def examples(self) -> int:
        """Number of examples N of the split."""
        raise NotImplementedError(missing(self, "examples", "the number of examples of the split, a whole number"))

    @property
    def label(self) -> Tensor:
        """Right answer of each lane: (B,) int64, or (B, M) where it consists of several numbers."""
        raise NotImplementedError(missing(self, "label", "the right answer of each lane, (B,) int64"))

    def draw_example(self, key: Tensor) -> Tensor:
        """Draw an example for each episode's key: (B,) int64 -> (B,) int64 in [0, N)."""
        raise NotImplementedError(missing(self, "draw_example", "an example for each key, (B,) int64 in [0, examples)"))

    def reset(self, example: Tensor, key: Tensor, copies: int = 1) -> Observation:
        """Begin M = `copies` episodes on each of E examples, in B = E * M lanes.

        Args:
            example: (E,) int64 in [0, N).
            key: (E,) int64, the seed of each episode's random numbers.
            copies: number M of episodes on each example; lane e * M + m is copy m of example e.

        Returns:
            The first observation, with a leading axis B.
        """
        raise NotImplementedError(missing(self, "reset", "the first observation of E * copies lanes"))

    def reset_lanes(self, lanes: Tensor, example: Tensor, key: Tensor) -> Observation:
        """Begin new episodes in some lanes and leave the others as they are.

        Args:
            lanes: (R,) int64, the lanes to reset.
            example: (R,) int64 in [0, N).
            key: (R,) int64.

        Returns:
            The observation of all B lanes.
        """
        raise NotImplementedError(missing(self, "reset_lanes", "the observation of all B lanes"))

    def step(self, action: Action) -> StepResult:
        """Act in all lanes. In terminated lanes nothing changes and the reward is 0."""
        raise NotImplementedError(
            missing(self, "step", "a StepResult: observation, reward, terminated and label of all B lanes")
        )

    def frame(self, lane: int, seen: Sequence[Mapping[str, NDArray[Any]]]) -> NDArray[np.uint8]:
        """Draw a lane as a picture (height, width, 3) from the observations of its episode so far."""
        raise NotImplementedError(missing(self, "frame", "a picture (height, width, 3) uint8 of the lane"))

    def agent_inputs(self) -> dict[str, Any]:
        """Return further arguments of an agent's constructor by name, such as word vectors."""
        return {}


class EvaluatedEnv(BatchedEnv, Protocol):
    """Protocol of a batched environment whose answers can be evaluated.

    classes: names of the N classes; empty where only the reward counts.
    answers: number of classes to be answered in an episode, at equal intervals of steps; 0 where only the reward
        counts. The label encodes them as the digits of a number in base N, the first answer as the leading digit.
    scores: the lowest and the highest score where the labels are scores; None where they are classes.
    many: whether an answer is any number of the classes; the label is (B, N) int64 then, 1 for those that are right.
    """

    classes: tuple[str, ...]
    answers: int
    scores: tuple[float, float] | None = None
    many: bool = False

    def wrong(self, belief: Tensor, label: Tensor) -> Tensor:
        """Return whether the likeliest answer after each step is wrong.

        Args:
            belief: (T, ..., N), probabilities of the N classes.
            label: (...,) int64; (..., N) where an answer is several classes.

        Returns:
            (T, ...) bool.

        Raises:
            ValueError: if the environment has no answers.
        """
        raise ValueError(f"{type(self).__name__} has no answers that are right or wrong: compare the reward")


@runtime_checkable
class FullyObservable(Protocol):
    """Protocol of an environment that can show a whole example to agents that learn from labels alone."""

    def full_observation(self) -> Observation:
        """Return an observation (B, ...) that shows the whole example of each lane."""


@runtime_checkable
class Teaching(Protocol):
    """Protocol of an environment that knows what would be right to do, for agents that imitate.

    One whose data may lack what its teacher must know may also define `knows_right`, whether they have it.
    """

    def teaching(self) -> dict[str, Tensor]:
        """Return what a teacher would do now in each lane, by name, (B, ...); it is never part of an observation."""


@runtime_checkable
class HasRationales(Protocol):
    """Protocol of a text environment whose data may have human rationales: words that justify the label."""

    def human_rationale(self, example: Tensor) -> Tensor | None:
        """Return the human rationales of texts.

        Args:
            example: (B,) int64, numbers of the texts.

        Returns:
            (B, L) or (B, S, L) bool, True for words of the rationale; None where the data have no rationales.
        """


@runtime_checkable
class CountsWords(Protocol):
    """Protocol of an environment that shows a text window by window and knows its number of words."""

    def word_counts(self, example: Tensor) -> Tensor:
        """Return the numbers of words of the texts `example`: (B,) int64 -> (B,) int64."""


@runtime_checkable
class CountsClasses(Protocol):
    """Protocol of an environment that knows how many examples of each class its split has."""

    def class_counts(self) -> dict[str, int]:
        """Return the number of examples by the class's name; none where labels are not classes."""


@runtime_checkable
class HasFingerprints(Protocol):
    """Protocol of an environment that can tell equal examples."""

    def fingerprints(self) -> tuple[Tensor, Tensor]:
        """Return a number for each example of the split, equal for equal ones, (N,) int64, and the labels (N,)."""


@runtime_checkable
class IdentifiesExamples(Protocol):
    """Protocol of an environment that can tell whether another one shows the same examples."""

    def shown_examples(self) -> Any:
        """Return what is shown, in order: tensors, texts, options, and labels by name; see `named_labels`.

        It is the same for two environments whose examples are the same, whatever numbers words and classes have in
        them, and whatever an agent observes of the examples.
        """


@runtime_checkable
class HasLaneInfo(Protocol):
    """Protocol of an environment that tells more of its episodes than the label, for `info` and for statistics."""

    def lane_info(self) -> dict[str, Tensor]:
        """Return facts of the running episode of each lane by name, (B,) each; no agent observes them."""


@runtime_checkable
class SuggestsOption(Protocol):
    """Protocol of an environment that may know an option of the task that suits its data better."""

    def suggested_option(self) -> str:
        """Return a line that says what is odd and which option to set; empty where nothing is."""


def missing(env: object, name: str, returns: str) -> str:
    """Describe the mistake of an environment that does not define a member, which must give what `returns` says."""
    return f"{type(env).__name__} must define {name!r}: it returns {returns}"


def is_fully_observable(env: object) -> TypeGuard[FullyObservable]:
    """Return whether an environment can show a whole example to agents that learn from labels alone."""
    return isinstance(env, FullyObservable)


def is_teaching(env: object) -> TypeGuard[Teaching]:
    """Return whether an environment knows what would be right to do."""
    return isinstance(env, Teaching)


def has_rationales(env: object) -> TypeGuard[HasRationales]:
    """Return whether an environment may have human rationales."""
    return isinstance(env, HasRationales)


def counts_words(env: object) -> TypeGuard[CountsWords]:
    """Return whether an environment knows the numbers of words of its texts."""
    return isinstance(env, CountsWords)


def counts_classes(env: object) -> TypeGuard[CountsClasses]:
    """Return whether an environment knows the numbers of examples of its classes."""
    return isinstance(env, CountsClasses)


def has_fingerprints(env: object) -> TypeGuard[HasFingerprints]:
    """Return whether an environment can tell equal examples."""
    return isinstance(env, HasFingerprints)


def identifies_examples(env: object) -> TypeGuard[IdentifiesExamples]:
    """Return whether an environment can tell whether another one shows the same examples."""
    return isinstance(env, IdentifiesExamples)


def has_lane_info(env: object) -> TypeGuard[HasLaneInfo]:
    """Return whether an environment tells more of its episodes than the label."""
    return isinstance(env, HasLaneInfo)


def suggests_option(env: object) -> TypeGuard[SuggestsOption]:
    """Return whether an environment may know an option that suits its data better."""
    return isinstance(env, SuggestsOption)


def what_is_asked(env: EvaluatedEnv) -> Literal["classes", "scores", "many", "reward"]:
    """Return what an environment asks for: one class or several in order, a score, any number of labels; or nothing."""
    if env.scores is not None:
        return "scores"
    if env.many:
        return "many"
    return "classes" if env.classes else "reward"


def count_labels(labels: Tensor, classes: Sequence[str]) -> dict[str, int]:
    """Count labels (N,) or (N, C) int64 by the names of their classes; nothing without classes."""
    if not classes:
        return {}
    if labels.dim() > 1:
        return dict(zip(classes, labels.sum(0).tolist(), strict=True))
    return dict(zip(classes, torch.bincount(labels, minlength=len(classes)).tolist(), strict=True))


def named_labels(labels: Tensor, classes: Sequence[str]) -> tuple[list[str], Tensor]:
    """Number labels (N,) int64 by the sorted names of the classes that occur, or return scores as they are.

    Returns:
        The names, and the labels (N,) on the CPU; of several labels (N, C) the columns that occur, by name.
    """
    labels = labels.cpu()
    if not classes:
        return [], labels
    if labels.dim() > 1:
        order = sorted(labels.any(0).nonzero()[:, 0].tolist(), key=lambda number: classes[number])
        return [classes[number] for number in order], labels[:, order]
    there = labels.unique().tolist()
    names = sorted(classes[label] for label in there)
    number = torch.zeros(len(classes), dtype=torch.int64)
    for label in there:
        number[label] = names.index(classes[label])
    return names, number[labels]


def first_observation(env: BatchedEnv, example: Tensor, key: Tensor) -> Observation:
    """Reset to E examples and return the observation for agents that learn from labels alone.

    Args:
        env: a batched environment.
        example: (E,) int64.
        key: (E,) int64, the seed of the picture and of the initial location.

    Returns:
        The full observation where the environment has one, otherwise the first one.
    """
    observation = env.reset(example, key)
    return env.full_observation() if is_fully_observable(env) else observation
