"""Every parameter has a line with its type, bounds and meaning."""

from semiproto import params as parameters


def leaves(tree, prefix=""):
    for key, value in tree.items():
        if isinstance(value, dict) and key not in ("variants",):
            yield from leaves(value, f"{prefix}{key}.")
        elif key not in ("variants", "experiments"):
            yield f"{prefix}{key}"


def test_every_parameter_of_a_file_has_a_line(edited):
    named = {line.split(": ", 1)[0] for line in parameters.explain()}
    tree = edited({"evaluate.window": {"size": 32, "stride": 16}})
    assert set(leaves(tree)) <= named
    assert {"variants.method", "variants.semi", "experiments.split", "evaluate.window"} <= named


def test_a_line_has_type_bounds_and_meaning():
    lines = parameters.explain()
    assert all("; " in line and not line.endswith(("None", "; ")) for line in lines)
    found = {line.split(": ", 1)[0]: line.split(": ", 1)[1].split("; ")[0] for line in lines}
    assert found["semi.tau"] == "float, >= 0, <= 1"
    assert found["model.encoder.output_stride"] == "8 | 16 | 32"
    assert found["semi.steps"] == "int | null, >= 1"
    assert found["model.decoder.rates"] == "list of int"
    assert found["evaluate.window"] == "{size, stride} | null"
