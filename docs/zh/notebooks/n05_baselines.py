# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
"""# 5. REINFORCE 的方差：五种基线与精确梯度.

决定看哪里的策略用 REINFORCE 训练。看的位置是采样出来的，梯度无法穿过采样；到达权重的只是由少数几个回合得到的估计：
平均起来是对的，但每一次都有误差。本笔记度量这个误差有多大。这里的任务小到可以枚举所有的注视序列，
因此精确的梯度是已知的。

你会看到：

- 用一个只有一个参数的策略手算：基线不改变均值，却可以消去全部方差；
- 选项 `baseline` 的五个取值：`none`、`moving_average`、`learned`、`leave_one_out`、`self_critical`；
- 在 2000 个批次上测得的各种基线的偏差和方差，并与精确梯度、精确方差比较；
- 第六种基线，即包含自身的组内均值：它是有偏的，以及偏多少；
- 方差在训练中的代价。

最后有三道练习，答案都可以运行。
"""

# %%
from typing import Literal

import matplotlib.pyplot as plt
import torch
import torch.nn.functional as F
from matplotlib.patches import Rectangle
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from torch import Tensor, nn

from glimpse.agents import policy_gradient
from glimpse.agents.returns import subtract_baseline

torch.set_num_threads(1)

# %% [markdown]
r"""
## 一个参数，手算

策略以概率 $p = \sigma(\theta)$ 看窗口 1，否则看窗口 0。奖励分别是 11 和 10。期望奖励的梯度本身是策略下的一个期望，
因此用样本就能无偏地估计它（Williams，1992，定理 1）：

$$\nabla_\theta\, \mathbb{E}[R] = \mathbb{E}\big[(R - b)\, \nabla_\theta \log \pi_\theta(a)\big],$$

其中 $b$ 可以是任何不依赖于 $a$ 的量，因为
$\mathbb{E}[b\, \nabla_\theta \log \pi_\theta(a)] = b\, \nabla_\theta \sum_a \pi_\theta(a) = b\, \nabla_\theta 1 = 0$。

当 $p = 1/2$ 时，得分函数 $\nabla_\theta \log \pi_\theta(a) = a - p$ 等于 $+1/2$ 或 $-1/2$，精确梯度是
$p (1 - p)(11 - 10) = 1/4$。

| | 窗口 1 | 窗口 0 | 均值 | 方差 |
| --- | --- | --- | --- | --- |
| $b = 0$ | $11 \cdot 1/2 = 5.5$ | $10 \cdot (-1/2) = -5$ | $1/4$ | $5.25^2 = 27.5625$ |
| $b = 10.5$ | $0.5 \cdot 1/2 = 1/4$ | $-0.5 \cdot (-1/2) = 1/4$ | $1/4$ | $0$ |

没有基线时，每个样本都说刚才看的窗口很好；只有大量样本才能显示哪一个更好。
"""

# %%
theta = torch.zeros((), requires_grad=True)
reward = torch.tensor([[10.0, 11.0]])  # (T, B): one step, window 0 in one episode and window 1 in the other
for baseline in (0.0, 10.5):
    estimates = []
    for window in (0, 1):
        log_prob = F.logsigmoid(theta if window else -theta).view(1, 1)
        advantage = policy_gradient.moving_average_baseline(reward[:, window : window + 1], torch.tensor(baseline))
        (loss_gradient,) = torch.autograd.grad(policy_gradient.reinforce(log_prob, advantage), theta)
        estimates.append(-loss_gradient.item())
    mean, variance = sum(estimates) / 2, (estimates[0] - estimates[1]) ** 2 / 4
    print(f"b = {baseline:4}: estimates {estimates}, mean {mean}, variance {variance}")
    assert mean == 0.25
    assert variance == (27.5625 if baseline == 0 else 0)

# %% [markdown]
r"""
## 每张图片只有十六种回合的任务

十二个 8 x 8 像素的数字，每个由四个 4 x 4 的窗口覆盖。智能体先得到一次粗看（glance），即每个窗口的平均亮度；
然后看一个窗口，再看第二个（可以是同一个），最后作答。回报是一个只看到这两个窗口的分类器给正确类别的概率
（`policy_reward: probability`）。分类器是固定的，所以全部 $12 \times 4 \times 4$ 种回合的回报可以列成一张表。
"""

