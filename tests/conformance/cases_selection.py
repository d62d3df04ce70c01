"""Cases of budgets, orders, bins and class floors."""

from cases import EXACT, case, file

BUDGET = file(
    "How many of n samples a text asks for: a fraction in (0, 1] asks for keep times n, computed exactly and "
    "rounded half up, at least 1; a whole number above 1 is the count itself.",
    "Convention, so that every tool keeps the same number.",
    [
        case("half rounds up", "1.5 is 2", keep="0.1", n=15),
        case("half rounds up to odd", "2.5 is 3, where rounding half to even gives 2", keep="0.5", n=5),
        case("floating trap", "0.29 * 100 is 28.999999999999996 in floats", keep="0.29", n=100),
        case("floating trap at a half", "0.145 * 100 is 14.499999999999998 in floats", keep="0.145", n=100),
        case("another, larger", "0.285 * 1000100 is a half", keep="0.285", n=1000100),
        case("rounds down", "below the half", keep="0.3", n=1281168),
        case("everything, as a fraction", "1 is all samples, not one sample", keep="1", n=15),
        case("everything, with a point", "the same as 1", keep="1.0", n=15),
        case("count", "above 1 it is a number of samples", keep="2", n=15),
        case("count of all", "as many as there are", keep="15", n=15),
        case("at least one", "0.1 of a sample is not an empty selection", keep="0.01", n=10),
        case("almost everything", "9.99 is 10", keep="0.999", n=10),
    ],
    tolerance=EXACT,
)


def ranked(name, why, strategy, columns, hard_is="high", **options):
    return case(name, why, strategy=strategy, hard_is=hard_is, options=options, columns=columns)


TIED = {"value": [2, 5, 2, 5, 1, 2], "uid": [60, 50, 40, 30, 20, 10]}
TIED_HALF = {"value": [3, 1, 1, 2, 3], "uid": [5, 4, 3, 2, 1]}
CLUSTERED = {
    "cluster": [7, 7, 7, 7, 0, 0, 100],
    "distance": [4, 1, 3, 2, 0.5, 8, 2],
    "uid": [1, 2, 3, 4, 50, 60, 70],
}
SPREAD = {
    "value": [50, 50.5, 51, 49.5, 50, 150, 100, -50],
    "label": [0, 0, 0, 0, 1, 1, 1, 1],
    "uid": [8, 7, 6, 5, 4, 3, 2, 1],
}
TIED_CLUSTERS = {"cluster": [1, 1, 1, 0, 0], "distance": [2, 2, 2, 1, 1], "uid": [9, 8, 8, 9, 7]}
STRATEGIES = file(
    "The complete order of the samples, best first, ties by uid ascending, then index: top: hardest first; "
    "bottom: easiest first; window: hardest first, but the round-half-up(skip n) hardest at the end, "
    "easiest first; moderate: first of every class the sample whose value is nearest to the median of the "
    "class, then of every class the next, in each round by uid; with window=all, by the distance of a "
    "sample's place from the middle of the order of all by hardness, easiest first; closest and furthest: "
    "first of every cluster the nearest (furthest) sample, then of every cluster the next, in each round "
    "by uid.",
    "window: Zheng et al. 2023, Coverage-centric Coreset Selection (its hard cut-off); moderate: Xia et al. "
    "2023, Moderate Coreset; closest and furthest: Sorscher et al. 2022, Beyond neural scaling laws",
    [
        ranked("top, ties", "ties go by uid, not by index or by accident of the sort", "top", TIED),
        ranked("top, hard is low", "the largest value is the easiest", "top", TIED, hard_is="low"),
        ranked(
            "top, equal uids and a large one",
            "equal uids go by index; a uid is unsigned: above 2^63 it is not negative; two of these "
            "are one number in floats of 32 bits",
            "top",
            {"value": [1, 1, 1, 1], "uid": [9223372036854779904, 16777217, 16777216, 16777216]},
        ),
        ranked("bottom, ties", "not top reversed: ties still go by uid ascending", "bottom", TIED),
        ranked("bottom, hard is low", "the largest value comes first", "bottom", TIED, hard_is="low"),
        ranked(
            "window",
            "a quarter of six is 1.5, so two are skipped; at the end the easiest of the skipped comes first",
            "window",
            {"value": [6, 1, 5, 2, 4, 3], "uid": [1, 2, 3, 4, 5, 6]},
            skip=0.25,
        ),
        ranked(
            "window, half to odd and ties at the cut",
            "half of five is 2.5, so three, not two; which of a tie is skipped is decided by uid",
            "window",
            TIED_HALF,
            skip=0.5,
        ),
        ranked(
            "window, hard is low",
            "the smallest are the ones skipped",
            "window",
            TIED_HALF,
            hard_is="low",
            skip=0.2,
        ),
        ranked("window, skip 0", "nothing is skipped: top", "window", TIED_HALF, skip=0),
        ranked(
            "moderate",
            "the median of each class, not of all: 5 of class 0, 20.5 (between 11 and 30) of class 1, and "
            "the only sample of class 2 is its own",
            "moderate",
            {
                "value": [1, 10, 5, 30, 6, 11, 40, 7],
                "label": [0, 1, 0, 1, 0, 1, 1, 2],
                "uid": [8, 7, 6, 5, 4, 3, 2, 1],
            },
        ),
        ranked(
            "moderate, even class",
            "the median of four is the mean of the middle two: one of the two alone gives another order",
            "moderate",
            {"value": [0, 2, 5, 6], "label": [0, 0, 0, 0], "uid": [1, 2, 3, 4]},
            hard_is="low",
        ),
        ranked(
            "moderate, unequal spread",
            "half the budget is half of each class: ranked by distances alone, the class of spread 1 takes "
            "all of it before the class of spread 100",
            "moderate",
            SPREAD,
        ),
        ranked(
            "moderate, window of all",
            "as published, classes do not count: the middle of the one ranking",
            "moderate",
            SPREAD,
            window="all",
        ),
        ranked(
            "moderate, window of all, odd and tied",
            "the middle one comes first, then two at a time, by uid; hard is low does not turn the ties",
            "moderate",
            TIED_HALF,
            hard_is="low",
            window="all",
        ),
        ranked(
            "closest",
            "the numbers of clusters are names: the empty ones take no share and 0 is not favoured; where a "
            "cluster is exhausted the others give the rest, so the order is complete",
            "closest",
            CLUSTERED,
        ),
        ranked("furthest", "the ranks turn round, the uids do not", "furthest", CLUSTERED),
        ranked(
            "closest, ties",
            "within a cluster and within a round by uid, then index",
            "closest",
            TIED_CLUSTERS,
        ),
        ranked("furthest, ties", "the same order, for all distances tie", "furthest", TIED_CLUSTERS),
    ],
    tolerance=EXACT,
)

