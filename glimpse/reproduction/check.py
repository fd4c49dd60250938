"""`glimpse reproduce --check`: every number that pages, READMEs, configs and cards state is one that a row has."""

import json
from collections.abc import Iterator
from pathlib import Path

from glimpse.config.files import load_experiment
from glimpse.config.shipped import shipped_configs
from glimpse.errors import UserError
from glimpse.evaluation.evaluator import evaluator_of
from glimpse.reproduction.budgets import BUDGET_MARK, marked_lines
from glimpse.reproduction.readme import READMES, fill_tables
from glimpse.reproduction.result_files import ordered_rows, read_table_rows, stored_answers
from glimpse.reproduction.row_facts import ROW_FIELDS
from glimpse.reproduction.stated_numbers import IN_NO_TABLE, numbers_without_row
from glimpse.reproduction.table_entries import row_name
from glimpse.reproduction.table_lines import measured_lines
from glimpse.reproduction.table_markdown import table_markdown
from glimpse.reproduction.tables import TABLES
from glimpse.runs.evaluation_file import read_evaluation_file
from glimpse.runs.results import Row

RENEW = "make readme writes it from the rows"


def check_command(results: Path) -> int:
    """Print a line for each contradiction, and return 1 if there is one, else 0.

    Args:
        results: folder of the rows; the READMEs and the zoo are those beside it, in the repository.

    Raises:
        UserError: if there is no folder of results, or a file in it cannot be read.
    """
    if not results.is_dir():
        raise UserError(f"no folder {results}. Run this in the repository, or name the folder: --output DIR")
    rows = {name: read_table_rows(results, name) for name in TABLES}
    root, found = results.resolve().parent, [*_row_problems(rows, results), *_config_problems(rows)]
    found += [*_page_problems(rows, results), *_readme_problems(root, results), *_card_problems(root / "glimpse/zoo")]
    for line in found:
        print(line)
    if not found:
        print(f"{sum(map(len, rows.values()))} rows agree with pages, READMEs, configs and cards")
    return int(bool(found))


def _row_problems(rows: dict[str, list[Row]], results: Path) -> Iterator[str]:
    """Yield rows that lack a field, or whose seeds and values do not go together."""
    for name, of_table in rows.items():
        for row in of_table:
            where = f"{results / name}.json: {row_name(row)}, {row.get('metric')}"
            missing = [field for field in ROW_FIELDS if field not in row]
            empty = [
                field for field in ("commit", "seeds", "tested", "updates", "examples") if row.get(field) in ("", [])
            ]
            if missing or empty:
                yield f"{where}: lacks {', '.join([*missing, *empty])}; what is not known is written as not recorded"
            elif len(row["seeds"]) != len(row["values"]):
                yield f"{where}: has {len(row['values'])} values of {len(row['seeds'])} seeds"


def _page_problems(rows: dict[str, list[Row]], results: Path) -> Iterator[str]:
    """Yield lines without the mark of their budget, and pages that say other than their rows."""
    for name, of_table in rows.items():
        page, table = results / f"{name}.md", TABLES[name]
        if not of_table:
            continue
        text = page.read_text(encoding="utf-8") if page.exists() else ""
        lines = measured_lines(table, of_table)
        marked = marked_lines(lines, table)
        unmarked = [
            line.entry.name
            for line in lines
            if line.entry.name in marked and f"(`{line.entry.source}`) {BUDGET_MARK}" not in text
        ]
        for line_name in unmarked:
            yield f"{page}: {line_name} has another budget than the line beside it, and no {BUDGET_MARK}; {RENEW}"
        wanted = table_markdown(table, ordered_rows(table, of_table), name, stored_answers(results, table))
        if text != wanted and not unmarked:
            yield f"{page}: {_first_difference(text, wanted)}; {RENEW}"


def _first_difference(text: str, wanted: str) -> str:
    """Return where two texts differ first, in words."""
    lines, others = text.splitlines(), wanted.splitlines()
    for number, (one, other) in enumerate(zip(lines, others, strict=False), 1):
        if one != other:
            at = next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), 0)
            start = max(0, at - 20)
            return f"line {number} says {one[start : at + 30]!r}, its rows {other[start : at + 30]!r}"
    return f"has {len(lines)} lines, its rows make {len(others)}"


def _readme_problems(root: Path, results: Path) -> Iterator[str]:
    """Yield READMEs whose tables are not those of the results."""
    for name in READMES:
        text = (root / name).read_text(encoding="utf-8") if (root / name).exists() else ""
        wanted = fill_tables(text, results)
        if text != wanted:
            yield f"{name}: {_first_difference(text, wanted)}; {RENEW}"


def _config_problems(rows: dict[str, list[Row]]) -> Iterator[str]:
    """Yield configs whose header states a result that no row of the config has."""
    by_config: dict[str, list[Row]] = {}
    for row in (row for of_table in rows.values() for row in of_table):
        by_config.setdefault(row_name(row), []).append(row)
    for name, path in shipped_configs().items():
        if wrong := numbers_without_row(path.read_text(encoding="utf-8"), by_config.get(name, [])):
            remedy = "state what a row says" if name in by_config else f"add a row, or say that it is {IN_NO_TABLE}"
            yield f"{path.parent.name}/{path.name}: no row has {', '.join(wrong)}; {remedy}"


def _card_problems(zoo: Path) -> Iterator[str]:
    """Yield cards whose measures are not those of the evaluation that lies beside them."""
    for card in sorted(zoo.glob("*/card.json")):
        folder, again = card.parent, "publish it again: glimpse publish RUN --half"
        told = json.loads(card.read_text(encoding="utf-8"))
        record = read_evaluation_file(folder / "evaluation.json").get("test")
        if record is None:
            yield f"{folder.name}: its card has no evaluation on the test set; {again}"
            continue
        evaluator = evaluator_of(load_experiment(folder / "config.yaml"))
        measured = {name.removeprefix("test_"): value for name, value in evaluator.measures(record).items()}
        main = evaluator.main_measure(record)
        facts = told["measure"].items() <= main._asdict().items() and told["measures"] == measured
        text = (folder / "README.md").read_text(encoding="utf-8")
        shown = [f"**{main.name}: {round(main.value, 4):.4g}**"]
        shown += [f"| {name.replace('_', ' ')} | {round(value, 4):.4g} |" for name, value in measured.items()]
        if not facts or any(one not in text for one in shown):
            yield f"{folder.name}: its card states other numbers than its evaluation.json; {again}"
