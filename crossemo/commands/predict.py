"""Write what a checkpoint recognises in every clip."""

from crossemo.commands.launch import launch


def main(typed: list[str]) -> None:
    """Run LightningCLI's `predict`."""
    launch(["predict", *typed])
