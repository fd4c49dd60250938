"""Result tables of the anytime agent on pictures too large to be read at once, each with the same controls.

A control or an ablation is a line of the agent's own config with overrides, so that it has the agent's budget.
"""

from glimpse.reproduction.table_entries import Table, TableEntry

_CONTROLS = (
    "Controls are the same networks, trained alike on as many episodes: random looks; the centre, a raster scan and "
    "the cells in which the glance varies most (saliency); one learned path for all pictures; no looks, but a glance "
    "of this side alone, or of a larger one; and soft attention over the places of the glance. Seen is the share of "
    "the picture's pixels that an episode reads, the glance included."
)
_TEXT = f"{_CONTROLS} Random looks and paths have zooms of their own; centre, raster scan and saliency have one."
_FIGURE = "The figure shows single sampled episodes after each look."


def variant(config: str, name: str, label: str, *overrides: str, is_control: bool = True) -> TableEntry:
    """Return a line that trains a config with overrides."""
    return TableEntry(config, label, control=is_control, variant=name, overrides=overrides, beside=config)


def look_controls(config: str, glance: int, others: tuple[int, ...]) -> tuple[TableEntry, ...]:
    """Return the lines of the anytime agent's controls.

    Args:
        config: the agent's config.
        glance: side of its glance.
        others: other sides of a glance that is seen alone.
    """
    labels = {
        "random": "random looks",
        "centre": "centre",
        "raster": "raster scan",
        "path": "learned fixed path",
        "saliency": "saliency",
    }
    begins = {"raster": ("task.initial_location=raster",)}
    alone = ("agent.look_policy=none", "task.glimpses=1")
    return (
        *(
            variant(config, name, label, f"agent.look_policy={name}", *begins.get(name, ()))
            for name, label in labels.items()
        ),
        variant(config, "glance", f"glance alone, {glance}", *alone),
        *(
            variant(config, f"glance-{side}", f"whole picture at {side}", *alone, f"task.glance={side}")
            for side in others
        ),
        variant(config, "soft", f"soft attention, {glance}", *alone, "agent.glance_reading=attention"),
    )


def _ablations(config: str) -> tuple[TableEntry, ...]:
    """Return lines that each take one part from the agent."""
    parts = {
        "frozen": ("with a frozen encoder", "agent.encoder.frozen=true", "train.freeze=[]"),
        "conv": ("without a pretrained encoder", "agent.encoder=conv", "train.freeze=[]"),
        "no-glance": ("without a glance", "task.glance=null"),
        "no-zoom": ("without zoom", "task.zoom=null"),
        "no-gain": ("reward at the end, no gain", "agent.policy_reward=correct"),
        "no-pretraining": ("without random looks first", "agent.pretraining=0"),
    }
    return tuple(variant(config, name, label, *changes, is_control=False) for name, (label, *changes) in parts.items())


LOOK_TABLES: dict[str, Table] = {
    "elpv": Table(
        "Solar cells of 300x300 pixels, functional or defective: test error, %",
        f"A glance of 96x96 and four looks of 32x32 read 13,312 of 90,000 pixels. {_TEXT} {_FIGURE} The official data "
        "have no parts: a fixed quarter of each class is the test set, 656 cells, so that a point is less than a "
        "standard error of one run.",
        (
            TableEntry("elpv-anytime", "anytime, 4 looks"),
            *_ablations("elpv-anytime"),
            *look_controls("elpv-anytime", 96, (64, 128, 224)),
        ),
        figure="looks",
        costs=("pixels", "multiply_adds"),
        whole=300 * 300,
    ),
    "megapixel": Table(
        "Megapixel MNIST, 1500x1500, which class have three of five digits among 50 strokes: test error, %",
        f"A glance of 180x180 and twelve looks of 50x50. For four fifths of the training the agent's looks imitate a "
        f"teacher who knows where the digits are; those of the controls do not. {_CONTROLS} {_FIGURE} The task is that "
        "of Katharopoulos and Fleuret (2019), who read ten patches of 50x50, chosen by attention over such a glance.",
        (
            TableEntry("megapixel-anytime", "anytime, 12 looks"),
            *look_controls("megapixel-anytime", 180, (360,)),
        ),
        figure="looks",
        costs=("pixels", "multiply_adds"),
        whole=1500 * 1500,
    ),
    "photo-search": Table(
        "One digit hidden in photographs among letters and shapes, to be found and named: test error, %",
        f"A glance of 128x128 and eight looks of 64x64, in colour. {_TEXT} {_FIGURE} Photographs of the test set are "
        "never seen in training.",
        (
            TableEntry("photo-search-anytime", "anytime, 8 looks"),
            *look_controls("photo-search-anytime", 128, (256,)),
        ),
        figure="looks",
        costs=("pixels", "multiply_adds"),
        whole=3 * (3391 * 6028 + 2 * 2056 * 3088) // 3,  # The mean of the three test photographs of `photos`.
    ),
    "find": Table(
        "A white blood cell, or a platelet, pointed at in microscope pictures of 640x480 pixels: hits, %",
        f"A glance of 96x96 and six looks of 48x48, in colour. A hit is a point in a box of the object. {_TEXT}",
        (
            TableEntry("find-bccd-wbc", "white cell, 6 looks", beside="find-bccd-wbc"),
            *look_controls("find-bccd-wbc", 96, (192,)),
            TableEntry("find-bccd-platelet", "platelet, 6 looks", beside="find-bccd-platelet"),
            *look_controls("find-bccd-platelet", 96, (192,)),
        ),
        costs=("pixels", "multiply_adds"),
        whole=3 * 480 * 640,
    ),
}
