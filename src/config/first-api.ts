import {
  fieldOf,
  scalarAt,
  type TreeEntry,
  type TreeMap,
  type TreeNode,
  type TreeScalar,
} from './document-tree.ts';
import type { ResourceReporter } from './findings.ts';
import { listAt, MapEditor, mapAt } from './map-editor.ts';
import { type ConfigurationKind, SPEC_SCHEMAS } from './resource-kinds.ts';
import { factsInside, factsOf, type SchemaFacts } from './schema-findings.ts';

/**
 * Rewrites a `spec` of the first API, or of a static file, into the form of the current one. Resources of that
 * group are found with old names, current names and mixtures of both, so each field is taken in either form;
 * two forms of one thing in one resource are an error.
 */
export function rewriteFirstApi(
  kind: ConfigurationKind,
  spec: TreeMap,
  name: TreeScalar | undefined,
  reporter: ResourceReporter,
): TreeMap {
  const editor = new MapEditor(spec, reporter);
  if (kind === 'Underlay') rewriteUnderlay(editor, reporter);
  if (kind === 'L3VNI') rewriteL3Vni(editor, spec, name, reporter);
  if (kind === 'L2VNI') rewriteL2Vni(editor, reporter);
  editor.change('hostSession', (session) => rewriteHostSession(session, reporter));
  const current = canonical(editor.result(), factsOf(SPEC_SCHEMAS[kind]), reporter);
  return current.kind === 'map' ? current : spec;
}

function rewriteUnderlay(editor: MapEditor, reporter: ResourceReporter): void {
  const endpoints = [editor.take('vtepcidr')];
  const evpn = editor.take('evpn');
  if (evpn?.kind === 'map') {
    const inner = new MapEditor(evpn, reporter);
    endpoints.push(inner.take('vtepcidr'));
    const device = inner.take('vtepInterface');
    if (device) {
      reportDropped(reporter, device, 'a VTEP on an existing interface is not supported yet: give vtepcidr');
    }
  }
  for (const endpoint of endpoints) {
    if (!endpoint) continue;
    editor.put('tunnelEndpoint', mapAt(endpoint, { cidrs: listAt(endpoint, [endpoint]) }));
    editor.spell('interfaces', 'nics');
  }
  const nics = editor.take('nics');
  if (nics)
    editor.put('interfaces', nics.kind === 'list' ? listAt(nics, nics.items.map(networkDevice)) : nics);
  editor.change('neighbors', (neighbors) =>
    neighbors.kind === 'list'
      ? { ...neighbors, items: neighbors.items.map((item) => rewriteNeighbor(item, reporter)) }
      : neighbors,
  );
  editor.change('gracefulRestart', (restart) => {
    if (restart.kind !== 'map') return restart;
    const inner = new MapEditor(restart, reporter);
    inner.rename('restartTime', 'restartTimeSeconds');
    inner.rename('stalePathTime', 'stalePathTimeSeconds');
    return inner.result();
  });
}

function networkDevice(nic: TreeNode): TreeNode {
  return mapAt(nic, {
    type: scalarAt(nic, 'NetworkDevice'),
    networkDevice: mapAt(nic, { interfaceName: nic }),
  });
}

function rewriteNeighbor(neighbor: TreeNode, reporter: ResourceReporter): TreeNode {
  if (neighbor.kind !== 'map') return neighbor;
  const editor = new MapEditor(neighbor, reporter);
  for (const time of ['holdTime', 'keepaliveTime', 'connectTime']) {
    const duration = editor.take(time);
    const seconds = duration && durationInSeconds(duration, reporter);
    if (seconds) editor.put(`${time}Seconds`, seconds);
  }
  const multiHop = editor.take('ebgpMultiHop');
  if (multiHop?.kind === 'scalar' && typeof multiHop.value === 'boolean') {
    const property = mapAt(multiHop, { type: scalarAt(multiHop, 'ebgpMultiHop') });
    if (multiHop.value) editor.put('properties', listAt(multiHop, [property]));
  } else if (multiHop) {
    reporter.violation(multiHop, { message: 'a truth value is expected here', allowed: 'true or false' });
  }
  const hostAsn = editor.take('hostasn');
  if (hostAsn) {
    reportDropped(
      reporter,
      hostAsn,
      'hostasn means nothing for a neighbor in the fabric: remove it',
      'warning',
    );
  }
  editor.change('bfd', (bfd) => rewriteBfd(bfd, reporter));
  return editor.result();
}

/** Seconds of a Go duration such as `1m30s`; a number without a unit counts as seconds. */
function durationInSeconds(node: TreeNode, reporter: ResourceReporter): TreeNode | undefined {
  if (node.kind === 'scalar') {
    const match = /^(?:(\d{1,4})h)?(?:(\d{1,6})m)?(?:(\d{1,8})(?:\.0+)?s?)?$/.exec(String(node.value));
    const [, hours = '0', minutes = '0', seconds = '0'] = match ?? [];
    if (match?.[0]) return scalarAt(node, Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds));
  }
  const message = 'this is not a duration in whole seconds';
  reporter.violation(node, { message, allowed: 'a duration such as 180s or 3m' });
  return undefined;
}

function rewriteBfd(bfd: TreeNode, reporter: ResourceReporter): TreeNode {
  if (bfd.kind !== 'map') return bfd;
  const editor = new MapEditor(bfd, reporter);
  const passive = editor.take('passiveMode');
  if (passive?.kind === 'scalar' && typeof passive.value === 'boolean') {
    editor.put('sessionMode', scalarAt(passive, passive.value ? 'Passive' : 'Active'));
  } else if (passive) {
    reporter.violation(passive, { message: 'a truth value is expected here', allowed: 'true or false' });
  }
  for (const name of ['echoMode', 'echoInterval']) {
    const echo = editor.take(name);
    if (echo) reportDropped(reporter, echo, 'the echo function of BFD is not supported');
  }
  return editor.result();
}

