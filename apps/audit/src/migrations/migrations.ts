import { Activity1795420800000 } from './1795420800000-activity.js';
import { Actors1795800240000 } from './1795800240000-actors.js';
import { Usage1795800240001 } from './1795800240001-usage.js';
import { WhatPositionsCount1796610000000 } from './1796610000000-what-positions-count.js';
import { AppliedIds1796710000000 } from './1796710000000-applied-ids.js';
import { WhoseApiUsers1796720000000 } from './1796720000000-whose-api-users.js';
import { ParkedIndexes1796730000000 } from './1796730000000-parked-indexes.js';
import { NumberOfPartitions1796790000000 } from './1796790000000-number-of-partitions.js';
import { ArrivalOfHeartbeats1796810000004 } from './1796810000004-arrival-of-heartbeats.js';
import { LifeOfTheDatabase1796820000004 } from './1796820000004-life-of-the-database.js';
import { StoreContradiction1796830000004 } from './1796830000004-store-contradiction.js';
import { EndsOfTheTopics1796840000004 } from './1796840000004-ends-of-the-topics.js';
import { RefusedCallers1796852000003 } from './1796852000003-refused-callers.js';

/** Every migration of audit's database, oldest first. */
export const migrations = [
  Activity1795420800000,
  Actors1795800240000,
  Usage1795800240001,
  WhatPositionsCount1796610000000,
  AppliedIds1796710000000,
  WhoseApiUsers1796720000000,
  ParkedIndexes1796730000000,
  NumberOfPartitions1796790000000,
  ArrivalOfHeartbeats1796810000004,
  LifeOfTheDatabase1796820000004,
  StoreContradiction1796830000004,
  EndsOfTheTopics1796840000004,
  RefusedCallers1796852000003,
];
