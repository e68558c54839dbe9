export const signInWords = {
  title: 'Sign in',
  email: 'E-mail',
  password: 'Password',
  signIn: 'Sign in',
  continue: 'Continue',
  back: 'Back',
  code: 'Code of your authenticator app',
  codeHint: 'Six digits; a new code every 30 seconds.',
  useRecovery: 'Use a recovery code',
  useApp: 'Use the authenticator app',
  recovery: 'Recovery code',
  recoveryHint: 'One of the ten you stored when you enrolled. Each works once.',
  /** One for all causes: whoever guesses learns nothing of which part was right. */
  refused: 'That did not match. Check the e-mail address, the password and the code.',
  throttled: 'Too many attempts.',
  tryAgainIn: (time: string) => `Try again in ${time}.`,
  tryAgainNow: 'You can try again now.',
};
