"""Faults, each planted in a line of `my_encoder.py`, and the check that must tell."""

from pathlib import Path

import torch
from safetensors.torch import save_file

from crossemo.encoders.user_code import UserCode, run_code

SOUND = Path(__file__).with_name("my_encoder.py")
_FRONT = (
    "        clip = (clip - clip.mean()) / (clip.var(correction=0) + 1e-7).sqrt()\n"
)
_READ = "            self.load_state_dict(weights)\n"
_LOAD = "            weights = load_file(WEIGHTS)\n"
_LAST = "        return states\n"
_BEGIN = "        rows = zip(audio, lengths.tolist(), strict=True)\n"
_BARE = (
    "        self.front_end = lambda clip: self.down(\n"
    "            self.conv(clip[None, None]))[0].T\n"
)
_WHOLE = "        clips = [self.front_end(row[:n]) for row, n in rows]\n"
_CUT = (
    "        clips = [self.front_end(row) for row in audio]\n"
    "        counts = self.count_frames(lengths.tolist())\n"
    "        clips = [c[:n] for c, n in zip(clips, counts)]\n"
)
_SCALE = "        scale = torch.linspace(1, 2, WIDTH)\n"
_BLOCKS = "        for block in self.blocks:\n"
_DROP = "hidden + self.dropout(self.out(heard.transpose(1, 2).flatten(2)))"

# The checks that tell: name of the kind, and how the line begins.
UNSET = "loads_alike", "tensors that nobody sets"
RANDOM = "loads_alike", "tensors drawn at random"
LACKING = "tensors_accounted", "tensors that the weights lack"
LEFT = "tensors_accounted", "tensors that no model took"
SWAPPED = "tensors_accounted", "layers in the file's order"
PADDING = "padding_effects", "beside longer clips"
BATCH = "padding_effects", "beside clips of its length"
AGAIN = "evaluation_mode", "the same clip again"
MODE = "evaluation_mode", "parts in training mode"
ORDER = "state_order", "states in the order of the blocks"
NUMBER = "state_order", "a state for every block"
STATES = "state_order", "states say something"
HOP = "clip_rate", "samples of a frame"
RATES = "clip_rate", "rates that its parts say"
FRAMES = "frame_counts", "frames as they are counted"
TRAINING = "training_mode", "layers or time left out in training"
NUMBERS = "weight_values", "weights are numbers"
CONSTANT = "weight_values", "constant weights"
HALF = "weight_values", "weights in half precision"
ADAPTERS = "adapter_gradients", "gradients through adapters"
TIME = "time_places", "frames lie where the clip changed"
HEARD = "frames_attended", "frames that blocks hear"
UNUSUAL = "unusual_clips", "states of unusual clips are numbers"
LONG = "unusual_clips", "long clips are heard to their end"
EFFECTS = "side_effects", "what hearing a clip changes"
KEPT = "side_effects", "tensors kept of each clip"
PRECISE = "precision", "computed in half precision"
LOADED = "loads_alike", "states of two loadings"
FILED = "tensors_accounted", "tensors as in the file"
ROUNDED = "tensors_accounted", "tensors as precise as in the file"

