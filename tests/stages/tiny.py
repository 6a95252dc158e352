"""A module and a datamodule just large enough for the stage switch."""

from collections.abc import Sequence
from typing import Any

import torch
from lightning import LightningDataModule, LightningModule
from torch import Tensor, nn
from torch.utils.data import (
    ConcatDataset,
    DataLoader,
    DistributedSampler,
    Subset,
    TensorDataset,
)

from crossemo.stages.optimization import parameter_groups, warmup_schedule
from crossemo.stages.stage import Stage


class TinyData(LightningDataModule):
    """Two roles of random vectors with linearly separable labels."""

    def __init__(self, batch_size: int = 4) -> None:
        super().__init__()
        self.roles = {"source": None, "target": None}
        self.served: tuple[tuple[str, ...], int, int | None]
        self.served = (("source",), batch_size, None)
        self.batch_size = batch_size

    @property
    def active(self) -> tuple[str, ...]:
        return self.served[0]

    def train_on(
        self,
        roles: Sequence[str],
        batch_size: int | None = None,
        batches: int | None = None,
    ) -> bool:
        before = self.served
        self.served = (tuple(roles), batch_size or self.batch_size, batches)
        return self.served != before

    def batches_per_epoch(
        self, roles: Sequence[str], batch_size: int | None = None
    ) -> int:
        return 16 * len(roles) // (batch_size or self.batch_size)

    def class_counts(self, roles: Sequence[str]) -> list[int]:
        return [8, 8]

    def train_dataloader(self) -> DataLoader[Any]:
        roles, size, batches = self.served
        data: Any = ConcatDataset([self._data(role) for role in roles])
        if batches is not None:
            data = Subset(data, range(batches * size))
        sampler: DistributedSampler[Any] = DistributedSampler(
            data, num_replicas=1, rank=0, shuffle=True
        )
        return DataLoader(data, size, sampler=sampler)

    def val_dataloader(self) -> list[DataLoader[Any]]:
        return [DataLoader(self._data(role), 16) for role in self.roles]

    def _data(self, role: str) -> TensorDataset:
        generator = torch.Generator().manual_seed(len(role) + ord(role[0]))
        inputs = torch.randn(16, 3, generator=generator, dtype=torch.float64)
        side = 1 if role == "source" else -1
        return TensorDataset(inputs, (inputs[:, 0] * side > 0).long())


class TinyModule(LightningModule):
    """An encoder and a head of one matrix each, in double precision."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.encoder = nn.Linear(3, 4, dtype=torch.float64)
        self.head = nn.Linear(4, 2, dtype=torch.float64)
        self.plans: list[tuple[Stage, int]] = []
        self.scores: dict[str, float] = {}
        self.seen: list[tuple[int, float, float]] = []
        self.at_epoch_start: list[Tensor] = []

    def plan_run(self, stages: Sequence[Stage]) -> None:
        pass

    def begin_stage(self, name: str, stage: Stage, best: str, seed: int) -> None:
        if stage.start_from == "best" and best:
            stored = torch.load(best, weights_only=True)
            self.load_state_dict(stored["state_dict"])
        if stage.reset_head:
            with torch.random.fork_rng():
                torch.manual_seed(seed)
                self.head.reset_parameters()

    def plan_stage(self, stage: Stage, steps: int, counts: Sequence[int]) -> None:
        self.plans.append((stage, steps))

    def configure_optimizers(self) -> Any:
        plan, steps = self.plans[-1]
        groups = parameter_groups(
            {"encoder": [self.encoder], "head": [self.head]},
            {"encoder": plan.encoder_lr or 1e-2, "head": plan.lr or 1e-2},
            0.01,
        )
        optimizer = torch.optim.AdamW(groups)
        scheduler = warmup_schedule(optimizer, steps, 0.25, "linear")
        schedule = {"scheduler": scheduler, "interval": "step"}
        return {"optimizer": optimizer, "lr_scheduler": schedule}

    def on_train_epoch_start(self) -> None:
        self.at_epoch_start.append(self.head.weight.detach().clone())

    def training_step(self, batch: list[Tensor], batch_idx: int) -> Tensor:
        inputs, labels = batch
        rates = [group["lr"] for group in self.trainer.optimizers[0].param_groups]
        self.seen.append((self.current_epoch, rates[0], rates[-1]))
        logits = self.head(self.encoder(inputs))
        return nn.functional.cross_entropy(logits, labels)

    def validation_step(
        self, batch: list[Tensor], batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        role = ("source", "target")[dataloader_idx]
        inputs, labels = batch
        logits = self.head(self.encoder(inputs))
        score = -nn.functional.cross_entropy(logits, labels)
        # A plan of scores, where a test has one, decides which epoch is best.
        planned = self.scores.get(f"{role}{self.current_epoch}", float(score))
        self.log(f"val/{role}/score", planned, add_dataloader_idx=False)
        if role == "target":
            self.log("val/mean/score", planned, add_dataloader_idx=False)
