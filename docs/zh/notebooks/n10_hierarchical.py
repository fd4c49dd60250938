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
"""# 10. 分层注意力、它的图，以及图没有解释的东西.

分层注意力网络（HAN；Yang 等人，2016）像人一样读文档：词组成句子，句子组成文档，两层都用注意力给各部分加权。
它的图，红色表示句子，蓝色表示词，正是它受欢迎的原因。

我们写一张评论的表格，**其中起决定作用的词是已知的**；用 `glimpse train` 在几秒内训练小的 HAN，手算它们的答案和权重，
再把权重画出来。然后拿我们已经知道的事去问这些权重。两个只有随机种子不同的 HAN，给出同样的答案，却画出相反的图。
"""

# %%
import contextlib
import csv
import io
import random
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib.pyplot as plt
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

import glimpse
from glimpse.agents.attention.context_vector import word_colour
from glimpse.cli.command_line import main

Floats = NDArray[np.float64]
plt.rcParams.update({"figure.dpi": 64, "font.size": 9})

# %% [markdown]
"""
## 理由已知的评论

每条评论有一句说**我们**（we）的看法，一句说**别人**的看法，还有几句什么也没说。起决定作用的是我们的看法，
而且就是一个词：
那句话里的形容词。别人的形容词是独立抽取的，所以不能算数。智能体必须自己发现，重要的是 *we*。
"""

# %%
GOOD = ("wonderful", "lovely", "excellent", "charming", "superb")
BAD = ("awful", "dreadful", "poor", "dirty", "terrible")
THINGS = ("room", "breakfast", "staff", "pool", "view", "bed", "food", "bath")
OTHERS = ("a friend", "the guide", "my neighbour")
IDLE = ("we came by train on {}.", "it rained all {}.", "our stay lasted until {}.", "the hotel was full on {}.")
DAYS = ("monday", "tuesday", "friday", "sunday")


class Review(NamedTuple):
    """Review as sentences, each with what it is: `own`, `other` or `idle`; and the right answer."""

    sentences: tuple[str, ...]
    kinds: tuple[str, ...]
    label: str

    @property
    def text(self) -> str:
        """The review as a text."""
        return " ".join(self.sentences)

    def without(self, kind: str) -> "Review":
        """Return the review without its sentence of a kind."""
        kept = [number for number, one in enumerate(self.kinds) if one != kind]
        return Review(tuple(self.sentences[n] for n in kept), tuple(self.kinds[n] for n in kept), self.label)


def write_review(chance: random.Random) -> Review:
    """Write a review."""
    ours, theirs = (chance.choice((GOOD, BAD)) for _ in range(2))
    parts = [
        ("own", f"we found the {chance.choice(THINGS)} {chance.choice(ours)}."),
        ("other", f"{chance.choice(OTHERS)} found the {chance.choice(THINGS)} {chance.choice(theirs)}."),
        *(("idle", chance.choice(IDLE).format(chance.choice(DAYS))) for _ in range(chance.randint(1, 3))),
    ]
    chance.shuffle(parts)
    return Review(tuple(text for _, text in parts), tuple(kind for kind, _ in parts), "good" if ours is GOOD else "bad")


chance = random.Random(0)
folder = tempfile.TemporaryDirectory()
table = Path(folder.name) / "reviews.csv"
with table.open("w", newline="", encoding="utf-8") as file:
    writer = csv.writer(file)
    writer.writerow(["review", "stars"])
    for _ in range(1000):
        review = write_review(chance)
        writer.writerow([review.text, review.label])
held_out = [write_review(chance) for _ in range(60)]
for review in held_out[:3]:
    print(f"{review.label:4} | {review.text}")

