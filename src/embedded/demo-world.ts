/**
 * The demo world: three tenants, one of each preset, and the people in them. Data alone; src/embedded/demo.ts writes it.
 *
 * Ids are fixed, so that what is written about it in one place holds everywhere. Among the people are the odd ones: one
 * is disabled, one has no role, one has two, one had a role that has expired.
 */
import type { PresetName } from '../contract/presets.js';

export interface DemoUser {
  readonly id: string;
  readonly email: string;
  readonly displayName: string;
  /** Names of roles of their tenant. */
  readonly roles: readonly string[];
  readonly status: 'active' | 'disabled';
  /** When their roles end; left out: never. */
  readonly rolesExpireAt: Date | undefined;
}

export interface DemoTenant {
  readonly id: string;
  readonly slug: string;
  readonly name: string;
  readonly preset: PresetName;
  /** Roles that the tenant composed itself, besides those of the preset. */
  readonly customRoles: readonly { name: string; description: string; permissions: readonly string[] }[];
  readonly users: readonly DemoUser[];
  /** Manager → those assigned to them. */
  readonly teams: Readonly<Record<string, readonly string[]>>;
  /** Owner → the records that belong to them. */
  readonly records: Readonly<Record<string, readonly string[]>>;
}

type Odd = Partial<Pick<DemoUser, 'email' | 'status' | 'rolesExpireAt'>>;

function person(name: string, roles: readonly string[], odd: Odd = {}): Omit<DemoUser, 'email'> & { email?: string } {
  const first = name.split(' ')[0]?.toLowerCase() ?? '';
  return { id: `user-${first}`, displayName: name, roles, status: 'active', rolesExpireAt: undefined, ...odd };
}

function withAddresses(domain: string, people: readonly ReturnType<typeof person>[]): DemoUser[] {
  return people.map((one) => ({ ...one, email: one.email ?? `${one.id.replace('user-', '')}@${domain}` }));
}

/** People whose address says who they are: `rep1@company.com` is `user-rep1`. */
function companyPerson(address: string, name: string, roles: readonly string[]): ReturnType<typeof person> {
  return { ...person(name, roles), id: `user-${address}`, email: `${address}@company.com` };
}

export const platformAdmin: DemoUser = {
  ...person('Priya Raman', []),
  email: 'priya@platform.example',
};

const acme: DemoTenant = {
  id: 'tenant-acme',
  slug: 'acme',
  name: 'Acme Behavioral Health',
  preset: 'emr',
  customRoles: [
    {
      name: 'CLAIMS_REVIEWER',
      description: 'Looks through claims and denials',
      permissions: ['claims.read', 'denials.read', 'dashboards.read'],
    },
  ],
  users: withAddresses('acme.example', [
    person('Ada Lindqvist', ['EMR_CLIENT_ADMIN']),
    person('Ben Osei', ['EMR_CLIENT_ADMIN']),
    person('Vic Moreno', ['EMR_CLIENT_VIEWER']),
    person('Wanda Kowalska', ['EMR_CLIENT_VIEWER']),
    person('Carl Nguyen', ['CONFIG_MANAGER']),
    person('Dora Haddad', ['CONFIG_MANAGER', 'EMR_CLIENT_VIEWER']),
    person('Elio Ricci', ['CLAIMS_REVIEWER']),
    person('Faye Thompson', ['CLAIMS_REVIEWER']),
    person('Gita Sharma', ['CLAIMS_REVIEWER']),
    person('Hugo Lefevre', ['CLAIMS_REVIEWER'], { rolesExpireAt: new Date('2026-01-01T00:00:00Z') }),
    person('Iris Bauer', ['EMR_CLIENT_ADMIN'], { status: 'disabled' }),
    person('Jon Eriksen', []),
  ]),
  teams: { 'user-ben': ['user-elio', 'user-faye', 'user-gita'] },
  records: { 'user-elio': ['chart-1', 'chart-2'], 'user-faye': ['chart-3'] },
};

const lakeside: DemoTenant = {
  id: 'tenant-lakeside',
  slug: 'lakeside',
  name: 'Lakeside Billing Partners',
  preset: 'rcm',
  customRoles: [],
  users: withAddresses('lakeside.example', [
    person('Karin Holm', ['TENANT_ADMIN']),
    person('Liam Byrne', ['BILLING_LEAD']),
    person('Mona Said', ['BILLING_LEAD']),
    person('Noor Rahman', ['BILLER']),
    person('Otto Weiss', ['BILLER']),
    person('Paula Silva', ['BILLER']),
    person('Quinn Adeyemi', ['BILLER']),
    person('Rosa Marino', ['BILLER', 'MEMBER_SERVICES']),
    person('Sam Park', ['RCM_ANALYST']),
    person('Tara Novak', ['RCM_ANALYST']),
    person('Uma Iyer', ['MEMBER_SERVICES']),
    person('Walt Jensen', ['MEMBER_SERVICES']),
    person('Xenia Popov', ['READONLY']),
    person('Yusuf Demir', ['READONLY']),
  ]),
  teams: { 'user-liam': ['user-noor', 'user-otto'], 'user-mona': ['user-paula', 'user-quinn'] },
  records: {
    'user-noor': ['claim-1001', 'claim-1002'],
    'user-otto': ['claim-1003'],
    'user-paula': ['claim-1004'],
  },
};

const acmeCorp: DemoTenant = {
  id: 'tenant-acme-corp',
  slug: 'acme-corp',
  name: 'Acme Corp',
  preset: 'sales',
  customRoles: [],
  users: withAddresses('company.com', [
    companyPerson('admin', 'Alma Reyes', ['admin']),
    companyPerson('director', 'Dana Whitfield', ['manager']),
    companyPerson('manager', 'Marco Bianchi', ['manager']),
    companyPerson('manager2', 'Maya Cohen', ['manager']),
    companyPerson('rep', 'Rene Dubois', ['rep']),
    companyPerson('rep1', 'Rhea Kapoor', ['rep']),
    companyPerson('rep2', 'Rolf Andersen', ['rep']),
    companyPerson('rep3', 'Ruth Mbeki', ['rep']),
    companyPerson('rep4', 'Ravi Menon', ['rep']),
    companyPerson('rep5', 'Rita Gomes', ['rep']),
    companyPerson('rep6', 'Ryo Tanaka', ['rep']),
    companyPerson('rep7', 'Remy Fontaine', ['rep']),
    companyPerson('newcomer', 'Nina Petrova', []),
  ]),
  teams: {
    'user-director': ['user-manager', 'user-manager2'],
    'user-manager': ['user-rep1', 'user-rep2'],
    'user-manager2': ['user-rep3', 'user-rep4', 'user-rep5'],
  },
  records: {
    'user-rep': ['deal-1'],
    'user-rep1': ['deal-2', 'deal-3'],
    'user-rep2': ['deal-4'],
    'user-rep3': ['deal-5', 'deal-6'],
    'user-manager': ['deal-7'],
  },
};

export const demoTenants: readonly DemoTenant[] = [acme, lakeside, acmeCorp];

/** Who is who for the printed curls and `npm run env`: an administrator, a viewer, and who stands above all tenants. */
export const demoCast = {
  tenantId: acme.id,
  tenantSlug: acme.slug,
  tenantName: acme.name,
  tenantAdminId: 'user-ada',
  tenantAdminEmail: 'ada@acme.example',
  viewerId: 'user-vic',
  platformAdminId: platformAdmin.id,
  platformAdminEmail: platformAdmin.email,
} as const;
