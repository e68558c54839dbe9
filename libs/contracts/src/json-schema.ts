import { z } from 'zod';
import { callEvents } from './call-events.js';
import { credentialEvents } from './credential-events.js';
import { heartbeat } from './heartbeat.js';
import { identityEvents } from './identity-events.js';
import { tokenEvents } from './token-events.js';
import { TOPICS, writerOfCalls, type Topic } from './topics.js';

interface Catalogue {
  readonly namespace: string;
  readonly schemas: Readonly<Record<string, z.ZodType>>;
  wireType(name: string): string;
}

/** Which catalogue describes the records of a topic. Heartbeats are plain JSON, and checkpoints are signed notes. */
const catalogueOf = (topic: Topic): Catalogue | undefined =>
  writerOfCalls(topic) === undefined ? CATALOGUES[topic] : callEvents;

const CATALOGUES: Partial<Record<Topic, Catalogue>> = {
  'identity.events.v1': identityEvents,
  'identity.credentials.v1': credentialEvents,
  'token.events.v1': tokenEvents,
};

/**
 * JSON Schema 2020-12 of the data of one event. Readers must accept members they do not know, so
 * `additionalProperties` is left open.
 */
function dataSchema(catalogue: Catalogue, name: string): z.core.JSONSchema.BaseSchema {
  const schema = catalogue.schemas[name];
  if (schema === undefined) throw new Error(`${name} is not an event of ${catalogue.namespace}`);
  return {
    ...z.toJSONSchema(schema, { io: 'input' }),
    $id: `urn:rebelcore:schema:${catalogue.wireType(name)}`,
    title: name,
  };
}

/** Every published data schema by wire type. */
export function dataSchemas(): Record<string, z.core.JSONSchema.BaseSchema> {
  const schemas: Record<string, z.core.JSONSchema.BaseSchema> = {};
  for (const catalogue of [...Object.values(CATALOGUES), callEvents] as Catalogue[]) {
    for (const name of Object.keys(catalogue.schemas)) schemas[catalogue.wireType(name)] = dataSchema(catalogue, name);
  }
  return schemas;
}

/** The AsyncAPI 3.0 document of all topics: what is on them, keyed and headed how, and who may read it. */
export function asyncApiDocument(): Record<string, unknown> {
  const topics = (Object.keys(TOPICS) as Topic[]).filter((topic) => messagesOf(topic).length > 0);
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'RebelCore API users: events',
      version: '1.0.0',
      description:
        'CloudEvents 1.0 in Kafka binary content mode. The key of a record is the customer id, so that the events of one customer are totally ordered; on identity.credentials.v1 it is the API user id. Each service records its calls on a topic of its own, api.calls.<service>.v1, which it alone may write; an API that is registered gets one like those shown here, and there no order of records is to be relied on.',
    },
    defaultContentType: 'application/json',
    channels: Object.fromEntries(topics.map((topic) => [channelName(topic), channel(topic)])),
    operations: Object.fromEntries(
      topics.map((topic) => [
        `receive_${channelName(topic)}`,
        { action: 'receive', channel: { $ref: `#/channels/${channelName(topic)}` } },
      ]),
    ),
    components: {
      messageTraits: { cloudEvent: { headers: CLOUD_EVENT_HEADERS } },
      schemas: Object.fromEntries([
        ...Object.entries(dataSchemas()),
        ['rebelcore.identity.Heartbeat', z.toJSONSchema(heartbeat, { io: 'input' })],
      ]),
    },
  };
}

const channelName = (topic: Topic): string => topic.replaceAll('.', '_');

const messagesOf = (topic: Topic): string[] => {
  if (topic === 'identity.heartbeats.v1') return ['rebelcore.identity.Heartbeat'];
  const catalogue = catalogueOf(topic);
  return catalogue ? Object.keys(catalogue.schemas).map((name) => catalogue.wireType(name)) : [];
};

function channel(topic: Topic): Record<string, unknown> {
  const { retention, writtenBy, readBy } = TOPICS[topic];
  const kept =
    typeof retention === 'string'
      ? { forever: 'Kept for ever.', compact: 'Compacted: the last record of each key is kept.' }[retention]
      : `Kept for ${String(retention.ms / 3_600_000)} hours.`;
  return {
    address: topic,
    description: `${kept} Written by: ${writtenBy.join(', ')}. Readable by: ${readBy.join(', ')}.`,
    messages: Object.fromEntries(
      messagesOf(topic).map((type) => [
        type,
        {
          name: type,
          ...(topic !== 'identity.heartbeats.v1' && { traits: [{ $ref: '#/components/messageTraits/cloudEvent' }] }),
          payload: { $ref: `#/components/schemas/${type}` },
        },
      ]),
    ),
  };
}

const CLOUD_EVENT_HEADERS = {
  type: 'object',
  required: ['ce_specversion', 'ce_id', 'ce_source', 'ce_type', 'ce_time', 'ce_subject', 'ce_sequence'],
  properties: {
    'content-type': { const: 'application/json' },
    ce_specversion: { const: '1.0' },
    ce_id: { type: 'string', description: 'The same for every redelivery and duplicate.' },
    ce_source: { type: 'string', description: 'The producer.' },
    ce_type: { type: 'string' },
    ce_time: { type: 'string', format: 'date-time' },
    ce_subject: { type: 'string', description: 'The id of what the event is about.' },
    ce_sequence: {
      type: 'string',
      pattern: '^[1-9][0-9]{0,15}$',
      description:
        "The producer's gap-free number for this customer, from 1: an integer in decimal digits, to be compared as a number. As text, 10 comes before 9. The same number with another ce_id is no repeat: the producer has lost what it published, so stop and ask.",
    },
    ce_correlationid: { type: 'string', description: 'The request that led to the event.' },
    ce_causationid: {
      type: 'string',
      description:
        'What led to the event: another event, or a request by the name that its sender gave it in X-Correlation-Id.',
    },
    traceparent: { type: 'string', description: 'W3C trace context.' },
  },
};
