import { replayParked } from '@rebelcore/service/replay-parked';
import { ACTIVITY_VIEW, activityHandlers } from './activity/activity.projector.js';

await replayParked('audit', ACTIVITY_VIEW, activityHandlers);
