import { formatPrefix, networkOf } from '../../net/prefix.ts';
import { hostSessionAddresses } from './address-plan.ts';
import { fieldOf, type TreeMap } from './document-tree.ts';
import { locateViolation, type ResourceReporter, type Violation } from './findings.ts';
import type { HostSession, HostSessionAddresses, L3Vni, ResourceReference, Underlay } from './model.ts';
import type { HostSessionSpec, L3VniSpec } from './vni-schemas.ts';

/** Names that the kernel or the daemon gives to something else in the router's namespace. */
const RESERVED_VRF_NAME = /^(?:lo|all|default|vni\d+|br-pe-\d+|pe-e-\d+)$/;

/** Computes an L3VNI for this node; undefined when an error was reported. */
export function buildL3Vni(
  source: ResourceReference,
  spec: L3VniSpec,
  tree: TreeMap,
  nodeIndex: number,
  underlay: Underlay | undefined,
  reporter: ResourceReporter,
): L3Vni | undefined {
  checkVrfName(spec.vrf, tree, underlay, reporter);
  const hostSession = spec.hostSession && buildHostSession(spec.hostSession, tree, nodeIndex, reporter);
  const vtepVersion = vtepVersionOf(spec, tree, underlay, reporter);
  if (reporter.failed || !vtepVersion) return undefined;
  return {
    source,
    vrf: spec.vrf,
    vni: spec.vni,
    vxlanPort: spec.vxlanPort,
    vtepVersion,
    exportRouteTargets: spec.exportRTs ?? [],
    importRouteTargets: spec.importRTs ?? [],
    ...(hostSession && { hostSession }),
  };
}

function checkVrfName(
  vrf: string,
  tree: TreeMap,
  underlay: Underlay | undefined,
  reporter: ResourceReporter,
): void {
  const taken = underlay?.interfaces.includes(vrf);
  if (!taken && !RESERVED_VRF_NAME.test(vrf)) return;
  const owner = taken ? 'an interface of the Underlay' : 'a device or a setting of the kernel';
  reporter.violation(tree, {
    field: 'vrf',
    message: `${vrf} cannot be the name of a VRF: ${owner} has it`,
    allowed: 'another name',
  });
}

function buildHostSession(
  spec: HostSessionSpec,
  tree: TreeMap,
  nodeIndex: number,
  reporter: ResourceReporter,
): HostSession {
  const ipv4 = addressesOf('ipv4', spec, tree, nodeIndex, reporter);
  const ipv6 = addressesOf('ipv6', spec, tree, nodeIndex, reporter);
  return {
    asn: spec.asn,
    hostAsn: spec.hostASN ?? (spec.hostType === 'Internal' ? 'internal' : 'external'),
    ...(ipv4 && { ipv4 }),
    ...(ipv6 && { ipv6 }),
  };
}

function addressesOf(
  family: 'ipv4' | 'ipv6',
  spec: HostSessionSpec,
  tree: TreeMap,
  nodeIndex: number,
  reporter: ResourceReporter,
): HostSessionAddresses | undefined {
  const network = spec.localCIDR[family];
  const addresses = network && hostSessionAddresses(network, nodeIndex);
  if (network && !addresses) {
    reporter.violation(tree, {
      field: `hostSession.localCIDR.${family}`,
      message: `${formatPrefix(networkOf(network))} has no address for the host of node index ${nodeIndex}`,
      allowed: 'a network with room for the router, the host of every node and the broadcast address',
    });
  }
  return addresses;
}

/** The version of the tunnel: the one asked for, or IPv4 if the Underlay has it, else IPv6. */
function vtepVersionOf(
  spec: L3VniSpec,
  tree: TreeMap,
  underlay: Underlay | undefined,
  reporter: ResourceReporter,
): 4 | 6 | undefined {
  if (!underlay) {
    reportDependency(tree, reporter, {
      message: 'there is no usable Underlay for this node, which an L3VNI needs',
      allowed: 'an Underlay with tunnelEndpoint',
    });
    return undefined;
  }
  const { vtepIpv4, vtepIpv6, source } = underlay;
  const wanted = spec.underlayAddressFamily ?? (vtepIpv4 || !vtepIpv6 ? 'IPv4' : 'IPv6');
  if (wanted === 'IPv4' ? vtepIpv4 : vtepIpv6) return wanted === 'IPv4' ? 4 : 6;
  const asked = fieldOf(tree, 'underlayAddressFamily') !== undefined;
  reportDependency(tree, reporter, {
    ...(asked && { field: 'underlayAddressFamily' }),
    message: `the Underlay ${source.name} has no ${asked ? `${wanted} ` : ''}tunnel endpoint, which this L3VNI needs`,
    allowed: `an ${asked ? wanted : 'IPv4 or IPv6'} network in tunnelEndpoint.cidrs of the Underlay`,
  });
  return undefined;
}

/** Reports that something else is missing that a resource needs. */
export function reportDependency(tree: TreeMap, reporter: ResourceReporter, violation: Violation): void {
  reporter.report('error', 'DependencyFailed', locateViolation(tree, violation));
}
