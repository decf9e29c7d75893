import type { DaemonName } from '../daemons/daemon.ts';
import { bestOther, type Comparison, type Metric, OURS } from './summary.ts';
import { valueText } from './values.ts';

/** A bar for our daemon: its number may be at most `most` times that of what it is compared with. */
interface Bar {
  readonly metric: Metric;
  readonly most: number;
  /** The best of the others; one other; another number of our own; absent: `most` is the number itself. */
  readonly against?: 'best' | { readonly daemon: DaemonName } | { readonly own: Metric };
}

/** Whether our daemon is as fast and small as it is to be. */
export interface Verdict {
  /** The bar, what it comes to, and what there is instead. */
  readonly text: string;
  /** Undefined: nothing to compare with was measured. */
  readonly holds: boolean | undefined;
}

const FASTER: readonly Bar[] = [
  { metric: 'seconds', most: 0.6, against: 'best' },
  { metric: 'cpuSeconds', most: 0.7, against: 'best' },
];

/** Milliseconds that a turn of the event loop may take, in every scenario. */
const LONGEST_TURN: Bar = { metric: 'longestTurn', most: 20 };

const BARS: Readonly<Record<string, readonly Bar[]>> = {
  startup: [
    { metric: 'start', most: 250 },
    { metric: 'settledBytes', most: 70e6 },
  ],
  'transit-200k': FASTER,
  'transit-1m': [
    ...FASTER,
    { metric: 'settledBytes', most: 1, against: { daemon: 'bird' } },
    { metric: 'peakBytes', most: 1.5, against: { own: 'settledBytes' } },
  ],
  'ipv6-200k': FASTER,
  'evpn5-100k': [
    { metric: 'seconds', most: 0.4, against: 'best' },
    { metric: 'cpuSeconds', most: 0.5, against: 'best' },
  ],
  'fanout-50': [{ metric: 'seconds', most: 0.5, against: 'best' }],
  'fanin-8': FASTER,
  flap: FASTER,
  latency: [
    { metric: 'p50', most: 1.2, against: 'best' },
    { metric: 'p99', most: 1, against: 'best' },
  ],
};

const WORDS: Readonly<Record<Metric, string>> = {
  seconds: 'time',
  cpuSeconds: 'CPU',
  settledBytes: 'settled memory',
  peakBytes: 'peak memory',
  longestTurn: 'longest turn',
  p50: 'p50',
  p99: 'p99',
  start: 'median start',
  worstStart: 'worst start',
};

/** How our daemon does in a scenario by its bars; none when it was not measured. */
export function verdictsOf(scenario: string, comparison: Comparison): Verdict[] {
  const own = comparison.get(OURS);
  if (!own) return [];
  const bars = [...(BARS[scenario] ?? []), ...(own.longestTurn === undefined ? [] : [LONGEST_TURN])];
  return bars.map((bar) => verdictOf(bar, comparison));
}

function verdictOf({ metric, most, against }: Bar, comparison: Comparison): Verdict {
  const own = comparison.get(OURS);
  const value = own?.[metric];
  const word = WORDS[metric];
  if (value === undefined) return { text: `${word}: not measured`, holds: undefined };
  if (against === undefined) {
    const text = `${word} at most ${valueText(metric, most)}: ${valueText(metric, value)}`;
    return { text, holds: value <= most };
  }
  const base = baseOf(against, metric, comparison);
  if (base.value === undefined) {
    return { text: `${word} at most ${most} of ${base.name}: nothing to compare with`, holds: undefined };
  }
  const ratio = value / base.value;
  const text = `${word} at most ${most} of ${base.name} (${valueText(metric, base.value)}): ${ratio.toFixed(2)}`;
  return { text, holds: ratio <= most };
}

function baseOf(
  against: NonNullable<Bar['against']>,
  metric: Metric,
  comparison: Comparison,
): { readonly name: string; readonly value: number | undefined } {
  if (against === 'best') {
    const best = bestOther(comparison, metric);
    return { name: best ? `the best other, ${best.daemon}` : 'the best other', value: best?.value };
  }
  if ('own' in against) {
    return { name: `its ${WORDS[against.own]}`, value: comparison.get(OURS)?.[against.own] };
  }
  return { name: against.daemon, value: comparison.get(against.daemon)?.[metric] };
}
