import { readFileSync } from 'node:fs';
import { release } from 'node:os';

/** Kernel configuration option of each link driver in use. */
const OPTIONS: Readonly<Record<string, string>> = {
  vrf: 'CONFIG_NET_VRF',
  bridge: 'CONFIG_BRIDGE',
  vxlan: 'CONFIG_VXLAN',
  veth: 'CONFIG_VETH',
};

/**
 * One sentence about a link driver that the kernel refused with EOPNOTSUPP, with what to do about it.
 *
 * @param modules content of the running kernel's `modules.dep`, undefined when there is none
 */
export function describeMissingDriver(kind: string, modules = readModules()): string {
  const option = OPTIONS[kind] ?? `its driver`;
  const missing = `this kernel (${release()}) has no ${kind} devices`;
  if (modules?.includes(`/${kind}.ko`)) return `${missing} yet: load the module with "modprobe ${kind}"`;
  return `${missing}: it was built without ${option}, or the package with its modules is not installed; use a kernel that has it`;
}

function readModules(): string | undefined {
  try {
    return readFileSync(`/lib/modules/${release()}/modules.dep`, 'latin1');
  } catch {
    return undefined;
  }
}
