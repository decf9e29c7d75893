import { chmodSync, existsSync, readFileSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

/** Thrown when no usable User-Mode Linux is at hand; the message says what to do. */
export class UserModeLinuxError extends Error {
  override readonly name = 'UserModeLinuxError';
}

/** Where `linux.uml` of Debian's package user-mode-linux is, or undefined. */
export function findUserModeLinux(): string | undefined {
  const directories = (process.env.PATH ?? '').split(delimiter).concat('/usr/bin');
  return directories.map((directory) => join(directory, 'linux.uml')).find((path) => existsSync(path));
}

/** True when the CPU has AMX, whose register state makes a process's XSAVE area larger than UML expects. */
export function cpuHasAmx(cpuinfo: string = readFileSync('/proc/cpuinfo', 'utf8')): boolean {
  return /^flags\s*:.*\bamx_tile\b/m.test(cpuinfo);
}

/** `iov_len` that no XSAVE area exceeds; the kernel shortens it to the true size. */
const ENOUGH_FOR_ANY_XSAVE_AREA = 16384;

/**
 * Returns `program` (the bytes of linux.uml) changed so that it runs on a CPU with AMX.
 *
 * UML before 6.8 hands a process's floating point state back with PTRACE_SETREGSET and a length of
 * 2696 bytes. The kernel outside takes only the length of the whole XSAVE area (`xstateregs_set`),
 * which is larger with AMX, and answers EFAULT; UML then kills its first process. The area's header
 * says which parts are in use, and UML's 2696 bytes hold all of them, so a larger length is all it
 * takes. The instructions that set it are looked up by what they say:
 *
 *     movq $2696, disp8(%rbp)     48 c7 45 xx 88 0a 00 00
 *     movl $0x4205, %edi          bf 05 42 00 00            PTRACE_SETREGSET
 *
 * @throws UserModeLinuxError when they are not there exactly once.
 */
export function withLargeXsaveArea(program: Uint8Array): Uint8Array {
  const bytes = Buffer.from(program);
  const setLength = Buffer.from([0x88, 0x0a, 0x00, 0x00, 0xbf, 0x05, 0x42, 0x00, 0x00]);
  const places: number[] = [];
  for (let at = bytes.indexOf(setLength); at >= 0; at = bytes.indexOf(setLength, at + 1)) {
    if (at >= 4 && bytes[at - 4] === 0x48 && bytes[at - 3] === 0xc7 && bytes[at - 2] === 0x45)
      places.push(at);
  }
  const [place, ...others] = places;
  if (place === undefined || others.length > 0) {
    throw new UserModeLinuxError(
      `this CPU has AMX, which this build of linux.uml cannot run on (${places.length} places to correct found, 1 expected): use a machine without AMX or a kernel with CONFIG_NET_VRF`,
    );
  }
  bytes.writeUInt32LE(ENOUGH_FOR_ANY_XSAVE_AREA, place);
  return bytes;
}

/** A program to start, and what is worth telling the user about it. */
export interface UserModeLinuxProgram {
  readonly path: string;
  readonly note: string | undefined;
}

/**
 * The `linux.uml` to start on this machine: Debian's own, or a corrected copy of it in `directory`
 * when the CPU needs one.
 *
 * @throws UserModeLinuxError when the package is missing or the program cannot be corrected.
 */
export function prepareUserModeLinux(directory: string): UserModeLinuxProgram {
  const path = findUserModeLinux();
  if (path === undefined) {
    throw new UserModeLinuxError(
      'linux.uml not found: install the Debian package user-mode-linux (make setup)',
    );
  }
  if (!cpuHasAmx()) return { path, note: undefined };
  const program = readFileSync(path);
  let corrected: Uint8Array;
  try {
    corrected = withLargeXsaveArea(program);
  } catch (error) {
    if (program.includes('Linux version 6.1')) throw error;
    return { path, note: 'CPU with AMX: taking linux.uml as it is' };
  }
  const copy = join(directory, 'linux.uml');
  writeFileSync(copy, corrected);
  chmodSync(copy, 0o755);
  return { path: copy, note: 'CPU with AMX: using a copy of linux.uml with its XSAVE length corrected' };
}

/** Directory for the guest's memory file of `bytes`: memory-backed where there is room. */
export function memoryDirectory(bytes: number): string {
  try {
    const shm = statfsSync('/dev/shm');
    if (shm.bavail * shm.bsize >= bytes) return '/dev/shm';
  } catch {
    // No /dev/shm: the directory for temporary files does as well, only slower.
  }
  return tmpdir();
}
