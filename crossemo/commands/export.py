"""Write a trained model to a folder, for plain transformers where that is exact."""

from functools import partial
from pathlib import Path

from crossemo.commands.parser import Parser
from crossemo.files import expanded, from_here
from crossemo.recognizer import EmotionRecognizer
from crossemo.sharing.exporting import Parts, share
from crossemo.sharing.model_card import model_card
from crossemo.sharing.model_facts import ModelError, ModelFacts
from crossemo.sharing.pushing import check_name, push
from crossemo.sharing.reliability import Reliability
from crossemo.studies.citations import bibliography


def main(typed: list[str]) -> None:
    """Run `export_model`."""
    parser = Parser(prog="crossemo export")
    parser.add_argument(
        "model", help="Folder of a run, such as logs/NAME/version_0, or a checkpoint."
    )
    parser.add_argument("folder", type=Path, help="The new folder.")
    flags = {
        "onnx": "Write model.onnx too, checked against PyTorch; needs crossemo[onnx].",
        "public": "Let everyone see a new repository of the hub.",
    }
    for name, text in flags.items():
        parser.add_argument(f"--{name}", action="store_true", help=text)
    parser.add_function_arguments(export_model, skip={"model", "folder", *flags})
    export_model(**parser.instantiate_classes(parser.parse_args(typed)).as_dict())


def export_model(
    model: str,
    folder: Path,
    stage: str | None = None,
    onnx: bool = False,
    to: str | None = None,
    public: bool = False,
) -> ModelFacts:
    """Write a trained model to a new folder, with what is known of it and its card.

    Args:
        model: Folder of a run, such as `logs/x/version_0`, or a checkpoint.
        folder: The new folder.
        stage: Stage whose best weights are meant; the last one by default.
        onnx: Write model.onnx too, checked against PyTorch; needs crossemo[onnx].
        to: Repository OWNER/NAME of the Hugging Face hub that then gets the folder.
        public: Let everyone see a new repository of the hub.

    Returns:
        What is known of it.

    Raises:
        CrossEmoError: There is no such model, or it can't be written or pushed.
    """
    if to is not None:
        check_name(to)
    elif public:
        raise ModelError("--public is of a repository on the hub: add --to OWNER/NAME.")
    module = EmotionRecognizer.from_pretrained(model, stage=stage).cpu()
    assert module.facts is not None
    parts = Parts(module.encoder, module.mix, module.head)
    known = None if module.reliability is None else module.reliability.tensors()
    card = partial(
        model_card,
        name=to or expanded(folder).name,
        caveats=_caveats(module.reliability),
        onnx=onnx,
        citation=bibliography(str(module.facts.encoder["name"]), module.facts.corpora),
    )
    facts = share(parts, module.facts, folder, known, card=card, onnx=onnx)
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
    if to is not None:
        print(f"Pushed: {push(expanded(folder), to, public=public)}")
    return facts


def _caveats(reliability: Reliability | None) -> list[str]:
    """Return what a model knows of its own reliability, a sentence each."""
    if reliability is None:
        return ["How reliable its answers are was not measured."]
    temperature = reliability.temperature
    if temperature is None:
        return [reliability.caveat]
    calibrated = (
        f"crossemo divides its logits by {temperature:.3g}, a temperature that was "
        "fitted on validation clips; plain transformers and ONNX do not."
    )
    return [calibrated, reliability.caveat]
