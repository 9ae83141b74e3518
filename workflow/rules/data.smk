# The set and the lists of its splits.
from semiproto.steps.data.fingerprint import last_fingerprint, recorded

# A folder of other content is prepared again.
FINGERPRINT = last_fingerprint(PARAMS.dataset, Path(DATA), paths.OWN) if PARAMS.dataset.source == "folder" else None


rule data:
    output:
        files=directory(f"{DATA}/files"),
        receipt=f"{DATA}/receipt.json",
    params:
        *code(f"data.{PARAMS.dataset.source}"),
        config=step(P.DataConfig),
        fingerprint=FINGERPRINT,
    shell:
        "{SEMIPROTO} data --config {params.config:q} --out {DATA} --compute {COMPUTE:q}"


rule split:
    input:
        receipt=f"{DATA}/receipt.json",
        files=existing(DATA, "files"),
    output:
        multiext(f"{SPLIT}/", *LIST_FILES),
    params:
        *code("data.split"),
        config=step(P.SplitConfig),
        out=SPLIT,
    shell:
        "{SEMIPROTO} split --config {params.config:q} --data {DATA} --out {params.out}"
