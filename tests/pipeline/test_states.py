"""A checkout in a bad state works, or says in one line what to do; explain says the same as Snakemake."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from gates import PATIENCE

from semiproto import params
from semiproto.provenance.artifacts import RECEIPT, sha256_file
from semiproto.provenance.explain import explain
from semiproto.steps.experiment import Experiment

QUIET = ("--quiet", "rules", "host", "reason")


def unsound(checkout, monkeypatch) -> Counter[str]:
    """Artefacts that explain calls not sound, counted by the rule that makes them."""
    monkeypatch.chdir(checkout.path)
    found: Counter[str] = Counter()
    for path in [p for top in ("data", "models", "results") for p in Path(top).rglob(f"*{RECEIPT}")]:
        artefact = Path(json.loads(path.read_text())["artefact"])
        explanation = explain(str(artefact), Experiment(params.load(Path("params.yaml"))))
        step = explanation.links[0].receipt["step"]
        if not explanation.sound and artefact.name.startswith("fold"):
            found["pretrain_fold" if step == "pretrain" else "folds"] += 1
        elif not explanation.sound:
            found[step] += 1
    return found


@pytest.mark.parametrize(
    "change",
    [
        lambda tree: None,
        lambda tree: tree["semi"].update(tau=0.7),
        lambda tree: tree["variants"]["consistency"].update(semi={"cutmix_probability": 0.25}),
        lambda tree: tree["experiments"][0].update(seeds=[0]),
    ],
    ids=["nothing", "tau", "variant", "one seed less"],
)
def test_explain_agrees_with_snakemake(checkout, monkeypatch, change):
    checkout.edit(change)
    assert unsound(checkout, monkeypatch) == checkout.planned()


def test_without_snakemakes_record_the_same_is_made_again(checkout):
    """As after `rm -r .snakemake`, the remedy that the internet has for any trouble."""
    kept = checkout.path.with_name("record")
    for change in (lambda tree: None, lambda tree: tree["semi"].update(tau=0.7)):
        checkout.edit(change)
        with_record = checkout.planned()
        shutil.move(checkout.path / ".snakemake", kept)
        assert checkout.planned() == with_record
        shutil.rmtree(checkout.path / ".snakemake")
        shutil.move(kept, checkout.path / ".snakemake")


def test_tables_that_were_made_by_hand_of_some_runs_are_made_again(checkout):
    run = "results/eval/tiny/8/prototype/seed0"
    checkout.run("semiproto", "tables", "--evaluation", run, "--out", "results/tables")
    output = checkout.snakemake("--dry-run")
    assert "results/tables: lacks tiny/8/consistency/seed0, which params.yaml asks for; it is made again" in output
    assert checkout.planned()["tables"] == 1


def test_a_changed_module_is_for_the_rules_to_judge(checkout, monkeypatch):
    for name in ("train/losses.py", "cli/app.py"):  # the second is shared by all steps and reruns nothing
        module = checkout.path / "src/semiproto" / name
        module.write_text(module.read_text() + "\n# changed\n")
    run = "models/semi/tiny/8/supervised/seed0"
    result = checkout.run("semiproto", "explain", run, check=False)
    assert result.returncode == 1
    assert "modules changed since, so `snakemake` makes it again: train/losses.py\n" in result.stdout
    assert checkout.run("semiproto", "explain", "data/splits/tiny/8").returncode == 0


def test_what_was_made_from_other_inputs_is_planned_by_a_dry_run_and_nothing_is_changed(checkout):
    """As where an evaluation was brought from another machine, older than the tables that were made of another one."""
    folder = checkout.path / "results/eval/tiny/8/supervised/seed0"
    metrics, receipt = folder / "metrics.json", folder / RECEIPT
    other = json.loads(metrics.read_text()) | {"miou_best": 1.5}
    metrics.write_text(json.dumps(other))
    facts = json.loads(receipt.read_text())
    facts["outputs"]["metrics.json"] = sha256_file(metrics)
    receipt.write_text(json.dumps(facts))
    for path in (metrics, receipt):
        os.utime(path, (0, 0))
    before = made(checkout)
    output = checkout.snakemake("--dry-run")
    assert "results/tables: made from another results/eval/tiny/8/supervised/seed0 than the one there" in output
    assert checkout.planned() == {"tables": 1, "machine": 1, "outcome": 1, "figures": 1, "report": 1}
    assert checkout.planned("--", "stage_train") == {}
    assert made(checkout) == before
    checkout.snakemake(*QUIET)
    assert checkout.planned() == {}
    assert "1.5" in (checkout.path / "results/tables/runs.csv").read_text()


def test_tables_that_git_restored_are_made_again_and_a_model_is_not(checkout):
    """As after another run: the tables of the last commit are not those of the evaluations that are here."""
    tables, outcome = (checkout.path / f"results/tables/{name}.csv" for name in ("runs", "forecast"))
    right = {path: path.read_bytes() for path in (tables, outcome)}
    for path, text in right.items():
        path.write_bytes(text + text.splitlines(keepends=True)[-1])
    output = checkout.snakemake("--dry-run")
    for path in right:
        said = f"{path.relative_to(checkout.path)}: not what was written there"
        assert any(said in line and line.endswith("; it is made again") for line in output.splitlines())
    assert checkout.planned() == {"tables": 1, "outcome": 1, "figures": 1, "report": 1}
    checkout.snakemake(*QUIET)
    assert {path: path.read_bytes() for path in right} == right and checkout.planned() == {}
    model = "models/semi/tiny/8/supervised/seed0/model.safetensors"
    (checkout.path / model).write_bytes(b"another")
    assert f"\n{model}: not what was written there" in checkout.snakemake("--dry-run", check=False)


def made(checkout) -> dict[str, tuple[int, int]]:
    """Time of change and size of all that the pipeline made."""
    files = [path for top in ("data", "models", "results") for path in (checkout.path / top).rglob("*")]
    return {str(path): (path.stat().st_mtime_ns, path.stat().st_size) for path in files}


def test_without_git_and_with_a_clock_set_back(checkout):
    """A tarball of the sources has no git; in a clock's future lies what was made before it was set back."""
    shutil.rmtree(checkout.path / ".git")
    assert checkout.planned() == {}
    os.utime(checkout.path / f"data/splits/tiny/8/{RECEIPT}", (time.time() + 86400,) * 2)
    result = checkout.run("snakemake", "--cores", "1", "--dry-run", check=False)
    (line,) = [line for line in result.stdout.splitlines() if "made in the future" in line]
    assert result.returncode == 1 and f"data/splits/tiny/8/{RECEIPT}" in line
    subprocess.run(line.split("`")[1], shell=True, cwd=checkout.path, check=True)
    assert checkout.planned() == {}


