"""ReSAN: a reader that chooses which tokens read and which are read, by policy gradient (Shen et al., 2018, "ReSAN").

Axes: B texts, L words, M choices drawn of each text of an update, D width of an encoded text.
"""

from typing import Literal, cast

import torch
from gymnasium import spaces
from torch import Tensor, nn

from glimpse.agents.attention.reinforced import Selected
from glimpse.agents.embedding import PADDING
from glimpse.agents.encoders.encoded import Encoded
from glimpse.agents.encoders.resan_encoder import ResanEncoder
from glimpse.agents.episode import Decision, Episode, Loss
from glimpse.agents.selection.bernoulli import draw, log_prob, rate, sparsity
from glimpse.agents.selection.reinforcement import Reinforcement
from glimpse.agents.selection.sampler import SequenceSampler
from glimpse.agents.text.reader import WordVectors
from glimpse.agents.text.selecting_reader import Chooser, copied, greedy_copies
from glimpse.agents.text_options import ResanOptions

Stage = Literal["soft", "hard", "both"]
Choice = dict[str, Selected]
"""What is chosen of each text, by the observation's names."""


class Resan(Chooser):
    """A reader with two samplers, of heads and of dependents, that share nothing.

    The samplers maximise log p(label) - cost x sparsity by the score function, and nothing else reaches them; all other
    weights minimise the reader's own error, given the choice. Of a pair, each text has its own log-probability and its
    own sparsity, and both share the error (the released code; section 7.4 of the paper has one text).

    Training has three stages: everything chosen, the samplers alone, and both, at once or by turns.
    """

    coins = selects = 2
    options: ResanOptions

    def __init__(
        self,
        options: ResanOptions,
        observation_space: spaces.Dict,
        action_space: spaces.Dict,
        vectors: WordVectors | None = None,
    ) -> None:
        """Make the networks; see `Reader`."""
        super().__init__(options, observation_space, action_space, vectors)
        width, sampler = self.embedding.weight.shape[1], options.sampler
        self.samplers = nn.ModuleDict(
            {
                kind: SequenceSampler(width, sampler.hidden, options.encoder.activation, sampler.dropout)
                for kind in Selected._fields
            }
        )
        self.reinforcement = Reinforcement(sampler, width)
        self.asked_share = sampler.rate

    @property
    def stage(self) -> Stage:
        """What is trained now."""
        sampler, progress = self.options.sampler, self.done
        if progress < sampler.soft_until:
            return "soft"
        if progress < sampler.hard_until:
            return "hard"
        if not sampler.turns:
            return "both"
        turn = int((progress - sampler.hard_until) / sampler.turns)
        return "soft" if turn % 2 else "hard"

    @property
    def pretraining(self) -> bool:
        """Whether everything is still chosen."""
        return self.done < self.options.sampler.soft_until

    @property
    def prepares(self) -> bool:  # type: ignore[override]  # it is over at some time
        """Whether not all parts are trained yet."""
        return self.done < self.options.sampler.hard_until

    def select(self, observation: dict[str, Tensor], memory: None, noise: Tensor, greedy: Tensor | bool) -> Choice:
        """Toss two coins for each word; in the first stage everything is chosen."""
        if self.pretraining:
            return _everything(observation)
        own = self.by_text(observation, noise)
        return {
            name: _draw(text != PADDING, self._logits(text), own[name], greedy) for name, text in observation.items()
        }

    def forward(self, observation: dict[str, Tensor], memory: Choice | None) -> tuple[Decision, Choice | None]:
        """Answer; the activations are what was attended, and `head` and `dependent`, what was chosen."""
        choice = self._likeliest(observation) if memory is None else memory
        logits, encoded = self.read(observation, choice=choice)
        seen: dict[str, Tensor] = {}
        for name, one in zip(observation, encoded, strict=True):
            number = name.removeprefix("text")
            attended = one.weights | choice[name]._asdict()
            seen |= {f"{kind}{number}": weights for kind, weights in attended.items()}
        return Decision(logits.new_empty(len(logits), 2), logits, None, seen), memory

    def loss(self, episode: Episode) -> Loss:
        """The reader's own error, given what is chosen, and the samplers' gain; which of them, the stage says.

        Returns:
            The sum, and its terms: the reader's; and where tokens are chosen policy, reward, and the shares of `heads`
            and `dependents`.
        """
        stage, copies = self.stage, 1 if self.pretraining else self.options.sampler.copies
        observation = copied({name: seen[0] for name, seen in episode.observation.items()}, copies)
        coins: dict[str, Tensor] = {}
        choice = _everything(observation)
        if not self.pretraining:
            with torch.set_grad_enabled(stage != "soft"):
                coins = {name: self._logits(text) for name, text in observation.items()}
            choice = self._choose(observation, coins, copies)
        with torch.set_grad_enabled(stage != "hard"):
            logits, _ = self.read(observation, choice=choice)
            errors, terms = self.errors(logits, episode.label.repeat_interleave(copies))
        total = torch.zeros_like(errors.mean()) if stage == "hard" else errors.mean()
        if not self.pretraining:
            gain, more = self._gain(episode, observation, coins, choice, errors.detach())
            total, terms = total + (gain if stage != "soft" else 0), terms | more
        return Loss(total, {name: term.detach() for name, term in terms.items()})

    def read(
        self, observation: dict[str, Tensor], need_weights: bool = False, choice: Choice | None = None
    ) -> tuple[Tensor, list[Encoded]]:
        """As `Reader.read`, given what is chosen; without it the likeliest choice."""
        choice = self._likeliest(observation) if choice is None else choice
        encoder = cast(ResanEncoder, self.encoder)
        encoded = []
        for name, text in observation.items():
            vectors, real = self.embed(text)
            selected = Selected(*(each[:, : real.shape[1]] for each in choice[name]))
            encoded.append(encoder(vectors, real, need_weights, selected))
        return self.judge(encoded), encoded

    def reads(self, observation: dict[str, Tensor]) -> dict[str, Tensor]:
        """The dependents; others are seen through the mean of all words alone."""
        return {name: selected.dependent for name, selected in self._likeliest(observation).items()}

    def heads(self, observation: dict[str, Tensor]) -> dict[str, Tensor]:
        """The heads."""
        return {name: selected.head for name, selected in self._likeliest(observation).items()}

    def salience(self, observation: dict[str, Tensor]) -> dict[str, Tensor]:
        """How likely each word is a dependent: (B, L)."""
        return {name: self._logits(text)[1].float().sigmoid() * (text != PADDING) for name, text in observation.items()}

    def _gain(
        self, episode: Episode, observation: dict[str, Tensor], coins: dict[str, Tensor], choice: Choice, errors: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """What the samplers minimise, and its terms."""
        options, gains, rewards, rates = self.options.sampler, [], [], []
        for name, text in observation.items():
            real, (head, dependent) = text != PADDING, choice[name]
            both = rate(head, real), rate(dependent, real)
            reward = -errors - options.cost * self._priced(*both)
            likely = log_prob(coins[name], torch.stack(choice[name]), real).sum(0)
            gains.append(self.reinforcement(likely, reward, self.embedding(text).mean(1), episode))
            rewards.append(reward.mean())
            rates.append(torch.stack(both).mean(-1))
        policy, baseline = (torch.stack(column).sum() for column in zip(*gains, strict=True))
        heads, dependents = torch.stack(rates).mean(0)
        terms = {"policy": policy, "reward": torch.stack(rewards).mean(), "heads": heads, "dependents": dependents}
        return policy + baseline, terms

    def _priced(self, heads: Tensor, dependents: Tensor) -> Tensor:
        """What of the shares (B,) costs: their sparsity, or the mean of their distances from a rate."""
        options = self.options.sampler
        if options.rate is None:
            return sparsity(options.sparsity, heads, dependents)
        return ((heads - options.rate).abs() + (dependents - options.rate).abs()) / 2

    def _logits(self, text: Tensor) -> Tensor:
        """Of the coins of heads and dependents: (B, L) -> (2, B, L). The word vectors are not trained by them."""
        vectors, real = self.embedding(text).detach(), text != PADDING
        return torch.stack([sampler(vectors, real).squeeze(-1) for sampler in self.samplers.values()])

    def _choose(self, observation: dict[str, Tensor], coins: dict[str, Tensor], copies: int) -> Choice:
        """A choice for training."""
        choice = {}
        for name, text in observation.items():
            greedy = greedy_copies(text, self.reinforcement, copies)
            choice[name] = _draw(text != PADDING, coins[name], self.toss(text), greedy)
        return choice

    def _likeliest(self, observation: dict[str, Tensor]) -> Choice:
        """The greedy choice."""
        if self.pretraining:
            return _everything(observation)
        choice = {}
        for name, text in observation.items():
            logits = self._logits(text)
            choice[name] = _draw(text != PADDING, logits, torch.zeros_like(logits.transpose(0, 1)), True)
        return choice


def _everything(observation: dict[str, Tensor]) -> Choice:
    """All words, as heads and as dependents."""
    return {name: Selected(text != PADDING, text != PADDING) for name, text in observation.items()}


def _draw(real: Tensor, logits: Tensor, noise: Tensor, greedy: Tensor | bool) -> Selected:
    """(B, L), (2, B, L) and (B, 2, L) -> heads and dependents (B, L)."""
    return Selected(*(draw(each, real, own, greedy) for each, own in zip(logits, noise.unbind(1), strict=True)))
