import type { Call } from '@rebelcore/contracts/call-events';
import type { Story } from './entry.js';
import { callersName, capitalised, oneLine } from './words.js';

const AUTHORIZE = 'POST /api/v1/authorize';
/** The same for OAuth clients. */
const OAUTH_TOKEN = 'POST /oauth2/token';
const EXPORT = 'GET /api/v1/activity/export';
const SIGN_IN = 'POST /api/v1/sessions';
const OPEN_HAND_OVER = 'POST /api/v1/hand-overs/:id/open';

/** What one recorded call tells. */
export const callStory = (call: Call): Required<Story> => ({
  userId: call.apiUserId ?? call.portalUserId ?? null,
  ...typeAndText(call),
  outcome: call.outcome,
  metadata: callMetadata(call),
});

/** The service that alone can tell such a story; what another says of that route is a call like any other. */
const TOLD_BY: Readonly<Record<string, string>> = {
  [AUTHORIZE]: 'token',
  [OAUTH_TOKEN]: 'token',
  [EXPORT]: 'audit',
  [SIGN_IN]: 'identity',
  [OPEN_HAND_OVER]: 'identity',
};

function typeAndText(call: Call): Pick<Story, 'eventType' | 'description'> {
  const other = { eventType: 'api.call', description: callText(call) } as const;
  if (call.service !== TOLD_BY[call.route]) return other;
  switch (call.route) {
    case AUTHORIZE:
    case OAUTH_TOKEN:
      return { eventType: 'api.authorize', description: authorizeText(call) };
    case SIGN_IN:
      return signInStory(call);
    case OPEN_HAND_OVER:
      return { eventType: 'hand_over.open_failed', description: notOpenedText(call) };
    default:
      return call.route === EXPORT && call.outcome === 'success'
        ? { eventType: 'activity.export', description: `${capitalised(callerOf(call))} exported the activity log` }
        : other;
  }
}

/** The portal user who called; null for an application, and for somebody who has yet to show who it is. */
export const actorIdOf = ({ apiUserId, portalUserId, route }: Call): string | null =>
  apiUserId === undefined && route !== SIGN_IN ? (portalUserId ?? null) : null;

/** Of a sign-in only what led to nothing is recorded as a call; one that succeeded is an event. */
function signInStory(call: Call): Pick<Story, 'eventType' | 'description'> {
  const whom = callerOf(call);
  if (call.reason === 'session.second-factor-required') {
    const description = `${capitalised(whom)} was asked ${timesOf(call)}for a code to sign in`;
    return { eventType: 'session.code_required', description };
  }
  return {
    eventType: 'session.sign_in_failed',
    description: `Sign-in ${timesOf(call)}${call.outcome} for ${whom}${whyOf(call)}`,
  };
}

/** By somebody who holds, or has guessed, a link: no call of the API user whose credentials waited behind it. */
function notOpenedText(call: Call): string {
  const whose =
    call.apiUserId === undefined || call.reason === undefined
      ? ''
      : ` for the credentials of API user ${call.apiUserId}`;
  return `A hand-over link${whose} did not open${whyOf(call)}`;
}

function authorizeText(call: Call): string {
  const whom = call.apiUserId === undefined ? '' : ` for API user ${call.apiUserId}`;
  if (call.outcome !== 'success') return `Authorize ${timesOf(call)}${call.outcome}${whom}${whyOf(call)}`;
  const until =
    call.tokenExpiresAt === undefined ? '' : `, until ${new Date(call.tokenExpiresAt * 1000).toISOString()}`;
  return `API user ${call.apiUserId ?? 'unknown'} was authorized${until}`;
}

function callerOf(call: Call): string {
  return call.apiUserId !== undefined
    ? `API user ${call.apiUserId}`
    : call.portalUserId !== undefined
      ? `portal user ${call.portalUserId}`
      : 'an unidentified caller';
}

function callText(call: Call): string {
  const caller = callerOf(call);
  const route = oneLine(call.route);
  if (call.outcome === 'success') return `${capitalised(caller)} called ${route}`;
  return `${route} ${timesOf(call)}${call.outcome} for ${caller}${whyOf(call)}`;
}

/** The reasons that services give, in words; a code without words is shown as it is. */
const WHY: Readonly<Record<string, string>> = {
  'api-user.inactive': 'it is inactive',
  'api-user.unknown': 'the username is unknown',
  'api-user.wrong-password': 'the password is wrong',
  'api-user.misspelt-password': 'the password was cut off or mistyped',
  'api-user.network-not-allowed': 'its credentials are right, but not accepted from this address',
  'client-assertion.malformed': 'what it signed cannot be read',
  'client-assertion.wrong-signature': 'no key of it made the signature',
  'client-assertion.wrong-audience': 'what it signed is for somebody else',
  'client-assertion.wrong-times': 'what it signed has expired, or is valid for too long',
  'client-assertion.replayed': 'what it signed was used before',
  'api-user.not-yet-in-force': 'it is not in force yet',
  'oauth.invalid_request': 'the request is not valid',
  'oauth.invalid_client': 'no usable credentials were sent',
  'oauth.unsupported_grant_type': 'it asked for another grant than client_credentials',
  'oauth.invalid_scope': 'it asked for more than its role permits',
  'oauth.unauthorized_client': 'it may not do this',
  'oauth.invalid_target': 'it asked for a token for another resource',
  'view.stale': 'it was not certain who may authorize',
  'token.expired': 'the token has expired',
  'token.missing': 'no token was sent',
  'token.invalid': 'the token is not valid',
  'token.network-not-allowed': 'the token is valid, but not accepted from this address',
  'session.required': 'there is no valid session',
  'session.unknown-address': 'the address is unknown',
  'session.wrong-password': 'the password is wrong',
  'session.inactive': 'the account is inactive',
  'session.wrong-code': 'the code is wrong',
  'session.used-code': 'the code was used before',
  'session.throttled': 'there were too many attempts',
  'session.busy': 'too many were signing in',
  'session.enrolment-required': 'no authenticator app is enrolled yet',
  'hand-over.opened': 'it had been opened before',
  'hand-over.expired': 'it had expired',
  'hand-over.withdrawn': 'it had been withdrawn',
  'hand-over.unknown': 'there is no such link',
  'operator.required': 'only the platform operator may do this',
  'permission.missing': 'the permission is missing',
  'request.invalid': 'the request is not valid',
};

/** Of refusals that were recorded together. */
const timesOf = ({ count }: Call): string => (count === undefined ? '' : `${String(count)} times `);

const whyOf = ({ reason, status }: Call): string =>
  reason === undefined ? ` with status ${String(status)}` : `: ${WHY[reason] ?? oneLine(reason)}`;

const callMetadata = (call: Call): Story['metadata'] => ({
  service: oneLine(call.service),
  route: oneLine(call.route),
  status: call.status,
  duration_ms: Math.round(call.durationMs * 1000) / 1000,
  ip: oneLine(call.ip),
  user_agent: oneLine(call.userAgent),
  ...(call.callerCorrelationId !== undefined && callersName(call.callerCorrelationId)),
  ...(call.count !== undefined && { count: call.count, first_at: call.at, last_at: call.lastAt ?? call.at }),
  ...(call.reason !== undefined && { reason: oneLine(call.reason) }),
  ...(call.tokenId !== undefined && { token_id: oneLine(call.tokenId) }),
  ...(call.tokenExpiresAt !== undefined && { token_expires_at: call.tokenExpiresAt }),
});
