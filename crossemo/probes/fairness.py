"""What an encoder has seen of the clips that its probes are judged by."""

from crossemo.corpora.base import PARTS, Part
from crossemo.data.datamodule import EmotionDataModule
from crossemo.data.examples import Example
from crossemo.data.provenance import leaks_of, mark_of
from crossemo.encoders import encoder_provenance
from crossemo.probes.clips import ProbedClips


def probe_leaks(
    encoder: str, data: EmotionDataModule, clips: ProbedClips, *, allowed: bool
) -> str:
    """Return what tables say of an encoder that has seen the clips that judge probes.

    Args:
        encoder: Its name.
        data: The data, set up.
        clips: The clips in the folds that are probed.
        allowed: Whether to judge by such clips all the same.

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
    leaks = leaks_of(encoder_provenance(encoder), judged, allowed=allowed)
    return mark_of(leaks)
