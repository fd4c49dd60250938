# ---
# jupyter:
#   jupytext:
#     cell_markers: '"""'
# ---

# %% [markdown]
"""# 3. 硬注意力与软注意力，以及各自得到什么梯度.

软注意力什么都读，再加权。*硬*注意力只读一处，其余不看：它代价更小，能准确说出回答依据的是什么，眼睛也是这样工作的。Xu
等（2015，“Show, attend and tell”，下称*论文*）把两者放进同一个看图的模型。前向计算只差一行，差别大的是梯度：软注意
力靠求导，硬注意力靠*强化*。处在两者之间的是 top-k，它读得分最高的 $k$ 个。

我们手算全部三种梯度，在由一个已知的词决定类别的文本上训练这三种，然后在 glimpse 里再做一遍；在那里它们只差配置中的一
行。
"""

# %%
import io
import tempfile
from contextlib import redirect_stdout
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import glimpse
from glimpse.agents import policy_gradient
from glimpse.agents.attention import normalisers
from glimpse.config.files import load_experiment
from glimpse.envs.text.planted import planted
from glimpse.training.train import train_command

torch.set_num_threads(1)
torch.manual_seed(0)

# %% [markdown]
r"""
## 一行之差，三种梯度

设可以读的是 $a_1, \ldots, a_L$，得分为 $e_i$，$\alpha = \mathrm{softmax}(e)$，由上下文作答的损失为 $\ell$。

**软注意力**读均值 $z = \sum_i \alpha_i a_i$（论文 4.2 节，公式 13），反向传播给出

$$
\frac{\partial \ell(z)}{\partial e_i} = \alpha_i\, \nabla \ell(z)^\top (a_i - z).
$$

**硬注意力**抽取一个位置 $s \sim \alpha$，读 $z = a_s$（4.1 节，公式 8 和 9）。抽取没有梯度。最小化的是期望损失
 $\sum_i \alpha_i\, \ell(a_i)$（一个界，公式 10），它的梯度是

$$
\frac{\partial}{\partial e_i} \sum_j \alpha_j\, \ell(a_j)
= \alpha_i \left(\ell(a_i) - \sum_j \alpha_j\, \ell(a_j)\right)
= \mathbb{E}_s\left[ \frac{\partial \log \alpha_s}{\partial e_i} (\ell(a_s) - b) \right]
$$

其中 $b$ 是任意基线。右边可以靠抽取 $s$ 来估计（公式 11 和 12）：REINFORCE。

**top-k** 只保留最大的 $k$ 个权重，其余置零，再归一化。这 $k$ 个得分之间得到软注意力的梯度，其余的*什么也得不到*。

手算：三个数 $a = (1, 2, 6)$，得分相等，损失 $\ell(z) = z$。
软：$\frac13 (1 - 3,\, 2 - 3,\, 6 - 3) = (-\frac23, -\frac13, 1)$。硬：相同，因为 $\ell$ 是线性的，损失的均值就是均值
的损失。取前两个的 top-2：$\frac12 (1 - 1.5,\, 2 - 1.5,\, 0) = (-\frac14, \frac14, 0)$。top-1：全是零。

换成损失 $\ell(z) = (z - 2)^2$，两者就分开了。软：$\frac13 \cdot 2 (3 - 2) (-2, -1, 3) = (-\frac43, -\frac23, 2)$。
硬：损失 $(1, 0, 16)$ 的均值是 $\frac{17}{3}$，于是得
$\frac13 (1 - \frac{17}{3},\, 0 - \frac{17}{3},\, 16 - \frac{17}{3}) = (-\frac{14}{9}, -\frac{17}{9}, \frac{31}{9})$。
软注意力最后可以停在任何均值为 2 的混合上，例如 $\frac45 \cdot 1 + \frac15 \cdot 6$；硬注意力必须选中那个 2。
"""

# %%
values = torch.tensor([1.0, 2.0, 6.0])


def linear(z: Tensor) -> Tensor:
    """Return the first loss."""
    return z


def squared(z: Tensor) -> Tensor:
    """Return the second loss."""
    return (z - 2).square()


def top(scores: Tensor, k: int) -> Tensor:
    """Return weights (..., L): a softmax over the k largest scores, zero elsewhere."""
    best = scores.topk(k, -1)
    return torch.zeros_like(scores).scatter(-1, best.indices, best.values.softmax(-1))


