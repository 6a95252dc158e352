"""A recogniser from a shared folder, if what lies there describes one."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar

import torch
from torch import Tensor

from crossemo.data.provenance import Provenance
from crossemo.encoders import SSLEncoder
from crossemo.encoders.building import no_larger_than
from crossemo.errors import CrossEmoError
from crossemo.heads import EmotionHead
from crossemo.mix import LayerMix
from crossemo.sharing.model_facts import FILE, ModelError
from crossemo.sharing.pretrained import WEIGHTS, Pretrained
from crossemo.sharing.reliability import Reliability


class Recogniser(Protocol):
    """What is rebuilt, see `EmotionRecognizer`."""

    encoder: SSLEncoder
    mix: LayerMix
    head: EmotionHead
    provenance: Provenance
    reliability: Reliability | None

    def eval(self) -> Any: ...  # noqa: ANN401, D102
    def __call__(self, waveforms: Tensor, lengths: Tensor, /) -> Any: ...  # noqa: ANN401, D102


Kind = TypeVar("Kind", bound=Recogniser)


def settings_of(pretrained: Pretrained) -> dict[str, Any]:
    """Return arguments of `EmotionRecognizer` that make the model of a shared folder.

    Adapters are merged there, except bottlenecks, and the folder is the encoder's too.
    """
    settings = {**pretrained.facts.hyperparameters, "encoder": str(pretrained.path)}
    narrow = settings.get("tuning") == "houlsby"
    return settings if narrow else settings | {"tuning": "frozen", "peft": None}


def rebuild(
    kind: Callable[..., Kind], settings: Mapping[str, Any], pretrained: Pretrained
) -> Kind:
    """Return the model of a shared folder, in evaluation mode.

    Args:
        kind: Its class.
        settings: What `settings_of` returned.
        pretrained: The folder as it was read.

    Raises:
        CrossEmoError: The weights are another model's, or no numbers.
    """
    with _described(pretrained):
        module = kind(**settings)
        for place, part in (("mix", module.mix), ("head", module.head)):
            names = {f"{place}.{key}": key for key in part.state_dict()}
            common = names.keys() & pretrained.weights.keys()
            weights = {names[one]: pretrained.weights[one] for one in common}
            part.load_state_dict(weights)
    module.provenance = pretrained.facts.seen | module.encoder.provenance
    if pretrained.reliability is not None:
        module.reliability = Reliability.of(pretrained.reliability)
    module.eval()
    second = torch.tensor([module.encoder.sampling_rate])
    noise = torch.randn(1, int(second), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        if not module(noise, second).isfinite().all():
            raise ModelError(
                f"The model in {pretrained.path} says of plain noise what are no "
                "numbers: take it whole from where it was published."
            )
    return module


@contextmanager
def _described(pretrained: Pretrained) -> Iterator[None]:
    """Refuse to build another model than the one whose weights lie in the folder.

    One far larger than its weights is stopped before it takes memory.
    """
    path = pretrained.path
    try:
        with no_larger_than((path / WEIGHTS).stat().st_size, str(path)):
            yield
    except CrossEmoError:
        raise
    except Exception as error:  # whatever torch raises over sizes
        raise ModelError(
            f"The weights in {path} aren't those of a model as its {FILE} describes "
            "it: take it whole from where it was published."
        ) from error
