# ---
# jupyter:
#   jupytext:
#     cell_markers: '"""'
# ---

# %% [markdown]
"""# 2. 全局与局部注意力：Luong 的几种变体.

笔记本 1 搭出了 Bahdanau 等（2015）的注意力。Luong、Pham 和 Manning（2015，“Effective approaches to attention-based
neural machine translation”，下称*论文*）提出两个问题。解码器的状态该怎样与原文的状态比较：非要一个隐藏层，还是乘一下
就够了？每一步是否非得读*整个*原文？他们的回答是：只有一个矩阵或没有矩阵的得分函数，Transformer 的得分由此而来；以
及*局部*注意力，它只读一个窗口，窗口的位置由自己选。

我们把它们都写出来，手算核对，再与 glimpse 核对，并在一个小任务上看什么时候一个窗口就够了。
"""

# %%
import matplotlib.pyplot as plt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glimpse.agents.attention.local import LocalAttention
from glimpse.agents.attention.mechanisms import make_attention
from glimpse.agents.attention.multiplicative import GeneralScore
from glimpse.agents.attention.options import (
    AdditiveOptions,
    DotOptions,
    GeneralOptions,
    LinearConcatOptions,
    LocalOptions,
    LocationOptions,
    MechanismOptions,
)

torch.set_num_threads(1)
torch.manual_seed(0)

# %% [markdown]
r"""
## 全局注意力

解码器的*当前*状态 $h_t$（Bahdanau 用的是前一个）与原文的所有状态 $\bar{h}_s$ 比较。权重是得分的 softmax（论文公式
7），上下文是加权平均，两者合起来给出输出（公式 5 和 6）：

$$
a_t(s) = \frac{\exp \mathrm{score}(h_t, \bar{h}_s)}{\sum_{s'} \exp \mathrm{score}(h_t, \bar{h}_{s'})}, \qquad
c_t = \sum_s a_t(s)\, \bar{h}_s, \qquad
\tilde{h}_t = \tanh(W_c [c_t; h_t]), \qquad
p(y_t) = \mathrm{softmax}(W_s \tilde{h}_t).
$$

得分函数（3.1 节），以及一个完全不看原文的（location，公式 8）：

$$
\mathrm{score}(h_t, \bar{h}_s) =
\begin{cases}
h_t^\top \bar{h}_s & \text{dot} \\
h_t^\top W_a \bar{h}_s & \text{general} \\
v_a^\top \tanh(W_a [h_t; \bar{h}_s]) & \text{concat}
\end{cases}
\qquad\qquad
a_t = \mathrm{softmax}(W_a h_t) \quad \text{location}
$$

*concat* 就是 Bahdanau 的得分：$W_a [h_t; \bar{h}_s]$ 等于 $W h_t + U \bar{h}_s$，其中 $W$ 和 $U$ 是 $W_a$ 的两半。
"""


# %%
def dot(query: Tensor, keys: Tensor) -> Tensor:
    """Return scores (B, M, S) of queries (B, M, D) and keys (B, S, D)."""
    return query @ keys.transpose(1, 2)


def general(query: Tensor, keys: Tensor, w: Tensor) -> Tensor:
    """Do the same with a matrix w (D, D) between them."""
    return query @ w @ keys.transpose(1, 2)


def concat(query: Tensor, keys: Tensor, w: Tensor, v: Tensor) -> Tensor:
    """Do the same by a hidden layer w (N, 2 D) of both, and v (N,)."""
    pairs = torch.cat(torch.broadcast_tensors(query[:, :, None], keys[:, None]), -1)  # (B, M, S, 2 D)
    return torch.tanh(pairs @ w.T) @ v


def location(query: Tensor, keys: Tensor, w: Tensor) -> Tensor:
    """Do the same by a row of w (longest, D) for each position, whatever its key."""
    return (query @ w.T)[..., : keys.shape[1]]


def read(scores: Tensor, keys: Tensor) -> tuple[Tensor, Tensor]:
    """Return contexts (B, M, D) and weights (B, M, S)."""
    weights = scores.softmax(-1)
    return weights @ keys, weights


# %% [markdown]
r"""
手算：$h_t = (1, 2)$ 与 $\bar{h} = (1, 0), (0, 1), (1, 1)$ 的点积是 $1, 2, 3$。由 $e + e^2 + e^3 = 30.193$ 得权重
$0.0900, 0.2447, 0.6652$，上下文是 $(0.0900 + 0.6652,\; 0.2447 + 0.6652) = (0.7553, 0.9100)$。
"""

