"""Settings of peft's methods that suit these encoders, by the method's name."""

from collections.abc import Mapping
from dataclasses import fields
from difflib import get_close_matches
from math import gcd
from typing import TYPE_CHECKING, Any

from crossemo.encoders.catalogue import EncoderError
from crossemo.errors import listed

if TYPE_CHECKING:
    from peft import PeftConfig

_QUERIES_VALUES: dict[str, Any] = {"target_modules": ["query", "value"]}
_LORA: dict[str, Any] = {"r": 8, "lora_alpha": 16} | _QUERIES_VALUES
_RANK_8: dict[str, Any] = {"r": 8} | _QUERIES_VALUES

# Name → peft's type and what differs from peft's defaults. Modules are named by their
# place in a block, see `Family.places`.
RECIPES: dict[str, tuple[str, dict[str, Any]]] = {
    "lora": ("LORA", _LORA),  # Hu et al., 2022
    "rslora": ("LORA", _LORA | {"use_rslora": True}),  # Kalajdzievski, 2023
    # Scaled by alpha / r = 1, since it starts from the weights' own first directions.
    "pissa": ("LORA", _LORA | {"lora_alpha": 8, "init_lora_weights": "pissa"}),
    "dora": ("LORA", _LORA | {"use_dora": True}),  # Liu et al., 2024
    # The stage that trains it says how many steps there are.
    "adalora": (
        "ADALORA",
        {"init_r": 12, "target_r": 8, "total_step": 1} | _QUERIES_VALUES,
    ),
    "ia3": (
        "IA3",
        {
            "target_modules": ["key", "value", "feed_forward"],
            "feedforward_modules": ["feed_forward"],
        },
    ),
    "vera": ("VERA", {"r": 256} | _QUERIES_VALUES),
    "loha": ("LOHA", {"alpha": 16} | _RANK_8),
    "lokr": ("LOKR", {"alpha": 16} | _RANK_8),
    "oft": ("OFT", {"oft_block_size": 16, "r": 0} | _QUERIES_VALUES),
    "boft": ("BOFT", {"boft_block_size": 4} | _QUERIES_VALUES),
    "hra": ("HRA", _RANK_8),
    "ln_tuning": ("LN_TUNING", {"target_modules": "norms"}),
    "delora": ("DELORA", _RANK_8),
    "miss": ("MISS", _RANK_8),
    "randlora": ("RANDLORA", _RANK_8),
    "shira": ("SHIRA", _RANK_8),
    "vblora": ("VBLORA", {"r": 4} | _QUERIES_VALUES),
    "fourierft": ("FOURIERFT", {"init_weights": True} | _QUERIES_VALUES),
}


def peft_config(
    method: str, options: Mapping[str, Any], places: Mapping[str, str], width: int
) -> "PeftConfig":
    """Return peft's config of a method.

    Args:
        method: A name from `RECIPES`, or `peft` where the options name a `peft_type`.
        options: What differs from the recipe; all of peft's own options.
        places: Modules of the encoder by their place in a block.
        width: Features per frame of the encoder.

    Raises:
        EncoderError: There is no such method or option, or peft refuses a value.
    """
    from peft import PEFT_TYPE_TO_CONFIG_MAPPING, PeftType  # takes seconds to import

    kind, recipe = RECIPES.get(method, ("", {}))
    recipe = {key: value for key, value in recipe.items() if key not in options}
    settings = recipe | _of_width(kind, width) | _modules(method, recipe, places)
    settings |= options
    kind = str(settings.pop("peft_type", kind)).upper()
    if kind not in PeftType.__members__:
        raise EncoderError(
            f"peft has no method {kind or method!r}: set peft.peft_type to one of "
            f"{', '.join(sorted(PeftType.__members__))}."
        )
    config_class = PEFT_TYPE_TO_CONFIG_MAPPING[PeftType[kind]]
    _refuse_unknown(kind, settings, [field.name for field in fields(config_class)])
    try:
        return config_class(**settings)
    except (TypeError, ValueError) as error:
        raise EncoderError(f"peft refuses these options of {kind}: {error}") from error


def _modules(
    method: str, recipe: Mapping[str, Any], places: Mapping[str, str]
) -> dict[str, Any]:
    """Return the options of a recipe that name places, with the modules there."""
    modules: dict[str, Any] = {}
    for option, place in recipe.items():
        if option not in ("target_modules", "feedforward_modules"):
            continue
        try:
            if isinstance(place, str):
                modules[option] = places[place]
            else:
                modules[option] = [places[one] for one in place]
        except KeyError as error:
            raise EncoderError(
                f"This encoder has no {error} that {method} could sit on: name its "
                f"modules as peft.{option}."
            ) from error
    return modules


def _of_width(kind: str, width: int) -> dict[str, Any]:
    if kind == "VBLORA":
        return {"vector_length": gcd(width, 256)}
    if kind == "FOURIERFT":
        return {"n_frequency": min(1000, width**2 // 4)}
    return {}


def _refuse_unknown(kind: str, settings: Mapping[str, Any], names: list[str]) -> None:
    for name in settings:
        if name not in names:
            close = get_close_matches(name, names)
            meant = f"did you mean {listed(close, last=' or ')}?"
            known = f"its options are {listed(sorted(names))}."
            raise EncoderError(
                f"peft's {kind} has no option {name!r}: {meant if close else known}"
            )
