import type { LabNode } from '../topology/node.ts';
import { type LabRouter, NEVER } from './lab-router.ts';

/** Where the example's resources are written down, once in each API of OpenPERouter. */
export type ResourceApi = 'current' | 'first-api';

const REPOSITORY = '/run/repository';

/** openpe-routerd of this repository, with the resources of the example in one of the APIs. */
export function openpeRouter(api: ResourceApi): LabRouter {
  return openpeRouterWith(`${REPOSITORY}/deploy/examples/metallb/${api}`, 3);
}

/** openpe-routerd of this repository, with the resources in a directory of the guest, which make so many sessions. */
export function openpeRouterWith(configuration: string, sessions: number): LabRouter {
  // nsenter rather than `ip netns exec`: that one enters a mount namespace too, and the router's
  // namespace that the daemon makes would be seen by nobody else.
  const start = (node: LabNode): string => `mkdir -p /run/openpe
nsenter --net=/run/netns/${node.host} \\
  openpe-routerd --config ${configuration} \\
  --netns ${node.router} --node-index ${node.index} --control ${socket(node)} --cleanup \\
  >> ${logFile(node)} 2>&1 < /dev/null &
echo $! > ${pidFile(node)}`;

  return {
    title: 'openpe-routerd',
    start,
    restart: start,
    ready: (node) => `kill -0 $(cat ${pidFile(node)}) || exit ${NEVER}
sessions=$(${control(node, 'sessions -o json')})
[ "$(grep -o '"state": *"Established"' <<< "$sessions" | wc -l)" -ge ${sessions} ]`,
    stop: (node) => `kill -TERM $(cat ${pidFile(node)})
for wait in {1..400}; do kill -0 $(cat ${pidFile(node)}) 2> /dev/null || exit 0; sleep 0.05; done
echo 'still running 20 s after SIGTERM' >&2
tail -n 30 ${logFile(node)} >&2
exit 1`,
    kill: (node) => `kill -KILL $(cat ${pidFile(node)})`,
    sessions: (node) => control(node, 'sessions'),
    type5Routes: (node) => control(node, 'routes --family evpn'),
    vrfRoutes: (node) => control(node, 'routes --vrf red'),
    log: (node) => `cat ${logFile(node)}`,
  };
}

function socket(node: LabNode): string {
  return `/run/openpe/${node.host}.sock`;
}

function pidFile(node: LabNode): string {
  return `/run/openpe/${node.host}.pid`;
}

function logFile(node: LabNode): string {
  return `/run/log/${node.host}-openpe.log`;
}

function control(node: LabNode, command: string): string {
  return `openpe-routerctl ${command} --control ${socket(node)}`;
}
