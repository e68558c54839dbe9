import { useSuspenseQuery } from '@tanstack/react-query';
import { meQuery, type Me } from './me.js';

/** Who is signed in, on every page inside the frame. */
export const useMe = (): Me => useSuspenseQuery(meQuery).data;
