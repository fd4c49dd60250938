# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
"""# 7. 结构化、相对位置、基于距离与有方向的注意力.

普通的注意力是一次不分次序的查找。四篇论文各改动了一处：用几个向量代替一个（结构化；Lin 等人，2017），
让得分知道两个词元的相对位移（相对位置；Shaw 等人，2018），让得分随距离下降（基于距离；Im 和 Cho，2017），
加上带方向的掩码，并且每个特征有自己的权重（DiSAN；Shen 等人，2018）。

对其中每一种，你会看到：

- 它的公式，用三四个词元手算，再由库里的模块得到同样的数；
- 什么不改变它的结果（次序、平移、镜像），也就是它看不到什么；
- 最后是一张表：有些任务，其中几种一秒钟就学会，另外几种却根本学不会。

最后有三道练习，答案都可以运行。
"""

# %%
from collections.abc import Callable

import matplotlib.pyplot as plt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glimpse.agents.attention import options as o
from glimpse.agents.attention.directional import Token2Token
from glimpse.agents.attention.distance import Distance, distances
from glimpse.agents.attention.masks import DIRECTIONS, Backward, Causal, DiagonalDisabled, Forward, Pattern, Window
from glimpse.agents.attention.mechanisms import make_attention
from glimpse.agents.attention.multi_head import MultiHead
from glimpse.agents.attention.relative import Relative, offsets
from glimpse.agents.attention.structured import Structured, penalty

torch.set_num_threads(1)
torch.manual_seed(0)

# %% [markdown]
"""
## 带方向的掩码

行是去读的词元，列是被读的词元。DiSAN 的掩码不含词元自己，由门把它带回来。各种模式可以用 `&`、`|` 和 `~` 组合。
下图的最后两幅不是掩码，而是两种机制加到得分上的东西：截断后的位移选出一个学到的向量（相对位置），
以及随距离增大的惩罚（基于距离）。
"""

# %%
print((Window(width=1) & Causal()).draw(5))
assert int(Window(width=1)(7, 7).sum()) == 19  # by hand: 7 on the diagonal, 6 on each side
assert torch.equal(DiagonalDisabled()(6, 6), (Forward() | Backward())(6, 6))

patterns: dict[str, Pattern] = {
    "forward": Forward(),
    "backward": Backward(),
    "diagonal_disabled": DiagonalDisabled(),
    "window of 2": Window(width=2),
}
figure, axes = plt.subplots(1, 6, figsize=(9, 1.9), dpi=70)
for axis, (title, pattern) in zip(axes, patterns.items(), strict=False):
    axis.imshow(pattern(8, 8).float(), cmap="Blues", vmin=0, vmax=1.4)
    axis.set_title(title, fontsize=8)
axes[4].imshow(offsets(8, 8, clip=2) - 2, cmap="coolwarm")
axes[4].set_title("offset, clip 2", fontsize=8)
axes[5].imshow(-1.5 * distances(8, 8), cmap="viridis")
axes[5].set_title("-1.5 x distance", fontsize=8)
for axis in axes:
    axis.set_xticks([])
    axis.set_yticks([])
figure.tight_layout()
plt.show()

# %% [markdown]
r"""
## 结构化：几个向量

一段文本变成 $r$ 个向量（hop），每个都有自己的权重（Lin 等人，2017，式 6 和 7）：

$$A = \mathrm{softmax}\big(W_2 \tanh(W_1 H^\top)\big), \qquad M = A H$$

一个惩罚项使各个 hop 不去读同样的词（式 8）：$P = \lVert A A^\top - I \rVert_F^2$。

手算：$r = 2$ 个 hop 读三个词，$A$ 的两行是 $(0.5, 0.5, 0)$ 和 $(0, 0.5, 0.5)$。$A A^\top$ 的对角线是 $0.5$，
旁边是 $0.25$，所以 $P = 2 \cdot 0.5^2 + 2 \cdot 0.25^2 = 0.625$。如果每个 hop 各读一个不同的词，它等于 0；
三个 hop 都读同一个词时，它等于 $r (r - 1) = 6$。
"""

