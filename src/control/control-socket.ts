import { chmodSync, lstatSync, mkdirSync, type Stats, unlinkSync } from 'node:fs';
import { connect, type Server } from 'node:net';
import { dirname } from 'node:path';

/** Where the control API listens unless told otherwise. */
export const DEFAULT_CONTROL_SOCKET = '/run/openpe-routerd/control.sock';

/** The owner and its group may ask, nobody else. */
const SOCKET_MODE = 0o660;
const PROBE_MILLISECONDS = 2000;

/** The control API cannot listen; the message says where, why and what to do. */
export class ControlSocketError extends Error {
  override readonly name = 'ControlSocketError';
  readonly path: string;

  constructor(path: string, reason: string, cause?: unknown) {
    super(`control socket ${path}: ${reason}`, { cause });
    this.path = path;
  }
}

/**
 * Has a server listen on a unix socket of mode 0660. Makes its directory, and replaces a socket that
 * was left behind; one that somebody answers on stays.
 *
 * @throws ControlSocketError
 */
export async function listenOnControlSocket(server: Server, path: string): Promise<void> {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
    await removeStaleSocket(path);
    await listen(server, path);
  } catch (error) {
    if (error instanceof ControlSocketError) throw error;
    throw new ControlSocketError(path, `${reasonOf(error)}; is another --control PATH wanted?`, error);
  }
}

async function removeStaleSocket(path: string): Promise<void> {
  const found: Stats | undefined = lstatSync(path, { throwIfNoEntry: false });
  if (!found) return;
  if (!found.isSocket()) throw new ControlSocketError(path, 'there is a file of that name that is no socket');
  if (await isAnswered(path)) {
    throw new ControlSocketError(
      path,
      'another openpe-routerd answers on it; stop it, or give this one another --control PATH',
    );
  }
  unlinkSync(path);
}

/** True when somebody listens on the socket, even when it is too busy to accept. */
function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    const settle = (answered: boolean): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(answered);
    };
    const timer = setTimeout(settle, PROBE_MILLISECONDS, true);
    socket.once('connect', () => settle(true));
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED' || error.code === 'ENOENT') return settle(false);
      if (error.code === 'EAGAIN') return settle(true);
      clearTimeout(timer);
      reject(error);
    });
  });
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    // The socket is bound during the call, so that it never exists with more rights than this mask leaves.
    const mask = process.umask(0o777 & ~SOCKET_MODE);
    try {
      server.listen(path, () => {
        server.off('error', reject);
        chmodSync(path, SOCKET_MODE);
        resolve();
      });
    } finally {
      process.umask(mask);
    }
  });
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
