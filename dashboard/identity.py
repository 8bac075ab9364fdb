"""How the gate tells the script who is there: names that both use, and this process's secret."""

from __future__ import annotations

import secrets
from typing import Final

SECRET: Final = secrets.token_hex(32)
"""Made anew by every process and told to nobody: what carries it came through the gate."""

PREFIX: Final = "x-registry-"
SECRET_HEADER: Final = "x-registry-gate"  # noqa: S105 - the name of a header
TOKEN_HEADER: Final = "x-registry-token"  # noqa: S105 - the name of a header
ACCOUNT_HEADER: Final = "x-registry-account"
ADDRESS_HEADER: Final = "x-registry-address"
LANGUAGE_HEADER: Final = "x-registry-language"

SIGN_IN_PATH: Final = "/login"
SIGN_OUT_PATH: Final = "/sign-out"
LANGUAGE_PATH: Final = "/language"
ACCOUNT_PATH: Final = "/account"
