import type { Actor } from '@rebelcore/contracts/identity-events';

export const nameOf = (actor: Actor): string => {
  switch (actor.kind) {
    case 'portal_user':
      return `portal user ${actor.id}`;
    case 'operator':
      return 'the platform operator';
    case 'anonymous':
      return 'an unidentified caller';
  }
};

export const actorMetadata = (actor: Actor): Record<string, string> =>
  actor.kind === 'portal_user' ? { actor: actor.kind, actor_id: actor.id } : { actor: actor.kind };

const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}]/gu;
const MAX_TEXT = 256;

/** Text from outside on one line, without what could drive a terminal or turn text around. */
export const oneLine = (text: string): string =>
  PLAIN.test(text) ? text : text.slice(0, MAX_TEXT).replace(UNPRINTABLE, ' ');
// Nearly every text is this; the general pattern costs several times as much.
const PLAIN = /^[ -~]{0,256}$/;

/** What a caller calls its request, as entries carry it beside our own id. */
export const callersName = (correlationId: string): { readonly caller_correlation_id: string } => ({
  caller_correlation_id: oneLine(correlationId),
});

export const capitalised = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
