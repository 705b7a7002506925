/**
 * Whether what came is an answer. What decides is looked at, field by field: a proxy's page, a truncated body or another
 * program's JSON must never be taken for a decision.
 */
import type { BatchedDecision, BatchedError, CheckResult, Introspection, ObjectPage } from './contract/api.js';

type Fields = Readonly<Record<string, unknown>>;

export function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}

const isText = (value: unknown): value is string => typeof value === 'string';
const areTexts = (value: unknown): boolean => Array.isArray(value) && value.every(isText);

export function isCheckResult(value: unknown): value is CheckResult {
  const { allowed, decisionId } = fieldsOf(value);
  return typeof allowed === 'boolean' && isText(decisionId);
}

export function isBatchAnswer(value: unknown): value is BatchedDecision | BatchedError {
  const { allowed, decisionId, error } = fieldsOf(value);
  if (error !== undefined) return allowed === undefined && isText(fieldsOf(error)['code']);
  return typeof allowed === 'boolean' && isText(decisionId);
}

export function isObjectPage(value: unknown): value is ObjectPage {
  const { items, nextCursor, complete } = fieldsOf(value);
  // `nextCursor` is null exactly when the list is complete; anything else would be a list cut short.
  return areTexts(items) && (complete === true ? nextCursor === null : complete === false && isText(nextCursor));
}

export function isIntrospection(value: unknown): value is Introspection {
  const { active, sub, tenant_id: tenantId, roles = [], managed_user_ids: managed = [], act } = fieldsOf(value);
  if (active === false) return true;
  const isWhole = isText(sub) && (tenantId === undefined || isText(tenantId)) && areTexts(roles) && areTexts(managed);
  return active === true && isWhole && (act === undefined || isText(fieldsOf(act)['impersonation_id']));
}
