import {
  closeSync,
  constants,
  mkdirSync,
  openSync,
  readlinkSync,
  rmSync,
  statfsSync,
  statSync,
} from 'node:fs';
import { join } from 'node:path';
import { check, SystemCallError } from './system-calls.ts';

/** Where named network namespaces are kept; the same place that `ip netns` uses. */
export const NAMESPACE_DIRECTORY = '/run/netns';

/** Why a network namespace could not be used. */
export type NamespaceProblem = 'invalid name' | 'absent' | 'exists' | 'not permitted' | 'failed';

/** A network namespace that could not be entered, made or removed. */
export class NamespaceError extends Error {
  override readonly name = 'NamespaceError';
  readonly namespace: string;
  readonly problem: NamespaceProblem;

  constructor(namespace: string, problem: NamespaceProblem, message: string, cause?: unknown) {
    super(`network namespace ${JSON.stringify(namespace)}: ${message}`, { cause });
    this.namespace = namespace;
    this.problem = problem;
  }
}

/** `CLONE_NEWNET` of `linux/sched.h`. */
const CLONE_NEWNET = 0x40000000;
/** `MS_BIND`, `MS_REC`, `MS_SHARED` of `linux/mount.h`. */
const MS_BIND = 0x1000;
const MS_REC = 0x4000;
const MS_SHARED = 1 << 20;
/** `MNT_DETACH` of `linux/fs.h`. */
const MNT_DETACH = 2;
/** `NSFS_MAGIC` of `linux/magic.h`: the file system type of a mounted namespace. */
const NSFS_MAGIC = 0x6e736673;

/** The namespace of the calling thread: that of the process's first thread may be another one. */
const OWN_NAMESPACE = '/proc/thread-self/ns/net';

/** Path of a named namespace. Throws {@link NamespaceError} for a name that is no plain file name. */
export function namespacePath(name: string): string {
  const plain =
    name !== '' && name !== '.' && name !== '..' && !/[/\0]/.test(name) && Buffer.byteLength(name) <= 255;
  if (!plain) throw new NamespaceError(name, 'invalid name', 'a name is 1 to 255 bytes without "/"');
  return join(NAMESPACE_DIRECTORY, name);
}

/** True when a namespace of this name is there. A file that no namespace is mounted on does not count. */
export function namespaceExists(name: string): boolean {
  const path = namespacePath(name);
  try {
    return statfsSync(path).type === NSFS_MAGIC;
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return false;
    throw failure(name, 'looked up', error);
  }
}

/** Number by which the kernel tells a named namespace from others of its time. Throws for one that is not there. */
export function namespaceIdentity(name: string): number {
  return statSync(namespacePath(name)).ino;
}

/** Descriptor of the namespace that the process was in before the outermost {@link inNamespace}, while inside one. */
let home: number | undefined;

/**
 * Runs `inside` in the network namespace of that name (`undefined`: the one the process was started
 * in) and switches back, also when it throws. Sockets that are opened inside stay in the namespace.
 *
 * `inside` must be synchronous and start no asynchronous file or DNS work: a thread that the runtime
 * starts for it would stay in the namespace.
 *
 * @throws NamespaceError when the namespace cannot be entered, and whatever `inside` throws
 */
export function inNamespace<T>(name: string | undefined, inside: () => T): T {
  if (name === undefined && home === undefined) return inside();
  const target = name === undefined ? home : openNamespace(name);
  const before = openSync(OWN_NAMESPACE, constants.O_RDONLY);
  const outermost = home === undefined;
  try {
    switchTo(name ?? 'of the process', target ?? before);
    if (outermost) home = before;
    try {
      return inside();
    } finally {
      switchBack(before);
      if (outermost) home = undefined;
    }
  } finally {
    closeSync(before);
    if (name !== undefined && target !== undefined) closeSync(target);
  }
}

/**
 * Puts the calling thread into a namespace for good: for threads that nothing else runs in.
 *
 * @throws NamespaceError
 */
export function moveThread(name: string): void {
  const target = openNamespace(name);
  try {
    switchTo(name, target);
  } finally {
    closeSync(target);
  }
}

/**
 * Opens a namespace and gives a file descriptor of it (`undefined`: the process's own namespace), to
 * be closed by the caller. Netlink requests that name a namespace take it.
 *
 * @throws NamespaceError
 */
