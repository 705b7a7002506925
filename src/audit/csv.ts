/**
 * CSV by RFC 4180, safe to open in a spreadsheet: a field that a spreadsheet would take for a formula is written with an
 * apostrophe before it (OWASP, CSV injection).
 */

/** One line with its end; null is an empty field. */
export function csvLine(fields: readonly (string | null)[]): string {
  return `${fields.map(csvField).join(',')}\r\n`;
}

function csvField(value: string | null): string {
  if (value === null) return '';
  const text = /^[=+\-@\t\r\n]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
