"""Networks of the anytime agent: what it sees, remembers and chooses, live and in recorded episodes.

Axes: B episodes, T steps, K scales, C channels, P patch side, G glance side, D memory, N classes, levels or labels,
A cells of the policy.
"""

from typing import cast

import torch
from gymnasium import spaces
from torch import Tensor, nn

from glimpse.agents.agent import EpisodeAgent, LrGroups, scaled_lr_groups
from glimpse.agents.answer_kinds import ClassAnswers, LabelSetAnswers, ScoreAnswers, answer_kind
from glimpse.agents.episode import Decision, Episode
from glimpse.agents.known_numbers import number, set_number
from glimpse.agents.step_cores import make_recurrent_core
from glimpse.agents.vision.anytime_memory import AnytimeMemory, ReplayedLooks, place_of, sides_of
from glimpse.agents.vision.anytime_options import AnytimeOptions
from glimpse.agents.vision.grid_looks import GridLooks
from glimpse.agents.vision.locators import Locator
from glimpse.agents.vision.look_network import BlindNetwork, LookNetwork, make_glance_network, make_glimpse_encoder
from glimpse.agents.vision.look_policy import LookPolicy, ZoomChoice
from glimpse.agents.vision.look_teacher import imitation_loss, teachers_looks
from glimpse.agents.vision.make_looks import make_looks
from glimpse.agents.vision.picture_encoder import PictureEncoder
from glimpse.agents.vision.place_pointer import PlacePointer
from glimpse.agents.vision.pointing import SampledPoint

_ANSWERS = ("answer", "score", "labels")


