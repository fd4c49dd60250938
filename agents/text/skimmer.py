"""A recurrent reader of texts that are shown piece by piece: it reads a window, jumps, stops and answers.

LSTM-Jump (Yu et al., 2017), with the networks and the policy gradient of recurrent attention. Axes: B episodes, T
steps, W words of a window, K longest jump, E width of a word's vector, G feature width, D memory, N classes.
"""

from typing import cast

import torch
from gymnasium import spaces
from torch import Tensor, nn

from glimpse.agents import policy_gradient
from glimpse.agents.agent import LearningAgent, RateGroups, own_rate
from glimpse.agents.choices import choose
from glimpse.agents.embedding import PADDING, Embedding
from glimpse.agents.encoders.encoded import real_first
from glimpse.agents.encoders.hierarchical_encoder import Level
from glimpse.agents.episode import Decision, Episode, Loss
from glimpse.agents.returns import credit, subtract_baseline
from glimpse.agents.skim_options import SkimmerOptions
from glimpse.agents.text.reader import WordVectors
from glimpse.agents.vision.answering import answer_error, at_the_end
from glimpse.agents.vision.glimpse_network import make_core
from glimpse.agents.vision.recall import RectifiedSum

_NEVER = -1e9
"""Logit of a jump that is not legal: its probability is 0, and its logarithm is still a number."""


