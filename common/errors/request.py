"""The request itself is wrong: its body, address, method, headers or options."""

from __future__ import annotations

from typing import ClassVar

from common.errors.escriba_error import EscribaError
from common.errors.sentence import Sentence


class RequestRefused(EscribaError):
    """The request cannot be understood or is not allowed; sending it again changes nothing."""

    status = 400
    code: ClassVar[str] = "request_refused"
    sentence: ClassVar[Sentence] = Sentence("The request is not allowed.", "La petición no está permitida.")
    hint: ClassVar[Sentence | None] = None


class BodyMalformed(RequestRefused):
    code = "body_malformed"
    sentence = Sentence(
        "The request body is not what its Content-Type says: {problem}.",
        "El cuerpo de la petición no es lo que dice su Content-Type: {problem}.",
    )
    hint = Sentence(
        "Send multipart/form-data with a part named 'file', as curl -F file=@recording.mp3 does.",
        "Envía multipart/form-data con una parte llamada 'file', como hace curl -F file=@grabacion.mp3.",
    )


class RequestMalformed(RequestRefused):
    code = "request_malformed"
    sentence = Sentence(
        "The request does not follow HTTP/1.1.",
        "La petición no cumple HTTP/1.1.",
    )


class RouteUnknown(RequestRefused):
    status = 404
    code = "not_found"
    sentence = Sentence("There is nothing at this address.", "No hay nada en esta dirección.")
    hint = Sentence("GET /docs lists what there is.", "GET /docs muestra lo que hay.")


class BaseUrlWrong(RequestRefused):
    """A client of OpenAI's API adds its path to another base URL. Details: `base_url`, `address`."""

    status = 404
    code = "base_url_wrong"
    sentence = RouteUnknown.sentence
    hint = Sentence(
        "Set the client's base URL to {base_url}, so that it calls {address}.",
        "Pon {base_url} como URL base del cliente, para que llame a {address}.",
    )


class ModelUnknown(RequestRefused):
    """Details: `model`, `known` (a list in words)."""

    status = 404
    code = "model_not_found"
    sentence = Sentence("The model '{model}' does not exist.", "El modelo '{model}' no existe.")
    hint = Sentence("The models are: {known}.", "Los modelos son: {known}.")


class MethodNotAllowed(RequestRefused):
    status = 405
    code = "method_not_allowed"
    sentence = Sentence(
        "This address does not take {method}.",
        "Esta dirección no admite {method}.",
    )
    hint = Sentence("GET /docs lists what there is.", "GET /docs muestra lo que hay.")


class HeadersTooLarge(RequestRefused):
    status = 431
    code = "headers_too_large"
    sentence = Sentence(
        "The request's headers are too large.",
        "Las cabeceras de la petición son demasiado grandes.",
    )


class OptionUnknown(RequestRefused):
    """Details: `option`, `known` (a list in words)."""

    status = 422
    code = "option_unknown"
    sentence = Sentence("There is no option '{option}'.", "No existe la opción '{option}'.")
    hint = Sentence("The options are: {known}.", "Las opciones son: {known}.")


class OptionInvalid(RequestRefused):
    """Details: `option`, `expected`."""

    status = 422
    code = "option_invalid"
    sentence = Sentence(
        "The option '{option}' has a value that is not accepted.",
        "La opción '{option}' tiene un valor no admitido.",
    )
    hint = Sentence("Expected: {expected}.", "Se espera: {expected}.")


class OptionMissing(RequestRefused):
    """Details: `option`."""

    status = 422
    code = "option_missing"
    sentence = Sentence("The option '{option}' is missing.", "Falta la opción '{option}'.")


class OptionUnsupported(RequestRefused):
    """An option of OpenAI's API that only models other than Whisper have. Details: `option`."""

    status = 422
    code = "option_unsupported"
    sentence = Sentence(
        "Whisper can do nothing with the option '{option}'.",
        "Whisper no puede hacer nada con la opción '{option}'.",
    )
    hint = Sentence("Leave it out.", "Quítala.")


class LanguageUnknown(RequestRefused):
    """Details: `language`."""

    status = 422
    code = "language_unknown"
    sentence = Sentence(
        "'{language}' is not a language that Whisper knows.",
        "'{language}' no es un idioma que Whisper conozca.",
    )
    hint = Sentence(
        "Use a code such as es or en, or leave it out to have it detected.",
        "Usa un código como es o en, u omítelo para que se detecte.",
    )
