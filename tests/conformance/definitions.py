"""The definitions read aloud, slow on purpose, standard library only.

Rational numbers are fractions, the others decimals of 50 digits. A function has the name of its file,
its parameters are the fields of `input`, and what it returns is `expected`.
"""

import math
from decimal import Decimal, getcontext
from fractions import Fraction
from itertools import pairwise

getcontext().prec = 50


def decimal(number):
    """The decimal as it is written in the file: 0.1 is one tenth."""
    return Decimal(str(number))


def fraction(number):
    return Fraction(str(number))


def round_half_up(number: Fraction) -> int:
    return math.floor(number + Fraction(1, 2))


def mean(numbers):
    return sum(numbers) / len(numbers)


def mean_and_std(per_model):
    """Mean and sample standard deviation (ddof = 1) of each sample; one model has no spread."""
    result = {"mean": [], "std": []}
    for values in zip(*per_model, strict=True):
        center = mean(values)
        result["mean"].append(center)
        one = len(values) == 1
        squares = sum((v - center) ** 2 for v in values)
        result["std"].append(None if one else (squares / (len(values) - 1)).sqrt())
    return result


# What a model says about one sample


def softmax(logits):
    powers = [decimal(z).exp() for z in logits]
    return [power / sum(powers) for power in powers]


def cross_entropy_of(logits, label):
    return sum(decimal(z).exp() for z in logits).ln() - decimal(logits[label])


def margin_of(logits, label):
    return decimal(logits[label]) - max(decimal(z) for c, z in enumerate(logits) if c != label)


def error_of(logits, label):
    """The vector p - y."""
    return [p - (1 if c == label else 0) for c, p in enumerate(softmax(logits))]


def norm(vector):
    return sum(x * x for x in vector).sqrt()


def error_norm(logits, labels):
    return [norm(error_of(z, y)) for z, y in zip(logits, labels, strict=True)]


def margin(logits, labels):
    return [margin_of(z, y) for z, y in zip(logits, labels, strict=True)]


def el2n(logits, labels):
    return mean_and_std([error_norm(of_one_model, labels) for of_one_model in logits])


def entropy(logits):
    per_model = [[-sum(p * p.ln() for p in softmax(z)) for z in of_one_model] for of_one_model in logits]
    return [mean(values) for values in zip(*per_model, strict=True)]


# What training says about one sample


def presentations(epochs, sample, field):
    """The sample's values in order of time, over the epochs in which it is present."""
    return [epoch[field][epoch["index"].index(sample)] for epoch in epochs if sample in epoch["index"]]


def aum(labels, epochs):
    return [mean([margin_of(z, y) for z in presentations(epochs, i, "logits")]) for i, y in enumerate(labels)]


def mean_loss(labels, epochs):
    return [
        mean([cross_entropy_of(z, y) for z in presentations(epochs, i, "logits")])
        for i, y in enumerate(labels)
    ]


def forgetting(n, runs):
    """Not defined (None) where a run presents one sample more often than another."""
    histories = [[presentations(run, sample, "correct") for sample in range(n)] for run in runs]
    if any(len({len(history) for history in of_run}) > 1 for of_run in histories):
        return None
    return [sum(events(of_run[sample]) for of_run in histories) for sample in range(n)]


def forgetting_rate(n, runs):
    rates = [[rate(presentations(run, sample, "correct")) for run in runs] for sample in range(n)]
    return [mean(of_sample) for of_sample in rates]


def rate(correct):
    return Decimal(events(correct)) / len(correct)


def early(share, n_epochs):
    """Where each epoch begins, as a fraction of the whole schedule, which the rest would end."""
    n_looked = max(1, round_half_up(fraction(share) * n_epochs))
    return {"epochs": n_looked, "fractions": [Decimal(epoch) / n_epochs for epoch in range(n_looked)]}


