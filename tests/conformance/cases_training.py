"""Cases of the scores read off logits and off the course of training."""

from cases import EXACT, LN3, case, file


def epochs_of(*rows):
    """Epochs in which every sample is present, in order: one text of 1 (correct) and 0 for each."""
    return [{"index": list(range(len(row))), "correct": [mark == "1" for mark in row]} for row in rows]


def epoch(index, logits):
    return {"index": index, "logits": logits}


UNEQUAL = [
    [
        {"index": [0, 1], "correct": [True, True]},
        {"index": [0], "correct": [False]},
        {"index": [0], "correct": [True]},
        {"index": [0, 1], "correct": [False, False]},
        {"index": [0], "correct": [True]},
    ]
]
FORGETTING = file(
    "How many presentations found the sample wrong although its previous presentation in that run found it "
    "right; a sample never right in a run counts one for each of its presentations in it; runs add up. "
    "Counts compare samples of equally many presentations: not defined (null) where a run presents them "
    "unequally often.",
    "Toneva et al. 2019, An Empirical Study of Example Forgetting during Deep Neural Network Learning",
    [
        case(
            "never learned",
            "counted as zero events, the never learned sample would be pruned first, as the easiest",
            n=3,
            runs=[epochs_of("011", "010", "011", "011")],
        ),
        case(
            "learned once and kept",
            "wrong before the first success is not forgetting",
            n=4,
            runs=[epochs_of("1000", "1100", "1110", "1111")],
        ),
        case(
            "alternates",
            "each fall counts, not only the first, and a rise does not",
            n=3,
            runs=[epochs_of("101", "010", "101", "010", "101", "011")],
        ),
        case(
            "absent epochs",
            "the previous presentation is not the previous epoch: sample 0 falls across a gap, sample 1 was "
            "absent, not wrong, and absence is no presentation of the never learned sample 2",
            n=3,
            runs=[
                [
                    {"index": [0, 1, 2], "correct": [True, True, False]},
                    {"index": [1, 2], "correct": [True, False]},
                    {"index": [0], "correct": [False]},
                    {"index": [0, 1, 2], "correct": [True, True, False]},
                ]
            ],
        ),
        case(
            "unequal presentations",
            "who is shown more often can fall more often: sample 0 has two events of five presentations and "
            "sample 1, shown twice, has the one it can have; a count would call it the easier one",
            n=2,
            runs=UNEQUAL,
        ),
        case(
            "shuffled presentations",
            "within an epoch the samples come in the order of training, not in the order of the dataset",
            n=4,
            runs=[
                [
                    {"index": [3, 1, 0, 2], "correct": [True, False, True, True]},
                    {"index": [2, 0, 3, 1], "correct": [False, True, True, False]},
                    {"index": [1, 2, 3, 0], "correct": [False, True, False, True]},
                ]
            ],
        ),
        case(
            "first presentation wrong",
            "there is nothing before it that could have been forgotten",
            n=2,
            runs=[epochs_of("01", "10", "11")],
        ),
        case(
            "several runs",
            "sample 0 is never learned in the first run only, sample 1 in neither; sample 2 ends the first "
            "run right and begins the second wrong, and that is no event",
            n=3,
            runs=[epochs_of("001", "000", "001"), epochs_of("100", "000", "101", "001")],
        ),
        case(
            "presented once",
            "one presentation, right or wrong, holds no event; wrong is never learned and counts one",
            n=2,
            runs=[[{"index": [1], "correct": [False]}, {"index": [0], "correct": [True]}]],
        ),
    ],
    hard_is="high",
    tolerance=EXACT,
)

FORGETTING_RATE = file(
    "The forgetting events of a run, as in forgetting, divided by the sample's presentations in it; the "
    "mean over runs. A sample never right in a run has the rate 1.",
    "The events: Toneva et al. 2019, An Empirical Study of Example Forgetting; the rate: convention.",
    [
        case(
            "unequal presentations",
            "two of five, and one of two: the sample shown less often is the harder one",
            n=2,
            runs=UNEQUAL,
        ),
        case(
            "never learned",
            "1 however often it was shown, more than any sample that was ever right can have",
            n=3,
            runs=[
                [
                    {"index": [0, 1, 2], "correct": [False, True, True]},
                    {"index": [1, 2], "correct": [False, True]},
                    {"index": [1, 2], "correct": [True, True]},
                    {"index": [1, 2], "correct": [False, True]},
                ]
            ],
        ),
        case(
            "several runs",
            "the mean of the rates, not the events of all runs by their presentations; the first run ends "
            "right and the second begins wrong, which is no event",
            n=2,
            runs=[epochs_of("11", "01", "11"), epochs_of("01", "11", "01", "10")],
        ),
    ],
    hard_is="high",
)