class AnytimeNetworks(EpisodeAgent):
    """Encoder, recurrent core, policy of looks, an answer after each look, and the worth of more looks.

    The recurrent core reads the glance first, where there is one, and then a glimpse a step.

    learns_looks: whether looks are learned.
    ramp: weight of the policy loss; -1 while a teacher is imitated in its place.
    adapts_looks: whether they can differ between pictures.
    reads_glance_only: whether answers come from the glance alone, and glimpses are not read.
    """

    average_return: Tensor
    random_looks: Tensor
    ramp: Tensor
    learns_looks: bool
    adapts_looks: bool
    reads_glance_only: bool
    class_weights: Tensor | None = None
    locator: Locator | None

    def __init__(self, options: AnytimeOptions, observation_space: spaces.Dict, action_space: spaces.Dict) -> None:
        """Make the networks.

        Args:
            options: networks, policy and losses.
            observation_space: has `glimpse` (K, C, P, P), `location`, `time`, and perhaps `glance` (C, G, G), `zoom`
                and `sides`; both `sides` and `window` (K, 4) where a point is the answer.
            action_space: has `look`, perhaps `zoom`, `stop` and `point`, and an answer, unless it has none.

        Raises:
            ValueError: if a point is the answer, and `sides` or `window` are not shown.
        """
        super().__init__()
        self.options, self.greedy_copy = options, options.baseline == "self_critical"
        self.steps = int(cast(spaces.Discrete, observation_space["time"]).n) - 1
        self.stop_threshold = options.stop_threshold if "stop" in action_space.spaces else None
        points, answered = "point" in action_space.spaces, any(name in action_space.spaces for name in _ANSWERS)
        self.look_answers = not (points or answered)
        self._make_networks(options, observation_space, action_space)
        self._make_heads(options, observation_space, action_space)
        self.learns_looks, self.adapts_looks = self.policy.learned, self.policy.adapts
        # Looks that are not learned have no schedule.
        self.pretraining, self.warm_up = (options.pretraining, options.warm_up) if self.learns_looks else (0.0, 0.0)
        self.register_buffer("average_return", torch.zeros(self.steps))
        self.register_buffer("random_looks", torch.tensor(self.pretraining > 0))
        self.register_buffer("ramp", torch.zeros(()))
        set_number(self.ramp, self._policy_weight(0.0))
        self.register_module("locator", None)  # None: the policy chooses. Control locators go here.

    def _make_networks(
        self, options: AnytimeOptions, observation_space: spaces.Dict, action_space: spaces.Dict
    ) -> None:
        """Make what sees, remembers and chooses looks."""
        glimpse = cast(tuple[int, ...], observation_space["glimpse"].shape)
        glance = observation_space.spaces.get("glance")
        zoom = ZoomChoice.of(action_space)
        patch = (glimpse[1], glimpse[2], glimpse[3])
        encoder = make_glimpse_encoder(options.encoder, patch)
        self.reads_glance_only = options.look_policy == "none"
        self.glimpse_network: LookNetwork | BlindNetwork = BlindNetwork(encoder)
        if not self.reads_glance_only:
            place = 2 + zoom.asked
            self.glimpse_network = LookNetwork(encoder, glimpse, place, options.frequencies, options.feature_width)
        self.glance_network = None
        if glance is not None:
            shape = cast(tuple[int, int, int], glance.shape)
            self.glance_network = make_glance_network(encoder, shape, options.feature_width, options.glance_reading)
        self.core = make_recurrent_core(options)
        seen = 0 if glance is None else encoder.width
        self.policy: LookPolicy = make_looks(options, self.steps, zoom, seen, self.look_answers, patch)

    def _make_heads(self, options: AnytimeOptions, observation_space: spaces.Dict, action_space: spaces.Dict) -> None:
        """Make what answers, points, and values."""
        width = options.memory_width
        self.kind: ClassAnswers | ScoreAnswers | LabelSetAnswers | None = None
        self.classifier = None
        if any(name in action_space.spaces for name in _ANSWERS):
            self.kind = answer_kind(action_space)
            self.classifier = nn.Linear(width, self.kind.outputs)
        # A point beside an answer is learned from reward; alone, from the boxes that are its label.
        self.pointer: PlacePointer | None = None
        self.sampled_point: SampledPoint | None = None
        if "point" in action_space.spaces and self.kind is None:
            if missing := [name for name in ("sides", "window") if name not in observation_space.spaces]:
                raise ValueError(f"a point alone is an answer where the environment shows {' and '.join(missing)}, too")
            self.pointer = PlacePointer(self.glimpse_network.encoder.width, options.policy_width)
        elif "point" in action_space.spaces:
            self.sampled_point, self.noise_width = SampledPoint(width, options.policy_width, options.sigma.end), 5
        self.baseline, self.worth = nn.Linear(width, 1), nn.Linear(width, 1)

    @property
    def stops_when_all_done(self) -> bool:
        """Whether a rollout ends as soon as all episodes are over: while training, where they may be shorter."""
        return self.training

    @property
    def in_warmup(self) -> bool:
        """True while looks are random, or the policy's loss has not yet grown to its weight."""
        return bool(self.random_looks) or 0 <= number(self.ramp) < 1

    def load_pretrained(self) -> None:
        """Load the encoders' weights, where they come from a file; see `PictureEncoder.load`."""
        for network in self.modules():
            if isinstance(network, PictureEncoder):
                network.load()

    def learning_rates(self) -> LrGroups:
        """Return groups, each with its scale: all others, the encoder's, the policy's own encoder's, the policy's."""
        options = self.options
        parts = [(self.glimpse_network.encoder, options.encoder.lr_scale), (self.policy, options.policy_lr_scale)]
        if isinstance(self.policy, GridLooks) and self.policy.reader is not None and options.look_encoder is not None:
            parts.insert(1, (self.policy.reader, options.policy_lr_scale * options.look_encoder.lr_scale))
        return scaled_lr_groups(self, *parts)

    @property
    def imitates(self) -> bool:
        """Whether looks are learned from a teacher now."""
        return number(self.ramp) < 0

    def follow(self, action: dict[str, Tensor], taught: list[dict[str, Tensor]], chance: Tensor) -> dict[str, Tensor]:
        """Return actions of which a share of the looks are the teacher's, see `teachers_looks`."""
        share = self.options.imitation.follow
        return teachers_looks(action, taught, share, chance) if share else action

    def set_progress(self, progress: float) -> None:
        """Move the schedules: random looks first, then a growing policy loss; imitation; the noise of locations."""
        self.random_looks.fill_(progress < self.pretraining)
        set_number(self.ramp, self._policy_weight(progress))
        self.policy.set_progress(progress)

    def _policy_weight(self, progress: float) -> float:
        """Return the weight of the policy loss after a share of training; -1 while a teacher is imitated."""
        if self.learns_looks and progress < self.options.imitation.until:
            return -1.0
        since = progress - self.pretraining
        return min(1.0, max(0.0, since / self.warm_up)) if self.warm_up else float(since >= 0)

    def initial_memory(self, observation: dict[str, Tensor]) -> AnytimeMemory:
        """Read the glance, if there is one, and compute the keys of the policy's cells."""
        location = observation["location"]
        core = location.new_zeros(len(location), self.core.memory_width)
        maps, kept = None, location[:, :0]
        if self.glance_network is not None:
            maps = self.glimpse_network.encoder(observation["glance"])
            core = self.core(self.glance_network(maps), core)
            kept = maps if self.glimpse_network.encoder.frozen else kept
        found = location[:, :0] if self.pointer is None else self.pointer.begin(observation, maps)
        keys = self.policy.keys(maps, sides_of(observation), observation.get("glance"))
        return AnytimeMemory(core, keys, location.new_zeros(len(location), self.policy.cells), kept, found)

    def forward(self, observation: dict[str, Tensor], memory: AnytimeMemory) -> tuple[Decision, AnytimeMemory]:
        """Encode the glimpse, update the memory, and compute answer, policy of looks, point and worth of more looks.

        Args:
            observation: `glimpse` (B, K, C, P, P), `location` (B, 2), `time` (B,), and perhaps `zoom`, `sides` and
                `window`.
            memory: of the step before.

        Returns:
            The decision and the new memory.
        """
        core, found, known = memory.core, memory.found, {}
        if isinstance(self.glimpse_network, LookNetwork):
            maps = self.glimpse_network.maps(observation["glimpse"])
            seen = self.glimpse_network.reduce(maps)
            core = self.core(self.glimpse_network(seen, place_of(observation)), core)
            if self.pointer is not None:
                found = self.pointer.better(found, maps, observation["window"])
            if self.glimpse_network.encoder.frozen:
                known = {"seen": seen} if self.pointer is None else {"seen": seen, "maps": maps}
        hidden = self.core.output(core)
        visited = torch.maximum(memory.visited, self._marks(observation))
        parts = self.policy(hidden, observation["time"], memory.keys, visited)
        location = self.policy.mean(parts)
        if self.locator is not None:
            location = self.locator(hidden, observation["time"])[0]
        others = {"worth": self.worth(hidden).squeeze(-1).float()}
        if self.pointer is not None:
            others["point"] = found[:, 1:]
        if self.sampled_point is not None:
            others["point"] = self.sampled_point(hidden)
        answer = hidden[:, :0] if self.classifier is None else self.classifier(hidden)
        if self.glimpse_network.encoder.frozen:
            known["glance"] = memory.glance
        decision = Decision(answer, known, location, parts={**others, **{f"look_{k}": v for k, v in parts.items()}})
        return decision, AnytimeMemory(core, memory.keys, visited, memory.glance, found)

    def act(self, decision: Decision, noise: Tensor, greedy: Tensor | bool) -> dict[str, Tensor]:
        """Turn a decision into an action.

        Args:
            decision: for B episodes.
            noise: (B, noise_width) standard normal: two numbers for the location, one for cell or zoom, and two for a
                point that is sampled.
            greedy: whether to take the likeliest look and the mean point; a bool, or (B,) bool.

        Returns:
            `look` (B, 2) float32, not clamped; `zoom`, `point`, the answer and `stop` where the task has them.
        """
        parts = _parts(decision)
        looks = {name.removeprefix("look_"): part for name, part in parts.items() if name.startswith("look_")}
        action = self.policy.sample(looks, noise[:, :3], greedy)
        if self.pretraining:
            anywhere = self.policy.uniform(noise[:, :3])
            for name, part in anywhere.items():
                action[name] = torch.where(self.random_looks, part, action[name])
        if self.locator is not None:
            action["look"] = self.locator.sample(decision.mean_location, noise[:, :2]).float()
        if self.kind is not None:
            action |= self.kind.act(decision.answer)
        if self.pointer is not None:
            action["point"] = parts["point"]
        if self.sampled_point is not None:
            action["point"] = self.sampled_point.sample(parts["point"], noise[:, 3:], greedy)
        if self.stop_threshold is not None:
            stop = parts["worth"] < self.stop_threshold
            action["stop"] = torch.zeros_like(stop).long() if self.training else stop.long()
        return action

    def _taken(self, episode: Episode) -> Tensor:
        """Return which looks count, (T', B) bool: no glimpse is taken at the last one, unless it is the answer."""
        return episode.step_mask if self.look_answers else episode.step_mask[1:]

    def _replay(self, episode: Episode) -> ReplayedLooks:
        """Compute all steps of the networks again, with gradients."""
        seen, options = episode.observation, self.options
        first = {name: part[0] for name, part in seen.items()}
        maps, glimpse_maps = self._glance_maps(episode), self._glimpse_maps(episode)
        hidden = self._remembered(episode, maps, glimpse_maps)
        error = None if self.pointer is None else self.pointer.errors(episode, maps, glimpse_maps)
        # The policy, of the looks that count; where they are the answer, nothing else trains the networks below.
        count = len(self._taken(episode))
        if maps is not None and options.policy_gradient_into == "policy":
            maps = maps.detach()
        into_core = options.policy_gradient_into == "all" or self.look_answers
        remembered = hidden if into_core else hidden.detach()
        keys = self.policy.keys(maps, sides_of(first), first.get("glance"))
        visited = self._marks(seen).cumsum(0).clamp(max=1)
        parts = self.policy(remembered[:count], seen["time"][:count], keys, visited[:count])
        log_prob = self.policy.log_prob(parts, {name: part[:count] for name, part in episode.action.items()})
        imitation = None
        if self.imitates:
            imitation = imitation_loss(self.policy, parts, episode, self._taken(episode))
        logits = None if self.classifier is None else self.classifier(hidden).float()
        point = None if self.sampled_point is None else self.sampled_point(hidden)
        return ReplayedLooks(hidden, logits, point, error, log_prob, self.policy.entropy(parts), imitation)

    def _glance_maps(self, episode: Episode) -> Tensor | None:
        """Return the maps of the glances, (B, F, h, w); None where there are none."""
        if self.glance_network is None:
            return None
        if "glance" in episode.activations:
            return episode.activations["glance"][0]
        copies = episode.copies  # Copies of an episode have one glance.
        maps: Tensor = self.glimpse_network.encoder(episode.observation["glance"][0, ::copies])
        return maps.repeat_interleave(copies, 0)

    def _glimpse_maps(self, episode: Episode) -> Tensor | None:
        """Return the maps of the glimpses, (T, B, K, F, h, w); None where they are not read, or no longer needed."""
        known = "seen" if self.pointer is None else "maps"
        if not isinstance(self.glimpse_network, LookNetwork) or known in episode.activations:
            return episode.activations.get("maps")
        return self.glimpse_network.maps(episode.observation["glimpse"])

    def _remembered(self, episode: Episode, maps: Tensor | None, glimpse_maps: Tensor | None) -> Tensor:
        """Return the core's outputs (T, B, D) in recorded episodes, given the maps of glance and glimpses."""
        seen, what = episode.observation, episode.activations.get("seen")
        read: list[Tensor] = []
        if self.glance_network is not None and maps is not None:
            read.append(self.glance_network(maps)[None])
        if not isinstance(self.glimpse_network, LookNetwork):
            hidden = self.core.unroll(read[0], None)[0]
            return hidden.expand(len(seen["time"]), -1, -1)
        if what is None and glimpse_maps is not None:
            what = self.glimpse_network.reduce(glimpse_maps)
        read.append(self.glimpse_network(what, place_of(seen)))
        features = torch.cat([one.to(read[-1].dtype) for one in read])
        return self.core.unroll(features, None)[0][len(read) - 1 :]

    def _marks(self, observation: dict[str, Tensor]) -> Tensor:
        """Return 1 for the cell of each look, else 0, (..., A)."""
        location = observation["location"]
        return self.policy.marks(location, observation.get("zoom", torch.zeros_like(location[..., :1])))


def _parts(decision: Decision) -> dict[str, Tensor]:
    """Return the further outputs of a decision, without their None."""
    assert decision.parts is not None
    return decision.parts
