import { familyName, IPV4_UNICAST, L2VPN_EVPN } from '../../bgp/wire/family.ts';
import { type Column, durationText, labelledLines, TextTable, type WriteText } from './text-table.ts';
import type { KernelState, PathView, RouteView } from './view.ts';

const LEGEND =
  'Paths: > best, = shares the traffic, ! cannot be used: next hop not reachable, or for another VNI\n';

/**
 * Prints a row for each path, below a heading for each table, as the routes come. `now` is wall-clock
 * milliseconds. Gives false when there was no route.
 */
export async function printRoutes(
  routes: AsyncIterable<RouteView>,
  write: WriteText,
  now: number,
): Promise<boolean> {
  let heading = '';
  let table: TextTable | undefined;
  for await (const route of routes) {
    const title = `VRF ${route.vrf}, ${route.family}`;
    if (!table || title !== heading) {
      await table?.end();
      await write(table ? `\n${title}\n` : `${LEGEND}\n${title}\n`);
      heading = title;
      table = new TextTable(columnsOf(route), write);
    }
    for (const [index, path] of route.paths.entries()) {
      await table.row(routeCells(route, path, index === 0, now));
    }
  }
  await table?.end();
  return table !== undefined;
}

/** What only routes with a route distinguisher have; they are not for the kernel. */
const rdColumns = (family: string): Column[] => [
  { title: 'RD', minimum: 15 },
  { title: family === familyName(L2VPN_EVPN) ? 'VNI' : 'LABELS', align: 'right', minimum: 4 },
];

function columnsOf(route: RouteView): Column[] {
  const ipv4 = route.family === familyName(IPV4_UNICAST);
  return [
    { title: ' ' },
    { title: 'PREFIX', minimum: ipv4 ? 18 : 26 },
    ...(route.rd === undefined ? [] : rdColumns(route.family)),
    { title: 'NEXT HOP', minimum: 15 },
    { title: 'FROM', minimum: 15 },
    { title: 'MED', align: 'right' },
    { title: 'LOCPREF', align: 'right' },
    { title: 'AGE', align: 'right' },
    ...(route.rd === undefined ? [{ title: 'KERNEL' }] : []),
    { title: 'AS PATH' },
  ];
}

function routeCells(route: RouteView, path: PathView, first: boolean, now: number): string[] {
  return [
    flagsOf(path),
    first ? route.prefix : '',
    ...(route.rd === undefined
      ? []
      : [first ? route.rd : '', path.vni?.toString() ?? labelsText(path) ?? '-']),
    path.nextHop ?? '-',
    path.pathId === undefined ? path.source : `${path.source} id ${path.pathId}`,
    path.med?.toString() ?? '-',
    path.localPref?.toString() ?? '-',
    durationText(now - path.since),
    ...(route.rd === undefined ? [first ? kernelText(route.kernel) : ''] : []),
    `${path.asPath}${path.asPath === '' ? '' : ' '}${originLetter(path)}`,
  ];
}

function labelsText({ labels }: PathView): string | undefined {
  return labels?.join('/');
}

function flagsOf(path: PathView): string {
  if (path.best) return '>';
  if (path.multipath) return '=';
  return path.usable ? '' : '!';
}

function originLetter({ origin }: PathView): string {
  return origin === 'incomplete' ? '?' : origin.charAt(0);
}

function kernelText(kernel: KernelState): string {
  switch (kernel.state) {
    case 'installed':
      return 'installed';
    case 'failed':
      return `FAILED: ${kernel.reason}`;
    case 'not-installed':
      return '-';
  }
}

/** Prints all that is known of each route, a paragraph for each path. Gives false when there was no route. */
export async function printRouteDetails(
  routes: AsyncIterable<RouteView>,
  write: WriteText,
  now: number,
): Promise<boolean> {
  let any = false;
  for await (const route of routes) {
    const head: [string, string | undefined][] = [
      ['Route', route.prefix],
      ['Table', `VRF ${route.vrf}, ${route.family}`],
      ['RD', route.rd],
      ['Kernel', route.kernel.state === 'not-installed' ? 'not installed' : kernelText(route.kernel)],
      ['Best by', route.reason],
    ];
    await write(`${any ? '\n' : ''}${labelledLines(head)}`);
    for (const path of route.paths) await write(labelledLines(pathEntries(path, now)));
    any = true;
  }
  return any;
}

function pathEntries(path: PathView, now: number): [string, string | undefined][] {
  const marks = [
    path.best && 'best',
    path.multipath && 'multipath',
    !path.usable && 'cannot be used',
    path.imported && 'imported',
    path.stale && 'stale',
    path.longLivedStale && 'long-lived stale',
  ];
  return [
    [
      '  Path',
      [
        `from ${path.source} (${path.sourceKind})`,
        ...marks.filter((mark) => mark !== false && mark !== undefined),
      ].join(', '),
    ],
    ['    Lost by', path.lostBy],
    ['    Path identifier', path.pathId?.toString()],
    ['    Next hop', path.nextHop ?? 'this router'],
    ['    AS path', path.asPath === '' ? '(empty)' : path.asPath],
    ['    Origin', path.origin],
    ['    MED', path.med?.toString()],
    ['    Local preference', path.localPref?.toString()],
    ['    Communities', path.communities.join(' ')],
    ['    Large communities', path.largeCommunities?.join(' ')],
    ['    Only to customers, by AS', path.onlyToCustomer?.toString()],
    ['    Extended communities', path.extendedCommunities.join(' ')],
    ['    VNI', path.vni?.toString()],
    ['    Labels', labelsText(path)],
    ['    Originator', path.originatorId],
    ['    Cluster list', path.clusterList?.join(' ')],
    ['    Changed', `${durationText(now - path.since)} ago`],
  ];
}
