/** Where text goes; resolves when more is wanted, and throws when nothing is. */
export type WriteText = (text: string) => Promise<void>;

/** A column; the last one is never padded. */
export interface Column {
  readonly title: string;
  readonly align?: 'left' | 'right';
  /** Characters; wide enough for most cells that are not on the first page. */
  readonly minimum?: number;
}

/** Rows from which the widths are taken; later rows are printed as they come. */
const FIRST_PAGE = 100;
const GAP = '  ';

/**
 * A table that prints while its rows arrive: column widths fit the first page, and a later cell that
 * is wider pushes its own row only. Memory holds one page, however long the table.
 */
export class TextTable {
  readonly #columns: readonly Column[];
  readonly #write: WriteText;
  #page: (readonly string[])[] = [];
  #widths: readonly number[] | undefined;

  constructor(columns: readonly Column[], write: WriteText) {
    this.#columns = columns;
    this.#write = write;
  }

  /** Adds a row; missing cells are empty. */
  async row(cells: readonly string[]): Promise<void> {
    const printable = cells.map(printableText);
    if (this.#widths) return this.#write(this.#line(printable, this.#widths));
    this.#page.push(printable);
    if (this.#page.length >= FIRST_PAGE) await this.end();
  }

  /** Prints what is collected; nothing, not even titles, when there was no row. */
  async end(): Promise<void> {
    if (this.#widths || this.#page.length === 0) return;
    const titles = this.#columns.map((column) => column.title);
    const rows = [titles, ...this.#page];
    const widths = this.#columns.map(({ minimum = 0 }, index) =>
      Math.max(minimum, ...rows.map((row) => row[index]?.length ?? 0)),
    );
    this.#widths = widths;
    this.#page = [];
    await this.#write(rows.map((row) => this.#line(row, widths)).join(''));
  }

  #line(cells: readonly string[], widths: readonly number[]): string {
    const padded = this.#columns.map(({ align }, index) => {
      const text = cells[index] ?? '';
      return align === 'right' ? text.padStart(widths[index] ?? 0) : text.padEnd(widths[index] ?? 0);
    });
    return `${padded.join(GAP).trimEnd()}\n`;
  }
}

/** The text without control characters, which must not reach a terminal: some of it was written by peers. */
export function printableText(text: string): string {
  return text.replace(/\p{Cc}|[\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu, '\ufffd');
}

/** Lines of `label: value`, values below each other; those without a value are left out. */
export function labelledLines(entries: readonly (readonly [string, string | undefined])[]): string {
  const present = entries.filter(([, value]) => value !== undefined && value !== '');
  const width = Math.max(0, ...present.map(([label]) => label.length));
  return present
    .map(([label, value]) => `${`${label}:`.padEnd(width + 2)}${printableText(value ?? '')}\n`)
    .join('');
}

/** A time span in its two largest units: `850ms` is `0s`, else `12s`, `3m20s`, `5h02m`, `3d04h`. */
export function durationText(milliseconds: number): string {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  const two = (value: number): string => String(value).padStart(2, '0');
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m${two(seconds % 60)}s`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)}h${two(Math.floor((seconds % 3600) / 60))}m`;
  return `${Math.floor(seconds / 86_400)}d${two(Math.floor((seconds % 86_400) / 3600))}h`;
}

/** Bytes in MiB. */
export function mebibytesText(bytes: number): string {
  return `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
}
