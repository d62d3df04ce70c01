"""Cases of the scores read off gradients and off an embedding."""

from cases import case, file


def layer(weight, bias=None):
    return {"weight": weight, "bias": bias}


SOFTMAX_REGRESSION = [
    [layer([[1, 0], [0, 1], [-1, 1]], [0, 0.5, -0.5])],
    [layer([[0, 2], [1, -1], [1, 0]], [0.25, 0, 0])],
    [layer([[1, 1], [0.5, 0], [0, -2]], [-1, 1, 0])],
]
GRAND = file(
    "Mean and sample standard deviation (ddof = 1, null for one model) over models of the norm, over all "
    "parameters, of the gradient of the cross-entropy of one sample; for one layer with bias that is "
    "the norm of p - y times sqrt(|h|^2 + 1).",
    "Paul et al. 2021, Deep Learning on a Data Diet",
    [
        case(
            "softmax regression, three models",
            "weights and biases both count; the mean of norms, not the norm of the mean gradient",
            models=SOFTMAX_REGRESSION,
            features=[[1, 2], [-1, 0.5], [3, -2]],
            labels=[0, 1, 2],
            batch_size=3,
        ),
        case(
            "partial last batch",
            "divided by the batch size, the last sample, alone in its batch, comes out twice as hard as the "
            "first two, although it is the same sample as the first",
            models=SOFTMAX_REGRESSION[:1],
            features=[[1, 2], [-1, 0.5], [3, -2], [0.5, 1], [1, 2]],
            labels=[1, 1, 2, 0, 1],
            batch_size=2,
        ),
        case(
            "no features",
            "of a sample of zeros only the biases have a gradient: the norm of p - y",
            models=SOFTMAX_REGRESSION[1:],
            features=[[0, 0]],
            labels=[0],
            batch_size=1,
        ),
        case(
            "saturated logits",
            "right and sure is 0, wrong and sure is sqrt(2) sqrt(|h|^2 + 1), neither is NaN",
            models=[[layer([[1000, 0], [-1000, 0]], [0, 0])]],
            features=[[1, 2], [1, 2]],
            labels=[0, 1],
            batch_size=2,
        ),
        case(
            "two layers, worked by hand",
            "p is (1/2, 1/2); squared, the last layer gives 5 and the first, which is easily left out, 12.5; "
            "the third hidden unit is negative before the ReLU and gives nothing",
            models=[[layer([[1, 1], [-1, 1], [1, -1]]), layer([[1, 0, 4], [0, 3, -1]])]],
            features=[[1, 2]],
            labels=[0],
            batch_size=1,
        ),
        case(
            "two layers with biases, two models",
            "all four groups of parameters of each model count",
            models=[
                [layer([[1, 0], [1, -2]], [1, 0.5]), layer([[1, 1], [0, -1], [0.5, 0]], [0, 1, 0])],
                [layer([[0, 1], [2, 1]], [0, -1]), layer([[0, 1], [1, 0], [1, -1]], [0, 0, 0.5])],
            ],
            features=[[1, 2], [2, -1]],
            labels=[2, 0],
            batch_size=2,
        ),
    ],
    hard_is="high",
)

PROTOTYPICALITY = file(
    "Distance of a sample to the nearest of the given centroids: Euclidean, not squared, or, for spherical "
    "clusters, the cosine distance 1 - cos.",
    "Sorscher et al. 2022, Beyond neural scaling laws: beating power law scaling via data pruning",
    [
        case(
            "euclidean",
            "the distance, not its square; a sample on its centroid has 0",
            metric="euclidean",
            vectors=[[0, 0], [1, 1], [6, 8], [-1, 0]],
            centroids=[[0, 0], [3, 4]],
        ),
        case(
            "cosine",
            "only the direction counts: the nearest centroid by angle is not the nearest by distance, and "
            "the opposite direction has 2",
            metric="cosine",
            vectors=[[10, 1], [0.1, 0.2], [3, 4], [-2, 0], [0, -5]],
            centroids=[[1, 0], [0.6, 0.8]],
        ),
        case(
            "cosine, centroids of any length",
            "the mean of unit vectors is shorter than 1: its length is divided out",
            metric="cosine",
            vectors=[[1, 0], [2, 2], [0, 1]],
            centroids=[[0.25, 0], [0, 8]],
        ),
        case(
            "ties, euclidean",
            "between two centroids, and on two equal ones: the distance is the same whichever is named",
            metric="euclidean",
            vectors=[[0, 0], [0, 2], [1, 0]],
            centroids=[[1, 0], [-1, 0], [1, 0]],
        ),
        case(
            "ties, cosine",
            "as above, on the diagonal",
            metric="cosine",
            vectors=[[1, 1], [-1, -1]],
            centroids=[[1, 0], [0, 1]],
        ),
        case(
            "far from the origin",
            "|x|^2 - 2xc + |c|^2 in 32 bits has lost these distances",
            metric="euclidean",
            vectors=[[10003, 10004], [9999, 10000]],
            centroids=[[10000, 10000], [0, 0]],
        ),
    ],
    hard_is="high",
)

