"""A selector that keeps some words, and a reader that answers from these alone (Lei et al., 2016).

Axes: B texts, L words, M choices drawn of each text of an update, N classes.
"""

from itertools import product
from typing import cast

import torch
from gymnasium import spaces
from torch import Tensor

from glimpse.agents.chooser import Chooser, copied, greedy_copies
from glimpse.agents.embedding import PADDING
from glimpse.agents.encoders.encoded import Encoded, put_back
from glimpse.agents.episode import Decision, Episode, Loss
from glimpse.agents.errors import AgentError
from glimpse.agents.reader import WordVectors
from glimpse.agents.selection.bernoulli import changes, draw, log_prob
from glimpse.agents.selection.options import ExactOptions, HardKumaOptions, ScoreFunctionOptions, StraightThroughOptions
from glimpse.agents.selection.reinforcement import Reinforcement
from glimpse.agents.selection.relaxed import HardKuma, straight_through
from glimpse.agents.selection.remedies import Complement, Teacher
from glimpse.agents.selection.selector import Selector
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
        self.register_buffer("multiplier", torch.tensor(0.1))
        self.complement = Complement(self) if options.remedy == "complement" else None
        self.teacher = Teacher(self) if options.remedy == "teacher" else None
        if options.remedy != "none" and self.reads_two:
            raise AgentError(f"agent.remedy {options.remedy} is for one text, not for a pair: set agent.remedy=none")
        self.removes = options.left_out == "removed"

    def select(self, observation: dict[str, Tensor], memory: None, noise: Tensor, greedy: Tensor | bool) -> Kept:
        """Keep words, by chance or by what is likeliest."""
        own = self.by_text(observation, noise)
        return {name: self._keep(text, self.says(text), own[name], greedy) for name, text in observation.items()}

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
        match self.options.estimator:
            case ScoreFunctionOptions():
                total, terms = self._by_score(observation, says, episode)
            case ExactOptions(longest=longest):
                total, terms = self._by_enumeration(observation, says, episode.label, longest)
            case _:
                total, terms = self._by_gradient(observation, says, episode.label)
        if self.teacher is not None:
            more, added = self.teacher.loss(
                self, observation["text"], says["text"], self.read(observation)[0], episode.label
            )
            total, terms = total + self.options.remedy_weight * more, terms | added
        return Loss(total, {name: term.detach() for name, term in terms.items()})

    @property
    def prepares(self) -> bool:  # type: ignore[override]  # it is over at some time
        """Whether the reader still learns from random words."""
        return self.done < self.options.random_until

    def _from_any_words(self, observation: dict[str, Tensor], label: Tensor) -> Loss:
        """The reader's error where words are kept at random, another share of each text: it learns what each tells."""
        kept = {
            name: (torch.rand(text.shape, device=text.device) < torch.rand(len(text), 1, device=text.device)).float()
            for name, text in observation.items()
        }
        errors, terms = self.errors(self.read(observation, kept=kept)[0], label)
        return Loss(errors.mean(), {name: term.detach() for name, term in terms.items()})

    def _hold_reader(self) -> None:
        """Leave the reader as it is: the optimiser passes over what has no gradient."""
        for part in (self.embedding, self.encoder, self.head):
            part.requires_grad_(False)

    def says(self, text: Tensor) -> Tensor:
        """What the selector says of each word, (B, L), or (B, L, 2) of a Kumaraswamy variable's a and b.

        The word vectors are not trained by it.
        """
        return cast(Tensor, self.selector(self.embedding(text).detach(), text != PADDING))

    def likeliest(self, observation: dict[str, Tensor]) -> Kept:
        """The greedy choice."""
        return {
            name: self._keep(text, self.says(text), torch.zeros_like(text[:, None], dtype=torch.float32), True)
            for name, text in observation.items()
        }

    def reads(self, observation: dict[str, Tensor]) -> dict[str, Tensor]:
        """Words that are kept, if only in part."""
        return {name: kept > 0 for name, kept in self.likeliest(observation).items()}

    def price(self, kept: Kept, observation: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """What a choice costs, and the share of words kept, (B,) both."""
        costs, shares = [], []
        for name, text in observation.items():
            real = text != PADDING
            count = real.sum(-1).clamp(min=1)
            shares.append((kept[name] * real).sum(-1) / count)
            costs.append(self.options.cost * shares[-1] + self.options.contiguity * changes(kept[name], real) / count)
        return torch.stack(costs).mean(0), torch.stack(shares).mean(0)

    def _keep(self, text: Tensor, says: Tensor, noise: Tensor, greedy: Tensor | bool) -> Tensor:
        """How much of each word is read, (B, L), by noise (B, 1, L): 0 or 1, but for Kumaraswamy variables."""
        real, noise = text != PADDING, noise.squeeze(1)
        if not isinstance(self.options.estimator, HardKumaOptions):
            return draw(says, real, noise, greedy).float()
        kuma, chance = hard_kuma(says), torch.special.ndtr(noise)
        greedy = torch.as_tensor(greedy, device=text.device).view(-1, 1)
        return torch.where(greedy, kuma.likeliest(), kuma.sample(chance)) * real

    def _by_score(
        self, observation: dict[str, Tensor], says: dict[str, Tensor], episode: Episode
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """REINFORCE: the reward is minus the error and what was kept."""
        copies = self.reinforcement.options.copies
        observation, says = copied(observation, copies), copied(says, copies)
        label = episode.label.repeat_interleave(copies)
        greedy = greedy_copies(label, self.reinforcement, copies)
        kept = {name: self._keep(text, says[name], self.toss(text), greedy) for name, text in observation.items()}
        errors, terms = self.errors(self.read(observation, kept=kept)[0], label)
        costs, shares = self.price(kept, observation)
        reward, total = -errors.detach() - costs, errors.mean()
        if self.complement is not None:
            unread = self.complement.errors(self, observation["text"], kept["text"], label, self.removes)
            reward = reward + self.options.remedy_weight * unread.detach()
            total, terms = total + unread.mean(), {**terms, "complement": unread.mean()}
        likely = [log_prob(says[name], kept[name] > 0, text != PADDING) for name, text in observation.items()]
        seen = torch.stack([self.embedding(text).mean(1) for text in observation.values()]).mean(0)
        gain = self.reinforcement(torch.stack(likely).sum(0), reward, seen, episode)
        terms = {**terms, "kept": shares.mean(), "policy": gain.policy, "reward": reward.mean()}
        return total + gain.policy + gain.baseline, terms

    def _by_gradient(
        self, observation: dict[str, Tensor], says: dict[str, Tensor], label: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Through the choice itself."""
        kept = {name: self._relaxed(text, says[name]) for name, text in observation.items()}
        errors, terms = self.errors(self.read(observation, kept=kept)[0], label)
        costs, shares = self.price(kept, observation)
        terms = {**terms, "kept": shares.mean()}
        if not isinstance(self.options.estimator, HardKumaOptions):
            return (errors + costs).mean(), terms
        beyond = self._expected_rate(observation, says) - self.options.estimator.rate
        contiguity = (costs - self.options.cost * shares).mean()
        total = errors.mean() + contiguity + self.multiplier.clone() * beyond
        if self.training and torch.is_grad_enabled():
            self.multiplier.mul_((self.options.estimator.step * beyond.detach().sign()).exp()).clamp_(1e-4, 1e3)
        return total, {**terms, "expected": beyond + self.options.estimator.rate, "multiplier": self.multiplier.clone()}

    def _relaxed(self, text: Tensor, says: Tensor) -> Tensor:
        real, noise = text != PADDING, torch.rand(text.shape, device=text.device)
        if isinstance(self.options.estimator, StraightThroughOptions):
            return straight_through(says, noise, self.options.estimator.temperature) * real
        return hard_kuma(says).sample(noise) * real

    def _expected_rate(self, observation: dict[str, Tensor], says: dict[str, Tensor]) -> Tensor:
        """The probability of not being 0, a mean over all words."""
        real = torch.cat([text.flatten() != PADDING for text in observation.values()])
        zero = torch.cat([hard_kuma(says[name]).zero.flatten() for name in observation])
        return ((1 - zero) * real).sum() / real.sum().clamp(min=1)

    def _by_enumeration(
        self, observation: dict[str, Tensor], says: dict[str, Tensor], label: Tensor, longest: int
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The expectation itself: all 2^n choices, each by its probability."""
        (name, text), *others = observation.items()
        n = int((text != PADDING).sum(-1).max())
        if others or n > longest:
            raise AgentError(
                f"agent.estimator exact makes all choices of one text of at most {longest} words, not of "
                f"{1 + len(others)} of {n}: set task.max_words, or another estimator"
            )
        every = torch.tensor(list(product([False, True], repeat=n)), device=text.device)  # (2^n, n)
        text, says_all = (each[:, :n].repeat_interleave(len(every), 0) for each in (text, says[name]))
        kept = every.repeat(len(label), 1) & (text != PADDING)
        observation, choice = {name: text}, {name: kept.float()}
        errors, terms = self.errors(self.read(observation, kept=choice)[0], label.repeat_interleave(len(every)))
        costs, shares = self.price(choice, observation)
        # A choice of padding is the same choice again: each counts for what its real words have of it.
        again = 2.0 ** -(text == PADDING).sum(-1)
        chance = log_prob(says_all, kept, text != PADDING).exp() * again
        whole = (chance * (errors + costs)).sum() / len(label)
        return whole, {**terms, "kept": (chance * shares).sum() / len(label), "reward": -whole}


def hard_kuma(says: Tensor) -> HardKuma:
    """A Kumaraswamy variable for each word of (B, L, 2): softplus keeps a and b above 0."""
    a, b = (torch.nn.functional.softplus(says.float()) + 1e-2).unbind(-1)
    return HardKuma(a, b)
