# ---
# jupyter:
#   jupytext:
#     cell_markers: '"""'
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
"""# 11. Looking at pictures: where an agent looks, and whether that matters.

The recurrent attention model (RAM; Mnih, Heess, Graves and Kavukcuoglu, 2014) reads a picture through a few small
glimpses. It is easy to draw where it looked, and the drawing nearly always looks clever. This notebook asks for more
than a drawing: **does the answer depend on the agent choosing its locations from what it sees?**

We take two trained agents from the zoo. `mnist-ram` looks at centred digits of 28 x 28 pixels; `cluttered-ram` looks at
60 x 60 pixels with a digit somewhere among clutter. We build the retina and the scenes by hand, watch the agents, and
then take the choice away from them in four ways: random locations, the centre, a raster scan, and the agent's own
*mean scanpath*. Only the last one tells two very different agents apart.

You need: basic PyTorch, and what REINFORCE is. No data are downloaded: digits are drawn, or come with scikit-learn.
"""

# %%
import copy
import json
from importlib import resources
from math import comb
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.patches import Rectangle
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from torch import Tensor

import glimpse
from glimpse.agents.episode import Episode
from glimpse.agents.vision.locators import FixedLocator, Locator, RandomLocator, raster
from glimpse.config.experiment import EvaluateOptions
from glimpse.envs.images.classification import Classification
from glimpse.envs.images.image_data import ImageData, load_images
from glimpse.envs.images.options import CanvasOptions
from glimpse.evaluation.control_locators import mean_scanpath, measure_controls
from glimpse.evaluation.paired_tests import mcnemar_p

Picture = NDArray[np.uint8]
plt.rcParams.update({"figure.dpi": 64, "font.size": 9})
centred, cluttered = glimpse.load("mnist-ram"), glimpse.load("cluttered-ram")
for agent in (centred, cluttered):
    print(agent.experiment.task.name, agent.env.options.retina, "glimpses:", agent.env.options.glimpses)

# %% [markdown]
"""
## One digit, six glimpses

`predict` takes a picture of your own. Here is a four, drawn with Pillow. The prediction knows every location, what was
seen there, and the class probabilities after each glimpse.
"""

# %%
drawn = Image.new("L", (28, 28))
ImageDraw.Draw(drawn).line([(16, 5), (8, 16), (20, 16)], fill=255, width=2)
ImageDraw.Draw(drawn).line([(16, 10), (16, 23)], fill=255, width=2)
four = np.asarray(drawn)
seen = centred.predict(four)
print(f"answer {seen.label}, probability {seen.probability:.3f}; after each glimpse: {seen.answers_over_time}")
print("locations (x, y):", seen.locations.astype(float).round(2).tolist())
assert seen.label == "4"


def draw_scanpath(axes: Any, picture: Picture, locations: NDArray[Any], patch: int) -> None:
    """Draw a picture (H, W), the scanpath (T, 2) over it, and the box of the finest patch at each location."""
    side = picture.shape[0]
    x, y = (locations.T + 1) / 2 * side - 0.5
    axes.imshow(picture, cmap="gray", vmin=0, vmax=255)
    axes.plot(x, y, color="tab:orange", linewidth=1)
    for number, (left, top) in enumerate(zip(x - patch / 2, y - patch / 2, strict=True)):
        axes.add_patch(Rectangle((left, top), patch, patch, fill=False, color="tab:orange"))
        axes.text(left + patch, top + 1, str(number + 1), color="yellow")
    axes.set(xlim=(-0.5, side - 0.5), ylim=(side - 0.5, -0.5))
    axes.set_axis_off()


figure, (left, right) = plt.subplots(1, 2, figsize=(7, 3))
draw_scanpath(left, four, seen.locations, 8)
likeliest = np.argsort(-seen.probabilities_over_time[-1])[:3]
right.plot(np.arange(1, 7), seen.probabilities_over_time[:, likeliest], marker="o", label=[str(c) for c in likeliest])
right.set(xlabel="glimpses", ylabel="probability", ylim=(0, 1.05))
right.legend()
plt.show()