for loss, soft_by_hand, hard_by_hand in (
    (linear, [-2 / 3, -1 / 3, 1], [-2 / 3, -1 / 3, 1]),
    (squared, [-4 / 3, -2 / 3, 2], [-14 / 9, -17 / 9, 31 / 9]),
):
    scores = torch.zeros(3, requires_grad=True)
    (soft,) = torch.autograd.grad(loss(scores.softmax(0) @ values), scores)
    (hard,) = torch.autograd.grad(scores.softmax(0) @ loss(values), scores)
    print(f"{loss.__name__:8} soft {soft.tolist()}\n         hard {hard.tolist()}")
    assert torch.allclose(soft, torch.tensor(soft_by_hand)) and torch.allclose(hard, torch.tensor(hard_by_hand))

for k, by_hand in ((2, [-0.25, 0.25, 0.0]), (1, [0.0, 0.0, 0.0])):
    scores = torch.tensor([0.0, -0.0, -1e-9], requires_grad=True)
    (ours,) = torch.autograd.grad(top(scores, k) @ values, scores)
    (theirs,) = torch.autograd.grad(normalisers.topk(scores, k=k) @ values, scores)  # glimpse's
    print(f"top-{k}    {ours.tolist()}")
    assert ours.tolist() == theirs.tolist() == by_hand

# %% [markdown]
"""
实际中硬注意力的梯度要靠估计。抽样无偏，但有噪声，基线能去掉其中很大一部分：这里的基线是期望损失。glimpse 的
`reinforce` 是同一个估计，只是用奖励代替损失。
"""

# %%
scores = torch.zeros(3, requires_grad=True)
exact = torch.tensor([-14 / 9, -17 / 9, 31 / 9])
drawn = torch.randint(3, (100_000,))
losses = squared(values)[drawn]
score_function = F.one_hot(drawn, 3) - scores.softmax(0).detach()  # The gradient of log alpha_s.
for name, baseline in (("no baseline", torch.tensor(0.0)), ("the mean as baseline", losses.mean())):
    estimates = score_function * (losses - baseline)[:, None]
    print(f"{name}: mean {[round(x, 2) for x in estimates.mean(0).tolist()]}, variance {estimates.var(0).sum():.1f}")
    assert torch.allclose(estimates.mean(0), exact, atol=0.1)

log_prob = scores.log_softmax(0)[drawn]
(theirs,) = torch.autograd.grad(policy_gradient.reinforce(log_prob[None], (losses.mean() - losses)[None]), scores)
assert torch.allclose(theirs, estimates.mean(0), atol=1e-2)

# %% [markdown]
"""
## 由一个词决定的文本

glimpse 的 planted 文本有 20 个词。其中一个是*标记*，由它决定类别，其余的词是随机抽取的。因此阅读者应该读什么是已知
的。
"""

# %%
known, _validation, unseen = planted(1)
numbers = {word: number for number, word in enumerate(sorted({word for text in known.text for word in text.split()}))}
texts, classes = (
    torch.tensor([[numbers[word] for word in text.split()] for text in known.text]),
    torch.tensor(known.label),
)
test_texts = torch.tensor([[numbers[word] for word in text.split()] for text in unseen.text[:1000]])
test_classes, marks = torch.tensor(unseen.label[:1000]), torch.tensor(np.stack(unseen.evidence or [])[:1000])
print(unseen.text[0], "->", int(test_classes[0]))
assert marks.sum(1).unique().tolist() == [1]


class Reader(nn.Module):
    """Word vectors, a score for each word, and a linear layer that answers from the context."""

    def __init__(self, width: int = 32) -> None:
        """Make the layers for four classes."""
        super().__init__()
        self.words, self.hidden = nn.Embedding(len(numbers), width), nn.Linear(width, width)
        self.score, self.answer = nn.Linear(width, 1), nn.Linear(width, 4)

    def forward(self, text: Tensor) -> tuple[Tensor, Tensor]:
        """Return the vectors (B, L, D) and scores (B, L) of texts (B, L)."""
        vectors = self.words(text)
        return vectors, self.score(torch.tanh(self.hidden(vectors)))[..., 0]


def weights_of(scores: Tensor, kind: str) -> Tensor:
    """Return the weights (B, L) of soft attention, of top-k ("top-4"), or of the draws of hard attention."""
    if kind == "hard":
        return F.one_hot(torch.distributions.Categorical(logits=scores).sample(), scores.shape[1]).float()
    return scores.softmax(1) if kind == "soft" else top(scores, int(kind[4:]))


