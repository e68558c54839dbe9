import 'reflect-metadata';
import { startService } from '@rebelcore/service/bootstrap';
import { portalConfig } from './portal.config.js';
import { portalApp } from './portal.app.js';

await startService(() => portalApp(portalConfig()));