# %% [markdown]
r"""
## 网络

记 $h_{it}$ 为句子 $i$ 中词 $t$ 的状态，由词向量上的双向 GRU 得到。词的注意力是（Yang 等人，2016，公式 5 至 7）

$$u_{it} = \tanh(W_w h_{it} + b_w), \quad
\alpha_{it} = \frac{\exp(u_{it}^\top u_w)}{\sum_t \exp(u_{it}^\top u_w)}, \quad
s_i = \sum_t \alpha_{it} h_{it}$$

句子 $s_i$ 由第二个 GRU 读入，用同样的方法加权（公式 8 至 10）；文档的向量 $v$ 给出答案（公式 11）：

$$u_i = \tanh(W_s h_i + b_s), \quad \alpha_i = \frac{\exp(u_i^\top u_s)}{\sum_i \exp(u_i^\top u_s)}, \quad
v = \sum_i \alpha_i h_i, \quad p = \mathrm{softmax}(W_c v + b_c)$$

向量 $u_w$ 和 $u_s$ 是学出来的，对所有文本都相同，好比一个固定的问题：“什么有信息？”
手算：如果两个词的 $u^\top u_w$ 是 $\ln 3$ 和 $0$，它们的权重就是 $3/4$ 和 $1/4$。

`glimpse train` 用这张表训练它；命令行是一个普通的函数，我们在这里直接调用。在终端里写作
`glimpse train imdb-han task.data=file:reviews.csv task.text=review task.label=stars ...`。
"""


# %%
def train(name: str, *options: str) -> Any:
    """Train on the table as `glimpse train` does, and return the agent."""
    task = f"task.data=file:{table} task.text=review task.label=stars task.vectors=none task.min_count=1"
    small = "task.max_words=12 task.max_sentences=6 agent.encoder.words.width=16 agent.encoder.sentences.width=16"
    budget = "agent.hidden=0 train.steps=150 train.batch=32 train.learning_rate=1e-2 train.evaluate_every=150"
    others = "train.ema_decay=0.9 threads=1 device=cpu track.mode=disabled"
    run = str(Path(folder.name) / name)
    arguments = [*task.split(), *small.split(), *budget.split(), *others.split(), *options]
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        code = main(["train", "imdb-han", *arguments, "--folder", run])
    assert code == 0
    return glimpse.load(run)


def accuracy(agent: Any, reviews: list[Review]) -> float:
    """Return the share of reviews that an agent answers rightly."""
    answers = agent.predict([review.text for review in reviews])
    return float(np.mean([answer.label == review.label for answer, review in zip(answers, reviews, strict=True)]))


agents = {"seed 1": train("first", "seed=1"), "seed 4": train("second", "seed=4")}
for name, agent in agents.items():
    parameters, right = sum(part.numel() for part in agent.module.parameters()), accuracy(agent, held_out)
    print(f"{name}: {parameters:,} parameters, accuracy on new reviews {right:.2f}")
    assert right > 0.9

# %% [markdown]
"""
## 手算答案

用训练好的权重计算这些公式。`weigh` 把分数变成权重；它是一个参数，后面可以换成别的。结果就是智能体自己的答案。
"""


# %%
class Reading(NamedTuple):
    """What a HAN makes of a review: class probabilities (N,), sentence weights (S,), word weights of each sentence."""

    probabilities: Tensor
    sentences: Tensor
    words: list[Tensor]


Weigh = Callable[[Tensor], Tensor]


def softmax(scores: Tensor) -> Tensor:
    """Turn scores (n,) into weights."""
    return scores.exp() / scores.exp().sum()


def pool(level: Any, vectors: Tensor, weigh: Weigh) -> tuple[Tensor, Tensor]:
    """Read vectors (n, E) by a level's GRU, and attend: the pooled state (D,) and the weights (n,)."""
    states = level.states.network(vectors[None])[0][0]  # h, (n, D)
    attention = level.pooling.attention
    u = torch.tanh(states @ attention.hidden.weight.T + attention.hidden.bias)
    weights = weigh(u @ attention.question)
    return weights @ states, weights


@torch.no_grad()
def read(agent: Any, review: Review, weigh_sentences: Weigh = softmax) -> Reading:
    """Read a review by equations 5 to 11."""
    encoder, vocabulary = agent.module.encoder, agent.env.vocabulary
    pooled, words = [], []
    for sentence in review.sentences:
        numbers = torch.tensor(vocabulary.encode([*sentence[:-1].split(), "."]))
        vector, weights = pool(encoder.words, agent.module.embedding(numbers), softmax)
        pooled.append(vector)
        words.append(weights)
    document, sentences = pool(encoder.sentences, torch.stack(pooled), weigh_sentences)
    classifier = agent.module.head.layers[-1]
    return Reading(softmax(classifier.weight @ document + classifier.bias), sentences, words)


