"""ReSAN: a reader that chooses which tokens read and which are read, by policy gradient (Shen et al., 2018, "ReSAN").

Axes: B texts, L words, M choices drawn of each text of an update, D width of an encoded text.
"""

from typing import Literal, cast

import torch
from gymnasium import spaces
from torch import Tensor, nn

from glimpse.agents import policy_gradient
from glimpse.agents.attention.reinforced import Selected
from glimpse.agents.embedding import PADDING
from glimpse.agents.encoders.encoded import Encoded
from glimpse.agents.encoders.resan import ResanEncoder
from glimpse.agents.episode import Decision, Episode, Loss
from glimpse.agents.reader import Reader, WordVectors
from glimpse.agents.selection.bernoulli import draw, log_prob, rate, sparsity
from glimpse.agents.selection.sampler import SequenceSampler
from glimpse.agents.text_options import ResanOptions

Stage = Literal["soft", "hard", "both"]
Choice = dict[str, Selected]
"""What is chosen of each text, by the observation's names."""


class Resan(Reader):
    """A reader with two samplers, of heads and of dependents, that share nothing.

    The samplers maximise log p(label) - cost x sparsity by the score function, and nothing else reaches them; all other
    weights minimise the reader's own error, given the choice. Of a pair, each text has its own log-probability and its
    own sparsity, and both share the error (the released code; section 7.4 of the paper has one text).

    Training has three stages: everything chosen, the samplers alone, and both, at once or by turns.
    """

    samples = True
    options: ResanOptions
    progress: Tensor

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
        # Two coins for each word of each text.
        self.selects = 2 * sum(cast(spaces.Box, space).shape[0] for space in observation_space.values())
        self.register_buffer("progress", torch.zeros(()))

    def set_progress(self, progress: float) -> None:
        """Go from stage to stage."""
        self.progress.fill_(progress)

    @property
    def stage(self) -> Stage:
        """What is trained now."""
        sampler, progress = self.options.sampler, float(self.progress)
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
        return float(self.progress) < self.options.sampler.soft_until

    @property
    def prepares(self) -> bool:  # type: ignore[override]  # it is over at some time
        """Whether not all parts are trained yet."""
        return float(self.progress) < self.options.sampler.hard_until

    def select(self, observation: dict[str, Tensor], memory: None, noise: Tensor, greedy: Tensor | bool) -> Choice:
        """Toss two coins for each word; in the first stage everything is chosen."""
        choice, used = {}, 0
        for name, text in observation.items():
            own = noise[:, used : used + 2 * text.shape[1]].unflatten(1, (2, -1))
            used += 2 * text.shape[1]
            choice[name] = self._draw(text != PADDING, self._logits(text), own, greedy)
        return choice

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
        observation = {name: seen[0].repeat_interleave(copies, 0) for name, seen in episode.observation.items()}
        with torch.set_grad_enabled(stage != "soft"):
            coins = {name: self._logits(text) for name, text in observation.items()}
        choice = {name: self._toss(text, coins[name]) for name, text in observation.items()}
        with torch.set_grad_enabled(stage != "hard"):
            logits, _ = self.read(observation, choice=choice)
            errors, terms = self._errors(logits, episode.label.repeat_interleave(copies))
        total = torch.zeros_like(errors.mean()) if stage == "hard" else errors.mean()
        if not self.pretraining:
            gain, more = self._gain(observation, coins, choice, errors.detach())
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

    def _gain(
        self, observation: dict[str, Tensor], coins: dict[str, Tensor], choice: Choice, errors: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """What the samplers minimise, and its terms."""
        options, gains, rewards, rates = self.options.sampler, [], [], []
        for name, text in observation.items():
            real, (head, dependent) = text != PADDING, choice[name]
            both = rate(head, real), rate(dependent, real)
            reward = -errors - options.cost * sparsity(options.sparsity, *both)
            likely = sum(log_prob(logits, kept, real) for logits, kept in zip(coins[name], choice[name], strict=True))
            advantage = reward[None]
            if options.baseline == "leave_one_out":
                advantage = policy_gradient.leave_one_out_baseline(advantage, options.copies)
            gains.append(policy_gradient.reinforce(cast(Tensor, likely)[None], advantage))
            rewards.append(reward.mean())
            rates.append(torch.stack(both).mean(-1))
        gain, (heads, dependents) = torch.stack(gains).sum(), torch.stack(rates).mean(0)
        reward = torch.stack(rewards).mean()
        return gain, {"policy": gain, "reward": reward, "heads": heads, "dependents": dependents}

    def _logits(self, text: Tensor) -> Tensor:
        """Of the coins of heads and dependents: (B, L) -> (2, B, L). The word vectors are not trained by them."""
        vectors, real = self.embedding(text).detach(), text != PADDING
        return torch.stack([sampler(vectors, real) for sampler in self.samplers.values()])

    def _toss(self, text: Tensor, logits: Tensor) -> Selected:
        """A choice for training, by torch's own generator."""
        noise = torch.randn(len(text), 2, text.shape[1], device=text.device)
        return self._draw(text != PADDING, logits, noise, False)

    def _likeliest(self, observation: dict[str, Tensor]) -> Choice:
        """The greedy choice."""
        choice = {}
        for name, text in observation.items():
            logits = self._logits(text)
            choice[name] = self._draw(text != PADDING, logits, torch.zeros_like(logits.transpose(0, 1)), True)
        return choice

    def _draw(self, real: Tensor, logits: Tensor, noise: Tensor, greedy: Tensor | bool) -> Selected:
        """(B, L), (2, B, L) and (B, 2, L) -> heads and dependents (B, L)."""
        if self.pretraining:
            return Selected(real, real)
        return Selected(*(draw(each, real, own, greedy) for each, own in zip(logits, noise.unbind(1), strict=True)))
