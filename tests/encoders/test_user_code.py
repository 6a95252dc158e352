"""An encoder that is a class in a user's file."""

import shutil
from pathlib import Path

import pytest
import torch
from torch import nn

from crossemo.encoders import EncoderError, encoder_facts, load_encoder
from crossemo.encoders.sources import find_source
from crossemo.encoders.user_code import UserCode, names_code, read_code
from crossemo.errors import CrossEmoError
from crossemo.recognizer import EmotionRecognizer
from tests.checks.planted import plant
from tests.checks.sound_encoders import Recurrent
from tests.sharing.models import shared
from tests.test_recognizer import save

SOUND = Path(__file__).parents[1] / "checks" / "sound_encoders.py"
LENGTHS = torch.tensor([4000, 900, 2500, 900])
HEAD = """
import torch
from torch import nn

class Mine(nn.Module):
    sampling_rate = 16_000
    output_dim = 3
    hop_size_in_ms = 20

"""
FORWARD = "    def forward(self, audio):\n        {}\n"
FRAMES = "return audio.unfold(1, 320, 320).mean(2, keepdim=True).expand(-1, -1, 3)"


def write(folder: Path, *lines: str, head: str = HEAD) -> str:
    path = folder / "mine.py"
    path.write_text(head + "".join(lines))
    return f"{path}:Mine"


def clips() -> torch.Tensor:
    return 0.1 * torch.randn(4, 4000, generator=torch.Generator().manual_seed(1))


def test_forward_alone_hears_each_clip_without_padding() -> None:
    encoder = load_encoder(f"{SOUND}:Recurrent")
    assert encoder_facts(f"{SOUND}:Recurrent") == (16_000, 40)
    states, mask = encoder(clips(), LENGTHS)
    stock = Recurrent().eval()  # which seeds itself
    for row, length in enumerate(LENGTHS.tolist()):
        with torch.no_grad():
            expected = stock(clips()[row : row + 1, :length])[0]
        assert int(mask[row].sum()) == len(expected)
        torch.testing.assert_close(states[0, row, : len(expected)], expected)
    assert encoder.count_frames([3999, 900]) == [
        stock(torch.zeros(1, length)).shape[1] for length in (3999, 900)
    ]


