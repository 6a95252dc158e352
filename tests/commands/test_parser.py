import pytest

from tests.shell import run


@pytest.mark.parametrize(
    ("typed", "answer"),
    [
        ([], "Which data?"),
        (
            [
                "--data=SpeechEmotionDataModule",
                "--data.corpus=Demo",
                "--data.corpus.channel=song",
                "--model.encoder=tiny",
            ],
            "demo-song is a corpus of music, not of speech: use MusicEmotion",
        ),
        (
            ["--config=demo.yaml", "--stages.target.max_epochs=0"],
            "max_epochs is 1 or more",
        ),
        (
            ["--config=demo.yaml", "--stages.target.data=[]"],
            "stages.target: A stage's data is []: name each thing once.",
        ),
        (
            ["--config=demo.yaml", "--trainer.accumulate_grad_batches=0"],
            "trainer.accumulate_grad_batches is 0: give 1 or more.",
        ),
        (
            ["--config=demo.yaml", "--trainer.devices={a"],
            "`devices` selected with `CPUAccelerator` should be an int > 0.",
        ),
        (["--config=demo.yaml", "--name=../x"], "A run can't have the name '../x'"),
        (["--config=demo.yaml", "--data.labels=six"], "shared6"),
        (["--config=demo.yaml", "--model.layers=9"], "0 to 3"),
    ],
)
def test_what_is_wrong_is_said_in_a_line_or_two(
    typed: list[str],
    answer: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as ended:
        run("fit", *typed, monkeypatch=monkeypatch)
    code = ended.value.code
    said = code if isinstance(code, str) else capsys.readouterr().err
    assert answer in said
    assert len(said.strip().splitlines()) <= 4
