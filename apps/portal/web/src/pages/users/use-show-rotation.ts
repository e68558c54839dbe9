import { getRouteApi } from '@tanstack/react-router';

const route = getRouteApi('/framed/users');

/** Rotation is a part of the address, so that it is found again after a reload. */
export function useShowRotation(): (shown: boolean) => void {
  const navigate = route.useNavigate();
  return (shown) =>
    void navigate({ search: (before) => ({ ...before, rotate: shown ? 1 : undefined }), resetScroll: false });
}
