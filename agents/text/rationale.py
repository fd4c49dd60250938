"""Rationales: a selector keeps some words, and a reader answers from these alone (Lei et al., 2016).

Axes: B texts, L words, M selections of each text of an update, N classes.
"""

from typing import cast

import torch
import torch.nn.functional as F
from gymnasium import spaces
from torch import Tensor

from glimpse.agents.agent import LrGroups, scaled_lr_groups
from glimpse.agents.embedding import PADDING
from glimpse.agents.encoders.encoded import Encoded, put_back
from glimpse.agents.episode import Batch, Decision, Loss
from glimpse.agents.errors import AgentError
from glimpse.agents.ordering import true_first
from glimpse.agents.selection.bernoulli import count_transitions, sample_mask
from glimpse.agents.selection.estimators import estimator_loss
from glimpse.agents.selection.options import HardKumaOptions, ScoreFunctionOptions
from glimpse.agents.selection.reinforcement import Reinforcement
from glimpse.agents.selection.relaxed import hard_kuma
from glimpse.agents.selection.remedies import ComplementReader, SoftTeacher
from glimpse.agents.selection.selector import Selector
from glimpse.agents.text.options import RationaleOptions
from glimpse.agents.text.reader import GivenVectors
from glimpse.agents.text.selecting_reader import SelectingReader

Kept = dict[str, Tensor]
"""How far each word is read, (B, L) float in [0, 1] for each text, by the observation's names."""
_KEEP_RATES = 1 << 16
"""First stream of the random keep rates of the warm-up."""


