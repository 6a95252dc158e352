"""Whether an encoder is what it says: `crossemo check ENCODER`."""

from crossemo.checks.checking import check_encoder
from crossemo.checks.line import Line

__all__ = ["Line", "check_encoder"]
