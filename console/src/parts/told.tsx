import { When } from '../text/dates.js';

const MOMENT = /(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z)/;

/** A sentence of the service: what stands in backticks as code, moments in the reader's own zone. */
export function Told({ text }: { text: string }) {
  return text.split('`').map((part, index) => {
    const key = `${String(index)} ${part}`;
    if (index % 2 === 1) return <code key={key}>{part}</code>;
    return part
      .split(MOMENT)
      .map((piece, at) => (at % 2 === 1 ? <When key={`${key} ${piece}`} at={piece} seconds /> : piece));
  });
}
