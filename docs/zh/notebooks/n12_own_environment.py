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
r"""# 12. 自己的环境：Gymnasium、Stable-Baselines3 与 wandb.

我们设计一个值得去看的小任务，把它写两遍（先亲手写成 Gymnasium 环境，再写成 glimpse 的批量环境），让两个检查器来检查，
用 Stable-Baselines3 的 PPO 训练几秒钟，再看看 Weights & Biases（wandb）离线时写下的文件里有什么。

**任务。** 一张 8 x 8 像素的图片分成 16 个 2 x 2 像素的小块，其中一块里有一个斑点。*锐利*（sharp）
的斑点是一个值为 252 的像素；
*柔和*（soft）的斑点是四个值为 63 的像素。两者的平均值相同，所以粗看只能知道斑点在**哪里**，不能知道是**哪一种**。
视网膜有两个 4 x 4 的图块：细的覆盖 4 x 4 像素，粗的覆盖位置周围的 8 x 8 像素，每格 2 x 2。
眼睛每次移动 2 像素的整数倍，使格子与小块对齐。一个回合有两次注视：第一次在中心，第二次由智能体选择，然后作答。
答对的奖励为 1。

能达到多少，可以用手算出来。第一次注视把 16 块中的 4 块看得清楚。一动不动的智能体在这些块上答得对，其余靠猜：

$$\tfrac{4}{16} \cdot 1 + \tfrac{12}{16} \cdot \tfrac{1}{2} = \tfrac{5}{8}$$

去看斑点的智能体总是答对。（这两个数出自这个笔记本，不是出自论文。）
"""

# %%
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium as gym
import matplotlib.pyplot as plt
import numpy as np
import torch
import wandb
from gymnasium import spaces
from gymnasium.utils.env_checker import check_env
from numpy.typing import NDArray
from pydantic import Field
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.env_checker import check_env as check_sb3_env
from stable_baselines3.common.vec_env import VecMonitor
from torch import Tensor

import glimpse
from glimpse.config.experiment import TrackOptions
from glimpse.envs import ENVIRONMENTS, EnvironmentEntry, register_environments
from glimpse.envs.core import Action, StepResult
from glimpse.envs.faces.stable_baselines3_face import FlatView, make_sb3_env
from glimpse.envs.images.initial_location import InitialLocation
from glimpse.envs.images.options import ImageTaskOptions, RetinaOptions
from glimpse.envs.images.picture_env import PictureEnv
from glimpse.envs.lane_random import integers, mix
from glimpse.envs.options import TaskDescription
from glimpse.runs.tracking import WandbTracker, start_tracking

Observation = dict[str, Any]
plt.rcParams.update({"figure.dpi": 64, "font.size": 9})

# %% [markdown]
"""
## 亲手写：Gymnasium 环境

一个环境有两个空间，以及 `reset` 和 `step`。一切随机都来自 `self.np_random`，由 `super().reset(seed=...)` 设定种子。
正确答案放在 `info` 里，绝不放进观测。
"""


