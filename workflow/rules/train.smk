# The semi-supervised runs, one per split, variant and seed.


def warm_start(wildcards):
    """The model a run starts from: its receipt, so that the run follows it, and its weights."""
    if not PARAMS.semi_of(wildcards.variant).warm_start:
        return []
    folder = PRETRAINED.format(split=wildcards.split, seed=wildcards.seed)
    return [f"{folder}/receipt.json", ancient(f"{folder}/model.safetensors")]


def first_prototypes(wildcards):
    """The prototypes that a run of the full method starts with."""
    if PARAMS.variants[wildcards.variant].method != "prototype":
        return []
    folder = PROTOTYPES.format(split=wildcards.split, seed=wildcards.seed)
    return [f"{folder}/receipt.json", ancient(f"{folder}/prototypes.safetensors")]


def option(name, files):
    """A folder as an option of the command, where the run has one."""
    return f"{name} {Path(files[0]).parent.as_posix()}" if files else ""


rule train:
    input:
        receipts=[f"{DATA}/receipt.json", f"{SPLIT}/receipt.json"],
        files=existing(DATA, "files"),
        weights=lambda wildcards: [] if PARAMS.semi_of(wildcards.variant).warm_start else WEIGHTS,
        pretrained=warm_start,
        prototypes=first_prototypes,
    output:
        multiext(
            f"{TRAINED}/",
            "model.safetensors",
            "student.safetensors",
            "card.json",
            *RECORDED,
        ),
        receipt=f"{TRAINED}/receipt.json",
    params:
        *code("models.train"),
        config=lambda wildcards: P.canonical(P.train_config(PARAMS, wildcards.variant)),
        split=SPLIT,
        pretrained=lambda wildcards, input: option("--pretrained", input.pretrained),
        prototypes=lambda wildcards, input: option("--prototypes", input.prototypes),
        out=TRAINED,
        checkpoints=paths.checkpoints_of(paths.TRAINED, dataset=DATASET),
    threads: TRAIN_THREADS
    resources:
        gpu=TRAIN_GPUS,
    shell:
        "{SEMIPROTO} train --config {params.config:q} --data {DATA} --split-dir {params.split} --seed {wildcards.seed}"
        " {params.pretrained} {params.prototypes} --out {params.out} --checkpoints {params.checkpoints}"
        " --compute {COMPUTE:q}"
