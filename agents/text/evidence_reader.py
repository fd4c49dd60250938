"""Reader that searches documents: it opens sentences, one at a time, by policy gradient, and answers.

Axes: B episodes, T steps, Q words of a question, W words of an opened sentence, K candidates, P words of a candidate,
V numbers of a query's vector, S width of an encoded sentence, D memory, E copied words, N answers.
"""

from collections.abc import Iterator
from typing import NamedTuple, cast

import torch
from gymnasium import spaces
from torch import Tensor, nn

from glimpse.agents import policy_gradient
from glimpse.agents.active_steps import ActiveSteps
from glimpse.agents.agent import EpisodeAgent, LrGroups, scaled_lr_group
from glimpse.agents.answer_kinds import ClassAnswers
from glimpse.agents.answer_loss import answer_loss, last_answer_output
from glimpse.agents.attention.mechanisms import make_attention
from glimpse.agents.attention.options import AdditiveOptions
from glimpse.agents.choices import choose
from glimpse.agents.data_parallel import over_all_ranks
from glimpse.agents.embedding import PADDING, Embedding
from glimpse.agents.episode import Decision, Episode, Loss
from glimpse.agents.known_numbers import number, set_number
from glimpse.agents.recall import ReluSum
from glimpse.agents.returns import policy_reward, subtract_baseline
from glimpse.agents.step_cores import make_recurrent_core
from glimpse.agents.text.copied_words import CopiedWords, ReadSentence
from glimpse.agents.text.evidence_options import EvidenceReaderOptions
from glimpse.agents.text.open_policy import NEVER, CandidatePolicy
from glimpse.agents.text.reader import GivenVectors
from glimpse.agents.text.sentence_reading import SentenceReader

_SURE = -NEVER / 2
"""Logit of what a control opens."""


class OpenedPolicy(NamedTuple):
    """Policy of recorded episodes.

    log_prob: (T, B), of what was done.
    logits: (T, B, K + 1), normalised, of answering and of opening each candidate.
    entropy: (T, B), of these.
    query: (T, B, V), the mean query; None without one.
    """

    log_prob: Tensor
    logits: Tensor
    entropy: Tensor
    query: Tensor | None


