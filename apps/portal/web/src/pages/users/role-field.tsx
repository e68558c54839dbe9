import { useQuery } from '@tanstack/react-query';
import { asProblem } from '../../api/problem.js';
import { SelectField } from '../../ui/field.js';
import { LoadError } from '../../ui/states.js';
import { usersWords } from '../../words/users.js';
import { rolesQuery } from './users.queries.js';

const words = usersWords.person;

/** One of the customer's roles. */
export function RoleField({
  value,
  onValue,
  error,
}: {
  readonly value: string;
  readonly onValue: (id: string) => void;
  readonly error: string | undefined;
}) {
  const roles = useQuery(rolesQuery);
  return (
    <>
      <SelectField
        name="role_id"
        label={words.role}
        value={value}
        error={error !== undefined && value === '' ? words.roleMissing : error}
        required
        onChange={({ target }) => {
          onValue(target.value);
        }}
      >
        <option value="" disabled>
          {words.chooseRole}
        </option>
        {roles.data?.map(({ id, name }) => (
          <option key={id} value={id} dir="auto">
            {name}
          </option>
        ))}
      </SelectField>
      {roles.error !== null && (
        <LoadError problem={asProblem(roles.error)} what={words.rolesFailed} onRetry={() => void roles.refetch()} />
      )}
    </>
  );
}