function rewriteL3Vni(
  editor: MapEditor,
  spec: TreeMap,
  name: TreeScalar | undefined,
  reporter: ResourceReporter,
): void {
  const note = 'the VRF has the name of the resource, as spec.vrf is absent';
  if (!editor.has('vrf') && name) editor.put('vrf', { ...name, note });
  const [asn, hostASN, hostType, localCIDR] = ['asn', 'hostasn', 'hosttype', 'localcidr'].map((field) =>
    editor.take(field),
  );
  const first = asn ?? hostASN ?? hostType ?? localCIDR;
  if (!first) return;
  const flat = { ...mapAt(first, { asn, hostASN, hostType, localCIDR }), path: spec.path };
  const spelling = new Map([
    ['hostASN', 'hostasn'],
    ['localCIDR', 'localcidr'],
  ]);
  if (editor.has('hostSession')) {
    const message = `${first.path} and ${spec.path}.hostSession say the same thing: remove one`;
    reporter.violation(first, { message, allowed: 'the fields in hostSession, or beside it, not both' });
  } else editor.put('hostSession', { ...flat, spelling });
}

function rewriteHostSession(session: TreeNode, reporter: ResourceReporter): TreeNode {
  if (session.kind !== 'map') return session;
  const editor = new MapEditor(session, reporter);
  // The first API's zero value: not set.
  editor.change('hostASN', (asn) => (asn.kind === 'scalar' && asn.value === 0 ? undefined : asn));
  editor.change('localCIDR', (network) => {
    if (network.kind !== 'scalar') return network;
    return mapAt(network, network.text.includes(':') ? { ipv6: network } : { ipv4: network });
  });
  const { spelling } = session;
  return { ...editor.result(), ...(spelling && { spelling }) };
}

function rewriteL2Vni(editor: MapEditor, reporter: ResourceReporter): void {
  const vrf = editor.take('vrf');
  if (vrf) {
    const domain = { type: scalarAt(vrf, 'L3VNI'), l3vni: mapAt(vrf, { name: vrf }) };
    editor.put('routingDomain', mapAt(vrf, domain));
  }
  const gateway = editor.take('l2gatewayip');
  if (gateway) editor.put('gatewayIPs', listAt(gateway, [gateway]));
  editor.rename('l2gatewayips', 'gatewayIPs');
  editor.change('hostMaster', (master) => rewriteHostMaster(master, reporter));
}

function rewriteHostMaster(master: TreeNode, reporter: ResourceReporter): TreeNode {
  if (master.kind !== 'map') return master;
  const editor = new MapEditor(master, reporter);
  const type = fieldOf(master, 'type');
  const linux = type?.kind !== 'scalar' || !/^ovs/i.test(type.text);
  if (type?.kind === 'scalar' && type.value === 'bridge') {
    editor.change('type', (node) => scalarAt(node, 'LinuxBridge'));
  }
  const bridge = linux ? 'linuxBridge' : 'ovsBridge';
  const name = editor.take('name');
  const autoCreate = editor.take('autoCreate');
  if (name ?? autoCreate ?? !(editor.has('linuxBridge') || editor.has('ovsBridge'))) {
    editor.put(bridge, mapAt(master, { name, autoCreate }));
  }
  editor.change(bridge, (inner) => {
    if (inner.kind !== 'map') return inner;
    const fields = new MapEditor(inner, reporter);
    const managed = fields.take('autoCreate');
    const isManaged = managed?.kind === 'scalar' && managed.value === true;
    if (!fields.has('lifecycle'))
      fields.put('lifecycle', scalarAt(inner, isManaged ? 'Managed' : 'External'));
    return fields.result();
  });
  return editor.result();
}

/** Gives fields and words that differ from the schema's in case or hyphens only (`hostasn`, `internal`) its spelling. */
function canonical(node: TreeNode, facts: SchemaFacts | undefined, reporter: ResourceReporter): TreeNode {
  if (node.kind === 'list') {
    return { ...node, items: node.items.map((item) => canonical(item, factsInside(facts, 0), reporter)) };
  }
  if (node.kind === 'scalar' && facts?.enum && typeof node.value === 'string') {
    const { value } = node;
    const match = facts.enum.find((known) => plainWord(String(known)) === plainWord(value));
    return match === undefined ? node : { ...node, value: match };
  }
  if (node.kind !== 'map' || !facts?.properties) return node;
  const names = Object.keys(facts.properties);
  const entries = new Map<string, TreeEntry>();
  for (const [given, entry] of node.entries) {
    const name = names.find((known) => plainWord(known) === plainWord(given)) ?? given;
    const value = canonical(entry.value, factsInside(facts, name), reporter);
    const other = entries.get(name);
    if (other) {
      const message = `${value.path} and ${other.value.path} say the same thing: remove one`;
      reporter.violation(value, { message, allowed: 'one of the two' });
    } else entries.set(name, { ...entry, value });
  }
  return { ...node, entries };
}

function plainWord(word: string): string {
  return word.toLowerCase().replaceAll('-', '');
}

function reportDropped(
  reporter: ResourceReporter,
  node: TreeNode,
  message: string,
  level: 'unsupported' | 'warning' = 'unsupported',
): void {
  const reason = level === 'unsupported' ? 'Unsupported' : 'ValidationFailed';
  reporter.report(level, reason, { location: node.location, field: node.path, message });
}
