import type { Verdict } from './bars.ts';
import type { Table } from './table.ts';

/** One line of what bench/scenarios/kernel.ts gives, as far as it is shown here. */
export interface KernelLine {
  readonly contender: string;
  readonly version: number;
  readonly event: string;
  readonly seconds: { readonly median: number };
  readonly routesPerSecond: number;
  readonly ratioToRaw?: number | undefined;
  readonly ratioToFrr?: number | undefined;
  readonly processorSeconds: number;
}

/** What it gives for one kernel. */
export interface KernelResult {
  readonly kernel: string;
  readonly lines: readonly KernelLine[];
}

const OURS = 'openpe-routerd';
/** Shares of the rate of raw netlink messages and of FRR's that our rate has to reach. */
const LEAST_OF_RAW = 0.85;
const LEAST_OF_FRR = 2;

/** A kernel in user mode shows that the whole works, not how near to the kernel's limit it comes. */
function judged({ kernel }: KernelResult): boolean {
  return !kernel.startsWith('user-mode-linux');
}

/** Whether our daemon is fast enough into the kernel; nothing for a kernel in user mode. */
export function kernelVerdicts(result: KernelResult): Verdict[] {
  if (!judged(result)) return [];
  return result.lines
    .filter(({ contender }) => contender === OURS)
    .flatMap(({ version, event, ratioToRaw, ratioToFrr }) => {
      const what = `IPv${version} ${event}`;
      return [
        verdict(`${what}: rate at least ${LEAST_OF_RAW} of raw netlink`, ratioToRaw, LEAST_OF_RAW),
        verdict(`${what}: rate at least ${LEAST_OF_FRR} times FRR's`, ratioToFrr, LEAST_OF_FRR),
      ];
    });
}

function verdict(text: string, ratio: number | undefined, least: number): Verdict {
  if (ratio === undefined) return { text: `${text}: not measured`, holds: undefined };
  return { text: `${text}: ${ratio.toFixed(2)}`, holds: ratio >= least };
}

/** How routes came into a kernel. */
export function kernelTable(result: KernelResult): Table {
  const rows = result.lines.map((line) => [
    `IPv${line.version} ${line.event}, ${line.contender}`,
    `${line.seconds.median.toFixed(3)} s`,
    String(line.routesPerSecond),
    line.ratioToRaw?.toFixed(2) ?? '',
    line.ratioToFrr?.toFixed(2) ?? '',
    `${line.processorSeconds.toFixed(2)} s`,
  ]);
  const notes = kernelVerdicts(result).map(({ text, holds }) => {
    const word = holds === undefined ? '' : holds ? ' - holds' : ' - DOES NOT HOLD';
    return `bar: ${text}${word}`;
  });
  return {
    title: `kernel: EVPN Type 5 routes from a peer into the kernel's table (${result.kernel})`,
    head: ['', 'time', 'routes/s', 'of raw', "of FRR's", 'CPU'],
    rows,
    notes,
  };
}
