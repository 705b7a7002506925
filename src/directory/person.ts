/**
 * What is said of a person, in the one form in which it is kept and compared; and how a user is shown.
 *
 * Signing in finds an address in the same form (`security.normal_email`), so that nobody is missed by how they type it.
 */
import { Problem } from '../shared/problem.js';
import { ConstraintError } from '../platform/postgres.js';
import type { UserRow } from './user-store.js';

/** One form of each character, no white space around it, the domain in lower case. Throws Problem INVALID_REQUEST. */
export function tidyEmail(email: string): string {
  const trimmed = email.normalize('NFC').trim();
  const at = trimmed.lastIndexOf('@');
  const tidied = trimmed.slice(0, at) + trimmed.slice(at).toLowerCase();
  if (tidied.length <= 254) return tidied;
  throw invalid('email', 'is longer than 254 characters');
}

/** Throws Problem INVALID_REQUEST where nothing is left. */
export function tidyDisplayName(displayName: string): string {
  const tidied = displayName.normalize('NFC').trim();
  if (tidied !== '' && tidied.length <= 200) return tidied;
  throw invalid('displayName', 'must have 1 to 200 characters');
}

/** The problem that a constraint of the table stands for. */
export function namedFault(error: unknown): unknown {
  if (!(error instanceof ConstraintError)) return error;
  if (error.constraint === 'uq_app_user_email') {
    return new Problem('EMAIL_TAKEN', 'the tenant has a user of that address already', { cause: error });
  }
  return error.constraint === 'chk_app_user_email' ? invalid('email', 'is not an e-mail address') : error;
}

export function noSuchUser(): Problem {
  return new Problem('NOT_FOUND', 'there is no such user');
}

export function userBody({
  id,
  email,
  displayName,
  status,
  states,
  roleNames,
  lastSignInAt,
  lockedUntil,
  createdAt,
}: UserRow) {
  return {
    id,
    email,
    displayName,
    status,
    states,
    roleNames,
    lastSignInAt: lastSignInAt?.toISOString() ?? null,
    lockedUntil: lockedUntil?.toISOString() ?? null,
    createdAt: createdAt.toISOString(),
  };
}

function invalid(field: string, message: string): Problem {
  return new Problem('INVALID_REQUEST', `\`${field}\` ${message}`, { errors: [{ field, message }] });
}
