"""EMO-DB as it was published: a table in Latin-1 with commas in its numbers."""

from pathlib import Path

from crossemo.corpora.emodb import EMODB
from tests.corpora.trees.base import OfficialTree, write_sound, write_table

# Classic clips of five speakers; what share recognised them and found them natural.
CLASSIC = {
    **{"03a01Fa": (0.9, 1.0), "03a01Nc": (1.0, 0.85), "03a01Wa": (0.95, 0.7)},
    **{"03a02Ta": (1.0, 0.55), "08a01Na": (1.0, 0.9), "08a01Wa": (0.85, 0.8)},
    **{"08a01Fd": (1.0, 0.95), "08a02Tb": (0.9, 0.9), "08a04Ff": (0.95, 0.65)},
    **{"10a01Wa": (1.0, 1.0), "10a02Na": (0.95, 0.9), "10a02Fa": (0.8, 0.6)},
    **{"10a05Tb": (0.85, 0.85), "11b10Ae": (1.0, 0.75), "11a01Nd": (1.0, 1.0)},
    **{"11a02Fb": (0.9, 0.9), "11a01Wc": (0.95, 0.95), "11a02Tc": (0.8, 0.8)},
    **{"16a01Ec": (0.9, 0.7), "16a01Lb": (0.85, 0.9), "16a01Tb": (0.95, 1.0)},
    **{"16a01Wb": (1.0, 1.0), "16a01Nc": (1.0, 0.95), "16a01Fc": (0.85, 0.7)},
}
ADDED = {"03a01Ab": (0.45, 0.5), "14a01Wb": (0.8, 0.3)}  # in the table all the same


def write(root: Path) -> dict[str, Path]:
    """Write the folder `download` into the root."""
    folder = root / "download"
    rows = (
        f"{number}\t{stem}.wav\xa0\xa0\t{percent(recognised)}\t{percent(natural)}\xa0"
        for number, (stem, (recognised, natural)) in enumerate(
            (CLASSIC | ADDED).items(), 1
        )
    )
    header = "Nr.\tSatz\terkannt\tnatuerlich"
    write_table(folder / "erkennung.txt", header, *rows, encoding="latin-1")
    write_table(
        folder / "erklaerung.txt", "Lablaut: für jeden Satz", encoding="latin-1"
    )
    write_table(folder / "lablaut" / "03a01Faxx.lablaut", "signal 03a01Faxx")
    paths = {stem: folder / "wav" / f"{stem}.wav" for stem in sorted(CLASSIC)}
    return {
        stem: write_sound(path, 1.0 if "T" in stem else 0.3)
        for stem, path in paths.items()
    }


def percent(share: float) -> str:
    """Return a share in percent as in the table, such as `95,00`."""
    return f"{100 * share:.2f}".replace(".", ",")


TREE = OfficialTree(EMODB, write)