class EvidenceReader(EpisodeAgent):
    """Sentence reader, recurrent core, policy over candidates, classifier and baseline.

    The memory of an episode begins with the question; each opened sentence is read beside it. Acting takes one step at
    a time; training recomputes the recorded episodes at once. What is opened is sampled and reinforced without dropout.
    """

    readout_name = "the words of the opened sentence"
    stops_when_all_done = True
    average_return: Tensor
    done: Tensor
    class_weights: Tensor | None = None

    def __init__(
        self,
        options: EvidenceReaderOptions,
        observation_space: spaces.Dict,
        action_space: spaces.Dict,
        vectors: GivenVectors | None = None,
    ) -> None:
        """Make the networks.

        Args:
            options: sizes, losses, and how sentences are opened.
            observation_space: has `question` (Q,), `opened` (W,), `time`, `legal` (K + 1,); and `candidates` (K, P),
                `scores`, `position`, `in_document` and `title_words` (K,); or `question_vector` and
                `opened_vector` (V,).
            action_space: has `open` and `answer`.
            vectors: pre-trained word vectors, if the task has any.
        """
        super().__init__()
        self.options, self.greedy_copy = options, options.baseline == "self_critical"
        self.learns = self.decides_when_to_answer = options.opens == "learned"
        self.reads_candidates = options.opens == "soft"
        self.stochastic = options.opens in ("learned", "random")
        words = int(cast(spaces.Box, observation_space["question"]).high.max()) + 1
        self.steps = int(cast(spaces.Discrete, observation_space["time"]).n) - 1
        self.embedding = Embedding(words, options.embedding_width if vectors is None else vectors.vectors.shape[-1])
        if vectors is not None:
            self.embedding.load_vectors(vectors.vectors, vectors.given, options.embedding == "frozen")
        self.dropout = nn.Dropout(options.dropout)
        self.reader = SentenceReader(self.embedding, options.sentence_width)
        self.feature = ReluSum((self.reader.question_width, self.reader.width), options.feature_width)
        self.core = make_recurrent_core(options)
        soft = make_attention(AdditiveOptions(), self.reader.question_width, self.reader.width)
        self.soft = soft if self.reads_candidates else None
        self._reads = ("opened",) if self.soft is None else ("candidates",)
        asked, states = self.reader.question_width, self.reader.question_width
        self.copied = CopiedWords(asked, options.memory_width, states) if options.copy_words else None
        self.copied_width = self.embedding.weight.shape[1] if options.copy_words else 0
        self.kind = ClassAnswers(int(cast(spaces.Discrete, action_space["answer"]).n))
        self.classifier = nn.Linear(options.memory_width + self.copied_width, self.kind.outputs)
        self.baseline = nn.Linear(options.memory_width + self.copied_width, 1)
        self.policy = self.make_policy(observation_space) if self.learns else None
        self.register_buffer("average_return", torch.zeros(self.steps))
        self.register_buffer("done", torch.zeros(()))
        set_number(self.done, 0.0)

    @property
    def in_imitation(self) -> bool:
        """Whether the policy imitates a teacher now, and is not reinforced yet."""
        return self.learns and number(self.done) < self.options.imitation.until

    @property
    def imitates(self) -> bool:
        """Whether it imitates marked evidence now."""
        return self.options.imitation.of == "evidence" and self.in_imitation

    def make_policy(self, observation_space: spaces.Dict) -> nn.Module:
        """Make the learned policy."""
        return CandidatePolicy(self.options, self.embedding, self.options.memory_width + self.copied_width)

    def set_progress(self, progress: float) -> None:
        """Set the share of training done, which ends the imitation."""
        set_number(self.done, progress)

    def learning_rates(self) -> LrGroups:
        """Return two groups: the word vectors with their own rate, after all other parameters."""
        return scaled_lr_group(self, self.embedding, self.options.embedding_lr_scale)

    def initial_memory(self, observation: dict[str, Tensor]) -> Tensor:
        """Return the core's empty memory, no copied words, and the encoded question: (B, D + E + S), or 2 D for D."""
        question = self.reader.question(observation["question"], nn.Identity())
        empty = question.new_zeros(len(question), self.core.memory_width + self.copied_width)
        return torch.cat([empty, question], -1)

    def forward(self, observation: dict[str, Tensor], memory: Tensor) -> tuple[Decision, Tensor]:
        """Read the sentence that was opened last, update the memory, and decide; a control in training only decides.

        Args:
            observation: the environment's dict, each (B, ...).
            memory: from `initial_memory` or the last step.
        """
        if self.training and not self.learns:  # What a control opens does not depend on what it reads; the loss reads.
            nothing = memory.new_zeros(len(memory), self.kind.outputs)
            return Decision(nothing, {}, move=self._control(observation)), memory
        widths = [self.core.memory_width, self.copied_width, self.reader.question_width]
        remembered, copied, question = memory.split(widths, -1)
        read = self._read(observation, question, nn.Identity())
        remembered = self.core(self.feature(question, read.summary), remembered)
        output = self.core.output(remembered)
        if self.copied is not None:
            copied = copied + self.copied(read, question, output)
        hidden = torch.cat([output, copied.to(output.dtype)], -1)
        logits, more = self.decide(hidden, observation)
        known = {"hidden": output, **self.core.activations(), **more}
        if read.attention is not None:
            known["attention"] = read.attention
        return Decision(self.classifier(hidden), known, move=logits), torch.cat([remembered, copied, question], -1)

    def decide(self, hidden: Tensor, seen: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """Compute the logits (B, K + 1) of answering and opening, and further activations."""
        return (self._control(seen) if self.policy is None else self.policy(hidden, seen)), {}

    def act(self, decision: Decision, noise: Tensor, greedy: Tensor | bool) -> dict[str, Tensor]:
        """Sample what is opened, or take the likeliest: `open` (B,) int64; and the likeliest class, `answer` (B,)."""
        sure = greedy if self.learns else False
        return {"open": choose(decision.move_logits, noise[:, 2], sure), "answer": decision.answer.argmax(-1)}

    def loss(self, episode: Episode) -> Loss:
        """Compute the loss of one update by REINFORCE, with the imitation's in its place while that lasts.

        Returns:
            The sum, and its terms: cross_entropy, accuracy, opens; for a learned policy also policy_loss, value_loss,
            entropy, return, and imitation while that lasts.
        """
        if self.policy is None:
            return self._sum(None, episode)
        hidden = self._replay(episode, episode.activations)
        policy = self.replay_policy(hidden, episode)
        advantage, value_loss = self._advantage(hidden, episode)
        policy_loss = policy_gradient.reinforce(policy.log_prob, advantage, episode.step_mask)
        return self._sum(hidden, episode, policy, policy_loss, value_loss)

    def updates(self, episode: Episode) -> Iterator[Loss]:
        """Yield the loss of one update by REINFORCE, or of several by PPO (Schulman et al., 2017)."""
        if self.policy is None or self.options.update == "reinforce":
            yield self.loss(episode)
            return
        # Log-probabilities and advantages of the policy that played stay fixed for all epochs.
        with torch.no_grad():
            hidden = self._replay(episode, episode.activations)
            played = self.replay_policy(hidden, episode).log_prob
            average = self.average_return.clone()
            advantage, _ = self._advantage(hidden, episode)
        for _ in range(self.options.epochs):
            hidden = self._replay(episode, {})
            policy = self.replay_policy(hidden, episode)
            policy_loss = policy_gradient.clipped_surrogate(
                policy.log_prob, played, advantage, self.options.clip_ratio, episode.step_mask
            )
            value_loss = self._value_loss(hidden, episode, average.clone())
            yield self._sum(hidden, episode, policy, policy_loss, value_loss)

    def replay_policy(self, hidden: Tensor, episode: Episode) -> OpenedPolicy:
        """Compute the policy of recorded episodes, given what was remembered (T, B, D)."""
        steps = ActiveSteps(episode.step_mask)
        seen = {name: steps.take(part) for name, part in episode.observation.items()}
        logits, more = self.decide(steps.take(hidden), seen)
        logits = logits.float().log_softmax(-1)
        chosen = logits.gather(-1, steps.take(episode.action["open"]).unsqueeze(-1)).squeeze(-1)
        entropy = -(logits.exp() * logits).sum(-1)
        query = steps.put(more["query"]) if "query" in more else None
        return OpenedPolicy(steps.put(chosen), steps.put(logits), steps.put(entropy), query)

    def imitation(self, policy: OpenedPolicy, episode: Episode) -> Tensor:
        """Return minus the mean log-probability of doing one of the things that the teacher would do, a scalar."""
        right = self._right(episode)
        taught = episode.step_mask & right.any(-1)
        log_prob = policy.logits.masked_fill(~right, NEVER).logsumexp(-1)
        return -(log_prob * taught).sum() / over_all_ranks(taught.sum()).clamp(min=1)

    def _right(self, episode: Episode) -> Tensor:
        """Return what the teacher would do, (T, B, K + 1) bool."""
        if self.options.imitation.of == "evidence":
            return episode.teaching["right"]
        first = episode.observation["legal"][..., 1].bool()
        right = torch.zeros_like(episode.observation["legal"], dtype=torch.bool)
        right[..., 0], right[..., 1] = ~first, first
        return right

    def _read(self, seen: dict[str, Tensor], question: Tensor, dropout: nn.Module) -> ReadSentence:
        """Read what was opened: the last sentence, or what soft attention finds in the candidates."""
        if self.soft is None:
            return cast(ReadSentence, self.reader(seen["opened"], question, dropout))
        shown = seen["candidates"].flatten(0, -3)  # (R, K, P) of all steps
        asked = question.flatten(0, -2).unsqueeze(1)
        there = (shown != PADDING).any(-1)
        rows = ActiveSteps(there | (torch.arange(shown.shape[1], device=there.device) == 0))  # At least one is read.
        each = cast(ReadSentence, self.reader(rows.take(shown), rows.take(asked.expand(*shown.shape[:2], -1)), dropout))
        candidates = rows.put(each.summary)
        found, weights = self.soft(asked, candidates, candidates, there.unsqueeze(1))
        summary = found.view(*question.shape[:-1], self.reader.width)
        attention = weights.squeeze(1)
        if self.copied is None:
            return ReadSentence(summary, each.states, each.vectors, each.weights, attention)
        # The words of all candidates stand in one row, and count as much as their candidates.
        counted = rows.put(each.weights) * weights.transpose(1, 2)
        states, vectors = (rows.put(part).flatten(1, 2) for part in (each.states, each.vectors))
        return ReadSentence(summary, states, vectors, counted.flatten(1), attention)

    def _replay(self, episode: Episode, known: dict[str, Tensor], drops: bool = False) -> Tensor:
        """Recompute what was remembered at all steps, (T, B, D + E); with dropout if it `drops`."""
        dropout, steps = self.dropout if drops else nn.Identity(), ActiveSteps(episode.step_mask)
        question = self.reader.question(episode.observation["question"][0], dropout)
        question = steps.take(question.expand(len(episode.reward), -1, -1))
        seen = {name: steps.take(episode.observation[name]) for name in self._reads}
        read = self._read(seen, question, dropout)
        output = self.core.replay(steps.put(self.feature(question, read.summary)), known)[0]
        if self.copied is None:
            return output
        copied = steps.put(self.copied(read, question, steps.take(output))).cumsum(0)
        return torch.cat([output, copied.to(output.dtype)], -1)

    def _control(self, seen: dict[str, Tensor]) -> Tensor:
        """Return the logits of a control, (B, K + 1)."""
        legal = seen["legal"].bool()
        logits = torch.zeros_like(seen["legal"], dtype=torch.float32)
        if self.options.opens in ("none", "soft"):
            logits[:, 0] = _SURE
        else:  # Sentences are opened as long as any may be.
            logits[:, 0] = -_SURE
            if self.options.opens == "first":
                logits[:, 1] = _SURE
        return torch.where(legal, logits, NEVER)

    def _returns(self, hidden: Tensor, episode: Episode) -> Tensor:
        """Return the rewards to go of each step, (T, B)."""
        answers = self.classifier(last_answer_output(hidden, episode)).float()
        reward = policy_reward(self.options.policy_reward, self.kind, answers, episode)
        return policy_gradient.returns_to_go(reward.detach())

    def _advantage(self, hidden: Tensor, episode: Episode) -> tuple[Tensor, Tensor]:
        """Return the advantage (T, B), and the value loss."""
        returns = self._returns(hidden, episode)
        return self._less_baseline(returns, hidden, episode, self.average_return)

    def _value_loss(self, hidden: Tensor, episode: Episode, average: Tensor) -> Tensor:
        """Return the loss of a learned value alone."""
        return self._less_baseline(self._returns(hidden, episode), hidden, episode, average)[1]

    def _less_baseline(
        self, returns: Tensor, hidden: Tensor, episode: Episode, average: Tensor
    ) -> tuple[Tensor, Tensor]:
        name, mask = self.options.baseline, episode.step_mask
        return subtract_baseline(name, returns, mask, episode.copies, hidden.detach(), self.baseline, average)

    def _sum(
        self,
        hidden: Tensor | None,
        episode: Episode,
        policy: OpenedPolicy | None = None,
        policy_loss: Tensor | None = None,
        value_loss: Tensor | None = None,
    ) -> Loss:
        """Return the weighted sum of the answers' error, policy loss, value loss and entropy, and the terms.

        Without a policy, `hidden` need not be known.
        """
        options, mask = self.options, episode.step_mask
        error, terms = self._answer_error(hidden, episode)
        terms["opens"] = ((episode.action["open"] > 0) & mask).sum(0).float().mean()
        total = options.answer_weight * error
        if policy is None or policy_loss is None or value_loss is None:
            return Loss(total, {name: term.detach() for name, term in terms.items()})
        entropy = (policy.entropy * mask).sum() / over_all_ranks(mask.sum())
        terms |= {"policy_loss": policy_loss, "value_loss": value_loss, "entropy": entropy}
        terms["return"] = episode.reward.sum(0).mean()
        reinforced = options.policy_weight * policy_loss - options.entropy * entropy
        if self.in_imitation:
            reinforced = terms["imitation"] = self.imitation(policy, episode)
        return Loss(total + reinforced + value_loss, {name: term.detach() for name, term in terms.items()})

    def _answer_error(self, hidden: Tensor | None, episode: Episode) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the cross-entropy of the answers, with dropout if there is any, and its terms."""
        if self.training and self.options.dropout:
            hidden = self._replay(episode, {}, drops=True)
        elif hidden is None:
            hidden = self._replay(episode, episode.activations)
        logits = self.classifier(last_answer_output(hidden, episode)).float()
        error = answer_loss(
            self.kind,
            logits,
            hidden,
            self.classifier,
            episode,
            every_step=self.options.classification == "every_step",
            smoothing=self.options.label_smoothing,
            class_weights=self.class_weights,
        )
        return error, self.kind.terms(logits, episode.label, error)
