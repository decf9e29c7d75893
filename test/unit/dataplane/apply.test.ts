import { describe, expect, it } from 'vitest';
import { type ApplyReport, applySteps } from '../../../dataplane/apply.ts';
import { describeMissingDriver } from '../../../dataplane/kernel-support.ts';
import { AttributeReader } from '../../../dataplane/netlink/attribute-reader.ts';
import {
  IFLA_IFNAME,
  RTM_DELADDR,
  RTM_DELLINK,
  RTM_DELROUTE,
  RTM_GETLINK,
  RTM_NEWADDR,
  RTM_NEWLINK,
} from '../../../dataplane/netlink/constants.ts';
import { MessageBuilder } from '../../../dataplane/netlink/message-builder.ts';
import { RouteSocket } from '../../../dataplane/netlink/route-socket.ts';
import type { PlanStep } from '../../../dataplane/plan-step.ts';
import { type Answer, FakeSocket, type SentMessage } from './fake-socket.ts';
import { prefix } from './states.ts';

const NAMES = { router: 'perouter', host: 'node1' };

function linkPayload(name: string, index: number): Uint8Array {
  const builder = new MessageBuilder().linkHeader(0, index, 1, 0);
  return builder.attributeText(IFLA_IFNAME, name).copy();
}

function nameOf({ payload }: SentMessage): string | undefined {
  return new AttributeReader(payload, 16).text(IFLA_IFNAME);
}

/** Answers look-ups, and all else with what `refuse` says. */
function kernel(refuse: (message: SentMessage) => Answer | undefined): FakeSocket {
  return new FakeSocket((message) => {
    if (message.type !== RTM_GETLINK) return refuse(message) ?? {};
    return { replies: [{ type: RTM_NEWLINK, payload: linkPayload(nameOf(message) ?? '', 42) }] };
  });
}

async function apply(steps: readonly PlanStep[], router: FakeSocket): Promise<ApplyReport> {
  const sockets = {
    router: new RouteSocket(router.opened),
    host: new RouteSocket(kernel(() => ({})).opened),
  };
  return applySteps(steps, { names: NAMES, socket: (side) => sockets[side], leaveRouter: () => undefined });
}

const RED: PlanStep[] = [
  { action: 'create vrf', name: 'red', table: 1, group: 'vrf red' },
  { action: 'add unreachable default', vrf: 'red', table: 1, version: 4, group: 'vrf red' },
  { action: 'create bridge', name: 'br-pe-100', vrf: 'red', group: 'vrf red' },
];
const LOOPBACK: PlanStep = {
  action: 'add address',
  side: 'router',
  device: 'lo',
  prefix: prefix('100.65.0.0/32'),
  unique: true,
  group: 'loopback',
};

describe('applySteps', () => {
  it('sends nothing for no steps', async () => {
    const router = kernel(() => undefined);
    expect(await apply([], router)).toEqual({ performed: [], failures: [], skipped: [] });
    expect(router.sent).toEqual([]);
  });

  it('makes and marks a device in one send', async () => {
    const router = kernel(() => undefined);
    await apply(RED.slice(0, 1), router);
    expect(router.sends).toEqual([3]);
    expect(router.sent.map(nameOf)).toEqual(['red', 'red', 'red']);
  });

  it('ends the group of a step that fails, and goes on with the others', async () => {
    const router = kernel((message) =>
      message.type === RTM_NEWLINK && nameOf(message) === 'red'
        ? { errno: 17, text: 'Table is used by another VRF' }
        : undefined,
    );
    const report = await apply([...RED, LOOPBACK], router);
    expect(report.performed).toEqual([LOOPBACK]);
    expect(report.skipped).toEqual(RED.slice(1));
    expect(report.failures).toEqual([
      {
        step: RED[0],
        object: 'vrf red',
        operation: 'create vrf',
        reason: 'EEXIST (file already exists): Table is used by another VRF',
      },
    ]);
  });

  it('takes what somebody else has removed for removed', async () => {
    const removals: PlanStep[] = [
      { action: 'remove link', side: 'router', device: 'vni100', kind: 'vxlan', group: 'removal of vni100' },
      { action: 'remove unreachable default', vrf: 'red', table: 1, version: 4, group: 'removal of red' },
      { ...LOOPBACK, action: 'remove address' },
    ];
    const errnos = new Map([
      [RTM_DELLINK, 19],
      [RTM_DELROUTE, 3],
      [RTM_DELADDR, 99],
    ]);
    const router = kernel(({ type }) => ({ errno: errnos.get(type) ?? 0 }));
    expect(await apply(removals, router)).toEqual({ performed: removals, failures: [], skipped: [] });
    const busy = await apply(
      removals.slice(0, 1),
      kernel(() => ({ errno: 16 })),
    );
    expect(busy.failures).toHaveLength(1);
  });

  it('says what to do about a kernel without VRF', async () => {
    const router = kernel(({ type }) =>
      type === RTM_NEWLINK ? { errno: 95, text: 'Unknown device type' } : undefined,
    );
    const { failures } = await apply(RED, router);
    expect(failures.map(({ reason }) => reason)).toEqual([describeMissingDriver('vrf')]);
  });

  it('says what to do without privileges', async () => {
    const router = kernel(({ type }) => (type === RTM_NEWADDR ? { errno: 1 } : undefined));
    const { failures } = await apply([LOOPBACK], router);
    expect(failures[0]?.object).toBe('address 100.65.0.0/32 on lo');
    expect(failures[0]?.reason).toMatch(/^EPERM .*: run as root, or with the capability CAP_NET_ADMIN$/);
  });

  it('keeps the namespace when something could not be moved out of it', async () => {
    const router = kernel(() => ({ errno: 16 }));
    const last: PlanStep = { action: 'delete namespace', group: 'namespace' };
    const { skipped, failures } = await apply([LOOPBACK, last], router);
    expect(failures).toHaveLength(1);
    expect(skipped).toEqual([last]);
  });
});

describe('describeMissingDriver', () => {
  it('names the module where there is one', () => {
    const modules = 'kernel/drivers/net/veth.ko.xz:\nkernel/drivers/net/vrf.ko.xz:\n';
    expect(describeMissingDriver('vrf', modules)).toMatch(/has no vrf devices yet: load .*"modprobe vrf"$/);
  });

  it('names the option where there is none', () => {
    expect(describeMissingDriver('vrf', 'kernel/drivers/net/veth.ko:\n')).toMatch(/without CONFIG_NET_VRF/);
    expect(describeMissingDriver('vxlan', '')).toMatch(/without CONFIG_VXLAN/);
  });
});
