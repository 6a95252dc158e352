"""Score a checkpoint on the validation part."""

from crossemo.commands.launch import launch


def main(typed: list[str]) -> None:
    """Run LightningCLI's `validate`."""
    launch(["validate", *typed])
