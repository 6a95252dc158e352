import pickle
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from crossemo.cache import clear, sums_of
from crossemo.data.batch import Batch
from crossemo.data.dataset import ClipDataset
from crossemo.features.extraction import FeatureError, averaged, joined
from crossemo.features.store import Kept, keep, kept_folder, kept_in
from tests.examples import numbered
from tests.limits import files_no_larger_than
from tests.noise import Noise

LENGTHS = (700, 300, 900, 300, 500)


def dataset(lengths: tuple[int, ...] = LENGTHS) -> ClipDataset:
    examples = numbered(len(lengths))
    noise = Noise({one.key: lengths[n] for n, one in enumerate(examples)})
    return ClipDataset(examples, noise)


class Hundreds:
    """Gives each clip's sum, and its samples in rows of a hundred."""

    name = "hundreds"

    def __init__(self, *settings: Any) -> None:
        self.settings = settings
        self.seen: list[int] = []

    def identity(self) -> list[Any]:
        return ["hundreds", *self.settings]

    def __call__(self, batch: Batch) -> list[dict[str, Tensor]]:
        self.seen += batch.indices.tolist()
        clips = zip(batch.inputs, batch.lengths.tolist(), strict=True)
        return [
            {"sum": clip[:length].sum(), "rows": clip[:length].reshape(-1, 100)}
            for clip, length in clips
        ]

    def combine(self, windows: Sequence[dict[str, Tensor]]) -> dict[str, Tensor]:
        return {"sum": averaged(windows)["sum"], "rows": joined(windows)["rows"]}


def samples(data: ClipDataset, place: int) -> Tensor:
    return torch.from_numpy(data.store.read(data.keys[place]))


@pytest.mark.parametrize("precision", ["float32", "float16"])
@pytest.mark.parametrize("batch_size", [1, 2, 16])
def test_tensors_of_any_length_come_back(
    tmp_path: Path, batch_size: int, precision: Any
) -> None:
    data = dataset()
    found = keep(Hundreds(), [data], batch_size, precision, tmp_path)
    assert set(found) == set(data.keys)
    for place, key in enumerate(data.keys):
        rows = samples(data, place).reshape(-1, 100).to(getattr(torch, precision))
        torch.testing.assert_close(found[key]["rows"], rows, rtol=0, atol=0)
        expected = samples(data, place).sum().to(rows.dtype)
        torch.testing.assert_close(found[key]["sum"], expected)


def test_batches_hold_no_more_samples_than_they_may(tmp_path: Path) -> None:
    sizes: list[tuple[int, ...]] = []

    class Watched(Hundreds):
        def __call__(self, batch: Batch) -> list[dict[str, Tensor]]:
            sizes.append(tuple(batch.inputs.shape))
            return super().__call__(batch)

    keep(Watched(), [dataset()], cache_dir=tmp_path, batch_samples=1000)
    assert sizes == [(1, 900), (1, 700), (2, 500), (1, 300)]


def test_tensors_of_one_length_come_back(tmp_path: Path) -> None:
    data = dataset((400, 400, 400))
    found = keep(Hundreds(), [data], cache_dir=tmp_path)
    for place, key in enumerate(data.keys):
        assert found[key]["rows"].equal(samples(data, place).reshape(4, 100))


def test_only_what_is_not_kept_is_computed(tmp_path: Path) -> None:
    extractor = Hundreds()
    keep(extractor, [dataset(LENGTHS[:3])], cache_dir=tmp_path)
    keep(extractor, [dataset(), dataset()], cache_dir=tmp_path)
    assert sorted(extractor.seen) == [0, 1, 2, 3, 4]
    assert len(kept_in(kept_folder(extractor, cache_dir=tmp_path))) == 5


def test_two_of_one_name_and_different_identity_do_not_meet(tmp_path: Path) -> None:
    one, other = Hundreds({"version": 1}), Hundreds({"version": 2})
    for extractor in (one, other):
        keep(extractor, [dataset()], cache_dir=tmp_path)
        assert len(extractor.seen) == len(LENGTHS)
    assert kept_folder(one, cache_dir=tmp_path) != kept_folder(
        other, cache_dir=tmp_path
    )


def test_what_was_finished_before_a_failure_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crossemo.features.store.CLIPS_PER_FILE", 2)
    extractor = Failing(lambda batch: 300 in batch.lengths)
    with pytest.raises(ZeroDivisionError):
        keep(extractor, [dataset()], cache_dir=tmp_path)
    assert sorted(extractor.seen) == [0, 2]  # the longest clips come first
    extractor.fails = lambda batch: False
    keep(extractor, [dataset()], cache_dir=tmp_path)
    assert sorted(extractor.seen) == [0, 1, 2, 3, 4]


class Failing(Hundreds):
    def __init__(self, fails: Callable[[Batch], bool]) -> None:
        super().__init__()
        self.fails = fails

    def __call__(self, batch: Batch) -> list[dict[str, Tensor]]:
        if self.fails(batch):
            raise ZeroDivisionError
        return super().__call__(batch)