# %% [markdown]
r"""
## What a glimpse is

A location $l = (x, y)$ lies in $[-1, 1]^2$: x to the right, y down, $(0, 0)$ the centre. The sensor $\rho(x, l)$ cuts
$K$ square patches around it. Each is twice as wide as the one before, and all are reduced to $P \times P$ pixels (Mnih
et al., 2014, section 3.1; the paper gives no equation). In glimpse a patch of width $w = 2^k P$ around pixel coordinate
$c = \tfrac{1}{2}(x + 1) W$ begins at pixel $\lfloor c - w/2 + 1/2 \rfloor$, and what lies outside the picture is zero.
That is all that is needed to write it again:
"""


# %%
def retina(picture: Picture, location: NDArray[Any], patch: int, scales: int) -> NDArray[np.float64]:
    """Cut the patches of a glimpse, (K, P, P) in [0, 1], out of a picture (H, W)."""
    margin = patch * 2**scales  # Zeros around the picture, so that no patch leaves the array.
    padded = np.pad(picture / 255, margin)
    patches = []
    for scale in range(scales):
        cell = 2**scale
        width = patch * cell
        centre = (location[::-1] + 1) / 2 * picture.shape  # (row, column)
        row, column = np.floor(centre - width / 2 + 0.5).astype(int) + margin
        wide = padded[row : row + width, column : column + width]
        patches.append(wide.reshape(patch, cell, patch, cell).mean((1, 3)))  # the mean of each cell x cell block
    return np.stack(patches)


# Worked by hand: a picture of 4 x 4 pixels, the patch of width 2 around its centre begins at pixel 4 / 2 - 2 / 2 = 1.
numbers = np.arange(16, dtype=np.uint8).reshape(4, 4)
assert (retina(numbers, np.zeros(2), 2, 1)[0] * 255 == [[5, 6], [9, 10]]).all()
for location, glimpsed in zip(seen.locations, seen.glimpses, strict=True):
    assert np.allclose(retina(four, location, 8, 1), glimpsed[:, 0], atol=1e-6)
print("all six glimpses of mnist-ram equal ours; it read", 6 * 64, "pixels, the picture has", four.size)

# %% [markdown]
"""
## Scenes: translated and cluttered digits

Mnih et al. (2014, section 4.1) put a digit at a random location of a larger black canvas (*translated*), or among
distractor patches of 8 x 8 pixels that are cut from other digits (*cluttered*). MNIST is not needed to see how an agent
behaves: we scale scikit-learn's digits of 8 x 8 pixels as MNIST's are, into a box of 20 x 20 whose centre of mass is in
the middle of 28 x 28. They are coarser than what the agents were trained on, so that errors are higher than on MNIST.
"""

# %%
source = load_images("digits", "test")
labels = source.labels
rng = np.random.default_rng(0)


def like_mnist(digit: Picture) -> Picture:
    """Scale a digit (8, 8) to 20 x 20, and put its centre of mass into the middle of (28, 28)."""
    small = np.asarray(Image.fromarray(digit).resize((20, 20), Image.Resampling.BICUBIC), dtype=np.float64)
    row, column = (np.indices(small.shape) * small).sum((1, 2)) / small.sum() + 0.5
    top, left = round(14 - row), round(14 - column)
    picture = np.zeros((28, 28), np.uint8)
    picture[top : top + 20, left : left + 20] = small
    return picture


