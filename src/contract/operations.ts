// Made from openapi.yaml by scripts/generate.mjs. Edit that, and run `npm run generate`.

import type {
  CheckData,
  CheckResponses,
  BatchCheckData,
  BatchCheckResponses,
  ListObjectsData,
  ListObjectsResponses,
  ListUsersData,
  ListUsersResponses,
  ListPermissionsOfData,
  ListPermissionsOfResponses,
  ExplainData,
  ExplainResponses,
  WhatIfData,
  WhatIfResponses,
  RowFilterData,
  RowFilterResponses,
  ListRolesData,
  ListRolesResponses,
  CreateRoleData,
  CreateRoleResponses,
  GetRoleData,
  GetRoleResponses,
  DescribeRoleData,
  DescribeRoleResponses,
  DeleteRoleData,
  DeleteRoleResponses,
  CloneRoleData,
  CloneRoleResponses,
  SetRolePermissionsData,
  SetRolePermissionsResponses,
  PreviewRolePermissionsData,
  PreviewRolePermissionsResponses,
  ListRoleUsersData,
  ListRoleUsersResponses,
  ListUserRolesData,
  ListUserRolesResponses,
  AssignRoleData,
  AssignRoleResponses,
  TransitionRoleData,
  TransitionRoleResponses,
  RevokeRoleData,
  RevokeRoleResponses,
  GetEffectivePermissionsData,
  GetEffectivePermissionsResponses,
  ExportRoleMatrixData,
  ExportRoleMatrixResponses,
  ListPermissionsData,
  ListPermissionsResponses,
  ListPermissionUsersData,
  ListPermissionUsersResponses,
  ListTeamAssignmentsData,
  ListTeamAssignmentsResponses,
  CreateTeamAssignmentData,
  CreateTeamAssignmentResponses,
  DeleteTeamAssignmentData,
  DeleteTeamAssignmentResponses,
  ListRecordsData,
  ListRecordsResponses,
  CreateRecordData,
  CreateRecordResponses,
  TransferRecordData,
  TransferRecordResponses,
  DeleteRecordData,
  DeleteRecordResponses,
  ListAuditLogData,
  ListAuditLogResponses,
  GetAuditLogStateData,
  GetAuditLogStateResponses,
  GetSyncStateData,
  GetSyncStateResponses,
  ExportAuditLogData,
  ExportAuditLogResponses,
  ListOfferedRolesData,
  ListOfferedRolesResponses,
  ListOfferedPeopleData,
  ListOfferedPeopleResponses,
  ListMyElevationsData,
  ListMyElevationsResponses,
  RequestElevationData,
  RequestElevationResponses,
  GetMyElevationData,
  GetMyElevationResponses,
  CancelElevationData,
  CancelElevationResponses,
  EndElevationData,
  EndElevationResponses,
  ListElevationsData,
  ListElevationsResponses,
  GetElevationData,
  GetElevationResponses,
  ApproveElevationData,
  ApproveElevationResponses,
  DenyElevationData,
  DenyElevationResponses,
  GetAccessPolicyData,
  GetAccessPolicyResponses,
  ReplaceAccessPolicyData,
  ReplaceAccessPolicyResponses,
  ListMyDelegationsData,
  ListMyDelegationsResponses,
  CreateDelegationData,
  CreateDelegationResponses,
  EndMyDelegationData,
  EndMyDelegationResponses,
  ListDelegationsData,
  ListDelegationsResponses,
  EndDelegationData,
  EndDelegationResponses,
  ListMyEmergenciesData,
  ListMyEmergenciesResponses,
  TakeEmergencyAccessData,
  TakeEmergencyAccessResponses,
  EndEmergencyAccessData,
  EndEmergencyAccessResponses,
  ListEmergenciesData,
  ListEmergenciesResponses,
  ReviewEmergencyAccessData,
  ReviewEmergencyAccessResponses,
  ListReviewsData,
  ListReviewsResponses,
  StartReviewData,
  StartReviewResponses,
  GetReviewData,
  GetReviewResponses,
  ListReviewItemsData,
  ListReviewItemsResponses,
  DecideReviewItemData,
  DecideReviewItemResponses,
  CloseReviewData,
  CloseReviewResponses,
  ExportReviewData,
  ExportReviewResponses,
  GetMailerData,
  GetMailerResponses,
  ReplaceMailerData,
  ReplaceMailerResponses,
  TestMailerData,
  TestMailerResponses,
  ListPeopleData,
  ListPeopleResponses,
  CreateUserData,
  CreateUserResponses,
  GetUserData,
  GetUserResponses,
  UpdateUserData,
  UpdateUserResponses,
  DeleteUserData,
  DeleteUserResponses,
  ResetPasswordData,
  ResetPasswordResponses,
  UnlockUserData,
  UnlockUserResponses,
  ListTenantsData,
  ListTenantsResponses,
  CreateTenantData,
  CreateTenantResponses,
  UpdateTenantData,
  UpdateTenantResponses,
  StartImpersonationData,
  StartImpersonationResponses,
  EndImpersonationData,
  EndImpersonationResponses,
  GetMyProfileData,
  GetMyProfileResponses,
  UpdateMyProfileData,
  UpdateMyProfileResponses,
  SignInData,
  SignInResponses,
  RenewTokenData,
  RenewTokenResponses,
  ChangePasswordData,
  ChangePasswordResponses,
  SignOutData,
  SignOutResponses,
  GetMeData,
  GetMeResponses,
  IntrospectTokenData,
  IntrospectTokenResponses,
  BootstrapPlatformAdminData,
  BootstrapPlatformAdminResponses,
  GetSigningKeysData,
  GetSigningKeysResponses,
  GetContractData,
  GetContractResponses,
} from './api.js';

