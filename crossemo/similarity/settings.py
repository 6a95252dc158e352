"""How distances are estimated."""

from dataclasses import dataclass

from crossemo.errors import CrossEmoError


@dataclass(frozen=True)
class Settings:
    """How distances are estimated.

    Args:
        splits: Random halvings that the distance above chance is averaged over.
        intervals: Whether distances get jackknife intervals.
        permutations: Exchanges of groups for the p-values of the kernel distance and of
            the distance of means.
        fad_permutations: The same for the Fréchet distance and its covariance term,
            which takes longer.
        subspace: Principal axes of `fad_subspace`, along which the intervals and tests
            of covariances are computed too.
        infinity: Whether to extrapolate to infinitely many clips, where there are
            enough more clips than features.
        level: Share of intervals that hold the truth.
        seed: Seed of all draws.

    Raises:
        CrossEmoError: A number is out of range.
    """

    splits: int = 8
    intervals: bool = True
    permutations: int = 999
    fad_permutations: int = 199
    subspace: int = 20
    infinity: bool = False
    level: float = 0.95
    seed: int = 0

    def __post_init__(self) -> None:
        least = {"splits": 1, "permutations": 0, "fad_permutations": 0, "subspace": 1}
        for name, number in least.items():
            if (value := getattr(self, name)) < number:
                raise CrossEmoError(
                    f"estimate.{name} is {value}: choose {number} or more."
                )
        if not 0 < self.level < 1:
            raise CrossEmoError(
                f"estimate.level is {self.level:g}: choose a share between 0 and 1."
            )


DEFAULTS = Settings()
