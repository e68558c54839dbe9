import { replayParked } from '@rebelcore/service/replay-parked';
import { ACTIVITY_VIEW, activityHandlers } from './activity/activity.projector.js';
import { runtimeUrl } from './audit.config.js';

await replayParked({
  service: 'audit',
  databaseUrl: runtimeUrl(),
  view: ACTIVITY_VIEW,
  handlers: activityHandlers,
});
