"""The tables of agents that read texts. A line is a shipped config; for another one, add a file and an `Entry`."""

from glimpse.reproduction.table_entries import Entry, Published, Table

_ENCODERS = {
    "lstm": "bi-LSTM, max",
    "gru": "bi-GRU, max",
    "mean": "bi-LSTM, mean",
    "attention": "bi-LSTM, attention",
    "structured": "bi-LSTM, structured",
    "cnn": "CNN",
    "transformer": "Transformer",
    "relative": "Transformer, relative",
    "sparse": "Transformer, sparse",
    "disan": "DiSAN",
    "distance": "distance-based",
}
_RESAN_DATA = {"sick-r": "SICK-R", "sick-e": "SICK-E", "snli": "SNLI-20k", "sst2": "SST-2", "trec": "TREC"}
_SOFT = {"disan": "DiSAN", "transformer": "multi-head", "lstm": "bi-LSTM, max"}
_DISAN = "Shen et al. (2018a), DiSAN"
_BASELINES = "REINFORCE, by baseline: F1 of the words kept, %"
_OTHERS = "Other estimators and remedies: F1 of the words kept, %"
_VECTORS = (
    "Words begin with GloVe's vectors of 50 numbers, those of 6 billion words, and are trained on; they are counted "
    "among the parameters. Words a second and "
    "the seconds of an epoch are of training on one thread, with its evaluations on validation data, while the machine "
    "may have been busy with another training."
)


def _benches(data: str, name: str, published: dict[str, Published]) -> list[Entry]:
    """A line for each encoder on one data set."""
    return [
        Entry(f"{data}-{encoder}", f"{name}: {label}", 3, published.get(encoder))
        for encoder, label in _ENCODERS.items()
    ]


def _disan(number: float) -> Published:
    return Published(paper=number, cited=_DISAN, recalled=("paper",))


def _skimmed(data: str, name: str, jump: str) -> list[Entry]:
    """A data set read as a whole, in part, and with jumps; each line is compared with the first."""
    whole = f"{data}-gru"
    return [
        Entry(whole, f"{name}: reads everything", family=name, beside=whole),
        Entry(f"{data}-skim", f"{name}: keeps or skips words", family=name, beside=whole),
        Entry(f"{data}-jump", f"{name}: {jump}", control=True, family=f"{name}, LSTM-Jump", beside=whole),
    ]


def _rated(configs: dict[str, str], family: str) -> list[Entry]:
    """Lines of one family in the table of selection, each with another rate."""
    return [Entry(f"sst2-{config}", f"{family}, {label}", family=family) for config, label in configs.items()]


def _beside_resan(data: str, name: str) -> list[Entry]:
    """ReSAN, and what it is compared with, on one data set."""
    others = [Entry(f"{data}-{encoder}", f"{name}: {label}", control=True) for encoder, label in _SOFT.items()]
    return [Entry(f"{data}-resan", f"{name}: ReSAN"), *others]


