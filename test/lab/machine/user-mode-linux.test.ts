import { describe, expect, it } from 'vitest';
import { cpuHasAmx, UserModeLinuxError, withLargeXsaveArea } from './user-mode-linux.ts';

/** The instructions before a ptrace call in linux.uml 6.1; `request` is the low byte of 0x42xx. */
function ptraceCall(request: number): number[] {
  return [0x48, 0xc7, 0x45, 0xf8, 0x88, 0x0a, 0x00, 0x00, 0xbf, request, 0x42, 0x00, 0x00];
}

const GETREGSET = ptraceCall(0x04);
const SETREGSET = ptraceCall(0x05);

describe('a linux.uml for CPUs with AMX', () => {
  it('hands back a larger area and reads as much as before', () => {
    const program = Uint8Array.from([0x90, ...GETREGSET, 0x90, ...SETREGSET, 0x90]);
    const corrected = withLargeXsaveArea(program);
    const changed = [...corrected.keys()].filter((at) => corrected[at] !== program[at]);
    const lengthAt = 1 + GETREGSET.length + 1 + 4;
    expect(changed.every((at) => at >= lengthAt && at < lengthAt + 4)).toBe(true);
    expect(Buffer.from(corrected).readUInt32LE(lengthAt)).toBe(16384);
  });

  it('refuses a program that it does not know', () => {
    expect(() => withLargeXsaveArea(Uint8Array.from(GETREGSET))).toThrow(UserModeLinuxError);
    expect(() => withLargeXsaveArea(Uint8Array.from([...SETREGSET, ...SETREGSET]))).toThrow(/2 places/);
  });

  it('is wanted only where the CPU has AMX', () => {
    expect(cpuHasAmx('processor: 0\nflags\t\t: fpu avx512f amx_tile amx_int8\n')).toBe(true);
    expect(cpuHasAmx('processor: 0\nflags\t\t: fpu avx2 avx512f\n')).toBe(false);
  });
});