assert torch.allclose(softmax(torch.tensor([3.0, 1.0]).log()), torch.tensor([0.75, 0.25]))
for agent in agents.values():
    for review, prediction in zip(held_out[:20], agent.predict([one.text for one in held_out[:20]]), strict=True):
        reading = read(agent, review)
        assert torch.allclose(reading.probabilities, torch.tensor(list(prediction.probabilities.values())), atol=1e-4)
        # The prediction has one number for each word: sqrt(p_s) p_w. Its sum over a sentence is sqrt(p_s).
        colours = torch.cat([p.sqrt() * w for p, w in zip(reading.sentences, reading.words, strict=True)])
        assert torch.allclose(colours, torch.tensor([token.weight for token in prediction.tokens]), atol=1e-4)
print("answers and weights of 20 reviews are those of `predict`")

# %% [markdown]
r"""
## 图

Yang 等人（2016）按句子的权重 $p_s$ 给句子涂红色，按 $\sqrt{p_s}\, p_w$ 给词涂蓝色：重要句子中的重要的词。
开平方使其他句子中的词仍然看得见。手算：$p_s = 0.25$ 和 $p_w = 0.8$ 得到 $0.5 \cdot 0.8 = 0.4$。
下面是一条好评和一条差评，由两个智能体分别来读。（`glimpse report RUN` 画出同样的图，预测结果在笔记本中也会显示自己。）
"""

# %%
assert np.isclose(float(word_colour(torch.tensor([0.25]), torch.tensor([[0.8]]))), 0.4)


def draw(axes: Any, review: Review, reading: Reading) -> None:
    """Draw a review with red boxes for sentences, and words on blue."""
    for row, sentence in enumerate(review.sentences):
        weight, column = float(reading.sentences[row]), 7
        axes.text(0, -row, f"{weight:.2f}", backgroundcolor=(1, 1 - weight, 1 - weight), family="monospace")
        for word, share in zip([*sentence[:-1].split(), "."], reading.words[row], strict=True):
            blue = 1 - weight**0.5 * float(share)
            style = {"boxstyle": "square,pad=0.1", "facecolor": (blue, blue, 1), "edgecolor": "none"}
            axes.text(column, -row, word, family="monospace", bbox=style)
            column += len(word) + 1
    axes.set(xlim=(0, 55), ylim=(-len(review.sentences) + 0.4, 0.6))
    axes.set_axis_off()


examples = [
    next(one for one in held_out if one.label == label and len(one.sentences) == 4 and one.kinds[0] != "own")
    for label in ("good", "bad")
]
figure, panels = plt.subplots(2, 2, figsize=(8.5, 3), layout="constrained")
for row, review in zip(panels, examples, strict=True):
    for axes, (name, agent) in zip(row, agents.items(), strict=True):
        reading = read(agent, review)
        draw(axes, review, reading)
        answer = agent.classes[int(reading.probabilities.argmax())]
        axes.set_title(f"{name} answers {answer} ({float(reading.probabilities.max()):.2f})", fontsize=9)
plt.show()

# %% [markdown]
"""
## 两个智能体，两种图

每条评论中起决定作用的句子是已知的。它得到多少权重？
"""

# %%
readings = {name: [read(agent, review) for review in held_out] for name, agent in agents.items()}


def weight_of(kind: str, name: str, label: str) -> float:
    """Return the mean weight of the sentence of a kind, over the reviews of a class."""
    chosen = [(review, one) for review, one in zip(held_out, readings[name], strict=True) if review.label == label]
    return float(np.mean([float(one.sentences[review.kinds.index(kind)]) for review, one in chosen]))


own = {(name, label): weight_of("own", name, label) for name in agents for label in ("good", "bad")}
print("weight of the deciding sentence    good reviews   bad reviews")
for name in agents:
    print(f"{name:32}{own[name, 'good']:15.2f}{own[name, 'bad']:14.2f}")
