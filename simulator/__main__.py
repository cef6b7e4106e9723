"""The command `alongside`, and `python -m simulator`."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line. A `SimulatorError` is one sentence on standard error and exit code 2."""
    from simulator.cli import app
    from simulator.errors import SimulatorError

    try:
        app()
    except SimulatorError as error:
        print(f"alongside: {error}", file=sys.stderr)
        sys.exit(2)
    except BrokenPipeError:
        # Whoever read our output has gone (`alongside review | head`); that is no failure of ours.
        sys.stderr.close()
        sys.exit(0)


if __name__ == "__main__":
    main()