TEXT_TABLES: dict[str, Table] = {
    "sentences": Table(
        "Sentences: test accuracy, %",
        f"TREC has six kinds of questions, SST-2 good and bad opinions on films. {_VECTORS} Subj and MR have no test "
        "part: each run leaves out another of ten folds. Encoders of self-attention alone are trained for two to three "
        "times the steps of recurrent ones: after as many they have not yet learned their training data, and a "
        "Transformer is five points below the LSTM (`glimpse train trec-relative train.steps=2000`).",
        (
            *_benches("trec", "TREC", {"disan": _disan(94.2)}),
            *_benches("sst2", "SST-2", {}),
            Entry("sst2-phrases", "SST-2, with phrases"),
            Entry("sst5-phrases", "SST-5, with phrases", 3, _disan(51.72)),
            Entry("subj", "Subj", 10, _disan(94.2), folds=True),
            Entry("mr", "MR", 10, folds=True),
        ),
        costs=("parameters",),
        speed=True,
    ),
    "planted": Table(
        "Planted texts: is the word found that says the class? Test accuracy, and words kept, %",
        "Of 20 words one says the class, of four; there are 40 such words and 200 others. The reader of a rationale "
        "sees kept words alone. It learns from words kept at random first, and is then held, so that the lack of a "
        "word cannot become a class's code; where both learn together, it can. ReSAN's reader sees the mean of words "
        "that were not chosen, so that it need not choose any: its choice explains nothing.",
        (
            Entry("planted", "rationale, REINFORCE, leave one out", family=_BASELINES, short="leave one out"),
            Entry("planted-critical", "rationale, REINFORCE, self-critical", family=_BASELINES, short="self-critical"),
            Entry("planted-learned", "rationale, REINFORCE, learned baseline", family=_BASELINES, short="learned"),
            Entry("planted-average", "rationale, REINFORCE, moving average", family=_BASELINES, short="moving average"),
            Entry("planted-none", "rationale, REINFORCE, no baseline", family=_BASELINES, short="no baseline"),
            Entry("planted-through", "rationale, straight-through", family=_OTHERS, short="straight-through"),
            Entry("planted-hardkuma", "rationale, HardKuma", family=_OTHERS, short="HardKuma"),
            Entry("planted-together", "rationale, both learn together", family=_OTHERS, short="together"),
            Entry("planted-complement", "together, with a complement's reader", family=_OTHERS, short="complement"),
            Entry("planted-teacher", "together, with a soft teacher", family=_OTHERS, short="teacher"),
            Entry("planted-resan", "ReSAN", control=True),
            Entry("planted-reader", "reads everything", control=True),
        ),
        curve="validation_marked_f1",
    ),
    "pairs": Table(
        "Pairs of sentences: test accuracy, %, and correlation with people's scores",
        "SICK-E and SNLI: whether the second sentence follows from the first; SICK-R: how alike they are, from 1 to "
        f"5. SNLI's training part is cut to 20,000 of 549,367 pairs. {_VECTORS}",
        (
            Entry("sick-r-lstm", "SICK-R: bi-LSTM, max"),
            Entry("sick-r-transformer", "SICK-R: Transformer"),
            Entry("sick-r-disan", "SICK-R: DiSAN"),
            Entry("sick-r-distance", "SICK-R: distance-based"),
            Entry("sick-e-lstm", "SICK-E: bi-LSTM, max"),
            Entry("sick-e-transformer", "SICK-E: Transformer"),
            Entry("sick-e-disan", "SICK-E: DiSAN"),
            Entry("sick-e-distance", "SICK-E: distance-based"),
            Entry("snli-lstm", "SNLI-20k: bi-LSTM, max"),
            Entry("snli-transformer", "SNLI-20k: Transformer"),
            Entry("snli-disan", "SNLI-20k: DiSAN"),
            Entry("snli-distance", "SNLI-20k: distance-based"),
        ),
        costs=("parameters",),
        speed=True,
    ),
    "resan": Table(
        "ReSAN, and soft attention on the same texts: test accuracy, %, and correlation with people's scores",
        "ReSAN chooses by policy gradient which words read (heads) and which are read (dependents), and is DiSAN among "
        "these; words that were not chosen are seen through the mean of all. Beside it stand DiSAN, multi-head "
        f"attention and a bidirectional LSTM, trained alike. {_VECTORS}",
        tuple(entry for data in _RESAN_DATA.items() for entry in _beside_resan(*data)),
        costs=("parameters",),
        speed=True,
    ),
    "selection": Table(
        "Accuracy against the share of words that are read, SST-2, %",
        "Hard attention keeps some words, and its reader sees these alone: chosen by policy gradient, where keeping "
        "every word costs lambda, or by HardKuma variables, which are given a rate. Sparse attention reads all words "
        "with a bidirectional LSTM, and then gives some states no weight at all: attended is the share that has some. "
        "Soft attention gives all of them some weight; the "
        "reader of its top words reads these again, alone, though it has learned from whole texts.",
        (
            *_rated({"hard-01": "0.1", "hard-03": "0.3", "hard-1": "1", "hard-3": "3"}, "hard, lambda"),
            *_rated({"kuma-10": "10 %", "kuma-30": "30 %", "kuma-50": "50 %"}, "HardKuma, rate"),
            *_rated({"entmax-125": "1.25", "entmax-15": "1.5", "entmax-2": "2, sparsemax"}, "sparse, entmax of alpha"),
            *_rated({"top-10": "10 %", "top-30": "30 %", "top-50": "50 %"}, "soft, the top words"),
            Entry("sst2-attention", "soft attention, all words", family="soft, the top words"),
            Entry("sst2-gru", "maxima, all words", control=True, family="maxima, all words"),
        ),
        figure="rates",
    ),
    "skimming": Table(
        "Skimming: test accuracy, words read, and speed",
        "A reader of whole texts, a bidirectional GRU, beside the same reader of words that a selector keeps, looking "
        "at each word and at the mean of all; and beside LSTM-Jump, which reads from left to right, a few words at a "
        "time, and jumps; or opens sentence after sentence. Of AG News 10,000 training texts are used, of IMDB's texts "
        "the first 400 words. In number prediction the first of ten numbers says which one is the answer: the best "
        "policy reads these two, 19 % on average, and never errs. One thread.",
        (
            *_skimmed("imdb", "IMDB", "LSTM-Jump, 20 words at a time"),
            Entry(
                "imdb-pick", "IMDB: opens sentences", control=True, family="IMDB, opens sentences", beside="imdb-gru"
            ),
            *_skimmed("agnews", "AG News", "LSTM-Jump, 8 words at a time"),
            Entry("sst2-gru", "SST-2: reads everything", family="SST-2", beside="sst2-gru"),
            Entry("sst2-hard-01", "SST-2: keeps or skips words", family="SST-2", beside="sst2-gru"),
            Entry(
                "sst2-jump",
                "SST-2: LSTM-Jump, 4 words at a time",
                control=True,
                family="SST-2, LSTM-Jump",
                beside="sst2-gru",
            ),
            Entry("number-prediction", "Number prediction: jumps", control=True, drawn=False),
        ),
        figure="rates",
        pace=True,
    ),
    "rationales": Table(
        "ERASER's film reviews: are words named as reasons that people marked? Test accuracy and F1, %",
        "Reviews of 770 words on average, good or bad, of which people marked the words that say so: 9 % of them in "
        "training, which nobody learns from, 7 % in validation and 31 % in the test part, which was marked more fully. "
        "A rationale names the words that it keeps by the likeliest choice, and answers from these alone; soft "
        "attention sees everything, and names the 20 % of words that weigh most. F1 is that of named words against "
        "marked ones, the mean over reviews; beside it stand as many words at random, as many first ones, and the 20 % "
        "that count most with each line. IOU-F1 is of words in a row, which count where they share half of what they "
        "and a marked span cover; AUPRC of all words, in the order in which they count. Sufficiency is what the answer "
        "loses of its probability, in percentage points, where named words alone are read (the lower the better), "
        "comprehensiveness what it loses without them (the higher the better); AOPC are their means over the 1, 5, 10, "
        "20 and 50 % of words that count most. The measures are ERASER's (DeYoung et al., 2020).",
        (
            Entry("eraser-rationale", "rationale, REINFORCE"),
            Entry("eraser-contiguous", "rationale, REINFORCE, contiguous"),
            Entry("eraser-hardkuma", "rationale, HardKuma"),
            Entry("eraser-words", "rationale, HardKuma, word by word"),
            Entry("eraser-soft", "bi-GRU, soft attention", control=True),
        ),
        reasons=True,
    ),
    "documents": Table(
        "Documents, IMDB: test accuracy, %",
        "Opinions on films, of which at most 40 sentences of 40 words are read. HAN: words and sentences each have a "
        f"bidirectional GRU, and attention. {_VECTORS}",
        (
            Entry("imdb-han", "HAN, attention"),
            Entry("imdb-han-long", "HAN, attention, ten epochs"),
            Entry("imdb-han-ave", "HAN, mean", 1),
            Entry("imdb-han-max", "HAN, maximum", 1),
            Entry("imdb-han-lstm", "HAN of LSTMs", 1),
            Entry("imdb-han-cnn", "HAN of CNNs", 1),
            Entry("imdb-gru", "flat bi-GRU, attention", 1),
        ),
        costs=("parameters",),
        speed=True,
    ),
}
