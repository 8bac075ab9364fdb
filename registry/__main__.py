"""``python -m registry`` is the command ``sclero``."""

from registry.cli import main

if __name__ == "__main__":
    main()
