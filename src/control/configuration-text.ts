import type { ConfigurationFinding } from '../config/model.ts';
import { printableText, type WriteText } from './text-table.ts';

/** Prints a line for each finding, in the form compilers use. Gives false when there was none. */
export async function printFindings(
  findings: readonly ConfigurationFinding[],
  write: WriteText,
): Promise<boolean> {
  for (const { level, resource, location, field, message, found, allowed } of findings) {
    const parts = [
      `${location.file}:${location.line}:${location.column}: ${level}:`,
      resource && `${resource.kind} ${resource.name}:`,
      field && `${field}:`,
      message,
      found !== undefined && `(found ${found})`,
      allowed !== undefined && `(allowed: ${allowed})`,
    ];
    await write(`${printableText(parts.filter(Boolean).join(' '))}\n`);
  }
  return findings.length > 0;
}
