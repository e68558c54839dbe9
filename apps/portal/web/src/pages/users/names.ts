import { usersWords } from '../../words/users.js';
import type { User } from './users-api.js';

/** How a user is called: a person by name, an API user by its label. */
export function nameOf(user: User): string {
  if (user.type === 'api') return user.label ?? usersWords.noLabel;
  const name = [user.first_name, user.last_name].filter(Boolean).join(' ');
  return name === '' ? (user.email ?? '') : name;
}
