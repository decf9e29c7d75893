import { type Dirent, readdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { extname, join } from 'node:path';
import type { SourceLocation } from './model.ts';

/** Bytes of one file; a thousand L3VNIs take 300 kB. */
export const MAX_FILE_SIZE = 16 * 1024 * 1024;

/** Files of one directory, subdirectories included. */
export const MAX_FILES = 10_000;

const MAX_DIRECTORY_DEPTH = 8;
const EXTENSIONS: ReadonlySet<string> = new Set(['.yaml', '.yml', '.json']);

/** A file that cannot be read as text, or a directory that cannot be listed. */
export interface FileProblem {
  readonly location: SourceLocation;
  readonly message: string;
  readonly allowed?: string;
}

/** Either the text of the file or why there is none. */
export type FileText = { readonly text: string } | { readonly problem: FileProblem };

/**
 * The files that `path` stands for: itself, or the `*.yaml`, `*.yml` and `*.json` files of the directory and
 * of its subdirectories, in alphabetical order. Names that begin with a dot are passed over: a mounted
 * ConfigMap keeps its old versions under such names.
 */
export function findConfigurationFiles(path: string): { files: string[]; problems: FileProblem[] } {
  const found = { files: [] as string[], problems: [] as FileProblem[] };
  try {
    if (!statSync(path).isDirectory()) return { files: [path], problems: [] };
  } catch (error) {
    found.problems.push(fileProblem(path, describeSystemError(error)));
    return found;
  }
  collectFiles(path, 0, new Set(), found);
  if (found.files.length === 0 && found.problems.length === 0) {
    found.problems.push({
      ...fileProblem(path, 'the directory has no configuration files'),
      allowed: 'files named *.yaml, *.yml or *.json',
    });
  }
  return found;
}

function collectFiles(
  directory: string,
  depth: number,
  visited: Set<string>,
  found: { files: string[]; problems: FileProblem[] },
): void {
  let entries: Dirent[];
  try {
    const real = realpathSync(directory);
    if (visited.has(real)) return;
    visited.add(real);
    entries = readdirSync(directory, { withFileTypes: true });
  } catch (error) {
    found.problems.push(fileProblem(directory, describeSystemError(error)));
    return;
  }
  entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const entry of entries) {
    if (entry.name.startsWith('.')) continue;
    const path = join(directory, entry.name);
    if (isDirectory(entry, path)) {
      if (depth < MAX_DIRECTORY_DEPTH) collectFiles(path, depth + 1, visited, found);
      else
        found.problems.push(fileProblem(path, `more than ${MAX_DIRECTORY_DEPTH} directories deep: not read`));
    } else if (EXTENSIONS.has(extname(entry.name))) {
      if (found.files.length === MAX_FILES) {
        found.problems.push(
          fileProblem(path, `more than ${MAX_FILES} files: this one and others are not read`),
        );
      }
      if (found.files.length >= MAX_FILES) return;
      found.files.push(path);
    }
  }
}

function isDirectory(entry: Dirent, path: string): boolean {
  if (!entry.isSymbolicLink()) return entry.isDirectory();
  try {
    return statSync(path).isDirectory();
  } catch {
    // A dangling link is reported when it is read, if its name makes it a configuration file.
    return false;
  }
}

/** Reads one file as UTF-8 text. Never throws. */
export function readConfigurationFile(path: string): FileText {
  let bytes: Buffer;
  try {
    const status = statSync(path);
    if (!status.isFile()) return { problem: fileProblem(path, 'this is not a regular file') };
    if (status.size > MAX_FILE_SIZE) {
      return {
        problem: fileProblem(path, `the file has ${status.size} bytes, at most ${MAX_FILE_SIZE} are read`),
      };
    }
    bytes = readFileSync(path);
  } catch (error) {
    return { problem: fileProblem(path, describeSystemError(error)) };
  }
  return decodeUtf8(bytes, path);
}

function decodeUtf8(bytes: Buffer, path: string): FileText {
  const zero = bytes.indexOf(0);
  if (zero !== -1) {
    return { problem: fileProblem(path, `this is no text file: a zero byte at offset ${zero}`, bytes, zero) };
  }
  try {
    return { text: new TextDecoder('utf-8', { fatal: true }).decode(bytes) };
  } catch {
    const offset = firstInvalidOffset(bytes);
    const byte = (bytes[offset] ?? 0).toString(16).padStart(2, '0');
    const message = `the file is not UTF-8: byte 0x${byte} at offset ${offset}; save it as UTF-8`;
    return { problem: fileProblem(path, message, bytes, offset) };
  }
}

/** Where the decoded text first differs from the bytes: lossy decoding puts U+FFFD there. */
function firstInvalidOffset(bytes: Buffer): number {
  const again = Buffer.from(bytes.toString('utf8'), 'utf8');
  for (let offset = 0; offset < bytes.length; offset++) if (bytes[offset] !== again[offset]) return offset;
  return bytes.length - 1;
}

function fileProblem(file: string, message: string, bytes?: Buffer, offset = 0): FileProblem {
  const before = bytes ? bytes.subarray(0, offset) : Buffer.alloc(0);
  let line = 1;
  for (const byte of before) if (byte === 0x0a) line++;
  return { location: { file, line, column: offset - before.lastIndexOf(0x0a) }, message };
}

function describeSystemError(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const words: Record<string, string> = {
    ENOENT: 'there is no such file or directory',
    EACCES: 'permission to read it is denied',
    ELOOP: 'its symbolic links run in a circle',
    ENOTDIR: 'a part of the path is not a directory',
    EISDIR: 'this is a directory',
    ENAMETOOLONG: 'the path is too long',
  };
  return words[code] ?? `it cannot be read: ${error instanceof Error ? error.message : String(error)}`;
}