def make_scene(number: int, distractors: int) -> tuple[Picture, NDArray[np.float64]]:
    """Put a digit on a canvas of 60 x 60 among patches of other digits: the scene, and the location of its centre."""
    scene = np.zeros((60, 60), np.int64)
    others = np.delete(np.arange(len(digits)), number)
    for other in rng.choice(others, distractors):
        (top, left), (row, column) = rng.integers(0, 21, 2), rng.integers(0, 53, 2)
        scene[row : row + 8, column : column + 8] += digits[other, top : top + 8, left : left + 8]
    row, column = rng.integers(0, 33, 2)
    scene[row : row + 28, column : column + 28] += digits[number]
    return scene.clip(0, 255).astype(np.uint8), np.array([column + 14, row + 14]) / 30 - 1


digits = np.stack([like_mnist(digit[0].numpy()) for digit in source.images])
made = [make_scene(number, distractors=4) for number in range(len(digits))]
scenes, digit_at = np.stack([scene for scene, _ in made]), np.stack([at for _, at in made])
print(f"{len(digits)} digits of {digits.shape[1:]}, {len(scenes)} scenes of {scenes.shape[1:]}")

# %% [markdown]
"""
Three scenes, and where `cluttered-ram` looks. Its retina has three patches of 12, 24 and 48 pixels, all reduced to
12 x 12; the box is the finest of them. The first glimpse is at the centre of the canvas, whatever is there.
"""

# %%
figure, panels = plt.subplots(1, 3, figsize=(8, 2.9))
shown = [2, 20, 37]
for axes, number, found in zip(panels, shown, cluttered.predict([scenes[n] for n in shown]), strict=True):
    draw_scanpath(axes, scenes[number], found.locations, 12)
    axes.set_title(f"{found.label} ({found.probability:.2f}), true {int(labels[number])}")
    assert np.allclose(retina(scenes[number], found.locations[-1], 12, 3), found.glimpses[-1][:, 0], atol=1e-6)
plt.show()

# %% [markdown]
r"""
## All pictures at once

For measurements we play episodes side by side. An environment of the library shows our pictures, with the options of
the agent's own (its retina, its number of glimpses); `glimpse.rollout` plays. `greedy` takes the mean of the location
policy $l_t \sim p(\cdot \mid f_l(h_t; \theta_l))$ (Mnih et al., 2014, section 3.1), a Gaussian, in place of a sample.
"""


# %%
def show(agent: Any, pictures: Picture) -> Classification:
    """Make the agent's environment with pictures of our own, (N, H, W)."""
    options = agent.env.options.model_copy(update={"canvas": CanvasOptions()})
    return Classification(options, ImageData(torch.from_numpy(pictures)[:, None], labels, agent.classes))


def errors(episode: Episode) -> Tensor:
    """Return the error after each glimpse, in percent: (T,)."""
    return 100 * (episode.belief.argmax(-1) != episode.label).float().mean(1)


tasks = {"mnist-ram": (centred, show(centred, digits)), "cluttered-ram": (cluttered, show(cluttered, scenes))}
played = {name: glimpse.rollout(agent, env, greedy=True) for name, (agent, env) in tasks.items()}
for name, episode in played.items():
    print(f"{name:14} error after each glimpse, %: {[round(error, 1) for error in errors(episode).tolist()]}")

# The rollout answers as `predict` does, and the last answers are far better than the first ones.
again = cluttered.predict(list(scenes[:20]))
last = played["cluttered-ram"].belief[-1, :20].argmax(-1).tolist()
alike = [one.label == str(number) for one, number in zip(again, last, strict=True)]
assert sum(alike) >= 18  # Rounding decides close calls, and is another one in another batch.
assert all(errors(episode)[-1] < errors(episode)[0] / 2 for episode in played.values())

# %% [markdown]
"""
Both agents were trained to answer after the last glimpse only, as in the paper. Whether their earlier answers mean
anything is luck: those of `cluttered-ram` do, those of `mnist-ram` do not, which is why the curves of the four above
jump about. Do not read a curve of beliefs as thought without asking how it was trained.

Where are the glimpses with respect to the digit? We know, since we put it there. The distance of the gaze from the
digit's centre shrinks quickly; 14 pixels are half a digit.
"""

