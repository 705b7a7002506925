/**
 * CSV by RFC 4180, safe to open in a spreadsheet: what one would take for a formula is written with an apostrophe before it
 * (OWASP, CSV injection). In a locale that separates by `;`, as the German and the French, our quotes do not hold a field
 * together: a cell begins after every `;` and every line break in it too, and may begin with quotes.
 */
const FORMULA = /^(?=[=+\-@\t\r\n])|(?<=[;\r\n]"*)(?=[=+\-@\t])/g;

/** One line with its end; null is an empty field. */
export function csvLine(fields: readonly (string | null)[]): string {
  return `${fields.map(csvField).join(',')}\r\n`;
}

/** JSON as a field: an escaped `;` is the same to whoever parses it, and separates nothing. */
export const csvJson = (value: unknown): string => JSON.stringify(value).replaceAll(';', '\\u003b');

function csvField(value: string | null): string {
  if (value === null) return '';
  const text = value.replace(FORMULA, "'");
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
