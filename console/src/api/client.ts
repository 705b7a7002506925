/**
 * The service's operations as typed functions: names, inputs and answers are those of the contract.
 *
 * A call sends the token of the session, renewing nothing by itself; what the service refuses is thrown as an ApiProblem,
 * and what does not come back at all as one too, so that a screen has one kind of error to show. Secrets in answers pass
 * through and are kept by nobody here.
 */
import type { OperationTypes } from '../../../src/contract/operations.js';
import { ApiProblem, problemOf } from './problem.js';
import { currentToken, forgetSession, type TokenKind } from './session.js';

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
type Id = keyof OperationTypes;

const ROUTES = {
  signIn: ['POST', '/auth/login'],
  renewToken: ['POST', '/auth/refresh'],
  changePassword: ['POST', '/auth/change-password'],
  signOut: ['POST', '/auth/logout'],
  getMe: ['GET', '/auth/me'],
  check: ['POST', '/check'],
  explain: ['POST', '/explain'],
  whatIf: ['POST', '/what-if'],
  listRoles: ['GET', '/admin/roles'],
  createRole: ['POST', '/admin/roles'],
  getRole: ['GET', '/admin/roles/{id}'],
  describeRole: ['PATCH', '/admin/roles/{id}'],
  deleteRole: ['DELETE', '/admin/roles/{id}'],
  cloneRole: ['POST', '/admin/roles/{id}/clone'],
  setRolePermissions: ['PUT', '/admin/roles/{id}/permissions'],
  previewRolePermissions: ['POST', '/admin/roles/{id}/permissions/preview'],
  listRoleUsers: ['GET', '/admin/roles/{id}/users'],
  listUserRoles: ['GET', '/admin/users/{id}/roles'],
  assignRole: ['POST', '/admin/users/{id}/roles'],
  revokeRole: ['DELETE', '/admin/users/{id}/roles/{roleId}'],
  getEffectivePermissions: ['GET', '/admin/users/{id}/effective-permissions'],
  listPermissions: ['GET', '/admin/permissions'],
  listPermissionUsers: ['GET', '/admin/permissions/{permissionId}/users'],
  listTeamAssignments: ['GET', '/admin/assignments'],
  createTeamAssignment: ['POST', '/admin/assignments'],
  deleteTeamAssignment: ['DELETE', '/admin/assignments'],
  listOfferedRoles: ['GET', '/requests/roles'],
  listOfferedPeople: ['GET', '/requests/people'],
  listMyElevations: ['GET', '/elevations'],
  requestElevation: ['POST', '/elevations'],
  cancelElevation: ['POST', '/elevations/{id}/cancel'],
  endElevation: ['POST', '/elevations/{id}/end'],
  listElevations: ['GET', '/admin/elevations'],
  approveElevation: ['POST', '/admin/elevations/{id}/approve'],
  denyElevation: ['POST', '/admin/elevations/{id}/deny'],
  listMyDelegations: ['GET', '/delegations'],
  createDelegation: ['POST', '/delegations'],
  endMyDelegation: ['DELETE', '/delegations/{id}'],
  listDelegations: ['GET', '/admin/delegations'],
  endDelegation: ['DELETE', '/admin/delegations/{id}'],
  listMyEmergencies: ['GET', '/emergency-access'],
  takeEmergencyAccess: ['POST', '/emergency-access'],
  endEmergencyAccess: ['POST', '/emergency-access/{id}/end'],
  listEmergencies: ['GET', '/admin/emergency-access'],
  reviewEmergencyAccess: ['POST', '/admin/emergency-access/{id}/review'],
  listReviews: ['GET', '/admin/reviews'],
  startReview: ['POST', '/admin/reviews'],
  getReview: ['GET', '/admin/reviews/{id}'],
  listReviewItems: ['GET', '/admin/reviews/{id}/items'],
  decideReviewItem: ['POST', '/admin/reviews/{id}/items/{itemId}'],
  closeReview: ['POST', '/admin/reviews/{id}/close'],
  listAuditLog: ['GET', '/admin/audit-log'],
  getAuditLogState: ['GET', '/admin/audit-log/state'],
  getSyncState: ['GET', '/sync-state'],
  listPeople: ['GET', '/admin/users'],
  createUser: ['POST', '/admin/users'],
  getUser: ['GET', '/admin/users/{id}'],
  updateUser: ['PATCH', '/admin/users/{id}'],
  deleteUser: ['DELETE', '/admin/users/{id}'],
  resetPassword: ['POST', '/admin/users/{id}/reset-password'],
  unlockUser: ['POST', '/admin/users/{id}/unlock'],
  listTenants: ['GET', '/platform/tenants'],
  createTenant: ['POST', '/platform/tenants'],
  updateTenant: ['PATCH', '/platform/tenants/{id}'],
  startImpersonation: ['POST', '/platform/tenants/{id}/impersonation'],
  endImpersonation: ['DELETE', '/platform/tenants/{id}/impersonation'],
  getMailer: ['GET', '/platform/mailer'],
  replaceMailer: ['PUT', '/platform/mailer'],
  testMailer: ['POST', '/platform/mailer/test'],
} as const satisfies { readonly [K in Id]?: readonly [Method, OperationTypes[K]['data']['url']] };

