"""What an encoder has seen of the clips that its probes are judged by."""

from crossemo.corpora.base import PARTS, Part
from crossemo.data.datamodule import EmotionDataModule
from crossemo.data.examples import Example
from crossemo.data.marks import Mark
from crossemo.data.provenance import leaks_of
from crossemo.encoders import encoder_provenance
from crossemo.encoders.training_records import mark_of, records_on, refuse_records
from crossemo.probes.clips import ProbedClips


def probe_leaks(
    encoder: str,
    data: EmotionDataModule,
    clips: ProbedClips,
    *,
    allowed: bool,
    strict: bool = False,
) -> Mark:
    """Return what tables say of an encoder that knows the clips that judge probes.

    Args:
        encoder: Its name.
        data: The data, set up.
        clips: The clips in the folds that are probed.
        allowed: Whether to judge by clips of a training of crossemo's all the same.
        strict: Whether to refuse trainings of others on their corpora.

    Raises:
        LeakError: There are such clips, and it is not allowed.
    """
    examples = {one.clip.id: one for part in data.datasets() for one in part.examples}
    inside = {part: (clips.parts == n).any(0).tolist() for n, part in enumerate(PARTS)}
    judged: dict[Part, list[Example]] = {
        part: [
            examples[name]
            for name, here in zip(clips.ids, inside[part], strict=True)
            if here
        ]
        for part in ("test", "val")
    }
    provenance = encoder_provenance(encoder)
    leaks = leaks_of(provenance, judged, allowed=allowed)
    names = [one.clip.id for part in judged.values() for one in part]
    records = records_on(provenance.repositories, names)
    if strict:
        refuse_records(encoder, records)
    return mark_of(leaks, records)
