"""Write the page of the column dictionary: ``python -m registry.exchange docs/columns.md``."""

import sys
from pathlib import Path

from registry.exchange.dictionary import column_page

if len(sys.argv) != 2:
    sys.exit(__doc__)
Path(sys.argv[1]).write_text(column_page(), encoding="utf-8", newline="\n")
