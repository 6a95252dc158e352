"""What of an encoder is trained: nothing, a few parameters, adapters, or everything."""

from collections.abc import Callable, Mapping
from typing import Any, Literal

from crossemo.encoders.catalogue import EncoderError
from crossemo.encoders.families.base import Family, Model
from crossemo.encoders.tuning.adapters import Adapters
from crossemo.encoders.tuning.bottleneck import add_bottlenecks
from crossemo.encoders.tuning.recipes import RECIPES

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
        family: What kind of encoder it is.
        tuning: The way.
        options: Of the way: peft's own, or the `size` of `houlsby`.
        stock: Loads the encoder as it was before any training.
        seed: Seed of the adapters' first weights.
        front_end: Whether what the family calls its front end may be trained.

    Attributes:
        adapters: The adapters, where the way is one of peft's.

    Raises:
        EncoderError: An option is unknown or doesn't fit this encoder.
    """

    def __init__(
        self,
        model: Model,
        family: Family,
        tuning: Tuning,
        options: Mapping[str, Any],
        stock: Callable[[], Model],
        seed: int = 0,
        front_end: bool = True,
    ) -> None:
        self.tuning: Tuning = tuning
        self._model, self._family = model, family
        self._front_end = front_end
        self._unread = 0  # blocks, from the top
        self.adapters: Adapters | None = None
        if tuning not in PLAIN:
            self.adapters = Adapters(model, family, tuning, options, seed, stock)
        elif tuning == "houlsby":
            size = _only(options, tuning, size=64)["size"]
            add_bottlenecks(model, family, size, seed)
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

        Without those of the front end where it is to be left alone. A parameter that
        the loss can't reach would stop distributed training, which waits for its
        gradient.
        """
        if self.adapters is not None:
            names = self.adapters.base_parameters() | self.adapters.trained()
        else:
            names = self._parameters()
        if not self._front_end:
            front_end = self._family.front_end
            names = {name for name in names if not name.startswith(front_end)}
        return names - self._unreached()

    def base_parameters(self) -> set[str]:
        """Return the names of the parameters that the encoder has by itself."""
        if self.adapters is not None:
            return self.adapters.base_parameters()
        names = self._parameters()
        return names - self.tuned() if self.tuning == "houlsby" else names

    def _parameters(self) -> set[str]:
        return {name for name, _ in self._model.named_parameters()}

    def _unreached(self) -> set[str]:
        blocks = list(self._family.blocks(self._model))
        unread = blocks[len(blocks) - self._unread :]
        places = [
            f"{name}."
            for name, module in self._model.named_modules()
            if any(module is block for block in unread)
        ]
        prefixes = (*places, *self._family.unreached(self._model))
        return {name for name in self._parameters() if name.startswith(prefixes)}


def _only(options: Mapping[str, Any], tuning: str, **defaults: Any) -> dict[str, Any]:  # noqa: ANN401
    """Return the options of a way that isn't peft's, with their defaults."""
    for name in options:
        if name not in defaults:
            choice = (
                f"its options are {', '.join(defaults)}" if defaults else "it has none"
            )
            raise EncoderError(f"Tuning {tuning} has no option {name!r}: {choice}.")
    return defaults | dict(options)
