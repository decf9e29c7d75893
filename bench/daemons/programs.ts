import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { run } from '../../test/interop/network/commands.ts';

/** Paths of the programs; BIRD 3 stands beside BIRD 2, with which its package conflicts. */
const PATHS = {
  bird: '/usr/sbin/bird',
  bird3: '/usr/lib/bird3/bird',
  frr: '/usr/lib/frr/bgpd',
  gobgp: '/usr/bin/gobgpd',
  openbgpd: '/usr/sbin/bgpd',
} as const;

/** Programs that come from Debian. */
export type DebianProgram = keyof typeof PATHS;

/** Where bench/setup/trixie-root.sh puts the programs of Debian 13. */
const TRIXIE_ROOT = 'out/trixie';

/** A shell command that changes what the program sees of the file system; `$0` is the directory of the root. */
type Preparation = string;

/**
 * The daemons of one Debian release: those that are installed, or those of a root of their own. The latter
 * run with that root's /usr and /etc over this machine's, in a mount namespace that goes away with them;
 * all other paths are the same for both.
 */
export class Programs {
  readonly #root: string | undefined;

  constructor(root?: string) {
    this.#root = root === undefined ? undefined : resolve(root);
  }

  /**
   * The programs that `PEERS` names: `trixie`, or nothing for those that are installed.
   *
   * @throws TypeError for another name, and when the root is not there
   */
  static named(name: string | undefined): Programs {
    if (name === undefined || name === '') return new Programs();
    if (name !== 'trixie') throw new TypeError(`PEERS=${name}: only trixie is known`);
    if (!existsSync(TRIXIE_ROOT))
      throw new TypeError(`no ${TRIXIE_ROOT}: bench/setup/trixie-root.sh makes it`);
    return new Programs(TRIXIE_ROOT);
  }

  has(program: DebianProgram): boolean {
    return existsSync(join(this.#root ?? '/', PATHS[program]));
  }

  /** Command line that becomes the program, without another process in between. */
  command(program: DebianProgram, args: readonly string[], ...first: readonly Preparation[]): string[] {
    // Last of all /usr: the programs that prepare are there.
    const mounts = ['mount --bind "$0/etc" /etc', 'mount --bind "$0/usr" /usr'];
    const steps = [...first, ...(this.#root === undefined ? [] : mounts)];
    const direct = [PATHS[program], ...args];
    if (steps.length === 0) return direct;
    const script = [...steps, 'exec "$@"'].join(' && ');
    return ['unshare', '--mount', 'sh', '-c', script, this.#root ?? '/', ...direct];
  }

  /** `label` and the version that the program prints with this option; undefined when it is not there. */
  async version(program: DebianProgram, option: string, label: string): Promise<string | undefined> {
    if (!this.has(program)) return undefined;
    // Some print it to standard error.
    const [first = '', ...rest] = this.command(program, [option], 'exec 2>&1');
    const text = await run(first, ...rest);
    return `${label} ${/\d+(?:\.\d+)+/.exec(text)?.[0] ?? text.trim()}`;
  }
}