# %%
structured = Structured(width=6, hidden=5, hops=2)
text = torch.randn(2, 4, 6)  # (B, n, D)
first, second = (layer.weight for layer in structured.score if isinstance(layer, nn.Linear))
with torch.no_grad():
    matrix = (second @ (first @ text.mT).tanh()).softmax(-1)  # A, (B, r, n)
    found = structured(None, text, text)
    assert torch.allclose(found.context, matrix @ text, atol=1e-6)
    shuffled = text[:, torch.tensor([2, 0, 3, 1])]
    assert torch.allclose(structured(None, shuffled, shuffled).context, found.context, atol=1e-6)
print("equal from scratch and by the library; the order of the words changes nothing")

overlapping = torch.tensor([[[0.5, 0.5, 0.0], [0.0, 0.5, 0.5]]])
for title, reading, expected in (
    ("overlapping", overlapping, 0.625),
    ("one word each", torch.eye(3)[None, :2], 0.0),
    ("all on one word", torch.tensor([[[0.0, 1.0, 0.0]] * 3]), 6.0),
    ("uniform, r = 2, n = 4", torch.full((1, 2, 4), 0.25), 1.25),
):
    print(f"{title:22} penalty {penalty(reading).item():.3f}")
    assert abs(penalty(reading).item() - expected) < 1e-6

# %% [markdown]
r"""
## 相对位置：位移起作用

得分和值都加上一个由位移 $j - i$ 决定的、学到的向量，位移截断在 $[-k, k]$ 之内（Shaw 等人，2018，式 3 和 4）：

$$e_{ij} = \frac{q_i^\top (k_j + a^K_{ij})}{\sqrt{d}}, \qquad z_i = \sum_j \alpha_{ij} (v_j + a^V_{ij}), \qquad
a_{ij} = w_{\mathrm{clip}(j - i, -k, k)}$$

手算：$d = 2$，$k = 1$，所有映射都是恒等映射，词元是 $(1, 0), (0, 1), (1, 1)$；键的向量是：“之前”$(0.1, 0.2)$，
“自己”$(0, 0)$，“之后”$(0.3, -0.1)$。第一个词元的得分是
$(1,\; 0 + 0.3,\; 1 + 0.3) / \sqrt 2 = (0.7071, 0.2121, 0.9192)$，权重是 $(0.3514, 0.2142, 0.4344)$。
普通注意力会给第一个和第三个词元相同的权重。
"""

