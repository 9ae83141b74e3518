# The set and the lists of its splits.
import hashlib


def folder_fingerprint():
    """Names, sizes and times of a user's files, so that a changed folder is prepared anew; None for the digits."""
    if PARAMS.dataset.source != "folder":
        return None
    base = Path(PARAMS.dataset.path)
    files = sorted(path for path in base.rglob("*") if path.is_file())
    facts = [f"{path.relative_to(base)} {path.stat().st_size} {path.stat().st_mtime_ns}" for path in files]
    return hashlib.sha256("\n".join(facts).encode()).hexdigest()


SOURCE_CODE = sources("data/layout.py", "data/splits.py") + {
    "digits": sources("data/digits.py"),
    "folder": sources("data/folder.py", "data/contents.py", "data/masks.py", "data/coco.py", "data/check.py"),
    "published": sources("data/catalog.py", "data/archives.py", "data/voc.py", "data/cityscapes.py"),
}[PARAMS.dataset.source]


rule data:
    input:
        code=SOURCE_CODE,
    output:
        files=directory(f"{DATA}/files"),
        receipt=f"{DATA}/receipt.json",
    params:
        config=step(P.DataConfig),
        fingerprint=folder_fingerprint(),
    shell:
        "{SEMIPROTO} data --config {params.config:q} --out {DATA} --compute {COMPUTE:q}"


rule split:
    input:
        receipt=f"{DATA}/receipt.json",
        files=existing(DATA, "files"),
        code=sources("data/splits.py"),
    output:
        lists=[f"{SPLIT}/{name}.txt" for name in ("labeled", "unlabeled", "val")],
        receipt=f"{SPLIT}/receipt.json",
    params:
        config=step(P.SplitConfig),
        out=SPLIT,
    shell:
        "{SEMIPROTO} split --config {params.config:q} --data {DATA} --labels {wildcards.split} --out {params.out}"
