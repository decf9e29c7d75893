import { addressSize } from '../../net/address.ts';
import { formatPrefix, type IpPrefix, networkOf } from '../../net/prefix.ts';
import { type Candidate, type Candidates, placeOf } from './candidates.ts';
import { reportDependency } from './l3vni-model.ts';
import type { HostSessionSpec } from './vni-schemas.ts';

type AnyCandidate = Candidate<unknown>;

/**
 * Checks what no resource can be checked for alone: one Underlay, VNIs, VRFs and networks used once,
 * references to other resources. Of two that exclude each other the one read first stays.
 */
export function checkTogether(candidates: Candidates): void {
  checkSingle(candidates.Underlay, 'Underlay', 'one Underlay for each node');
  checkSingle(candidates.L3Passthrough, 'L3Passthrough', 'one L3Passthrough for each node');
  checkVnis(candidates);
  checkVrfs(candidates);
  checkNetworks(candidates);
  for (const l2vni of candidates.L2VNI) checkRoutingDomain(l2vni, candidates);
}

function checkSingle(all: readonly AnyCandidate[], kind: string, allowed: string): void {
  const [first, ...others] = all;
  for (const { reporter, tree } of others) {
    const message = `this node has an ${kind} already: ${describe(first)}`;
    reporter.violation(tree, { message, allowed });
  }
}

function describe(candidate: AnyCandidate | undefined): string {
  if (!candidate) return '';
  const { kind, name } = candidate.reference;
  return `${kind} ${name} (${placeOf(candidate.reference)})`;
}

function inOrder<S>(...lists: ReadonlyArray<ReadonlyArray<Candidate<S>>>): Array<Candidate<S>> {
  return lists
    .flat()
    .filter(({ reporter }) => !reporter.failed)
    .sort((a, b) => a.order - b.order);
}

function checkVnis(candidates: Candidates): void {
  const users = new Map<number, AnyCandidate>();
  for (const candidate of inOrder<{ readonly vni: number }>(candidates.L3VNI, candidates.L2VNI)) {
    const { vni } = candidate.spec;
    const user = users.get(vni);
    if (!user) users.set(vni, candidate);
    else {
      const message = `VNI ${vni} is in use already, by ${describe(user)}`;
      candidate.reporter.violation(candidate.tree, { field: 'vni', message, allowed: 'a VNI of its own' });
    }
  }
}

function checkVrfs(candidates: Candidates): void {
  const users = new Map<string, AnyCandidate>();
  for (const candidate of inOrder<{ readonly vrf: string }>(candidates.L3VNI, candidates.L3VPN)) {
    const { vrf } = candidate.spec;
    const user = users.get(vrf);
    if (!user) users.set(vrf, candidate);
    else {
      const message = `VRF ${vrf} is in use already, by ${describe(user)}`;
      candidate.reporter.violation(candidate.tree, { field: 'vrf', message, allowed: 'a VRF of its own' });
    }
  }
}

/** Host sessions end in one namespace of the host, so their networks differ across VRFs as well. */
function checkNetworks(candidates: Candidates): void {
  const networks = new NetworkIndex();
  const sessions = inOrder<{ readonly hostSession?: HostSessionSpec | undefined }>(
    candidates.L3VNI,
    candidates.L3VPN,
    candidates.L3Passthrough,
  );
  for (const candidate of sessions) {
    for (const family of ['ipv4', 'ipv6'] as const) {
      const network = candidate.spec.hostSession?.localCIDR[family];
      const other = network && networks.overlapping(network);
      if (!network) continue;
      if (!other) networks.add(network, candidate);
      else {
        candidate.reporter.violation(candidate.tree, {
          field: `hostSession.localCIDR.${family}`,
          message: `${formatPrefix(networkOf(network))} overlaps with ${formatPrefix(other.network)} of ${describe(other.owner)}`,
          allowed: 'a network that no other host session of this node uses',
        });
      }
    }
  }
}

interface OwnedNetwork {
  readonly network: IpPrefix;
  readonly owner: AnyCandidate;
}

/** Networks by themselves and by all networks that contain them, so that a look-up takes as many steps as bits. */
class NetworkIndex {
  readonly #networks = new Map<string, OwnedNetwork>();
  readonly #containers = new Map<string, OwnedNetwork>();

  add(prefix: IpPrefix, owner: AnyCandidate): void {
    const entry = { network: networkOf(prefix), owner };
    this.#networks.set(formatPrefix(entry.network), entry);
    for (let length = prefix.length; length >= 0; length--) {
      const key = formatPrefix(networkOf({ address: prefix.address, length }));
      if (!this.#containers.has(key)) this.#containers.set(key, entry);
    }
  }

  overlapping(prefix: IpPrefix): OwnedNetwork | undefined {
    const inside = this.#containers.get(formatPrefix(networkOf(prefix)));
    if (inside) return inside;
    for (
      let length = Math.min(prefix.length, addressSize(prefix.address.version) * 8);
      length >= 0;
      length--
    ) {
      const around = this.#networks.get(formatPrefix(networkOf({ address: prefix.address, length })));
      if (around) return around;
    }
    return undefined;
  }
}

/** An L2VNI of the first API names a VRF, which need not exist; the current one names a resource. */
function checkRoutingDomain(l2vni: Candidates['L2VNI'][number], candidates: Candidates): void {
  const { routingDomain, gatewayIPs = [] } = l2vni.spec;
  if (!routingDomain || l2vni.reporter.failed) return;
  const { type } = routingDomain;
  const name = (routingDomain.l3vni ?? routingDomain.l3vpn)?.name ?? '';
  const field = type === 'L3VNI' ? 'routingDomain.l3vni.name' : 'routingDomain.l3vpn.name';
  const providers: ReadonlyArray<
    Candidate<{ readonly vrf: string; readonly hostSession?: HostSessionSpec | undefined }>
  > = candidates[type];
  const provider = providers.find(({ reference, namespace, spec }) =>
    l2vni.form === 'first' ? spec.vrf === name : reference.name === name && namespace === l2vni.namespace,
  );
  if (!provider || provider.reporter.failed) {
    if (l2vni.form === 'first') return;
    const message = `there is no usable ${type} ${name} for this node${l2vni.namespace ? ` in namespace ${l2vni.namespace}` : ''}`;
    reportDependency(l2vni.tree, l2vni.reporter, { field, message, allowed: `the name of an ${type}` });
    return;
  }
  const networks = new NetworkIndex();
  const { ipv4, ipv6 } = provider.spec.hostSession?.localCIDR ?? {};
  for (const network of [ipv4, ipv6]) if (network) networks.add(network, provider);
  gatewayIPs.forEach((gateway, index) => {
    const other = networks.overlapping(gateway);
    if (!other) return;
    l2vni.reporter.violation(l2vni.tree, {
      field: `gatewayIPs[${index}]`,
      message: `${formatPrefix(gateway)} overlaps with ${formatPrefix(other.network)} of ${describe(other.owner)}`,
      allowed: 'a network that nothing else in the VRF uses',
    });
  });
}
