import { bird } from './bird.ts';
import type { DaemonKind, DaemonName } from './daemon.ts';
import { frr } from './frr.ts';
import { gobgp } from './gobgp.ts';
import { openbgpd } from './openbgpd.ts';
import { openpe } from './openpe.ts';
import type { Programs } from './programs.ts';

/** All daemons, the Debian ones with these programs; some may have no version, for they are not there. */
export function allDaemons(programs: Programs): Readonly<Record<DaemonName, DaemonKind>> {
  return {
    openpe: openpe(),
    bird: bird(programs, 'bird'),
    bird3: bird(programs, 'bird3'),
    frr: frr(programs),
    gobgp: gobgp(programs),
    openbgpd: openbgpd(programs),
  };
}