/** Input and successful answers of every operation of the contract. */
export interface OperationTypes {
  readonly check: { data: CheckData; responses: CheckResponses };
  readonly batchCheck: { data: BatchCheckData; responses: BatchCheckResponses };
  readonly listObjects: { data: ListObjectsData; responses: ListObjectsResponses };
  readonly listUsers: { data: ListUsersData; responses: ListUsersResponses };
  readonly listPermissionsOf: { data: ListPermissionsOfData; responses: ListPermissionsOfResponses };
  readonly explain: { data: ExplainData; responses: ExplainResponses };
  readonly whatIf: { data: WhatIfData; responses: WhatIfResponses };
  readonly rowFilter: { data: RowFilterData; responses: RowFilterResponses };
  readonly listRoles: { data: ListRolesData; responses: ListRolesResponses };
  readonly createRole: { data: CreateRoleData; responses: CreateRoleResponses };
  readonly getRole: { data: GetRoleData; responses: GetRoleResponses };
  readonly describeRole: { data: DescribeRoleData; responses: DescribeRoleResponses };
  readonly deleteRole: { data: DeleteRoleData; responses: DeleteRoleResponses };
  readonly cloneRole: { data: CloneRoleData; responses: CloneRoleResponses };
  readonly setRolePermissions: { data: SetRolePermissionsData; responses: SetRolePermissionsResponses };
  readonly previewRolePermissions: { data: PreviewRolePermissionsData; responses: PreviewRolePermissionsResponses };
  readonly listRoleUsers: { data: ListRoleUsersData; responses: ListRoleUsersResponses };
  readonly listUserRoles: { data: ListUserRolesData; responses: ListUserRolesResponses };
  readonly assignRole: { data: AssignRoleData; responses: AssignRoleResponses };
  readonly transitionRole: { data: TransitionRoleData; responses: TransitionRoleResponses };
  readonly revokeRole: { data: RevokeRoleData; responses: RevokeRoleResponses };
  readonly getEffectivePermissions: { data: GetEffectivePermissionsData; responses: GetEffectivePermissionsResponses };
  readonly exportRoleMatrix: { data: ExportRoleMatrixData; responses: ExportRoleMatrixResponses };
  readonly listPermissions: { data: ListPermissionsData; responses: ListPermissionsResponses };
  readonly listPermissionUsers: { data: ListPermissionUsersData; responses: ListPermissionUsersResponses };
  readonly listTeamAssignments: { data: ListTeamAssignmentsData; responses: ListTeamAssignmentsResponses };
  readonly createTeamAssignment: { data: CreateTeamAssignmentData; responses: CreateTeamAssignmentResponses };
  readonly deleteTeamAssignment: { data: DeleteTeamAssignmentData; responses: DeleteTeamAssignmentResponses };
  readonly listRecords: { data: ListRecordsData; responses: ListRecordsResponses };
  readonly createRecord: { data: CreateRecordData; responses: CreateRecordResponses };
  readonly transferRecord: { data: TransferRecordData; responses: TransferRecordResponses };
  readonly deleteRecord: { data: DeleteRecordData; responses: DeleteRecordResponses };
  readonly listAuditLog: { data: ListAuditLogData; responses: ListAuditLogResponses };
  readonly getAuditLogState: { data: GetAuditLogStateData; responses: GetAuditLogStateResponses };
  readonly getSyncState: { data: GetSyncStateData; responses: GetSyncStateResponses };
  readonly exportAuditLog: { data: ExportAuditLogData; responses: ExportAuditLogResponses };
  readonly listOfferedRoles: { data: ListOfferedRolesData; responses: ListOfferedRolesResponses };
  readonly listOfferedPeople: { data: ListOfferedPeopleData; responses: ListOfferedPeopleResponses };
  readonly listMyElevations: { data: ListMyElevationsData; responses: ListMyElevationsResponses };
  readonly requestElevation: { data: RequestElevationData; responses: RequestElevationResponses };
  readonly getMyElevation: { data: GetMyElevationData; responses: GetMyElevationResponses };
  readonly cancelElevation: { data: CancelElevationData; responses: CancelElevationResponses };
  readonly endElevation: { data: EndElevationData; responses: EndElevationResponses };
  readonly listElevations: { data: ListElevationsData; responses: ListElevationsResponses };
  readonly getElevation: { data: GetElevationData; responses: GetElevationResponses };
  readonly approveElevation: { data: ApproveElevationData; responses: ApproveElevationResponses };
  readonly denyElevation: { data: DenyElevationData; responses: DenyElevationResponses };
  readonly getAccessPolicy: { data: GetAccessPolicyData; responses: GetAccessPolicyResponses };
  readonly replaceAccessPolicy: { data: ReplaceAccessPolicyData; responses: ReplaceAccessPolicyResponses };
  readonly listMyDelegations: { data: ListMyDelegationsData; responses: ListMyDelegationsResponses };
  readonly createDelegation: { data: CreateDelegationData; responses: CreateDelegationResponses };
  readonly endMyDelegation: { data: EndMyDelegationData; responses: EndMyDelegationResponses };
  readonly listDelegations: { data: ListDelegationsData; responses: ListDelegationsResponses };
  readonly endDelegation: { data: EndDelegationData; responses: EndDelegationResponses };
  readonly listMyEmergencies: { data: ListMyEmergenciesData; responses: ListMyEmergenciesResponses };
  readonly takeEmergencyAccess: { data: TakeEmergencyAccessData; responses: TakeEmergencyAccessResponses };
  readonly endEmergencyAccess: { data: EndEmergencyAccessData; responses: EndEmergencyAccessResponses };
  readonly listEmergencies: { data: ListEmergenciesData; responses: ListEmergenciesResponses };
  readonly reviewEmergencyAccess: { data: ReviewEmergencyAccessData; responses: ReviewEmergencyAccessResponses };
  readonly listReviews: { data: ListReviewsData; responses: ListReviewsResponses };
  readonly startReview: { data: StartReviewData; responses: StartReviewResponses };
  readonly getReview: { data: GetReviewData; responses: GetReviewResponses };
  readonly listReviewItems: { data: ListReviewItemsData; responses: ListReviewItemsResponses };
  readonly decideReviewItem: { data: DecideReviewItemData; responses: DecideReviewItemResponses };
  readonly closeReview: { data: CloseReviewData; responses: CloseReviewResponses };
  readonly exportReview: { data: ExportReviewData; responses: ExportReviewResponses };
  readonly getMailer: { data: GetMailerData; responses: GetMailerResponses };
  readonly replaceMailer: { data: ReplaceMailerData; responses: ReplaceMailerResponses };
  readonly testMailer: { data: TestMailerData; responses: TestMailerResponses };
  readonly listPeople: { data: ListPeopleData; responses: ListPeopleResponses };
  readonly createUser: { data: CreateUserData; responses: CreateUserResponses };
  readonly getUser: { data: GetUserData; responses: GetUserResponses };
  readonly updateUser: { data: UpdateUserData; responses: UpdateUserResponses };
  readonly deleteUser: { data: DeleteUserData; responses: DeleteUserResponses };
  readonly resetPassword: { data: ResetPasswordData; responses: ResetPasswordResponses };
  readonly unlockUser: { data: UnlockUserData; responses: UnlockUserResponses };
  readonly listTenants: { data: ListTenantsData; responses: ListTenantsResponses };
  readonly createTenant: { data: CreateTenantData; responses: CreateTenantResponses };
  readonly updateTenant: { data: UpdateTenantData; responses: UpdateTenantResponses };
  readonly startImpersonation: { data: StartImpersonationData; responses: StartImpersonationResponses };
  readonly endImpersonation: { data: EndImpersonationData; responses: EndImpersonationResponses };
  readonly getMyProfile: { data: GetMyProfileData; responses: GetMyProfileResponses };
  readonly updateMyProfile: { data: UpdateMyProfileData; responses: UpdateMyProfileResponses };
  readonly signIn: { data: SignInData; responses: SignInResponses };
  readonly renewToken: { data: RenewTokenData; responses: RenewTokenResponses };
  readonly changePassword: { data: ChangePasswordData; responses: ChangePasswordResponses };
  readonly signOut: { data: SignOutData; responses: SignOutResponses };
  readonly getMe: { data: GetMeData; responses: GetMeResponses };
  readonly introspectToken: { data: IntrospectTokenData; responses: IntrospectTokenResponses };
  readonly bootstrapPlatformAdmin: { data: BootstrapPlatformAdminData; responses: BootstrapPlatformAdminResponses };
  readonly getSigningKeys: { data: GetSigningKeysData; responses: GetSigningKeysResponses };
  readonly getContract: { data: GetContractData; responses: GetContractResponses };
}

