import { expect } from '@jest/globals';
import { Refused, type Aggregate, type Decision, type DomainEvent } from '@rebelcore/event-store/aggregate';

interface Then<Event extends DomainEvent> {
  /** These events, and no others. */
  then(events: readonly Event[]): void;
  /** No event: it has happened already. */
  thenNothing(): void;
  /** The business says no, with this code. */
  thenRefused(code: string): void;
}

interface Given<State, Event extends DomainEvent> {
  when(decide: Decision<State, Event>): Then<Event>;
  /** The state that these events lead to, for decisions that look at another aggregate. */
  state(): State;
}

/**
 * Specifications of an aggregate, without I/O:
 * `given([created]).when(deactivate(by)).then([deactivated])`.
 *
 * Everything given goes through the codec first, so that a specification cannot use an event that could not be stored.
 */
export function specify<State, Event extends DomainEvent>(
  aggregate: Aggregate<State, Event>,
): { given: (history: readonly Event[]) => Given<State, Event> } {
  return {
    given(history) {
      const state = history
        .map((event) => aggregate.codec.decode(aggregate.codec.encode(event)))
        .reduce(aggregate.evolve, aggregate.initial);
      return {
        state: () => state,
        when: (decide) => ({
          then: (events) => {
            expect(decide(state)).toEqual(events);
          },
          thenNothing: () => {
            expect(decide(state)).toEqual([]);
          },
          thenRefused: (code) => {
            expect(() => decide(state)).toThrow(Refused);
            expect(() => decide(state)).toThrow(expect.objectContaining({ code }));
          },
        }),
      };
    },
  };
}
