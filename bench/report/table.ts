/** A table for people; the first column is of words, all others of numbers. */
export interface Table {
  readonly title: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** Lines below it. */
  readonly notes: readonly string[];
}

/** The table as plain text, its columns below each other. */
export function plainTable({ title, head, rows, notes }: Table): string {
  const widths = head.map((cell, column) =>
    Math.max(cell.length, ...rows.map((row) => (row[column] ?? '').length)),
  );
  const lineOf = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => {
        const width = widths[column] ?? 0;
        return column === 0 ? cell.padEnd(width) : cell.padStart(width);
      })
      .join('  ')
      .trimEnd();
  const body = [head, ...rows].map((row) => `  ${lineOf(row)}`);
  return [title, ...(rows.length > 0 ? body : []), ...notes.map((note) => `  ${note}`)].join('\n');
}

/** The table in Markdown (GitHub's), under a heading. */
export function markdownTable({ title, head, rows, notes }: Table): string {
  const lineOf = (cells: readonly string[]): string => `| ${cells.map(escaped).join(' | ')} |`;
  const rule = head.map((_, column) => (column === 0 ? '---' : '---:'));
  const body = rows.length > 0 ? [lineOf(head), `|${rule.join('|')}|`, ...rows.map(lineOf), ''] : [];
  const list = notes.length > 0 ? [...notes.map((note) => `- ${note}`), ''] : [];
  return [`### ${title}`, '', ...body, ...list].join('\n');
}

function escaped(cell: string): string {
  return cell.replaceAll('|', '\\|');
}