def test_hidden_states_get_the_padded_batch_and_its_lengths(tmp_path: Path) -> None:
    encoder = load_encoder(plant(tmp_path, None))
    assert (encoder.num_states, encoder.width) == (4, 16)
    states, mask = encoder(clips(), LENGTHS)
    assert states.shape == (4, 4, 199, 16)
    assert mask.sum(1).tolist() == [
        ((n - 10) // 5 - 3) // 4 + 1 for n in LENGTHS.tolist()
    ]


def test_an_object_without_torch_will_do() -> None:
    encoder = load_encoder(f"{SOUND}:Spectrum")
    states, mask = encoder(clips(), LENGTHS)
    assert mask.sum(1).tolist() == [(n - 160) // 80 + 1 for n in LENGTHS.tolist()]
    assert states.shape == (1, 4, 49, 5)
    assert next(encoder.parameters()).numel() == 0  # it stands for the device


def test_the_fingerprint_is_of_the_files_bytes_and_of_the_weights(
    tmp_path: Path,
) -> None:
    init = "    def __init__(self):\n        super().__init__()\n        {}\n"
    filled = "self.w = nn.Parameter(torch.full((3,), float(WEIGHT)))"
    source = (init.format(filled), FORWARD.format(FRAMES))
    weight = tmp_path / "weight"

    def fingerprint(end: str = "", name: str = "mine.py") -> str:
        text = f"import pathlib; WEIGHT = pathlib.{weight!r}.read_text()\n" + HEAD
        (tmp_path / name).write_text(text + "".join(source) + end)
        return load_encoder(f"{tmp_path / name}:Mine").fingerprint()

    weight.write_text("1")
    before = fingerprint()
    assert fingerprint(name="moved.py") == before
    assert fingerprint("# a remark\n") != before
    weight.write_text("2")
    assert fingerprint() != before


def test_all_of_it_can_be_tuned_and_adapters_are_named(tmp_path: Path) -> None:
    name = plant(tmp_path, None)
    whole = load_encoder(name, "full")
    trained = {n for n, p in whole.named_parameters() if p.requires_grad}
    assert {n for n in trained if "place" in n} == set()
    assert len(trained) == len(list(whole.model.encoder.parameters()))
    options = {"peft_type": "LORA", "target_modules": ["q", "v"], "r": 2}
    adapted = load_encoder(name, "peft", options=options)
    states, _ = adapted(clips(), LENGTHS)
    torch.autograd.backward(states.sum())
    tuned = [p for p in adapted.parameters() if p.requires_grad]
    assert len(tuned) == 3 * 2 * 2
    assert all(p.grad is not None for p in tuned)
    with pytest.raises(EncoderError, match=r"no 'query' that lora .*target_modules"):
        load_encoder(name, "lora")
    with pytest.raises(EncoderError, match="Only its own file can draw the weights of"):
        load_encoder(name, random_weights=True)


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        ("    def forward(self, audio:\n", r"mine\.py fails in line 10 \(SyntaxError"),
        (
            "    def __init__(self):\n        super().__init__()\n        1 / 0\n",
            r"mine\.py fails in line 12 \(ZeroDivisionError: division by zero\): mend",
        ),
        (
            FORWARD.format("return audio.nope()"),
            r"mine\.py fails in line 11 \(AttributeError: .*nope.*\): mend it there",
        ),
        (FORWARD.format("raise SystemExit(3)"), r"line 11 \(SystemExit\): mend"),
        ("    def forward(self):\n        pass\n", r"fails in line 5 \(TypeError: .*"),
        (
            FORWARD.format("return audio[:, ::320, None]"),
            r"^forward of Mine in .*mine\.py gives \(1, 50, 1\) of audio \(1, 16000\): "
            r"it returns \(batch, frames, 3\), as output_dim says",
        ),
        (FORWARD.format("return None"), "gives NoneType of audio"),
        (
            FORWARD.format(FRAMES) + "    sampling_rate = '16k'\n",
            "sampling_rate of Mine in .* is '16k': give a positive number",
        ),
        (
            FORWARD.format(FRAMES) + "    sampling_rate = 16\n",
            "sampling_rate of Mine in .* is 16 Hz: a rate is 1000 to 192000 Hz",
        ),
        (
            FORWARD.format(FRAMES) + "del Mine.output_dim\n",
            "has no output_dim: an encoder has sampling_rate, output_dim, hop_size_in",
        ),
        (
            FORWARD.format(FRAMES) + "    sampling_rate = 10**400\n",
            "give a positive number",
        ),
        (
            FORWARD.format(FRAMES) + "    def min_samples(self):\n        return 1\n",
            "min_samples of Mine in .* is <bound method .*>: give a positive number",
        ),
        (
            FORWARD.format(FRAMES) + "    hop_size_in_ms = 1e15\n",
            "samples, more than a second: give hop_size_in_ms and min_samples of a",
        ),
        (
            FORWARD.format(FRAMES)
            + "    def hidden_states(self, audio, lengths):\n"
            + "        return torch.tensor(1.0)\n",
            r"hidden_states of Mine in .* gives \(\) of audio",
        ),
        (FORWARD.format(f"{FRAMES}.long()"), r"gives torch\.int64: hidden states are"),
        (
            FORWARD.format("return float('nan') * " + FRAMES.removeprefix("return ")),
            "makes numbers that aren't finite of plain noise",
        ),
    ],
)
def test_a_mistake_in_the_file_is_one_sentence(
    tmp_path: Path, lines: str, sentence: str
) -> None:
    with pytest.raises(EncoderError, match=sentence) as caught:
        load_encoder(write(tmp_path, lines))
    assert "\n" not in str(caught.value)


def test_weights_stand_once_in_a_state_dict(tmp_path: Path) -> None:
    lines = "    def __init__(self):\n        super().__init__()\n"
    lines += "        self.net = nn.Linear(320, 3)\n"
    forward = FORWARD.format("return self.net(audio.unfold(1, 320, 320))")
    encoder = load_encoder(write(tmp_path, lines, forward), "full")
    weights = [key for key in encoder.state_dict() if key.endswith("net.weight")]
    assert weights == ["model.encoder.net.weight"]


def test_counts_that_are_not_those_of_the_states_are_refused(tmp_path: Path) -> None:
    states = "    def hidden_states(self, audio, lengths):\n"
    states += f"        {FRAMES.replace('return ', 'return [')}]\n"
    counts = "    def count_frames(self, lengths):\n"
    counts += "        return [length // 320 + 1 for length in lengths]\n"
    encoder = write(tmp_path, FORWARD.format(FRAMES), states, counts)
    with pytest.raises(
        EncoderError, match=r"makes \d+ frames of \d+ samples and counts"
    ):
        load_encoder(encoder)


