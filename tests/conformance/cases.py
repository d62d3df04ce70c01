"""What a vector file and a case are made of.

Numbers are decimals and mean exactly what they say. Where an order or a bin depends on a comparison,
they are halves, quarters and whole numbers, which every float holds exactly.
"""

LN3 = 1.09861228866811  # softmax of (ln 3, 0) is (3/4, 1/4)
EXACT, FLOAT32 = 0, 1e-6


def case(name, why, **inputs):
    return {"name": name, "why": why, "input": inputs}


def file(definition, source, cases, hard_is=None, tolerance=FLOAT32):
    hard = {"hard_is": hard_is} if hard_is else {}
    return {"definition": definition, "source": source, **hard, "tolerance": tolerance, "cases": cases}
