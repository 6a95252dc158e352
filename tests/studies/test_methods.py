from typing import Any

from crossemo.studies.methods import machines_of, methods_of_records
from crossemo.studies.run_record import RunRecord

VERSIONS = {"python": "3.12.1", "torch": "2.11.0"}
CPU = {"type": "cpu", "name": "x86_64", "threads": 2, "processes": 1}
STAGE = {
    "max_epochs": 3,
    "max_steps": None,
    "patience": None,
    "train": None,
    "batch_size": 16,
    "lr": 0.002,
    "encoder_lr": 0.001,
    "warmup": 0.1,
    "schedule": "cosine",
    "class_weights": "balanced",
    "start_from": "best",
}
MODEL = {
    "encoder": "hubert-base",
    "tuning": "frozen",
    "layers": "last",
    "layer_norm": False,
    "pooling": "mean",
    "hidden": 256,
    "dropout": 0.0,
    "peft": None,
    "weight_decay": 0.01,
}
SCORES = {"UA": 0.5, "UA_interval_unit": "group", "n": 24}


def role(corpus: str, domain: str, clips: int, units: int) -> dict[str, Any]:
    return {
        "corpus": corpus,
        "domain": domain,
        "window": None,
        "hop": None,
        "clips": {"train": {"sad": clips - 4}, "val": {"sad": 2}, "test": {"sad": 2}},
        "groups": {"train": units - 2, "val": 1, "test": 1},
        "skipped": 0,
        "dropped": 0,
    }


def recorded(**settings: Any) -> dict[str, Any]:
    return {"settings": STAGE | settings, "scores": {"target": SCORES}}


def transfer(fold: int, seed: int, **model: Any) -> RunRecord:
    """A run from RAVDESS speech to its song."""
    stages = {
        "alone": recorded(data=["target"]),
        "source": recorded(data=["source"], start_from="scratch"),
        "target": recorded(data=["target"]),
    }
    results = {
        "crossemo": "0.0.9",  # whose catalogue is not this one's
        "command": "fit",
        "versions": VERSIONS,
        "device": CPU,
        "run_seconds": 60.0,
        "seed": seed,
        "interval_level": 0.95,
        "roles": {
            "source": role("ravdess-speech", "speech", 1056, 24),
            "target": role("ravdess-song", "music", 1012, 23),
        },
        "classes": ["happy", "sad"],
        "sampling_rate": 16000,
        "batch_seconds": None,
        "split": {"scheme": "official", "fold": fold, "folds": None, "seed": None},
        "model": MODEL | model,
        "stages": stages,
        "comparisons": [{"what": "gain"}],
    }
    settings = {"trainer.gradient_clip_val": 1.0, "fad.enabled": False}
    return RunRecord(results, settings)


