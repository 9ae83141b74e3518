# Which images to label next: off unless params.yaml has the section suggest. No result depends on it, so DVC keeps none.


rule suggest:
    input:
        receipts=[f"{DATA}/receipt.json", f"{SPLIT}/receipt.json", f"{TRAINED}/receipt.json"],
        files=existing(DATA, "files"),
        model=existing(TRAINED, "model.safetensors", "student.safetensors"),
    output:
        multiext(f"{SUGGESTED}/", "suggestions.csv", "left-out.csv", "sheet.jpg", "receipt.json"),
    params:
        *code("results.suggestions"),
        config=lambda wildcards: step(P.SuggestConfig),
        split=SPLIT,
        model=TRAINED,
        out=SUGGESTED,
    threads: MODEL_THREADS
    resources:
        gpu=MODEL_GPUS,
    shell:
        "{SEMIPROTO} suggestions --config {params.config:q} --data {DATA} --split-dir {params.split}"
        " --model {params.model} --out {params.out}"