export type ConsoleOperation = keyof typeof ROUTES;
export type Input<K extends ConsoleOperation> = Omit<OperationTypes[K]['data'], 'url'>;
export type Output<K extends ConsoleOperation> = OperationTypes[K]['responses'][keyof OperationTypes[K]['responses']];

export interface CallMore {
  readonly signal?: AbortSignal | undefined;
  /** Whose token; the platform admin's own where they act in a tenant and the call is not of that tenant. */
  readonly as?: TokenKind;
}

/** A person waits longer than a service does; a loaded machine answers late. */
const TIMEOUT_MS = '10000';
export const API = '/api/v1';

type Plain = string | number | boolean | undefined;

interface AnyInput {
  readonly body?: unknown;
  readonly path?: Readonly<Record<string, Plain>> | undefined;
  readonly query?: Readonly<Record<string, Plain>> | undefined;
  readonly headers?: Readonly<Record<string, Plain>> | undefined;
}

/** Calls an operation. Throws ApiProblem. */
export async function call<K extends ConsoleOperation>(
  id: K,
  input: Input<K>,
  more: CallMore = {},
): Promise<Output<K>> {
  const [method, template] = ROUTES[id];
  const response = await request(method, addressOf(template, input), { ...more, input });
  // The service holds its answers to the contract that the types are made of.
  return (response.status === 204 ? undefined : await response.json()) as Output<K>;
}

/** Downloads what an address of the API answers (`addressOf`), as a file would be. */
export async function download(address: string): Promise<Blob> {
  const response = await request('GET', address, { input: {} });
  return await response.blob();
}

async function request(method: Method, url: string, { input, signal, as }: CallMore & { input: AnyInput }) {
  const token = currentToken(as);
  const headers = new Headers({ 'timeout-ms': TIMEOUT_MS });
  if (token !== undefined) headers.set('authorization', `Bearer ${token}`);
  if (input.body !== undefined) headers.set('content-type', 'application/json');
  for (const [name, value] of Object.entries(input.headers ?? {})) {
    if (value !== undefined) headers.set(name, String(value));
  }
  const body = input.body === undefined ? null : JSON.stringify(input.body);
  const response = await fetch(url, { method, headers, body, signal: signal ?? null }).catch((cause: unknown) => {
    if (signal?.aborted === true) throw cause;
    throw ApiProblem.unreachable();
  });
  if (response.ok) return response;
  const problem = await problemOf(response);
  // A token that no longer counts ends the session, but only while it is still the one that the session has.
  if (problem.status === 401 && token !== undefined && token === currentToken(as)) forgetSession('ended');
  throw problem;
}

/** The address of a template with its path and query filled in. */
export function addressOf(template: string, { path = {}, query = {} }: AnyInput): string {
  const filled = template.replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String(path[name] ?? '')));
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== '') search.set(name, String(value));
  }
  // The service takes a plus or an asterisk that is not encoded for a fault.
  const asked = search.toString().replaceAll('+', '%20').replaceAll('*', '%2A');
  return `${API}${filled}${asked === '' ? '' : `?${asked}`}`;
}
