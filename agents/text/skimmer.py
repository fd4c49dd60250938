"""Recurrent reader that skims a text: it reads a window, jumps, stops and answers.

LSTM-Jump (Yu et al., 2017), with the networks and the policy gradient of recurrent attention. Axes: B episodes, T
steps, W words of a window, K longest jump, E width of a word's vector, G feature width, D memory, N classes.
"""

from typing import cast

import torch
from gymnasium import spaces
from torch import Tensor, nn

from glimpse.agents import policy_gradient
from glimpse.agents.agent import EpisodeAgent, LrGroups, scaled_lr_group
from glimpse.agents.answer_kinds import ClassAnswers
from glimpse.agents.answer_loss import answer_loss, last_answer_output
from glimpse.agents.choices import choose
from glimpse.agents.data_parallel import over_all_ranks
from glimpse.agents.embedding import PADDING, Embedding
from glimpse.agents.encoders.encoded import real_first
from glimpse.agents.encoders.hierarchical_encoder import Level
from glimpse.agents.episode import Decision, Episode, Loss
from glimpse.agents.recall import ReluSum
from glimpse.agents.returns import policy_reward, subtract_baseline
from glimpse.agents.step_cores import make_recurrent_core
from glimpse.agents.text.options import SkimmerOptions
from glimpse.agents.text.reader import GivenVectors

_NEVER = -1e9
"""Logit of an illegal jump: its probability is 0, and its log-probability is still finite."""


