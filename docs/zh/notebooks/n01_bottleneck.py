# ---
# jupyter:
#   jupytext:
#     cell_markers: '"""'
# ---

# %% [markdown]
"""# 1. 瓶颈，以及绕过它的注意力.

编码器读完一个句子，留下*一个向量*；解码器由它写出译文（Cho 等，2014；Sutskever、Vinyals 和 Le，2014）。无论三个词还是
三十个词，这个向量都一样大，于是长句子译得很差。Bahdanau、Cho 和 Bengio（2015，“Neural machine translation by jointly
learning to align and translate”，下称*论文*）让解码器回头看每一个词，并且每写一个词都重新给它们加权。今天各种网络里
的注意力就是从这里来的。

我们用一个小孩子也会的任务来看这个瓶颈：把序列倒着写出来。然后搭出论文的注意力，手算一步，与 glimpse 核对，再看瓶颈如
何消失。
"""

# %%
import matplotlib.pyplot as plt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glimpse.agents.attention.mechanisms import make_attention
from glimpse.agents.attention.options import AdditiveOptions

torch.set_num_threads(1)
SYMBOLS, LONGEST, WIDTH = 20, 12, 48


def draw(count: int, length: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Draw sequences (B, L) of different symbols 1 to 20, and the same backwards."""
    source = torch.rand(count, SYMBOLS, generator=generator).argsort(1)[:, :length] + 1
    return source, source.flip(1)


print(*(row.tolist() for row in draw(1, 6, torch.Generator().manual_seed(0))))

# %% [markdown]
r"""
## 瓶颈

编码器是一个循环网络，状态为 $h_j = f(x_j, h_{j-1})$，句子变成 $c = q(h_1, \ldots, h_L)$，例如最后一个状态（论文公式
1）。解码器逐个写出词元（公式 2 和 3）：

$$
p(y_i \mid y_1, \ldots, y_{i-1}, x) = g(y_{i-1}, s_i, c).
$$

所有的 $i$ 用的都是同一个 $c$：解码器今后能知道的关于原文的一切，都得事先装进去。

## 解决办法

论文保留所有的状态。每要写一个词元，就把解码器的状态 $s_{i-1}$ 与每个 $h_j$ 比较；得分变成和为 1 的权重，上下文 $c_i$
是加权平均（公式 5 和 6；得分函数在附录 A.1.2）：

$$
e_{ij} = v^\top \tanh(W s_{i-1} + U h_j), \qquad
\alpha_{ij} = \frac{\exp e_{ij}}{\sum_k \exp e_{ik}}, \qquad
c_i = \sum_j \alpha_{ij} h_j.
$$

现在 $p(y_i \mid y_1, \ldots, y_{i-1}, x) = g(y_{i-1}, s_i, c_i)$，每一步有自己的上下文（公式 4）。一切都可微，所以对
齐 $\alpha$ 单从译文就能学会，没有人告诉它哪个词对应哪个词。
"""


# %%
class AdditiveAttention(nn.Module):
    """Attention of the paper, for one query at a time."""

    def __init__(self, width: int) -> None:
        """Make W, U and v."""
        super().__init__()
        self.w, self.u = nn.Linear(width, width, bias=False), nn.Linear(width, width, bias=False)
        self.v = nn.Linear(width, 1, bias=False)

    def forward(self, state: Tensor, annotations: Tensor) -> tuple[Tensor, Tensor]:
        """Return the context (B, D) and the weights (B, L) of a state (B, D) and annotations (B, L, D)."""
        scores = self.v(torch.tanh(self.w(state)[:, None] + self.u(annotations)))[..., 0]
        weights = scores.softmax(1)
        return (weights[:, None] @ annotations)[:, 0], weights


# %% [markdown]
r"""
## 手算一步

设所有宽度都是 1，$W = U = 1$，$v = 2$，状态 $s = 0$，三个标注 $h = (0, 1, -1)$。得分是
$2 \tanh(h_j) = (0,\; 1.5232,\; -1.5232)$，取 $\exp$ 得 $(1,\; 4.5869,\; 0.2180)$，和为 $5.8049$。于是权重是
$(0.1723,\; 0.7902,\; 0.0376)$，上下文是 $0.7902 - 0.0376 = 0.7526$。
"""

# %%
by_hand = AdditiveAttention(1)
with torch.no_grad():
    for layer, weight in ((by_hand.w, 1.0), (by_hand.u, 1.0), (by_hand.v, 2.0)):
        layer.weight.fill_(weight)
    context, weights = by_hand(torch.zeros(1, 1), torch.tensor([[[0.0], [1.0], [-1.0]]]))
print("weights", [round(value, 4) for value in weights[0].tolist()], "context", round(context.item(), 4))
assert torch.allclose(weights[0], torch.tensor([0.1723, 0.7902, 0.0376]), atol=1e-4)
assert abs(context.item() - 0.7526) < 1e-4

# %% [markdown]
"""
在 glimpse 里，每种注意力都是同一种调用：(query, key, value, mask) -> (context, weights)，由选项构造，写法与配置相同。
权重相同时，`additive` 算出的结果也相同。
"""

# %%
torch.manual_seed(0)
ours, theirs = AdditiveAttention(WIDTH), make_attention(AdditiveOptions(hidden=WIDTH), WIDTH)
renamed = {"w": "score.query", "u": "score.key", "v": "score.out"}
theirs.load_state_dict({f"{renamed[name[0]]}.weight": weight for name, weight in ours.state_dict().items()})
state, annotations = torch.randn(5, WIDTH), torch.randn(5, 7, WIDTH)
context, weights = ours(state, annotations)
attended = theirs(state[:, None], annotations, annotations)
assert torch.allclose(attended.context[:, 0], context, atol=1e-5)
assert torch.allclose(attended.weights[:, 0], weights, atol=1e-5)
print("glimpse's additive attention and ours agree")

# %% [markdown]
"""
## 只差一行的两个解码器

两者有相同的编码器（与论文一样是双向 GRU）、相同的解码器，参数量也几乎相同。一个在每一步都读 $c$，即两个方向的最后状
态；另一个读 $c_i$。（论文的门控单元和输出层略有不同；glimpse 的智能体 `bahdanau` 与论文逐式相同。）
"""


# %%
class Translator(nn.Module):
    """Encoder and decoder, with attention or with a fixed vector."""

    def __init__(self, attention: AdditiveAttention | None) -> None:
        """Make the networks; without attention the decoder reads the fixed vector."""
        super().__init__()
        self.attention = attention
        self.embedding = nn.Embedding(SYMBOLS + 1, WIDTH)  # 0 stands before the first token.
        self.encoder = nn.GRU(WIDTH, WIDTH // 2, batch_first=True, bidirectional=True)
        self.decoder = nn.GRUCell(2 * WIDTH, WIDTH)
        self.output = nn.Linear(2 * WIDTH, SYMBOLS + 1)

    def forward(self, source: Tensor, target: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Return logits (B, M, symbols) of a known target (B, M), and the weights (B, L) of each step."""
        return self.decode(self.embedding(source), target)

    def decode(self, vectors: Tensor, target: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Do the same from the source's vectors (B, L, D)."""
        annotations, last = self.encoder(vectors)
        fixed = last.transpose(0, 1).flatten(1)
        before = self.embedding(F.pad(target[:, :-1], (1, 0)))
        state, features, alignment = fixed, [], []
        for step in range(target.shape[1]):
            context = fixed
            if self.attention is not None:  # The line in which they differ.
                context, weights = self.attention(state, annotations)
                alignment.append(weights)
            state = self.decoder(torch.cat([before[:, step], context], 1), state)
            features.append(torch.cat([state, context], 1))
        return self.output(torch.stack(features, 1)), alignment


def train(translator: Translator, steps: int = 400) -> Translator:
    """Train on batches of 32 sequences, of one length each, 2 to 12."""
    generator = torch.Generator().manual_seed(1)
    optimiser = torch.optim.Adam(translator.parameters(), 0.01)
    schedule = torch.optim.lr_scheduler.LinearLR(optimiser, 1.0, 0.05, steps)
    for _ in range(steps):
        length = int(torch.randint(2, LONGEST + 1, (1,), generator=generator))
        source, target = draw(32, length, generator)
        optimiser.zero_grad()
        F.cross_entropy(translator(source, target)[0].flatten(0, 1), target.flatten()).backward()
        nn.utils.clip_grad_norm_(translator.parameters(), 1.0)
        optimiser.step()
        schedule.step()
    return translator.eval()


@torch.no_grad()
def accuracy(translator: Translator, length: int) -> float:
    """Return the fraction of right tokens in 200 sequences of a length."""
    source, target = draw(200, length, torch.Generator().manual_seed(length))
    return float((translator(source, target)[0].argmax(2) == target).float().mean())


torch.manual_seed(0)
attending = train(Translator(AdditiveAttention(WIDTH)))
torch.manual_seed(0)
packing = train(Translator(None))
lengths = [2, 4, 6, 8, 10, 12, 14, 16]
curves = {
    "attention": [accuracy(attending, n) for n in lengths],
    "fixed vector": [accuracy(packing, n) for n in lengths],
}
for name, values in curves.items():
    print(f"{name:12}", *(f"{n}: {value:.0%}" for n, value in zip(lengths, values, strict=True)))

# %%
figure, axis = plt.subplots(figsize=(5, 2.6))
for name, values in curves.items():
    axis.plot(lengths, values, "o-", label=name)
axis.axvspan(LONGEST, lengths[-1], color="0.93")
axis.set(xlabel="length (grey: longer than in training)", ylabel="right tokens", ylim=(0, 1.05))
axis.legend()
plt.show()
attention, fixed = (dict(zip(lengths, values, strict=True)) for values in curves.values())
assert attention[4] > 0.95 and fixed[4] > 0.9
assert attention[LONGEST] > 0.8 and fixed[LONGEST] < attention[LONGEST] - 0.1

# %% [markdown]
r"""
短序列对两者都不成问题。序列变长时，固定向量会遗忘，注意力不会：这就是论文图 2 的缩小版。比训练中所有序列都长时，两者
都会下降。

## 它注意哪里

权重 $\alpha_{ij}$ 是一幅图：每行是写出的一个词元，每列是读到的一个词元。没有人说过这个任务要从后往前做；这条对角线是
它自己找到的。
"""

# %%
source, target = draw(1, LONGEST, torch.Generator().manual_seed(7))
with torch.no_grad():
    alignment = torch.stack(attending(source, target)[1], 1)[0]
figure, axis = plt.subplots(figsize=(3.2, 3.2))
axis.imshow(alignment, cmap="Greys", vmin=0, vmax=1)
axis.set(xlabel="read", ylabel="written")
axis.set_xticks(range(LONGEST), [str(symbol) for symbol in source[0].tolist()])
axis.set_yticks(range(LONGEST), [str(symbol) for symbol in target[0].tolist()])
plt.show()
with torch.no_grad():
    found = torch.stack(attending(*draw(200, 8, torch.Generator().manual_seed(8)))[1], 1).argmax(2)
on_the_diagonal = (found - torch.arange(7, -1, -1)).abs() <= 1
print(f"largest weight at most one token from the right one: {on_the_diagonal.float().mean():.0%} of the steps")
assert on_the_diagonal.float().mean() > 0.7

# %% [markdown]
"""
## 练习

1. *遗忘。* 固定向量丢掉的是哪些词元？对长度为十二的序列，计算每个位置上的准确率。Sutskever 等（2014）为什么把原文倒着
   输入？
2. *代价。* $U h_j$ 与 $i$ 无关。原文有 $L$ 个词元、译文有 $M$ 个词元时，全部得分需要多少次乘法：每一步都算 $U h_j$ 要
   多少，只算一次又要多少？
3. *填充。* 长度不同的句子组成一批时要填充。`AdditiveAttention` 不知道这一点会出什么错，掩码又如何补救？

## 答案

1. 中间的。编码器从两个方向读，两端各是其中一个方向最后读到的；更早读到的被覆盖了。单向的编码器只保住一端。Sutskever
   等选择了哪一端：倒过来的原文以第一个词结尾，两个句子的开头就离得很近，开头容易译好。这只是把瓶颈挪了个地方，并没有
   把它变宽。注意力则几乎与位置无关。
"""


# %%
@torch.no_grad()
def accuracy_by_place(translator: Translator) -> Tensor:
    """Return the fraction of right tokens at each place of sequences of twelve, (12,)."""
    source, target = draw(400, LONGEST, torch.Generator().manual_seed(3))
    right: Tensor = translator(source, target)[0].argmax(2) == target
    return right.float().mean(0)


places = {"attention": accuracy_by_place(attending), "fixed vector": accuracy_by_place(packing)}
for name, place in places.items():
    print(f"{name:12}", *(f"{value:.0%}" for value in place.tolist()))
lost = {name: float(place[0] - place[4:8].mean()) for name, place in places.items()}
assert lost["fixed vector"] > 0.25 and lost["fixed vector"] > lost["attention"]

# %% [markdown]
"""
2. 宽度为 $D$ 时，乘以 $W$ 或 $U$ 需要 $D^2$ 次乘法，乘以 $v$ 需要 $D$ 次。每一步都算：$M (D^2 + L D^2 + L D)$。只算一
   次：$M (D^2 + L D) + L D^2$。三十个词元时少了十五倍：每一步剩下的只有与 $W$ 的 $M$ 次乘积。（在 glimpse
   里，`AdditiveScore.keys` 对每个句子只算一次 $U h_j$。）
"""

# %%
L, M, D = 30, 30, 512
each_step, once = M * (D**2 + L * D**2 + L * D), M * (D**2 + L * D) + L * D**2
print(f"{each_step:,} multiplications, or {once:,}: {each_step / once:.1f} times less")
assert (each_step, once) == (244_254_720, 16_189_440)

# %% [markdown]
"""
3. 填充会得到权重，并从真正的词元那里夺走权重：同一个句子换一批就有另一种译文。有了掩码，填充的得分就不进入 softmax。
   在 glimpse 的掩码里，True 表示可以读。
"""

# %%
alone = attended.context[:1]
padded = F.pad(annotations[:1], (0, 0, 0, 3))  # Three more tokens, zeros.
real = torch.arange(10) < 7
unmasked = theirs(state[:1, None], padded, padded)
masked = theirs(state[:1, None], padded, padded, real[None, None])
print(f"weight of the padding: {unmasked.weights[0, 0, 7:].sum():.2f}; masked: {masked.weights[0, 0, 7:].sum():.2f}")
assert not torch.allclose(unmasked.context, alone, atol=1e-3)
assert torch.allclose(masked.context, alone, atol=1e-6)
