import { specify } from '@rebelcore/testing/given-when-then';
import { customer, provision, type CustomerEvent } from './customer.js';

const details = {
  customerId: '0198a1de-bbbb-7000-8000-000000000001',
  name: 'Acme',
  ownerId: '0198a1de-cccc-7000-8000-000000000001',
  actor: { kind: 'operator' as const },
};
const provisioned: CustomerEvent = { type: 'CustomerProvisioned', data: details };
const { given } = specify(customer);

describe('a customer', () => {
  it('is provisioned with its owner', () => {
    given([]).when(provision(details)).then([provisioned]);
  });

  it('is provisioned once', () => {
    given([provisioned])
      .when(provision({ ...details, name: 'Other' }))
      .thenNothing();
  });
});