export function openNamespace(name: string | undefined): number {
  if (name === undefined) return openSync(OWN_NAMESPACE, constants.O_RDONLY);
  const path = namespacePath(name);
  let descriptor: number;
  try {
    descriptor = openSync(path, constants.O_RDONLY);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') throw new NamespaceError(name, 'absent', `${path} does not exist`);
    throw failure(name, 'opened', error);
  }
  if (namespaceExists(name)) return descriptor;
  closeSync(descriptor);
  throw new NamespaceError(name, 'absent', `${path} is a plain file, not a namespace`);
}

/**
 * Makes a named namespace as `ip netns add` does: a mount on `/run/netns/<name>` keeps it alive, visible to
 * other mount namespaces that share the directory. A plain file of that name, left by a reboot or a
 * crash, is used.
 *
 * @throws NamespaceError
 */
export function createNamespace(name: string): void {
  const path = namespacePath(name);
  if (namespaceExists(name)) throw new NamespaceError(name, 'exists', 'is there already');
  try {
    mkdirSync(NAMESPACE_DIRECTORY, { recursive: true, mode: 0o755 });
    shareNamespaceDirectory();
    closeSync(openSync(path, constants.O_RDONLY | constants.O_CREAT, 0o444));
    mountNewNamespace(path);
  } catch (error) {
    throw failure(name, 'made', error);
  }
}

/** The new namespace is the thread's own for as long as the mount takes: nothing else runs meanwhile. */
function mountNewNamespace(path: string): void {
  const before = openSync(OWN_NAMESPACE, constants.O_RDONLY);
  try {
    check('unshare', 'CLONE_NEWNET', (calls) => calls.unshare(CLONE_NEWNET));
    try {
      check('mount', path, (calls) => calls.mount(OWN_NAMESPACE, path, 'none', MS_BIND, null));
    } finally {
      switchBack(before);
    }
  } catch (error) {
    rmSync(path, { force: true });
    throw error;
  } finally {
    closeSync(before);
  }
}

/** Mounts below the directory must reach other mount namespaces; that takes a shared mount of its own. */
function shareNamespaceDirectory(): void {
  const share = (): number =>
    check('mount', NAMESPACE_DIRECTORY, (calls) =>
      calls.mount('', NAMESPACE_DIRECTORY, 'none', MS_SHARED | MS_REC, null),
    );
  try {
    share();
  } catch (error) {
    if (!(error instanceof SystemCallError) || error.code !== 'EINVAL') throw error;
    check('mount', NAMESPACE_DIRECTORY, (calls) =>
      calls.mount(NAMESPACE_DIRECTORY, NAMESPACE_DIRECTORY, 'none', MS_BIND | MS_REC, null),
    );
    share();
  }
}

/**
 * Removes a named namespace; its devices go when the last process and socket has left it.
 *
 * @throws NamespaceError
 */
export function deleteNamespace(name: string): void {
  const path = namespacePath(name);
  try {
    if (namespaceExists(name)) check('umount', path, (calls) => calls.umount2(path, MNT_DETACH));
    rmSync(path);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') throw new NamespaceError(name, 'absent', `${path} does not exist`);
    throw failure(name, 'removed', error);
  }
}

function switchTo(name: string, descriptor: number): void {
  try {
    check('setns', name, (calls) => calls.setns(descriptor, CLONE_NEWNET));
  } catch (error) {
    throw failure(name, 'entered', error);
  }
}

/** A process that goes on in the wrong namespace would configure the wrong kernel objects: it ends instead. */
function switchBack(descriptor: number): void {
  try {
    check('setns', 'back', (calls) => calls.setns(descriptor, CLONE_NEWNET));
  } catch (error) {
    process.stderr.write(`cannot return to the process's own network namespace: ${String(error)}\n`);
    process.abort();
  }
}

function failure(name: string, participle: string, cause: unknown): NamespaceError {
  if (cause instanceof NamespaceError) return cause;
  const code = errorCode(cause);
  if (code === 'EPERM' || code === 'EACCES') {
    const remedy = 'run as root, or with the capabilities CAP_SYS_ADMIN and CAP_NET_ADMIN';
    return new NamespaceError(name, 'not permitted', `cannot be ${participle} (${code}): ${remedy}`, cause);
  }
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new NamespaceError(name, 'failed', `cannot be ${participle}: ${reason}`, cause);
}

function errorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/**
 * True when a namespace that this process makes cannot be seen by others: it runs in a mount namespace of its own,
 * as below `ip netns exec` or in a unit with a private mount namespace. False when that cannot be told.
 */
export function namesStayPrivate(): boolean {
  try {
    return readlinkSync('/proc/self/ns/mnt') !== readlinkSync('/proc/1/ns/mnt');
  } catch {
    return false;
  }
}
