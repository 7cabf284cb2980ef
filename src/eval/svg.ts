/** Plots by two figures, as SVG: what a reader would rather look at than read. */

export interface PlotPoint {
  readonly label: string;
  readonly x: number;
  readonly y: number;
}

export interface Curve {
  readonly label: string;
  readonly points: readonly Pick<PlotPoint, "x" | "y">[];
}

/** A bar of a histogram. */
export interface Bar {
  readonly from: number;
  readonly to: number;
  readonly count: number;
  /** Which of the groups in the legend it belongs to. */
  readonly group: number;
}

/** From a figure to where it lies between the ends of an axis, and figures that are written beside it. */
interface Axis {
  readonly name: string;
  readonly shareOf: (value: number) => number;
  readonly marks: readonly { readonly value: number; readonly text: string }[];
}

type Place = (point: Pick<PlotPoint, "x" | "y">) => readonly [x: string, y: string];

const WIDTH = 760;
const HEIGHT = 420;
const MARGIN = { left: 64, right: 190, top: 44, bottom: 52 } as const;
const [RIGHT, BOTTOM] = [WIDTH - MARGIN.right, HEIGHT - MARGIN.bottom];
const COLOURS = [
  "#1f5fa8",
  "#c2571a",
  "#2b7a3d",
  "#8a3ea0",
  "#a02c3c",
  "#5b6470",
  "#0b7f8a",
  "#7a6a1c",
] as const;

/** From bad to good. */
const GRADES = ["#a02c3c", "#c2571a", "#2b7a3d"] as const;

const colourOf = (i: number): string => COLOURS[i % COLOURS.length]!;
const LEGEND = { x: RIGHT + 10, y: MARGIN.top + 12, step: 17 } as const;

/** The first axis is logarithmic. */
export function scatter(title: string, xName: string, yName: string, points: readonly PlotPoint[]): string {
  const xs = points.map(({ x }) => x);
  const ys = points.map(({ y }) => y);
  const [x0, x1] = [Math.min(...xs) * Math.exp(-0.1), Math.max(...xs) * Math.exp(0.1)];
  const ends = [...new Set([Math.min(...xs), Math.max(...xs)])];
  const axes: [Axis, Axis] = [
    logarithmic(xName, x0, x1, ends, (x) => x.toPrecision(3)),
    linear(yName, Math.min(0, ...ys), Math.max(1, ...ys), 2),
  ];
  return plot(title, axes, (at) =>
    points.map((point, i) => {
      const [x, y] = at(point);
      const colour = colourOf(i);
      const told = escaped(`${point.label}: ${point.x}, ${point.y}`);
      const dot = `<circle cx="${x}" cy="${y}" r="5" fill="${colour}"><title>${told}</title></circle>`;
      const key = `<circle cx="${RIGHT + 6}" cy="${LEGEND.y - 4 + i * LEGEND.step}" r="4" fill="${colour}"/>`;
      return dot + legend(point.label, i, 4) + key;
    }),
  );
}

/** Curves by two figures; the first axis is logarithmic, the second runs from `least` to 1. */
export function curves(
  title: string,
  xName: string,
  yName: string,
  least: number,
  all: readonly Curve[],
): string {
  const xs = all.flatMap(({ points }) => points.map(({ x }) => x));
  const [x0, x1] = [Math.min(...xs), Math.max(...xs)];
  const marks = [x0, Math.sqrt(x0 * x1), x1];
  const axes: [Axis, Axis] = [
    logarithmic(xName, x0, x1, marks, (x) => x.toFixed(0)),
    linear(yName, least, 1, 3),
  ];
  return plot(title, axes, (at) =>
    all.map(({ label, points }, i) => {
      const seen = points.filter(({ y }) => y >= least).map(at);
      const dots = seen.map(([x, y]) => `<circle cx="${x}" cy="${y}" r="3" fill="${colourOf(i)}"/>`);
      return line(seen, i) + dots.join("") + legend(label, i);
    }),
  );
}

/** Curves by two figures, both axes logarithmic: how something grows. */
export function growth(title: string, xName: string, yName: string, all: readonly Curve[]): string {
  const axisOf = (name: string, of: (point: Pick<PlotPoint, "x" | "y">) => number): Axis => {
    const logs = all.flatMap(({ points }) => points.map((point) => Math.log10(of(point))));
    const [from, to] = [Math.floor(Math.min(...logs)), Math.ceil(Math.max(...logs))];
    const powers = Array.from({ length: to - from + 1 }, (_, i) => 10 ** (from + i));
    return logarithmic(name, 10 ** from, 10 ** to, powers, (value) => `1e${Math.round(Math.log10(value))}`);
  };
  return plot(title, [axisOf(xName, ({ x }) => x), axisOf(yName, ({ y }) => y)], (at) =>
    all.map(({ label, points }, i) => line(points.map(at), i) + legend(label, i)),
  );
}

