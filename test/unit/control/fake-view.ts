import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { type ControlServer, startControlServer } from '../../../src/control/server.ts';
import type {
  ControlActions,
  ControlView,
  PathView,
  RouteFilter,
  RouteView,
  SessionView,
  StatusView,
  VniView,
} from '../../../src/control/view.ts';

/** Wall-clock time of the fake daemon, milliseconds. */
export const NOW = 1_700_000_000_000;

export const STATUS: StatusView = {
  version: '0.1.0',
  pid: 4711,
  startedAt: NOW - 3_723_000,
  uptime: 3723,
  node: { name: 'pe-kind-worker', index: 1 },
  routerId: '10.0.0.2',
  as: 64514,
  vteps: ['100.65.0.1'],
  networkNamespace: 'perouter',
  dataplane: { state: 'ready' },
  findings: { error: 1, unsupported: 0, warning: 2 },
  draining: false,
  sessions: { established: 1, total: 2, refusedConnections: 3 },
  tables: [
    { vrf: 'default', family: 'ipv4-unicast', routes: 12, paths: 20 },
    { vrf: 'red', family: 'ipv4-unicast', routes: 5, paths: 5, installed: 4, failed: 1 },
  ],
  memory: { resident: 80 * 1024 * 1024, heapUsed: 10 * 1024 * 1024, arrayBuffers: 1024 * 1024 },
  eventLoopDelay: { mean: 0.1, p99: 1.5, max: 7.25 },
};

export const SESSIONS: readonly SessionView[] = [
  {
    name: '192.168.11.2',
    peerAddress: '192.168.11.2',
    remoteAs: 64512,
    localAs: 64514,
    vrf: 'default',
    state: 'Established',
    since: NOW - 200_000,
    families: [
      { family: 'ipv4-unicast', received: 12, sent: 4 },
      { family: 'l2vpn-evpn', received: 5, sent: 3, addPath: 'both' },
    ],
    messages: { received: 100, sent: 90 },
    holdTime: 9,
    keepaliveTime: 3,
    lost: 1,
    updateErrors: { 'attribute-discard': 2 },
    bfd: 'up',
  },
  {
    name: 'red/192.169.10.3',
    peerAddress: '192.169.10.3',
    remoteAs: 'external',
    localAs: 64514,
    vrf: 'red',
    state: 'Active',
    since: NOW - 12_000,
    lastError: {
      at: NOW - 12_000,
      reason: 'peer sent Cease/Administrative Shutdown: upgrade\u001b[31m',
      notification: { direction: 'received', code: 6, subcode: 2 },
    },
    families: [{ family: 'ipv4-unicast', received: 0, sent: 0 }],
    messages: { received: 3, sent: 3 },
    holdTime: 180,
    keepaliveTime: 60,
    lost: 0,
    updateErrors: {},
    bfd: 'off',
  },
];

const PATH: PathView = {
  best: true,
  multipath: true,
  usable: true,
  nextHop: '192.169.10.3',
  asPath: '64515',
  origin: 'igp',
  med: 0,
  communities: ['64515:1'],
  extendedCommunities: [],
  source: 'red/192.169.10.3',
  sourceKind: 'ebgp',
  imported: false,
  since: NOW - 60_000,
};

export const ROUTES: readonly RouteView[] = [
  {
    vrf: 'red',
    family: 'ipv4-unicast',
    prefix: '172.30.0.10/32',
    kernel: { state: 'installed' },
    reason: 'AS path length',
    paths: [
      PATH,
      {
        ...PATH,
        best: false,
        multipath: false,
        stale: true,
        lostBy: 'AS path length',
        nextHop: '100.65.0.0',
        asPath: '64512 64514 64515',
        source: 'evpn',
        imported: true,
        extendedCommunities: ['rt:64514:100'],
      },
    ],
  },
  {
    vrf: 'red',
    family: 'ipv4-unicast',
    prefix: '192.168.20.0/24',
    kernel: { state: 'failed', reason: 'ENETUNREACH: Nexthop has invalid gateway' },
    reason: 'only path',
    paths: [{ ...PATH, usable: false, best: false, multipath: false }],
  },
  {
    vrf: 'default',
    family: 'l2vpn-evpn',
    prefix: '[5]:[0]:[32]:[172.30.0.10]',
    rd: '10.0.0.1:2',
    kernel: { state: 'not-installed' },
    reason: 'only path',
    paths: [
      {
        ...PATH,
        vni: 100,
        pathId: 7,
        source: '192.168.11.2',
        extendedCommunities: ['rt:64514:100', 'encap:vxlan'],
      },
    ],
  },
];

