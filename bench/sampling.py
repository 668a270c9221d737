"""How things are measured: in turns, several times, and compared within one turn.

Whatever else the machine does drifts over minutes. So cases take turns, in an order that is reversed every other
turn; a ratio is taken within a turn, and the median of these ratios is what is reported.
"""
import statistics
import sys


class Samples:
    """Of several cases, by name: one value a turn."""

    def __init__(self):
        self.values = {}

    def add(self, case, value):
        self.values.setdefault(case, []).append(value)

    def of(self, case, pick):
        return [pick(value) for value in self.values[case]]

    def median(self, case, pick):
        return statistics.median(self.of(case, pick))

    def ratio(self, case, other, pick):
        """Of `case` to `other`, turn by turn."""
        return Spread([a / b for a, b in zip(self.of(case, pick), self.of(other, pick))])

    def spread(self, case, pick):
        return Spread(self.of(case, pick))


class Spread:
    """The median of some values, between the least and the most of them."""

    def __init__(self, values):
        self.median, self.least, self.most = statistics.median(values), min(values), max(values)

    def columns(self, form="{:.1f}"):
        """Two of a table: the median; the least and the most."""
        return [form.format(self.median), f"{form.format(self.least)} to {form.format(self.most)}"]


def in_turns(cases, turns):
    """cases: {name: function without arguments}. Calls each once a turn."""
    samples = Samples()
    for turn in range(turns):
        names = list(cases) if turn % 2 == 0 else list(reversed(cases))
        for name in names:
            words = name if isinstance(name, str) else ", ".join(name)
            print(f"    turn {turn + 1} of {turns}: {words}", file=sys.stderr, flush=True)
            samples.add(name, cases[name]())
    return samples


def table(head, rows):
    """Markdown. The first column is text, the others are numbers."""
    lines = ["| " + " | ".join(head) + " |", "|---" + "|---:" * (len(head) - 1) + "|"]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines) + "\n"