# %%
torch.manual_seed(0)
digits, labels = load_digits(return_X_y=True)
pictures = torch.tensor(digits / 16, dtype=torch.float32).view(-1, 8, 8)
windows = torch.zeros(4, 8, 8, dtype=torch.bool)
for number, (row, column) in enumerate([(0, 0), (0, 4), (4, 0), (4, 4)]):
    windows[number, row : row + 4, column : column + 4] = True

# The classifier learns from pictures in which each window is shown or not by the toss of a coin.
shown = (torch.rand(1500, 4) < 0.5).float() @ windows.flatten(1).float()  # (pictures, pixels) of 0 and 1
classifier = LogisticRegression(max_iter=200).fit(shown * pictures[:1500].flatten(1), labels[:1500])

# Returns (E, first look, second look) of E = 12 pictures that the classifier has not seen.
examples, answers = pictures[1500:1512], torch.tensor(labels[1500:1512])
E, K, M = len(examples), len(windows), 4
seen = windows[:, None] | windows
probability = classifier.predict_proba((examples[:, None, None] * seen).view(-1, 64))
returns_table = torch.tensor(probability, dtype=torch.float32).view(E, K, K, 10)[torch.arange(E), :, :, answers]
print("mean return of each picture:", [round(mean, 2) for mean in returns_table.mean((1, 2)).tolist()])
print(f"standard deviation between pictures {returns_table.mean((1, 2)).std():.2f}, within {returns_table.std():.2f}")