EARLY = file(
    "A score that wants a share s of a schedule of n epochs looks after round-half-up(s n) epochs, "
    "computed exactly, at least 1. The schedule goes on as if the rest were to come: epoch e begins at the "
    "fraction e / n of it.",
    "Paul et al. 2021, Deep Learning on a Data Diet: 20 of 200 epochs, a tenth",
    [
        case(
            "a tenth of the published run",
            "20 epochs, of a rate that has hardly fallen",
            share="0.1",
            n_epochs=200,
        ),
        case(
            "a tenth of a short run",
            "2 epochs, not 20, which would be the end of it",
            share="0.1",
            n_epochs=20,
        ),
        case("half rounds up", "2.5 is 3", share="0.1", n_epochs=25),
        case("at least one", "0.4 of an epoch is not none", share="0.1", n_epochs=4),
        case("all of it", "the end of the schedule", share="1", n_epochs=6),
    ],
)

ALL_LOSSES = [[2.5, 2.25, 0.5], [1, 2, 3], [2, 0, 3], [1.5, 3.5, 2]]
MOVING_AVERAGE = file(
    "Moving average and variance of a loss u: v <- (1 - a) v + a (u - m)^2 with the m before, then m <- a "
    "u + (1 - a) m. m starts as the first loss observed and v as 0. During a warm-up nothing is observed, "
    "and both start at the first checkpoint after it (null before). A sample that is not observed at a "
    "checkpoint (null) keeps both.",
    "Raju et al. 2021, Accelerating Deep Learning with Dynamic Data Pruning (there without a warm-up)",
    [
        case(
            "as published",
            "m starts as the losses of the untrained network, not as 0, which would give a u; v is 0 at "
            "first",
            losses=ALL_LOSSES,
            warm_up=0,
            alpha="0.8",
        ),
        case(
            "after a warm-up",
            "the losses before its end are never looked at: m starts as the first after it, and v as 0",
            losses=ALL_LOSSES,
            warm_up=1,
            alpha="0.8",
        ),
        case(
            "a longer one, another weight",
            "u - m goes by the m before, not by the m now",
            losses=ALL_LOSSES,
            warm_up=2,
            alpha="0.25",
        ),
        case(
            "losses of training",
            "a sample that was not presented since the last checkpoint (null) keeps its m and its v, and one "
            "that comes late starts with its own first loss",
            losses=[[2.5, None, 0.5], [1, None, None], [None, 3, None], [None, 1, 2]],
            warm_up=0,
            alpha="0.8",
        ),
    ],
)

EL2N = file(
    "Mean and sample standard deviation (ddof = 1) over models of the Euclidean norm of p - y, p the softmax "
    "of the logits, y the one-hot label; with one model the standard deviation is not defined (null).",
    "Paul et al. 2021, Deep Learning on a Data Diet",
    [
        case(
            "one model",
            "no spread is measured, so none may be reported",
            logits=[[[2, 0, -1], [0.5, 0.25, 1]]],
            labels=[0, 1],
        ),
        case(
            "three samples, two models, worked by hand",
            "p of the label is 3/4 and 1/2, 1/2 and 1/2, 1/4 and 1/2; the norm is sqrt(2) (1 - p)",
            logits=[[[LN3, 0], [0, 0], [LN3, 0]], [[0, 0], [1, 1], [-2, -2]]],
            labels=[0, 0, 1],
        ),
        case(
            "spread over three models",
            "a standard deviation divided by 3 instead of 2 is too small",
            logits=[[[1, 2, 3]], [[3, 2, 1]], [[0, 4, 0]]],
            labels=[1],
        ),
        case(
            "saturated logits",
            "exp(1000) overflows; at most the norm is sqrt(2), at least 0",
            logits=[[[1000, -1000], [1000, -1000], [-1000, -1000]]],
            labels=[0, 1, 0],
        ),
        case(
            "uniform logits",
            "of ten classes: sqrt(1 - 1/10), whatever the label and the level of the logits",
            logits=[[[0] * 10, [7] * 10]],
            labels=[0, 9],
        ),
    ],
    hard_is="high",
)

ONE_MODEL = {"logits": [[2, 1, -1], [-3, -1, -2], [3, 3, 1], [0, 5, 5]], "labels": [0, 2, 0, 0]}
ERROR_NORM = file(
    "The Euclidean norm of p - y, p the softmax of one model's logits, y the one-hot label.",
    "Paul et al. 2021, Deep Learning on a Data Diet",
    [
        case("three classes", "it is the norm over all classes, not 1 - p of the label alone", **ONE_MODEL),
        case("two classes", "sqrt(2) (1 - p), not 1 - p", logits=[[LN3, 0], [LN3, 0]], labels=[0, 1]),
        case(
            "saturated logits",
            "exp(1000) overflows to NaN when the largest logit is not taken out first",
            logits=[[1000, -1000, 0], [1000, -1000, 0], [1000, 1000, 1000]],
            labels=[0, 1, 2],
        ),
    ],
    hard_is="high",
)