class Skimmer(LearningAgent):
    """Word vectors, a window's encoder, core, jumper, classifier and baseline.

    A window that it has skipped leaves nothing in its memory, so that it answers from what it read alone; glances only
    decide. Acting is one step at a time; learning replays the recorded episodes, all windows in one product.
    """

    shows = "the words of the window"
    average_return: Tensor

    def __init__(
        self,
        options: SkimmerOptions,
        observation_space: spaces.Dict,
        action_space: spaces.Dict,
        vectors: WordVectors | None = None,
    ) -> None:
        """Make the networks.

        Args:
            options: widths, losses, and what chooses the jumps.
            observation_space: has `words` (W,), `place` (1,), `time` and `legal` (K + 1,); and perhaps `glance` (W,).
            action_space: has `jump` and `answer`.
            vectors: of the words, if the task gives any.
        """
        super().__init__()
        self.options, self.greedy_copy = options, options.baseline == "self_critical"
        words = int(cast(spaces.Box, observation_space["words"]).high.max()) + 1
        width = options.embedding_width if vectors is None else vectors.vectors.shape[-1]
        self.steps = int(cast(spaces.Discrete, observation_space["time"]).n) - 1
        self.embedding = Embedding(words, width)
        if vectors is not None:
            self.embedding.take(vectors.vectors, vectors.given, options.embedding == "frozen")
        self.dropout = nn.Dropout(options.dropout)
        self.window = Level(options.window, width)
        self.feature = RectifiedSum((self.window.width, 1), options.feature_width)
        self.core = make_core(options)
        jumps, answer = (cast(spaces.Discrete, action_space[name]) for name in ("jump", "answer"))
        glanced = options.feature_width if "glance" in observation_space.spaces else 0
        self.jumper = nn.Linear(options.memory_width + glanced, int(jumps.n))
        self.classifier = nn.Linear(options.memory_width, int(answer.n))
        self.baseline = nn.Linear(options.memory_width, 1)
        self.samples = options.jumps != "next"
        self.register_buffer("average_return", torch.zeros(self.steps))

    def begin(self, observation: dict[str, Tensor]) -> Tensor:
        """An empty memory for each of B episodes, (B, D) or (B, 2 D) zeros."""
        return self.classifier.weight.new_zeros(len(observation["words"]), self.core.memory_width)

    def forward(self, observation: dict[str, Tensor], memory: Tensor) -> tuple[Decision, Tensor]:
        """Read a window, remember, decide.

        Args:
            observation: `words` (B, W), `place` (B, 1), `legal` (B, K + 1); and `glance` (B, W), if any.
            memory: (B, D) or (B, 2 D), zeros where an episode begins.
        """
        remembered = self.core(self._read(observation["words"], observation["place"]), memory)
        if "glance" in observation:
            remembered = torch.where((observation["words"] != PADDING).any(-1, keepdim=True), remembered, memory)
        memory = remembered
        hidden = self.core.output(memory)
        jump = self._jumps(hidden, observation)
        return Decision(hidden.new_empty(len(hidden), 2), self.classifier(hidden), None, {}, jump), memory

    def act(self, decision: Decision, noise: Tensor, greedy: Tensor | bool) -> dict[str, Tensor]:
        """Draw a jump, or take the likeliest: `jump` (B,) int64, and `answer` (B,) int64, the likeliest class."""
        jump = choose(cast(Tensor, decision.move), noise[:, 2], greedy if self.options.jumps == "learned" else False)
        return {"jump": jump, "answer": decision.answer.argmax(-1)}

    def learning_rates(self) -> RateGroups:
        """The word vectors have a rate of their own."""
        return own_rate(self, self.embedding, self.options.embedding_rate)

    def loss(self, episode: Episode) -> Loss:
        """Classification by cross-entropy, jumps by policy gradient, a learned baseline by squared error.

        Returns:
            The sum, and its terms: cross_entropy, accuracy; for learned jumps also policy, baseline, entropy, return.
        """
        seen, options = episode.observation, self.options
        hidden = self._replay(seen)
        logits = self.classifier(at_the_end(hidden, episode)).float()
        every = options.classification == "every_step"
        error = answer_error(
            logits, hidden, self.classifier, episode, every_step=every, smoothing=options.label_smoothing
        )
        terms = {"cross_entropy": error, "accuracy": (logits.argmax(-1) == episode.label).float().mean()}
        if options.jumps != "learned":
            return Loss(error, {name: term.detach() for name, term in terms.items()})
        returns = policy_gradient.returns_to_go(credit(options.credit, logits, episode))
        advantage, baseline = subtract_baseline(
            options.baseline, returns, episode, hidden.detach(), self.baseline, self.average_return
        )
        likely = self._jumps(hidden, seen).float().log_softmax(-1)
        chosen = likely.gather(-1, episode.action["jump"].unsqueeze(-1)).squeeze(-1)
        policy = policy_gradient.reinforce(chosen, advantage, episode.taken)
        entropy = -((likely.exp() * likely).sum(-1) * episode.taken).sum() / episode.taken.sum()
        terms |= {"policy": policy, "baseline": baseline, "entropy": entropy, "return": returns[0].mean()}
        total = error + options.policy_weight * policy + baseline - options.entropy * entropy
        return Loss(total, {name: term.detach() for name, term in terms.items()})

    def _replay(self, seen: dict[str, Tensor]) -> Tensor:
        """What the core gives in all steps, (T, B, D)."""
        features = self._read(seen["words"], seen["place"])
        if "glance" not in seen:
            return self.core.unroll(features, None)[0]
        read = (seen["words"] != PADDING).any(-1)  # (T, B)
        kept, _, _ = real_first(features.transpose(0, 1), read.T)
        most = max(1, int(read.sum(0).max()))
        hidden, _ = self.core.unroll(kept.transpose(0, 1)[:most], None)
        hidden = torch.cat([torch.zeros_like(hidden[:1]), hidden])
        # After each step stands what the last window that was read has left; before the first one nothing.
        return hidden.take_along_dim(read.cumsum(0).unsqueeze(-1), 0)

    def _read(self, words: Tensor, place: Tensor) -> Tensor:
        """Windows (..., W) at places (..., 1) -> features (..., G)."""
        flat = words.flatten(0, -2)
        read = self.window(self.dropout(self.embedding(flat)), flat != PADDING)
        feature: Tensor = self.feature(self.dropout(read.vector), place.flatten(0, -2))
        return feature.view(*words.shape[:-1], -1)

    def _jumps(self, hidden: Tensor, seen: dict[str, Tensor]) -> Tensor:
        """Logits of the jumps, (..., K + 1): learned; or all alike; or the next window, as long as there is one."""
        legal = seen["legal"]
        match self.options.jumps:
            case "learned":
                glance = [self._read(seen["glance"], seen["place"])] if "glance" in seen else []
                logits = self.jumper(torch.cat([hidden, *glance], -1))
            case "random":
                logits = torch.zeros_like(legal, dtype=hidden.dtype)
            case "next":
                logits = torch.zeros_like(legal, dtype=hidden.dtype)
                logits[..., 1] = -_NEVER / 2
        return torch.where(legal.bool(), logits, _NEVER)