class Rationale(SelectingReader):
    """Selector and reader; an estimator gives the gradient by which the selector learns from the reader's error.

    Both minimise error + cost x keep rate + contiguity x share of neighbours of which one is kept and one is not
    (Lei et al., 2016, equations 2 to 4, as shares). The reader's weights get the gradient of the error alone.
    """

    options: RationaleOptions
    multiplier: Tensor

    def __init__(
        self,
        options: RationaleOptions,
        observation_space: spaces.Dict,
        action_space: spaces.Dict,
        vectors: GivenVectors | None = None,
    ) -> None:
        """Make the networks; see `Reader`."""
        super().__init__(options, observation_space, action_space, vectors)
        width, estimator = self.embedding.weight.shape[1], options.estimator
        self.selector = Selector(options.selector, width, 2 if isinstance(estimator, HardKumaOptions) else 1)
        if isinstance(estimator, ScoreFunctionOptions):
            self.reinforcement = Reinforcement(estimator, width)
        self.register_buffer("multiplier", torch.tensor(getattr(estimator, "multiplier", 0.1)))
        self.complement = ComplementReader(self) if options.remedy == "complement" else None
        self.teacher = SoftTeacher(self) if options.remedy == "teacher" else None
        if options.remedy != "none" and self.reads_two:
            raise AgentError(f"agent.remedy {options.remedy} is for one text, not for a pair: set agent.remedy=none")
        self.removes = options.left_out == "removed"
        own = {HardKumaOptions: "target_keep_rate", ScoreFunctionOptions: "mean_keep_rate"}.get(type(estimator), "")
        self.target_keep_rate = getattr(estimator, own, None) or options.target_keep_rate

    def select(self, observation: dict[str, Tensor], memory: None, noise: Tensor, greedy: Tensor | bool) -> Kept:
        """Select words, sampled or greedily."""
        own = self.split_noise(observation, noise)
        return {
            name: self.keep_words(text, self.selector_logits(text), own[name], greedy)
            for name, text in observation.items()
        }

    def forward(self, observation: dict[str, Tensor], memory: Kept | None) -> tuple[Decision, Kept | None]:
        """Answer; the activations are the attention weights, and `kept`, how far each word was read."""
        kept = self.greedy_selection(observation) if memory is None else memory
        logits, encoded = self.read(observation, kept=kept)
        seen: dict[str, Tensor] = {}
        for name, one in zip(observation, encoded, strict=True):
            attended = {**one.weights, "kept": kept[name]}
            seen |= {f"{kind}{name.removeprefix('text')}": weights for kind, weights in attended.items()}
        return Decision(logits, seen), memory

    def read(
        self, observation: dict[str, Tensor], need_weights: bool = False, kept: Kept | None = None
    ) -> tuple[Tensor, list[Encoded]]:
        """Read as `Reader.read` does, from the words that are kept; by default those of the greedy selection."""
        kept = self.greedy_selection(observation) if kept is None else kept
        read = self._read_kept_words if self.removes else self._read_scaled
        encoded = [read(text, kept[name], need_weights) for name, text in observation.items()]
        return self.classify(encoded), encoded

    def _read_scaled(self, text: Tensor, kept: Tensor, need_weights: bool) -> Encoded:
        """Read all words, the vector of each scaled by how far it is kept, (B, L)."""
        vectors, real = self.embed(text)
        return cast(Encoded, self.encoder(vectors * kept[:, : real.shape[1], None], real, need_weights))

    def _read_kept_words(self, text: Tensor, kept: Tensor, need_weights: bool) -> Encoded:
        """Remove the words that are not kept, (B, L), and read the others, in time proportional to their number."""
        order = true_first(kept > 0)
        shorter = text.gather(1, order).masked_fill(kept.gather(1, order) == 0, PADDING)
        vectors, real = self.embed(shorter)
        return put_back(cast(Encoded, self.encoder(vectors, real, need_weights)), order)

    def loss(self, batch: Batch) -> Loss:
        """Compute the loss of reader and selector, with that of the remedy.

        Returns:
            The sum, and its terms: the reader's; keep_rate; by the estimator policy_loss and reward, expected, and
            multiplier; by the remedy complement, or teacher and agreement.
        """
        observation = batch.observation
        # In the warm-up only the reader learns; afterwards it may be frozen.
        if self.in_warmup:
            return self._warmup_loss(batch)
        if self.options.held:
            self._freeze_reader()

        # The estimator's loss of selector and reader.
        selector_logits = {name: self.selector_logits(text) for name, text in observation.items()}
        total, terms = estimator_loss(self, observation, selector_logits, batch)

        # The teacher reads all words by their keep probability, and must agree with the reader.
        if self.teacher is not None:
            hard_logits = self.read(observation, kept=self._greedy_from_logits(observation, selector_logits))[0]
            probability = self.keep_probability(observation["text"], selector_logits["text"])
            more, added = self.teacher.loss(self, observation["text"], probability, hard_logits, batch.label)
            total, terms = total + self.options.remedy_weight * more, terms | added
        return Loss(total, {name: term.detach() for name, term in terms.items()})

    def complement_errors(self, observation: dict[str, Tensor], kept: Kept, label: Tensor) -> Tensor | None:
        """Compute the complement reader's errors (B,), from words that are not kept; None if there is none."""
        if self.complement is None:
            return None
        return self.complement.errors(self, observation["text"], kept["text"], label, self.removes)

    def learning_rates(self) -> LrGroups:
        """Return groups in which word vectors and selector have their own rates."""
        options = self.options
        if options.selector_lr_scale == 1:
            return super().learning_rates()
        return scaled_lr_groups(
            self, (self.embedding, options.embedding_lr_scale), (self.selector, options.selector_lr_scale)
        )

    @property
    def in_warmup(self) -> bool:
        """True while the reader still learns from randomly kept words."""
        return self.share_done < self.options.random_until

    def _warmup_loss(self, batch: Batch) -> Loss:
        """Compute the reader's error from randomly kept words, with a random keep rate for each text."""
        kept, noise = {}, self.sample_noise(batch)
        for number, name in enumerate(batch.observation):
            # A word is kept where its number, as likely below as above, is below that of the text.
            rate = batch.normal(_KEEP_RATES + number, 1)
            kept[name] = (self.selector.share_noise(noise[name].squeeze(1)) < rate).float()
        errors, terms = self.errors(self.read(batch.observation, kept=kept)[0], batch.label)
        return Loss(self.weigh(errors, batch.label).mean(), {name: term.detach() for name, term in terms.items()})

    def _freeze_reader(self) -> None:
        """Freeze the reader's weights: the optimiser skips parameters without a gradient."""
        for part in (self.embedding, self.encoder, self.head):
            part.requires_grad_(False)

    def selector_logits(self, text: Tensor) -> Tensor:
        """Compute the selector's output for each word, 0 at padding; no gradient reaches the word vectors.

        Returns:
            (B, L), logits of keeping a word; or (B, L, 2), from which a and b of its HardKuma variable are made.
        """
        words = self.trim(text)
        numbers = self.selector(self.embedding(words).detach(), words != PADDING)
        behind = text.shape[1] - words.shape[1]
        return F.pad(numbers, (0, 0) * (numbers.dim() - 2) + (0, behind))

    def greedy_selection(self, observation: dict[str, Tensor]) -> Kept:
        """Return the likeliest selection."""
        return self._greedy_from_logits(
            observation, {name: self.selector_logits(text) for name, text in observation.items()}
        )

    def _greedy_from_logits(self, observation: dict[str, Tensor], selector_logits: dict[str, Tensor]) -> Kept:
        """Return the likeliest selection, given the selector's output."""
        return {
            name: self.keep_words(
                text, selector_logits[name], torch.zeros_like(text[:, None], dtype=torch.float32), True
            )
            for name, text in observation.items()
        }

    def keep_probability(self, text: Tensor, selector_logits: Tensor) -> Tensor:
        """Compute the probability (B, L) that each word is kept, if only in part; it is 0 at padding."""
        kuma = isinstance(self.options.estimator, HardKumaOptions)
        return (1 - hard_kuma(selector_logits).zero if kuma else selector_logits.float().sigmoid()) * (text != PADDING)

    def words_read(self, observation: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the words that the greedy selection keeps, if only in part."""
        return {name: kept > 0 for name, kept in self.greedy_selection(observation).items()}

    def salience(self, observation: dict[str, Tensor]) -> dict[str, Tensor]:
        """Compute the probability that the selector keeps each word, if only in part: (B, L)."""
        return {name: self.keep_probability(text, self.selector_logits(text)) for name, text in observation.items()}

    def read_only(self, observation: dict[str, Tensor], kept: dict[str, Tensor]) -> Tensor:
        """Compute the reader's logits (B, N) from given words, bool, instead of the selector's."""
        return self.read(observation, kept={name: chosen.float() for name, chosen in kept.items()})[0]

    def selection_cost(self, kept: Kept, observation: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Compute the cost and the keep rate of a selection, (B,) both."""
        target, costs, keep_rates = self.options.target_keep_rate, [], []
        for name, text in observation.items():
            real = text != PADDING
            count = real.sum(-1).clamp(min=1)
            keep_rates.append((kept[name] * real).sum(-1) / count)
            excess = keep_rates[-1] if target is None else (keep_rates[-1] - target).abs()
            transitions = count_transitions(kept[name], real) / count
            costs.append(self.options.cost * excess + self.options.contiguity * transitions)
        return torch.stack(costs).mean(0), torch.stack(keep_rates).mean(0)

    def keep_words(self, text: Tensor, selector_logits: Tensor, noise: Tensor, greedy: Tensor | bool) -> Tensor:
        """Sample how far each word is read, (B, L), from noise (B, 1, L): 0 or 1, or in [0, 1] for HardKuma."""
        real, noise = text != PADDING, self.selector.share_noise(noise.squeeze(1))
        if not isinstance(self.options.estimator, HardKumaOptions):
            return sample_mask(selector_logits, real, noise, greedy).float()
        kuma, uniform = hard_kuma(selector_logits), torch.special.ndtr(noise)
        if isinstance(greedy, bool):
            return (kuma.likeliest() if greedy else kuma.sample(uniform)) * real
        return torch.where(greedy.view(-1, 1), kuma.likeliest(), kuma.sample(uniform)) * real
