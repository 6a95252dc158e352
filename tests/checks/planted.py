"""Faults, each planted in a line of `my_encoder.py`, and the check that must tell."""

from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from crossemo.encoders.own_code import OwnCode, run_code

SOUND = Path(__file__).with_name("my_encoder.py")
_FRONT = "        clip = (clip - clip.mean()) / (clip.var(correction=0) + 1e-7).sqrt()\n"
_READ = "            self.load_state_dict(weights)\n"
_LOAD = "            weights = load_file(WEIGHTS)\n"
_LAST = "        return states\n"
_BEGIN = "        lengths = lengths.tolist()\n"
_WHOLE = "        clips = [self.front_end(row[:n]) for row, n in zip(audio, lengths)]\n"
_CUT = (
    "        clips = [self.front_end(row) for row in audio]\n"
    "        clips = [c[:n] for c, n in zip(clips, self.count_frames(lengths))]\n"
)
_SCALE = "        scale = torch.linspace(1, 2, WIDTH)\n"
_BLOCKS = "        for block in self.blocks:\n"
_DROP = "hidden + self.dropout(self.out(heard.transpose(1, 2).flatten(2)))"
_RANDOM = "tensors drawn at random"
_PADDING = "beside longer clips"
_AGAIN = "the same clip again"
_ORDER = "states in the order of the blocks"

