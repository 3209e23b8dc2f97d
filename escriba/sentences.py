"""Every sentence that the command prints, in English and Spanish; the locale decides."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

Language = Literal["en", "es"]

_SENTENCES: dict[str, tuple[str, str]] = {
    # help
    "description": (
        """Turns recordings into text. The files come beside the recordings: interview.m4a gives
        interview.srt. ESCRIBA_URL is the address of a server, ESCRIBA_KEY your key for it; without a server,
        one runs on this machine as long as the command does.""",
        """Convierte grabaciones en texto. Los archivos quedan junto a las grabaciones: entrevista.m4a da
        entrevista.srt. ESCRIBA_URL es la dirección de un servidor y ESCRIBA_KEY tu clave; sin servidor, uno
        funciona en este ordenador mientras dure la orden.""",
    ),
    "help_files": (
        "recordings, or folders of them; - reads one from standard input and prints its text",
        "grabaciones, o carpetas con ellas; - lee una de la entrada estándar y escribe su texto en la salida",
    ),
    "help_to": (
        "txt, srt, vtt, ttml, ass, tsv, json or, with --speakers, rttm; several with commas (default: txt)",
        "txt, srt, vtt, ttml, ass, tsv, json o, con --speakers, rttm; varios, con comas (por defecto: txt)",
    ),
    "help_language": (
        "spoken language: es, Spanish, es-MX (default: detected)",
        "idioma hablado: es, Spanish, es-MX (por defecto: se detecta)",
    ),
    "help_prompt": ("names and spellings that occur", "nombres y grafías que aparecen"),
    "help_translate": ("write the text in English", "escribir el texto en inglés"),
    "help_speakers": (
        "who says what: true, or how many speak, such as 2 or 2-5",
        "quién dice qué: true, o cuántas personas hablan, como 2 o 2-5",
    ),
    "help_words": (
        "a time for each word, in json, vtt and ass",
        "la hora de cada palabra, en json, vtt y ass",
    ),
    "help_output": (
        "folder of the text files; - prints the text of the only recording",
        "carpeta de los archivos de texto; - escribe en la salida el texto de la única grabación",
    ),
    "help_force": ("write over existing files", "sobrescribir los archivos que ya existen"),
    "help_at_once": ("recordings at the same time (default: 3)", "grabaciones a la vez (por defecto: 3)"),
    "help_json": (
        "one line of JSON on standard output for each recording",
        "una línea de JSON en la salida estándar por grabación",
    ),
    "help_quiet": ("print errors only", "escribir solo los errores"),
    # what is wrong with the command
    "no_files": ("Name at least one recording.", "Nombra al menos una grabación."),
    "wrong_format": (
        "--to takes txt, srt, vtt, ttml, ass, tsv, rttm and json, not {value}.",
        "--to admite txt, srt, vtt, ttml, ass, tsv, rttm y json, no {value}.",
    ),
    "no_speakers": (
        "--to rttm says who speaks when: it needs --speakers.",
        "--to rttm dice quién habla cuándo: necesita --speakers.",
    ),
    "wrong_number": ("--at-once takes 1 to 16.", "--at-once admite de 1 a 16."),
    "one_to_standard_output": (
        "Standard output takes one recording in one format, without --json.",
        "La salida estándar admite una grabación en un formato, sin --json.",
    ),
    "wrong_url": (
        "ESCRIBA_URL must begin with http:// or https://.",
        "ESCRIBA_URL debe empezar por http:// o https://.",
    ),
    "wrong_key": (
        "ESCRIBA_KEY has characters that no key has.",
        "ESCRIBA_KEY contiene caracteres que ninguna clave tiene.",
    ),
    "not_found": ("There is no such file.", "No existe ese archivo."),
    "not_a_file": ("It is neither a file nor a folder.", "No es un archivo ni una carpeta."),
    "no_recordings": ("The folder has no recordings.", "La carpeta no tiene grabaciones."),
    "own_output": ("It is what the command would write.", "Es lo que la orden escribiría."),
    # what goes on
    "waits": ("waiting", "en espera"),
    "reads": ("reading", "leyendo"),
    "sends": ("sending", "enviando"),
    "queued": ("in the queue", "en la cola"),
    "processing": ("transcribing", "transcribiendo"),
    "waiting": ("waiting for the engine", "esperando al motor"),
    "speakers": ("finding who speaks", "buscando quién habla"),
    "completed": ("done", "hecho"),
    "all": ("all", "todas"),
    "starts_server": ("Starting a server on this machine …", "Arrancando un servidor en este ordenador …"),
    "written": ("{file} → {outputs}", "{file} → {outputs}"),
    "there_already": (
        "{file}: {outputs} exists already (--force writes over it)",
        "{file}: {outputs} ya existe (--force lo sobrescribe)",
    ),
    "failed": ("{file}: {message}", "{file}: {message}"),
    "interrupted": (
        "Interrupted. The same command goes on where this one stopped.",
        "Interrumpido. La misma orden sigue donde esta se detuvo.",
    ),
    # what went wrong
    "no_answer": (
        "The server at {url} does not answer: {reason}.",
        "El servidor en {url} no responde: {reason}.",
    ),
    "no_escriba": ("No Escriba answers at {url}.", "En {url} no responde ningún Escriba."),
    "server_ended": (
        "The server on this machine ended: {reason}",
        "El servidor de este ordenador ha terminado: {reason}",
    ),
    "no_engine": (
        "There is no engine. Set ESCRIBA_URL or GROQ_API_KEY, or install one: pip install '.[cli,local]'.",
        "No hay motor. Define ESCRIBA_URL o GROQ_API_KEY, o instala uno: pip install '.[cli,local]'.",
    ),
    "cancelled": ("Somebody cancelled it on the server.", "Alguien lo ha cancelado en el servidor."),
    "cannot_read": ("It cannot be read: {reason}.", "No se puede leer: {reason}."),
    "cannot_write": ("{path} cannot be written: {reason}.", "No se puede escribir {path}: {reason}."),
}


class Sentences:
    """The sentences in one language: `say("failed", file=…, message=…)`."""

    def __init__(self, language: Language) -> None:
        self.language = language

    def __call__(self, name: str, **details: object) -> str:
        english, spanish = _SENTENCES[name]
        return (spanish if self.language == "es" else english).format(**details)


def locale_language(environment: Mapping[str, str]) -> Language:
    """Spanish where the locale of messages is Spanish (POSIX: LC_ALL, then LC_MESSAGES, then LANG)."""
    names = ("LC_ALL", "LC_MESSAGES", "LANG")
    locale = next((environment[name] for name in names if environment.get(name)), "")
    return "es" if locale.lower().startswith("es") else "en"
