from pathlib import Path

from pandas.testing import assert_frame_equal

from crossemo.studies.findings import findings_of
from tests.studies.made_up_runs import MadeUp, write_run


def test_a_clip_counts_once_however_many_seeds_judge_it(tmp_path: Path) -> None:
    for fold in range(4):
        for seed in range(3):  # all of which say the same
            again = {"seed_everything": seed}
            run = MadeUp(fold=fold, settings=again, results={"seed": seed})
            write_run(tmp_path / f"seed_{seed}" / f"version_{fold}", run)
    one = findings_of([tmp_path / "seed_0"])
    several = findings_of([tmp_path])
    assert set(several.folds["seeds"]) == {3}
    bins = several.certainty.drop(columns="runs")
    assert_frame_equal(bins, one.certainty.drop(columns="runs"))
    counts = bins.groupby(["stage", "place", "probabilities"])["clips"].sum()
    assert set(counts) == set(several.folds["clips"]) == {64}
