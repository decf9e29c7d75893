import { createSocket } from 'node:dgram';
import { closeSync } from 'node:fs';
import { check } from '../../dataplane/system-calls.ts';
import { openUdpSocket } from '../../dataplane/udp-socket.ts';

/** Who hears of what a {@link PacketReader} reads. */
export interface PacketHandlers {
  readonly packet: (bytes: Uint8Array) => void;
  /** Reading failed once, as it does when the interface goes down; it goes on. */
  readonly error: (error: Error) => void;
}

/** Packets of a socket of a kind that Node.js has no class for. */
export interface PacketReader {
  close(): void;
}

/**
 * Reads packets of a socket as they come, and closes it in the end; it is another descriptor from now on. Does not keep
 * the process alive.
 *
 * `node:dgram` takes UDP sockets alone: it gets one, whose place the other socket takes before the event loop first
 * looks at it.
 *
 * @throws InetSocketError, SystemCallError
 */
export function readPackets(descriptor: number, handlers: PacketHandlers): PacketReader {
  const socket = createSocket('udp4');
  socket.on('message', (bytes) => handlers.packet(bytes));
  socket.on('error', handlers.error);
  socket.unref();
  let place: number | undefined;
  try {
    place = openUdpSocket({ version: 4 });
    const to = place;
    socket.bind({ fd: place });
    check('dup3', 'of a packet socket', (calls) => calls.duplicateOnto(descriptor, to));
    return { close: () => void socket.close() };
  } catch (error) {
    if (place !== undefined) socket.close();
    throw error;
  } finally {
    closeSync(descriptor);
  }
}
