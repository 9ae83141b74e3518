"""The lines of a plan: what they say of the embedded experiment, and of a step that does not fit."""

import pytest
import torch

from semiproto.params import Params
from semiproto.steps.planning import plan as planning
from semiproto.steps.planning import speed
from semiproto.steps.planning.footprint import Footprint
from semiproto.steps.planning.plan import GIB, Plan, aligned, card_for

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def planned(tiny):
    """The plan of the tiny experiment's full method on this CPU."""
    tree = tiny.model_dump()
    tree["experiments"] = [{"split": 30, "variants": ["prototype"], "seeds": [0, 1]}]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(speed, "SECONDS", 0.0001)
        return planning.make(Params.model_validate(tree))


def test_a_plan_has_all_trainings_all_modes_and_the_sum(planned):
    lines = list(planned.lines())
    table = lines[: lines.index("")]
    assert {line.split()[0] for line in table[1:-1]} == {one.name.split()[0] for one in planned.trainings}
    assert sum("bfloat16" in line and "blocks" in line for line in lines) == len(planned.names())
    steps = sum(one.total_steps for one in planned.trainings)
    assert any(
        line.startswith(f"all {sum(one.count for one in planned.trainings)} trainings: {steps:,} steps")
        for line in lines
    )
    assert lines[-1].startswith("memory: ") and lines[-1].endswith("it fits")


def test_what_does_not_fit_names_the_line_to_change(planned, monkeypatch):
    for share, said in ((0.8, "set compute.checkpointing: blocks ("), (0.3, "compute.gpus")):
        kind = next(iter(planned.footprints))
        modes = {
            mode: Footprint(1e9, 1000 * GIB * (0.5 if mode[1] == "blocks" else 1), GIB, 2, GIB)
            for mode in planned.footprints[kind]
        }
        large = Plan(planned.params, CPU, dict.fromkeys(planned.footprints, modes), planned.speeds)
        total = share * 1050 * GIB * large.side_by_side
        monkeypatch.setattr(planning, "_memory_of", lambda device, total=total: total)
        (line,) = large._remedy()
        assert "it does not fit" in line and said in line


@pytest.mark.parametrize(("threads", "said"), [(1, "those of the processor"), (2, "too long")])
def test_a_plan_says_that_the_machine_was_busy(planned, monkeypatch, threads, said):
    monkeypatch.setattr(planning.pool, "cores", lambda: 4)
    compute = planned.params.compute.model_copy(update={"threads": threads})
    params = planned.params.model_copy(update={"compute": compute})

    def lines(others):
        speeds = {kind: one._replace(others=others) for kind, one in planned.speeds.items()}
        return list(Plan(params, CPU, planned.footprints, speeds)._of_other_work())

    assert lines(4 - threads) == []
    (line,) = lines(4 - threads + 0.5)
    assert f"up to {4 - threads + 0.5:.1f} of its 4 cores" in line and said in line


@pytest.mark.parametrize(("gib", "card"), [(5.3, 8), (21.6, 40), (19.5, 24), (36.6, 80), (73, None), (70, 80)])
def test_which_card_holds_a_step(gib, card):
    assert card_for(gib * GIB) == card


def test_numbers_have_three_digits():
    assert [planning.number(value) for value in (0.0012345, 12.345, 123.4, 1234567.0)] == [
        "0.00123",
        "12.3",
        "123",
        "1,234,567",
    ]


def test_columns_are_aligned():
    assert list(aligned([("a", "bb", "c"), ("aaa", "b", "ccc")])) == ["a    bb    c", "aaa  b   ccc"]