CLASS_DISTANCE = file(
    "Euclidean distance of a vector to the median vector of its class: the median of each number by "
    "itself, over the vectors of the class; of an even number of them the mean of the middle two.",
    "Xia et al. 2023, Moderate Coreset: A Universal Method of Data Selection for Real-world Data-efficient "
    "Deep Learning",
    [
        case(
            "the median, not the mean",
            "an outlier moves the mean of its class by 20, and the median not at all",
            vectors=[[0, 0], [1, 0], [2, 0], [3, 4], [103, 0]],
            labels=[0, 0, 0, 0, 0],
        ),
        case(
            "number by number",
            "the median vector need not be one of the vectors; classes do not mix",
            vectors=[[0, 3], [1, 0], [5, 1], [10, 10], [10, 13]],
            labels=[0, 0, 0, 1, 1],
        ),
        case(
            "even class, class of one, absent class",
            "between the middle two; a sample alone has 0; no sample has label 1",
            vectors=[[0, 0], [0, 1], [0, 3], [0, 10], [7, 7]],
            labels=[0, 0, 0, 0, 2],
        ),
    ],
    hard_is="high",
)

SEMDEDUP = file(
    "Of one cluster, whose centroid is the mean of the directions, the samples are put in order, those of "
    "largest cosine distance to the centroid first (ties by uid, then index); a sample is kept if its "
    "cosine similarity to no earlier one, kept or not, is above 1 - epsilon.",
    "Abbas et al. 2023, SemDeDup, and its published code",
    [
        case(
            "a pair",
            "of two near-duplicates the one less like the centroid stays, whatever its uid",
            vectors=[[10, 0], [10, 2], [0, 10], [1, 10], [10, 10]],
            uids=[1, 2, 3, 4, 5],
            epsilon="0.03",
        ),
        case(
            "a chain",
            "both ends are far from the centroid and unlike; 1 and 3 go by them, and the middle by 1 and 3, "
            "although these go themselves",
            vectors=[[10, 0], [10, 1], [10, 2], [10, 3], [10, 4]],
            uids=[5, 4, 3, 2, 1],
            epsilon="0.01",
        ),
        case(
            "a chain that two stand for",
            "from both ends: the middle is the most central, and both ends stay although a chain joins them",
            vectors=[[10, -4], [10, -2], [10, 0], [10, 2.5], [10, 4.5]],
            uids=[1, 2, 3, 4, 5],
            epsilon="0.03",
        ),
        case(
            "copies",
            "equally far from the centroid: the smallest uid stays; the length does not matter",
            vectors=[[2, 0], [1, 0], [0, 1], [4, 0]],
            uids=[8, 7, 6, 9],
            epsilon="0.05",
        ),
    ],
)

DUPLICATE = file(
    "Two samples whose cosine distance is at most the limit are near-duplicates, and a chain of them is one "
    "group, numbered by its smallest index and represented by its sample of smallest uid (then of smallest "
    "index); the score of a representative is the cosine distance to the nearest representative of another "
    "group (1 where there is none), of any other sample that to its nearest other sample.",
    "Abbas et al. 2023, SemDeDup: Data-efficient learning at web-scale through semantic deduplication",
    [
        case(
            "exact copies",
            "one of each group must stay hard, or all copies are pruned together; the length of a vector "
            "does not matter; the smallest uid is not at the smallest index",
            vectors=[[1, 0], [0, 1], [2, 0], [0, 3], [1, 0], [-1, 1]],
            uids=[30, 11, 10, 12, 20, 5],
            max_cosine_distance=0.01,
        ),
        case(
            "chain",
            "0 and 2 are further apart than the limit, and in one group through 1",
            vectors=[[10, 0], [10, 1], [10, 2], [0, 10]],
            uids=[1, 2, 3, 4],
            max_cosine_distance=0.01,
        ),
        case(
            "chain seen from its ends",
            "the link comes last, so two groups begun apart must be joined; its uid is the smallest",
            vectors=[[10, 0], [0, 10], [10, 3], [10, 1], [10, 2]],
            uids=[50, 40, 30, 20, 10],
            max_cosine_distance=0.01,
        ),
        case(
            "no duplicates",
            "every sample represents itself; the opposite direction is not near",
            vectors=[[1, 0], [0, 1], [-1, 0], [3, 4]],
            uids=[4, 3, 2, 1],
            max_cosine_distance=0.05,
        ),
        case(
            "all identical",
            "there is no other group: the representative has 1, not 0, infinity or NaN",
            vectors=[[1, 2], [1, 2], [1, 2]],
            uids=[7, 3, 5],
            max_cosine_distance=0.01,
        ),
        case(
            "equal uids",
            "where equal content has equal uids, the smallest index stands for it: exactly one does",
            vectors=[[0, 1], [1, 1], [1, 1], [1, 1]],
            uids=[9, 4, 4, 6],
            max_cosine_distance=0.01,
        ),
    ],
    hard_is="high",
)

FILES = {
    "grand": GRAND,
    "prototypicality": PROTOTYPICALITY,
    "class_distance": CLASS_DISTANCE,
    "semdedup": SEMDEDUP,
    "duplicate": DUPLICATE,
}