TRANSFER = """\
**Data.** The corpora were ravdess-speech [@livingstone2018ravdess; @ma2024emobox] \
(speech, 1,056 clips of 24 units) and ravdess-song [@livingstone2018ravdess; \
@ma2024emobox] (music, 1,012 clips of 23 units). The classes were happy and sad. \
Recordings were resampled to 16 kHz. Clips were taken whole. They were split by the \
parts or folds that are customary for the corpora; no unit (speaker, song or artist) \
lies in more than one of the training, validation and test parts. Folds 0 to 2 were \
tested in turn, counted from 0.

**Models.** The encoder was hubert-base [@hsu2021hubert]. In training, encoders were, \
by strategy, kept frozen, the head reading the last hidden state; tuned by lora (r = \
4) [@hu2022lora], the head reading a learnt weighted sum of all hidden states. As in \
SUPERB [@yang2021superb], the head projects each frame to 256 features and pools them \
by their mean.

**Training.** Training went in 3 stages, alone (on target), source (on source, from \
the first weights) and target (on target, from the best weights of the stage before). \
It used AdamW [@loshchilov2019adamw] with learning rates of 0.002 for the head and \
the layer weights and of 0.001 for what was trained of the encoder, and a weight \
decay of 0.01 on matrices. Rates rose linearly over 10 % of a stage's steps and then \
fell by a cosine. A batch held 16 clips, and a stage took 3 epochs. The loss was \
cross-entropy, classes weighted by their inverse frequency. Gradients were clipped to \
a norm of 1. Of each stage, the weights with the highest validation UA on what the \
stage trains on (the mean, where it trains on several roles) were tested. Seeds of \
weights and of the order of clips were 0 and 1.

**Scores.** Classes were scored by their mean recall (UA, unweighted accuracy), by \
the share of clips that are right (WA, weighted accuracy), by the mean F1 over \
classes, and by the recall of each. Intervals of 95 % are by the jackknife over units \
[@tukey1958jackknife]. Within a run, stages were compared on the same test clips: \
with one that trained on the same data alone (gain), and with those before (what was \
kept). Over folds, scores are of the clips of all of them together, averaged over \
seeds. Stages were compared on the same folds, seeds and clips by paired tests, the \
jackknife [@tukey1958jackknife] over folds of the difference and Student's t, \
corrected for the number of tests of a kind of score and of difference by the false \
discovery rate [@benjamini1995fdr].

**Software.** All was computed by crossemo 0.0.9 [@crossemo; @sun2024exploring] with \
Python 3.12.1 and PyTorch 2.11.0. The study has 12 runs on x86_64 (cpu, 2 threads), \
720 seconds in all."""


def test_a_study_of_transfer_over_folds_and_seeds() -> None:
    runs = [
        transfer(fold, seed, **model)
        for fold in range(3)
        for seed in range(2)
        for model in ({}, {"tuning": "lora", "layers": "weighted", "peft": {"r": 4}})
    ]
    methods = methods_of_records(runs, paired=True)
    assert methods.text == TRANSFER
    assert methods.uncited == ()
    assert methods.machines[["runs", "seconds"]].to_numpy().tolist() == [[12, 720.0]]


def values_of_two_encoders() -> list[RunRecord]:
    """Single stages of values, on corpora without an entry, with what differs."""
    records = []
    for encoder, batch, rate in (("tiny", 8, 16000), ("/home/me/mert", 4, 24000)):
        stage = {"data": ["music"], "batch_size": batch, "patience": 2, "max_epochs": 9}
        scores = {"CCC": 0.5, "CCC_interval_unit": "clip"}
        roles = {"music": role("mine", "music", 100, 10) | {"window": 5.0, "hop": 2.5}}
        roles["music"]["skipped"] = 3
        results = {
            "crossemo": "0.0.9",
            "command": "fit",
            "device": CPU | {"type": "cuda", "name": "H200"},
            "seed": 7,
            "interval_level": 0.95,
            "roles": roles,
            "values": {"outputs": ["valence", "arousal"], "loss": "ccc"},
            "sampling_rate": rate,
            "batch_seconds": 80.0,
            "split": {"scheme": "kfold", "fold": 1, "folds": 5, "seed": 3},
            "model": MODEL | {"encoder": encoder, "tuning": "vera", "dropout": 0.2},
            "stages": {
                "music": {
                    "settings": STAGE | stage | {"schedule": "constant", "warmup": 0},
                    "scores": {"music": scores},
                }
            },
        }
        settings = {"trainer.precision": "bf16-mixed", "data.balance": "classes"}
        records.append(RunRecord(results, settings))
    return records


