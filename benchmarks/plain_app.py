"""The simplest app, to compare with ours: FastAPI reads the whole upload, httpx posts it to the engine."""

from __future__ import annotations

import os
from typing import Annotated, Any

import httpx
import uvicorn
from fastapi import FastAPI, File, Form, UploadFile

app = FastAPI()


@app.get("/health")
async def health() -> dict[str, str]:
    return {"status": "ok"}


@app.post("/transcribe")
async def transcribe(
    file: Annotated[UploadFile, File()], language: Annotated[str | None, Form()] = None
) -> dict[str, Any]:
    content = await file.read()
    data = {"model": "whisper-large-v3-turbo", "response_format": "verbose_json"}
    if language:
        data["language"] = language
    async with httpx.AsyncClient(timeout=None) as client:
        answer = await client.post(
            f"{os.environ['GROQ_BASE_URL']}/audio/transcriptions",
            headers={"Authorization": f"Bearer {os.environ['GROQ_API_KEY']}"},
            files={"file": (file.filename or "audio.mp3", content)},
            data=data,
        )
    answer.raise_for_status()
    return answer.json()  # type: ignore[no-any-return]


if __name__ == "__main__":
    uvicorn.run(app, host=os.environ["HOST"], port=int(os.environ["PORT"]))
