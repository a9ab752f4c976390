"""A sample run: results of the size and shape of a real one, with a history and predictions."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest


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
