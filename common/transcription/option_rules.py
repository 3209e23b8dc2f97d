"""What options ask of the server and of the engine. A start imports it, and so nothing of the pipeline."""

from __future__ import annotations

from common.errors import SpeakersUnavailable
from common.models import Options
from common.services import Services
from common.speakers.weights import is_installed


def can_distinguish_speakers(services: Services) -> bool:
    """Whether this server, or the functions beside this one, can tell speakers apart."""
    if not services.settings.speakers or services.voices is None:
        return False
    return services.listens_elsewhere or is_installed()


def check_speakers(services: Services, options: Options) -> None:
    """Raises SpeakersUnavailable where they are wanted and this server cannot tell them apart."""
    if options.speakers and not can_distinguish_speakers(services):
        raise SpeakersUnavailable


def with_word_times(options: Options) -> Options:
    """The same options with the times of words, which the engine does not give for a translation.

    They make the seams between pieces exact, and cues of subtitles begin at words.
    """
    if options.task == "translate":
        return options
    return options.model_copy(update={"timestamps": ("segment", "word")})
