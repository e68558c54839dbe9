import type { StreamPublication } from '@rebelcore/event-store/event-store';
import type { PoolClient } from 'pg';
import { identityEvent } from '../published-event.js';
import { handOver, type HandOverEvent } from './hand-over.js';

/** What goes onto the topic of a hand-over link, and the table that follows it in the transaction of its events. */
export const handOverPublication: StreamPublication<HandOverEvent> = {
  aggregate: handOver,
  publish: (recording) => [identityEvent(recording, recording.event.data.apiUserId)],

  async project(tx, { event, time }): Promise<void> {
    switch (event.type) {
      case 'HandOverCreated': {
        const { customerId, handOverId, apiUserId, expiresAt } = event.data;
        await tx.query({
          name: 'hand-over.created',
          text: `insert into hand_over (customer_id, id, api_user_id, created_at, expires_at, status, ciphertext)
                 values ($1, $2, $3, $4, $5, 'waiting', $6)`,
          values: [customerId, handOverId, apiUserId, time, expiresAt, event.confidential?.ciphertext],
        });
        return;
      }
      case 'HandOverOpened':
        return end(tx, event.data, 'opened', { at: time, ip: event.confidential?.ip });
      case 'HandOverWithdrawn':
        return end(tx, event.data, 'withdrawn');
    }
  },
};

/** Whatever ends a link deletes what waited behind it. */
async function end(
  tx: PoolClient,
  { customerId, handOverId }: { readonly customerId: string; readonly handOverId: string },
  status: 'opened' | 'withdrawn',
  opened?: { readonly at: Date; readonly ip: string | undefined },
): Promise<void> {
  await tx.query({
    name: 'hand-over.ended',
    text: `update hand_over set status = $3, ciphertext = null, opened_at = $4, opened_ip = $5
            where customer_id = $1 and id = $2`,
    values: [customerId, handOverId, status, opened?.at, opened?.ip],
  });
}
