"""The table of families in docs/encoders.md.

Run `python -m tests.benchmarks.table_of_families` to write it anew. Of each family
there is one encoder, in the shape that it was published in, with random weights: no
weights are downloaded. The padding error is the largest difference of any number of any
hidden state of a clip of 0.7 s alone and beside one of 2 s, in units of the largest
number of that state, in float32 on the CPU.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from crossemo.encoders import CATALOGUE
from crossemo.encoders.families import family_names, get_family
from crossemo.encoders.families.base import EncoderFiles
from crossemo.encoders.loading import encoder_of_files
from crossemo.encoders.training_records import training_records
from tests.encoders.families.test_emotion2vec import PUBLISHED as EMOTION2VEC
from tests.encoders.families.test_muq import PUBLISHED as MUQ

PAGE = Path(__file__).parents[2] / "docs" / "encoders.md"
BEGIN, END = "<!-- families -->", "<!-- of families -->"
HEAD = (
    *("family", "an encoder of it", "padding error", "states", "frames a second"),
    *("parameters", "licence", "trained on"),
)
SECONDS = 100  # over which frames are counted
_LARGE = {
    **{"hidden_size": 1024, "intermediate_size": 4096},
    **{"num_hidden_layers": 24, "num_attention_heads": 16},
    **{"feat_extract_norm": "layer", "conv_bias": True, "do_stable_layer_norm": True},
}
_SMALL_WHISPER = {
    **{"d_model": 768, "encoder_layers": 12, "encoder_attention_heads": 12},
    **{"encoder_ffn_dim": 3072, "max_source_positions": 1500, "num_mel_bins": 80},
}


class Published(NamedTuple):
    """An encoder that was published.

    Args:
        repository: Of the hub.
        config: Its shape, where that isn't the family's default.
        licence: Of its weights, where it has no name in the catalogue.
    """

    repository: str
    config: dict[str, Any]
    licence: str = ""


PUBLISHED = {
    "audio-spectrogram-transformer": Published(
        "MIT/ast-finetuned-audioset-10-10-0.4593", {}
    ),
    "clap": Published("laion/clap-htsat-unfused", {}),
    "dac": Published("descript/dac_44khz", {"sampling_rate": 44_100}),
    "data2vec-audio": Published("facebook/data2vec-audio-base", {}),
    "emotion2vec": Published("emotion2vec/emotion2vec_base", EMOTION2VEC),
    "encodec": Published("facebook/encodec_24khz", {}),
    "hubert": Published("facebook/hubert-base-ls960", {}),
    "mert": Published("m-a-p/MERT-v1-95M", {}),
    "muq": Published("OpenMuQ/MuQ-large-msd-iter", MUQ),
    "musicfm": Published(
        "minzwon/MusicFM", {"stat": MUQ["stat"]}, "MIT on its card; see musicfm#7"
    ),
    "unispeech": Published("microsoft/unispeech-large-1500h-cv", _LARGE),
    "unispeech-sat": Published("microsoft/unispeech-sat-base", {}),
    "wav2vec2": Published("facebook/wav2vec2-base", {}),
    "wav2vec2-bert": Published("facebook/w2v-bert-2.0", {}),
    "wav2vec2-conformer": Published(
        "facebook/wav2vec2-conformer-rel-pos-large",
        {**_LARGE, "position_embeddings_type": "relative"},
    ),
    "wavlm": Published("microsoft/wavlm-base", {}),
    "whisper": Published("openai/whisper-small", _SMALL_WHISPER),
}


def files_of(family: str) -> EncoderFiles:
    """Return the small files of a family's encoder."""
    config = {"model_type": get_family(family).model_types[0]}
    rate = {"sampling_rate": get_family(family).sampling_rate}  # CLAP's must be said
    return EncoderFiles(
        family, config | PUBLISHED[family].config, rate if family == "clap" else {}
    )


def unmeasured(family: str) -> dict[str, str]:
    """Return the cells of a family that need no computation, by column."""
    one, kind = PUBLISHED[family], get_family(family)
    model_class, config = kind.architecture(files_of(family), dropout=False)
    with torch.device("meta"):
        model = model_class(config)
    (frames,) = kind.count_frames(model, [SECONDS * kind.rate(files_of(family))])
    numbers = sum(parameter.numel() for parameter in model.parameters())
    licences = {entry.repository: entry.licence for entry in CATALOGUE.values()}
    return {
        "family": f"`{family}`",
        "an encoder of it": f"`{one.repository}`",
        "states": f"{len(kind.blocks(model)) + 1} of {kind.width(model)}",
        "frames a second": f"{round(frames / SECONDS, 1):g}",
        "parameters": f"{numbers / 1e6:.1f} M",
        "licence": licences.get(one.repository, one.licence),
        "trained on": "; ".join(trained_on(one.repository)),
    }


def trained_on(repository: str) -> Iterator[str]:
    """Yield what weights were trained on, pretraining first, in a few words."""
    records = training_records(repository)
    for how in ("pretrained", "fine-tuned"):
        corpora = [
            f"{one.corpus}{f' ({one.part})' if one.part else ''}"
            for one in records
            if one.how == how
        ]
        if corpora:
            yield f"{'labels of ' * (how == 'fine-tuned')}{', '.join(corpora)}"


@torch.inference_mode()
def padding_error(family: str) -> float:
    """Return how much a clip's states differ alone and beside a longer one."""
    torch.manual_seed(0)
    encoder = encoder_of_files(files_of(family)).eval()
    short, long = (int(seconds * encoder.sampling_rate) for seconds in (0.7, 2.0))
    clips = torch.zeros(2, long)
    clips[0, :short], clips[1] = torch.randn(short), torch.randn(long)
    alone, _ = encoder(clips[:1, :short], torch.tensor([short]))
    beside, mask = encoder(clips, torch.tensor([short, long]))
    count = int(mask[0].sum())
    assert count == alone.shape[2]
    return _largest(alone[:, 0], beside[:, 0, :count])


def _largest(alone: Tensor, beside: Tensor) -> float:
    """Return the largest difference over that of a state, `(states, frames, width)`."""
    errors = (alone - beside).abs().flatten(1).amax(1) / alone.abs().flatten(1).amax(1)
    assert errors.isfinite().all()
    return float(errors.max())


def rows() -> Iterator[list[str]]:
    """Yield the rows of the table, measured."""
    for family in family_names():
        error = padding_error(family)
        cells = unmeasured(family) | {"padding error": f"{error:.0e}" if error else "0"}
        yield [cells[name] for name in HEAD]


def main() -> None:
    lines = [HEAD, ["---"] * len(HEAD), *rows()]
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    text = PAGE.read_text("utf-8")
    block = re.compile(f"{BEGIN}.*?{END}", re.DOTALL)
    assert block.search(text)
    PAGE.write_text(block.sub(f"{BEGIN}\n\n{table}\n\n{END}", text), "utf-8")


if __name__ == "__main__":
    main()