def test_a_pickle_carries_paths_and_no_numbers(tmp_path: Path) -> None:
    found = keep(Hundreds(), [dataset((100_000,))], cache_dir=tmp_path)
    pickled = pickle.dumps(found)
    assert len(pickled) < 2000
    digest = next(iter(found))
    assert pickle.loads(pickled)[digest]["rows"].equal(found[digest]["rows"])


def test_nothing_is_kept_where_nothing_was_written(tmp_path: Path) -> None:
    assert not kept_in(tmp_path / "nowhere")


def flip(file: Path, place: int) -> None:
    content = bytearray(file.read_bytes())
    content[place] ^= 0x40
    file.write_bytes(content)


DAMAGES: dict[str, Callable[[Path], Any]] = {
    "emptied": lambda file: file.write_bytes(b""),
    "cut": lambda file: file.write_bytes(file.read_bytes()[:-1]),
    "header": lambda file: flip(file, 3),
    "key": lambda file: flip(file, file.read_bytes().index(b"clips") + 12),
    "number": lambda file: flip(file, -5),
    "without sums": lambda file: sums_of(file).unlink(),
    "sums": lambda file: sums_of(file).write_text("{"),
    "gone": lambda file: file.unlink(),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_made_again(
    tmp_path: Path,
    damage: str,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("crossemo.features.store.CLIPS_PER_FILE", 2)
    extractor = Hundreds()
    before = keep(extractor, [dataset()], cache_dir=tmp_path)
    expected = {k: {n: x.clone() for n, x in v.items()} for k, v in before.items()}
    (file,) = [f for f in before.files if dataset().keys[0] in Kept([f])]
    extractor.seen.clear()
    DAMAGES[damage](file)
    caplog.clear()
    after = keep(extractor, [dataset()], cache_dir=tmp_path)
    assert sorted(extractor.seen) == [0, 2]
    assert after.keys() == expected.keys()
    assert all(x.equal(after[k][n]) for k in expected for n, x in expected[k].items())
    if damage != "without sums":  # as if the process had been killed before
        (line,) = caplog.messages
        assert file.name in line
    extractor.seen.clear()
    keep(extractor, [dataset()], cache_dir=tmp_path)
    assert extractor.seen == []


class NotFinite(Hundreds):
    def __call__(self, batch: Batch) -> list[dict[str, Tensor]]:
        clips = super().__call__(batch)
        for place, clip in zip(batch.indices.tolist(), clips, strict=True):
            clip["sum"] = torch.tensor([float("nan"), 7e4][self.settings[0]] * place)
        return clips


@pytest.mark.parametrize("overflow", [False, True])
def test_what_is_not_finite_is_refused_and_not_kept(
    tmp_path: Path, overflow: bool
) -> None:
    precision: Any = "float16" if overflow else "float32"
    extractor = NotFinite(overflow)
    with pytest.raises(FeatureError, match=f"hundreds gives of .* in {precision} isn"):
        keep(extractor, [dataset()], 1, precision, tmp_path)
    assert not kept_in(kept_folder(extractor, precision, tmp_path))
    if overflow:
        assert len(keep(extractor, [dataset()], 1, "float32", tmp_path)) == 5


@pytest.mark.parametrize("once", [True, False])
def test_a_cache_that_is_cleared_meanwhile_is_filled_again(
    tmp_path: Path, once: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crossemo.features.store.CLIPS_PER_FILE", 2)

    class Cleared(Hundreds):
        def __call__(self, batch: Batch) -> list[dict[str, Tensor]]:
            if len(self.seen) == 3 or not once:
                clear(home=tmp_path)
            return super().__call__(batch)

    if once:
        assert len(keep(Cleared(), [dataset()], 1, cache_dir=tmp_path)) == 5
    else:
        with pytest.raises(
            FeatureError, match=r"can't be written to .*again and again"
        ):
            keep(Cleared(), [dataset()], 1, cache_dir=tmp_path)


@pytest.mark.parametrize(
    "error", [OSError(37, "No locks available"), NotImplementedError("no flock")]
)
def test_a_file_system_without_locks_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def refused(self: object) -> None:
        raise error

    monkeypatch.setattr("filelock.FileLock._acquire", refused)
    with pytest.raises(FeatureError, match=r"(No locks available|no flock).*cache_dir"):
        keep(Hundreds(), [dataset()], cache_dir=tmp_path)


def test_a_full_disk_is_one_sentence_and_what_was_whole_stays(tmp_path: Path) -> None:
    first = keep(Hundreds(), [dataset((300,))], cache_dir=tmp_path)
    with (
        files_no_larger_than(5000),
        pytest.raises(FeatureError, match=r"can't be written.*make room"),
    ):
        keep(Hundreds(), [dataset((300, 2000))], cache_dir=tmp_path)
    again = Hundreds()
    after = keep(again, [dataset((300,))], cache_dir=tmp_path)
    assert again.seen == []
    assert after.files == first.files
    assert len(keep(again, [dataset((300, 2000))], cache_dir=tmp_path)) == 2


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "features").write_text("a file")
    with pytest.raises(FeatureError, match=r"can't be written to .*features"):
        keep(Hundreds(), [dataset()], cache_dir=tmp_path)
