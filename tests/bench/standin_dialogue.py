"""A dialogue that answers at once, so that a benchmark measures the app and nothing else."""

from __future__ import annotations

from fastapi import FastAPI

app = FastAPI()


@app.post("/webhooks/changda/message")
async def message(body: dict[str, object]) -> dict[str, object]:
    understanding = {"text": body["text"], "intent": {"name": "greet", "confidence": 0.9}}
    return {"replies": [{"text": "好的"}], "directives": [], "understanding": understanding}
