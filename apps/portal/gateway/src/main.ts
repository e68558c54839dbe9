import 'reflect-metadata';
import { startService } from '@rebelcore/service/bootstrap';
import { portalConfig } from './portal.config.js';
import { portalService } from './portal.js';

await startService(() => portalService(portalConfig()));
