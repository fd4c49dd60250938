# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
r"""# 5. REINFORCE's variance: five baselines against the exact gradient.

A policy that decides where to look is trained by REINFORCE. The look is sampled, so no gradient flows through it; what
reaches the weights is an estimate from a few rollouts, right on average and wrong each time. This notebook measures how
wrong. Its task is so small that all sequences of looks can be enumerated, so that the exact gradient is known.

You will see

- by hand, with a policy of one number, that a baseline leaves the mean as it is and can remove all of the variance;
- the five values of the option `baseline`: `none`, `moving_average`, `learned`, `leave_one_out`, `self_critical`;
- bias and variance of each, measured on 2,000 batches and compared with the exact gradient and the exact variance;
- a sixth baseline, the mean of the rollout's own group, which is biased, and by how much;
- what the variance costs in training.

Three exercises follow, with answers that run.
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
## One number, by hand

A policy looks at window 1 with probability $p = \sigma(\theta)$, else at window 0. The rewards are 11 and 10. The
gradient of the expected reward is an expectation under the policy, which a sample estimates without bias (Williams,
1992, theorem 1):

$$\nabla_\theta\, \mathbb{E}[R] = \mathbb{E}\big[(R - b)\, \nabla_\theta \log \pi_\theta(a)\big],$$

for any $b$ that does not depend on $a$, since
$\mathbb{E}[b\, \nabla_\theta \log \pi_\theta(a)] = b\, \nabla_\theta \sum_a \pi_\theta(a) = b\, \nabla_\theta 1 = 0$.

At $p = 1/2$ the score $\nabla_\theta \log \pi_\theta(a) = a - p$ is $+1/2$ or $-1/2$, and the exact gradient is
$p (1 - p)(11 - 10) = 1/4$.

| | window 1 | window 0 | mean | variance |
| --- | --- | --- | --- | --- |
| $b = 0$ | $11 \cdot 1/2 = 5.5$ | $10 \cdot (-1/2) = -5$ | $1/4$ | $5.25^2 = 27.5625$ |
| $b = 10.5$ | $0.5 \cdot 1/2 = 1/4$ | $-0.5 \cdot (-1/2) = 1/4$ | $1/4$ | $0$ |

Without a baseline every sample says that the window just seen was good, and only many samples show which was better.
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
## A task of sixteen episodes a picture

Twelve digits of 8 x 8 pixels are each covered by four windows of 4 x 4. The agent first has a glance, the mean
brightness of each window. It looks into one window, then into a second one (or the same), and answers. The return is
the probability of the right class under a classifier that sees the two windows (`policy_reward: probability`). The
classifier is fixed, so that the returns of all $12 \times 4 \times 4$ episodes are a table.
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
## The exact gradient

The policy is linear: the first look depends on the glance, the second also on the first look. With the parameters
$\theta$ fixed, the expected return is a finite sum, which automatic differentiation differentiates exactly:

$$J(\theta) = \frac{1}{E} \sum_{e} \sum_{a_1, a_2}
\pi_\theta(a_1 \mid e)\, \pi_\theta(a_2 \mid e, a_1)\, R(e, a_1, a_2).$$

(It is the definition of an expectation; no paper is needed.)
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
## The estimate, from scratch and by the library

An update has $M = 4$ rollouts of each picture. The estimate of the gradient is (Mnih et al., 2014, equation 3; the
baseline follows it there)

$$\hat g = \frac{1}{E M} \sum_{i=1}^{E M} \sum_{t=1}^{2}
\nabla_\theta \log \pi_\theta(a_t^i \mid s_t^i)\,(R^i - b_t^i).$$

With so few episodes, the scores $\nabla_\theta \log \pi$ of all of them fit into a table, and thousands of estimates
are one matrix product. The library has the loss instead, `policy_gradient.reinforce`, whose gradient is $-\hat g$. Both
must agree; and the mean of the table under the policy must be the exact gradient.
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
## Five baselines

| `baseline` | $b_t^i$ | needs |
| --- | --- | --- |
| `none` | 0 | |
| `moving_average` | mean return of earlier updates, one number for each step | |
| `learned` | a value $V(s_t^i)$, trained by its squared error (Mnih et al., 2014, section 3.2) | a network |
| `leave_one_out` | mean return of the picture's other rollouts (Kool et al., 2019) | $M \ge 2$ |
| `self_critical` | return of the picture's greedy rollout (Rennie et al., 2017) | $M \ge 2$ |

By hand: three rollouts of a picture return 1, 2 and 6. Leaving one out, the baselines are 4, 3.5 and 1.5. If the first
was the greedy one, it is the baseline of both others; the greedy rollout was not sampled and is not reinforced, and the
others count $M / (M - 1) = 3/2$ times, because the loss is a mean over all three.
"""

# %%
three = torch.tensor([[1.0, 2.0, 6.0]])
print("leave one out:", policy_gradient.leave_one_out_baseline(three, 3).tolist())
print("self-critical:", policy_gradient.self_critical_baseline(three, 3).tolist())
assert policy_gradient.leave_one_out_baseline(three, 3).tolist() == [[-3.0, -1.5, 4.5]]
assert policy_gradient.self_critical_baseline(three, 3).tolist() == [[0.0, 1.5, 7.5]]

