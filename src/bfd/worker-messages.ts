import type { BfdSessionSettings, BfdStatus } from '../../bfd/bfd-session.ts';

/** From the daemon to the thread of BFD. Descriptors of sockets are the receiver's from then on. */
export type ToBfdWorker =
  /** A socket on which packets arrive; `path` is the first part of the paths of its sessions. */
  | {
      readonly kind: 'listen';
      readonly path: string;
      readonly version: 4 | 6;
      readonly descriptor: number;
      /** Network namespace that the thread has to be in, where addresses are link-local ones; absent: any. */
      readonly namespace?: string;
    }
  /** Closes such a socket: no session needs it any more. */
  | { readonly kind: 'unlisten'; readonly path: string }
  | {
      readonly kind: 'add';
      readonly discriminator: number;
      /** Of the socket that packets of the session arrive on. */
      readonly path: string;
      readonly version: 4 | 6;
      /** Address of the other end, as the system writes it. */
      readonly peer: string;
      readonly port: number;
      /** Bound socket to send from. */
      readonly descriptor: number;
      readonly settings: BfdSessionSettings;
    }
  /** Says to the other end that the session ends on purpose, and ends it. */
  | { readonly kind: 'remove'; readonly discriminator: number };

/** From the thread of BFD to the daemon. */
export type FromBfdWorker =
  /** The socket is the thread's, and closed when it ends. */
  | { readonly kind: 'adopted'; readonly descriptor: number }
  | { readonly kind: 'status'; readonly discriminator: number; readonly status: BfdStatus }
  /** Something that a person should know of. */
  | { readonly kind: 'trouble'; readonly message: string };
