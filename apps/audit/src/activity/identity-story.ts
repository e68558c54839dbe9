import type { IdentityEvent } from '@rebelcore/contracts/identity-events';
import type { Story } from './entry.js';
import { actorMetadata, nameOf, oneLine } from './words.js';

/** What an event of identity tells. Whoever adds an event adds its sentence here. */
export function identityStory(event: IdentityEvent): Story {
  switch (event.name) {
    case 'CustomerProvisioned': {
      const { name, ownerId, actor } = event.data;
      return {
        userId: null,
        eventType: 'customer.provision',
        description: `Customer "${oneLine(name)}" was provisioned by ${nameOf(actor)}`,
        metadata: { owner_id: ownerId, ...actorMetadata(actor) },
      };
    }
    case 'PortalUserRegistered': {
      const { portalUserId, owner, actor } = event.data;
      if (actor.kind === 'portal_user') {
        return {
          userId: portalUserId,
          eventType: 'user.register',
          description: `Portal user ${portalUserId} set a password and may sign in`,
          metadata: { owner, ...actorMetadata(actor) },
        };
      }
      return {
        userId: portalUserId,
        eventType: 'user.add',
        description: `Portal user ${portalUserId} was added ${owner ? 'as Customer Super Admin ' : ''}by ${nameOf(actor)}`,
        metadata: { owner, ...actorMetadata(actor) },
      };
    }
    case 'PortalUserInvited': {
      const { portalUserId, role, resent = false, actor } = event.data;
      const as = role === undefined ? 'as Customer Super Admin' : `with role ${oneLine(role.name)}`;
      return {
        userId: portalUserId,
        eventType: resent ? 'user.invite' : 'user.add',
        description: `Portal user ${portalUserId} was ${resent ? 'invited again' : 'added'} ${as} by ${nameOf(actor)}`,
        metadata: { ...(role !== undefined && roleMetadata(role)), ...actorMetadata(actor) },
      };
    }
    case 'PortalUserDeactivated':
    case 'PortalUserReactivated':
    case 'PortalUserDeleted': {
      const { portalUserId, actor } = event.data;
      const verb = PORTAL_USER_VERBS[event.name];
      return {
        userId: portalUserId,
        eventType: `user.${verb}`,
        description: `Portal user ${portalUserId} was ${verb}d by ${nameOf(actor)}`,
        metadata: actorMetadata(actor),
      };
    }
    case 'PortalUserDetailsChanged': {
      const { portalUserId, changed, actor } = event.data;
      const what = changed.map((detail) => DETAILS[detail]).join(' and ');
      return {
        userId: portalUserId,
        eventType: 'user.change',
        description: `The ${what} of portal user ${portalUserId} ${changed.length === 1 ? 'was' : 'were'} changed by ${nameOf(actor)}`,
        metadata: { changed: changed.join(' '), ...actorMetadata(actor) },
      };
    }
    case 'PortalUserRoleChanged': {
      const { portalUserId, from, to, actor } = event.data;
      return {
        userId: portalUserId,
        eventType: 'user.role_change',
        description: `The role of portal user ${portalUserId} was changed from ${oneLine(from.name)} to ${oneLine(to.name)} by ${nameOf(actor)}`,
        metadata: { ...roleChangeMetadata(from, to), ...actorMetadata(actor) },
      };
    }
    case 'PortalUserSignedIn': {
      const { portalUserId, secondFactor, ip, userAgent } = event.data;
      const by = secondFactor === 'recovery-code' ? ' with a recovery code' : '';
      return {
        userId: portalUserId,
        eventType: 'session.sign_in',
        description: `Portal user ${portalUserId} signed in${by}`,
        metadata: {
          ...(secondFactor !== undefined && { second_factor: secondFactor }),
          ...(ip !== undefined && { ip: oneLine(ip) }),
          ...(userAgent !== undefined && { user_agent: oneLine(userAgent) }),
        },
      };
    }
    case 'PortalUserSecondFactorEnrolled': {
      const { portalUserId } = event.data;
      return {
        userId: portalUserId,
        eventType: 'second_factor.enrol',
        description: `Portal user ${portalUserId} enrolled an authenticator app`,
        metadata: {},
      };
    }
    case 'PortalUserSecondFactorReset': {
      const { portalUserId, actor } = event.data;
      return {
        userId: portalUserId,
        eventType: 'second_factor.reset',
        description: `The second factor of portal user ${portalUserId} was reset by ${nameOf(actor)}`,
        metadata: actorMetadata(actor),
      };
    }
    case 'PortalUserRecoveryCodesRenewed': {
      const { portalUserId } = event.data;
      return {
        userId: portalUserId,
        eventType: 'second_factor.renew_codes',
        description: `Portal user ${portalUserId} made new recovery codes; the former ones open nothing any more`,
        metadata: {},
      };
    }
    case 'PortalUserSignInFailed': {
      const { portalUserId, reason } = event.data;
      const why = reason === 'inactive' ? 'the account is inactive' : 'wrong password';
      return {
        userId: portalUserId,
        eventType: 'session.sign_in_failed',
        outcome: 'refused',
        description: `Sign-in refused for portal user ${portalUserId}: ${why}`,
        metadata: { reason },
      };
    }
    case 'ApiUserCreated': {
      const { apiUserId, role, replaces, actor, authorizeNetworks = [], tokenNetworks = [] } = event.data;
      const successor = replaces === undefined ? '' : `, to replace API user ${replaces}`;
      const isConfined = authorizeNetworks.length > 0 || tokenNetworks.length > 0;
      const confined = isConfined ? `; ${confinementText(authorizeNetworks, tokenNetworks)}` : '';
      return {
        userId: apiUserId,
        eventType: 'api_user.create',
        description: `API user ${apiUserId} was created with role ${oneLine(role.name)} by ${nameOf(actor)}${successor}${confined}`,
        metadata: {
          ...roleMetadata(role),
          ...(replaces !== undefined && { replaces }),
          ...(isConfined && confinementMetadata(authorizeNetworks, tokenNetworks)),
          ...actorMetadata(actor),
        },
      };
    }
    case 'ApiUserDeactivated':
    case 'ApiUserReactivated': {
      const { apiUserId, actor } = event.data;
      const verb = event.name === 'ApiUserDeactivated' ? 'deactivate' : 'reactivate';
      if (event.name === 'ApiUserDeactivated' && event.data.reason !== undefined) {
        return {
          userId: apiUserId,
          eventType: 'api_user.deactivate',
          description: `API user ${apiUserId} was deactivated for good: its password was found in the open`,
          metadata: { reason: event.data.reason, ...actorMetadata(actor) },
        };
      }
      return {
        userId: apiUserId,
        eventType: `api_user.${verb}`,
        description: `API user ${apiUserId} was ${verb}d by ${nameOf(actor)}`,
        metadata: actorMetadata(actor),
      };
    }
    case 'ApiUserKeyAdded': {
      const { apiUserId, key, actor } = event.data;
      return {
        userId: apiUserId,
        eventType: 'api_user.key_add',
        description: `A public key (${key.alg}) of API user ${apiUserId} was registered by ${nameOf(actor)}`,
        metadata: { kid: oneLine(key.kid), alg: key.alg, ...actorMetadata(actor) },
      };
    }
    case 'ApiUserKeyRemoved': {
      const { apiUserId, kid, actor } = event.data;
      return {
        userId: apiUserId,
        eventType: 'api_user.key_remove',
        description: `A public key of API user ${apiUserId} was removed by ${nameOf(actor)}`,
        metadata: { kid: oneLine(kid), ...actorMetadata(actor) },
      };
    }
    case 'ApiUserNetworksChanged': {
      const { apiUserId, authorizeNetworks, tokenNetworks, actor } = event.data;
      return {
        userId: apiUserId,
        eventType: 'api_user.networks_change',
        description: `The networks of API user ${apiUserId} were changed by ${nameOf(actor)}; ${confinementText(authorizeNetworks, tokenNetworks)}`,
        metadata: { ...confinementMetadata(authorizeNetworks, tokenNetworks), ...actorMetadata(actor) },
      };
    }
    case 'ApiUserRoleChanged': {
      const { apiUserId, from, to, actor } = event.data;
      return {
        userId: apiUserId,
        eventType: 'api_user.role_change',
        description: `The role of API user ${apiUserId} was changed from ${oneLine(from.name)} to ${oneLine(to.name)} by ${nameOf(actor)}`,
        metadata: { ...roleChangeMetadata(from, to), ...actorMetadata(actor) },
      };
    }
    case 'RoleAdded':
    case 'RoleChanged': {
      const { roleId, name, permissions, actor } = event.data;
      const verb = event.name === 'RoleAdded' ? 'add' : 'change';
      const allowed = permissions.length === 0 ? 'nothing' : permissions.map(oneLine).join(', ');
      return {
        userId: null,
        eventType: `role.${verb}`,
        description: `Role ${oneLine(name)} was ${verb === 'add' ? 'added' : 'changed'} by ${nameOf(actor)}; it permits ${allowed}`,
        metadata: {
          ...roleMetadata({ id: roleId, name }),
          permissions: permissions.map(oneLine).join(' '),
          ...(event.name === 'RoleAdded' && event.data.copyOf !== undefined && { copy_of: event.data.copyOf }),
          ...actorMetadata(actor),
        },
      };
    }
    case 'RoleDeleted': {
      const { roleId, name, reassignedTo, usersMoved, actor } = event.data;
      const deleted = `Role ${oneLine(name)} was deleted by ${nameOf(actor)}`;
      const metadata = { ...roleMetadata({ id: roleId, name }), ...actorMetadata(actor) };
      if (reassignedTo === undefined) return { userId: null, eventType: 'role.delete', description: deleted, metadata };
      return {
        userId: null,
        eventType: 'role.reassign_and_delete',
        description: `${deleted}; ${String(usersMoved)} users now have role ${oneLine(reassignedTo.name)}`,
        metadata: {
          ...metadata,
          target_role_id: reassignedTo.id,
          target_role_name: oneLine(reassignedTo.name),
          users_moved: usersMoved,
        },
      };
    }
    case 'HandOverCreated': {
      const { handOverId, apiUserId, expiresAt, actor } = event.data;
      return {
        userId: apiUserId,
        eventType: 'hand_over.create',
        description: `A hand-over link for the credentials of API user ${apiUserId} was made by ${nameOf(actor)}`,
        metadata: { hand_over_id: handOverId, expires_at: expiresAt, ...actorMetadata(actor) },
      };
    }
    case 'HandOverOpened': {
      const { handOverId, apiUserId } = event.data;
      return {
        userId: apiUserId,
        eventType: 'hand_over.open',
        description: `The hand-over link for the credentials of API user ${apiUserId} was opened`,
        metadata: { hand_over_id: handOverId },
      };
    }
    case 'HandOverWithdrawn': {
      const { handOverId, apiUserId, actor } = event.data;
      return {
        userId: apiUserId,
        eventType: 'hand_over.withdraw',
        description: `The hand-over link for the credentials of API user ${apiUserId} was withdrawn by ${nameOf(actor)}`,
        metadata: { hand_over_id: handOverId, ...actorMetadata(actor) },
      };
    }
  }
}

