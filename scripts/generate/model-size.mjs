/** What a model weighs for the engine, which limits it: the size of its protobuf, closely enough. */

/** @typedef {import('@openfga/sdk').AuthorizationModel} AuthorizationModel */

/** In these messages the names of the fields are data; everywhere else a field is one byte of tag. */
const MAPS = new Set(['relations', 'conditions', 'parameters']);

/**
 * @param {Omit<AuthorizationModel, 'id'>} model
 * @returns {number} bytes
 */
export function modelSize(model) {
  return bytesOf(model, '');
}

/** @param {unknown} value @param {string} field @returns {number} */
function bytesOf(value, field) {
  if (typeof value === 'string') return value.startsWith('TYPE_NAME_') ? 1 : Buffer.byteLength(value);
  if (typeof value !== 'object' || value === null) return 1;
  return Object.entries(value).reduce((sum, [key, inner]) => {
    const items = Array.isArray(inner) ? inner : [inner];
    const fields = items.reduce((/** @type {number} */ all, item) => all + framed(bytesOf(item, key)), 0);
    return sum + (MAPS.has(field) ? framed(framed(Buffer.byteLength(key)) + fields) : fields);
  }, 0);
}

/** @param {number} length @returns {number} with its tag and length before it */
function framed(length) {
  return length + (length < 128 ? 2 : length < 16_384 ? 3 : 4);
}
