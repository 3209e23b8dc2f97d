"""`python -m escriba`, for those who do not install the command."""

from __future__ import annotations

import sys

from escriba.main import main

if __name__ == "__main__":
    sys.exit(main())
