/** Rows as text: aligned for a terminal, which is legal Markdown too. */

export function rowOf(head: string, cells: readonly string[]): string[] {
  return [head, ...cells];
}

/** The first row is the header. */
export function table(rows: readonly (readonly string[])[]): string {
  const [header = []] = rows;
  const widths = header.map((_, column) =>
    Math.max(3, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (row: readonly string[]) =>
    `| ${widths.map((width, column) => (row[column] ?? "").padEnd(width)).join(" | ")} |`;
  const rule = line(widths.map((width) => "-".repeat(width)));
  const [first = "", ...rest] = rows.map(line);
  return [first, rule, ...rest].join("\n");
}
