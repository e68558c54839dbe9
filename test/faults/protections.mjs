/**
 * What keeps each scenario whole. `--unprotected` runs a scenario without it, and the scenario must fail: so it is known to
 * be able to. `from` is replaced by `to` while the service loads the file; nothing on disk changes.
 */
export const PROTECTIONS = {};
