import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Directory of Debian's FRR daemons, which are not in PATH. */
export const FRR_DAEMONS = '/usr/lib/frr';

const NAMESPACE_TOOLS = ['ip', 'nsenter', 'setpriv', 'sysctl'];
const TOOLS = [
  ...NAMESPACE_TOOLS,
  'vtysh',
  `${FRR_DAEMONS}/bgpd`,
  'gobgpd',
  'gobgp',
  'bird',
  'birdc',
  'exabgp',
];

/** Why real routers cannot be run here; undefined when they can. */
export function missingRequirement(): string | undefined {
  return missingTool(TOOLS, 'iproute2 util-linux frr gobgpd bird2 exabgp');
}

/** Why openpe-routerd cannot be run in a namespace here; undefined when it can. */
export function missingForNamespaces(): string | undefined {
  return missingTool(NAMESPACE_TOOLS, 'iproute2 util-linux procps');
}

function missingTool(tools: readonly string[], packages: string): string | undefined {
  if (process.getuid?.() !== 0) return 'network namespaces need root';
  const missing = tools.filter((tool) => !isExecutable(tool));
  if (missing.length > 0) {
    return `not installed: ${missing.join(', ')} (Debian packages ${packages})`;
  }
  const name = `interop-${process.pid}-probe`;
  const probe = spawnSync('ip', ['netns', 'add', name], { encoding: 'utf8' });
  spawnSync('ip', ['netns', 'del', name]);
  return probe.status === 0 ? undefined : `no network namespace can be made: ${probe.stderr.trim()}`;
}

function isExecutable(program: string): boolean {
  const places = program.startsWith('/')
    ? ['']
    : `${process.env.PATH ?? ''}:/usr/sbin:/sbin`.split(delimiter);
  return places.some((place) => {
    try {
      accessSync(join(place, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
