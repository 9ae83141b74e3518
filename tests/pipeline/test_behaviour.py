"""The behaviour that docs/workflow.md promises, row by row, on the real Snakefile and dvc.yaml."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import summary
import tiny
import yaml
from checkouts import Checkout
from test_leaves import changed, leaves

from semiproto import params

STAGES = yaml.safe_load((tiny.ROOT / "dvc.yaml").read_text())["stages"]
FORECAST = {"outcome": 1, "figures": 1, "report": 1}
TABLES = {"tables": 1, "machine": 1} | FORECAST
LAST = {"tsne": 2, "patches": 1} | TABLES
"""The jobs that follow a change of the full method."""
MAKE_RUN = ("snakemake", "--cores", "all", "--rerun-incomplete", "--quiet", "rules", "host", "reason")


def outs(stage: str) -> list[str]:
    return [path for out in STAGES[stage]["outs"] for path in out]


def stage_of(path: str) -> str:
    """The one stage that versions a file of the workflow."""
    (stage,) = [name for name in STAGES if any(Path(path).is_relative_to(out) for out in outs(name))]
    return stage


def stages_from(first: set[str]) -> set[str]:
    """Some stages and all those below them, as DVC sees it."""
    reached = set(first)
    for _ in STAGES:
        made = [out for stage in reached for out in outs(stage)]
        reached |= {name for name, stage in STAGES.items() if set(stage["deps"]) & set(made)}
    return reached


@pytest.fixture(scope="module")
def copy(versioned, tmp_path_factory):
    """A versioned checkout of this file's own; whoever changes it puts it back."""
    return versioned.copy(tmp_path_factory.mktemp("behaviour") / "checkout")


@pytest.fixture(scope="module")
def ask(copy):
    with copy.asking() as asked:
        yield asked


@pytest.fixture
def restored(copy):
    """Puts params.yaml back after the test."""
    text = (copy.path / "params.yaml").read_text()
    yield
    (copy.path / "params.yaml").write_text(text)


def is_clean(checkout) -> bool:
    """Whether both engines have nothing to do."""
    return checkout.planned() == {} and "up to date" in checkout.run("dvc", "status").stdout


# ------------------------------------------------------------------------------------------ nothing to do


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (MAKE_RUN, "Nothing to be done"),
        (("dvc", "repro"), "Data and pipelines are up to date"),
        (("dvc", "status"), "Data and pipelines are up to date"),
    ],
    ids=["make run", "dvc repro", "dvc status"],
)
def test_with_nothing_to_do_a_command_says_so(copy, command, said):
    output = copy.run(*command).stdout
    assert said in output and not summary.finished(output)


# ------------------------------------------------------------------------------- one change, both engines


def test_sections_that_dvc_asks_for_are_those_that_snakemake_runs(copy, ask, restored):
    """Section by section: the stages that DVC flags, with those below, are the stages whose rules have jobs."""
    tree = tiny.params()
    for section in set(params.Params.model_fields) - {
        "compute",
        "suggest",
        "predict",
    }:  # no stage keeps theirs
        reads = [leaf for leaf in leaves(tree) if leaf.startswith(f"{section}.") and leaf != "dataset.source"]
        (copy.path / "params.yaml").write_text(yaml.safe_dump(changed(tree, reads[0]), sort_keys=False))
        flagged = set(json.loads(copy.run("dvc", "status", "--json").stdout))
        run = {stage_of(path) for path, output in ask().items() if output.pending}
        assert stages_from(flagged) == run, f"{reads[0]}: DVC flags {flagged}, Snakemake runs jobs of {run}"


CONSISTENCY = tiny.params()["variants"] | {"consistency": {"method": "consistency", "semi": {"tau": 0.5}}}
TRAINED = {"train": 6, "evaluate": 6} | LAST
PLANS = [
    ({"compute": {"threads": 2, "workers": 1}}, {}),
    ({"tsne": {"perplexity": 4}}, {"tsne": 2, "figures": 1, "report": 1}),
    ({"patches": {"size": 12}}, {"patches": 1, "figures": 1, "report": 1}),
    ({"evaluate": {"window": {"size": 32, "stride": 24}}}, {"evaluate": 6} | TABLES),
    ({"prototypes": {"per_class": 2}}, {"prototypes": 2, "train": 2, "evaluate": 2} | LAST),
    ({"forecast": {"images": "validation"}}, {"forecast": 1} | FORECAST),
    ({"forecast": {"folds": 3}}, {"folds": 1, "pretrain_fold": 3, "forecast": 1} | FORECAST),
    ({"variants": CONSISTENCY}, {"train": 2, "evaluate": 2, "tsne": 2} | TABLES),
    ({"semi": {"steps": 5}}, TRAINED),
    ({"semi": {"tau": 0.7}}, {"forecast": 1} | TRAINED),
    (
        {"pretrain": {"steps": 8}},
        {"pretrain": 2, "pretrain_fold": 2, "forecast": 1, "features": 2, "prototypes": 2} | TRAINED,
    ),
]