# name: (what stands there, what comes in its place, the check that tells)
FAULTS: dict[str, tuple[str, str, tuple[str, str]]] = {
    "unset buffer": (
        _SCALE,
        "        scale = torch.empty(WIDTH)\n",
        UNSET,
    ),
    "unset attribute": (
        '        self.register_buffer("scale", scale, persistent=False)\n',
        "        self.scale = torch.empty(WIDTH)\n",
        UNSET,
    ),
    "random buffer": (_SCALE, "        scale = torch.rand(WIDTH)\n", RANDOM),
    "random head": (
        _READ,
        _READ + "        self.down = nn.Conv1d(WIDTH, WIDTH, 4, 4)\n",
        RANDOM,
    ),
    "dropped key": (
        _READ,
        "            del weights['blocks.1.q.weight']\n"
        "            self.load_state_dict(weights, strict=False)\n",
        LACKING,
    ),
    "dropped key, seeded": (
        _READ,
        "            del weights['blocks.1.q.weight']\n"
        "            torch.manual_seed(0)\n"
        "            self.blocks[1] = Block()\n"
        "            self.load_state_dict(weights, strict=False)\n",
        LACKING,
    ),
    "extra key": (
        _READ,
        "            weights['head.weight'] = torch.ones(2)\n"
        "            self.load_state_dict(weights, strict=False)\n",
        LEFT,
    ),
    "swapped layers of the file": (
        _READ,
        "            pairs = [('blocks.0.', 'blocks.9.'), ('blocks.1.', 'blocks.0.'),\n"
        "                     ('blocks.9.', 'blocks.1.')]\n"
        "            for old, new in pairs:\n"
        "                named = weights.items()\n"
        "                weights = {k.replace(old, new): t for k, t in named}\n"
        + _READ,
        SWAPPED,
    ),
    "swapped blocks": (
        _BLOCKS,
        "        for block in [self.blocks[k] for k in (1, 0, 2)]:\n",
        ORDER,
    ),
    "swapped states": (
        _LAST,
        "        return [states[k] for k in (0, 2, 1, 3)]\n",
        ORDER,
    ),
    "state without its last": (
        _LAST,
        "        return states[:-1]\n",
        NUMBER,
    ),
    "state handed over twice": (
        _LAST,
        "        return [*states, states[-1]]\n",
        STATES,
    ),
    "no state below": (_LAST, "        return states[1:]\n", ORDER),
    "wrong rate": ("16_000", "24_000", HOP),
    "wrong hop": ("1.25", "20", HOP),
    "rate of a part": (
        _SCALE,
        _SCALE + "        self.filters = type('F', (), {'sample_rate': 22050})()\n",
        RATES,
    ),
    "normalised over the padded batch": (
        _BEGIN,
        "        audio = audio / audio.std()\n" + _BARE + _BEGIN,
        PADDING,
    ),
    "normalised over the padded clip": (
        _BEGIN,
        "        audio = audio / audio.std(1, keepdim=True)\n" + _BARE + _BEGIN,
        PADDING,
    ),
    "group norm over padding": (_WHOLE, _CUT, PADDING),
    "mask a frame too long": (
        "[:, None]\n        hidden = nn",
        "[:, None] + 1\n        hidden = nn",
        PADDING,
    ),
    "mask a frame too short": (
        "counts = [len(clip) for clip in clips]",
        "counts = [max(len(clip) - (len(clip) < max(map(len, clips))), 1) "
        "for clip in clips]",
        PADDING,
    ),
    "no mask": (
        "query, key, value, mask)",
        "query, key, value)",
        PADDING,
    ),
    "frames counted too many": (
        "- 4) // 4 + 1 for",
        "- 4) // 4 + 2 for",
        FRAMES,
    ),
    "layer drop": (
        _BLOCKS,
        _BLOCKS + "            if self.training and torch.rand(()) < 0.1:\n"
        "                states.append(states[-1])\n"
        "                continue\n",
        TRAINING,
    ),
    "layer drop in evaluation": (
        _BLOCKS,
        _BLOCKS + "            if torch.rand(()) < 0.2:\n"
        "                states.append(states[-1])\n"
        "                continue\n",
        AGAIN,
    ),
    "time masking": (
        "        hidden = hidden * inside[..., None]\n",
        "        hidden = hidden * inside[..., None]\n"
        "        if self.training:\n"
        "            start = int(torch.randint(hidden.shape[1] - 5, ()))\n"
        "            hidden[:, start : start + 5] = 0\n",
        TRAINING,
    ),
    "dropout": (
        _DROP,
        "hidden + functional.dropout(self.out(heard.transpose(1, 2).flatten(2)), 0.1)",
        AGAIN,
    ),
    "train mode": (
        "    def count_frames",
        "    def train(self, mode=True):\n        return super().train(True)\n\n"
        "    def count_frames",
        MODE,
    ),
    "train mode of a part": (
        _BEGIN,
        _BEGIN + "        self.blocks[1].train()\n",
        MODE,
    ),
    "NaN": (
        _LOAD,
        _LOAD + "            weights['down.bias'][3] = float('nan')\n",
        NUMBERS,
    ),
    "constant weights": (
        _LOAD,
        _LOAD + "            weights['blocks.2.v.weight'][:] = 0.02\n",
        CONSTANT,
    ),
    "constant norm": (
        _LOAD,
        _LOAD + "            weights['blocks.2.norm.weight'][:] = 0\n",
        CONSTANT,
    ),
    "half precision": (
        "            states.append(block(states[-1], inside))\n",
        "            states.append(block.half()(states[-1].half(), inside).float())\n",
        HALF,
    ),
    "adapter without gradient": (
        "layer(normed).unflatten",
        "functional.linear(normed, layer.weight, layer.bias).unflatten",
        ADAPTERS,
    ),
    "shifted time": (
        _LAST,
        "        return [state.roll(2, 1) for state in states]\n",
        TIME,
    ),
    "shifted time, padded": (
        "        states = [hidden",
        "        hidden = functional.pad(hidden[:, :-1], (0, 0, 1, 0))\n"
        "        states = [hidden",
        TIME,
    ),
    "reversed time": (
        "        return self.down(functional.gelu(features))[0].T\n",
        "        return self.down(functional.gelu(features))[0].T.flip(0)\n",
        TIME,
    ),
    "batch-dependent output": (
        "        states = [hidden",
        "        hidden = hidden - hidden.mean((0, 1))\n        states = [hidden",
        BATCH,
    ),
    "mask a frame too short, alone too": (
        "torch.tensor(counts, device=audio.device)[:, None]\n",
        "torch.tensor(counts, device=audio.device)[:, None] - 1\n",
        HEARD,
    ),
    "silence divided by itself": ("correction=0) + 1e-7", "correction=0)", UNUSUAL),
    "cut after three seconds": (
        "row[:n]) for",
        "row[: min(n, 48_000)]) for",
        LONG,
    ),
    "reseeded": (_BEGIN, _BEGIN + "        torch.manual_seed(0)\n", EFFECTS),
    "memory kept": (
        _LAST,
        "        self.kept = [*getattr(self, 'kept', []), states[0]]\n" + _LAST,
        KEPT,
    ),
    "autocast within": (
        "            states.append(block(states[-1], inside))\n",
        "            with torch.autocast('cpu', torch.bfloat16):\n"
        "                states.append(block(states[-1], inside).float())\n",
        PRECISE,
    ),
    "random number": (
        "        states = [hidden",
        "        self.gain = getattr(self, 'gain', 0) or torch.rand(()).item()\n"
        "        states = [self.gain * hidden",
        LOADED,
    ),
    "query for value": (
        _LOAD,
        _LOAD + "            q, v = 'blocks.0.q.weight', 'blocks.0.v.weight'\n"
        "            weights[q], weights[v] = weights[v].clone(), weights[q].clone()\n",
        FILED,
    ),
    "rounded after reading": (
        _READ,
        _READ + "            self.bfloat16().float()\n",
        ROUNDED,
    ),
    "numbers too small to act": (
        _READ,
        _READ + "            self.blocks[1].q.weight.data.mul_(1e-40)\n",
        CONSTANT,
    ),
    "a state that drowns the one below": (
        _LAST,
        "        return [*states[:-1], 1e9 * states[-1]]\n",
        STATES,
    ),
    "floor of the batch": (
        _WHOLE,
        "        floor = 1e-3 * audio.abs().max()\n"
        "        audio = torch.where(audio.abs() < floor, 0, audio)\n"
        "        rows = zip(audio, lengths.tolist(), strict=True)\n" + _WHOLE,
        BATCH,
    ),
    "sorted by length": (
        _BEGIN,
        "        order = lengths.argsort(descending=True)\n"
        "        audio, lengths = audio[order], lengths[order]\n" + _BEGIN,
        PADDING,
    ),
    "detached layer": (
        "            layer(normed).unflatten",
        "            functional.linear(normed, layer.weight.detach()).unflatten",
        ADAPTERS,
    ),
    "constant states": (_LAST, "        return [s * 0 for s in states]\n", STATES),
}


def plant(folder: Path, name: str | None) -> str:
    """Write the encoder with a fault into a folder; return the encoder's name."""
    text = SOUND.read_text()
    path = folder / "my_encoder.py"
    path.write_text(text)
    encoder = run_code(UserCode(path, "MyEncoder", path.read_bytes()), 0)
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
