import { closeSync, readFileSync, writeFileSync } from 'node:fs';
import { describeMissingDriver } from './kernel-support.ts';
import {
  addAddressMessage,
  bridgeMessages,
  getLinkMessage,
  moveMessage,
  removeAddressMessage,
  removeLinkMessage,
  settingsMessages,
  unreachableDefaultMessage,
  vethMessages,
  vrfMessages,
  vxlanMessages,
} from './link-messages.ts';
import { parseLink } from './link-state.ts';
import type { MessageBuilder } from './netlink/message-builder.ts';
import { NetlinkError, type RequestSubject } from './netlink/netlink-error.ts';
import type { RouteSocket } from './netlink/route-socket.ts';
import {
  createNamespace,
  deleteNamespace,
  inNamespace,
  NamespaceError,
  openNamespace,
} from './network-namespace.ts';
import type { Side } from './observed.ts';
import { OWNER_ALIAS, UNDERLAY_GROUP, underlayAlias } from './ownership.ts';
import { type NamespaceNames, objectOf, type PlanAction, type PlanStep } from './plan-step.ts';

/** A step that the kernel refused. */
export interface StepFailure {
  readonly step: PlanStep;
  /** Such as `vrf red`. */
  readonly object: string;
  /** Such as `create vrf`. */
  readonly operation: string;
  /** The kernel's reason, with what to do when that is known. */
  readonly reason: string;
}

/** What came of the steps of a plan. */
export interface ApplyReport {
  readonly performed: readonly PlanStep[];
  readonly failures: readonly StepFailure[];
  /** Not tried, for a step that they depend on failed. */
  readonly skipped: readonly PlanStep[];
}

/** What the steps are carried out with. */
export interface ApplyContext {
  readonly names: NamespaceNames;
  /** The socket in one of the namespaces. */
  socket(side: Side): RouteSocket;
  /** The router's namespace is about to go: its socket must not keep it alive. */
  leaveRouter(): void;
}

/** Carries out the steps in their order. A failure ends its group, one about the namespace ends all; nothing is thrown. */
export async function applySteps(steps: readonly PlanStep[], context: ApplyContext): Promise<ApplyReport> {
  const performed: PlanStep[] = [];
  const failures: StepFailure[] = [];
  const skipped: PlanStep[] = [];
  const failedGroups = new Set<string>();
  for (const step of steps) {
    const risky = step.action === 'delete namespace' && failures.length > 0;
    if (risky || failedGroups.has('namespace') || failedGroups.has(step.group)) {
      skipped.push(step);
      continue;
    }
    try {
      await perform(step, context);
      performed.push(step);
    } catch (error) {
      if (isGone(step, error)) {
        performed.push(step);
        continue;
      }
      failures.push(describeFailure(step, error, context.names));
      failedGroups.add(step.group);
    }
  }
  return { performed, failures, skipped };
}

/** Somebody else was quicker to remove it. */
function isGone(step: PlanStep, error: unknown): boolean {
  if (error instanceof NamespaceError)
    return step.action === 'delete namespace' && error.problem === 'absent';
  if (!(error instanceof NetlinkError) || !step.action.startsWith('remove ')) return false;
  return ['ENODEV', 'ESRCH', 'EADDRNOTAVAIL'].includes(error.code);
}

function describeFailure(step: PlanStep, error: unknown, names: NamespaceNames): StepFailure {
  const kind = step.action.startsWith('create ') ? step.action.slice('create '.length) : undefined;
  let reason = error instanceof Error ? error.message : String(error);
  if (error instanceof NetlinkError) reason = describeReason(error, kind);
  return { step, object: objectOf(step, names), operation: step.action, reason };
}

function describeReason(error: NetlinkError, kind: string | undefined): string {
  if (error.code === 'EOPNOTSUPP' && kind !== undefined) return describeMissingDriver(kind);
  if (error.code === 'EPERM') return `${error.reason}: run as root, or with the capability CAP_NET_ADMIN`;
  return error.reason;
}

