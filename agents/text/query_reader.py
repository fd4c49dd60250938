"""Reader that searches documents by a vector: the sentence that is nearest to it is opened.

Axes: B episodes, T steps, V numbers of a query's vector, D memory.
"""

import torch
from gymnasium import spaces
from torch import Tensor, nn

from glimpse.agents import policy_gradient
from glimpse.agents.data_parallel import over_all_ranks
from glimpse.agents.episode import Decision, Episode
from glimpse.agents.text.evidence_options import EvidenceReaderOptions
from glimpse.agents.text.evidence_reader import EvidenceReader, OpenedPolicy
from glimpse.agents.text.open_policy import QueryPolicy
from glimpse.agents.text.reader import GivenVectors


class QueryReader(EvidenceReader):
    """Evidence reader whose policy is a Gaussian over a vector.

    The Gaussian's random numbers of all steps are drawn before the first one, and stay in the memory.
    """

    def __init__(
        self,
        options: EvidenceReaderOptions,
        observation_space: spaces.Dict,
        action_space: spaces.Dict,
        vectors: GivenVectors | None = None,
    ) -> None:
        """Make the networks; see `EvidenceReader`. The action space has `query` (V,) too."""
        self.query_width = int(torch.Size(action_space["query"].shape or ()).numel())
        super().__init__(options, observation_space, action_space, vectors)
        # Two vectors are observed, so that half as many numbers for each observed one are enough.
        self.selection_noise = (self.steps + 1) // 2 if self.learns else 0

    def make_policy(self, observation_space: spaces.Dict) -> nn.Module:
        """Make the learned policy."""
        return QueryPolicy(self.options.memory_width + self.copied_width, observation_space)

    def initial_memory(self, observation: dict[str, Tensor]) -> Tensor:
        """Return the memory of `EvidenceReader`, and T * V zeros for random numbers."""
        memory = super().initial_memory(observation)
        return torch.cat([memory, memory.new_zeros(len(memory), self.steps * self.query_width)], -1)

    def select(self, observation: dict[str, Tensor], memory: Tensor, noise: Tensor, greedy: Tensor | bool) -> Tensor:
        """Put the random numbers (B, selection_noise * n) of an episode into its memory."""
        wanted = self.steps * self.query_width
        return torch.cat([memory[:, :-wanted], noise[:, :wanted].to(memory.dtype)], -1) if self.learns else memory

    def forward(self, observation: dict[str, Tensor], memory: Tensor) -> tuple[Decision, Tensor]:
        """Read the sentence that was opened last, update the memory, and decide; see `EvidenceReader`."""
        wanted = self.steps * self.query_width
        decision, remembered = super().forward(observation, memory[:, :-wanted])
        noise = memory[:, -wanted:].view(len(memory), self.steps, self.query_width)
        time = observation["time"].clamp(max=self.steps - 1).view(-1, 1, 1).expand(-1, 1, self.query_width)
        activations = {**decision.activations, "noise": noise.gather(1, time).squeeze(1)}
        return decision._replace(activations=activations), torch.cat([remembered, memory[:, -wanted:]], -1)

    def decide(self, hidden: Tensor, seen: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """Compute the logits (B, 2) of answering and opening, and the mean `query` (B, V)."""
        if self.policy is None:
            return self._control(seen), {"query": seen["question_vector"]}
        logits, query = self.policy(hidden, seen)
        return logits, {"query": query}

    def act(self, decision: Decision, noise: Tensor, greedy: Tensor | bool) -> dict[str, Tensor]:
        """Sample whether to open and the query, or take the likeliest: `open`, `answer` (B,), and `query` (B, V)."""
        action = super().act(decision, noise, greedy)
        mean = decision.activations["query"].float()
        drawn = mean + self.options.sigma * decision.activations["noise"]
        sure = torch.as_tensor(greedy, device=mean.device).view(-1, 1)
        return {**action, "query": torch.where(sure, mean, drawn)}

    def replay_policy(self, hidden: Tensor, episode: Episode) -> OpenedPolicy:
        """Compute the policy of recorded episodes; where a sentence was opened, the query's density counts too."""
        policy = super().replay_policy(hidden, episode)
        assert policy.query is not None
        sigma = policy.query.new_full((), self.options.sigma)  # Made on the device: a number would be copied there.
        density = policy_gradient.gaussian_log_prob(episode.action["query"], policy.query, sigma)
        opened = episode.action["open"] > 0
        return policy._replace(log_prob=policy.log_prob + torch.where(opened, density, 0.0))

    def imitation(self, policy: OpenedPolicy, episode: Episode) -> Tensor:
        """Return the loss of `EvidenceReader`, and the mean of 1 - cosine of the query and a missing sentence."""
        loss = super().imitation(policy, episode)
        if self.options.imitation.of != "evidence":
            return loss
        assert policy.query is not None
        taught = episode.step_mask & episode.teaching["right"][..., 1]
        distance = 1 - (policy.query * episode.teaching["vector"]).sum(-1)
        return loss + (distance * taught).sum() / over_all_ranks(taught.sum()).clamp(min=1)


def make_evidence_reader(
    options: EvidenceReaderOptions,
    observation_space: spaces.Dict,
    action_space: spaces.Dict,
    vectors: GivenVectors | None = None,
) -> EvidenceReader:
    """Make the agent for an environment that offers candidates, or that is searched by a vector."""
    made = QueryReader if "query" in action_space.spaces else EvidenceReader
    return made(options, observation_space, action_space, vectors)
