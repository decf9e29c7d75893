import { styleText } from 'node:util';
import type { ConfigurationFinding, ConfigurationResult, SourceLocation } from '../config/model.ts';
import { EXIT_BAD, EXIT_GOOD, EXIT_UNUSABLE } from './exit-codes.ts';

/** The outcome of `check` in one word. */
export type Verdict = 'good' | 'partly' | 'unusable';

/** `unusable`: no resource can be used. `partly`: something asked for will not be. */
export function verdictOf({ findings, accepted }: ConfigurationResult): Verdict {
  if (accepted.length === 0) return 'unusable';
  return findings.some(({ level }) => level !== 'warning') ? 'partly' : 'good';
}

/** Exit codes of `check` by verdict. */
export const EXIT_CODES: Readonly<Record<Verdict, number>> = {
  good: EXIT_GOOD,
  partly: EXIT_BAD,
  unusable: EXIT_UNUSABLE,
};

/** How the text is made. */
export interface ReportStyle {
  readonly color: boolean;
  /** The line of a file without its end; undefined when it cannot be had. */
  readonly sourceLine: (file: string, line: number) => string | undefined;
}

type Color = Parameters<typeof styleText>[0];
type Paint = (color: Color, text: string) => string;

const LEVEL_COLORS: Readonly<Record<ConfigurationFinding['level'], Color>> = {
  error: 'red',
  unsupported: 'magenta',
  warning: 'yellow',
};

/** The verdict for people: every finding as a compiler would print it, then what can be used. */
export function formatReport(result: ConfigurationResult, style: ReportStyle): string {
  const paint: Paint = (color, text) =>
    style.color ? styleText(color, text, { validateStream: false }) : text;
  const findings = result.findings.map((finding) => `${formatFinding(finding, style, paint)}\n`);
  return [...findings, ...summary(result, paint), ''].join('\n');
}

function formatFinding(finding: ConfigurationFinding, style: ReportStyle, paint: Paint): string {
  const { level, location, message, resource, field, found, allowed } = finding;
  const place = `${location.file}:${location.line}:${location.column}`;
  const about = [resource && `${resource.kind} ${resource.name}`, field].filter((part) => part !== undefined);
  const rows: Array<[string, string | undefined]> = [
    ['in', about.length > 0 ? about.join(', ') : undefined],
    ['found', found],
    ['allowed', allowed],
  ];
  return [
    `${paint('bold', `${place}:`)} ${paint(LEVEL_COLORS[level], `${level}:`)} ${paint('bold', message)}`,
    ...excerpt(finding, style, paint),
    ...rows.flatMap(([name, text]) => (text === undefined ? [] : `    ${name.padEnd(7)}  ${text}`)),
  ].join('\n');
}

const EXCERPT_WIDTH = 100;
/** Columns shown before the place in a line that is too long. */
const EXCERPT_BEFORE = 50;

/** Keys that may hold a password, also misspelt ones, with their value. */
const SECRETS = /(\w*pas+w?\w*["']?\s*:\s*)("[^"]*"?|'[^']*'?|[^\s,}\]]+)/gi;

/** The line with stars in the place of passwords, its columns unchanged. */
function withoutSecrets(line: string): string {
  return line.replace(SECRETS, (_, key: string, value: string) => key + '*'.repeat(value.length));
}

/** The source line with a mark below the place; none where it would show a password. */
function excerpt(
  { location, field, found }: ConfigurationFinding,
  style: ReportStyle,
  paint: Paint,
): string[] {
  if (field !== undefined && /password$/i.test(field)) return [];
  const line = style.sourceLine(location.file, location.line);
  if (!line?.trim()) return [];
  const source = withoutSecrets(line);
  const from = location.column > EXCERPT_WIDTH ? location.column - EXCERPT_BEFORE : 0;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters must not reach a terminal
  const shown = source.slice(from, from + EXCERPT_WIDTH).replace(/[\u0000-\u001f\u007f-\u009f]/g, ' ');
  const start = location.column - 1 - from;
  const marked = found && shown.startsWith(found, start) ? found.length : 1;
  const gutter = String(location.line).padStart(5);
  return [
    `${gutter} | ${shown}`,
    `${' '.repeat(gutter.length)} | ${' '.repeat(start)}${paint('red', `^${'~'.repeat(marked - 1)}`)}`,
  ];
}

function summary(result: ConfigurationResult, paint: Paint): string[] {
  const { accepted, findings, notForThisNode, skippedDocuments, configuration } = result;
  const verdict = verdictOf(result);
  const names = (all: ReadonlyArray<{ kind: string; name: string }>): string =>
    all.map(({ kind, name }) => `${kind} ${name}`).join(', ');
  const count = (level: ConfigurationFinding['level']): number =>
    findings.filter((finding) => finding.level === level).length;
  const words: Record<Verdict, string> = {
    good: paint('green', 'The configuration is good.'),
    partly: paint('yellow', 'Only a part of the configuration can be used as it is.'),
    unusable: paint('red', 'Nothing of the configuration can be used.'),
  };
  const node = `node ${configuration.nodeIndex}${configuration.nodeName ? ` (${configuration.nodeName})` : ''}`;
  return [
    words[verdict],
    ...(accepted.length > 0 ? [`  in use on ${node}: ${names(accepted)}`] : []),
    ...(notForThisNode.length > 0 ? [`  not for this node: ${names(notForThisNode)}`] : []),
    ...(skippedDocuments.length > 0 ? [`  of other kinds, skipped: ${names(skippedDocuments)}`] : []),
    ...(findings.length > 0
      ? [
          `  ${counted(count('error'), 'error')}, ${count('unsupported')} not supported, ${counted(count('warning'), 'warning')}`,
        ]
      : []),
  ];
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** The verdict for machines; the shape is documented in docs/configuration.md. */
export function reportAsJson(result: ConfigurationResult): object {
  const verdict = verdictOf(result);
  const { configuration, findings, accepted, notForThisNode, skippedDocuments } = result;
  return {
    verdict,
    exitCode: EXIT_CODES[verdict],
    node: { index: configuration.nodeIndex, name: configuration.nodeName ?? null },
    findings: findings.map(({ level, reason, resource, location, field, found, allowed, message }) => ({
      level,
      reason,
      resource: resource ?? null,
      ...location,
      field: field ?? null,
      found: found ?? null,
      allowed: allowed ?? null,
      message,
    })),
    accepted: accepted.map(placed),
    notForThisNode: notForThisNode.map(placed),
    skippedDocuments: skippedDocuments.map(placed),
  };
}

function placed({ kind, name, location }: { kind: string; name: string; location: SourceLocation }): object {
  return { kind, name, file: location.file, line: location.line };
}
