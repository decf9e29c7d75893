import { wellKnownCommunity } from '../../bgp/wire/communities.ts';
import type { Message } from '../../bgp/wire/message.ts';
import { capabilityText } from './capability-text.ts';
import type { AttributesJson, MessageJson, RouteJson } from './json-types.ts';
import { messageJson } from './message-json.ts';

const INDENT = '    ';
const REFRESH_SUBTYPES = ['request', 'beginning', 'end'];

/** A message for people: a headline, then its content line by line, indented. */
export function messageText(message: Message, length: number): string {
  const json = messageJson(message);
  const outcome = json.outcome === 'ok' ? '' : `  [${json.outcome}]`;
  const headline = `${(json.type ?? 'unknown message').toUpperCase()} ${length} octets${outcome}`;
  const lines = [...errorLines(message), ...contentLines(json, message)];
  return [headline, ...lines.map((line) => INDENT + line)].join('\n');
}

function errorLines(message: Message): string[] {
  if (message.type === 'error') {
    const { code, subcode, message: words } = message.error;
    return [`error ${code}/${subcode}: ${words}`];
  }
  if (message.type !== 'update') return [];
  return message.update.errors.map(
    (error) => `${error.errorClass}: ${error.message} (${error.code}/${error.subcode})`,
  );
}

function contentLines(json: MessageJson, message: Message): string[] {
  const lines: string[] = [];
  if (json.open) {
    const { version, asn, hold_time, router_id } = json.open;
    lines.push(`version ${version}, AS ${asn}, hold time ${hold_time} s, identifier ${router_id}`);
  }
  if (message.type === 'open') lines.push(...message.open.capabilities.map(capabilityText));
  if (json.notification) {
    const { code, subcode, data, message: words } = json.notification;
    lines.push(`${code}/${subcode} ${words}`);
    if (data !== '') lines.push(`data ${data}`);
  }
  if (json.route_refresh) {
    const { family, subtype } = json.route_refresh;
    lines.push(`${REFRESH_SUBTYPES[subtype] ?? `subtype ${subtype}`} ${family}`);
  }
  if (json.update) {
    const { end_of_rib, unknown_nlri, withdrawn, announced, attributes } = json.update;
    if (end_of_rib !== undefined) lines.push(`End-of-RIB ${end_of_rib}`);
    for (const { family, kind } of unknown_nlri ?? []) lines.push(`${kind} ${family} (not decoded)`);
    for (const route of withdrawn) lines.push(`- ${routeLine(route)}`);
    for (const route of announced) lines.push(`+ ${routeLine(route)}`);
    lines.push(...attributeLines(attributes));
  }
  return lines;
}

/** Family, EVPN route type, key, then what the route carries. */
function routeLine(route: RouteJson): string {
  const { family, path_id, route_type, rd, prefix, next_hop, next_hop_link_local, labels, raw } = route;
  const words = [route_type === undefined ? family : `${family} type ${route_type}`];
  if (path_id !== undefined) words.push(`path ${path_id}`);
  if (rd !== undefined) words.push(`rd ${rd}`);
  if (prefix !== undefined) words.push(prefix);
  if (route.mac !== undefined) words.push(route.mac);
  if (route.ip !== undefined && route.ip !== null) words.push(route.ip);
  if (route.originating_router !== undefined) words.push(`router ${route.originating_router}`);
  if (route.esi !== undefined && !/^[0:]+$/.test(route.esi)) words.push(`esi ${route.esi}`);
  if (route.ethernet_tag !== undefined && route.ethernet_tag !== 0) words.push(`tag ${route.ethernet_tag}`);
  if (route.gateway !== undefined && !/^[0.:]+$/.test(route.gateway)) words.push(`gateway ${route.gateway}`);
  if (labels) words.push(`labels ${labels.join('/')}`);
  if (route.vni !== undefined) words.push(`vni ${route.vni}`);
  if (route.vni2 !== undefined) words.push(`vni2 ${route.vni2}`);
  if (raw !== undefined) words.push(`raw ${raw}`);
  if (next_hop !== undefined) words.push(`via ${next_hop}`);
  if (next_hop_link_local !== undefined) words.push(`(${next_hop_link_local})`);
  return words.join(' ');
}

function attributeLines(attributes: AttributesJson): string[] {
  const { other, ...named } = attributes;
  const lines: string[] = [];
  const short: string[] = [];
  for (const [name, value] of Object.entries(named)) {
    if (name === 'extended_communities_raw') continue;
    const label = name.replaceAll('_', ' ');
    if (name === 'communities') lines.push(`${label} ${attributes.communities?.map(withName).join(' ')}`);
    else if (name === 'as_path' || name === 'as4_path')
      short.push(`${label} ${value === '' ? 'empty' : value}`);
    else if (Array.isArray(value)) lines.push(`${label} ${value.join(' ')}`);
    else if (value === true) short.push(label);
    else if (typeof value === 'object') short.push(`${label} ${objectText(value)}`);
    else short.push(`${label} ${value}`);
  }
  if (short.length > 0) lines.unshift(short.join(', '));
  for (const { code, flags, value } of other ?? []) {
    lines.push(`attribute ${code} flags 0x${flags.toString(16)} ${value}`);
  }
  return lines;
}

/** A community, and what it is called when it is a well-known one. */
function withName(community: string): string {
  const [asn, value] = community.split(':').map(Number);
  const name = wellKnownCommunity((asn ?? 0) * 65536 + (value ?? 0));
  return name === undefined ? community : `${community} (${name})`;
}

function objectText(value: object): string {
  return Object.entries(value)
    .map(([member, content]) => `${member.replaceAll('_', ' ')} ${content}`)
    .join(' ');
}