# %%
gaze = played["cluttered-ram"].observation["location"].numpy()  # (T, N, 2)
distance = 30 * np.linalg.norm(gaze - digit_at, axis=-1).mean(1)
print("mean distance from the digit's centre, pixels:", distance.round(1).tolist())
assert distance[-1] < distance[0] / 2

# %% [markdown]
r"""
## Four ways to take the choice away

A right answer does not show that the agent looked at the right place: a network may do well with any glimpses. Control
locators keep **the same weights** (glimpse network, recurrent core, classifier) and look at **other locations**:

| control | what it asks |
| --- | --- |
| random locations | does it matter at all where these weights look? |
| the centre, always | does it matter that they look at several places? |
| a raster scan | does it matter that they do not look everywhere? |
| the agent's mean scanpath | does it matter that the locations *depend on the picture*? |

The mean scanpath is the mean location of each step over $N$ pictures, one path for all of them. With $l_t^{(i)}$ the
greedy location of step $t$ in picture $i$ (this project's control; see its page on evaluation):

$$\bar l_t = \frac{1}{N} \sum_{i=1}^{N} l_t^{(i)}$$

Replacing a locator is one line, since an agent is a `torch.nn.Module`.
"""


# %%
def play_with(agent: Any, env: Classification, locator: Locator) -> Episode:
    """Play greedy episodes of the same weights with another locator."""
    module = copy.deepcopy(agent.module)
    module.locator = locator
    return glimpse.rollout(module, env, greedy=True)


def mean_path(episode: Episode) -> Tensor:
    """Return the mean scanpath, (T, 2); no glimpse follows the last action, so that its location is arbitrary."""
    return torch.cat([episode.action["look"][:-1].clamp(-1, 1).mean(1), torch.zeros(1, 2)])


def controls(episode: Episode) -> dict[str, Locator]:
    """Return the four control locators by name; the mean scanpath is that of `episode`."""
    steps = len(episode.reward)
    return {
        "random locations": RandomLocator(),
        "centre only": FixedLocator(torch.zeros(steps, 2)),
        "raster scan": FixedLocator(raster(steps).roll(-1, 0)),
        "its own mean scanpath": FixedLocator(mean_path(episode)),
    }


table: dict[str, dict[str, float]] = {}
answers: dict[str, dict[str, Tensor]] = {}
for name, (agent, env) in tasks.items():
    episodes = {"the policy": played[name]}
    episodes |= {control: play_with(agent, env, one) for control, one in controls(played[name]).items()}
    table[name] = {control: float(errors(episode)[-1]) for control, episode in episodes.items()}
    answers[name] = {control: episode.belief[-1].argmax(-1) for control, episode in episodes.items()}
print(f"{'error, %':24}" + "".join(f"{name:>15}" for name in table))
for control in table["mnist-ram"]:
    print(f"{control:24}" + "".join(f"{row[control]:15.1f}" for row in table.values()))

# %% [markdown]
"""
`glimpse evaluate` measures the same controls. Its function gives our numbers:
"""

# %%
options = EvaluateOptions(seed=0, copies=1, batch=len(scenes), precision="float32")
measured = measure_controls(cluttered.module, tasks["cluttered-ram"][1], options)
for control, scores in measured.items():
    print(f"{control:24}{scores.greedy.error:8.1f}")
    assert abs(scores.greedy.error - table["cluttered-ram"][control]) < 1e-3
path = mean_scanpath(cluttered.module, tasks["cluttered-ram"][1], options)
assert torch.allclose(path, mean_path(played["cluttered-ram"]), atol=1e-5)

