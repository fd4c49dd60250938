# ---
# jupyter:
#   jupytext:
#     cell_markers: '"""'
# ---

# %% [markdown]
r"""# 4. RAM from scratch, then ours.

An agent classifies a digit of $8 \times 8$ pixels, but sees only four patches of $3 \times 3$. It chooses where to look
next. This is the recurrent attention model (RAM) of Mnih, Heess, Graves and Kavukcuoglu (2014, "Recurrent models of
visual attention", below: *the paper*). We write it in about a hundred lines of PyTorch, check its parts against
glimpse, and then train glimpse's RAM from a config.

You need to know PyTorch and what a policy gradient is. All data are scikit-learn's digits, which come with it.
"""

# %%
import io
import tempfile
from contextlib import redirect_stdout
from pathlib import Path

import matplotlib.pyplot as plt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import glimpse
from glimpse.agents import policy_gradient
from glimpse.config.files import load_experiment
from glimpse.envs.images.image_data import load_images
from glimpse.envs.images.options import RetinaOptions
from glimpse.envs.images.retina import Retina
from glimpse.training.train import train_command

torch.set_num_threads(1)
torch.manual_seed(0)
PATCH, GLIMPSES, SIGMA = 3, 4, 0.2


def digits(split: str) -> tuple[Tensor, Tensor]:
    """Return pictures (N, 8, 8) in [0, 1] and labels (N,) of glimpse's split of scikit-learn's digits."""
    data = load_images("digits", "train" if split == "train" else "test")
    return data.images[:, 0] / 255, data.labels


pictures, labels = digits("train")
unseen, unseen_labels = digits("test")
print(f"{len(pictures)} pictures to learn from, {len(unseen)} to test on; four looks show at most 36 of 64 pixels")

# %% [markdown]
r"""
## The retina

A location is $l = (x, y)$ in $[-1, 1]^2$: $x$ to the right, $y$ down, $(0, 0)$ the centre. The retina $\rho(x_t, l)$
(section 3.1 of the paper) cuts a patch around it; outside of the picture there are zeros. The paper's retina has
several scales, each twice as wide as the one before; for 64 pixels one is enough. It moves by whole pixels, so that it
has no gradient with respect to $l$: *where to look cannot be learned by backpropagation.*
"""


# %%
def look(pictures: Tensor, location: Tensor) -> Tensor:
    """Cut a patch (B, P, P) around the location (B, 2) of each picture (B, H, W)."""
    padded = F.pad(pictures, (PATCH,) * 4)
    corner = ((location.clamp(-1, 1) + 1) / 2 * pictures.shape[-1]).floor().long() - PATCH // 2 + PATCH
    columns, rows = (corner[:, axis, None] + torch.arange(PATCH) for axis in (0, 1))
    return padded[torch.arange(len(pictures))[:, None, None], rows[:, :, None], columns[:, None, :]]


# By hand: each pixel is its own number, row * 8 + column. The centre (0, 0) is the corner of pixel (4, 4).
numbered = torch.arange(64.0).view(1, 8, 8)
print(look(numbered, torch.tensor([[0.0, 0.0]])))
assert look(numbered, torch.tensor([[0.0, 0.0]]))[0].tolist() == [[27, 28, 29], [35, 36, 37], [43, 44, 45]]
assert look(numbered, torch.tensor([[-1.0, -1.0]]))[0].tolist() == [[0, 0, 0], [0, 0, 1], [0, 8, 9]]

# glimpse's retina sees the same, at a thousand random locations.
retina = Retina(RetinaOptions(patch=PATCH, scales=1), 8, 8)
index, anywhere = torch.randint(len(pictures), (1000,)), torch.rand(1000, 2) * 2 - 1
patches = retina.look(retina.prepare((pictures[:, None] * 255).byte()), index, anywhere)[:, 0, 0]
assert torch.equal(patches, look(pictures[index], anywhere))

