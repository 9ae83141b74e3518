# The set and the lists of its splits.
from semiproto.data.own.contents import last_fingerprint


SOURCE_CODE = sources("data/layout.py", "data/splits.py", "data/steps.py") + {
    "digits": sources("data/digits.py"),
    "folder": sources("data/own/prepare.py", "data/own/contents.py", "data/own/masks.py", "data/own/formats/coco.py", "data/own/check.py"),
    "published": sources("data/published/catalog.py", "data/published/archives.py", "data/published/voc.py", "data/published/cityscapes.py"),
}[PARAMS.dataset.source]


rule data:
    input:
        code=SOURCE_CODE,
    output:
        files=directory(f"{DATA}/files"),
        receipt=f"{DATA}/receipt.json",
    params:
        config=step(P.DataConfig),
        code=contents(SOURCE_CODE),
        # A changed folder is prepared anew.
        fingerprint=last_fingerprint(Path(PARAMS.dataset.path), Path(DATA)) if PARAMS.dataset.source == "folder" else None,
    shell:
        "{SEMIPROTO} data --config {params.config:q} --out {DATA} --compute {COMPUTE:q}"


SPLIT_CODE = sources("data/layout.py", "data/splits.py", "data/steps.py")


rule split:
    input:
        receipt=f"{DATA}/receipt.json",
        files=existing(DATA, "files"),
        code=SPLIT_CODE,
    output:
        multiext(f"{SPLIT}/", *LIST_FILES),
    params:
        config=step(P.SplitConfig),
        code=contents(SPLIT_CODE),
        out=SPLIT,
    shell:
        "{SEMIPROTO} split --config {params.config:q} --data {DATA} --labels {wildcards.split} --out {params.out}"
