import type { ByteSource } from './byte-source.ts';
import { CaptureError } from './capture-error.ts';
import type { CaptureSummary, MessageSink } from './capture-summary.ts';
import type { CapturedPacket } from './captured-packet.ts';
import { Conversations } from './conversation.ts';
import { isSupportedLinkType, networkOffset } from './link-layer.ts';
import { decodeMrt, isMrt } from './mrt.ts';
import { isPcap, readPcap } from './pcap.ts';
import { isPcapng, readPcapng } from './pcapng.ts';
import type { AssumedContext } from './session-context.ts';
import { tcpSegment } from './tcp-segment.ts';

/**
 * Reads a pcap, pcapng or MRT file and gives every BGP message in it, those of one direction in order.
 * Throws {@link CaptureError} when the file is none of these, is damaged, or has nothing but link types
 * that are not read; what came before has been given then.
 */
export async function decodeCapture(
  source: ByteSource,
  assumed: AssumedContext,
  sink: MessageSink,
): Promise<CaptureSummary> {
  const start = await source.peek(12);
  if (isPcap(start)) return decodePackets(readPcap(source), assumed, sink);
  if (isPcapng(start)) return decodePackets(readPcapng(source), assumed, sink);
  if (isMrt(start)) return decodeMrt(source, sink);
  throw new CaptureError('unknown-format', 0, 'the input is neither pcap, pcapng nor MRT');
}

async function decodePackets(
  packets: AsyncIterable<CapturedPacket>,
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
    for await (const packet of packets) {
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

function takePacket(packet: CapturedPacket, conversations: Conversations, summary: CaptureSummary): void {
  const at = networkOffset(packet.linkType, packet.data);
  if (at === undefined) return;
  const segment = tcpSegment(packet.data, at);
  if (segment === 'fragment') summary.fragments += 1;
  else if (segment === 'malformed') summary.malformed += 1;
  else if (segment !== 'not-tcp') conversations.segment(segment);
}
