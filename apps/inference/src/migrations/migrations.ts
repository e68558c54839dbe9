import { Inference1795420800000 } from './1795420800000-inference.js';
import { Customers1795800000000 } from './1795800000000-customers.js';
import { WhatPositionsCount1796610000000 } from './1796610000000-what-positions-count.js';
import { SpecLimit1796620000000 } from './1796620000000-spec-limit.js';
import { AppliedIds1796710000000 } from './1796710000000-applied-ids.js';
import { ParkedIndexes1796730000000 } from './1796730000000-parked-indexes.js';
import { NumberOfPartitions1796790000000 } from './1796790000000-number-of-partitions.js';
import { ArrivalOfHeartbeats1796810000004 } from './1796810000004-arrival-of-heartbeats.js';
import { LifeOfTheDatabase1796820000004 } from './1796820000004-life-of-the-database.js';
import { StoreContradiction1796830000004 } from './1796830000004-store-contradiction.js';
import { EndsOfTheTopics1796840000004 } from './1796840000004-ends-of-the-topics.js';
import { SpellingsOfSpecs1796852000004 } from './1796852000004-spellings-of-specs.js';

/** Every migration of the inference service's database, oldest first. */
export const migrations = [
  Inference1795420800000,
  Customers1795800000000,
  WhatPositionsCount1796610000000,
  SpecLimit1796620000000,
  AppliedIds1796710000000,
  ParkedIndexes1796730000000,
  NumberOfPartitions1796790000000,
  ArrivalOfHeartbeats1796810000004,
  LifeOfTheDatabase1796820000004,
  StoreContradiction1796830000004,
  EndsOfTheTopics1796840000004,
  SpellingsOfSpecs1796852000004,
];