async function perform(step: PlanAction, context: ApplyContext): Promise<void> {
  const { names } = context;
  const subject: RequestSubject = { operation: step.action, object: objectOf(step, names) };
  const request = async (side: Side, message: Uint8Array): Promise<void> => {
    await context.socket(side).request(message, subject);
  };
  const batch = (side: Side, builder: MessageBuilder): Promise<void> =>
    sendAll(context.socket(side), builder, subject);
  const indexOf = (side: Side, device: string): Promise<number> => linkIndex(context.socket(side), device);
  switch (step.action) {
    case 'create namespace':
      createNamespace(names.router);
      return batch('router', settingsMessages('lo', { alias: OWNER_ALIAS }));
    case 'delete namespace':
      context.leaveRouter();
      return deleteNamespace(names.router);
    case 'set sysctl':
      return inNamespace(names.router, () => writeSysctl(step.key, step.value, step.optional));
    case 'move device':
      return moveDevice(step, context, request);
    case 'add address': {
      const index = await indexOf(step.side, step.device);
      return request(step.side, addAddressMessage(step.prefix, index, step.unique));
    }
    case 'remove address': {
      const index = await indexOf(step.side, step.device);
      return request(step.side, removeAddressMessage(step.prefix, index));
    }
    case 'create vrf':
      return batch('router', vrfMessages(step.name, step.table));
    case 'add unreachable default':
      return request('router', unreachableDefaultMessage('add', step.version, step.table));
    case 'remove unreachable default':
      return request('router', unreachableDefaultMessage('remove', step.version, step.table));
    case 'create bridge':
      return batch('router', bridgeMessages(step.name, await indexOf('router', step.vrf)));
    case 'create vxlan': {
      const bridge = await indexOf('router', step.bridge);
      return batch('router', vxlanMessages(step.name, step.parameters, bridge));
    }
    case 'create veth':
      return createVeth(step, await indexOf('router', step.vrf), context, batch);
    case 'change link': {
      const { master, ...change } = step.change;
      const masterIndex = master === undefined ? undefined : await indexOf(step.side, master);
      return batch(step.side, settingsMessages(step.device, { ...change, masterIndex }));
    }
    case 'remove link':
      return request(step.side, removeLinkMessage(step.device));
  }
}

async function moveDevice(
  step: PlanAction & { action: 'move device' },
  { names }: ApplyContext,
  request: (side: Side, message: Uint8Array) => Promise<void>,
): Promise<void> {
  const inwards = step.to === 'router';
  const namespaceDescriptor = openNamespace(inwards ? names.router : names.host);
  const marks = inwards
    ? { group: UNDERLAY_GROUP, alias: underlayAlias(step.addresses) }
    : { group: 0, alias: '' };
  try {
    await request(
      inwards ? 'host' : 'router',
      moveMessage(step.device, { namespaceDescriptor, ...marks, up: true }),
    );
  } finally {
    closeSync(namespaceDescriptor);
  }
}

async function createVeth(
  step: PlanAction & { action: 'create veth' },
  vrfIndex: number,
  { names }: ApplyContext,
  batch: (side: Side, builder: MessageBuilder) => Promise<void>,
): Promise<void> {
  const descriptor = openNamespace(names.host);
  const ends = { here: step.routerName, there: step.hostName };
  try {
    await batch('router', vethMessages(ends, step.mtu, descriptor, vrfIndex));
  } finally {
    closeSync(descriptor);
  }
  await batch('host', settingsMessages(step.hostName, { alias: OWNER_ALIAS, up: true }));
}

/** Sends messages that belong together; the first refusal is thrown. */
async function sendAll(socket: RouteSocket, builder: MessageBuilder, subject: RequestSubject): Promise<void> {
  const [refusal] = await socket.sendBatch(builder.copy());
  if (refusal !== undefined) throw new NetlinkError(refusal.errno, refusal.text, subject);
}

async function linkIndex(socket: RouteSocket, device: string): Promise<number> {
  const replies = await socket.request(getLinkMessage(device), { operation: 'look up', object: device });
  const link = replies.map(parseLink).find((found) => found !== undefined);
  if (link === undefined) throw new Error(`the kernel gave no answer about ${device}`);
  return link.index;
}

function writeSysctl(key: string, value: string, optional: boolean): void {
  const path = `/proc/sys/${key}`;
  try {
    if (readFileSync(path, 'latin1').trim() !== value) writeFileSync(path, value);
  } catch (error) {
    const absent = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    if (!(absent && optional)) throw error;
  }
}
