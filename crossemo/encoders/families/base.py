"""What the general encoder asks of a family; its answers for a plain transformer."""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from inspect import signature
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Protocol

from torch import Tensor, nn

from crossemo.encoders.attention import mask_for
from crossemo.encoders.catalogue import EncoderError
from crossemo.encoders.masking import unpadded, valid_mask
from crossemo.encoders.user_code import UserCode
from crossemo.errors import reason_of, shortened

# transformers' model without a head, or any other module.
Model = Any
Step = Callable[..., Tensor | tuple[Tensor, ...]]

# Fields of config.json about how files are read rather than what the encoder is.
_ABOUT_FILES = {
    "architectures",
    "auto_map",
    "dtype",
    "gradient_checkpointing",
    "quantization_config",
    "torch_dtype",
    "transformers_version",
    "transformers_weights",
}


class Run(Protocol):
    """Applies a step to a tensor, with or without gradient checkpointing."""

    def __call__(self, step: Step, hidden: Tensor, **options: Any) -> Tensor:  # noqa: ANN401
        """Return the step's output, the first one if it gives several."""
        ...


class EncoderFiles(NamedTuple):
    """The small files of an encoder.

    Args:
        name: Name of the encoder, for messages.
        config: Content of config.json.
        preprocessor: Content of preprocessor_config.json, empty if there is none.
    """

    name: str
    config: Mapping[str, Any]
    preprocessor: Mapping[str, Any]


class Family(ABC):
    """A kind of encoder.

    A file of `crossemo.encoders.families` holds one, as `FAMILY`, and the name of the
    file is its name. It keeps no state and imports transformers in `architecture` only.

    Attributes:
        citation: BibTeX of the paper that describes the family.
        sampling_rate: Rate in Hz where an encoder's files don't say.
        telltale: A field that only its config.json has, where that names no
            `model_type`; empty if it always does.
        weights: What its weights may be called besides the customary names.
        untried: Whether its published weights couldn't be had, so that only its public
            code was compared; said when weights are loaded.
        heads: What may stand in a weight file besides the encoder, as no hidden state
            depends on it; matched from the beginning of a tensor's name.
        front_end: Where the names of the parameters begin that lie before the blocks
            and that aren't trained by default if they are pretrained.
        places: Modules that adapters sit on, as peft's `target_modules` names them:
            `query`, `key`, `value`, `feed_forward` (its last layer), and `norms`, a
            pattern for those of the blocks.
        bottlenecks: Linear layers in a block that bottleneck adapters follow.
        uncalled: Names of linear layers that `adjust` has called as the model with
            which others load adapters has not.
        for_distances: Whether it gives one embedding, for distances only, see
            `crossemo.encoders.embedding`.
        code: The user's file, where that is what computes.
    """

    citation: ClassVar[str] = ""
    sampling_rate: ClassVar[int] = 16_000
    telltale: ClassVar[str] = ""
    weights: ClassVar[tuple[str, ...]] = ()
    untried: ClassVar[bool] = False
    heads: ClassVar[re.Pattern[str]] = re.compile(r"(?!)")
    front_end: ClassVar[tuple[str, ...]] = ()
    places: ClassVar[Mapping[str, str]] = {}
    bottlenecks: ClassVar[tuple[str, ...]] = ()
    uncalled: ClassVar[tuple[str, ...]] = ()
    for_distances: ClassVar[bool] = False
    code: UserCode | None = None

    @property
    def name(self) -> str:
        """Name of the family."""
        return type(self).__module__.rpartition(".")[2].replace("_", "-")

    @property
    def model_types(self) -> tuple[str, ...]:
        """The `model_type`s of config.json that the family reads."""
        return (self.name,)

    # What the data must be like.

    def rate(self, files: EncoderFiles) -> int:
        """Return the sampling rate of the waveforms in Hz."""
        default = files.config.get("sample_rate", self.sampling_rate)
        return int(files.preprocessor.get("sampling_rate", default))

    @abstractmethod
    def min_samples(self, files: EncoderFiles) -> int:
        """Return how many samples the shortest clip has that gives a frame.

        Raises:
            KeyError, TypeError, ValueError: The configuration makes no sense.
        """

    def normalises(self, files: EncoderFiles) -> bool:
        """Return whether each clip is brought to zero mean and unit variance first."""
        return bool(files.preprocessor.get("do_normalize", False))

    # From files to a model.

    @abstractmethod
    def architecture(
        self, files: EncoderFiles, *, dropout: bool
    ) -> tuple[Callable[[Any], Model], Any]:
        """Return the class of the model and the configuration to call it with.

        Weights are read by transformers if the class is one of its models, otherwise
        tensor by tensor. What training would make random besides dropout (layers or
        stretches of time left out) must be off.

        Args:
            files: What config.json and the like say.
            dropout: Whether the model's own dropout is on in training mode.

        Raises:
            EncoderError: The configuration is broken or can't be computed.
        """

    def tensor_name(self, name: str) -> str:
        """Return the name in the model of a tensor, by its name in the file."""
        return name

    def check(self, model: Model, weights: Path) -> None:  # noqa: B027 (a hook)
        """Compare a model with the file that it was read from, where that is needed.

        Raises:
            EncoderError: Something of the file didn't reach the model.
        """

    def adjust(self, model: Model) -> None:  # noqa: B027 (a hook)
        """Replace parts of a model that adapters or padding can't cope with."""

    def traits(self, model: Model, files: EncoderFiles) -> list[Any]:
        """Return what changes hidden states without a trace in names and shapes.

        Ready for JSON; goes into the digest by which features are kept.
        """
        config = files.config.items()
        fields = {name: value for name, value in config if name not in _ABOUT_FILES}
        return [fields, dict(files.preprocessor)]

    def tensors(self, model: Model) -> Iterable[tuple[str, Tensor]]:
        """Return what its hidden states are computed with, by name, for that digest."""
        stored: dict[str, Tensor] = model.state_dict()
        return stored.items()

    def feature_extractor(self, model: Model, rate: int, normalised: bool) -> Any:  # noqa: ANN401
        """Return transformers' feature extractor, to be saved beside the model.

        Args:
            model: The model.
            rate: Its sampling rate in Hz.
            normalised: Whether it takes clips of zero mean and unit variance.
        """
        from transformers import Wav2Vec2FeatureExtractor  # takes seconds to import

        return Wav2Vec2FeatureExtractor(sampling_rate=rate, do_normalize=normalised)

    # From waveforms to hidden states.

    @abstractmethod
    def count_frames(self, model: Model, lengths: Sequence[int]) -> list[int]:
        """Return how many frames clips have whose lengths in samples are given."""

    @abstractmethod
    def embed(
        self, model: Model, waveforms: Tensor, lengths: Sequence[int], run: Run
    ) -> Tensor:
        """Return hidden state 0, which the first block reads.

        A clip must get the same frames alone and beside longer clips, to rounding.

        Args:
            model: The model.
            waveforms: `(batch, samples)` float32, zero on padding.
            lengths: Valid samples of each clip.
            run: For steps whose memory gradient checkpointing should save.

        Returns:
            `(batch, frames, width)`, the frames of the clip before those of padding.
        """

    def hidden_states(
        self, model: Model, waveforms: Tensor, lengths: Sequence[int], run: Run
    ) -> list[Tensor]:
        """Return hidden states 0 to the number of blocks; arguments as in `embed`."""
        states = [self.embed(model, waveforms, lengths, run)]
        counts, frames = self.count_frames(model, lengths), states[0].shape[1]
        whole = unpadded(counts, frames)
        mask = None if whole else valid_mask(counts, frames, waveforms.device)
        options = self.block_options(model, states[0], mask)
        for block in self.blocks(model):
            states.append(run(block, states[-1], **options))
        return states

    def block_options(
        self, model: Model, hidden: Tensor, mask: Tensor | None
    ) -> dict[str, Any]:
        """Return what the blocks take besides the state below.

        Args:
            model: The model.
            hidden: `(batch, frames, width)` hidden state 0.
            mask: `(batch, frames)` bool, True on frames of the clip; None if all are.
        """
        return {"attention_mask": mask_for(model, mask, hidden)}

    # Where there is something to train.

    @abstractmethod
    def blocks(self, model: Model) -> Sequence[nn.Module]:
        """Return the blocks, from the lowest; state k is what block k gives."""

    def count_states(self, model: Model) -> int:
        """Return how many hidden states there are."""
        return len(self.blocks(model)) + 1

    def width(self, model: Model) -> int:
        """Return the features per frame of the hidden states."""
        return int(model.config.hidden_size)

    def unreached(self, model: Model) -> tuple[str, ...]:
        """Return where the names of parameters begin that no hidden state needs."""
        return ()


