"""A selector that keeps some words, and a reader that answers from these alone (Lei et al., 2016).

Axes: B texts, L words, M choices drawn of each text of an update, N classes.
"""

from typing import cast

import torch
import torch.nn.functional as F
from gymnasium import spaces
from torch import Tensor

from glimpse.agents.agent import RateGroups, own_rates
from glimpse.agents.embedding import PADDING
from glimpse.agents.encoders.encoded import Encoded, put_back
from glimpse.agents.episode import Decision, Episode, Loss
from glimpse.agents.errors import AgentError
from glimpse.agents.selection.bernoulli import changes, draw
from glimpse.agents.selection.estimators import estimate
from glimpse.agents.selection.options import HardKumaOptions, ScoreFunctionOptions
from glimpse.agents.selection.reinforcement import Reinforcement
from glimpse.agents.selection.relaxed import hard_kuma
from glimpse.agents.selection.remedies import Complement, Teacher
from glimpse.agents.selection.selector import Selector
from glimpse.agents.text.reader import WordVectors, cut
from glimpse.agents.text.selecting_reader import Chooser
from glimpse.agents.text_options import RationaleOptions

Kept = dict[str, Tensor]
"""How much of each word is read, (B, L) float in [0, 1] for each text, by the observation's names."""


class Rationale(Chooser):
    """Selector and reader; the estimator says how the first one learns from the error of the second.

    Both minimise error + cost x share of words kept + contiguity x share of neighbours that differ in being kept
    (Lei et al., 2016, equations 2 to 4, as shares); the reader's weights see the error alone.
    """

    options: RationaleOptions
    multiplier: Tensor

    def __init__(
        self,
        options: RationaleOptions,
        observation_space: spaces.Dict,
        action_space: spaces.Dict,
        vectors: WordVectors | None = None,
    ) -> None:
        """Make the networks; see `Reader`."""
        super().__init__(options, observation_space, action_space, vectors)
        width, estimator = self.embedding.weight.shape[1], options.estimator
        self.selector = Selector(options.selector, width, 2 if isinstance(estimator, HardKumaOptions) else 1)
        if isinstance(estimator, ScoreFunctionOptions):
            self.reinforcement = Reinforcement(estimator, width)
        self.register_buffer("multiplier", torch.tensor(getattr(estimator, "multiplier", 0.1)))
        self.complement = Complement(self) if options.remedy == "complement" else None
        self.teacher = Teacher(self) if options.remedy == "teacher" else None
        if options.remedy != "none" and self.reads_two:
            raise AgentError(f"agent.remedy {options.remedy} is for one text, not for a pair: set agent.remedy=none")
        self.removes = options.left_out == "removed"
        self.asked_share = estimator.rate if isinstance(estimator, HardKumaOptions) else options.rate

    def select(self, observation: dict[str, Tensor], memory: None, noise: Tensor, greedy: Tensor | bool) -> Kept:
        """Keep words, by chance or by what is likeliest."""
        own = self.by_text(observation, noise)
        return {name: self.keep(text, self.says(text), own[name], greedy) for name, text in observation.items()}

    def forward(self, observation: dict[str, Tensor], memory: Kept | None) -> tuple[Decision, Kept | None]:
        """Answer; the activations are what was attended, and `kept`, how much of each word was read."""
        kept = self.likeliest(observation) if memory is None else memory
        logits, encoded = self.read(observation, kept=kept)
        seen: dict[str, Tensor] = {}
        for name, one in zip(observation, encoded, strict=True):
            attended = {**one.weights, "kept": kept[name]}
            seen |= {f"{kind}{name.removeprefix('text')}": weights for kind, weights in attended.items()}
        return Decision(logits.new_empty(len(logits), 2), logits, None, seen), memory

    def read(
        self, observation: dict[str, Tensor], need_weights: bool = False, kept: Kept | None = None
    ) -> tuple[Tensor, list[Encoded]]:
        """As `Reader.read`, of words that are kept; without these, of the likeliest choice."""
        kept = self.likeliest(observation) if kept is None else kept
        read = self._read_kept if self.removes else self._read_in_place
        encoded = [read(text, kept[name], need_weights) for name, text in observation.items()]
        return self.judge(encoded), encoded

    def _read_in_place(self, text: Tensor, share: Tensor, need_weights: bool) -> Encoded:
        """Read all words, each as far as it is kept."""
        vectors, real = self.embed(text)
        return cast(Encoded, self.encoder(vectors * share[:, : real.shape[1], None], real, need_weights))

    def _read_kept(self, text: Tensor, share: Tensor, need_weights: bool) -> Encoded:
        """Read what is kept, moved together, in a time that follows their number."""
        order = (share > 0).byte().sort(dim=1, descending=True, stable=True).indices
        shorter = text.gather(1, order).masked_fill(share.gather(1, order) == 0, PADDING)
        vectors, real = self.embed(shorter)
        return put_back(cast(Encoded, self.encoder(vectors, real, need_weights)), order)

    def loss(self, episode: Episode) -> Loss:
        """The error, what is kept, and what the estimator adds.

        Returns:
            The sum, and its terms: the reader's, `kept`, and by the estimator policy, reward, baseline, multiplier; by
            the remedy complement or teacher, agreement.
        """
        observation = {name: seen[0] for name, seen in episode.observation.items()}
        if self.prepares:
            return self._from_any_words(observation, episode.label)
        if self.options.held:
            self._hold_reader()
        says = {name: self.says(text) for name, text in observation.items()}
        total, terms = estimate(self, observation, says, episode)
        if self.teacher is not None:
            hard = self.read(observation, kept=self._likeliest_of(observation, says))[0]
            keeps = self.chance(observation["text"], says["text"])
            more, added = self.teacher.loss(self, observation["text"], keeps, hard, episode.label)
            total, terms = total + self.options.remedy_weight * more, terms | added
        return Loss(total, {name: term.detach() for name, term in terms.items()})

    def unread(self, observation: dict[str, Tensor], kept: Kept, label: Tensor) -> Tensor | None:
        """The complement's errors, (B,), from words that are not kept; None where the remedy is another."""
        if self.complement is None:
            return None
        return self.complement.errors(self, observation["text"], kept["text"], label, self.removes)

    def learning_rates(self) -> RateGroups:
        """Word vectors and selector have rates of their own."""
        options = self.options
        if options.selector_rate == 1:
            return super().learning_rates()
        return own_rates(self, (self.embedding, options.embedding_rate), (self.selector, options.selector_rate))

    @property
    def prepares(self) -> bool:  # type: ignore[override]  # it is over at some time
        """Whether the reader still learns from random words."""
        return self.done < self.options.random_until

    def _from_any_words(self, observation: dict[str, Tensor], label: Tensor) -> Loss:
        """The reader's error where words are kept at random, another share of each text: it learns what each tells."""
        kept = {}
        for name, text in observation.items():
            coins = self.selector.shared(torch.rand(text.shape, device=text.device))
            kept[name] = (coins < torch.rand(len(text), 1, device=text.device)).float()
        errors, terms = self.errors(self.read(observation, kept=kept)[0], label)
        return Loss(errors.mean(), {name: term.detach() for name, term in terms.items()})

    def _hold_reader(self) -> None:
        """Leave the reader as it is: the optimiser passes over what has no gradient."""
        for part in (self.embedding, self.encoder, self.head):
            part.requires_grad_(False)

    def says(self, text: Tensor) -> Tensor:
        """What the selector says of each word, (B, L), or (B, L, 2) of a Kumaraswamy variable's a and b; 0 at padding.

        The word vectors are not trained by it.
        """
        words = cut(text)
        numbers = self.selector(self.embedding(words).detach(), words != PADDING)
        behind = text.shape[1] - words.shape[1]
        return F.pad(numbers, (0, 0) * (numbers.dim() - 2) + (0, behind))

    def likeliest(self, observation: dict[str, Tensor]) -> Kept:
        """The greedy choice."""
        return self._likeliest_of(observation, {name: self.says(text) for name, text in observation.items()})

    def _likeliest_of(self, observation: dict[str, Tensor], says: dict[str, Tensor]) -> Kept:
        """The same, where the selector has been asked."""
        return {
            name: self.keep(text, says[name], torch.zeros_like(text[:, None], dtype=torch.float32), True)
            for name, text in observation.items()
        }

    def chance(self, text: Tensor, says: Tensor) -> Tensor:
        """How likely each word is kept, if only in part, by what the selector says of it: (B, L), 0 at padding."""
        kuma = isinstance(self.options.estimator, HardKumaOptions)
        return (1 - hard_kuma(says).zero if kuma else says.float().sigmoid()) * (text != PADDING)

    def reads(self, observation: dict[str, Tensor]) -> dict[str, Tensor]:
        """Words that are kept, if only in part."""
        return {name: kept > 0 for name, kept in self.likeliest(observation).items()}

    def salience(self, observation: dict[str, Tensor]) -> dict[str, Tensor]:
        """How likely the selector keeps each word, if only in part: (B, L)."""
        return {name: self.chance(text, self.says(text)) for name, text in observation.items()}

    def read_only(self, observation: dict[str, Tensor], kept: dict[str, Tensor]) -> Tensor:
        """Logits (B, N) of the reader, from other words than the selector's: those that are kept, bool."""
        return self.read(observation, kept={name: chosen.float() for name, chosen in kept.items()})[0]

    def price(self, kept: Kept, observation: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """What a choice costs, and the share of words kept, (B,) both."""
        costs, shares = [], []
        for name, text in observation.items():
            real = text != PADDING
            count = real.sum(-1).clamp(min=1)
            shares.append((kept[name] * real).sum(-1) / count)
            off = shares[-1] if self.options.rate is None else (shares[-1] - self.options.rate).abs()
            costs.append(self.options.cost * off + self.options.contiguity * changes(kept[name], real) / count)
        return torch.stack(costs).mean(0), torch.stack(shares).mean(0)

    def keep(self, text: Tensor, says: Tensor, noise: Tensor, greedy: Tensor | bool) -> Tensor:
        """How much of each word is read, (B, L), by noise (B, 1, L): 0 or 1, but for Kumaraswamy variables."""
        real, noise = text != PADDING, self.selector.shared(noise.squeeze(1))
        if not isinstance(self.options.estimator, HardKumaOptions):
            return draw(says, real, noise, greedy).float()
        kuma, chance = hard_kuma(says), torch.special.ndtr(noise)
        greedy = torch.as_tensor(greedy, device=text.device).view(-1, 1)
        return torch.where(greedy, kuma.likeliest(), kuma.sample(chance)) * real
