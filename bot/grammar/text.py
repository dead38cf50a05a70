"""Text as people wrote it, made safe to store and to show (F10)."""

from __future__ import annotations

import unicodedata

LONGEST_BYTES = 16 * 1024
"""The length at which a text is cut, with a mark that says so (F10)."""


_BIDI = {
    0x202A: "LRE", 0x202B: "RLE", 0x202C: "PDF", 0x202D: "LRO", 0x202E: "RLO",
    0x2066: "LRI", 0x2067: "RLI", 0x2068: "FSI", 0x2069: "PDI", 0x200E: "LRM", 0x200F: "RLM",
}  # fmt: skip


_SHOWN = {code: f"⟨{name}⟩" for code, name in _BIDI.items()}


def clean(text: str, longest: int = LONGEST_BYTES) -> str:
    """Return text that can be stored and shown: no control or direction characters (F10).

    A text longer than `longest` bytes is cut, with a mark that says so.
    """
    if text.isascii() and text.isprintable() and len(text) <= longest:
        return text.strip()
    text = text.replace("\r\n", "\n").replace("\r", "\n").translate(_SHOWN)
    kept = "".join(
        c if c in "\n\t" or unicodedata.category(c) not in {"Cc", "Cs", "Co"} else "" for c in text
    )
    raw = kept.encode("utf-8")
    if len(raw) <= longest:
        return kept.strip()
    head = raw[:longest].decode("utf-8", "ignore").rstrip()
    return f"{head} … [cut here: {len(raw)} bytes are more than {longest // 1024} KiB]"
