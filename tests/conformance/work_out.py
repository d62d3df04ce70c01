"""Works out the expected outputs of every vector and writes the JSON files beside this script.

    python tests/conformance/work_out.py            rewrites the files
    python tests/conformance/work_out.py --check    exits 1 and names the files that differ

Standard library only. The inputs are in cases_*.py, the definitions in definitions.py.
"""

import json
import sys
from decimal import Decimal
from pathlib import Path

import cases_geometry
import cases_selection
import cases_training
import definitions
from definitions import cross_entropy_of, decimal, error_of, forward, gradient_norm, norm

HERE = Path(__file__).parent
FILES = cases_training.FILES | cases_geometry.FILES | cases_selection.FILES


# Checks against other ways to the same number


def check_the_definitions():
    """Values worked by hand, a closed form, and derivatives by differences."""
    root = Decimal(2).sqrt()
    by_hand = definitions.el2n(**inputs("el2n")["three samples, two models, worked by hand"])
    assert all(
        near(a, b * root) for a, b in zip(by_hand["mean"], map(decimal, [0.375, 0.5, 0.625]), strict=True)
    )
    assert all(near(a, b) for a, b in zip(by_hand["std"], map(decimal, [0.25, 0, 0.25]), strict=True))
    by_hand = definitions.moving_average(**inputs("moving_average")["after a warm-up"])
    assert near(by_hand["mean"][2][0], decimal(1.8))  # 0.8 * 2 + 0.2 * 1
    assert near(by_hand["variance"][2][1], decimal(3.2))  # 0.8 * (0 - 2)^2
    by_hand = definitions.moving_average(**inputs("moving_average")["losses of training"])
    assert near(by_hand["mean"][3][0], decimal(1.3))  # 0.8 * 1 + 0.2 * 2.5, and kept
    assert near(by_hand["mean"][3][1], decimal(1.4))  # 0.8 * 1 + 0.2 * 3
    by_hand = definitions.forgetting_rate(**inputs("forgetting_rate")["several runs"])
    assert near(by_hand[0], decimal(7) / 24)  # (1/3 + 1/4) / 2
    by_hand = definitions.grand(**inputs("grand")["two layers, worked by hand"])
    assert near(by_hand["mean"][0], decimal(17.5).sqrt())
    for case in inputs("grand").values():
        for layers in case["models"]:
            for h, y in zip(case["features"], case["labels"], strict=True):
                value = gradient_norm(layers, h, y)
                assert near(value, norm(differences(layers, h, y)))
                if len(layers) == 1:  # with a bias, in these cases
                    closed = norm(error_of(forward(layers, h)[1], y)) * norm([decimal(x) for x in [*h, 1]])
                    assert near(value, closed)


def inputs(name):
    return {case["name"]: case["input"] for case in FILES[name]["cases"]}


def near(a, b):
    return abs(a - b) < Decimal("1e-14")


def differences(layers, features, label, step=Decimal("1e-12")):
    """The derivative of the cross-entropy by every parameter, each moved a little up and down."""
    rows = [row for layer in layers for row in [*layer["weight"], layer["bias"]] if row]
    result = []
    for row in rows:
        for c, kept in enumerate(row):
            row[c] = decimal(kept) + step
            above = cross_entropy_of(forward(layers, features)[1], label)
            row[c] = decimal(kept) - step
            below = cross_entropy_of(forward(layers, features)[1], label)
            row[c] = kept
            result.append((above - below) / (2 * step))
    return result


# Writing


def plain(value):
    """For JSON: 15 significant digits; what is below 1e-30 is the last digit of a 0."""
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    if isinstance(value, Decimal):
        rounded = float(f"{value:.15g}") if abs(value) > Decimal("1e-30") else 0
        return int(rounded) if rounded == int(rounded) else rounded
    return value


def file_text(name):
    """One line for each field of a case, so that a change of one number is a change of one line."""
    content = dict(FILES[name])
    cases = content.pop("cases")
    head = [f'  "{key}": {json.dumps(value, ensure_ascii=False)},\n' for key, value in content.items()]
    texts = []
    for case in cases:
        full = {**case, "expected": plain(getattr(definitions, name)(**case["input"]))}
        lines = [f'      "{key}": {json.dumps(value, ensure_ascii=False)}' for key, value in full.items()]
        texts.append("    {\n" + ",\n".join(lines) + "\n    }")
    return "{\n" + "".join(head) + '  "cases": [\n' + ",\n".join(texts) + "\n  ]\n}\n"


def main():
    check_the_definitions()
    texts = {HERE / f"{name}.json": file_text(name) for name in FILES}
    if "--check" in sys.argv[1:]:
        stale = [p for p, text in texts.items() if not p.exists() or p.read_text(encoding="utf-8") != text]
        stale += set(HERE.glob("*.json")) - set(texts)
        for path in stale:
            print(f"{path.name} differs from what work_out.py says")
        sys.exit(1 if stale else 0)
    for path, text in texts.items():
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