def transformers_model(
    stem: str,
    files: EncoderFiles,
    fields: Mapping[str, Any],
    attention: str = "sdpa",
    since: str = "5.0",
) -> tuple[Callable[[Any], Model], Any]:
    """Return a model class of transformers and its configuration, for `architecture`.

    Args:
        stem: What the names of the two classes begin with.
        files: The small files of the encoder.
        fields: Fields of the configuration.
        attention: Name of the attention's implementation in transformers.
        since: Version of transformers from which the class is as the family takes it.

    Raises:
        EncoderError: A field's value is of another kind, or transformers is too old.
    """
    import transformers  # its models take seconds to import
    from huggingface_hub.errors import StrictDataclassError
    from transformers.utils.versions import require_version

    try:
        require_version(f"transformers>={since}")
    except ImportError as error:
        raise EncoderError(
            f"{files.name} needs transformers {since} or newer, and another is "
            f"installed: install that, or choose another encoder."
        ) from error
    for labels in ("id2label", "label2id"):
        if not isinstance(fields.get(labels, {}), dict):
            raise EncoderError(
                f"{labels} in the config.json of {files.name} is no object."
            )
    _refuse_unknown_activations(files, fields)
    config_class = getattr(transformers, f"{stem}Config")
    # Of what all its configurations have, nothing says what the encoder computes.
    shared = signature(transformers.PreTrainedConfig).parameters
    known = signature(config_class).parameters.keys() - shared.keys()
    try:
        config = config_class(**{key: fields[key] for key in known & fields.keys()})
    except (StrictDataclassError, TypeError, ValueError) as error:
        raise EncoderError(
            f"The config.json of {files.name} is broken ({reason_of(error)}): save or "
            "download the encoder again."
        ) from error
    config._attn_implementation = attention
    return getattr(transformers, f"{stem}Model"), config


def _refuse_unknown_activations(files: EncoderFiles, fields: Mapping[str, Any]) -> None:
    from transformers.activations import ACT2FN

    for name, value in fields.items():
        if name.endswith(("_act", "_activation", "activation_function")) and (
            not isinstance(value, str) or value not in ACT2FN
        ):
            raise EncoderError(
                f"The config.json of {files.name} says {name}: {shortened(repr(value))}"
                ", which is no activation of transformers: save or download the "
                "encoder again."
            )
