import { HttpException, SetMetadata, type ExecutionContext } from '@nestjs/common';
import type { Reflector } from '@nestjs/core';
import { problemDocument } from '@rebelcore/contracts/problem';
import type { Permission } from '@rebelcore/contracts/roles';
import type { FastifyRequest } from 'fastify';
import { describeCall } from './record-calls.plugin.js';

type Requirement = 'owner' | Permission;
const REQUIRED = 'api-access:required';

/** Only the Customer Super Admin may. */
export const OwnerOnly = () => SetMetadata<string, Requirement>(REQUIRED, 'owner');
/** The Customer Super Admin may, and whoever's role has this permission. */
export const RequirePermission = (permission: Permission) => SetMetadata<string, Requirement>(REQUIRED, permission);

export interface Permitted {
  /** The Customer Super Admin, who stands outside roles: every check passes, within their own customer. */
  readonly owner: boolean;
  readonly permissions: readonly string[];
}

/**
 * For guards of signed-in portal users: may this one do what the decorators of the handler, or else of its controller,
 * require? Without any, every one may.
 *
 * @throws {HttpException} 403 `permission.missing`, which is recorded with the call
 */
export function assertPermitted(reflector: Reflector, context: ExecutionContext, who: Permitted): void {
  const targets = [context.getHandler(), context.getClass()];
  const required = reflector.getAllAndOverride<Requirement | undefined>(REQUIRED, targets);
  if (required === undefined || who.owner) return;
  if (required !== 'owner' && who.permissions.includes(required)) return;
  describeCall(context.switchToHttp().getRequest<FastifyRequest>(), { reason: 'permission.missing' });
  const detail = 'You do not have the permission for this.';
  throw new HttpException(problemDocument(403, 'permission.missing', detail), 403);
}
