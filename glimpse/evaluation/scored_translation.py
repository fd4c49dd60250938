"""Log-probabilities of translations that are given."""

from typing import NamedTuple

import torch

from glimpse.agents.translation.symbols import END
from glimpse.agents.translation.translator import Translator
from glimpse.envs.translation.translating import Translating
from glimpse.errors import UserError
from glimpse.evaluation.generation import tokens_of


class ScoredTranslation(NamedTuple):
    """A given translation with its log-probability under a translator.

    text, target: the source and the translation.
    tokens: the translation's tokens as text, with the end last.
    each: natural logarithm of the probability of each token.
    """

    text: str
    target: str
    tokens: list[str]
    each: list[float]

    @property
    def log_prob(self) -> float:
        """Log-probability of the whole translation."""
        return sum(self.each)


@torch.no_grad()
def score_translation(agent: Translator, env: Translating, text: str, target: str) -> ScoredTranslation:
    """Return the log-probability of a given translation, token by token, as a beam search would add it up.

    Raises:
        UserError: if the translation is longer than the agent can write.
    """
    (text,), (source,), _ = tokens_of(env, [text])
    given = target.lower() if env.options.lower else target
    (tokens,) = env.languages.target.encode([given])
    if len(tokens) > agent.longest:
        raise UserError(f"the translation has {len(tokens)} tokens, and the run writes at most {agent.longest}")
    before, known = (torch.tensor([one], device=env.device) for one in (source, tokens))
    forced = agent.teacher_force(before, known)
    each = agent.output(forced.features).float().log_softmax(-1).gather(-1, known.unsqueeze(-1))[0, :, 0].tolist()
    spelled = [*env.languages.target.spell(token for token in tokens if token != END), "</s>"]
    return ScoredTranslation(text, target, spelled, each)
