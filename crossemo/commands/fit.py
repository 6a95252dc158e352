"""Train in stages, or probes of all layers: lightning fit --config demo.yaml."""

from crossemo.commands.launch import launch


def main(typed: list[str]) -> None:
    """Run LightningCLI's `fit`."""
    launch(["fit", *typed])
