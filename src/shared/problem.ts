/**
 * Everything that can go wrong in a way that a caller can act on.
 *
 * The codes are the `ProblemCode` enum of openapi.yaml: the compiler refuses a code without a row here and a row
 * without a code there. RFC 9457 bodies are made in http/problems.ts alone.
 */
import type { Problem as ProblemBody } from '../contract/api.js';
import type { ProblemCode } from '../contract/operations.js';

interface ProblemKind {
  readonly status: number;
  readonly title: string;
}

export const PROBLEMS = {
  INVALID_REQUEST: { status: 400, title: 'the request does not follow the contract' },
  SYNC_TOKEN_INVALID: { status: 400, title: 'the sync token cannot be used' },
  TENANT_ADDRESS_REQUIRED: { status: 400, title: 'it is not said which tenant this is about' },
  UNAUTHENTICATED: { status: 401, title: 'the caller is not known' },
  FORBIDDEN: { status: 403, title: 'the caller may not do this' },
  CURRENT_PASSWORD_WRONG: { status: 403, title: 'the current password is not right' },
  ESCALATION: { status: 403, title: 'nobody hands out what they neither hold nor may delegate' },
  IMPERSONATION_REQUIRED: { status: 403, title: 'the tenant must be impersonated first' },
  PASSWORD_CHANGE_REQUIRED: { status: 403, title: 'the password must be changed first' },
  SELF_APPROVAL: { status: 403, title: 'nobody decides about themselves' },
  TENANT_READ_ONLY: { status: 403, title: 'nothing is written into a read-only tenant' },
  TENANT_SUSPENDED: { status: 403, title: 'the tenant is suspended' },
  NOT_FOUND: { status: 404, title: 'there is nothing here' },
  METHOD_NOT_ALLOWED: { status: 405, title: 'the resource does not have this method' },
  EMAIL_TAKEN: { status: 409, title: 'the tenant has a user of that address' },
  ALREADY_ASSIGNED: { status: 409, title: 'the user has the role already' },
  ALREADY_IMPERSONATING: { status: 409, title: 'one impersonation at a time' },
  ASSIGNMENT_CYCLE: { status: 409, title: 'nobody is below themselves' },
  ASSIGNMENT_TOO_DEEP: { status: 409, title: 'a chain of managers has at most 20 assignments' },
  IDEMPOTENCY_IN_PROGRESS: { status: 409, title: 'the first request with this key is under way' },
  IDEMPOTENCY_KEY_SPENT: { status: 409, title: 'the request with this key has had its effect' },
  LAST_ADMIN: { status: 409, title: 'the tenant would be left without an administrator' },
  LAST_PLATFORM_ADMIN: { status: 409, title: 'there would be nobody above the tenants' },
  MAILER_NOT_READY: { status: 409, title: 'no mail can be sent as things are set' },
  PLATFORM_ADMIN_EXISTS: { status: 409, title: 'there is a platform admin already' },
  NAME_TAKEN: { status: 409, title: 'a tenant has that name' },
  OWNS_RECORDS: { status: 409, title: 'the user owns records' },
  RECORD_EXISTS: { status: 409, title: 'the record belongs to somebody else' },
  REQUEST_CLOSED: { status: 409, title: 'it is decided, or over' },
  REQUEST_OPEN: { status: 409, title: 'one like it is open' },
  ROLE_IN_USE: { status: 409, title: 'the role is assigned to somebody' },
  ROLE_NAME_TAKEN: { status: 409, title: 'the tenant has a role of that name' },
  SLUG_TAKEN: { status: 409, title: 'the slug is taken or reserved' },
  SYSTEM_ROLE_PROTECTED: { status: 409, title: 'a system role is not changed' },
  VERSION_CONFLICT: { status: 412, title: 'it has changed since it was read' },
  PAYLOAD_TOO_LARGE: { status: 413, title: 'the request body is too large' },
  UNSUPPORTED_MEDIA_TYPE: { status: 415, title: 'the request body must be JSON' },
  IDEMPOTENCY_KEY_REUSED: { status: 422, title: 'the key belongs to another request' },
  PASSWORD_NOT_ACCEPTED: { status: 422, title: 'the new password may not be chosen' },
  SIGN_IN_LOCKED: { status: 429, title: 'too many attempts have failed' },
  SIGN_IN_THROTTLED: { status: 429, title: 'too many attempts have failed from one place' },
  INTERNAL: { status: 500, title: 'the service failed' },
  MAIL_FAILED: { status: 502, title: 'the mail server did not take the mail' },
  AUDIT_UNAVAILABLE: { status: 503, title: 'the decision cannot be written down' },
  DATABASE_UNAVAILABLE: { status: 503, title: 'the database cannot be reached' },
  ENGINE_UNAVAILABLE: { status: 503, title: 'the decision engine cannot answer' },
  ISSUER_UNAVAILABLE: { status: 503, title: 'the keys of the token issuer cannot be had' },
  OVERLOADED: { status: 503, title: 'there is too much to do' },
  SIGN_IN_BUSY: { status: 503, title: 'too many sign-ins at once' },
  SYNC_BACKLOG: { status: 503, title: 'earlier changes are not in force yet' },
  SYNC_LAG: { status: 503, title: 'a change that matters here is not in force yet' },
} as const satisfies Record<ProblemCode, ProblemKind>;

/** One thing wrong with the request: a JSON pointer or parameter name, and what is wrong there. */
export interface FieldFault {
  readonly field: string;
  readonly message: string;
}

/** Facts that go with some problems, as the contract's `Problem` has them. */
export type ProblemFacts = Pick<ProblemBody, 'missing' | 'holders' | 'changed' | 'impersonation'>;

/** A failure that the caller is told about. `detail` is shown; `cause` is only logged. */
export class Problem extends Error {
  readonly code: ProblemCode;
  readonly detail: string;
  readonly errors: readonly FieldFault[];
  readonly facts: ProblemFacts;
  /** Seconds after which trying again makes sense; sent as `Retry-After`. */
  readonly retryAfterSeconds: number | undefined;

  constructor(
    code: ProblemCode,
    detail: string,
    more: { cause?: unknown; errors?: readonly FieldFault[]; facts?: ProblemFacts; retryAfterSeconds?: number } = {},
  ) {
    super(detail, { cause: more.cause });
    this.name = 'Problem';
    this.code = code;
    this.detail = detail;
    this.errors = more.errors ?? [];
    this.facts = more.facts ?? {};
    this.retryAfterSeconds = more.retryAfterSeconds;
  }
}

/** Whether it is the code of a problem. */
export function isProblemCode(code: string): code is ProblemCode {
  return Object.hasOwn(PROBLEMS, code);
}
