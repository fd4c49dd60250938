"""Reinforced self-attention network (ReSAN; Shen et al., 2018): attention between tokens that policy gradient selects.

Heads are the tokens that attend, dependents those that are attended to; each kind has a sampler.
Axes: B texts, L words, M selections of each text of an update, D width of an encoded text.
"""

from typing import Literal, cast

import torch
from gymnasium import spaces
from torch import Tensor, nn

from glimpse.agents.attention.reinforced import Selected
from glimpse.agents.embedding import PADDING
from glimpse.agents.encoders.encoded import Encoded
from glimpse.agents.encoders.resan_encoder import ResanEncoder
from glimpse.agents.episode import Batch, Decision, Loss
from glimpse.agents.selection.bernoulli import keep_rate, log_prob, sample_mask, sparsity
from glimpse.agents.selection.reinforcement import Reinforcement
from glimpse.agents.selection.sampler import SequenceSampler
from glimpse.agents.text.options import ResanOptions
from glimpse.agents.text.reader import GivenVectors
from glimpse.agents.text.selecting_reader import SelectingReader, greedy_draws, repeat_texts

Stage = Literal["soft", "hard", "both"]
Selection = dict[str, Selected]
"""Heads and dependents of each text, by the observation's names."""


class Resan(SelectingReader):
    """A reader with two samplers, of heads and of dependents, that share no weights.

    The samplers maximise log p(label) - cost x sparsity by REINFORCE, and get no other gradient. All other weights
    minimise the reader's own error, given the selection. In a pair, each text has its own log-probability and its own
    sparsity, and both share the error (the released code; section 7.4 of the paper has one text).

    Training has three stages: first all words are selected and only the reader is trained; then only the samplers; then
    both, at once or alternately.
    """

    draws_per_word = selection_noise = 2
    options: ResanOptions

    def __init__(
        self,
        options: ResanOptions,
        observation_space: spaces.Dict,
        action_space: spaces.Dict,
        vectors: GivenVectors | None = None,
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
        self.target_keep_rate = sampler.target_keep_rate

    @property
    def stage(self) -> Stage:
        """Stage of training: the reader (soft), the samplers (hard), or both."""
        sampler, progress = self.options.sampler, self.share_done
        if progress < sampler.soft_until:
            return "soft"
        if progress < sampler.hard_until:
            return "hard"
        if not sampler.turns:
            return "both"
        turn = int((progress - sampler.hard_until) / sampler.turns)
        return "soft" if turn % 2 else "hard"

    @property
    def selects_all(self) -> bool:
        """True in the first stage of training, in which all words are selected."""
        return self.share_done < self.options.sampler.soft_until

    @property
    def in_warmup(self) -> bool:
        """True in the first two stages of training, in which only a part is trained."""
        return self.share_done < self.options.sampler.hard_until

    def select(self, observation: dict[str, Tensor], memory: None, noise: Tensor, greedy: Tensor | bool) -> Selection:
        """Sample heads and dependents; in the first stage all words are both."""
        if self.selects_all:
            return select_all(observation)
        own = self.split_noise(observation, noise)
        return {
            name: _sample_selection(text != PADDING, self._logits(text), own[name], greedy)
            for name, text in observation.items()
        }

    def forward(self, observation: dict[str, Tensor], memory: Selection | None) -> tuple[Decision, Selection | None]:
        """Answer; the activations are the attention weights, and the selection as `head` and `dependent`."""
        selection = self._greedy_selection(observation) if memory is None else memory
        logits, encoded = self.read(observation, selection=selection)
        seen: dict[str, Tensor] = {}
        for name, one in zip(observation, encoded, strict=True):
            number = name.removeprefix("text")
            attended = one.weights | selection[name]._asdict()
            seen |= {f"{kind}{number}": weights for kind, weights in attended.items()}
        return Decision(logits, seen), memory

    def loss(self, batch: Batch) -> Loss:
        """Compute the reader's error, given a selection, and the samplers' REINFORCE loss; the stage may drop one.

        Returns:
            The sum, and its terms: the reader's; and where tokens are sampled policy_loss, reward, and the keep rates
            `heads` and `dependents`.
        """
        stage, copies = self.stage, 1 if self.selects_all else self.options.sampler.copies
        observation = repeat_texts(batch.observation, copies)

        # Sample a selection; its logits need a gradient only where the samplers are trained.
        sampler_logits: dict[str, Tensor] = {}
        selection = select_all(observation)
        if not self.selects_all:
            with torch.set_grad_enabled(stage != "soft"):
                sampler_logits = {name: self._logits(text) for name, text in observation.items()}
            selection = self._sample_for_training(batch, sampler_logits, copies)

        # Read, given the selection, with a gradient only where the reader is trained.
        with torch.set_grad_enabled(stage != "hard"):
            logits, _ = self.read(observation, selection=selection)
            label = batch.label.repeat_interleave(copies, 0)
            errors, terms = self.errors(logits, label)
        total = torch.zeros_like(errors.mean()) if stage == "hard" else self.weigh(errors, label).mean()

        # Reinforce the samplers.
        if not self.selects_all:
            sampler_loss, more = self._sampler_loss(observation, sampler_logits, selection, errors.detach())
            total, terms = total + (sampler_loss if stage != "soft" else 0), terms | more
        return Loss(total, {name: term.detach() for name, term in terms.items()})

    def read(
        self, observation: dict[str, Tensor], need_weights: bool = False, selection: Selection | None = None
    ) -> tuple[Tensor, list[Encoded]]:
        """Read as `Reader.read` does, given a selection; by default the greedy one."""
        selection = self._greedy_selection(observation) if selection is None else selection
        encoder = cast(ResanEncoder, self.encoder)
        encoded = []
        for name, text in observation.items():
            vectors, real = self.embed(text)
            selected = Selected(*(each[:, : real.shape[1]] for each in selection[name]))
            encoded.append(encoder(vectors, real, need_weights, selected))
        return self.classify(encoded), encoded

    def words_read(self, observation: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the dependents; other words are read through the mean of all words alone."""
        return {name: selected.dependent for name, selected in self._greedy_selection(observation).items()}

    def heads(self, observation: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the heads."""
        return {name: selected.head for name, selected in self._greedy_selection(observation).items()}

    def salience(self, observation: dict[str, Tensor]) -> dict[str, Tensor]:
        """Compute the probability that each word is a dependent, (B, L)."""
        return {name: self._logits(text)[1].float().sigmoid() * (text != PADDING) for name, text in observation.items()}

    def _sampler_loss(
        self, observation: dict[str, Tensor], sampler_logits: dict[str, Tensor], selection: Selection, errors: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Compute what the samplers minimise, summed over texts, and its terms."""
        options, reinforced, rewards, rates = self.options.sampler, [], [], []
        for name, text in observation.items():
            real, (head, dependent) = text != PADDING, selection[name]
            both = keep_rate(head, real), keep_rate(dependent, real)
            reward = -errors - options.cost * self._selection_cost(*both)
            log_probs = log_prob(sampler_logits[name], torch.stack(selection[name]), real).sum(0)
            reinforced.append(self.reinforcement(log_probs, reward, self.embedding(text).mean(1)))
            rewards.append(reward.mean())
            rates.append(torch.stack(both).mean(-1))
        policy_loss, value_loss = (torch.stack(column).sum() for column in zip(*reinforced, strict=True))
        heads, dependents = torch.stack(rates).mean(0)
        terms = {"policy_loss": policy_loss, "reward": torch.stack(rewards).mean()}
        return policy_loss + value_loss, terms | {"heads": heads, "dependents": dependents}

    def _selection_cost(self, heads: Tensor, dependents: Tensor) -> Tensor:
        """Compute the cost (B,) of keep rates (B,): their sparsity, or their mean distance from the target."""
        options = self.options.sampler
        if options.target_keep_rate is None:
            return sparsity(options.sparsity, heads, dependents)
        return ((heads - options.target_keep_rate).abs() + (dependents - options.target_keep_rate).abs()) / 2

    def _logits(self, text: Tensor) -> Tensor:
        """Compute the samplers' logits, (B, L) -> (2, B, L); no gradient reaches the word vectors."""
        vectors, real = self.embedding(text).detach(), text != PADDING
        return torch.stack([sampler(vectors, real).squeeze(-1) for sampler in self.samplers.values()])

    def _sample_for_training(self, batch: Batch, sampler_logits: dict[str, Tensor], copies: int) -> Selection:
        """Sample the selections of an update; the first of each text is greedy for a self-critical baseline."""
        selection, noise = {}, self.sample_noise(batch, copies)
        for name, text in repeat_texts(batch.observation, copies).items():
            greedy = greedy_draws(text, self.reinforcement, copies)
            selection[name] = _sample_selection(text != PADDING, sampler_logits[name], noise[name], greedy)
        return selection

    def _greedy_selection(self, observation: dict[str, Tensor]) -> Selection:
        """Return the likeliest selection; in the first stage, all words."""
        return select_all(observation) if self.selects_all else self.likeliest_selection(observation)

    def likeliest_selection(self, observation: dict[str, Tensor]) -> Selection:
        """Return the samplers' likeliest selection, whatever the stage."""
        selection = {}
        for name, text in observation.items():
            logits = self._logits(text)
            selection[name] = _sample_selection(text != PADDING, logits, torch.zeros_like(logits.transpose(0, 1)), True)
        return selection


def select_all(observation: dict[str, Tensor]) -> Selection:
    """Select all words, as heads and as dependents."""
    return {name: Selected(text != PADDING, text != PADDING) for name, text in observation.items()}


def _sample_selection(real: Tensor, logits: Tensor, noise: Tensor, greedy: Tensor | bool) -> Selected:
    """Sample heads and dependents (B, L): real words (B, L), logits (2, B, L), noise (B, 2, L)."""
    return Selected(*(sample_mask(each, real, own, greedy) for each, own in zip(logits, noise.unbind(1), strict=True)))