export const VNIS: readonly VniView[] = [
  {
    vni: 100,
    vrf: 'red',
    table: 1100,
    bridge: 'br-pe-100',
    vxlan: 'vni100',
    vtep: '100.65.0.1',
    routerMac: 'e2:5f:1d:df:b4:69',
    rd: '10.0.0.2:2',
    importRouteTargets: ['*:100'],
    exportRouteTargets: ['64514:100'],
    remoteVteps: [{ address: '100.64.0.1', routerMac: '02:00:00:00:00:01', routes: 3 }],
    routes: { imported: 3, exported: 2 },
    host: [{ router: '192.169.10.1/24', host: '192.169.10.3/24' }],
    state: 'failed',
    problem: 'the kernel has no VRF support; load the module vrf',
  },
];

/** A daemon with the constants above, or others. */
export function fakeView(replaced: Partial<ControlView> = {}): ControlView {
  return {
    status: () => STATUS,
    sessions: () => SESSIONS,
    vrfs: () => ['default', 'red'],
    peers: () => ['192.168.11.2', 'red/192.169.10.2'],
    routes: (filter) => ROUTES.filter((route) => filter.vrf === undefined || route.vrf === filter.vrf),
    vnis: () => VNIS,
    findings: () => [
      {
        level: 'error',
        reason: 'ValidationFailed',
        resource: { kind: 'L3VNI', name: 'blue' },
        location: { file: 'openpe.yaml', line: 12, column: 8 },
        field: 'spec.vni',
        found: '0',
        allowed: 'a whole number of 1 to 16777215',
        message: '0 is too small',
      },
    ],
    ...replaced,
  };
}

/** A view that remembers the filters it was asked with. */
export function recordingView(): { view: ControlView; filters: RouteFilter[] } {
  const filters: RouteFilter[] = [];
  const view = fakeView({
    routes: (filter) => {
      filters.push(filter);
      return [];
    },
  });
  return { view, filters };
}

/** As many different routes of one size as wanted, and how many were taken so far. */
export class ManyRoutes {
  taken = 0;
  closed = false;
  readonly #count: number;

  constructor(count: number) {
    this.#count = count;
  }

  *routes(): Iterable<RouteView> {
    try {
      while (this.taken < this.#count) {
        const number = this.taken++;
        const prefix = `10.${(number >> 16) & 255}.${(number >> 8) & 255}.${number & 255}/32`;
        yield {
          vrf: 'default',
          family: 'ipv4-unicast',
          prefix,
          kernel: { state: 'not-installed' },
          paths: [PATH],
        };
      }
    } finally {
      this.closed = true;
    }
  }
}

/** Does nothing. */
export const NO_ACTIONS: ControlActions = { drain: () => undefined, clear: () => undefined };

/** A directory of the test's own, gone afterwards. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'openpe-control-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** A server of the test's own, closed afterwards. */
export async function serve(
  view: ControlView,
  log?: (message: string, error: unknown) => void,
  actions: ControlActions = NO_ACTIONS,
): Promise<ControlServer> {
  const path = join(temporaryDirectory(), 'control.sock');
  const server = await startControlServer({ path, view, actions, ...(log && { log }) });
  onTestFinished(() => server.close());
  return server;
}

/** Sends bytes to a unix socket and gives all that comes back until the connection ends. */
export function exchange(path: string, bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    let answer = '';
    socket.setEncoding('utf8');
    socket.on('data', (text) => {
      answer += text;
    });
    socket.once('error', reject);
    socket.once('close', () => resolve(answer));
    socket.write(bytes);
  });
}
