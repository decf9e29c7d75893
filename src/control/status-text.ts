import { durationText, labelledLines, mebibytesText, TextTable, type WriteText } from './text-table.ts';
import type { StatusView, VniView } from './view.ts';

/** Prints the daemon's state, then its tables. */
export async function printStatus(status: StatusView, write: WriteText): Promise<void> {
  await write(labelledLines(statusEntries(status)));
  const table = new TextTable(
    [
      { title: 'VRF' },
      { title: 'FAMILY' },
      { title: 'ROUTES', align: 'right' },
      { title: 'PATHS', align: 'right' },
      { title: 'INSTALLED', align: 'right' },
      { title: 'FAILED', align: 'right' },
    ],
    write,
  );
  if (status.tables.length > 0) await write('\n');
  for (const { vrf, family, routes, paths, installed, failed } of status.tables) {
    const kernel = [installed, failed].map((count) => (count === undefined ? '-' : String(count)));
    await table.row([vrf, family, String(routes), String(paths), ...kernel]);
  }
  await table.end();
}

function statusEntries(status: StatusView): [string, string | undefined][] {
  const { node, dataplane, findings, sessions, memory, eventLoopDelay: delay } = status;
  const milliseconds = (value: number): string => `${value.toFixed(1)} ms`;
  return [
    ['Version', status.version],
    ['Running for', `${durationText(status.uptime * 1000)} (pid ${status.pid})`],
    ['Node', node.name === undefined ? `index ${node.index}` : `${node.name} (index ${node.index})`],
    ['Router id', status.routerId ?? 'none: no Underlay is usable'],
    ['AS', status.as?.toString()],
    ['VTEP', status.vteps.join(', ')],
    ['Namespace', status.networkNamespace],
    ['Data plane', dataplane.problem ? `${dataplane.state}: ${dataplane.problem}` : dataplane.state],
    [
      'Configuration',
      `${findings.error} errors, ${findings.unsupported} unsupported, ${findings.warning} warnings`,
    ],
    ['Draining', status.draining ? 'yes: all routes are announced as the worst ones' : undefined],
    [
      'Sessions',
      `${sessions.established} of ${sessions.total} Established, ` +
        `${sessions.refusedConnections} connections of strangers refused`,
    ],
    [
      'Memory',
      `${mebibytesText(memory.resident)} resident, ${mebibytesText(memory.heapUsed)} heap, ` +
        `${mebibytesText(memory.arrayBuffers)} tables and buffers`,
    ],
    [
      'Event loop',
      `late by ${milliseconds(delay.mean)} on average, ${milliseconds(delay.p99)} p99, ${milliseconds(delay.max)} at most`,
    ],
  ];
}

/** Prints a paragraph for each VNI. */
export async function printVnis(vnis: AsyncIterable<VniView>, write: WriteText): Promise<boolean> {
  let any = false;
  for await (const vni of vnis) {
    await write(`${any ? '\n' : ''}${labelledLines(vniEntries(vni))}`);
    any = true;
  }
  return any;
}

function vniEntries(vni: VniView): [string, string | undefined][] {
  const remote = vni.remoteVteps.map(
    ({ address, routerMac, routes }) => `${address} (${routerMac}, ${routes} routes)`,
  );
  return [
    ['VNI', `${vni.vni} in VRF ${vni.vrf}${vni.table === undefined ? '' : `, table ${vni.table}`}`],
    ['  State', vni.problem ? `${vni.state}: ${vni.problem}` : vni.state],
    ['  Devices', `${vni.bridge}, ${vni.vxlan}`],
    ['  VTEP', vni.vtep],
    ['  Router MAC', vni.routerMac],
    ['  RD', vni.rd],
    ['  Import targets', vni.importRouteTargets.join(', ')],
    ['  Export targets', vni.exportRouteTargets.join(', ')],
    ['  Routes', `${vni.routes.imported} imported, ${vni.routes.exported} exported`],
    ['  Remote VTEPs', remote.join(', ') || 'none'],
    ['  Host session', vni.host.map(({ router, host }) => `${router} to ${host}`).join(', ')],
  ];
}
