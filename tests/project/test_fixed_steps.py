"""The losses of twenty fixed steps: a change of the maths shows here, on any machine."""

import pytest

import fixed_steps
import proof

EXPECTED = [
    # of an AVX-512 machine; kernels of other instruction sets round otherwise, which grows with the steps (tried:
    # ATEN_CPU_CAPABILITY=default with ONEDNN_MAX_CPU_ISA=SSE41)
    3.775795,
    3.714889,
    3.600114,
    3.646827,
    3.535634,
    3.467053,
    3.551891,
    3.136205,
    3.109996,
    5.178135,
    5.502072,
    5.072736,
    5.138346,
    5.230748,
    5.047514,
    4.785085,
    4.725139,
    5.039593,
    4.955488,
    4.908860,
]


def test_the_losses_are_those_that_are_written_down(tmp_path):
    fixed_steps.make_set(tmp_path)
    losses, _ = fixed_steps.train(tmp_path, fixed_steps.settings())
    assert losses[:4] == pytest.approx(EXPECTED[:4], rel=1e-4)
    assert losses[:8] == pytest.approx(EXPECTED[:8], rel=5e-3)
    assert losses == pytest.approx(EXPECTED, rel=3e-2)


def test_a_second_run_is_equal_to_the_last_bit(tmp_path):
    fixed_steps.make_set(tmp_path)
    first = fixed_steps.train(tmp_path, fixed_steps.settings())[0]
    (tmp_path / "checkpoints").mkdir(exist_ok=True)
    assert fixed_steps.train(tmp_path, fixed_steps.settings())[0] == first


def test_a_proof_compares_every_line():
    lines = [" 1  3.0  0x1.8p+1", "weights abc"]
    assert proof.compare(lines, list(lines)) == (lines, True)
    for other in ([" 1  3.0  0x1.80001p+1", "weights abc"], lines[:1], [*lines[:1], "weights abd"]):
        assert not proof.compare(lines, other)[1]