def moving_average(losses, warm_up, alpha):
    """Nothing (None) at the checkpoints of a warm-up, and for the mean of a sample not observed yet."""
    a = decimal(alpha)
    means, variances = [None] * warm_up, [None] * warm_up
    m, v = [None for _ in losses[0]], [Decimal(0) for _ in losses[0]]
    for observed in losses[warm_up:]:
        m, v = list(m), list(v)
        for i, u in enumerate(observed):
            if u is None:
                continue
            before = decimal(u) if m[i] is None else m[i]
            v[i] = (1 - a) * v[i] + a * (decimal(u) - before) ** 2
            m[i] = a * decimal(u) + (1 - a) * before
        means, variances = [*means, m], [*variances, v]
    return {"mean": means, "variance": variances}


def events(correct):
    if not any(correct):
        return len(correct)
    return sum(before and not now for before, now in pairwise(correct))


# The gradient of one sample


def linear(layer, vector):
    bias = layer["bias"] or [0] * len(layer["weight"])
    return [
        sum(decimal(w) * x for w, x in zip(row, vector, strict=True)) + decimal(b)
        for row, b in zip(layer["weight"], bias, strict=True)
    ]


def forward(layers, features):
    """The input of every layer (ReLU between layers) and, last, the logits."""
    inputs = [[decimal(x) for x in features]]
    for layer in layers[:-1]:
        inputs.append([max(z, Decimal(0)) for z in linear(layer, inputs[-1])])
    return inputs, linear(layers[-1], inputs[-1])


def gradient_norm(layers, features, label):
    """The chain rule: delta is the derivative of the loss by what the layer puts out."""
    inputs, logits = forward(layers, features)
    delta = error_of(logits, label)
    squares = Decimal(0)
    for layer, put_in in zip(reversed(layers), reversed(inputs), strict=True):
        squares += sum((d * a) ** 2 for d in delta for a in put_in)
        squares += sum(d**2 for d in delta) if layer["bias"] else 0
        back = [
            sum(decimal(row[c]) * d for row, d in zip(layer["weight"], delta, strict=True))
            for c in range(len(put_in))
        ]
        delta = [d if a > 0 else Decimal(0) for d, a in zip(back, put_in, strict=True)]
    return squares.sqrt()


def grand(models, features, labels, batch_size):
    """The batch size is not used: that is the definition."""
    return mean_and_std(
        [[gradient_norm(layers, h, y) for h, y in zip(features, labels, strict=True)] for layers in models]
    )


# Distances


def euclidean(a, b):
    return norm([decimal(x) - decimal(y) for x, y in zip(a, b, strict=True)])


def cosine(a, b):
    a, b = [decimal(x) for x in a], [decimal(x) for x in b]
    return 1 - sum(x * y for x, y in zip(a, b, strict=True)) / (norm(a) * norm(b))


def prototypicality(metric, vectors, centroids):
    distance = {"euclidean": euclidean, "cosine": cosine}[metric]
    return [min(distance(v, c) for c in centroids) for v in vectors]


def class_distance(vectors, labels):
    classes = [[v for v, c in zip(vectors, labels, strict=True) if c == label] for label in labels]
    middles = [[median([decimal(x) for x in column]) for column in zip(*own, strict=True)] for own in classes]
    return [euclidean(v, middle) for v, middle in zip(vectors, middles, strict=True)]


def semdedup(vectors, uids, epsilon):
    """One cluster, its centroid the mean of the directions."""
    samples = range(len(vectors))
    directions = [[decimal(x) / norm([decimal(y) for y in v]) for x in v] for v in vectors]
    centroid = [mean(column) for column in zip(*directions, strict=True)]
    away = [cosine(v, centroid) for v in directions]
    order = sorted(samples, key=lambda i: (-away[i], uids[i], i))
    limit = 1 - decimal(epsilon)
    kept = [False for _ in samples]
    for place, i in enumerate(order):
        kept[i] = all(1 - cosine(directions[i], directions[j]) <= limit for j in order[:place])
    return {"kept": kept}


