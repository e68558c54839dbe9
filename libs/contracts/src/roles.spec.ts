import { PERMISSIONS, SYSTEM_ROLES } from './roles.js';

// “Three read-only system roles marked *System*: `RebelCore_SuperUser` (all flags), `RebelCore_User` (read-mostly),
// `RebelCore_AgentUser` (agent only).”
it('the system roles are three: for everything, for reading mostly, and for the agent only', () => {
  const flags = Object.fromEntries(SYSTEM_ROLES.map(({ name, permissions }) => [name, permissions]));
  expect(Object.keys(flags)).toEqual(['RebelCore_SuperUser', 'RebelCore_User', 'RebelCore_AgentUser']);
  expect(flags.RebelCore_SuperUser).toEqual(PERMISSIONS);
  expect(flags.RebelCore_User).toEqual(['can_view_specs', 'can_use_agent']);
  expect(flags.RebelCore_AgentUser).toEqual(['can_use_agent']);
});
