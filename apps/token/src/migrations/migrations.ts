import { Token1795420800000 } from './1795420800000-token.js';
import { RoleScope1795800000000 } from './1795800000000-role-scope.js';
import { SigningKeyTimes1796600000000 } from './1796600000000-signing-key-times.js';
import { WhatPositionsCount1796610000000 } from './1796610000000-what-positions-count.js';
import { IntrospectionFlag1796700000000 } from './1796700000000-introspection-flag.js';
import { AppliedIds1796710000000 } from './1796710000000-applied-ids.js';
import { ClientKeys1796760000000 } from './1796760000000-client-keys.js';
import { ParkedIndexes1796770000000 } from './1796770000000-parked-indexes.js';
import { Networks1796780000000 } from './1796780000000-networks.js';
import { NumberOfPartitions1796790000000 } from './1796790000000-number-of-partitions.js';
import { ArrivalOfHeartbeats1796810000004 } from './1796810000004-arrival-of-heartbeats.js';
import { LifeOfTheDatabase1796820000004 } from './1796820000004-life-of-the-database.js';
import { StoreContradiction1796830000004 } from './1796830000004-store-contradiction.js';
import { EndsOfTheTopics1796840000004 } from './1796840000004-ends-of-the-topics.js';

/** Every migration of the token service's database, oldest first. */
export const migrations = [
  Token1795420800000,
  RoleScope1795800000000,
  SigningKeyTimes1796600000000,
  WhatPositionsCount1796610000000,
  IntrospectionFlag1796700000000,
  AppliedIds1796710000000,
  ClientKeys1796760000000,
  ParkedIndexes1796770000000,
  Networks1796780000000,
  NumberOfPartitions1796790000000,
  ArrivalOfHeartbeats1796810000004,
  LifeOfTheDatabase1796820000004,
  StoreContradiction1796830000004,
  EndsOfTheTopics1796840000004,
];