# %%
class SpotByHand(gym.Env[Observation, Observation]):
    """Tell a sharp spot (0) from a soft one (1) with two glimpses."""

    def __init__(self) -> None:
        """Make the spaces."""
        location = spaces.Box(-1.0, 1.0, (2,), np.float32)
        patches = spaces.Box(0.0, 1.0, (2, 1, 4, 4), np.float32)
        self.observation_space = spaces.Dict({"glimpse": patches, "location": location, "time": spaces.Discrete(3)})
        self.action_space = spaces.Dict({"look": location, "answer": spaces.Discrete(2)})

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Draw a spot, or take `picture` and `label` from the options."""
        super().reset(seed=seed)
        self.label = int(self.np_random.integers(2))
        (top, left), (row, column) = 2 * self.np_random.integers(4, size=2), self.np_random.integers(2, size=2)
        self.picture = np.zeros((8, 8), np.uint8)
        if self.label == 1:
            self.picture[top : top + 2, left : left + 2] = 63
        else:
            self.picture[top + row, left + column] = 252
        if options:
            self.picture, self.label = options["picture"], options["label"]
        self.location: NDArray[np.float32] = np.zeros(2, np.float32)
        self.time = 0
        return self.observe(), {"label": self.label}

    def step(self, action: Observation) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Look at the next location, or answer if this was the last glimpse."""
        self.time += 1
        over = self.time == 2
        if not over:
            self.location = (np.round(2 * action["look"]) / 2).astype(np.float32)  # steps of 2 pixels
        reward = float(over and action["answer"] == self.label)
        return self.observe(), reward, over, False, {"label": self.label}

    def observe(self) -> Observation:
        """Cut both patches: 4 x 4 pixels, and 4 x 4 cells of 2 x 2 pixels."""
        padded = np.pad(self.picture / 255, 8)
        centre = (self.location[::-1] + 1) * 4  # (row, column) in pixels
        patches = []
        for cell in (1, 2):
            row, column = np.floor(centre - 2 * cell + 0.5).astype(int) + 8
            wide = padded[row : row + 4 * cell, column : column + 4 * cell]
            patches.append(wide.reshape(4, cell, 4, cell).mean((1, 3)))
        seen = np.stack(patches)[:, None].astype(np.float32)
        return {"glimpse": seen, "location": self.location.copy(), "time": self.time}


gym.register("SpotByHand-v0", f"{__name__}:SpotByHand")
hand: Any = gym.make("SpotByHand-v0")
figure, panels = plt.subplots(2, 3, figsize=(6, 4))
for row, seed in zip(panels, (2, 1), strict=True):
    observation, info = hand.reset(seed=seed)
    row[0].imshow(hand.unwrapped.picture, cmap="gray", vmin=0, vmax=255)
    row[0].set_title(("sharp", "soft")[info["label"]])
    for axes, patch, name in zip(row[1:], observation["glimpse"][:, 0], ("fine", "coarse"), strict=True):
        axes.imshow(patch, cmap="gray", vmin=0, vmax=1)
        axes.set_title(f"{name} patch")
    for axes in row:
        axes.set(xticks=[], yticks=[])
plt.show()

# %% [markdown]
"""
## 检查器能发现什么

Gymnasium 的 `check_env` 会重置环境、走几步，把得到的东西与空间相比，也与种子所保证的相比。一切正常时它什么也不说。
不会失败的检查毫无价值，所以我们还给它一个坏的环境：它的注视没有缩放到 [0, 1]。
"""

# %%
check_env(hand.unwrapped, skip_render_check=True)


class Unscaled(SpotByHand):
    """Environment whose observation leaves its space."""

    def observe(self) -> Observation:
        """Forget to scale the patches."""
        seen = super().observe()
        return {**seen, "glimpse": seen["glimpse"] * 255}


def finding(env: gym.Env[Observation, Observation]) -> str:
    """Return what Gymnasium's checker says of an environment; nothing if it finds nothing."""
    try:
        check_env(env, skip_render_check=True)
    except AssertionError as problem:
        return str(problem).splitlines()[0]
    return ""


print("as written:", finding(SpotByHand()) or "nothing found")
gym.logger.min_level = gym.logger.ERROR  # The checker also warns of what it then refuses.
print("unscaled:  ", finding(Unscaled()))
assert finding(SpotByHand()) == "" and finding(Unscaled()) != ""

# %% [markdown]
"""
## 写成批量环境

同样的任务，用 torch 为并行的 B 个回合只写一次。`PictureEnv` 负责重置和视网膜；剩下的是选项、图片、空间和一步的动作。
随机来自每个回合的密钥（`mix`、`integers`），所以一个回合单独进行或在一批中进行，在任何设备上，结果都相同。
"""


# %%
class SpotsOptions(ImageTaskOptions):
    """Options of the environment."""

    retina: RetinaOptions = RetinaOptions(patch=4, scales=2)
    glimpses: int = Field(2, ge=1, le=100, description="Number T of glimpses, including the first one.")

    def describe(self) -> TaskDescription:
        """Return the row of `glimpse list environments`."""
        return TaskDescription("spots", "8x8", self.retina.describe(), str(self.glimpses))


