import { Identity1795420800000 } from './1795420800000-identity.js';
import { PortalUsers1795800060000 } from './1795800060000-portal-users.js';
import { Roles1795800090000 } from './1795800090000-roles.js';
import { SecondFactor1795800120000 } from './1795800120000-second-factor.js';
import { HandOvers1795800180000 } from './1795800180000-hand-overs.js';
import { SigningKeyTimes1796600000000 } from './1796600000000-signing-key-times.js';
import { WhatPositionsCount1796610000000 } from './1796610000000-what-positions-count.js';
import { AppliedIds1796710000000 } from './1796710000000-applied-ids.js';
import { RowSecurity1796720000000 } from './1796720000000-row-security.js';
import { ParkedIndexes1796730000000 } from './1796730000000-parked-indexes.js';
import { Leaks1796740000000 } from './1796740000000-leaks.js';
import { NumberOfPartitions1796790000000 } from './1796790000000-number-of-partitions.js';
import { StateSince1796800000000 } from './1796800000000-state-since.js';
import { ArrivalOfHeartbeats1796810000004 } from './1796810000004-arrival-of-heartbeats.js';
import { LifeOfTheDatabase1796820000004 } from './1796820000004-life-of-the-database.js';
import { StoreContradiction1796830000004 } from './1796830000004-store-contradiction.js';
import { EndsOfTheTopics1796840000004 } from './1796840000004-ends-of-the-topics.js';

/** Every migration of identity's database, oldest first. */
export const migrations = [
  Identity1795420800000,
  PortalUsers1795800060000,
  Roles1795800090000,
  SecondFactor1795800120000,
  HandOvers1795800180000,
  SigningKeyTimes1796600000000,
  WhatPositionsCount1796610000000,
  AppliedIds1796710000000,
  RowSecurity1796720000000,
  ParkedIndexes1796730000000,
  Leaks1796740000000,
  NumberOfPartitions1796790000000,
  StateSince1796800000000,
  ArrivalOfHeartbeats1796810000004,
  LifeOfTheDatabase1796820000004,
  StoreContradiction1796830000004,
  EndsOfTheTopics1796840000004,
];