# %% [markdown]
r"""
## The agent

One step of the paper's model (section 4, "Glimpse network" and "Recurrent core"), for a location $l_t$:

$$
\begin{aligned}
h_g &= \mathrm{ReLU}(W_g\, \rho(x, l_t) + b_g), \qquad h_l = \mathrm{ReLU}(W_l\, l_t + b_l), \\
g_t &= \mathrm{ReLU}(W_1 h_g + W_2 h_l + b), \\
h_t &= \mathrm{ReLU}(U h_{t-1} + V g_t + c), \\
l_{t+1} &\sim \mathcal{N}(\mu_t, \sigma^2 I), \qquad \mu_t = \tanh(W_\mu h_t + b_t).
\end{aligned}
$$

After the last glimpse a linear layer answers from $h_T$. A second one guesses from $h_t$ how large the reward will be:
the *baseline* $v_t$. Two departures from the paper help on so few pixels: a tanh keeps means inside the picture, and a
bias of each step makes the untrained policy look at different places.
"""

# %%
PATH = torch.tensor([[-0.4, -0.4], [0.4, 0.0], [-0.4, 0.4]])
"""Where the untrained policy looks after the first glimpse, which is at the centre."""


class Rollout:
    """What one pass through the pictures leaves: answers, and lists over steps of what REINFORCE needs."""

    def __init__(self) -> None:
        """Begin without entries."""
        self.logits = torch.empty(0)  # (B, 10)
        self.locations: list[Tensor] = []  # (B, 2)
        self.log_probs: list[Tensor] = []  # (B,), of all locations but the first
        self.values: list[Tensor] = []  # (B,)


class Ram(nn.Module):
    """The recurrent attention model for one scale."""

    def __init__(self, width: int = 64, memory: int = 128) -> None:
        """Make the layers."""
        super().__init__()
        self.memory = memory
        self.what, self.where = nn.Linear(PATCH * PATCH, width), nn.Linear(2, width)
        self.both = nn.Linear(2 * width, memory)
        self.core = nn.Linear(2 * memory, memory)
        self.locator, self.classifier, self.value = nn.Linear(memory, 2), nn.Linear(memory, 10), nn.Linear(memory, 1)
        self.bias = nn.Parameter(torch.atanh(PATH))

    def glimpse(self, patch: Tensor, location: Tensor) -> Tensor:
        """Encode what is seen, and where."""
        seen = torch.cat([F.relu(self.what(patch.flatten(1))), F.relu(self.where(location))], 1)
        return F.relu(self.both(seen))

    def forward(self, pictures: Tensor, policy: str = "sampled") -> Rollout:
        """Look at pictures (B, H, W); `policy` is sampled, greedy (the mean location) or random (a control)."""
        out = Rollout()
        memory, location = pictures.new_zeros(len(pictures), self.memory), pictures.new_zeros(len(pictures), 2)
        for step in range(GLIMPSES):
            out.locations.append(location)
            seen = self.glimpse(look(pictures, location), location)
            memory = F.relu(self.core(torch.cat([memory, seen], 1)))
            if step < GLIMPSES - 1:
                mean = torch.tanh(self.locator(memory.detach()) + self.bias[step])
                location = self.choose(mean, policy).detach()
                out.log_probs.append(log_density(location, mean))
                out.values.append(self.value(memory.detach())[:, 0])
        out.logits = self.classifier(memory)
        return out

    def choose(self, mean: Tensor, policy: str) -> Tensor:
        """Return the next location."""
        if policy == "random":
            return torch.rand_like(mean) * 2 - 1
        return mean if policy == "greedy" else mean + SIGMA * torch.randn_like(mean)


def log_density(location: Tensor, mean: Tensor) -> Tensor:
    """Return the log-density of locations under the policy, but for a constant."""
    return -(location - mean).square().sum(1) / (2 * SIGMA**2)


