"""Adapters of peft's on an encoder: added, stacked, merged, saved."""

import re
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import torch

from crossemo.cache import new_folder
from crossemo.encoders.attention import DEFAULT, set_attention
from crossemo.encoders.catalogue import EncoderError
from crossemo.encoders.families.base import Family, Model
from crossemo.encoders.tuning.peft_files import write_adapters
from crossemo.encoders.tuning.recipes import peft_config
from crossemo.errors import reason_of

if TYPE_CHECKING:
    from peft import PeftModel

FIRST = "default"  # peft's name of a first adapter
_MEMORY = ("ipt", "exp_avg_ipt", "exp_avg_unc")  # AdaLoRA's, besides its weights


class Adapters:
    """Adapters of one of peft's methods on an encoder.

    Args:
        model: The encoder, changed in place.
        family: What kind of encoder it is.
        method: Name of the method, see `RECIPES`.
        options: What differs from the method's recipe.
        seed: Seed of the first weights.
        stock: Loads the encoder as it was before any training.

    Attributes:
        names: The adapters that act, in order; the last one is trained.

    Raises:
        EncoderError: There is no such method or option, or it doesn't fit the encoder.
    """

    def __init__(
        self,
        model: Model,
        family: Family,
        method: str,
        options: Mapping[str, Any],
        seed: int,
        stock: Callable[[], Model],
    ) -> None:
        self._model, self._family, self._stock = model, family, stock
        self._method = method
        self._config = peft_config(method, options, family.places, family.width(model))
        self._seed = seed
        self._original = {name for name, _ in model.named_parameters()}
        self._peft: PeftModel | None = None
        self._trained: dict[str, set[str]] = {}
        self._steps = 0  # of the optimizer
        self.names: list[str] = []
        self.add(FIRST)

    def trained(self) -> set[str]:
        """Return the names of the parameters that the method trains."""
        return self._trained[self.names[-1]]

    def base_parameters(self) -> set[str]:
        """Return the names of the encoder's own parameters that still act."""
        names = {
            name
            for name, _ in self._model.named_parameters()
            if name.replace(".base_layer.", ".") in self._original
        }
        if self._config.peft_type == "LN_TUNING":  # its copies act in their place
            names = {name for name in names if ".base_layer." not in name}
        return names

    def adapted(self) -> set[str]:
        """Return the names of the encoder's own parameters that adapters sit on."""
        return {name for name in self.base_parameters() if ".base_layer." in name}

    def begin(self, name: str, way: Literal["continue", "add", "merge"]) -> None:
        """Go on with the adapter, add another, or merge it and begin a fresh one.

        Args:
            name: Name of the new adapter.
            way: What to do.

        Raises:
            EncoderError: The method's adapters can't be stacked.
        """
        if way == "add" and self._config.peft_type == "LN_TUNING":
            raise EncoderError(
                f"{self._method} can't be stacked, as one copy of a norm acts in its "
                "place: continue or merge."
            )
        self._steps = 0
        if allocator := self._allocator:
            allocator.reset_ipt()
            allocator.peft_config.rank_pattern = None
        if way == "merge":
            self._base.merge_and_unload()
            self._model.__dict__.pop("peft_config", None)  # or peft would warn of it
            self._peft, self.names = None, []
        if way != "continue":
            self.add(re.sub(r"\W", "_", name))

    def add(self, name: str) -> None:
        """Add an adapter that acts beside those there are and is trained.

        Raises:
            EncoderError: The method doesn't fit the encoder or can't be stacked.
        """
        from peft import get_peft_model  # takes seconds to import

        with _seeded(self._seed):
            try:
                if self._peft is None:
                    self._peft = get_peft_model(self._model, self._config, name)
                else:
                    self._peft.add_adapter(name, self._config)
            except (AssertionError, TypeError, ValueError) as error:
                raise EncoderError(f"peft can't add {self._method}: {error}") from error
        self.names.append(name)
        self._activate()
        named = self._model.named_parameters()
        self._trained[name] = {key for key, p in named if p.requires_grad}

    def match(self, names: Sequence[str]) -> None:
        """Have adapters of exactly these names, as a checkpoint's weights want it."""
        for name in names:
            if name not in self.names:
                self.add(name)
        for name in set(self.names) - set(names):
            assert self._peft is not None
            self._peft.delete_adapter(name)
        self.names = list(names)
        self._activate()

    def merged(self) -> Model:
        """Return a copy of the encoder that has in its own weights what adapters do.

        Raises:
            EncoderError: The method's adapters can't be merged.
        """
        whole = deepcopy(self._base).cpu().double().eval()
        set_attention(whole, DEFAULT)
        try:
            model = whole.merge_and_unload().float()  # rounded once
        except Exception as error:  # of whatever kind the method's own code raises
            raise EncoderError(
                f"peft can't merge {self._method}: {reason_of(error)}."
            ) from error
        model.__dict__.pop("peft_config", None)
        return model

    def save(self, folder: Path) -> None:
        """Write the adapters for plain peft, see `write_adapters`."""
        assert self._peft is not None
        destination = new_folder(folder, stays=lambda there, new: False, sums=False)
        with destination as unfinished, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of models that have no name on the hub
            write_adapters(
                self._peft, self.names, self._family, self._stock, unfinished
            )

    def plan(self, steps: int) -> None:
        """Tell AdaLoRA how many steps there are: it prunes from a tenth to the half."""
        if allocator := self._allocator:
            config = allocator.peft_config
            config.total_step = steps
            config.tinit, config.tfinal = steps // 10, steps // 2

    def after_step(self) -> None:
        """Let AdaLoRA prune, while the gradients of a step are still there."""
        if self._allocator is None:
            return
        self._steps += 1
        trained = self.trained()
        named = self._model.named_parameters()
        # In a stage that trains the head alone there are none.
        if all(p.grad is not None for name, p in named if name in trained):
            self._base.update_and_allocate(self._steps)

    def state(self) -> dict[str, Any]:
        """Return what isn't in the weights: the names, and AdaLoRA's memory."""
        state: dict[str, Any] = {"names": list(self.names), "taken": self._steps}
        if allocator := self._allocator:
            state |= {key: dict(getattr(allocator, key)) for key in _MEMORY}
            state["pattern"] = allocator.peft_config.rank_pattern
        return state

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Take over what `state` returned."""
        self.match(state["names"])
        self._steps = state["taken"]
        if (allocator := self._allocator) and "pattern" in state:
            for key in _MEMORY:
                setattr(allocator, key, dict(state[key]))
            allocator.peft_config.rank_pattern = state["pattern"]

    @property
    def _base(self) -> Any:  # noqa: ANN401
        assert self._peft is not None
        return self._peft.base_model

    @property
    def _allocator(self) -> Any:  # noqa: ANN401
        return getattr(self._base, "rankallocator", None)

    def _activate(self) -> None:
        self._base.set_adapter(self.names)
        idle = set(self.names[:-1])
        for name, parameter in self._model.named_parameters():
            if idle.intersection(name.split(".")):
                parameter.requires_grad = False


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        # peft asks transformers for what transformers has renamed, and BOFT for CUDA.
        warnings.simplefilter("ignore")
        torch.default_generator.manual_seed(seed)
        yield
