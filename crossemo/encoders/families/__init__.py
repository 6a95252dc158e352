"""What is peculiar to each family of encoders, a file each, read when it is needed."""

from collections.abc import Collection
from importlib import import_module
from pkgutil import iter_modules

from crossemo.encoders.families.base import Family


def family_names() -> list[str]:
    """Return the names of all families: those of their files, with - for _."""
    files = [module.name for module in iter_modules(__path__) if module.name != "base"]
    return [file.replace("_", "-") for file in sorted(files)]


def get_family(name: str) -> Family:
    """Return a family; imports its file and none that it doesn't ask for.

    Args:
        name: One of `family_names`.
    """
    family: Family = import_module(f"{__name__}.{name.replace('-', '_')}").FAMILY
    return family


def find_family(model_type: object, fields: Collection[str] = ()) -> Family | None:
    """Return the family that reads a config.json, if there is one.

    A family of that very name comes first, so that the others needn't be imported.

    Args:
        model_type: Its `model_type`, None if it names none.
        fields: Its fields.
    """
    names = sorted(family_names(), key=lambda name: name != model_type)
    families = map(get_family, names)
    if model_type is None:
        return next((one for one in families if one.telltale in {*fields} - {""}), None)
    return next((one for one in families if model_type in one.model_types), None)