export const operationIds = [
  'check',
  'batchCheck',
  'listObjects',
  'listUsers',
  'listPermissionsOf',
  'explain',
  'whatIf',
  'rowFilter',
  'listRoles',
  'createRole',
  'getRole',
  'describeRole',
  'deleteRole',
  'cloneRole',
  'setRolePermissions',
  'previewRolePermissions',
  'listRoleUsers',
  'listUserRoles',
  'assignRole',
  'transitionRole',
  'revokeRole',
  'getEffectivePermissions',
  'exportRoleMatrix',
  'listPermissions',
  'listPermissionUsers',
  'listTeamAssignments',
  'createTeamAssignment',
  'deleteTeamAssignment',
  'listRecords',
  'createRecord',
  'transferRecord',
  'deleteRecord',
  'listAuditLog',
  'getAuditLogState',
  'getSyncState',
  'exportAuditLog',
  'listOfferedRoles',
  'listOfferedPeople',
  'listMyElevations',
  'requestElevation',
  'getMyElevation',
  'cancelElevation',
  'endElevation',
  'listElevations',
  'getElevation',
  'approveElevation',
  'denyElevation',
  'getAccessPolicy',
  'replaceAccessPolicy',
  'listMyDelegations',
  'createDelegation',
  'endMyDelegation',
  'listDelegations',
  'endDelegation',
  'listMyEmergencies',
  'takeEmergencyAccess',
  'endEmergencyAccess',
  'listEmergencies',
  'reviewEmergencyAccess',
  'listReviews',
  'startReview',
  'getReview',
  'listReviewItems',
  'decideReviewItem',
  'closeReview',
  'exportReview',
  'getMailer',
  'replaceMailer',
  'testMailer',
  'listPeople',
  'createUser',
  'getUser',
  'updateUser',
  'deleteUser',
  'resetPassword',
  'unlockUser',
  'listTenants',
  'createTenant',
  'updateTenant',
  'startImpersonation',
  'endImpersonation',
  'getMyProfile',
  'updateMyProfile',
  'signIn',
  'renewToken',
  'changePassword',
  'signOut',
  'getMe',
  'introspectToken',
  'bootstrapPlatformAdmin',
  'getSigningKeys',
  'getContract',
] as const satisfies readonly (keyof OperationTypes)[];

