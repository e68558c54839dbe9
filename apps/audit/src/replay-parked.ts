import { replayParked } from '@rebelcore/service/replay-parked';
import { activityHandlers, activityHandlersByRecordTime } from './activity/activity.projector.js';
import { ACTIVITY_VIEW } from './activity/activity.view.js';

const handlers = process.argv.includes('--by-record-time') ? activityHandlersByRecordTime() : activityHandlers;
await replayParked('audit', ACTIVITY_VIEW, handlers);
