# Supervised training, the features of its network, and the prototypes in them.


rule pretrain:
    input:
        receipts=[f"{DATA}/receipt.json", f"{SPLIT}/receipt.json"],
        files=existing(DATA, "files"),
        weights=WEIGHTS,
    output:
        multiext(f"{PRETRAINED}/", *PRETRAINED_FILES),
    params:
        *code("models.pretrain"),
        config=step(P.PretrainConfig),
        split=SPLIT,
        out=PRETRAINED,
        checkpoints=paths.checkpoints_of(paths.PRETRAINED, dataset=DATASET),
    threads: TRAIN_THREADS
    resources:
        gpu=TRAIN_GPUS,
    shell:
        "{SEMIPROTO} pretrain --config {params.config:q} --data {DATA} --split-dir {params.split} --seed {wildcards.seed}"
        " --out {params.out} --checkpoints {params.checkpoints} --compute {COMPUTE:q}"


rule features:
    input:
        receipts=[f"{DATA}/receipt.json", f"{SPLIT}/receipt.json", f"{PRETRAINED}/receipt.json"],
        files=existing(DATA, "files"),
        model=existing(PRETRAINED, "model.safetensors"),
    output:
        features=f"{FEATURES}/features.safetensors",
        receipt=f"{FEATURES}/receipt.json",
    params:
        *code("models.features"),
        config=step(P.FeaturesConfig),
        split=SPLIT,
        pretrained=PRETRAINED,
        out=FEATURES,
    threads: MODEL_THREADS
    resources:
        gpu=MODEL_GPUS,
    shell:
        "{SEMIPROTO} features --config {params.config:q} --data {DATA} --split-dir {params.split}"
        " --pretrained {params.pretrained} --out {params.out} --compute {COMPUTE:q}"


rule prototypes:
    input:
        receipt=f"{FEATURES}/receipt.json",
        features=existing(FEATURES, "features.safetensors"),
    output:
        prototypes=f"{PROTOTYPES}/prototypes.safetensors",
        receipt=f"{PROTOTYPES}/receipt.json",
    params:
        *code("models.prototypes"),
        config=step(P.PrototypesConfig),
        features=FEATURES,
        out=PROTOTYPES,
    shell:
        "{SEMIPROTO} prototypes --config {params.config:q} --data {DATA} --features {params.features} --out {params.out}"