/** How many have which share: bars that stand side by side, their counts above them. The groups go from bad to good. */
export function histogram(
  title: string,
  xName: string,
  yName: string,
  bars: readonly Bar[],
  groups: readonly string[],
): string {
  const most = Math.max(1, ...bars.map(({ count }) => count));
  const top = Math.ceil(most / 4) * 4;
  const axes: [Axis, Axis] = [linear(xName, bars[0]!.from, bars.at(-1)!.to, 2), linear(yName, 0, top, 0)];
  const colour = (group: number): string => GRADES[group % GRADES.length]!;
  return plot(title, axes, (at) => [
    ...bars
      .filter(({ count }) => count > 0)
      .map(({ from, to, count, group }) => {
        const [[left, y], [right, bottom]] = [at({ x: from, y: count }), at({ x: to, y: 0 })];
        const height = Math.max(1, Number(bottom) - Number(y)).toFixed(1);
        const width = (Number(right) - Number(left) - 1).toFixed(1);
        const place = `x="${left}" y="${(Number(bottom) - Number(height)).toFixed(1)}"`;
        const middle = (Number(left) + Number(right)) / 2;
        const above = text(
          middle,
          Number(bottom) - Number(height) - 4,
          String(count),
          'text-anchor="middle" font-size="10"',
        );
        return `<rect ${place} width="${width}" height="${height}" fill="${colour(group)}"/>${above}`;
      }),
    ...groups.map((label, i) => text(LEGEND.x, LEGEND.y + i * LEGEND.step, label, `fill="${colour(i)}"`)),
  ]);
}

function linear(name: string, from: number, to: number, digits: number): Axis {
  const values = [0, 0.25, 0.5, 0.75, 1].map((share) => from + share * (to - from));
  return {
    name,
    shareOf: (value) => (value - from) / (to - from || 1),
    marks: values.map((value) => ({ value, text: value.toFixed(digits) })),
  };
}

function logarithmic(
  name: string,
  from: number,
  to: number,
  values: readonly number[],
  textOf: (value: number) => string,
): Axis {
  const span = Math.log(to / from) || 1;
  return {
    name,
    shareOf: (value) => Math.log(value / from) / span,
    marks: values.map((value) => ({ value, text: textOf(value) })),
  };
}

/** Frame, axes and grid, and what is drawn in them. */
function plot(title: string, [xAxis, yAxis]: [Axis, Axis], draw: (at: Place) => string[]): string {
  const atX = (x: number): number => MARGIN.left + xAxis.shareOf(x) * (RIGHT - MARGIN.left);
  const atY = (y: number): number => BOTTOM - yAxis.shareOf(y) * (BOTTOM - MARGIN.top);
  const grid = yAxis.marks.map(({ value, text: mark }) => {
    const y = atY(value);
    const rule = `<line x1="${MARGIN.left}" y1="${y.toFixed(1)}" x2="${RIGHT}" y2="${y.toFixed(1)}" stroke="#d8dce2"/>`;
    return rule + text(MARGIN.left - 8, y + 4, mark, 'text-anchor="end"');
  });
  const middle = 'text-anchor="middle"';
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="system-ui, sans-serif" font-size="12" fill="#20252c">`,
    `<title>${escaped(title)}</title><rect width="${WIDTH}" height="${HEIGHT}" fill="#ffffff"/>`,
    text(MARGIN.left, 24, title, 'font-size="15" font-weight="600"'),
    ...grid,
    ...xAxis.marks.map(({ value, text: mark }) => text(atX(value), BOTTOM + 18, mark, middle)),
    text((MARGIN.left + RIGHT) / 2, HEIGHT - 12, xAxis.name, middle),
    `<g transform="rotate(-90 16 ${HEIGHT / 2})">${text(16, HEIGHT / 2, yAxis.name, middle)}</g>`,
    ...draw(({ x, y }) => [atX(x).toFixed(1), atY(y).toFixed(1)]),
    "</svg>",
    "",
  ].join("\n");
}

function line(places: readonly (readonly [string, string])[], i: number): string {
  const points = places.map(([x, y]) => `${x},${y}`).join(" ");
  return `<polyline points="${points}" fill="none" stroke="${colourOf(i)}" stroke-width="2"/>`;
}

const legend = (label: string, i: number, indent = 0): string =>
  text(LEGEND.x + indent, LEGEND.y + i * LEGEND.step, label, `fill="${colourOf(i)}"`);

const text = (x: number, y: number, of: string, more = ""): string =>
  `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" ${more}>${escaped(of)}</text>`;

function escaped(of: string): string {
  return of.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
