import pytest

from crossemo.data.marks import NO_MARK, Mark, sign_of

TUNED, HEARD = "fine-tuned on a (https://a)", "pretrained on b (https://b)"


@pytest.mark.parametrize(
    ("mark", "sign", "columns"),
    [
        (NO_MARK, "", {}),
        (Mark.of({}), "", {}),
        (
            Mark.of({"val": "a/2", "test": "a/1"}),
            "‡",
            {
                "leak": "LEAK, no fair score: the weights have seen test clips of a/1; "
                "val clips of a/2"
            },
        ),
        (
            Mark(labels=TUNED, sound=HEARD),
            "‡",
            {
                "leak": f"LEAK, no fair score: the model was {TUNED}",
                "pretraining": f"the encoder was {HEARD}",
            },
        ),
        (Mark(sound=HEARD), "†", {"pretraining": f"the encoder was {HEARD}"}),
        (
            Mark("the weights have seen a/1", TUNED),
            "‡",
            {
                "leak": "LEAK, no fair score: the weights have seen a/1; the model was "
                f"{TUNED}"
            },
        ),
    ],
)
def test_labels_and_clips_make_a_leak_and_sound_alone_a_note(
    mark: Mark, sign: str, columns: dict[str, str]
) -> None:
    assert mark.columns == columns
    assert (mark.sign, sign_of(columns), bool(mark)) == (sign, sign, bool(columns))
    assert mark.leak == columns.get("leak", "")
    assert str(mark).splitlines() == list(columns.values())
