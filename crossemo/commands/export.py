"""Write a trained model to a folder, for plain transformers where that is exact."""

from pathlib import Path

from crossemo.commands.parser import Parser
from crossemo.files import from_here
from crossemo.recognizer import EmotionRecognizer
from crossemo.sharing.exporting import Parts, share
from crossemo.sharing.model_facts import ModelFacts


def main(typed: list[str]) -> None:
    """Run `export_model`."""
    parser = Parser(prog="crossemo export")
    parser.add_argument(
        "model", help="Folder of a run, such as logs/NAME/version_0, or a checkpoint."
    )
    parser.add_argument("folder", type=Path, help="The new folder.")
    parser.add_function_arguments(export_model, skip={"model", "folder"})
    export_model(**parser.instantiate_classes(parser.parse_args(typed)).as_dict())


def export_model(model: str, folder: Path, stage: str | None = None) -> ModelFacts:
    """Write a trained model to a new folder, with what is known of it.

    Args:
        model: Folder of a run, such as `logs/x/version_0`, or a checkpoint.
        folder: The new folder.
        stage: Stage whose best weights are meant; the last one by default.

    Returns:
        What is known of it.

    Raises:
        CrossEmoError: There is no such model, or it can't be written.
    """
    module = EmotionRecognizer.from_pretrained(model, stage=stage).cpu()
    assert module.facts is not None
    parts = Parts(module.encoder, module.mix, module.head)
    known = None if module.reliability is None else module.reliability.tensors()
    facts = share(parts, module.facts, folder, known)
    place = from_here(folder)
    if facts.form == "transformers":
        print(
            f"Model: {place}, which plain transformers ({facts.oldest} or newer) reads "
            "too: "
            f'pipeline("audio-classification", "{place}").'
        )
    else:
        print(
            f"Model: {place}, in crossemo's own form, as {facts.obstacle}: "
            f'EmotionRecognizer.from_pretrained("{place}").'
        )
    return facts
