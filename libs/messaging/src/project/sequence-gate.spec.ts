import type { ReceivedMessage } from '../consume/batch-consumer.js';
import { SequenceGate } from './sequence-gate.js';

const record = (offset: number, sequence: number, id: string): ReceivedMessage => ({
  offset: BigInt(offset),
  key: 'customer',
  headers: { ce_sequence: String(sequence), ce_id: id },
  value: null,
  timestamp: 0,
});

/** What becomes of records after 1 and 2 were applied: the ids that are let through, and the codes of those that are not. */
function decide(known: Record<number, string>, records: readonly ReceivedMessage[]) {
  const ids = new Map([['customer', new Map(Object.entries(known).map(([n, id]) => [Number(n), id]))]]);
  const read = ({ headers }: ReceivedMessage) => ({ sequence: Number(headers['ce_sequence']) });
  const keys = { sequences: new Map([['customer', 2]]), parkedFrom: new Map<string, bigint>(), ids };
  const gate = new SequenceGate(read, { sequenced: true }, keys);
  const admitted = records.filter((each) => gate.admit(each) !== undefined).map(({ headers }) => headers['ce_id']);
  return { admitted, parked: gate.parked.map(({ code }) => code) };
}

describe('SequenceGate', () => {
  it.each([
    ['drops what comes again', { 1: 'a', 2: 'b' }, [record(3, 1, 'a'), record(4, 2, 'b')], [], []],
    ['drops what it knows nothing of', { 2: 'b' }, [record(3, 1, 'x')], [], []],
    ['parks another event with the last number', { 2: 'b' }, [record(3, 2, 'x')], [], ['sequence.reused']],
    ['parks another event with an older number', { 1: 'a' }, [record(3, 1, 'x')], [], ['sequence.reused']],
    ['parks it in the batch of the first', {}, [record(3, 3, 'c'), record(4, 3, 'x')], ['c'], ['sequence.reused']],
    [
      'parks what follows it',
      { 2: 'b' },
      [record(3, 2, 'x'), record(4, 3, 'c')],
      [],
      ['sequence.reused', 'key.waiting'],
    ],
  ])('%s', (_, known, records, admitted, parked) => {
    expect(decide(known, records)).toEqual({ admitted, parked });
  });
});
