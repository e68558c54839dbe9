/**
 * What keeps each scenario whole. `--unprotected` runs a scenario without it, and the scenario must fail: so it is known to
 * be able to. `from` is replaced by `to` while a service loads the file; nothing on disk changes.
 */
export const PROTECTIONS = [
  {
    scenario: 'F01',
    what: 'events, claims, outbox and read models are one transaction',
    edits: [
      {
        file: 'libs/event-store/dist/customer-scope.js',
        from: '`begin; set local ${SETTING}',
        to: '`set ${SETTING}',
      },
    ],
  },
  {
    scenario: 'F02',
    what: 'an outbox row is deleted only after the broker has acknowledged it',
    edits: [
      {
        file: 'libs/messaging/dist/relay/relay.js',
        from: 'const published = await this.publish(client, pending);',
        to: 'const published = pending;',
      },
      {
        file: 'libs/messaging/dist/relay/relay.js',
        from: 'this.published += published.length;',
        to: 'await this.publish(client, pending); this.published += published.length;',
      },
    ],
  },
  {
    scenario: 'F03',
    what: 'the offset is stored in the transaction of the view, after it',
    edits: [
      {
        file: 'libs/messaging/dist/project/checkpoint.js',
        from: '`begin; set local idle',
        to: '`set local idle',
      },
      {
        file: 'libs/messaging/dist/project/projection.js',
        from: 'const events = await applyAll(tx, fresh, gate, handlers);',
        to: "await tx.query('update consumer_offset set next_offset = $4 where view = $1 and topic = $2 and partition = $3', [view, topic, partition, String(last.offset + 1n)]); const events = await applyAll(tx, fresh, gate, handlers);",
      },
    ],
  },
  {
    scenario: 'F04',
    what: 'calls go to the spool while Kafka is away',
    edits: [{ file: 'libs/api-access/dist/call-recorder.js', from: 'await spool.append(records);', to: '' }],
  },
  {
    scenario: 'F05',
    what: 'a database that is away is 503 with Retry-After',
    edits: [{ file: 'libs/service/dist/problem.js', from: 'if (isDatabaseAway(error))', to: 'if (false)' }],
  },
  {
    scenario: 'F06',
    what: 'Postgres ends the connection of a relay that is silent, and with it its lead',
    edits: [
      { file: 'libs/messaging/dist/relay/leadership.js', from: 'set idle_session_timeout = ${limit}; ', to: '' },
      {
        file: 'libs/messaging/dist/relay/leadership.js',
        from: 'set idle_in_transaction_session_timeout = ${limit}; ',
        to: '',
      },
    ],
  },
  {
    scenario: 'F06',
    what: 'a command is not carried out when its caller may have given up',
    edits: [{ file: 'libs/event-store/dist/event-store.js', from: 'performance.now() > writeBy', to: 'false' }],
  },
  {
    scenario: 'F08',
    what: 'reading goes on at the offset stored with the view',
    edits: [
      {
        file: 'libs/messaging/dist/consume/kafka-batch-consumer.js',
        from: 'fromBeginning: true',
        to: 'fromBeginning: false',
      },
      {
        file: 'libs/messaging/dist/consume/kafka-batch-consumer.js',
        from: 'this.consumer.seek(',
        to: '(() => undefined)(',
      },
    ],
  },
  {
    scenario: 'F09',
    what: 'a deactivation is confirmed only when the token service has applied it',
    edits: [
      {
        file: 'apps/identity/dist/enforcement/enforcement.view.js',
        from: 'inForceSince(apiUserId, sequence, eventId) {',
        to: 'inForceSince(apiUserId, sequence, eventId) { if (sequence > 0) return Promise.resolve(new Date());',
      },
    ],
  },
  {
    scenario: 'F10',
    what: 'a view that is not known to be current refuses everybody',
    edits: [
      {
        file: 'apps/token/dist/authorize/api-user-authentication.js',
        from: 'this.refuseWhenStale(request);',
        to: '',
      },
    ],
  },
  {
    scenario: 'F11',
    what: 'an outbox row is deleted only after the broker has acknowledged it, whatever the link does',
    edits: [
      {
        file: 'libs/messaging/dist/relay/relay.js',
        from: "throw new PublishingFailed('the outbox could not be published', { cause: error });",
        to: '',
      },
    ],
  },
  {
    scenario: 'F13',
    what: 'what cannot be read is parked',
    edits: [
      {
        file: 'libs/messaging/dist/project/sequence-gate.js',
        from: "this.park({ message, ...reasonOf(error, 'event.unreadable') }, key);",
        to: 'throw error;',
      },
    ],
  },
  {
    scenario: 'F15',
    what: 'an entry of the activity log has the id of what it tells, so that it is known when it comes again',
    edits: [
      {
        file: 'apps/audit/dist/activity/activity.view.js',
        from: 'JSON.stringify(entries),',
        to: 'JSON.stringify(entries.map((entry) => ({ ...entry, id: crypto.randomUUID() }))),',
      },
    ],
  },
  {
    scenario: 'F16',
    what: 'so many requests are in work at once and no more',
    edits: [{ file: 'libs/service/dist/shed-load.js', from: 'inWork.size >= maxInWork', to: 'false' }],
  },
  {
    scenario: 'F19',
    what: 'nothing is written to a store that lacks what it has published',
    edits: [{ file: 'libs/event-store/dist/store-guard.js', from: 'if (why !== undefined)', to: 'if (false)' }],
  },
  {
    scenario: 'F20',
    what: 'a topic that was made anew is not published to before it is filled',
    edits: [
      {
        file: 'libs/messaging/dist/relay/published-topics.js',
        from: 'published.incarnation !== incarnation',
        to: 'false',
      },
      // A new topic is shorter, too, as long as nothing has been published to it.
      { file: 'libs/messaging/dist/relay/published-topics.js', from: 'if (high >= before)', to: 'if (true)' },
    ],
  },
  {
    scenario: 'F21',
    what: 'a view that has lost records of a topic is not current in it',
    edits: [{ file: 'libs/messaging/dist/project/currency.js', from: 'if (lossy === undefined)', to: 'if (true)' }],
  },
  {
    scenario: 'F21',
    what: 'customers are told of calls that were lost before they were written down',
    edits: [
      {
        file: 'apps/audit/dist/activity/loss.js',
        from: 'if (comesAgain(lost))',
        to: 'if (true)',
      },
    ],
  },
  {
    scenario: 'F22',
    what: 'a heartbeat from the future proves nothing, and its age is counted by the monotonic clock and by the database as well',
    edits: [
      { file: 'libs/messaging/dist/project/currency.js', from: 'if (ahead > ALLOWED_SKEW_MS)', to: 'if (false)' },
      {
        file: 'libs/messaging/dist/project/currency.js',
        from: 'whenLearned + now.monotonic - learned.monotonic',
        to: '0',
      },
      { file: 'libs/messaging/dist/project/currency.js', from: 'now.database - arrivedAt', to: '0' },
      {
        file: 'libs/messaging/dist/project/freshness.js',
        from: 'beat.at > Date.now() + ALLOWED_SKEW_MS',
        to: 'false',
      },
    ],
  },
  {
    scenario: 'F23',
    what: 'a view that has nothing begins at the first record',
    edits: [
      {
        file: 'libs/messaging/dist/project/beginning.js',
        from: 'stored === undefined || isOther ? 0n : stored.offset',
        to: 'stored === undefined ? high : isOther ? 0n : stored.offset',
      },
    ],
  },
  {
    scenario: 'REC',
    what: 'the spool has a limit',
    edits: [
      {
        file: 'libs/api-access/dist/call-spool.js',
        from: 'this.bytes + lines.length > this.maxBytes',
        to: 'false',
      },
    ],
  },
  {
    scenario: 'F18',
    what: 'a verified token is remembered no longer than its key is published',
    edits: [
      { file: 'libs/api-access/dist/token-verifier.js', from: 'this.keys.has(', to: '((kid) => kid !== undefined)(' },
    ],
  },
  {
    scenario: 'F18',
    what: 'a key is published until the last of its tokens has expired',
    edits: [
      {
        file: 'libs/credentials/dist/signing-key-schedule.js',
        from: 'now < successor.signsFrom + RETIRED_AFTER_MS',
        to: 'now < successor.signsFrom',
      },
    ],
  },
];
