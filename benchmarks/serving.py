"""What a list costs: the whole path for one listener, and plain lists for many.

    python benchmarks/serving.py --json build/serving.json [--quick] [--bundle FOLDER]

One thread on both sides, medians of calls that take turns. The world is synthetic: 100,000 tracks,
20,000 listeners with histories of about 50, vectors of 64 components; on it every channel, the
network and the ranker are trained (twenty minutes; `--bundle` keeps the model and takes it again).

- `path_vs_dot`: a list of 10 for one listener with everything in it: candidates of every scorer,
  the ranker's trees, five rules, diversity as MMR, reasons. Peer: one product of 100,000 x 64 with
  a vector, and its 200 best in order (numpy). Beside it each side alone, again and again: then the
  product finds its vectors in the processor's cache, where in turns it has to fetch them.
- `path_vs_seed`: the same, against the network's forward pass over the whole catalogue and a top
  10, as the project's original has it (torch).
- `fold_in_vs_known`: the same for a history that is brought along, against a known listener.
- `batch_vs_implicit`, `batch_vs_faiss`: plain lists of 10 without what was heard, by ALS factors
  alone, listeners a second. Peers: `implicit`'s batch `recommend`, which leaves out what was heard
  too, and faiss's flat index, which does not.
- `retrieval_ndcg`: NDCG@10 on HetRec's held-out rows with candidates from indexes, against all
  tracks scored. Needs the listening data.
- `index_1M_recall`, `index_1M_ms`: recall@100 and time of the index over ALS vectors of 1,000,000
  tracks, against all of them asked (faiss flat), on listeners that it was not fitted to.
- `table_fp16`, `table_int8`: the 10 best by half floats or bytes, against single floats: overlap,
  and beside it time and size.
"""

import argparse
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"  # read when the libraries below are loaded

import faiss
import numpy as np
import scipy.sparse as sp
import torch
from threadpoolctl import threadpool_limits

import _bench
import encore
from datasets import BESIDE, SOURCES
from encore import Recommender, Rules
from encore.data import world
from encore.evaluation import questions
from encore.evaluation.questions import Known
from encore.metrics.ranking import ndcg_at_k
from encore.models.channels import Als
from encore.models.ensemble import Choice
from encore.models.index import Index, Open
from encore.models.inputs import Audience
from encore.models.ranking import are_held

PACKAGES = ("numpy", "scipy", "torch", "faiss-cpu", "implicit", "lightgbm")
D, LONG = 64, 50  # components; tracks of a history
FIVE = Rules(
    explicit="exclude",
    per_artist=2,
    duration_s={"min": 60, "max": 1200},
    popularity_weight=0.1,
    ban_genres=("metal",),
    diversity="mmr",
    lambda_div=0.5,
)
LISTED, BEST = 10, 200
ASKED, ROUNDS = 200, 3  # listeners asked one by one; rounds of batches
UNSEEN = 200  # listeners by whom the large index is judged


def trained(quick: bool, keep: Path | None) -> Recommender:
    """Return the model of the synthetic world, kept in a folder where one is named."""
    if keep and keep.exists():
        return encore.load(keep)
    listeners, tracks = (2_000, 60_000) if quick else (20_000, 100_000)
    data = world.make(
        listeners, tracks, plays_per_listener=LONG, genres=24, seed=0, events=False
    ).data
    recipe = encore.recipes.quick().replaced(
        max_epochs=1 if quick else 2,
        embedding_dim=D,
        als_factors=D,
        hybrid_dimension=D,
        ranker_folds=1,
        **({"channels": ("item-knn", "als", "hybrid")} if quick else {}),
    )
    model = encore.train(data, recipe)
    if keep:
        model.save(keep)
    return model


def in_turn(sides: dict[str, Callable[[Any], Any]], asked: Sequence[Any]) -> dict[str, float]:
    """Return the median milliseconds of each side, all asked the same, one after the other."""
    for side in sides.values():
        side(asked[0])
    spent: dict[str, list[float]] = {name: [] for name in sides}
    for one in asked:
        for name, side in sides.items():
            started = time.perf_counter()
            side(one)
            spent[name].append((time.perf_counter() - started) * 1e3)
    return {name: median(values) for name, values in spent.items()}


