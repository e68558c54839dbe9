import type { Endpoints } from '@rebelcore/embedded/endpoints';

export interface NewCustomer {
  readonly name: string;
  readonly owner: {
    readonly email: string;
    readonly first_name: string;
    readonly last_name: string;
    /** One is made up where none is given. */
    readonly password?: string | undefined;
  };
}

/** Asks identity for a customer and its Customer Super Admin, as the operator. */
export function provision(
  { identity, operator_token }: Pick<Endpoints, 'identity' | 'operator_token'>,
  customer: NewCustomer,
): Promise<Response> {
  return fetch(`${identity}/api/v1/customers`, {
    method: 'POST',
    headers: { authorization: `Bearer ${operator_token}`, 'content-type': 'application/json' },
    body: JSON.stringify(customer),
  });
}

/** The customer that everybody may try things with; from the second start on it is there already. */
export async function provisionDemo(endpoints: Endpoints): Promise<void> {
  const { email, password } = endpoints.owner;
  const owner = { email, first_name: 'Dana', last_name: 'Demo', password };
  const response = await provision(endpoints, { name: 'Demo Corp', owner });
  if (response.status !== 201 && response.status !== 409) {
    throw new Error(`The demo customer could not be provisioned: ${await response.text()}`);
  }
}
