"""One training step of the prototype variant: ResNet-50, output stride 8, crop 257, 1 labelled and 1 unlabelled image.

Reference form (README.md): NCHW, a second forward of the teacher for its batch-norm statistics, z upsampled before it
is picked from, loops over prototypes and parameters, plain SGD. Ours: SemiPhase with channels_last and fused SGD, as
the training loop runs it; where the CPU has instructions for bfloat16, with optimizer.precision bfloat16 too. Two
threads, so these are seconds on the wall, and other work on the machine blurs them.

    python benchmarks/whole_step.py [--rounds N]
"""

from __future__ import annotations

from measure import cpu_flags, record, require, start, take_turns
from paper import paper_params
from steps import ReferenceStep, our_step

CROP = 257
BFLOAT16 = {"avx512_bf16", "amx_bf16", "bf16"}
"""Names of the instructions, the last one on ARM."""


def main() -> None:
    options = start(__doc__, rounds=5, threads=2)
    params = paper_params("resnet50")
    reference, ours = ReferenceStep(params, CROP), our_step(params, CROP)
    theirs, mine = reference(), ours()
    require(abs(theirs - mine) < 1e-3 * theirs, f"the first loss, {theirs} and {mine}")
    record("whole_step", "float32, time", take_turns(reference, ours, options.rounds), goal=1.25)
    if found := cpu_flags() & BFLOAT16:
        print(f"bfloat16: this CPU has {', '.join(sorted(found))}")
        half = our_step(params, CROP, bfloat16=True)
        record("whole_step", "float32 / bfloat16, time", take_turns(reference, half, options.rounds), goal=2.5)
    else:
        print(f"bfloat16: not measured, this CPU has none of {', '.join(sorted(BFLOAT16))}")


if __name__ == "__main__":
    main()