class Spots(PictureEnv):
    """Tell a sharp spot from a soft one."""

    answers = 1
    classes = ("sharp", "soft")

    def __init__(self, options: SpotsOptions, data: str, *, device: torch.device | str = "cpu") -> None:
        """Make an environment that shows the split named `data`."""
        self.options, self.device = options, torch.device(device)
        self._split = ("train", "validation", "test").index(data)
        self.retina = self.retina_class(options.retina, 8, 8, device=self.device)
        self._initial_location = InitialLocation("centre", device=self.device)
        self._labels = torch.arange(1_000, device=self.device) % 2
        patches = spaces.Box(0.0, 1.0, self.retina.shape(1), np.float32)
        location = spaces.Box(-1.0, 1.0, (2,), np.float32)
        time = spaces.Discrete(options.glimpses + 1)
        self.observation_space = spaces.Dict({"glimpse": patches, "location": location, "time": time})
        self.action_space = spaces.Dict({"look": location, "answer": spaces.Discrete(2)})

    @staticmethod
    def load_data(options: SpotsOptions, split: str, *, root: str | None = None, download: bool = True) -> str:
        """Return the split's name: pictures are drawn, so there is nothing to load."""
        return split

    def step(self, action: Action) -> StepResult:
        """Answer, and take the next glimpse."""
        playing = ~self._terminated
        self._time = self._time + playing
        self._terminated = self._time >= self.options.glimpses
        reward = (action["answer"] == self._label) & self._terminated & playing
        look = (2 * action["look"].float().nan_to_num(0.0).clamp(-1, 1)).round() / 2
        self._location = torch.where(self._terminated[:, None], self._location, look)
        self._glimpse = self._look(None, self._location)
        return StepResult(self._observe(), reward.float(), self._terminated, self._label)

    def wrong(self, belief: Tensor, label: Tensor) -> Tensor:
        """Return whether the likelier class is wrong: (T, ..., 2), (...,) -> (T, ...) bool."""
        return belief.argmax(-1) != label

    def picture(self) -> Tensor:
        """Return the pictures of all lanes, (B, 1, 8, 8) uint8."""
        return self.retina.restore(self._pictures)

    def _show(self, example: Tensor, key: Tensor, copies: int) -> None:
        self._pictures = self.retina.prepare(self._draw(example, key)).repeat_interleave(copies, 0)
        self._label = self._labels[example].repeat_interleave(copies)

    def _show_lanes(self, lanes: Tensor, example: Tensor, key: Tensor) -> None:
        self._pictures = self._pictures.index_copy(0, lanes, self.retina.prepare(self._draw(example, key)))
        self._label = self._label.index_copy(0, lanes, self._labels[example])

    def _look(self, lanes: Tensor | None, location: Tensor) -> Tensor:
        index = torch.arange(len(self._pictures), device=self.device) if lanes is None else lanes
        return self.retina.look(self._pictures, index, location)

    def _draw(self, example: Tensor, key: Tensor) -> Tensor:
        """Draw pictures for examples and keys, (E,) both: (E, 1, 8, 8) uint8."""
        key = mix(mix(key, 90 + self._split), example)
        block, pixel = 2 * integers(mix(key, 1), 2, 4), integers(mix(key, 2), 2, 2)
        row, column = torch.arange(8, device=self.device).view(1, 8, 1), torch.arange(8, device=self.device)
        inside = (row // 2 * 2 == block[:, 0, None, None]) & (column // 2 * 2 == block[:, 1, None, None])
        chosen = (row == (block + pixel)[:, 0, None, None]) & (column == (block + pixel)[:, 1, None, None])
        soft = self._labels[example][:, None, None] == 1
        return torch.where(soft, 63 * inside, 252 * chosen).to(torch.uint8)[:, None]


ENVIRONMENTS["spots"] = EnvironmentEntry(
    id="spots/Spots-v0", environment=f"{__name__}:Spots", options=f"{__name__}:SpotsOptions"
)
register_environments()

# %% [markdown]
"""
两者是同一个任务。我们让批量环境画出 64 张图片，把每一张交给亲手写的环境，在两边采取同样的随机动作，
再比较得到的一切：
"""

# %%
batched: Any = glimpse.make_env("spots")
rng = np.random.default_rng(0)
observations = [batched.reset(torch.arange(64), torch.arange(64))]
pictures = batched.picture()[:, 0].numpy()
looks = rng.uniform(-1, 1, (2, 64, 2)).astype(np.float32)
said = rng.integers(2, size=(2, 64))
results = []
for look, answer in zip(looks, said, strict=True):
    results.append(batched.step({"look": torch.from_numpy(look), "answer": torch.from_numpy(answer)}))
    observations.append(results[-1].observation)
for lane in range(64):
    observation = hand.reset(options={"picture": pictures[lane], "label": int(batched.label[lane])})[0]
    for time, result in enumerate(results):
        assert np.allclose(observation["glimpse"], observations[time]["glimpse"][lane], atol=1e-6)
        observation, reward, over, cut, info = hand.step({"look": looks[time, lane], "answer": said[time, lane]})
        assert (reward, over) == (float(result.reward[lane]), bool(result.terminated[lane]))
print("64 episodes are equal, glimpse by glimpse; mean reward of random answers:", float(results[-1].reward.mean()))

# %% [markdown]
"""
## 一个任务，三种接口

glimpse 自己的智能体使用批量环境。薄薄的适配层把它变成 Gymnasium 环境（`gym.make`）、向量环境（`gym.make_vec`），
以及空间被展平的 Stable-Baselines3 环境；后者不支持 `Dict` 动作，所以位置变成网格中的一格。它们各有各的检查器。
"""

# %%
check_env(gym.make("spots/Spots-v0").unwrapped, skip_render_check=True)
check_sb3_env(FlatView(gym.make("spots/Spots-v0"), grid=2))
print("Gymnasium:", gym.make("spots/Spots-v0").action_space)
print("SB3:      ", make_sb3_env("spots", 1, grid=2).action_space)


def mean_reward(policy: Callable[[Observation], NDArray[Any]], episodes: int = 4000) -> float:
    """Play episodes side by side, look where the policy says, and answer by the brightest pixel of the last glimpse."""
    envs = gym.make_vec("spots/Spots-v0", num_envs=episodes)
    observation = envs.reset(seed=0)[0]
    answer = np.zeros(episodes, np.int64)
    observation = envs.step({"look": policy(observation), "answer": answer})[0]
    fine = observation["glimpse"][:, 0, 0].max((1, 2))  # 252 / 255 if sharp, 63 / 255 if soft, 0 if not seen
    answer = np.where(fine > 0.5, 0, np.where(fine > 0, 1, rng.integers(2, size=episodes)))
    reward = envs.step({"look": policy(observation), "answer": answer})[1]
    return float(reward.mean())


def stay(observation: Observation) -> NDArray[np.float32]:
    """Look at the centre again, (B, 2)."""
    return np.zeros_like(observation["location"])


def seek(observation: Observation) -> NDArray[np.float32]:
    """Look at the middle of the quadrant with the brightest coarse cell, (B, 2)."""
    cell = observation["glimpse"][:, 1, 0].reshape(-1, 16).argmax(1)
    return (np.stack([cell % 4, cell // 4], 1) // 2 - 0.5).astype(np.float32)


staying, seeking = mean_reward(stay), mean_reward(seek)
print(f"who stays at the centre earns {staying:.3f} (by hand: 0.625), who seeks the spot {seeking:.3f} (by hand: 1)")
assert abs(staying - 5 / 8) < 0.03 and seeking == 1.0

# %% [markdown]
r"""
## PPO，几秒钟

PPO（Schulman 等人，2017，公式 7）用比值
$r_t(\theta) = \pi_\theta(a_t \mid s_t) / \pi_{\theta_\mathrm{old}}(a_t \mid s_t)$ 和优势的估计 $\hat A_t$
组成截断的目标，并使它上升：

$$L^{\mathrm{CLIP}}(\theta) = \hat{\mathbb{E}}_t \left[ \min\left( r_t(\theta) \hat A_t,\;
\mathrm{clip}(r_t(\theta), 1 - \epsilon, 1 + \epsilon)\, \hat A_t \right) \right]$$

这个策略没有记忆：它只知道当前的注视和它的位置。在这里这就够了，因为起决定作用的是第二次注视。
它在 2 x 2 的位置网格上行动，也就是四个象限的中心；除了奖励，没有人告诉它任何东西。
"""


# %%
def clipped(ratio: float, advantage: float, epsilon: float = 0.2) -> float:
    """Return the clipped objective of one action."""
    return min(ratio * advantage, float(np.clip(ratio, 1 - epsilon, 1 + epsilon)) * advantage)


# Worked by hand: a good action gains no more than 1.2 times its advantage; a bad one is pushed down to 0.8 at most.
assert np.isclose(clipped(1.5, 2.0), 2.4) and np.isclose(clipped(0.5, -1.0), -0.8)


class KeepReturns(BaseCallback):
    """Callback that hands the mean return of the last 100 episodes to a logger, after each rollout."""

    def __init__(self, log: Callable[[dict[str, float]], None]) -> None:
        """Keep the function that logs a row of metrics."""
        super().__init__()
        self.log = log

    def _on_step(self) -> bool:
        """Go on."""
        return True

    def _on_rollout_end(self) -> None:
        """Log a row."""
        returns = [episode["r"] for episode in self.model.ep_info_buffer or []]
        self.log({"step": self.num_timesteps, "return": float(np.mean(returns))})


def make_ppo(grid: int = 2) -> PPO:
    """Make PPO for 128 episodes side by side."""
    torch.manual_seed(0)
    envs = VecMonitor(make_sb3_env("spots", 128, grid=grid, seed=0))
    return PPO(
        "MultiInputPolicy",
        envs,
        n_steps=8,
        batch_size=512,
        n_epochs=6,
        learning_rate=1e-2,
        gamma=1.0,
        ent_coef=0.01,
        seed=0,
        device="cpu",
    )


# %% [markdown]
"""
## wandb，离线

wandb 写进一个目录，以后可以用 `wandb sync FOLDER` 上传，也可以永远不上传。我们把一切都放进临时目录，包括它的缓存。
`wandb.init` 接受配置，`log` 接受一行行的指标。
"""

# %%
folder = tempfile.TemporaryDirectory()
variables = dict.fromkeys(("WANDB_DATA_DIR", "WANDB_CACHE_DIR", "WANDB_CONFIG_DIR"), folder.name)
variables |= {"WANDB_ERROR_REPORTING": "false", "WANDB_SILENT": "true"}
os.environ |= variables

settings = wandb.Settings(mode="offline", silent=True, console="off")
config = {"environment": "spots", "agent": "PPO", "learning_rate": 1e-2}
run = wandb.init(project="glimpse", name="ppo-on-spots", dir=folder.name, config=config, settings=settings)
rows: list[dict[str, float]] = []


def log(row: dict[str, float]) -> None:
    """Log a row with wandb, and keep it."""
    rows.append(row)
    run.log(row)


ppo = make_ppo()
ppo.learn(20_480, callback=KeepReturns(log))
run.summary["last_return"] = rows[-1]["return"]
run_folder = Path(run.dir).parent
run.finish()
print(f"{len(rows)} rollouts; return {rows[0]['return']:.2f} -> {rows[-1]['return']:.2f}")

# %% [markdown]
"""
它学会看了吗？我们用新的回合、以贪心方式问策略本身。留在中心最多得 5/8；随机选一个象限也是 5/8，
因为四个回合里只有一个碰上斑点。超出的部分就是靠看得来的。
"""

# %%
test_envs: Any = make_sb3_env("spots", 2000, grid=2, seed=1, split="test")
flat = test_envs.reset()
chosen = ppo.predict(flat, deterministic=True)[0]  # (B, 3): column, row, answer
spot = flat["glimpse"].reshape(-1, 2, 16)[:, 1].argmax(1)  # the coarse cell of the spot
found = (chosen[:, :2] == np.stack([spot % 4 // 2, spot // 4 // 2], 1)).all(1)  # the chosen quadrant is the spot's
flat = test_envs.step(chosen)[0]
rewards = test_envs.step(ppo.predict(flat, deterministic=True)[0])[1]
print(f"mean reward of 2,000 test episodes: {rewards.mean():.3f}")
print(f"share of looks into the spot's quadrant: {found.mean():.2f} (of random looks: 0.25)")
assert rewards.mean() > 0.75 and found.mean() > 0.5

figure, axes = plt.subplots(figsize=(4, 2.4))
axes.plot([row["step"] for row in rows], [row["return"] for row in rows])
axes.axhline(5 / 8, color="gray", linestyle="--")
axes.set(xlabel="steps", ylabel="return of sampled episodes", ylim=(0.3, 1))
plt.show()

# %% [markdown]
"""
## 它记录了什么

离线的实验是一个由记录组成的文件。wandb 自带的阅读器可以把它们打印成 JSON：
"""


# %%
def records(of: Path) -> dict[str, list[dict[str, Any]]]:
    """Return the records of an offline run by kind."""
    command = [sys.executable, "-m", "wandb", "leet", "inspect", "--json", str(of)]
    printed = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    found: dict[str, list[dict[str, Any]]] = {}
    for record in map(json.loads, printed.splitlines()):
        found.setdefault(record["type"], []).append(record[record["type"]])
    return found


recorded = records(run_folder)
print("kinds:", dict(Counter({kind: len(each) for kind, each in recorded.items()})))
history = [{key: value for key, value in one["item"].items() if key[0] != "_"} for one in recorded["history"]]
kept = {key: value for key, value in recorded["run"][0]["config"]["update"].items() if key != "_wandb"}
assert kept == config and len(history) == len(rows)
assert all(np.isclose(one["return"], row["return"]) for one, row in zip(history, rows, strict=True))
about_you = sorted({key for one in recorded.get("environment", []) for key in one} | (recorded["run"][0].keys()))
print("keys about the run and the machine:", ", ".join(about_you))

# %% [markdown]
"""
指标和配置是我们给的。其余的没有人要求：除非另行设置，wandb 会记下主机名、硬件、已安装的软件包；
在版本库的目录里，还有版本库的地址。上传之前先看一看。

`glimpse train` 把指标交给一个跟踪器，它关掉了这些记录，也不会长时间等待（`track.mode=offline`）。
它只需一次调用，接受同样的行：
"""

# %%
tracked = Path(folder.name) / "run"
tracked.mkdir()
tracker = start_tracking(TrackOptions(mode="offline"), tracked, "ppo-on-spots", config, None, lambda line: None)
for row in rows:
    tracker.log(row)
tracker.finish({"last_return": rows[-1]["return"]})
assert isinstance(tracker, WandbTracker)
recorded_by_glimpse = records(tracker.folder)
print("kinds:", dict(Counter({kind: len(each) for kind, each in recorded_by_glimpse.items()})))
print("keys about the run:", ", ".join(sorted(recorded_by_glimpse["run"][0])))
assert "environment" not in recorded_by_glimpse and "host" not in recorded_by_glimpse["run"][0]
again = [{key: value for key, value in one["item"].items() if key[0] != "_"} for one in recorded_by_glimpse["history"]]
assert again == history

wandb.teardown()
folder.cleanup()
for name in variables:
    os.environ.pop(name, None)
assert not Path("wandb").exists() and not Path(folder.name).exists()

# %% [markdown]
"""
## 从笔记本到软件包

我们自己把条目放进了 `ENVIRONMENTS`。在你自己的软件包里，由 `pyproject.toml` 中的一个入口点来做这件事，
此后 `glimpse list`、
`glimpse train spots.yaml`、`evaluate`、`report` 和 `compare` 就都认识这个环境：

```toml
[project.entry-points."glimpse.environments"]
spots = "spots:ENTRY"
```

```yaml
# spots.yaml
task: {name: spots}
agent: {name: sb3-ppo, grid: 2}
train: {steps: 100, batch: 128}
```

“扩展”一页有完整的例子，还包括数据集、智能体、注意力机制和视网膜。
"""

# %% [markdown]
"""
## 练习

1. 下列错误中，Gymnasium 的检查器能发现哪些：(a) *答错*时奖励为 1；(b) `reset` 不理会种子；(c) 观测与环境共用内存？
   试一试。它发现不了的那个，用什么能发现？
2. 有人在 $[-1, 1]^2$ 中均匀地随便看一处，根据第二次注视作答。用手算，能得多少？
   （五列位置中，哪些能看到给定的小块，各有多大概率？）验证这个数。
3. 写一个 Gymnasium 包装器：智能体只要看中心以外的地方，就扣 0.1。用手算，现在最好的平均奖励是多少？用一个策略来验证。
"""

# %% [markdown]
"""
### 答案 1

检查器知道空间和种子，不知道任务的含义：(a) 通过了检查。已知的答案能发现它，例如上面的 5/8 和 1。
"""


# %%
class WrongReward(SpotByHand):
    """Environment that rewards wrong answers."""

    def step(self, action: Observation) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Turn the reward around."""
        observation, reward, over, cut, info = super().step(action)
        return observation, float(over) - reward, over, cut, info


class IgnoresSeed(SpotByHand):
    """Environment whose reset ignores its seed."""

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Draw without the seed."""
        return super().reset(options=options)


class SharesMemory(SpotByHand):
    """Environment that hands out its own location."""

    def observe(self) -> Observation:
        """Do not copy the location."""
        return {**super().observe(), "location": self.location}


findings = {mistake.__name__: finding(mistake()) for mistake in (WrongReward, IgnoresSeed, SharesMemory)}
for name, what in findings.items():
    print(f"{name}: {what[:100] or 'nothing found'}")
assert findings["WrongReward"] == "" and findings["IgnoresSeed"] != "" and findings["SharesMemory"] != ""

# %% [markdown]
r"""
### 答案 2

移动 2 像素的整数倍，沿一个轴就只剩下位置 $-1, -\tfrac12, 0, \tfrac12, 1$，
概率为 $\tfrac18, \tfrac14, \tfrac14, \tfrac14, \tfrac18$。在那里，细图块覆盖两个小块，在边上则只有一个。
外侧的两块只能从最前或最后的两个位置看到，概率为 $\tfrac38$；内侧的两块概率为 $\tfrac12$；平均为 $\tfrac{7}{16}$。
两个轴都要符合，于是得到
$\tfrac12 + \tfrac12 (\tfrac{7}{16})^2 = \tfrac{305}{512} \approx 0.596$：乱看还不如不动。
"""


# %%
def wander(observation: Observation) -> NDArray[np.float32]:
    """Look anywhere, (B, 2)."""
    return rng.uniform(-1, 1, (len(observation["location"]), 2)).astype(np.float32)


wandering = mean_reward(wander, episodes=10_000)
print(f"who looks anywhere earns {wandering:.3f} (by hand: {305 / 512:.3f})")
assert abs(wandering - 305 / 512) < 0.02

# %% [markdown]
r"""
### 答案 3

在 16 张图片中的 4 张里，第一次注视已经看清，再看就不值那个价钱；在其余 12 张里，看一眼使期望奖励从 1/2 升到 1，
代价是 0.1。
作答虽在第二次注视之后，但留在原处的智能体不必记住什么，因为它又看到同一个地方。
最好的结果是 $1 - \tfrac{12}{16} \cdot 0.1 = 0.925$。
"""


# %%
class Charge(gym.Wrapper[Observation, Observation, Observation, Observation]):
    """Wrapper that charges 0.1 for a look away from the centre."""

    def step(self, action: Observation) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Subtract the charge."""
        observation, reward, over, cut, info = self.env.step(action)
        moved = not over and bool(np.abs(observation["location"]).max() > 0)
        return observation, float(reward) - 0.1 * moved, over, cut, info


charged, total = Charge(gym.make("spots/Spots-v0")), 0.0
for episode in range(400):
    observation = charged.reset(seed=0 if episode == 0 else None)[0]
    settled = observation["glimpse"][0].max() > 0
    look = np.zeros(2, np.float32) if settled else seek({"glimpse": observation["glimpse"][None]})[0]
    observation, price = charged.step({"look": look, "answer": 0})[:2]
    reward = charged.step({"look": look, "answer": int(observation["glimpse"][0].max() < 0.5)})[1]
    total += float(price) + float(reward)
print(f"mean reward {total / 400:.3f} (by hand: 0.925)")
assert abs(total / 400 - 0.925) < 0.01
