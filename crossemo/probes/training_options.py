"""Options of a trainer under which probes would not be what they are said to be."""

from lightning import Trainer

from crossemo.errors import CrossEmoError


def refuse_trainer(trainer: Trainer) -> None:
    """Refuse a trainer that would leave probes unlearnt or round their numbers.

    Raises:
        CrossEmoError: It is such.
    """
    if trainer.limit_train_batches == 0:
        raise CrossEmoError(
            "trainer.limit_train_batches is 0, so that no probe would learn: leave it "
            "out."
        )
    if trainer.precision in ("16-true", "bf16-true"):
        raise CrossEmoError(
            f"trainer.precision is {trainer.precision}, which rounds probes to three "
            "digits: leave it out, and choose by model.precision how exactly they are "
            "solved."
        )
