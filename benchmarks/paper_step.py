"""The paper's step: ResNet-101 with deep stem, output stride 8, crop 513, one labelled and one unlabelled image.

Profiled, on one thread: the share of the processor's time outside convolutions and matrix products, which is all that
better forms of the rest could save; and the share without the network's batch norms and ReLUs. Compared: the peak
memory of a step with that of the reference form (README.md), each in a process of its own.

    python benchmarks/paper_step.py [--rounds N]
"""

from __future__ import annotations

import re

from measure import keep, peaks, print_peak, record, start
from paper import paper_params
from steps import ReferenceStep, make_batches, our_step
from torch.profiler import ProfilerActivity, profile

CROP, ENCODER = 513, "resnet101s"
PRODUCTS = "convolutions and matrix products"
GROUPS = {PRODUCTS: r"conv|aten::(b|add|badd)?mm$", "batch norm and ReLU": r"batch_?norm|relu|threshold|clamp_min"}
"""Patterns of operators' names; an operator belongs to the first that fits."""
OTHERS = "everything else"
GOAL = 0.10


def shares() -> dict[str, float]:
    """Parts of the processor's time of one step, by group; prints the operators that take most of the rest."""
    step = our_step(paper_params(ENCODER), CROP)
    step()
    with profile(activities=[ProfilerActivity.CPU]) as profiled:
        step()
    times = {event.key: event.self_cpu_time_total for event in profiled.key_averages()}
    total, found = sum(times.values()), dict.fromkeys([*GROUPS, OTHERS], 0.0)
    for name, time in sorted(times.items(), key=lambda item: -item[1]):
        group = next((one for one, pattern in GROUPS.items() if re.search(pattern, name, re.IGNORECASE)), OTHERS)
        found[group] += time / total
        if group == OTHERS and time > 0.003 * total:
            print(f"    {time / total:6.1%}  {name}")
    return found


def main() -> None:
    options = start(__doc__, rounds=1)
    if options.peak_of:
        params = paper_params(ENCODER)
        if options.peak_of == "inputs":
            make_batches(CROP)
        else:
            step = ReferenceStep(params, CROP) if options.peak_of == "reference" else our_step(params, CROP)
            step()
        print_peak()
        return
    record("paper_step", "memory", peaks(__file__, options.rounds), goal=None, unit="bytes")
    found = shares()
    print("paper_step: " + ", ".join(f"{name} {share:.1%}" for name, share in found.items()))
    outside = 1 - found[PRODUCTS]
    met = "met" if outside <= GOAL else "NOT MET"
    print(f"paper_step: outside {PRODUCTS}: {outside:.3f} (goal {GOAL} at most: {met})")
    keep("paper_step", f"share outside {PRODUCTS}", outside, [outside])
    keep("paper_step", f"share of {OTHERS}", found[OTHERS], [found[OTHERS]])


if __name__ == "__main__":
    main()
