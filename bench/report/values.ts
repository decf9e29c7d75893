import type { Metric } from './summary.ts';

/** A number of a metric with its unit, for people. */
export function valueText(metric: Metric, value: number): string {
  switch (metric) {
    case 'seconds':
      return `${value.toFixed(3)} s`;
    case 'cpuSeconds':
      return `${value.toFixed(2)} s`;
    case 'settledBytes':
    case 'peakBytes':
      return `${(value / 1e6).toFixed(0)} MB`;
    case 'p50':
    case 'p99':
      return `${value.toFixed(2)} ms`;
    case 'longestTurn':
      return `${value.toFixed(1)} ms`;
    case 'start':
    case 'worstStart':
      return `${value.toFixed(0)} ms`;
  }
}
