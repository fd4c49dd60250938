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
"""# 11. 看图片：智能体看了哪里，这有没有用.

循环注意力模型（RAM；Mnih、Heess、Graves 和 Kavukcuoglu，2014）通过几次小小的注视来读一张图片。
把它看过的地方画出来很容易，而且画出来几乎总是显得很聪明。这个笔记本要的不只是一张图，而是问：
**答案是否真的依赖于智能体根据所见来选择位置？**

我们从智能体库里取两个训练好的智能体。`mnist-ram` 看居中的 28 x 28 像素的数字；
`cluttered-ram` 看 60 x 60 像素的画面，数字在杂物之间的某个地方。我们先亲手写出视网膜和场景，看智能体怎么看，
然后用四种办法拿走它的选择权：随机位置、中心、逐行扫描，以及智能体自己的*平均扫视路径*。
只有最后一种能把两个截然不同的智能体区分开。

需要：PyTorch 的基础，知道 REINFORCE 是什么。不下载任何数据：数字是画出来的，或者来自 scikit-learn。
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
## 一个数字，六次注视

`predict` 接受你自己的图片。这里是用 Pillow 画的一个 4。预测结果里有每次注视的位置、在那里看到的内容，
以及每次注视之后各类别的概率。
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
## 注视是什么

位置 $l = (x, y)$ 取值在 $[-1, 1]^2$：x 向右，y 向下，$(0, 0)$ 是中心。
传感器 $\rho(x, l)$ 在它周围切出 $K$ 个方形图块，
每个是前一个的两倍宽，全部缩小到 $P \times P$ 像素（Mnih 等人，2014，3.1 节；论文没有给出公式）。
在 glimpse 中，以像素坐标 $c = \tfrac{1}{2}(x + 1) W$ 为中心、宽 $w = 2^k P$ 的图块从像素
$\lfloor c - w/2 + 1/2 \rfloor$ 开始，图片以外的部分是零。知道这些就可以自己写一遍：
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
## 场景：平移的数字和杂乱中的数字

Mnih 等人（2014，4.1 节）把数字放在更大的黑色画布上的随机位置（*平移*，translated），
或者放在从别的数字上切下来的 8 x 8 像素的干扰块之间（*杂乱*，cluttered）。要看智能体怎样行动，并不需要 MNIST：
我们把 scikit-learn 的 8 x 8 像素的数字按 MNIST 的方式放大，放进 20 x 20 的方框，使重心位于 28 x 28 的正中。
它们比智能体训练时见过的数字粗糙，所以错误率比在 MNIST 上高。
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
下面是三个场景，以及 `cluttered-ram` 看的地方。它的视网膜有三个图块，边长 12、24 和 48 像素，都缩小到 12 x 12；
图中的方框是其中最细的一个。第一次注视总在画布中心，不管那里有什么。
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
## 一次看完所有图片

为了测量，我们让许多回合并行进行。库中的环境展示我们的图片，选项与智能体自己的相同（视网膜、注视次数），
由 `glimpse.rollout` 来运行。`greedy` 表示不从位置策略 $l_t \sim p(\cdot \mid f_l(h_t; \theta_l))$
（Mnih 等人，2014，3.1 节；这里是高斯分布）中采样，而是取它的均值。
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
两个智能体都和论文一样，只在最后一次注视之后作答时受过训练。此前的答案有没有意义全凭运气：
`cluttered-ram` 的有，`mnist-ram` 的没有，所以上面那个 4 的曲线忽高忽低。
在弄清楚是怎样训练的之前，不要把概率曲线当作“思考过程”来读。

注视的位置和数字是什么关系？数字是我们自己放的，所以知道答案。注视点到数字中心的距离很快缩小；14 像素是半个数字。
"""

# %%
gaze = played["cluttered-ram"].observation["location"].numpy()  # (T, N, 2)
distance = 30 * np.linalg.norm(gaze - digit_at, axis=-1).mean(1)
print("mean distance from the digit's centre, pixels:", distance.round(1).tolist())
assert distance[-1] < distance[0] / 2