def test_two_at_once_then_killed(checkout, monkeypatch):
    """The second says who is at work; what a kill leaves behind is named, removed, and the work goes on."""
    checkout.edit(lambda tree: tree["semi"].update(steps=1_000_000))  # more than are done before it is killed
    target = "models/semi/tiny/8/supervised/seed0/receipt.json"
    env = os.environ | {"PYTHONPATH": str(checkout.path / "src")}
    command = [sys.executable, "-m", "snakemake", "--cores", "1", "--", target]
    first = subprocess.Popen(command, cwd=checkout.path, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(checkout.path / "checkpoints/semi/tiny/8/supervised/seed0", first)
        second = checkout.run("snakemake", "--cores", "1", "--", target, check=False)
        assert f"locked, at work: pid {first.pid}" in second.stdout
        refused = checkout.run("semiproto", "unlock", check=False)
        assert refused.returncode == 1 and f"at work: pid {first.pid}" in refused.stdout
        assert re.search(rf"; wait, or stop it with `kill {first.pid} \d+`", refused.stdout)  # and its step
    finally:
        first.send_signal(signal.SIGKILL)
        first.wait()
    monkeypatch.chdir(checkout.path)
    said = wait_until_unlocked(checkout)
    assert f"locked by pid {first.pid}" in said and "dead" in said
    checkout.edit(lambda tree: tree["semi"].update(steps=4))
    checkout.snakemake("--rerun-incomplete", *QUIET, "--", target)
    experiment = Experiment(params.load(checkout.path / "params.yaml"))
    assert explain(str((checkout.path / target).parent), experiment).sound


def wait_for(folder: Path, process: subprocess.Popen[bytes]) -> None:
    """Until a command has made a folder."""
    deadline = time.monotonic() + PATIENCE
    while not folder.exists():
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.1)


def wait_until_unlocked(checkout) -> str:
    """What unlock says once the killed Snakemake's step has ended too."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        result = checkout.run("semiproto", "unlock", check=False)
        if result.returncode == 0:
            return result.stdout
        time.sleep(0.5)
    raise AssertionError(result.stdout)


def test_a_failed_step_says_one_line_without_json(checkout):
    checkout.edit(lambda tree: tree["prototypes"].update(per_class=64) or tree["features"].update(pixels_per_class=2))
    output = checkout.snakemake("models/prototypes/tiny/8/seed0/receipt.json", check=False)
    assert output.count("semiproto: class background: 2 labelled pixels were sampled") == 1
    assert output.count("--config ...") == 1 and "RuleException" not in output
    assert "--config '{" not in output


def test_snakemakes_report(finished, tmp_path):
    page = tmp_path / "report.html"
    finished.snakemake("--report", str(page))
    text = page.read_text()
    for file in ("summary.csv", "gain.png", "report.html"):
        assert file in text


def test_parameters_with_tabs(checkout):
    (checkout.path / "params.yaml").write_text("semi:\n\ttau: 0.8\n")
    result = checkout.run("snakemake", "--cores", "1", "--dry-run", check=False)
    assert result.returncode == 1
    (line,) = [line for line in result.stdout.splitlines() if line.startswith("params.yaml: not valid YAML")]
    assert "line 2, column 1" in line and line.endswith("indents are spaces, not tabs")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a folder that root cannot write")
def test_results_that_cannot_be_written(checkout):
    results = checkout.path / "results"
    subprocess.run(["mount", "--bind", str(results), str(results)], check=True)
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", str(results)], check=True)
        assert checkout.planned() == {}
        checkout.edit(lambda tree: tree["tsne"].update(perplexity=4))
        result = checkout.run("snakemake", "--cores", "1", *QUIET, check=False)
        assert result.returncode == 1 and "rite-protected output files" in result.stdout
    finally:
        subprocess.run(["umount", "--lazy", str(results)], check=True)
    assert (results / "tsne/tiny/8/seed0/points.csv").exists()