# %%
figure, axes = plt.subplots(2, 6, figsize=(7.5, 3.2), dpi=70)
for axis, picture, table, answer in zip(axes.flat, examples, returns_table, answers.tolist(), strict=True):
    first, second = divmod(int(table.argmax()), K)
    axis.imshow(picture, cmap="gray", vmin=0, vmax=1)
    for look in {first, second}:
        axis.add_patch(Rectangle((look % 2 * 4 - 0.4, look // 2 * 4 - 0.4), 3.8, 3.8, fill=False, edgecolor="orange"))
    axis.set_title(f"{answer}: {table.min():.2f} to {table.max():.2f}", fontsize=8)
    axis.set_axis_off()
figure.suptitle("class, and returns of the worst and best two looks (best: framed)", fontsize=9)
figure.tight_layout()
plt.show()

# %% [markdown]
r"""
## 精确梯度

策略是线性的：第一次看哪里取决于粗看，第二次还取决于第一次看了哪里。参数 $\theta$ 固定时，期望回报是一个有限和，
自动微分给出它的精确梯度：

$$J(\theta) = \frac{1}{E} \sum_{e} \sum_{a_1, a_2}
\pi_\theta(a_1 \mid e)\, \pi_\theta(a_2 \mid e, a_1)\, R(e, a_1, a_2).$$

（这就是期望的定义，不需要引用论文。）
"""

# %%
glance = torch.cat([F.avg_pool2d(examples[:, None], 4).flatten(1), torch.ones(E, 1)], 1)  # (E, 5), with a constant
before_first = torch.cat([glance, torch.zeros(E, K)], 1)[:, None].expand(E, K, 9)
before_second = torch.cat([glance[:, None].expand(E, K, 5), torch.eye(K).expand(E, K, K)], -1)  # (E, first look, 9)


def log_probs(theta: Tensor) -> tuple[Tensor, Tensor]:
    """Compute log-probabilities of first looks (E, K), and of second looks after each of them (E, K, K)."""
    return (glance @ theta[:5]).log_softmax(-1), (before_second @ theta[5:]).log_softmax(-1)


def expected_return(theta: Tensor) -> Tensor:
    """Compute J, a scalar, by enumeration of all episodes."""
    first, second = log_probs(theta)
    return ((first[:, :, None] + second).exp() * returns_table).sum((1, 2)).mean()


theta = (0.3 * torch.randn(5 + 9, K)).requires_grad_()
(exact,) = torch.autograd.grad(expected_return(theta), theta)
print(f"J = {expected_return(theta):.4f}; {theta.numel()} parameters; length of the gradient {exact.norm():.4f}")

# %% [markdown]
r"""
## 梯度的估计：从零实现，再用库

一次更新中，每张图片有 $M = 4$ 个采样的回合。梯度的估计是（Mnih 等人，2014，式 3；基线紧随其后）

$$\hat g = \frac{1}{E M} \sum_{i=1}^{E M} \sum_{t=1}^{2}
\nabla_\theta \log \pi_\theta(a_t^i \mid s_t^i)\,(R^i - b_t^i).$$

回合的种类很少，所有的得分 $\nabla_\theta \log \pi$ 可以放进一张表，几千个估计就是一次矩阵乘法。
库里的函数 `policy_gradient.reinforce` 则是一个损失，它的梯度是 $-\hat g$。两者必须一致；
而且这张表在策略下的均值必须等于精确梯度。
"""


# %%
def log_prob_table(theta: Tensor) -> Tensor:
    """Compute the log-probability of each of two looks in each episode: (T = 2, E * K * K)."""
    first, second = log_probs(theta)
    return torch.stack([first[:, :, None].expand(E, K, K), second]).flatten(1)


scores = torch.autograd.functional.jacobian(log_prob_table, theta.detach()).flatten(2)  # (T, episodes, parameters)
chance = log_prob_table(theta.detach()).sum(0).exp().view(E, K * K)  # of an episode, given its picture
returns = returns_table.flatten()

by_enumeration = (chance.flatten() / E * returns) @ scores.sum(0)
assert torch.allclose(by_enumeration, exact.flatten(), atol=1e-7)


def sample_episodes(batches: int, copies: int = M) -> Tensor:
    """Sample M rollouts of each picture: numbers of episodes (batches, E * M), rollout m of picture e at e * M + m."""
    drawn = torch.multinomial(chance, batches * copies, replacement=True).view(E, batches, copies)
    return (drawn + K * K * torch.arange(E)[:, None, None]).transpose(0, 1).flatten(1)


def gradients(episodes: Tensor, advantage: Tensor) -> Tensor:
    """Compute estimates (N, parameters) of N batches: episodes (N, B), advantage (N, T, B)."""
    batches, batch = episodes.shape
    weight = torch.zeros(batches, 2, len(returns)).scatter_add(2, episodes[:, None].expand_as(advantage), advantage)
    estimates: Tensor = (weight / batch).flatten(1) @ scores.flatten(0, 1)
    return estimates


batch = sample_episodes(1)
advantage = policy_gradient.leave_one_out_baseline(returns[batch].expand(2, -1), M)
loss = policy_gradient.reinforce(log_prob_table(theta)[:, batch[0]], advantage)
(by_library,) = torch.autograd.grad(loss, theta)
difference = (gradients(batch, advantage[None])[0] + by_library.flatten()).abs().max().item()
print(f"largest difference between the table and the library: {difference:.1e}")
assert difference < 1e-6

# %% [markdown]
r"""
## 五种基线

| `baseline` | $b_t^i$ | 需要 |
| --- | --- | --- |
| `none` | 0 | |
| `moving_average` | 以前各次更新的平均回报，每一步一个数 | |
| `learned` | 价值 $V(s_t^i)$，用平方误差训练（Mnih 等人，2014，3.2 节） | 一个网络 |
| `leave_one_out` | 同一张图片其他回合的平均回报（Kool 等人，2019） | $M \ge 2$ |
| `self_critical` | 同一张图片贪心回合的回报（Rennie 等人，2017） | $M \ge 2$ |

手算：一张图片的三个回合的回报是 1、2、6。去掉自己之后，基线分别是 4、3.5、1.5。如果第一个是贪心回合，
它就是另外两个的基线；贪心回合不是采样得到的，不参与强化，而另外两个要乘以 $M / (M - 1) = 3/2$，
因为损失是对三个回合取平均的。
"""

# %%
three = torch.tensor([[1.0, 2.0, 6.0]])
print("leave one out:", policy_gradient.leave_one_out_baseline(three, 3).tolist())
print("self-critical:", policy_gradient.self_critical_baseline(three, 3).tolist())
assert policy_gradient.leave_one_out_baseline(three, 3).tolist() == [[-3.0, -1.5, 4.5]]
assert policy_gradient.self_critical_baseline(three, 3).tolist() == [[0.0, 1.5, 7.5]]

# %% [markdown]
"""
学习得到的基线读取策略在每次看之前知道的东西：粗看，以及之后的第一次注视。这里它是线性的；
策略保持不动，用梯度下降训练它 300 步。
"""

# %%
states = (
    torch.stack([before_first, before_second])[:, :, :, None].expand(2, E, K, K, 9).flatten(1, 3)
)  # (T, episodes, 9)
value, all_taken = nn.Linear(9, 1), torch.ones(2, E * M, dtype=torch.bool)
for update in range(300):
    batch = sample_episodes(1)[0]
    predicted = value(states[:, batch]).squeeze(-1)
    value_loss = policy_gradient.learned_baseline(returns[batch].expand(2, -1), predicted, all_taken)[1]
    for weight, slope in zip(
        value.parameters(), torch.autograd.grad(value_loss, list(value.parameters())), strict=True
    ):
        weight.data -= 0.1 * slope
    if update in (0, 299):
        print(f"update {update + 1:3}: squared error of the value {value_loss.item():.3f}")
value.requires_grad_(False)

# %% [markdown]
r"""
## 测量：偏差与方差

在同一组参数下，每种基线得到 2000 个批次，用的是库中所有智能体共用的函数。
用三个数来描述估计 $\hat g$ 与精确梯度 $g$ 的关系：

- **along**：$\langle \hat g, g \rangle / \lVert g \rVert^2$ 的均值及其标准误；在梯度方向上没有偏差时等于 1；
- **largest z**：在 56 个参数中，以标准误为单位的最大的 $|\text{均值} - \text{精确值}|$；如果每个参数都没有偏差，
  它应小于 4.5（56 个正态数中的最大者平均 2600 次才超过一次）；
- **noise**：$\sqrt{\operatorname{tr} \operatorname{Cov} \hat g} / \lVert g \rVert$，即估计误差的长度相对于梯度的长度。

包含自身回报的组内均值（`group_mean`）不是库的选项。原因马上就会看到。
"""

# %%
N = 2000
likeliest = [int(log.argmax()) for log in log_probs(theta)[0]]
greedy = torch.tensor([e * K * K + a * K + int(log_probs(theta)[1][e, a].argmax()) for e, a in enumerate(likeliest)])


def group_mean(returns: Tensor) -> Tensor:
    """Subtract the mean of all M rollouts of a picture, with the own one: (T, E * M) -> (T, E * M)."""
    group: Tensor = returns.unflatten(-1, (-1, M))
    return (group - group.mean(-1, keepdim=True)).flatten(-2)


Baseline = Literal["none", "moving_average", "self_critical", "leave_one_out", "learned"]


def estimate(name: Baseline | Literal["group_mean"]) -> Tensor:
    """Estimate the gradient with a baseline on N batches: (N, parameters)."""
    episodes = sample_episodes(N)
    if name == "self_critical":
        episodes[:, ::M] = greedy
    average = torch.zeros(2)
    if name == "moving_average":  # What it is after a few hundred updates.
        average += returns[episodes[:500]].mean()
    advantage = torch.empty(N, 2, E * M)
    for number, batch in enumerate(episodes):
        given, hidden = returns[batch].expand(2, -1), states[:, batch]
        if name == "group_mean":
            advantage[number] = group_mean(given)
        else:
            advantage[number], _ = subtract_baseline(name, given, all_taken, M, hidden, value, average)
    return gradients(episodes, advantage)


unbiased: tuple[Baseline, ...] = ("none", "moving_average", "self_critical", "leave_one_out", "learned")
names = (*unbiased, "group_mean")
found: dict[str, Tensor] = {name: estimate(name) for name in unbiased}
found["group_mean"] = estimate("group_mean")
g = exact.flatten()
along: dict[str, Tensor] = {}
noise: dict[str, float] = {}
largest: dict[str, float] = {}
print(f"{'baseline':15} {'along':>15} {'largest z':>10} {'noise':>6}")
for name, each in found.items():
    along[name] = each @ g / g.square().sum()
    z = (each.mean(0) - g) / (each.std(0) / N**0.5)
    largest[name], noise[name] = z.abs().max().item(), (each.var(0).sum().sqrt() / g.norm()).item()
    error = along[name].std() / N**0.5
    print(f"{name:15} {along[name].mean():.3f} +- {error:.3f} {largest[name]:10.2f} {noise[name]:6.2f}")

assert all(largest[name] < 4.5 for name in unbiased)
assert all((along[name].mean() - 1).abs() < 4 * along[name].std() / N**0.5 for name in unbiased)
assert noise["none"] > 1.5 * max(noise[name] for name in unbiased[1:])

# %%
figure, axes = plt.subplots(len(names), 1, figsize=(6.5, 4.6), dpi=70, sharex=True)
for axis, name in zip(axes, names, strict=True):
    axis.hist(along[name].numpy(), bins=70, range=(-2.5, 4.5), color="tab:red" if name == "group_mean" else "tab:blue")
    axis.axvline(1, color="black", linewidth=1)
    axis.axvline(along[name].mean().item(), color="orange", linewidth=1, linestyle="--")
    axis.set_ylabel(name, rotation=0, ha="right", va="center", fontsize=8)
    axis.set_yticks([])
axes[-1].set_xlabel("estimate along the exact gradient (line: exact, 1; dashed: mean)")
figure.tight_layout()
plt.show()

# %% [markdown]
r"""
分三步来读这张表。

1. 前五种在标准误之内都是无偏的。基线可以是任何不依赖于当前动作的量：常数、状态的函数，或者**其他**回合的回报。
2. 在这里，所有图片共用一个数就已经去掉大部分噪声，因为与一次注视带来的变化相比，回报的均值很大。
   剩下的是图片之间的差别，`learned` 和 `leave_one_out` 把它也去掉了。用贪心回报来猜一张图片的平均回报，
   不如三个回合的均值准确，而且贪心回合本身不提供梯度。
3. `group_mean` 的噪声最小，但它是有偏的：自己的回报也在基线里。估计的均值是精确梯度的 $1 - 1/M = 3/4$。
   （练习 2 会证明它只是缩小了的 `leave_one_out`。）

## 已知答案：用枚举求方差

基线固定时，一个批次中的各个回合相互独立，所以 $\hat g$ 的协方差等于单个回合的协方差对图片取平均，再除以 $E M$。
记 $x = \sum_t (R - b_t)\, \nabla \log \pi(a_t)$，则

$$\operatorname{tr} \operatorname{Cov} \hat g = \frac{1}{E M} \cdot \frac{1}{E} \sum_e
\Big( \mathbb{E}\big[\lVert x \rVert^2 \mid e\big] - \big\lVert \mathbb{E}[x \mid e] \big\rVert^2 \Big).$$

（这只用到独立性。）测得的噪声必须与它一致。
"""


# %%
def exact_noise(baseline: Tensor) -> float:
    """Compute the noise of a fixed baseline (T, episodes) by enumeration."""
    x = ((returns - baseline)[..., None] * scores).sum(0).view(E, K * K, -1)
    second = (chance[..., None] * x.square()).sum((1, 2))
    variance = (second - (chance[..., None] * x).sum(1).square().sum(-1)).mean() / (E * M)
    return float(variance.sqrt() / g.norm())


fixed = {
    "none": torch.zeros(2, len(returns)),
    "moving_average": (chance * returns.view(E, -1)).sum(1).mean().expand(2, len(returns)),
    "learned": value(states).squeeze(-1),
}
for name, baseline_values in fixed.items():
    by_hand = exact_noise(baseline_values)
    print(f"{name:15} exact noise {by_hand:.3f}, measured {noise[name]:.3f}")
    assert abs(noise[name] / by_hand - 1) < 0.05

# %% [markdown]
"""
## 方差在训练中的代价

各个策略从相同的参数出发，沿着自己的估计前进。现在每次更新只用**一张**图片的两个回合，噪声大到足以产生影响。
所有策略都用精确的 $J$ 来评判。由于偶然性很大，每条曲线都是 100 个策略的平均，它们作为一个张量并排训练。
"""

# %%
S, UPDATES = 100, 150


def advantages(name: str, given: Tensor, average: Tensor, critic: Tensor, hidden: Tensor) -> Tensor:
    """Subtract a baseline from returns (T, S * 2), and update `average` (S,) or the critics (S, 9) after their use."""
    if name == "leave_one_out":
        return policy_gradient.leave_one_out_baseline(given, 2)
    if name == "self_critical":
        return policy_gradient.self_critical_baseline(given, 2)
    returned = given.view(2, S, 2)
    baseline = torch.einsum("tsmf,sf->tsm", hidden, critic) if name == "learned" else average[:, None].expand(2, S, 2)
    if name == "learned":
        critic += 0.2 * torch.einsum("tsm,tsmf->sf", returned - baseline, hidden) / 4
    if name == "moving_average":
        average.lerp_(returned[0].mean(1), 0.05)
    return (returned - baseline).flatten(1)


def train(name: str, rate: float) -> Tensor:
    """Train S policies by gradient ascent, and return their exact J before each update: (updates, S)."""
    torch.manual_seed(0)
    policy, average, critic = theta.detach().repeat(S, 1, 1).requires_grad_(), torch.zeros(S), torch.zeros(S, 9)
    curve = torch.empty(UPDATES, S)
    for update, picture in enumerate(torch.randint(E, (UPDATES, S))):
        first, second = (glance @ policy[:, :5]).log_softmax(-1), (before_second @ policy[:, None, 5:]).log_softmax(-1)
        joint = first[:, :, :, None] + second  # (S, E, K, K)
        curve[update] = (joint.detach().exp() * returns_table).sum((1, 2, 3)) / E
        log_prob = joint[torch.arange(S), picture].flatten(1)  # (S, K * K), of the picture's episodes
        episodes = torch.multinomial(log_prob.detach().exp(), 2, replacement=True)
        if name == "self_critical":
            look = first[torch.arange(S), picture].argmax(1)
            episodes[:, 0] = K * look + second[torch.arange(S), picture, look].argmax(1)
        numbers = picture[:, None] * K * K + episodes
        given = returns[numbers].flatten().expand(2, -1)
        advantage = advantages(name, given, average, critic, states[:, numbers])
        parts = torch.stack([first[torch.arange(S), picture].repeat_interleave(K, 1), torch.zeros(S, K * K)])
        parts[1] = log_prob - parts[0]
        taken = parts.gather(2, episodes.expand(2, -1, -1)).flatten(1)  # log-probabilities of each look, (T, S * 2)
        policy.data -= rate * S * torch.autograd.grad(policy_gradient.reinforce(taken, advantage), policy)[0]
    return curve


figure, axes = plt.subplots(1, 2, figsize=(7.5, 3), dpi=70, sharey=True)
final = {}
for axis, rate in zip(axes, (0.3, 3.0), strict=True):
    for name in unbiased:
        curve = train(name, rate)
        final[rate, name] = curve[-1].mean().item()
        print(f"rate {rate}, {name:15} J = {final[rate, name]:.3f} +- {curve[-1].std() / S**0.5:.3f}")
        axis.plot(curve.mean(1).numpy(), label=name, linewidth=1.2)
    axis.axhline(returns_table.flatten(1).max(1).values.mean().item(), color="gray", linestyle=":")
    axis.set_title(f"learning rate {rate}", fontsize=9)
    axis.set_xlabel("update")
axes[0].set_ylabel("exact J (dotted: best looks)")
axes[0].legend(fontsize=7)
figure.tight_layout()
plt.show()
assert final[3.0, "leave_one_out"] > final[3.0, "none"] + 0.03

# %% [markdown]
r"""
步长小时，噪声在多次更新中相互抵消，五种基线到达几乎相同的地方。步长大时则不然：被噪声推到几乎只看一个窗口的策略，
不会再采样到别的窗口，于是停在那里。学习率较大时，`none` 远远落后；所有图片共用一个数的 `moving_average`
又落后于三种与图片有关的基线。方差越小，就可以用越大的学习率或越小的批次。

## 在配置中

```sh
glimpse train digits-ram agent.baseline=leave_one_out train.copies=4 --folder runs/leave-one-out
glimpse train digits-ram agent.baseline=none --folder runs/none
glimpse compare runs/leave-one-out runs/none
```

`train.copies` 就是 $M$。简而言之：负担得起每个样本采样几个回合时用 `leave_one_out`，负担不起时用 `learned`；
组内均值如果不乘上那个系数，就不要用。

## 练习

1. 每张图片取一个数 $b_e$，两次注视共用。求方差最小的 $b_e$。它是平均回报吗？
   （Weaver 和 Tao，2001；Greensmith、Bartlett 和 Baxter，2004。）
2. 证明组内均值的优势是 `leave_one_out` 的 $1 - 1/M$ 倍。这说明它的偏差是什么？表中的噪声 0.85 又说明什么？
3. 按每次注视带来的增益给奖励：$r_1 = p(y \mid a_1) - p(y)$，$r_2 = p(y \mid a_1, a_2) - p(y \mid a_1)$，
   并使用从当前步到结束的回报（returns to go）。梯度变了吗？噪声呢？

### 答案 1

记 $s = \sum_t \nabla \log \pi(a_t)$，则 $\mathbb{E}[\lVert (R - b) s \rVert^2]$ 是 $b$ 的抛物线；它的导数
$-2\, \mathbb{E}[(R - b) \lVert s \rVert^2]$ 在

$$b^* = \mathbb{E}\big[R \lVert s \rVert^2\big] \,/\, \mathbb{E}\big[\lVert s \rVert^2\big]$$

处为零。这是以得分加权的平均回报：少见的注视得分较长，所占的权重更大。
"""

# %%
length = scores.sum(0).square().sum(-1).view(E, K * K)
by_picture = returns.view(E, K * K)
best = (chance * length * by_picture).sum(1) / (chance * length).sum(1)
means = (chance * by_picture).sum(1)
for title, each in (("mean return", means), ("optimal", best), ("optimal + 0.05", best + 0.05)):
    print(f"{title:15} exact noise {exact_noise(each.repeat_interleave(K * K).expand(2, -1)):.4f}")
least = exact_noise(best.repeat_interleave(K * K).expand(2, -1))
assert all(least < exact_noise((best + shift).repeat_interleave(K * K).expand(2, -1)) for shift in (-0.05, 0.05))
assert least < exact_noise(means.repeat_interleave(K * K).expand(2, -1))

# %% [markdown]
r"""
### 答案 2

记 $\bar R$ 为全部 $M$ 个回报的均值，则其他回合的均值是 $(M \bar R - R^i) / (M - 1)$，于是
$R^i - \frac{M \bar R - R^i}{M - 1} = \frac{M}{M - 1} (R^i - \bar R)$。偏差只是一个系数，可以并入学习率；
它把噪声也缩小了同样的倍数，所以 $0.85 \approx 3/4 \cdot 1.14$ 并不是进步。
（基于组内相对比较的方法减去的正是这个均值；那些还要除以组内标准差的方法，连方向也改变了。）
"""

# %%
some = returns[sample_episodes(1)]
ratio = group_mean(some) / policy_gradient.leave_one_out_baseline(some, M)
print(
    f"ratio of the advantages: {ratio.nanmean():.4f}; of the noises: {noise['group_mean'] / noise['leave_one_out']:.2f}"
)
assert torch.allclose(group_mean(some), (1 - 1 / M) * policy_gradient.leave_one_out_baseline(some, M), atol=1e-6)

# %% [markdown]
r"""
### 答案 3

各步奖励相加时前后抵消。第一次看之前，剩余的回报是 $R - p(y)$；第二次看之前，是 $R - p(y \mid a_1)$。
两者减去的都是在看之前就已确定的量，也就是基线，所以梯度不变。噪声变小，因为第一次注视挣得的部分不再算到第二次头上。
"""

# %%
nothing = torch.tensor(classifier.predict_proba(torch.zeros(1, 64))[0], dtype=torch.float32)[answers]  # p(y), (E,)
one = returns_table.diagonal(dim1=1, dim2=2)  # p(y | a_1), (E, K): the same window twice
after = torch.stack([nothing[:, None].expand(E, K), one, one])[:, :, :, None].expand(3, E, K, K).flatten(1)
rewards = torch.stack([after[1] - after[0], returns - after[2]])  # (T, episodes)
to_go = policy_gradient.returns_to_go(rewards)
by_gains = (chance.flatten() / E * to_go[..., None].mul(scores).sum(0).T).sum(1)
print(f"largest difference between the gradients: {(by_gains - g).abs().max():.1e}")
print(
    f"exact noise: {exact_noise(returns - to_go):.2f}, with the total return {exact_noise(torch.zeros_like(to_go)):.2f}"
)
assert torch.allclose(by_gains, g, atol=1e-6)
assert exact_noise(returns - to_go) < exact_noise(torch.zeros_like(to_go))
