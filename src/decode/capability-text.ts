import { type Capability, capabilityCode } from '../../bgp/wire/capabilities.ts';
import { type Family, familyName } from '../../bgp/wire/family.ts';
import { printable } from '../../bgp/wire/peer-text.ts';
import { toHex } from '../../net/hex.ts';

/** Names in IANA's registry "Capability Codes" of those that are kept raw. */
const OTHER_NAMES: ReadonlyMap<number, string> = new Map([
  [3, 'outbound-route-filtering'],
  [7, 'bgpsec'],
  [8, 'multiple-labels'],
  [67, 'dynamic-capability'],
  [68, 'multisession'],
  [75, 'software-version'],
  [76, 'paths-limit'],
  [128, 'route-refresh (pre-standard)'],
]);

const ROLES = ['provider', 'route server', 'route-server client', 'customer', 'peer'];
const NEXT_HOP_AFIS: ReadonlyMap<number, string> = new Map([
  [1, 'ipv4'],
  [2, 'ipv6'],
]);

/** A capability for people: its name, then what it says. */
export function capabilityText(capability: Capability): string {
  switch (capability.kind) {
    case 'multiprotocol':
      return `multiprotocol ${familyName(capability.family)}`;
    case 'extended-next-hop':
      return `extended-next-hop ${list(
        capability.entries,
        ({ nextHopAfi }) => `over ${NEXT_HOP_AFIS.get(nextHopAfi) ?? `AFI ${nextHopAfi}`}`,
      )}`;
    case 'role':
      return `role ${ROLES[capability.role] ?? capability.role}`;
    case 'graceful-restart': {
      const { restartTime, restarting, notification, families } = capability;
      const words = [`graceful-restart ${restartTime} s`];
      if (restarting) words.push('restarting');
      if (notification) words.push('notification');
      if (families.length > 0) words.push(list(families, kept));
      return words.join(', ');
    }
    case 'four-octet-as':
      return `four-octet-as ${capability.asn}`;
    case 'add-path':
      return `add-path ${list(capability.families, ({ mode }) => mode)}`;
    case 'long-lived-graceful-restart':
      return `long-lived-graceful-restart ${list(
        capability.families,
        (entry) => `${entry.staleTime} s${entry.forwarding ? ' forwarding kept' : ''}`,
      )}`;
    case 'fqdn':
      return printable(
        `fqdn ${capability.hostname}${capability.domain === '' ? '' : `.${capability.domain}`}`,
      );
    case 'other': {
      const name = OTHER_NAMES.get(capabilityCode(capability)) ?? `capability ${capability.code}`;
      return capability.value.length === 0 ? name : `${name} ${toHex(capability.value)}`;
    }
    default:
      return capability.kind;
  }
}

function kept({ forwarding }: { readonly forwarding: boolean }): string {
  return forwarding ? 'forwarding kept' : '';
}

function list<T extends { readonly family: Family }>(
  entries: readonly T[],
  say: (entry: T) => string,
): string {
  return entries.map((entry) => `${familyName(entry.family)} ${say(entry)}`.trim()).join(', ');
}
