import { usageFailure } from '../failure.ts';
import { nearest } from '../nearest.ts';
import { Template } from '../template/evaluate.ts';
import { goJson } from '../template/go-value.ts';
import { styleFor } from './style.ts';
import { table } from './table.ts';

/** What a row can show: name in templates, heading in tables, and the value, computed only when shown. */
export interface Column<Row> {
  readonly name: string;
  readonly heading: string;
  readonly value: (row: Row) => unknown;
  /** Left out of `json` (methods with arguments). */
  readonly method?: boolean;
}

export interface Listing<Row> {
  readonly columns: readonly Column<Row>[];
  /** Names of the columns of the plain table. */
  readonly shown: readonly string[];
  /** For -q: the one value of each line. */
  readonly quiet?: string;
}

/** The object that a template sees: its fields compute when they are asked for. */
function lazyRow<Row>(columns: readonly Column<Row>[], row: Row): Record<string, unknown> {
  const object: Record<string, unknown> = {};
  for (const column of columns) {
    Object.defineProperty(object, column.name, { enumerable: column.method !== true, get: () => column.value(row) });
  }
  return object;
}

/** Values of columns are texts, save for JSON's null where there is nothing to say. */
const cellText = (value: unknown): string => (typeof value === 'string' ? value : '');

/** docker writes `\t` and `\n` in a --format of the shell's single quotes as two characters. */
const unescapeFormat = (format: string): string => format.replace(/\\t/g, '\t').replace(/\\n/g, '\n');

function missingColumn<Row>(columns: readonly Column<Row>[]) {
  return (_object: unknown, name: string): never => {
    const close = nearest(
      name,
      columns.map((column) => column.name),
    );
    throw usageFailure(
      `template parsing error: can't evaluate field ${name}`,
      close === undefined ? `fields are ${columns.map((column) => column.name).join(', ')}` : `did you mean .${close}?`,
    );
  };
}

function headings<Row>(columns: readonly Column<Row>[]): Record<string, unknown> {
  const object: Record<string, unknown> = {};
  for (const column of columns) {
    // {{.Label "app"}} is headed by the label's own last part.
    const heading = column.method
      ? (argument: unknown) => (typeof argument === 'string' ? argument.replace(/.*\./, '') : column.heading)
      : column.heading;
    object[column.name] = heading;
  }
  return object;
}

/** Rows as a table, as JSON lines, or by a template, as --format says; ends with a newline unless it is empty. */
export function renderListing<Row>(
  listing: Listing<Row>,
  rows: readonly Row[],
  options: { readonly format: string | undefined; readonly quiet?: boolean; readonly shown?: readonly string[] },
): string {
  const { columns } = listing;
  if (options.quiet === true && listing.quiet !== undefined && (options.format ?? 'table') === 'table') {
    const column = columns.find((one) => one.name === listing.quiet);
    return rows.map((row) => `${cellText(column?.value(row))}\n`).join('');
  }
  const format = options.format === undefined || options.format === '' ? 'table' : options.format;
  if (format === 'json') {
    return rows.map((row) => `${goJson({ ...lazyRow(columns, row) }, { sorted: true, escaped: true })}\n`).join('');
  }
  if (format === 'table') return plainTable(listing, rows, options.shown ?? listing.shown);
  const isTable = /^table\s/.test(format);
  const template = new Template(unescapeFormat(isTable ? format.slice(6).trimStart() : format), missingColumn(columns));
  const lines = rows.map((row) => template.render(lazyRow(columns, row)));
  if (!isTable) return lines.map((line) => `${line}\n`).join('');
  const head = template.render(headings(columns));
  return emphasiseHead(table([head, ...lines].map((line) => line.split('\t'))));
}

function plainTable<Row>(listing: Listing<Row>, rows: readonly Row[], shown: readonly string[]): string {
  const columns = shown.flatMap((name) => listing.columns.filter((column) => column.name === name));
  const cells = rows.map((row) => columns.map((column) => cellText(column.value(row))));
  return emphasiseHead(table([columns.map((column) => column.heading), ...cells]));
}

function emphasiseHead(text: string): string {
  const end = text.indexOf('\n');
  return styleFor(process.stdout).bold(text.slice(0, end)) + text.slice(end);
}