def train(kind: str, entropy: float = 0.1, steps: int = 500) -> tuple[Reader, list[float]]:
    """Train a reader; return it, and its accuracy after each 100 updates."""
    torch.manual_seed(0)
    reader, baseline, curve = Reader(), torch.tensor(0.0), []
    optimiser = torch.optim.Adam(reader.parameters(), 0.01)
    for step in range(1, steps + 1):
        batch = torch.randint(len(texts), (64,))
        vectors, scores = reader(texts[batch])
        weights = weights_of(scores, kind)  # The line in which they differ.
        logits = reader.answer((weights[:, None] @ vectors)[:, 0])
        losses = F.cross_entropy(logits, classes[batch], reduction="none")
        total = losses.mean()
        if kind == "hard":
            log_prob = (weights * scores.log_softmax(1)).sum(1)
            total = total + (log_prob * (losses.detach() - baseline)).mean()
            total = total - entropy * torch.distributions.Categorical(logits=scores).entropy().mean()
            baseline = 0.9 * baseline + 0.1 * losses.detach().mean()
        optimiser.zero_grad()
        total.backward()
        optimiser.step()
        curve += [measure(reader, kind)[0]] if step % 100 == 0 else []
    return reader, curve


@torch.no_grad()
def measure(reader: Reader, kind: str) -> tuple[float, float]:
    """Return the accuracy, and how often the largest weight is the mark's. Hard attention reads the likeliest word."""
    vectors, scores = reader(test_texts)
    weights = weights_of(scores, "top-1" if kind == "hard" else kind)
    right = reader.answer((weights[:, None] @ vectors)[:, 0]).argmax(1) == test_classes
    found = marks.gather(1, scores.argmax(1, keepdim=True))
    return float(right.float().mean()), float(found.float().mean())


kinds = ["soft", "top-4", "top-1", "hard"]
trained = {kind: train(kind) for kind in kinds}
measured = {kind: measure(reader, kind) for kind, (reader, _) in trained.items()}
for kind, (right, found) in measured.items():
    print(f"{kind:6} right {right:.0%}, the mark has the largest weight in {found:.0%}")
with torch.no_grad():
    chosen = trained["hard"][0](test_texts)[1].argmax(1, keepdim=True)
    by_class = [float(marks.gather(1, chosen)[test_classes == number].float().mean()) for number in range(4)]
print("hard attention reads the mark, by class:", *(f"{share:.0%}" for share in by_class))
figure, axis = plt.subplots(figsize=(5, 2.6))
for kind, (_, curve) in trained.items():
    axis.plot(range(100, 501, 100), curve, label=kind)
axis.set(xlabel="updates", ylabel="right answers", ylim=(0, 1.05))
axis.legend(loc="center left", bbox_to_anchor=(1, 0.5))
plt.show()
assert min(measured["soft"]) > 0.9 and measured["hard"][0] > 0.9
assert measured["top-1"][0] < 0.5 and measured["top-1"][0] < measured["top-4"][0] < measured["soft"][0]

# %% [markdown]
"""
*软*注意力一下就学会了：每个词的得分都从每个文本得到信息。*硬*注意力需要更多次更新，因为它只从抽到的词学习；最后它只凭
 二十个词中的一个作答。*top-1* 什么也学不到：单个得分的 softmax 恒为 1，与得分无关，梯度是零。*top-4* 学到一部分：没有
 排进前四的词从来不会被尝试。硬注意力会*探索*，它的噪声就好在这里。

有一点很奇怪：硬注意力几乎总是答对，却有一个类别的标记只在一半的文本中读到。它找到了一种暗号：没有出现其他类别的标记
时，随便哪个词都表示这个类别。回答是对的，理由却不对，任何准确率都看不出来。在 glimpse 里 `agent.held` 可以防止这种情
况：选择器开始学习之前，阅读者就被冻结。

## 用我们的：一行

在 glimpse 里，保留若干词的硬注意力是智能体 `rationale`（Lei、Barzilay 和 Jaakkola，2016）：选择器为每个词抽取是否保
留，保留要付代价，阅读者只凭保留的词作答。这个配置里的阅读者只有一层，其中词与词互不可见，再由注意力汇
聚。`agent.name=reader` 去掉选择器，就成了对所有词的软注意力。再加一行，汇聚就成了 top-1。
"""

