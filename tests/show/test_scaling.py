"""The exponent of error against size: of a law that is known, and as another library fits it."""

import numpy as np
import pytest

from curate.show.scaling import exponent


def test_an_exponent_is_that_of_the_law_it_was_made_from():
    sizes = [100, 1000, 10000]
    slope, error = exponent(sizes, [[0.5 * size**-0.4] for size in sizes])
    assert slope == pytest.approx(-0.4)
    assert error == pytest.approx(0, abs=1e-9)
    chance = np.random.default_rng(0)
    noisy = [[0.5 * size**-0.4 * np.exp(chance.normal(0, 0.1)) for _ in range(5)] for size in sizes]
    slope, error = exponent(sizes, noisy)
    x = np.repeat(np.log(sizes), 5)
    from scipy.stats import linregress

    fitted = linregress(x, np.log(np.concatenate(noisy)))
    assert (slope, error) == (pytest.approx(fitted.slope), pytest.approx(fitted.stderr))
