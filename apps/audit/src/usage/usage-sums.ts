interface OfApiUser {
  readonly customerId: string;
  readonly apiUserId: string;
}

/** Facts of one API user. Times are RFC 3339 UTC with milliseconds; each with the id of its entry, see {@link isLater}. */
export interface UserSum extends OfApiUser {
  createdAt?: string | undefined;
  active?: boolean | undefined;
  activeAt?: string | undefined;
  activeId?: string | undefined;
  usedAt?: string | undefined;
  usedId?: string | undefined;
  usedIp?: string | undefined;
  usedAgent?: string | undefined;
  refusedAt?: string | undefined;
  refusedId?: string | undefined;
  refusedIp?: string | undefined;
  refusedReason?: string | undefined;
}

interface Counts {
  calls: number;
  refused: number;
}

/** Calls that began in the hour after `hour`. */
export interface HourSum extends OfApiUser, Counts {
  readonly hour: string;
}

export interface CallerSum extends OfApiUser, Counts {
  readonly ip: string;
  readonly agent: string;
  firstAt: string;
  lastAt: string;
}

/** Tokens that expire in the minute after `minute`. */
export interface TokenSum extends OfApiUser {
  readonly minute: string;
  tokens: number;
  lastExpiry: string;
}

/** As the database's function `add_usage` takes it. */
export interface UsageSumsJson {
  readonly users: readonly UserSum[];
  readonly hours: readonly HourSum[];
  readonly callers: readonly CallerSum[];
  readonly tokens: readonly TokenSum[];
}

/** What is to be added to the usage of API users. In which order it is put together makes no difference. */
export class UsageSums {
  private readonly users = new Map<string, UserSum>();
  private readonly hours = new Map<string, HourSum>();
  private readonly callers = new Map<string, CallerSum>();
  private readonly tokens = new Map<string, TokenSum>();

  get isEmpty(): boolean {
    return this.users.size === 0;
  }

  addAll({ users, hours, callers, tokens }: UsageSumsJson): void {
    for (const user of users) this.addUser(user);
    for (const hour of hours) this.addHour(hour);
    for (const caller of callers) this.addCaller(caller);
    for (const token of tokens) this.addToken(token);
  }

  addUser(user: UserSum): void {
    const known = found(this.users, keyOf(user), user);
    if (known === undefined) return;
    known.createdAt ??= user.createdAt;
    if (isLater(user.activeAt, user.activeId, known.activeAt, known.activeId)) {
      const { active, activeAt, activeId } = user;
      Object.assign(known, { active, activeAt, activeId });
    }
    if (isLater(user.usedAt, user.usedId, known.usedAt, known.usedId)) {
      const { usedAt, usedId, usedIp, usedAgent } = user;
      Object.assign(known, { usedAt, usedId, usedIp, usedAgent });
    }
    if (isLater(user.refusedAt, user.refusedId, known.refusedAt, known.refusedId)) {
      const { refusedAt, refusedId, refusedIp, refusedReason } = user;
      Object.assign(known, { refusedAt, refusedId, refusedIp, refusedReason });
    }
  }

  addHour(hour: HourSum): void {
    const known = found(this.hours, `${keyOf(hour)} ${hour.hour}`, hour);
    if (known !== undefined) count(known, hour);
  }

  addCaller(caller: CallerSum): void {
    const known = found(this.callers, `${keyOf(caller)} ${caller.ip} ${caller.agent}`, caller);
    if (known === undefined) return;
    count(known, caller);
    if (caller.firstAt < known.firstAt) known.firstAt = caller.firstAt;
    if (caller.lastAt > known.lastAt) known.lastAt = caller.lastAt;
  }

  addToken(token: TokenSum): void {
    const known = found(this.tokens, `${keyOf(token)} ${token.minute}`, token);
    if (known === undefined) return;
    known.tokens += token.tokens;
    if (token.lastExpiry > known.lastExpiry) known.lastExpiry = token.lastExpiry;
  }

  toJSON(): UsageSumsJson {
    const { users, hours, callers, tokens } = this;
    return {
      users: [...users.values()],
      hours: [...hours.values()],
      callers: [...callers.values()],
      tokens: [...tokens.values()],
    };
  }
}

const keyOf = ({ customerId, apiUserId }: OfApiUser): string => `${apiUserId} ${customerId}`;

/** What stands there already; where nothing does, this is put there. */
function found<T extends object>(map: Map<string, T>, key: string, put: T): T | undefined {
  const known = map.get(key);
  if (known === undefined) map.set(key, { ...put });
  return known;
}

function count(known: Counts, { calls, refused }: Counts): void {
  known.calls += calls;
  known.refused += refused;
}

/** Of two at the same moment the one with the greater id is the later, so that the order of arrival decides nothing. */
const isLater = (at = '', id = '', thanAt = '', thanId = ''): boolean => at > thanAt || (at === thanAt && id > thanId);
