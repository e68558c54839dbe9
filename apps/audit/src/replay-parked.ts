import { replayParked } from '@rebelcore/service/replay-parked';
import { activityHandlers } from './activity/activity.projector.js';
import { ACTIVITY_VIEW } from './activity/activity.view.js';

await replayParked('audit', ACTIVITY_VIEW, activityHandlers);