STRATIFIED = file(
    "The round-half-up(cut n) samples of lowest trust (AUM) come last, most trusted first; the rest is split "
    "into bins of equal width from its smallest to its largest value (a value on an inner edge is in the "
    "bin above, the largest value in the last bin); a budget takes the same number of every bin, or all that "
    "a bin has, at random inside a bin.",
    "Zheng et al. 2023, Coverage-centric Coreset Selection for High Pruning Rates",
    [
        case(
            "quotas that spill over",
            "what a small bin cannot give the others give: quotas cut off at the size of the bin fall short; "
            "1 and 2 lie on edges, 4 is in the last bin, not alone in a fifth",
            value=[0.5, 4, 1.25, 0, 2.5, 0.25, 1, 0.5, 2, 0.75, 1.5, 0.25],
            aum=[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12],
            uid=[12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1],
            cut=0,
            n_bins=4,
            budgets=[4, 7, 9, 10, 11, 12],
        ),
        case(
            "cut before the bins",
            "the outlier is cut first and does not stretch the bins; 2.5 samples are 3; a budget above the "
            "rest takes all of it and then the most trusted of those cut",
            value=[0, 100, 0.5, 1.5, 3, 1.25, 0.25, 2, 1.75, 1],
            aum=[5, -3, 4, 3, 6, 2, 1, -2, 7, -1],
            uid=[1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
            cut=0.25,
            n_bins=3,
            budgets=[3, 5, 7, 8, 10],
        ),
        case(
            "empty bins",
            "they take no share: a fifth of the budget for each of five bins would fall short",
            value=[0, 9, 0.5, 10, 1, 9.5],
            aum=[0, 0.5, 1, 1.5, 2, 2.5],
            uid=[3, 1, 2, 6, 5, 4],
            cut=0,
            n_bins=5,
            budgets=[2, 4, 6],
        ),
        case(
            "all values equal",
            "bins of width 0: one bin holds everything, and nothing is divided by 0",
            value=[2, 2, 2, 2, 2],
            aum=[3, 1, 2, 5, 4],
            uid=[1, 2, 3, 4, 5],
            cut=0.2,
            n_bins=3,
            budgets=[1, 3, 4],
        ),
    ],
    tolerance=EXACT,
)

CLASS_FLOOR = file(
    "Of the k samples selected along the given order, at least floor(share k n_c / n), computed exactly, are "
    "of each class, where n_c of all n samples are of that class; exactly k are selected.",
    "Sorscher et al. 2022, Beyond neural scaling laws (class balancing, share 0.5)",
    [
        case(
            "a class that comes last",
            "without the floor the first six hold no sample of class 1",
            order=[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11],
            labels=[0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1],
            share=0.5,
            k=[1, 6, 9, 12],
        ),
        case(
            "three unequal classes",
            "each class has its own floor: not that of the last class, and not an equal one",
            order=[3, 5, 8, 0, 9, 7, 6, 4, 2, 1],
            labels=[2, 0, 0, 1, 0, 1, 0, 0, 1, 0],
            share=0.8,
            k=[3, 5, 8, 10],
        ),
        case(
            "floating trap",
            "0.7 * 6 * 10 / 14 is 3, and in floats a little less, so 2; the first six hold just 2 of class 0",
            order=[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13],
            labels=[1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
            share=0.7,
            k=[6],
        ),
        case(
            "full share, class without samples",
            "share 1 is the fair quota; no sample of class 1 is asked for, and the remainder is still filled "
            "up to exactly k",
            order=[5, 0, 4, 1, 3, 2],
            labels=[0, 0, 0, 2, 2, 2],
            share=1,
            k=[1, 3, 4, 5],
        ),
    ],
    tolerance=EXACT,
)

FILES = {
    "budget": BUDGET,
    "strategies": STRATEGIES,
    "stratified": STRATIFIED,
    "class_floor": CLASS_FLOOR,
}