def duplicate(vectors, uids, max_cosine_distance):
    samples = range(len(vectors))
    limit = decimal(max_cosine_distance)
    group = list(samples)
    for _ in samples:  # n rounds are enough for the longest chain
        for i in samples:
            for j in samples:
                if cosine(vectors[i], vectors[j]) <= limit:
                    group[i] = group[j] = min(group[i], group[j])
    stands_for = {g: min((uids[i], i) for i in samples if group[i] == g)[1] for g in group}
    representative = [stands_for[group[i]] == i for i in samples]
    score = []
    for i in samples:
        others = [j for j in samples if j != i and (representative[j] or not representative[i])]
        score.append(min([cosine(vectors[i], vectors[j]) for j in others], default=1))
    return {"group": group, "representative": representative, "score": score}


# Selections


def budget(keep, n):
    number = fraction(keep)
    return int(number) if number > 1 else max(1, round_half_up(number * n))


def strategies(strategy, hard_is, options, columns):
    uid = columns["uid"]
    n = len(uid)
    value = [fraction(v) for v in columns.get("value", [0] * n)]
    hardness = value if hard_is == "high" else [-v for v in value]
    hardest_first = sorted(range(n), key=lambda i: (-hardness[i], uid[i], i))
    easiest_first = sorted(range(n), key=lambda i: (hardness[i], uid[i], i))
    if strategy == "top":
        return hardest_first
    if strategy == "bottom":
        return easiest_first
    if strategy == "window":
        n_skipped = round_half_up(fraction(options["skip"]) * n)
        skipped = hardest_first[:n_skipped]
        return hardest_first[n_skipped:] + [i for i in easiest_first if i in skipped]
    if strategy == "moderate":
        if options.get("window") == "all":
            place = {i: Fraction(p) for p, i in enumerate(easiest_first)}
            return sorted(range(n), key=lambda i: (abs(place[i] - Fraction(n - 1, 2)), uid[i], i))
        classes = columns["label"]
        off = [
            abs(value[i] - median([value[j] for j in range(n) if classes[j] == classes[i]])) for i in range(n)
        ]
        key = [(off[i], uid[i], i) for i in range(n)]
        rank = [sum(key[j] < key[i] for j in range(n) if classes[j] == classes[i]) for i in range(n)]
        return sorted(range(n), key=lambda i: (rank[i], uid[i], i))
    sign = {"closest": 1, "furthest": -1}[strategy]
    key = [(sign * fraction(columns["distance"][i]), uid[i], i) for i in range(n)]
    cluster = columns["cluster"]
    rank = [sum(key[j] < key[i] for j in range(n) if cluster[j] == cluster[i]) for i in range(n)]
    return sorted(range(n), key=lambda i: (rank[i], uid[i], i))


def median(values):
    ordered, half = sorted(values), len(values) // 2
    return ordered[half] if len(values) % 2 else (ordered[half - 1] + ordered[half]) / 2


def stratified(value, aum, uid, cut, n_bins, budgets):
    n = len(value)
    most_trusted_first = sorted(range(n), key=lambda i: (-fraction(aum[i]), uid[i], i))
    n_rest = n - round_half_up(fraction(cut) * n)
    rest, last = most_trusted_first[:n_rest], most_trusted_first[n_rest:]
    low, high = min(fraction(value[i]) for i in rest), max(fraction(value[i]) for i in rest)
    bins = [None] * n
    for i in rest:
        place = (fraction(value[i]) - low) / (high - low) * n_bins if high > low else 0
        bins[i] = min(math.floor(place), n_bins - 1)
    sizes = [bins.count(b) for b in range(n_bins)]
    return {"last": last, "bin": bins, "counts": [fill(sizes, min(k, n_rest)) for k in budgets]}


def fill(sizes, k):
    """Every bin gives the same number, or all it has: the one level at which that makes k."""
    levels = [[min(size, level) for size in sizes] for level in range(max(sizes) + 1)]
    (counts,) = [counts for counts in levels if sum(counts) == k]
    return counts


def class_floor(order, labels, share, k):
    n = len(labels)
    sizes = [labels.count(c) for c in range(max(labels) + 1)]
    minimums = [[math.floor(fraction(share) * kk * size / n) for size in sizes] for kk in k]
    assert sorted(order) == list(range(n))
    assert all(sum(of_k) <= kk for of_k, kk in zip(minimums, k, strict=True))
    return {"count": k, "minimums": minimums}
