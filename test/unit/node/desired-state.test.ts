import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { plan } from '../../../dataplane/plan.ts';
import { loadConfiguration } from '../../../src/config/load-configuration.ts';
import { desiredState } from '../../../src/node/desired-state.ts';
import { planAsJson, planAsText, printPlan } from '../../../src/node/print-plan.ts';
import { desiredVrf, EXAMPLE, freshNode, prefix } from '../dataplane/states.ts';

const CONFIGURATIONS = ['current', 'first-api'].map((api) => `deploy/examples/metallb/${api}`);
const NAMES = { router: 'perouter', host: undefined };

/** The example has no IPv6 addresses on its veths. */
function ipv4Only(desired: typeof EXAMPLE): typeof EXAMPLE {
  const vrfs = desired.vrfs.map(({ name, l3vni }) => {
    const { veth, ...rest } = l3vni;
    const only4 = <T extends { address: { version: number } }>(all: readonly T[]): T[] =>
      all.filter(({ address }) => address.version === 4);
    return {
      name,
      l3vni: {
        ...rest,
        ...(veth && {
          veth: {
            ...veth,
            routerAddresses: only4(veth.routerAddresses),
            hostAddresses: only4(veth.hostAddresses),
          },
        }),
      },
    };
  });
  return { ...desired, vrfs };
}

describe('desiredState', () => {
  it.each(CONFIGURATIONS)('of %s is what the reference lab has on its first node', (path) => {
    expect(existsSync(path)).toBe(true);
    const { configuration } = loadConfiguration(path, { nodeIndex: 0 });
    expect(desiredState(configuration, 'perouter')).toEqual(ipv4Only(EXAMPLE));
  });

  it('differs between nodes in the tunnel endpoint and the addresses of the host', () => {
    const { configuration } = loadConfiguration(CONFIGURATIONS[0] ?? '', { nodeIndex: 1 });
    const { loopbackAddresses, vrfs } = desiredState(configuration, 'perouter');
    expect(loopbackAddresses).toEqual([prefix('100.65.0.1/32')]);
    expect(vrfs[0]?.l3vni.veth?.hostAddresses).toEqual([prefix('192.169.10.3/24')]);
    expect(vrfs[0]?.l3vni.veth?.routerAddresses).toEqual([prefix('192.169.10.1/24')]);
  });

  it('wants nothing without an Underlay', () => {
    const { configuration } = loadConfiguration(CONFIGURATIONS[0] ?? '', { nodeIndex: 0 });
    const { underlay: _, ...rest } = configuration;
    expect(desiredState(rest, 'perouter')).toEqual({
      namespace: 'perouter',
      underlayInterfaces: [],
      loopbackAddresses: [],
      vrfs: [],
    });
  });

  it('makes no veth for a VNI without a host session', () => {
    const { configuration } = loadConfiguration(CONFIGURATIONS[0] ?? '', { nodeIndex: 0 });
    const l3vnis = configuration.l3vnis.map(({ hostSession: _, ...rest }) => rest);
    const { vrfs } = desiredState({ ...configuration, l3vnis }, 'perouter');
    expect(vrfs.map(({ l3vni }) => l3vni.veth)).toEqual([undefined, undefined]);
  });
});

describe('openpe-routerd plan', () => {
  it('prints a line per step, then what is in the way', () => {
    const made = plan({ ...EXAMPLE, underlayInterfaces: ['eth9'] }, freshNode());
    const text = planAsText(made, NAMES);
    expect(text).toContain('+ vrf red (table 1) in perouter\n');
    expect(text.trimEnd().split('\n').at(-1)).toMatch(/^! device eth9: /);
    expect(planAsText({ steps: [], conflicts: [] }, NAMES)).toBe(
      'Nothing to do: the kernel is as the configuration wants it.\n',
    );
  });

  it('prints JSON with the same lines', () => {
    const made = plan({ ...EXAMPLE, vrfs: [desiredVrf('red', 100, 10)] }, freshNode());
    const parsed = JSON.parse(planAsJson(made, NAMES));
    const texts = parsed.steps.map(({ text }: { text: string }) => text);
    expect(`${texts.join('\n')}\n`).toBe(planAsText(made, NAMES));
    expect(parsed.conflicts).toEqual([]);
  });

  it('has nothing to plan without an Underlay', async () => {
    const said: string[] = [];
    const options = { configPath: '/nonexistent', netns: 'openpe-test-absent', out: () => undefined };
    expect(await printPlan({ ...options, err: (text) => said.push(text) })).toBe(2);
    expect(said.join('')).toContain('There is no usable Underlay in /nonexistent');
  });

  it('looks at this machine and changes nothing, without privileges too', async () => {
    const said: string[] = [];
    const [configPath = ''] = CONFIGURATIONS;
    const options = { configPath, nodeIndex: 0, netns: 'openpe-test-absent', err: () => undefined };
    // The example's underlay device is not on this machine.
    expect(await printPlan({ ...options, out: (text) => said.push(text) })).toBe(1);
    expect(said.join('')).toMatch(/^\+ namespace openpe-test-absent\n[\s\S]*! device toswitch1: /);
    expect(existsSync('/run/netns/openpe-test-absent')).toBe(false);
  });
});
