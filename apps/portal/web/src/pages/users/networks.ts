import type { ApiUserNetworks } from './users-api.js';

export type NetworkList = keyof ApiUserNetworks;
/** As they are typed: one in each line. */
export type TypedNetworks = Readonly<Record<NetworkList, string>>;

export const NETWORK_LISTS = ['authorize_networks', 'token_networks'] as const satisfies readonly NetworkList[];
export const ANYWHERE: TypedNetworks = { authorize_networks: '', token_networks: '' };

/** What is typed or pasted, whatever it is parted by. */
export const entriesIn = (text: string): string[] => text.split(/[\s,;]+/).filter((entry) => entry !== '');

export const asSent = (typed: TypedNetworks): ApiUserNetworks => ({
  authorize_networks: entriesIn(typed.authorize_networks),
  token_networks: entriesIn(typed.token_networks),
});

/** A network of one address is shown as that. */
export const shown = (network: string): string => network.replace(/^([^:]*)\/32$|^(.*:.*)\/128$/, '$1$2');

export const asTyped = (networks: ApiUserNetworks): TypedNetworks => ({
  authorize_networks: networks.authorize_networks.map(shown).join('\n'),
  token_networks: networks.token_networks.map(shown).join('\n'),
});

/** What is wrong with a list, and with which of its entries, in words. */
export function errorIn(errorOf: (field: string) => string | undefined, list: NetworkList, text: string) {
  const whole = errorOf(list);
  if (whole !== undefined) return whole;
  for (const [at, entry] of entriesIn(text).entries()) {
    const rule = errorOf(`${list}.${String(at)}`);
    if (rule !== undefined) return `“${entry}” ${rule}`;
  }
  return undefined;
}
