"""score: give every sample a number that says how hard it is, or how unlike the others.

Scorers read one of four things: networks that are trained for it, the trace of a training run, clusters,
or an embedding. Several of the same kind come out of one run.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, cast

from curate import finder, outside, world
from curate.artifacts.files import check_ending
from curate.artifacts.kinds import kind_of
from curate.artifacts.standing import check_free
from curate.artifacts.tables import Table, open_table
from curate.data.dataset import Dataset, Options, open_dataset, reference_of
from curate.data.own import as_given
from curate.errors import CurateError
from curate.networks.model import DEFAULT_MODEL, Hyperparameters
from curate.progress import LOGGED, Progress
from curate.scores.trace import TRACE, open_trace
from curate.statistics import exactly, part_of
from curate.training.hyperparameters import check_hyperparameters
from curate.training.unfinished import run_beside
from curate.verbs.hyperparameters import hyperparameters_for, model_for
from curate.verbs.naming import amount_and_more, model_in_words, name_of, output_path, share_out
from curate.verbs.score_from_artifact import score_from_artifact
from curate.verbs.score_from_trace import score_from_trace
from curate.verbs.score_given import Given, score_given
from curate.verbs.score_table import Methods
from curate.verbs.train import check_device, weights_at

_USUAL = "el2n"  # the score of samples whose images are there


def score(
    source: str | Path | Dataset | None = None,
    method: str | Sequence[str] | None = None,
    *,
    models: int | None = None,
    epochs: int | None = None,
    trace: str | Path | None = None,
    model: Any = None,
    options: Mapping[str, Any] | None = None,
    hyperparameters: Mapping[str, Any] | None = None,
    weights: str | Path | None = None,
    side_by_side: bool | None = None,
    from_: Given | None = None,
    hard_is: str | None = None,
    by: str | None = None,
    opening: Options = Options(),
    seed: int | None = None,
    device: str | None = None,
    output: str | Path | None = None,
    force: bool = False,
    fresh: bool = False,
    progress: Progress = LOGGED,
) -> Table:
    """Write the scores of every sample by one or several methods; returns the table, opened.

    By default the method is el2n, and of vectors and clusters prototypicality.
    `source` is a dataset, on which `models` models of seeds `seed` (by default 0), `seed` + 1, ... are
    trained for the first `epochs` epochs of their schedule; a table of clusters for prototypicality; an
    embedding for that, duplicate and class-distance. Where nothing is given, models and epochs are what the
    method wants: for EL2N and GraNd ten models and a tenth of the model's own schedule, one epoch at least.
    No model of a score shares its start or its order with a trial of `replay`. Over several models a score is
    the mean, with its standard deviation beside it, or the sum (forgetting). The model is basic-cnn, for
    images of more than 48 pixels resnet10, unless another is named. `side_by_side` trains models as one
    batched computation, or one after another with all threads. By default, small models are one computation
    on a GPU; on a CPU, with images in memory, several run at once and share its threads. All are equal up to
    rounding. With `weights`, a file or the folder of a run, all start from those; then they differ by their
    order alone, and by a last layer that is drawn.

    `trace` names the trace of an earlier run, or its folder: scores are then made from it, without training,
    as they were after `epochs` epochs. Where there is no such file yet, the trace of this run goes there.

    `from_` are scores that were made elsewhere, and nothing is trained: a file, an array, or columns by name;
    of these `hard_is` says whether high or low is hard. A `.npy` and an array have one number for each
    sample. A `.csv`, a `.parquet` and columns have numbers under the names of scores, and beside them what
    says of which sample each is. `by` is `index` (curate's count), `row` (the place in the source, as other
    libraries count), `uid` (a number, or 16 hexadecimal digits) or `name` (of the sample's file). By default
    it is a column of one of these names, else a column of text as names, else the place as the row. Every
    sample must have a finite score; scores of others are left aside.

    The same call gives the same scores on the same machine, also where it was killed and called again. What
    it cost, in seconds and samples seen, is in the header, and in that of its trace.
    """
    if from_ is not None or hard_is is not None or by is not None:
        trained = {"models": models, "epochs": epochs, "trace": trace, "model": model, "seed": seed}
        trained |= {
            "weights": weights,
            "device": device,
            "side-by-side": side_by_side,
            "fresh": fresh or None,
        }
        _refuse_training("a score from elsewhere", {**trained, **(options or {}), **(hyperparameters or {})})
        for needed, value in (("from", from_), ("hard-is", hard_is), ("a dataset", source)):
            if value is None:
                raise CurateError(
                    f"scores from elsewhere need {needed}: a file, what is hard, and of which data"
                )
        assert hard_is is not None, "as was looked at"
        return score_given(
            source if isinstance(source, Dataset) else str(source),
            cast(Given, from_),
            hard_is=hard_is,
            by=by,
            opening=opening,
            output=output,
            force=force,
            progress=progress,
        )
    source = None if source is None else as_given(source, opening, progress)
    if method is None:
        method = _usual_method(source)
        if method != _USUAL:
            progress.note(f"method {method}, the default for vectors")
    names = [method] if isinstance(method, str) else list(method)
    names = list(dict.fromkeys(name.replace("-", "_") for name in names))
    if not names:
        raise CurateError(f"name a method: {finder.nearest('', finder.names('scorers'))}")
    for name, value in (("models", models), ("epochs", epochs)):
        if value is not None and value < 1:
            raise CurateError(f"{name}={value} is too few: use 1 or more")
    amount = amount_and_more(
        {"n_epochs": epochs, **(hyperparameters or {})}, {"weights": weights, **(options or {})}
    )
    reads = _reads_all({name: finder.load("scorers", name) for name in names})
    path = output_path(output, _default_name(source, trace, names, model, models, amount, opening, seed or 0))
    check_no_folder(path)
    check_ending(path, ".parquet")
    training_options = {
        "model": model,
        **(hyperparameters or {}),
        "weights": weights,
        "side-by-side": side_by_side,
        "device": device,
    }
    training_options |= {"fresh": fresh or None, "seed": seed}
    if reads & {"clusters", "embedding"}:
        _refuse_training(names[0], {"models": models, "epochs": epochs, "trace": trace, **training_options})
        methods, _ = _methods(names, options, None)
        check_free(path, force, "score")
        made = partial(score_from_artifact, source, methods, names[0], path, progress=progress)
        by_ranks = getattr(methods[names[0]], "by_ranks", False)
        return made(force=force) if by_ranks else _by_the_first(made, path, force)
    traced = _earlier_trace(source, trace, path, force)
    if traced is not None:
        _check_readable(names, source, traced)
        _refuse_training(f"a score from the trace {traced}", training_options)
        methods, _ = _methods(names, options, None)
        check_free(path, force, "score")
        if source is not None:
            progress.note(f"made from the trace {traced}, which is there already: nothing is trained")
        opened = open_trace(traced).first(epochs, models)
        return _by_the_first(
            partial(score_from_trace, opened, source, methods, opening, path, progress=progress), path, force
        )
    if source is None:
        raise CurateError("there is nothing to score: name a dataset, or an earlier --trace")
    return _by_training(
        source,
        names,
        models=models,
        epochs=epochs,
        trace=None if trace is None else Path(trace),
        model=model,
        options=options,
        hyperparameters=hyperparameters or {},
        weights=weights,
        side_by_side=side_by_side,
        opening=opening,
        seed=seed or 0,
        device=device,
        path=path,
        force=force,
        fresh=fresh,
        progress=progress,
    )


def _by_the_first(made: Callable[..., Table], path: Path, force: bool) -> Table:
    """What one rank makes, and the others open."""
    is_first = world.here().rank == 0
    return world.first_alone(lambda: made(force=force) if is_first else open_table(path))


def _usual_method(source: str | Path | Dataset | None) -> str:
    """What is scored by where the user does not say: of vectors and clusters what needs no training."""
    kind = kind_of(source) if isinstance(source, str | Path) else None
    return "prototypicality" if kind in ("embedding", "vectors", "clusters") else _USUAL


def _by_training(
    source: str | Path | Dataset,
    names: Sequence[str],
    *,
    models: int | None,
    epochs: int | None,
    trace: Path | None,
    model: Any,
    options: Mapping[str, Any] | None,
    hyperparameters: Mapping[str, Any],
    weights: str | Path | None,
    side_by_side: bool | None,
    opening: Options,
    seed: int,
    device: str | None,
    path: Path,
    force: bool,
    fresh: bool,
    progress: Progress,
) -> Table:
    """Check all that needs no network, open the data, and train."""
    named = None if model is None else outside.hand_in("models", model)
    methods, model_options = _methods(names, options, named or DEFAULT_MODEL)
    amount = partial(_amount, methods, models, epochs, hyperparameters=hyperparameters)
    if trace is not None:
        check_no_folder(trace)
        if trace.absolute() == path.absolute():
            raise CurateError(f"{path} cannot hold both scores and trace: name two files")
    check_hyperparameters(amount(named or DEFAULT_MODEL)[2])
    going_on = not fresh and run_beside(path) is not None
    for written in filter(None, (path, trace)):
        check_free(written, force or going_on, "score")
    if device is not None:
        check_device(device)
    start = None if weights is None else weights_at(weights)
    data = world.first_alone(
        lambda: open_dataset(source if isinstance(source, Dataset) else str(source), opening, progress)
    )
    data.need_classes()
    with progress.task("start", 1):
        from curate.verbs.score_from_training import Training, score_from_training  # torch, from here on

    n_models, n_epochs, own = amount(model_for(named, data))
    training = Training(
        model=named,
        model_options=model_options,
        hyperparameters=own,
        overrides=hyperparameters,
        n_models=n_models,
        n_epochs=n_epochs,
        side_by_side=side_by_side,
        device=device,
        trace=trace,
        weights=start,
    )
    return score_from_training(
        data, methods, training, seed, path, force=force, fresh=fresh, progress=progress
    )


def _methods(
    names: Sequence[str], options: Mapping[str, Any] | None, model: str | None
) -> tuple[Methods, dict[str, Any]]:
    """The scorers with their options, and the options that are the model's, where one is trained."""
    kinds = [*([("models", model)] if model else []), *(("scorers", name) for name in names)]
    shared = share_out(options or {}, kinds)
    of_model = shared.pop(0) if model else {}
    made = {name: finder.make("scorers", name, own) for name, own in zip(names, shared, strict=True)}
    return made, of_model


def check_no_folder(path: Path) -> None:
    """Refuse to write a file where a folder is, before any work."""
    if path.is_dir():
        raise CurateError(f"{path} is a folder: name a file")


def _earlier_trace(
    source: str | Path | Dataset | None, trace: str | Path | None, output: Path, force: bool
) -> Path | None:
    """The trace to read; None where one is to be made, or goes on being made after a kill."""
    if trace is None:
        return None
    if source is None:
        return Path(trace)
    run = run_beside(output)
    going_on = run is not None and run["key"].get("trace") == str(trace)
    return Path(trace) if Path(trace).exists() and not (force or going_on) else None


def _check_readable(names: Sequence[str], source: object, trace: Path) -> None:
    """Refuse methods that a trace cannot give, or gives as a rougher score than the method is by default."""
    for name in names:
        reads = finder.load("scorers", name).reads
        if "trace" not in reads:
            raise CurateError(f"{name} cannot be made from a trace: leave out --trace, and name a dataset")
        if source is not None and reads[0] != "trace":
            raise CurateError(
                f"{trace} is there already, and {name} from a trace is rougher than by training: leave out "
                "the dataset to have that, or name another --trace"
            )


def _reads_all(methods: Methods) -> set[str]:
    """What all methods can be made from; methods that have nothing in common are an error."""
    common = set.intersection(*(set(scorer.reads) for scorer in methods.values()))
    trained = all(set(scorer.reads) & {"trace", "network"} for scorer in methods.values())
    if len(methods) > 1 and not trained:
        raise CurateError(f"{' and '.join(methods)} are not made from the same thing: score them one by one")
    return common or {"training"}


def _amount(
    methods: Methods,
    models: int | None,
    epochs: int | None,
    model: str,
    hyperparameters: Mapping[str, Any],
) -> tuple[int, int, Hyperparameters]:
    """How many models and epochs, and the hyperparameters, whose schedule may be longer."""
    own = hyperparameters_for(model, hyperparameters)
    wanted = {
        name: (scorer.n_models, max(1, part_of(exactly(scorer.schedule_share), own.n_epochs)))
        for name, scorer in methods.items()
    }
    for place, option, given in ((0, "models", models), (1, "epochs", epochs)):
        if given is None and len({amount[place] for amount in wanted.values()}) > 1:
            each = ", ".join(f"{name} {amount[place]}" for name, amount in wanted.items())
            raise CurateError(f"the methods want different numbers of {option} ({each}): say --{option}")
    n_models, n_epochs = next(iter(wanted.values()))
    n_models, n_epochs = models or n_models, epochs or n_epochs
    return n_models, n_epochs, replace(own, n_epochs=max(own.n_epochs, n_epochs))


def _refuse_training(name: str, given: Mapping[str, Any]) -> None:
    for option, value in given.items():
        if value is not None:
            raise CurateError(f"{name} trains nothing: leave out --{option.replace('_', '-')}")


def _default_name(
    source: str | Path | Dataset | None,
    trace: str | Path | None,
    names: Sequence[str],
    model: Any,
    models: int | None,
    amount: list[str],
    opening: Options,
    seed: int,
) -> str:
    named = reference_of(source if source is not None else str(trace or ""))
    if source is None and Path(named).name == TRACE:
        named = str(Path(named).parent)
    trained = "" if model is None else model_in_words(outside.called(outside.hand_in("models", model)))
    several = "" if models is None else f"{models}-models"
    return f"{name_of(named, trained, *names, several, *amount, opening=opening, seed=seed)}.parquet"
