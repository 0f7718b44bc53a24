"""How the numbers of a column are written: which marks, signs and units stand in them, and what
each of them means.

The look at a new file and the stages that read it share this grammar.
"""

import re
from dataclasses import dataclass
from functools import cached_property

MARKS = {
    ".": r"\.",
    ",": ",",
    " ": "[ \u00a0\u2007\u2009\u202f]",
    "'": "['\u2019]",
}  # decimal, or between thousands
SIGN = "[+\u2212-]?"  # with the minus of Unicode
UNIT_BEFORE = (  # what may be declared to stand before a number, and after it
    r"^[^0-9\s+().,'-]{0,10}$"
)
AFTER = r"^([^0-9\s+().,'-][^\s+().,'-]{0,9})?$"
LEADING_ZERO = r"^[+-]?0[0-9]"
EXPONENT_ALONE = r"^[+-]?[0-9]+[eE][0-9]+$"  # 1E5 may be a code; programs write 1e+05 and 1.0E5
ZERO_AT_END = r"\.[0-9]*[1-9](0+)$"  # 1.10 is the number 1.1, but not the same version


@dataclass(frozen=True)
class Notation:
    """How a number is written: `before` it a currency sign, `after` it a unit, and what makes it
    negative.

    thousands: the mark between groups of three digits, which a number may have or lack; a blank is
    any kind of space. negative: minus | parentheses, as in (1.20) | trailing, as in 1.20-.
    """

    decimal: str = "."
    thousands: str | None = None
    before: str = ""
    after: str = ""
    negative: str = "minus"

    def pattern(self, kind: str) -> str:
        """Return the regular expression of an integer or a number that is written so."""
        mark, whole = MARKS[self.decimal], "[0-9]+"
        if self.thousands:
            whole = f"(?:[1-9][0-9]{{0,2}}(?:{MARKS[self.thousands]}[0-9]{{3}})+|[0-9]+)"
        body = f"{whole}(?:{mark}0*)?"
        if kind == "number":
            body = f"(?:{whole}(?:{mark}[0-9]*)?|{mark}[0-9]+)(?:[eE][+-]?[0-9]+)?"
        first, last = self._around()
        signed = f"{SIGN}{first}{SIGN if first else ''}{body}{last}"
        if self.negative == "parentheses":
            return rf"^(?:{signed}|\({first}{body}{last}\)|{first}\({body}\){last})$"
        return f"^{signed}-?$" if self.negative == "trailing" else f"^{signed}$"

    def _around(self) -> tuple[str, str]:
        """Return the regular expressions of what stands before and after the number."""
        space = f"{MARKS[' ']}?"
        return re.escape(self.before) + space if self.before else "", (
            space + re.escape(self.after) if self.after else ""
        )

    def steps(self) -> list[tuple[str, str]]:
        """Return what is to be replaced by what, in this order, so that a number that is written
        so is one for Python and DuckDB.
        """
        first, last = self._around()
        steps = [("\u2212", "-")]
        in_brackets = (rf"^((?:{first})?)\((.*)\)((?:{last})?)$", r"-\1\2\3")
        steps += {"parentheses": [in_brackets], "trailing": [("^(.*)-$", r"-\1")]}.get(
            self.negative, []
        )
        steps += [(f"^({SIGN}){first}", r"\1")] if first else []
        steps += [(f"{last}$", "")] if last else []
        steps += [(MARKS[self.thousands], "")] if self.thousands else []
        return steps + ([(",", ".")] if self.decimal == "," else [])

    @cached_property
    def _replaced(self) -> list[tuple[re.Pattern[str], str]]:
        return [(re.compile(regex), new) for regex, new in self.steps()]

    def plain(self, text: str) -> str:
        """Return `text`, which matches the pattern, as Python writes a number."""
        for regex, new in self._replaced:
            text = regex.sub(new, text)
        return text

    def example(self) -> str:
        """Return the number 1234.5, and -1234.5 where another sign than a minus marks it, as
        they are written so.
        """
        unit = f" {self.after}" if self.after.isalpha() else self.after
        body = f"{self.before}1{self.thousands or ''}234{self.decimal}5{unit}"
        return body + {
            "parentheses": f", negative ({body})",
            "trailing": f", negative {body}-",
        }.get(self.negative, "")
