import type { ByteSource } from './byte-source.ts';
import { CaptureError } from './capture-error.ts';
import type { CapturedPacket } from './captured-packet.ts';
import { Conversations, type SeenMessage } from './conversation.ts';
import { isSupportedLinkType, networkOffset } from './link-layer.ts';
import { isPcap, readPcap } from './pcap.ts';
import { isPcapng, readPcapng } from './pcapng.ts';
import type { AssumedContext } from './session-context.ts';
import { tcpSegment } from './tcp-segment.ts';

/** What was read, and what of it could not be shown. */
export interface CaptureSummary {
  packets: number;
  messages: number;
  /** IP fragments: they are not put together. */
  fragments: number;
  /** Packets with headers that make no sense. */
  malformed: number;
  /** Holes in TCP streams. */
  gaps: number;
}

/** A message and the time of the packet that completed it, in seconds since 1970. */
export interface TimedMessage extends SeenMessage {
  readonly time: number | undefined;
}

/** Who gets the messages. */
export interface MessageSink {
  message(message: TimedMessage): void;
  /** Called between packets: the next one is read when the sink has room again. */
  ready(): Promise<void> | undefined;
}

/**
 * Reads a capture and gives every BGP message in it, those of one direction in order. Throws
 * {@link CaptureError} when the file is not a capture, is damaged, or has nothing but link types that
 * are not read; what came before has been given then.
 */
export async function decodeCapture(
  source: ByteSource,
  assumed: AssumedContext,
  sink: MessageSink,
): Promise<CaptureSummary> {
  const summary: CaptureSummary = { packets: 0, messages: 0, fragments: 0, malformed: 0, gaps: 0 };
  let time: number | undefined;
  const conversations = new Conversations(assumed, (message) => {
    summary.messages += 1;
    sink.message({ ...message, time });
  });
  const unsupported = new Set<number>();
  let supported = false;
  try {
    for await (const packet of await packetsOf(source)) {
      summary.packets += 1;
      time = packet.time;
      if (isSupportedLinkType(packet.linkType)) {
        supported = true;
        takePacket(packet, conversations, summary);
      } else {
        unsupported.add(packet.linkType);
      }
      await sink.ready();
    }
  } finally {
    conversations.finish();
    summary.gaps = conversations.counts.gaps;
  }
  if (unsupported.size > 0 && !supported) {
    const types = [...unsupported].join(', ');
    throw new CaptureError('unsupported-link-type', 0, `packets of link type ${types} cannot be read`);
  }
  return summary;
}

async function packetsOf(source: ByteSource): Promise<AsyncIterable<CapturedPacket>> {
  const start = await source.peek(4);
  if (isPcap(start)) return readPcap(source);
  if (isPcapng(start)) return readPcapng(source);
  throw new CaptureError('unknown-format', 0, 'the input is neither pcap, pcapng nor MRT');
}

function takePacket(packet: CapturedPacket, conversations: Conversations, summary: CaptureSummary): void {
  const at = networkOffset(packet.linkType, packet.data);
  if (at === undefined) return;
  const segment = tcpSegment(packet.data, at);
  if (segment === 'fragment') summary.fragments += 1;
  else if (segment === 'malformed') summary.malformed += 1;
  else if (segment !== 'not-tcp') conversations.segment(segment);
}
