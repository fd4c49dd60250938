"""Base class of all image environments: the retina, the initial location, resets and drawing.

Axes: B lanes, E examples, N examples of the split, R lanes that are reset, K scales, C channels, P patch side.
"""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import NDArray
from torch import Tensor

from glimpse.envs.core import Action, EvaluatedEnv, Observation, missing
from glimpse.envs.images.glance import take_glance
from glimpse.envs.images.initial_location import InitialLocation
from glimpse.envs.images.options import RetinaOptions, ZoomOptions
from glimpse.envs.images.render import draw_glimpses
from glimpse.envs.images.retina import Retina
from glimpse.envs.images.window_render import draw_windows
from glimpse.envs.images.zoom_retina import ZoomRetina
from glimpse.envs.lane_random import draw_example


class VisualEnv(EvaluatedEnv, Protocol):
    """Protocol of a batched environment that shows pictures through a retina, as evaluators and reports need it.

    retina: the sensor.
    zoom: how a look is zoomed; None where it cannot be.
    """

    retina: Retina
    zoom: ZoomOptions | None = None

    def picture(self) -> Tensor:
        """Return the whole picture of each lane, (B, C, H, W) uint8, for drawing; no agent sees it."""
        raise NotImplementedError(missing(self, "picture", "the whole picture of each lane, (B, C, H, W) uint8"))

    def window_boxes(self) -> Tensor | None:
        """Return left, top, right and bottom of the last look's windows, in pixels of `picture`: (B, K, 4).

        None, the default, where the retina's `boxes` are those of each look.
        """
        return None


