"""The module that Lambda imports: its `handler` is that of the module of functions/ named by FUNCTION_MODULE.

Importing it has an effect, as importing no other module has: the handler is prepared, since Lambda lends a
sandbox that starts a whole processor, and calls only the function's share of one.
docs/decisions/start-up.md
"""

from __future__ import annotations

from contextlib import suppress
from importlib import import_module

from common.errors import EscribaError
from common.lambda_entry.handlers import LambdaHandler
from common.settings import SettingInvalid, Settings, read_settings


def prepared_handler(settings: Settings) -> LambdaHandler:
    """Raises SettingInvalid unless the settings name a module."""
    if settings.function_module is None:
        raise SettingInvalid("FUNCTION_MODULE is not set; expected: a module such as functions.health.")
    function_handler: LambdaHandler = import_module(settings.function_module).handler
    with suppress(EscribaError):  # a store that cannot be reached now may be by the first call
        function_handler.prepare()
    return function_handler


handler = prepared_handler(read_settings())
