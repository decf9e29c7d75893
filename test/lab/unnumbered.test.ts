import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Lab } from './lab.ts';
import { openpeRouterWith } from './router/openpe-router.ts';
import { vtysh } from './topology/frr.ts';

const RESOURCES = '/run/resources/unnumbered';
const UPLINKS = ['up1', 'up2'] as const;
/** Of leafkind, on both links. */
const SWITCH = 'fe80::1';
const LEAF_A = '100.64.0.1';
const VTEP = '100.65.0.0';

const resources = `apiVersion: network.openperouter.io/v1alpha1
kind: Underlay
metadata: {name: underlay}
spec:
  asn: 64514
  tunnelEndpoint: {cidrs: ["100.65.0.0/24"]}
  interfaces:
${UPLINKS.map((name) => `  - {type: NetworkDevice, networkDevice: {interfaceName: ${name}}}`).join('\n')}
  neighbors:
${UPLINKS.map((name) => `  - {type: External, interface: ${name}, bfd: {}}`).join('\n')}
---
apiVersion: network.openperouter.io/v1alpha1
kind: L3VNI
metadata: {name: red}
spec:
  vrf: red
  vni: 100
  hostSession: {asn: 64514, hostASN: 64515, localCIDR: {ipv4: 192.169.10.0/24}}`;

/** Bash that plugs node1 into leafkind twice; leafkind has the same address on both links. */
function plugIn(host: string): string {
  const links = UPLINKS.map(
    (name, index) => `ip link add ${name} netns ${host} type veth peer name down${index + 1} netns leafkind
ip -n ${host} link set ${name} up
ip -n leafkind link set down${index + 1} addrgenmode none
ip -n leafkind link set down${index + 1} up
ip -n leafkind address add ${SWITCH}/64 dev down${index + 1} nodad`,
  );
  const sessions = ['down1', 'down2'].flatMap((name) => [
    `neighbor ${name} interface remote-as external`,
    `neighbor ${name} advertisement-interval 0`,
    `neighbor ${name} timers connect 1`,
    `neighbor ${name} bfd`,
  ]);
  const families = ['ipv4 unicast', 'l2vpn evpn'].flatMap((family) => [
    `address-family ${family}`,
    'neighbor down1 activate',
    'neighbor down2 activate',
    'exit-address-family',
  ]);
  return `set -e
${links.join('\n')}
ip netns exec leafkind /usr/lib/frr/bfdd -d -N leafkind --log file:/run/log/leafkind-bfdd.log
${vtysh('leafkind', 'configure terminal', 'router bgp 64512', ...sessions, ...families)}`;
}

/** Extended regular expression for a next hop of `ip route`. */
const hopVia = (name: string): string => `via inet6 ${SWITCH} dev ${name}`;

describe('neighbors by interface (unnumbered), two of them with the same link-local address', () => {
  let lab: Lab;
  const router = openpeRouterWith(RESOURCES, 3);

  beforeAll(async () => {
    lab = await Lab.start({ repository: process.cwd(), router });
    await lab.machine.run(`mkdir -p ${RESOURCES}
cat > ${RESOURCES}/openpe.yaml <<'END'
${resources}
END
${plugIn(lab.nodes[0].host)}`);
    await lab.startRouter(lab.nodes[0]);
  });

  afterAll(async () => {
    await lab?.stop();
  });

  /** Asks a port that nobody listens on: only the machine with the address refuses. */
  const answer = async (namespace: string, address: string): Promise<string> => {
    const ask = `ip netns exec ${namespace} timeout 2 bash -c 'echo > /dev/tcp/${address}/9'`;
    return (await lab.machine.attempt(ask)).stderr;
  };
  const webPage = () => lab.fetch('hostA_red', `http://${lab.nodes[0].hostAddress.red}/`);

  it('give IPv4 routes over both links', async () => {
    await lab.waitRoute('pe1', 'main', LEAF_A, hopVia('up1'), hopVia('up2'));
    await lab.waitRoute('leafkind', 'main', VTEP, 'dev down1', 'dev down2');
    const sessions = await lab.machine.run(router.sessions(lab.nodes[0]));
    expect(sessions).toMatch(/^up1 \(fe80::1\) .* 64512 +Established/m);
    expect(sessions).toMatch(/^up2 \(fe80::1\) .* 64512 +Established/m);
  });

  it('are watched by BFD on both links, from the namespace of the router', async () => {
    await lab.waitUntil(
      'BFD up',
      `[ "$(${router.sessions(lab.nodes[0])} | grep -cE '^up. .* up +ipv4')" = 2 ]`,
    );
    const peers = await lab.machine.run(vtysh('leafkind', 'show bfd peers json'));
    expect(peers.match(/"status": ?"up"/g)).toHaveLength(2);
  });

  it('leave the kernel without routes of its own from what the switch advertises', async () => {
    expect(await lab.machine.run('ip -n pe1 -6 route show default')).toBe('');
    expect(await lab.machine.run('ip netns exec pe1 sysctl -n net.ipv6.conf.up1.accept_ra')).toBe('0\n');
  });

  it('carry packets between tunnel endpoints, and in the tunnels', async () => {
    expect(await answer('pe1', LEAF_A)).toContain('Connection refused');
    await lab.waitRoute('pe1', 'red', '192.168.20.0/24', 'dev br-pe-100');
    await lab.waitRoute('leafA', 'red', '192.169.10.2', `via ${VTEP}`);
    expect(await webPage()).toMatchObject({ status: 0, body: 'hello from node1\n' });
  });

  it('go on over one link when the other one is lost, and over both when it is back', async () => {
    await lab.machine.run('ip -n leafkind link set down1 down');
    await lab.waitUntil(
      'the route over up2 alone',
      `route=$(ip -n pe1 route show table main exact ${LEAF_A}); echo "$route"
grep -q '${hopVia('up2')}' <<< "$route" && ! grep -q up1 <<< "$route"`,
      5,
    );
    expect(await webPage()).toMatchObject({ status: 0, body: 'hello from node1\n' });
    const sessions = await lab.machine.run(router.sessions(lab.nodes[0]));
    expect(sessions).toMatch(/^up1 .* Idle .* up1 has no carrier/m);
    await lab.machine.run(`ip -n leafkind link set down1 up
ip -n leafkind address replace ${SWITCH}/64 dev down1 nodad`);
    await lab.waitRoute('pe1', 'main', LEAF_A, hopVia('up1'), hopVia('up2'));
    expect(await webPage()).toMatchObject({ status: 0, body: 'hello from node1\n' });
  });
});
