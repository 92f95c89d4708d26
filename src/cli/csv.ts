/** Rows as CSV, by RFC 4180. */

/** What a spreadsheet would take for a formula: strangers choose names. */
const FORMULA = /^[=+\-@\t\r]/;

/** Lines that end in CRLF. A cell that a spreadsheet would run gets a ' in front. */
export function csvOf(rows: readonly (readonly string[])[]): string {
  return rows.map((row) => `${row.map(cellOf).join(",")}\r\n`).join("");
}

function cellOf(text: string): string {
  const harmless = FORMULA.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}
