"""A sample run: results of the size and shape of a real one, with a history and predictions."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from encore.reports.parts import Section
from encore.reports.report import sections_of


def value(mean: float, half: float) -> dict[str, float]:
    return {"mean": mean, "low": mean - half, "high": mean + half}


def discovery(ndcg: float) -> dict[str, Any]:
    return {
        "ndcg@10": value(ndcg, 0.007),
        "recall@10": value(ndcg * 0.84, 0.006),
        "coverage@20": {"mean": min(1.0, ndcg**2 * 8)},
    }


def plays(rmse: float) -> dict[str, Any]:
    return {
        "rmse": value(rmse, 0.012),
        "mae": value(rmse * 0.74, 0.01),
        "r2": value(1 - (rmse / 1.55) ** 2, 0.01),
        "rmse_raw": value(3150 + rmse * 40, 410.0),
        "mae_raw": value(500 + rmse * 40, 30.0),
        "r2_raw": value(0.03, 0.02),
        "rmse_scaled": value(rmse / 12.7, 0.001),
        "mae_scaled": value(rmse / 17.0, 0.001),
        "r2_scaled": value(1 - (rmse / 1.55) ** 2, 0.01),
        "seed_ndcg": value(0.98 - rmse / 20, 0.003),
        "skill": value(1 - (rmse / 0.89) ** 2, 0.01),
    }


def make_results() -> dict[str, Any]:
    ranked = [
        ("New Order", 3.21, {"item-knn": 2.1, "network": 1.1}, "because you play Duran Duran"),
        ("The Cure", 3.02, {"item-knn": 1.7, "network": 1.3}, "because you play Depeche Mode"),
        ("a-ha", 2.88, {"item-knn": 1.9, "network": 1.0}, "because you play Duran Duran and ABC"),
        (
            "Blondie",
            2.71,
            {"friends": 1.6, "network": 1.1},
            "because two of your friends play them",
        ),
        ("Pet Shop Boys", 2.6, {"item-knn": 1.5, "network": 1.1}, "because you play Erasure"),
        ("Talk Talk", 2.44, {"content": 1.4, "network": 1.0}, "new wave, like much that you play"),
        ("Eurythmics", 2.39, {"item-knn": 1.4, "network": 0.9}, "because you play ABC"),
        ("Ultravox", 2.31, {"content": 1.5, "network": 0.8}, "because you play Japan"),
        (
            "Tears for Fears",
            2.27,
            {"item-knn": 1.2, "network": 1.1},
            "because you play a-ha's peers",
        ),
        ("Simple Minds", 2.2, {"item-knn": 1.3, "network": 0.9}, "because you play Duran Duran"),
    ]
    history = [("Duran Duran", 13883), ("Depeche Mode", 8211), ("ABC", 1702), ("Japan", 995)]
    return {
        "title": "HetRec Last.fm",
        "item_kind": "artist",
        "data": {
            "listeners": 1892,
            "tracks": 17632,
            "plays": 92834,
            "sources": [{"name": "user_artists.dat", "bytes": 1234567, "sha256": "ab" * 32}],
            "notes": ["a row of tracks is an artist"],
            "read": 92836,
            "kept": 92834,
            "dropped": {"negative_plays": 2},
        },
        "split": {
            "by": "listener",
            "held_out": 0.2,
            "seed": 0,
            "train_rows": 74266,
            "test_rows": 18568,
        },
        "config": {"embedding_dim": 64, "hidden_layers": [256, 128, 64], "channels": {"als": True}},
        "chosen": {
            "list": "blend",
            "why": "validation NDCG@10 .235 against .208 (item-knn)",
            "validation": {"item-knn": 0.208, "blend": 0.235},
        },
        "boards": {
            "discovery": {
                "popularity": discovery(0.081),
                "item-knn": discovery(0.205),
                "als": discovery(0.192),
                "network-rank": discovery(0.221),
                "network-plays": discovery(0.034),
                "encore": discovery(0.231),
            },
            "plays": {
                "mean": plays(1.552),
                "listener-mean": plays(0.981),
                "listener+track-mean": plays(0.89),
                "encore": plays(0.853),
            },
        },
        "cold_start": [
            {
                "group": group,
                "rows": rows,
                "metrics": {
                    "encore": {"rmse": value(rmse, 0.4 / rows**0.5), "r2": value(0.5, 0.1)},
                    "listener+track-mean": {"rmse": value(rmse + 0.06, 0.4 / rows**0.5)},
                },
            }
            for group, rows, rmse in (
                ("cold listeners", 212, 1.12),
                ("warm listeners", 18356, 0.84),
                ("cold tracks", 2310, 1.01),
                ("warm tracks", 16258, 0.82),
            )
        ],
        "example": {
            "user_id": "2",
            "answer": "known listener",
            "history": [{"title": title, "artist": None, "plays": n} for title, n in history],
            "slots": [
                {
                    "rank": i + 1,
                    "track_id": str(i),
                    "title": title,
                    "artist": None,
                    "score": score,
                    "contributions": parts,
                    "reason": reason,
                    "held_out": i == 2,
                }
                for i, (title, score, parts, reason) in enumerate(ranked)
            ],
        },
        "seconds": {"read": 1.0, "train": 50.0, "evaluate": 30.0},
        "machine": {"processor": "a processor", "cores": 2, "memory_gib": 24},
        "versions": {"encore": "0.1.0", "torch": "2.13.0"},
    }


def make_history(epochs: int = 24, best: int = 17) -> list[dict[str, Any]]:
    noise = np.random.default_rng(0).standard_normal(epochs) * 0.006
    rows = []
    for i in range(epochs):
        fall = np.exp(-i / 5)
        rows.append(
            {
                "epoch": i + 1,
                "train_loss": 0.7 + 0.9 * fall,
                "train_plays_loss": 0.42 + 0.4 * fall,
                "train_rank_loss": 0.28 + 0.5 * fall,
                "val_loss": 0.8 + 0.7 * fall + 0.0012 * max(i - best, 0) ** 2 + noise[i],
                "val_rmse": 0.86 + 0.2 * fall + noise[i],
                "val_r2": 0.69 - 0.25 * fall - noise[i],
                "val_ndcg": 0.235 - 0.06 * fall - noise[i] / 3,
                "learning_rate": 0.001 if i < 14 else 0.0005,
                "samples_per_second": 36800 + 40000 * noise[i],
                "best": i + 1 == best,
            }
        )
    return rows


def make_predictions(rows: int = 18568) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    level = rng.normal(5.2, 1.3, rows)
    targets = np.log1p(np.exp(level + rng.normal(0, 0.85, rows)).round())
    return level * 0.9 + 0.5, targets


#: NDCG@10, what it leaves alone of the head, how it spreads: as models of HetRec do.
MODELS = {"encore": 0.265, "als": 0.25, "ease": 0.235, "item-knn": 0.21, "popularity": 0.08}
SPREAD = {"encore": 0.62, "als": 0.55, "ease": 0.7, "item-knn": 0.74, "popularity": 0.17}
GENRES = ("rock", "electronic", "pop", "indie", "metal", "hip-hop")
LESSER = ("alternative", "folk", "jazz", "punk", "ambient", "new wave", "soul", "japanese")


def make_analysis() -> dict[str, Any]:
    """Return what an analysis of HetRec looks like; made up, but of plausible size."""
    return {
        "listeners": [
            make_groups(
                "activity",
                "training rows of a listener",
                ("5 to 12", "13 to 28", "29 to 39", "40 to 50"),
            ),
            make_groups(
                "mainstreamness",
                "training listeners of the artists a listener plays, mean",
                ("1 to 40", "41 to 95", "96 to 180", "181 to 390"),
            ),
        ],
        "tiers": make_tiers(),
        "errors": make_errors(),
        "calibration": make_calibration(),
        "exposure": make_exposure(),
        "coverage": {
            "catalogue": 17632,
            "k": [1, 2, 5, 10, 20],
            "models": {
                model: [0.09 * SPREAD[model] ** 2 * (k / 20) ** 0.6 for k in (1, 2, 5, 10, 20)]
                for model in MODELS
            },
        },
        "frontier": make_frontier(),
        "channels": make_channels(),
        "map": make_map(),
        "served": make_served(),
    }


def make_groups(grouping: str, what: str, labels: Sequence[str]) -> dict[str, Any]:
    groups = []
    for i, label in enumerate(labels):
        steps = {"encore": 0.025, "popularity": -0.03}
        models = {
            model: value(max(ndcg + steps.get(model, 0.018) * (i - 1.5), 0.01), 0.012)
            for model, ndcg in MODELS.items()
        }
        groups.append(
            {
                "label": label,
                "listeners": (312, 498, 540, 512)[i % 4],
                "models": models,
                "ratio": value(1.02 + 0.025 * i, 0.028),
            }
        )
    return {
        "grouping": grouping,
        "what": what,
        "metric": "ndcg@10",
        "board": "discovery",
        "baseline": "als",
        "groups": groups,
    }


def make_tiers() -> dict[str, Any]:
    tiers = (
        ("head: 1 to 120", 120, 0.333, 0.34, 1.0, 0.42),
        ("middle: 121 to 1,300", 1180, 0.334, 0.335, 0.55, 0.2),
        ("tail: 1,301 to 17,632", 16332, 0.333, 0.325, 0.25, 0.04),
    )
    groups = []
    for i, (label, tracks, played, held_out, pull, found) in enumerate(tiers):
        head = {model: 0.85 - 0.5 * spread for model, spread in SPREAD.items()}
        listed = {
            model: (share, 0.8 * (1 - share), 0.2 * (1 - share))[i] for model, share in head.items()
        }
        groups.append(
            {
                "label": label,
                "tracks": tracks,
                "played": played,
                "held_out": held_out,
                "listed": listed,
                "found": {
                    model: value(
                        found * (0.4 + 2.3 * ndcg) * (pull if model == "popularity" else 1), 0.01
                    )
                    for model, ndcg in MODELS.items()
                },
            }
        )
    return {"metric": "recall@20", "what": "artists by their training listeners", "groups": groups}


def make_errors() -> list[dict[str, Any]]:
    groupings = {
        "plays": (
            "true plays",
            ("0 to 30", "31 to 100", "101 to 260", "261 to 700", "701 to 2,000", "more"),
        ),
        "activity": (
            "training rows of a listener",
            ("5 to 12", "13 to 28", "29 to 39", "40 to 50"),
        ),
        "popularity": (
            "training listeners of an artist",
            ("0", "1 to 3", "4 to 20", "21 to 100", "more"),
        ),
        "genre": ("genre", (*GENRES[:5], "none known")),
        "year": ("release year", ("before 1970", "1970s", "1980s", "1990s", "2000s")),
    }
    found = []
    for grouping, (what, labels) in groupings.items():
        slope = 0.55 if grouping == "plays" else 0.03
        groups = []
        for i, label in enumerate(labels):
            off = i - (len(labels) - 1) / 2
            models = {
                model: {
                    "rmse": value(rmse + 0.06 * abs(off), 0.02 + 0.012 * i),
                    "bias": value(-slope * off * by, 0.02 + 0.008 * i),
                }
                for model, rmse, by in (("encore", 0.82, 1.0), ("listener+track-mean", 0.87, 1.15))
            }
            groups.append({"label": label, "rows": 3600 - 500 * i, "models": models})
        found.append({"grouping": grouping, "what": what, "groups": groups})
    return found


def make_calibration() -> dict[str, Any]:
    levels = ((0.5, 0.53, 1.02), (0.8, 0.81, 1.98), (0.9, 0.902, 2.61), (0.95, 0.944, 3.2))
    return {
        "bins": [
            {"rows": 1800, "predicted": at, "true": value(1.06 * at - 0.35, 0.06)}
            for at in (2.9, 3.6, 4.1, 4.5, 4.9, 5.2, 5.6, 6.0, 6.5, 7.6)
        ],
        "levels": [
            {"level": level, "held": value(held, 0.006), "width": value(width, 0.01)}
            for level, held, width in levels
        ],
    }


def make_exposure() -> dict[str, Any]:
    steps = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 17632]
    rise = {"encore": 350, "als": 260, "ease": 520, "item-knn": 700, "popularity": 14}
    names = ["Lady Gaga", "Britney Spears", "Rihanna", "The Beatles", "Katy Perry", "Madonna"]
    names += ["Avril Lavigne", "Christina Aguilera", "Muse", "Paramore", "Beyonce", "Radiohead"]
    names += ["Coldplay", "Ke$ha", "Shakira"]

    def curve(half: float) -> list[float]:
        return [min(1.0, 1.02 * n**0.9 / (n**0.9 + half**0.9)) for n in steps[:-1]] + [1.0]

    def tenths(power: float) -> list[float]:
        shares = np.array([max(i, 0.4) for i in range(1, 11)]) ** power
        return [float(share) for share in shares / shares.sum()]

    return {
        "n": 20,
        "listeners": 1800,
        "most_listed": [
            {"title": name, "artist": None, "listed": 0.23 - 0.011 * i, "played": 0.3 - 0.012 * i}
            for i, name in enumerate(reversed(names))
        ],
        "most_played": [
            {"title": name, "artist": None, "listed": 0.17 - 0.006 * i, "played": 0.32 - 0.014 * i}
            for i, name in enumerate(names)
        ],
        "genres": [
            {
                "genre": genre,
                "listed": 0.19 / (i + 1) ** 0.7 * (1.25 - 0.09 * (i % 6)),
                "played": 0.19 / (i + 1) ** 0.7,
            }
            for i, genre in enumerate((*GENRES, *LESSER))
        ],
        "concentration": {
            "tracks": steps,
            "played": curve(900),
            "models": {model: curve(half) for model, half in rise.items()},
        },
        "deciles": {
            "played": tenths(6),
            "models": {model: tenths(30 - 22 * SPREAD[model]) for model in MODELS},
        },
    }


def make_frontier() -> dict[str, Any]:
    weights = (0.0, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7)
    points = [
        {
            "weight": weight,
            "ndcg": value(0.265 - 0.12 * weight**1.7, 0.009),
            "ratio": value(1 - 0.45 * weight**1.7, 0.009),
            "diversity": value(0.58 + 0.3 * weight**0.7, 0.006),
            "ships": weight == 0.1,
        }
        for weight in weights
    ]
    return {"n": 10, "listeners": 400, "points": points}


def make_channels() -> list[dict[str, Any]]:
    channels = (
        ("als", 1.9, 0.25, 0.958),
        ("ease", 1.2, 0.235, 0.977),
        ("autoencoder", 0.9, 0.228, 0.986),
        ("item-knn", 0.6, 0.21, 0.994),
        ("user-knn", 0.5, 0.205, 0.997),
        ("content", 0.4, 0.11, 0.991),
        ("friends", 0.3, 0.09, 0.989),
        ("popularity", 0.1, 0.08, 1.002),
    )
    return [
        {
            "channel": channel,
            "weight": weight,
            "alone": value(alone, 0.008),
            "without": value(0.265 * ratio, 0.008),
            "ratio": value(ratio, 0.005),
        }
        for channel, weight, alone, ratio in channels
    ]


def make_map(artists: int = 1500) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    known = ["Lady Gaga", "Britney Spears", "Rihanna", "The Beatles", "Katy Perry", "Madonna"]
    known += ["Radiohead", "Coldplay", "Depeche Mode", "Muse", "Björk", "Metallica", "Nirvana"]
    known += ["Daft Punk", "Arctic Monkeys", "Pink Floyd", "Placebo", "Eminem", "The Cure", "Moby"]
    known += ["System of a Down", "Massive Attack", "Sigur Rós", "Iron Maiden", "Kanye West"]
    centres = rng.normal(0, 1.5, (len(GENRES), 2))
    found = []
    for i in range(artists):
        kind = int(rng.choice(len(GENRES) + 1, p=[0.26, 0.15, 0.15, 0.14, 0.08, 0.05, 0.17]))
        genre = GENRES[kind] if kind < len(GENRES) else (None, "folk", "jazz")[i % 3]
        spot = rng.normal(0, 0.6, 2) + (centres[kind] if kind < len(GENRES) else 0)
        listeners = int(620 / (i + 1) ** 0.55)
        name = known[i] if i < len(known) else f"artist {i}"
        found.append(
            {"name": name, "x": spot[0], "y": spot[1], "genre": genre, "listeners": listeners}
        )
    return {"what": "artist", "artists": found, "genres": list(GENRES)}


def make_served() -> dict[str, Any]:
    def listener(user: str, rows: int) -> dict[str, Any]:
        return {
            "user_id": user,
            "training_rows": rows,
            "held_out": 10,
            "history": [
                {"title": f"Klaus Schulze {i}", "artist": None, "plays": 900 - 100 * i}
                for i in range(8)
            ],
            "offered": [
                {"title": f"Tangerine Dream {i}", "artist": None, "reason": "because you play Can"}
                for i in range(10)
            ],
            "played": [
                {"title": f"Nurse With Wound {i}", "artist": None, "plays": 80 - i, "place": place}
                for i, place in enumerate((312, 45, None, 1200, 16000))
            ],
        }

    return {
        "cut": 10,
        "listeners": 1800,
        "none_found": {"encore": 0.21, "als": 0.235, "ease": 0.25, "popularity": 0.62},
        "worst": [listener(user, 40 - i) for i, user in enumerate(("12", "1077", "931"))],
    }


def make_run(run: Path) -> Path:
    run.mkdir(parents=True, exist_ok=True)
    (run / "results.json").write_text(json.dumps(make_results()))
    (run / "history.jsonl").write_text("".join(json.dumps(row) + "\n" for row in make_history()))
    predictions, targets = make_predictions()
    np.savez(run / "predictions.npz", predictions=predictions, targets=targets)
    return run


@pytest.fixture
def results() -> dict[str, Any]:
    return make_results()


@pytest.fixture
def history() -> list[dict[str, Any]]:
    return make_history()


@pytest.fixture(scope="session")
def predictions() -> tuple[np.ndarray, np.ndarray]:
    return make_predictions()


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return make_run(tmp_path / "run")


@pytest.fixture(scope="session")
def analysis() -> dict[str, Any]:
    return make_analysis()


@pytest.fixture(scope="session")
def full() -> list[Section]:
    """Return the sections of a run that has something for each."""
    results = make_results() | {"analysis": make_analysis()}
    for k in (0, 1, 20):
        results["boards"][f"cold_listener_{k}"] = results["boards"]["discovery"]
    predictions = dict(zip(("predictions", "targets"), make_predictions(), strict=True))
    return sections_of(results, make_history(), predictions)
