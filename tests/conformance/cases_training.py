"""Cases of the scores read off logits and off the course of training."""

from cases import EXACT, LN3, case, file


def epochs_of(*rows):
    """Epochs in which every sample is present, in order: one text of 1 (correct) and 0 for each."""
    return [{"index": list(range(len(row))), "correct": [mark == "1" for mark in row]} for row in rows]


def epoch(index, logits):
    return {"index": index, "logits": logits}


FORGETTING = file(
    "How many presentations found the sample wrong although its previous presentation in that run found it "
    "right; a sample never right in a run counts one for each of its presentations in it; runs add up.",
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
                    {"index": [2], "correct": [False]},
                    {"index": [0], "correct": [False]},
                    {"index": [0, 1], "correct": [True, True]},
                ]
            ],
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
    "el2n": EL2N,
    "error_norm": ERROR_NORM,
    "margin": MARGIN,
    "aum": AUM,
    "mean_loss": MEAN_LOSS,
    "entropy": ENTROPY,
}
