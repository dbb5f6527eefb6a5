import type { Style } from '../format/style.ts';

/** A line with lines below it. */
export interface TreeNode {
  readonly text: string;
  readonly children?: readonly TreeNode[];
}

/** Draws nodes below each other with box characters. */
export function drawTree(nodes: readonly TreeNode[], style: Style, indent = ''): string {
  return nodes
    .map(({ text, children }, index) => {
      const last = index === nodes.length - 1;
      const branch = style.dim(`${indent}${last ? '└─ ' : '├─ '}`);
      return `${branch}${text}\n${drawTree(children ?? [], style, `${indent}${last ? '   ' : '│  '}`)}`;
    })
    .join('');
}

/** Pads the columns of rows that become lines of a tree. */
export function aligned(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows)
    for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, cell.length);
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}