first, second = (torch.cat([one.sentences for one in readings[name]]) for name in agents)
correlation = float(torch.corrcoef(torch.stack([first, second]))[0, 1])
pairs = zip(*readings.values(), strict=True)
same = float(np.mean([int(one.sentences.argmax()) == int(other.sentences.argmax()) for one, other in pairs]))
print(f"correlation of the sentence weights of both agents: {correlation:.2f}; same heaviest sentence: {same:.0%}")
for name in agents:
    assert max(own[name, "good"], own[name, "bad"]) > 2 * min(own[name, "good"], own[name, "bad"])
assert own["seed 1", "bad"] > own["seed 1", "good"] and own["seed 4", "good"] > own["seed 4", "bad"]
assert correlation < 0.5

# %% [markdown]
"""
两者几乎全部答对。然而其中一个在好评中指向起决定作用的句子，在差评中却指向别处，另一个正好相反。
（这两个种子是因为不同才选出来的。）两者都没有错。只有两个类别时，只要寻找**其中一个**，什么也没找到就回答另一个，
这就够了；寻找哪一个，由随机种子决定。什么也没找到时，权重仍然要放到某个地方，因为它们的和是 1。

只见过其中一个智能体的人，会给它的每张图编出一个故事。
"""

# %% [markdown]
r"""
## 答案取决于什么

要知道答案取决于什么，就改变文本，再看答案。ERASER（DeYoung 等人，2020，公式 1 和 2）从文本 $x$ 中去掉理由 $r$，
或者去掉其余的一切，再看预测类别 $j$ 的概率 $m(\cdot)_j$：

$$\mathrm{comprehensiveness} = m(x)_j - m(x \setminus r)_j, \quad \mathrm{sufficiency} = m(x)_j - m(r)_j$$

好的理由，第一个数（完备性）大，第二个数（充分性）小。我们取起决定作用的句子为 $r$；还把一个形容词换成相反的，
先换我们的，再换别人的。
"""


# %%
def opposite(review: Review, kind: str) -> Review:
    """Return the review with the adjective of one sentence turned into an opposite one."""
    at = review.kinds.index(kind)
    *words, adjective = review.sentences[at][:-1].split()
    swapped = (BAD if adjective in GOOD else GOOD)[(GOOD + BAD).index(adjective) % 5]
    sentences = list(review.sentences)
    sentences[at] = " ".join([*words, swapped]) + "."
    return Review(tuple(sentences), review.kinds, review.label)


def probability(agent: Any, review: Review, label: str) -> float:
    """Return the probability of a class."""
    return float(read(agent, review).probabilities[agent.classes.index(label)])


def answered(agent: Any, review: Review) -> str:
    """Return the likelier class."""
    return str(agent.classes[int(read(agent, review).probabilities.argmax())])


print("                 comprehensiveness   sufficiency   answers that turn with")
print("                                                    our word   theirs")
removed, turned = {}, {}
for name, agent in agents.items():
    for label in ("good", "bad"):
        chosen = [review for review in held_out if review.label == label]
        before = np.array([probability(agent, one, label) for one in chosen])
        removed[name, label] = float(
            (before - [probability(agent, one.without("own"), label) for one in chosen]).mean()
        )
        alone = [one.without("other").without("idle") for one in chosen]
        enough = float((before - [probability(agent, one, label) for one in alone]).mean())
        given = [answered(agent, one) for one in chosen]
        turns = [
            float(
                np.mean([answered(agent, opposite(one, kind)) != was for one, was in zip(chosen, given, strict=True)])
            )
            for kind in ("own", "other")
        ]
        turned[name, label] = turns
        print(f"{name}, {label:4}{removed[name, label]:22.2f}{enough:14.2f}{turns[0]:15.0%}{turns[1]:9.0%}")
for name in agents:
    assert max(removed[name, "good"], removed[name, "bad"]) > 0.4
    assert all(turned[name, label][0] > 0.9 and turned[name, label][1] < 0.1 for label in ("good", "bad"))

