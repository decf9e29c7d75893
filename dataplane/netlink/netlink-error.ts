import { describeErrno, errnoName } from '../system-calls.ts';

/** What a request is about, for messages to people. */
export interface RequestSubject {
  /** Such as `create` or `list`. */
  readonly operation: string;
  /** Such as `vrf red` or `links`. */
  readonly object: string;
}

/** A request that the kernel refused or whose answer was lost. */
export class NetlinkError extends Error {
  override readonly name = 'NetlinkError';
  /** Positive errno. */
  readonly errno: number;
  /** Name of the errno, such as `EEXIST`. */
  readonly code: string;
  readonly operation: string;
  readonly object: string;
  /** The kernel's reason: errno name and meaning, and its own text if it gave one. */
  readonly reason: string;

  constructor(errno: number, kernelText: string | undefined, subject: RequestSubject) {
    const reason = errnoReason(errno, kernelText);
    super(`${subject.operation} ${subject.object}: ${reason}`);
    this.errno = errno;
    this.code = errnoName(errno);
    this.operation = subject.operation;
    this.object = subject.object;
    this.reason = reason;
  }
}

/** An errno, and the kernel's extended text if any: `EEXIST (file already exists): Table is used by another VRF`. */
export function errnoReason(errno: number, kernelText: string | undefined): string {
  return kernelText === undefined ? describeErrno(errno) : `${describeErrno(errno)}: ${kernelText}`;
}
