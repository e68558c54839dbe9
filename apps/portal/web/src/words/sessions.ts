export const sessionsWords = {
  title: 'Your sessions',
  lead: 'Where you are signed in. A session ends 12 hours after it began, or when nothing was asked for an hour.',
  recoveryCodes: 'New recovery codes',
  list: 'The list',
  columns: { where: 'Where', seen: 'Last seen', began: 'Began', ends: 'Ends', actions: 'Actions' },
  current: 'this one',
  from: (ip: string) => `from ${ip}`,
  ended: (where: string) => `The session on ${where} has ended.`,
  end: 'End',
  endOf: (where: string) => `End the session on ${where}`,
  signOut: 'Sign out',
  unknown: 'Unknown program',
};