# %% [markdown]
r"""
## Why the mean scanpath matters

Read the table by columns. Against random locations *both* agents look like great lookers: errors are several times
higher without the policy. Against the mean scanpath they part. `cluttered-ram` is lost without reacting to the picture.
`mnist-ram` is not: one fixed path for all digits answers as well as its policy does. On centred digits the policy has
learned a good **path**, and hardly anything that deserves to be called looking.

Is the difference within `mnist-ram` chance? Both columns are answers to the same pictures, so the test is a paired one.
McNemar's (1947) exact test counts the pictures that only one of them gets wrong, $b$ and $c$. If there is no
difference, each of these $n = b + c$ pictures falls to either side with probability 1/2, so that with
$m = \min(b, c)$ (the binomial form of the test; at most 1)

$$p = 2 \sum_{k=0}^{m} \binom{n}{k} 2^{-n}$$
"""


# %%
def exact_mcnemar(only_first: int, only_second: int) -> float:
    """Return the two-sided p-value, given how many pictures only one of two agents gets wrong."""
    pairs = only_first + only_second
    tail = sum(comb(pairs, k) for k in range(min(only_first, only_second) + 1))
    p: float = 2 * tail / 2**pairs
    return min(1.0, p)


assert exact_mcnemar(1, 5) == 2 * (1 + 6) / 64  # worked by hand: (6 over 0) + (6 over 1) of 2^6
found_p = {}
for name in tasks:
    wrong = {control: given != labels for control, given in answers[name].items()}
    own, fixed = wrong["the policy"], wrong["its own mean scanpath"]
    b, c = int((own & ~fixed).sum()), int((fixed & ~own).sum())
    found_p[name] = exact_mcnemar(b, c)
    assert found_p[name] == mcnemar_p(b, c)
    print(f"{name:14} only the policy is wrong: {b:3}, only its mean scanpath: {c:3}, p = {found_p[name]:.2g}")
assert found_p["mnist-ram"] > 0.05 > found_p["cluttered-ram"]
assert table["mnist-ram"]["random locations"] > 5 * table["mnist-ram"]["the policy"]

# %% [markdown]
"""
On MNIST's own test set of 10,000 digits the picture is the same. The zoo keeps the evaluation beside the weights:
"""

# %%
for name in tasks:
    text = (resources.files("glimpse.zoo") / name / "evaluation.json").read_text(encoding="utf-8")
    for control, result in json.loads(text)["test"]["scores"].items():
        if control in ("ram", "random locations", "its own mean scanpath"):
            score = result["greedy"]
            print(f"{name:14} {control:22} {score['error']:6.2f} % ({score['low']:.2f} to {score['high']:.2f})")

# %% [markdown]
"""
The scanpaths say why. Each dot is the location of one picture; colours are steps, and the black line is the mean
scanpath. The locations of `mnist-ram` lie in tight clouds around its path, those of `cluttered-ram` are where the digit
is, and their mean is nowhere. One number for it is the *variation*: the standard deviation of the location between
pictures, the root mean square over steps and axes, in units of half the picture's side.
"""

# %%
figure, panels = plt.subplots(1, 2, figsize=(7, 3.2), sharex=True, sharey=True)
variation = {}
for axes, (name, episode) in zip(panels, played.items(), strict=True):
    look = episode.action["look"][:-1].clamp(-1, 1)  # (T - 1, N, 2)
    variation[name] = float(look.var(1).mean().sqrt())
    for step in look:
        axes.scatter(*step[::4].T, s=4, alpha=0.5)
    axes.plot(*look.mean(1).T, color="black", marker="o", markersize=3)
    axes.set(title=f"{name}, variation {variation[name]:.2f}", xlim=(-1, 1), ylim=(1, -1), aspect="equal")
plt.show()
print({name: round(value, 3) for name, value in variation.items()})
assert variation["cluttered-ram"] > 3 * variation["mnist-ram"]

# %% [markdown]
"""
## What the controls do not say

* **The same weights are at a disadvantage.** They were never trained with other locations, so that a control's error is
  higher than that of a network that was *trained* to live with it. For that question train the agents `path`, `random`,
  `centre` and `raster`, which are RAM with another locator, at the same budget. The tables of the results do.
* **A mean may be a bad path.** If a policy looks to the left or to the right, its mean looks between them. Exercise 3
  has a control without this weakness.
* **Greedy and sampled episodes differ**, and averaging ten sampled episodes hides a bad policy. Compare like with like.
* **None of this explains an answer.** It tells what the locations are worth on average over pictures.
"""

