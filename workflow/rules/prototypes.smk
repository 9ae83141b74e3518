# Supervised training, the features of its network, and the prototypes in them.


PRETRAIN_CODE = VIEWS_CODE + MODEL_CODE + ENGINE_CODE


rule pretrain:
    input:
        receipts=[f"{DATA}/receipt.json", f"{SPLIT}/receipt.json"],
        files=existing(DATA, "files"),
        weights=WEIGHTS,
        code=PRETRAIN_CODE,
    output:
        multiext(f"{PRETRAINED}/", *PRETRAINED_FILES),
    params:
        config=step(P.PretrainConfig),
        code=contents(PRETRAIN_CODE),
        split=SPLIT,
        out=PRETRAINED,
        checkpoints=f"checkpoints/pretrain/{DATASET}/{{split}}/seed{{seed}}",
    threads: TRAIN_THREADS
    resources:
        gpu=TRAIN_GPUS,
    shell:
        "{SEMIPROTO} pretrain --config {params.config:q} --data {DATA} --split {params.split} --seed {wildcards.seed}"
        " --out {params.out} --checkpoints {params.checkpoints} --compute {COMPUTE:q}"


FEATURES_CODE = DATA_CODE + MODEL_CODE + sources("measure/features.py", "analysis/steps.py")


rule features:
    input:
        receipts=[f"{DATA}/receipt.json", f"{SPLIT}/receipt.json", f"{PRETRAINED}/receipt.json"],
        files=existing(DATA, "files"),
        model=existing(PRETRAINED, "model.safetensors"),
        code=FEATURES_CODE,
    output:
        features=f"{FEATURES}/features.safetensors",
        receipt=f"{FEATURES}/receipt.json",
    params:
        config=step(P.FeaturesConfig),
        code=contents(FEATURES_CODE),
        split=SPLIT,
        pretrained=PRETRAINED,
        out=FEATURES,
    threads: MODEL_THREADS
    resources:
        gpu=MODEL_GPUS,
    shell:
        "{SEMIPROTO} features --config {params.config:q} --data {DATA} --split {params.split}"
        " --pretrained {params.pretrained} --out {params.out} --compute {COMPUTE:q}"


PROTOTYPES_CODE = sources("data/layout.py", "model/folder.py", "measure/features.py", "analysis/steps.py")


rule prototypes:
    input:
        receipt=f"{FEATURES}/receipt.json",
        features=existing(FEATURES, "features.safetensors"),
        code=PROTOTYPES_CODE,
    output:
        prototypes=f"{PROTOTYPES}/prototypes.safetensors",
        receipt=f"{PROTOTYPES}/receipt.json",
    params:
        config=step(P.PrototypesConfig),
        code=contents(PROTOTYPES_CODE),
        features=FEATURES,
        out=PROTOTYPES,
    shell:
        "{SEMIPROTO} prototypes --config {params.config:q} --data {DATA} --features {params.features} --out {params.out}"
