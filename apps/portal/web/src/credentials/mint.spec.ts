import { IDLE, mustBeGuarded, nextMint, type Minted, type MintState, type MintStep } from './mint.js';

const request = { role_id: '0193c9f4-0000-7000-8000-000000000001', label: 'billing · production' };
const minted: Minted = {
  id: '0193c9f4-2f0a-7c31-8f06-6f1d0a8f4c11',
  username: '0193c9f4-2f0a-7c31-8f06-6f1d0a8f4c11@api.rebelcore.local',
  label: request.label,
  role: { id: request.role_id, name: 'RebelCore_AgentUser' },
  enforced: false,
};
const ask: MintStep = { step: 'ask', key: 'first', request };
const after = (...steps: MintStep[]): MintState => steps.reduce(nextMint, IDLE);

describe('a mint', () => {
  it('shows the password once it is answered, and is done once it is stored', () => {
    const shown = after(ask, { step: 'answered', minted, withPassword: true });
    expect(shown).toEqual({ at: 'shown', minted });
    expect(nextMint(shown, { step: 'stored' })).toEqual({ at: 'stored', minted });
    expect(after(ask, { step: 'answered', minted, withPassword: true }, { step: 'stored' }, { step: 'close' })).toBe(
      IDLE,
    );
  });

  it('asks again with the same key when its answer got lost', () => {
    expect(after(ask, { step: 'unanswered' }, { step: 'again' })).toEqual({ at: 'minting', key: 'first', request });
  });

  it('shows the password when it turns out that nothing had been minted before the answer got lost', () => {
    const state = after(
      ask,
      { step: 'unanswered' },
      { step: 'again' },
      { step: 'answered', minted, withPassword: true },
    );
    expect(state.at).toBe('shown');
  });

  it('knows an API user whose password reached nobody, voids it and asks under a new key', () => {
    const orphan = after(
      ask,
      { step: 'unanswered' },
      { step: 'again' },
      { step: 'answered', minted, withPassword: false },
    );
    expect(orphan).toEqual({ at: 'orphan', minted, key: 'first', request });
    const voiding = nextMint(orphan, { step: 'void' });
    expect(nextMint(voiding, { step: 'not-voided' })).toEqual(orphan);
    expect(nextMint(voiding, { step: 'voided', key: 'second' })).toEqual({ at: 'minting', key: 'second', request });
  });

  it('goes back to the form when it is refused', () => {
    expect(after(ask, { step: 'refused' })).toBe(IDLE);
  });

  it('learns that /authorize accepts it', () => {
    const state = after(ask, { step: 'answered', minted, withPassword: true }, { step: 'enforced' });
    expect(state).toEqual({ at: 'shown', minted: { ...minted, enforced: true } });
  });

  it('takes no second request while one is under way, and no answer after it was closed', () => {
    const minting = after(ask);
    expect(nextMint(minting, { step: 'ask', key: 'second', request })).toBe(minting);
    expect(after(ask, { step: 'close' }, { step: 'answered', minted, withPassword: true })).toBe(IDLE);
  });

  it('changes nothing by a step that does not belong to where it is', () => {
    const steps: MintStep[] = [
      { step: 'answered', minted, withPassword: true },
      { step: 'unanswered' },
      { step: 'refused' },
      { step: 'again' },
      { step: 'void' },
      { step: 'voided', key: 'second' },
      { step: 'not-voided' },
      { step: 'enforced' },
      { step: 'stored' },
    ];
    for (const step of steps) expect(nextMint(IDLE, step)).toBe(IDLE);
  });

  it('is guarded exactly while leaving would lose something', () => {
    expect(mustBeGuarded(IDLE)).toBe(false);
    expect(mustBeGuarded(after(ask))).toBe(true);
    expect(mustBeGuarded(after(ask, { step: 'answered', minted, withPassword: true }))).toBe(true);
    expect(mustBeGuarded(after(ask, { step: 'answered', minted, withPassword: true }, { step: 'stored' }))).toBe(false);
    expect(mustBeGuarded(after(ask, { step: 'unanswered' }))).toBe(false);
  });
});