const DETAILS = { first_name: 'first name', last_name: 'last name', email: 'e-mail address' } as const;

const PORTAL_USER_VERBS = {
  PortalUserDeactivated: 'deactivate',
  PortalUserReactivated: 'reactivate',
  PortalUserDeleted: 'delete',
} as const;

/** The metadata has all of them. */
const IN_A_SENTENCE = 3;

function placesText(networks: readonly string[]): string {
  if (networks.length === 0) return 'from anywhere';
  const more = networks.length - IN_A_SENTENCE;
  return `only from ${networks.slice(0, IN_A_SENTENCE).join(', ')}${more > 0 ? ` and ${String(more)} more` : ''}`;
}

const confinementText = (authorize: readonly string[], token: readonly string[]): string =>
  `it may authenticate ${placesText(authorize)}, and use new tokens ${placesText(token)}`;

const confinementMetadata = (authorize: readonly string[], token: readonly string[]) => ({
  authorize_networks: authorize.join(' '),
  token_networks: token.join(' '),
});

interface NamedRole {
  readonly id: string;
  readonly name: string;
}

const roleMetadata = ({ id, name }: NamedRole) => ({ role_id: id, role_name: oneLine(name) });
const roleChangeMetadata = (from: NamedRole, to: NamedRole) => ({
  from_role_id: from.id,
  from_role_name: oneLine(from.name),
  to_role_id: to.id,
  to_role_name: oneLine(to.name),
});
