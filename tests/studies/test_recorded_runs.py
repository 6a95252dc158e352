"""Whatever lies in the folder of a run ends in a sentence, never in a traceback."""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from crossemo.studies.findings import findings_of
from crossemo.studies.methods import methods_of_records
from crossemo.studies.recorded_runs import read_run
from crossemo.studies.run_configs import records_of
from crossemo.studies.run_files import RunFileError, UnfinishedRunError
from crossemo.studies.run_folders import RunFolder
from tests.studies.made_up_runs import GAIN, MadeUp, write_run

FILES = ("results.json", "config.yaml", "predictions.csv", "split.csv")
NEEDED = ("command", "stages", "roles", "classes")
OTHERS: tuple[Any, ...] = (None, "x", [[2]], {"a": None})


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that can be read."""
    folder = write_run(tmp_path_factory.mktemp("whole") / "version_0", MadeUp())
    read_run(RunFolder("run", "", folder, "done"))
    return folder


@pytest.fixture
def run(whole: Path, tmp_path: Path) -> RunFolder:
    """A copy of it."""
    folder = tmp_path / "version_0"
    shutil.copytree(whole, folder)
    return RunFolder("run", "", folder, "done")


def file(run: RunFolder, name: str) -> Path:
    assert run.folder is not None
    return run.folder / name


@pytest.mark.parametrize("name", FILES)
def test_a_damaged_file_is_named(run: RunFolder, name: str) -> None:
    path = file(run, name)
    content = path.read_bytes()
    half = content[: len(content) // 2]
    damaged = [b"", half, b"\x00\xff\xfe" * 50, b"PK\x03\x04", b"[[" * 50_000]
    damaged += [b"\xff" + content, b"a,b\n1,2,3,4\n", b"x: 1"]
    for one in damaged:
        path.write_bytes(one)
        if one == half and name == "config.yaml":
            continue  # YAML's first half may well be YAML
        with pytest.raises(RunFileError, match=name):
            read_run(run)


@pytest.mark.parametrize("name", FILES)
def test_what_is_no_file_is_not_waited_for(run: RunFolder, name: str) -> None:
    path = file(run, name)
    path.unlink()
    with pytest.raises(RunFileError, match=name):
        read_run(run)
    path.mkdir()
    with pytest.raises(RunFileError, match=name):
        read_run(run)
    path.rmdir()
    os.mkfifo(path)
    with pytest.raises(RunFileError, match=name):
        read_run(run)


def altered(value: Any) -> Iterator[Any]:
    """Yield a value with each thing in it left out, or something else."""
    if isinstance(value, dict):
        for key in value:
            yield {k: v for k, v in value.items() if k != key}
            for other in altered(value[key]):
                yield value | {key: other}
    yield from OTHERS


def test_no_value_of_results_json_is_trusted(tmp_path: Path) -> None:
    alone = MadeUp(
        stages={"target": GAIN["target_only"]}, corpora={"target": ("song",)}
    )
    folder = write_run(tmp_path / "version_0", alone)
    path = folder / "results.json"
    content = json.loads(path.read_text())
    content["stages"]["target"]["scores"]["target"] = {"n": 16}
    path.write_text(json.dumps(content))
    of_all = methods_of_records(list(records_of(findings_of([folder]).runs)))
    assert "Left out" not in of_all.text
    refused, left_out = 0, 0
    for number, one in enumerate(altered(content)):
        path.write_text(json.dumps(one))
        try:
            read_run(RunFolder("run", "", folder, "done"))
        except RunFileError:
            refused += 1
            continue
        found = findings_of([folder])  # raises nothing
        methods = methods_of_records(list(records_of(found.runs)))  # nor does this
        left_out += "Left out" in methods.text
        assert found.runs["state"].item() == "done", number
        assert len(found.folds), number
    assert refused > 70
    assert left_out > 10
    for key in NEEDED:
        path.write_text(json.dumps({k: v for k, v in content.items() if k != key}))
        assert len(findings_of([folder]).exclusions) == 1, key


@pytest.mark.parametrize(
    "text",
    [
        "a: &a [1, 2, 3, 4, 5, 6, 7, 8]\n"
        + "".join(
            f"{new}: &{new} [{', '.join([f'*{old}'] * 8)}]\n"
            for old, new in zip("abcdefg", "bcdefgh", strict=True)
        ),
        "a: &a [*a]",
        "a: &a {b: *a}",
        "a: " + "{b: " * 200 + "1" + "}" * 200,
        "a: !!python/object/apply:os.getcwd []",
        "[1, 2]",
        "? [a]\n: {b: 1}",
    ],
    ids=["laughs", "circle", "ring", "deep", "code", "list", "strange"],
)
def test_a_config_is_bounded(run: RunFolder, text: str) -> None:
    file(run, "config.yaml").write_text(text)
    with pytest.raises(RunFileError, match=r"config\.yaml"):
        read_run(run)


def test_a_run_that_was_cut_off_in_its_tests_is_unfinished(run: RunFolder) -> None:
    path = file(run, "results.json")
    content = json.loads(path.read_text())
    del content["stages"]["target"]
    path.write_text(json.dumps(content))
    with pytest.raises(UnfinishedRunError, match="target"):
        read_run(run)


def test_predictions_of_another_run_are_refused(run: RunFolder, tmp_path: Path) -> None:
    other = write_run(tmp_path / "other", MadeUp(units=12))
    shutil.copy(other / "predictions.csv", file(run, "predictions.csv"))
    with pytest.raises(RunFileError, match=r"predictions\.csv is not of the tests"):
        read_run(run)


def end_with(run: RunFolder, columns: int, *values: str) -> int:
    """Put values into the last columns of the last row, whose number is returned."""
    path = file(run, "predictions.csv")
    lines = path.read_text().splitlines()
    kept = lines[-1].split(",")[:-columns]
    path.write_text("\n".join([*lines[:-1], ",".join([*kept, *values])]) + "\n")
    return len(lines)


def test_a_class_that_is_none_is_refused(run: RunFolder) -> None:
    row = end_with(run, 4, "NA", "0.5", "0.25", "0.25")
    sentence = (
        rf"^predictions\.csv is damaged: row {row} \(song/04-angry-0\) has NA under "
        r"predicted, where happy, sad, angry belongs; test the model again, or leave "
    )
    with pytest.raises(RunFileError, match=sentence):
        read_run(run)


@pytest.mark.parametrize(
    ("last", "found"),
    [
        *[("", "nothing"), ("nan", "nothing"), ("x", "x"), ("True", "True")],
        *[("1e400", "inf"), ("-1e400", "-inf"), ("-0.5", "-0.5"), ("1.01", "1.01")],
    ],
)
def test_a_probability_that_is_none_is_refused(
    run: RunFolder, last: str, found: str
) -> None:
    row = end_with(run, 1, last)
    sentence = rf"row {row} \(song/04-angry-0\) has {found} under angry, where a proba"
    with pytest.raises(RunFileError, match=sentence):
        read_run(run)


def test_the_first_row_that_is_wrong_is_named(run: RunFolder) -> None:
    path = file(run, "predictions.csv")
    lines = path.read_text().splitlines()
    for number in (2, 5):
        lines[number] = lines[number].rpartition(",")[0] + ",2.5"
    path.write_text("\n".join(lines))
    with pytest.raises(RunFileError, match=r": row 3 \(.*\) has 2\.5 under angry"):
        read_run(run)


@pytest.mark.parametrize(
    ("shares", "total"),
    [(("0.5", "0.25", "0.2"), "0.95"), (("1", "1", "1"), "3"), (("0",) * 3, "0")],
)
def test_probabilities_that_do_not_add_up_to_one_are_refused(
    run: RunFolder, shares: tuple[str, ...], total: str
) -> None:
    row = end_with(run, 3, *shares)
    sentence = (
        rf"row {row} \(song/04-angry-0\) has probabilities under happy to angry that "
        rf"add up to {total} instead of 1; test the model again, or leave the run out$"
    )
    with pytest.raises(RunFileError, match=sentence):
        read_run(run)


def test_a_rounded_probability_is_one(run: RunFolder) -> None:
    end_with(run, 3, "0", "2e-6", "1.0000001")
    assert read_run(run).predictions["confidence"].iloc[-1] == 1.0000001


def test_predictions_without_a_row_are_refused(run: RunFolder) -> None:
    path = file(run, "predictions.csv")
    path.write_text(path.read_text().splitlines()[0] + "\n")
    with pytest.raises(RunFileError, match=r"predictions\.csv .* has no rows"):
        read_run(run)


@pytest.mark.parametrize("last", ["", "1e400", "-1e400", "x"])
def test_a_value_that_is_none_is_refused(tmp_path: Path, last: str) -> None:
    folder = write_run(tmp_path / "version_0", MadeUp(values=True))
    run = RunFolder("run", "", folder, "done")
    read_run(run)
    row = end_with(run, 1, last)
    sentence = (
        rf"row {row} \(.*\) has .* under arousal_predicted, where a number belongs"
    )
    with pytest.raises(RunFileError, match=sentence):
        read_run(run)


@pytest.mark.parametrize(
    ("weights", "found"),
    [
        ([float("nan"), 0.75], "nan for layer 0"),
        ([0.25, float("inf")], "inf for layer 1"),
        ([-0.25, 1.25], "-0.25 for layer 0"),
        ([0.25, 0.5], "shares that add up to 0.75"),
    ],
)
def test_layer_weights_that_are_no_shares_are_refused(
    run: RunFolder, weights: list[float], found: str
) -> None:
    path = file(run, "results.json")
    content = json.loads(path.read_text())
    content["stages"]["target"]["layer_weights"] = weights
    path.write_text(json.dumps(content))
    sentence = (
        rf"^results\.json is damaged: layer_weights of stage target has {found}, where "
        r"shares from 0 to 1 that add up to 1 belong; train it again, or leave the run"
    )
    with pytest.raises(RunFileError, match=sentence):
        read_run(run)


@pytest.mark.parametrize("temperature", [0, -1.5, float("inf"), float("nan")])
def test_a_temperature_that_is_none_is_refused(
    run: RunFolder, temperature: float
) -> None:
    path = file(run, "results.json")
    content = json.loads(path.read_text())
    content["stages"]["target"]["temperature"] = temperature
    path.write_text(json.dumps(content))
    with pytest.raises(RunFileError, match=r"results\.json is damaged: a temperature"):
        read_run(run)


def test_names_that_look_like_numbers_or_nothing_stay(run: RunFolder) -> None:
    for name in ("predictions.csv", "split.csv"):
        path = file(run, name)
        text = path.read_text().replace("unit/00", "007").replace("unit/04", "NA")
        path.write_text(text)
    groups = read_run(run).predictions["group"]
    assert set(groups) == {"007", "NA"}


def test_a_comparison_of_encoders_is_no_run(tmp_path: Path) -> None:
    folder = tmp_path / "version_0"
    folder.mkdir()
    (folder / "results.json").write_text('{"command": "compare", "runs": []}')
    found = findings_of([tmp_path])
    (reason,) = found.exclusions["reason"]
    assert reason.startswith("foreign: ")
    assert "compare" in reason