VALUES = """\
**Data.** The corpus was mine (music, 100 clips of 10 units). Up to 3 clips of mine \
could not be used. The targets were valence and arousal, on scales from -1 to 1 about \
each middle. Recordings were resampled to 16 kHz (tiny) and 24 kHz (mert). Clips were \
cut into windows of 5 s every 2.5 s. They were split into 5 folds dealt at random by \
unit (seed 3); no unit (speaker, song or artist) lies in more than one of the \
training, validation and test parts. Fold 1 was tested, counted from 0. Training \
clips were drawn so that classes came alike.

**Models.** The encoders were tiny [@baevski2020wav2vec2] and mert. In training, \
encoders were tuned by vera, the head reading the last hidden state. As in SUPERB \
[@yang2021superb], the head projects each frame to 256 features and pools them by \
their mean with a dropout of 0.2.

**Training.** Training went in one stage, music (on music). It used AdamW \
[@loshchilov2019adamw] with learning rates of 0.002 for the head and the layer \
weights and of 0.001 for what was trained of the encoder, and a weight decay of 0.01 \
on matrices. Rates were constant from the first step. A batch held 8 clips, at most \
80 s long in all (tiny) and 4 clips, at most 80 s long in all (mert), and a stage \
took at most 9 epochs, until 2 epochs brought no better validation. The loss was 1 - \
CCC. Precision was bf16-mixed. Of each stage, the weights with the highest validation \
CCC on what the stage trains on (the mean, where it trains on several roles) were \
tested. Seed of weights and of the order of clips was 7.

**Scores.** Values were scored by the concordance correlation coefficient (CCC) \
[@lin1989ccc], averaged over them, and each by its root mean squared error, Pearson's \
correlation and R². Intervals of 95 % are by the bootstrap over clips, where there \
were fewer than three units [@efron1993bootstrap].

**Software.** All was computed by crossemo 0.0.9 [@crossemo; @sun2024exploring]. The \
study has 2 runs on H200 (cuda, 2 threads)."""


def test_a_study_of_values_says_what_differs_and_only_what_is_known() -> None:
    methods = methods_of_records(values_of_two_encoders())
    assert methods.text == VALUES
    assert methods.uncited == ("mine", "vera", "mert")
    assert methods.bibtex.startswith("% Without an entry: mine, vera and mert.\n\n@")


def test_probes_of_layers() -> None:
    solved: dict[str, Any] = {
        "head": "linear",
        "pooling": "mean",
        "layers": "all",
        "shuffles": 3,
    }
    solved |= {"encoder": "hubert-base", "penalties": [0.001, 0.1]}
    run = transfer(0, 0)
    split: dict[str, Any] = {
        "scheme": "leave_one_out",
        "fold": 0,
        "folds": None,
        "seed": None,
    }
    results = {**run.results, "model": solved | {"references": ["pitch", "eGeMAPS"]}}
    results |= {"probes": {"protocol": "linear probes"}, "folds": [{}, {}, {}]}
    results |= {"stages": {}, "split": split}
    text = methods_of_records([RunRecord(results, {})]).text
    assert (
        "They were split leaving one unit out at a time; no unit (speaker, song or "
        "artist) lies in more than one of the training, validation and test parts. "
        "Layerwise analyses were tested on 3 folds in turn.\n"
    ) in text
    assert "**Training.**" not in text
    assert (
        "**Layers.** All hidden states of the frozen encoders were read by linear "
        "probes; a clip was the mean of its frames. Each probe chose among the "
        "penalties 0.001 and 0.1. For what is reached where there is nothing to learn, "
        "targets were also shuffled 3 times. For comparison, the same probes read "
        "pitch and eGeMAPS [@eyben2016egemaps]. How alike the emotions lie in two "
        "domains is linear CKA [@kornblith2019cka] of their means. Layers were "
        "compared by the jackknife over folds and Student's t, corrected for the "
        "number of pairs of a kind by the false discovery rate [@benjamini1995fdr]."
    ) in text


