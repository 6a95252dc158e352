"""What an encoder has heard of the clips that its probes are judged by."""

from collections.abc import Collection
from itertools import chain

from crossemo.corpora.base import PARTS, Part
from crossemo.data.datamodule import EmotionDataModule
from crossemo.data.examples import Example
from crossemo.encoders import encoder_provenance
from crossemo.encoders.exposure import Marks, exposures_of
from crossemo.encoders.training_records import refuse_records
from crossemo.probes.clips import ProbedClips


def probe_marks(
    encoder: str,
    data: EmotionDataModule,
    clips: ProbedClips,
    roles: Collection[str],
    *,
    allowed: bool,
    strict: bool = False,
) -> Marks:
    """Return what is said of scores by an encoder that knows clips that judge probes.

    Args:
        encoder: Its name.
        data: The data, set up.
        clips: The clips in the folds that are probed.
        roles: Those whose clips judge.
        allowed: Whether to judge by clips of a training of crossemo's all the same.
        strict: Whether to refuse trainings of others on their corpora.

    Raises:
        LeakError: There are such clips, and it is not allowed.
    """
    examples = {one.clip.id: one for part in data.datasets() for one in part.examples}
    of = [clips.names[number] for number in clips.roles.tolist()]
    names = {
        role: [name for name, one in zip(clips.ids, of, strict=True) if one == role]
        for role in roles
    }
    inside = {part: (clips.parts == n).any(0).tolist() for n, part in enumerate(PARTS)}
    wanted = set(chain(*names.values()))
    judged: dict[Part, list[Example]] = {
        part: [
            examples[name]
            for name, here in zip(clips.ids, inside[part], strict=True)
            if here and name in wanted
        ]
        for part in ("test", "val")
    }
    exposures = exposures_of(encoder_provenance(encoder), judged, allowed=allowed)
    if strict:
        known = (record for one in exposures.values() for record in one.records)
        refuse_records(encoder, known)
    return Marks.of(exposures.values(), names)