def per_second(
    sides: dict[str, Callable[[], Any]], listeners: int, rounds: int
) -> dict[str, float]:
    """Return the median of listeners a second of each side."""
    spent = in_turn(
        {name: lambda _, side=side: side() for name, side in sides.items()}, range(rounds)
    )
    return {name: listeners / milliseconds * 1e3 for name, milliseconds in spent.items()}


def one_by_one(model: Recommender, asked: int) -> list[_bench.Figure]:
    """Return what a list for one listener costs."""
    bundle = model.bundle
    features, history = bundle.features, bundle.history_UT
    length_U = np.diff(history.indptr)
    users = np.argsort(np.abs(length_U - LONG), kind="stable")[:asked]
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(features.tracks.rows, D)).astype(np.float32)
    query = rng.normal(size=D).astype(np.float32)
    tracks = features.tracks.decode(np.arange(features.tracks.rows))
    brought = {
        int(user): {tracks[int(t)]: float(p) for t, p in zip(row.indices, row.data, strict=True)}
        for user in users
        for row in [history[[user]]]
    }

    def known(user: int) -> object:
        return model.recommend(features.listeners.id(user), LISTED, rules=FIVE)

    def folded_in(user: int) -> object:
        return model.recommend(None, LISTED, rules=FIVE, history=brought[int(user)])

    def dot(_: int) -> object:
        scores = vectors @ query
        best = np.argpartition(scores, -BEST)[-BEST:]
        return best[np.argsort(-scores[best])]

    def seed(user: int) -> object:
        return whole_catalogue(model, user)

    alone = {
        f"{name}_alone_ms": in_turn({name: side}, users.tolist())[name]
        for name, side in {"ours": known, "peer": dot}.items()
    }
    spent = in_turn({"known": known, "folded_in": folded_in, "dot": dot}, users.tolist())
    slow = in_turn({"known": known, "seed": seed}, users[: max(3, asked // 20)].tolist())
    shapes = {"tracks": features.tracks.rows - 1, "components": D, "median_history": LONG}
    return [
        _bench.Figure(
            "path_vs_dot", spent["known"], spent["dot"], "ms", "lower", 1 / 6, shapes | alone
        ),
        _bench.Figure("path_vs_seed", slow["known"], slow["seed"], "ms", "lower", 40, shapes),
        _bench.Figure(
            "fold_in_vs_known", spent["folded_in"], spent["known"], "ms", "lower", 1 / 2, shapes
        ),
    ]


@torch.inference_mode()
def whole_catalogue(model: Recommender, user: int) -> torch.Tensor:
    """Return the 10 best by the network's whole forward pass over every track of the catalogue."""
    scorers = model.bundle.scorers
    network, tables = scorers.network.eval(), scorers.tables
    x_1I = network.embed_listeners(tables.listeners_at(torch.tensor([user])))
    x_TI = network.embed_tracks(tables.tracks)
    x_TI = torch.cat([x_1I.expand(len(x_TI), -1), x_TI], 1)
    for block in network.fc_layers:
        x_TI = block(x_TI)
    return network.final_layer(x_TI).squeeze(1).topk(LISTED).indices


def together(model: Recommender, rounds: int) -> list[_bench.Figure]:
    """Return how many plain lists a second there are, by the same factors on every side."""
    bundle = model.bundle
    inputs = bundle.scorers.inputs
    als = Als.from_arrays(bundle.scorers.channels[Als.name].arrays(), inputs)  # to be changed
    width = als.factors_TF.shape[1]
    plain = Recommender(replace(bundle, choice=Choice({Als.name: 1.0}, {})))
    plain.warm()
    users = np.flatnonzero(bundle.features.heard_U).astype(np.int32)
    asking = Audience.known(inputs, users)
    factors_UF, histories = als.fold_in(asking), sp.csr_matrix(asking.history_BT)
    peer = als._model
    peer.user_factors = np.zeros((bundle.features.listeners.rows, width), np.float32)
    peer.user_factors[users] = factors_UF
    peer.num_threads = 1
    flat = faiss.IndexFlatIP(width)
    flat.add(als.factors_TF)

    def by_implicit() -> object:
        with threadpool_limits(limits=1, user_api="blas"):
            return peer.recommend(users, histories, N=LISTED)

    spent = per_second(
        {
            "ours": lambda: plain.top(users, LISTED),
            "implicit": by_implicit,
            "faiss": lambda: flat.search(factors_UF, LISTED),
        },
        len(users),
        rounds,
    )
    beside = {"listeners": len(users), "tracks": bundle.features.tracks.rows - 1}
    return [
        _bench.Figure(
            f"batch_vs_{name}", spent["ours"], spent[name], "listeners/s", "higher", 0.9, beside
        )
        for name in ("implicit", "faiss")
    ]


def retrieved(folder: Path, quick: bool) -> _bench.Figure:
    """Return NDCG@10 on HetRec by candidates from indexes, beside that by all tracks scored."""
    train, test = SOURCES["hetrec"].sides(folder, 0)
    recipe = encore.recipes.quick()
    model = encore.train(train, recipe.replaced(max_epochs=1) if quick else recipe)
    question = questions.discovery(Known.to(model), test)
    exact_Bk = model.top_of(model.scores(question.audience), question.audience.history_BT, LISTED)
    bundle = model.bundle
    indexed = Recommender(replace(bundle, scorers=replace(bundle.scorers, indexed_from=0)))
    indexed.warm()
    found = indexed.lists(question.audience.user_B, LISTED, Rules.plain())
    found_Bk = np.stack([ranked.tracks_n for ranked in found])
    ours, peer = (
        float(np.nanmean(ndcg_at_k(are_held(top, question.held_BT), question.relevant_B, LISTED)))
        for top in (found_Bk, exact_Bk)
    )
    same = np.mean([len(np.intersect1d(*pair)) for pair in zip(found_Bk, exact_Bk, strict=True)])
    beside = {"listeners": len(found_Bk), "same_of_10": float(same)} | indexes(indexed)
    return _bench.Figure("retrieval_ndcg", ours, peer, "NDCG@10", "higher", 0.99, beside)


def indexes(model: Recommender) -> dict[str, Any]:
    """Return what the indexes of a model are like."""
    return {
        f"index_{name}": {"lists": index.lists, "searched": index.probes, "recall": index.recall}
        for name, index in model.bundle.scorers.indexes().items()
    }


def million() -> list[_bench.Figure]:
    """Return recall and time of the index over trained vectors of a million tracks."""
    data = world.make(50_000, 1_000_000, plays_per_listener=LONG, seed=1, events=False).data
    features = Known.from_training(data)
    als = Als(factors=D).fit(features.inputs)
    users = np.random.default_rng(2).permutation(np.flatnonzero(features.features.heard_U))
    asking = Audience.known(features.inputs, users[: 64 + UNSEEN].astype(np.int32))
    queries = als.fold_in(asking)
    _bench.forget_peak()
    started = time.perf_counter()
    index = Index.fitted(als.factors_TF, queries[:64])
    built = time.perf_counter() - started
    if index is None:
        raise RuntimeError("no index over a million tracks reaches the recall that is wanted")
    every, flat = Open(np.ones(len(als.factors_TF), np.bool_)), faiss.IndexFlatIP(D)
    flat.add(als.factors_TF)
    recalls = []
    for query in queries[64:]:
        _, wanted = flat.search(query[None], 100)
        recalls.append(len(np.intersect1d(index.best(query, every, 100), wanted)) / 100)
    spent = in_turn(
        {"ours": lambda q: index.best(q, every, 100), "flat": lambda q: flat.search(q[None], 100)},
        queries[64:],
    )
    beside = {
        "tracks": len(als.factors_TF) - 1,
        "seconds_to_build": built,
        "lists": index.lists,
        "searched": index.probes,
        "mb": index.bytes / 1e6,
        "mb_of_vectors": als.factors_TF.nbytes / 1e6,
    }
    return [
        _bench.Figure(
            "index_1M_recall", float(np.mean(recalls)), 1.0, "recall@100", "higher", 0.95, beside
        ),
        _bench.Figure("index_1M_ms", spent["ours"], spent["flat"], "ms", "lower", None, beside),
    ]


def tables(model: Recommender, asked: int) -> list[_bench.Figure]:
    """Return how far the 10 best by smaller numbers are those by floats, and what that costs."""
    als = model.bundle.scorers.channels[Als.name]
    vectors = als.factors_TF
    users = np.flatnonzero(model.bundle.features.heard_U)[:asked].astype(np.int32)
    queries = als.fold_in(Audience.known(model.bundle.scorers.inputs, users))
    flat = faiss.IndexFlatIP(D)
    flat.add(vectors)
    kinds = {"fp16": faiss.ScalarQuantizer.QT_fp16, "int8": faiss.ScalarQuantizer.QT_8bit}
    found = []
    for name, kind in kinds.items():
        small = faiss.IndexScalarQuantizer(D, kind, faiss.METRIC_INNER_PRODUCT)
        small.train(vectors)
        small.add(vectors)
        pairs = zip(small.search(queries, LISTED)[1], flat.search(queries, LISTED)[1], strict=True)
        overlap = np.mean([len(np.intersect1d(*pair)) for pair in pairs]) / LISTED
        spent = in_turn(
            {
                "small": lambda q, small=small: small.search(q[None], LISTED),
                "flat": lambda q: flat.search(q[None], LISTED),
            },
            queries,
        )
        beside = {
            "ms": spent["small"],
            "ms_of_floats": spent["flat"],
            "mb": small.sa_code_size() * len(vectors) / 1e6,
            "mb_of_floats": vectors.nbytes / 1e6,
        }
        found.append(
            _bench.Figure(
                f"table_{name}", float(overlap), 1.0, "of the 10 best", "higher", 0.99, beside
            )
        )
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Train or load, measure, print, and write the figures."""
    parser = argparse.ArgumentParser(description="what a list costs")
    parser.add_argument("--json", type=Path, help="write machine and figures to this file")
    parser.add_argument("--data", type=Path, default=BESIDE, help="the folder of listening data")
    parser.add_argument("--bundle", type=Path, help="keep the synthetic world's model here")
    parser.add_argument("--quick", action="store_true", help="a smaller world, without the million")
    given = parser.parse_args(arguments)
    torch.set_num_threads(os.cpu_count() or 1)  # training alone; what is timed has one
    console, machine = _bench.console(), _bench.machine(PACKAGES)
    console.print_json(data=machine)
    model = trained(given.quick, given.bundle)
    torch.set_num_threads(1)
    faiss.omp_set_num_threads(1)
    _bench.forget_peak()
    model.warm()
    console.print_json(data=indexes(model) | {"peak_gib": _bench.peak_gib()})
    asked, rounds = (20, 1) if given.quick else (ASKED, ROUNDS)
    told = [*one_by_one(model, asked), *together(model, rounds), *tables(model, asked)]
    if (given.data / "hetrec2011-lastfm-2k").exists():
        told.append(retrieved(given.data, given.quick))
    else:
        console.print(f"{given.data}: no HetRec there; retrieval_ndcg is left out")
    if not given.quick:
        told += million()
    for figure in told:
        goal = "" if figure.goal is None else f", goal {figure.goal:.3g}"
        console.print(
            f"{figure.name}: ours {figure.ours:,.4g}, peer {figure.peer:,.4g} {figure.unit}, "
            f"ratio {figure.ratio:.3g}{goal}"
        )
    if given.json:
        _bench.write_json(given.json, machine, told)


if __name__ == "__main__":
    main()
