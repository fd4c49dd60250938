"""`glimpse publish`: pack the best of some runs, with a card, into a folder or into a repository of the hub."""

import json
import shutil
import tempfile
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import asdict
from io import StringIO
from pathlib import Path
from typing import Any

from glimpse.config.differences import differing_keys
from glimpse.envs.printed_lines import print_line
from glimpse.errors import UserError
from glimpse.evaluation.evaluate import evaluate_run
from glimpse.evaluation.evaluator import evaluator_of
from glimpse.publishing.card_text import card_text
from glimpse.publishing.hub_upload import upload_run
from glimpse.publishing.model_card import CardFacts, card_facts
from glimpse.publishing.packed_run import FinishedRun, pack_run, read_finished_run, write_record
from glimpse.runs.durable import replace_file, reporting_write_errors
from glimpse.runs.hub_run import HUB, copy_run, import_hub, parse_repository
from glimpse.runs.run_folder import RunFolder
from glimpse.runs.run_source import find_run, zoo_folder
from glimpse.runs.stored_weights import Bits
from glimpse.runs.trained_run import chosen_checkpoint

_FREE = ("seed", "threads", "device", "track.", "data.")
_KEPT_SHARE = 0.25
"""How much rounded weights may change a measure, as a share of the width of its interval."""


def publish_command(paths: Sequence[Path], target: str, bits: Bits | None, private: bool) -> None:
    """Publish the run that was best on validation data, and print what was written.

    Args:
        paths: folders of runs of one config, with different seeds; or of one run that was published before.
        target: folder, which must be new or empty; or `hf:OWNER/NAME`.
        bits: bits of its weights, 8, 16 or 32; None for those that they have. With fewer, they are measured anew.
        private: whether a new repository is visible to its owner alone.

    Raises:
        UserError: if a run was not evaluated, they differ in more than the seed, the target is taken or cannot be
            written, its weights have fewer bits already, or with fewer bits its result is another.
    """
    to_hub = target.startswith(HUB)
    if to_hub:
        name, revision = parse_repository(target)
        if revision:
            raise UserError(f"{target}: a run is published to hf:OWNER/NAME, without a revision")
        import_hub()
    elif private:
        raise UserError(f"--private is for repositories of the hub, and {target} is a folder")
    tried = [read_finished_run(find_run(path), print_line) for path in paths]
    if not to_hub:
        _refuse_place(Path(target), tried)
    _refuse_other_configs(tried)
    best = min(tried, key=lambda run: run.validation_error)
    bits = bits or best.checkpoint.bits
    _refuse_more_bits(best, bits)
    with tempfile.TemporaryDirectory() as beside:
        packed = Path(beside, "run")
        facts = _pack(best, tried, packed, target, bits)
        if to_hub:
            address = upload_run(packed, name, private)
        else:
            address = str(_move(packed, Path(target)))
    print_line(f"{facts.name}: {facts.measure.name} {facts.measure.value:.4g} on the test set, written to {address}")
    if best.has_own_data:
        print_line(
            "note: it was trained on your own data: it holds the names of their classes and, of texts, all known words"
        )


def _pack(best: FinishedRun, tried: Sequence[FinishedRun], packed: Path, target: str, bits: Bits) -> CardFacts:
    """Write the packed run and its card into a folder."""
    folder = pack_run(best, packed, bits)
    written_bits = chosen_checkpoint(folder, None, print_line)[0].bits  # 16 where no matrix is large enough for 8.
    record = best.record
    if written_bits < best.checkpoint.bits:
        record = _measure_rounded(best, packed)
        _refuse_changed_result(best, record, bits)
        write_record(folder, record)
    name = parse_repository(target)[0].split("/")[1] if target.startswith(HUB) else Path(target).resolve().name
    facts = card_facts(name, best, written_bits, record, tried)
    size = sum(path.stat().st_size for path in packed.rglob("*") if path.is_file())
    text = card_text(facts, best.experiment, _source(target), size)
    written = {
        **asdict(facts),
        "measure": {name: value for name, value in facts.measure._asdict().items() if value != ""},
    }
    with reporting_write_errors(packed):
        replace_file(packed / "card.json", (json.dumps(written, indent=1, ensure_ascii=False) + "\n").encode())
        replace_file(packed / "README.md", text.encode())
    return facts


def _measure_rounded(best: FinishedRun, packed: Path) -> dict[str, Any]:
    """Measure the packed weights on the data that the run's own config names, in a copy."""
    print_line("measuring the rounded weights on the test set")
    measured = packed.with_name("measured")
    copy_run(packed, measured)
    RunFolder(measured).replace_config(best.folder.config_text)
    with redirect_stdout(StringIO()):
        return evaluate_run(measured, "test", _record_copies(best))


def _record_copies(run: FinishedRun) -> int | None:
    """Return the number M of averaged rollouts of a run's evaluation; None if it has none."""
    scores = run.record.get("scores", {}).get(run.record["agent"], {})
    copies: int | None = scores.get("copies")
    return copies


def _source(target: str) -> str:
    """Return what the published agent is loaded by."""
    path = Path(target)
    in_zoo = not target.startswith(HUB) and path.resolve().parent == zoo_folder()
    return path.name if in_zoo else target if target.startswith(HUB) else "PATH/OF/THIS/FOLDER"


def _refuse_place(target: Path, tried: Sequence[FinishedRun]) -> None:
    """Raise UserError if a folder is taken, or lies in a run that is published."""
    if target.exists() and not (target.is_dir() and not any(target.iterdir())):
        raise UserError(f"{target} is not an empty folder. Choose another one, or remove it")
    for run in tried:
        if target.resolve().is_relative_to(run.folder.path.resolve()):
            raise UserError(f"{target} lies in the run {run.folder.path}. Choose a folder outside of it")


def _refuse_other_configs(tried: Sequence[FinishedRun]) -> None:
    """Raise UserError if runs differ in more than their seeds."""
    if len(tried) > 1 and (published := [run for run in tried if run.folder.is_published]):
        raise UserError(f"{published[0].folder.path} is a published run already, and is published alone")
    for other in tried[1:]:
        found = differing_keys(tried[0].experiment, other.experiment)
        if keys := [key for key in found if not key.startswith(_FREE)]:
            raise UserError(
                f"{other.folder.path} differs from {tried[0].folder.path} in {', '.join(keys[:5])}: the best of runs "
                "of one config is published, which differ in the seed alone"
            )


def _refuse_more_bits(best: FinishedRun, bits: Bits) -> None:
    """Raise UserError if weights that were rounded are to have more bits again."""
    if bits > best.checkpoint.bits:
        raise UserError(
            f"the weights of {best.folder.path} have {best.checkpoint.bits} bits, and more would make them no better: "
            "leave out --bits, or publish the run that it was made of"
        )


def _refuse_changed_result(best: FinishedRun, record: dict[str, object], bits: Bits) -> None:
    """Raise UserError if rounded weights have another result than those that were trained, beyond its noise."""
    evaluator = evaluator_of(best.experiment)
    earlier, after = (evaluator.main_measure(one) for one in (best.record, record))
    before = earlier.value if best.measured_as_float is None else best.measured_as_float
    if abs(after.value - before) > (earlier.high - earlier.low) * _KEPT_SHARE:
        raise UserError(
            f"with {bits} bits a weight the result is {after.value:.4g}, and {before:.4g} as it was trained: publish "
            "it with more --bits"
        )


def _move(packed: Path, target: Path) -> Path:
    """Move the packed run to its folder."""
    with reporting_write_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(packed, target, dirs_exist_ok=True)
    return target