# %% [markdown]
"""
最后两列给出了清楚的回答，对两个智能体、两个类别都一样：起决定作用的是我们的词，而不是别人的。
在一半的评论中，权重并没有显示这一点。

完备性也免不了同样的麻烦：没有了起决定作用的句子，智能体就回答它什么也没找到时总给出的答案；如果那正好是正确的类别，
就什么也不会改变。它度量的是这个智能体本身，而不是读评论的人会称为理由的东西。

还有三个要小心的原因：

* **状态不是词。** $h_{it}$ 来自读过整句话的 GRU，$h_i$ 来自读过所有句子的 GRU。状态上的权重不是它下面那个词的权重。
* **权重之和是 1。** 图中总有最亮的一处，即使没有一处重要。0.3 的权重在四十句中很多，在三句中很少。
* **可能根本不需要注意力**（练习 1）。

图的用处在于：弄清智能体*怎样*工作，就像这里一样；一眼看出它是不是在读填充、作者的名字或星级；
再加上几个随机种子，看看这样的发现能推广多远。如果想要解释，更好的出发点是一个*看不到*未选中内容的智能体：
智能体库中的 `planted`，以及第 8 个笔记本。
"""

# %% [markdown]
"""
## 练习

1. 训练 HN-AVE，它用平均代替注意力（`agent.encoder.words.pooling=mean`，句子一层也一样）。它有多准确？
   它的图会是什么样？
2. 取一个训练好的 HAN，把它的*句子权重*换成相等的权重，不再训练。每个类别中各有多少答案改变？这说明权重有什么作用？
3. 自己写两条评论：一条有智能体不认识的词，一条没有我们的看法。每个智能体答什么，有多大把握？有这么大的把握对吗？
"""

# %% [markdown]
"""
### 答案 1

训练 250 步，它就同样准确。它的图是平的：每个句子 $1/S$，其中每个词 $1/L$。无论在哪里取平均，
GRU 的状态都把需要的东西带到了那里。
所以，HAN 的权重不平，并不说明这些权重是必需的。
"""

# %%
means = train(
    "means", "seed=1", "train.steps=250", "agent.encoder.words.pooling=mean", "agent.encoder.sentences.pooling=mean"
)
right = accuracy(means, held_out)
print(f"HN-AVE: accuracy {right:.2f}")
assert right > 0.85
prediction, count = means.predict(held_out[0].text), len(held_out[0].sentences)
lengths = [len(sentence.split()) + 1 for sentence in held_out[0].sentences]  # words and the full stop
flat = [(1 / count) ** 0.5 / length for length in lengths for _ in range(length)]
assert np.allclose([token.weight for token in prediction.tokens], flat, atol=1e-5)

# %% [markdown]
"""
### 答案 2

如果某一类的许多答案改变了，说明权重对网络是重要的，尽管它们不是读者会接受的理由。如果没有一个改变，
说明每个句子的状态都说同样的话，看哪一个都没有关系。
"""


# %%
def equal(scores: Tensor) -> Tensor:
    """Give all parts the same weight, whatever their scores."""
    return torch.full_like(scores, 1 / len(scores))


for name, agent in agents.items():
    for label in ("good", "bad"):
        chosen = [review for review in held_out if review.label == label]
        changed = [
            int(read(agent, one, equal).probabilities.argmax()) != int(read(agent, one).probabilities.argmax())
            for one in chosen
        ]
        print(f"{name}, {label:4} reviews: {np.mean(changed):.0%} of the answers change")

# %% [markdown]
"""
### 答案 3

没有“我不知道”这一类。不认识的词也有一个向量，只是训练从未把它用于有意义的词；它可能像智能体要找的词，
也可能什么也不像。
什么也没找到时，每个智能体都回答它不去寻找的那一类。在这里它们两次互相矛盾，而且多半很有把握。
"""

# %%
unknown = Review(("it rained all monday.", "we found the room splendid."), ("idle", "own"), "good")
nothing = Review(("it rained all monday.", "a friend found the room lovely."), ("idle", "other"), "good")
for review in (unknown, nothing):
    for name, agent in agents.items():
        one = agent.predict(review.text)
        strange = [token.text for token in one.tokens if not token.known]
        print(f"{name}: {one.label} ({one.probability:.2f}), unknown words: {strange} | {review.text}")
        assert strange == (["splendid"] if review is unknown else [])
folder.cleanup()
