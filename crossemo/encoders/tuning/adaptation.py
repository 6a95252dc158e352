"""What of an encoder is trained: nothing, a few parameters, adapters, or everything."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from crossemo.encoders.catalogue import EncoderError
from crossemo.encoders.tuning.adapters import Adapters
from crossemo.encoders.tuning.bottleneck import add_bottlenecks
from crossemo.encoders.tuning.recipes import RECIPES

if TYPE_CHECKING:
    from transformers import PreTrainedModel

Tuning = Literal[
    "frozen",
    "full",
    "bitfit",
    "houlsby",
    "peft",
    "lora",
    "rslora",
    "pissa",
    "dora",
    "adalora",
    "ia3",
    "vera",
    "loha",
    "lokr",
    "oft",
    "boft",
    "hra",
    "ln_tuning",
    "delora",
    "miss",
    "randlora",
    "shira",
    "vblora",
    "fourierft",
]
PLAIN = ("frozen", "full", "bitfit", "houlsby")
TUNINGS: tuple[str, ...] = (*PLAIN, "peft", *RECIPES)


class Adaptation:
    """A way of tuning an encoder, applied to it.

    Args:
        model: The encoder, changed in place.
        tuning: The way.
        options: Of the way: peft's own, or the `size` of `houlsby`.
        seed: Seed of the adapters' first weights.
        feature_extractor: Whether the convolutions on the waveform may be trained.

    Attributes:
        adapters: The adapters, where the way is one of peft's.

    Raises:
        EncoderError: An option is unknown or doesn't fit this encoder.
    """

    def __init__(
        self,
        model: "PreTrainedModel",
        tuning: Tuning,
        options: Mapping[str, Any],
        seed: int = 0,
        feature_extractor: bool = True,
    ) -> None:
        self.tuning: Tuning = tuning
        self._model = model
        self._feature_extractor = feature_extractor
        self._unread = 0  # blocks, from the top
        self.adapters: Adapters | None = None
        if tuning not in PLAIN:
            self.adapters = Adapters(model, tuning, options, seed)
        elif tuning == "houlsby":
            size = _only(options, tuning, size=64)["size"]
            add_bottlenecks(model, size, seed)
        else:
            _only(options, tuning)

    def leave_out(self, blocks: int) -> None:
        """Say that the loss doesn't read what the uppermost blocks give."""
        self._unread = blocks

    def tuned(self) -> set[str]:
        """Return the names of the encoder's parameters that this way trains."""
        if self.adapters is not None:
            return self.adapters.trained() - self._unreached()
        if self.tuning == "frozen":
            return set()
        names = self.everything()
        if self.tuning == "bitfit":  # Ben Zaken et al., 2022
            return {name for name in names if name.endswith("bias")}
        if self.tuning == "houlsby":
            return {name for name in names if ".adapter." in name}
        return names

    def everything(self) -> set[str]:
        """Return the names of all parameters that the hidden states depend on.

        Without the convolutions on the waveform where they are to be left alone. A
        parameter that the loss can't reach would stop distributed training, which
        waits for its gradient.
        """
        if self.adapters is not None:
            names = self.adapters.own() | self.adapters.trained()
        else:
            names = {name for name, _ in self._model.named_parameters()}
        if not self._feature_extractor:
            names = {n for n in names if not n.startswith("feature_extractor.")}
        return names - self._unreached()

    def _unreached(self) -> set[str]:
        layers = len(self._model.encoder.layers)
        places = [f"encoder.layers.{layers - 1 - k}." for k in range(self._unread)]
        if getattr(self._model.config, "do_stable_layer_norm", False):
            places.append("encoder.layer_norm.")  # follows the last hidden state
        if getattr(self._model, "adapter", None) is not None:
            places.append("adapter.")  # likewise
        named = (name for name, _ in self._model.named_parameters())
        return {name for name in named if name.startswith(tuple(places))}


def _only(options: Mapping[str, Any], tuning: str, **known: Any) -> dict[str, Any]:  # noqa: ANN401
    """Return the options of a way that isn't peft's, with their defaults."""
    for name in options:
        if name not in known:
            choice = f"its options are {', '.join(known)}" if known else "it has none"
            raise EncoderError(f"Tuning {tuning} has no option {name!r}: {choice}.")
    return known | dict(options)
