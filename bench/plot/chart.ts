import { decadesAround, LogScale, tickText } from './log-scale.ts';
import { type Attributes, element, label } from './svg.ts';

/** One line: numbers of a daemon over what grows. */
export interface Line {
  /** Which of the legend's styles it has. */
  readonly style: number;
  readonly points: readonly (readonly [x: number, y: number])[];
}

/** What stands in one row of all panels: one measure with one axis. */
export interface Row {
  readonly title: string;
  readonly unit: string;
}

/** A column of charts over the same growing number, one for each row. */
export interface Panel {
  readonly title: string;
  readonly xTitle: string;
  /** By row. */
  readonly lines: readonly (readonly Line[])[];
}

/** The picture. */
export interface ChartPlan {
  readonly title: string;
  readonly description: string;
  /** Names of the lines, at most four. */
  readonly legend: readonly string[];
  readonly rows: readonly Row[];
  readonly panels: readonly Panel[];
}

/** Lines differ in colour, dashes and marks, so that any one of them tells them apart. */
const STYLES = [
  { color: '#0b57a4', dash: 'none', width: 2.6, mark: circle },
  { color: '#c4501b', dash: '7 4', width: 1.8, mark: square },
  { color: '#3f7d20', dash: '2 3', width: 1.8, mark: triangle },
  { color: '#7a3b8f', dash: '9 3 2 3', width: 1.8, mark: diamond },
] as const;

const INK = '#222';
const GRID = '#ddd';
const PLOT = { width: 250, height: 150 };
const GAP = { x: 34, y: 30 };
const MARGIN = { left: 84, top: 96, right: 18, bottom: 50 };

/** Draws all panels beside each other, rows below each other. Each row has one axis for all panels. */
export function drawChart(plan: ChartPlan): string {
  const { rows, panels } = plan;
  const width = MARGIN.left + panels.length * (PLOT.width + GAP.x) - GAP.x + MARGIN.right;
  const height = MARGIN.top + rows.length * (PLOT.height + GAP.y) - GAP.y + MARGIN.bottom;
  const parts = [
    element('title', {}, plan.title),
    element('desc', {}, plan.description),
    element('rect', { width, height, fill: '#fff' }),
    label(MARGIN.left, 26, plan.title, { 'font-size': 16, 'font-weight': 'bold' }),
    ...drawLegend(plan.legend),
    ...rows.flatMap((row, index) => drawRow(plan, row, index)),
    ...panels.flatMap((panel, column) => drawPanelTitles(panel, column, rows.length)),
  ];
  const root: Attributes = {
    xmlns: 'http://www.w3.org/2000/svg',
    viewBox: `0 0 ${width} ${height}`,
    width,
    height,
    'font-family': 'Helvetica, Arial, "DejaVu Sans", sans-serif',
    'font-size': 11,
    fill: INK,
    role: 'img',
  };
  return `${element('svg', root, '\n', parts.join('\n'), '\n')}\n`;
}

function drawLegend(names: readonly string[]): string[] {
  let x = MARGIN.left;
  return names.map((name, style) => {
    const at = x;
    x += 62 + name.length * 6.6;
    const y = 48;
    const points = [
      [at, y],
      [at + 34, y],
    ] as const;
    return [polyline(points, style), markAt(at + 17, y, style), label(at + 42, y + 4, name)].join('');
  });
}

function leftOf(column: number): number {
  return MARGIN.left + column * (PLOT.width + GAP.x);
}

function drawPanelTitles({ title, xTitle }: Panel, column: number, rows: number): string[] {
  const middle = leftOf(column) + PLOT.width / 2;
  const bottom = MARGIN.top + rows * (PLOT.height + GAP.y) - GAP.y;
  return [
    label(middle, MARGIN.top - 14, title, {
      'text-anchor': 'middle',
      'font-size': 13,
      'font-weight': 'bold',
    }),
    label(middle, bottom + 36, xTitle, { 'text-anchor': 'middle' }),
  ];
}

