import { ageOf, currencyOf, UNPROVEN, type AppliedTopic, type Beat, type Ends } from './currency.js';

const [TOPIC, OLD, NEW] = ['identity.events.v1', 'old', 'new'];
const NOON = Date.UTC(2026, 10, 28, 12);
const beat = (second: number, ends: readonly string[], incarnation = OLD): Beat => ({
  at: NOON + second * 1_000,
  published: { [TOPIC]: ends },
  incarnations: { [TOPIC]: incarnation },
  arrivedAt: NOON + second * 1_000,
  learned: { wall: NOON + second * 1_000, database: NOON + second * 1_000, monotonic: second * 1_000 },
});
const applied = (offsets: readonly number[], incarnation = OLD, lostIn: readonly string[] = []): AppliedTopic[] => [
  {
    topic: TOPIC,
    partitions: new Map(offsets.map((offset, n) => [n, { offset: BigInt(offset), incarnation }])),
    lostIn: new Set(lostIn),
  },
];
const held = (ends: readonly string[], incarnation = OLD): Ends => ({
  published: { [TOPIC]: ends },
  incarnations: { [TOPIC]: incarnation },
});
/** Of a database that was always the same one, unless it is said otherwise. */
const current = (
  beats: readonly Beat[],
  view: readonly AppliedTopic[],
  second = 10,
  since: Ends | undefined = held([], beats.at(-1)?.incarnations[TOPIC]),
) => {
  const { beat: found, withheld } = currencyOf(since, beats, view, NOON + second * 1_000);
  return [found && (found.at - NOON) / 1_000, withheld];
};

describe('given heartbeats and what a view has applied, it is current', () => {
  it('as of the newest one that it has caught up with, and says what it lacks of a newer one', () => {
    const beats = [beat(1, ['5', '0']), beat(3, ['7', '0']), beat(5, ['7', '2'])];
    expect(current(beats, applied([7, 2]))).toEqual([5, undefined]);
    expect(current(beats, applied([7, 1]))).toEqual([3, `${TOPIC}/1 was read up to 1 of 2`]);
    expect(current(beats, applied([4, 9]))).toEqual([undefined, `${TOPIC}/0 was read up to 4 of 7`]);
  });

  it('as of an older one again when its offsets were set back', () => {
    const beats = [beat(1, ['5']), beat(3, ['7'])];
    expect(current(beats, applied([7]))[0]).toBe(3);
    expect(current(beats, applied([5]))[0]).toBe(1);
  });

  it('of nothing by offsets that count in another topic of the same name, however high', () => {
    expect(current([beat(1, ['1'], NEW)], applied([5_000]))[0]).toBeUndefined();
    expect(current([beat(1, ['1'], NEW)], applied([1], NEW))[0]).toBe(1);
  });

  it('of nothing by a heartbeat that found another topic of the same name empty', () => {
    expect(current([beat(1, ['0'])], applied([5], NEW))[0]).toBeUndefined();
    expect(current([beat(1, ['0'], NEW)], applied([5]))[0]).toBeUndefined();
    expect(current([beat(1, ['0'])], applied([]))[0]).toBe(1);
  });

  it('of nothing while the topic has lost records that it had not read, and again in a topic made anew', () => {
    const [, why] = current([beat(1, ['7'])], applied([7], OLD, [OLD]));
    expect(why).toContain('npm run republish');
    expect(current([beat(1, ['7'])], applied([7], OLD, [OLD]))[0]).toBeUndefined();
    expect(current([beat(1, ['7']), beat(3, ['7'], NEW)], applied([7], NEW, [OLD]))[0]).toBe(3);
  });

  it('of nothing before it has applied what the topic held when its database was first seen as what it is', () => {
    const beats = [beat(1, ['5']), beat(3, ['5'])];
    const since = held(['7']);
    expect(current(beats, applied([5]), 10, since)).toEqual([undefined, `${TOPIC}/0 was read up to 5 of 7`]);
    expect(current(beats, applied([7]), 10, since)).toEqual([3, undefined]);
  });

  it('of nothing while that is not known, or was another topic of the same name', () => {
    expect(currencyOf(undefined, [beat(1, ['5'])], applied([5]), NOON)).toBe(UNPROVEN);
    expect(currencyOf(held(['5']), [beat(1, ['5'], NEW)], applied([5], NEW), NOON)).toBe(UNPROVEN);
  });

  it('of nothing while the newest heartbeat comes from the future, and names the clocks', () => {
    const beats = [beat(1, ['5']), beat(612, ['5'])];
    const [asOf, why] = current(beats, applied([5]), 12);
    expect(asOf).toBeUndefined();
    expect(why).toContain('600 s ahead');
    expect(current([beat(13, ['5'])], applied([5]), 12)[0]).toBe(13);
  });

  it('of nothing that was said before a clock was set back', () => {
    expect(current([beat(600, ['5']), beat(10, ['9'])], applied([5]), 700)[0]).toBeUndefined();
    expect(current([beat(600, ['5']), beat(10, ['5'])], applied([5]), 700)[0]).toBe(10);
  });
});

describe('the age of what a view is current of', () => {
  const learned = { wall: NOON + 1_000, database: NOON + 1_000, monotonic: 50_000 };
  const known = { ...beat(0, []), learned };

  it('counts on whatever becomes of the wall clock', () => {
    const database = NOON + 61_000;
    expect(ageOf(known, { wall: NOON + 61_000, database, monotonic: 110_000 })).toBe(61_000);
    expect(ageOf(known, { wall: NOON - 600_000, database, monotonic: 110_000 })).toBe(61_000);
    expect(ageOf(known, { wall: NOON + 661_000, database, monotonic: 110_000 })).toBe(661_000);
  });

  it('counts what a suspended host has slept, even where its wall clock slept as well', () => {
    expect(ageOf(known, { wall: NOON + 3_600_000, database: NOON, monotonic: 50_001 })).toBe(3_600_000);
    expect(ageOf(known, { wall: NOON + 1_000, database: NOON + 3_600_000, monotonic: 50_001 })).toBe(3_600_000);
  });

  it('counts what was before a process that starts on a slow host', () => {
    const slow = { wall: NOON, database: NOON + 75_000, monotonic: 0 };
    expect(ageOf({ ...beat(0, []), learned: slow }, slow)).toBe(75_000);
  });

  it('counts nothing by a clock of the database that was set back, and on by the others', () => {
    expect(ageOf(known, { wall: NOON + 61_000, database: NOON - 600_000, monotonic: 110_000 })).toBe(61_000);
  });

  it('is never less than nothing', () => {
    const now = { wall: NOON, database: NOON, monotonic: 0 };
    expect(ageOf({ ...beat(2, []), learned: now }, now)).toBe(0);
  });
});
