"""Runs sentences through a trained Rasa model, one by one, as the server does."""

from __future__ import annotations

import asyncio
import logging
import resource
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.nlu.evaluation.figures import Parsed

_WARM_UP = ("查话费", "我要把套餐换成59元的，顺便查下余额", "今天天气怎么样")


@dataclass(frozen=True)
class Machine:
    """Load time in seconds and peak memory of the process in MiB after the run."""

    load_seconds: float
    memory_mb: float


def quiet() -> None:
    """Rasa logs every parse at debug level; the evaluation does not want to read them."""
    import structlog

    logging.disable(logging.INFO)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))


def load(model: Path) -> tuple[Any, float]:
    """The agent of a model archive and the seconds it took.

    Raises:
        FileNotFoundError: there is no such model.
    """
    from rasa.core.agent import Agent

    if not model.exists():
        raise FileNotFoundError(f"no model {model}: run `make train`")
    start = time.perf_counter()
    agent = Agent.load(str(model))
    return agent, time.perf_counter() - start


def parse_all(agent: Any, texts: Sequence[str]) -> list[tuple[dict[str, Any], float]]:
    """Parse output and seconds of each text, in order, after a short warm-up."""
    return asyncio.run(_parse_all(agent, texts))


async def _parse_all(agent: Any, texts: Sequence[str]) -> list[tuple[dict[str, Any], float]]:
    for text in _WARM_UP:
        await agent.parse_message(text)
    found = []
    for text in texts:
        start = time.perf_counter()
        output = await agent.parse_message(text)
        found.append((output, time.perf_counter() - start))
    return found


def to_parsed(output: dict[str, Any], seconds: float) -> Parsed:
    """The parts of a parse that are measured."""
    intent = output.get("intent") or {}
    predicted = output.get("predicted_intent") or intent
    ranking = output.get("intent_ranking") or [predicted]
    entities = tuple(
        (str(e["entity"]), output["text"][e["start"] : e["end"]])
        for e in output.get("entities") or ()
    )
    choices = tuple(c["title"] for c in output.get("clarify") or ())
    return Parsed(
        intent=str(intent.get("name")), predicted=str(predicted.get("name")),
        top=float(ranking[0].get("confidence") or 0.0),
        confidence=float(intent.get("confidence") or 0.0),
        entities=entities, choices=choices, seconds=seconds,
    )  # fmt: skip


def peak_memory_mb() -> float:
    """Peak resident memory of this process."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
