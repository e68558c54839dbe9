import 'reflect-metadata';
import { startService } from '@rebelcore/service/bootstrap';
import { identityConfig } from './identity.config.js';
import { identityApp } from './identity.app.js';

await startService(() => identityApp(identityConfig()));
