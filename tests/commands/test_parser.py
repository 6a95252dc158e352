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