def test_distances_of_folders_and_of_stages() -> None:
    estimate = {"splits": 8, "permutations": 999, "fad_permutations": 199}
    ours: dict[str, Any] = {
        f"fad.estimate.{name}": value for name, value in estimate.items()
    }
    ours |= {"fad.enabled": True, "fad.layers": "all", "fad.part": None}
    ours |= {"fad.unit": "clips", "fad.before": True, "fad.estimate.infinity": False}
    staged = RunRecord(transfer(0, 0).results, ours)
    theirs: dict[str, Any] = {f"estimate.{k}": v for k, v in estimate.items()}
    theirs |= {"layers": "all", "encoder": "tiny", "estimate.infinity": True}
    roles = {name: {"clips": {"sad": 6}, "groups": 6} for name in ("talk", "tune")}
    facts = {"command": "fad", "crossemo": "0.0.9", "roles": roles}
    folders = RunRecord(facts | {"emotions": ["sad", "happy"]}, theirs)
    text = methods_of_records([staged, folders]).text
    assert "talk (6 clips of 6 units) and tune (6 clips of 6 units)." in text
    assert (
        "**Distances.** Two domains were compared emotion by emotion by the unbiased "
        "squared maximum mean discrepancy with a Gaussian kernel [@gretton2012kernel] "
        "and by the Fréchet distance [@dowson1982frechet; @kilgour2019fad], both plain "
        "and above what so few clips have by chance, in all hidden states and the "
        "learnt mixture, on means over frames of the test clips, before training and "
        "after each stage (ravdess-song and ravdess-speech) and in all hidden states, "
        "on means over frames of all clips (talk and tune). The chance level of its "
        "covariance term is of 8 random halvings; p-values are of at most 999 "
        "exchanges (199 for the Fréchet distance), which move whole units, and "
        "q-values are corrected for the pairs of a hidden state by the false discovery "
        "rate [@benjamini1995fdr]. The distance was extrapolated to infinitely many "
        "clips [@chong2020unbiased; @gui2024fad]."
    ) in text


def test_what_no_single_axis_explains_is_counted() -> None:
    runs = [transfer(0, 0), transfer(1, 0), transfer(2, 0)]
    runs[1].settings["trainer.gradient_clip_val"] = 5.0  # type: ignore[index]
    text = methods_of_records(runs).text
    assert "clipped to a norm of 1 (2 times) and to a norm of 5 (once)." in text


def test_an_encoder_is_named_with_its_weights_by_the_version_that_used_them() -> None:
    from crossemo import __version__

    run = transfer(0, 0)
    ours = RunRecord({**run.results, "crossemo": __version__}, run.settings)
    named = (
        "hubert-base (facebook/hubert-base-ls960, revision dba3bb0) [@hsu2021hubert]"
    )
    assert f"The encoder was {named}." in methods_of_records([ours]).text
    assert "revision" not in methods_of_records([run, ours]).text


def test_every_key_has_its_entry_and_no_other_is_there() -> None:
    methods = methods_of_records([transfer(0, 0), *values_of_two_encoders()])
    keys = {"crossemo", "sun2024exploring", "livingstone2018ravdess", "ma2024emobox"}
    keys |= {"hsu2021hubert", "baevski2020wav2vec2", "yang2021superb", "lin1989ccc"}
    keys |= {"loshchilov2019adamw", "tukey1958jackknife", "efron1993bootstrap"}
    entries = {
        line.split("{")[1].rstrip(",")
        for line in methods.bibtex.splitlines()
        if line.startswith("@")
    }
    assert entries == keys


def test_latex_has_cite_and_no_bare_special_character() -> None:
    methods = methods_of_records([transfer(0, 0)])
    assert r"\paragraph{Data.} The corpora were ravdess-speech" in methods.latex
    assert r"ravdess-song~\cite{livingstone2018ravdess,ma2024emobox} (" in methods.latex
    assert r"Intervals of 95 \% are" in methods.latex
    assert r"x86\_64" in methods.latex
    assert "[@" not in methods.latex
    assert "**" not in methods.latex


def test_machines_are_a_row_for_each_that_differs() -> None:
    runs = [transfer(0, 0), transfer(1, 0), transfer(2, 0)]
    device = CPU | {"name": "aarch64"}
    runs[0] = RunRecord({**runs[0].results, "device": device}, {})
    table = machines_of(runs)
    assert table[["runs", "seconds", "name"]].to_numpy().tolist() == [
        [2, 120.0, "x86_64"],
        [1, 60.0, "aarch64"],
    ]
    assert table["torch"].tolist() == ["2.11.0", "2.11.0"]
    assert len(machines_of([])) == 0


def test_nothing_is_said_of_no_run() -> None:
    methods = methods_of_records([])
    assert (methods.text, methods.bibtex, methods.uncited) == ("", "", ())
