import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inNamespace } from '../../test/interop/network/commands.ts';
import type { DaemonName } from '../daemons/daemon.ts';
import type { RoundOrder } from '../round.ts';
import type { Measurement } from '../scenarios/scenario.ts';
import type { BenchNetwork } from './bench-network.ts';

const ROUND_PROGRAM = fileURLToPath(new URL('../round.js', import.meta.url));
/** Far more than any daemon needs for any scenario. */
const LONGEST_ROUND_SECONDS = 1200;
/** What is kept of what the process complains of. */
const LONGEST_COMPLAINT = 4000;

/** The process of the round that runs now, for {@link stopRound}. */
let present: ChildProcess | undefined;

/**
 * Runs one round in a process of its own.
 *
 * @throws Error with what the process said when it fails or takes too long
 */
export async function runRound(
  network: BenchNetwork,
  scenario: string,
  daemon: DaemonName,
): Promise<Measurement> {
  const directory = mkdtempSync(join(network.directory, `${scenario}-${daemon}-`));
  const place = { daemonNamespace: network.daemonNamespace, directory };
  const order: RoundOrder = { scenario, daemon, place };
  const program = inNamespace(network.loadNamespace, process.execPath, ROUND_PROGRAM, JSON.stringify(order));
  // It ends with this process, and the daemon with it.
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', ...program], { stdio: ['ignore', 'pipe', 'pipe'] });
  present = child;
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    child.kill('SIGKILL');
  }, LONGEST_ROUND_SECONDS * 1000);
  let output = '';
  let complaint = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaint = `${complaint}${text}`.slice(-LONGEST_COMPLAINT);
  });
  const status = await new Promise<string | undefined>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('close', (code, signal) => resolve(code === 0 ? undefined : (signal ?? `status ${code}`)));
  });
  clearTimeout(timer);
  present = undefined;
  if (late) throw new Error(`not done after ${LONGEST_ROUND_SECONDS} s`);
  if (status !== undefined) throw new Error(complaintOf(complaint) || status);
  return JSON.parse(output) as Measurement;
}

/** Ends the round that runs, if one does. */
export function stopRound(): void {
  present?.kill('SIGKILL');
}

/** What Node.js says of an error that nobody caught, without the source line before and the stack behind. */
function complaintOf(text: string): string {
  const lines = text.split('\n');
  const first = lines.findIndex((line) => /^(?:\w*Error|\w+ \[.*\])\b.*:/.test(line));
  return lines
    .slice(Math.max(first, 0))
    .filter((line) => !/^\s+at |^Node\.js v|^\s*$|^\s*[{}]\s*$/.test(line))
    .join('\n')
    .trim();
}