# %% [markdown]
r"""
`detach` stands in four places, and each is a decision:

- the sampled location: it is data; no gradient flows through it,
- the memory before the locator: the policy gradient trains the locator only; its noise does not reach the memory,
- the memory before the baseline: the baseline reads the memory, and does not shape it,
- below, the advantage: REINFORCE weighs with it, and does not train it.

## The loss

The answer is trained by cross-entropy, as in any classifier (the paper's "hybrid supervised loss", section 3.2). The
locator is trained by REINFORCE with a baseline (equation 3 of the paper), over $M$ episodes:

$$
\nabla_\theta J \approx \frac{1}{M} \sum_{i=1}^{M} \sum_{t=1}^{T-1}
\nabla_\theta \log \pi_\theta(l^i_{t+1} \mid h^i_t)\, (R^i - v^i_t).
$$

The paper's reward $R$ is 1 for a right answer. The probability of the right class is a reward, too, and it tells almost
right from wrong.
"""


# %%
def reinforce(log_probs: Tensor, advantage: Tensor) -> Tensor:
    """Return the loss whose gradient is minus equation 3; both arguments are (T - 1, B)."""
    return -(log_probs * advantage.detach()).sum(0).mean()


def loss(rollout: Rollout, labels: Tensor, policy: str = "sampled") -> Tensor:
    """Return cross-entropy + policy loss + squared error of the baseline."""
    reward = rollout.logits.softmax(1).gather(1, labels[:, None])[:, 0].detach()
    advantage = reward - torch.stack(rollout.values)
    total = F.cross_entropy(rollout.logits, labels) + advantage.square().mean()
    return total + reinforce(torch.stack(rollout.log_probs), advantage) if policy == "sampled" else total


# A gradient that is known: with R = -|l|^2 and l ~ N(m, sigma^2), the expected return is -|m|^2 - 2 sigma^2, and its
# gradient with respect to m is -2 m. REINFORCE should find it without differentiating R.
mean = torch.tensor([[0.3, -0.5]], requires_grad=True)
tried = (mean + SIGMA * torch.randn(200_000, 2)).detach()
reward = -tried.square().sum(1)
advantage = (reward - reward.mean())[None]
(gradient,) = torch.autograd.grad(reinforce(log_density(tried, mean)[None], advantage), mean)
print(f"REINFORCE {[round(value, 3) for value in (-gradient[0]).tolist()]}, exactly [-0.6, 1.0]")
assert torch.allclose(-gradient, -2 * mean, atol=0.02)

# glimpse's functions give the same loss; its density has the constant.
density = policy_gradient.gaussian_log_prob(tried, mean, SIGMA)
(theirs,) = torch.autograd.grad(policy_gradient.reinforce(density[None], advantage), mean)
assert torch.allclose(gradient, theirs, atol=1e-5)

# %% [markdown]
"""
## Training

The same agent is trained twice: with its policy, and as a control with random locations.
"""


# %%
def train(policy: str, steps: int = 600) -> Ram:
    """Train on batches of 64 pictures."""
    torch.manual_seed(0)
    ram = Ram()
    optimiser = torch.optim.Adam(ram.parameters(), 4e-3)
    schedule = torch.optim.lr_scheduler.LinearLR(optimiser, 1.0, 0.01, steps)
    for _ in range(steps):
        batch = torch.randint(len(pictures), (64,))
        optimiser.zero_grad()
        loss(ram(pictures[batch], policy), labels[batch], policy).backward()
        optimiser.step()
        schedule.step()
    return ram


@torch.no_grad()
def accuracy(ram: Ram, policy: str) -> float:
    """Return the fraction of right answers on the test pictures."""
    return float((ram(unseen, policy).logits.argmax(1) == unseen_labels).float().mean())


ram, control = train("sampled"), train("random")
right, by_chance = accuracy(ram, "greedy"), accuracy(control, "random")
print(f"RAM {right:.1%}, the same trained with random locations {by_chance:.1%}")
assert right > 0.75 and right > by_chance + 0.05

# %% [markdown]
"""
## Where it looks

A scanpath is the sequence of locations. All begin at the centre, and they part once something was seen.
"""

# %%
with torch.no_grad():
    paths = torch.stack(ram(unseen, "greedy").locations, 1)  # (N, T, 2)
