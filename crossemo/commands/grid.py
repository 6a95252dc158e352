"""Run a config for each of its choices: crossemo grid configs/paper/demo.yaml."""

from importlib import import_module


def main(typed: list[str]) -> None:
    """Run the grid.

    Its runs are commands, so that grids know the commands, and these know it by name.
    """
    import_module("crossemo.grids.command").main(typed)
