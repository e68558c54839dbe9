import { type DynamicModule, Module, type Provider } from '@nestjs/common';
import { APP_INTERCEPTOR } from '@nestjs/core';
import { CqrsModule } from '@nestjs/cqrs';
import { EventStore } from '@rebelcore/event-store/event-store';
import { LIFE, POSITION, StoreGuard } from '@rebelcore/event-store/store-guard';
import { SigningKeyRing } from '@rebelcore/credentials/signing-key-ring';
import { Relay } from '@rebelcore/messaging/relay/relay';
import { FailureThrottle } from '@rebelcore/service/failure-throttle';
import { PublicationGuard, ServiceModule } from '@rebelcore/service/service.module';
import { signingKeyRing } from '@rebelcore/service/signing-key-ring';
import { Pool } from 'pg';
import { OperatorGuard } from './access/operator.guard.js';
import { PortalSessionGuard } from './access/portal-session.guard.js';
import {
  ChangeApiUserRoleHandler,
  ChangeApiUserStatusHandler,
  MintApiUserHandler,
  PepperSource,
} from './api-user/api-user.commands.js';
import { ApiUserController } from './api-user/api-user.controller.js';
import { AddApiUserKeyHandler, KeysOfApiUserHandler, RemoveApiUserKeyHandler } from './api-user/key.commands.js';
import { KeyController } from './api-user/key.controller.js';
import { ConfineApiUserHandler, ConfinementOfApiUserHandler } from './api-user/network.commands.js';
import { NetworkController } from './api-user/network.controller.js';
import { ReportLeakHandler } from './api-user/leak.commands.js';
import { LeakController } from './api-user/leak.controller.js';
import { LeakMails } from './api-user/leak-mails.js';
import { InviteOwnerAgainHandler, ProvisionCustomerHandler } from './customer/customer.commands.js';
import { CustomerController } from './customer/customer.controller.js';
import { ProvisioningRequests } from './customer/provisioning-requests.js';
import { ENFORCEMENT, EnforcementProjector } from './enforcement/enforcement.projector.js';
import { EnforcementView } from './enforcement/enforcement.view.js';
import { CreateHandOverHandler, OpenHandOverHandler, WithdrawHandOverHandler } from './hand-over/hand-over.commands.js';
import { HandOverController } from './hand-over/hand-over.controller.js';
import { HandOvers } from './hand-over/hand-overs.js';
import { RefusalsAsProblems } from './http/refusals.js';
import type { IdentityConfig } from './identity.config.js';
import { AcceptInviteHandler } from './portal-user/accept-invite.commands.js';
import { EditPortalUserHandler } from './portal-user/edit.commands.js';
import { Invitations } from './portal-user/invitations.js';
import { FreshLinks, InviteAgainHandler } from './portal-user/invite-again.commands.js';
import { InviteController } from './portal-user/invite.controller.js';
import { InviteMails } from './portal-user/invite-mails.js';
import { Mailer, mailHealth } from './mail/mailer.js';
import { toldEvent } from './published-event.js';
import { PortalPasswords } from './passwords/portal-passwords.js';
import { Person } from './portal-user/person.entity.js';
import {
  ChangePortalUserStatusHandler,
  DeletePortalUserHandler,
  InvitePortalUserHandler,
} from './portal-user/portal-user.commands.js';
import { PortalUserController } from './portal-user/portal-user.controller.js';
import { AddRoleHandler, ChangeRoleHandler, DeleteRoleHandler } from './role/role.commands.js';
import { RoleController } from './role/role.controller.js';
import { ListRolesHandler } from './role/role.queries.js';
import { Roles } from './role/roles.js';
import { EndSessionHandler, SignOutHandler } from './session/session.commands.js';
import {
  BeginEnrolmentHandler,
  ConfirmEnrolmentHandler,
  RenewRecoveryCodesHandler,
  ResetOwnersSecondFactorHandler,
  ResetSecondFactorHandler,
} from './second-factor/second-factor.commands.js';
import { SecondFactorController } from './second-factor/second-factor.controller.js';
import { SecondFactors } from './second-factor/second-factor.store.js';
import { SessionController } from './session/session.controller.js';
import { ExchangeSessionHandler, ListSessionsHandler, WhoAmIHandler } from './session/session.queries.js';
import { SessionStore } from './session/session.store.js';
import { SessionSweep } from './session/session-sweep.js';
import { SessionTokens } from './session/session-tokens.js';
import { SIGN_IN_LIMITS, SignInHandler } from './session/sign-in.commands.js';
import { UserController } from './user/user.controller.js';
import { STREAMS } from './streams.js';
import { FindUserHandler, ListUsersHandler } from './user/user.queries.js';

