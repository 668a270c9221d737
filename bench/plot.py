"""A line plot as SVG, by hand: a plotting library would be the largest thing that the benchmarks need."""
import math
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 640, 360
LEFT, RIGHT, TOP, BOTTOM = 70, 20, 40, 50
COLORS = ("#1f6feb", "#d1242f", "#1a7f37")


class Axis:
    """Values to places, linear or logarithmic."""

    def __init__(self, least, most, begin, end, log):
        self.log, self.begin, self.end = log, begin, end
        if log:
            least = 10 ** math.floor(math.log10(least) + 1e-9)
            most = 10 ** math.ceil(math.log10(most) - 1e-9)
            if least == most:
                most = 10 * least
        self.least, self.most = least, most

    def at(self, value):
        low, high = self._scale(self.least), self._scale(self.most)
        return self.begin + (self.end - self.begin) * (self._scale(value) - low) / (high - low)

    def ticks(self):
        if self.log:
            low, high = round(math.log10(self.least)), round(math.log10(self.most))
            return [10.0**e for e in range(low, high + 1)]
        return [self.least + (self.most - self.least) * i / 5 for i in range(6)]

    def _scale(self, value):
        return math.log10(value) if self.log else value


def plot(path, title, x_name, y_name, lines, log=False, log_x=False, y_from=None, y_to=None):
    """lines: {name: [(x, y), ...]}. `log`: both axes; `log_x`: the horizontal one, with a mark at every x."""
    points = [point for line in lines.values() for point in line]
    xs, ys = [x for x, _ in points], [y for _, y in points]
    y_least, y_most = min(ys) if y_from is None else y_from, max(ys) if y_to is None else y_to
    across = Axis(min(xs), max(xs), LEFT, WIDTH - RIGHT, log)
    if log_x:
        across = Axis(math.log2(min(xs)), math.log2(max(xs)), LEFT, WIDTH - RIGHT, False)
    up = Axis(y_least, y_most, HEIGHT - BOTTOM, TOP, log)
    x_at = (lambda x: across.at(math.log2(x))) if log_x else across.at
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" '
           f'font-size="12">', f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
           f'<text x="{WIDTH / 2}" y="22" text-anchor="middle" font-size="14">{escape(title)}</text>']
    for tick in sorted(set(xs)) if log_x else across.ticks():
        x = x_at(tick)
        out.append(f'<path d="M{x:.1f} {TOP}V{HEIGHT - BOTTOM}" stroke="#ddd"/>'
                   f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{tick:,.10g}</text>')
    for tick in up.ticks():
        y = up.at(tick)
        out.append(f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>'
                   f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{tick:,.4g}</text>')
    out.append(f'<text x="{WIDTH / 2}" y="{HEIGHT - 12}" text-anchor="middle">{escape(x_name)}</text>'
               f'<text transform="translate(16 {HEIGHT / 2}) rotate(-90)" text-anchor="middle">{escape(y_name)}</text>')
    for color, line in zip(COLORS, lines.values()):
        places = [(x_at(x), up.at(y)) for x, y in line]
        out.append(f'<polyline fill="none" stroke="{color}" stroke-width="2" points="'
                   + " ".join(f"{x:.1f},{y:.1f}" for x, y in places) + '"/>')
        out += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{color}"/>' for x, y in places]
    path.write_text("\n".join([*out, "</svg>"]) + "\n", encoding="utf-8")
