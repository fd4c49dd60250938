"""Texts that an agent read in part: window by window, or the words that it selected."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from glimpse.agents.agent import Agent
from glimpse.agents.embedding import PADDING
from glimpse.agents.episode import Episode
from glimpse.config.experiment import EvaluateOptions
from glimpse.envs.text.selecting import Selecting
from glimpse.envs.text.skimming import Skimming
from glimpse.envs.text.vocabulary import UNKNOWN
from glimpse.evaluation.scores import evaluation_keys
from glimpse.reporting.text.accounts import Account, Text
from glimpse.runs.build import use_bfloat16
from glimpse.runs.rollout import play


def skimmed_texts(agent: Agent, env: Skimming, options: EvaluateOptions, examples: list[int]) -> list[Account]:
    """Return what the greedy agent read of some texts, and its answers.

    Args:
        agent: the agent.
        env: its environment, which shows the texts.
        options: options of the evaluation, for its precision.
        examples: numbers of the texts.
    """
    episode = _greedy(agent, env, options, examples)
    belief = episode.belief[-1].cpu().numpy()
    found = []
    for row, example in enumerate(examples):
        text = env.text(example)
        read = np.zeros(len(text), np.bool_)
        shown = episode.step_mask[:, row] & (episode.observation["words"][:, row] != PADDING).any(-1)
        for position in episode.observation["position"][:, row][shown].flatten().tolist():
            first, last = env.span(example, position)
            read[first:last] = True
        one = _text(env, text, read)
        found.append(Account(example, (one,), belief[row], true=float(episode.label[row])))
    return found


def selected_texts(agent: Agent, env: Selecting, options: EvaluateOptions, examples: list[int]) -> list[Account]:
    """Return which words of some texts, or pairs, the greedy agent selected, and what the classifier makes of them.

    For the arguments see `skimmed_texts`.
    """
    episode = _greedy(agent, env, options, examples)
    seen = {name: text[0] for name, text in episode.observation.items()}
    chosen = env.chosen_words({name: part[0] for name, part in episode.action.items()})
    read = env.words_read(seen, chosen)
    belief = env.belief(seen, read).cpu().numpy()
    found = []
    for row, example in enumerate(examples):
        texts = []
        for name, text in seen.items():
            real = text[row] != PADDING
            texts.append(_text(env, text[row][real].tolist(), read[name][row][real].cpu().numpy()))
        found.append(Account(example, tuple(texts), belief[row], true=float(episode.label[row])))
    return found


@torch.no_grad()
def _greedy(agent: Agent, env: Skimming | Selecting, options: EvaluateOptions, examples: list[int]) -> Episode:
    """Play an episode on each of some texts, greedily, as an evaluation does."""
    numbers: Tensor = torch.tensor(examples, device=env.device)
    with torch.autocast(env.device.type, torch.bfloat16, enabled=use_bfloat16(options.precision, env.device)):
        return play(env, agent, numbers, evaluation_keys(env, options)[numbers], greedy=True)


def _text(env: Skimming | Selecting, numbers: list[int], read: NDArray[np.bool_]) -> Text:
    """Return a text in which the words that were not read are dropped."""
    words = tuple(env.vocabulary.words[number] for number in numbers)
    return Text(words, np.array(numbers) == UNKNOWN, (len(words),), dropped=~read)