# name: (what stands there, what comes in its place, the check that tells)
FAULTS: dict[str, tuple[str, str, str]] = {
    "unset buffer": (
        _SCALE,
        "        scale = torch.empty(WIDTH)\n",
        "tensors that nobody sets",
    ),
    "unset attribute": (
        "        self.register_buffer(\"scale\", scale, persistent=False)\n",
        "        self.scale = torch.empty(WIDTH)\n",
        "tensors that nobody sets",
    ),
    "random buffer": (_SCALE, "        scale = torch.rand(WIDTH)\n", _RANDOM),
    "random head": (
        _READ,
        _READ + "        self.head = nn.Linear(WIDTH, WIDTH)\n",
        "",
    ),
    "random projection": (
        _READ,
        _READ + "        self.down = nn.Conv1d(WIDTH, WIDTH, 4, 4)\n",
        _RANDOM,
    ),
    "dropped key": (
        _READ,
        "            del weights['blocks.1.q.weight']\n"
        "            self.load_state_dict(weights, strict=False)\n",
        "tensors that the weights lack",
    ),
    "dropped key, seeded": (
        _READ,
        "            del weights['blocks.1.q.weight']\n"
        "            torch.manual_seed(0)\n"
        "            self.blocks[1] = Block()\n"
        "            self.load_state_dict(weights, strict=False)\n",
        "tensors that the weights lack",
    ),
    "extra key": (
        _READ,
        "            weights['head.weight'] = torch.ones(2)\n"
        "            self.load_state_dict(weights, strict=False)\n",
        "tensors that no model took",
    ),
    "swapped layers of the file": (
        _READ,
        "            pairs = [('blocks.0.', 'blocks.9.'), ('blocks.1.', 'blocks.0.'),\n"
        "                     ('blocks.9.', 'blocks.1.')]\n"
        "            for old, new in pairs:\n"
        "                weights = {k.replace(old, new): t for k, t in weights.items()}\n"
        + _READ,
        "layers in the file's order",
    ),
    "swapped blocks": (
        _BLOCKS,
        "        for block in [self.blocks[k] for k in (1, 0, 2)]:\n",
        _ORDER,
    ),
    "swapped states": (
        _LAST,
        "        return [states[k] for k in (0, 2, 1, 3)]\n",
        _ORDER,
    ),
    "state without its last": (
        _LAST,
        "        return states[:-1]\n",
        "a state for every block",
    ),
    "state handed over twice": (
        _LAST,
        "        return [*states, states[-1]]\n",
        "states say something",
    ),
    "no state below": (_LAST, "        return states[1:]\n", _ORDER),
    "wrong rate": ("16_000", "24_000", "samples of a frame"),
    "wrong hop": ("1.25", "20", "samples of a frame"),
    "rate of a part": (
        _SCALE,
        _SCALE + "        self.filters = type('F', (), {'sample_rate': 22050})()\n",
        "rates that its parts say",
    ),
    "normalised over the padded batch": (
        _WHOLE,
        "        audio = (audio - audio.mean()) / audio.std()\n" + _WHOLE,
        "",
    ),
    "normalised over the padded clip": (
        _WHOLE + "",
        "        audio = audio / audio.std(1, keepdim=True)\n" + _WHOLE,
        "",
    ),
    "group norm over padding": (_WHOLE, _CUT, _PADDING),
    "mask a frame too long": (
        "[:, None]\n        hidden = nn",
        "[:, None] + 1\n        hidden = nn",
        _PADDING,
    ),
    "mask a frame too short": (
        "counts = [len(clip) for clip in clips]",
        "counts = [max(len(clip) - (len(clip) < max(map(len, clips))), 1) "
        "for clip in clips]",
        _PADDING,
    ),
    "no mask": (
        "query, key, value, mask)",
        "query, key, value)",
        _PADDING,
    ),
    "frames counted too many": (
        "- 4) // 4 + 1 for",
        "- 4) // 4 + 2 for",
        "frames as they are counted",
    ),
    "layer drop": (
        _BLOCKS,
        _BLOCKS + "            if self.training and torch.rand(()) < 0.1:\n"
        "                states.append(states[-1])\n"
        "                continue\n",
        "layers or time left out in training",
    ),
    "layer drop in evaluation": (
        _BLOCKS,
        _BLOCKS + "            if torch.rand(()) < 0.2:\n"
        "                states.append(states[-1])\n"
        "                continue\n",
        _AGAIN,
    ),
    "time masking": (
        "        hidden = hidden * inside[..., None]\n",
        "        hidden = hidden * inside[..., None]\n"
        "        if self.training:\n"
        "            start = int(torch.randint(hidden.shape[1] - 5, ()))\n"
        "            hidden[:, start : start + 5] = 0\n",
        "layers or time left out in training",
    ),
    "dropout": (
        _DROP,
        "hidden + functional.dropout(self.out(heard.transpose(1, 2).flatten(2)), 0.1)",
        _AGAIN,
    ),
    "train mode": (
        "    def count_frames",
        "    def train(self, mode=True):\n        return super().train(True)\n\n"
        "    def count_frames",
        "parts in training mode",
    ),
    "train mode of a part": (
        _BEGIN,
        _BEGIN + "        self.blocks[1].train()\n",
        "parts in training mode",
    ),
    "NaN": (
        _LOAD,
        _LOAD + "            weights['down.bias'][3] = float('nan')\n",
        "weights are numbers",
    ),
    "constant weights": (
        _LOAD,
        _LOAD + "            weights['blocks.2.v.weight'][:] = 0.02\n",
        "constant weights",
    ),
    "constant norm": (
        _LOAD,
        _LOAD + "            weights['blocks.2.norm.weight'][:] = 0\n",
        "constant weights",
    ),
    "half precision": (
        "            states.append(block(states[-1], inside))\n",
        "            states.append(block.half()(states[-1].half(), inside).float())\n",
        "weights in half precision",
    ),
    "adapter without gradient": (
        "layer(normed).unflatten",
        "functional.linear(normed, layer.weight, layer.bias).unflatten",
        "gradients through adapters",
    ),
    "shifted time": (
        _LAST,
        "        return [state.roll(2, 1) for state in states]\n",
        "frames lie where the clip changed",
    ),
    "shifted time, padded": (
        "        states = [hidden",
        "        hidden = functional.pad(hidden[:, :-1], (0, 0, 1, 0))\n"
        "        states = [hidden",
        "frames lie where the clip changed",
    ),
    "reversed time": (
        "        return self.down(functional.gelu(features))[0].T\n",
        "        return self.down(functional.gelu(features))[0].T.flip(0)\n",
        "frames lie where the clip changed",
    ),
    "batch-dependent output": (
        "        states = [hidden",
        "        hidden = hidden - hidden.mean((0, 1))\n        states = [hidden",
        "beside clips of its length",
    ),
    "batch norm in training": (
        _READ,
        _READ + "        self.batch = nn.BatchNorm1d(WIDTH, affine=False).train()\n",
        "",
    ),
    "constant states": (_LAST, "        return [s * 0 for s in states]\n", "states say"),
}


def plant(folder: Path, name: str | None) -> str:
    """Write the encoder with a fault into a folder; return the encoder's name."""
    text = SOUND.read_text()
    path = folder / "my_encoder.py"
    path.write_text(text)
    encoder = run_code(OwnCode(path, "MyEncoder", path.read_bytes()), 0)
    generator = torch.Generator().manual_seed(1)
    weights = {
        key: tensor + 0.2 * torch.randn(tensor.shape, generator=generator)
        for key, tensor in encoder.state_dict().items()
    }
    save_file(weights, folder / "weights.safetensors")
    if name is not None:
        old, new, _ = FAULTS[name]
        assert text.count(old) == 1, name
        path.write_text(text.replace(old, new))
    return f"{path}:MyEncoder"