class PictureEnv(VisualEnv):
    """Base class of environments that show each lane's picture through a retina at locations the agent chooses.

    A subclass defines the pictures of the lanes (`_show`, `_show_lanes`), the glimpses of them (`_look`), and a step.

    repeats_last_glimpse: whether the final observation repeats the glimpse of the one before it, since no glimpse
        follows the last action.
    retina_class: sensor of the environment; a subclass may have another one.
    glance_side: side G of the observation `glance`, the whole picture at the beginning of the episode; None without.
    zoom_retina: the retina, where it reads pyramids of the pictures; then `_prepared` and `_picture` say which.
    """

    repeats_last_glimpse = True
    retina_class: type[Retina] = Retina
    glance_side: int | None = None
    zoom_retina: ZoomRetina | None = None
    _initial_location: InitialLocation
    _labels: Tensor
    _label: Tensor
    _pictures: Tensor
    _picture: Tensor

    @abstractmethod
    def _show(self, example: Tensor, key: Tensor, copies: int) -> None:
        """Make the pictures of examples (E,) int64 with keys (E,) int64, each for `copies` lanes."""

    @abstractmethod
    def _show_lanes(self, lanes: Tensor, example: Tensor, key: Tensor) -> None:
        """Make the pictures of new examples in some lanes, (R,) int64 all three."""

    @abstractmethod
    def _look(self, lanes: Tensor | None, location: Tensor) -> Tensor:
        """Return the glimpses (R, K, C, P, P) of lanes (R,) int64, or of all lanes, at locations (R, 2)."""

    @property
    def examples(self) -> int:
        """Number of examples N in the split."""
        return len(self._labels)

    @property
    def label(self) -> Tensor:
        """Right answer of each lane: (B,) int64; or a score, (B,) float32; or several labels, (B, N) int64."""
        return self._label

    def draw_example(self, key: Tensor) -> Tensor:
        """Draw an example for each episode's key, uniformly: (B,) int64 -> (B,) int64 in [0, N)."""
        return draw_example(key, self.examples)

    def reset(self, example: Tensor, key: Tensor, copies: int = 1) -> Observation:
        """Begin B = E * copies episodes.

        Args:
            example: (E,) int64 in [0, N).
            key: (E,) int64; with the example it determines the picture, with the copy's number the initial location.
            copies: number M of episodes on each picture; lane e * M + m is copy m of example e.

        Returns:
            The first observation, with a leading axis B.
        """
        lane = torch.arange(len(example) * copies, device=self.device)
        self._show(example, key, copies)
        self._location = self._initial_location.draw(key.repeat_interleave(copies), lane % copies)
        self._time = torch.zeros_like(lane)
        self._terminated = torch.zeros_like(lane, dtype=torch.bool)
        self._steps = 0  # since the last reset of any lane
        self._zoom = self._first_zoom(len(lane))
        self._glimpse = self._look(None, self._location)
        if self.glance_side is not None:  # Copies of an episode have one picture.
            self._glance = self._glance_of(lane[::copies]).repeat_interleave(copies, 0)
        return self._observe()

    def reset_lanes(self, lanes: Tensor, example: Tensor, key: Tensor) -> Observation:
        """Begin new episodes in some lanes, after `reset` with one copy, and leave the others as they are.

        Args:
            lanes: (R,) int64, the lanes to reset.
            example: (R,) int64 in [0, N).
            key: (R,) int64.

        Returns:
            The observation of all B lanes.
        """
        location = self._initial_location.draw(key, 0)
        self._show_lanes(lanes, example, key)
        self._location = self._location.index_copy(0, lanes, location)
        self._time = self._time.index_fill(0, lanes, 0)
        self._terminated = self._terminated.index_fill(0, lanes, False)
        self._steps = 0
        self._zoom = self._zoom.index_copy(0, lanes, self._first_zoom(len(lanes)))
        self._glimpse = self._glimpse.index_copy(0, lanes, self._look(lanes, location))
        if self.glance_side is not None:
            self._glance = self._shown_glance().index_copy(0, lanes, self._glance_of(lanes))
        return self._observe()

    @property
    def initial_location(self) -> InitialLocation:
        """Where first glimpses are taken."""
        return self._initial_location

    def observation_of(self, pictures: Tensor, location: Tensor, time: Tensor) -> Observation:
        """Return what is observed of given pictures, whatever the lanes show.

        Args:
            pictures: (R, C, H, W) uint8, whole pictures.
            location: (R, 2) in [-1, 1].
            time: (R,) int64.
        """
        index = torch.arange(pictures.shape[0], device=pictures.device)
        glimpse = self.retina.look(self.retina.prepare(pictures), index, location)
        glance = {} if self.glance_side is None else {"glance": take_glance(pictures, self.glance_side)}
        return {"glimpse": glimpse, "location": location, "time": time, **glance}

    def frame(self, lane: int, seen: Sequence[Mapping[str, NDArray[Any]]]) -> NDArray[np.uint8]:
        """Draw a lane as an RGB picture: the whole image, the scanpath so far, the last glimpse, and the glance if any.

        Where looks are zoomed, the window of each is drawn.

        Args:
            lane: number of the lane.
            seen: observations of its episode so far, without the axis of lanes.

        Returns:
            (height, width, 3) uint8, of the same size at each step.
        """
        if self.repeats_last_glimpse and self._terminated[lane]:
            seen = seen[:-1]
        locations = np.stack([observation["location"] for observation in seen])
        last, glance = seen[-1]["glimpse"], seen[-1].get("glance")
        picture = self._lane_picture(lane).numpy(force=True)
        if self.zoom_retina is None:
            return np.asarray(draw_glimpses(picture, locations, self._drawn_retina(), last, glance))
        zooms = None if self.zoom is None else torch.as_tensor(np.stack([one["zoom"] for one in seen]))
        at = torch.as_tensor(locations, device=self.device)
        windows = self._windows(torch.full((len(seen),), lane, device=self.device), at, zooms).numpy(force=True)
        return np.asarray(draw_windows(picture, locations, windows, last, glance))

    def window_boxes(self) -> Tensor | None:
        """Return the windows of looks that read pyramids; see `VisualEnv.window_boxes`."""
        if self.zoom_retina is None:
            return None
        lanes = torch.arange(len(self._location), device=self.device)
        return self._windows(lanes, self._location, None if self.zoom is None else self._zoom)

    def _windows(self, lanes: Tensor, location: Tensor, zoom: Tensor | None) -> Tensor:
        """Return the windows (R, K, 4) of looks of lanes (R,) at locations (R, 2) and zooms (R, 1)."""
        assert self.zoom_retina is not None
        zoom = None if zoom is None else zoom.to(self.device)
        return self.zoom_retina.boxes_of(self._picture[lanes], location, zoom)

    def _lane_picture(self, lane: int) -> Tensor:
        """Return the whole picture of one lane: (C, H, W) uint8."""
        return self.picture()[lane]

    def _lane_pictures(self, lanes: Tensor) -> Tensor:
        """Return the whole pictures of lanes (R,) int64: (R, C, H, W) uint8."""
        return self.picture()[lanes]

    def _glance_of(self, lanes: Tensor) -> Tensor:
        """Return the glances (R, C, G, G) of the pictures of lanes (R,) int64."""
        assert self.glance_side is not None
        if self.zoom_retina is not None:
            return self.zoom_retina.glance(self._prepared(), self._picture[lanes], self.glance_side)
        return take_glance(self._lane_pictures(lanes), self.glance_side)

    def _shown_glance(self) -> Tensor:
        """Return the glances of all lanes, (B, C, G, G), which are made again if they are `derived`."""
        if "_glance" not in vars(self):
            self._glance = self._glance_of(torch.arange(len(self._location), device=self.device))
        return self._glance

    def _drawn_retina(self) -> RetinaOptions | None:
        """Return the retina whose boxes are drawn, or None if the whole picture is shown."""
        return self.retina.options

    def _seen_spaces(self, channels: int, steps: int) -> spaces.Dict:
        """Return the observation space of one lane, for pictures of C channels and T steps."""
        seen: dict[str, spaces.Space[Any]] = {
            "glimpse": spaces.Box(0.0, 1.0, self.retina.shape(channels), np.float32),
            "location": spaces.Box(-1.0, 1.0, (2,), np.float32),
            "time": spaces.Discrete(steps + 1),
        }
        if self.glance_side is not None:
            seen["glance"] = spaces.Box(0.0, 1.0, (channels, self.glance_side, self.glance_side), np.float32)
        if self.zoom is not None:
            seen["zoom"], seen["sides"] = (spaces.Box(0.0, 1.0, (size,), np.float32) for size in (1, 2))
        return spaces.Dict(seen)

    def _look_spaces(self) -> dict[str, spaces.Space[Any]]:
        """Return the parts of the action space that say where to look."""
        parts: dict[str, spaces.Space[Any]] = {"look": spaces.Box(-1.0, 1.0, (2,), np.float32)}
        if self.zoom is not None:
            levels = spaces.Discrete(self.zoom.levels)
            parts["zoom"] = spaces.Box(0.0, 1.0, (1,), np.float32) if self.zoom.continuous else levels
        return parts

    def _first_zoom(self, count: int) -> Tensor:
        """Return the zooms (count, 1) of first glimpses: of levels, the one that is nearest to the option."""
        first = 0.0 if self.zoom is None else self.zoom.initial
        if self.zoom is not None and not self.zoom.continuous:
            first = round(first * (self.zoom.levels - 1)) / (self.zoom.levels - 1)
        return torch.full((count, 1), first, device=self.device)

    def _chosen_zoom(self, action: Action) -> Tensor:
        """Return the zooms (B, 1) in [0, 1] that an action chooses; NaN counts as 0."""
        if self.zoom is None:
            return self._zoom
        if self.zoom.continuous:
            return action["zoom"].float().nan_to_num(0.0).clamp(0, 1)
        return action["zoom"].float()[:, None] / (self.zoom.levels - 1)

    def _prepared(self) -> Tensor:
        """Return the prepared pictures that `_picture` indexes."""
        return self._pictures

    def _observe(self) -> Observation:
        """Return the observation of all lanes."""
        seen = {"glimpse": self._glimpse, "location": self._location, "time": self._time}
        if self.glance_side is not None:
            seen["glance"] = self._shown_glance()
        if self.zoom is not None and self.zoom_retina is not None:
            seen["zoom"], seen["sides"] = self._zoom, self.zoom_retina.proportions(self._picture)
        return seen