# %% [markdown]
r"""
A learned baseline reads what the policy knew before each look: the glance, and then the first look too. Here it is
linear, and is trained for 300 updates of gradient descent while the policy stands still.
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
## Measured: bias and variance

Each baseline gets 2,000 batches at the same parameters, through the function that all agents of the library use. Three
numbers describe the estimates $\hat g$ next to the exact gradient $g$:

- **along**, the mean of $\langle \hat g, g \rangle / \lVert g \rVert^2$, with its standard error: 1 if there is no bias
  in the gradient's direction;
- **largest z**, over the 56 parameters, the largest $|\text{mean} - \text{exact}|$ in standard errors: below 4.5 if
  there is no bias in any parameter (the largest of 56 normal numbers exceeds it once in 2,600 trials);
- **noise**, $\sqrt{\operatorname{tr} \operatorname{Cov} \hat g} / \lVert g \rVert$: the length of an estimate's error
  relative to the gradient.

The group mean, with the rollout's own return in it, is not an option of the library. You will see why.
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
Read the table in three steps.

1. The first five are unbiased within their standard errors. A baseline is allowed to be anything that does not depend
   on the action: a constant, a function of the state, or what *other* rollouts returned.
2. One number for all pictures removes most of the noise here, because the returns' mean is large compared with what a
   look changes. What is left is the difference between pictures, which `learned` and `leave_one_out` remove too. The
   greedy return is a noisier guess of a picture's mean return than the mean of three rollouts, and its rollout teaches
   nothing itself.
3. `group_mean` has the least noise, and is biased: the rollout's own return is a part of its baseline. The mean
   estimate is $1 - 1/M = 3/4$ of the exact gradient. (Exercise 2 shows that it is a rescaled `leave_one_out`.)

## Known answer: the variance by enumeration

A fixed baseline makes the rollouts of a batch independent, so that the covariance of $\hat g$ is that of one rollout,
averaged over pictures, over $E M$. With $x = \sum_t (R - b_t)\, \nabla \log \pi(a_t)$,

$$\operatorname{tr} \operatorname{Cov} \hat g = \frac{1}{E M} \cdot \frac{1}{E} \sum_e
\Big( \mathbb{E}\big[\lVert x \rVert^2 \mid e\big] - \big\lVert \mathbb{E}[x \mid e] \big\rVert^2 \Big).$$

(It follows from independence alone.) The measured noise must agree.
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
r"""
## What it costs in training

Policies start at the same parameters and follow their own estimates, now from two rollouts of *one* picture an update,
which is noise enough to matter. All are judged by the exact $J$. Since chance decides much, each curve is the mean of
100 policies, which are trained side by side as one tensor.
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
With small steps, noise averages out over the updates, and all five arrive at nearly the same place. With large steps it
does not: a policy that noise has pushed into one look with near certainty samples nothing else any more, and stays
there. At the larger rate `none` is left far behind, and one number for all pictures (`moving_average`) is behind the
three baselines that depend on the picture. A lower variance buys a larger learning rate, or a smaller batch.

## In a config

```sh
glimpse train digits-ram agent.baseline=leave_one_out train.copies=4 --folder runs/leave-one-out
glimpse train digits-ram agent.baseline=none --folder runs/none
glimpse compare runs/leave-one-out runs/none
```

`train.copies` is $M$. In short: `leave_one_out` where several rollouts of an example are affordable, `learned` where
not, and the group's own mean never without its factor.

## Exercises

1. Find the baseline $b_e$, one number for each picture and both looks, that has the least variance. Is it the mean
   return? (Weaver and Tao, 2001; Greensmith, Bartlett and Baxter, 2004.)
2. Show that the group mean's advantage is $1 - 1/M$ times that of `leave_one_out`. What does this say about the bias,
   and about the noise 0.85 in the table?
3. Reward each look by what it adds: $r_1 = p(y \mid a_1) - p(y)$ and $r_2 = p(y \mid a_1, a_2) - p(y \mid a_1)$, and
   use returns to go. Does the gradient change? Does its noise?

### Answer 1

With $s = \sum_t \nabla \log \pi(a_t)$, $\mathbb{E}[\lVert (R - b) s \rVert^2]$ is a parabola in $b$; its derivative
$-2\, \mathbb{E}[(R - b) \lVert s \rVert^2]$ is zero at

$$b^* = \mathbb{E}\big[R \lVert s \rVert^2\big] \,/\, \mathbb{E}\big[\lVert s \rVert^2\big],$$

a mean return that is weighted by the score: rare looks, whose scores are long, count more.
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
### Answer 2

With $\bar R$ the mean of all $M$, the others' mean is $(M \bar R - R^i) / (M - 1)$, so that
$R^i - \frac{M \bar R - R^i}{M - 1} = \frac{M}{M - 1} (R^i - \bar R)$. The bias is a factor, which the learning rate
absorbs; it shrinks the noise by the same factor, so that $0.85 \approx 3/4 \cdot 1.14$ is no progress. (Group-relative
methods subtract this mean; those that also divide by the group's standard deviation change the direction too.)
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
### Answer 3

The rewards telescope. The return to go is $R - p(y)$ before the first look and $R - p(y \mid a_1)$ before the second:
both subtract what is fixed before the look, hence a baseline, and the gradient stays the same. The noise falls, since
what the first look has earned no longer counts for the second.
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
