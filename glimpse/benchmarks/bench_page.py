"""Page of `glimpse bench`'s results: a section for each name, with the machine, day and commit that it is from."""

from collections.abc import Iterable, Sequence

from glimpse.runs.results import Row, markdown_table

_HEAD = """\
Results of `glimpse bench`. Each section says on which processor it was measured, and when; sections of different ones
are not to be compared, but by the column "in products".

In products: the value by the machine's speed, so that machines can be compared. A float32 product of 512 x 512
matrices on one thread (4096 x 4096 on a GPU) is measured right after each result; a rate is given per GFLOP of it, a
time in GFLOP; shares and ratios have none. Load: cores that other processes used meanwhile.
"""
_NOTES = {
    "training, share of the GEMM floor": (
        'Share of the rate that a step would have at the speed of one large product (section "matrix product"), of '
        "1024 x 1024 on a CPU and 8192 x 8192 on a GPU, with the same precision and threads. The products at the "
        "step's own shapes are slower than that."
    ),
    "training, share of the floor of its own products": (
        "Share of the rate at which the step's own matrix products run alone, at its shapes, measured in turn with it."
    ),
}
"""What a section's numbers are shares of."""


def bench_page(rows: Sequence[Row]) -> str:
    """Return Markdown with a section for each name, in the order of the rows."""
    names = dict.fromkeys(str(row["name"]) for row in rows)
    return "\n".join([_HEAD, *(_section(name, [row for row in rows if row["name"] == name]) for name in names)])


def _section(name: str, rows: Sequence[Row]) -> str:
    """Return a section: where and when it was measured, and its table."""
    conditions = any("gflops" in row for row in rows)
    headings = ["setting", "value", "unit", *(["in products", "load"] if conditions else [])]
    lines = [
        [row["setting"], f"{row['value']:,}", row["unit"], *([in_products(row), other_load(row)] if conditions else [])]
        for row in rows
    ]
    told = [_measured(rows) + ("" if conditions else " The processor's model, its speed and the load: not recorded.")]
    return f"## {name}\n\n" + "\n\n".join([*told, *filter(None, [_NOTES.get(name)]), markdown_table(headings, lines)])


def _measured(rows: Iterable[Row]) -> str:
    """Say on which devices rows were measured, and at which commits on which days."""
    devices = dict.fromkeys(str(row["device"]) for row in rows)
    days = dict.fromkeys(f"{row['date']}, code {row['commit']}" for row in rows if "date" in row and "commit" in row)
    return f"On {'; '.join(devices)}; recorded {'; '.join(days) or 'on an unknown day'}."


def in_products(row: Row) -> str:
    """Return a rate per GFLOP of the product that was measured with it, or a time in GFLOP; nothing for shares."""
    gflops, unit = row.get("gflops"), row["unit"]
    if not gflops:
        return ""
    if unit.endswith("/s") and unit != "GFLOP/s":
        return f"{row['value'] / gflops:,.4g}"
    seconds = {"s": 1.0, "ms": 1e-3, "us": 1e-6}.get(unit)
    return "" if seconds is None else f"{row['value'] * seconds * gflops:,.4g} GFLOP"


def other_load(row: Row) -> str:
    """Return the cores that other processes used, where it is known."""
    return "" if row.get("load") is None else f"{row['load']:.1f}"
