import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LabMachine } from './machine/lab-machine.ts';

const REPOSITORY = '/run/repository';
const EXAMPLE = `${REPOSITORY}/deploy/examples/metallb/current`;

/** What converge.mjs prints. */
interface Outcome {
  readonly steps: readonly string[];
  readonly performed: number;
  readonly conflicts: ReadonlyArray<{ readonly object: string; readonly reason: string }>;
  readonly failures: readonly unknown[];
  readonly skipped: number;
  readonly routerMac?: string;
  readonly table?: number;
}

/** The parts of `ip -d -j link` and `ip -j address` that are looked at. */
interface IpLink {
  readonly ifname: string;
  readonly mtu: number;
  readonly master?: string;
  readonly group: string;
  readonly flags: readonly string[];
  readonly ifalias?: string;
  readonly inet6_addr_gen_mode?: string;
  readonly linkinfo?: {
    readonly info_kind?: string;
    readonly info_data?: Readonly<Record<string, unknown>>;
    readonly info_slave_kind?: string;
    readonly info_slave_data?: { readonly neigh_suppress?: boolean };
  };
}
interface IpAddresses {
  readonly ifname: string;
  readonly addr_info: ReadonlyArray<{
    readonly local: string;
    readonly prefixlen: number;
    readonly scope: string;
  }>;
}

/** A device in the words of reference-node.json, which was made the same way from the reference lab. */
function describeLink(link: IpLink, addresses: IpAddresses | undefined): Record<string, unknown> {
  const {
    info_kind: kind,
    info_data: data,
    info_slave_kind: memberOf,
    info_slave_data: member,
  } = link.linkinfo ?? {};
  const described = {
    name: link.ifname,
    kind,
    mtu: link.mtu,
    master: link.master,
    group: link.group,
    up: link.flags.includes('UP'),
    addressGeneration: link.inet6_addr_gen_mode,
    table: data?.table,
    vni: data?.id,
    local: data?.local,
    port: data?.port,
    learning: data?.learning,
    lower: data?.link,
    neighbourSuppression: memberOf === 'bridge' ? member?.neigh_suppress : undefined,
    addresses: (addresses?.addr_info ?? [])
      .filter(({ scope }) => scope === 'global')
      .map(({ local, prefixlen }) => `${local}/${prefixlen}`)
      .sort(),
  };
  return Object.fromEntries(Object.entries(described).filter(([, value]) => value !== undefined));
}