# %%
hand_query, hand_keys = torch.tensor([[[1.0, 2.0]]]), torch.tensor([[[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]])
context, weights = read(dot(hand_query, hand_keys), hand_keys)
print("weights", [round(value, 4) for value in weights.flatten().tolist()])
print("context", [round(value, 4) for value in context.flatten().tolist()])
assert torch.allclose(weights.flatten(), torch.tensor([0.0900, 0.2447, 0.6652]), atol=1e-4)
assert torch.allclose(context.flatten(), torch.tensor([0.7553, 0.9100]), atol=1e-4)
assert torch.equal(general(hand_query, hand_keys, torch.eye(2)), dot(hand_query, hand_keys))

# %% [markdown]
"""
glimpse 从选项构造每一种，选项就是配置里写在 `agent.attention` 之下的内容。我们取用它的随机权重，比较上下文和权重。
"""

# %%
B, M, S, D = 3, 5, 7, 8
query, keys = torch.randn(B, M, D), torch.randn(B, S, D)


def weights_of(mechanism: nn.Module) -> list[Tensor]:
    """Return the weights of a mechanism's layers, by the names of these."""
    return [weight for _, weight in sorted(mechanism.state_dict().items())]


def agrees(options: MechanismOptions, scores: Tensor, mechanism: nn.Module) -> None:
    """Check that a mechanism of glimpse gives the contexts and weights of our scores."""
    theirs, (context, weights) = mechanism(query, keys, keys), read(scores, keys)
    assert torch.allclose(theirs.context, context, atol=1e-5) and torch.allclose(theirs.weights, weights, atol=1e-5)
    print(f"{options.kind:9} agrees with glimpse")


agrees(DotOptions(), dot(query, keys), make_attention(DotOptions(), D))
mechanism = make_attention(GeneralOptions(), D)
agrees(GeneralOptions(), general(query, keys, weights_of(mechanism)[0].T), mechanism)
mechanism = make_attention(AdditiveOptions(kind="concat"), D)
u, v, w = weights_of(mechanism)  # score.key, score.out, score.query
agrees(AdditiveOptions(kind="concat"), concat(query, keys, torch.cat([w, u], 1), v[0]), mechanism)
mechanism = make_attention(LocationOptions(length=20), D)
agrees(LocationOptions(), location(query, keys, weights_of(mechanism)[0]), mechanism)

# %% [markdown]
r"""
## 局部注意力

局部注意力（3.2 节）为每一步选一个位置 $p_t$，读窗口 $[p_t - D, p_t + D]$；这里的 $D$ 是窗口宽度的一半。*local-m*，单
调：$p_t = t$。*local-p*，预测（公式 9，$S$ 是原文长度）：

$$
p_t = S \cdot \mathrm{sigmoid}(v_p^\top \tanh(W_p h_t)).
$$

$p_t$ 怎样才能学会？移动一个边缘陡峭的窗口没有梯度。论文把权重乘以一个以 $p_t$ 为中心的高斯函数（公式 10），$p_t$ 是它
的参数：

$$
a_t(s) = \mathrm{align}(h_t, \bar{h}_s) \exp\left(-\frac{(s - p_t)^2}{2 \sigma^2}\right), \qquad \sigma = \frac{D}{2}.
$$

它处在两者之间：软注意力什么都读；硬注意力只读一个位置，需要策略梯度（笔记本 3）。
"""


# %%
def local(scores: Tensor, keys: Tensor, position: Tensor, half_width: int, gaussian: bool) -> tuple[Tensor, Tensor]:
    """Return contexts and weights of local attention, for positions p_t (B, M, 1)."""
    offset = torch.arange(keys.shape[1]) - position
    weights = scores.masked_fill(offset.abs() > half_width, -torch.inf).softmax(-1)
    if gaussian:
        weights = weights * torch.exp(-offset.square() / (2 * (half_width / 2) ** 2))
    return weights @ keys, weights


def predicted(query: Tensor, length: int, w: Tensor, v: Tensor) -> Tensor:
    """Return p_t (B, M, 1), equation 9."""
    return length * torch.sigmoid(torch.tanh(query @ w.T) @ v.T)


# The Gaussian by hand: D = 4, so sigma = 2, around p = 5. With equal scores the weights are 1/9 times exp(-k^2 / 8).
_, weights = local(torch.zeros(1, 1, 11), torch.zeros(1, 11, 1), torch.full((1, 1, 1), 5.0), 4, gaussian=True)
print([round(value, 4) for value in (9 * weights).flatten().tolist()])
assert torch.allclose(9 * weights[0, 0, 5:], torch.tensor([1, 0.8825, 0.6065, 0.3247, 0.1353, 0]), atol=1e-4)

# v_p = 0 predicts the middle of the source.
assert predicted(query, 11, torch.randn(D, D), torch.zeros(1, D)).unique().tolist() == [5.5]

# Both kinds against glimpse, with a window that is smaller than the source.
for centre in ("monotone", "predicted"):
    theirs = LocalAttention(GeneralScore(D, D), D, half_width=2, centre=centre)
    learned = theirs.state_dict()
    scores = general(query, keys, learned["score.weight.weight"].T)
    steps = torch.arange(M, dtype=torch.float32)[None, :, None]
    position = steps
    if centre == "predicted":
        position = predicted(query, S, learned["predict.0.weight"], learned["predict.2.weight"])
    context, weights = local(scores, keys, position, 2, gaussian=centre == "predicted")
    attended = theirs(query, keys, keys)
    assert torch.allclose(attended.context, context, atol=1e-5) and torch.allclose(attended.weights, weights, atol=1e-5)
    print(f"local, {centre}: agrees with glimpse; a row of weights sums to at most {float(weights.sum(-1).max()):.2f}")
assert weights.sum(-1).max() < 1  # local-p does not normalise again after the Gaussian.

# %% [markdown]
"""
## 什么时候一个窗口就够了？

论文那类翻译器里最小的一个：一个 LSTM 读，一个 LSTM 写，没有 input feeding（3.3 节），因此所有步骤可以同时计算注意力。
任务是把序列*照抄*和*倒写*。几次训练之间只有一行不同，即注意力的选项；$D = 2$，所以在最多十二个词元中，窗口最多有五
个。
"""

# %%
SYMBOLS, WIDTH, LONGEST = 20, 48, 12


class Translator(nn.Module):
    """LSTM encoder of both directions, LSTM decoder, and an attention."""

    def __init__(self, options: MechanismOptions) -> None:
        """Make the networks."""
        super().__init__()
        self.embedding = nn.Embedding(SYMBOLS + 1, WIDTH)  # 0 stands before the first token.
        self.encoder = nn.LSTM(WIDTH, WIDTH // 2, batch_first=True, bidirectional=True)
        self.decoder = nn.LSTM(WIDTH, WIDTH, batch_first=True)
        self.attention = make_attention(options, WIDTH)
        self.combine, self.output = nn.Linear(2 * WIDTH, WIDTH, bias=False), nn.Linear(WIDTH, SYMBOLS + 1)

    def forward(self, source: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits (B, M, symbols) of a known target (B, M), and the weights (B, M, S)."""
        states, last = self.encoder(self.embedding(source))
        first = tuple(part.transpose(0, 1).reshape(1, len(source), WIDTH) for part in last)
        hidden, _ = self.decoder(self.embedding(F.pad(target[:, :-1], (1, 0))), first)
        context, weights = self.attention(hidden, states, states)
        return self.output(torch.tanh(self.combine(torch.cat([context, hidden], 2)))), weights  # Equations 5 and 6.


def draw(task: str, count: int, length: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Draw sequences (B, L) of different symbols, and what should be written."""
    source = torch.rand(count, SYMBOLS, generator=generator).argsort(1)[:, :length] + 1
    return source, source.flip(1) if task == "reverse" else source


def train(task: str, options: MechanismOptions, steps: int = 250) -> Translator:
    """Train on batches of 32 sequences, of one length each, 4 to 12."""
    torch.manual_seed(0)
    translator, generator = Translator(options), torch.Generator().manual_seed(1)
    optimiser = torch.optim.Adam(translator.parameters(), 0.01)
    schedule = torch.optim.lr_scheduler.LinearLR(optimiser, 1.0, 0.05, steps)
    for _ in range(steps):
        source, target = draw(task, 32, int(torch.randint(4, LONGEST + 1, (1,), generator=generator)), generator)
        optimiser.zero_grad()
        F.cross_entropy(translator(source, target)[0].flatten(0, 1), target.flatten()).backward()
        nn.utils.clip_grad_norm_(translator.parameters(), 1.0)
        optimiser.step()
        schedule.step()
    return translator


@torch.no_grad()
def accuracy(translator: Translator, task: str) -> float:
    """Return the fraction of right tokens in 200 sequences of the largest length."""
    source, target = draw(task, 200, LONGEST, torch.Generator().manual_seed(2))
    return float((translator(source, target)[0].argmax(2) == target).float().mean())


kinds = {
    "global": GeneralOptions(),
    "local-m": LocalOptions(centre="monotone", half_width=2),
    "local-p": LocalOptions(centre="predicted", half_width=2),
}
reversing = {name: train("reverse", options) for name, options in kinds.items()}
right = {name: accuracy(translator, "reverse") for name, translator in reversing.items()}
copied = accuracy(train("copy", kinds["local-m"]), "copy")
print("reverse:", ", ".join(f"{name} {value:.0%}" for name, value in right.items()))
print(f"copy: local-m {copied:.0%}")
assert copied > 0.95 and min(right["global"], right["local-p"]) > 0.9 > right["local-m"] + 0.1

# %%
figure, axes = plt.subplots(1, 3, figsize=(7.5, 2.6))
source, target = draw("reverse", 1, LONGEST, torch.Generator().manual_seed(3))
with torch.no_grad():
    for axis, (name, translator) in zip(axes, reversing.items(), strict=True):
        axis.imshow(translator(source, target)[1][0], cmap="Greys", vmin=0, vmax=1)
        axis.set(title=name, xlabel="read", xticks=[], yticks=[])
axes[0].set_ylabel("written")
plt.show()

# %% [markdown]
r"""
随书写者移动的窗口足以照抄，却不可能足以倒写：除了中间几步，需要的东西都在窗口之外。（它比一无所知要好，因为 LSTM 记住
了序列的一部分：笔记本 1 的瓶颈。）预测的窗口学会了倒着走，靠的只是高斯函数的梯度。在论文的英德翻译中 local-p 最
好，local-m 与它接近，因为两种语言的词序几乎相同。在 glimpse 里，它们都只是配置中的一
行：`glimpse train multi30k-luong-general agent.attention='{kind: local, centre: predicted}'`。

## 练习

1. 证明：没有高斯函数的局部注意力，只要窗口盖住整个原文，就是全局注意力。
2. 从 local-p 中去掉高斯函数。还有什么梯度能到达 $v_p$？高斯函数的梯度是否把 $p_t$ 推向有帮助的词元？
3. 论文的某些版本把 concat 印成没有隐藏层的 $w_a^\top [h_t; \bar{h}_s]$。这个得分错在哪里？

## 答案

1. 当 $D \geq S$ 时，没有词元离 $p_t$ 比 $D$ 更远，因此什么都没有遮住。
"""

# %%
wide = LocalAttention(GeneralScore(D, D), D, half_width=S, centre="predicted", gaussian=False)
everything = read(wide.score(query, keys), keys)
assert torch.allclose(wide(query, keys, keys).context, everything[0], atol=1e-5)
print("a window that covers the source is global attention")

# %% [markdown]
"""
2. 没有：窗口的边缘是台阶。有了高斯函数，令损失为最后一个词元权重的相反数。只要这个词元在窗口内，损失对 $p_t$ 的梯度就
   是负的，梯度下降于是把 $p_t$ 向右移。窗口之外没有梯度：偏得太远的预测，没有读到的词元纠正不了它。
"""


# %%
def push(position: float, gaussian: bool) -> float:
    """Return the gradient of minus the last token's weight with respect to p_t."""
    p = torch.tensor([[[position]]], requires_grad=True)
    _, weights = local(torch.zeros(1, 1, S), torch.zeros(1, S, 1), p, 2, gaussian)
    gradient = torch.autograd.grad(-weights[0, 0, -1], p, allow_unused=True)[0] if weights.requires_grad else None
    return 0.0 if gradient is None else float(gradient)


inside, outside = S - 2.5, S - 5.0
print(f"with the Gaussian {push(inside, True):.3f} inside and {push(outside, True):.1f} outside of the window")
print(f"without it {push(inside, False):.1f}")
assert push(inside, True) < 0 and push(outside, True) == 0 == push(inside, False)

# %% [markdown]
r"""
3. 它等于 $w_1^\top h_t + w_2^\top \bar{h}_s$。第一项对所有 $s$ 都相同，而给所有得分加同一个常数不改变 softmax：权重与
   解码器毫无关系。（glimpse 里它叫 `linear_concat`，供比较之用。）
"""

# %%
linear = make_attention(LinearConcatOptions(), D)
first, second = linear(query, keys, keys).weights, linear(torch.randn(B, M, D), keys, keys).weights
assert torch.allclose(first, second, atol=1e-6)
print("other queries, the same weights")