function drawRow({ panels }: ChartPlan, { title, unit }: Row, index: number): string[] {
  const top = MARGIN.top + index * (PLOT.height + GAP.y);
  const values = panels.flatMap(({ lines }) =>
    (lines[index] ?? []).flatMap(({ points }) => points.map(([, y]) => y)),
  );
  const y = new LogScale(decadesAround(values), [top + PLOT.height, top]);
  const titleY = top + PLOT.height / 2;
  const turned = `rotate(-90 18 ${titleY})`;
  return [
    label(18, titleY, title, {
      'text-anchor': 'middle',
      transform: turned,
      'font-size': 13,
      'font-weight': 'bold',
    }),
    ...y.ticks.map((tick) =>
      label(MARGIN.left - 8, y.position(tick) + 4, tickText(tick, unit), { 'text-anchor': 'end' }),
    ),
    ...panels.flatMap((panel, column) => drawPlot(panel, index, { left: leftOf(column), top, y })),
  ];
}

function drawPlot(
  { lines }: Panel,
  index: number,
  { left, top, y }: { readonly left: number; readonly top: number; readonly y: LogScale },
): string[] {
  const domain = decadesAround(
    lines.flatMap((row) => row.flatMap(({ points }) => points.map(([value]) => value))),
  );
  const x = new LogScale(domain, [left, left + PLOT.width]);
  const bottom = top + PLOT.height;
  const rule = (x1: number, y1: number, x2: number, y2: number): string =>
    element('line', { x1, y1, x2, y2, stroke: GRID });
  return [
    ...x.ticks.map((tick) => rule(x.position(tick), top, x.position(tick), bottom)),
    ...y.ticks.map((tick) => rule(left, y.position(tick), left + PLOT.width, y.position(tick))),
    ...x.ticks.map((tick) =>
      label(x.position(tick), bottom + 15, tickText(tick, ''), { 'text-anchor': 'middle' }),
    ),
    element('rect', { x: left, y: top, ...PLOT, fill: 'none', stroke: '#888' }),
    // The first line, ours, lies on top.
    ...[...(lines[index] ?? [])].reverse().map(({ style, points }) => {
      const places = points.map(([a, b]) => [x.position(a), y.position(b)] as const);
      return [polyline(places, style), ...places.map(([px, py]) => markAt(px, py, style))].join('');
    }),
  ];
}

function styleOf(style: number): (typeof STYLES)[number] {
  const found = STYLES[style];
  if (!found) throw new RangeError(`there is no style ${style}`);
  return found;
}

function polyline(points: readonly (readonly [number, number])[], style: number): string {
  const { color, dash, width } = styleOf(style);
  const text = points.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join(' ');
  const attributes = { fill: 'none', stroke: color, 'stroke-width': width, 'stroke-dasharray': dash };
  return element('polyline', { points: text, ...attributes });
}

function markAt(x: number, y: number, style: number): string {
  const { mark, color } = styleOf(style);
  return mark(x, y, color);
}

function circle(cx: number, cy: number, fill: string): string {
  return element('circle', { cx, cy, r: 4, fill });
}

function square(x: number, y: number, color: string): string {
  const size = { width: 7, height: 7, 'stroke-width': 1.6 };
  return element('rect', { x: x - 3.5, y: y - 3.5, ...size, fill: '#fff', stroke: color });
}

function triangle(x: number, y: number, fill: string): string {
  return element('path', { d: `M${x.toFixed(1)} ${(y - 5).toFixed(1)}l5 9h-10z`, fill });
}

function diamond(x: number, y: number, color: string): string {
  const d = `M${x.toFixed(1)} ${(y - 5).toFixed(1)}l5 5l-5 5l-5 -5z`;
  return element('path', { d, fill: '#fff', stroke: color, 'stroke-width': 1.6 });
}
