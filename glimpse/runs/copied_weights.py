"""Weights of an earlier run copied into a new agent: as they are, or row by row where classes or words differ."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from glimpse.config.differences import differing_keys
from glimpse.config.experiment import Experiment
from glimpse.envs import ENVIRONMENTS
from glimpse.envs.core import BatchedEnv
from glimpse.envs.meaning import Meaning, env_meaning
from glimpse.errors import UserError
from glimpse.runs.build import make_agent, make_empty_env
from glimpse.runs.earlier_run import EarlierRun

_OF_LEARNING = frozenset(
    "answer_weight baseline classification clip_range clip_ratio contiguity copies cost discount dropout "
    "embedding_lr_scale ent_coef entropy epochs frozen gae_lambda gamma hard_until held imitation initial_path "
    "label_smoothing locator_lr_scale lr_scale mean_keep_rate minibatches multiplier n_epochs n_steps "
    "normalize_advantage penalty penalty_reduction play_every play_one_in policy_gradient_into policy_lr_scale "
    "policy_reward policy_weight pretraining random_until ranker_prior relatedness remedy_weight saliency_prior "
    "search selector_lr_scale sigma soft_until step stop_policy stop_threshold target_keep_rate update value_weight "
    "vf_coef warm_up word_dropout".split()
)
"""Options of agents, or sections of them, that may differ from the earlier run's: they say how weights are learned."""
_OF_OBSERVATIONS = frozenset(f"task.{name}" for name in ("view", "stop", "sentences", "tokens", "lower"))
"""Options of tasks that say what an agent is shown, besides the retina's."""
_SIZES = {"classes": 5, "words": 7}
"""Numbers of classes and words of the small agents by which axes are found."""

_Axes = dict[str, dict[int, str]]
"""For each weight the axes that stand for classes or words."""


def begin_with(earlier: EarlierRun, agent: Any, experiment: Experiment, env: BatchedEnv) -> str:
    """Give an agent the weights of an earlier run.

    Rows that stand for classes or words are copied by their names; those of new ones stay as they were initialised.

    Args:
        earlier: the run.
        agent: the agent, with its initial weights.
        experiment: its config.
        env: environment of its training data.

    Returns:
        A line for the user.

    Raises:
        UserError: if the agent is another one than that of the run.
    """
    refuse_other_agent(earlier, experiment)
    _refuse_other_labels(earlier, env_meaning(env))
    old, new = earlier.meaning.names(), env_meaning(env).names()
    axes = _axes_of(experiment, env_meaning(env), earlier) if old != new else {}
    copied = _copied_tensors(agent)
    if one_sided := sorted(agent.state_dict().keys() ^ earlier.weights.keys()):
        raise _misfit(earlier, experiment, f"only one of them has {one_sided[0]}")
    with torch.no_grad():
        for name, value in copied.items():
            given, named = earlier.weights[name].to(value.device, value.dtype), axes.get(name, {})
            if list(given.shape) != _expected(value, named, old):
                shapes = f"{name} has the shape {tuple(value.shape)} here and {tuple(given.shape)} there"
                raise _misfit(earlier, experiment, shapes)
            _copy(value, given, named, old, new)
    which = f"{earlier.chosen}, of step {earlier.origin.step}"
    return "; ".join([f"begins with the weights of {earlier.name}, {which}", *_describe_names(old, new)])


def _copied_tensors(agent: nn.Module) -> dict[str, Tensor]:
    """Return the parameters, and what torch's own modules keep, by name.

    Buffers of agents are positions in a schedule, running returns, and which words are trained: these begin anew.
    """
    found: dict[str, Tensor] = dict(agent.named_parameters(remove_duplicate=False))
    for prefix, module in agent.named_modules():
        if type(module).__module__.startswith("torch."):
            own = {f"{prefix}.{name}": value for name, value in module.named_buffers(recurse=False)}
            found |= {name: value for name, value in own.items() if name in agent.state_dict()}
    return found


def refuse_other_agent(earlier: EarlierRun, experiment: Experiment) -> None:
    """Check that agent and task are built like those of an earlier run.

    Raises:
        UserError: naming the first option that differs.
    """
    keys = [key for key in differing_keys(experiment, earlier.experiment) if _is_of_architecture(key)]
    if len({ENVIRONMENTS[each.task.name].kind for each in (experiment, earlier.experiment)}) > 1:
        keys.append("task.name")
    for key in sorted(keys, key=lambda key: (key not in ("agent.name", "task.name"), key)):
        here, there = (_value(each, key) for each in (experiment, earlier.experiment))
        raise UserError(
            f"init: {key} is {here} here and {there} in {earlier.name}, whose weights would not fit: give "
            f"{key}={there}, or begin with other weights"
        )


