/** Between two columns. */
const gap = 3;
/**
 * Lays rows out in columns as docker's tables are: the last column is not padded, the others end in three spaces and are,
 * those included, `minimumCell` wide at least.
 */
export function table(rows: readonly (readonly string[])[], minimumCell = 10): string {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [column, cell] of row.slice(0, -1).entries()) {
      widths[column] = Math.max(widths[column] ?? minimumCell, displayWidth(cell) + gap);
    }
  }
  return rows
    .map((row) => {
      const last = row.length - 1;
      const cells = row.map((cell, column) =>
        column === last ? cell : cell + ' '.repeat((widths[column] ?? 0) - displayWidth(cell)),
      );
      return `${cells.join('')}\n`;
    })
    .join('');
}

/** Columns on a terminal, without its colour sequences. */
export function displayWidth(text: string): number {
  return Array.from(text.replace(/\u001b\[[0-9;]*m/g, '')).length;
}