# %%
CONFIG = """
task: {name: text, data: planted, vectors: none}
agent:
  name: rationale
  selector: {kind: pooled, width: 64}
  estimator: {kind: reinforce, copies: 4, baseline: leave_one_out}
  random_until: 0.3  # At first the reader learns from random words.
  encoder:
    kind: transformer
    width: 32
    layers: 1
    feed_forward: 32
    attention: {kind: multi_head, heads: 1}
    mask: {kind: window, width: 0}
    positions: none
    dropout: 0.0
    pooling: {kind: attention, query: learned, score: {kind: additive, normaliser: softmax}}
  embedding_width: 32
  dropout: 0.0
train: {steps: 150, batch: 64, learning_rate: 0.01, evaluate_every: 150, precision: float32}
evaluate: {batch: 500, precision: float32}
track: {mode: disabled}
threads: 1
"""
LINES = {
    "hard": [],
    "soft": ["agent.name=reader"],
    "top-1": ["agent.name=reader", "agent.encoder.pooling.score.normaliser={kind: topk, k: 1}"],
}
folder = Path(tempfile.mkdtemp())
(folder / "planted-one.yaml").write_text(CONFIG)
rows = {}
for name, overrides in LINES.items():
    with redirect_stdout(io.StringIO()):  # Without the lines of progress, which differ from run to run.
        train_command(load_experiment(folder / "planted-one.yaml", overrides), folder / name, resume=False)
    answers = glimpse.load(folder / name).predict(unseen.text[:200])
    right = np.mean([answer.label == str(label) for answer, label in zip(answers, unseen.label, strict=False)])
    read = np.array([[token.kept and bool(token.weight) for token in answer.tokens] for answer in answers])
    on_mark = np.mean([max(answer.tokens, key=lambda token: token.weight).text.startswith("m") for answer in answers])
    rows[name] = float(right), float(read.mean()), float(on_mark)
    print(f"{name:6} right {right:.0%}, reads {read.mean():.0%} of the words, largest weight at the mark {on_mark:.0%}")
assert rows["hard"][0] > 0.95 and rows["hard"][1] < 0.15 and rows["soft"][0] > 0.95 and rows["soft"][1] == 1
assert rows["top-1"][0] < 0.5

# %% [markdown]
r"""
结果相同：软和硬都找到了标记，硬注意力只用了大约十分之一的词，top-1 停在随机水平。对图片来说，这一行是智能体 `grid` 的
`agent.attention=soft` 或 `hard`；对翻译来说，是 `luong` 的 `agent.attention=hard`。

## 练习

1. 论文给硬注意力加了熵奖励（4.1 节，公式 12 及其后）。把它去掉，会出什么问题？
2. top-1 没有梯度。修好它：前向计算读得分最高的词，反向传播却看到 softmax（*直通*，straight through）。
3. sparsemax（Martins 和 Astudillo，2016）把得分投影到单纯形上：$p_i = \max(0, e_i - \tau)$，其中 $\tau$ 使它们的和为
   1。对 $e = (1, 0.6, -1)$ 计算它。哪些词得到梯度？

## 答案

1. 阅读者还没有见过所有标记，策略就已经认定了某些词：从未抽到的词永远不会变好。熵奖励让抽样保持活跃。
"""

# %%
without_entropy = measure(train("hard", entropy=0.0)[0], "hard")
print(f"hard attention without entropy bonus: right {without_entropy[0]:.0%}, with it {measured['hard'][0]:.0%}")
assert without_entropy[0] < measured["hard"][0]

# %% [markdown]
r"""
2. 数值等于 `top`、梯度等于 `softmax` 的权重：$w = \mathrm{softmax}(e) + [\mathrm{top}(e) - \mathrm{softmax}(e)]$，方
   括号里没有梯度。它是有偏的：这是一个并没有给出的回答的梯度。手算：对 $a = (1, 2, 6)$ 和相等的得分，它是软注意力在另
   一个上下文处的梯度；损失为线性时，恰好就是软注意力的梯度。
"""


# %%
def straight_through(scores: Tensor) -> Tensor:
    """Return weights (..., L) of top-1, with the gradient of a softmax."""
    soft = scores.softmax(-1)
    return soft + (top(scores, 1) - soft).detach()


scores = torch.zeros(3, requires_grad=True)
(gradient,) = torch.autograd.grad(linear(straight_through(scores) @ values), scores)
print("value", (straight_through(scores) @ values).item(), "gradient", gradient.tolist())
assert torch.allclose(gradient, torch.tensor([-2 / 3, -1 / 3, 1.0]))

# %% [markdown]
r"""
3. 支撑集有两个词时，$\tau = (1 + 0.6 - 1) / 2 = 0.3$，$p = (0.7, 0.3, 0)$；第三个在外面，因为 $-1 < 0.3$。支撑集之内
   的雅可比矩阵是 $I - \frac12 \mathbb{1} \mathbb{1}^\top$；第三个词什么也得不到，与 top-k 一样。但是 sparsemax 自己决
   定读多少个，紧挨在外面的词在其他词得分下降时可以进来。
"""

# %%
scores = torch.tensor([1.0, 0.6, -1.0], requires_grad=True)
weights = normalisers.sparsemax(scores)
(gradient,) = torch.autograd.grad(weights @ values, scores)
print("weights", [round(x, 3) for x in weights.tolist()], "gradient", gradient.tolist())
assert torch.allclose(weights, torch.tensor([0.7, 0.3, 0.0]))
assert torch.allclose(gradient, torch.tensor([-0.5, 0.5, 0.0]))