const COMMANDS: Provider[] = [
  ProvisionCustomerHandler,
  InviteOwnerAgainHandler,
  SignInHandler,
  SignOutHandler,
  InvitePortalUserHandler,
  InviteAgainHandler,
  AcceptInviteHandler,
  EditPortalUserHandler,
  ChangePortalUserStatusHandler,
  DeletePortalUserHandler,
  EndSessionHandler,
  BeginEnrolmentHandler,
  ConfirmEnrolmentHandler,
  RenewRecoveryCodesHandler,
  ResetSecondFactorHandler,
  ResetOwnersSecondFactorHandler,
  MintApiUserHandler,
  ChangeApiUserStatusHandler,
  ChangeApiUserRoleHandler,
  AddApiUserKeyHandler,
  ConfineApiUserHandler,
  RemoveApiUserKeyHandler,
  ReportLeakHandler,
  AddRoleHandler,
  ChangeRoleHandler,
  DeleteRoleHandler,
  CreateHandOverHandler,
  OpenHandOverHandler,
  WithdrawHandOverHandler,
];
const QUERIES: Provider[] = [
  ExchangeSessionHandler,
  WhoAmIHandler,
  ListSessionsHandler,
  ListRolesHandler,
  ListUsersHandler,
  FindUserHandler,
  KeysOfApiUserHandler,
  ConfinementOfApiUserHandler,
];

@Module({})
export class IdentityModule {
  static forRoot(config: IdentityConfig, consumerGroup?: string): DynamicModule {
    return {
      module: IdentityModule,
      imports: [
        CqrsModule.forRoot(),
        ServiceModule.forRoot({
          name: 'identity',
          config,
          database: { url: config.IDENTITY_DATABASE_URL, urgentPoolSize: 4, entities: [Person] },
          view: { name: ENFORCEMENT, consumerGroup },
          health: (pool) => [mailHealth(pool, config)],
          outbox: {
            heartbeat: {
              topic: 'identity.heartbeats.v1',
              everyMs: 2_000,
              topics: ['identity.events.v1', 'identity.credentials.v1'],
              store: { id: '(select id from store_identity)', position: POSITION, life: LIFE },
            },
            guard: ({ pool, kafka, logger }) =>
              new StoreGuard({
                pool,
                kafka,
                logger,
                topic: 'identity.events.v1',
                eventOf: toldEvent,
                heartbeatTopic: 'identity.heartbeats.v1',
                name: 'identity',
              }),
          },
        }),
      ],
      controllers: [
        CustomerController,
        SessionController,
        SecondFactorController,
        RoleController,
        ApiUserController,
        KeyController,
        NetworkController,
        LeakController,
        UserController,
        PortalUserController,
        InviteController,
        HandOverController,
        EnforcementProjector,
      ],
      providers: [
        ...COMMANDS,
        ...QUERIES,
        { provide: Roles, inject: [Pool], useFactory: (pool: Pool) => new Roles(pool) },
        { provide: HandOvers, inject: [Pool], useFactory: (pool: Pool) => new HandOvers(pool) },
        FreshLinks,
        OperatorGuard,
        PortalSessionGuard,
        SessionSweep,
        PortalPasswords,
        { provide: FailureThrottle, useFactory: () => new FailureThrottle(SIGN_IN_LIMITS) },
        { provide: APP_INTERCEPTOR, useClass: RefusalsAsProblems },
        { provide: EventStore, inject: [Pool, Relay, PublicationGuard], useFactory: eventStore },
        { provide: EnforcementView, inject: [Pool], useFactory: (pool: Pool) => new EnforcementView(pool) },
        {
          provide: SessionStore,
          inject: [Pool, EventStore, Roles],
          useFactory: (pool: Pool, store: EventStore, roles: Roles) => new SessionStore(pool, store, roles),
        },
        signingKeyRing(config),
        {
          provide: SessionTokens,
          inject: [SigningKeyRing],
          useFactory: (keys: SigningKeyRing) => new SessionTokens(keys),
        },
        { provide: ProvisioningRequests, useValue: new ProvisioningRequests(config.KEY_ENCRYPTION_KEY) },
        { provide: Invitations, useValue: new Invitations(config) },
        {
          provide: Mailer,
          inject: [Pool, EventStore, Invitations],
          useFactory: (pool: Pool, store: EventStore, invitations: Invitations) =>
            new Mailer([new InviteMails(pool, store, invitations, config), new LeakMails(pool, config)], config),
        },
        {
          provide: SecondFactors,
          inject: [Pool],
          useFactory: (pool: Pool) => new SecondFactors(pool, config.KEY_ENCRYPTION_KEY),
        },
        { provide: PepperSource, useValue: new PepperSource(config.CREDENTIAL_PEPPERS) },
      ],
    };
  }
}

const eventStore = (pool: Pool, relay: Relay, guard: StoreGuard): EventStore =>
  new EventStore({
    pool,
    relay,
    guard,
    streams: STREAMS,
  });
