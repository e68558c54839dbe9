import 'reflect-metadata';
import { startService } from '@rebelcore/service/bootstrap';
import { identityConfig } from './identity.config.js';
import { identityService } from './identity.service.js';

await startService(() => identityService(identityConfig()));
