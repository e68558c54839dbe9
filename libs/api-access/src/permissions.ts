import { HttpException, SetMetadata, type ExecutionContext } from '@nestjs/common';
import type { Reflector } from '@nestjs/core';
import { problemDocument } from '@rebelcore/contracts/problem';
import type { Permission } from '@rebelcore/contracts/roles';
import type { FastifyRequest } from 'fastify';
import { describeCall } from './record-calls.plugin.js';

type Requirement = 'owner' | readonly Permission[];
const REQUIRED = 'api-access:required';

/** Only the Customer Super Admin may. */
export const OwnerOnly = () => SetMetadata<string, Requirement>(REQUIRED, 'owner');
/** The Customer Super Admin may, and whoever's role has this flag, or any of several. */
export const RequirePermission = (...anyOf: readonly [Permission, ...Permission[]]) =>
  SetMetadata<string, Requirement>(REQUIRED, anyOf);

export interface Permitted {
  /** The Customer Super Admin, who stands outside roles: every check passes, within their own customer. */
  readonly owner: boolean;
  readonly permissions: readonly string[];
}

/** What the decorators of a handler, or else of its controller, require; undefined where every one may. */
const requirement = (reflector: Reflector, context: ExecutionContext): Requirement | undefined =>
  reflector.getAllAndOverride<Requirement | undefined>(REQUIRED, [context.getHandler(), context.getClass()]);

/** Whether anything is required at all, where finding out what somebody may do costs something. */
export const isRestricted = (reflector: Reflector, context: ExecutionContext): boolean =>
  requirement(reflector, context) !== undefined;

/**
 * For guards: may this one do what the decorators of the handler, or else of its controller, require? Without any, every
 * one may.
 *
 * @throws {HttpException} 403 `permission.missing`, which is recorded with the call
 */
export function assertPermitted(reflector: Reflector, context: ExecutionContext, who: Permitted): void {
  const required = requirement(reflector, context);
  if (required === undefined || who.owner) return;
  if (required !== 'owner' && required.some((flag) => who.permissions.includes(flag))) return;
  describeCall(context.switchToHttp().getRequest<FastifyRequest>(), { reason: 'permission.missing' });
  const detail = 'You do not have the permission for this.';
  throw new HttpException(problemDocument(403, 'permission.missing', detail), 403);
}
