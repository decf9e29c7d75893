import { allDaemons } from '../daemons/all.ts';
import type { DaemonKind, DaemonName } from '../daemons/daemon.ts';
import { Programs } from '../daemons/programs.ts';
import type { BenchOptions } from './options.ts';

/** The daemons that can be measured, and their names with versions. */
export interface DaemonsThere {
  readonly kinds: readonly DaemonKind[];
  readonly versions: Readonly<Partial<Record<DaemonName, string>>>;
}

/**
 * Those of the daemons that were asked for which are there; `peers` as PEERS has it.
 *
 * @throws TypeError when one was asked for by name and is not there
 */
export async function findDaemons(
  { daemons, daemonsNamed }: Pick<BenchOptions, 'daemons' | 'daemonsNamed'>,
  peers: string | undefined,
): Promise<DaemonsThere> {
  const all = allDaemons(Programs.named(peers));
  const kinds: DaemonKind[] = [];
  const versions: Partial<Record<DaemonName, string>> = {};
  for (const name of daemons) {
    const version = await all[name].version();
    if (version === undefined) {
      if (daemonsNamed || name === 'openpe') throw new TypeError(`${name} is not there`);
      continue;
    }
    kinds.push(all[name]);
    versions[name] = version;
  }
  return { kinds, versions };
}