MARGIN = file(
    "The logit of the label minus the largest logit of the other classes; negative where the model is wrong.",
    "Pleiss et al. 2020, Identifying Mislabeled Data using the Area Under the Margin Ranking",
    [
        case(
            "three classes",
            "of logits, not of probabilities, and signed; all logits may be negative",
            **ONE_MODEL,
        ),
        case(
            "ties",
            "two largest logits: the other one is not hidden together with the label's, so 0; among the "
            "others a tie changes nothing",
            logits=[[3, 3, 1], [3, 3, 1], [0, 0, 0], [4, 1, 1]],
            labels=[0, 1, 2, 0],
        ),
        case(
            "two classes", "the other class is the only one", logits=[[1.5, -0.5], [1.5, -0.5]], labels=[0, 1]
        ),
        case(
            "saturated logits",
            "through probabilities or their logarithms this would be 0, infinite or NaN",
            logits=[[1000, -1000, 0], [1000, -1000, 0]],
            labels=[0, 1],
        ),
    ],
    hard_is="low",
)

TRAINING = {
    "labels": [0, 1, 1],
    "epochs": [
        epoch([0, 1, 2], [[0, 1, 0], [0, 2, 1], [4, 0, 0]]),
        epoch([0, 1, 2], [[2, 1, 0], [0, 3, 1], [5, 1, 0]]),
        epoch([0, 1, 2], [[4, 1, 0], [0, 5, 1], [6, 1, 0]]),
    ],
}
GAPS = {
    "labels": [0, 1, 0, 1],
    "epochs": [
        epoch([3, 0, 2], [[0, 1], [2, 0], [1, 0]]),
        epoch([1, 3], [[0, 4], [0, 2]]),
        epoch([2, 3, 0], [[0, 1], [0, 4.5], [4, 0]]),
        epoch([3], [[1, 0]]),
    ],
}
SATURATED = {
    "labels": [0, 1, 0],
    "epochs": [
        epoch([0, 1, 2], [[1000, -1000], [1000, -1000], [1000, 1000]]),
        epoch([0, 1, 2], [[1000, -1000], [-1000, 1000], [-1000, -1000]]),
    ],
}
GAPS_WHY = (
    "absent epochs do not count, neither as 0 in the sum nor in the number; order within an epoch varies"
)
AUM = file(
    "Mean over the presentations of a sample of its margin: label logit minus the largest other logit.",
    "Pleiss et al. 2020, Identifying Mislabeled Data using the Area Under the Margin Ranking",
    [
        case("every epoch", "the mean, not the sum; negative for the mislabelled sample 2", **TRAINING),
        case("absent epochs", GAPS_WHY, **GAPS),
        case("saturated logits", "of logits, not of probabilities: 2000, not 1", **SATURATED),
    ],
    hard_is="low",
)

MEAN_LOSS = file(
    "Mean over the presentations of a sample of its cross-entropy in nats, -ln p of the label.",
    "Jiang et al. 2021, Characterizing Structural Regularities of Labeled Data in Overparameterized Models",
    [
        case("every epoch", "the mean over epochs of the loss of one sample, not of its batch", **TRAINING),
        case("absent epochs", GAPS_WHY, **GAPS),
        case(
            "saturated logits",
            "p of the label underflows to 0 and -ln p to infinity: the loss is 2000 and, once right and "
            "sure, 0, not NaN; ln 2 loses digits where 1000 is added and taken away again in 32 bits",
            **SATURATED,
        ),
    ],
    hard_is="high",
)

ENTROPY = file(
    "Mean over models of the entropy in nats, the sum of -p ln p over classes, p the softmax of the logits.",
    "Coleman et al. 2020, Selection via Proxy",
    [
        case("one model", "in nats, not in bits; no label is needed", logits=[[[2, 1, -1], [LN3, 0, 0]]]),
        case(
            "saturated logits",
            "0 ln 0 is 0, not NaN; of two equal largest classes it is ln 2",
            logits=[[[1000, -1000, 0], [1000, 1000, -1000]]],
        ),
        case("uniform logits", "the maximum, ln C", logits=[[[0] * 10, [-3] * 10]]),
        case(
            "two models that disagree",
            "the mean of the entropies, here near 0, not the entropy of the mean, here ln 2",
            logits=[[[30, 0], [1, 0]], [[0, 30], [0, 0]]],
        ),
    ],
    hard_is="high",
)

FILES = {
    "forgetting": FORGETTING,
    "forgetting_rate": FORGETTING_RATE,
    "early": EARLY,
    "moving_average": MOVING_AVERAGE,
    "el2n": EL2N,
    "error_norm": ERROR_NORM,
    "margin": MARGIN,
    "aum": AUM,
    "mean_loss": MEAN_LOSS,
    "entropy": ENTROPY,
}
