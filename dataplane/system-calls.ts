import { createRequire } from 'node:module';
import { constants } from 'node:os';
import { getSystemErrorMap } from 'node:util';

/** A system call that failed: which one, on what, and the kernel's reason. */
export class SystemCallError extends Error {
  override readonly name = 'SystemCallError';
  /** Name of the call, such as `setns`. */
  readonly call: string;
  /** Name of the errno, such as `EPERM`. */
  readonly code: string;

  constructor(call: string, errno: number, object: string) {
    super(`${call} ${object}: ${describeErrno(errno)}`);
    this.call = call;
    this.code = errnoName(errno);
  }
}

/** Number of include/uapi/linux/fcntl.h. */
const F_DUPFD_CLOEXEC = 1030;
/** Number of include/uapi/asm-generic/fcntl.h, as all platforms of Node have it. */
const O_CLOEXEC = 0o2000000;

/** `EOPNOTSUPP` and `ENOTSUP` are one number on Linux; the libuv name speaks of sockets, where none is meant. */
const EOPNOTSUPP = 95;

/** Name of a positive errno, such as `EPERM`; `errno 1000` for one that has no name here. */
export function errnoName(errno: number): string {
  if (errno === EOPNOTSUPP) return 'EOPNOTSUPP';
  const known = getSystemErrorMap().get(-errno)?.[0];
  if (known !== undefined) return known;
  const entry = Object.entries(constants.errno).find(([, value]) => value === errno);
  return entry?.[0] ?? `errno ${errno}`;
}

/** Name and meaning of a positive errno: `EPERM (operation not permitted)`. */
export function describeErrno(errno: number): string {
  const meaning = errno === EOPNOTSUPP ? 'operation not supported' : getSystemErrorMap().get(-errno)?.[1];
  const name = errnoName(errno);
  return meaning === undefined ? name : `${name} (${meaning})`;
}

/**
 * The C library's functions that Node does not offer. Each gives what the C function gives: -1 for
 * a failure, whose errno is then in {@link SystemCalls.errno}.
 */
export interface SystemCalls {
  setns(fd: number, type: number): number;
  unshare(flags: number): number;
  mount(source: string, target: string, type: string, flags: number, data: null): number;
  umount2(target: string, flags: number): number;
  socket(family: number, type: number, protocol: number): number;
  bind(fd: number, address: Uint8Array, size: number): number;
  listen(fd: number, backlog: number): number;
  getsockname(fd: number, address: Uint8Array, size: Uint8Array): number;
  getpeername(fd: number, address: Uint8Array, size: Uint8Array): number;
  sendto(
    fd: number,
    bytes: Uint8Array,
    count: number,
    flags: number,
    address: Uint8Array,
    size: number,
  ): number;
  setsockopt(fd: number, level: number, option: number, value: Uint8Array, size: number): number;
  getsockopt(fd: number, level: number, option: number, value: Uint8Array, size: Uint8Array): number;
  /** `setsockopt` with a `struct sock_fprog`: `count` instructions of classic BPF in `program`. */
  attachFilter(fd: number, level: number, option: number, count: number, program: Uint8Array): number;
  close(fd: number): number;
  /** A second descriptor of the same file, closed by `exec`: `fcntl` with F_DUPFD_CLOEXEC. */
  duplicate(fd: number): number;
  /** Has the descriptor `to` stand for the file of `from`, closed by `exec`: `dup3`. */
  duplicateOnto(from: number, to: number): number;
  /**
   * `send` on a thread of libuv's pool: the event loop goes on meanwhile. `done` is called with what the
   * function gives; its errno is lost. `bytes` must not change before that.
   */
  sendInBackground(fd: number, bytes: Uint8Array, done: (sent: number) => void): void;
  /** Gives free memory of the heap of C back to the system, as far as the C library can (glibc: `malloc_trim`). */
  trimMemory(): void;
  errno(): number;
}

type Koffi = typeof import('koffi');

let loaded: SystemCalls | undefined;

/** The functions, from the C library that Node itself runs on; loaded at the first use. */
export function systemCalls(): SystemCalls {
  loaded ??= load();
  return loaded;
}

function load(): SystemCalls {
  // By require, so that what does not need them never loads the native module.
  const koffi = createRequire(import.meta.url)('koffi') as Koffi;
  const library = koffi.load(null);
  const fcntl = library.func('int fcntl(int, int, ...)');
  const dup3 = library.func('dup3', 'int', ['int', 'int', 'int']);
  const filterProgram = koffi.struct({ len: 'uint16', filter: 'void *' });
  const setFilter = library.func('setsockopt', 'int', [
    'int',
    'int',
    'int',
    koffi.pointer(filterProgram),
    'uint',
  ]);
  const send = library.func('send', 'long', ['int', 'void *', 'ulong', 'int']);
  return {
    setns: library.func('setns', 'int', ['int', 'int']),
    unshare: library.func('unshare', 'int', ['int']),
    mount: library.func('mount', 'int', ['str', 'str', 'str', 'ulong', 'void *']),
    umount2: library.func('umount2', 'int', ['str', 'int']),
    socket: library.func('socket', 'int', ['int', 'int', 'int']),
    bind: library.func('bind', 'int', ['int', 'void *', 'uint']),
    listen: library.func('listen', 'int', ['int', 'int']),
    getsockname: library.func('getsockname', 'int', ['int', 'void *', 'void *']),
    getpeername: library.func('getpeername', 'int', ['int', 'void *', 'void *']),
    sendto: library.func('sendto', 'long', ['int', 'void *', 'ulong', 'int', 'void *', 'uint']),
    setsockopt: library.func('setsockopt', 'int', ['int', 'int', 'int', 'void *', 'uint']),
    getsockopt: library.func('getsockopt', 'int', ['int', 'int', 'int', 'void *', 'void *']),
    attachFilter: (fd, level, option, count, program) =>
      setFilter(fd, level, option, { len: count, filter: program }, koffi.sizeof(filterProgram)),
    close: library.func('close', 'int', ['int']),
    duplicate: (fd) => fcntl(fd, F_DUPFD_CLOEXEC, 'int', 0) as number,
    duplicateOnto: (from, to) => dup3(from, to, O_CLOEXEC) as number,
    sendInBackground: (fd, bytes, done) =>
      send.async(fd, bytes, bytes.length, 0, (error: unknown, sent: unknown) =>
        done(error ? -1 : Number(sent)),
      ),
    trimMemory: trimMemory(library),
    errno: () => koffi.errno(),
  };
}

/** Only glibc has it. */
function trimMemory(library: ReturnType<Koffi['load']>): () => void {
  try {
    const trim = library.func('malloc_trim', 'int', ['ulong']);
    return () => trim(0);
  } catch {
    return () => {};
  }
}

/**
 * Calls `function_` and turns -1 into an error.
 *
 * @param object what the call is about, for the message
 * @throws SystemCallError
 */
export function check(call: string, object: string, function_: (calls: SystemCalls) => number): number {
  const calls = systemCalls();
  const result = function_(calls);
  if (result === -1) throw new SystemCallError(call, calls.errno(), object);
  return result;
}
