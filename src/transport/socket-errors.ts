import type { Endpoint } from '../../bgp/session/transport.ts';
import { formatAddress } from '../../net/address.ts';

/** `192.0.2.1:179`, `[2001:db8::1]:179` or `[fe80::1%eth1]:179`. */
export function formatEndpoint({ address, port, zone }: Endpoint): string {
  if (address.version === 4) return `${formatAddress(address)}:${port}`;
  return `[${formatAddress(address)}${zone === undefined ? '' : `%${zone}`}]:${port}`;
}

/** A TCP failure in words that name the other end; `code` is the errno's name. */
export class TransportError extends Error {
  override readonly name = 'TransportError';
  readonly code: string;

  constructor(message: string, code: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
  }
}

/** Name of the errno that an error carries, `UNKNOWN` when it has none. */
export function errorCodeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'UNKNOWN';
}

/** What became of an attempt to connect, by errno. */
const CONNECT_FAILURES: Readonly<Record<string, (remote: string, local: string) => string>> = {
  ECONNREFUSED: (remote) => `connection refused by ${remote}`,
  EHOSTUNREACH: (remote) => `no route to host ${remote}, or it does not answer ARP or neighbour discovery`,
  ENETUNREACH: (remote) => `network of ${remote} is unreachable: no route to it`,
  ETIMEDOUT: (remote) => `no answer from ${remote}`,
  ECONNRESET: (remote) => `connection reset by ${remote} while it was opened`,
  EADDRNOTAVAIL: (remote, local) => `cannot connect to ${remote} from ${local}: not an address of this host`,
  ENODEV: (remote) => `cannot connect to ${remote}: the device to bind to does not exist`,
  EACCES: (remote) => `not permitted to connect to ${remote}`,
};

/** An error of `connect` in words. `local`: the source address that was asked for, if any. */
export function connectFailure(error: unknown, remote: Endpoint, local: string): TransportError {
  const code = errorCodeOf(error);
  const words = CONNECT_FAILURES[code]?.(formatEndpoint(remote), local);
  return new TransportError(
    words ?? `cannot connect to ${formatEndpoint(remote)}: ${messageOf(error)}`,
    code,
    error,
  );
}

/** What ended an open connection, by errno. */
const CONNECTION_FAILURES: Readonly<Record<string, (remote: string) => string>> = {
  ECONNRESET: (remote) => `connection reset by ${remote}`,
  EPIPE: (remote) => `${remote} has closed the connection`,
  ETIMEDOUT: (remote) => `${remote} no longer answers: TCP gave up`,
  EHOSTUNREACH: (remote) => `no route to host ${remote} any more`,
  ENETUNREACH: (remote) => `network of ${remote} is unreachable now`,
};

/** An error of an open connection in words. */
export function connectionFailure(error: unknown, remote: Endpoint): TransportError {
  const code = errorCodeOf(error);
  const words = CONNECTION_FAILURES[code]?.(formatEndpoint(remote));
  return new TransportError(
    words ?? `connection to ${formatEndpoint(remote)} failed: ${messageOf(error)}`,
    code,
    error,
  );
}

/** What keeps an address from being listened on, by errno. */
const LISTEN_FAILURES: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another socket listens there',
  EADDRNOTAVAIL: 'the address is not on any interface',
  EACCES: 'ports below 1024 take root or the capability CAP_NET_BIND_SERVICE',
};

/** An error of `listen` in words. */
export function listenFailure(error: unknown, local: Endpoint): TransportError {
  const code = errorCodeOf(error);
  const reason = LISTEN_FAILURES[code] ?? messageOf(error);
  return new TransportError(`cannot listen on ${formatEndpoint(local)}: ${reason}`, code, error);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
