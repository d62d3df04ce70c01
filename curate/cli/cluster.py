"""curate cluster"""

import click

from curate.cli import options


@click.command()
@click.argument("embedding")
@click.option("-k", "k", type=int, help="Number of clusters; by default one per 120 samples, 12 to 4 √n.")
@click.option("--spherical", is_flag=True, help="Cluster directions (cosine) and not positions.")
@click.option("--iterations", default=8, show_default=True, help="Iterations of k-means.")
@click.option("--init", default="random", show_default=True, help="random, afk-mc2 or kmeans++.")
@click.option(
    "--relocate",
    default=4,
    show_default=True,
    metavar="TIMES",
    help="How often to move idle centroids to where the error is largest.",
)
@options.SEED
@options.output("FILE.parquet")
@click.option("--data", metavar="DATASET", help="Whose vectors these are, for embeddings made elsewhere.")
@click.option("--labels", metavar="FILE", help="Their labels: a .npy, or a file with one per line.")
@click.option("--strategy", help="Also select, and write the manifest: see `curate select`.")
@click.option("--keep", help="With --strategy: share (0.3, 30%) or count to keep; by default 0.5.")
@click.option("--class-floor", type=float, help="With --strategy: see `curate select`.")
@options.SET
@options.JSON
@options.dataset
@options.logs
def command(
    embedding,
    k,
    spherical,
    iterations,
    init,
    relocate,
    seed,
    output,
    force,
    data,
    labels,
    strategy,
    keep,
    class_floor,
    settings,
    as_json,
    opening,
):
    """Group the vectors of EMBEDDING around k centroids (k-means).

    EMBEDDING is what `curate embed` wrote, or a .npy, .npz, .safetensors or Parquet file of vectors. With
    --strategy, -o names the manifest folder and the table is written beside it.

    \b
      curate cluster digits-pca.safetensors -k 12
      curate cluster mnist-pca.safetensors -k 500 --strategy furthest --keep 30000
    """
    from curate.data.dataset import open_dataset
    from curate.show import talk
    from curate.verbs.cluster import cluster, cluster_and_select

    if not strategy and (settings or keep or class_floor):
        strategy = "furthest"
        talk.say(f"strategy {strategy}, the default for clusters")
    shared = {
        "spherical": spherical,
        "iterations": iterations,
        "init": init,
        "relocate": relocate,
        "seed": seed,
        "labels": labels,
        "output": output,
        "force": force,
    }
    with talk.progress() as progress:
        whose = open_dataset(data, opening, progress) if data else None
        if not strategy:
            table = cluster(embedding, k, data=whose, progress=progress, **shared)
        else:
            table, manifest = cluster_and_select(
                embedding,
                k,
                strategy=strategy,
                keep=keep or 0.5,
                class_floor=class_floor or 0.0,
                options=options.parse_settings(settings),
                data=whose,
                progress=progress,
                **shared,
            )
    talk.clusters(table)
    if not strategy:
        talk.next_step(f"curate select {table.path} --strategy furthest --keep 0.3")
        talk.result(table.path, table.header, as_json)
        return
    talk.manifest(manifest)
    talk.result(manifest.path, manifest.header, as_json)
