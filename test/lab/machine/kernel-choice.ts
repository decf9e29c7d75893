import { spawnSync } from 'node:child_process';

/** The kernel that the lab runs on. */
export type LabKernel = 'running' | 'uml';

const LINKS_THE_LAB_NEEDS = [
  'ip link add vrf0 type vrf table 4242',
  'ip link add br0 type bridge',
  'ip link add vx0 type vxlan id 1 dstport 4789',
  'ip link add ve0 type veth peer name ve1',
  'ip link add du0 type dummy',
];

/** A kernel and why it was chosen, for people. */
export interface KernelChoice {
  readonly kernel: LabKernel;
  readonly reason: string;
}

/**
 * Chooses the kernel: the running one when it makes all kinds of links that the lab needs, in a
 * namespace of its own, and User-Mode Linux otherwise. `LAB_KERNEL=running|uml` in the environment
 * decides instead.
 */
export function chooseKernel(environment: NodeJS.ProcessEnv = process.env): KernelChoice {
  const asked = environment.LAB_KERNEL;
  if (asked === 'running' || asked === 'uml') return { kernel: asked, reason: `LAB_KERNEL=${asked}` };
  for (const command of LINKS_THE_LAB_NEEDS) {
    const attempt = spawnSync('unshare', ['--net', 'sh', '-c', command], { encoding: 'utf8' });
    if (attempt.status !== 0) {
      const refusal = (attempt.stderr || attempt.error?.message || 'refused').trim().split('\n')[0];
      return { kernel: 'uml', reason: `the running kernel refuses "${command}" (${refusal})` };
    }
  }
  return { kernel: 'running', reason: 'the running kernel has VRF, VXLAN, bridge, veth and dummy' };
}
