import { type Lab, NotReached, showRoute } from '../lab.ts';
import { vtysh } from '../topology/frr.ts';
import { announce, type LabNode, SERVICE_ADDRESS, withdraw } from '../topology/node.ts';
import type { Expectation, Narrator } from './narrator.ts';

const SERVICE = `${SERVICE_ADDRESS}/32`;

/**
 * Plays the MetalLB example in a lab whose routers are not started yet: sessions, announcement, a
 * client that reaches the service and one that must not, withdrawal. Every step is shown, and counted
 * by the narrator when it is not as expected. Without its routers the story ends early.
 */
export async function tellMetalLbStory(lab: Lab, narrator: Narrator): Promise<void> {
  const [node1, node2] = lab.nodes;
  const show = async (command: string, expectation: Expectation): Promise<void> =>
    narrator.command(command, await lab.machine.attempt(command), expectation);

  await startRouters(lab, narrator);
  if (narrator.unexpected > 0) return;

  narrator.title('BGP sessions of both nodes: one to the fabric, one to the host in each VRF');
  for (const node of lab.nodes) {
    await show(lab.router.sessions(node), {
      expected: 'the fabric (192.168.11.2) and the host in red and in blue',
      matches: ['192.168.11.2', node.hostAddress.red, node.hostAddress.blue].map(literal),
    });
  }

  narrator.title(`MetalLB announces ${SERVICE_ADDRESS} on node1's red session`);
  await show(announce(node1), { expected: 'FRR on the host takes it' });
  await reached(narrator, `leafA's kernel has ${SERVICE} in VRF red`, () =>
    lab.waitRoute('leafA', 'red', SERVICE, `via ${node1.vtep}`),
  );
  await show(lab.router.type5Routes(node1), {
    expected: `a Type 5 route for ${SERVICE_ADDRESS}`,
    matches: [literal(SERVICE_ADDRESS)],
  });
  await show(type5RoutesOfLeafkind(), {
    expected: `leafkind has it with VNI 100, next hop the tunnel endpoint ${node1.vtep}`,
    matches: [literal(`[${SERVICE_ADDRESS}] VNI 100`), literal(node1.vtep)],
  });
  await show(showRoute('leafA', 'red', SERVICE), {
    expected: 'leafA sends it through the tunnel to node1',
    matches: [literal(node1.vtep)],
  });

  narrator.title('Clients of the fabric');
  await showClients(lab, narrator, node1);

  narrator.title('The ways back that the host learned');
  await show(`ip -n ${node1.host} route show proto bgp`, {
    expected: "the subnets of both leaves, red and blue by the VRF's own veth",
    matches: [/192\.168\.20\.0\/24 .*host-e-100/, /192\.168\.21\.0\/24 .*host-e-200/],
  });

  narrator.title('node2 announces the same address: two ways from leafA');
  await show(announce(node2), { expected: 'FRR on the host takes it' });
  await reached(narrator, "leafA's kernel has both tunnel endpoints as next hops", () =>
    lab.waitRoute('leafA', 'red', SERVICE, `via ${node1.vtep} `, `via ${node2.vtep} `),
  );
  await show(showRoute('leafA', 'red', SERVICE), {
    expected: 'both nodes',
    matches: [literal(node1.vtep), literal(node2.vtep)],
  });

  narrator.title('Both nodes withdraw the service');
  for (const node of lab.nodes) await show(withdraw(node), { expected: 'FRR on the host takes it' });
  await reached(
    narrator,
    `the route has left the kernels of leafA, ${node1.router} and ${node2.router}`,
    async () => {
      for (const namespace of ['leafA', node1.router, node2.router]) {
        await lab.waitNoRoute(namespace, 'red', SERVICE);
      }
    },
  );
  await show(curl('hostA_red'), { expected: 'nobody answers', status: 28 });
}

async function startRouters(lab: Lab, narrator: Narrator): Promise<void> {
  for (const node of lab.nodes) {
    narrator.title(`${lab.router.title} on ${node.host}`);
    const command = lab.router.start(node);
    narrator.command(command, await lab.machine.attempt(command), { expected: 'it starts' });
  }
  for (const node of lab.nodes) {
    await reached(narrator, `${node.host}: all three sessions are established`, () =>
      lab.waitRouterReady(node),
    );
  }
}

async function showClients(lab: Lab, narrator: Narrator, node: LabNode): Promise<void> {
  narrator.command(curl('hostA_red'), await lab.machine.attempt(curl('hostA_red')), {
    expected: 'the page, from VRF red',
    matches: [new RegExp(`hello from ${node.host}`)],
  });
  narrator.command(curl('hostA_blue'), await lab.machine.attempt(curl('hostA_blue')), {
    expected: 'a time-out, from VRF blue',
    status: 28,
  });
}

/** Adds a verdict on something that is waited for. */
async function reached(narrator: Narrator, expected: string, wait: () => Promise<void>): Promise<void> {
  try {
    await wait();
    narrator.verdict(true, expected, '');
  } catch (error) {
    if (!(error instanceof NotReached)) throw error;
    narrator.verdict(false, expected, error.message);
  }
}

function curl(namespace: string): string {
  return `ip netns exec ${namespace} curl -sS --max-time 2 http://${SERVICE_ADDRESS}/`;
}

function type5RoutesOfLeafkind(): string {
  const routes = vtysh('leafkind', 'show bgp l2vpn evpn route detail type prefix');
  return `${routes} |\n  grep -A 6 -F '[${SERVICE_ADDRESS}] VNI'`;
}

/** A pattern that matches the text itself. */
function literal(text: string): RegExp {
  return new RegExp(text.replace(/[.[\]]/g, '\\$&'));
}