@pytest.mark.parametrize(("change", "jobs"), PLANS, ids=lambda value: ",".join(value))
def test_a_change_reruns_just_the_jobs_that_depend_on_it(copy, ask, restored, change, jobs):
    copy.edit(lambda tree: [tree[section].update(keys) for section, keys in change.items()])
    assert ask().jobs() == jobs


SEED = {"pretrain": 1, "features": 1, "prototypes": 1, "train": 3, "evaluate": 3, "tsne": 1}
SPLIT = {"split": 1, "folds": 1, "pretrain_fold": 2, "forecast": 1} | SEED | {"train": 1, "evaluate": 1}
SWEEPS = {
    "seed": (lambda runs: runs[0]["seeds"].append(2), SEED | TABLES),
    "variant": (
        lambda runs: runs[0]["variants"].append("consistency-equal-loss"),
        {"train": 2, "evaluate": 2} | TABLES,
    ),
    "labels": (lambda runs: runs.append({"split": 6, "variants": ["supervised"], "seeds": [0]}), SPLIT | TABLES),
}


@pytest.mark.parametrize("one_more", SWEEPS)
def test_one_more_in_the_list_of_experiments_costs_just_its_own_jobs(copy, ask, restored, one_more):
    change, jobs = SWEEPS[one_more]
    copy.edit(lambda tree: change(tree["experiments"]))
    assert ask().jobs() == jobs


@pytest.mark.parametrize(
    ("file", "jobs"),
    [
        ("src/semiproto/cli/steps.py", {}),
        ("src/semiproto/steps/job.py", {}),
        ("src/semiproto/deploy/predict.py", {}),
        ("src/semiproto/measure/scoring.py", {"evaluate": 6} | TABLES),
        ("src/semiproto/report/tables.py", {"tables": 1} | FORECAST),
        ("src/semiproto/params/training.py", {}),
        ("src/semiproto/report/page.html", {"report": 1}),
        ("src/semiproto/measure/tsne.py", {"tsne": 2, "figures": 1, "report": 1}),
        ("src/semiproto/train/semi.py", TRAINED),
    ],
)
def test_a_changed_source_reruns_the_rules_that_use_it(copy, ask, file, jobs):
    source = copy.path / file
    text = source.read_text()
    source.write_text(f"{text}\n")
    assert ask().jobs() == jobs
    source.write_text(text)
    assert ask().jobs() == {}


def test_the_reason_for_a_job_names_the_changed_module_alone(copy):
    """And what a reader compares: its digest before and now."""
    source = copy.path / "src/semiproto/report/tables.py"
    text = source.read_text()
    source.write_text(f"{text}\n")
    (reason,) = re.findall("rule tables:.*?reason: (.*?)\n", copy.snakemake("--dry-run"), re.DOTALL)
    source.write_text(text)
    assert re.fullmatch(
        "Params have changed since last execution: .*: "
        "before: 'report/tables.py [0-9a-f]{12}' now: 'report/tables.py [0-9a-f]{12}' ?",
        reason,
    )


def test_a_missing_file_is_made_again_whichever_it_is(copy, ask):
    """Or a job that failed after a change of params would leave stale descendants that nobody looks at again."""
    asked = ask()
    assert asked.targets == set(asked)
    for name in ("models/semi/tiny/8/supervised/seed0/health.csv", "results/eval/tiny/8/prototype/seed1/predictions"):
        aside = (copy.path / name).rename(copy.path / "aside")
        assert asked[name].rule in ask().rerun()
        aside.rename(copy.path / name)


def test_of_big_files_neither_age_nor_content_counts_but_their_receipt_does(copy, ask):
    folder = copy.path / "models/pretrain/tiny/8/seed0"
    (folder / "model.safetensors").touch()
    assert ask().jobs() == {}
    receipt = (folder / "receipt.json").read_text()
    (folder / "receipt.json").write_text(receipt.replace('"step": "pretrain"', '"step": "another"'))
    jobs = {"features": 1, "prototypes": 1, "train": 3, "evaluate": 3, "tsne": 1, "patches": 1}
    assert ask().jobs() == jobs | TABLES
    (folder / "receipt.json").write_text(receipt)
    assert ask().jobs() == {}


