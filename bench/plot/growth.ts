import type { DaemonName } from '../daemons/daemon.ts';
import type { Summary } from '../report/summary.ts';
import { type ChartPlan, drawChart, type Line } from './chart.ts';

/** What grows, how far, and who is measured. */
export interface Series {
  /** As in the names of scenarios: see bench/scenarios/all.ts. */
  readonly name: string;
  readonly title: string;
  readonly xTitle: string;
  readonly sizes: readonly number[];
  readonly daemons: readonly DaemonName[];
}

/** The three panels. */
export const SERIES: readonly Series[] = [
  {
    name: 'routes',
    title: 'routes, one peer to another',
    xTitle: 'IPv4 routes',
    sizes: [10_000, 30_000, 100_000, 300_000, 1_000_000, 2_000_000],
    daemons: ['openpe', 'bird', 'frr'],
  },
  {
    name: 'peers',
    title: '10,000 routes to all peers',
    xTitle: 'receiving peers',
    sizes: [1, 3, 10, 30, 100, 300, 1000],
    daemons: ['openpe', 'bird', 'frr'],
  },
  {
    name: 'vnis',
    title: '100 Type 5 routes per VNI into VRFs',
    xTitle: 'VNIs, each with a VRF and a host peer',
    sizes: [1, 3, 10, 30, 100, 300, 500],
    daemons: ['openpe'],
  },
];

/** One point of a line. */
export interface GrowthPoint {
  readonly series: string;
  readonly daemon: DaemonName;
  readonly size: number;
  readonly summary: Summary;
}

/** The clock that counts CPU time has ticks of 10 ms: less cannot be told from nothing, and is drawn as one tick. */
const CPU_TICK = 0.01;

const ROWS = [
  { title: 'time', unit: 's', value: ({ seconds }: Summary) => seconds },
  {
    title: 'CPU',
    unit: 's',
    value: ({ cpuSeconds }: Summary) =>
      cpuSeconds === undefined ? undefined : Math.max(cpuSeconds, CPU_TICK),
  },
  { title: 'memory', unit: 'B', value: ({ settledBytes }: Summary) => settledBytes },
] as const;

/** The picture of all points; `names`: what people call the daemons. */
export function growthPicture(
  points: readonly GrowthPoint[],
  names: Readonly<Partial<Record<DaemonName, string>>>,
): string {
  const daemons = (Object.keys(names) as DaemonName[]).filter((name) =>
    points.some(({ daemon }) => daemon === name),
  );
  const plan: ChartPlan = {
    title: 'What routes, peers and VNIs cost',
    description:
      'Time until all routes have arrived, CPU time, and memory at rest afterwards, over the number of routes, peers and VNIs.',
    legend: daemons.map((name) => names[name] ?? name),
    rows: ROWS,
    panels: SERIES.map((series) => ({
      title: series.title,
      xTitle: series.xTitle,
      lines: ROWS.map(({ value }) =>
        daemons.flatMap((daemon, style) => lineOf(points, series, daemon, style, value)),
      ),
    })),
  };
  return drawChart(plan);
}

function lineOf(
  points: readonly GrowthPoint[],
  { name }: Series,
  daemon: DaemonName,
  style: number,
  value: (summary: Summary) => number | undefined,
): Line[] {
  const own = points.flatMap((point) => {
    const y = value(point.summary);
    const fits = point.series === name && point.daemon === daemon && y !== undefined;
    return fits ? [[point.size, y] as const] : [];
  });
  return own.length === 0 ? [] : [{ style, points: own }];
}