def test_frames_are_counted_without_training(tmp_path: Path) -> None:
    lines = "    def __init__(self):\n        super().__init__()\n"
    lines += "        self.norm = nn.BatchNorm1d(3)\n"
    states = "    def hidden_states(self, audio, lengths):\n"
    states += "        frames = audio.unfold(1, 320, 320)[..., :3]\n"
    states += "        return [self.norm(frames.transpose(1, 2)).transpose(1, 2)]\n"
    encoder = load_encoder(
        write(tmp_path, lines, FORWARD.format("pass"), states), "full"
    )
    encoder.train()
    encoder(clips(), LENGTHS)
    assert encoder.model.encoder.norm.num_batches_tracked == 1
    assert encoder.model.encoder.norm.training


def test_a_class_that_is_not_there_is_guessed(tmp_path: Path) -> None:
    name = write(tmp_path, FORWARD.format(FRAMES))
    with pytest.raises(EncoderError, match=r"no class Mien in .* Did you mean Mine\?"):
        load_encoder(name.replace(":Mine", ":Mien"))
    with pytest.raises(
        EncoderError, match=r"say which, as .*mine\.py:CLASS. It has Mi"
    ):
        load_encoder(name.removesuffix(":Mine"))
    with pytest.raises(
        EncoderError, match=r"Can't read the encoder's file nowhere\.py"
    ):
        load_encoder("nowhere.py:Mine")


def test_a_folder_of_that_name_is_a_folder_and_no_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine.py:Mine").mkdir()
    monkeypatch.chdir(tmp_path)
    assert find_source("mine.py:Mine").code is None
    with pytest.raises(EncoderError, match=r"holds no config\.json"):
        load_encoder("mine.py:Mine")


def test_memory_that_is_lacking_is_no_mistake_of_the_files(tmp_path: Path) -> None:
    name = write(tmp_path, FORWARD.format("raise RuntimeError('CUDA out of memory')"))
    with pytest.raises(RuntimeError, match=r"^CUDA out of memory$"):
        load_encoder(name)


def test_what_is_read_is_what_runs_and_nothing_is_written(tmp_path: Path) -> None:
    name = write(tmp_path, FORWARD.format(FRAMES))
    code = read_code(name)
    assert code == UserCode(tmp_path / "mine.py", "Mine", code.path.read_bytes())
    load_encoder(name)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.py"]
    assert names_code(name)
    assert not names_code("owner/name")


def test_a_checkpoint_or_a_shared_folder_runs_no_code(tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    trace = f"import pathlib; pathlib.{ran!r}.touch()\n"
    name = write(tmp_path, FORWARD.format(FRAMES), trace)
    model = EmotionRecognizer(name, ("calm", "sad"), hidden=4).eval()
    save(model, tmp_path / "own.ckpt")
    ran.unlink()
    sentence = "needs the code of .*mine.py:Mine, which no file is run for by itself"
    for load in (
        EmotionRecognizer.from_pretrained,
        EmotionRecognizer.load_from_checkpoint,
    ):
        with pytest.raises(CrossEmoError, match=sentence):
            load(tmp_path / "own.ckpt")
    assert not ran.exists()
    again = EmotionRecognizer.load_from_checkpoint(tmp_path / "own.ckpt", encoder=name)
    assert ran.exists()
    with torch.no_grad():
        torch.testing.assert_close(
            again.eval()(clips(), LENGTHS), model(clips(), LENGTHS)
        )
    shutil.copy(SOUND, tmp_path)
    with pytest.raises(
        CrossEmoError, match="no folder of a model holds code: share th"
    ):
        _share(model, tmp_path)


def _share(model: nn.Module, folder: Path) -> None:
    assert isinstance(model, EmotionRecognizer)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            EmotionRecognizer, "from_pretrained", lambda path: _loaded(model, path)
        )
        shared(model, folder / "shared")


def _loaded(model: EmotionRecognizer, path: Path) -> EmotionRecognizer:
    from crossemo.runs.checkpoint_files import read_checkpoint
    from crossemo.sharing.checkpoint_facts import facts_of_checkpoint

    model.facts = facts_of_checkpoint(read_checkpoint(path, None), path)
    assert model.facts.encoder["repository"] is None
    return model
