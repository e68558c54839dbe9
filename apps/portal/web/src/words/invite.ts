export const inviteWords = {
  title: 'Set your password',
  lead: 'Your account becomes active with it. You then sign in and set up your second factor.',
  password: 'Password',
  show: 'Show',
  hide: 'Hide',
  rules: { length: 'at least 12 characters', letter: 'a letter', digit: 'a digit' },
  met: 'met',
  notYet: 'not yet',
  set: 'Set the password',
  done: {
    title: 'Your password is set',
    lead: 'Sign in with your e-mail address to set up your second factor.',
    go: 'Sign in',
  },
  gone: { title: 'This invite link is no longer valid.', lead: 'Ask your administrator for a new one.' },
};