# %%
relative = Relative(width=2, heads=1, clip=1)
maps = relative.heads
with torch.no_grad():
    for linear in (maps.query, maps.key, maps.value, maps.out):
        linear.weight.copy_(torch.eye(2))
        linear.bias.zero_()
    relative.key_table.copy_(torch.tensor([[0.1, 0.2], [0.0, 0.0], [0.3, -0.1]]))
    relative.value_table.copy_(torch.tensor([[1.0, 0.0], [0.0, 0.0], [0.0, 1.0]]))
    three = torch.tensor([[[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]])
    found = relative(three, three, three)
assert found.weights is not None
print("weights of the first token", found.weights[0, 0, 0].numpy().round(6))
print("outputs\n", found.context[0].numpy().round(6))
assert torch.allclose(found.weights[0, 0, 0], torch.tensor([0.351383, 0.214198, 0.434419]), atol=1e-6)
expected_context = torch.tensor([[0.785802, 1.297234], [0.827168, 1.145522], [1.274691, 0.725309]])
assert torch.allclose(found.context[0], expected_context, atol=1e-6)


def relative_from_scratch(module: Relative, x: Tensor) -> Tensor:
    """Compute relative attention of tokens x (n, D) with one head, pair by pair."""
    maps, k = module.heads, module.clip
    q, key, v = maps.query(x), maps.key(x), maps.value(x)
    rows = []
    for i in range(len(x)):
        row = [min(max(j - i, -k), k) + k for j in range(len(x))]
        scores = torch.stack([q[i] @ (key[j] + module.key_table[row[j]]) for j in range(len(x))]) / x.shape[1] ** 0.5
        weights = scores.softmax(0)
        rows.append(
            sum((weights[j] * (v[j] + module.value_table[row[j]]) for j in range(len(x))), torch.zeros_like(x[0]))
        )
    mixed: Tensor = maps.out(torch.stack(rows))
    return mixed


larger = Relative(width=6, heads=1, clip=2)
plain = MultiHead(6, 1)
plain.heads.load_state_dict(larger.heads.state_dict())
long = torch.randn(1, 9, 6)
with torch.no_grad():
    context = larger(long, long, long).context
    assert torch.allclose(context[0], relative_from_scratch(larger, long[0]), atol=1e-5)
    # A shift of the whole text changes nothing: tokens 2 to 8, alone, read as they do under a mask of these tokens.
    inner = torch.arange(9) >= 2
    alone, masked = larger(long[:, 2:], long[:, 2:], long[:, 2:]).context, larger(long, long, long, inner[None, None])
    assert torch.allclose(alone, masked.context[:, 2:], atol=1e-5)
    # Without the tables it is plain attention.
    larger.key_table.zero_()
    larger.value_table.zero_()
    assert torch.allclose(larger(long, long, long).context, plain(long, long, long).context, atol=1e-6)
print("equal from scratch; no shift of the text changes it; tables of zeros make it plain attention")

# %% [markdown]
r"""
## 基于距离：近的更重要

每远一个词元，得分就减少 $\alpha$；每个方向各有一个注意力（Im 和 Cho，2017，其编码器中带掩码的注意力；$\alpha = 1.5$）：

$$\alpha_{ij} = \mathrm{softmax}_j\Big(\frac{q_i^\top k_j}{\sqrt{d}} + M^{\text{dir}}_{ij} - \alpha\, |i - j|\Big)$$

手算：前向的第四个词元，内容的得分都相等，距离是 3、2、1，所以权重之比是 $e^{-4.5}, e^{-3}, e^{-1.5}$，
即 $(0.0391, 0.1753, 0.7856)$。每远一步，权重就除以 $e^{1.5} = 4.48$。这里没有要学的东西，任何长度都适用；
但是远处的词元几乎够不着。
"""

# %%
four = torch.randn(1, 4, 2)
by_alpha = {
    1.5: [0.039113, 0.175290, 0.785597, 0.0],
    1.0: [0.090031, 0.244728, 0.665241, 0.0],
    0.0: [1 / 3] * 3 + [0.0],
}
for alpha, expected_row in by_alpha.items():
    near = Distance(width=2, heads=1, alpha=alpha, direction="forward")
    with torch.no_grad():
        near.heads.query.weight.zero_()  # equal content
        weights = near(four, four, four).weights
    assert weights is not None
    print(f"alpha {alpha}: weights of the fourth token {weights[0, 0, 3].numpy().round(6)}")
    assert torch.allclose(weights[0, 0, 3], torch.tensor(expected_row), atol=1e-6)

near = Distance(width=6, heads=1, alpha=1.5, direction="diagonal_disabled")
with torch.no_grad():
    q, key, v = near.heads.query(long), near.heads.key(long), near.heads.value(long)
    scores = q @ key.mT / 6**0.5 - 1.5 * distances(9, 9)
    scores = scores.masked_fill(~DIRECTIONS["diagonal_disabled"](9, 9), float("-inf"))
    scratch = near.heads.out(scores.softmax(-1) @ v)
    assert torch.allclose(near(long, long, long).context, scratch, atol=1e-6)
    # It is blind to mirror images: what matters is how far, not on which side.
    mirrored = near(long.flip(1), long.flip(1), long.flip(1)).context.flip(1)
    assert torch.allclose(mirrored, near(long, long, long).context, atol=1e-5)
print("equal from scratch; in both directions at once it cannot tell left from right")

# %% [markdown]
r"""
## 有方向：之前还是之后，逐个特征

DiSAN 给每一对词元打一个向量的分，每个特征一个得分，各自归一化（Shen 等人，2018，"DiSAN"，3.1 节）：

$$f_{ij} = c \tanh\big((W_1 h_i + W_2 h_j + b) / c\big) + M^{\text{dir}}_{ij}, \qquad
s_i = \sum_j \mathrm{softmax}_j(f_{ij}) \odot h_j, \qquad c = 5$$

手算：只有一个特征，$h = (1, 2, 3)$，权重都是 1。前向，第三个词元读前两个：得分 $5 \tanh(4/5) = 3.3202$ 和
$5 \tanh(1) = 3.8080$，权重 $0.3804$ 和 $0.6196$，$s = 1.6196$。后向，第一个词元读后两个：
得分 $5 \tanh(3/5) = 2.6852$ 和 $3.3202$，权重 $0.3464$ 和 $0.6536$，$s = 2.6536$。
前向的第一个词元没有可读的，$s = 0$。
"""

# %%
numbers = torch.tensor([[[1.0], [2.0], [3.0]]])
for direction, reader, expected_weights, expected_s in (
    ("forward", 2, [0.380415, 0.619585, 0.0], 1.619585),
    ("backward", 0, [0.0, 0.346392, 0.653608], 2.653608),
    ("forward", 0, [0.0, 0.0, 0.0], 0.0),
):
    one = Token2Token(1, direction)
    with torch.no_grad():
        one.query.weight.fill_(1)
        one.key.weight.fill_(1)
        found = one(numbers, numbers, numbers)
    assert found.weights is not None
    own, s = found.weights[0, reader, :, 0], found.context[0, reader, 0].item()
    print(f"{direction:8} token {reader + 1}: weights {own.numpy().round(6)}, s {s:.6f}")
    assert torch.allclose(own, torch.tensor(expected_weights), atol=1e-6) and abs(s - expected_s) < 1e-5

forward, backward = Token2Token(6, "forward"), Token2Token(6, "backward")
backward.load_state_dict(forward.state_dict())
with torch.no_grad():
    h, d = forward.query(long)[:, :, None], forward.key(long)[:, None]
    cells = (5 * ((h + d) / 5).tanh()).masked_fill(~Forward()(9, 9)[..., None], float("-inf"))  # (B, n, n, D)
    scratch = (cells[:, 1:].softmax(2) * long[:, None]).sum(2)
    found = forward(long, long, long)
    assert torch.allclose(found.context[:, 1:], scratch, atol=1e-5)
    turned = forward(long.flip(1), long.flip(1), long.flip(1)).context.flip(1)
    assert torch.allclose(turned, backward(long, long, long).context, atol=1e-5)
print("equal from scratch; forward on the reversed text is backward, reversed")
assert found.weights is not None
favourites = found.weights[0, 8].argmax(0)  # of the last token: which token each feature reads most
print("the last token's features read most of tokens", (favourites + 1).tolist())
assert len(favourites.unique()) > 1

# %% [markdown]
"""
## 各自能做到而别的做不到的

一层注意力读一段由人造词组成的文本，再由一个线性映射根据词 `?` 处的上下文作答；`?` 的位置是随机的。不加位置编码。
四个问题都有两个答案，所以瞎猜是 0.5：

- **order**：标记词在 `?` 之前还是之后？
- **previous**：紧挨在 `?` 之前的词属于哪个类别？（所有的词都有类别。）
- **nearest**：文本里有两个类别的标记词各一个，不论在哪一侧，哪个离 `?` 更近？
- **far**：唯一的标记词在 `?` 之前 16 到 23 个词处，它属于哪个类别？
"""

# %%
WIDTH, DISTRACTORS = 16, 8
ASK, MARK = DISTRACTORS, DISTRACTORS + 1  # the word `?`; words MARK and MARK + 1 are marks of class 0 and 1
Examples = tuple[Tensor, Tensor, Tensor]  # words (B, n), places of `?` (B,), classes (B, answers)


def ask_order(count: int, draw: torch.Generator) -> Examples:
    """Make texts with a mark before or after the question."""
    words, row = torch.randint(DISTRACTORS, (count, 12), generator=draw), torch.arange(count)
    ask, mark = torch.rand(count, 12, generator=draw).argsort(1)[:, :2].T
    words[row, ask], words[row, mark] = ASK, MARK
    return words, ask, (mark < ask).long()[:, None]


def ask_previous(count: int, draw: torch.Generator) -> Examples:
    """Make texts of marks alone, and ask for the class of the one directly before the question."""
    words, row = MARK + torch.randint(2, (count, 12), generator=draw), torch.arange(count)
    ask = torch.randint(1, 12, (count,), generator=draw)
    label = words[row, ask - 1] - MARK
    words[row, ask] = ASK
    return words, ask, label[:, None]


def ask_nearest(count: int, draw: torch.Generator) -> Examples:
    """Make texts with a mark of each class at different distances from the question."""
    words, row = torch.randint(DISTRACTORS, (count, 12), generator=draw), torch.arange(count)
    places = torch.rand(2 * count, 12, generator=draw).argsort(1)[:, :3]
    apart = (places[:, 1:] - places[:, :1]).abs()
    places = places[apart[:, 0] != apart[:, 1]][:count]
    ask, zero, one = places.T
    words[row, ask], words[row, zero], words[row, one] = ASK, MARK, MARK + 1
    return words, ask, ((one - ask).abs() < (zero - ask).abs()).long()[:, None]


def ask_far(count: int, draw: torch.Generator) -> Examples:
    """Make longer texts with one mark, at least 16 words before the question at the end."""
    words, row = torch.randint(DISTRACTORS, (count, 24), generator=draw), torch.arange(count)
    label = torch.randint(2, (count,), generator=draw)
    words[row, torch.randint(8, (count,), generator=draw)] = MARK + label
    words[:, -1] = ASK
    return words, torch.full((count,), 23), label[:, None]


class Asked(nn.Module):
    """Word vectors, one layer of attention, and answers from the context at one word."""

    def __init__(self, options: o.MechanismOptions) -> None:
        """Make the networks."""
        super().__init__()
        self.embedding, self.attention = nn.Embedding(MARK + 2, WIDTH), make_attention(options, WIDTH)
        self.out = nn.Linear(WIDTH, 2)

    def forward(self, words: Tensor, ask: Tensor) -> Tensor:
        """Compute logits (B, 1, 2)."""
        x = self.embedding(words)
        context = self.attention(x, x, x, need_weights=False).context
        logits: Tensor = self.out(context[torch.arange(len(words)), ask])
        return logits[:, None]


def accuracy(model: nn.Module, make: Callable[[int, torch.Generator], Examples], updates: int = 80) -> float:
    """Train a model with Adam (Kingma and Ba, 2015, algorithm 1, with a rate of 0.02), and return its accuracy."""
    draw, weights = torch.Generator().manual_seed(0), list(model.parameters())
    moments = [(torch.zeros_like(weight), torch.zeros_like(weight)) for weight in weights]
    for step in range(1, updates + 1):
        words, ask, label = make(48, draw)
        loss = F.cross_entropy(model(words, ask).flatten(0, 1), label.flatten())
        slopes = torch.autograd.grad(loss, weights)
        with torch.no_grad():
            for weight, slope, (mean, square) in zip(weights, slopes, moments, strict=True):
                mean.lerp_(slope, 0.1)
                square.lerp_(slope.square(), 0.01)
                weight.sub_(0.02 * mean / (1 - 0.9**step) / ((square / (1 - 0.99**step)).sqrt() + 1e-8))
    words, ask, label = make(1000, draw)
    with torch.no_grad():
        return float((model(words, ask).argmax(-1) == label).float().mean())


mechanisms: dict[str, o.MechanismOptions] = {
    "multi_head": o.MultiHeadOptions(heads=2),
    "relative, k = 2": o.RelativeOptions(heads=2, clip=2),
    "distance, full": o.DistanceOptions(heads=2, direction="full"),
    "distance, forward": o.DistanceOptions(heads=2, direction="forward"),
    "token2token, forward": o.Token2TokenOptions(direction="forward"),
}
tasks = {"order": ask_order, "previous": ask_previous, "nearest": ask_nearest, "far": ask_far}
reached = torch.zeros(len(mechanisms), len(tasks))
readers: dict[str, Asked] = {}  # of the task `previous`
print(f"{'':22}" + "".join(f"{task:>10}" for task in tasks))
for i, (name, chosen) in enumerate(mechanisms.items()):
    for j, (task, make) in enumerate(tasks.items()):
        torch.manual_seed(0)
        model = Asked(chosen)
        reached[i, j] = accuracy(model, make)
        readers |= {name: model} if task == "previous" else {}
    print(f"{name:22}" + "".join(f"{share:10.2f}" for share in reached[i].tolist()))

learned = torch.tensor([[0, 0, 0, 1], [1, 1, 0, 1], [0, 0, 1, 0], [1, 1, 0, 0], [1, 0, 0, 1]], dtype=torch.bool)
assert (reached[learned] > 0.95).all() and (reached[~learned] < 0.85).all()

# %%
figure, axis = plt.subplots(figsize=(5.2, 2.6), dpi=70)
axis.imshow(reached, cmap="Greens", vmin=0.4, vmax=1.6, aspect="auto")
axis.set_xticks(range(len(tasks)), list(tasks))
axis.set_yticks(range(len(mechanisms)), list(mechanisms))
for i, row in enumerate(reached.tolist()):
    for j, share in enumerate(row):
        axis.text(j, i, f"{share:.2f}", ha="center", va="center", fontsize=9)
axis.set_title("accuracy after 80 updates; guessing gives 0.5", fontsize=9)
figure.tight_layout()
plt.show()

# %% [markdown]
"""
训练之后，任务 previous 的一段文本中词 `?` 的权重，对各个头和特征取平均。
只有 `?` 之前的那个词几乎占有全部权重时，问题才答得出来。
"""

# %%
words, ask, _ = ask_previous(100, torch.Generator().manual_seed(3))
words, ask = words[ask == 7][:1], ask[ask == 7][:1]
rows = torch.empty(len(readers), 12)
for number, model in enumerate(readers.values()):
    with torch.no_grad():
        x = model.embedding(words)
        cells = model.attention(x, x, x).weights  # (B, heads, n, n), or (B, n, n, features)
    rows[number] = (cells[0].mean(-1) if cells.shape[-1] == WIDTH else cells[0].mean(0))[ask[0]]
figure, axis = plt.subplots(figsize=(6.5, 2.4), dpi=70)
axis.imshow(rows, cmap="Blues", vmin=0, vmax=1, aspect="auto")
axis.set_xticks(range(12), ["?" if word == ASK else str(word - MARK) for word in words[0].tolist()])
axis.set_yticks(range(len(readers)), list(readers), fontsize=8)
figure.tight_layout()
plt.show()
before = rows[:, ask[0] - 1]
print({name: round(weight, 2) for name, weight in zip(readers, before.tolist(), strict=True)})
assert before[[1, 3]].min() > before[[0, 2, 4]].max()

# %% [markdown]
"""
每个任务都有机制做不到，每种机制也都有做不到的任务。

- `multi_head` 看到的是一袋词：它能找到远处的标记词，却不知道次序。
- `relative` 分得清前后，能数到 $k$；再远，两个距离对它就是一样的（nearest）。
- 双向的 `distance` 只按距离排序：只有它能回答 nearest；它分不清左右，也够不着 16 个词以外，那里的惩罚是 24。
- 有了方向，`distance` 也分得清前后，而“紧挨在前”就是那一侧最近的词。
- `token2token` 在任何距离上都知道是哪一侧，因为它的得分与距离无关；而那一侧的词又成了一袋词（previous）。

编码器把它们组合起来：基于距离的网络和 DiSAN 都从两个方向读，Transformer 则加上正弦位置编码。

## 几个向量

结构化注意力做的是汇聚。一段 12 个词的文本里有三个不同种类的标记词，每种有八个取值，三个取值都要答出来。
词向量很窄，只有四维，因此汇聚成一个向量装不下三个取值。hop 越多，空间越大。
"""

# %%
KINDS, VALUES = 3, 8


def ask_values(count: int, draw: torch.Generator) -> Examples:
    """Make texts with a mark of each kind, and ask for the value of each; the place is not used."""
    words = torch.randint(DISTRACTORS, (count, 12), generator=draw)
    places = torch.rand(count, 12, generator=draw).argsort(1)[:, :KINDS]
    label = torch.randint(VALUES, (count, KINDS), generator=draw)
    words[torch.arange(count)[:, None], places] = DISTRACTORS + VALUES * torch.arange(KINDS) + label
    return words, places[:, 0], label


class Pooled(nn.Module):
    """Word vectors, structured pooling, and three answers from all hops."""

    def __init__(self, hops: int) -> None:
        """Make the networks."""
        super().__init__()
        self.embedding, self.pooling = nn.Embedding(DISTRACTORS + KINDS * VALUES, 4), Structured(4, 16, hops)
        self.out = nn.Linear(4 * hops, KINDS * VALUES)

    def forward(self, words: Tensor, ask: Tensor) -> Tensor:
        """Compute logits (B, kinds, values)."""
        x = self.embedding(words)
        logits: Tensor = self.out(self.pooling(None, x, x).context.flatten(1))
        return logits.view(-1, KINDS, VALUES)


pooled = {}
for hops in (1, 3):
    torch.manual_seed(0)
    pooled[hops] = Pooled(hops)
    share = accuracy(pooled[hops], ask_values, updates=200)
    print(f"{hops} hop{'s' * (hops > 1)}: {share:.2f} of the values are named rightly; guessing gives 0.125")
    assert share > 0.85 if hops == 3 else share < 0.75
words, _, _ = ask_values(1, torch.Generator().manual_seed(5))
with torch.no_grad():
    x = pooled[3].embedding(words)
    shown = pooled[3].pooling(None, x, x).weights
assert shown is not None
names = ["." if word < DISTRACTORS else f"kind {(word - DISTRACTORS) // VALUES + 1}" for word in words[0].tolist()]
figure, axis = plt.subplots(figsize=(6, 1.6), dpi=70)
axis.imshow(shown[0], cmap="Blues", vmin=0, vmax=1)
axis.set_xticks(range(12), names, fontsize=7)
axis.set_yticks(range(3), ["hop 1", "hop 2", "hop 3"], fontsize=8)
figure.tight_layout()
plt.show()

# %% [markdown]
r"""
## 在配置中

```sh
glimpse train sst2-transformer "agent.encoder.attention={kind: relative, clip: 8}" --folder runs/relative
glimpse train sst2-transformer "agent.encoder.attention={kind: distance, direction: backward}" --folder runs/distance
glimpse train sst2-structured "agent.encoder.pooling={kind: structured, hops: 5, penalty: 0.1}" --folder runs/hops
glimpse masks '{kind: any_of, masks: [{kind: window, width: 1}, {kind: global}]}'
```

## 练习

1. 只有一个 hop，$r = 1$。这时惩罚项（Lin 等人的式 8）想要什么？对四个词上的均匀权重，算出它的值。
2. 在 $k = 0$ 处截断。相对位置的注意力还剩下什么？由普通注意力的权重和上下文推出它的权重和上下文。
3. 内容的得分都相等、前面有无穷多个词时，$\alpha$ 为多少，最近的词的权重才是 0.9？与 50 个词的文本比较。

### 答案 1

$A A^\top$ 是一个数 $\lVert a \rVert^2$，$P = (\lVert a \rVert^2 - 1)^2$。只有某个权重为 1 时它才等于 0：
虽然没有别的 hop 需要区分，惩罚项仍然使唯一的 hop 变尖。四个均匀权重时，它等于 $(1/4 - 1)^2 = 0.5625$。
"""

# %%
uniform = penalty(torch.full((1, 1, 4), 0.25)).item()
peaked = penalty(torch.tensor([[[0.97, 0.01, 0.01, 0.01]]])).item()
print(f"uniform {uniform}, nearly one-hot {peaked:.4f}")
assert uniform == 0.5625 and peaked < 0.01

# %% [markdown]
r"""
### 答案 2

所有位移都截断为 0，所以在一行之内 $q_i^\top a^K$ 对所有的键都一样，在 softmax 中抵消：权重就是普通注意力的权重。
每个值都加上同一个 $a^V$，而权重之和为 1：在输出映射之前，上下文等于普通注意力的上下文加上 $a^V$。
"""

# %%
no_offsets = Relative(width=6, heads=1, clip=0)
plain.heads.load_state_dict(no_offsets.heads.state_dict())
with torch.no_grad():
    found, known = no_offsets(long, long, long), plain(long, long, long)
    moved = known.context + no_offsets.value_table @ plain.heads.out.weight.T
assert found.weights is not None and known.weights is not None
print(f"largest difference of the weights {(found.weights - known.weights).abs().max():.1e}", end=", ")
print(f"of the contexts {(found.context - moved).abs().max():.1e}")
assert torch.allclose(found.weights, known.weights, atol=1e-6) and torch.allclose(found.context, moved, atol=1e-5)

# %% [markdown]
r"""
### 答案 3

权重是 $e^{-\alpha}, e^{-2 \alpha}, \ldots$ 除以它们的和 $e^{-\alpha} / (1 - e^{-\alpha})$，所以第一个是
$1 - e^{-\alpha}$。它等于 0.9 时，$\alpha = \ln 10 = 2.3026$。按论文的 1.5，它是 $0.777$。
五十个词与无穷多个词没有差别。（同样的偏置，如果每个头用一个斜率，并用包含自己的因果掩码，就是 ALiBi：
Press、Smith 和 Lewis，2022。）
"""

# %%
fifty = torch.randn(1, 51, 2)
for alpha in (1.5, 2.302585):
    near = Distance(width=2, heads=1, alpha=alpha, direction="forward")
    with torch.no_grad():
        near.heads.query.weight.zero_()
        weights = near(fifty, fifty, fifty).weights
    assert weights is not None
    print(f"alpha {alpha}: weight of the nearest word {weights[0, 0, 50, 49]:.4f}")
    assert abs(weights[0, 0, 50, 49].item() - (1 - 2.718281828**-alpha)) < 1e-5