class Skimmer(EpisodeAgent):
    """Word vectors, window encoder, recurrent core, jump policy, classifier and baseline.

    A skipped window does not change the memory, so that the answer depends on the words that were read alone; a glance
    ahead only informs the jump. Acting takes one step at a time; training recomputes the recorded episodes, and encodes
    all their windows at once.

    Jumps are sampled and reinforced without dropout: under two dropout masks they would be drawn from one policy and
    weighed by another, which biases the policy gradient. The classification loss alone has dropout.
    """

    readout_name = "the words of the window"
    average_return: Tensor
    class_weights: Tensor | None = None

    def __init__(
        self,
        options: SkimmerOptions,
        observation_space: spaces.Dict,
        action_space: spaces.Dict,
        vectors: GivenVectors | None = None,
    ) -> None:
        """Make the networks.

        Args:
            options: sizes, losses, and how jumps are chosen.
            observation_space: has `words` (W,), `position` (1,), `time` and `legal` (K + 1,); and perhaps `glance`
                (W,).
            action_space: has `jump` and `answer`.
            vectors: pre-trained word vectors, if the task has any.
        """
        super().__init__()
        self.options, self.greedy_copy = options, options.baseline == "self_critical"
        words = int(cast(spaces.Box, observation_space["words"]).high.max()) + 1
        width = options.embedding_width if vectors is None else vectors.vectors.shape[-1]
        self.steps = int(cast(spaces.Discrete, observation_space["time"]).n) - 1
        self.embedding = Embedding(words, width)
        if vectors is not None:
            self.embedding.load_vectors(vectors.vectors, vectors.given, options.embedding == "frozen")
        self.dropout = nn.Dropout(options.dropout)
        self.window = Level(options.window, width)
        self.feature = ReluSum((self.window.width, 1), options.feature_width)
        self.core = make_recurrent_core(options)
        jumps, answer = (cast(spaces.Discrete, action_space[name]) for name in ("jump", "answer"))
        glanced = options.feature_width if "glance" in observation_space.spaces else 0
        self.jumper = nn.Linear(options.memory_width + glanced, int(jumps.n))
        self.kind = ClassAnswers(int(answer.n))
        self.classifier = nn.Linear(options.memory_width, self.kind.outputs)
        self.baseline = nn.Linear(options.memory_width, 1)
        self.stochastic = options.jumps != "next"
        self.register_buffer("average_return", torch.zeros(self.steps))

    def initial_memory(self, observation: dict[str, Tensor]) -> Tensor:
        """Return an empty memory for each of B episodes, zeros (B, D) or (B, 2 D)."""
        return self.classifier.weight.new_zeros(len(observation["words"]), self.core.memory_width)

    def forward(self, observation: dict[str, Tensor], memory: Tensor) -> tuple[Decision, Tensor]:
        """Read a window, update the memory, and decide.

        Args:
            observation: `words` (B, W), `position` (B, 1), `legal` (B, K + 1); and `glance` (B, W), if any.
            memory: (B, D) or (B, 2 D), zeros where an episode begins.
        """
        remembered = self.core(self._read(observation["words"], observation["position"]), memory)
        if "glance" in observation:
            remembered = torch.where((observation["words"] != PADDING).any(-1, keepdim=True), remembered, memory)
        memory = remembered
        hidden = self.core.output(memory)
        jump = self._jumps(hidden, observation)
        return Decision(self.classifier(hidden), {}, move=jump), memory

    def act(self, decision: Decision, noise: Tensor, greedy: Tensor | bool) -> dict[str, Tensor]:
        """Sample a jump, or take the likeliest: `jump` (B,) int64; and the likeliest class, `answer` (B,) int64."""
        jump = choose(decision.move_logits, noise[:, 2], greedy if self.options.jumps == "learned" else False)
        return {"jump": jump, "answer": decision.answer.argmax(-1)}

    def learning_rates(self) -> LrGroups:
        """Return two groups: the word vectors with their own rate, after all other parameters."""
        return scaled_lr_group(self, self.embedding, self.options.embedding_lr_scale)

    def loss(self, episode: Episode) -> Loss:
        """Compute the cross-entropy of the answer, and for learned jumps the policy loss, value loss and entropy.

        Returns:
            The sum, and its terms: cross_entropy, accuracy; for learned jumps also policy_loss, value_loss, entropy,
            return.
        """
        seen, options = episode.observation, self.options
        # Classification.
        hidden = self._replay(seen, drops=True)
        logits = self.classifier(last_answer_output(hidden, episode)).float()
        every = options.classification == "every_step"
        error = answer_loss(
            self.kind,
            logits,
            hidden,
            self.classifier,
            episode,
            every_step=every,
            smoothing=options.label_smoothing,
            class_weights=self.class_weights,
        )
        terms = self.kind.terms(logits, episode.label, error)
        if options.jumps != "learned":
            return Loss(error, {name: term.detach() for name, term in terms.items()})

        # REINFORCE of the jumps, with a baseline, under the policy that drew them.
        if self.training and options.dropout:
            hidden = self._replay(seen)
            logits = self.classifier(last_answer_output(hidden, episode)).float()
        returns = policy_gradient.returns_to_go(policy_reward(options.policy_reward, self.kind, logits, episode))
        advantage, value_loss = subtract_baseline(
            options.baseline,
            returns,
            episode.step_mask,
            episode.copies,
            hidden.detach(),
            self.baseline,
            self.average_return,
        )
        log_probs = self._jumps(hidden, seen).float().log_softmax(-1)
        chosen = log_probs.gather(-1, episode.action["jump"].unsqueeze(-1)).squeeze(-1)
        policy_loss = policy_gradient.reinforce(chosen, advantage, episode.step_mask)
        entropy = -((log_probs.exp() * log_probs).sum(-1) * episode.step_mask).sum()
        entropy = entropy / over_all_ranks(episode.step_mask.sum())
        terms |= {"policy_loss": policy_loss, "value_loss": value_loss, "entropy": entropy, "return": returns[0].mean()}
        total = error + options.policy_weight * policy_loss + value_loss - options.entropy * entropy
        return Loss(total, {name: term.detach() for name, term in terms.items()})

    def _replay(self, seen: dict[str, Tensor], drops: bool = False) -> Tensor:
        """Recompute the core's output at all steps of recorded episodes, (T, B, D); with dropout if it `drops`."""
        features = self._read(seen["words"], seen["position"], drops)
        if "glance" not in seen:
            return self.core.unroll(features, None)[0]
        # Run the core over the windows that were read, without the skipped ones between them.
        read = (seen["words"] != PADDING).any(-1)  # (T, B)
        kept, _, _ = real_first(features.transpose(0, 1), read.T)
        longest = max(1, int(read.sum(0).max())) if read.device.type == "cpu" else len(read)
        hidden, _ = self.core.unroll(kept.transpose(0, 1)[:longest], None)
        hidden = torch.cat([torch.zeros_like(hidden[:1]), hidden])
        # Each step has the output of the last window that was read, or zeros before the first one.
        return hidden.take_along_dim(read.cumsum(0).unsqueeze(-1), 0)

    def _read(self, words: Tensor, position: Tensor, drops: bool = False) -> Tensor:
        """Encode windows (..., W) at positions (..., 1) as features (..., G); with dropout if it `drops`."""
        dropout = self.dropout if drops else nn.Identity()
        flat = words.flatten(0, -2)
        read = self.window(dropout(self.embedding(flat)), flat != PADDING)
        feature: Tensor = self.feature(dropout(read.vector), position.flatten(0, -2))
        return feature.view(*words.shape[:-1], -1)

    def _jumps(self, hidden: Tensor, seen: dict[str, Tensor]) -> Tensor:
        """Compute the logits of the jumps, (..., K + 1): learned, equal, or for the next window if there is one."""
        legal = seen["legal"]
        match self.options.jumps:
            case "learned":
                glance = [self._read(seen["glance"], seen["position"])] if "glance" in seen else []
                logits = self.jumper(torch.cat([hidden, *glance], -1))
            case "random":
                logits = torch.zeros_like(legal, dtype=hidden.dtype)
            case "next":
                logits = torch.zeros_like(legal, dtype=hidden.dtype)
                logits[..., 1] = -_NEVER / 2
        return torch.where(legal.bool(), logits, _NEVER)
