"""CREMA-D: a tie, contradictory copies, a silent file, an older copy as MP3."""

import shutil
from pathlib import Path

from crossemo.corpora.cremad import CREMAD
from tests.corpora.trees.base import OfficialTree, write_sound, write_table

HEADER = (
    '"","FileName","VoiceVote","VoiceLevel","FaceVote","FaceLevel",'
    '"MultiModalVote","MultiModalLevel"'
)
# Name, vote on the voice alone, vote on voice and face.
CLIPS = (
    *(("1001_DFA_ANG_XX", "A", "A"), ("1001_IEO_HAP_HI", "N", "H")),
    *(("1001_IEO_SAD_LO", "N", "S"), ("1001_TSI_NEU_XX", "N", "N")),
    *(("1002_DFA_ANG_XX", "A:D", "A"), ("1002_MTI_FEA_XX", "F", "F:S")),
    *(("1006_TIE_HAP_XX", "N", "H"), ("1006_TIE_NEU_XX", "N", "N")),
    *(("1025_IOM_HAP_XX", "H", "H"), ("1025_IWL_SAD_XX", "S", "S")),
    *(("1025_ITS_ANG_XX", "A", "A"), ("1025_TAI_NEU_XX", "N", "N")),
    *(("1040_ITH_SAD_XX", "S", "S"), ("1040_WSI_HAP_XX", "N", "H")),
    *(("1040_IWW_ANG_XX", "A", "D"), ("1040_ITS_NEU_XX", "N", "N")),
    *(("1060_DFA_HAP_XX", "H", "H"), ("1060_IWL_NEU_XX", "N", "N")),
    *(("1060_DFA_SAD_XX", "S", "S"), ("1060_TSI_ANG_XX", "A", "A")),
    *(("1076_MTI_SAD_XX", "N", "S"), ("1076_TIE_DIS_XX", "N", "D")),
    *(("1080_TSI_SAD_XX", "N", "S"), ("1080_DFA_NEU_XX", "N", "N")),
    *(("1080_IEO_ANG_MD", "A", "A"), ("1080_IEO_HAP_MD", "H", "H")),
)
WRONG = ("1006_TIE_HAP_XX", "1006_TIE_NEU_XX", "1076_MTI_SAD_XX")


def write(root: Path) -> dict[str, Path]:
    """Write the folder CREMA-D into the root."""
    folder = root / "CREMA-D"
    audio = {stem: folder / "AudioWAV" / f"{stem}.wav" for stem, *_ in CLIPS}
    for stem, path in audio.items():
        write_sound(path, 0.8 if "IEO" in stem else 0.3)
    shutil.copy(audio["1006_TIE_HAP_XX"], audio["1006_TIE_NEU_XX"])
    write_sound(folder / "AudioMP3" / "1001_DFA_ANG_XX.mp3", rate=44_100)
    rows = (
        f'"{number}","{stem}","{voice}",51.5,"A",60.25,"{both}",70'
        for number, (stem, voice, both) in enumerate(CLIPS, 1)
    )
    write_table(folder / "processedResults" / "summaryTable.csv", HEADER, *rows)
    write_table(
        folder / "VideoDemographics.csv",
        '"ActorID","Age","Sex","Race","Ethnicity"',
        '1001,51,"Male","Caucasian","Not Hispanic"',
        '1002,21,"Female","Caucasian","Not Hispanic"',
    )
    return {stem: path for stem, path in sorted(audio.items()) if stem not in WRONG}


TREE = OfficialTree(CREMAD, write)
