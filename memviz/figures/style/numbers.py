"""How is a number written, and how is a head called? Everywhere alike: 71 %, 3.7 ×, L5.H11.

What is not 0 is never written as 0: <0.1 %, <0.1 ×, <0.01. The components' scripts write the same (``text.js``).
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

import numpy as np

NO_BREAK = "\u00a0"


def percent(share: float, *, digits: int = 0) -> str:
    """A ``share`` of one, in words: 71 %, 4 %, 0.4 %, <0.1 %; never "0 %" for something, "–" for undefined.

    ``digits`` after the point; what is too small for them gets one more.
    """
    if np.isnan(share):
        return "–"
    hundredths, step = float(share) * 100, 10.0**-digits
    if share == 0 or hundredths >= 0.95 * step:
        return f"{_rounded(hundredths, digits)}{NO_BREAK}%"
    if hundredths < 0.05 * step:
        return f"<{step / 10:.{digits + 1}f}{NO_BREAK}%"
    return f"{_rounded(hundredths, digits + 1)}{NO_BREAK}%"


def _rounded(value: float, digits: int) -> str:
    """With so many digits after the point; what lies in the middle goes up, as in the browser: an eighth is 13 %."""
    return str(Decimal(value).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP))


def times(ratio: float) -> str:
    """How many times as much (``ratio``): 3.7 ×, 12 ×, <0.1 ×; "–" for undefined."""
    if np.isnan(ratio):
        return "–"
    return f"{decimal(ratio, digits=1 if ratio < 9.95 else 0)}{NO_BREAK}×"


def decimal(value: float, *, digits: int = 1) -> str:
    """A number from 0 (``value``) that is no share: 2.8; <0.1 for what rounds to 0 and is not; "–" for undefined.

    ``digits`` after the point.
    """
    if not np.isfinite(value):
        return "–" if np.isnan(value) else "∞"
    step = 10.0**-digits
    return f"<{step:.{digits}f}" if 0 < value < 0.5 * step else _rounded(float(value), digits)


def signed(value: float) -> str:
    """A number between −1 and 1 (``value``), such as a correlation: +0.42, −0.10; "–" for undefined."""
    return "–" if np.isnan(value) else f"{value:+.2f}".replace("-", "−")


def head_name(layer: int, head: int) -> str:
    """The attention head as it is written everywhere: L5.H11."""
    return f"L{layer}.H{head}"
