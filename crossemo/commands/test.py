"""Score a checkpoint on the test part."""

from crossemo.commands.launch import launch


def main(typed: list[str]) -> None:
    """Run LightningCLI's `test`."""
    launch(["test", *typed])