def _refuse_other_labels(earlier: EarlierRun, meaning: Meaning) -> None:
    """Raise UserError if labels are of another kind than in the earlier run, whose answers mean something else."""
    here, there = meaning.label_kind_name, earlier.meaning.label_kind_name
    if here != there:
        raise UserError(
            f"init: the labels are {here} here (task.labels) and {there} in {earlier.name}, whose answers mean "
            f"something else: give data with task.labels={there}, or begin with other weights"
        )


def _is_of_architecture(key: str) -> bool:
    """Return whether an option decides what weights compute."""
    section, *rest = key.split(".")
    if section == "agent":
        return not _OF_LEARNING & set(rest)
    return key in _OF_OBSERVATIONS or key.startswith("task.retina.")


def _value(experiment: Experiment, key: str) -> Any:
    """Return the value of a key in a config, None where it has no such key."""
    value: Any = experiment.model_dump()
    for part in key.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _misfit(earlier: EarlierRun, experiment: Experiment, what: str) -> UserError:
    """Return the error that weights do not fit, with the options of the task that may be at fault."""
    keys = [key for key in differing_keys(experiment, earlier.experiment) if key.startswith("task.")]
    hint = f"; {', '.join(keys[:5])} differ{'s' * (len(keys) == 1)}" if keys else ""
    return UserError(f"init: the weights of {earlier.name} do not fit this agent: {what}{hint}")


def _axes_of(experiment: Experiment, meaning: Meaning, earlier: EarlierRun) -> _Axes:
    """Find which axes of which weights stand for classes or words: they grow where one more of these is added."""
    sizes = [_SIZES, *({**_SIZES, name: _SIZES[name] + 1} for name in meaning.names())]
    shapes = [_shapes(experiment, meaning.sized(each)) for each in sizes]
    if None in shapes:
        raise UserError(
            f"init: {earlier.name} has other classes, {_listed(earlier.meaning.classes)}, and the weights of "
            f"{experiment.task.name!r} cannot be given others: use data with these classes"
        )
    small, *larger = (shape or {} for shape in shapes)
    found: _Axes = {}
    for name, other in zip(meaning.names(), larger, strict=True):
        for weight, shape in small.items():
            for axis, (size, grown) in enumerate(zip(shape, other[weight], strict=True)):
                if grown != size:
                    if (size, grown) != (_SIZES[name], _SIZES[name] + 1) or weight in found:
                        raise UserError(f"init: {weight} cannot be given other {name} than those of {earlier.name}")
                    found[weight] = {axis: name}
    return found


def _shapes(experiment: Experiment, meaning: Meaning | None) -> dict[str, torch.Size] | None:
    """Return the shapes of the weights of an agent with a meaning; None if the agent cannot be made of it."""
    env = None if meaning is None else make_empty_env(experiment, meaning, torch.device("cpu"))
    return (
        None if env is None else {key: value.shape for key, value in make_agent(experiment, env).state_dict().items()}
    )


def _expected(value: Tensor, named: Mapping[int, str], old: Mapping[str, Sequence[str]]) -> list[int]:
    """Return the shape that a weight has in the earlier run."""
    return [len(old[named[axis]]) if axis in named else size for axis, size in enumerate(value.shape)]


def _copy(
    value: Tensor,
    given: Tensor,
    named: Mapping[int, str],
    old: Mapping[str, Sequence[str]],
    new: Mapping[str, Sequence[str]],
) -> None:
    """Copy a weight; along an axis that stands for names, only the slices of known names."""
    if not named:
        value.copy_(given)
        return
    ((axis, name),) = named.items()
    number = {word: at for at, word in enumerate(old[name])}
    pairs = [(here, number[word]) for here, word in enumerate(new[name]) if word in number]
    here, there = torch.tensor(pairs, dtype=torch.int64, device=value.device).reshape(-1, 2).unbind(1)
    value.index_copy_(axis, here, given.index_select(axis, there))


def _describe_names(old: Mapping[str, Sequence[str]], new: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Describe which classes and words are known, which are new, and which are left out, where any are."""
    for name, names in new.items():
        known, before = set(names), set(old[name])
        added = [each for each in names if each not in before]
        lost = [each for each in old[name] if each not in known]
        if not added and not lost:
            continue
        shown = _listed if name == "classes" else _counted
        parts = [
            f"{shown([each for each in names if each in before])} with the weights known",
            f"{shown(added)} initialised anew" if added else "",
            f"{shown(lost)} left out" if lost else "",
        ]
        yield f"{name}: {', '.join(filter(None, parts))}"


def _counted(names: Sequence[str]) -> str:
    return f"{len(names):,}"


def _listed(names: Sequence[str]) -> str:
    """Count names, and list the first ten of them."""
    if not names:
        return "none"
    return f"{len(names):,} ({', '.join(map(repr, names[:10]))}{', ...' if len(names) > 10 else ''})"
