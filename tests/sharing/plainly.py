"""What plain transformers says of clips; runs by itself, where crossemo can't be had.

Reads the names of folders and of a file of clips, and prints what `pipeline` says of
each clip alone, by folder, and what the model says of them as one padded batch.
"""

import json
import sys

import numpy as np
import torch
from transformers import pipeline
from transformers.utils import logging


def answers(folder: str, clips: list[np.ndarray]) -> dict[str, object]:
    classifier = pipeline("audio-classification", folder, device="cpu")
    names = classifier.model.config.id2label
    alone = []
    for clip in clips:
        scores = {row["label"]: row["score"] for row in classifier(clip, top_k=None)}
        alone.append([scores[names[number]] for number in range(len(names))])
    extractor = classifier.feature_extractor
    rate = extractor.sampling_rate
    inputs = extractor(clips, sampling_rate=rate, padding=True, return_tensors="pt")
    with torch.no_grad():
        together = classifier.model(**inputs).logits
    return {"alone": alone, "together": together.softmax(-1).tolist()}


if __name__ == "__main__":
    sys.modules["crossemo"] = None  # type: ignore[assignment]  # no import finds it
    logging.set_verbosity_error()
    torch.set_num_threads(1)
    *folders, file = sys.argv[1:]
    stored = np.load(file)
    clips = [stored[name] for name in sorted(stored)]
    print(json.dumps({folder: answers(folder, clips) for folder in folders}))
