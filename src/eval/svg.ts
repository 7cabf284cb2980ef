/** A plot of points by two figures, as SVG: what a reader would rather look at than read. */

export interface PlotPoint {
  readonly label: string;
  readonly x: number;
  readonly y: number;
}

const WIDTH = 720;
const HEIGHT = 420;
const MARGIN = { left: 64, right: 150, top: 44, bottom: 52 } as const;
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

/** The first axis is logarithmic. */
export function scatter(title: string, xName: string, yName: string, points: readonly PlotPoint[]): string {
  const xs = points.map(({ x }) => Math.log(x));
  const ys = points.map(({ y }) => y);
  const [x0, x1] = [Math.min(...xs) - 0.1, Math.max(...xs) + 0.1];
  const [y0, y1] = [Math.min(0, ...ys), Math.max(1, ...ys)];
  const right = WIDTH - MARGIN.right;
  const bottom = HEIGHT - MARGIN.bottom;
  const atX = (x: number): number => MARGIN.left + ((Math.log(x) - x0) / (x1 - x0)) * (right - MARGIN.left);
  const atY = (y: number): number => bottom - ((y - y0) / (y1 - y0)) * (bottom - MARGIN.top);
  const text = (x: number, y: number, of: string, more = ""): string =>
    `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" ${more}>${escaped(of)}</text>`;
  const dots = points.map(({ label, x, y }, i) => {
    const colour = COLOURS[i % COLOURS.length]!;
    return `<circle cx="${atX(x).toFixed(1)}" cy="${atY(y).toFixed(1)}" r="5" fill="${colour}"><title>${escaped(`${label}: ${x}, ${y}`)}</title></circle>${text(right + 14, MARGIN.top + 12 + i * 17, label, `fill="${colour}"`)}<circle cx="${right + 6}" cy="${MARGIN.top + 8 + i * 17}" r="4" fill="${colour}"/>`;
  });
  const steps = [0, 0.25, 0.5, 0.75, 1].map((share) => y0 + share * (y1 - y0));
  const lines = steps.map(
    (y) =>
      `<line x1="${MARGIN.left}" y1="${atY(y).toFixed(1)}" x2="${right}" y2="${atY(y).toFixed(1)}" stroke="#d8dce2"/>${text(MARGIN.left - 8, atY(y) + 4, y.toFixed(2), 'text-anchor="end"')}`,
  );
  const marks = [...new Set(points.map(({ x }) => x))]
    .sort((a, b) => a - b)
    .filter((_, i, all) => i === 0 || i === all.length - 1);
  const ticks = marks.map((x) => text(atX(x), bottom + 18, x.toPrecision(3), 'text-anchor="middle"'));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="system-ui, sans-serif" font-size="12" fill="#20252c">`,
    `<title>${escaped(title)}</title><rect width="${WIDTH}" height="${HEIGHT}" fill="#ffffff"/>`,
    text(MARGIN.left, 24, title, 'font-size="15" font-weight="600"'),
    ...lines,
    ...ticks,
    text((MARGIN.left + right) / 2, HEIGHT - 12, xName, 'text-anchor="middle"'),
    `<g transform="rotate(-90 16 ${HEIGHT / 2})">${text(16, HEIGHT / 2, yName, 'text-anchor="middle"')}</g>`,
    ...dots,
    "</svg>",
    "",
  ].join("\n");
}

export interface Curve {
  readonly label: string;
  readonly points: readonly Pick<PlotPoint, "x" | "y">[];
}

/** Curves by two figures; the first axis is logarithmic, the second runs from `least` to 1. */
export function curves(
  title: string,
  xName: string,
  yName: string,
  least: number,
  all: readonly Curve[],
): string {
  const xs = all.flatMap(({ points }) => points.map(({ x }) => Math.log(x)));
  const [x0, x1] = [Math.min(...xs), Math.max(...xs)];
  const right = WIDTH - MARGIN.right;
  const bottom = HEIGHT - MARGIN.bottom;
  const atX = (x: number): number =>
    MARGIN.left + ((Math.log(x) - x0) / (x1 - x0 || 1)) * (right - MARGIN.left);
  const atY = (y: number): number => bottom - ((y - least) / (1 - least)) * (bottom - MARGIN.top);
  const label = (x: number, y: number, text: string, more = ""): string =>
    `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" ${more}>${escaped(text)}</text>`;
  const drawn = all.map((curve, i) => {
    const colour = COLOURS[i % COLOURS.length]!;
    const seen = curve.points.filter(({ y }) => y >= least);
    const places = seen.map(({ x, y }) => `${atX(x).toFixed(1)},${atY(y).toFixed(1)}`).join(" ");
    const dots = seen.map(
      ({ x, y }) => `<circle cx="${atX(x).toFixed(1)}" cy="${atY(y).toFixed(1)}" r="3" fill="${colour}"/>`,
    );
    return `<polyline points="${places}" fill="none" stroke="${colour}" stroke-width="2"/>${dots.join("")}${label(right + 10, MARGIN.top + 12 + i * 17, curve.label, `fill="${colour}"`)}`;
  });
  const steps = [0, 0.25, 0.5, 0.75, 1].map((share) => least + share * (1 - least));
  const grid = steps.map(
    (y) =>
      `<line x1="${MARGIN.left}" y1="${atY(y).toFixed(1)}" x2="${right}" y2="${atY(y).toFixed(1)}" stroke="#d8dce2"/>${label(MARGIN.left - 8, atY(y) + 4, y.toFixed(3), 'text-anchor="end"')}`,
  );
  const ticks = [0, 0.5, 1].map((share) => {
    const x = Math.exp(x0 + share * (x1 - x0));
    return label(atX(x), bottom + 18, x.toFixed(0), 'text-anchor="middle"');
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="system-ui, sans-serif" font-size="12" fill="#20252c">`,
    `<title>${escaped(title)}</title><rect width="${WIDTH}" height="${HEIGHT}" fill="#ffffff"/>`,
    label(MARGIN.left, 24, title, 'font-size="15" font-weight="600"'),
    ...grid,
    ...ticks,
    label((MARGIN.left + right) / 2, HEIGHT - 12, xName, 'text-anchor="middle"'),
    `<g transform="rotate(-90 16 ${HEIGHT / 2})">${label(16, HEIGHT / 2, yName, 'text-anchor="middle"')}</g>`,
    ...drawn,
    "</svg>",
    "",
  ].join("\n");
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

/** Curves by two figures, both axes logarithmic: how something grows. */
export function growth(title: string, xName: string, yName: string, all: readonly Curve[]): string {
  const logs = (of: (point: Pick<PlotPoint, "x" | "y">) => number): [number, number] => {
    const values = all.flatMap(({ points }) => points.map((point) => Math.log10(of(point))));
    return [Math.floor(Math.min(...values)), Math.ceil(Math.max(...values))];
  };
  const [x0, x1] = logs(({ x }) => x);
  const [y0, y1] = logs(({ y }) => y);
  const right = WIDTH - MARGIN.right;
  const bottom = HEIGHT - MARGIN.bottom;
  const atX = (log: number): number => MARGIN.left + ((log - x0) / (x1 - x0 || 1)) * (right - MARGIN.left);
  const atY = (log: number): number => bottom - ((log - y0) / (y1 - y0 || 1)) * (bottom - MARGIN.top);
  const label = (x: number, y: number, text: string, more = ""): string =>
    `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" ${more}>${escaped(text)}</text>`;
  const powers = (from: number, to: number): number[] =>
    Array.from({ length: to - from + 1 }, (_, i) => from + i);
  const grid = powers(y0, y1).map(
    (power) =>
      `<line x1="${MARGIN.left}" y1="${atY(power).toFixed(1)}" x2="${right}" y2="${atY(power).toFixed(1)}" stroke="#d8dce2"/>${label(MARGIN.left - 8, atY(power) + 4, `1e${power}`, 'text-anchor="end"')}`,
  );
  const ticks = powers(x0, x1).map((power) =>
    label(atX(power), bottom + 18, `1e${power}`, 'text-anchor="middle"'),
  );
  const drawn = all.map(({ label: name, points }, i) => {
    const colour = COLOURS[i % COLOURS.length]!;
    const places = points.map(
      ({ x, y }) => `${atX(Math.log10(x)).toFixed(1)},${atY(Math.log10(y)).toFixed(1)}`,
    );
    return `<polyline points="${places.join(" ")}" fill="none" stroke="${colour}" stroke-width="2"/>${label(right + 10, MARGIN.top + 12 + i * 17, name, `fill="${colour}"`)}`;
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="system-ui, sans-serif" font-size="12" fill="#20252c">`,
    `<title>${escaped(title)}</title><rect width="${WIDTH}" height="${HEIGHT}" fill="#ffffff"/>`,
    label(MARGIN.left, 24, title, 'font-size="15" font-weight="600"'),
    ...grid,
    ...ticks,
    label((MARGIN.left + right) / 2, HEIGHT - 12, xName, 'text-anchor="middle"'),
    `<g transform="rotate(-90 16 ${HEIGHT / 2})">${label(16, HEIGHT / 2, yName, 'text-anchor="middle"')}</g>`,
    ...drawn,
    "</svg>",
    "",
  ].join("\n");
}