figure, axes = plt.subplots(1, 6, figsize=(9, 1.7))
for number, axis in enumerate(axes):
    axis.imshow(unseen[number], cmap="gray", extent=(-1, 1, 1, -1))
    axis.plot(paths[number, :, 0], paths[number, :, 1], "o-", color="tab:orange", markersize=4)
    axis.axis("off")
plt.show()
spread = paths.std(0).norm(dim=1)
print("spread between pictures, by glimpse:", [round(value, 2) for value in spread.tolist()])
assert spread[0] == 0 < spread[1]

# %% [markdown]
"""
## Ours

The same task and agent are one config of glimpse, `digits-ram`. Overrides are lines of `a.b=c`. Training writes a run
folder, from which `glimpse.load` brings the agent back.
"""

# %%
settings = ["train.steps=300", "train.batch=128", "train.evaluate_every=300", "train.precision=float32"]
settings += ["threads=1", "track.mode=disabled"]
run = Path(tempfile.mkdtemp()) / "run"
with redirect_stdout(io.StringIO()):  # Without the lines of progress, which differ from run to run.
    train_command(load_experiment("digits-ram", settings), run, resume=False)
agent = glimpse.load(run)
answers = agent.predict([picture.numpy() for picture in (unseen * 255).byte()])
ours_right = sum(seen.label == str(label) for seen, label in zip(answers, unseen_labels.tolist(), strict=True))
print(f"glimpse's RAM {ours_right / len(unseen):.1%}, from scratch {right:.1%}")
assert ours_right / len(unseen) > right - 0.03

# %% [markdown]
"""
## Exercises

1. How much of the accuracy comes from *which* location is chosen for *this* picture? Give each test picture the mean
   scanpath of all.
2. Without a baseline, REINFORCE is still unbiased. What does the baseline buy? Measure the variance of the gradient in
   the known case above, with and without.
3. The last location is not reinforced. Why would it be wrong to sample and reinforce a location after the last glimpse?

## Answers

1. Almost none: on centred digits one good path serves all. Pictures of scanpaths should always come with this control;
   `glimpse evaluate` prints it as "its own mean scanpath".
"""


# %%
class OnePath(Ram):
    """RAM that looks at the same given path in each picture."""

    def __init__(self, trained: Ram, path: Tensor) -> None:
        """Take over the weights of a trained one; `path` is (T, 2)."""
        super().__init__()
        self.load_state_dict(trained.state_dict())
        self.path, self.looked = path, 0

    def choose(self, mean: Tensor, policy: str) -> Tensor:
        """Return the next location of the path."""
        self.looked += 1
        return self.path[self.looked].expand_as(mean)


on_mean_path = accuracy(OnePath(ram, paths.mean(0)), "greedy")
print(
    f"own locations {right:.1%}, the mean scanpath {on_mean_path:.1%}, random locations {accuracy(ram, 'random'):.1%}"
)
assert accuracy(ram, "random") < on_mean_path

# %% [markdown]
"""
2. The variance of the estimate falls, here by a large factor, since most of the return is the same for all locations.
"""


# %%
def variance(baseline: Tensor) -> float:
    """Return the variance of single-sample estimates of the gradient with respect to the mean, summed over axes."""
    score = (tried - mean.detach()) / SIGMA**2
    return float(((reward - baseline)[:, None] * score).var(0).sum())


without, with_one = variance(torch.tensor(0.0)), variance(reward.mean())
print(f"variance of the gradient: {without:.1f} without, {with_one:.1f} with a baseline")
assert with_one < without / 2

# %% [markdown]
"""
3. No glimpse is taken there, so that the location cannot change the answer. Its expected gradient is zero, but each
   sample adds noise: the advantage times the score, of mean zero.
"""

# %%
score = (tried - mean.detach()) / SIGMA**2
unrelated = reward[torch.randperm(len(reward))]  # A return that does not depend on the location.
useless = (unrelated - unrelated.mean())[:, None] * score
print(f"mean {useless.mean(0).norm():.3f}, standard deviation {useless.std(0).norm():.1f}")
assert useless.mean(0).norm() < 0.05 < useless.std(0).norm()
