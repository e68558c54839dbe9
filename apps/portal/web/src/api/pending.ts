import type { components, paths } from './schema.js';

/**
 * Addresses that the pages use and docs/openapi.json does not describe yet. A service that begins to describe one makes
 * its entry here superfluous: remove it then.
 */
type Json<Body> = { headers: Record<string, unknown>; content: { 'application/json': Body } };
type Nothing = { headers: Record<string, unknown>; content?: never };
type Parameters = { query?: never; header?: Record<string, string>; path?: never; cookie?: never };
type Of<Id extends string> = {
  query?: never;
  header?: Record<string, string>;
  path: Record<Id, string>;
  cookie?: never;
};

export interface Session {
  id: string;
  created_at: string;
  last_seen_at: string;
  ends_at: string;
  idle_ends_at: string;
  ip: string | null;
  user_agent: string | null;
  current: boolean;
}

export interface RoleItem {
  id: string;
  name: string;
  system: boolean;
  permissions: Record<string, boolean>;
  users: number;
}

interface SignInRequest {
  email: string;
  password: string;
  totp?: string;
  recovery_code?: string;
}

interface PendingPaths {
  '/api/v1/users/{id}': {
    parameters: Of<'id'>;
    get: {
      parameters: Of<'id'>;
      requestBody?: never;
      responses: {
        200: Json<{ type: 'portal' | 'api'; first_name?: string; last_name?: string; label?: string | null }>;
      };
    };
  };
  '/api/v1/sessions': {
    parameters: Parameters;
    get: { parameters: Parameters; requestBody?: never; responses: { 200: Json<{ items: Session[]; as_of: string }> } };
    post: {
      parameters: Parameters;
      requestBody: { content: { 'application/json': SignInRequest } };
      responses: { 201: Json<components['schemas']['Me']> };
    };
  };
  '/api/v1/me/second-factor': {
    parameters: Parameters;
    post: {
      parameters: Parameters;
      requestBody?: never;
      responses: { 201: Json<{ secret: string; otpauth_uri: string }> };
    };
  };
  '/api/v1/me/second-factor/confirm': {
    parameters: Parameters;
    post: {
      parameters: Parameters;
      requestBody: { content: { 'application/json': { totp: string } } };
      responses: { 200: Json<{ recovery_codes: string[] }> };
    };
  };
  '/api/v1/sessions/{id}': {
    parameters: Of<'id'>;
    delete: { parameters: Of<'id'>; requestBody?: never; responses: { 204: Nothing } };
  };
}

/** The described addresses, with those of above in their place. */
export type Paths = {
  [Path in keyof paths | keyof PendingPaths]: Path extends keyof PendingPaths
    ? PendingPaths[Path] & (Path extends keyof paths ? Omit<paths[Path], keyof PendingPaths[Path]> : unknown)
    : Path extends keyof paths
      ? paths[Path]
      : never;
};
