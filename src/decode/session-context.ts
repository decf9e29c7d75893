import { type Capability, capabilityCode } from '../../bgp/wire/capabilities.ts';
import type { WireContext } from '../../bgp/wire/context.ts';
import type { Family } from '../../bgp/wire/family.ts';
import type { OpenMessage } from '../../bgp/wire/open.ts';

/** Capability code of RFC 8205 §2. */
const BGPSEC_CAPABILITY = 7;

/** What the command line says about sessions whose OPENs are not in the capture. */
export interface AssumedContext {
  readonly fourOctetAs: boolean;
  readonly addPath: ReadonlySet<Family>;
  readonly extendedMessage: boolean;
  readonly extendedNextHop: boolean;
  readonly peerType: 'ebgp' | 'ibgp';
}

/** The context of messages without any OPEN. */
export function assumedContext(assumed: AssumedContext): WireContext {
  return { ...assumed, confederation: true, addPath: (family) => assumed.addPath.has(family) };
}

/** The context of what `sender` sends to `receiver`; what an absent OPEN would say is assumed. */
export function negotiatedContext(
  sender: OpenMessage | undefined,
  receiver: OpenMessage | undefined,
  assumed: AssumedContext,
): WireContext {
  const both = sender !== undefined && receiver !== undefined;
  const agreed = (kind: Capability['kind'], otherwise: boolean): boolean => {
    const refused = (open: OpenMessage | undefined): boolean => open !== undefined && !has(open, kind);
    if (refused(sender) || refused(receiver)) return false;
    return both || otherwise;
  };
  return {
    fourOctetAs: agreed('four-octet-as', assumed.fourOctetAs),
    extendedMessage: agreed('extended-message', assumed.extendedMessage),
    extendedNextHop: receiver ? has(receiver, 'extended-next-hop') : assumed.extendedNextHop,
    addPath: (family) =>
      both
        ? offers(sender, family, 'send') && offers(receiver, family, 'receive')
        : assumed.addPath.has(family),
    // No message tells whether two autonomous systems form a confederation.
    confederation: true,
    bgpsec: both && hasBgpsec(sender) && hasBgpsec(receiver),
    peerType: both ? (sender.asn === receiver.asn ? 'ibgp' : 'ebgp') : assumed.peerType,
  };
}

function has(open: OpenMessage, kind: Capability['kind']): boolean {
  return open.capabilities.some((capability) => capability.kind === kind);
}

function hasBgpsec(open: OpenMessage): boolean {
  return open.capabilities.some((capability) => capabilityCode(capability) === BGPSEC_CAPABILITY);
}

function offers(open: OpenMessage, family: Family, mode: 'send' | 'receive'): boolean {
  return open.capabilities.some(
    (capability) =>
      capability.kind === 'add-path' &&
      capability.families.some(
        (entry) => entry.family === family && (entry.mode === mode || entry.mode === 'both'),
      ),
  );
}
