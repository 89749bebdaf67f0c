"""Texts that are hard to read, by name."""

from __future__ import annotations

NOTHING = {
    "empty": "",
    "spaces": "   ",
    "line breaks": "\n\n\t\n",
}
ODD = {
    "one character": "a",
    "one sign": "?",
    "one token again and again": "cat " * 500,
    "Chinese": "小猫坐在垫子上，因为它累了。",
    "Arabic": "جلست القطة على الحصيرة لأنها كانت متعبة.",
    "Hindi": "बिल्ली चटाई पर बैठी क्योंकि वह थकी हुई थी।",
    "emoji with joiners": "👩‍👩‍👧‍👦 and 👍🏽 saw 🏳️‍🌈.",
    "combining marks": "e\u0301te\u0301 Z\u0351\u036b\u0343algo a\u0300\u0301\u0302\u0303\u0304",
    "byte-order mark": "\ufeffThe cat sat.\ufeff",
    "null and control characters": "a\x00b \x07 c\x1b[31m d\x7f e\x85f",
    "direction marks": "abc \u202edef\u202c \u200bghi\u2060",
    "script": "<script>alert(1)</script>",
    "image": "<img src=x onerror=alert(1)>",
    "link": "[click](javascript:alert(1)) ](javascript:alert(1))",
    "formula": "costs $$5 and $6$, $$\\frac{1}{2}$$",
    "directives": ":red[x] :material/home: :blue-background[y] :small[z] ^a^ ~~b~~",
    "markdown": "# Title\n\n- **bold** _x_ `code`\n> quote | table |",
    "braces": "{text} {0} {{}} %s %(x)s {share:,}",
    "quotes": "'''\"\"\"\\'\\\" \\n \\x41",
    "long word": "x" * 1000,
}
