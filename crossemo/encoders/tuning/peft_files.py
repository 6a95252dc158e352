"""Adapters in peft's files, which plain peft loads to the same model or not at all."""

import json
import math
from collections.abc import Callable, Sequence
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from crossemo.encoders.attention import DEFAULT, set_attention
from crossemo.encoders.families.base import Family, Model, Step

if TYPE_CHECKING:
    from peft import PeftModel

_CLOSE = 2e-5  # relative difference of hidden states; rounding gives 1e-6
_CONFIG = "adapter_config.json"
_UNCALLED = (
    "but {family} as published reads the weights of these layers and never calls an "
    "adapter on them; write {kind} here again and merge_and_unload() after loading"
)
_OTHER = (
    "but beside the encoder as published it isn't the model, as the run changed more "
    "than one adapter can say; the run's checkpoint holds the whole"
)


def write_adapters(
    adapted: "PeftModel",
    names: Sequence[str],
    family: Family,
    stock: Callable[[], Model],
    folder: Path,
) -> None:
    """Write adapters so that plain peft loads them to the same hidden states.

    A single adapter on an encoder as it was loaded is written as it is. After others
    were merged, or beside others, what all of them change is written as one LoRA of the
    rank that it has (Hu et al., 2022), if it lies in linear layers. What was written is
    read back. Where it isn't the same model, the name of the method is followed by the
    reason, and peft refuses the folder with it.

    Args:
        adapted: The encoder with its adapters; left as it is.
        names: The adapters that act.
        family: What kind of encoder it is.
        stock: Loads the encoder as it was before any training.
        folder: An empty folder.
    """
    ours = deepcopy(adapted).cpu().float().eval()
    expected = _states(ours.base_model.model, family)
    _write(ours, names[-1], folder)
    if len(names) == 1 and _reads_back(folder, family, stock, expected):
        reason = _UNCALLED if _sits_on(ours, family.uncalled) else ""
    elif (sum_of_all := _as_lora(ours, stock())) is None:
        reason = _OTHER
    else:
        uncalled = _sits_on(sum_of_all, family.uncalled)
        _write(sum_of_all, "default", folder)
        same = _reads_back(folder, family, stock, expected)
        reason = (_UNCALLED if uncalled else "") if same else _OTHER
    if reason:
        path = folder / _CONFIG
        config = json.loads(path.read_text())
        kind = config["peft_type"]
        because = reason.format(family=family.name, kind=kind)
        path.write_text(json.dumps(config | {"peft_type": f"{kind}, {because}"}))


def _write(adapted: "PeftModel", name: str, folder: Path) -> None:
    """Write one adapter into the folder itself, in place of another one."""
    for path in folder.iterdir():
        path.unlink()
    adapted.save_pretrained(str(folder), selected_adapters=[name])
    below = folder / name  # where peft writes those of other names than "default"
    if below.is_dir():
        for path in below.iterdir():
            path.rename(folder / path.name)
        below.rmdir()


def _reads_back(
    folder: Path, family: Family, stock: Callable[[], Model], expected: Tensor
) -> bool:
    from peft import PeftModel

    again = PeftModel.from_pretrained(stock(), str(folder)).float().eval()
    difference = _states(again.base_model.model, family) - expected
    return bool(difference.norm() <= _CLOSE * expected.norm())


def _states(model: Model, family: Family) -> Tensor:
    """Return the hidden states of noise."""

    def run(step: Step, hidden: Tensor, **options: Any) -> Tensor:  # noqa: ANN401
        output = step(hidden, **options)
        return output[0] if isinstance(output, tuple) else output

    set_attention(model, DEFAULT)  # on the CPU, in float32
    noise = torch.randn(1, 16_000, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        return torch.stack(family.hidden_states(model, noise, [16_000], run))


def _as_lora(adapted: "PeftModel", stock: Model) -> "PeftModel | None":
    """Return what the merged adapters change as a LoRA; None if it is none."""
    from peft import LoraConfig, get_peft_model

    before = stock.state_dict()
    after = adapted.base_model.merge_and_unload().state_dict()
    linear = {
        f"{name}.weight": name
        for name, module in stock.named_modules()
        if isinstance(module, nn.Linear)
    }
    changed = [key for key in before if not torch.equal(before[key], after[key])]
    if not changed or not linear.keys() >= set(changed):
        return None
    factors = {linear[key]: _factors(before[key], after[key]) for key in changed}
    ranks = {name: len(down) for name, (_, down) in factors.items()}
    config = LoraConfig(
        r=1,
        lora_alpha=1,  # by the rank: factors count as they are
        target_modules=list(factors),
        rank_pattern=ranks,
        alpha_pattern=ranks,
    )
    lora = get_peft_model(stock, config)
    for name, (up, down) in factors.items():
        layer: Any = lora.base_model.model.get_submodule(name)
        layer.lora_A["default"].weight.data = down
        layer.lora_B["default"].weight.data = up
    return lora


def _factors(before: Tensor, after: Tensor) -> tuple[Tensor, Tensor]:
    """Return the thinnest two matrices whose product is a difference of weights."""
    difference = after.double() - before.double()
    left, sizes, right = torch.linalg.svd(difference, full_matrices=False)
    # Merging rounded to float32: as much as the largest direction of random rounding.
    rms = torch.stack([before, after]).double().square().mean().sqrt()
    rounding = torch.finfo(torch.float32).eps * rms
    floor = rounding * sum(math.sqrt(size) for size in difference.shape)
    rank = max(1, int((sizes > floor).sum()))
    roots = sizes[:rank].sqrt()
    up, down = left[:, :rank] * roots, roots[:, None] * right[:rank]
    return up.float().contiguous(), down.float().contiguous()


def _sits_on(adapted: "PeftModel", layers: tuple[str, ...]) -> bool:
    """Return whether an adapter sits on a layer of one of these names."""
    modules = dict(adapted.named_modules())
    adapters = [name for name in modules if f"{name}.base_layer" in modules]
    return any(name.endswith(layers) for name in adapters)