describe('the kernel objects of a node', () => {
  let machine: LabMachine;

  beforeAll(async () => {
    machine = await LabMachine.boot({ repository: process.cwd(), memory: 512 });
    await machine.run(`ip netns add sw; ip netns add node1
ip -n node1 link add toswitch1 type veth peer name port1 netns sw
ip -n sw link set port1 up; ip -n node1 link set toswitch1 up
ip -n node1 addr add 192.168.11.3/24 dev toswitch1
ip -n node1 addr add 2001:db8:11::3/64 dev toswitch1 nodad`);
  });

  afterAll(async () => {
    await machine?.stop();
  });

  async function converge(verb = ''): Promise<Outcome> {
    const program = `${REPOSITORY}/test/lab/dataplane/converge.mjs`;
    return JSON.parse(await machine.run(`node ${program} ${REPOSITORY} ${EXAMPLE} perouter node1 ${verb}`));
  }

  async function links(namespace: string): Promise<ReadonlyArray<Record<string, unknown>>> {
    const all: IpLink[] = JSON.parse(await machine.run(`ip -n ${namespace} -d -j link`));
    const addresses: IpAddresses[] = JSON.parse(await machine.run(`ip -n ${namespace} -j address`));
    return all
      .map((link) =>
        describeLink(
          link,
          addresses.find(({ ifname }) => ifname === link.ifname),
        ),
      )
      .sort((a, b) => String(a.name).localeCompare(String(b.name)));
  }

  it('are those of the reference lab', async () => {
    const { failures, conflicts, steps, performed } = await converge();
    expect({ failures, conflicts }).toEqual({ failures: [], conflicts: [] });
    expect(performed).toBe(steps.length);
    const reference = JSON.parse(readFileSync('test/lab/dataplane/reference-node.json', 'utf8'));
    expect(await links('perouter')).toEqual(reference.router);
    const host = await links('node1');
    expect(host.filter(({ name }) => name !== 'lo')).toEqual(reference.host);
    const sysctls = `net.ipv4.conf.all.forwarding net.ipv6.conf.all.forwarding net.ipv4.conf.all.arp_accept
net.ipv4.conf.default.arp_accept net.ipv6.conf.default.accept_untracked_na net.ipv6.conf.all.accept_untracked_na`;
    const values = await machine.run(`ip netns exec perouter sysctl -n ${sysctls.replaceAll('\n', ' ')}`);
    expect(values.trim().split('\n')).toEqual(Array(6).fill('1'));
  });

  it('let nothing out of a VRF that has no route', async () => {
    const unreachable = await machine.attempt('ip -n perouter route get 203.0.113.1 vrf red');
    expect(unreachable.status).not.toBe(0);
    for (const version of ['-4', '-6']) {
      const table = await machine.run(`ip -n perouter ${version} route show vrf red`);
      expect(table).toMatch(/unreachable default .*metric 4278198272/);
    }
  });

  it('are left alone by a second run, without a single change in the kernel', async () => {
    const { routerMac } = await converge();
    // The kernel has something to say by itself until all addresses have passed duplicate address detection.
    await machine.run(`while ip -n perouter address | grep -q tentative || ip -n node1 address | grep -q tentative; do
  sleep 0.1
done`);
    await machine.run(`for namespace in perouter node1; do
  ip -o -n $namespace monitor link address route > /run/log/$namespace-events &
done
sleep 0.3; kill -0 $(jobs -p); disown -a`);
    expect(await converge()).toMatchObject({ steps: [], conflicts: [], routerMac });
    // What comes after it shows that the monitors were listening.
    const events = await machine.run(`for namespace in perouter node1; do
  ip -n $namespace link add probe type dummy
  ip -n $namespace link del probe
done
sleep 0.3; cat /run/log/*-events`);
    const lines = events.trim().split('\n');
    expect(lines.filter((line) => !line.includes(' probe'))).toEqual([]);
    expect(lines.filter((line) => line.includes(' probe')).length).toBeGreaterThanOrEqual(4);
  });

  it('are repaired where somebody changed them, and nothing else is touched', async () => {
    const { routerMac } = await converge();
    await machine.run(`ip -n perouter link set br-pe-100 down
ip -n perouter link del vni200
ip -n perouter link set pe-e-200 nomaster
ip -n perouter addr del 192.168.11.3/24 dev toswitch1
ip -n perouter route del unreachable default table 1 metric 4278198272
ip -n node1 link set host-e-100 mtu 1400`);
    const repair = await converge();
    expect(repair.failures).toEqual([]);
    expect([...repair.steps].sort()).toEqual([
      '+ address 192.168.11.3/24 on toswitch1 in perouter',
      '+ unreachable IPv4 default of vrf red (table 1) in perouter',
      '+ vxlan vni200 (VNI 200 from 100.65.0.0, UDP port 4789, port of br-pe-200) in perouter',
      '~ device br-pe-100 in perouter: up',
      '~ device host-e-100 in node1: MTU 1450',
      '~ device pe-e-200 in perouter: master blue',
    ]);
    expect(await converge()).toMatchObject({ steps: [], routerMac, table: 1 });
  });

  it('are not mixed up with those of others', async () => {
    await machine.run(`ip -n perouter link set vni100 alias somebody; ip -n perouter link set vni100 down
ip -n perouter link add tenant type vrf table 77`);
    const { steps, conflicts } = await converge();
    expect(steps).toEqual([]);
    expect(conflicts).toEqual([{ object: 'vxlan vni100', reason: expect.stringContaining('being down') }]);
    await machine.run(`ip -n perouter link set vni100 up; ip -n perouter link del tenant`);
    expect((await converge()).steps).toEqual(['~ device vni100 in perouter: alias "openpe-routerd"']);
  });

  it('go away with cleanup, and the underlay device comes back with its addresses', async () => {
    expect((await converge('cleanup')).failures).toEqual([]);
    expect(await machine.run('ip netns list')).not.toContain('perouter');
    expect(await links('node1')).toEqual([
      expect.objectContaining({ name: 'lo' }),
      {
        name: 'toswitch1',
        kind: 'veth',
        mtu: 1500,
        group: 'default',
        up: true,
        addressGeneration: 'eui64',
        addresses: ['192.168.11.3/24', '2001:db8:11::3/64'],
      },
    ]);
    expect((await converge('cleanup')).steps).toEqual([]);
  });

  it('are completed and undone by a new process, whichever step the one before died after', async () => {
    const program = `${REPOSITORY}/test/lab/dataplane/interrupted.mjs`;
    const output = await machine.run(`node ${program} ${REPOSITORY} ${EXAMPLE} perouter node1`, {
      timeout: 120,
    });
    const outcomes: ReadonlyArray<{ last: string }> = JSON.parse(output);
    expect(outcomes.length).toBeGreaterThan(20);
    expect(outcomes.map(({ last }) => last)).toContain('> device toswitch1 to perouter');
    expect(outcomes).toEqual(
      outcomes.map(({ last }) => ({
        last,
        problems: [],
        again: 0,
        namespaceLeft: false,
        addresses: ['192.168.11.3/24', '2001:db8:11::3/64'],
      })),
    );
  });
});
