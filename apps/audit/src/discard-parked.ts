import { discardParked } from '@rebelcore/service/discard-parked';
import { activityHandlers } from './activity/activity.projector.js';
import { ACTIVITY_VIEW, append } from './activity/activity.view.js';
import { describeDiscard } from './activity/description.js';

await discardParked('audit', ACTIVITY_VIEW, activityHandlers, (tx, record, discard) =>
  append(tx, [describeDiscard(record, discard)]),
);
