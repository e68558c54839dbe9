import { discardParked } from '@rebelcore/service/discard-parked';
import { ACTIVITY_VIEW, activityHandlers, append } from './activity/activity.projector.js';
import { describeDiscard } from './activity/description.js';

await discardParked('audit', ACTIVITY_VIEW, activityHandlers, (tx, record, discard) =>
  append(tx, [describeDiscard(record, discard)]),
);
