"""A translator that hears a sentence piece by piece, and at each step hears one more or writes one.

Its encoder reads in one direction alone, so that what it has made of a beginning stays as it is when more is heard.
Axes: B sentences, L pieces of the source, M of the target, T steps, D width, S = D + 1 numbers that the policy reads.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import cast

import torch
import torch.nn.functional as F
from gymnasium import spaces
from torch import Tensor, nn

from glimpse.agents import policy_gradient
from glimpse.agents.agent import RateGroups, own_rate
from glimpse.agents.embedding import PADDING
from glimpse.agents.episode import Decision, Episode, Loss
from glimpse.agents.returns import subtract_baseline
from glimpse.agents.translation.decoding import Decoder, Tensors
from glimpse.agents.translation.options import InterpreterOptions
from glimpse.agents.translation.prefixes import PrefixReader, wait_k
from glimpse.agents.translation.search import limits
from glimpse.agents.translation.symbols import BEGIN, END
from glimpse.agents.translation.transformer_translator import LayeredDecoder, LayeredEncoder
from glimpse.agents.translation.translator import Translator
from glimpse.agents.translation.write_policy import WritePolicy

_SURE = 1e9
"""Logit of what must be done."""


class Interpreter(Translator):
    """A Transformer that translates beginnings, and a policy READ or WRITE on its decoder's state.

    The Transformer learns from known translations; after a share of the training the policy plays in some of the
    updates and learns from what the world gives for quality less delay. The gradient of what it earns stops at it.
    """

    drops = False
    hurries = True
    done: Tensor
    turn: Tensor
    average: Tensor

    def __init__(self, options: InterpreterOptions, observation_space: spaces.Dict, action_space: spaces.Dict) -> None:
        """Make the networks.

        Args:
            options: of the Transformer and of the policy.
            observation_space: has `source` (L,) and `target` (M,), the numbers of pieces.
            action_space: has `write`, and `piece`.
        """
        longest, pieces = observation_space["target"].shape, int(cast(spaces.Discrete, action_space["piece"]).n)
        written = spaces.MultiDiscrete([pieces] * cast(tuple[int], longest)[0])
        super().__init__(options, observation_space, spaces.Dict({"target": written}))
        self.asked = options
        self.steps = 2 * self.longest
        self.samples = self.learns = options.policy == "learned"
        self.greedy_copy = options.baseline == "self_critical"
        self.plays_one_in = options.play_one_in
        state = options.width + 1
        self.policy = WritePolicy(state, options.policy_width)
        self.value = nn.Linear(state, 1)
        self.register_buffer("average", torch.zeros(1))
        self.register_buffer("done", torch.zeros(()))
        self.register_buffer("turn", torch.zeros((), dtype=torch.int64))

    def make(self, options: InterpreterOptions) -> tuple[nn.Module, Decoder, int]:
        """Encoder, decoder, and the width of vectors."""
        return LayeredEncoder(options, causal=True), LayeredDecoder(options), options.width

    @property
    def prepares(self) -> bool:  # type: ignore[override]  # it is over at some time
        """Whether the policy has not begun to learn."""
        return self.learns and float(self.done) < self.asked.begins

    @property
    def plays(self) -> bool:  # type: ignore[override]  # in some updates
        """Whether the next update is the policy's."""
        return self.learns and not self.prepares and int(self.turn) % self.asked.play_every == 0

    def set_progress(self, progress: float) -> None:
        """Count the updates, once the policy learns."""
        self.done.fill_(progress)
        self.turn += not self.prepares

    def learning_rates(self) -> RateGroups:
        """The policy has a rate of its own."""
        return own_rate(self, self.policy, self.asked.policy_rate)

    def readable(self, source: Tensors, pieces: int) -> Tensors:
        """In training k pieces ahead, k drawn anew, or all of a sentence; else as the control waits, or all of it."""
        options = self.asked
        if self.training and float(torch.rand(())) >= options.whole:
            return wait_k(source, pieces, int(torch.randint(1, options.longest_wait + 1, ())))
        return wait_k(source, pieces, options.wait) if options.policy == "wait_k" and not self.training else source

    @contextmanager
    def waiting(self, wait: int) -> Iterator[None]:
        """Inside, it writes as soon as it is `wait` pieces behind, whatever its policy has learned."""
        asked, learns = self.asked, self.learns
        self.asked, self.learns = asked.model_copy(update={"policy": "wait_k", "wait": wait}), False
        try:
            yield
        finally:
            self.asked, self.learns = asked, learns

    def loss(self, episode: Episode) -> Loss:
        """Of an episode that was played the policy's, of a known translation that of its pieces.

        Returns:
            The loss, and its terms: those of `Translator.loss`; or policy, entropy, baseline, and reads, how often the
            policy chose to hear on, a mean.
        """
        return self._policy_loss(episode) if episode.action else super().loss(episode)

    def begin(self, observation: dict[str, Tensor]) -> Tensors:
        """Nothing was heard and nothing written: room for keys and values."""
        return self._reader.nothing(len(observation["source"]), self.longest, self.output.weight)

    @torch.no_grad()
    def forward(self, observation: dict[str, Tensor], memory: Tensors) -> tuple[Decision, Tensors]:
        """Read what was heard last, and what was written last; choose a piece, and whether to write it.

        Args:
            observation: `source` (B, L) as far as it was heard, `target` (B, M) as far as it was written.
            memory: what `begin` or the last step gave.

        Returns:
            The decision: `stop` is the logit of writing; activations are `piece` (B,), which would be written, `state`
            (B, S), what the policy reads, `lag` (B,) int64, pieces heard more than written, and `free` (B,) bool,
            whether it was free to choose.
        """
        source, target = observation["source"], observation["target"]
        heard, written = (source != PADDING).sum(1), (target != PADDING).sum(1)
        whole = (source == END).any(1)
        with _without_dropout(self):
            before = target.gather(1, (written - 1).clamp(min=0)[:, None])[:, 0].where(written > 0, BEGIN)
            newest = source.gather(1, (heard - 1).clamp(min=0)[:, None])[:, 0]
            vectors = self.source_vectors(newest), self.target_vectors(before)
            features, memory = self._reader(*vectors, heard, written, memory)
            logits = self.output(features).float()
        logits[:, [PADDING, BEGIN]] = -torch.inf  # They never stand in a translation.
        likely, piece = logits.max(-1)
        piece = piece.where(~whole | (limits(source, self.longest) > written + 1), END)
        # Who has not heard the end does not write it.
        free = (heard > 0) & ~whole & (piece != END)
        state = torch.cat([features.float(), (likely - logits.logsumexp(-1))[:, None]], 1)
        lag, must = heard - written, torch.where(whole, _SURE, -_SURE)
        write = torch.where(free, self._writes(state, lag), must)
        nothing = torch.zeros(len(source), 0, device=source.device)
        return Decision(nothing, nothing, write, {"piece": piece, "state": state, "lag": lag, "free": free}), memory

    def act(self, decision: Decision, noise: Tensor, greedy: Tensor | bool) -> dict[str, Tensor]:
        """Draw, or do the likelier: `write` (B,) int64 in {0, 1}, and `piece` (B,) int64."""
        logit = cast(Tensor, decision.stop).float()
        drawn = torch.special.ndtr(noise[:, 2].float()) < logit.sigmoid()
        write = torch.where(torch.as_tensor(greedy, device=logit.device), logit > 0, drawn)
        return {"write": write.long(), "piece": decision.activations["piece"]}

    @property
    def _reader(self) -> PrefixReader:
        return PrefixReader(cast(LayeredEncoder, self.encoder).layers, cast(LayeredDecoder, self.decoder).layers)

    def _writes(self, state: Tensor, lag: Tensor) -> Tensor:
        """Logit of writing where there is a choice, (B,)."""
        if self.learns:
            return cast(Tensor, self.policy(state, lag))
        ready = lag >= self.asked.wait if self.asked.policy == "wait_k" else torch.zeros_like(lag) > 0
        return torch.where(ready, _SURE, -_SURE)

    def _policy_loss(self, episode: Episode) -> Loss:
        """REINFORCE on the reward, all of which is given at the end, less a baseline."""
        state, free = episode.activations["state"], episode.activations["free"] & episode.taken
        write = self.policy(state.detach(), episode.activations["lag"])
        chosen = episode.action["write"] == 1
        log_prob = F.logsigmoid(torch.where(chosen, write, -write))
        reward = episode.reward.sum(0, keepdim=True)
        once = replace(episode, taken=torch.ones_like(reward, dtype=torch.bool))
        # A learned baseline knows the first piece of the sentence.
        seen = state[1:2] if len(state) > 1 else state
        name = self.asked.baseline
        advantage, error = subtract_baseline(name, reward, once, seen, self.value, self.average)
        policy = policy_gradient.reinforce(log_prob, advantage, free)
        chance = write.sigmoid()
        each = -(chance * F.logsigmoid(write) + (1 - chance) * F.logsigmoid(-write))
        entropy = (each * free).sum() / free.sum().clamp(min=1)
        reads = (free & ~chosen).sum(0).float().mean()
        terms = {"policy": policy, "baseline": error, "entropy": entropy, "reads": reads}
        total = policy + error - self.asked.entropy * entropy
        return Loss(total, {term: value.detach() for term, value in terms.items()})


@contextmanager
def _without_dropout(agent: nn.Module) -> Iterator[None]:
    """What is played in training is played as it will be afterwards."""
    trains = agent.training
    agent.train(False)
    try:
        yield
    finally:
        agent.train(trains)
