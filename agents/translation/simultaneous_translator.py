"""Simultaneous translator: at each step it READs one source token or WRITEs one target token.

Its encoder is causal, so that the states of a prefix do not change when more is read.
Axes: B sentences, L tokens of the source, M tokens of the target, T steps, D width, S = D + 1 width of the policy's
state.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

import torch
import torch.nn.functional as F
from gymnasium import spaces
from torch import Tensor, nn

from glimpse.agents import policy_gradient
from glimpse.agents.agent import LrGroups, PlayingBatchAgent, scaled_lr_group
from glimpse.agents.data_parallel import over_all_ranks
from glimpse.agents.embedding import PADDING
from glimpse.agents.episode import Decision, Episode, Loss
from glimpse.agents.known_numbers import number, set_number
from glimpse.agents.returns import subtract_baseline
from glimpse.agents.translation.decoding import Decoder, Tensors
from glimpse.agents.translation.options import SimultaneousTranslatorOptions
from glimpse.agents.translation.prefixes import IncrementalTransformer, wait_k
from glimpse.agents.translation.search import length_limits
from glimpse.agents.translation.symbols import BEGIN, END
from glimpse.agents.translation.transformer_translator import LayeredDecoder, LayeredEncoder
from glimpse.agents.translation.translator import Translator
from glimpse.agents.translation.write_policy import WritePolicy

_SURE = 1e9
"""Logit of an action that is forced."""


class SimultaneousTranslator(Translator, PlayingBatchAgent):
    """A Transformer that translates prefixes, and a READ / WRITE policy on its decoder's state.

    The Transformer learns from known translations. After a share of the training some updates train the policy on
    rollouts instead, with the environment's reward of quality minus delay. The policy's gradient does not reach the
    Transformer.
    """

    drops = False
    stops_when_all_done = True
    done: Tensor
    turn: Tensor
    average: Tensor

    def __init__(
        self, options: SimultaneousTranslatorOptions, observation_space: spaces.Dict, action_space: spaces.Dict
    ) -> None:
        """Make the networks.

        Args:
            options: of the Transformer and of the policy.
            observation_space: has `source` (L,) and `target` (M,), token numbers.
            action_space: has `write` and `token`.
        """
        longest, tokens = observation_space["target"].shape, int(cast(spaces.Discrete, action_space["token"]).n)
        written = spaces.MultiDiscrete([tokens] * cast(tuple[int], longest)[0])
        super().__init__(options, observation_space, spaces.Dict({"target": written}))
        self.policy_options = options
        self.steps = 2 * self.longest
        self.stochastic = self.learns = options.policy == "learned"
        self.greedy_copy = options.baseline == "self_critical"
        self.rollout_one_in = options.play_one_in
        state = options.width + 1
        self.policy = WritePolicy(state, options.policy_width)
        self.value = nn.Linear(state, 1)
        self.register_buffer("average", torch.zeros(1))
        self.register_buffer("done", torch.zeros(()))
        self.register_buffer("turn", torch.zeros((), dtype=torch.int64))
        set_number(self.done, 0.0)
        set_number(self.turn, 0)

    def make_networks(self, options: SimultaneousTranslatorOptions) -> tuple[nn.Module, Decoder, int]:
        """Return the encoder, the decoder, and the width of token vectors."""
        return LayeredEncoder(options, causal=True), LayeredDecoder(options), options.width

    @property
    def in_warmup(self) -> bool:
        """True while a learned policy has not begun to learn."""
        return self.learns and number(self.done) < self.policy_options.begins

    @property
    def plays_next(self) -> bool:
        """True if the next update trains the policy, on rollouts."""
        return self.learns and not self.in_warmup and number(self.turn) % self.policy_options.play_every == 0

    def set_progress(self, progress: float) -> None:
        """Set the share of training done; count the updates since the policy began to learn."""
        set_number(self.done, progress)
        set_number(self.turn, number(self.turn) + (not self.in_warmup))

    def learning_rates(self) -> LrGroups:
        """Return the parameters in two groups; the policy's learning rate is scaled."""
        return scaled_lr_group(self, self.policy, self.policy_options.policy_lr_scale)

    def visible_source(self, source: Tensors, tokens: int) -> Tensors:
        """Restrict the source to wait-k prefixes, with k drawn anew in training.

        A share of the training updates sees whole sentences. Outside training only the control wait-k is restricted.
        """
        options = self.policy_options
        if self.training and float(torch.rand(())) >= options.whole:
            return wait_k(source, tokens, int(torch.randint(1, options.longest_wait + 1, ())))
        return wait_k(source, tokens, options.wait) if options.policy == "wait_k" and not self.training else source

    @contextmanager
    def using_wait_k(self, wait: int) -> Iterator[None]:
        """Replace the policy by wait-k within this context."""
        options, learns = self.policy_options, self.learns
        self.policy_options, self.learns = options.model_copy(update={"policy": "wait_k", "wait": wait}), False
        try:
            yield
        finally:
            self.policy_options, self.learns = options, learns

    def initial_memory(self, observation: dict[str, Tensor]) -> Tensors:
        """Return empty caches of keys and values."""
        return self._transformer.initial_memory(len(observation["source"]), self.longest, self.output.weight)

    @torch.no_grad()
    def forward(self, observation: dict[str, Tensor], memory: Tensors) -> tuple[Decision, Tensors]:
        """Predict the next target token, and decide whether to WRITE it or to READ on.

        Args:
            observation: `source` (B, L), the tokens read so far; `target` (B, M), the tokens written so far.
            memory: from `initial_memory` or the last step.

        Returns:
            The decision, whose `stop` is the logit of WRITE, and the memory. The activations are `token` (B,) int64,
            the predicted token; `state` (B, S), which the policy reads; `lag` (B,) int64, tokens read minus tokens
            written; and `free` (B,) bool, whether the policy could choose.
        """
        source, target = observation["source"], observation["target"]
        source_read, written = (source != PADDING).sum(1), (target != PADDING).sum(1)
        whole = (source == END).any(1)
        # Run the networks on the newest source token and the newest target token.
        with _without_dropout(self):
            before = target.gather(1, (written - 1).clamp(min=0)[:, None])[:, 0].where(written > 0, BEGIN)
            newest = source.gather(1, (source_read - 1).clamp(min=0)[:, None])[:, 0]
            vectors = self.source_vectors(newest), self.target_vectors(before)
            features, memory = self._transformer(*vectors, source_read, written, memory)
            logits = self.output(features).float()
        # The next token: the likeliest, or END at the maximum length.
        logits[:, PADDING] = logits[:, BEGIN] = -torch.inf  # Never part of a translation.
        likely, token = logits.max(-1)
        token = token.where(~whole | (length_limits(source, self.longest) > written + 1), END)
        # First READ, WRITE once the source has ended, and do not WRITE END before that.
        free = (source_read > 0) & ~whole & (token != END)
        state = torch.cat([features.float(), (likely - logits.logsumexp(-1))[:, None]], 1)
        lag, must = source_read - written, torch.where(whole, _SURE, -_SURE)
        write = torch.where(free, self._write_logit(state, lag), must)
        nothing = torch.zeros(len(source), 0, device=source.device)
        return Decision(nothing, {"token": token, "state": state, "lag": lag, "free": free}, stop=write), memory

    def act(self, decision: Decision, noise: Tensor, greedy: Tensor | bool) -> dict[str, Tensor]:
        """Sample READ or WRITE, or take the likelier one: `write` (B,) int64 in {0, 1}, and `token` (B,) int64."""
        logit = cast(Tensor, decision.stop).float()
        drawn = torch.special.ndtr(noise[:, 2].float()) < logit.sigmoid()
        likely = logit > 0
        write = (likely if greedy else drawn) if isinstance(greedy, bool) else torch.where(greedy, likely, drawn)
        return {"write": write.long(), "token": decision.activations["token"]}

    @property
    def _transformer(self) -> IncrementalTransformer:
        """Encoder and decoder, to be run token by token."""
        return IncrementalTransformer(
            cast(LayeredEncoder, self.encoder).layers, cast(LayeredDecoder, self.decoder).layers
        )

    def _write_logit(self, state: Tensor, lag: Tensor) -> Tensor:
        """Return the logit of WRITE by the policy or the control, (B,)."""
        if self.learns:
            return cast(Tensor, self.policy(state, lag))
        ready = lag >= self.policy_options.wait if self.policy_options.policy == "wait_k" else torch.zeros_like(lag) > 0
        return torch.where(ready, _SURE, -_SURE)

    def policy_loss(self, episode: Episode) -> Loss:
        """Return the loss of REINFORCE with a baseline, on the total reward of each episode.

        Its terms are policy_loss, value_loss, entropy, and reads, the mean number of READs that the policy chose.
        """
        state, free = episode.activations["state"], episode.activations["free"] & episode.step_mask
        write = self.policy(state.detach(), episode.activations["lag"])
        chosen = episode.action["write"] == 1
        log_prob = F.logsigmoid(torch.where(chosen, write, -write))
        # The advantage of the whole episode.
        reward = episode.reward.sum(0, keepdim=True)
        once = torch.ones_like(reward, dtype=torch.bool)
        # A learned baseline reads the state after the first READ.
        seen = state[1:2] if len(state) > 1 else state
        name = self.policy_options.baseline
        advantage, error = subtract_baseline(name, reward, once, episode.copies, seen, self.value, self.average)
        policy = policy_gradient.reinforce(log_prob, advantage, free)
        # Entropy bonus, over the steps at which the policy could choose.
        chance = write.sigmoid()
        each = -(chance * F.logsigmoid(write) + (1 - chance) * F.logsigmoid(-write))
        entropy = (each * free).sum() / over_all_ranks(free.sum()).clamp(min=1)
        reads = (free & ~chosen).sum(0).float().mean()
        terms = {"policy_loss": policy, "value_loss": error, "entropy": entropy, "reads": reads}
        total = policy + error - self.policy_options.entropy * entropy
        return Loss(total, {term: value.detach() for term, value in terms.items()})


@contextmanager
def _without_dropout(agent: nn.Module) -> Iterator[None]:
    """Switch the agent to evaluation mode, so that rollouts in training are played without dropout."""
    trains = agent.training
    agent.train(False)
    try:
        yield
    finally:
        agent.train(trains)
