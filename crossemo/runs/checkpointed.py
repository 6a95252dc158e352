"""A module whose checkpoints are written whole and read without running code."""

from argparse import ArgumentError
from collections.abc import Mapping
from inspect import signature
from typing import Any, Self

import torch
from lightning import LightningModule

from crossemo.encoders.user_code import names_code
from crossemo.errors import CrossEmoError, shortened
from crossemo.runs.checkpoint_files import (
    ORIGIN,
    CheckpointError,
    name_of,
    read_checkpoint,
    write_whole,
)


class Checkpointed(LightningModule):
    """A module whose trainer writes and reads checkpoints by `CheckpointFiles`."""

    def setup(self, stage: str) -> None:
        """Have the trainer do so, before it reads or writes any."""
        if self._trainer:
            write_whole(self._trainer)

    @classmethod
    def load_from_checkpoint(
        cls,
        checkpoint_path: Any,  # noqa: ANN401  # as Lightning has it
        map_location: Any = None,  # noqa: ANN401
        hparams_file: Any = None,  # noqa: ANN401
        strict: bool | None = None,
        weights_only: bool | None = None,
        **kwargs: Any,  # noqa: ANN401
    ) -> Self:
        """Return the module that a checkpoint holds.

        Args:
            checkpoint_path: The file; no URL.
            map_location: Where its tensors go, as in `torch.load`; by default where
                they were, or to the CPU.
            hparams_file: Refused, as a checkpoint holds its settings itself.
            strict: Whether all weights must be there and no others; they must if None.
            weights_only: Makes no difference: code in a file is never run.
            kwargs: Settings to replace.

        Raises:
            CrossEmoError: The file is no checkpoint of this module, or no whole one.
        """
        if hparams_file is not None:
            raise CheckpointError(
                "A checkpoint holds the settings of its model: leave hparams_file out, "
                "and give those that differ by their names."
            )
        places = _at_hand if map_location is None else map_location
        stored = read_checkpoint(checkpoint_path, places)
        return cls.of_checkpoint(stored, strict is not False, **kwargs)

    @classmethod
    def of_checkpoint(
        cls,
        stored: dict[str, Any],
        strict: bool = True,
        **kwargs: Any,  # noqa: ANN401
    ) -> Self:
        """Return the module that a checkpoint holds which was read before.

        Args:
            stored: What `read_checkpoint` returned.
            strict: Whether all weights must be there and no others.
            kwargs: Settings to replace.

        Raises:
            CrossEmoError: It is no checkpoint of this module.
        """
        if cls.CHECKPOINT_HYPER_PARAMS_KEY not in stored:
            raise _unlike(stored, "it lacks settings")
        settings = {
            name: value
            for name, value in stored[cls.CHECKPOINT_HYPER_PARAMS_KEY].items()
            if not name.startswith("_")  # Lightning's
        }
        if (fault := misfitting_setting(cls, settings)) is not None:
            raise _unlike(stored, fault)
        if names_code(settings.get("encoder")) and "encoder" not in kwargs:
            raise CheckpointError(
                f"The {name_of(stored)} needs the code of {settings['encoder']}, which "
                "no file is run for by itself: read it, and load the checkpoint from "
                "Python with encoder='FILE.py:CLASS', or by the config of its run."
            )
        try:
            module = cls(**{**settings, **kwargs})
        except CrossEmoError as error:
            raise CheckpointError(
                f"The {name_of(stored)} can't be used: {error}"
            ) from error
        absent = set(module.hparams) - set(settings)
        if absent and not stored[ORIGIN]["sealed"]:  # an earlier version had fewer
            raise _unlike(stored, f"it lacks the setting {min(absent)}")
        module.on_load_checkpoint(stored)
        module.load_state_dict(stored["state_dict"], strict)
        return module.to(next((t.device for t in stored["state_dict"].values()), "cpu"))


def misfitting_setting(
    module: type[LightningModule], settings: Mapping[str, Any]
) -> str | None:
    """Return which setting a module can't have, and why; None if it can have all.

    Args:
        module: The class.
        settings: Its arguments by name.
    """
    from jsonargparse import ArgumentParser  # takes its time

    parser = ArgumentParser(exit_on_error=False)
    names = parser.add_class_arguments(module, fail_untyped=False)
    defaults = signature(module).parameters
    for name, value in settings.items():
        if name not in names:
            return f"{module.__name__} has no setting {name}"
        try:
            parsed = parser.parse_object({name: value})[name]
        except ArgumentError:
            fits = False
        else:  # that knows no setting that may not be None, and reads numbers in texts
            fits = parsed == value and (
                value is not None
                or name not in defaults
                or defaults[name].default is None
            )
        if not fits:
            return f"the setting {name} can't be {shortened(repr(value), 80)}"
    return None


def _unlike(stored: Mapping[str, Any], what: str) -> CheckpointError:
    return CheckpointError(
        f"The {name_of(stored)} is no checkpoint of this model: {what}."
    )


def _at_hand(storage: torch.UntypedStorage, place: str) -> torch.UntypedStorage | None:
    """Leave a tensor where it was, or on the CPU where there is no such place."""
    gone = place.startswith("cuda") and not torch.cuda.is_available()
    return storage if gone or not place.startswith(("cpu", "cuda")) else None