def test_either_engine_leaves_the_other_nothing_to_do_and_every_revision_comes_back_whole(versioned, tmp_path):
    checkout = versioned.copy(tmp_path / "checkout")

    checkout.edit(lambda tree: tree["tsne"].update(perplexity=4))
    assert summary.finished(checkout.run(*MAKE_RUN[:4]).stdout) == {"tsne": 2, "figures": 1, "report": 1}
    assert summary.finished(checkout.run("dvc", "repro").stdout) == {}
    assert is_clean(checkout)
    checkout.commit("by Snakemake")

    checkout.edit(lambda tree: tree["prototypes"].update(per_class=2))
    jobs = {"prototypes": 2, "train": 2, "evaluate": 2} | LAST
    assert summary.finished(checkout.run("dvc", "repro").stdout) == jobs
    assert is_clean(checkout)
    checkout.commit("by DVC")

    for revision, per_class, perplexity in (("HEAD~2", 3, 5), ("HEAD@{1}", 2, 4)):
        checkout.run("git", "checkout", "--quiet", revision)
        checkout.run("dvc", "checkout")
        assert is_clean(checkout)
        assert config(checkout, "models/prototypes/tiny/8/seed1")["prototypes"]["per_class"] == per_class
        assert config(checkout, "results/tsne/tiny/8/seed0")["tsne"]["perplexity"] == perplexity
        assert checkout.run("git", "status", "--porcelain").stdout == ""


def config(checkout, folder: str) -> dict:
    """What the step that made a folder was handed."""
    return json.loads((checkout.path / folder / "receipt.json").read_text())["config"]


# ----------------------------------------------------------------------------- what the files must agree on


def test_each_stage_asks_snakemake_for_its_target_and_keeps_what_is_there():
    for name, stage in STAGES.items():
        assert re.fullmatch(
            rf"(mkdir -p [\w/ ]+ && )?snakemake --cores all --rerun-incomplete stage_{name}", stage["cmd"]
        )
        assert all(out["persist"] for entry in stage["outs"] for out in entry.values()), name
    *_, last = STAGES
    assert ".snakemake/metadata" in outs(last)


def test_dvc_and_git_share_the_outputs(copy):
    """Tables in git, all else in DVC, as copies: Snakemake writes its metadata in place, through any hard link."""
    entries = [entry for stage in STAGES.values() for out in stage["outs"] for entry in out.items()]
    kept = {path: flags.get("cache", True) for path, flags in entries}
    tracked = set(copy.run("git", "ls-files").stdout.split())
    for path, cached in kept.items():
        assert all(len(Path(out).parts) <= 2 for out in kept), "dvc.yaml names no run"
        assert cached != any(Path(file).is_relative_to(path) for file in tracked), path
    assert copy.run("git", "check-ignore", "checkpoints/semi").stdout == "checkpoints/semi\n"
    assert all(path.stat().st_nlink == 1 for path in (copy.path / ".snakemake/metadata").iterdir())


def test_a_stage_depends_on_all_that_its_rules_read_and_makes_all_that_they_write(copy, ask):
    inputs = read_by_stage(copy)
    for name, stage in STAGES.items():
        above = [other for other in STAGES if name in stages_from({other})]
        for path in inputs[name]:
            if any(Path(path).is_relative_to(dep) for dep in stage["deps"]):
                continue
            assert not path.startswith(("src/", "experiments/")), (
                f"{name} lacks {path}"
            )  # sources: project/test_rules.py
            assert stage_of(path) in above, f"{name} reads {path}"
        assert set(ask(f"stage_{name}")) >= {path for path in ask() if stage_of(path) == name}


def read_by_stage(checkout) -> dict[str, set[str]]:
    """The inputs of the rules of each stage, as Snakemake recorded them."""
    found: dict[str, set[str]] = {name: set() for name in STAGES}
    for line in checkout.snakemake("--detailed-summary").splitlines():
        path, *_, inputs, _, _, _ = line.split("\t") if line.count("\t") == 7 else [""] * 8
        if path and path != "output_file":
            found[stage_of(path)] |= set(filter(None, inputs.split(",")))
    return found


def test_the_picture_shows_the_rules_as_they_are(copy):
    """`make dag` draws it again."""
    drawn = (tiny.ROOT / "docs/images/dag.svg").read_text()
    script = "import sys; sys.path.insert(0, 'workflow'); import draw_dag; print(draw_dag.dot())"
    graph = Checkout(copy.path).run("python", "-c", script)
    arrows = set(re.findall(r"^(\w+) -> (\w+)$", graph.stdout, re.MULTILINE))
    assert set(re.findall(r"<title>(\w+)&#45;&gt;(\w+)</title>", drawn)) == arrows
    assert set(re.findall(r"<title>cluster_(\w+)</title>", drawn)) == set(STAGES)
