"""Keys by reference: `ssm:/path` and `secretsmanager:/path` are read through Powertools' Parameters.

https://docs.powertools.aws.dev/lambda/python/latest/utilities/parameters/
"""

from __future__ import annotations

from common.aws.clients import Clients

_SSM, _SECRETS_MANAGER = "ssm:", "secretsmanager:"


class SecretUnreadable(Exception):
    """The sentence names the reference, never a value."""


def resolve_secret(clients: Clients, setting: str) -> str:
    """The secret that a setting refers to; a setting that is no reference is the secret itself.

    Raises SecretUnreadable.
    """
    try:
        if setting.startswith(_SSM):
            return _read_parameter(clients, setting.removeprefix(_SSM))
        if setting.startswith(_SECRETS_MANAGER):
            return _read_secret(clients, setting.removeprefix(_SECRETS_MANAGER))
    except Exception as exc:
        raise SecretUnreadable(f"{setting} cannot be read") from exc
    return setting


def _read_parameter(clients: Clients, name: str) -> str:
    from aws_lambda_powertools.utilities.parameters import SSMProvider

    return str(SSMProvider(boto3_client=clients.client("ssm")).get(name, decrypt=True))


def _read_secret(clients: Clients, name: str) -> str:
    from aws_lambda_powertools.utilities.parameters import SecretsProvider

    return str(SecretsProvider(boto3_client=clients.client("secretsmanager")).get(name))