# %% [markdown]
"""
## Exercises

1. `mnist-ram` behaves like a fixed path on centred digits. Shift the digits by 4 pixels to the right. Who suffers more,
   the policy or the mean scanpath of the centred digits? Test the difference.
2. Show `cluttered-ram` an empty canvas, and one with clutter alone. What does it answer, and how sure is it?
3. A *yoked* control shows each picture at the locations that the policy chose for **another** picture. The locations
   then have exactly the policy's distribution, and only the match with the picture is lost. Write it as a locator, and
   measure both agents with it.
"""

# %% [markdown]
"""
### Answer 1

Both suffer: the networks never saw digits there. The policy follows the shift a little, but it was never trained to.
"""

# %%
shifted = show(centred, np.roll(digits, 4, axis=2))
adapting = glimpse.rollout(centred, shifted, greedy=True)
following = play_with(centred, shifted, FixedLocator(mean_path(played["mnist-ram"])))
moved = (adapting.action["look"][:-1] - played["mnist-ram"].action["look"][:-1])[..., 0].mean() * 14
own, fixed = (episode.belief[-1].argmax(-1) != labels for episode in (adapting, following))
p = exact_mcnemar(int((own & ~fixed).sum()), int((fixed & ~own).sum()))
print(f"policy {float(errors(adapting)[-1]):.1f} %, mean scanpath {float(errors(following)[-1]):.1f} %, p = {p:.2g}")
print(f"the policy's locations moved by {float(moved):.1f} of 4 pixels")
assert min(errors(adapting)[-1], errors(following)[-1]) > 1.5 * table["mnist-ram"]["the policy"]

# %% [markdown]
"""
### Answer 2

It names a digit, as a classifier of ten classes must. A probability is only one among the classes that it knows.
"""

# %%
empty = np.zeros((60, 60), np.uint8)
only_clutter = np.zeros((60, 60), np.uint8)
for row, column, other in ((6, 8, 3), (40, 10, 14), (12, 44, 25), (44, 40, 36)):
    only_clutter[row : row + 8, column : column + 8] = digits[other, 10:18, 10:18]
for one in cluttered.predict([empty, only_clutter]):
    x, y = one.locations[-1]
    print(f"answer {one.label}, probability {one.probability:.2f}, last location ({x:.2f}, {y:.2f})")
    assert one.label in cluttered.classes

# %% [markdown]
"""
### Answer 3

`cluttered-ram` fails with another picture's locations. `mnist-ram` hardly notices: the conclusion from the mean
scanpath stands, and is not an artefact of taking a mean.
"""


# %%
class YokedLocator(Locator):
    """Control locator: each episode looks where another one looked."""

    learned = adapts = False

    def __init__(self, looked: Tensor) -> None:
        """Take the locations of all episodes, (T, N, 2), and give those of each to the next."""
        super().__init__()
        self.path = looked.roll(1, 1)

    def forward(self, memory: Tensor, time: Tensor, recorded: None = None) -> tuple[Tensor, None]:
        """Return the location of each episode at its step, (N, 2)."""
        return self.path[time, torch.arange(len(time))], None


for name, (agent, env) in tasks.items():
    yoked = float(errors(play_with(agent, env, YokedLocator(played[name].action["look"])))[-1])
    table[name]["yoked"] = yoked
    print(f"{name:14} policy {table[name]['the policy']:.1f} %, yoked {yoked:.1f} %")
assert table["cluttered-ram"]["yoked"] > 3 * table["cluttered-ram"]["the policy"]
assert table["mnist-ram"]["yoked"] < 1.5 * table["mnist-ram"]["the policy"]