/** Every `code` that a problem may carry. */
export const problemCodes = [
  'INVALID_REQUEST',
  'SYNC_TOKEN_INVALID',
  'TENANT_ADDRESS_REQUIRED',
  'UNAUTHENTICATED',
  'FORBIDDEN',
  'ESCALATION',
  'IMPERSONATION_REQUIRED',
  'TENANT_READ_ONLY',
  'TENANT_SUSPENDED',
  'CURRENT_PASSWORD_WRONG',
  'PASSWORD_CHANGE_REQUIRED',
  'SELF_APPROVAL',
  'NOT_FOUND',
  'METHOD_NOT_ALLOWED',
  'ALREADY_ASSIGNED',
  'ASSIGNMENT_CYCLE',
  'ASSIGNMENT_TOO_DEEP',
  'ALREADY_IMPERSONATING',
  'EMAIL_TAKEN',
  'IDEMPOTENCY_IN_PROGRESS',
  'IDEMPOTENCY_KEY_SPENT',
  'LAST_ADMIN',
  'LAST_PLATFORM_ADMIN',
  'MAILER_NOT_READY',
  'NAME_TAKEN',
  'OWNS_RECORDS',
  'PLATFORM_ADMIN_EXISTS',
  'RECORD_EXISTS',
  'REQUEST_CLOSED',
  'REQUEST_OPEN',
  'ROLE_IN_USE',
  'ROLE_NAME_TAKEN',
  'SLUG_TAKEN',
  'SYSTEM_ROLE_PROTECTED',
  'VERSION_CONFLICT',
  'PAYLOAD_TOO_LARGE',
  'UNSUPPORTED_MEDIA_TYPE',
  'IDEMPOTENCY_KEY_REUSED',
  'PASSWORD_NOT_ACCEPTED',
  'SIGN_IN_LOCKED',
  'SIGN_IN_THROTTLED',
  'INTERNAL',
  'MAIL_FAILED',
  'AUDIT_UNAVAILABLE',
  'DATABASE_UNAVAILABLE',
  'ENGINE_UNAVAILABLE',
  'ISSUER_UNAVAILABLE',
  'OVERLOADED',
  'SIGN_IN_BUSY',
  'SYNC_BACKLOG',
  'SYNC_LAG',
] as const;

export type ProblemCode = (typeof problemCodes)[number];
