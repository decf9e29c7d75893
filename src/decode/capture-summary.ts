import type { SeenMessage } from './conversation.ts';

/** What was read, and what of it could not be shown. */
export interface CaptureSummary {
  /** Packets of a capture, records of an MRT file. */
  packets: number;
  messages: number;
  /** IP fragments: they are not put together. */
  fragments: number;
  /** Packets or records whose headers make no sense. */
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