# %% [markdown]
r"""
## 拿走选择权的四种办法

答对了并不说明智能体看对了地方：也许随便怎么看，网络都能答对。对照定位器保留**同样的权重**
（注视网络、循环核、分类器），去看**别的位置**：

| 对照 | 它问的是 |
| --- | --- |
| 随机位置 | 这些权重看哪里，到底有没有关系？ |
| 始终看中心 | 看好几个地方，有没有关系？ |
| 逐行扫描 | 不必处处都看，有没有关系？ |
| 智能体的平均扫视路径 | 位置*随图片而变*，有没有关系？ |

平均扫视路径是 $N$ 张图片上每一步位置的平均，所有图片共用这一条路径。记 $l_t^{(i)}$ 为图片 $i$ 上第 $t$ 步的贪心位置
（这是本项目的对照，见“评测”一页）：

$$\bar l_t = \frac{1}{N} \sum_{i=1}^{N} l_t^{(i)}$$

智能体是一个 `torch.nn.Module`，所以换定位器只要一行。
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
`glimpse evaluate` 测量的正是这些对照。它用的函数给出与我们相同的数：
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
## 平均扫视路径为什么重要

按列来读这张表。与随机位置相比，*两个*智能体都像是极会看的：没有策略，错误率高出数倍。
与平均扫视路径相比，它们就分道扬镳了。`cluttered-ram` 如果不对图片作出反应，就完全不行。
`mnist-ram` 却不是：对所有数字都走同一条固定路径，答得和它的策略一样好。在居中的数字上，
策略学到的是一条好**路径**，几乎谈不上是在“看”。

`mnist-ram` 那一列里的差别会不会是偶然？两者回答的是同样的图片，所以要用配对检验。
McNemar（1947）的精确检验数出只有其中一个答错的图片，分别为 $b$ 张和 $c$ 张。如果两者没有差别，
这 $n = b + c$ 张图片中的每一张落在哪一边的概率都是 1/2，于是，记 $m = \min(b, c)$（检验的二项形式；最大为 1）

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
在 MNIST 自己的 10,000 个测试数字上也是如此。智能体库把评测结果和权重放在一起：
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
扫视路径说明了原因。每个点是一张图片上的一个位置，颜色表示步数，黑线是平均扫视路径。
`mnist-ram` 的位置紧紧聚在它的路径周围；`cluttered-ram` 的位置就是数字所在的地方，而它们的平均哪里也不是。
可以用一个数来表示，即*变化幅度*（variation）：位置在图片之间的标准差，对各步和两个坐标轴取均方根，
以图片边长的一半为单位。
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
## 这些对照没有说明什么

* **同样的权重处于劣势。** 它们从来没有用别的位置训练过，所以对照的错误率高于专门*训练*来适应这些位置的网络。
  要回答那个问题，请以同样的预算训练 `path`、`random`、`centre` 和 `raster`，它们就是换了定位器的 RAM。
  结果表里正是这样做的。
* **平均可能是一条很差的路径。** 如果策略有时看左边、有时看右边，平均位置就在两者中间。练习 3 的对照没有这个缺点。
* **贪心回合和采样回合不同**，而把十个采样回合平均会掩盖坏的策略。只比较可比的东西。
* **这些都不是对某个答案的解释。** 它们说的是，在许多图片上平均而言，位置值多少。
"""

# %% [markdown]
"""
## 练习

1. 在居中的数字上，`mnist-ram` 就像一条固定路径。把数字向右移动 4 个像素。受影响更大的是策略，
   还是居中数字的平均扫视路径？检验两者的差别。
2. 给 `cluttered-ram` 看一张空画布，和一张只有杂物的画布。它答什么，有多大把握？
3. *配对错位*（yoked）对照让每张图片用策略为**另一张**图片选择的位置来看。这样，位置的分布与策略的完全相同，
   失去的只是与图片的对应。把它写成一个定位器，并用它测量两个智能体。
"""

# %% [markdown]
"""
### 答案 1

两者都受影响：网络从没在那里见过数字。策略会跟着移动一点，但它没有受过这样的训练。
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
### 答案 2

它会说出一个数字，十个类别的分类器只能如此。概率只是在它所知道的类别之间的概率。
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
### 答案 3

用另一张图片的位置，`cluttered-ram` 就失败了。`mnist-ram` 几乎不受影响：由平均扫视路径得出的结论成立，
并不是取平均造成的假象。
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
